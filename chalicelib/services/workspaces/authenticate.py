"""Who is calling: from the Authorization header to the key that it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol

from chalicelib.domain.workspaces.api_keys import LENGTH, PREFIX, key_hash
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Unauthorized

_BEARER: Final = re.compile(rf"(?i:bearer) +({PREFIX}[A-Za-z0-9_-]{{{LENGTH - len(PREFIX)}}})")


class KeyReader(Protocol):
    def key_by_hash(self, hash_: str) -> ApiKey | None: ...


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Keys are looked up by their hash, so there is nothing to compare and no timing to learn from."""

    keys: KeyReader

    def __call__(self, authorization: str | None) -> ApiKey:
        """The caller's key. Raises Unauthorized, in the same words whatever was wrong."""
        match = _BEARER.fullmatch(authorization or "")
        key = self.keys.key_by_hash(key_hash(match[1])) if match else None
        if key is None or key.revoked:
            raise Unauthorized("A valid key is needed: Authorization: Bearer ek_…")
        return key
