"""Claims, exposures and counted hours in memory, as the real stores have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from chalicelib.domain.issues.effect import Exposure, Kept
from chalicelib.domain.reading.rollup import hour_of


@dataclass
class FakeEffects:
    rows: dict[tuple[str, str], Kept] = field(default_factory=dict)
    watches: dict[tuple[str, str, str], datetime] = field(default_factory=dict)

    def get(self, workspace: str, issue_id: str) -> Kept | None:
        return self.rows.get((workspace, issue_id))

    def put(self, workspace: str, issue_id: str, kept: Kept) -> None:
        self.rows[workspace, issue_id] = kept

    def watch(self, workspace: str, issue_id: str, topics: Iterable[str], until: datetime) -> None:
        for topic in topics:
            self.watches[workspace, topic, issue_id] = until

    def unwatch(self, workspace: str, issue_id: str, topics: Iterable[str]) -> None:
        for topic in topics:
            self.watches.pop((workspace, topic, issue_id), None)

    def watching(self, workspace: str, topic: str, at: datetime) -> list[str]:
        return [one[2] for one, until in self.watches.items() if one[:2] == (workspace, topic) and until > at]


@dataclass
class FakeExposures:
    rows: dict[tuple[str, str, date], float] = field(default_factory=dict)

    def put(self, workspace: str, items: Iterable[Exposure]) -> None:
        for one in items:
            self.rows[workspace, one.unit, one.day] = one.count

    def of(self, workspace: str, unit: str, first: date, last: date) -> Mapping[date, float]:
        return {
            day: count
            for (there, whose, day), count in self.rows.items()
            if (there, whose) == (workspace, unit) and first <= day <= last
        }


@dataclass
class FakeHours:
    """``asked`` counts the reads."""

    rows: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    asked: int = 0

    def heard(self, workspace: str, unit: str, at: datetime, topic: str, count: int = 1) -> None:
        """``count`` complaints of a topic, and as many kind words."""
        counts = self.rows.setdefault((workspace, unit, hour_of(at)), {"n": 0, "topics": {}})
        told = counts["topics"].setdefault(topic, {"negative": 0, "positive": 0})
        told["negative"] += count
        told["positive"] += count

    def daily(self, workspace: str, unit: str, topic: str, first: datetime, days: int, count: int) -> None:
        for number in range(days):
            self.heard(workspace, unit, first + timedelta(days=number), topic, count)

    def span(self, workspace: str, unit: str, first: str, last: str) -> Iterator[tuple[str, dict[str, Any]]]:
        self.asked += 1
        for (there, whose, hour), counts in sorted(self.rows.items()):
            if (there, whose) == (workspace, unit) and first <= hour <= last:
                yield hour, counts
