"""The promises of a case as clocks: by when, what is left while the customer is waited for, what was kept. Pure.

Everything is counted in the unit's open time. A clock remembers from where it was last counted and how much was left
there, so that it can be counted again: after a pause, for another severity, with a newer calendar. A breach is of the
deadline itself, whenever anybody writes it down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from chalicelib.domain.time.calendar import BusinessTime
from chalicelib.errors import Invalid

CLOCKS: Final = ("first_response", "next_update", "resolution")
REMIND, BREACH, ESCALATE = "remind", "breach", "escalate"  # what a clock may ask for
_NOTHING: Final = timedelta(0)

Quiet = Callable[[datetime], datetime]  # a moment → itself, or the end of the quiet hours that it lies in


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise of ``allowed`` open time. ``due_at`` None: it is paused, or the unit never opens that long.

    ``left`` is the open time that was left at ``counted_from``. ``breached_at`` is the deadline that was missed;
    ``escalated_at`` when the line above was told. ``unpublished``: years on which the deadline rests provisionally.
    """

    allowed: timedelta
    counted_from: datetime
    left: timedelta
    due_at: datetime | None = None
    remind_at: datetime | None = None
    paused_at: datetime | None = None
    met_at: datetime | None = None
    reminded_at: datetime | None = None
    breached_at: datetime | None = None
    escalated_at: datetime | None = None
    unpublished: tuple[int, ...] = ()

    @property
    def is_running(self) -> bool:
        return self.met_at is None and self.paused_at is None and self.due_at is not None


@dataclass(frozen=True, slots=True)
class Clocks:
    """Those of one case. ``row`` and ``unit`` say by which row of which version of the policy, and where, they count.

    ``alarm`` is the moment for which a due row is written, ``marks`` the provisional years (``CN#2027``) under which
    the case is kept until they are published.
    """

    row: str
    unit: str | None
    policy: int
    first_response: Clock | None = None
    next_update: Clock | None = None
    resolution: Clock | None = None
    alarm: datetime | None = None
    marks: tuple[str, ...] = ()

    def named(self) -> dict[str, Clock]:
        """The clocks that there are, by name."""
        every = {"first_response": self.first_response, "next_update": self.next_update, "resolution": self.resolution}
        return {name: clock for name, clock in every.items() if clock is not None}

    def having(self, running: Mapping[str, Clock | None]) -> Clocks:
        """The same with these clocks in the place of those of their names."""
        return replace(
            self,
            first_response=running.get("first_response", self.first_response),
            next_update=running.get("next_update", self.next_update),
            resolution=running.get("resolution", self.resolution),
        )


class Pace(NamedTuple):
    """How time passes at a unit, and after which share of it somebody is reminded."""

    time: BusinessTime
    share: float


class Strike(NamedTuple):
    """What is to be done at a moment. In order of time; at the same moment a reminder comes before a breach."""

    at: datetime
    rank: int
    clock: str
    what: str


def begun(allowed: timedelta, pace: Pace, at: datetime) -> Clock:
    """A clock that begins at a moment, with all of its time left."""
    return _counted(Clock(allowed, at, allowed), pace, at, allowed)


def paused(clock: Clock, pace: Pace, at: datetime) -> Clock:
    """The clock while the customer is waited for. What is over or broken is not paused."""
    clock = noted(clock, at)
    if not clock.is_running or clock.due_at is None or clock.breached_at is not None:
        return clock
    left = pace.time.between(at, clock.due_at)
    return replace(clock, counted_from=at, left=left, paused_at=at, due_at=None, remind_at=None, unpublished=())


def resumed(clock: Clock, pace: Pace, at: datetime) -> Clock:
    """The clock that goes on with what was left of it; one that was not paused is as it was."""
    return clock if clock.paused_at is None else _counted(replace(clock, paused_at=None), pace, at, clock.left)


def met(clock: Clock, at: datetime) -> Clock:
    """The promise kept, late or not; the first time counts."""
    return clock if clock.met_at is not None else replace(noted(clock, at), met_at=at, paused_at=None)


def noted(clock: Clock, at: datetime) -> Clock:
    """The clock with the breach that has happened by now, though nobody has written it down yet."""
    if clock.is_running and clock.breached_at is None and clock.due_at is not None and clock.due_at < at:
        return replace(clock, breached_at=clock.due_at)
    return clock


def moved(clock: Clock, allowed: timedelta, old: Pace, new: Pace, at: datetime) -> Clock:
    """The clock under another promise or at another unit: what was used stays used. A broken one stays broken."""
    clock = noted(clock, at)
    if clock.met_at is not None or clock.breached_at is not None:
        return clock
    left = old.time.between(at, clock.due_at) if clock.due_at is not None else clock.left
    left = max(_NOTHING, left + allowed - clock.allowed)
    if clock.paused_at is not None:
        return replace(clock, allowed=allowed, left=left)
    return _counted(replace(clock, allowed=allowed), new, at, left)


def recounted(clock: Clock, pace: Pace) -> Clock:
    """A provisional deadline by the calendar as it is now, from where it was counted before."""
    if not clock.unpublished or not clock.is_running or clock.breached_at is not None:
        return clock
    return _counted(clock, pace, clock.counted_from, clock.left)


def strikes(clocks: Clocks, quiet: Quiet, at: datetime) -> list[Strike]:
    """What these clocks will ask for, soonest first, as seen at the moment of their last change.

    Quiet hours put off whatever is told; a reminder that they put off beyond the deadline is none.
    """
    found: list[Strike] = []
    for name, clock in clocks.named().items():
        if not clock.is_running or clock.due_at is None:
            continue
        if clock.breached_at is not None:
            if clock.escalated_at is None:
                found.append(Strike(quiet(max(clock.breached_at, at)), 2, name, ESCALATE))
            continue
        found.append(Strike(clock.due_at, 1, name, BREACH))
        if clock.remind_at is not None and clock.reminded_at is None:
            told = quiet(clock.remind_at)
            if told < clock.due_at:
                found.append(Strike(told, 0, name, REMIND))
    return sorted(found)


def struck(clock: Clock, what: str, now: datetime, *, tell: bool) -> Clock:
    """The clock after a strike. ``tell``: no quiet hours, so that a breach is told at once."""
    if what == REMIND:
        return replace(clock, reminded_at=now)
    if what == BREACH:
        return replace(clock, breached_at=clock.due_at, escalated_at=now if tell else None)
    return replace(clock, escalated_at=now)


def _counted(clock: Clock, pace: Pace, at: datetime, left: timedelta) -> Clock:
    """The clock with ``left`` to go from a moment on."""
    clock = replace(clock, counted_from=at, left=left)
    warning = max(_NOTHING, left - clock.allowed * (1 - pace.share))
    try:
        due, remind = pace.time.add(at, left), pace.time.add(at, warning)
    except Invalid:  # the unit does not open that long in twenty years: no deadline, and the case goes on
        return replace(clock, due_at=None, remind_at=None, unpublished=())
    return replace(clock, due_at=due.at, remind_at=remind.at, unpublished=due.unpublished)
