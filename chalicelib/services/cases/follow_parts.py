"""A case and its parts move together: a follower on the events of tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.cases.parts import (
    PUT_AWAY,
    Standing,
    adds_nothing,
    at_rest,
    children_of,
    children_open,
    closed_with,
    follow,
    opened_after_all,
    told_unopened,
    untold,
)
from chalicelib.domain.cases.sla import Office
from chalicelib.domain.cases.ticket import Move, Step, Ticket
from chalicelib.errors import Parked, Retryable
from chalicelib.services.ports import Clock, DueStore, TicketStore

LOOK: Final = "parts"  # kind of a message that asks whether a case has the parts that it names


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
    if not parent.parts:
        return
    below = children(tickets, parent)
    refusal = children_open(below, untold(parent, below))
    if refusal is not None:
        raise refusal


def tell_unopened(tickets: TicketStore, parent: Ticket, at: datetime) -> bool:
    """Have the owner of a case told of the parts that have no ticket; whether there was anything to tell.

    Raises Retryable (``contended``).
    """
    departments = untold(parent, children(tickets, parent))
    if departments:
        step = told_unopened(parent, departments, at)
        _write(tickets, step, parent.version)
    return bool(departments)


def tell_refused(tickets: TicketStore, parent: Ticket, at: datetime) -> None:
    """The same where a case is refused its end for such parts: whoever tried was told with that, so the next try is not
    refused for them. Where somebody else changes it meanwhile only the refusal stands.
    """
    now = tickets.get(parent.workspace, parent.id)
    if now is not None:
        with suppress(Retryable):
            tell_unopened(tickets, now, at)


def _write(tickets: TicketStore, step: Step, expected_version: int) -> None:
    if not tickets.update(step.ticket, step.moves, expected_version=expected_version):
        raise Retryable("The case keeps changing.", code="contended")


def armed(ticket: Ticket) -> Mapping[str, Any]:
    """The message that asks whether a case has the parts that it names."""
    return {"kind": LOOK, "workspace": ticket.workspace, "ticket": ticket.id}


@dataclass(frozen=True, slots=True)
class LookForParts:
    """For messages of kind ``parts``, an hour after a case has named parts: where one could not be opened, whoever has
    the whole is told, as nobody has the part. The sweep has it tried again as long as the voice waits for its ticket.
    """

    tickets: TicketStore
    office: Callable[[str], Office]
    due: DueStore
    clock: Clock

    def __call__(self, message: Mapping[str, Any]) -> str:
        """Returns told | all_there | deferred (until the quiet hours are over) | gone (put away, or no such ticket).

        Raises Parked (``message_invalid``), Retryable.
        """
        workspace, ticket_id = message.get("workspace"), message.get("ticket")
        if not isinstance(workspace, str) or not isinstance(ticket_id, str):
            raise Parked("The message names no ticket.", code="message_invalid")
        whole, now = self.tickets.get(workspace, ticket_id), self.clock()
        if whole is None or whole.state in PUT_AWAY:
            return "gone"
        told_from = self.office(workspace).quiet(whole)(now)
        if told_from > now and untold(whole, children(self.tickets, whole)):
            self.due.add(told_from, "cases", armed(whole), key=f"{LOOK}#{whole.id}")
            return "deferred"
        return "told" if tell_unopened(self.tickets, whole, now) else "all_there"


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
        is_part, is_new = bool(detail.get("parent")), detail.get("type") == "ticket.opened"
        if not (is_part or detail.get("parts")) or (is_new and not is_part):
            return None  # it has no parts, or none yet
        workspace = str(detail["workspace"])
        parent = self.tickets.get(workspace, str(detail.get("parent") or detail["ticket_id"]))
        if parent is None:
            return None
        late = opened_after_all(parent, str(detail["ticket_id"]), self.clock()) if parent.unopened else None
        if late is not None:
            _write(self.tickets, late, parent.version)
            return "parts_moved"  # which is an event again
        if is_new and adds_nothing(parent):
            return "parts_agree"
        below = children(self.tickets, parent)
        if at_rest(parent, below):
            return "parts_agree"
        before = {one.id: one for one in (parent, *below)}
        steps = follow(self._standing(parent), [self._standing(one) for one in below], self.clock())
        for step in steps:
            _write(self.tickets, step, before[step.ticket.id].version)
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

        Raises Conflict (``children_open``) when one of the parts is not done, or has no ticket and nobody was told
        before: then none of them is closed.
        """
        lines = tuple(moves)
        if ticket.parts and ticket.state == "closed":
            below = children(self.tickets, ticket)
            steps = [closed_with(ticket, one, actor=lines[-1].actor, at=self.clock()) for one in below]
            undone = [one for one, step in zip(below, steps, strict=True) if step is None]
            refusal = children_open(undone, untold(ticket, below))
            if refusal is not None:
                tell_refused(self.tickets, ticket, self.clock())
                raise refusal
            for child, step in zip(below, steps, strict=True):
                if step and not self.tickets.update(step.ticket, step.moves, expected_version=child.version):
                    return False
        return self.tickets.update(ticket, lines, expected_version=expected_version)
