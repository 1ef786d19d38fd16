"""Whether a customer may be contacted, and happy customers for sales."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.contact.can_contact import CanContact
    from chalicelib.services.contact.manage_contact import ManageContact
    from chalicelib.services.contact.suggest_followup import SuggestFollowup


@lru_cache(maxsize=1)
def can_contact() -> CanContact:
    """Whether a customer may be contacted, and the slot for it."""
    from chalicelib.services.contact.can_contact import CanContact
    from chalicelib.wiring import stores, tickets, workspaces

    return CanContact(
        policies=stores.contact_store(),
        opt_outs=stores.contact_store(),
        slots=stores.contact_store(),
        cases=tickets.ticket_store(),
        voices=stores.feedback_store(),
        vault=base.vault(),
        zone=lambda workspace, unit: workspaces.find_owner().organisation(workspace).business_time(unit, {}).zone,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def manage_contact() -> ManageContact:
    """Contact policies and opt-outs, for those who decide them."""
    from chalicelib.services.contact.manage_contact import ManageContact
    from chalicelib.wiring import stores

    return ManageContact(store=stores.contact_store(), rules=stores.directory(), clock=base.now)


@lru_cache(maxsize=1)
def suggest_followup() -> SuggestFollowup:
    """What comes of a voice that is to be followed up."""
    from chalicelib.services.contact.suggest_followup import SuggestFollowup
    from chalicelib.wiring import stores, workspaces

    return SuggestFollowup(
        voices=stores.feedback_store(),
        followups=stores.followup_store(),
        policies=stores.contact_store(),
        can_contact=can_contact(),
        owner=workspaces.find_owner(),
        clock=base.now,
    )
