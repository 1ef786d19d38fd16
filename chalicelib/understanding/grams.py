"""The one definition of the model's features: character n-grams of a folded text. Training and serving share it.

A gram is a stretch of 1 to ``LONGEST`` neighbouring characters of the folded text, punctuation and blanks included; it
counts once per stretch that is read, however often it stands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import add
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from chalicelib.understanding.rows import Rows

LONGEST: Final = 4  # characters
SMOOTH: Final = 4.0  # grams added to a stretch's number of grams before the root of it divides its document weights
UNKNOWN: Final = 0  # the row of every gram that the table does not hold; its weights are zero
_UNKNOWN: Final = repeat(UNKNOWN)
_ROW: Final = dict[str, int].get


def every(text: str) -> set[str]:
    """All grams of a folded text or clause, known or not: what training counts."""
    size = len(text)
    return {text[at : at + length] for length in range(1, LONGEST + 1) for at in range(size - length + 1)}


class Scan:
    """The known grams of one folded text. ``sizes[k][i]`` is the row of ``text[i:i+k+1]``, ``UNKNOWN`` when the table
    does not hold it. Built in one pass, linear in the text; a stretch is read out of it by slicing."""

    __slots__ = ("sizes", "sums", "text")

    def __init__(self, text: str, rows: Rows) -> None:
        self.text = text
        self.sums: dict[Any, Sequence[int]] = {}  # of stretches, kept here by ``lanes`` as long as the text is read
        chars = [*text]
        begun = [*map(rows.tails.__getitem__, chars)]
        tails = [""] * len(chars)
        self.sizes = [[*map(_ROW, begun, tails, _UNKNOWN)]]
        for size in range(1, LONGEST):  # what runs once a character is C
            tails = chars[1:] if size == 1 else [*map(add, tails, chars[size:])]
            self.sizes.append([*map(_ROW, begun, tails, _UNKNOWN)])

    def within(self, start: int, end: int) -> set[int]:
        """Rows of the grams lying wholly inside ``[start, end)``, each once; may hold ``UNKNOWN``, which weighs 0."""
        one, two, three, four = self.sizes
        if end - start >= LONGEST:
            return set().union(one[start:end], two[start : end - 1], three[start : end - 2], four[start : end - 3])
        found: set[int] = set()
        for size, rows in enumerate(self.sizes, 1):
            if end - size >= start:
                found.update(rows[start : end - size + 1])
        return found
