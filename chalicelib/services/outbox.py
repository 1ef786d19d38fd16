"""The outbox: the table's stream becomes events on the bus and marks on buckets.

There is no second write to lose. Everything here may run twice or late: events have the id of their change, and a
mark only asks for a count. Whatever fails, the whole batch is raised and comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.changes import Change, buckets_of, events_of
from chalicelib.domain.events import Event
from chalicelib.domain.reading.rollup import Bucket, is_frozen
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.services.ports import Bus, Clock, Queue

CACHED: Final = timedelta(seconds=15)


class Endpoints(Protocol):
    def endpoints(self, workspace: str) -> Sequence[Endpoint]: ...


class Buckets(Protocol):
    """Marks on buckets; a mark is an epoch millisecond."""

    def is_marked(self, bucket: Bucket) -> bool: ...

    def mark(self, bucket: Bucket, mark: int) -> bool:
        """Ask for a count; whether one had already been asked for."""


@dataclass(slots=True)
class Listeners:
    """Which events the endpoints of a workspace asked for, at most 15 seconds old."""

    directory: Endpoints
    clock: Clock
    _known: dict[str, tuple[datetime, frozenset[str]]] = field(default_factory=dict)

    def listens(self, workspace: str, event_type: str) -> bool:
        """Whether an endpoint asked for it, a paused or disabled one too: its deliveries are held."""
        now = self.clock()
        known = self._known.get(workspace)
        if known is None or now - known[0] >= CACHED:
            found = self.directory.endpoints(workspace)
            wanted = frozenset(name for one in found for name in one.events)
            known = self._known[workspace] = (now, wanted)
        return event_type in known[1]


@dataclass(frozen=True, slots=True)
class Relayed:
    """What one batch came to."""

    events: int
    buckets: int


@dataclass(frozen=True, slots=True)
class Outbox:
    """``delay`` seconds pass between a mark and its count: the index that is counted is eventually consistent."""

    decode: Callable[[Iterable[Mapping[str, Any]]], Iterable[Change]]
    listeners: Listeners
    bus: Bus
    buckets: Buckets
    rollups: Queue
    clock: Clock
    retention_days: int
    delay: int

    def relay(self, records: Iterable[Mapping[str, Any]]) -> Relayed:
        """Publish and mark. Raises whatever went wrong: the batch is to come again as a whole."""
        now = self.clock()  # every change of the batch is in the table by now
        changes = list(self.decode(records))
        events: dict[str, Event] = {}
        for change in changes:
            events.update((event.id, event) for event in events_of(change, self.listeners.listens))
        moved = {bucket for change in changes for bucket in buckets_of(change)}
        marked = [
            bucket
            for bucket in sorted(moved)
            if not is_frozen(bucket.hour, now=now, retention_days=self.retention_days)
        ]
        self.bus.publish(list(events.values()))
        for bucket in marked:
            self._mark(bucket, int(now.timestamp() * 1000))
        return Relayed(len(events), len(marked))

    def _mark(self, bucket: Bucket, mark: int) -> None:
        """Mark, and ask for the count unless that has been done.

        The message goes first: a crash between the two counts once too often, and never forgets a bucket.
        """
        asked = not self.buckets.is_marked(bucket)
        if asked:
            self._ask(bucket, mark)
        if not self.buckets.mark(bucket, mark) and not asked:
            self._ask(bucket, mark)  # the count that was on its way has been made in between

    def _ask(self, bucket: Bucket, mark: int) -> None:
        message = {"workspace": bucket.workspace, "unit": bucket.unit, "hour": bucket.hour, "mark": mark}
        self.rollups.send(message, delay=self.delay)
