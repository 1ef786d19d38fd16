"""All words of all tables in one pass over the text (Aho-Corasick in Rust), with word borders for Latin letters.

Words that begin or end with a Latin letter or a digit have an automaton of their own, built with the first text that
has any: most voices have none, and a cold start need not wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

_LATIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_ANY_LATIN: Final = re.compile("[a-z0-9]")
# "refund" also stands in "refunds", "refunded", "refunding"; "app" does not stand in "happy".
_ENDING: Final = r"(?:s|es|d|ed|ing|ly)?(?![a-z0-9])"  # compiled with the first word that may have one

# How the matches of one table settle where they meet:
LONGEST: Final = "longest"  # every place belongs to one word, the leftmost longest ("不好吃" settles it, not "好吃")
OUTERMOST: Final = "outermost"  # words may overlap, and those that stand inside a longer one are dropped
EVERY: Final = "every"  # all of them, inside other Latin words too
WHOLE: Final = "whole"  # all of them, but no part of a Latin word


class Match:
    """``text[start:end]`` is the word number ``term`` of its table, inflected at most."""

    __slots__ = ("end", "start", "term")

    def __init__(self, start: int, end: int, term: int) -> None:
        self.start, self.end, self.term = start, end, term


class Matcher:
    """Several tables of words, compiled into one automaton."""

    def __init__(self, tables: Sequence[tuple[Iterable[str], str]]) -> None:
        """``tables``: the words of each, and how its matches settle."""
        self.terms: tuple[tuple[str, ...], ...] = tuple(tuple(words) for words, _ in tables)
        self._rules = tuple(rule for _, rule in tables)
        uses: dict[str, list[tuple[int, int]]] = {}
        for table, words in enumerate(self.terms):
            for number, word in enumerate(words):
                uses.setdefault(word, []).append((table, number))
        plain: list[str] = []
        latin: list[str] = []
        for word in uses:
            (latin if word[0] in _LATIN or word[-1] in _LATIN else plain).append(word)
        self._has_latin = bool(latin)
        self._first_latin = len(plain)  # number of the first of them
        self._uses = [*map(uses.__getitem__, plain), *map(uses.__getitem__, latin)]
        self._automaton = _automaton(plain)
        self._latin = lru_cache(maxsize=1)(lambda: _automaton(latin))  # built with the first text that has some

    def find(self, text: str) -> list[list[Match]]:
        """The matches of each table by their start; linear in the text."""
        found: list[list[Match]] = [[] for _ in self.terms]
        whole = [
            (start, -end, word) for word, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True)
        ]
        if self._has_latin and _ANY_LATIN.search(text):
            whole += self._find_latin(text, found)
        whole.sort()
        reached = [0] * len(found)
        for start, minus_end, word in whole:
            for table, number in self._uses[word]:
                rule = self._rules[table]
                if rule == EVERY:
                    if word < self._first_latin:
                        found[table].append(Match(start, -minus_end, number))
                elif rule == WHOLE:
                    found[table].append(Match(start, -minus_end, number))
                elif (start >= reached[table]) if rule == LONGEST else (-minus_end > reached[table]):
                    found[table].append(Match(start, -minus_end, number))
                    reached[table] = -minus_end
        return found

    def _find_latin(self, text: str, found: Sequence[list[Match]]) -> Iterable[tuple[int, int, int]]:
        """(start, -end, word) of those that stand at the borders of Latin words; all of them go to the tables that take
        every one."""
        for latin, start, end in self._latin().find_matches_as_indexes(text, overlapping=True):
            word = self._first_latin + latin
            for table, number in self._uses[word]:
                if self._rules[table] == EVERY:
                    found[table].append(Match(start, end, number))
            whole = _word_end(text, start, end)  # the match reaches to the end of its word
            if whole:
                yield start, -whole, word


def _automaton(words: Sequence[str]) -> AhoCorasick:
    # The plain form is built a millisecond faster, but lies scattered in memory: 6 µs more for every short text.
    return AhoCorasick(
        words, implementation=Implementation.ContiguousNFA, matchkind=MatchKind.Standard, store_patterns=False
    )


def _word_end(text: str, start: int, end: int) -> int:
    """Where the word of a match ends, 0 when the match stands inside another Latin word."""
    if text[start] in _LATIN and start and text[start - 1] in _LATIN:
        return 0
    if text[end - 1] not in _LATIN or not text[end : end + 1].isalnum():
        return end
    ending = re.compile(_ENDING).match(text, end)
    return ending.end() if ending else 0
