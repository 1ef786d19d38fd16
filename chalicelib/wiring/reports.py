"""The numbers of a week, and digests by subscription."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.reports.manage_digests import ManageDigests
    from chalicelib.services.reports.read_loop import ReadLoop
    from chalicelib.services.reports.send_digest import ArmDigest, SendDigest
    from chalicelib.services.reports.send_week import ArmWeeks, SendWeek


@lru_cache(maxsize=1)
def read_loop() -> ReadLoop:
    """The week in one answer."""
    from chalicelib.services.reports.read_loop import ReadLoop
    from chalicelib.wiring import stores, tickets, workspaces

    return ReadLoop(
        lines=stores.feedback_list(),
        book=stores.loop_book(),
        tickets=tickets.ticket_store(),
        issues=stores.issue_store(),
        claims=stores.effect_store(),
        organisation=workspaces.find_owner().organisation,
        clock=base.now,
        keep_days=base.settings().retention_days,
    )


@lru_cache(maxsize=1)
def arm_weeks() -> ArmWeeks:
    """The Mondays that endpoints asked for."""
    from chalicelib.services.reports.send_week import ArmWeeks
    from chalicelib.wiring import workspaces

    return ArmWeeks(workspaces.find_owner().organisation, base.due_store(), base.now)


@lru_cache(maxsize=1)
def send_week() -> SendWeek:
    """What a Monday morning calls."""
    from chalicelib.services.reports.send_week import SendWeek
    from chalicelib.wiring import stores

    return SendWeek(stores.directory(), read_loop(), stores.tellings(), arm_weeks(), base.now)


@lru_cache(maxsize=1)
def arm_digest() -> ArmDigest:
    """The slots of digests."""
    from chalicelib.services.reports.send_digest import ArmDigest
    from chalicelib.wiring import workspaces

    return ArmDigest(workspaces.find_owner().organisation, base.due_store())


@lru_cache(maxsize=1)
def send_digest() -> SendDigest:
    """What a digest's slot calls."""
    from chalicelib.services.reports.send_digest import SendDigest
    from chalicelib.wiring import stores

    return SendDigest(
        stores.briefing_store(),
        stores.directory(),
        stores.feedback_list(),
        read_loop(),
        stores.tellings(),
        arm_digest(),
        base.now,
    )


@lru_cache(maxsize=1)
def manage_digests() -> ManageDigests:
    """Digests by subscription."""
    from chalicelib.services.reports.manage_digests import ManageDigests
    from chalicelib.wiring import stores, workspaces

    return ManageDigests(
        stores.briefing_store(),
        stores.directory(),
        base.connector_catalogue(),
        arm_digest(),
        workspaces.known_names(),
        base.now,
    )
