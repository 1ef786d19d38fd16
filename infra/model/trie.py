"""Pack a table of grams as ``chalicelib.understanding.rows`` reads it: a double-array trie, large families first."""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from chalicelib.understanding.rows import BASE, BITS, CELL, NOBODYS, PARENT

_FAR: Final = 1 << BITS  # nodes and rows are numbered below it

Children = list[dict[int, int]]  # by node: code of a character → the node that it leads to


def pack(grams: Sequence[str]) -> bytes:
    """``grams`` in the order of their rows, from 1. Raises ValueError for one that holds nothing or a line's end, and
    for more of them than there are numbers for."""
    for row, gram in enumerate(grams, 1):
        if not gram or "\n" in gram:
            raise ValueError(f"Row {row} is no gram that can be packed.")
    often = Counter(char for gram in grams for char in gram)
    chars = sorted(often, key=lambda char: (-often[char], char))  # a frequent one has a small code: fewer holes
    children, rows = _grown(grams, {char: code for code, char in enumerate(chars, 1)})
    bases = _placed(children)
    size = max(bases) + len(chars) + 1  # a step from any node ends inside
    if max(size, len(grams)) >= _FAR:
        raise ValueError(f"{len(grams)} grams are too many for {BITS} bits.")
    cells = array(CELL, [NOBODYS]) * size
    cells[0] = bases[0] << BASE | NOBODYS
    for node, place in _places(children, bases):
        for code, child in children[node].items():
            cells[bases[node] + code] = bases[child] << BASE | place << PARENT | rows[child]
    cells.append(len(grams))
    if sys.byteorder == "big":
        cells.byteswap()
    return "".join(chars).encode() + b"\n" + cells.tobytes()


def _grown(grams: Sequence[str], codes: dict[str, int]) -> tuple[Children, list[int]]:
    """The trie, node 0 its root, and the row of each node; 0 where it only leads to others."""
    children: Children = [{}]
    rows = [0]
    for row, gram in enumerate(grams, 1):
        node = 0
        for code in map(codes.__getitem__, gram):
            if code not in children[node]:
                children[node][code] = len(children)
                children.append({})
                rows.append(0)
            node = children[node][code]
        rows[node] = row
    return children, rows


def _placed(children: Children) -> list[int]:
    """The base of each node: one at which all of its children lie where nobody lies yet. Large families choose first;
    one looks on where the last of its size found its place, so that nobody tries the crowded cells again and again,
    and only children take what is left."""
    bases = [0] * len(children)
    taken = bytearray(b"\x01")  # the root's own cell
    looked: dict[int, int] = {}  # size of a family → the first cell of the last one
    for node in sorted(range(len(children)), key=lambda one: (-len(children[one]), one)):
        codes = sorted(children[node])
        if not codes:
            break
        first = _free(taken, max(looked.get(len(codes), 0), codes[0]))
        while any(taken[first - codes[0] + code] for code in codes if first - codes[0] + code < len(taken)):
            first = _free(taken, first + 1)
        looked[len(codes)], bases[node] = first, first - codes[0]
        taken.extend(bytes(max(0, bases[node] + codes[-1] + 1 - len(taken))))
        for code in codes:
            taken[bases[node] + code] = 1
    return bases


def _free(taken: bytearray, start: int) -> int:
    """The first cell from ``start`` on that nobody has."""
    place = taken.find(0, start)
    return place if place >= 0 else max(start, len(taken))


def _places(children: Children, bases: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Every node with where it lies, parents before their children."""
    waiting = [(0, 0)]
    while waiting:
        node, place = waiting.pop()
        yield node, place
        waiting += ((child, bases[node] + code) for code, child in children[node].items())
