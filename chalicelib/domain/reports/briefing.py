"""A digest by subscription 订阅简报: what is new for a department, about topics, at a unit; once a day or week. Pure.

``digest`` is the word of the API; in here that is another thing (one message of a robot for many events).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

EVENT: Final = "digest.ready"
KINDS: Final = ("topics", "departments", "unanswered", "unit")
EVERY: Final = ("day", "week")
MOST: Final = 100  # of one workspace


@dataclass(frozen=True, slots=True)
class Briefing:
    """What an endpoint wants to be told, and when: at ``at`` of the unit's clock, of a week on Monday."""

    workspace: str
    id: str
    endpoint: str
    kind: str  # KINDS
    every: str  # EVERY
    at: time
    created_at: datetime
    by: str
    unit: str | None = None  # with its subtree; None for all
    topics: tuple[str, ...] = ()  # each with those below it
    departments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """One number of a digest. ``name``: the topic or department that it is of, None for the whole."""

    name: str | None
    count: int
    link: str  # the path that lists exactly those
    complete: bool = True  # False: there are more than were looked at, and the link lists them


def next_slot(briefing: Briefing, after: datetime, zone: ZoneInfo) -> datetime:
    """When it is due next, later than ``after``."""
    day = after.astimezone(zone).date()
    if briefing.every == "week":
        day -= timedelta(days=day.weekday())
    slot = datetime.combine(day, briefing.at, zone)
    while slot <= after:
        day += step(briefing)
        slot = datetime.combine(day, briefing.at, zone)
    return slot


def before(briefing: Briefing, slot: datetime, zone: ZoneInfo) -> datetime:
    """The slot before one: what came since then is new."""
    return datetime.combine(slot.astimezone(zone).date() - step(briefing), briefing.at, zone)


def step(briefing: Briefing) -> timedelta:
    """By whole days of the calendar."""
    return timedelta(days=7 if briefing.every == "week" else 1)
