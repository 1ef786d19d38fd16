"""Counting one bucket (unit and hour) from nothing but its rows, and when a bucket may still be counted."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from chalicelib.domain.reading.facets import Facets
from chalicelib.domain.vocabulary import NO_UNIT
from chalicelib.domain.voice.feedback import Feedback

# The last days of retention are not counted again: rows of the hour may already have expired.
FROZEN_MARGIN: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """One unit (``-`` for none) in one UTC hour, ``2026-11-21T08``."""

    workspace: str
    unit: str
    hour: str


def bucket_of(feedback: Feedback) -> Bucket | None:
    """Where a feedback counts; None for one that is parked or deleted at its source."""
    if feedback.deleted or feedback.reading == 0:
        return None
    moment = feedback.received_at if feedback.late else feedback.occurred_at
    return Bucket(feedback.workspace, feedback.unit or NO_UNIT, hour_of(moment))


def hour_of(moment: datetime) -> str:
    """``2026-11-21T08``, UTC."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H")


def is_frozen(hour: str, *, now: datetime, retention_days: int) -> bool:
    """Whether the hour is too old to be counted again: older than retention minus two days."""
    return hour < hour_of(now - timedelta(days=retention_days) + FROZEN_MARGIN)


def recount(rows: Iterable[Facets]) -> dict[str, Any]:
    """The counts of a bucket. The order of the rows makes no difference, to the last bit of a sum."""
    found = list(rows)
    return {
        "n": len(found),
        "channels": _tally(row.channel for row in found),
        "touchpoints": _tally(row.touchpoint for row in found if row.touchpoint is not None),
        "severities": _tally(row.severity for row in found),
        "actions": _tally(action for row in found for action in row.actions),
        "scores": _scores(found),
        "topics": _topics(found),
    }


def _scores(rows: Iterable[Facets]) -> dict[str, dict[str, Any]]:
    """Per kind: how many, their sum, and how many of each class."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    classes: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        for score in row.scores:
            values[score.kind].append(score.value)
            if score.name is not None:
                classes[score.kind].append(score.name)
    return {
        kind: {"n": len(found), "sum": math.fsum(found), "classes": _tally(classes[kind])}
        for kind, found in sorted(values.items())
    }


def _topics(rows: Iterable[Facets]) -> dict[str, dict[str, int]]:
    """Per topic: how many feedback of each polarity."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for topic, polarity in row.topics:
            counts[topic][polarity] += 1
    return {topic: _sorted(count) for topic, count in sorted(counts.items())}


def _tally(names: Iterable[str]) -> dict[str, int]:
    return _sorted(Counter(names))


def _sorted(count: Counter[str]) -> dict[str, int]:
    return dict(sorted(count.items()))
