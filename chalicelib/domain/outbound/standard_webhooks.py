"""Standard Webhooks 1.0 over ``id.timestamp.body``: HMAC-SHA256 (``v1``) and ed25519 (``v1a``).

The form of a secret says which: ``whsec_…`` or plain base64 is shared by both sides, ``whsk_…`` (seed and public key)
signs ``v1a``, ``whpk_…`` verifies it and cannot sign.

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
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
SHARED_BYTES: Final = (24, 64)  # what the specification asks of a shared secret
_KEY: Final = 32  # bytes of a seed and of a public key
_VERSION: Final = "v1a,"
MAX_SIGNATURES: Final = 10

# A full stop would make "a" + "1.2…" and "a.1" + "2…" the same signed bytes.
_MESSAGE_ID: Final = re.compile(r"[!-\-/-~]{1,256}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,15}")


def signing_key(secret: str) -> bytes:
    """The key that a secret stands for: base64, with or without ``whsec_``.

    Raises Invalid (``secret_invalid``) when it is not base64 or stands for nothing.
    """
    key = _unbased(secret.removeprefix(PREFIX))
    if not key:
        raise Invalid("The secret is not base64.", code="secret_invalid", pointer="/secret")
    return key


def check_signing(secret: str) -> None:
    """That we can sign with ``secret`` as the specification asks. Raises Invalid (``secret_invalid``)."""
    if secret.startswith((PRIVATE, PUBLIC)):
        _private_seed(secret)
    elif not SHARED_BYTES[0] <= len(signing_key(secret)) <= SHARED_BYTES[1]:
        message = f"The secret must stand for {SHARED_BYTES[0]} to {SHARED_BYTES[1]} bytes."
        raise Invalid(message, code="secret_invalid", pointer="/secret")


def sign(secret: str, msg_id: str, timestamp: int, body: bytes) -> str:
    """One entry of ``webhook-signature``. ``timestamp`` in epoch seconds. Raises Invalid (``secret_invalid``)."""
    if not secret.startswith((PRIVATE, PUBLIC)):
        return _signature(signing_key(secret), msg_id, str(timestamp), body)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(_private_seed(secret))
    return _VERSION + base64.b64encode(key.sign(_signed(msg_id, str(timestamp), body))).decode("ascii")


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
    entries = offered.split(" ")
    if len(entries) > MAX_SIGNATURES:
        raise no_fit()
    known = tuple(secrets)
    if not _any_fits(_keys(known), msg_id, timestamp, body, entries) and not _any_public_fits(
        known, _signed(msg_id, timestamp, body), entries
    ):
        raise no_fit()


def no_fit() -> Unauthorized:
    """The one answer to a wrong signature and to a recipient that there is not."""
    return Unauthorized("No signature fits.", code="signature_invalid")


def _keys(secrets: Iterable[str]) -> list[bytes]:
    keys = []
    for secret in secrets:
        if secret.startswith((PRIVATE, PUBLIC)):
            continue
        try:
            keys.append(signing_key(secret))
        except Invalid:
            continue
    return keys


def _any_fits(keys: list[bytes], msg_id: str, timestamp: str, body: bytes, offered: list[str]) -> bool:
    """Whether one offered entry is what one key signs; each comparison takes constant time."""
    expected = [_signature(key, msg_id, timestamp, body).encode("ascii") for key in keys]
    given = [entry.encode("utf-8", "surrogatepass") for entry in offered]
    return any(hmac.compare_digest(one, other) for one in expected for other in given)


def _any_public_fits(secrets: Iterable[str], signed: bytes, offered: list[str]) -> bool:
    """Whether one offered ``v1a`` entry was signed by the other half of one ``whpk_`` key."""
    keys = [key for secret in secrets if secret.startswith(PUBLIC) and (key := _public_key(secret)) is not None]
    given = [_unbased(entry.removeprefix(_VERSION)) for entry in offered if entry.startswith(_VERSION)]
    if not keys or not given:
        return False
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for key in keys:
        for signature in given:
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
            except (InvalidSignature, ValueError):
                continue
            return True
    return False


def _public_key(secret: str) -> bytes | None:
    """The 32 bytes behind ``whpk_``; None when it holds something else, or is the private half."""
    key = _unbased(secret.removeprefix(PUBLIC)) if secret.startswith(PUBLIC) else b""
    return key if len(key) == _KEY else None


def _private_seed(secret: str) -> bytes:
    """The seed behind ``whsk_``. Raises Invalid unless the public key beside it is the seed's own."""
    pair = _unbased(secret.removeprefix(PRIVATE)) if secret.startswith(PRIVATE) else b""
    if len(pair) != 2 * _KEY:
        raise _not_a_key()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if Ed25519PrivateKey.from_private_bytes(pair[:_KEY]).public_key().public_bytes_raw() != pair[_KEY:]:
        raise _not_a_key()
    return pair[:_KEY]


def _not_a_key() -> Invalid:
    return Invalid("The key is not what its prefix says.", code="secret_invalid", pointer="/secret")


def _unbased(text: str) -> bytes:
    """Strict base64; empty when it is none."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""


def _signed(msg_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{msg_id}.{timestamp}.".encode() + body


def _signature(key: bytes, msg_id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(key, _signed(msg_id, timestamp, body), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode("ascii")
