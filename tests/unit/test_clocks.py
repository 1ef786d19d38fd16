"""One clock: what is left of it over pauses, other promises and newer calendars, and what it asks for when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.calendars import book
from chalicelib.domain.time.calendar import BusinessTime, Calendar, Holiday, Year
from chalicelib.domain.time.clocks import (
    BREACH,
    ESCALATE,
    REMIND,
    Clock,
    Clocks,
    Pace,
    Quiet,
    begun,
    met,
    moved,
    noted,
    paused,
    recounted,
    resumed,
    strikes,
    struck,
)
from chalicelib.domain.time.opening_hours import hours
from chalicelib.storage.cases import clock_rows

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ALWAYS = Pace(BusinessTime(ZoneInfo("UTC"), hours("daily 24h")), 0.8)
AT = datetime(2026, 3, 6, 1, 0, tzinfo=timezone.utc)  # a Friday, 9:00 in Shanghai


def china(last: int) -> Calendar:
    """China's calendar when ``last`` was the last year that was published."""
    known = book.calendar("CN")
    assert known is not None
    return Calendar("CN", {year: one for year, one in known.years.items() if year <= last})


def office(zone: ZoneInfo = SHANGHAI, week: str = "mon-fri 09:00-12:00,13:30-18:00", last: int = 2026) -> Pace:
    return Pace(BusinessTime(zone, hours(week), china(last)), 0.8)


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def as_told(at: datetime) -> datetime:
    """No quiet hours."""
    return at


def running(clock: Clock, name: str = "resolution") -> Clocks:
    return Clocks("medium", None, 0).having({name: clock})


# --- deadlines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "amount", "due"),
    [
        ("2026-02-13 16:30", 8, "2026-02-14 17:00"),
        ("2026-02-13 16:30", 10, "2026-02-24 10:00"),
        ("2026-02-14 20:00", 4, "2026-02-24 14:30"),
        ("2025-09-30 17:00", 4, "2025-10-09 12:00"),
        ("2026-03-06 12:30", 1, "2026-03-06 14:30"),
        ("2026-03-06 16:30", 4, "2026-03-09 11:30"),
        ("2024-10-12 09:00", 8, "2024-10-14 09:30"),  # a make-up Saturday of another year
        ("2025-01-26 17:00", 2, "2025-01-27 10:00"),  # a make-up Sunday
    ],
)
def test_a_clock_is_due_to_the_minute_over_holidays_and_make_up_days(start: str, amount: int, due: str) -> None:
    clock = begun(amount * HOUR, office(), local(start))
    assert (clock.due_at, clock.unpublished) == (local(due), ())


@pytest.mark.parametrize(
    ("zone", "start", "due"),
    [
        ("America/New_York", "2026-03-07 22:00", "2026-03-08 07:00"),  # the night that is an hour short
        ("America/New_York", "2026-10-31 22:00", "2026-11-01 05:00"),  # the night that is an hour long
        ("Europe/Berlin", "2027-03-27 22:00", "2027-03-28 07:00"),
        ("Australia/Lord_Howe", "2026-10-03 22:00", "2026-10-04 06:30"),  # half an hour
    ],
)
def test_a_night_on_which_the_clock_is_changed_counts_what_passes(zone: str, start: str, due: str) -> None:
    place = ZoneInfo(zone)
    pace = Pace(BusinessTime(place, hours("daily 24h")), 0.8)
    assert begun(8 * HOUR, pace, local(start, place)).due_at == local(due, place)


@pytest.mark.parametrize(("start", "years"), [("2026-12-28 09:00", (2027,)), ("2026-12-01 09:00", ())])
def test_a_deadline_beyond_the_last_published_year_is_provisional(start: str, years: tuple[int, ...]) -> None:
    clock = begun(40 * HOUR, office(), local(start))
    assert clock.unpublished == years
    assert clock.due_at is not None


def test_a_newer_calendar_counts_a_provisional_deadline_again_from_where_it_was_counted() -> None:
    clock = begun(40 * HOUR, office(), local("2026-12-28 09:00"))
    known = china(2026)
    day = local("2026-12-31 00:00").date() + timedelta(days=1)
    newer = replace(known, years={**known.years, 2027: Year(True, (Holiday(day, {"en": "New Year"}),))})
    pace = Pace(replace(office().time, calendar=newer), 0.8)
    after = recounted(clock, pace)
    assert (clock.due_at, after.due_at) == (local("2027-01-04 11:30"), local("2027-01-05 11:30"))
    assert (after.unpublished, after.remind_at) == ((), local("2027-01-04 11:00"))
    assert recounted(after, pace) == after
    assert recounted(met(clock, local("2026-12-29 10:00")), pace).unpublished == (2027,), "what is over is left alone"


def test_a_unit_that_never_opens_that_long_has_no_deadline_and_no_alarm() -> None:
    clock = begun(timedelta(days=365 * 20), office(), AT)
    assert (clock.due_at, clock.remind_at, strikes(running(clock), as_told, AT)) == (None, None, [])


# --- pauses -------------------------------------------------------------------------------------------------------


def test_waiting_for_the_customer_stops_the_clock_and_what_was_left_goes_on() -> None:
    clock = paused(begun(8 * HOUR, office(), local("2026-03-06 09:00")), office(), local("2026-03-06 11:00"))
    assert (clock.due_at, clock.left, clock.paused_at) == (None, 6 * HOUR, local("2026-03-06 11:00"))
    assert strikes(running(clock), as_told, AT) == []
    on = resumed(clock, office(), local("2026-03-09 14:00"))
    assert (on.due_at, on.paused_at) == (local("2026-03-10 11:00"), None)
    assert resumed(on, office(), local("2026-03-10 10:00")) == on


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, 60 * 24 * 30), min_size=2, max_size=8, unique=True).map(sorted))
def test_however_often_it_is_paused_the_open_time_that_counts_is_what_was_promised(cuts: list[int]) -> None:
    pace, start = office(), local("2026-01-05 09:00")
    clock, used, on_since = begun(60 * HOUR, pace, start), timedelta(), start
    for number, minute in enumerate(cuts):
        at = start + minute * MINUTE
        if number % 2 == 0:
            before = noted(clock, at)
            clock = paused(clock, pace, at)
            if before.breached_at is not None:
                assert clock == before, "what is broken is not paused"
                return
            used += pace.time.between(on_since, at)
        else:
            clock, on_since = resumed(clock, pace, at), at
    if clock.paused_at is None:
        assert clock.due_at is not None
        used += pace.time.between(on_since, clock.due_at)
        assert used == 60 * HOUR
    else:
        assert used + clock.left == 60 * HOUR


@settings(max_examples=60, deadline=None)
@given(minutes=st.integers(1, 3000), share=st.floats(0.05, 0.95), start=st.integers(0, 60 * 24 * 20))
def test_the_reminder_comes_after_its_share_and_before_the_deadline(minutes: int, share: float, start: int) -> None:
    pace = office()._replace(share=share)
    at = local("2026-02-01 00:00") + start * MINUTE
    clock = begun(minutes * MINUTE, pace, at)
    assert clock.remind_at is not None
    assert clock.due_at is not None
    assert at <= clock.remind_at <= clock.due_at
    assert pace.time.between(at, clock.remind_at) == pytest.approx(minutes * MINUTE * share, abs=timedelta(seconds=1))


# --- other promises -----------------------------------------------------------------------------------------------


def test_another_promise_keeps_what_was_used_and_another_unit_its_own_hours() -> None:
    clock = begun(8 * HOUR, ALWAYS, AT)
    stricter = moved(clock, 4 * HOUR, ALWAYS, ALWAYS, AT + 3 * HOUR)
    assert (stricter.due_at, stricter.left) == (AT + 4 * HOUR, HOUR)
    too_late = moved(clock, 2 * HOUR, ALWAYS, ALWAYS, AT + 3 * HOUR)
    assert too_late.due_at == AT + 3 * HOUR
    elsewhere = moved(clock, 8 * HOUR, ALWAYS, office(), local("2026-03-06 17:00"))
    assert elsewhere.due_at == local("2026-03-06 17:00"), "the eight hours were over with 17:00"


def test_another_promise_changes_what_is_left_of_a_paused_clock() -> None:
    clock = paused(begun(8 * HOUR, ALWAYS, AT), ALWAYS, AT + 2 * HOUR)
    assert moved(clock, 4 * HOUR, ALWAYS, ALWAYS, AT + 9 * HOUR).left == 2 * HOUR
    assert moved(clock, HOUR, ALWAYS, ALWAYS, AT + 9 * HOUR).left == timedelta()


def test_a_broken_promise_stays_broken_whatever_is_promised_then() -> None:
    clock = begun(HOUR, ALWAYS, AT)
    after = moved(clock, 9 * HOUR, ALWAYS, ALWAYS, AT + 2 * HOUR)
    assert (after.breached_at, after.due_at) == (AT + HOUR, AT + HOUR)


# --- what it asks for ---------------------------------------------------------------------------------------------


def test_a_reminder_then_a_breach_and_then_nothing() -> None:
    clock = begun(10 * HOUR, ALWAYS, AT)
    first, second = strikes(running(clock), as_told, AT)
    assert (first.what, first.at, second.what, second.at) == (REMIND, AT + 8 * HOUR, BREACH, AT + 10 * HOUR)
    clock = struck(clock, REMIND, first.at, tell=True)
    assert [one.what for one in strikes(running(clock), as_told, first.at)] == [BREACH]
    clock = struck(clock, BREACH, second.at, tell=True)
    assert (clock.breached_at, clock.escalated_at) == (second.at, second.at)
    assert strikes(running(clock), as_told, second.at) == []


def test_a_promise_that_is_kept_late_is_broken_though_nobody_was_told() -> None:
    clock = met(begun(HOUR, ALWAYS, AT), AT + 2 * HOUR)
    assert (clock.met_at, clock.breached_at, clock.escalated_at) == (AT + 2 * HOUR, AT + HOUR, None)
    assert met(begun(HOUR, ALWAYS, AT), AT + HOUR).breached_at is None, "on the minute is in time"
    assert met(clock, AT + 9 * HOUR) == clock


def nights(at: datetime) -> datetime:
    """Quiet from 8 hours after AT to 14 hours after it."""
    return AT + 14 * HOUR if AT + 8 * HOUR <= at < AT + 14 * HOUR else at


@pytest.mark.parametrize(
    ("quiet", "expected"), [(as_told, [(REMIND, 8), (BREACH, 10)]), (nights, [(BREACH, 10)])], ids=["told", "quiet"]
)
def test_quiet_hours_put_off_a_reminder_and_never_the_breach(quiet: Quiet, expected: list[tuple[str, int]]) -> None:
    found = strikes(running(begun(10 * HOUR, ALWAYS, AT)), quiet, AT)
    assert [(one.what, (one.at - AT) // HOUR) for one in found] == expected


def test_a_breach_in_quiet_hours_is_of_its_time_and_told_when_they_are_over() -> None:
    clock = struck(begun(10 * HOUR, ALWAYS, AT), BREACH, AT + 10 * HOUR, tell=False)
    assert (clock.breached_at, clock.escalated_at) == (AT + 10 * HOUR, None)
    (strike,) = strikes(running(clock), nights, AT + 10 * HOUR)
    assert (strike.what, strike.at) == (ESCALATE, AT + 14 * HOUR)
    assert struck(clock, ESCALATE, strike.at, tell=True).breached_at == AT + 10 * HOUR


def test_reminders_come_before_breaches_of_the_same_moment_and_the_soonest_first() -> None:
    clocks = running(begun(10 * HOUR, ALWAYS, AT)).having({"first_response": begun(8 * HOUR, ALWAYS, AT)})
    told = [(one.what, one.clock, (one.at - AT) / HOUR) for one in strikes(clocks, as_told, AT)]
    assert told == [
        (REMIND, "first_response", 6.4),
        (REMIND, "resolution", 8),
        (BREACH, "first_response", 8),
        (BREACH, "resolution", 10),
    ]


def test_clocks_lie_in_a_row_as_they_were() -> None:
    clock = paused(struck(begun(10 * HOUR, ALWAYS, AT), REMIND, AT + HOUR, tell=True), ALWAYS, AT + 2 * HOUR)
    provisional = begun(40 * HOUR, office(), local("2026-12-28 09:00"))
    clocks = replace(running(clock), first_response=provisional, alarm=AT, marks=("CN#2027",))
    assert clock_rows.unpacked(json.loads(json.dumps(clock_rows.packed(clocks)))) == clocks
    assert clock_rows.unpacked(clock_rows.packed(None)) is None
