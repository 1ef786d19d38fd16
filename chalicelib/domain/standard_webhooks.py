"""Standard Webhooks 1.0, symmetric signatures (``v1``): HMAC-SHA256 over ``id.timestamp.body``.

Our own lines rather than the reference library: that one raises five kinds of exceptions on hostile headers
and takes timestamps such as ``1_767_600_000`` or full-width digits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from chalicelib.errors import Invalid, Unauthorized

TOLERANCE: Final = 300  # seconds, either way
PREFIX: Final = "whsec_"
MAX_SIGNATURES: Final = 10

# A full stop would make "a" + "1.2…" and "a.1" + "2…" the same signed bytes.
_MESSAGE_ID: Final = re.compile(r"[!-\-/-~]{1,256}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,15}")


def signing_key(secret: str) -> bytes:
    """The key that a secret stands for: base64, with or without ``whsec_``.

    Raises Invalid (``secret_invalid``) when it is not base64 or stands for nothing.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if not key:
        raise Invalid("The secret is not base64.", code="secret_invalid", pointer="/secret")
    return key


def sign(secret: str, msg_id: str, timestamp: int, body: bytes) -> str:
    """One entry of ``webhook-signature``. ``timestamp`` in epoch seconds. Raises as ``signing_key``."""
    return _signature(signing_key(secret), msg_id, str(timestamp), body)


def verify(
    secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime, tolerance: int = TOLERANCE
) -> None:
    """Check a delivery against every valid secret (two during a rotation). Header names in any case.

    Raises Unauthorized and nothing else: ``signature_missing``, ``message_id_invalid``, ``timestamp_invalid``,
    ``timestamp_out_of_window`` (``tolerance`` seconds) or ``signature_invalid``.
    A secret that is not base64 fits nothing.
    """
    named = {name.lower(): value for name, value in headers.items()}
    msg_id, timestamp, offered = (named.get(f"webhook-{part}") for part in ("id", "timestamp", "signature"))
    if msg_id is None or timestamp is None or offered is None:
        raise Unauthorized("The Standard Webhooks headers are missing.", code="signature_missing")
    if not _MESSAGE_ID.fullmatch(msg_id):
        raise Unauthorized("The message id is not 1 to 256 plain characters without a dot.", code="message_id_invalid")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise Unauthorized("The timestamp is not a whole number of seconds.", code="timestamp_invalid")
    if abs(now.timestamp() - int(timestamp)) > tolerance:
        raise Unauthorized("The timestamp is too far from now.", code="timestamp_out_of_window")
    if not _any_fits(_keys(secrets), msg_id, timestamp, body, offered.split(" ")):
        raise no_fit()


def no_fit() -> Unauthorized:
    """The one answer to a wrong signature and to a recipient that there is not."""
    return Unauthorized("No signature fits.", code="signature_invalid")


def _keys(secrets: Iterable[str]) -> list[bytes]:
    keys = []
    for secret in secrets:
        try:
            keys.append(signing_key(secret))
        except Invalid:
            continue
    return keys


def _any_fits(keys: list[bytes], msg_id: str, timestamp: str, body: bytes, offered: list[str]) -> bool:
    """Whether one offered entry is what one key signs; each comparison takes constant time."""
    if len(offered) > MAX_SIGNATURES:
        return False
    expected = [_signature(key, msg_id, timestamp, body).encode("ascii") for key in keys]
    given = [entry.encode("utf-8", "surrogatepass") for entry in offered]
    return any(hmac.compare_digest(one, other) for one in expected for other in given)


def _signature(key: bytes, msg_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{msg_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
