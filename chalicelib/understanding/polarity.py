"""Is a whole voice good or bad: log-odds of positive, and the calibrated probability.

Two stages. The first adds up the document weights of the text's grams (general, plus what differs in the pack) over the
root of its length. The second looks at the same weights clause by clause: how the last clause speaks, what stands after
"但是", the worst and the best, and what the lexicon of feelings found; a few numbers, one logistic regression per pack.

Chinese only: no openly licensed English polarity data trained it. Where a text has no CJK character, ask the lexicon.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from math import exp, log, sqrt
from operator import mul
from typing import TYPE_CHECKING, Final

from chalicelib.understanding import lanes
from chalicelib.understanding.grams import LONGEST
from chalicelib.understanding.lanes import GENERAL

if TYPE_CHECKING:
    from chalicelib.understanding.clauses import Clause
    from chalicelib.understanding.grams import Scan
    from chalicelib.understanding.sentiment import Opinion
    from chalicelib.understanding.weights import Weights

SMOOTH: Final = 4.0  # grams added to a stretch's number of grams before the root is taken
FEATURES: Final = (
    "document",
    "last",
    "first",
    "worst",
    "best",
    "contrast",  # after the last contrast, less the document
    "conceded",  # before it
    "negative",  # share of clauses that speak ill
    "clauses",
    "length",
    "good",
    "bad",
    "last_opinion",
    "exclaims",
    "asks",
)
_MANY: Final = 64  # clauses looked at from either end; a longer text is judged by its ends and the whole


class PolarityModel:
    """The document columns for the first of ``packs`` that the artefact knows; the general ones if it knows none."""

    def __init__(self, weights: Weights, packs: Sequence[str]) -> None:
        self._lanes = lanes.for_packs(weights, packs)
        self.pack = self._lanes.pack
        column = weights.columns[GENERAL]
        self._scale = column.scale
        settings = column.extra["packs"].get(self.pack or "", column.extra["packs"][""])
        self._bias: float = column.extra["bias"]
        self._second: Sequence[float] = settings["second"]
        self._intercept: float = settings["intercept"]
        self._curve: Sequence[tuple[float, float]] = settings["curve"]
        self._knots = [knot for knot, _ in self._curve]

    def stretch(self, scan: Scan, start: int, end: int) -> float:
        """Log-odds of positive of one stretch of the text, by the first stage alone."""
        total = self._lanes.sums(scan, start, end)[lanes.OWN]
        return self._bias + self._scale * total / sqrt((end - start) * LONGEST + SMOOTH)

    def features(self, scan: Scan, clauses: Sequence[Clause], opinions: Sequence[Opinion]) -> list[float]:
        """What the second stage looks at, in the order of ``FEATURES``; linear in the text."""
        document = self.stretch(scan, 0, len(scan.text))
        seen = clauses if len(clauses) <= 2 * _MANY else [*clauses[:_MANY], *clauses[-_MANY:]]
        scores = [self.stretch(scan, clause.start, clause.end) for clause in seen] or [document]
        turn = max([place for place, clause in enumerate(seen) if clause.opens == "contrast"], default=0)
        after, before = scores[turn:], scores[:turn]
        good = len([opinion for opinion in opinions if opinion.weight > 0])
        bad = len(opinions) - good
        found = sqrt(1 + good + bad)
        return [
            document,
            scores[-1],
            scores[0],
            min(scores),
            max(scores),
            sum(after) / len(after) if turn else 0.0,
            sum(before) / turn if turn else 0.0,
            len([score for score in scores if score < 0]) / len(scores) - 0.5,
            log(len(scores)),
            log(1 + len(scan.text)) - 3,
            good / found,
            bad / found,
            _sign(opinions[-1].weight) if opinions else 0.0,
            1.0 if "!" in scan.text else 0.0,
            1.0 if "?" in scan.text else 0.0,
        ]

    def read(self, scan: Scan, clauses: Sequence[Clause], opinions: Sequence[Opinion] = ()) -> float:
        """Log-odds of positive for the whole folded text; in the right order, ``probability`` calibrates it."""
        found = self.features(scan, clauses, opinions)
        total: float = self._intercept + sum(map(mul, self._second, found))
        return total

    def probability(self, log_odds: float) -> float:
        """Calibrated probability of positive; never falls as ``log_odds`` rises."""
        at = bisect_right(self._knots, log_odds)
        if at == 0:
            calibrated = self._curve[0][1]
        elif at == len(self._knots):
            calibrated = self._curve[-1][1]
        else:
            (left, low), (right, high) = self._curve[at - 1], self._curve[at]
            calibrated = low + (high - low) * (log_odds - left) / (right - left)
        return 1 / (1 + exp(-calibrated))

    def loudest(self, scan: Scan, start: int, end: int) -> Iterator[tuple[int, int, float]]:
        """(start, end, weight) of the known grams inside the stretch, the one that says most by itself first; below
        zero bad. For evidence."""
        return ((first, last, self._scale * weight) for _, first, last, weight in self._lanes.loudest(scan, start, end))


def _sign(weight: float) -> float:
    return 1.0 if weight > 0 else -1.0
