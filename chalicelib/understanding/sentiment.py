"""Opinions in a folded text: words of feeling, turned by negation, weighed by degree."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.lexicon import NEGATORS, OPINIONS, STRONGER
from chalicelib.understanding.matcher import Match, Matcher

REACH: Final = 4  # characters between a negator and what it turns ("没有想象中好")
LATIN_REACH: Final = 14  # idem, "not really that good"
MAX_NEGATORS: Final = 4  # in one chain; keeps a text of nothing but "不" linear
_TURNED: Final = -0.7  # "not bad" is less than "good"
_STRENGTHENED: Final = 1.5


class Opinion(NamedTuple):
    """``text[start:end]`` is the evidence, its negator included. ``weight``: below zero bad, above zero good."""

    start: int
    end: int
    weight: float
    term: str  # the lexicon's entry
    clause: int


class Negators:
    """Where a text says no."""

    def __init__(self, matches: Sequence[Match]) -> None:
        self._starts = [match.start for match in matches]
        self._ends = [match.end for match in matches]

    def before(self, text: str, place: int, floor: int, *, reach: int = REACH) -> tuple[bool, int]:
        """Whether what begins at ``place`` is turned by an odd number of negators that stand close before it and not
        before ``floor``; and where the first of them begins. ``reach`` is for Chinese, Latin letters have their own."""
        reach = LATIN_REACH if text[place].isascii() else reach
        count, first, at = 0, place, bisect_left(self._ends, place + 1) - 1
        while count < MAX_NEGATORS and at >= 0 and self._starts[at] >= floor and first - self._ends[at] <= reach:
            count, first, at = count + 1, self._starts[at], at - 1
        return count % 2 == 1, first


class Feelings:
    """The lexicon, compiled once."""

    def __init__(self) -> None:
        self._matcher = Matcher(dict.fromkeys((*OPINIONS, *NEGATORS, *STRONGER)), longest=True)

    def find(self, text: str, clauses: Sequence[Clause]) -> tuple[list[Opinion], Negators]:
        """Opinions in order, each with the number of its clause; linear in the text."""
        matches = self._matcher.find(text)
        words = self._matcher.terms
        negators = Negators([match for match in matches if words[match.term] in NEGATORS])
        opinions: list[Opinion] = []
        clause = floor = 0
        for place, match in enumerate(matches):
            while clause < len(clauses) - 1 and match.start >= clauses[clause].end:
                clause += 1
            word = words[match.term]
            weight: float = 0 if word in NEGATORS else OPINIONS.get(word, 0)
            if not weight or self._is_degree(matches, place):
                continue
            turned, first = negators.before(text, match.start, max(floor, clauses[clause].start))
            if self._strengthened(matches, place):
                weight *= _STRENGTHENED
            opinions.append(Opinion(first, match.end, weight * _TURNED if turned else weight, word, clause))
            floor = match.end
        return opinions, negators

    def _is_degree(self, matches: Sequence[Match], place: int) -> bool:
        """ "好" in front of another feeling only strengthens it: 好贵, 好方便."""
        match = matches[place]
        if self._matcher.terms[match.term] != "好" or place + 1 == len(matches):
            return False
        after = matches[place + 1]
        return after.start == match.end and OPINIONS.get(self._matcher.terms[after.term], 0) != 0

    def _strengthened(self, matches: Sequence[Match], place: int) -> bool:
        before = matches[place - 1] if place else None
        return (
            before is not None
            and matches[place].start - before.end <= 1
            and self._matcher.terms[before.term] in STRONGER
        )
