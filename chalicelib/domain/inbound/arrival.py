"""What came in by a hook, before anything of it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request body with what a source needs to prove and read it. Header names are in lower case."""

    raw: bytes = field(repr=False)  # exactly as sent: signatures cover these bytes
    received_at: datetime  # aware, UTC
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def content_type(self) -> str:
        """As sent, with its parameters; empty when there was none."""
        return self.headers.get("content-type", "")
