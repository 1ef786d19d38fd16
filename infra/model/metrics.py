"""Figures with their 95 % intervals: shares (Wilson), F1 (bootstrap over rows), calibration error.

Sources of the formulas: E. B. Wilson, "Probable inference", JASA 22 (1927); B. Efron, "Bootstrap methods", Annals of
Statistics 7 (1979), percentile interval; M. P. Naeini et al., "Obtaining well calibrated probabilities using Bayesian
binning", AAAI 2015 (expected calibration error), with the 15 bins of C. Guo et al., "On calibration of modern neural
networks", ICML 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
_Statistic = Callable[[Counts, Counts], Counts]

Z95: Final = 1.959963984540054
BINS: Final = 15
ROUNDS: Final = 1000
SEED: Final = 42


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure between 0 and 1 and the ends of its 95 % interval; ``n`` is how many rows or cases it rests on."""

    value: float
    low: float
    high: float
    n: int


def share(right: int, n: int, *, z: float = Z95) -> Interval:
    """``right`` of ``n`` with Wilson's score interval; nothing measured is anything between 0 and 1."""
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    observed = right / n
    middle = (observed + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(observed * (1 - observed) / n + z * z / (4 * n * n))
    return Interval(observed, max(0.0, middle - half), min(1.0, middle + half), n)


def difference(one: Interval, other: Interval) -> Interval:
    """``one`` minus ``other``, two independent shares; Newcombe's interval from their Wilson ends (Stat. Med. 1998)."""
    value = one.value - other.value
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    high = value + math.hypot(one.high - one.value, other.value - other.low)
    return Interval(value, low, high, min(one.n, other.n))


def at_coverage(confidence: Sequence[float], right: Sequence[bool], coverage: float) -> Interval:
    """Accuracy on the surest ``ceil(coverage * n)`` rows; of equally sure ones any is as likely to be kept."""
    kept = math.ceil(coverage * len(right))
    sure = np.asarray(confidence, dtype=float)
    hit = _shared(sure, np.asarray(right, dtype=float))
    order = np.argsort(-sure, kind="stable")[:kept]
    return share(round(float(hit[order].sum())), kept)


class Sets:
    """Gold and predicted sets of labels, row by row; F1 over them with an interval by resampling rows."""

    def __init__(self, gold: Sequence[frozenset[object]], predicted: Sequence[frozenset[object]]) -> None:
        self.labels = sorted({label for row in (*gold, *predicted) for label in row}, key=str)
        place = {label: number for number, label in enumerate(self.labels)}
        shape = (len(gold), len(self.labels))
        self.hits, self.missed, self.made_up = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for row, (wanted, found) in enumerate(zip(gold, predicted, strict=True)):
            for counts, labels in (
                (self.hits, wanted & found),
                (self.missed, wanted - found),
                (self.made_up, found - wanted),
            ):
                for label in labels:
                    counts[row, place[label]] += 1

    def micro(self) -> Interval:
        """F1 over all labels together."""
        return self._resampled(lambda hits, errors: _f1(hits.sum(-1), errors.sum(-1)))

    def macro(self) -> Interval:
        """Mean F1 of the labels that some gold row has. A label that is only made up lowers ``micro`` alone."""
        known = (self.hits + self.missed).sum(0) > 0
        return self._resampled(lambda hits, errors: _f1(hits, errors)[..., known].mean(-1))

    def of(self, label: object) -> Interval:
        """F1 of one label."""
        if label not in self.labels:
            return Interval(math.nan, 0.0, 1.0, 0)
        at = self.labels.index(label)
        return self._resampled(lambda hits, errors: _f1(hits, errors)[..., at])

    def each(self) -> dict[str, tuple[float, int]]:
        """Per label: F1 and how many gold rows have it."""
        scores = _f1(self.hits.sum(0), (self.missed + self.made_up).sum(0))
        support = (self.hits + self.missed).sum(0)
        return {str(label): (float(f1), int(n)) for label, f1, n in zip(self.labels, scores, support, strict=True)}

    def _resampled(self, statistic: _Statistic) -> Interval:
        """The statistic of all rows, and the percentiles of it over ``ROUNDS`` draws of as many rows."""
        rows, errors = len(self.hits), self.missed + self.made_up
        if rows == 0 or not self.labels:
            return Interval(math.nan, 0.0, 1.0, rows)
        drawn = np.random.default_rng(SEED).multinomial(rows, np.full(rows, 1 / rows), size=ROUNDS).astype(float)
        found = statistic(drawn @ self.hits, drawn @ errors)
        low, high = np.percentile(found, [2.5, 97.5])
        value = statistic(self.hits.sum(0), errors.sum(0))
        return Interval(float(value), float(low), float(high), rows)


def calibration_error(confidence: Sequence[float], right: Sequence[bool], *, equal: bool = False) -> Interval:
    """Expected calibration error: rows by confidence in ``BINS`` bins, the mean over rows of their bin's |share right -
    mean confidence|. Bins are equally wide, as the measure is defined, or (``equal``) hold equally many rows. The
    interval resamples rows; it sits high, as resampling adds noise of its own to every bin."""
    n = len(right)
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    sure, hit = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    generator = np.random.default_rng(SEED)
    drawn = (generator.integers(0, n, n) for _ in range(ROUNDS // 5))
    found = [_ece(sure[rows], hit[rows], equal=equal) for rows in drawn]
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(_ece(sure, hit, equal=equal), float(low), float(high), n)


def calibration_by_chance(confidence: Sequence[float]) -> Interval:
    """The calibration error that a reader who is right exactly as often as it says gets from so many rows: chance
    alone fills no bin evenly. Mean and middle 95 % of draws."""
    sure = np.asarray(confidence, dtype=float)
    if not sure.size:
        return Interval(math.nan, 0.0, 1.0, 0)
    generator = np.random.default_rng(SEED)
    drawn = [_ece(sure, (generator.random(sure.size) < sure).astype(float), equal=False) for _ in range(ROUNDS // 5)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(float(np.mean(drawn)), float(low), float(high), sure.size)


def _shared(sure: Counts, hit: Counts) -> Counts:
    """Of rows that are equally sure each gets their mean: nothing tells them apart, least of all their order."""
    _, group = np.unique(sure, return_inverse=True)
    means: Counts = np.bincount(group, weights=hit) / np.bincount(group)
    return means[group]


def _ece(sure: Counts, hit: Counts, *, equal: bool) -> float:
    if equal:
        place = np.empty(sure.size, dtype=int)
        place[np.argsort(sure, kind="stable")] = np.arange(sure.size) * BINS // sure.size
        hit = _shared(sure, hit)
    else:
        place = np.minimum((sure * BINS).astype(int), BINS - 1)
    wrong = np.abs(np.bincount(place, weights=hit - sure, minlength=BINS))
    return float(wrong.sum() / sure.size)


def _f1(hits: Counts, errors: Counts) -> Counts:
    """2 tp / (2 tp + fp + fn); 0 where there is nothing."""
    whole = 2 * hits + errors
    return np.divide(2 * hits, whole, out=np.zeros_like(whole), where=whole > 0)
