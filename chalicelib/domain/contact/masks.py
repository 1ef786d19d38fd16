"""What may be shown of a person: masks, and which customer ids are contact data themselves."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from chalicelib.domain.text.redaction import find

_SEPARATORS: Final = re.compile(r"[\s\-–—.()/]+")  # how people group a number
_FEWEST_PHONE_DIGITS: Final = 7


def is_contact(identity: str) -> bool:
    """Whether a customer id is, or holds, an e-mail address, a phone number or an ID-card number.

    Doubtful ones count: an id of ten digits or more that is no phone only loses its readability outside.
    """
    text = unicodedata.normalize("NFKC", identity).strip()
    if "@" in text or find(text, identifier=True):
        return True
    digits = _SEPARATORS.sub("", text).removeprefix("+")
    if not re.fullmatch(r"[0-9]+[Xx]?", digits):
        return False
    return len(digits) >= 10 or (text.startswith(("+", "0", "(")) and len(digits) >= _FEWEST_PHONE_DIGITS)


def mask(contact: Mapping[str, str]) -> dict[str, str]:
    """The contact as the ``masked`` policy shows it; fields that have no mask are left out."""
    masks = {"name": mask_name, "phone": mask_phone, "email": mask_email}
    return {field: masks[field](value) for field, value in contact.items() if field in masks}


def mask_name(name: str) -> str:
    """``张小三`` → ``张**``; ``Ann Lee`` → ``A******``. The length stays, up to eight stars."""
    text = name.strip()
    return text[:1] + "*" * min(max(len(text) - 1, 1), 8)


def mask_phone(phone: str) -> str:
    """``13800138000`` → ``*******8000``: enough for an agent to tell two numbers apart, too little to dial."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", phone))
    shown = digits[-4:] if len(digits) > 8 else digits[-2:]
    return "*" * max(len(digits) - len(shown), 4) + shown


def mask_email(email: str) -> str:
    """``zhang@example.com`` → ``z***@example.com``; three stars whatever the length."""
    local, at, domain = email.strip().rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at and local else "***"
