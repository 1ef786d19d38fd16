"""One phone number or e-mail address, however it is written. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from chalicelib.domain.contact.masks import is_contact

_GROUPING: Final = re.compile(r"[\s\-–—.()/]+")
_NUMBER: Final = re.compile(r"\+?[0-9]{7,15}|00[0-9]{7,15}")
_EMAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+")
_MOBILE: Final = re.compile(r"(?:\+|00)?86(1[3-9][0-9]{9})")


def plain(text: str) -> str:
    """Without grouping, full-width forms, the country code of a Chinese mobile number, and capitals in an address."""
    text = unicodedata.normalize("NFKC", text).strip()
    if "@" in text:
        return text.casefold()
    bare = _GROUPING.sub("", text)
    mobile = _MOBILE.fullmatch(bare)
    return mobile[1] if mobile else bare


def is_phone(text: str) -> bool:
    """Whether it can be a number of any country (E.164: at most 15 digits), however it is grouped."""
    return _NUMBER.fullmatch(plain(text)) is not None


def is_email(text: str) -> bool:
    """Whether it can be an address that mail is sent to; full-width forms and any script count."""
    return _EMAIL.fullmatch(plain(text)) is not None


def spellings(text: str) -> tuple[str, ...]:
    """As it is written, and where it is a number or an address as it is best known too, each once."""
    return tuple(dict.fromkeys((text.strip(), plain(text)))) if is_contact(text) else (text.strip(),)
