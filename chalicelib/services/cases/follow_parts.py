"""A case and its parts move together: a follower on the events of tickets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.domain.cases.parts import (
    Standing,
    adds_nothing,
    at_rest,
    children_of,
    children_open,
    closed_with,
    follow,
)
from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.errors import Retryable
from chalicelib.services.ports import Clock, TicketStore


class Histories(TicketStore, Protocol):
    def moves(self, workspace: str, ticket_id: str) -> Sequence[Move]: ...


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


def children(tickets: Tickets, parent: Ticket) -> list[Ticket]:
    """The parts of a case that are there; one that is just being opened may be missing."""
    found = (tickets.get(parent.workspace, one) for one in children_of(parent))
    return [one for one in found if one is not None]


def refuse_open_parts(tickets: Tickets, parent: Ticket) -> None:
    """Raises Conflict (``children_open``) naming the parts that keep a case from being put away."""
    refusal = children_open(children(tickets, parent)) if parent.parts else None
    if refusal is not None:
        raise refusal


@dataclass(frozen=True, slots=True)
class FollowParts:
    """Each write is an event again, so what follows of it follows in its turn. An event that comes late or twice
    finds the tickets as they are now."""

    tickets: Histories
    clock: Clock

    def __call__(self, detail: Mapping[str, Any]) -> str | None:
        """``parts_moved`` | ``parts_agree``; None for a ticket that is whole. Raises Retryable (``contended``).

        No more is read than what may have to follow asks for: of the other tickets, and of their histories.
        """
        if not (detail.get("parent") or detail.get("parts")):
            return None
        is_new = detail.get("type") == "ticket.opened"
        if is_new and not detail.get("parent"):
            return None  # it has no parts yet
        workspace = str(detail["workspace"])
        parent = self.tickets.get(workspace, str(detail.get("parent") or detail["ticket_id"]))
        if parent is None:
            return None
        if is_new and adds_nothing(parent):
            return "parts_agree"
        below = children(self.tickets, parent)
        if at_rest(parent, below):
            return "parts_agree"
        before = {one.id: one for one in (parent, *below)}
        steps = follow(self._standing(parent), [self._standing(one) for one in below], self.clock())
        for step in steps:
            if not self.tickets.update(step.ticket, step.moves, expected_version=before[step.ticket.id].version):
                raise Retryable("The case keeps changing.", code="contended")
        return "parts_moved" if steps else "parts_agree"

    def _standing(self, ticket: Ticket) -> Standing:
        """The history is read after the ticket: what came between belongs to a ticket that is not looked at."""
        lines = self.tickets.moves(ticket.workspace, ticket.id)
        return Standing(ticket, [one for one in lines if one.version <= ticket.version])


@dataclass(frozen=True, slots=True)
class WholeCases:
    """A ``TicketStore`` for whoever closes cases with a customer's answer, or without one: what is resolved below is
    closed with the same answer, and before the whole is."""

    tickets: TicketStore
    clock: Clock

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        return self.tickets.get(workspace, ticket_id)

    def create(self, ticket: Ticket, move: Move) -> bool:
        return self.tickets.create(ticket, move)

    def update(self, ticket: Ticket, moves: Iterable[Move], *, expected_version: int) -> bool:
        """As the port; False too when a part was changed meanwhile, with those before it closed.

        Raises Conflict (``children_open``) when one of the parts is not done: then none of them is closed.
        """
        lines = tuple(moves)
        if ticket.parts and ticket.state == "closed":
            below = children(self.tickets, ticket)
            steps = [closed_with(ticket, one, actor=lines[-1].actor, at=self.clock()) for one in below]
            refusal = children_open(one for one, step in zip(below, steps, strict=True) if step is None)
            if refusal is not None:
                raise refusal
            for child, step in zip(below, steps, strict=True):
                if step and not self.tickets.update(step.ticket, step.moves, expected_version=child.version):
                    return False
        return self.tickets.update(ticket, lines, expected_version=expected_version)
