"""Verdicts on fixes: what is compared, when it is judged, and how often that is right, over thousands of histories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from chalicelib.domain.issues.effect import (
    LATE,
    LEAST_DAYS,
    MOST_DAYS,
    REASONS,
    VERDICTS,
    WEEK,
    Claim,
    Effect,
    Group,
    Level,
    Span,
    judge,
    needed_days,
    numbers,
    planned,
    recurrence,
    recurrence_numbers,
    trigger,
)

ON = date(2026, 6, 1)
DAY = timedelta(days=1)
LATER = ON + timedelta(days=400)
SEEDS = 2_000


def claim(**changes: Any) -> Claim:
    """A claim without a peak to leave out, unless changed."""
    values: dict[str, Any] = {"on": ON, "reopened": 0, "by": "ky_one", "at": datetime(2026, 6, 1, tzinfo=timezone.utc)}
    return Claim(**{**values, **changes})


def every_day(before: int, after: int, *, spread: int = 1) -> Group:
    """As many complaints on each day before, and after, the fix; ``spread``: all of so many days on one of them."""
    days = {ON + timedelta(days=number): before if number < 0 else after for number in range(-200, 400)}
    return Group({day: count * spread for day, count in days.items() if day.toordinal() % spread == 0})


class TestTheBaseline:
    def test_is_the_days_right_before_the_fix(self) -> None:
        assert claim().before() == tuple(ON - timedelta(days=number) for number in range(28, 0, -1))

    def test_leaves_out_the_days_that_triggered_the_issue_and_keeps_those_on_both_sides(self) -> None:
        peak = Span(ON - timedelta(days=20), ON - timedelta(days=11))
        days = claim(peaks=(peak,)).before()
        assert len(days) == 28
        assert not any(day in peak for day in days)
        assert (days[0], days[-1]) == (ON - timedelta(days=38), ON - DAY)

    @given(st.lists(st.tuples(st.integers(-120, 5), st.integers(0, 40)), max_size=4), st.integers(7, 100))
    def test_has_its_length_whatever_is_left_out(self, spans: list[tuple[int, int]], length: int) -> None:
        peaks = tuple(Span(ON + timedelta(days=at), ON + timedelta(days=at + more)) for at, more in spans)
        days = claim(peaks=peaks, baseline_days=length).before()
        assert len(set(days)) == length
        assert max(days) < ON
        assert not any(day in peak for day in days for peak in peaks)
        missed = {days[0] + timedelta(days=number) for number in range((ON - days[0]).days)} - set(days)
        assert all(any(day in peak for peak in peaks) for day in missed), "nothing else is left out"

    def test_a_trigger_is_a_week_at_least_and_thirty_days_at_most(self) -> None:
        assert trigger(ON, ON) == Span(ON - timedelta(days=7), ON)
        assert trigger(ON - timedelta(days=12), ON) == Span(ON - timedelta(days=12), ON)
        assert trigger(ON - timedelta(days=300), ON) == Span(ON - timedelta(days=30), ON)


class TestWhenItIsJudged:
    def test_four_weeks_do_for_two_complaints_a_day(self) -> None:
        plan = planned(claim(), every_day(2, 1), None)
        assert (plan.days, plan.thin) == (28, False)
        assert plan.on == ON + timedelta(days=3 + 28 + 1)

    def test_the_reference_s_power_is_the_plan_s(self) -> None:
        assert needed_days(claim(), 56) == 28  # 91 % at 2 a day
        assert needed_days(claim(), 28) == 49  # at 1 a day four weeks are not enough
        assert needed_days(claim(), 7) is None
        assert needed_days(claim(baseline_days=182), 46) == 147, "a longer baseline makes up for few complaints"

    @given(st.integers(0, 3_000), st.floats(0.1, 0.95), st.integers(0, 3_000))
    def test_is_whole_weeks_within_bounds_and_never_earlier_with_controls(
        self, events: int, expected: float, control: int
    ) -> None:
        alone, both = (needed_days(claim(expected=expected), events, more) for more in (None, control or None))
        for days in (alone, both):
            assert days is None or (LEAST_DAYS <= days <= MOST_DAYS and days % WEEK == 0)
        assert both is None or (alone is not None and alone <= both)

    def test_days_after_the_fix_do_not_move_the_day_of_the_verdict(self) -> None:
        plans = {planned(claim(), every_day(2, after), None).on for after in (0, 1, 2, 9)}
        assert len(plans) == 1

    def test_until_then_there_is_no_ratio_but_how_many_days_more(self) -> None:
        early = judge(claim(), every_day(2, 0), None, ON + timedelta(days=10))
        assert (early.verdict, early.reason, early.days_more) == ("too_early", "waiting", 22)
        assert early.ratio is early.drop is None
        assert (early.before.events, early.after.events, early.after.exposure) == (56, 0, 7)
        assert early.look_again == early.plan.on

    def test_what_is_not_over_is_not_looked_at(self) -> None:
        plan = planned(claim(), every_day(2, 1), None)
        quiet = every_day(2, 1)
        loud = Group({**quiet.events, **{plan.on + timedelta(days=number): 99 for number in range(9)}})
        assert judge(claim(), quiet, None, plan.on) == judge(claim(), loud, None, LATER)

    def test_complaints_in_the_guard_count_nowhere(self) -> None:
        guarded = Group({**every_day(2, 1).events, **{ON + timedelta(days=number): 50 for number in range(3)}})
        assert judge(claim(), guarded, None, LATER) == judge(claim(), every_day(2, 1), None, LATER)
        assert judge(claim(guard_days=0), guarded, None, LATER).verdict == "not_accepted"


class TestTheVerdict:
    def test_half_the_complaints_are_accepted_with_the_numbers(self) -> None:
        found = judge(claim(), every_day(2, 1), None, LATER)
        assert (found.verdict, found.reason, found.days_more, found.look_again) == ("accepted", "lower", None, None)
        assert numbers(found) == {
            "verdict": "accepted",
            "reason": "lower",
            "days_more": None,
            "verdict_on": "2026-07-03",
            "planned_days": 28,
            "basis": "counts_only",
            "design": "before_after",
            "before": {"complaints": 56, "exposure": 28.0, "rate": 2.0},
            "after": {"complaints": 28, "exposure": 28.0, "rate": 1.0},
            "control_before": None,
            "control_after": None,
            "ratio": 0.5,
            "interval": [0.3304, 0.7465],
            "p": 0.001493,
            "drop": 0.5,
            "spread": 1.0,
        }

    def test_as_many_complaints_are_not(self) -> None:
        found = judge(claim(), every_day(2, 2), None, LATER)
        assert (found.verdict, found.reason) == ("not_accepted", "not_lower")

    def test_a_sure_but_small_drop_is_less_than_agreed(self) -> None:
        found = judge(claim(), every_day(20, 18), None, LATER)
        assert (found.verdict, found.reason) == ("not_accepted", "less_than_agreed")
        assert judge(claim(margin=0.05), every_day(20, 18), None, LATER).verdict == "accepted"

    def test_clumped_complaints_weigh_less(self) -> None:
        found = judge(claim(), every_day(2, 1, spread=7), None, LATER)
        assert found.spread > 5
        assert (found.verdict, found.reason) == ("too_early", "thin")

    def test_nothing_before_cannot_be_compared(self) -> None:
        found = judge(claim(), every_day(0, 0), None, LATER)
        assert (found.verdict, found.reason, found.days_more, found.look_again) == (
            "too_early",
            "no_baseline",
            None,
            None,
        )

    def test_thin_data_are_refused_only_when_the_expected_drop_is(self) -> None:
        base = {ON - timedelta(days=4 * number): 1 for number in range(1, 8)}
        same = {ON + timedelta(days=4 * number): 1 for number in range(1, 60)}
        less = {ON + timedelta(days=6 * number): 1 for number in range(1, 60)}
        early = judge(claim(), Group({**base, **same}), None, ON + timedelta(days=100))
        assert (early.verdict, early.days_more) == ("too_early", 3 + MOST_DAYS + 1 - 100)
        settled = judge(claim(), Group({**base, **less}), None, LATER)
        assert (settled.verdict, settled.reason, settled.days_more) == ("too_early", "thin", None)
        more = dict.fromkeys(same, 3)
        assert judge(claim(), Group({**base, **more}), None, LATER).verdict == "not_accepted"
        assert judge(claim(), Group(base), None, LATER).verdict == "accepted", "none in half a year"

    def test_every_verdict_and_reason_has_words_in_both_languages(self) -> None:
        for words in (*VERDICTS.values(), *REASONS.values()):
            assert set(words) == {"zh-CN", "en"}
            assert all(words.values())


class TestExposure:
    def business(self, before: float, after: float) -> Mapping[date, float]:
        return {ON + timedelta(days=n): before if n < 0 else after for n in range(-60, 60)}

    def test_twice_the_business_with_as_many_complaints_is_half_the_rate(self) -> None:
        busy = Group(every_day(2, 2).events, self.business(100, 200))
        found = judge(claim(), busy, None, LATER)
        assert (found.verdict, found.rated) == ("accepted", True)
        assert found.ratio is not None
        assert found.ratio.value == pytest.approx(0.5)
        assert numbers(found)["basis"] == "exposure"
        assert judge(claim(), every_day(2, 2), None, LATER).verdict == "not_accepted"

    def test_half_the_business_with_half_the_complaints_is_no_effect(self) -> None:
        slack = Group(every_day(2, 1).events, self.business(200, 100))
        assert judge(claim(), slack, None, LATER).verdict == "not_accepted"

    def test_with_a_day_missing_before_only_counts_are_compared(self) -> None:
        known = {day: count for day, count in self.business(100, 200).items() if day != ON - DAY}
        assert not judge(claim(), Group(every_day(2, 2).events, known), None, LATER).rated

    def test_the_last_days_are_waited_for_and_not_for_ever(self) -> None:
        plan = planned(claim(), every_day(2, 1), None)
        known = {day: count for day, count in self.business(100, 100).items() if day < ON + timedelta(days=25)}
        late = Group(every_day(2, 1).events, known)
        found = judge(claim(), late, None, plan.on)
        assert (found.verdict, found.reason, found.days_more) == ("too_early", "exposure_late", LATE.days)
        assert found.look_again == plan.on + DAY
        given_up = judge(claim(), late, None, plan.on + LATE)
        assert (given_up.verdict, given_up.rated) == ("accepted", False)

    def test_a_span_without_any_business_has_no_rate(self) -> None:
        found = judge(claim(), Group(every_day(2, 0).events, self.business(100, 0)), None, LATER)
        assert not found.rated


class TestControls:
    def test_a_fall_that_other_units_have_too_is_no_effect(self) -> None:
        found = judge(claim(), every_day(3, 1), every_day(6, 2), LATER)
        assert (found.verdict, numbers(found)["design"]) == ("not_accepted", "controls")
        assert judge(claim(), every_day(3, 1), None, LATER).verdict == "accepted"

    def test_a_rise_that_was_kept_off_is_one(self) -> None:
        found = judge(claim(), every_day(4, 4), every_day(6, 12), LATER)
        assert found.verdict == "accepted"
        assert numbers(found)["control_after"]["complaints"] == found.plan.days * 12

    def test_a_few_complaints_of_controls_only_add_noise(self) -> None:
        few = Group({ON - timedelta(days=number): 1 for number in range(1, 10)})
        assert judge(claim(), every_day(2, 1), few, LATER) == judge(claim(), every_day(2, 1), None, LATER)

    def test_controls_without_exposure_make_it_counts_only(self) -> None:
        rated = Group(every_day(4, 2).events, {ON + timedelta(days=n): 9.0 for n in range(-60, 300)})
        assert judge(claim(), rated, None, LATER).rated
        assert not judge(claim(), rated, every_day(6, 6), LATER).rated


# --- how often it is right ----------------------------------------------------------------------------------------


def history(seed: int, *, rate: float, drop: float, peak: int) -> tuple[Claim, Group]:
    """Independent days at one rate, an issue opened on the first week with ``peak`` complaints, fixed the day after."""
    luck = np.random.default_rng(seed)
    days = luck.poisson(rate, 6_000)
    weeks = np.convolve(days, np.ones(WEEK, dtype=int), "valid")
    opened = int(np.argmax(weeks[60:] >= peak)) + 60 + WEEK - 1
    start = ON - timedelta(days=opened + 1)
    counts = np.concatenate((days[: opened + 1], luck.poisson(rate * (1 - drop), MOST_DAYS + 10)))
    events = {start + timedelta(days=at): int(counts[at]) for at in range(opened - 60, len(counts))}
    return claim(peaks=(trigger(ON - DAY, ON - DAY),)), Group(events)


def verdicts(seeds: int, look: Callable[[int], Effect]) -> Counter[str]:
    return Counter(look(seed).verdict for seed in range(seeds))


def upper(events: int, of: int) -> float:
    """Upper end of the 95 % interval of a share, one-sided."""
    return float(stats.binomtest(events, of).proportion_ci(0.9).high)


def test_a_true_halving_at_two_a_day_is_accepted_in_85_of_100() -> None:
    found = verdicts(SEEDS, lambda seed: judge(*history(seed, rate=2, drop=0.5, peak=23), None, LATER))
    assert found["accepted"] >= 0.85 * SEEDS, found


def test_a_fix_that_does_nothing_after_a_random_peak_is_hardly_ever_accepted() -> None:
    found = verdicts(SEEDS, lambda seed: judge(*history(seed, rate=2, drop=0, peak=23), None, LATER))
    assert upper(found["accepted"], SEEDS) <= 0.065, found
    assert found["not_accepted"] == SEEDS - found["accepted"]


def test_comparing_with_the_week_that_triggered_it_would_accept_most_of_them() -> None:
    def naive(seed: int) -> Effect:
        made, group = history(seed, rate=2, drop=0, peak=23)
        return judge(replace(made, peaks=(), baseline_days=7), group, None, LATER)

    found = verdicts(200, naive)
    assert found["accepted"] > 0.5 * 200, "or the test above shows nothing"


def test_thin_data_are_too_early_on_every_day_before_the_plan_s() -> None:
    def look(seed: int) -> Effect:
        return judge(*history(seed, rate=0.25, drop=0.5, peak=5), None, ON + timedelta(days=60))

    found = [look(seed) for seed in range(200)]
    assert {one.verdict for one in found} == {"too_early"}
    assert all(one.days_more is not None and one.days_more > 0 for one in found if one.before.events)


def test_with_controls_a_common_fall_is_accepted_no_more_often() -> None:
    def look(seed: int) -> Effect:
        luck = np.random.default_rng(seed)
        after = {ON + timedelta(days=n): 0.5 for n in range(MOST_DAYS + 10)}
        share = {ON - timedelta(days=n): 1.0 for n in range(1, 60)} | after
        treated, control = (
            Group({day: int(luck.poisson(rate * much)) for day, much in share.items()}) for rate in (4, 8)
        )
        return judge(claim(), treated, control, LATER)

    found = verdicts(300, look)
    assert found["accepted"] <= stats.binom.ppf(0.999, 300, 0.05), found


# --- after it was accepted ----------------------------------------------------------------------------------------


class TestRecurrence:
    LEVEL = Level(events=14, days=28, spread=1.0, since=ON)
    TODAY = ON + timedelta(days=50)

    def burst(self, count: int, days: int = 3) -> dict[date, int]:
        return {self.TODAY - timedelta(days=number): count for number in range(days)}

    def test_many_more_than_the_accepted_level_come_with_the_numbers(self) -> None:
        found = recurrence(self.LEVEL, self.burst(5), self.TODAY)
        assert found is not None
        assert recurrence_numbers(found) == {
            "first": (self.TODAY - timedelta(days=6)).isoformat(),
            "last": self.TODAY.isoformat(),
            "complaints": 15,
            "expected": 3.5,
            "p": pytest.approx(found.p, rel=1e-3),
        }
        assert found.p == pytest.approx(stats.nbinom.sf(14, 14.5, 28 / 35), rel=1e-6)

    def test_as_many_as_before_or_a_few_are_none(self) -> None:
        assert recurrence(self.LEVEL, {self.TODAY - timedelta(days=2 * n): 1 for n in range(14)}, self.TODAY) is None
        silent = replace(self.LEVEL, events=0)
        assert recurrence(silent, self.burst(1, days=4), self.TODAY) is None
        assert recurrence(silent, self.burst(2, days=4), self.TODAY) is not None

    def test_a_slow_return_shows_over_four_weeks(self) -> None:
        found = recurrence(self.LEVEL, {self.TODAY - timedelta(days=n): 1 + n % 2 for n in range(28)}, self.TODAY)
        assert found is not None
        assert (found.span.last - found.span.first).days == 27

    def test_what_was_judged_already_does_not_count_again(self) -> None:
        soon = ON + timedelta(days=1)
        assert recurrence(self.LEVEL, {ON - timedelta(days=n): 9 for n in range(1, 20)}, soon) is None
        assert recurrence(self.LEVEL, {}, ON - DAY) is None

    def test_an_unchanged_level_hardly_ever_comes_back_within_a_year(self) -> None:
        luck, returned = np.random.default_rng(7), 0
        for _ in range(30):
            after = int(luck.poisson(28))
            level, days = replace(self.LEVEL, events=after), luck.poisson(1.0, 365)
            events = {ON + timedelta(days=at): int(count) for at, count in enumerate(days)}
            returned += any(recurrence(level, events, ON + timedelta(days=at)) is not None for at in range(0, 365, 7))
        assert returned <= 5
