"""What closed tickets gave as their causes shifts the order of the causes of their topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.cases.graph import Counted, Graph, counted
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.errors import Retryable

HEARD: Final = ("ticket.closed", "ticket.reopened", "ticket.updated")
ATTEMPTS: Final = 10  # each lost race means that another ticket got counted


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


class Tallies(Protocol):
    def counted(self, workspace: str, ticket: str) -> Counted | None:
        """Under what a ticket is counted now."""

    def count(
        self, workspace: str, ticket: str, known: Counted | None, now: Counted | None, at: datetime | None
    ) -> bool:
        """Count it under ``now`` in the place of ``known``; False when somebody else was faster."""


@dataclass(frozen=True, slots=True)
class LearnCauses:
    """A follower of tickets, see services/cases/follow_case.py."""

    tickets: Tickets
    tallies: Tallies
    graph: Callable[[str], Graph]

    def __call__(self, detail: Mapping[str, Any]) -> str | None:
        """Counted as the ticket is now, however often and late it is told. It is looked at once more after it was
        counted: who told of a change in between may have found nothing to do.

        counted | uncounted (it is closed no more) | known | no_cause. Raises Retryable.
        """
        if detail.get("type") not in HEARD or not _concerns(detail):
            return None
        workspace, ticket_id = detail["workspace"], detail["ticket_id"]
        outcome = None
        for _ in range(ATTEMPTS):
            ticket = self.tickets.get(workspace, ticket_id)
            known = self.tallies.counted(workspace, ticket_id)
            now = counted(ticket, self.graph(workspace)) if ticket else None
            if now == known:
                return outcome or ("known" if known else "no_cause" if detail["type"] == "ticket.closed" else None)
            at = ticket.closed_at if ticket else None
            if self.tallies.count(workspace, ticket_id, known, now, at):
                outcome = "counted" if now else "uncounted"
        raise Retryable("The causes of the topic keep changing.", code="contended")


def _concerns(detail: Mapping[str, Any]) -> bool:
    """Of updates those of closed tickets, which may bring a root cause: what came before a closing, or after a
    reopening, was told with it.
    """
    return detail["type"] != "ticket.updated" or detail.get("state") == "closed"
