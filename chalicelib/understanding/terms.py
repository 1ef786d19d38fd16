"""The terms of many owners (topics, red lines) with their exclusions and required neighbours."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.frame import Term
from chalicelib.understanding.matcher import EVERY, OUTERMOST, WHOLE, Match

NEARBY: Final = 16  # characters between a term and the neighbour that it requires
LATIN_NEARBY: Final = 40


class Hit:
    """A term of ``owner`` in clause number ``clause``; ``text[start:end]`` holds it and the neighbour it required, the
    term itself begins at ``place``."""

    __slots__ = ("clause", "end", "owner", "place", "start", "term")

    def __init__(self, span: tuple[int, int], owner: int, clause: int, place: int, term: Term) -> None:
        self.start, self.end = span
        self.owner, self.clause, self.place, self.term = owner, clause, place, term

    def moved(self, clause: int) -> Hit:
        """The same in another clause."""
        return Hit((self.start, self.end), self.owner, clause, self.place, self.term)


class TermTable:
    """Compiled once: ``owners`` are pairs of terms and excluding phrases, in the order that gives them their number.

    ``tables`` go into a ``Matcher``; what that finds in them goes into ``hits``.
    """

    def __init__(self, owners: Iterable[tuple[Sequence[Term], Sequence[str]]], *, shadowed: bool = False) -> None:
        """``shadowed``: a neighbour inside an excluding phrase or a longer word is none, as the hand of "手机"."""
        uses: dict[str, list[tuple[int, Term]]] = {}
        excludes: dict[str, set[int]] = {}
        neighbours: set[frozenset[str]] = set()
        for number, (terms, phrases) in enumerate(owners):
            for term in terms:
                for spoken in _spoken(term) if term.text[0] == "没" else (term,):
                    uses.setdefault(spoken.text, []).append((number, spoken))
            neighbours.update([term.near for term in terms])
            for phrase in phrases:
                excludes.setdefault(phrase, set()).add(number)
        self._uses = tuple(uses.values())
        self._excluded_of = tuple(excludes.values())
        self._neighbours = tuple(sorted(frozenset[str]().union(*neighbours)))
        self._shadowed = shadowed
        rule = WHOLE if shadowed else EVERY
        self.tables = ((tuple(uses), OUTERMOST), (tuple(excludes), OUTERMOST), (self._neighbours, rule))

    def hits(self, text: str, clauses: Sequence[Clause], found: Sequence[Sequence[Match]]) -> list[Hit]:
        """Hits by their place. Where several owners require a neighbour of one term, the nearest neighbour wins."""
        matches, excluding, neighbours = found
        if not clauses or not matches:
            return []
        starts = [clause.start for clause in clauses]
        excluded = _Intervals(excluding)
        if self._shadowed and excluding:
            neighbours = [one for one in neighbours if not excluded.shadow(one)]
        room = _Neighbours(neighbours, self._neighbours)
        hits: list[Hit] = []
        for match in matches:
            clause = max(0, bisect_right(starts, match.start) - 1)
            uses: Sequence[tuple[int, Term]] = self._uses[match.term]
            if excluding:
                vetoed = {
                    owner for phrase in excluded.over(match.start, match.end) for owner in self._excluded_of[phrase]
                }
                uses = [use for use in uses if use[0] not in vetoed]
            hits += _nearest(text, match, (clause, clauses[clause]), uses, room)
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

    def shadow(self, match: Match) -> bool:
        """Whether a longer phrase holds the match: of the outermost ones, who begins last also reaches furthest."""
        at = bisect_right(self._starts, match.start) - 1
        if at < 0 or self._matches[at].end < match.end:
            return False
        return self._matches[at].end - self._matches[at].start > match.end - match.start


class _Neighbours:
    """Words that some term requires, by their end. Only those within reach of a term are looked at."""

    def __init__(self, matches: Sequence[Match], words: Sequence[str]) -> None:
        self._matches = sorted(matches, key=_end) if matches else ()
        self._ends = [match.end for match in self._matches]
        self._words = words

    def closest(self, match: Match, low: int, high: int, words: frozenset[str]) -> tuple[int, int, int] | None:
        """(distance, start, end) of the one of ``words`` within ``low:high`` that stands closest to the match."""
        best: tuple[int, int, int] | None = None
        for at in range(bisect_left(self._ends, low), bisect_right(self._ends, high)):
            neighbour = self._matches[at]
            start, end = neighbour.start, neighbour.end
            if start < low or self._words[neighbour.term] not in words or (start < match.end and end > match.start):
                continue
            distance = match.start - end if end <= match.start else start - match.end
            if best is None or distance < best[0]:
                best = (distance, start, end)
        return best


def _spoken(term: Term) -> tuple[Term, ...]:
    """The forms of a term that begins with 没: "没人接" is also said "没有人接"."""
    text = term.text
    return (term, term._replace(text=f"没有{text[1:]}")) if len(text) > 2 and text[1] != "有" else (term,)


def _end(match: Match) -> int:
    return match.end


def _nearest(
    text: str, match: Match, said_in: tuple[int, Clause], uses: Sequence[tuple[int, Term]], room: _Neighbours
) -> list[Hit]:
    number, clause = said_in
    hits: list[tuple[int, Hit]] = []
    for owner, term in uses:
        if not term.near:
            hits.append((0, Hit((match.start, match.end), owner, number, match.start, term)))
            continue
        reach = term.reach or (LATIN_NEARBY if text[match.start].isascii() else NEARBY)
        low, high = max(clause.start, match.start - reach), min(clause.end, match.end + reach)
        found = room.closest(match, low, high, term.near)
        if found is not None:
            distance, start, end = found
            span = min(start, match.start), max(end, match.end)
            hits.append((distance, Hit(span, owner, number, match.start, term)))
    closest = min((distance for distance, _ in hits), default=0)
    return [hit for distance, hit in hits if distance == closest]
