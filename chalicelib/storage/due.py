"""What is due at a minute, and how far the sweep has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from chalicelib.domain.time.due import QUEUES, DueItem
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

KEPT: Final = timedelta(days=30)  # after its minute: only rows that no sweep ever reached live that long


class DueRow(Row):
    """One message that waits for its minute."""

    queue = UnicodeAttribute()
    doc = PackedJSONAttribute()


class CursorRow(Row):
    """A stored position that only moves forward."""

    at = UnicodeAttribute()


def due_row(at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> DueRow:
    """The row, for whoever writes it together with others. ``at`` lies a minute ahead at least, see ``add``."""
    pk = keys.due(keys.minute(at), keys.shard(key, keys.DUE_SHARDS))
    return DueRow(pk, key, queue=queue, doc=dict(body), expires_at=int((at + KEPT).timestamp()))


class DueStore:
    """``services.ports.DueStore`` and the sweep's side of it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def add(self, at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> None:
        """Have ``body`` put on ``queue`` once the minute of ``at`` has passed, never before ``at``.

        The same ``key`` for the same minute is one row. A minute that the sweep may be reading already
        becomes the next one.
        """
        if queue not in QUEUES:
            raise ValueError("there is no such queue")
        moment = max(at, self._clock() + timedelta(minutes=1))
        due_row(moment, queue, body, key=key).save()

    def take(self, minute: datetime) -> Iterator[DueItem]:
        """All rows of one minute; they stay until ``delete``."""
        for shard in range(keys.DUE_SHARDS):
            pk = keys.due(keys.minute(minute), shard)
            for row in DueRow.query(pk, consistent_read=True):
                yield DueItem(partition=pk, key=row.sk, queue=row.queue, body=row.doc)

    def delete(self, item: DueItem) -> None:
        """Forget a row that was sent; one that is gone is forgotten already."""
        DueRow(item.partition, item.key).delete()

    def position(self, name: str) -> str | None:
        """Where ``name`` got to; None before its first ``advance``."""
        try:
            return str(CursorRow.get(*keys.cursor(name), consistent_read=True).at)
        except DoesNotExist:
            return None

    def advance(self, name: str, position: str) -> None:
        """Store a sortable position, unless a later one is stored: of two sweeps at once the further one counts."""
        row = CursorRow(*keys.cursor(name), at=position)
        try:
            row.save(CursorRow.at.does_not_exist() | (CursorRow.at < position))
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
