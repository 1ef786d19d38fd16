"""Characters that no text of ours may hold.

In free text they are replaced: people paste vertical tabs out of Word, and refusing their words would be loss.
In identifiers they are refused, or for platforms that we cannot correct, dropped.
"""

from __future__ import annotations

import re
from typing import Final, TypeGuard

REPLACEMENT: Final = "\ufffd"
MAX_IDENTIFIER: Final = 256  # characters

# Control characters other than TAB, LF and CR; lone surrogates; the noncharacters of every plane.
_PLANES: Final = "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
_UNFIT: Final = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_PLANES}]")


def clean(text: str) -> str:
    """Free text with every unfit character replaced by U+FFFD, one for one: positions stay what they were."""
    return _UNFIT.sub(REPLACEMENT, text)


def is_identifier(value: object) -> TypeGuard[str]:
    """1 to 256 printable characters, no white space at either end.

    Printable leaves out controls, surrogates, noncharacters, line separators, and characters that cannot be
    seen (zero width, direction marks): two ids that look the same must be the same.
    """
    return (
        isinstance(value, str) and 0 < len(value) <= MAX_IDENTIFIER and value.isprintable() and value == value.strip()
    )


def visible(text: str) -> str:
    """What is left of an identifier without the characters that ``is_identifier`` refuses."""
    return "".join(character for character in text if character.isprintable()).strip()
