"""What the lexicon says of each of its words of feeling, negators and words of degree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from chalicelib.understanding.lexicon import (
    FACES,
    FAINT,
    FAINT_NEGATORS,
    FAR_NEGATORS,
    NEGATORS,
    OPINIONS,
    STANDING_NEGATORS,
    STRONGER,
    WEAKER,
)

HINT, OPINION, NEGATOR, MORE, LESS = range(5)  # kinds of words
RATHER: Final = frozenset(("有点", "有一点"))  # "价格有点高": what it is does not please
_STANDING: Final = STANDING_NEGATORS | FAINT_NEGATORS | RATHER
_EMOJI: Final = 0x2600  # the first code point of those that the model never saw
LATIN: Final = re.compile("[a-z]")


class Word:
    """One entry of the lexicon.

    ``kind``: HINT | OPINION | NEGATOR | MORE | LESS; ``weight`` of an opinion: below zero bad, above zero good;
    ``rule`` of an opinion that nothing turns: "" | "faint" | "emoji"; ``standing``: whether it speaks for bad itself
    where it finds nothing to turn; ``far``, of a negator: whether it reaches as far as the clause does; ``face``:
    whether it is a smile or a frown.
    """

    __slots__ = ("face", "far", "kind", "rule", "standing", "text", "weight")

    def __init__(self, text: str) -> None:
        self.text, self.kind, self.weight, self.rule = text, _kind(text), OPINIONS.get(text, 0), _rule(text)
        self.standing, self.far = text in _STANDING, text in FAR_NEGATORS
        self.face = text in FACES


class Words(dict[int, Word]):
    """Number of a word → what the lexicon says of it, worked out when it is first met.

    ``chinese`` come first, then ``english``: what has a Latin letter.
    """

    def __init__(self) -> None:
        super().__init__()
        self.chinese, self.english = parted((*OPINIONS, *NEGATORS, *STRONGER, *WEAKER))

    def __missing__(self, number: int) -> Word:
        first = len(self.chinese)
        self[number] = word = Word(self.chinese[number] if number < first else self.english[number - first])
        return word


def parted(words: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words without Latin letters, and those with some. Of the latter the longest come first: where two match the same
    stretch, an entry of its own goes before an inflected one ("kindly" is not the "kind" that praises)."""
    chinese, english = list[str](), list[str]()
    for word in dict.fromkeys(words):
        (english if word.islower() else chinese).append(word)  # no Chinese character has a case
    return tuple(chinese), tuple(sorted(english, key=len, reverse=True))


def _kind(word: str) -> int:
    if word in NEGATORS:
        return NEGATOR
    if OPINIONS.get(word):
        return OPINION
    return MORE if word in STRONGER else LESS if word in WEAKER else HINT


def _rule(word: str) -> str:
    """The rule of an opinion that nothing turns."""
    if abs(OPINIONS.get(word, 0)) == FAINT:
        return "faint"
    return "emoji" if ord(word[0]) > _EMOJI and not word.isalnum() else ""
