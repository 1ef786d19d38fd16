"""The table gram → row as a trie whose nodes lie in one array, so that nothing is unpacked when a process starts and
what begins alike is found by walking on, character by character (J. Aoe, "An efficient digital search algorithm by
using a double-array structure", IEEE Transactions on Software Engineering 15(9), 1989).

Every character of the grams has a code from 1. The node that is reached from node ``n`` by a character lies at
``base(n) + code``, and belongs to ``n`` if its ``parent`` says so; the root is node 0. A cell holds the base, the
parent and the row of its node, 21 bits each; the row of a node that is no gram itself is 0.

Packed the table is one line of UTF-8, the characters in the order of their codes, and then the cells, 8 bytes each,
little endian, and after the last one the number of grams. ``infra.model.trie`` packs it.
"""

from __future__ import annotations

import sys
from array import array
from typing import Final

BITS: Final = 21  # of each of the three numbers of a cell, the row in the lowest
MASK: Final = (1 << BITS) - 1
PARENT: Final = BITS  # bits that the parent is shifted by
BASE: Final = 2 * BITS
NOBODYS: Final = MASK << PARENT  # a cell without a node: no node is its parent
CELL: Final = "q"  # of an array


class Rows:
    """What ``infra.model.trie.pack`` was given; ``len`` is the number of grams. ``grams.Scan`` walks through it."""

    __slots__ = ("_size", "cells", "codes")

    def __init__(self, packed: bytes) -> None:
        chars, _, cells = packed.partition(b"\n")
        self.codes = {char: code for code, char in enumerate(chars.decode(), 1)}
        numbers = array(CELL)
        numbers.frombytes(cells)
        if sys.byteorder == "big":
            numbers.byteswap()
        self._size = numbers.pop()
        self.cells = numbers

    def __len__(self) -> int:
        return self._size
