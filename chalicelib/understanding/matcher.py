"""All terms of a table in one pass over the text (Aho-Corasick in Rust), with word borders for Latin letters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

_LATIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
# "refund" also stands in "refunds", "refunded", "refunding"; "app" does not stand in "happy".
_ENDING: Final = re.compile(r"(?:s|es|d|ed|ing|ly)?(?![a-z0-9])")


class Match(NamedTuple):
    """``text[start:end]`` is the term number ``term`` of the table, inflected at most."""

    start: int
    end: int
    term: int


class Matcher:
    """``longest``: every place belongs to one term, the leftmost longest ("不好吃" settles it, not "好吃").
    Otherwise terms may overlap, and only those that stand inside a longer one are dropped."""

    def __init__(self, terms: Iterable[str], *, longest: bool) -> None:
        self.terms = tuple(terms)
        self._longest = longest
        self._automaton = AhoCorasick(
            self.terms,
            implementation=Implementation.ContiguousNFA,
            matchkind=MatchKind.LeftmostLongest if longest else MatchKind.Standard,
        )

    def find(self, text: str) -> list[Match]:
        """Matches by their start; linear in the text."""
        found = self._automaton.find_matches_as_indexes(text, overlapping=not self._longest)
        matches = [Match(start, end, term) for term, start, end in found]
        kept = [whole for match in matches if (whole := _whole_word(text, match)) is not None]
        return kept if self._longest else _outermost(kept)


def _whole_word(text: str, match: Match) -> Match | None:
    """The match up to the end of its word, None when it stands inside another Latin word."""
    if text[match.start] in _LATIN and match.start and text[match.start - 1] in _LATIN:
        return None
    if text[match.end - 1] not in _LATIN or not text[match.end : match.end + 1].isalnum():
        return match
    ending = _ENDING.match(text, match.end)
    return match._replace(end=ending.end()) if ending else None


def _outermost(matches: list[Match]) -> list[Match]:
    """Without those that lie inside another; the same stretch may match several times with equal bounds only once."""
    kept: list[Match] = []
    reached = -1
    for match in sorted(matches, key=lambda match: (match.start, -match.end)):
        if match.end > reached:
            kept.append(match)
            reached = match.end
    return kept
