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
_VANISHES: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\U0001f3fb-\U0001f3ff]"
)
# Three Chinese characters ("h", see ``_shape``) or more, each parted from the next by a blank.
_SPACED: Final = re.compile("(?<!h)(?<!h )h(?: h(?!h)){2,}")
_APOSTROPHE: Final = re.compile("(?<=[a-z])’(?=[a-z])")


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
            value = _VANISHES.sub("", unicodedata.normalize("NFKC", char).lower().translate(TO_SIMPLIFIED))
        self[char] = value
        return value


_FOLDS: Final = _Folds()


def fold(text: str) -> Folded:
    """Fold ``text``; linear in its length."""
    parts = list(map(_FOLDS.__getitem__, text))
    folded = "".join(parts)
    if "’" in folded:  # as telephones write "don't"
        folded = _APOSTROPHE.sub("'", folded)
    if len(folded) == len(text) and "" not in parts:
        plain = Folded(folded, range(len(text)))
    else:
        plain = Folded(folded, tuple(place for place, part in enumerate(parts) for _ in part))
    return _closed_up(plain) if " " in folded else plain


def _closed_up(folded: Folded) -> Folded:
    """Without the blanks inside runs of single Chinese characters."""
    blanks = {
        place
        for run in _SPACED.finditer(_shape(folded.text))
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
