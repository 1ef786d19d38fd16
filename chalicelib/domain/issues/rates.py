"""Whether one rate of events is lower than another: exact where it can be, in a form that a person can check. Pure.

Counts are Poisson with a dispersion: ``dispersion`` is how much wider days scatter than chance alone would have them
(quasi-likelihood, R. W. M. Wedderburn, Biometrika 61, 1974), never below 1; counts divided by it are what they weigh.

    one group      given their sum, the count after is binomial: an exact test, and the interval of C. J. Clopper and
                   E. S. Pearson (Biometrika 26, 1934) of that share, as a ratio of rates
    with controls  ratio of the two groups' ratios, normal theory on its logarithm with a half added to each count
                   (J. J. Gart and J. R. Zweifel, Biometrika 54, 1967)
    another look   what a span may hold where the level is known from another: Gamma-Poisson, so negative binomial
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

NORMAL: Final = NormalDist()
_TINY: Final = 1e-300
_CLOSE: Final = 1e-14
_MOST_TERMS: Final = 10_000  # of the continued fraction; it needs about the root of the larger argument
_MOST_STEPS: Final = 200


@dataclass(frozen=True, slots=True)
class Counted:
    """Events of a group in one span. ``exposure``: what they are divided by: days, or transactions."""

    events: float
    exposure: float

    @property
    def rate(self) -> float | None:
        """Events per exposure; None where there was no exposure."""
        return self.events / self.exposure if self.exposure else None

    def weighed(self, spread: float) -> Counted:
        """The same rate with the weight that its dispersion leaves it."""
        return Counted(self.events / spread, self.exposure / spread)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Rate after over rate before. ``p``: how likely one this low is, were there no difference. ``high`` may be inf."""

    value: float
    low: float
    high: float
    p: float


def ratio(before: Counted, after: Counted, *, alpha: float) -> Ratio:
    """One group, exact. The upper end is below 1 just when ``p`` is below ``alpha``; the lower has as much below it.

    Both exposures are above 0, and so are the events before.
    """
    odds = before.exposure / after.exposure
    share = 1 / (1 + odds)
    low = _share(after.events, before.events + 1, alpha) if after.events else 0.0
    high = _share(after.events + 1, before.events, 1 - alpha)
    return Ratio(
        value=after.events / before.events * odds,
        low=low / (1 - low) * odds,
        high=high / (1 - high) * odds if high < 1 else math.inf,
        p=p_lower(before, after, share=share),
    )


def p_lower(before: Counted, after: Counted, *, share: float | None = None) -> float:
    """How likely so few events after are, given both together, when the rate is the same."""
    if not before.events:
        return 1.0
    if share is None:
        share = after.exposure / (before.exposure + after.exposure)
    return beta(before.events, after.events + 1, 1 - share)


def ratio_of_ratios(
    treated: tuple[Counted, Counted], control: tuple[Counted, Counted], *, spread: float, alpha: float
) -> Ratio:
    """(before, after) of those that were treated over that of those that were not. All exposures are above 0."""
    value = _halved(treated) / _halved(control)
    error = math.sqrt(spread * sum(1 / (one.events + 0.5) for one in (*treated, *control)))
    z = NORMAL.inv_cdf(1 - alpha)
    logarithm = math.log(value)
    return Ratio(
        value=value,
        low=math.exp(logarithm - z * error),
        high=math.exp(logarithm + z * error),
        p=NORMAL.cdf(logarithm / error),
    )


def _halved(group: tuple[Counted, Counted]) -> float:
    before, after = group
    return (after.events + 0.5) / after.exposure / ((before.events + 0.5) / before.exposure)


def dispersion(*spans: tuple[Sequence[int], Sequence[float]]) -> float:
    """How much wider than chance the days of spans scatter about their span's rate, 1 at least.

    A span is its daily events and daily exposures. A day without exposure says nothing.
    """
    scatter, free = 0.0, 0
    for events, exposures in spans:
        open_days = [(count, exposure) for count, exposure in zip(events, exposures, strict=True) if exposure]
        total = sum(count for count, _ in open_days)
        if not total:
            continue
        rate = total / sum(exposure for _, exposure in open_days)
        scatter += sum((count - rate * exposure) ** 2 / (rate * exposure) for count, exposure in open_days)
        free += len(open_days) - 1
    return max(1.0, scatter / free) if free > 0 else 1.0


def p_as_many(events: float, *, known: float, times: float) -> float:
    """How likely ``events`` or more are at an unchanged level, in a span ``times`` as long as one with ``known``."""
    return beta(events, known + 0.5, times / (1 + times)) if events else 1.0


def beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by the continued fraction; a, b above 0, x in 0…1."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta(b, a, 1 - x)
    return _front(a, b, x) / (a * _fraction(a, b, x))


def _front(a: float, b: float, x: float) -> float:
    """x^a (1 - x)^b / B(a, b): the factor before the fraction, and the slope of I_x times x (1 - x)."""
    return math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction below the front factor (DLMF 8.17.22), by the method of W. J. Lentz."""
    value, c, d = 1.0, 1.0, 0.0
    for term in range(1, _MOST_TERMS):
        half = term // 2
        if term % 2:
            step = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            step = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        d = 1 / ((1 + step * d) or _TINY)
        c = (1 + step / c) or _TINY
        value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value


def _share(a: float, b: float, level: float) -> float:
    """The x at which I_x(a, b) is ``level``: by Newton's steps, halving where one would leave what is known."""
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(_MOST_STEPS):
        over = beta(a, b, x) - level
        low, high = (low, x) if over > 0 else (x, high)
        slope = _front(a, b, x) / (x * (1 - x))
        following = x - over / slope if slope > _TINY else low
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - x) <= _CLOSE * x:
            break
        x = following
    return x
