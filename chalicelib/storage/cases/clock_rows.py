"""Clocks as they lie packed in a ticket's row, and the rows of provisional deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.time.clocks import CLOCKS, Clock, Clocks
from chalicelib.storage import keys
from chalicelib.storage.table import Row

_MOMENTS: Final = ("due_at", "remind_at", "paused_at", "met_at", "reminded_at", "breached_at", "escalated_at")
_YEAR: Final = 366 * 86_400  # seconds that a provisional deadline is kept after its year has begun


class ProvisionalRow(Row):
    """That a deadline rests on a year that nobody has published. All that it says stands in its key."""


def provisional_row(workspace: str, ticket_id: str, mark: str) -> ProvisionalRow:
    """It lapses a year after the one that it waits for has begun: by then no deadline rests on it."""
    begins = datetime.fromisoformat(f"{mark.rpartition('#')[2]}-01-01T00:00:00+00:00")
    return ProvisionalRow(*keys.provisional(workspace, ticket_id, mark), expires_at=int(begins.timestamp()) + _YEAR)


def packed(clocks: Clocks | None) -> list[Any] | None:
    """The clocks as JSON, shorter than by name."""
    if clocks is None:
        return None
    alarm = clocks.alarm.isoformat() if clocks.alarm else None
    running = [_packed(getattr(clocks, name)) for name in CLOCKS]
    return [clocks.row, clocks.unit, clocks.policy, alarm, list(clocks.marks), *running]


def unpacked(held: Sequence[Any] | None) -> Clocks | None:
    """What ``packed`` made; None for rows of before there were clocks."""
    if held is None:
        return None
    row, unit, policy, alarm, marks, *running = held
    clocks = dict(zip(CLOCKS, map(_clock, running), strict=True))
    return Clocks(row, unit, policy, alarm=_moment(alarm), marks=tuple(marks), **clocks)


def _packed(clock: Clock | None) -> list[Any] | None:
    if clock is None:
        return None
    moments = [at.isoformat() if at else None for at in (getattr(clock, name) for name in _MOMENTS)]
    spans = [clock.allowed.total_seconds(), clock.left.total_seconds()]
    return [*spans, clock.counted_from.isoformat(), list(clock.unpublished), *moments]


def _clock(held: Sequence[Any] | None) -> Clock | None:
    if held is None:
        return None
    allowed, left, counted_from, unpublished, *moments = held
    return Clock(
        timedelta(seconds=allowed),
        datetime.fromisoformat(counted_from),
        timedelta(seconds=left),
        unpublished=tuple(unpublished),
        **dict(zip(_MOMENTS, map(_moment, moments), strict=True)),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
