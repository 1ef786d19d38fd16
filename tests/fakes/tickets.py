"""Tickets, feedback, due rows and queues in memory, with the locks and conditions of the real ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from chalicelib.domain.cases.ticket import Move, Step, Ticket
from chalicelib.domain.outbound.callback import ExternalItem
from chalicelib.domain.time.due import DueItem
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.errors import Retryable


@dataclass
class FakeTickets:
    """``lose`` makes that many writes be late: somebody else's came first."""

    rows: dict[tuple[str, str], Ticket] = field(default_factory=dict)
    lines: dict[tuple[str, str, int], Move] = field(default_factory=dict)
    items: dict[tuple[str, str, str], ExternalItem] = field(default_factory=dict)
    made: dict[tuple[str, str, str], str] = field(default_factory=dict)  # (workspace, endpoint, external id) → ticket
    lose: int = 0
    lock: Any = field(default_factory=Lock)

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        return self.rows.get((workspace, ticket_id))

    def create(self, ticket: Ticket, move: Move) -> bool:
        with self.lock:
            if (ticket.workspace, ticket.id) in self.rows:
                return False
            self._write(ticket, [move])
            return True

    def update(self, ticket: Ticket, moves: Iterable[Move], *, expected_version: int) -> bool:
        with self.lock:
            if self._is_lost(ticket, expected_version):
                return False
            self._write(ticket, moves)
            return True

    def moves(self, workspace: str, ticket_id: str) -> tuple[Move, ...]:
        found = [move for (there, one, _), move in self.lines.items() if (there, one) == (workspace, ticket_id)]
        return tuple(sorted(found, key=lambda move: move.version))

    def external_item(self, workspace: str, endpoint: str, external_id: str) -> ExternalItem | None:
        return self.items.get((workspace, endpoint, external_id))

    def ticket_of_item(self, workspace: str, endpoint: str, external_id: str) -> str | None:
        return self.made.get((workspace, endpoint, external_id))

    def hear(self, item: ExternalItem, *, known: ExternalItem | None, step: Step | None, expected_version: int) -> bool:
        key = (item.workspace, item.endpoint, item.external_id)
        with self.lock:
            if self.items.get(key) != known:
                return False
            if step is not None:
                if self._is_lost(step.ticket, expected_version):
                    return False
                self._write(step.ticket, step.moves)
            self.items[key] = item
            return True

    def changed(
        self, workspace: str, since: datetime, until: datetime, *, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[Ticket], str | None]:
        found = [one for one in self.rows.values() if one.workspace == workspace and since <= one.updated_at < until]
        found.sort(key=lambda one: (one.opened_at, one.id), reverse=True)
        return _page(found, limit, cursor)

    def some(self, workspace: str, ids: Iterable[str]) -> list[Ticket]:
        return [self.rows[workspace, one] for one in dict.fromkeys(ids) if (workspace, one) in self.rows]

    def of_customer(self, workspace: str, customer: str, *, limit: int) -> list[Ticket]:
        found = [one for one in self.rows.values() if (one.workspace, one.customer) == (workspace, customer)]
        return sorted(found, key=lambda one: (one.opened_at, one.id), reverse=True)[:limit]

    def _is_lost(self, ticket: Ticket, expected_version: int) -> bool:
        if self.lose > 0:
            self.lose -= 1
            return True
        return self.rows[(ticket.workspace, ticket.id)].version != expected_version

    def _write(self, ticket: Ticket, moves: Iterable[Move]) -> None:
        for move in moves:
            key = (ticket.workspace, ticket.id, move.version)
            assert key not in self.lines, "a line of history is written once"
            self.lines[key] = move
        self.rows[(ticket.workspace, ticket.id)] = ticket


@dataclass
class FakeMemory:
    """Deliveries of callbacks that were dealt with."""

    rows: set[tuple[str, str, str]] = field(default_factory=set)

    def knows(self, workspace: str, endpoint: str, delivery: str) -> bool:
        return (workspace, endpoint, delivery) in self.rows

    def remember(self, workspace: str, endpoint: str, delivery: str) -> None:
        self.rows.add((workspace, endpoint, delivery))


@dataclass
class FakeFeedback:
    """The current revisions. ``after_get`` runs once after the next read: somebody else between read and write.

    ``listed`` is what the index still shows although it waits no more.
    """

    rows: dict[tuple[str, str], Feedback] = field(default_factory=dict)
    writes: int = 0
    after_get: Any = None
    listed: list[tuple[str, str]] = field(default_factory=list)

    def add(self, *many: Feedback) -> None:
        self.rows.update({(one.workspace, one.id): one for one in many})

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        found = self.rows.get((workspace, feedback_id))
        between, self.after_get = self.after_get, None
        if between is not None:
            between()
        return found

    def awaiting_before(self, moment: datetime) -> Iterator[tuple[str, str, datetime]]:
        yield from ((*key, moment - timedelta(seconds=30)) for key in self.listed)
        for one in list(self.rows.values()):
            if one.awaiting and one.awaiting_since is not None and one.awaiting_since < moment:
                yield one.workspace, one.id, one.awaiting_since

    def action_done(self, feedback: Feedback, action: str, *, at: datetime, ticket: str | None = None) -> bool:
        key = (feedback.workspace, feedback.id)
        current = self.rows.get(key)
        if current is None or (current.revision, current.reading) != (feedback.revision, feedback.reading):
            return False
        left = current.awaiting - {action}
        self.writes += 1
        self.rows[key] = replace(
            current,
            awaiting=left,
            awaiting_since=current.awaiting_since if left else None,
            acted_at=current.acted_at if left else at,
            ticket=ticket or current.ticket,
            state="ticketed" if ticket else current.state,
        )
        return True


@dataclass
class FakeDue:
    """Due rows by the start of their minute, and stored positions."""

    rows: dict[tuple[datetime, str], DueItem] = field(default_factory=dict)
    positions: dict[str, str] = field(default_factory=dict)
    taken: list[datetime] = field(default_factory=list)

    def add(self, at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> None:
        minute = at.replace(second=0, microsecond=0)
        self.rows[(minute, key)] = DueItem(minute.isoformat(), key, queue, body)

    def take(self, minute: datetime) -> Iterator[DueItem]:
        self.taken.append(minute)
        yield from [item for (when, _), item in self.rows.items() if when == minute]

    def delete(self, item: DueItem) -> None:
        self.rows.pop((datetime.fromisoformat(item.partition), item.key), None)

    def position(self, name: str) -> str | None:
        return self.positions.get(name)

    def advance(self, name: str, position: str) -> None:
        self.positions[name] = max(position, self.positions.get(name, ""))


@dataclass
class FakeQueue:
    """What was put; ``broken`` after that many messages."""

    sent: list[Mapping[str, Any]] = field(default_factory=list)
    broken: int | None = None

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:
        if self.broken is not None and len(self.sent) >= self.broken:
            raise Retryable("The queue did not take the message.", code="queue_unavailable")
        self.sent.append(body)


@dataclass
class FakeClock:
    """Stands still until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def _page(found: list[Ticket], limit: int, cursor: str | None) -> tuple[list[Ticket], str | None]:
    start = int(cursor or 0)
    following = str(start + limit) if start + limit < len(found) else None
    return found[start : start + limit], following
