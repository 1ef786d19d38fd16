"""The one definition of the model's features: character n-grams of a folded text. Training and serving share it.

A gram is a stretch of 1 to ``LONGEST`` neighbouring characters of the folded text, punctuation and blanks included; it
counts once per stretch that is read, however often it stands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Final

from chalicelib.understanding.rows import BASE, MASK, PARENT

if TYPE_CHECKING:
    from chalicelib.understanding.rows import Rows

LONGEST: Final = 4  # characters
SMOOTH: Final = 4.0  # grams added to a stretch's number of grams before the root of it divides its document weights
UNKNOWN: Final = 0  # the row of every gram that the table does not hold; its weights are zero
_NO_CODE: Final = repeat(0)  # no gram goes on with it


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
        self.sums: dict[int, Sequence[int]] = {}  # of stretches, kept here by ``lanes`` as long as the text is read
        cells, root = rows.cells, rows.cells[0] >> BASE
        codes = list(map(rows.codes.get, text, _NO_CODE))
        size = len(codes)
        self.sizes = sizes = [[UNKNOWN] * size for _ in range(LONGEST)]
        for start in range(size):
            node, base = 0, root
            for length in range(min(LONGEST, size - start)):
                place = base + codes[start + length]
                cell = cells[place]
                if (cell >> PARENT) & MASK != node:
                    break
                sizes[length][start] = cell & MASK
                node, base = place, cell >> BASE

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
