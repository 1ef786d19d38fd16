"""By when, in words of the reader's language and time zone.

``near`` is for what is read once, soon after it was sent. ``dated`` is for an item that stays: tomorrow, "today" in it
would be wrong, and a repeated create would not be the same request.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_DAYS: Final = {0: ("今天", "today"), 1: ("明天", "tomorrow"), 2: ("后天", "")}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS: Final = ((86_400, "天", "day"), (3_600, "小时", "hour"), (60, "分钟", "minute"))


def near(due: datetime, now: datetime, zone: str, lang: str) -> str:
    """``今天 18:00 前``, ``by 9:00 tomorrow``, ``已超时 3 小时``; a day further away is named by its date."""
    if now >= due:
        return _over(now - due, lang)
    place, mark = _place(zone)
    day, clock = _local(due, place)
    today = now.astimezone(place).date()
    zh, en = _DAYS.get((day - today).days, ("", ""))
    if not (zh if lang == "zh-CN" else en):
        return _said(day, clock, mark, today.year, lang)
    return f"{zh} {clock}{mark} 前" if lang == "zh-CN" else f"by {clock}{mark} {en}"


def dated(due: datetime, zone: str, lang: str, *, since: datetime) -> str:
    """``11月22日 18:00 前``, ``by 18:00 on 22 Nov``; with the year where it is not that of ``since``."""
    place, mark = _place(zone)
    day, clock = _local(due, place)
    return _said(day, clock, mark, since.astimezone(place).year, lang)


def moment(at: datetime, zone: str, lang: str) -> str:
    """A moment that has been: ``11月20日 9:05``, ``9:05 on 20 Nov``."""
    place, mark = _place(zone)
    local = at.astimezone(place)
    clock = f"{local.hour}:{local.minute:02d}{mark}"
    return f"{_date(local.date(), None, lang)} {clock}" if lang == "zh-CN" else f"{clock} on {_date(local, None, lang)}"


@lru_cache(maxsize=64)
def _place(zone: str) -> tuple[tzinfo, str]:
    """The zone, and what must be said with a time where the name is not known (it was checked when it was set)."""
    try:
        return ZoneInfo(zone), ""
    except (KeyError, ValueError, OSError):
        return timezone.utc, " UTC"


def _local(due: datetime, place: tzinfo) -> tuple[date, str]:
    """Day and clock; midnight is the end of the day before it, the seconds after it are not."""
    local = due.astimezone(place)
    if local.time() == time():
        return local.date() - timedelta(days=1), "24:00"
    return local.date(), f"{local.hour}:{local.minute:02d}"


def _said(day: date, clock: str, mark: str, year: int, lang: str) -> str:
    named = _date(day, year, lang)
    return f"{named} {clock}{mark} 前" if lang == "zh-CN" else f"by {clock}{mark} on {named}"


def _date(day: date, year: int | None, lang: str) -> str:
    """Without its year where that is ``year`` or nobody asked."""
    other = year is not None and day.year != year
    if lang == "zh-CN":
        return f"{day.year}年{day.month}月{day.day}日" if other else f"{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]}" + (f" {day.year}" if other else "")


def _over(late: timedelta, lang: str) -> str:
    """How long it is over, in the largest unit that fits."""
    for seconds, zh, en in _UNITS:
        count = int(late.total_seconds()) // seconds
        if count:
            return f"已超时 {count} {zh}" if lang == "zh-CN" else f"{count} {en}{'s' if count > 1 else ''} overdue"
    return "刚刚超时" if lang == "zh-CN" else "overdue just now"
