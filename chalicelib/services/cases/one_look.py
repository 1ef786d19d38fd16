"""The ticket that a message is about, read once for all who follow it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.services.ports import TicketStore


class Histories(TicketStore, Protocol):
    def moves(self, workspace: str, ticket_id: str) -> Sequence[Move]: ...


@dataclass(slots=True)
class OneLook:
    """``services.ports.TicketStore`` for followers: each of them finds the ticket as the first one did.

    What was read is only a little older than it would be, and is written against the version that was read, as ever;
    who writes something else for what they read looks ``Afresh``. A write through it, whether it came about or not, has
    the ticket read again. Other tickets are read whenever they are asked for.
    """

    tickets: Histories
    _about: tuple[str, str] = field(default=("", ""), init=False)
    _seen: Ticket | None = field(default=None, init=False)

    def begin(self, message: Mapping[str, Any]) -> None:
        """Another message, the detail of a ticket's event or anything else: what was seen counts no more."""
        self._about = (str(message.get("workspace")), str(message.get("ticket_id")))
        self._seen = None

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        """As the store; one that there is not is looked for again."""
        if (workspace, ticket_id) != self._about:
            return self.tickets.get(workspace, ticket_id)
        if self._seen is None:
            self._seen = self.tickets.get(workspace, ticket_id)
        return self._seen

    def again(self, workspace: str, ticket_id: str) -> Ticket | None:
        """As it is now."""
        if (workspace, ticket_id) == self._about:
            self._seen = None
        return self.get(workspace, ticket_id)

    def create(self, ticket: Ticket, move: Move) -> bool:
        self._seen = None
        return self.tickets.create(ticket, move)

    def update(self, ticket: Ticket, moves: Iterable[Move], *, expected_version: int) -> bool:
        self._seen = None
        return self.tickets.update(ticket, moves, expected_version=expected_version)

    def moves(self, workspace: str, ticket_id: str) -> Sequence[Move]:
        return self.tickets.moves(workspace, ticket_id)


@dataclass(frozen=True, slots=True)
class Afresh:
    """The same tickets, read whenever they are asked for, for whoever writes other rows for what one says: its version
    keeps none of those back. What they find, and write, counts for all who follow.
    """

    look: OneLook

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        return self.look.again(workspace, ticket_id)

    def create(self, ticket: Ticket, move: Move) -> bool:
        return self.look.create(ticket, move)

    def update(self, ticket: Ticket, moves: Iterable[Move], *, expected_version: int) -> bool:
        return self.look.update(ticket, moves, expected_version=expected_version)

    def moves(self, workspace: str, ticket_id: str) -> Sequence[Move]:
        return self.look.moves(workspace, ticket_id)
