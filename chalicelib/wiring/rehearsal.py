"""A change tried on what was heard already."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.domain.reading.dry_run import Change
    from chalicelib.domain.workspaces.organisation import Organisation
    from chalicelib.domain.workspaces.organisation_check import Asked
    from chalicelib.services.rehearsal.dry_run import Configuration, GoThrough, StartDryRun
    from chalicelib.services.workspaces.known_names import KnownNames


def _configuration() -> Configuration:
    """What a change is compared with."""
    from chalicelib.services.rehearsal.dry_run import Configuration
    from chalicelib.wiring import frames, stores, tickets, workspaces

    return Configuration(
        directory=stores.directory(),
        organisation=workspaces.find_owner().organisation,
        policy=tickets.offices().policy,
        causes=stores.cause_store(),
        frame=stores.frame_store().state,
        book=frames.frame_book(),
        calendar=workspaces.calendar,
        issues=stores.insight_store().policy,
        questions=stores.verification_rules().get,
        channels=stores.organisation_store().channels,
        clock=base.now,
    )


def _names(workspace: str, change: Change) -> KnownNames:
    """What the workspace would know under a change."""
    from chalicelib.services.workspaces.known_names import KnownNames
    from chalicelib.wiring import frames, stores, workspaces

    def organisation(_: str) -> Organisation:
        return change.organisation or workspaces.organisation_now(workspace)

    def asked(_: str) -> Asked:
        return workspaces.asked_of_organisation(workspace, change.framed(stores.frame_store().state(workspace)))

    return KnownNames(organisation, asked, frames.coming_topics)


@lru_cache(maxsize=1)
def start_dry_run() -> StartDryRun:
    """A change is tried."""
    from chalicelib.services.rehearsal.dry_run import StartDryRun
    from chalicelib.services.workspaces.manage_organisation import sound
    from chalicelib.services.workspaces.organisation_file import Document
    from chalicelib.wiring import cases, stores

    return StartDryRun(
        runs=stores.dry_run_store(),
        configuration=_configuration(),
        sound=lambda one: sound(Document(one)),
        fits=cases.manage_graph().check,
        names=_names,
        readings=base.queue("readings"),
        clock=base.now,
    )


@lru_cache(maxsize=1)
def go_through() -> GoThrough:
    """What the reread function calls for it."""
    from chalicelib.connectors import tellers
    from chalicelib.services.rehearsal.dry_run import GoThrough
    from chalicelib.services.rehearsal.dry_world import Sms
    from chalicelib.wiring import page, stores, tickets

    return GoThrough(
        runs=stores.dry_run_store(),
        configuration=_configuration(),
        lists=stores.feedback_list(),
        voices=stores.feedback_store(),
        tickets=tickets.ticket_store(),
        sms=Sms(base.settings().sms_parts_per_day, base.settings().public_url, page.known_page),
        teller=tellers.load,
        readings=base.queue("readings"),
        clock=base.now,
    )
