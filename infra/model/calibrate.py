"""From a score to log-odds that can be believed: a small monotone table, straight between its knots."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn.isotonic import IsotonicRegression

Array = np.ndarray[Any, np.dtype[Any]]
_KNOTS: Final = 12
_LEAST: Final = 0.5  # texts added to both sides of a knot: no probability is 0 or 1


def curve(score: Array, good: Array) -> list[list[float]]:
    """Knots (score, calibrated log-odds), both ascending: equally many texts between knots, each knot the smoothed
    share of good ones around it, made monotone (isotonic regression)."""
    order = np.argsort(score, kind="stable")
    parts = [part for part in np.array_split(order, _KNOTS) if len(part)]
    middle = np.array([score[part].mean() for part in parts])
    share = np.array([(good[part].sum() + _LEAST) / (len(part) + 2 * _LEAST) for part in parts])
    sizes = [float(len(part)) for part in parts]
    share = IsotonicRegression().fit_transform(middle, share, sample_weight=sizes)
    odds = np.log(share / (1 - share))
    knots = {round(float(one), 4): round(float(other), 4) for one, other in zip(middle, odds, strict=True)}
    return [[one, other] for one, other in sorted(knots.items())]
