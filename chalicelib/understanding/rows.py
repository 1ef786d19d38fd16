"""The table gram → row, unpacked character by character: a cold start wants few of its grams, a text those of its own.

Packed (UTF-8) its first line is the characters that grams begin with, and each of them has a line: the row of its first
gram, and after tabs what follows the character in each. So ``好差``, ``12<tab><tab>吃``, ``14<tab>`` are 好 and 好吃
in rows 12 and 13, 差 in row 14. Where a character begins grams in two places of the order, a second part follows after
an empty line.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count


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


class Tails(dict[str, dict[str, int]]):
    """Character → what may follow it in a gram → the row; unpacked when a character is first asked for.

    "" follows in the gram that is the character alone. Characters are finite, and so is this table.
    """

    def __init__(self, packed: bytes) -> None:
        super().__init__()
        parts = [part.split(b"\n") for part in packed.split(b"\n\n")]
        self._packed = [dict(zip(chars.decode(), lines, strict=True)) for chars, *lines in parts]
        self.size = max((_last_row(lines[-1]) for _, *lines in parts if lines), default=0)

    def __missing__(self, char: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for lines in self._packed:
            if char in lines:
                first, *tails = lines.pop(char).decode().split("\t")
                found.update(zip(tails, count(int(first))))
        self[char] = found
        return found


class Rows:
    """What ``pack`` was given, gram → row; ``len`` is the number of grams."""

    __slots__ = ("tails",)

    def __init__(self, packed: bytes) -> None:
        self.tails = Tails(packed)

    def __getitem__(self, gram: str) -> int:
        return self.tails[gram[0]][gram[1:]]

    def __len__(self) -> int:
        return self.tails.size


def _last_row(line: bytes) -> int:
    first, _, _ = line.partition(b"\t")
    return int(first) + line.count(b"\t") - 1
