"""One phone number or e-mail address, however it is written. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from chalicelib.domain.contact.masks import is_contact

_GROUPING: Final = re.compile(r"[\s\-–—.()/]+")
_MOBILE: Final = re.compile(r"(?:\+|00)?86(1[3-9][0-9]{9})")


def plain(text: str) -> str:
    """Without grouping, full-width forms, the country code of a Chinese mobile number, and capitals in an address."""
    text = unicodedata.normalize("NFKC", text).strip()
    if "@" in text:
        return text.casefold()
    bare = _GROUPING.sub("", text)
    mobile = _MOBILE.fullmatch(bare)
    return mobile[1] if mobile else bare


def spellings(text: str) -> tuple[str, ...]:
    """As it is written, and where it is a number or an address as it is best known too, each once."""
    return tuple(dict.fromkeys((text.strip(), plain(text)))) if is_contact(text) else (text.strip(),)
