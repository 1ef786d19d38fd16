"""Figures and their intervals, against scipy and scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from infra.model import metrics
from infra.model.metrics import Interval, Sets

LABELS = ("价格", "服务", "物流")
ROWS = st.lists(st.tuples(st.frozensets(st.sampled_from(LABELS)), st.frozensets(st.sampled_from(LABELS))), min_size=1)


@given(st.integers(1, 5000), st.data())
def test_a_share_has_wilsons_interval(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    theirs = binomtest(right, n).proportion_ci(method="wilson")
    found = metrics.share(right, n)
    assert (found.value, found.n) == (right / n, n)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(
    ("n", "low", "high"), [(100, 0.875, 0.972), (200, 0.898, 0.965), (500, 0.916, 0.958), (1000, 0.924, 0.953)]
)
def test_ninety_four_percent_says_more_with_more_rows(n: int, low: float, high: float) -> None:
    found = metrics.share(round(0.94 * n), n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-4)


def test_nothing_measured_can_be_anything() -> None:
    found = metrics.share(0, 0)
    assert math.isnan(found.value)
    assert (found.low, found.high, found.n) == (0.0, 1.0, 0)


def test_a_difference_has_newcombes_interval() -> None:
    found = metrics.difference(metrics.share(56, 70), metrics.share(48, 80))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)  # Newcombe 1998, table II, method 10


def test_coverage_keeps_the_surest_rows() -> None:
    sure, right = [0.9, 0.6, 0.99, 0.7], [True, False, True, False]
    assert metrics.at_coverage(sure, right, 0.5).value == 1.0
    assert metrics.at_coverage(sure, right, 0.75) == metrics.share(2, 3)
    assert metrics.at_coverage(sure, right, 1.0) == metrics.share(2, 4)


def test_of_equally_sure_rows_the_order_decides_nothing() -> None:
    assert metrics.at_coverage([0.9] * 4, [True, True, False, False], 0.5) == metrics.share(1, 2)


@given(ROWS)
def test_f1_is_that_of_scikit_learn(rows: list[tuple[frozenset[str], frozenset[str]]]) -> None:
    gold, found = ([row[side] for row in rows] for side in (0, 1))
    wanted, said = ([[label in row for label in LABELS] for row in side] for side in (gold, found))
    known = [place for place, label in enumerate(LABELS) if any(label in row for row in gold)]
    sets = Sets(gold, found)
    if not any(gold) and not any(found):
        assert math.isnan(sets.micro().value)
        return
    assert sets.micro().value == pytest.approx(f1_score(wanted, said, average="micro", zero_division=0))
    if known:
        theirs = f1_score(wanted, said, average=None, zero_division=0)
        assert sets.macro().value == pytest.approx(np.mean(theirs[known]))
        assert sets.of(LABELS[known[0]]).value == pytest.approx(theirs[known[0]])


def test_a_label_that_no_row_has_leaves_the_macro_mean_alone() -> None:
    gold = [frozenset({"价格"}), frozenset({"服务"})]
    found = [frozenset({"价格"}), frozenset({"服务", "物流"})]
    assert Sets(gold, found).macro().value == 1.0
    assert Sets(gold, found).micro().value == pytest.approx(0.8)


def test_the_interval_of_f1_holds_the_value_and_comes_out_the_same_twice() -> None:
    gold = [frozenset({LABELS[place % 3]}) for place in range(60)]
    found = [row if place % 5 else frozenset({"价格"}) for place, row in enumerate(gold)]
    first, second = Sets(gold, found).micro(), Sets(gold, found).micro()
    assert first == second
    assert first.low < first.value < first.high
    assert first.high - first.low < 0.25


def test_what_labels_got_is_told_one_by_one() -> None:
    gold = [frozenset({"价格"}), frozenset({"价格"}), frozenset({"服务"})]
    found = [frozenset({"价格"}), frozenset(), frozenset({"服务"})]
    assert Sets(gold, found).each() == {"价格": (pytest.approx(2 / 3), 2), "服务": (1.0, 1)}


def test_a_reader_that_knows_how_often_it_errs_has_no_calibration_error() -> None:
    sure, right = [0.75] * 60, ([True] * 3 + [False]) * 15
    assert metrics.calibration_error(sure, right).value == pytest.approx(0.0)


def test_one_that_is_always_sure_errs_by_its_errors() -> None:
    found = metrics.calibration_error([1.0] * 60, ([True] * 3 + [False]) * 15)
    assert found.value == pytest.approx(0.25)
    assert found.low < 0.25 < found.high


def test_errors_of_two_bins_do_not_cancel_out() -> None:
    sure = [0.6] * 160 + [0.9] * 140  # eight bins and seven
    right = [True] * 128 + [False] * 32 + [True] * 98 + [False] * 42  # .8 and .7: 20 points above, 20 below
    assert metrics.calibration_error(sure, right).value == pytest.approx(0.2)


def test_equal_bins_part_rows_that_wide_bins_hold_together() -> None:
    sure = [0.81] * 160 + [0.85] * 140  # one bin of equal width
    right = [True] * 152 + [False] * 8 + [True] * 98 + [False] * 42  # .95 and .7: 14 points above, 15 below
    assert metrics.calibration_error(sure, right).value == pytest.approx(abs(0.14 * 160 - 0.15 * 140) / 300)
    assert metrics.calibration_error(sure, right, equal=True).value == pytest.approx((0.14 * 160 + 0.15 * 140) / 300)


def test_chance_alone_makes_an_error_that_more_rows_make_smaller() -> None:
    few, many = (metrics.calibration_by_chance([0.55, 0.75, 0.95] * times) for times in (40, 4000))
    assert 0.02 < few.value < 0.08
    assert many.value < 0.008
    assert metrics.calibration_by_chance([1.0] * 60).value == 0.0


def test_of_no_rows_nothing_is_known() -> None:
    assert math.isnan(metrics.calibration_error([], []).value)
    assert math.isnan(metrics.calibration_by_chance([]).value)
    assert isinstance(Sets([], []).micro(), Interval)
