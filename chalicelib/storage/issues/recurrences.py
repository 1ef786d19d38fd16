"""Tickets that are part of no issue yet, by topic and kind of unit. The table is bound by the wiring."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from pynamodb.attributes import BooleanAttribute

from chalicelib.domain.issues.recurrence import KEPT, Occurrence
from chalicelib.storage import keys
from chalicelib.storage.table import Row


class OccurrenceRow(Row):
    """One ticket that counts. All else that it says stands in its key."""

    critical = BooleanAttribute()


class RecurrenceStore:
    """Small on purpose: what has become part of an issue is forgotten, and the rest after ninety days."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def note(self, workspace: str, topic: str, unit_kind: str, one: Occurrence) -> None:
        """Count a ticket; the same one once."""
        key = keys.occurrence(workspace, topic, unit_kind, one.at, one.ticket)
        OccurrenceRow(*key, critical=one.critical, expires_at=int((one.at + KEPT).timestamp())).save()

    def around(self, workspace: str, topic: str, unit_kind: str, at: datetime, days: int) -> list[Occurrence]:
        """What counts within so many days before and after ``at``, oldest first; strongly consistent."""
        pk, first = keys.occurrence(workspace, topic, unit_kind, at - timedelta(days=days), "")
        _, last = keys.occurrence(workspace, topic, unit_kind, at + timedelta(days=days), "~")
        now = self._clock().timestamp()
        rows = OccurrenceRow.query(pk, OccurrenceRow.sk.between(first, last), consistent_read=True)
        return [
            Occurrence(datetime.fromisoformat(at_), ticket, row.critical)
            for row in rows
            if row.expires_at > now
            for at_, _, ticket in [row.sk.partition("#")]
        ]

    def forget(self, workspace: str, topic: str, unit_kind: str, found: Iterable[Occurrence]) -> None:
        """Have them counted no more; one that is gone is forgotten already."""
        for one in found:
            OccurrenceRow(*keys.occurrence(workspace, topic, unit_kind, one.at, one.ticket)).delete()
