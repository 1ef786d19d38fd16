"""A sliding log that lets through as much as it may, never more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chalicelib.domain.outbound.ratelimit import Limit, Window, admit, effective

ROBOT = Limit(20, 60.0)
FEISHU = (Limit(100, 60.0), Limit(5, 1.0))


def most_in_any_window(times: list[float], seconds: float) -> int:
    return max((sum(1 for time in times if start <= time <= start + seconds) for start in times), default=0)


def test_twenty_leave_at_once_and_the_next_waits_for_the_window() -> None:
    window = Window()
    for _ in range(20):
        admission = admit(window, [ROBOT], 1000.0)
        assert admission.wait == 0
        window = admission.window
    refused = admit(window, [ROBOT], 1000.0)
    assert 62 < refused.wait < 62.1, "a window and its guard"
    assert len(refused.window.times) == 20


def test_who_is_turned_away_comes_back_one_behind_the_other() -> None:
    window = Window(tuple([1000.0] * 20))
    waits = []
    for _ in range(4):
        admission = admit(window, [ROBOT], 1000.0)
        waits.append(round(admission.wait, 1))
        window = admission.window
    assert waits == [62.0, 65.1, 68.2, 71.3]


def test_a_fresh_one_does_not_overtake_who_was_told_to_come_back() -> None:
    window = Window((1000.0,), promised=1030.0)
    assert admit(window, [ROBOT], 1010.0).wait == pytest.approx(23.1)
    assert admit(window, [ROBOT], 1010.0, waited=True).wait == 0
    assert admit(window, [ROBOT], 1031.0).wait == 0


def test_what_is_urgent_takes_the_next_free_place() -> None:
    full = Window(tuple([1000.0] * 20), promised=1300.0)
    refused = admit(full, [ROBOT], 1010.0, urgent=True)
    assert 52 < refused.wait < 52.1
    assert refused.window.promised == 1300.0
    assert admit(full, [ROBOT], 1063.0, urgent=True).wait == 0


def test_who_waited_and_finds_its_place_taken_goes_behind_the_others() -> None:
    full = Window(tuple([1000.0] * 20), promised=1300.0)
    assert admit(full, [ROBOT], 1062.0, waited=True).wait == pytest.approx(241.1)


def test_those_who_leave_together_wait_for_one_window_beyond_the_next_place_at_most() -> None:
    window = Window(tuple([1000.0] * 20))
    for _ in range(500):
        admission = admit(window, [ROBOT], 1000.0, together=True)
        window = admission.window
    assert admission.wait == pytest.approx(124, abs=0.1)
    assert admit(window, [ROBOT], 1125.0).wait == 0


def test_of_twenty_places_two_are_kept_for_what_is_urgent_where_the_others_leave_together() -> None:
    window = Window(tuple([1000.0] * 18))
    assert admit(window, [ROBOT], 1010.0, waited=True, together=True).wait > 52
    assert admit(window, [ROBOT], 1010.0).wait == 0, "where each goes by itself none is kept"
    for _ in range(2):
        admission = admit(window, [ROBOT], 1010.0, urgent=True, together=True)
        assert admission.wait == 0
        window = admission.window
    assert admit(window, [ROBOT], 1010.0, urgent=True, together=True).wait > 52
    assert admit(Window((1000.0,)), [Limit(2, 60.0)], 1010.0, together=True).wait == 0, "few places are for all"


def test_a_target_that_is_closed_lets_nobody_through() -> None:
    closed = Window(closed=1600.0)
    for how in ({}, {"waited": True}, {"urgent": True}):
        assert admit(closed, [ROBOT], 1000.0, **how).wait >= 600
        assert admit(closed, [ROBOT], 1600.0, **how).wait == 0


def test_all_limits_count() -> None:
    window = Window(tuple([1000.0] * 5))
    assert admit(window, FEISHU, 1000.5).wait > 0
    assert admit(window, FEISHU, 1003.1).wait == 0


def test_a_clock_behind_ours_does_not_hide_what_left() -> None:
    window = Window(tuple([1000.5] * 20))
    assert admit(window, [ROBOT], 1000.0).wait > 60


def test_an_endpoints_rate_is_added_to_the_targets_own() -> None:
    assert effective((ROBOT,), None) == (ROBOT,)
    assert effective((), 90) == (Limit(90, 60.0, guard=0.0),)
    assert effective((ROBOT,), 600) == (ROBOT, Limit(10, 1.0, guard=0.0))


@given(
    st.lists(st.tuples(st.floats(0, 20), st.booleans(), st.booleans()), max_size=80),
    st.integers(1, 5),
    st.sampled_from([1.0, 7.5, 30.0]),
    st.booleans(),
)
def test_no_window_ever_holds_too_many(
    arrivals: list[tuple[float, bool, bool]], count: int, seconds: float, together: bool
) -> None:
    limits = [Limit(count, seconds, guard=0.0), Limit(count * 2, seconds * 3, guard=1.0)]
    window, now, left = Window(), 1_800_000_000.0, []
    for gap, waited, urgent in arrivals:
        now += gap
        admission = admit(window, limits, now, waited=waited, urgent=urgent, together=together)
        window = admission.window
        if admission.wait == 0:
            left.append(now)
        assert admission.wait >= 0
        assert not together or admission.wait <= 2 * max(limit.span for limit in limits) + 1, (
            "one window beyond the next"
        )
    for limit in limits:
        assert most_in_any_window(left, limit.seconds) <= limit.count


class ManyWorkers(RuleBasedStateMachine):
    """Whoever is turned away comes back when told: everybody leaves in the end, no window holds too many."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.window = 1000.0, Window()
        self.waiting: list[float] = []
        self.left: list[float] = []

    def _ask(self, *, waited: bool) -> None:
        admission = admit(self.window, [Limit(3, 10.0, guard=0.5)], self.now, waited=waited)
        self.window = admission.window
        if admission.wait == 0:
            self.left.append(self.now)
        else:
            self.waiting.append(self.now + admission.wait)

    @rule(several=st.integers(1, 8))
    def arrive(self, several: int) -> None:
        for _ in range(several):
            self._ask(waited=False)

    @rule()
    def come_back(self) -> None:
        if self.waiting:
            self.now = max(self.now, min(self.waiting))
            self.waiting.remove(min(self.waiting))
            self._ask(waited=True)

    @rule(seconds=st.floats(0, 15))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def never_too_many(self) -> None:
        assert most_in_any_window(self.left, 10.0) <= 3

    def teardown(self) -> None:
        budget = 40 + 4 * len(self.waiting)
        while self.waiting and budget:
            self.come_back()
            budget -= 1
        assert not self.waiting


TestManyWorkers = ManyWorkers.TestCase
