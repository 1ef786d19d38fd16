"""A ticket that keeps being handed round goes to who stands above its owner: a follower on the events of tickets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.cases.handover import goes_up, told_of
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Retryable
from chalicelib.services.ports import Clock, TicketStore


@dataclass(frozen=True, slots=True)
class FollowBounces:
    """Once for the third bounce and once for each after it, however often an event comes."""

    tickets: TicketStore
    organisation: Callable[[str], Organisation]
    clock: Clock

    def __call__(self, detail: Mapping[str, Any]) -> str | None:
        """``went_up`` | ``nobody_above``, told to whoever listens all the same; None for a ticket with nothing to do.

        Raises Retryable (``contended``).
        """
        if detail.get("type") == "ticket.opened":
            return None  # nobody has handed it back yet
        workspace = str(detail["workspace"])
        ticket = self.tickets.get(workspace, str(detail["ticket_id"]))
        if ticket is None or not goes_up(ticket):
            return None
        now = self.clock()
        department = ticket.departments[0] if ticket.departments else None
        above = self.organisation(workspace).above(ticket.owner or "", department, ticket.unit, now).owner
        step = told_of(ticket, above, at=now)
        if not self.tickets.update(step.ticket, step.moves, expected_version=ticket.version):
            raise Retryable("The ticket keeps changing.", code="contended")
        return "went_up" if above else "nobody_above"
