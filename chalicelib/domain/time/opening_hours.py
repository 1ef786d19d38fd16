"""When a unit is open, as people write it: ``mon-fri 09:00-12:00,13:30-18:00; sat 10:00-16:00; holiday closed``. Pure.

Entries are divided by semicolons. Each names days (``mon``, ``mon-fri``, ``sat,sun``, ``daily``, ``holiday``,
``makeup``) and then shifts, or ``closed``, or ``24h``. A shift may go over midnight (``18:00-02:00``): it belongs to
the day on which it begins. What is not named is closed; two exceptions:

* ``makeup``, a weekend day on which people work because of a holiday elsewhere (调休), has the hours of the first
  weekday, Monday to Friday, that has some;
* ``holiday`` is closed. A shop that is open as ever on holidays follows no calendar.

Single days are written the same way: ``2026-11-11 closed; 2026-12-24/2026-12-26 10:00-14:00``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

DAY: Final = 24 * 60  # minutes
WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY: Final = "holiday"
MAKEUP: Final = "makeup"
MOST_SHIFTS: Final = 8  # of one day
MOST_DAYS: Final = 1000  # named one by one
LONGEST_RANGE: Final = 366  # days from first to last

_TIME: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")
_DATES: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:/([0-9]{4}-[0-9]{2}-[0-9]{2}))?")


class Shift(NamedTuple):
    """Minutes of the day on which it begins; ``end`` is beyond 1440 when it goes over midnight."""

    start: int
    end: int


Shifts = tuple[Shift, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """``week`` is Monday to Sunday. ``makeup`` None: the hours of a weekday."""

    week: tuple[Shifts, ...]
    holiday: Shifts = ()
    makeup: Shifts | None = None

    @property
    def made_up(self) -> Shifts:
        """The hours of a make-up day."""
        if self.makeup is not None:
            return self.makeup
        return next((shifts for shifts in self.week[:5] if shifts), ())


OFFICE: Final = Hours(week=((Shift(9 * 60, 18 * 60),),) * 5 + ((), ()))  # where nobody says anything


def hours(text: str) -> Hours:
    """The week that ``text`` describes. Raises ValueError, with words for whoever wrote it."""
    named: dict[str, Shifts] = {}
    for days, shifts in _entries(text):
        for day in _days(days):
            if day in named:
                raise ValueError(f"{day} is named twice.")
            named[day] = _shifts(shifts)
    week = tuple(named.get(day, ()) for day in WEEK)
    if not any(week):
        raise ValueError("No day of the week has opening hours.")
    return Hours(week, named.get(HOLIDAY, ()), named.get(MAKEUP))


def single_days(text: str) -> dict[date, Shifts]:
    """Day → its shifts, empty when closed. Raises ValueError."""
    found: dict[date, Shifts] = {}
    for days, shifts in _entries(text):
        read = _shifts(shifts)
        for day in _range(days):
            if day in found:
                raise ValueError(f"{day} is named twice.")
            if len(found) == MOST_DAYS:
                raise ValueError(f"More than {MOST_DAYS} single days are named.")
            found[day] = read
    return found


def dates(text: str) -> tuple[date, date]:
    """First and last day of ``2026-11-20`` or ``2026-11-20/2026-11-25``. Raises ValueError."""
    match = _DATES.fullmatch(text.strip())
    if not match:
        raise ValueError("A day is written 2026-11-20, several as 2026-11-20/2026-11-25.")
    try:
        first, last = date.fromisoformat(match[1]), date.fromisoformat(match[2] or match[1])
    except ValueError:
        raise ValueError("There is no such day.") from None
    if last < first:
        raise ValueError("The last day lies before the first.")
    return first, last


def written_dates(first: date, last: date) -> str:
    """What ``dates`` reads."""
    return first.isoformat() if first == last else f"{first.isoformat()}/{last.isoformat()}"


def written_hours(one: Hours) -> str:
    """What ``hours`` reads, days of equal hours together."""
    parts = [f"{_span(first, last)} {_written(shifts)}" for first, last, shifts in _runs(one.week) if shifts]
    if one.holiday:
        parts.append(f"{HOLIDAY} {_written(one.holiday)}")
    if one.makeup is not None:
        parts.append(f"{MAKEUP} {_written(one.makeup)}")
    return "; ".join(parts)


def written_days(days: Mapping[date, Shifts]) -> str:
    """What ``single_days`` reads, neighbours of equal hours together."""
    parts: list[tuple[date, date, Shifts]] = []
    for day, shifts in sorted(days.items()):
        if parts and parts[-1][1] + timedelta(days=1) == day and parts[-1][2] == shifts and _fits(parts[-1][0], day):
            parts[-1] = (parts[-1][0], day, shifts)
        else:
            parts.append((day, day, shifts))
    return "; ".join(f"{written_dates(first, last)} {_written(shifts)}" for first, last, shifts in parts)


def _fits(first: date, last: date) -> bool:
    return (last - first).days < LONGEST_RANGE


def _entries(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(";"):
        if not part.strip():
            continue
        days, _, shifts = part.strip().partition(" ")
        if not shifts.strip():
            raise ValueError("Days and their hours are written as: mon-fri 09:00-18:00.")
        yield days.strip(), shifts


def _days(text: str) -> list[str]:
    """The names of days that an entry begins with."""
    found: list[str] = []
    for part in text.lower().split(","):
        first, dash, last = part.partition("-")
        if part == "daily":
            found.extend(WEEK)
        elif part in (*WEEK, HOLIDAY, MAKEUP):
            found.append(part)
        elif dash and first in WEEK and last in WEEK and WEEK.index(first) < WEEK.index(last):
            found.extend(WEEK[WEEK.index(first) : WEEK.index(last) + 1])
        else:
            raise ValueError("Days are mon, tue … sun, mon-fri, daily, holiday or makeup.")
    return found


def _range(text: str) -> Iterator[date]:
    first, last = dates(text)
    if not _fits(first, last):
        raise ValueError(f"More than {LONGEST_RANGE} days in one range.")
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _shifts(text: str) -> Shifts:
    text = text.strip().lower()
    if text == "closed":
        return ()
    if text == "24h":
        return (Shift(0, DAY),)
    shifts = sorted(_shift(part.strip()) for part in text.split(","))
    if len(shifts) > MOST_SHIFTS:
        raise ValueError(f"A day has at most {MOST_SHIFTS} shifts.")
    for earlier, later in pairwise(shifts):
        if later.start < earlier.end:
            raise ValueError("Two shifts of a day overlap.")
    return tuple(shifts)


def _shift(text: str) -> Shift:
    first, _, last = text.partition("-")
    start, end = _minute(first.strip()), _minute(last.strip())
    if start in (DAY, end):
        raise ValueError("A shift ends at another time than it begins; the whole day is 24h.")
    return Shift(start, end if end > start else end + DAY)


def _minute(text: str) -> int:
    match = _TIME.fullmatch(text)
    if not match or (match[1] == "24" and match[2] != "00"):
        raise ValueError("A shift is written 09:00-18:00, the hours of a day as closed, 24h or several shifts.")
    return int(match[1]) * 60 + int(match[2])


def _runs(week: Sequence[Shifts]) -> Iterator[tuple[int, int, Shifts]]:
    """First and last number of neighbouring days that have equal hours."""
    first = 0
    for number in range(1, len(week) + 1):
        if number == len(week) or week[number] != week[first]:
            yield first, number - 1, week[first]
            first = number


def _span(first: int, last: int) -> str:
    if (first, last) == (0, 6):
        return "daily"
    return WEEK[first] if first == last else f"{WEEK[first]}-{WEEK[last]}"


def _written(shifts: Shifts) -> str:
    return ",".join(f"{_clock(one.start)}-{_clock(one.end)}" for one in shifts) or "closed"


def _clock(minute: int) -> str:
    minute = minute - DAY if minute > DAY else minute
    return f"{minute // 60:02d}:{minute % 60:02d}"
