"""How much business each unit did on each day. The table is bound by the wiring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from pynamodb.attributes import NumberAttribute

from chalicelib.domain.issues.effect import Exposure
from chalicelib.storage import keys
from chalicelib.storage.table import Row


class ExposureRow(Row):
    """One day of one unit."""

    volume = NumberAttribute()  # ``count`` is PynamoDB's own


class ExposureStore:
    """A day is written as a whole, so that writing it again changes nothing."""

    def put(self, workspace: str, items: Iterable[Exposure]) -> None:
        """Keep each day in the place of what was said of it before. No two are of one unit and day."""
        with ExposureRow.batch_write() as batch:
            for one in items:
                batch.save(ExposureRow(*keys.exposure(workspace, one.unit, one.day.isoformat()), volume=one.count))

    def of(self, workspace: str, unit: str, first: date, last: date) -> Mapping[date, float]:
        """The known days of a unit from ``first`` to ``last``, both included."""
        pk, start = keys.exposure(workspace, unit, first.isoformat())
        found = ExposureRow.query(pk, ExposureRow.sk.between(start, last.isoformat()), consistent_read=True)
        return {date.fromisoformat(row.sk): float(row.volume) for row in found}
