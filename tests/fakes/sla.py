"""Promises, timed tickets and provisional deadlines in memory, with the conditions of the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.domain.cases.sla import Policy, Timed
from chalicelib.domain.cases.ticket import Move, Ticket
from tests.fakes.tickets import FakeDue, FakeTickets


@dataclass
class FakeSla:
    """``lose`` makes that many writes be late. ``reads`` counts what was asked for."""

    rows: dict[str, Policy] = field(default_factory=dict)
    lose: int = 0
    reads: int = 0

    def get(self, workspace: str) -> Policy | None:
        self.reads += 1
        return self.rows.get(workspace)

    def put(self, workspace: str, policy: Policy, *, by: str, at: datetime) -> bool:
        known = self.rows.get(workspace)
        if self.lose > 0 or (known.version if known else 0) != policy.version - 1:
            self.lose -= 1
            return False
        self.rows[workspace] = policy
        return True


@dataclass
class FakeProvisional:
    """One shard. ``asked`` are the years that were looked at."""

    rows: set[tuple[str, str, str]] = field(default_factory=set)  # mark, workspace, ticket
    asked: list[str] = field(default_factory=list)
    shards: int = 1

    def next_mark(self, shard: int, after: str = "") -> str | None:
        return next((mark for mark, _, _ in sorted(self.rows) if mark > after), None)

    def waiting(self, shard: int, mark: str, *, limit: int) -> list[tuple[str, str]]:
        self.asked.append(mark)
        return [(workspace, ticket) for this, workspace, ticket in sorted(self.rows) if this == mark][:limit]

    def forget(self, workspace: str, ticket_id: str, mark: str) -> None:
        self.rows.discard((mark, workspace, ticket_id))


@dataclass
class FakeTimedTickets(FakeTickets):
    """As the real store: whoever writes a ticket writes its alarm first, and then its clocks with it, or nothing."""

    time: Callable[[Ticket, tuple[Move, ...]], Timed] | None = None
    due: Any = field(default_factory=FakeDue)
    provisional: FakeProvisional = field(default_factory=FakeProvisional)
    reads: int = 0

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        self.reads += 1
        return super().get(workspace, ticket_id)

    def create(self, ticket: Ticket, move: Move) -> bool:
        self._arm(ticket, (move,))
        return super().create(ticket, move)

    def update(self, ticket: Ticket, moves: Iterable[Move], *, expected_version: int) -> bool:
        lines = tuple(moves)
        self._arm(ticket, lines)
        return super().update(ticket, lines, expected_version=expected_version)

    def _timed(self, ticket: Ticket, moves: tuple[Move, ...]) -> Timed:
        return self.time(ticket, moves) if self.time else Timed(ticket)

    def _write(self, ticket: Ticket, moves: Iterable[Move]) -> None:
        lines = tuple(moves)
        timed = self._timed(ticket, lines)
        super()._write(timed.ticket, lines)
        self.provisional.rows |= {(mark, ticket.workspace, ticket.id) for mark in timed.marked}

    def _arm(self, ticket: Ticket, moves: tuple[Move, ...]) -> None:
        timed = self._timed(ticket, moves)
        clocks = timed.ticket.clocks
        if timed.alarm is not None and clocks is not None and clocks.alarm is not None:
            body = {
                "kind": "clock",
                "workspace": ticket.workspace,
                "ticket": ticket.id,
                "at": clocks.alarm.isoformat(),
            }
            self.due.add(timed.alarm, "cases", body, key=f"clock#{ticket.id}")
