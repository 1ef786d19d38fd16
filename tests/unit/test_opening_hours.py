"""Opening hours as people write them."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.time.opening_hours import (
    DAY,
    Hours,
    Shift,
    Shifts,
    dates,
    hours,
    single_days,
    written_dates,
    written_days,
    written_hours,
)

NINE_TO_SIX = (Shift(540, 1080),)


def test_days_are_named_alone_in_ranges_and_in_lists() -> None:
    found = hours("mon-fri 09:00-18:00; sat,sun 10:00-12:00,13:00-17:00")
    assert found.week == (NINE_TO_SIX,) * 5 + ((Shift(600, 720), Shift(780, 1020)),) * 2
    assert (found.holiday, found.made_up) == ((), NINE_TO_SIX)


def test_a_shift_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    assert hours("daily 18:00-02:00").week == ((Shift(1080, DAY + 120),),) * 7
    assert hours("daily 24h").week == ((Shift(0, DAY),),) * 7


def test_holidays_and_make_up_days_may_have_hours_of_their_own() -> None:
    found = hours("tue-sat 09:00-18:00; holiday 10:00-14:00; makeup closed")
    assert (found.holiday, found.made_up) == ((Shift(600, 840),), ())
    assert hours("tue-sat 09:00-18:00").made_up == NINE_TO_SIX


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No day of the week has opening hours."),
        ("mon closed", "No day of the week has opening hours."),
        ("mon", "Days and their hours are written as: mon-fri 09:00-18:00."),
        ("mon 9-18", "A shift is written 09:00-18:00, the hours of a day as closed, 24h or several shifts."),
        ("mon 24:30-25:00", "A shift is written 09:00-18:00, the hours of a day as closed, 24h or several shifts."),
        ("mon 09:00-12:00,11:00-18:00", "Two shifts of a day overlap."),
        ("mon 09:00-09:00", "A shift ends at another time than it begins; the whole day is 24h."),
        ("mon-fri 24h; wed closed", "wed is named twice."),
        ("fri-mon 24h", "Days are mon, tue … sun, mon-fri, daily, holiday or makeup."),
        ("someday 24h", "Days are mon, tue … sun, mon-fri, daily, holiday or makeup."),
    ],
)
def test_what_cannot_be_meant_is_refused_with_words(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        hours(text)


def test_single_days_and_ranges_of_them() -> None:
    found = single_days("2026-11-11 closed; 2026-12-24/2026-12-26 10:00-14:00")
    assert list(found) == [date(2026, 11, 11), *(date(2026, 12, day) for day in (24, 25, 26))]
    assert (found[date(2026, 11, 11)], found[date(2026, 12, 25)]) == ((), (Shift(600, 840),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-02-30", "There is no such day."),
        ("2026-11-25/2026-11-20", "The last day lies before the first."),
        ("tomorrow", "A day is written 2026-11-20, several as 2026-11-20/2026-11-25."),
    ],
)
def test_days_that_there_are_not_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        dates(text)


def test_a_range_and_a_list_of_single_days_have_an_end() -> None:
    with pytest.raises(ValueError, match="More than 366 days in one range"):
        single_days("2026-01-01/2027-06-01 closed")
    with pytest.raises(ValueError, match="More than 1000 single days"):
        single_days("2026-01-01/2026-12-31 closed; 2027-01-01/2027-12-31 closed; 2028-01-01/2028-12-31 closed")


def test_a_list_of_ranges_is_given_up_as_soon_as_it_names_too_many_days() -> None:
    years = "; ".join(f"{year}-01-01/{year}-12-31 closed" for year in range(2000, 2003))
    with pytest.raises(ValueError, match="More than 1000 single days"):  # what comes after is not even read
        single_days(f"{years}; no day at all")


def day_of(cuts: list[int]) -> Shifts:
    times = sorted(set(cuts))
    return tuple(Shift(*pair) for pair in zip(times[::2], times[1::2], strict=False))


days = st.lists(st.integers(0, DAY), max_size=6).map(day_of)
weeks = st.tuples(*[days] * 7).filter(any)


@settings(max_examples=60, deadline=None)
@given(weeks, days, st.none() | days)
def test_what_is_written_is_read_back(week: tuple[Shifts, ...], holiday: Shifts, makeup: Shifts | None) -> None:
    one = Hours(week, holiday, makeup)
    assert hours(written_hours(one)) == one


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 2, 1)), days, max_size=20))
def test_single_days_that_are_written_are_read_back(given_days: dict[date, Shifts]) -> None:
    assert single_days(written_days(given_days)) == given_days


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.integers(0, 900))
def test_dates_that_are_written_are_read_back(first: date, more: int) -> None:
    last = first + timedelta(days=more)
    assert dates(written_dates(first, last)) == (first, last)
