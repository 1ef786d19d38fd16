"""Red lines: words that a person must see within a minute, unless the text denies them ("没有食物中毒")."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Final

from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.frame import Frame
from chalicelib.understanding.matcher import Match
from chalicelib.understanding.terms import TermTable

# A denial stands right before the words, with nothing but fillers in between: "再不退款就起诉" denies nothing.
# Compiled where the first red line is crossed: most texts cross none.
_NOT: Final = (
    r"没有|没|未|无(?!故)|不是|不会|并非|不至于|不想|不打算|不用|不必|没必要|避免|防止|预防|以免|免得|不担心|不怕|(?<![得能])不"
    r"|(?<![a-z])(?:not|no|never|nobody|no one|without|isn't|wasn't|weren't|didn't|don't|won't|wouldn't)(?![a-z])"
)
_FILLER: Final = (
    r"有|会|是|过|再|去|要|说|被|出现|发生|造成|引起|导致|遇到|什么|任何|真的|我们|你们|我|人"
    r"|(?<![a-z])(?:a|an|any|the|been|be|was|is|were|get|got|have|had|of|going to|on)(?![a-z])"
)
_DENIAL: Final = rf"(?:(?P<no>{_NOT})\s*(?:(?:{_FILLER})\s*){{0,3}})+$"
_REACH: Final = 24  # characters before the words in which a denial may stand


class RedLines:
    """The red lines of a frame, compiled once."""

    def __init__(self, frame: Frame) -> None:
        self._kinds = tuple(line.kind for line in frame.red_lines)
        self._table = TermTable((line.terms, line.excludes) for line in frame.red_lines)

        self.tables = self._table.tables

    def crossed(self, text: str, clauses: Sequence[Clause], found: Sequence[Sequence[Match]]) -> set[str]:
        """Kinds that the folded text crosses; ``found``: what a ``Matcher`` found in ``tables``. Linear in the text."""
        return {
            self._kinds[hit.owner]
            for hit in self._table.hits(text, clauses, found)
            if not _denied(text, clauses[hit.clause].start, hit.start)
        }

    def in_order(self, crossed: Set[str]) -> tuple[str, ...]:
        """The kinds ``crossed`` in the order of the pack."""
        return tuple([kind for kind in self._kinds if kind in crossed]) if crossed else ()


def _denied(text: str, clause: int, place: int) -> bool:
    """An odd number of denials right before ``place``."""
    denial = re.search(_DENIAL, text[max(clause, place - _REACH) : place])
    return denial is not None and len(re.findall(_NOT, denial[0])) % 2 == 1
