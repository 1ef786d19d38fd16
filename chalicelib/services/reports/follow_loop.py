"""Writes down what the numbers of a week count by when it happened: a follower on the events of tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.reports.loop import Happening, bounces
from chalicelib.domain.time.moments import rfc3339

_TOLD: Final = {"ticket.verified": "verified", "ticket.reopened": "reopened"}
_WHERE_BOUNCED: Final = frozenset({"triage", "open", "reopened", "waiting_customer"})  # a bounce leaves a ticket there


class Book(Protocol):
    def note(self, workspace: str, one: Happening) -> None:
        """Write it down; the same again changes nothing."""


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...

    def moves(self, workspace: str, ticket_id: str) -> Sequence[Move]: ...


@dataclass(frozen=True, slots=True)
class FollowLoop:
    """What an event does not say, its ticket's history does: any event finds all bounces that came before it."""

    book: Book
    tickets: Tickets

    def __call__(self, detail: Mapping[str, Any]) -> str | None:
        """``verified`` | ``reopened`` | ``bounced`` | None. Raises Retryable."""
        workspace, told = str(detail["workspace"]), _TOLD.get(str(detail["type"]))
        if told is not None:
            self.book.note(workspace, _happening(told, detail))
            return told
        if detail["type"] != "ticket.updated" or detail.get("state") not in _WHERE_BOUNCED:
            return None
        ticket = self.tickets.get(workspace, str(detail["ticket_id"]))
        if ticket is None or not ticket.bounced:
            return None
        for line in bounces(self.tickets.moves(workspace, ticket.id)):
            self.book.note(workspace, _bounce(ticket, line))
        return "bounced"


def _happening(what: str, detail: Mapping[str, Any]) -> Happening:
    return Happening(
        what,
        str(detail["ticket_id"]),
        int(detail["ticket_version"]),
        rfc3339(str(detail["occurred_at"])),
        str(detail["feedback_id"]),
        detail.get("unit"),
        tuple(detail.get("departments") or ()),
    )


def _bounce(ticket: Ticket, line: Move) -> Happening:
    """Under the department that it came to."""
    departments = line.departments or ticket.departments
    return Happening("bounced", ticket.id, line.version, line.at, ticket.feedback, ticket.unit, departments)
