"""The sweep: what is due goes out, nothing is forgotten when a run dies, nothing is sent without need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.events import feedback_event
from chalicelib.domain.reading.rollup import Bucket
from chalicelib.errors import Retryable
from chalicelib.services.sweep import CURSOR, LONGEST, MOST_RESENT, Sweep, is_resent
from tests.builders import AT, feedback
from tests.fakes.tickets import FakeClock, FakeDue, FakeFeedback, FakeQueue

MINUTE = timedelta(minutes=1)


@dataclass
class FakeBuckets:
    hours: dict[str, list[Bucket]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def of_hour(self, hour: str) -> Iterator[Bucket]:
        self.asked.append(hour)
        yield from self.hours.get(hour, [])


@dataclass
class World:
    """The last run was one minute ago."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(AT + timedelta(seconds=20)))
    feedback: FakeFeedback = field(default_factory=FakeFeedback)
    due: FakeDue = field(default_factory=lambda: FakeDue(positions={CURSOR: (AT - MINUTE).isoformat()}))
    buckets: FakeBuckets = field(default_factory=FakeBuckets)
    queues: dict[str, FakeQueue] = field(
        default_factory=lambda: {name: FakeQueue() for name in ("tickets", "alerts", "deliveries", "rollups")}
    )

    def run(self) -> Any:
        return Sweep(self.feedback, self.due, self.buckets, self.queues, self.clock)()

    def sent(self) -> dict[str, int]:
        return {name: len(queue.sent) for name, queue in self.queues.items() if queue.sent}


# --- actions ------------------------------------------------------------------------------------------------------


def test_an_action_that_waits_for_five_minutes_is_sent_to_its_own_queue() -> None:
    world = World()
    both = frozenset({"ticket", "alert"})
    waiting = feedback(awaiting=both, awaiting_since=AT - timedelta(minutes=5, seconds=30))
    world.feedback.add(waiting)
    assert world.run().actions == 2
    detail = {"detail": feedback_event(waiting).as_detail()}
    assert (world.queues["tickets"].sent, world.queues["alerts"].sent) == ([detail], [detail])


@pytest.mark.parametrize("age", [timedelta(minutes=4, seconds=59), timedelta(minutes=7), timedelta(minutes=59)])
def test_what_is_not_at_an_age_of_resending_is_left_alone(age: timedelta) -> None:
    world = World()
    world.feedback.add(feedback(awaiting_since=AT - age))
    assert (world.run().actions, world.sent()) == (0, {})


def test_what_is_done_or_gone_by_the_time_it_is_read_is_not_sent() -> None:
    """The index says that both wait; it is eventually consistent."""
    world = World()
    world.feedback.add(feedback(awaiting=frozenset(), awaiting_since=None))
    world.feedback.listed = [("acme", "fb_one"), ("acme", "fb_gone")]
    assert (world.run().actions, world.sent()) == (0, {})


def test_a_wait_of_hours_is_sent_again_at_growing_ages_then_hourly() -> None:
    world = World()
    world.feedback.add(feedback(awaiting_since=AT))
    ages = []
    for minute in range(1, 241):
        world.clock.now = AT + minute * MINUTE + timedelta(seconds=5)
        before = len(world.queues["tickets"].sent)
        world.run()
        ages += [minute] * (len(world.queues["tickets"].sent) - before)
    assert ages == [6, 11, 21, 41, 61, 121, 181]  # in the first run after each age


@given(
    since=st.integers(0, 3000),
    cuts=st.lists(st.integers(0, 3000), min_size=2, max_size=8, unique=True).map(sorted),
)
def test_no_age_is_skipped_however_the_minutes_are_cut_into_runs(since: int, cuts: list[int]) -> None:
    """Runs that join each other send exactly when one run over every single minute would."""
    began = AT + since * MINUTE
    whole = any(is_resent(began, AT + m * MINUTE, AT + (m + 1) * MINUTE) for m in range(cuts[0], cuts[-1]))
    parts = [is_resent(began, AT + one * MINUTE, AT + other * MINUTE) for one, other in pairwise(cuts)]
    assert any(parts) is whole


def test_after_an_outage_a_run_sends_a_bounded_part_and_what_is_due_comes_first() -> None:
    world = World()
    since = AT - timedelta(minutes=5, seconds=30)
    world.feedback.add(*(feedback(id=f"fb_{number}", awaiting_since=since) for number in range(MOST_RESENT + 5)))
    world.due.add(AT - timedelta(seconds=10), "tickets", {"due": True}, key="row")
    swept = world.run()
    assert (swept.actions, swept.due) == (MOST_RESENT, 1)
    assert world.queues["tickets"].sent[0] == {"due": True}


def test_only_what_is_at_an_age_is_read() -> None:
    world = World()
    world.feedback.add(*(feedback(id=f"fb_{n}", awaiting_since=AT - timedelta(minutes=7)) for n in range(50)))
    read: list[str] = []
    world.feedback.get = lambda _, feedback_id: read.append(feedback_id)  # type: ignore[method-assign,assignment,func-returns-value]
    world.run()
    assert read == []


def test_a_feedback_that_waits_for_nothing_is_never_sent() -> None:
    assert not is_resent(None, AT, AT + timedelta(days=1))


# --- due rows -----------------------------------------------------------------------------------------------------


def test_what_was_due_in_the_minutes_passed_goes_to_its_queue_and_is_forgotten() -> None:
    world = World()
    world.due.add(AT - timedelta(seconds=10), "deliveries", {"kind": "deliver", "version": 2}, key="dl-1")
    world.due.add(AT + timedelta(seconds=10), "deliveries", {"kind": "deliver", "version": 3}, key="dl-2")
    assert world.run().due == 1
    assert world.queues["deliveries"].sent == [{"kind": "deliver", "version": 2}]
    assert [key for _, key in world.due.rows] == ["dl-2"]


def test_a_row_that_was_written_while_its_minute_was_read_is_found_by_the_next_run() -> None:
    world = World()
    world.run()
    world.due.add(AT - timedelta(seconds=10), "alerts", {}, key="late")
    world.clock.forward(minutes=1)
    assert world.run().due == 1


def test_a_run_that_dies_is_made_up_for_by_the_next() -> None:
    world = World()
    for number in range(6):
        world.due.add(AT - timedelta(seconds=10), "tickets", {"number": number}, key=f"row-{number}")
    world.queues["tickets"].broken = 2
    with pytest.raises(Retryable):
        world.run()
    assert world.due.positions[CURSOR] == (AT - MINUTE).isoformat()
    world.queues["tickets"].broken = None
    assert world.run().due == 4
    assert sorted(message["number"] for message in world.queues["tickets"].sent) == list(range(6))


def test_after_an_outage_the_runs_catch_up_minute_by_minute() -> None:
    world = World()
    start = AT - timedelta(days=1)
    world.due.positions[CURSOR] = start.isoformat()
    for hours in range(24):
        world.due.add(start + timedelta(hours=hours), "deliveries", {"hours": hours}, key=f"row-{hours}")
    until = [world.run().until for _ in range(6)]
    assert until == [start + timedelta(hours=4) * number for number in range(1, 7)]
    assert [message["hours"] for message in world.queues["deliveries"].sent] == list(range(24))


def test_the_first_run_ever_looks_back_four_hours() -> None:
    world = World(due=FakeDue())
    world.due.add(AT - timedelta(hours=3), "rollups", {}, key="early")
    assert world.run().due == 1
    assert len(world.due.taken) == LONGEST + 3


def test_a_run_reads_the_minutes_that_passed_and_no_more() -> None:
    world = World()
    for number in range(1000):
        world.due.add(AT + timedelta(hours=number), "tickets", {}, key=f"row-{number}")
    world.run()
    assert world.due.taken == [AT - number * MINUTE for number in (4, 3, 2, 1)]


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(minutes=9)])
def test_a_clock_that_steps_back_sends_nothing_twice(back: timedelta) -> None:
    world = World()
    world.due.add(AT - timedelta(seconds=10), "tickets", {}, key="row")
    world.run()
    world.clock.now -= back
    swept = world.run()
    assert (swept.due, world.sent()) == (0, {"tickets": 1})
    assert world.due.positions[CURSOR] == AT.isoformat()


# --- buckets ------------------------------------------------------------------------------------------------------


def test_the_buckets_of_an_hour_are_counted_once_more_a_day_after_it_ended() -> None:
    world = World()
    world.buckets.hours["2026-11-20T07"] = [
        Bucket("acme", "SH-001", "2026-11-20T07"),
        Bucket("b", "-", "2026-11-20T07"),
    ]
    assert world.run().buckets == 2
    mark = int(world.clock.now.timestamp() * 1000)
    assert world.queues["rollups"].sent[0] == {
        "workspace": "acme",
        "unit": "SH-001",
        "hour": "2026-11-20T07",
        "mark": mark,
    }
    world.clock.forward(minutes=1)
    assert world.run().buckets == 0


def test_every_hour_is_asked_for_once_however_long_the_runs_are() -> None:
    world = World()
    world.due.positions[CURSOR] = (AT - timedelta(hours=30)).isoformat()
    for forward in (0, 0, 0, 0, 0, 0, 0, 0, 7, 61, 200):
        world.clock.forward(minutes=forward)
        world.run()
    passed = _hours(AT - timedelta(hours=30), world.clock.now)
    assert world.buckets.asked == passed


def _hours(after: datetime, until: datetime) -> list[str]:
    """The hours whose 25 hours were over in the span."""
    start, found = after.replace(minute=0) + timedelta(hours=1), []
    while start <= until:
        found.append((start - timedelta(hours=25)).strftime("%Y-%m-%dT%H"))
        start += timedelta(hours=1)
    return found
