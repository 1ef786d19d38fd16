"""Whatever is closed has its lot in its month's audit, and no longer when it is opened again: a follower of tickets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.domain.cases.case import Lot, lot_of
from chalicelib.domain.cases.ticket import Ticket


class Lots(Protocol):
    def keep(self, lot: Lot) -> None:
        """Have a ticket stand where ``lot`` says, unless a later version said something else. Raises Retryable."""


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


@dataclass(frozen=True, slots=True)
class FollowClosing:
    """Events come twice and in any order: what counts is the ticket as it is now, and the newest version of it."""

    lots: Lots
    tickets: Tickets

    def __call__(self, detail: Mapping[str, Any]) -> str | None:
        """``lot`` | ``no_lot`` | None: neither closed nor opened again. Raises Retryable."""
        if detail.get("state") != "closed" and detail["type"] != "ticket.reopened":
            return None
        ticket = self.tickets.get(str(detail["workspace"]), str(detail["ticket_id"]))
        if ticket is None:
            return None
        lot = lot_of(ticket)
        self.lots.keep(lot)
        return "lot" if lot.month else "no_lot"
