"""Text as a matcher should see it, with the way back to the text as it is stored.

Full-width forms, compatibility characters, letter case, invisible characters and accents piled on a letter
must not hide a word; a span that is found must still slice the stored text. So every character is folded by itself
(NFKC, lower case, traditional to simplified; default-ignorable characters, combining marks and the skin colours of
emoji vanish) and remembers where it stood. The curly apostrophe of "don’t" becomes a plain one. Blanks inside
"质 量 很 好" vanish, too: its reader sees them as one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from chalicelib.domain.text.traditional import TO_SIMPLIFIED

# Default_Ignorable_Code_Point of Unicode 16, the marks that may be piled on a letter (accents, strokes, keycaps), and
# the five skin colours.
_VANISHING: Final = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    (0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F), (0x1F3FB, 0x1F3FF),
)  # fmt: skip
# Three Chinese characters ("h", see ``_shape``) or more, each parted from the next by a blank.
_SPACED: Final = "(?<!h)(?<!h )h(?: h(?!h)){2,}"
_APOSTROPHE: Final = "(?<=[a-z])’(?=[a-z])"


class Folded:
    """``text`` is what to match on; ``index[i]`` is the place of its i-th character in the original."""

    __slots__ = ("index", "text")

    def __init__(self, text: str, index: Sequence[int]) -> None:
        self.text, self.index = text, index

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Code-point span of the original that folded to ``text[start:end]``; ``start < end``."""
        return self.index[start], self.index[end - 1] + 1


class _Folds(dict[str, str]):
    """Character → its folded form, worked out once. Unicode is finite, and so is this table."""

    def __missing__(self, char: str) -> str:
        if 0xD800 <= ord(char) <= 0xDFFF:  # half a character, which no matcher takes
            value = "\ufffd"
        else:
            plain = unicodedata.normalize("NFKC", char).lower().translate(TO_SIMPLIFIED)
            value = "".join([one for one in plain if not _vanishes(one)])
        self[char] = value
        return value


def _vanishes(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _VANISHING)


_FOLDS: Final = _Folds()


def fold(text: str) -> Folded:
    """Fold ``text``; linear in its length."""
    parts = list(map(_FOLDS.__getitem__, text))
    folded = "".join(parts)
    if "’" in folded:  # as telephones write "don't"
        folded = re.sub(_APOSTROPHE, "'", folded)
    if len(folded) == len(text) and "" not in parts:
        plain = Folded(folded, range(len(text)))
    else:
        plain = Folded(folded, tuple(place for place, part in enumerate(parts) for _ in part))
    return _closed_up(plain) if " " in folded else plain


def _closed_up(folded: Folded) -> Folded:
    """Without the blanks inside runs of single Chinese characters."""
    blanks = {
        place
        for run in re.finditer(_SPACED, _shape(folded.text))
        for place in range(run.start(), run.end())
        if folded.text[place] == " "
    }
    if not blanks:
        return folded
    kept = [place for place in range(len(folded.text)) if place not in blanks]
    return Folded("".join(folded.text[place] for place in kept), tuple(folded.index[place] for place in kept))


def _shape(text: str) -> str:
    """Character by character: "h" Chinese, " " a blank, "." all else. A class of all Chinese takes long to compile."""
    return "".join("h" if "\u3400" <= char <= "\u9fff" else " " if char == " " else "." for char in text)
