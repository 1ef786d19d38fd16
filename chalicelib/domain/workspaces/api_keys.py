"""API keys: what a caller carries, and the only form in which we keep it."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

PREFIX: Final = "ek_"
KEY_ID: Final = "ky_"  # what the id of a key begins with
LENGTH: Final = len(PREFIX) + 43  # 32 random bytes in unpadded base64url


def new_key() -> str:
    """A fresh key. It is shown once and stored nowhere."""
    return PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """SHA-256, hex: a key is 256 random bits, so a slow hash would buy nothing."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
