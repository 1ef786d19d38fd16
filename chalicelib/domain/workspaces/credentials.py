"""Hook tokens and signing secrets: how they are made, and how a token is compared."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the public prefix of Standard Webhooks secrets


def new_token() -> str:
    """A hook's path token: 256 random bits, URL-safe. Only its hash is kept."""
    return secrets.token_urlsafe(32)


def new_secret() -> str:
    """A signing secret in the form of Standard Webhooks: ``whsec_`` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def token_hash(token: str) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def token_matches(token: str, expected_hash: str) -> bool:
    """Compare in constant time; an empty expectation matches nothing."""
    return hmac.compare_digest(token_hash(token), expected_hash or "-" * 64)


def valid_at(accepted: Iterable[tuple[str, float | None]], now: float) -> tuple[str, ...]:
    """The secrets that still count. ``now`` and each "valid until" in epoch seconds; None never ends."""
    return tuple(secret for secret, until in accepted if until is None or now < until)
