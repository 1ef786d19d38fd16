"""Tickets: their clocks, causes and owners' work, and what follows from a change of one."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.domain.cases.graph import Graph
    from chalicelib.services.cases.audit_tickets import AuditTickets
    from chalicelib.services.cases.case_file import CaseFile
    from chalicelib.services.cases.find_graph import FindGraph
    from chalicelib.services.cases.find_playbook import FindPlaybook
    from chalicelib.services.cases.follow_case import FollowCase
    from chalicelib.services.cases.hand_over import HandOver
    from chalicelib.services.cases.manage_graph import ManageGraph
    from chalicelib.services.cases.manage_sla import ManageSla
    from chalicelib.services.cases.mark_duplicate import MarkDuplicate
    from chalicelib.services.cases.move_ticket import MoveTicket
    from chalicelib.services.cases.open_ticket import OpenTicket
    from chalicelib.services.cases.read_tickets import ReadTickets
    from chalicelib.services.cases.reveal_contact import RevealContact
    from chalicelib.services.cases.strike_clock import RecountDeadlines, StrikeClock
    from chalicelib.services.cases.timed_tickets import Offices, TimedTickets
    from chalicelib.storage.cases.audit import AuditLog
    from chalicelib.storage.cases.cases import CaseStore
    from chalicelib.storage.cases.causes import CauseStore
    from chalicelib.storage.cases.sla import SlaStore
    from chalicelib.storage.cases.tickets import TicketStore


@lru_cache(maxsize=1)
def ticket_store() -> TicketStore:
    """Tickets, their history, and what OAs said of them."""
    from chalicelib.storage.cases.tickets import TicketStore

    base.bind()
    return TicketStore(timed_tickets())


@lru_cache(maxsize=1)
def timed_tickets() -> TimedTickets:
    """Clocks for every ticket that is written."""
    from chalicelib.services.cases.timed_tickets import TimedTickets

    return TimedTickets(offices(), base.now)


@lru_cache(maxsize=1)
def offices() -> Offices:
    """What clocks go by: promises, units, calendars."""
    from chalicelib.services.cases.timed_tickets import Offices
    from chalicelib.wiring import workspaces

    return Offices(
        sla_store(), lambda workspace: workspaces.find_owner().organisation(workspace), workspaces.calendar, base.now
    )


@lru_cache(maxsize=1)
def sla_store() -> SlaStore:
    """What workspaces promise."""
    from chalicelib.storage.cases.sla import SlaStore

    base.bind()
    return SlaStore()


@lru_cache(maxsize=1)
def manage_sla() -> ManageSla:
    """Promises, and by when."""
    from chalicelib.services.cases.manage_sla import ManageSla

    return ManageSla(sla_store(), offices(), ticket_store(), base.now)


@lru_cache(maxsize=1)
def strike_clock() -> StrikeClock:
    """Reminders and breaches."""
    from chalicelib.services.cases.strike_clock import StrikeClock
    from chalicelib.wiring import workspaces

    tickets, organisation = ticket_store(), workspaces.find_owner().organisation
    return StrikeClock(tickets, offices(), organisation, base.due_store(), base.now, tickets.forget)


@lru_cache(maxsize=1)
def recount_deadlines() -> RecountDeadlines:
    """Provisional deadlines, when their calendars have come."""
    from chalicelib.services.cases.strike_clock import RecountDeadlines
    from chalicelib.storage.cases.sla import ProvisionalStore
    from chalicelib.wiring import workspaces

    base.bind()
    return RecountDeadlines(
        ticket_store(), ProvisionalStore(), offices(), workspaces.calendar, base.due_store(), base.now
    )


def open_ticket_service() -> OpenTicket:
    """What the ticket function calls, one for each batch: what people configured is read once for all of it."""
    from chalicelib.services.cases.open_ticket import OpenTicket
    from chalicelib.wiring import frames, reading, workspaces

    tally = cache(cause_store().tally)
    return OpenTicket(
        feedback=reading.feedback_store(),
        tickets=ticket_store(),
        frames=cache(frames.frame_words),
        owner=workspaces.find_owner(),
        rules=cache(workspaces.directory().rules),
        path=lambda ticket: find_graph().path(ticket, tally=tally),
        clock=base.now,
    )


def follow_case() -> FollowCase:
    """What the case function calls, one for each batch: everything that follows from a ticket's change, or that a clock
    decides.
    """
    from chalicelib.services.cases.follow_bounces import FollowBounces
    from chalicelib.services.cases.follow_case import FollowCase
    from chalicelib.services.cases.follow_parts import FollowParts
    from chalicelib.services.cases.learn_causes import LearnCauses
    from chalicelib.services.cases.one_look import Afresh, OneLook
    from chalicelib.services.reports.follow_loop import FollowLoop
    from chalicelib.wiring import contact, issues, outbound, reports, verification, workspaces

    look = OneLook(ticket_store())
    afresh, asking, recurring = Afresh(look), verification.ask_customer(look), issues.watch_recurrence(look)
    return FollowCase(
        begin=look.begin,
        followers={
            "recurrence": recurring.follow,
            "verification": asking.follow,
            "parts": FollowParts(afresh, base.now),
            "issues": issues.promote(look, afresh, recurring.watches),
            "causes": LearnCauses(ticket_store(), cause_store(), find_graph()),
            "watched": outbound.watch_again(),
            "bounces": FollowBounces(look, workspaces.find_owner().organisation, base.now),
            "loop": FollowLoop(reports.loop_book(), look),
        },
        kinds={
            "verification": asking.wake,
            "clock": strike_clock(),
            "recount": recount_deadlines(),
            "issue_level": issues.link_cases().level,
            "effect": issues.judge_effect(),
            "recurrence": recurring,
            "loop": reports.send_week(),
            "digest": reports.send_digest(),
        },
        listeners={"followup": contact.suggest_followup()},
    )


@lru_cache(maxsize=1)
def cause_store() -> CauseStore:
    """Causes of workspaces, and what closed tickets taught."""
    from chalicelib.storage.cases.causes import CauseStore

    base.bind()
    return CauseStore()


@lru_cache(maxsize=1)
def find_graph() -> FindGraph:
    """Why things go wrong, and whose they are."""
    from chalicelib.services.cases.find_graph import FindGraph
    from chalicelib.understanding import called
    from chalicelib.wiring import frames

    return FindGraph(_shipped_graph, cause_store(), frames.topic_names, called.department, base.now)


def _shipped_graph(workspace: str) -> Graph:
    """What the packs of a workspace's frame say."""
    from chalicelib.wiring import frames

    return frames.frame_book().graph(frames.frame_store().state(workspace))


@lru_cache(maxsize=1)
def manage_graph() -> ManageGraph:
    """The graph for people, and a workspace's own causes."""
    from chalicelib.services.cases.manage_graph import ManageGraph
    from chalicelib.wiring import workspaces

    def departments(workspace: str) -> frozenset[str] | None:
        one = workspaces.find_owner().organisation(workspace)
        return one.named_departments | workspaces.asked_of_organisation(workspace).departments if one.version else None

    return ManageGraph(cause_store(), _shipped_graph, find_graph().over, departments, base.now)


@lru_cache(maxsize=1)
def find_playbook() -> FindPlaybook:
    """What a ticket says to do, in words."""
    import time

    from chalicelib.services.cases.find_playbook import FindPlaybook
    from chalicelib.wiring import frames

    return FindPlaybook(lambda workspace: frames.frame_words(workspace).playbooks(), time.monotonic)


@lru_cache(maxsize=1)
def move_ticket() -> MoveTicket:
    """A person's move through the API."""
    from chalicelib.services.cases.move_ticket import MoveTicket

    return MoveTicket(tickets=ticket_store(), clock=base.now, knows=find_graph().check)


@lru_cache(maxsize=1)
def hand_over() -> HandOver:
    """Who takes a ticket, or hands it on."""
    from chalicelib.services.cases.hand_over import HandOver
    from chalicelib.wiring import workspaces

    return HandOver(
        tickets=ticket_store(),
        clock=base.now,
        office=workspaces.find_owner(),
        asked=workspaces.asked_of_organisation,
        knows=find_graph().check,
        path=find_graph().path,
    )


@lru_cache(maxsize=1)
def case_store() -> CaseStore:
    """Notes, links and verdicts beside the tickets."""
    from chalicelib.storage.cases.cases import CaseStore

    base.bind()
    return CaseStore()


@lru_cache(maxsize=1)
def case_file() -> CaseFile:
    """What lies beside a ticket."""
    from chalicelib.services.cases.case_file import CaseFile

    return CaseFile(tickets=ticket_store(), cases=case_store(), clock=base.now)


@lru_cache(maxsize=1)
def mark_duplicate() -> MarkDuplicate:
    """Which cases tell the same."""
    from chalicelib.services.cases.mark_duplicate import MarkDuplicate

    return MarkDuplicate(tickets=ticket_store(), file=case_file(), move=move_ticket())


@lru_cache(maxsize=1)
def audit_tickets() -> AuditTickets:
    """The quality audit of closed tickets."""
    from chalicelib.services.cases.audit_tickets import AuditTickets
    from chalicelib.storage.paging import of_sorted

    return AuditTickets(tickets=ticket_store(), verdicts=case_store(), clock=base.now, page=of_sorted)


@lru_cache(maxsize=1)
def read_tickets() -> ReadTickets:
    """Tickets as a key may see them."""
    from chalicelib.services.cases.read_tickets import ReadTickets
    from chalicelib.wiring import outbound

    return ReadTickets(ticket_store(), outbound.item_store(), base.now)


@lru_cache(maxsize=1)
def reveal_contact() -> RevealContact:
    """Contact data, for the person who has to call back."""
    from chalicelib.services.cases.reveal_contact import RevealContact
    from chalicelib.wiring import reading, workspaces

    return RevealContact(
        feedback=reading.feedback_store(),
        vault=base.vault(),
        audit=audit_log(),
        clock=base.now,
        key_of=workspaces.find_owner().key_of,
    )


@lru_cache(maxsize=1)
def audit_log() -> AuditLog:
    """Who looked at what is protected."""
    from chalicelib.storage.cases.audit import AuditLog

    base.bind()
    return AuditLog()
