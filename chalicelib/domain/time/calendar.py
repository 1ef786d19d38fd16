"""Public holidays, and time that counts only while a unit is open. Pure: no clock, no file.

A moment of opening is one of the unit's wall clock. On the night on which the clock goes forward a time that is left
out is the moment of the change; on the night on which it goes back, opening counts from the first of the two equal
times and closing from the second. What is counted is time that passes, never differences of wall clocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from chalicelib.domain.time.opening_hours import Hours, Shifts
from chalicelib.errors import Invalid

FARTHEST: Final = 20 * 366  # days that are looked through for the end of a wait
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_NOTHING: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Holiday:
    """``names``: language → name; ``en`` is always there."""

    day: date
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Year:
    """One year of a country. Not ``published``: what is here is expected, and may still change."""

    published: bool
    holidays: tuple[Holiday, ...] = ()
    workdays: frozenset[date] = frozenset()  # make-up days 调休: days of the weekend on which people work


@dataclass(frozen=True, slots=True)
class Calendar:
    """The years of one country that are known. ``weekend`` as in ``date.weekday``."""

    country: str
    years: Mapping[int, Year]
    weekend: frozenset[int] = frozenset({5, 6})
    source: str = ""  # what it was made from, with its version
    _days: dict[int, frozenset[date]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def is_published(self, year: int) -> bool:
        known = self.years.get(year)
        return known is not None and known.published

    def is_holiday(self, day: date) -> bool:
        known = self._days.get(day.year)
        if known is None:
            year = self.years.get(day.year)
            known = self._days[day.year] = frozenset(one.day for one in year.holidays) if year else frozenset()
        return day in known

    def is_makeup(self, day: date) -> bool:
        year = self.years.get(day.year)
        return year is not None and day in year.workdays


@dataclass(frozen=True, slots=True)
class Counted:
    """Where a count came to. ``unpublished``: years from its beginning to its end that nobody has published yet."""

    at: datetime  # UTC
    unpublished: tuple[int, ...] = ()

    @property
    def is_provisional(self) -> bool:
        """Whether it must be counted again once those years are published."""
        return bool(self.unpublished)


@dataclass(frozen=True, slots=True)
class BusinessTime:
    """The time of one unit. ``calendar`` None: it is open on holidays as on any day, and is never provisional."""

    zone: ZoneInfo
    hours: Hours
    calendar: Calendar | None = None
    days: Mapping[date, Shifts] = field(default_factory=dict)  # single days; they win over everything

    def shifts(self, day: date) -> Shifts:
        """When the unit is open on a day."""
        if day in self.days:
            return self.days[day]
        if self.calendar is not None and self.calendar.is_holiday(day):
            return self.hours.holiday
        if self.calendar is not None and self.calendar.is_makeup(day):
            return self.hours.made_up
        return self.hours.week[day.weekday()]

    def add(self, at: datetime, amount: timedelta) -> Counted:
        """The moment at which ``amount`` of open time has passed since ``at``.

        A wait that ends with a shift ends at closing time; one of no length ends at once, or when the unit next opens.
        Raises Invalid (``deadline_too_far``), ValueError for a negative amount.
        """
        if amount < _NOTHING:
            raise ValueError("time is not counted backwards")
        left = amount
        for start, end in self._openings(at):
            if left <= end - start:
                return Counted(start + left, self.unpublished(at, start + left))
            left -= end - start
        raise Invalid("There is not that much opening time in the next twenty years.", code="deadline_too_far")

    def between(self, since: datetime, until: datetime) -> timedelta:
        """Open time from ``since`` to ``until``; negative when they stand the other way round."""
        if until < since:
            return -self.between(until, since)
        passed = _NOTHING
        for start, end in self._openings(since):
            if start >= until:
                break
            passed += min(end, until) - start
        return passed

    def unpublished(self, since: datetime, until: datetime) -> tuple[int, ...]:
        """Years between two moments that the calendar does not have for certain; empty without a calendar."""
        if self.calendar is None:
            return ()
        years = range(since.astimezone(self.zone).year, until.astimezone(self.zone).year + 1)
        return tuple(year for year in years if not self.calendar.is_published(year))

    def _openings(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Stretches of open time from ``at`` on, in order and apart, in UTC."""
        reached = at.astimezone(timezone.utc)
        first = at.astimezone(self.zone).date()
        for number in range(-1, FARTHEST):  # a shift of the day before may last until now
            day = first + number * _DAY
            for shift in self.shifts(day):
                start, end = self._moment(day, shift.start, fold=0), self._moment(day, shift.end, fold=1)
                if end > reached:
                    yield max(start, reached), end
                    reached = end

    def _moment(self, day: date, minute: int, *, fold: int) -> datetime:
        """When the wall clock says ``minute`` of ``day``, in UTC."""
        wall = datetime.combine(day, time()) + minute * _MINUTE
        moment = wall.replace(tzinfo=self.zone, fold=fold).astimezone(timezone.utc)
        if moment.astimezone(self.zone).replace(tzinfo=None) == wall:
            return moment
        return self._change(wall)

    def _change(self, wall: datetime) -> datetime:
        """The moment at which the clock leapt over ``wall``."""
        before, after = (wall.replace(tzinfo=self.zone, fold=fold).utcoffset() or _NOTHING for fold in (0, 1))
        utc = wall.replace(tzinfo=timezone.utc)
        low, high = utc - after, utc - before  # still the old offset, already the new one
        while high - low > timedelta(seconds=1):
            middle = low + (high - low) // 2
            low, high = (low, middle) if middle.astimezone(self.zone).utcoffset() == after else (middle, high)
        return high.replace(microsecond=0)
