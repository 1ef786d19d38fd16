"""What travels on the inbox: the raw body with everything that reading it later needs."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.inbound.arrival import Arrival

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """One body on its way. ``feedback_id`` is what the hook answered with."""

    workspace: str
    connection: str
    source: str
    feedback_id: str
    event_key: str
    arrival: Arrival
    reparse: bool = False  # a person mended something and asked to read it again
    fetched: bool = False  # the body is what the vendor's API told, not what was pushed
    pushed: str | None = None  # key of the event that it was fetched for
    unread: str | None = None  # the reason under which it is parked: no API told the whole, or nothing proved it

    @property
    def keys(self) -> frozenset[str]:
        """Under which a parked row may know it."""
        return frozenset(filter(None, (self.event_key, self.pushed)))

    def to_message(self) -> dict[str, Any]:
        """The JSON of the queue. The body is base64: its bytes must arrive as they were signed."""
        arrival = self.arrival
        return {
            "v": VERSION,
            "workspace": self.workspace,
            "connection": self.connection,
            "source": self.source,
            "feedback_id": self.feedback_id,
            "event_key": self.event_key,
            "received_at": arrival.received_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "content_type": arrival.content_type,
            "query": dict(arrival.query),
            "headers": {name: value for name, value in arrival.headers.items() if name != "content-type"},
            "body": base64.b64encode(arrival.raw).decode("ascii"),
            "reparse": self.reparse,
            "fetched": self.fetched,
            "pushed": self.pushed,
            "unread": self.unread,
        }

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Envelope:
        """The way back. Raises KeyError or ValueError for what no hook of ours wrote."""
        return cls(
            workspace=message["workspace"],
            connection=message["connection"],
            source=message["source"],
            feedback_id=message["feedback_id"],
            event_key=message["event_key"],
            arrival=Arrival(
                raw=base64.b64decode(message["body"], validate=True),
                received_at=datetime.fromisoformat(message["received_at"]),
                headers={**message.get("headers", {}), "content-type": message.get("content_type", "")},
                query=message.get("query", {}),
            ),
            reparse=bool(message.get("reparse", False)),
            fetched=bool(message.get("fetched", False)),
            pushed=message.get("pushed"),
            unread=message.get("unread"),
        )
