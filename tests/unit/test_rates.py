"""Rates against each other, checked against scipy and the worked numbers of the reference."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from chalicelib.domain.issues.rates import Counted, beta, dispersion, p_as_many, p_lower, ratio, ratio_of_ratios

sizes = st.floats(0.3, 5_000)
counts = st.integers(1, 400)
exposures = st.floats(0.5, 1e6)


class TestTheBetaFunction:
    @settings(max_examples=40)
    @given(sizes, sizes, st.floats(1e-9, 1 - 1e-9))
    def test_is_scipy_s(self, a: float, b: float, x: float) -> None:
        assert beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-7, abs=1e-10)

    def test_ends_at_0_and_1(self) -> None:
        assert (beta(2, 3, 0), beta(2, 3, 1)) == (0, 1)


class TestOneGroup:
    @settings(max_examples=40)
    @given(counts, st.integers(0, 400), exposures, exposures)
    def test_is_the_exact_binomial_test(self, before: int, after: int, e_before: float, e_after: float) -> None:
        told = ratio(Counted(before, e_before), Counted(after, e_after), alpha=0.05)
        share = e_after / (e_before + e_after)
        assert told.p == pytest.approx(stats.binom.cdf(after, before + after, share), rel=1e-6, abs=1e-10)
        assert (told.high < 1) == (told.p < 0.05)

    @settings(max_examples=40)
    @given(counts, st.integers(0, 400))
    def test_has_clopper_and_pearson_s_interval(self, before: int, after: int) -> None:
        told = ratio(Counted(before, 28), Counted(after, 14), alpha=0.05)
        ends = stats.binomtest(after, before + after).proportion_ci(0.9)
        assert told.low == pytest.approx(ends.low / (1 - ends.low) * 2, rel=1e-6)
        assert told.high == pytest.approx(ends.high / (1 - ends.high) * 2, rel=1e-6)
        assert told.low <= told.value <= told.high

    def test_halving_56_complaints_is_told_from_chance(self) -> None:
        told = ratio(Counted(56, 28), Counted(28, 28), alpha=0.05)
        assert (told.value, round(told.p, 5)) == (0.5, 0.00149)
        assert (round(told.low, 3), round(told.high, 3)) == (0.330, 0.746)

    def test_more_business_is_no_worse_rate(self) -> None:
        busy = ratio(Counted(50, 1_000), Counted(50, 4_000), alpha=0.05)
        assert busy.value == 0.25
        assert busy.high < 1
        assert p_lower(Counted(50, 1_000), Counted(50, 1_000)) > 0.5

    def test_nothing_before_shows_nothing(self) -> None:
        assert p_lower(Counted(0, 28), Counted(0, 28)) == 1


class TestWithControls:
    def test_a_fall_that_the_controls_share_is_no_effect(self) -> None:
        treated, control = (Counted(80, 28), Counted(40, 28)), (Counted(160, 28), Counted(80, 28))
        told = ratio_of_ratios(treated, control, spread=1, alpha=0.05)
        assert told.value == pytest.approx(1, abs=0.01)
        assert told.p == pytest.approx(0.5, abs=0.02)

    @settings(max_examples=40)
    @given(counts, counts, counts, counts)
    def test_is_near_fisher_s_test_and_wider_with_spread(self, b1: int, a1: int, b0: int, a0: int) -> None:
        treated, control = (Counted(b1, 1), Counted(a1, 1)), (Counted(b0, 1), Counted(a0, 1))
        told = ratio_of_ratios(treated, control, spread=1, alpha=0.05)
        wide = ratio_of_ratios(treated, control, spread=4, alpha=0.05)
        assert wide.low < told.low < told.value < told.high < wide.high
        assert (told.high < 1) == (told.p < 0.05)
        if min(b1, a1, b0, a0) >= 30:
            # Counts come in steps: the mid-p, which counts half of the step that was seen, is what ours has to be near.
            exact = stats.fisher_exact([[a1, b1], [a0, b0]], alternative="less").pvalue
            step = stats.hypergeom.pmf(a1, b1 + a1 + b0 + a0, a1 + b1, a1 + a0)
            assert told.p == pytest.approx(exact - step / 2, abs=0.02)

    def test_the_interval_is_the_normal_one_on_the_logarithm(self) -> None:
        told = ratio_of_ratios((Counted(40, 2), Counted(10, 1)), (Counted(30, 2), Counted(30, 1)), spread=1, alpha=0.05)
        value = (10.5 / 1) / (40.5 / 2) / ((30.5 / 1) / (30.5 / 2))
        error = math.sqrt(1 / 40.5 + 1 / 10.5 + 2 / 30.5)
        assert told.value == pytest.approx(value)
        assert told.high == pytest.approx(value * math.exp(stats.norm.ppf(0.95) * error))
        assert told.p == pytest.approx(stats.norm.cdf(math.log(value) / error))


class TestHowWideDaysScatter:
    def test_days_of_chance_have_1_and_clumped_days_more(self) -> None:
        even, clumped = [2] * 28, [0, 0, 0, 8] * 7
        assert dispersion((even, [1.0] * 28)) == 1
        assert dispersion((clumped, [1.0] * 28)) == pytest.approx(6.2, abs=0.1)

    def test_a_busy_day_is_no_clump_when_its_business_is_known(self) -> None:
        events, business = [2, 2, 2, 20] * 7, [1.0, 1.0, 1.0, 10.0] * 7
        assert dispersion((events, business)) == 1
        assert dispersion((events, [1.0] * 28)) > 5

    def test_each_span_has_a_level_of_its_own(self) -> None:
        assert dispersion(([8] * 10, [1.0] * 10), ([1] * 10, [1.0] * 10)) == 1

    def test_closed_days_and_empty_spans_say_nothing(self) -> None:
        assert dispersion(([0, 0], [0.0, 0.0])) == 1
        assert dispersion(([0] * 9, [1.0] * 9)) == 1
        assert dispersion(([3], [1.0])) == 1


class TestAnotherLook:
    # S=56 complaints in 28 days, one day later
    @pytest.mark.parametrize(
        ("today", "p"), [(5, 0.0575), (6, 0.0192), (7, 0.0057), (8, 0.0015), (9, 0.00036), (10, 0.00008)]
    )
    def test_the_worked_numbers(self, today: int, p: float) -> None:
        assert p_as_many(today, known=56, times=1 / 28) == pytest.approx(p, abs=6e-5)

    @settings(max_examples=40)
    @given(st.integers(0, 300), st.integers(0, 300), st.floats(0.01, 10))
    def test_is_the_negative_binomial(self, events: int, known: int, times: float) -> None:
        expected = stats.nbinom.sf(events - 1, known + 0.5, 1 / (1 + times))
        assert p_as_many(events, known=known, times=times) == pytest.approx(expected, rel=1e-6, abs=1e-12)
