"""The terms of many owners (topics, red lines) matched together, with their exclusions and required neighbours."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.frame import Term
from chalicelib.understanding.matcher import Match, Matcher

NEARBY: Final = 16  # characters between a term and the neighbour that it requires
LATIN_NEARBY: Final = 40


class Hit(NamedTuple):
    """A term of ``owner`` in clause number ``clause``; ``text[start:end]`` holds it and the neighbour it required."""

    start: int
    end: int
    owner: int
    clause: int
    place: int  # where the term itself begins
    term: Term


class TermTable:
    """Compiled once: ``owners`` are pairs of terms and excluding phrases, in the order that gives them their number."""

    def __init__(self, owners: Iterable[tuple[Sequence[Term], Sequence[str]]]) -> None:
        self._uses: dict[str, list[tuple[int, Term]]] = {}
        excludes: dict[str, set[int]] = {}
        for number, (terms, phrases) in enumerate(owners):
            for term in terms:
                self._uses.setdefault(term.text, []).append((number, term))
            for phrase in phrases:
                excludes.setdefault(phrase, set()).add(number)
        self._terms = Matcher(self._uses, longest=False)
        self._excludes = Matcher(excludes, longest=False)
        self._excluded_of = [excludes[phrase] for phrase in self._excludes.terms]

    def find(self, text: str, clauses: Sequence[Clause]) -> list[Hit]:
        """Hits by their place. Where several owners require a neighbour of one term, the nearest neighbour wins."""
        if not clauses:
            return []
        starts = [clause.start for clause in clauses]
        excluded = _Intervals(self._excludes.find(text))
        hits: list[Hit] = []
        for match in self._terms.find(text):
            clause = max(0, bisect_right(starts, match.start) - 1)
            vetoed = {owner for phrase in excluded.over(match.start, match.end) for owner in self._excluded_of[phrase]}
            uses = [use for use in self._uses[self._terms.terms[match.term]] if use[0] not in vetoed]
            hits += _nearest(text, match, clause, clauses[clause], uses)
        return hits


class _Intervals:
    """Excluding phrases by place. Their number over one place is bounded by the lengths of phrases."""

    def __init__(self, matches: Sequence[Match]) -> None:
        self._matches = matches
        self._starts = [match.start for match in matches]

    def over(self, start: int, end: int) -> Iterable[int]:
        """Phrases that overlap ``start:end``; outermost ones only reach one another by their ends."""
        at = bisect_right(self._starts, end - 1) - 1
        while at >= 0 and self._matches[at].end > start:
            yield self._matches[at].term
            at -= 1


def _nearest(text: str, match: Match, number: int, clause: Clause, uses: Sequence[tuple[int, Term]]) -> list[Hit]:
    hits: list[tuple[int, Hit]] = []
    for owner, term in uses:
        if not term.near:
            hits.append((0, Hit(match.start, match.end, owner, number, match.start, term)))
            continue
        found = _neighbour(text, match, clause, term.near)
        if found is not None:
            distance, start, end = found
            hit = Hit(min(start, match.start), max(end, match.end), owner, number, match.start, term)
            hits.append((distance, hit))
    closest = min((distance for distance, _ in hits), default=0)
    return [hit for distance, hit in hits if distance == closest]


def _neighbour(text: str, match: Match, clause: Clause, words: frozenset[str]) -> tuple[int, int, int] | None:
    """(distance, start, end) of the required word that stands closest in the clause."""
    reach = LATIN_NEARBY if text[match.start].isascii() else NEARBY
    low, high = max(clause.start, match.start - reach), min(clause.end, match.end + reach)
    best: tuple[int, int, int] | None = None
    for word in words:
        before = text.rfind(word, low, match.start)
        after = text.find(word, match.end, high)
        for place, distance in ((before, match.start - before - len(word)), (after, after - match.end)):
            if place >= 0 and (best is None or distance < best[0]):
                best = (distance, place, place + len(word))
    return best
