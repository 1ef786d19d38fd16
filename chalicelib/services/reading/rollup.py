"""Count a marked bucket again, from nothing but its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chalicelib.domain.reading.facets import Facets
from chalicelib.domain.reading.rollup import Bucket, is_frozen, recount
from chalicelib.services.ports import Clock, Queue

# SQS counts delays in whole seconds and may end one a little early.
_EARLY: Final = 1000  # milliseconds


class Standing(Protocol):
    """The marks of a bucket as they stand."""

    @property
    def mark(self) -> int: ...

    @property
    def is_marked(self) -> bool: ...


class Buckets(Protocol):
    def rows(self, bucket: Bucket) -> Iterable[Facets]:
        """What the bucket counts."""

    def write(self, bucket: Bucket, counts: dict[str, Any], mark: int) -> Standing:
        """Store counts that took in ``mark``, unless newer ones are there; the marks as they stand afterwards."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """``delay`` as in the outbox: seconds that the index may lag behind the table."""

    buckets: Buckets
    rollups: Queue
    clock: Clock
    retention_days: int
    delay: int

    def handle(self, message: Mapping[str, Any]) -> bool:
        """Count what the message names; False when it is frozen: its rows may have expired, so the counts stay.

        A mark that came while counting, or that is too young for the index to show its change, is counted later.
        """
        bucket = Bucket(message["workspace"], message["unit"], message["hour"])
        now = self.clock()
        if is_frozen(bucket.hour, now=now, retention_days=self.retention_days):
            return False
        old_enough = int(now.timestamp() * 1000) - self.delay * 1000 + _EARLY
        standing = self.buckets.write(bucket, recount(self.buckets.rows(bucket)), min(message["mark"], old_enough))
        if standing.is_marked:
            self.rollups.send({**message, "mark": standing.mark}, delay=self.delay)
        return True
