"""Problems behind many cases, and whether a fix held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from time import monotonic
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.domain.issues.issue import Issue
    from chalicelib.services.issues.count_complaints import CountComplaints
    from chalicelib.services.issues.declare_fixed import DeclareFixed
    from chalicelib.services.issues.judge_effect import JudgeEffect
    from chalicelib.services.issues.keep_exposure import KeepExposure
    from chalicelib.services.issues.link_cases import LinkCases, ReadLinks
    from chalicelib.services.issues.manage_insights import ManageInsights
    from chalicelib.services.issues.manage_issues import ManageIssues
    from chalicelib.services.issues.promote import Promote
    from chalicelib.services.issues.watch_recurrence import WatchRecurrence
    from chalicelib.services.ports import TicketStore as TicketPort


@lru_cache(maxsize=1)
def link_cases() -> LinkCases:
    """What is part of an issue."""
    from chalicelib.services.issues.link_cases import LinkCases
    from chalicelib.wiring import stores, tickets

    return LinkCases(
        links=stores.issue_store(),
        tickets=tickets.ticket_store(),
        voices=stores.feedback_store(),
        due=base.due_store(),
        clock=base.now,
    )


@lru_cache(maxsize=1)
def read_links() -> ReadLinks:
    """The same, as a key may see it."""
    from chalicelib.services.issues.link_cases import ReadLinks
    from chalicelib.wiring import stores, tickets

    return ReadLinks(stores.issue_store(), tickets.ticket_store(), stores.feedback_store())


@lru_cache(maxsize=1)
def manage_issues() -> ManageIssues:
    """Issues, as people work on them."""
    from chalicelib.services.issues.manage_issues import ManageIssues
    from chalicelib.wiring import stores, workspaces

    return ManageIssues(store=stores.issue_store(), levels=link_cases(), office=workspaces.find_owner(), clock=base.now)


@lru_cache(maxsize=1)
def manage_insights() -> ManageInsights:
    """Insights, and what makes an issue of single tickets."""
    from chalicelib.services.issues.manage_insights import ManageInsights
    from chalicelib.wiring import stores, workspaces

    return ManageInsights(
        store=stores.insight_store(), issues=stores.issue_store(), office=workspaces.find_owner(), clock=base.now
    )


def promote(tickets: TicketPort, afresh: TicketPort, watched: Callable[[Issue], bool]) -> Promote:
    """What makes an issue of tickets by itself; what makes one is read once. ``afresh``: for what is linked."""
    from chalicelib.services.issues.link_cases import LinkCases
    from chalicelib.services.issues.promote import Promote
    from chalicelib.storage.issues.recurrences import RecurrenceStore
    from chalicelib.wiring import frames, stores, workspaces

    return Promote(
        tickets=tickets,
        issues=stores.issue_store(),
        recurrences=RecurrenceStore(base.now),
        links=LinkCases(
            links=stores.issue_store(),
            tickets=afresh,
            voices=stores.feedback_store(),
            due=base.due_store(),
            clock=base.now,
        ),
        policy=cache(stores.insight_store().policy),
        office=workspaces.find_owner(),
        names=frames.topic_names,
        clock=base.now,
        watched=watched,
    )


@lru_cache(maxsize=1)
def keep_exposure() -> KeepExposure:
    """The same, as it is said and shown."""
    from chalicelib.services.issues.keep_exposure import KeepExposure
    from chalicelib.wiring import stores, workspaces

    return KeepExposure(store=stores.exposure_store(), names=workspaces.known_names(), clock=base.now)


@lru_cache(maxsize=1)
def count_complaints() -> CountComplaints:
    """How often customers complained of what an issue is about."""
    from chalicelib.services.issues.count_complaints import CountComplaints
    from chalicelib.wiring import stores, tickets, workspaces

    return CountComplaints(
        buckets=stores.bucket_store(),
        exposures=stores.exposure_store(),
        organisation=workspaces.find_owner().organisation,
        links=stores.issue_store(),
        tickets=tickets.ticket_store(),
    )


def count_in_a_batch() -> CountComplaints:
    """The same for one batch of messages, which has so many seconds from now on to count in."""
    from chalicelib.services.issues.count_complaints import A_BATCH

    until = monotonic() + A_BATCH
    return replace(count_complaints(), has_time=lambda: monotonic() < until)


def judge_effect(complaints: CountComplaints) -> JudgeEffect:
    """The verdict on a fix."""
    from chalicelib.services.issues.judge_effect import JudgeEffect
    from chalicelib.wiring import stores

    return JudgeEffect(
        issues=stores.issue_store(),
        claims=stores.effect_store(),
        complaints=complaints,
        due=base.due_store(),
        clock=base.now,
    )


def watch_recurrence(tickets: TicketPort, complaints: CountComplaints) -> WatchRecurrence:
    """What brings an issue back whose fix was accepted; what each topic may bring back is read once."""
    from chalicelib.services.issues.watch_recurrence import WatchRecurrence
    from chalicelib.wiring import stores

    return WatchRecurrence(
        issues=stores.issue_store(),
        claims=stores.effect_store(),
        complaints=complaints,
        tickets=tickets,
        due=base.due_store(),
        clock=base.now,
        watching=cache(lambda workspace, topic: stores.effect_store().watching(workspace, topic, base.now())),
    )


@lru_cache(maxsize=1)
def declare_fixed() -> DeclareFixed:
    """Somebody says that an issue is fixed."""
    from chalicelib.services.issues.declare_fixed import DeclareFixed
    from chalicelib.wiring import stores

    return DeclareFixed(
        issues=stores.issue_store(),
        claims=stores.effect_store(),
        complaints=count_complaints(),
        judge=judge_effect(count_complaints()),
        clock=base.now,
    )
