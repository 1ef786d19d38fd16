"""The table gram → row, unpacked character by character: a cold start wants few of its grams, a text those of its own.

Packed (UTF-8) its first line is the characters that grams begin with, and each of them has a line: the row of its first
gram, and after tabs what follows the character in each. So ``好差``, ``12<tab><tab>吃``, ``14<tab>`` are 好 and 好吃
in rows 12 and 13, 差 in row 14. Where a character begins grams in two places of the order, a second part follows after
an empty line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from sys import intern
from typing import Final

UNKNOWN: Final = 0  # the row of every gram that the table does not hold; its weights are zero


def pack(grams: Sequence[str]) -> bytes:
    """``grams`` in the order of their rows, from 1. Raises ValueError for one that holds a tab or a line's end."""
    parts: list[dict[str, str]] = [{}]
    before = ""
    for row, gram in enumerate(grams, 1):
        if not gram or "\t" in gram or "\n" in gram:
            raise ValueError(f"Row {row} is no gram that can be packed.")
        char = gram[0]
        if char != before and char in parts[-1]:
            parts.append({})
        parts[-1][char] = f"{parts[-1].get(char, row)}\t{gram[1:]}"
        before = char
    return "\n\n".join("\n".join(("".join(part), *part.values())) for part in parts).encode()


Pair = tuple[int, str]  # the row of two characters, and what they are in ``Rows.longer``; "" where they begin nothing
Longer = Mapping[str, tuple[int, Mapping[str, int]]]  # third character → (row, fourth character → row)
_NONE: Final[Mapping[str, int]] = {}


class Rows(dict[str, tuple[int, Mapping[str, Pair]]]):
    """First character of a gram → (the row of it alone, second character → ``Pair``), of what ``pack`` was given.

    What only begins something longer has the row ``UNKNOWN``. The keys are interned, as the characters of a folded text
    are. Unpacked when a character is first asked for; characters are finite, and so is this table.
    """

    def __init__(self, packed: bytes) -> None:
        super().__init__()
        parts = [part.split(b"\n") for part in packed.split(b"\n\n")]
        self._packed = [dict(zip(chars.decode(), lines, strict=True)) for chars, *lines in parts]
        self.size = max((_last_row(lines[-1]) for _, *lines in parts if lines), default=0)  # number of grams
        self.longer = _Longer()

    def __missing__(self, char: str) -> tuple[int, Mapping[str, Pair]]:
        row, pairs = UNKNOWN, dict[str, Pair]()
        longer: dict[str, list[tuple[str, int]]] = {}
        for lines in self._packed:
            if char in lines:
                first, *tails = lines.pop(char).decode().split("\t")
                for number, tail in enumerate(tails, int(first)):
                    if len(tail) == 1:
                        pairs[intern(tail)] = number, ""
                    elif tail:
                        longer.setdefault(tail[0], []).append((tail[1:], number))
                    else:
                        row = number
        for second, grams in longer.items():
            pairs[intern(second)] = pairs.get(second, (UNKNOWN, ""))[0], char + second
            self.longer.packed[char + second] = grams
        self[char] = row, pairs
        return row, pairs


class _Longer(dict[str, Longer]):
    """Two characters → what goes on with them, unpacked when a search comes there."""

    def __init__(self) -> None:
        super().__init__()
        self.packed: dict[str, Sequence[tuple[str, int]]] = {}  # what follows them in a gram, and its row

    def __missing__(self, pair: str) -> Longer:
        found: dict[str, tuple[int, dict[str, int]]] = {}
        for tail, row in self.packed.pop(pair):
            third = intern(tail[0])
            if len(tail) == 1:
                found[third] = row, found[third][1] if third in found else {}
            else:
                found.setdefault(third, (UNKNOWN, {}))[1][intern(tail[1])] = row
        self[pair] = {third: (row, fourth or _NONE) for third, (row, fourth) in found.items()}
        return self[pair]


def _last_row(line: bytes) -> int:
    first, _, _ = line.partition(b"\t")
    return int(first) + line.count(b"\t") - 1
