"""How much business there was: what complaints are divided by, so that a busy week is not a bad one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Protocol

from chalicelib.domain.issues.effect import Exposure
from chalicelib.errors import Invalid
from chalicelib.services.ports import Clock
from chalicelib.services.workspaces.known_names import KnownNames

MOST_DAYS: Final = 400  # in one answer
USUAL_DAYS: Final = 90
AHEAD: Final = timedelta(days=1)  # the sender's zone may be a day ahead of ours


class Exposures(Protocol):
    def put(self, workspace: str, items: Iterable[Exposure]) -> None: ...

    def of(self, workspace: str, unit: str, first: date, last: date) -> Mapping[date, float]: ...


@dataclass(frozen=True, slots=True)
class KeepExposure:
    """A number for each day of each unit; a later one replaces an earlier one."""

    store: Exposures
    names: KnownNames
    clock: Clock

    def put(self, workspace: str, items: Sequence[Exposure]) -> int:
        """How many days were kept. Raises Invalid (``day_twice``, ``day_in_future``, ``unknown_unit``), Retryable."""
        seen: set[tuple[str, date]] = set()
        latest = self.clock().date() + AHEAD
        for number, one in enumerate(items):
            if one.day > latest:
                raise Invalid("The day is not over.", code="day_in_future", pointer=f"/items/{number}/day")
            if (one.unit, one.day) in seen:
                raise Invalid("A day is named twice.", code="day_twice", pointer=f"/items/{number}")
            seen.add((one.unit, one.day))
        self.names.check_units(workspace, {f"/items/{number}/unit": one.unit for number, one in enumerate(items)})
        self.store.put(workspace, items)
        return len(seen)

    def of(self, workspace: str, unit: str, since: date | None, until: date | None) -> Sequence[Exposure]:
        """The known days of a unit, both included, in order; the last 90 where no start is named.

        Raises Invalid (``range_too_long``).
        """
        last = until or self.clock().date() + AHEAD
        first = since or last - timedelta(days=USUAL_DAYS)
        if (last - first).days > MOST_DAYS:
            raise Invalid(f"At most {MOST_DAYS} days at a time.", code="range_too_long", pointer="/since")
        if first > last:
            raise Invalid("since is after until.", code="invalid_query", pointer="/since")
        found = self.store.of(workspace, unit, first, last)
        return [Exposure(unit, day, count) for day, count in sorted(found.items())]
