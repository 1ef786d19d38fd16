"""JSON as RFC 8259 means it, from bytes that nobody vouches for.

``json.loads`` takes NaN, UTF-16, repeated keys and 100,000 nested brackets; this does not. Time is linear in
the size, and whatever the bytes are, the only exceptions are ``Malformed`` and ``TooLarge``.
"""

from __future__ import annotations

import json
import re
from array import array
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final, NoReturn

from chalicelib.errors import Malformed, TooLarge

MAX_BYTES: Final = 262_144  # 256 KiB
MAX_DEPTH: Final = 32  # DynamoDB's own limit for nested values
MAX_DIGITS: Final = 38  # DynamoDB's own limit for numbers
MAX_EXPONENT: Final = 125  # idem: 1E-130 … 9.99E+125, cut to the same distance both ways

# A string literal; one that never ends swallows the rest. Possessive, so that nothing is ever tried twice.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NUMBER: Final = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_BRACKETS: Final = b"[]{}"
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_STEPS: Final = bytes.maketrans(_BRACKETS, b"\x01\xff\x01\xff")  # +1 and -1 as signed bytes
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def decode(raw: bytes, *, limit: int = MAX_BYTES) -> Any:
    """The value that the bytes stand for. ``limit`` in bytes.

    Integers are ``int``. A number with a fraction or exponent is a ``float`` where that is exactly what was
    written, else a ``Decimal``: ``3.0000000000000000001`` is not three, and its reader may refuse it.
    Strings may hold lone surrogates (an escape can write them): see ``hygiene``.

    Raises TooLarge, or Malformed with the code ``invalid_encoding`` (byte order mark, anything but UTF-8),
    ``json_too_deep``, ``duplicate_key``, ``number_out_of_range`` (38 digits) or ``malformed_json``.
    """
    check_size(raw, limit=limit)
    text = _text(raw)
    _check_depth(raw)
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except json.JSONDecodeError:
        raise Malformed("The body is not JSON.") from None


def check_size(raw: bytes, *, limit: int = MAX_BYTES) -> None:
    """Refuse what is too large to look at. Raises TooLarge; Malformed (``json_too_deep``) where that is the mistake.

    A runaway serialiser makes bodies that are both, and size is only its symptom. The first ``limit`` bytes show it.
    """
    if len(raw) > limit:
        _check_depth(raw[:limit])
        raise TooLarge(f"The body is larger than {limit} bytes.")


def _text(raw: bytes) -> str:
    # Every second byte a NUL: UTF-16 or UTF-32 without a mark, which decodes as UTF-8 by accident.
    wide = len(raw) >= 4 and (raw[0] == raw[2] == 0 or raw[1] == raw[3] == 0)
    if wide or raw.startswith(_BYTE_ORDER_MARKS):
        raise Malformed("The body is not plain UTF-8.", code="invalid_encoding")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not plain UTF-8.", code="invalid_encoding") from None


def _check_depth(raw: bytes) -> None:
    """Count the brackets outside of strings, whether or not they ever close."""
    steps = _STRING.sub(b"", raw).translate(_STEPS, _NOT_BRACKETS)
    if max(accumulate(array("b", steps)), default=0) > MAX_DEPTH:
        raise Malformed(f"The JSON is nested more than {MAX_DEPTH} levels deep.", code="json_too_deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("A key appears twice in one object.", code="duplicate_key")
    return found


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        _out_of_range()
    return int(text)


def _fraction(text: str) -> float | Decimal:
    near = float(text)
    if len(text) <= 16 and 1e-99 < abs(near) < 1e99:
        return near  # at most 15 digits: a float keeps them well enough to print them back
    match = _NUMBER.fullmatch(text)
    whole, fraction, exponent = match.groups(default="") if match else ("", "", "")
    digits = (whole + fraction).strip("0")
    if len(digits) > MAX_DIGITS or len(exponent.lstrip("+-").lstrip("0")) > 4:
        _out_of_range()
    exact = Decimal(text)
    if not exact:
        return 0.0
    if abs(exact.adjusted()) > MAX_EXPONENT:
        _out_of_range()
    return near if Decimal(repr(near)) == exact else exact


def _constant(_: str) -> NoReturn:
    raise Malformed("NaN and Infinity are not JSON.")


def _out_of_range() -> NoReturn:
    raise Malformed("A number is too large, too small or too long.", code="number_out_of_range")
