"""Whether a customer may be contacted, and happy customers for sales."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.contact.can_contact import CanContact
    from chalicelib.services.contact.manage_contact import ManageContact
    from chalicelib.services.contact.suggest_followup import SuggestFollowup
    from chalicelib.storage.contact.contacts import ContactStore
    from chalicelib.storage.contact.followups import FollowupStore


@lru_cache(maxsize=1)
def contact_store() -> ContactStore:
    """Contact policies, opt-outs, slots and skips."""
    from chalicelib.storage.contact.contacts import ContactStore

    base.bind()
    return ContactStore(base.now)


@lru_cache(maxsize=1)
def can_contact() -> CanContact:
    """Whether a customer may be contacted, and the slot for it."""
    from chalicelib.services.contact.can_contact import CanContact
    from chalicelib.wiring import cases, reading, workspaces

    return CanContact(
        policies=contact_store(),
        opt_outs=contact_store(),
        slots=contact_store(),
        cases=cases.ticket_store(),
        voices=reading.feedback_store(),
        vault=base.vault(),
        zone=lambda workspace, unit: workspaces.find_owner().organisation(workspace).business_time(unit, {}).zone,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def manage_contact() -> ManageContact:
    """Contact policies and opt-outs, for those who decide them."""
    from chalicelib.services.contact.manage_contact import ManageContact
    from chalicelib.wiring import workspaces

    return ManageContact(store=contact_store(), rules=workspaces.directory(), clock=base.now)


@lru_cache(maxsize=1)
def followup_store() -> FollowupStore:
    """Happy customers as tasks for sales."""
    from chalicelib.storage.contact.followups import FollowupStore

    base.bind()
    return FollowupStore(base.now)


@lru_cache(maxsize=1)
def suggest_followup() -> SuggestFollowup:
    """What comes of a voice that is to be followed up."""
    from chalicelib.services.contact.suggest_followup import SuggestFollowup
    from chalicelib.wiring import reading, workspaces

    return SuggestFollowup(
        voices=reading.feedback_store(),
        followups=followup_store(),
        policies=contact_store(),
        can_contact=can_contact(),
        owner=workspaces.find_owner(),
        clock=base.now,
    )
