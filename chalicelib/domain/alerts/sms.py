"""How many parts a text message costs, and how to shorten one. Carriers bill parts, not messages."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

GSM7_SINGLE, GSM7_PART = 160, 153  # septets; a longer message gives 7 of each part to the header that joins them
UCS2_SINGLE, UCS2_PART = 70, 67  # UTF-16 units

# GSM 03.38, the basic table and the characters that take an escape (two septets).
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")

_JOINER: Final = "\u200d"


def parts(text: str) -> int:
    """Parts that the text is sent in: 0 for an empty one. A character is never split over two parts."""
    if not text:
        return 0
    gsm7 = _is_gsm7(text)
    single, part = (GSM7_SINGLE, GSM7_PART) if gsm7 else (UCS2_SINGLE, UCS2_PART)
    sizes = [_size(character, gsm7=gsm7) for character in text]
    if sum(sizes) <= single:
        return 1
    count, room = 1, part
    for size in sizes:
        if size > room:
            count, room = count + 1, part
        room -= size
    return count


def parts_of_characters(text: str) -> int:
    """Parts as China's gateways bill them: every character is one, 70 in a single message, 67 in a part of several."""
    return 1 if 0 < len(text) <= UCS2_SINGLE else -(-len(text) // UCS2_PART)


def shorten(text: str, most: int) -> str:
    """The text if it fits into ``most`` parts (at least 1), else its longest beginning that does, with an ellipsis.

    The cut falls between what a reader sees as characters: never inside an emoji, a flag or an accented letter.
    """
    if parts(text) <= most:
        return text
    # "…" is not in GSM-7: it would turn 160 characters into 70.
    ellipsis = "..." if _is_gsm7(text) else "…"
    clusters = list(_clusters(text))
    low, high = 0, len(clusters)
    while low < high:  # parts() grows with the text as long as the encoding stays, and the ellipsis fixes that
        middle = (low + high + 1) // 2
        if parts("".join(clusters[:middle]).rstrip() + ellipsis) <= most:
            low = middle
        else:
            high = middle - 1
    return "".join(clusters[:low]).rstrip() + ellipsis


def _is_gsm7(text: str) -> bool:
    return all(character in _BASIC or character in _EXTENDED for character in text)


def _size(character: str, *, gsm7: bool) -> int:
    """Septets in GSM-7, UTF-16 units in UCS-2."""
    if gsm7:
        return 2 if character in _EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1


def _clusters(text: str) -> Iterator[str]:
    """What a reader sees as one character. Covers marks, joiners, skin tones, flags, tag sequences and Hangul jamo."""
    cluster = ""
    for character in text:
        if cluster and not _continues(cluster, character):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _continues(cluster: str, character: str) -> bool:
    if cluster[-1] == _JOINER or character == _JOINER:
        return True
    if cluster == "\r" and character == "\n":
        return True
    code = ord(character)
    if 0x1F1E6 <= code <= 0x1F1FF:  # two regional indicators are one flag
        return len(cluster) == 1 and 0x1F1E6 <= ord(cluster) <= 0x1F1FF
    modifies = 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F or 0x1160 <= code <= 0x11FF
    return modifies or unicodedata.category(character).startswith("M")
