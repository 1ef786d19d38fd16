"""What is promised for a case, and its clocks through everything that may become of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cases.sla import (
    MOT_MARK,
    SHIPPED,
    Office,
    Policy,
    QuietHours,
    Timed,
    pending,
    recounted,
    struck,
    timed,
    updated,
)
from chalicelib.domain.cases.ticket import MOVES, SETTLED, Move, Resolution, Ticket, history_line, walk
from chalicelib.domain.events import ticket_events
from chalicelib.domain.time.calendar import BusinessTime, Calendar, Year
from chalicelib.domain.time.clocks import Clock
from chalicelib.domain.time.opening_hours import hours
from chalicelib.domain.vocabulary import SEVERITIES
from tests.builders import AT, ticket

HOUR = timedelta(hours=1)
ROWS = {
    "medium": {"first_response": 60, "next_update": 120, "resolution": 600},
    "critical": {"first_response": 30, "resolution": 240},
    "medium+mot": {"first_response": 30, "next_update": 60, "resolution": 300},
}
EARLY = {"SH-001": "daily 24h", "SH-002": "daily 09:00-18:00"}
WORDS = Resolution("spilt", "mopped")


def office(**changes: object) -> Office:
    """Every unit is open day and night, but for SH-002."""
    policy = replace(Policy(7, ROWS, touchpoints=("checkout",)), **changes)  # type: ignore[arg-type]
    return Office(policy, lambda unit: BusinessTime(ZoneInfo("UTC"), hours(EARLY.get(unit or "", "daily 24h"))))


def first_line(one: Ticket) -> Move:
    return Move(1, "", one.state, "echoloop", one.opened_at)


def fresh(one: Ticket | None = None, where: Office | None = None) -> Ticket:
    """A ticket as it is after its first write."""
    one = one or ticket(unit="SH-001")
    return timed(one, (first_line(one),), where or office()).ticket


def after(one: Ticket, *states: str, hours_on: float, where: Office | None = None) -> Ticket:
    """The ticket some moves later."""
    step = walk(one, states, actor="p", at=AT + hours_on * HOUR, given=WORDS)
    return timed(step.ticket, step.moves, where or office()).ticket


def clock(one: Ticket, name: str) -> Clock:
    assert one.clocks is not None
    return one.clocks.named()[name]


# --- rows ---------------------------------------------------------------------------------------------------------


def test_what_ships_promises_more_for_what_is_graver_and_at_moments_of_truth() -> None:
    plain = [SHIPPED.rows[severity] for severity in reversed(SEVERITIES)]
    for graver, less in pairwise(plain):
        assert all(graver[name] < less[name] for name in graver)
    for severity in SEVERITIES:
        strict = SHIPPED.rows[severity + MOT_MARK]
        assert all(strict[name] < minutes for name, minutes in SHIPPED.rows[severity].items())
        assert strict["first_response"] <= strict["next_update"] <= strict["resolution"]


@pytest.mark.parametrize(
    ("severity", "touchpoint", "row"),
    [
        ("medium", "delivery", "medium"),
        ("medium", "checkout", "medium+mot"),
        ("critical", "checkout", "critical"),
        ("medium", None, "medium"),
    ],
)
def test_a_moment_of_truth_has_the_stricter_row_where_there_is_one(severity: str, touchpoint: str, row: str) -> None:
    assert office().policy.row(severity, touchpoint) == row


# --- the life of a case -------------------------------------------------------------------------------------------


def test_a_new_case_promises_an_answer_and_an_end_and_shows_the_end() -> None:
    one = fresh()
    assert one.clocks is not None
    assert (one.clocks.row, one.clocks.policy, one.clocks.next_update) == ("medium", 7, None)
    assert clock(one, "first_response").due_at == AT + HOUR
    assert one.due_at == clock(one, "resolution").due_at == AT + 10 * HOUR
    assert one.clocks.alarm == AT + 0.8 * HOUR


def test_to_accept_is_no_answer_and_to_begin_is_one() -> None:
    accepted = after(fresh(), "accepted", hours_on=0.2)
    assert clock(accepted, "first_response").met_at is None
    begun = after(accepted, "in_progress", hours_on=0.5)
    assert clock(begun, "first_response").met_at == AT + 0.5 * HOUR
    assert clock(begun, "next_update").due_at == AT + 2.5 * HOUR


def test_waiting_for_the_customer_stops_the_end_and_the_next_update() -> None:
    waiting = after(fresh(), "accepted", "waiting_customer", hours_on=4)
    assert waiting.clocks is not None
    assert (waiting.due_at, waiting.clocks.next_update) == (None, None)
    assert clock(waiting, "resolution").left == 6 * HOUR
    on = after(waiting, "in_progress", hours_on=50)
    assert (on.due_at, clock(on, "next_update").due_at) == (AT + 56 * HOUR, AT + 52 * HOUR)


def test_what_is_resolved_while_the_customer_is_waited_for_is_in_time() -> None:
    done = after(after(fresh(), "accepted", "waiting_customer", hours_on=4), "resolved", hours_on=90)
    resolution = clock(done, "resolution")
    assert (resolution.met_at, resolution.breached_at, pending(done.clocks, done, office())) == (  # type: ignore[arg-type]
        AT + 90 * HOUR,
        None,
        [],
    )


def test_a_reopened_case_starts_anew_and_its_alarms_with_it() -> None:
    done = after(fresh(), "accepted", "resolved", hours_on=2)
    again = after(done, "reopened", hours_on=30)
    assert (again.due_at, clock(again, "first_response").due_at) == (AT + 40 * HOUR, AT + 31 * HOUR)
    assert clock(again, "resolution").met_at is None


def test_other_hands_change_no_clock() -> None:
    one = fresh()
    handed = replace(one, version=2, owner="zhang", departments=("care",), change="updated", updated_at=AT + HOUR / 2)
    line = history_line(one, handed, actor="p", reason="yours")
    assert timed(handed, (line,), office()).ticket.clocks == one.clocks


def test_what_is_merged_asks_for_nothing_and_comes_back_as_it_was() -> None:
    one = fresh()
    merged = after(one, "merged", hours_on=0.1)
    assert merged.clocks is not None
    assert merged.clocks.alarm is None
    back = walk(merged, ("open",), actor="p", at=AT + 0.2 * HOUR, given=Resolution())
    again = timed(back.ticket, back.moves, office())
    assert again.ticket.clocks == one.clocks
    assert again.alarm == AT + 0.8 * HOUR, "its alarm may have been dropped meanwhile"


def test_a_graver_case_is_promised_more_and_what_was_used_counts() -> None:
    one = fresh()
    graver = replace(one, version=2, severity="critical", change="updated", updated_at=AT + 0.25 * HOUR)
    line = history_line(one, graver, actor="echoloop", reason=None)
    known = timed(graver, (line,), office())
    assert known.ticket.clocks is not None
    assert known.ticket.clocks.row == "critical"
    assert known.ticket.due_at == AT + 4 * HOUR
    assert (clock(known.ticket, "first_response").due_at, known.alarm) == (AT + 0.5 * HOUR, AT + 0.4 * HOUR)


def test_a_case_that_turns_out_to_be_of_another_unit_goes_by_its_hours() -> None:
    one = fresh()  # 8:00 UTC
    moved = replace(one, version=2, unit="SH-002", change="updated", updated_at=AT)
    known = timed(moved, (history_line(one, moved, actor="echoloop", reason=None),), office()).ticket
    assert known.due_at == AT + 26 * HOUR, "ten hours of nine a day, from nine on"


def test_another_policy_leaves_open_cases_alone_until_they_begin_anew() -> None:
    one = fresh()
    newer = office(version=8, rows={"medium": {"resolution": 60}})
    moved = after(one, "accepted", hours_on=0.1, where=newer)
    assert moved.due_at == one.due_at
    done = after(moved, "resolved", hours_on=0.2, where=newer)
    again = after(done, "reopened", hours_on=1, where=newer)
    assert again.clocks is not None
    assert (again.due_at, again.clocks.policy, again.clocks.first_response) == (AT + 2 * HOUR, 8, None)


def test_a_case_of_before_there_were_clocks_gets_them_when_it_is_taken_up_again() -> None:
    old = ticket(state="resolved")
    line = history_line(old, replace(old, version=2), actor="p", reason=None)
    assert timed(old, (line,), office()) == Timed(old)
    assert after(old, "reopened", hours_on=1).due_at == AT + 11 * HOUR


def test_the_customer_who_was_told_is_promised_the_next_word_anew() -> None:
    begun = after(fresh(), "accepted", "in_progress", hours_on=1)
    step = updated(begun, office(), actor="p", at=AT + 2 * HOUR, reason="rang them")
    told = timed(step.ticket, step.moves, office()).ticket
    assert clock(told, "next_update").due_at == AT + 4 * HOUR
    assert (step.moves[0].reason, told.version, told.due_at) == ("rang them", begun.version + 1, begun.due_at)


def told_now(one: Ticket) -> Ticket:
    """The ticket whose customer was told how things stand, half an hour after AT."""
    step = updated(one, office(), actor="p", at=AT + HOUR / 2, reason=None)
    return timed(step.ticket, step.moves, office()).ticket


def test_a_word_to_the_customer_is_the_first_response() -> None:
    assert clock(told_now(fresh()), "first_response").met_at == AT + HOUR / 2


def test_no_update_is_promised_while_it_is_the_customer_who_is_waited_for() -> None:
    waiting = after(fresh(), "accepted", "waiting_customer", hours_on=0.2)
    assert told_now(waiting).clocks.next_update is None  # type: ignore[union-attr]


def test_the_updates_of_a_case_that_was_divided_are_promised_with_its_parts() -> None:
    whole = fresh(ticket(unit="SH-001", parts=("logistics", "care")))
    begun = after(whole, "accepted", "in_progress", hours_on=0.5)
    assert begun.clocks is not None
    assert (clock(begun, "first_response").met_at, begun.clocks.next_update) == (AT + 0.5 * HOUR, None)
    assert told_now(whole).clocks.next_update is None  # type: ignore[union-attr]


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 600)), min_size=1, max_size=12))
def test_however_a_case_moves_its_alarm_is_the_first_thing_that_is_due_and_each_alarm_is_written(
    steps: list[tuple[int, int]],
) -> None:
    """What is written with the ticket is what will be asked for, no more and no less."""
    one, at = fresh(), AT
    for choice, minutes in steps:
        ways = [state for state in MOVES[one.state] if state != "merged"]
        if not ways:
            return
        at += timedelta(minutes=minutes)
        step = walk(one, (ways[choice % len(ways)],), actor="p", at=at, given=WORDS)
        had = one.clocks.alarm if one.clocks else None
        written = timed(step.ticket, step.moves, office())
        one = written.ticket
        assert one.clocks is not None
        first = next((strike.at for strike in pending(one.clocks, one, office())), None)
        assert one.clocks.alarm == first
        assert written.alarm == (first if first != had else None)
        assert (one.state in SETTLED) <= (first is None)
        for each in one.clocks.named().values():
            assert each.breached_at is None or each.met_at is None or each.breached_at < each.met_at


# --- reminders and breaches ---------------------------------------------------------------------------------------


def due_now(one: Ticket, where: Office | None = None) -> Ticket:
    """The ticket after the first thing that it asks for, at its moment."""
    assert one.clocks is not None
    strike = pending(one.clocks, one, where or office())[0]
    step = struck(one, strike, strike.at, tell=True, above="boss")
    return timed(step.ticket, step.moves, where or office()).ticket


def test_a_reminder_and_a_breach_are_versions_with_events_of_their_own() -> None:
    reminded = due_now(fresh())
    (event,) = ticket_events(reminded)
    assert (event.type, event.detail["reason"], reminded.escalated_to) == ("ticket.reminded", "first_response", ())
    breached = due_now(reminded)
    (event,) = ticket_events(breached)
    assert (event.type, event.detail["reason"], breached.escalated_to) == (
        "ticket.escalated",
        "first_response",
        ("boss",),
    )
    assert (breached.version, clock(breached, "first_response").breached_at) == (3, AT + HOUR)
    assert breached.owner == fresh().owner, "whoever has it stays answerable"


def test_a_breach_in_quiet_hours_is_a_version_that_nobody_is_told_of() -> None:
    one = fresh()
    assert one.clocks is not None
    strike = next(each for each in pending(one.clocks, one, office()) if each.what == "breach")
    step = struck(one, strike, strike.at, tell=False, above="boss")
    assert (ticket_events(step.ticket), step.ticket.escalated_to) == ((), ())
    assert step.moves[0].reason == "breach: first_response, due 2026-11-21T09:00Z; quiet hours, told later"


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-03-06 21:59", "2026-03-06 21:59"),
        ("2026-03-06 22:00", "2026-03-07 08:00"),
        ("2026-03-07 07:59", "2026-03-07 08:00"),
        ("2026-03-07 08:00", "2026-03-07 08:00"),
    ],
)
def test_quiet_hours_go_over_midnight_by_the_units_clock(at: str, told: str) -> None:
    place = ZoneInfo("Asia/Shanghai")
    moments = [datetime.fromisoformat(text).replace(tzinfo=place) for text in (at, told)]
    assert QuietHours(22 * 60, 8 * 60).over(moments[0], place) == moments[1]


def test_quiet_hours_within_a_day_end_on_that_day() -> None:
    noon = AT.replace(hour=12, minute=30)
    assert QuietHours(12 * 60, 14 * 60).over(noon, ZoneInfo("UTC")) == AT.replace(hour=14)


def test_critical_cases_are_told_at_once_unless_quiet_hours_hold_for_them_too() -> None:
    night = AT.replace(hour=23)
    for hold, told in ((False, night), (True, AT.replace(hour=8) + timedelta(days=1))):
        where = office(quiet=QuietHours(22 * 60, 8 * 60, hold))
        assert where.quiet(ticket(severity="critical"))(night) == told
        assert where.quiet(ticket(severity="high"))(night) == AT.replace(hour=8) + timedelta(days=1)


# --- calendars ----------------------------------------------------------------------------------------------------


def at_work(last: int) -> Office:
    """China's office hours, with a calendar that ends with ``last``."""
    years = {year: Year(published=True) for year in range(2024, last + 1)}
    time = BusinessTime(ZoneInfo("UTC"), hours("mon-fri 09:00-17:00"), Calendar("CN", years, source=f"cn-{last}"))
    return Office(Policy(1, {"medium": {"resolution": 40 * 60}}), lambda _: time)


def test_a_provisional_case_is_kept_under_its_year_and_counted_again_once_with_a_line_that_says_so() -> None:
    start = datetime(2026, 12, 28, 9, tzinfo=timezone.utc)
    one = ticket(opened_at=start, updated_at=start)
    written = timed(one, (first_line(one),), at_work(2026))
    assert written.marked == ("CN#2027",)
    assert timed(written.ticket, (), at_work(2026)).marked == (), "it is kept already"
    step = recounted(written.ticket, at_work(2027), "cn-2027", start + HOUR)
    assert step is not None
    assert step.moves[0].reason == (
        "deadlines counted again by cn-2027: resolution 2027-01-01T17:00Z -> 2027-01-01T17:00Z"
    )
    again = timed(step.ticket, step.moves, at_work(2027)).ticket
    assert again.clocks is not None
    assert (again.clocks.marks, clock(again, "resolution").unpublished) == ((), ())
    assert recounted(again, at_work(2027), "cn-2027", start + HOUR) is None


def test_what_is_settled_waits_for_no_calendar() -> None:
    start = datetime(2026, 12, 28, 9, tzinfo=timezone.utc)
    one = ticket(opened_at=start, updated_at=start)
    one = timed(one, (first_line(one),), at_work(2026)).ticket
    step = walk(one, ("rejected",), actor="p", at=start, given=Resolution())
    rejected = timed(step.ticket, step.moves, at_work(2026)).ticket
    assert rejected.clocks is not None
    assert rejected.clocks.marks == ()
    assert recounted(rejected, at_work(2027), "cn-2027", start) is None
