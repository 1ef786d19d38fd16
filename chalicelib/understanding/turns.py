"""A review that turns ("味道不错,但是送得太慢"): which of its sides counts.

What a review says on the whole, where it praises on one side of a "but" and complains on the other, is no sum: how far
the sides lie apart, how much each says, with which word it turns and what it ends with decide together. Boosted
decision trees (Friedman 2001, "Greedy function approximation") read that from numbers that the first stage and the
lexicon give each side. Reviews without a turn never come here.

The trees lie in ``turns.json`` of the artefact, read with the first review that turns: ``packs`` and ``features`` in
the order of their numbers, ``bias``, ``trees`` (a leaf is log-odds; a node ``[feature, threshold, at most, above]``)
and, for each pack that they know, the ``curve`` that brings their sum to the scale of ``PolarityModel.read``.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import log, sqrt, tanh
from typing import TYPE_CHECKING, Any, Final

from chalicelib.understanding.grams import LONGEST, SMOOTH
from chalicelib.understanding.line import between

if TYPE_CHECKING:
    from chalicelib.understanding.clauses import Clause
    from chalicelib.understanding.sentiment import Opinion

FILE: Final = "turns.json"
_TURNS: Final = ("但是", "不过", "就是")
_OPENERS: Final = ("但", "不过", "就是", "只是", "可是", "却", "而")
_SIDE: Final = (
    "sum", "mean", "worst", "best", "leaning", "ill", "bad_mean", "bad_most", "neutral", "net", "good", "bad", "length",
    "clauses",
)  # fmt: skip
_PLACES: Final = (
    "turned", "at", "contrasts", "here", "previous", "last", "last_but_one", "first", "second", "here_net", "last_net",
    "first_net", "here_bad", "last_bad", "spread", "crossings",
)  # fmt: skip


class Heard:
    """What is known of a review clause by clause: log-odds of positive by the first stage (``scores``), the topic
    table's ``feelings`` as (bad, neutral), and the lexicon's ``opinions`` on the whole review."""

    __slots__ = ("clauses", "feelings", "opinions", "scores", "text")

    def __init__(
        self,
        text: str,
        clauses: Sequence[Clause],
        scores: Sequence[float],
        feelings: Sequence[tuple[float, float]],
        opinions: Sequence[Opinion],
    ) -> None:
        self.text, self.clauses, self.opinions = text, clauses, opinions
        self.scores, self.feelings = scores, feelings


def turn(text: str, clauses: Sequence[Clause]) -> int | None:
    """Where the last turn of a folded text begins; None where it does not turn."""
    for clause in reversed(clauses):
        if clause.opens == "contrast":
            return clause.start
    last = max(map(text.rfind, _TURNS))
    return last if last >= 0 else None


def features(heard: Heard, at: int) -> list[float]:
    """What the trees look at besides the log-odds of the review and the features of ``polarity``: each side, what
    stands around the turn at ``at``, and with which word it turns. ``names`` tells them one by one."""
    text, clauses = heard.text, heard.clauses
    said = _said(heard)
    after = bisect_left(clauses, at, key=_start)
    after = after if after < len(clauses) else len(clauses) - 1
    sides = (range(len(clauses)), range(after, len(clauses)), range(after))
    found = [value for side in sides for value in _side(heard, said, side)]
    found += _places(heard, said, after)
    found += [float(text.startswith(word, at)) for word in _OPENERS]
    return found


def names(plain: Sequence[str]) -> list[str]:
    """The features of ``Turns.log_odds`` in their order; ``plain`` are those of ``polarity``."""
    sides = [f"{side}.{name}" for side in ("whole", "after", "before") for name in _SIDE]
    return ["log_odds", *(f"voice.{name}" for name in plain), *sides, *_PLACES, *_OPENERS, "pack"]


def row(log_odds: float, plain: Sequence[float], sides: Sequence[float], pack: int) -> list[float]:
    """One review as the trees take it, in the order of ``names``."""
    return [log_odds, *plain, *sides, pack]


class Turns:
    """The trees of an artefact."""

    def __init__(self, file: str) -> None:
        self._content = lru_cache(maxsize=1)(lambda: _read(file))  # with the first review that turns

    def know(self, pack: str) -> bool:
        """Whether they learned from reviews of the pack."""
        return pack in self._content()["curve"]

    def log_odds(self, log_odds: float, plain: Sequence[float], sides: Sequence[float], pack: str) -> float:
        """Log-odds of positive of a review of a known pack, on the scale of ``PolarityModel.read``; ``log_odds``
        is what that says, ``plain`` what it looked at, ``sides`` are ``features``."""
        content = self._content()
        values = row(log_odds, plain, sides, content["packs"].index(pack))
        return between(content["curve"][pack], content["bias"] + walk(content["trees"], values))


def _read(name: str) -> dict[str, Any]:
    with open(name, "rb") as file:
        content: dict[str, Any] = json.loads(file.read())
    return content


def walk(trees: Sequence[Any], values: Sequence[float]) -> float:
    """The sum of the leaves that ``values`` come to."""
    total = 0.0
    for node in trees:
        while node.__class__ is list:
            feature, threshold, low, high = node
            node = low if values[feature] <= threshold else high  # noqa: PLW2901 - down the tree
        total += node
    return total


class _Said:
    """Sums of the opinions of each clause, above and below zero."""

    __slots__ = ("bad", "good")

    def __init__(self, clauses: int) -> None:
        self.good, self.bad = [0.0] * clauses, [0.0] * clauses

    def net(self, clause: int) -> float:
        return self.good[clause] + self.bad[clause]


def _said(heard: Heard) -> _Said:
    said = _Said(len(heard.clauses))
    for opinion in heard.opinions:
        if opinion.clause < len(heard.clauses):
            (said.good if opinion.weight > 0 else said.bad)[opinion.clause] += opinion.weight
    return said


def _side(heard: Heard, said: _Said, side: range) -> list[float]:
    """``_SIDE`` of some neighbouring clauses; zeros where there are none."""
    if not side:
        return [0.0] * len(_SIDE)
    scores = [heard.scores[clause] for clause in side]
    lengths = [heard.clauses[clause].end - heard.clauses[clause].start for clause in side]
    bad = [heard.feelings[clause][0] for clause in side]
    neutral = [heard.feelings[clause][1] for clause in side]
    weighed = [score * _root(length) for score, length in zip(scores, lengths, strict=True)]
    good_words, bad_words = sum([said.good[clause] for clause in side]), sum([said.bad[clause] for clause in side])
    return [
        sum(weighed) / _root(sum(lengths)),
        sum(scores) / len(side),
        min(scores),
        max(scores),
        sum(map(tanh, scores)),
        len([score for score in scores if score < 0]) / len(side),
        sum(bad) / len(side),
        max(bad),
        sum(neutral) / len(side),
        good_words + bad_words,
        good_words,
        bad_words,
        log(1 + sum(lengths)),
        float(len(side)),
    ]


def _places(heard: Heard, said: _Said, here: int) -> list[float]:
    """``_PLACES``: how the review goes on around the clause ``here``, and how it begins and ends."""
    scores, bad = heard.scores, [feeling[0] for feeling in heard.feelings]
    mean = sum(scores) / len(scores)
    return [
        (len(scores) - here) / len(scores),
        here / len(scores),
        float(len([clause for clause in heard.clauses if clause.opens == "contrast"])),
        scores[here],
        scores[here - 1] if here else 0.0,
        scores[-1],
        scores[-2] if len(scores) > 1 else 0.0,
        scores[0],
        scores[1] if len(scores) > 1 else 0.0,
        said.net(here),
        said.net(-1),
        said.net(0),
        bad[here],
        bad[-1],
        sqrt(sum([(score - mean) ** 2 for score in scores]) / len(scores)),
        float(len([one for one, other in pairwise(scores) if one * other < 0])),
    ]


def _root(length: int) -> float:
    """What the document weights of a stretch are divided by, see ``PolarityModel.stretch``."""
    return sqrt(length * LONGEST + SMOOTH)


def _start(clause: Clause) -> int:
    return clause.start
