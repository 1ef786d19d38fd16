"""金数据 Jinshuju: data push. It signs nothing, so the path token is the proof.

An edit looks like a new entry: same form and serial number, later ``updated_at``. Labels are not in the body,
so a connection's mapping says which ``field_N`` is what. An NPS comes as a number, a rating as a string.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from chalicelib.domain.arrival import Arrival
from chalicelib.domain.mapping import response_key
from chalicelib.sources.base import MappedSource


class Jinshuju(MappedSource):
    name: ClassVar[str] = "jinshuju"
    proof: ClassVar[str] = "token"
    mapping: ClassVar[Mapping[str, Any]] = {
        "response_id": "/entry/serial_number",
        "revision_at": "/entry/updated_at",
        "occurred_at": "/entry/created_at",
    }

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None:
        """Nothing to check: the token was."""

    def response_key(self, payload: Any, pointer: str | None) -> str:
        """``form:serial``: serial numbers count per form, and one hook may serve several forms."""
        form = response_key(payload, "/form")
        return f"{form}:{super().response_key(payload, pointer)}"
