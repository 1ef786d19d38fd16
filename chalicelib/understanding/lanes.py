"""All weights of a gram that a frame uses packed into one integer, so that the sums of a stretch are one sum.

A frame reads some twenty columns: the document's, and every head of its topic table. Summed one by one, in Python, they
cost most of a reading. So the weights of a row lie in lanes of one large integer, ``Σ weight × 2^(16 × lane)``, and
adding the integers adds all lanes at once. A lane that is below zero borrows from the next one; adding half a lane's
range everywhere before unpacking gives it back. Exact: a weight is within ± 2^8 (one int8, or two where a pack's own
differences are added), so the rows of a stretch are added up a hundred at a time.

Rows are packed when a text first needs them, and kept: about 60 bytes each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import count
from math import sqrt
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from chalicelib.understanding.grams import Scan
    from chalicelib.understanding.weights import Table, Weights

GENERAL: Final = "document"  # column; a pack's own differences stand in "document/PACK", in the same steps
TABLE: Final = "topics"  # "topics/PACK"; plain "topics" has no heads and serves every other pack
ALL, OWN, HEADS = range(3)  # lanes: document in general, document in the pack, then the table's columns
LENGTH: Final = 3.2  # a clause of ten characters has grams of a table of weight about 1
SHORTEST: Final = 2  # characters; shorter stretches count as this long
_WIDTH: Final = 16  # bits
_AT_ONCE: Final = 100  # rows; 128 weights of 2^8 would overflow a lane
_NUMBERS: Final = count()
_KEPT: Final = 8  # pairs of a pack and a table that a process keeps


def root(length: int) -> float:
    """What the sum of a stretch's weights in a table is multiplied with."""
    return LENGTH / sqrt(max(SHORTEST, length))


class Lanes:
    """The lanes of one pack's document column and one topic table."""

    def __init__(self, weights: Weights, pack: str | None, table: Table | None) -> None:
        self.pack, self.table = pack, table
        self._number = next(_NUMBERS)  # tells its sums of a text from those of others
        general, own = weights.columns.get(GENERAL), weights.columns.get(f"{GENERAL}/{pack}")
        nothing = bytes(len(weights.rows) + 1)
        self._general: Sequence[int] = general.values if general is not None else nothing
        self._own: Sequence[int] = own.values if own is not None else nothing
        size = HEADS + (len(table.columns) if table is not None else 0)
        self._packed: list[Any] = [None] * len(nothing)  # row → its weights in one integer, once it is asked
        self._bytes = size * _WIDTH // 8
        self._halves = sum(1 << (_WIDTH * lane + _WIDTH - 1) for lane in range(size))
        self._unpack = Struct(f"<{size}h").unpack

    def sums(self, scan: Scan, start: int, end: int) -> Sequence[int]:
        """Of the rows in ``scan.within(start, end)``, a sum a lane; worked out once per text and stretch."""
        size = len(scan.text) + 1
        stretch = (self._number * size + start) * size + end
        found = scan.sums.get(stretch)
        if found is None:
            rows = scan.within(start, end)
            if len(rows) <= _AT_ONCE:
                found = self._sum(rows)
            else:
                every = [*rows]
                parts = [self._sum(every[at : at + _AT_ONCE]) for at in range(0, len(every), _AT_ONCE)]
                found = [*map(sum, zip(*parts, strict=True))]
            scan.sums[stretch] = found
        return found

    def _sum(self, rows: Iterable[int]) -> Sequence[int]:
        packed = self._packed
        try:
            total = sum(map(packed.__getitem__, rows))
        except TypeError:  # None is no number: there are rows that no text asked for yet
            for row in rows:
                packed[row] = self._pack(row)
            return self._sum(rows)
        # With the halves added each lane is offset-binary; flipping the same bits makes it two's complement.
        return self._unpack(((total + self._halves) ^ self._halves).to_bytes(self._bytes, "little"))

    def feelings(self, scan: Scan, start: int, end: int) -> tuple[float, float]:
        """How bad and how neutral a stretch is by the last two columns of the table, log-odds without their bias;
        zeros without a table."""
        if self.table is None:
            return 0.0, 0.0
        scale, sums, scales = root(end - start), self.sums(scan, start, end), self.table.scales
        return scale * sums[-2] * scales[-2], scale * sums[-1] * scales[-1]

    def _pack(self, row: int) -> int:
        general = self._general[row]
        packed = general + ((general + self._own[row]) << _WIDTH * OWN)
        if self.table is not None and row < len(self.table.pointers) - 1:
            for at in range(self.table.pointers[row], self.table.pointers[row + 1]):
                packed += self.table.values[at] << _WIDTH * (HEADS + self.table.places[at])
        return packed

    def loudest(self, scan: Scan, start: int, end: int) -> list[tuple[int, int, int, int]]:
        """(absolute weight, start, end, weight) of the grams inside that say anything in the lane ``OWN``, the one that
        weighs most first."""
        general, own = self._general, self._own
        found = [
            (abs(weight), at, at + size, weight)
            for size, rows in enumerate(scan.sizes, 1)
            for at, row in enumerate(rows[start : max(start, end - size + 1)], start)
            if row and (weight := general[row] + own[row])
        ]
        found.sort(reverse=True)
        return found


def for_packs(weights: Weights, packs: Sequence[str]) -> Lanes:
    """With the document column and the topic table of the first of ``packs`` that has one; else the general ones."""
    pack = next((pack for pack in packs if f"{GENERAL}/{pack}" in weights.columns), None)
    tables = (*(f"{TABLE}/{pack}" for pack in packs), TABLE)
    return _kept(weights, pack, next((name for name in tables if name in weights.tables), None))


@lru_cache(maxsize=_KEPT)
def _kept(weights: Weights, pack: str | None, table: str | None) -> Lanes:
    """One for all readers of the same weights, so that a row is packed once."""
    return Lanes(weights, pack, weights.tables[table] if table is not None else None)
