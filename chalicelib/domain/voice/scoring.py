"""What a score means: its class on its own scale. Polarity respected, scales kept apart (features: NPS, CSAT, CES 2.0).

    nps      0-6 detractor     7-8 passive   9-10 promoter
    csat     dissatisfied      neutral       satisfied       worst two fifths · middle · best two fifths
    ces      hard              neutral       easy            idem; CES v1 (high = much effort) has polarity "lower"
    rating   poor              fair          good            idem

On a 1-5 scale the best two fifths are 4 and 5 (the usual top-2-box), on 1-7 they are 5 to 7 (as CES 2.0 reports).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from chalicelib.domain.vocabulary import SCORE_KINDS
from chalicelib.domain.voice.voice import Score

_CLASSES: Final[Mapping[str, tuple[str, str, str]]] = {
    "nps": ("detractor", "passive", "promoter"),
    "csat": ("dissatisfied", "neutral", "satisfied"),
    "ces": ("hard", "neutral", "easy"),
    "rating": ("poor", "fair", "good"),
}
_UNHAPPY, _MIDDLE, _HAPPY = 0, 1, 2
FEEDBACK_CLASSES: Final = ("unhappy", "neutral", "happy")
SCORE_CLASSES: Final = tuple(dict.fromkeys(word for words in _CLASSES.values() for word in words))
_ROUNDING: Final = 1e-9  # 0.4 of a scale is not a binary number


def position(score: Score) -> float:
    """Where the value stands on its scale, 0 worst … 1 best. Raises ValueError for a scale without extent."""
    if not score.high > score.low:
        raise ValueError("A scale needs a low end below its high end.")
    share = (score.value - score.low) / (score.high - score.low)
    return 1 - share if score.polarity == "lower" else share


def classes(scores: Iterable[Score]) -> dict[str, str]:
    """Kind → class; where a kind was asked more than once, the worst answer stands."""
    worst: dict[str, int] = {}
    for score in scores:
        worst[score.kind] = min(_rank(score), worst.get(score.kind, _HAPPY))
    return {kind: _CLASSES[kind][worst[kind]] for kind in SCORE_KINDS if kind in worst}


def feedback_class(scores: Iterable[Score]) -> str | None:
    """One word for the whole voice: its worst score decides. None without scores.

    Unhappy is an NPS of 6 and below, or any other score in the worst two fifths of its scale.
    """
    ranks = [_rank(score) for score in scores]
    return FEEDBACK_CLASSES[min(ranks)] if ranks else None


def _rank(score: Score) -> int:
    share = position(score)
    worst, best = (0.6, 0.9) if score.kind == "nps" else (0.4, 0.6)
    if score.kind == "nps" and score.high == 10:
        share = score.value / 10  # asked 0-10 or 1-10, the cuts are at 6 and 9 themselves
    if share <= worst + _ROUNDING:
        return _UNHAPPY
    return _HAPPY if share >= best - _ROUNDING else _MIDDLE
