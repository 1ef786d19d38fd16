"""Opaque list cursors: where the next page begins, bound to the list that it was given out for.

A cursor is not signed, so it must never choose a partition: a store puts only the position inside the list
(sort key, id, day) in it and adds the partition itself. A forged one then moves only within the caller's own list.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.domain.ids import digest
from chalicelib.errors import Invalid

_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{1,1024}")
_LARGEST: Final = 2**53


def encode(scope: str, key: Mapping[str, str | int]) -> str:
    """The position ``key`` as text. ``scope`` names the list and its filters; it is not readable from the cursor."""
    text = json.dumps({"s": _mark(scope), "k": dict(key)}, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(text.encode("utf-8")).decode("ascii").rstrip("=")


def decode(scope: str, cursor: str) -> dict[str, Any]:
    """The position that ``encode`` was given for the same scope; its values are non-empty text or whole numbers.

    Raises Invalid (``invalid_cursor``) for anything else, a cursor of another list included, and nothing but that.
    """
    try:
        if not _SHAPE.fullmatch(cursor):
            raise ValueError("shape")  # noqa: TRY301 - one way out for every defect
        held = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise invalid() from None
    if not isinstance(held, dict) or held.get("s") != _mark(scope) or not _is_position(held.get("k")):
        raise invalid()
    return dict(held["k"])


def _mark(scope: str) -> str:
    return digest("cursor", scope, length=10)


def _is_position(key: object) -> bool:
    return isinstance(key, dict) and all(_is_value(value) for value in key.values())


def _is_value(value: object) -> bool:
    if isinstance(value, str):
        # A lone surrogate decodes from JSON and would break the query later.
        return value != "" and not any("\ud800" <= char <= "\udfff" for char in value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def invalid() -> Invalid:
    """The refusal of a cursor of another list, or of a position in it that there cannot be."""
    return Invalid("The cursor was not given out for this list.", code="invalid_cursor", pointer="/cursor")
