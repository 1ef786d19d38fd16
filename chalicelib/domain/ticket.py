"""A customer's case and the moves that it may make. Pure: versions and clocks come from outside."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.feedback import Reason
from chalicelib.errors import Conflict, Invalid

MOVES: Final[Mapping[str, tuple[str, ...]]] = {
    "triage": ("open", "rejected", "merged"),
    "open": ("accepted", "rejected", "merged"),
    "accepted": ("in_progress", "waiting_customer", "resolved", "open"),
    "in_progress": ("waiting_customer", "resolved", "open"),
    "waiting_customer": ("in_progress", "resolved"),
    "resolved": ("verifying", "reopened"),
    "verifying": ("closed", "reopened"),
    "closed": ("reopened",),
    "reopened": ("accepted", "in_progress", "rejected"),
    "merged": (),  # back to its former state, which the ticket remembers
    "rejected": ("reopened",),
}
STATES: Final = tuple(MOVES)
VERIFICATIONS: Final = ("satisfied", "unsatisfied", "no_answer", "not_asked")


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a ticket's history. ``implied`` marks the steps that an OA jumped over."""

    version: int
    before: str
    after: str
    actor: str
    at: datetime
    reason: str | None = field(default=None, repr=False)
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """The state of one case. ``version`` grows by one with every change and is our optimistic lock."""

    workspace: str
    id: str
    feedback: str
    version: int
    state: str
    severity: str
    title: str
    opened_at: datetime
    updated_at: datetime
    unit: str | None = None
    touchpoint: str | None = None
    departments: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    revision: int = 1  # of the feedback that it was last brought up to
    reading: int = 1
    owner: str | None = None
    former_state: str | None = None  # what a merge is undone to
    root_cause: str | None = field(default=None, repr=False)
    action: str | None = field(default=None, repr=False)
    incomplete: bool = False  # resolved by an OA without root cause or action
    verification: str = "not_asked"
    due_at: datetime | None = None
    change: str = "opened"  # what the last version was: opened | updated | moved


def legal_moves(ticket: Ticket) -> tuple[str, ...]:
    """States that the ticket may go to next."""
    if ticket.state == "merged":
        return (ticket.former_state,) if ticket.former_state else ()
    return MOVES[ticket.state]


def move(ticket: Ticket, to: str, at: datetime) -> Ticket:
    """The ticket one version later in state ``to``.

    Raises Invalid (``unknown_state``) for a word that is no state, Conflict (``illegal_move``) naming the legal ones.
    """
    if to not in MOVES:
        raise Invalid("There is no such ticket state.", code="unknown_state", pointer="/to")
    legal = legal_moves(ticket)
    if to not in legal:
        raise Conflict(f"A ticket that is {ticket.state} cannot become {to}.", code="illegal_move", allowed=legal)
    former = ticket.state if to == "merged" else None
    return replace(ticket, state=to, version=ticket.version + 1, updated_at=at, former_state=former, change="moved")


def path(before: str, to: str) -> tuple[str, ...] | None:
    """Shortest legal way from one state to another, ``before`` left out; () when already there, None when none exists.

    A callback of an OA may jump: the states in between are recorded as implied. The search never passes
    through ``merged``, ``rejected`` or a bounce back to ``open``: an OA that says "resolved" did not bounce the case.
    """
    if before == to:
        return ()
    queue: deque[tuple[str, ...]] = deque([(before,)])
    seen = {before}
    while queue:
        way = queue.popleft()
        for state in MOVES[way[-1]]:
            if state == to:
                return (*way[1:], state)
            if state not in seen and state not in ("merged", "rejected", "open"):
                seen.add(state)
                queue.append((*way, state))
    return None
