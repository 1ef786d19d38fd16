"""What is done about tickets: their clocks, causes and owners' work. Their store is in ``tickets``."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.cases.audit_tickets import AuditTickets
    from chalicelib.services.cases.case_file import CaseFile
    from chalicelib.services.cases.find_playbook import FindPlaybook
    from chalicelib.services.cases.follow_departures import FollowDepartures
    from chalicelib.services.cases.follow_parts import LookForParts
    from chalicelib.services.cases.hand_over import HandOver
    from chalicelib.services.cases.manage_graph import ManageGraph
    from chalicelib.services.cases.manage_sla import ManageSla
    from chalicelib.services.cases.mark_duplicate import MarkDuplicate
    from chalicelib.services.cases.move_ticket import MoveTicket
    from chalicelib.services.cases.open_ticket import OpenTicket
    from chalicelib.services.cases.read_tickets import ReadTickets
    from chalicelib.services.cases.reveal_contact import RevealContact
    from chalicelib.services.cases.strike_clock import RecountDeadlines, StrikeClock
    from chalicelib.services.ports import TicketStore as TicketPort


@lru_cache(maxsize=1)
def manage_sla() -> ManageSla:
    """Promises, and by when."""
    from chalicelib.services.cases.manage_sla import ManageSla
    from chalicelib.wiring import stores, tickets

    return ManageSla(stores.sla_store(), tickets.offices(), tickets.ticket_store(), base.now)


@lru_cache(maxsize=1)
def strike_clock() -> StrikeClock:
    """Reminders and breaches."""
    from chalicelib.services.cases.strike_clock import StrikeClock
    from chalicelib.wiring import tickets, workspaces

    store, organisation = tickets.ticket_store(), workspaces.find_owner().organisation
    return StrikeClock(store, tickets.offices(), organisation, base.due_store(), base.now, store.forget)


def follow_departures(tickets: TicketPort) -> FollowDepartures:
    """What somebody leaves behind who is gone."""
    from chalicelib.services.cases.follow_departures import FollowDepartures
    from chalicelib.wiring import stores, workspaces

    return FollowDepartures(
        tickets=tickets,
        open_cases=stores.open_cases(),
        issues=stores.issue_store(),
        versions=stores.organisation_store(),
        organisation=workspaces.find_owner().organisation,
        load=stores.open_tickets_of,
        due=base.due_store(),
        clock=base.now,
    )


@lru_cache(maxsize=1)
def look_for_parts() -> LookForParts:
    """Whether a case has the parts that it names."""
    from chalicelib.services.cases.follow_parts import LookForParts
    from chalicelib.wiring import tickets

    return LookForParts(tickets.ticket_store(), tickets.offices(), base.due_store(), base.now)


@lru_cache(maxsize=1)
def recount_deadlines() -> RecountDeadlines:
    """Provisional deadlines, when their calendars have come."""
    from chalicelib.services.cases.strike_clock import RecountDeadlines
    from chalicelib.storage.cases.sla import ProvisionalStore
    from chalicelib.wiring import tickets, workspaces

    base.bind()
    return RecountDeadlines(
        tickets.ticket_store(), ProvisionalStore(), tickets.offices(), workspaces.calendar, base.due_store(), base.now
    )


def open_ticket_service() -> OpenTicket:
    """What the ticket function calls, one for each batch: what people configured is read once for all of it."""
    from chalicelib.services.cases.open_ticket import OpenTicket
    from chalicelib.wiring import frames, stores, tickets, workspaces

    tally = cache(stores.cause_store().tally)
    return OpenTicket(
        feedback=stores.feedback_store(),
        tickets=tickets.ticket_store(),
        frames=cache(frames.frame_words),
        owner=workspaces.find_owner(),
        rules=cache(stores.directory().rules),
        path=lambda ticket: frames.find_graph().path(ticket, tally=tally),
        due=base.due_store(),
        links=stores.case_store().links,
        clock=base.now,
    )


@lru_cache(maxsize=1)
def manage_graph() -> ManageGraph:
    """The graph for people, and a workspace's own causes."""
    from chalicelib.services.cases.manage_graph import ManageGraph
    from chalicelib.wiring import frames, stores, workspaces

    known = workspaces.known_names().departments
    return ManageGraph(stores.cause_store(), frames.shipped_graph, frames.find_graph().over, known, base.now)


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
    from chalicelib.wiring import frames, tickets

    return MoveTicket(tickets=tickets.ticket_store(), clock=base.now, knows=frames.find_graph().check)


@lru_cache(maxsize=1)
def hand_over() -> HandOver:
    """Who takes a ticket, or hands it on."""
    from chalicelib.services.cases.hand_over import HandOver
    from chalicelib.wiring import frames, tickets, workspaces

    return HandOver(
        tickets=tickets.ticket_store(),
        clock=base.now,
        office=workspaces.find_owner(),
        asked=workspaces.asked_of_organisation,
        knows=frames.find_graph().check,
        path=frames.find_graph().path,
    )


@lru_cache(maxsize=1)
def case_file() -> CaseFile:
    """What lies beside a ticket."""
    from chalicelib.services.cases.case_file import CaseFile
    from chalicelib.wiring import stores, tickets

    return CaseFile(tickets=tickets.ticket_store(), cases=stores.case_store(), clock=base.now)


@lru_cache(maxsize=1)
def mark_duplicate() -> MarkDuplicate:
    """Which cases tell the same."""
    from chalicelib.services.cases.mark_duplicate import MarkDuplicate
    from chalicelib.wiring import tickets

    return MarkDuplicate(tickets=tickets.ticket_store(), file=case_file(), move=move_ticket())


@lru_cache(maxsize=1)
def audit_tickets() -> AuditTickets:
    """The quality audit of closed tickets."""
    from chalicelib.services.cases.audit_tickets import AuditTickets
    from chalicelib.wiring import stores, tickets

    return AuditTickets(
        tickets=tickets.ticket_store(), lots=stores.lot_store(), verdicts=stores.case_store(), clock=base.now
    )


@lru_cache(maxsize=1)
def read_tickets() -> ReadTickets:
    """Tickets as a key may see them."""
    from chalicelib.services.cases.read_tickets import ReadTickets
    from chalicelib.wiring import stores, tickets

    return ReadTickets(tickets.ticket_store(), stores.item_store(), base.now)


@lru_cache(maxsize=1)
def reveal_contact() -> RevealContact:
    """Contact data, for the person who has to call back."""
    from chalicelib.services.cases.reveal_contact import RevealContact
    from chalicelib.wiring import stores, workspaces

    return RevealContact(
        feedback=stores.feedback_store(),
        vault=base.vault(),
        audit=stores.audit_log(),
        clock=base.now,
        key_of=workspaces.find_owner().key_of,
    )
