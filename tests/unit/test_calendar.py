"""Time that counts only while a unit is open: against published cases, and against counting minute by minute."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.calendars import book
from chalicelib.domain.time.calendar import BusinessTime, Calendar, Holiday, Year
from chalicelib.domain.time.opening_hours import hours, single_days
from chalicelib.errors import Invalid

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
OFFICE = "mon-fri 09:00-12:00,13:30-18:00"
MINUTE = timedelta(minutes=1)


def known(country: str) -> Calendar:
    found = book.calendar(country)
    assert found is not None
    return found


def until(last: int) -> Calendar:
    """China's calendar as it was when ``last`` was the last year that was published."""
    china = known("CN")
    return Calendar("CN", {year: one for year, one in china.years.items() if year <= last})


def unit(
    week: str = OFFICE, zone: ZoneInfo = SHANGHAI, calendar: Calendar | None = None, days: str = ""
) -> BusinessTime:
    return BusinessTime(zone, hours(week), calendar, single_days(days))


def is_open(one: BusinessTime, at: datetime) -> bool:
    """A wait of no length ends at once only where it is open."""
    return one.add(at, timedelta(0)).at == at


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "amount", "end"),
    [
        ("2026-02-13 16:30", 8, "2026-02-14 17:00"),
        ("2026-02-13 16:30", 10, "2026-02-24 10:00"),
        ("2026-02-14 20:00", 4, "2026-02-24 14:30"),
        ("2025-09-30 17:00", 4, "2025-10-09 12:00"),
        ("2026-03-06 12:30", 1, "2026-03-06 14:30"),
        ("2026-03-06 16:30", 4, "2026-03-09 11:30"),
        ("2024-02-09 17:00", 2, "2024-02-18 10:00"),  # the eve was no holiday; a make-up Sunday came after
        ("2026-09-30 17:00", 9, "2026-10-09 09:30"),
    ],
)
def test_hours_over_holidays_and_make_up_days(start: str, amount: int, end: str) -> None:
    counted = unit(calendar=known("CN")).add(local(start), timedelta(hours=amount))
    assert (counted.at, counted.is_provisional) == (local(end), False)


def test_a_deadline_in_a_year_that_nobody_has_published_is_provisional() -> None:
    ours = unit(calendar=until(2026))
    late = ours.add(local("2026-12-28 09:00"), timedelta(hours=40))
    assert (late.unpublished, late.is_provisional) == ((2027,), True)
    early = ours.add(local("2026-12-01 09:00"), timedelta(hours=40))
    assert (early.at, early.unpublished) == (local("2026-12-08 11:30"), ())


def test_once_the_year_is_published_the_same_deadline_is_certain_and_may_be_another() -> None:
    published = dict(until(2026).years) | {
        2027: Year(True, (Holiday(date(2027, 1, 1), {"en": "New Year's Day"}),), frozenset({date(2027, 1, 3)}))
    }
    ours = unit(calendar=Calendar("CN", published))
    counted = ours.add(local("2026-12-28 09:00"), timedelta(hours=40))
    assert (counted.at, counted.is_provisional) == (local("2027-01-04 11:30"), False)
    sunday = ours.add(local("2026-12-28 09:00"), timedelta(hours=31))
    assert sunday.at == local("2027-01-03 10:00")


def test_a_shop_that_knows_no_holidays_is_never_provisional() -> None:
    shop = unit("daily 10:00-22:00")
    counted = shop.add(local("2026-12-31 21:00"), timedelta(hours=2))
    assert (counted.at, counted.is_provisional) == (local("2027-01-01 11:00"), False)


def test_single_days_win_over_holidays() -> None:
    ours = unit(calendar=known("CN"), days="2026-10-01 10:00-12:00; 2026-09-30 closed")
    assert ours.add(local("2026-09-29 17:00"), timedelta(hours=2)).at == local("2026-10-01 11:00")


def test_an_hour_of_the_night_on_which_the_clock_goes_forward_is_not_counted_twice_or_skipped() -> None:
    around = unit("daily 24h", NEW_YORK)
    assert around.between(local("2026-03-08", NEW_YORK), local("2026-03-09", NEW_YORK)) == timedelta(hours=23)
    assert around.between(local("2026-11-01", NEW_YORK), local("2026-11-02", NEW_YORK)) == timedelta(hours=25)
    bar = unit("daily 22:00-04:00", NEW_YORK)
    assert bar.add(local("2026-03-07 22:00", NEW_YORK), timedelta(hours=5)).at == local("2026-03-08 04:00", NEW_YORK)
    gone = unit("daily 02:15-02:45", NEW_YORK)
    assert gone.between(local("2026-03-08 00:00", NEW_YORK), local("2026-03-08 12:00", NEW_YORK)) == timedelta(0)
    half = unit("daily 01:30-02:30", NEW_YORK)
    assert half.between(local("2026-03-08 00:00", NEW_YORK), local("2026-03-08 12:00", NEW_YORK)) == 30 * MINUTE
    twice = unit("daily 01:00-02:00", NEW_YORK)
    assert twice.between(local("2026-11-01 00:00", NEW_YORK), local("2026-11-01 12:00", NEW_YORK)) == 120 * MINUTE


def test_a_wait_that_ends_with_the_shift_ends_at_closing_time() -> None:
    ours = unit()
    assert ours.add(local("2026-03-06 17:00"), timedelta(hours=1)).at == local("2026-03-06 18:00")
    assert ours.add(local("2026-03-06 18:00"), timedelta(0)).at == local("2026-03-09 09:00")
    assert ours.add(local("2026-03-06 17:00"), timedelta(0)).at == local("2026-03-06 17:00")


def test_open_and_closed() -> None:
    ours = unit(calendar=known("CN"))
    moments = ("2026-02-14 10:00", "2026-02-17 10:00", "2026-03-06 12:00", "2026-03-06 11:59", "2026-03-06 13:30")
    assert [is_open(ours, local(moment)) for moment in moments] == [True, False, False, True, True]
    assert is_open(unit("daily 18:00-02:00"), local("2026-03-07 01:59"))


def test_more_time_than_there_is_in_twenty_years_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        unit("mon 09:00-09:01").add(local("2026-03-06 17:00"), timedelta(days=1))
    assert (refused.value.code, refused.value.message) == (
        "deadline_too_far",
        "There is not that much opening time in the next twenty years.",
    )
    with pytest.raises(ValueError, match="not counted backwards"):
        unit().add(local("2026-03-06 17:00"), -MINUTE)


weeks = st.sampled_from(
    [OFFICE, "daily 24h", "daily 18:00-03:00", "mon-wed 00:00-02:30,22:00-24:00; sun 01:15-02:45; holiday 10:00-11:00"]
)
zones = st.sampled_from([SHANGHAI, NEW_YORK, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")])
units = st.builds(unit, weeks, zones, st.sampled_from([None, known("CN"), known("US")]))
moments = st.integers(0, 600 * 24 * 60).map(lambda minute: datetime(2025, 1, 1, tzinfo=timezone.utc) + minute * MINUTE)
amounts = st.integers(0, 80 * 60).map(lambda minutes: minutes * MINUTE)


@settings(max_examples=80, deadline=None)
@given(units, moments, amounts)
def test_what_was_added_is_what_has_passed(one: BusinessTime, at: datetime, amount: timedelta) -> None:
    assert one.between(at, one.add(at, amount).at) == amount
    assert one.between(one.add(at, amount).at, at) == -amount


@settings(max_examples=80, deadline=None)
@given(units, moments, amounts, amounts)
def test_adding_twice_is_adding_the_sum(one: BusinessTime, at: datetime, first: timedelta, then: timedelta) -> None:
    both = one.add(at, first + then).at
    steps = one.add(one.add(at, first).at, then).at
    assert both == steps or one.between(both, steps) == timedelta(0)
    assert one.add(at, first).at <= both


@settings(max_examples=30, deadline=None)
@given(units, moments, st.integers(0, 2 * 24 * 60))
def test_counting_is_the_same_minute_by_minute(one: BusinessTime, at: datetime, minutes: int) -> None:
    open_minutes = sum(is_open(one, at + number * MINUTE) for number in range(0, minutes, 15))
    counted = sum((one.between(at + n * MINUTE, at + (n + 1) * MINUTE) for n in range(0, minutes, 15)), timedelta(0))
    assert counted == open_minutes * MINUTE


@settings(max_examples=60, deadline=None)
@given(units, moments, moments, moments)
def test_stretches_of_time_add_up(one: BusinessTime, first: datetime, second: datetime, third: datetime) -> None:
    first, second, third = sorted(
        (first, min(second, first + timedelta(days=20)), min(third, first + timedelta(days=40)))
    )
    assert one.between(first, second) + one.between(second, third) == one.between(first, third)
