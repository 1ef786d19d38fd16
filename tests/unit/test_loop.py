"""The week: when it begins, what its numbers count, and which issues matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cases.handover import handed_on
from chalicelib.domain.cases.ticket import SYSTEM, Move
from chalicelib.domain.changes import RowChange, events_of
from chalicelib.domain.outbound.delivery import wants
from chalicelib.domain.reports import briefing, loop
from chalicelib.domain.reports.briefing import Briefing
from chalicelib.domain.reports.loop import Problem, median
from chalicelib.errors import Invalid
from chalicelib.storage import images
from chalicelib.storage.reports.loop import telling_row
from tests.builders import AT, WORKSPACE, endpoint, ticket
from tests.builders_issues import issue
from tests.fakes.deliveries import World

SHANGHAI, BERLIN, NEW_YORK = (ZoneInfo(one) for one in ("Asia/Shanghai", "Europe/Berlin", "America/New_York"))
HOUR = timedelta(hours=1)
SPAN = loop.span_of(WORKSPACE, "2026-W47", SHANGHAI)


# --- weeks ------------------------------------------------------------------------------------------------------------


def test_a_week_is_monday_to_monday_by_the_clock_of_the_place() -> None:
    assert (SPAN.since.isoformat(), SPAN.until.isoformat()) == (
        "2026-11-16T00:00:00+08:00",
        "2026-11-23T00:00:00+08:00",
    )
    assert loop.told_at("2026-W47", NEW_YORK).isoformat() == "2026-11-23T09:00:00-05:00"
    lengths = [loop.span_of(WORKSPACE, week, BERLIN) for week in ("2026-W13", "2026-W43", "2026-W47")]
    in_hours = [(one.until.astimezone(timezone.utc) - one.since.astimezone(timezone.utc)) / HOUR for one in lengths]
    assert in_hours == [167, 169, 168]


@pytest.mark.parametrize("week", ["2026-W00", "2027-W53", "2026-47", "2026-W7", "2026-W475", ""])
def test_what_is_no_week_is_refused(week: str) -> None:
    with pytest.raises(Invalid, match=r"^A week is needed: 2026-W47\.$") as refusal:
        loop.monday_of(week)
    assert (refusal.value.code, refusal.value.pointer) == ("unknown_week", "/week")


@given(st.dates(date(2021, 1, 1), date(2099, 12, 20)))
def test_every_day_is_in_its_week(day: date) -> None:
    monday = loop.monday_of(loop.week_of(day))
    assert monday <= day < monday + timedelta(days=7)
    noon = datetime.combine(day, time(12), BERLIN)
    assert loop.monday_of(loop.week_before(noon, BERLIN)) == monday - timedelta(days=7)


# --- times ------------------------------------------------------------------------------------------------------------


def test_half_open_cases_are_not_left_out_of_the_median() -> None:
    fast = [(HOUR * number / 50, True) for number in range(1, 51)]
    slow = [(HOUR * 100, False)] * 50
    assert median([*fast, *slow]) == loop.Median(1.0, 100, 50)  # the last of the fast ones, not the 25th
    assert median([*fast, *slow, (HOUR * 100, False)]) == loop.Median(None, 101, 51)
    assert median([]) is None


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60))
def test_without_open_cases_it_is_the_ordinary_median(hours: list[int]) -> None:
    found = median([(HOUR * one, True) for one in hours])
    assert found is not None
    assert found.hours == sorted(hours)[(len(hours) - 1) // 2]


def test_what_nobody_had_to_solve_takes_no_time() -> None:
    closed = ticket(state="closed", opened_at=AT, closed_at=AT + 3 * HOUR)
    found = loop.closing_times([closed, replace(closed, state="rejected", closed_at=None)], AT + 9 * HOUR)
    assert found == loop.Median(3.0, 1, 0)
    assert loop.response_times([closed], AT) is None


# --- bounces ----------------------------------------------------------------------------------------------------------


def line(version: int, before: str, after: str, **changes: Any) -> Move:
    given_ = {"actor": "ky_1", "at": AT, "owner": "li", "departments": ("logistics",), **changes}
    return Move(version, before, after, **given_)


def test_what_the_words_of_a_customer_move_is_no_bounce_and_neither_is_what_goes_up() -> None:
    first = line(1, "", "open", actor=SYSTEM)
    reread = line(2, "open", "open", actor=SYSTEM, departments=("service",))
    up = line(3, "open", "open", actor=SYSTEM, owner="boss", departments=("service",))
    given_on = line(4, "open", "open", departments=("stores",))
    assert loop.bounces([first, reread, up, given_on]) == (given_on,)
    waits = [line(1, "accepted", "waiting_customer"), line(2, "waiting_customer", "waiting_customer", owner="wu")]
    assert loop.bounces(waits) == (waits[1],)


def test_what_goes_on_from_somebody_who_is_gone_is_no_bounce() -> None:
    """The ticket itself counts none, see ``handed_on``: nobody gave it back."""
    taken = line(1, "open", "accepted")
    handed = handed_on(ticket(state="accepted", owner="li"), "wu", at=AT)
    assert loop.bounces([taken, *handed.moves]) == ()
    assert handed.ticket.bounced == 0


# --- issues -----------------------------------------------------------------------------------------------------------


def test_three_issues_are_shown_by_cases_then_level_and_none_that_was_over_before() -> None:
    early = SPAN.since - timedelta(days=9)
    old = {"opened_at": early, "updated_at": early}
    problems = [
        Problem(issue(id="is_l1", level="L1", **old), 1),
        Problem(issue(id="is_most", level="L1", **old), 4),
        Problem(issue(id="is_l3", level="L3", **old), 1),
        Problem(issue(id="is_gone", settled_at=early, **old), 9),
        Problem(issue(id="is_merged", state="merged", **old), 9),
        Problem(issue(id="is_later", opened_at=SPAN.until), 9),
        Problem(issue(id="is_none", level="L2", **old), 0),
        Problem(issue(id="is_now_closed", state="closed", settled_at=SPAN.since, **old), 2),
    ]
    assert [one.issue.id for one in loop.ranked(problems, SPAN)] == ["is_most", "is_now_closed", "is_l3"]
    quiet = [problems[6]]
    assert [one.issue.id for one in loop.ranked(quiet, SPAN)] == ["is_none"]
    assert loop.ranked(quiet, replace(SPAN, unit="SH/001")) == ()


# --- links and events -------------------------------------------------------------------------------------------------


def test_a_link_names_all_that_the_number_counted() -> None:
    parts = urlsplit(loop.link(replace(SPAN, unit="上海/门店 1&2"), "heard", topic="logistics"))
    assert parts.path == "/v1/loop/feedback"
    assert dict(parse_qsl(parts.query)) == {
        "workspace": WORKSPACE,
        "number": "heard",
        "since": "2026-11-15T16:00:00Z",
        "until": "2026-11-22T16:00:00Z",
        "unit": "上海/门店 1&2",
        "topic": "logistics",
    }


def told(**changes: Any) -> RowChange:
    row = {
        "workspace": WORKSPACE,
        "type": "loop.week",
        "subject": "week#",
        "slot": "2026-W47",
        "told": '{"week":"2026-W47","unit":null}',
    }
    return RowChange("telling", None, {**row, **changes}, AT)


def test_what_is_told_is_an_event_with_an_id_of_its_own_for_each_slot() -> None:
    (event,) = events_of(told(), lambda *_: True)
    assert (event.type, event.detail) == ("loop.week", {"week": "2026-W47", "unit": None})
    ids = {events_of(one, lambda *_: True)[0].id for one in (told(), told(slot="2026-W48"), told(subject="week#SH"))}
    assert len(ids) == 3
    assert events_of(replace(told(), old={}), lambda *_: True) == ()


def test_a_week_goes_to_who_asked_for_that_whole_and_a_digest_to_its_endpoint_alone() -> None:
    whole = endpoint(events=("loop.week",))
    shop = endpoint(events=("loop.week",), settings={"filter": {"units": ["SH/001"], "min_severity": "critical"}})
    assert [wants(whole, "loop.week", {"unit": unit}) for unit in (None, "SH/001")] == [True, False]
    assert [wants(shop, "loop.week", {"unit": unit}) for unit in (None, "SH/001", "SH/001/a")] == [False, True, False]
    assert not wants(endpoint(events=("ticket.opened",)), "loop.week", {"unit": None})
    assert wants(endpoint(id="ep_a", events=("ticket.opened",)), "digest.ready", {"endpoint_id": "ep_a"})
    assert not wants(endpoint(id="ep_b", events=("digest.ready",)), "digest.ready", {"endpoint_id": "ep_a"})


@pytest.mark.parametrize(
    ("detail", "name", "events"),
    [
        (loop.detail(loop.Loop(SPAN, "2026-W47", dict.fromkeys(loop.NUMBERS, 2))), "loop", ("loop.week",)),
        ({"endpoint_id": "ep_one", "digest_id": "dg_1", "kind": "topics", "counts": []}, "digest", ()),
    ],
)
def test_a_row_that_is_written_becomes_one_signed_message(detail: Any, name: str, events: tuple[str, ...]) -> None:
    telling = loop.Telling(f"{name}.{'week' if name == 'loop' else 'ready'}", WORKSPACE, f"{name}#", "2026-W47", detail)
    image = telling_row(telling, AT).serialize()
    stream = {"Keys": {"pk": image["pk"], "sk": image["sk"]}, "NewImage": image, "ApproximateCreationDateTime": 1.0}
    (change,) = images.changes([{"dynamodb": stream}])
    (event,) = events_of(change, lambda *_: True)
    world = World(endpoint(events=events))
    world.publish(event.as_detail(), event.as_detail())
    world.run()
    ((_, _, body),) = world.target.received
    assert body["data"][name] == {key: value for key, value in detail.items() if key not in ("endpoint_id", "severity")}
    assert world.only.state == "delivered"


# --- digests ----------------------------------------------------------------------------------------------------------


def order(**changes: Any) -> Briefing:
    values = {"every": "day", "at": time(9), "kind": "unit", "unit": "SH/001", "created_at": AT, "by": "ky_1"}
    return Briefing(WORKSPACE, "dg_1", "ep_one", **{**values, **changes})


@given(
    st.integers(0, 2 * 366 * 24 * 60).map(lambda minutes: AT + timedelta(minutes=minutes)),
    st.sampled_from(["day", "week"]),
    st.sampled_from([SHANGHAI, BERLIN, NEW_YORK]),
    st.times(),
)
def test_slots_follow_each_other_without_a_gap(after: datetime, every: str, zone: ZoneInfo, at: time) -> None:
    one = order(every=every, at=at.replace(second=0, microsecond=0))
    slot = briefing.next_slot(one, after, zone)
    following = briefing.next_slot(one, slot, zone)
    assert after < slot <= after + (briefing.step(one) + HOUR * 2)
    assert briefing.before(one, following, zone) == slot
    assert every == "day" or slot.weekday() == 0
