"""Is a whole voice good or bad: log-odds of positive, and the calibrated probability.

Two stages. The first adds up the document weights of the text's grams (general, plus what differs in the pack) over the
root of its length. The second looks at the same weights clause by clause: how the last clause speaks, what stands after
"但是", the worst and the best, and what the lexicon of feelings found; a few numbers, one logistic regression per pack.

A review that turns is read once more, by the trees of ``turns``.

A set says nothing of texts much shorter than its own, and its share of good ones is not theirs: below ``shortest``
characters a pack is read like a voice of none.

Chinese only: no openly licensed English polarity data trained it. Where a text has no CJK character, ask the lexicon.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Final

from chalicelib.understanding import lanes, turns
from chalicelib.understanding.grams import LONGEST, SMOOTH
from chalicelib.understanding.lanes import GENERAL
from chalicelib.understanding.line import between, weighed
from chalicelib.understanding.turns import Heard

if TYPE_CHECKING:
    from chalicelib.understanding.clauses import Clause
    from chalicelib.understanding.grams import Scan
    from chalicelib.understanding.sentiment import Opinion
    from chalicelib.understanding.weights import Weights

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
        self._second: list[float] = settings["second"]
        self._intercept: float = settings["intercept"]
        self._curve: Sequence[Sequence[float]] = settings["curve"]
        self._shortest: int = settings.get("shortest", 0)
        self._general = lru_cache(maxsize=1)(lambda: PolarityModel(weights, ()))
        self._turns = weights.turns

    def stretch(self, scan: Scan, start: int, end: int) -> float:
        """Log-odds of positive of one stretch of the text, by the first stage alone."""
        total = self._lanes.sums(scan, start, end)[lanes.OWN]
        return self._bias + self._scale * total / sqrt((end - start) * LONGEST + SMOOTH)

    def features(self, scan: Scan, clauses: Sequence[Clause], opinions: Sequence[Opinion]) -> list[float]:
        """What the second stage looks at, in the order of ``FEATURES``; linear in the text."""
        seen = _seen(clauses)
        return self._features(scan, seen, self._scores(scan, seen), opinions)

    def _features(
        self, scan: Scan, seen: Sequence[Clause], said: Sequence[float], opinions: Sequence[Opinion]
    ) -> list[float]:
        document = self.stretch(scan, 0, len(scan.text))
        scores = said or [document]
        turn = good = negative = 0
        for place, clause in enumerate(seen):
            if clause.opens == "contrast":
                turn = place
        for opinion in opinions:
            good += opinion.weight > 0
        for score in scores:
            negative += score < 0
        bad = len(opinions) - good
        found = sqrt(1 + good + bad)
        return [
            document,
            scores[-1],
            scores[0],
            min(scores),
            max(scores),
            sum(scores[turn:]) / (len(scores) - turn) if turn else 0.0,
            sum(scores[:turn]) / turn if turn else 0.0,
            negative / len(scores) - 0.5,
            log(len(scores)),
            log(1 + len(scan.text)) - 3,
            good / found,
            bad / found,
            _sign(opinions[-1].weight) if opinions else 0.0,
            1.0 if "!" in scan.text else 0.0,
            1.0 if "?" in scan.text else 0.0,
        ]

    def read(self, scan: Scan, clauses: Sequence[Clause], opinions: Sequence[Opinion] = ()) -> float:
        """Log-odds of positive for the whole folded text, as its topics hear it."""
        if len(scan.text) < self._shortest:
            return self._as_of_none(scan, clauses, opinions)
        return self.second(self.features(scan, clauses, opinions))

    def _as_of_none(self, scan: Scan, clauses: Sequence[Clause], opinions: Sequence[Opinion]) -> float:
        """What ``read`` of a voice of no pack says, brought to the scale of this one."""
        general = self._general()
        return self.believed(between(general._curve, general.read(scan, clauses, opinions)))

    def second(self, features: list[float]) -> float:
        """The second stage: log-odds of positive from ``features``."""
        return self._intercept + weighed(self._second, features)

    def judge(self, scan: Scan, clauses: Sequence[Clause], opinions: Sequence[Opinion] = ()) -> tuple[float, float]:
        """Log-odds of positive as ``read`` has it, and of the whole review, for ``probability`` to calibrate: the same,
        or for a review that turns what the trees of the artefact make of its sides."""
        if len(scan.text) < self._shortest:
            log_odds = self._as_of_none(scan, clauses, opinions)
            return log_odds, log_odds
        seen = _seen(clauses)
        scores = self._scores(scan, seen)
        plain = self._features(scan, seen, scores, opinions)
        log_odds = self.second(plain)
        at = turns.turn(scan.text, seen) if self._turns is not None and seen else None
        if self._turns is None or at is None or self.pack is None or not self._turns.know(self.pack):
            return log_odds, log_odds
        sides = turns.features(self._heard(scan, seen, scores, opinions), at)
        return log_odds, self._turns.log_odds(log_odds, plain, sides, self.pack)

    def heard(self, scan: Scan, clauses: Sequence[Clause], opinions: Sequence[Opinion]) -> Heard:
        """What ``turns`` needs to know of a review."""
        seen = _seen(clauses)
        return self._heard(scan, seen, self._scores(scan, seen), opinions)

    def _heard(self, scan: Scan, seen: Sequence[Clause], scores: Sequence[float], opinions: Sequence[Opinion]) -> Heard:
        feelings = [self._lanes.feelings(scan, clause.start, clause.end) for clause in seen]
        return Heard(scan.text, seen, scores, feelings, opinions)

    def _scores(self, scan: Scan, seen: Sequence[Clause]) -> list[float]:
        return [self.stretch(scan, clause.start, clause.end) for clause in seen]

    def probability(self, log_odds: float) -> float:
        """Calibrated probability of positive; never falls as ``log_odds`` rises."""
        return 1 / (1 + exp(-between(self._curve, log_odds)))

    def believed(self, log_odds: float) -> float:
        """What ``probability`` turns into the probability of ``log_odds``, within its curve."""
        return between([(calibrated, value) for value, calibrated in self._curve], log_odds)

    def loudest(self, scan: Scan, start: int, end: int) -> Iterator[tuple[int, int, float]]:
        """(start, end, weight) of the known grams inside the stretch, the one that says most by itself first; below
        zero bad. For evidence."""
        return ((first, last, self._scale * weight) for _, first, last, weight in self._lanes.loudest(scan, start, end))


def _seen(clauses: Sequence[Clause]) -> Sequence[Clause]:
    return clauses if len(clauses) <= 2 * _MANY else [*clauses[:_MANY], *clauses[-_MANY:]]


def _sign(weight: float) -> float:
    return 1.0 if weight > 0 else -1.0
