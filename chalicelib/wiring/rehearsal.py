"""A change tried on what was heard already."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.rehearsal.dry_run import Configuration, GoThrough, StartDryRun
    from chalicelib.storage.reading.dry_runs import DryRunStore


@lru_cache(maxsize=1)
def dry_run_store() -> DryRunStore:
    """Changes that are tried, and how far each has come."""
    from chalicelib.storage.reading.dry_runs import DryRunStore

    base.bind()
    return DryRunStore(base.now)


def _configuration() -> Configuration:
    """What a change is compared with."""
    from chalicelib.services.rehearsal.dry_run import Configuration
    from chalicelib.wiring import cases, frames, workspaces

    return Configuration(
        directory=workspaces.directory(),
        organisation=workspaces.find_owner().organisation,
        policy=cases.offices().policy,
        causes=cases.cause_store(),
        frame=frames.frame_store().state,
        book=frames.frame_book(),
        calendar=workspaces.calendar,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def start_dry_run() -> StartDryRun:
    """A change is tried."""
    from chalicelib.services.rehearsal.dry_run import StartDryRun
    from chalicelib.services.workspaces.manage_organisation import sound
    from chalicelib.services.workspaces.organisation_file import Document
    from chalicelib.wiring import cases

    return StartDryRun(
        runs=dry_run_store(),
        configuration=_configuration(),
        sound=lambda one: sound(Document(one)),
        fits=cases.manage_graph().check,
        readings=base.queue("readings"),
        clock=base.now,
    )


@lru_cache(maxsize=1)
def go_through() -> GoThrough:
    """What the reread function calls for it."""
    from chalicelib.services.rehearsal.dry_run import GoThrough
    from chalicelib.services.rehearsal.dry_world import Sms
    from chalicelib.wiring import cases, page, reading

    return GoThrough(
        runs=dry_run_store(),
        configuration=_configuration(),
        lists=reading.feedback_list(),
        voices=reading.feedback_store(),
        tickets=cases.ticket_store(),
        sms=Sms(base.settings().sms_parts_per_day, base.settings().public_url, page.known_page),
        readings=base.queue("readings"),
        clock=base.now,
    )
