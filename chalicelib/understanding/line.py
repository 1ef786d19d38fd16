"""Sums of weighed features, and a curve that is straight between its knots."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


def between(knots: Sequence[Sequence[float]], value: float) -> float:
    """The curve at ``value``; ``knots`` are pairs with ascending first members. Flat beyond the first and the last."""
    at = bisect_right(knots, value, key=_first)
    if at == 0:
        return knots[0][1]
    if at == len(knots):
        return knots[-1][1]
    (left, low), (right, high) = knots[at - 1], knots[at]
    return low + (high - low) * (value - left) / (right - left)


def weighed(weights: list[float], values: list[float]) -> float:
    """Each value times its weight, added up in their order: ``sum`` adds otherwise from one Python to the next."""
    total = 0.0
    for weight, value in zip(weights, values, strict=True):
        total += weight * value
    return total


def _first(knot: Sequence[float]) -> float:
    return knot[0]
