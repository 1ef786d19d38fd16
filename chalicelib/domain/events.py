"""What goes on the bus: thin, versioned, past tense, with a deterministic id.

Never the customer's words and never contact data: the bus is archived and cannot forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.ids import digest

SOURCE = "echoloop"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Event:
    """One bus event. ``detail`` holds ids, scores, topics, severity, unit, departments and actions only."""

    type: str  # vocabulary.EVENT_TYPES, the detail-type
    workspace: str
    id: str
    occurred_at: str  # RFC 3339, UTC
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_detail(self) -> dict[str, Any]:
        """The JSON of ``Detail``; the envelope fields win over the detail's own."""
        return {
            **self.detail,
            "version": VERSION,
            "id": self.id,
            "type": self.type,
            "workspace": self.workspace,
            "occurred_at": self.occurred_at,
        }


def event_id(event_type: str, workspace: str, subject: str, *versions: int) -> str:
    """Same change, same id: revision and reading of a feedback, version of a ticket, count of an alert."""
    return "ev_" + digest("event", event_type, workspace, subject, *(str(v) for v in versions))
