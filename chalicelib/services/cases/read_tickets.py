"""Tickets as a key may see them: one with its history, or a page of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.cases.handover import time_in_queue
from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.outbound.item import Item
from chalicelib.domain.workspaces.access import is_below, nowhere, sees_unit, visible_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.services.cases.follow_parts import children
from chalicelib.services.ports import Clock


class TicketShelf(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...

    def moves(self, workspace: str, ticket_id: str) -> Sequence[Move]: ...

    def page(
        self,
        workspace: str,
        *,
        state: str | None = None,
        owner: str | None = None,
        department: str | None = None,
        severity: str | None = None,
        incomplete: bool = False,
        unit: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[Sequence[Ticket], str | None]: ...


class ItemShelf(Protocol):
    def of_ticket(self, workspace: str, ticket: str) -> Sequence[Item]: ...


@dataclass(frozen=True, slots=True)
class ReadTickets:
    """What is outside a region's or a store's subtree is not there for it."""

    store: TicketShelf
    items: ItemShelf
    clock: Clock

    def get(self, key: ApiKey, workspace: str, ticket_id: str) -> Ticket:
        """Raises NotFound."""
        ticket = self.store.get(workspace, ticket_id)
        if ticket is None or not sees_unit(key, ticket.unit):
            raise nowhere()
        return ticket

    def history(self, ticket: Ticket) -> Sequence[Move]:
        """Every version's line, oldest first."""
        return self.store.moves(ticket.workspace, ticket.id)

    def queues(self, ticket: Ticket, moves: Sequence[Move]) -> Mapping[str, int]:
        """Seconds that each department has had it by now."""
        return time_in_queue(moves, self.clock(), otherwise=ticket.departments)

    def parts(self, ticket: Ticket) -> Sequence[Ticket]:
        """The parts of a case, in the order in which it was divided; a key that sees the case sees them."""
        return children(self.store, ticket)

    def items_of(self, ticket: Ticket) -> Sequence[Item]:
        """What it became in other systems, one an endpoint at most."""
        return sorted(self.items.of_ticket(ticket.workspace, ticket.id), key=lambda one: one.endpoint)

    def page(
        self,
        key: ApiKey,
        workspace: str,
        *,
        state: str | None,
        owner: str | None,
        department: str | None,
        limit: int,
        cursor: str | None,
        severity: str | None = None,
        unit: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        parent: str | None = None,
        incomplete: bool = False,
    ) -> tuple[Sequence[Ticket], str | None]:
        """One page, last opened first. A page may be short, or empty, and still have a cursor.

        ``parent``: the parts of that case, all on one page. ``incomplete``: only what lacks root cause or action.
        ``unit``: with those below it. Opened at ``since`` ≤ time < ``until``.
        Raises Invalid (``invalid_cursor``), NotFound, also for a foreign unit.
        """
        unit = visible_unit(key, unit)
        if parent is not None:
            asked = {"state": state, "owner": owner, "severity": severity}
            below = self.parts(self.get(key, workspace, parent))
            some = [one for one in below if all(value in (None, getattr(one, name)) for name, value in asked.items())]
            some = [one for one in some if one.incomplete or not incomplete]
            some = [one for one in some if unit is None or is_below(one.unit, unit)]
            some = [one for one in some if since is None or since <= one.opened_at]
            some = [one for one in some if until is None or one.opened_at < until]
            return [one for one in some if department is None or department in one.departments], None
        found, following = self.store.page(
            workspace,
            state=state,
            owner=owner,
            department=department,
            severity=severity,
            incomplete=incomplete,
            unit=unit,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )
        return [ticket for ticket in found if sees_unit(key, ticket.unit)], following
