"""What a change of a row means: the events that tell of it and the buckets that it moves.

Pure, and a function of the rows alone: a change that is relayed twice, or from the start, has the same events.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.events import (
    Event,
    event_id,
    feedback_event,
    feedback_event_type,
    issue_event,
    rfc3339,
    ticket_events,
)
from chalicelib.domain.outbound.delivery import ENDPOINT_DISABLED, ENDPOINT_PAUSED
from chalicelib.domain.reading.rollup import Bucket, bucket_of
from chalicelib.domain.vocabulary import TROUBLE_EVENTS
from chalicelib.domain.voice.feedback import Feedback

Image = Mapping[str, Any]
Listens = Callable[[str, str], bool]  # (workspace, event type) → whether an endpoint asked for it

# A delivery that is held because of its endpoint has not failed: somebody paused it, or endpoint.disabled told.
_NOT_FAILURES: Final = (ENDPOINT_PAUSED, ENDPOINT_DISABLED)
_STUCK: Final = ("held", "failed", "uncertain")  # until a person looks
# What an alert says of the voice that leads it. No ``ticket_id``: the ticket may be opened after the alert is told.
_LEAD: Final = {"feedback": "feedback_id", "opens": "opens_ticket", "touchpoint": "touchpoint"}


@dataclass(frozen=True, slots=True)
class FeedbackChange:
    """A current revision before and after; None before the first."""

    old: Feedback | None
    new: Feedback


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row of another room, by its top-level attributes. ``kind``: one of _EVENTS."""

    kind: str
    old: Image | None
    new: Image
    at: datetime


Change = FeedbackChange | RowChange


def events_of(change: Change, listens: Listens) -> tuple[Event, ...]:
    """What the bus is told of a change; bookkeeping says nothing."""
    if isinstance(change, FeedbackChange):
        return _feedback_events(change, listens)
    return _EVENTS[change.kind](change)


def buckets_of(change: Change) -> frozenset[Bucket]:
    """Where the change moves a count: the buckets of both images, none when nothing that counts has changed."""
    if not isinstance(change, FeedbackChange) or not _counts_differ(change):
        return frozenset()
    both = (bucket_of(image) for image in (change.old, change.new) if image is not None)
    return frozenset(bucket for bucket in both if bucket is not None)


def _feedback_events(change: FeedbackChange, listens: Listens) -> tuple[Event, ...]:
    old, new = change.old, change.new
    if new.reading == 0 or (new.deleted and old is None):  # parked, or gone before it was ever here
        return ()
    if old is not None and _version(old) == _version(new):
        return ()
    event_type = feedback_event_type(new)
    return (feedback_event(new, deliver=listens(new.workspace, event_type)),)


def _counts_differ(change: FeedbackChange) -> bool:
    old, new = change.old, change.new
    if old is None:
        return True
    return _version(old) != _version(new) or bucket_of(old) != bucket_of(new)


def _version(feedback: Feedback) -> tuple[int, int, datetime]:
    """Arrival too: a voice may come again after its row has expired, before TTL has got to it."""
    return feedback.revision, feedback.reading, feedback.received_at


def _ticket(change: RowChange) -> tuple[Event, ...]:
    row = change.new
    if change.old is not None and change.old["version"] == row["version"]:
        return ()
    updated_at = datetime.fromisoformat(row["updated_at"])
    return ticket_events(
        Ticket(
            workspace=row["workspace"],
            id=row["id"],
            feedback=row["feedback"],
            version=int(row["version"]),
            state=row["state"],
            severity=row["severity"],
            title="",  # the words stay in the table
            opened_at=updated_at,
            updated_at=updated_at,
            unit=row.get("unit"),
            touchpoint=row.get("touchpoint"),
            departments=tuple(row.get("departments") or ()),
            owner=row.get("owner"),
            parent=row.get("parent"),
            parts=tuple(row.get("parts") or ()),
            incomplete=bool(row.get("incomplete")),
            verification=row["verification"],
            change=row["change"],
            about=row.get("about") or "",
        )
    )


def _issue(change: RowChange) -> tuple[Event, ...]:
    row = change.new
    if change.old is not None and change.old["version"] == row["version"]:
        return ()
    return (
        issue_event(
            "issue.opened" if row["change"] == "opened" else "issue.updated",
            workspace=row["workspace"],
            version=int(row["version"]),
            updated_at=datetime.fromisoformat(row["updated_at"]),
            detail={
                "issue_id": row["id"],
                "state": row["state"],
                "level": row["level"],
                "topics": list(row.get("topics") or ()),
                "unit": row.get("unit"),
                "unit_kind": row.get("unit_kind"),
                "departments": list(row.get("departments") or ()),
                "owner": row.get("owner"),
            },
        ),
    )


def _alert(change: RowChange) -> tuple[Event, ...]:
    if change.old is not None:
        return ()
    row = change.new
    return (
        Event(
            type="alert.raised",
            workspace=row["workspace"],
            id=event_id("alert.raised", row["workspace"], row["id"]),
            occurred_at=rfc3339(change.at),
            detail={
                "alert_id": row["id"],
                "rule": row["rule"],
                "severity": row["severity"],
                "unit": row.get("unit"),
                "topic": row.get("topic"),
                "named": int(row["named"]),
                "swallowed": int(row["swallowed"]),
                **{told: row[name] for name, told in _LEAD.items() if row.get(name)},
            },
        ),
    )


def _followup(change: RowChange) -> tuple[Event, ...]:
    row = change.new
    if change.old is not None or row["state"] != "open":
        return ()
    return (
        Event(
            type="followup.suggested",
            workspace=row["workspace"],
            id=event_id("followup.suggested", row["workspace"], row["id"]),
            occurred_at=rfc3339(change.at),
            detail={
                "followup_id": row["id"],
                "feedback_id": row["feedback"],
                "unit": row.get("unit"),
                "departments": [row["department"]] if row.get("department") else [],
                "owner": row.get("owner"),
                "severity": "low",
            },
        ),
    )


def _telling(change: RowChange) -> tuple[Event, ...]:
    row = change.new
    if change.old is not None:
        return ()
    return (
        Event(
            type=row["type"],
            workspace=row["workspace"],
            id=event_id(row["type"], row["workspace"], f"{row['subject']}#{row['slot']}"),
            occurred_at=rfc3339(change.at),
            detail=json.loads(row["told"]),
        ),
    )


def _endpoint(change: RowChange) -> tuple[Event, ...]:
    row = change.new
    if row["state"] != "disabled" or (change.old is not None and change.old["state"] == "disabled"):
        return ()
    return (
        Event(
            type="endpoint.disabled",
            workspace=row["workspace"],
            id=event_id("endpoint.disabled", row["workspace"], row["id"], int(row.get("state_version") or 0)),
            occurred_at=rfc3339(change.at),
            detail={"endpoint_id": row["id"], "reason": row.get("disabled_reason")},
        ),
    )


def _delivery(change: RowChange) -> tuple[Event, ...]:
    row = change.new
    if row["state"] not in _STUCK or row.get("code") in _NOT_FAILURES:
        return ()
    if row["event_type"] in TROUBLE_EVENTS:  # two endpoints that listen to each other's trouble would never end
        return ()
    if change.old is not None and change.old["state"] == row["state"]:
        return ()
    ticket = {"ticket_id": row["subject"]} if row["subject"].startswith("tk_") else {}
    return (
        Event(
            type="delivery.failed",
            workspace=row["workspace"],
            id=event_id("delivery.failed", row["workspace"], row["id"], int(row.get("version") or 0)),
            occurred_at=rfc3339(change.at),
            detail={"delivery_id": row["id"], "endpoint_id": row["endpoint"], "code": row.get("code"), **ticket},
        ),
    )


_EVENTS: Final[Mapping[str, Callable[[RowChange], tuple[Event, ...]]]] = {
    "ticket": _ticket,
    "issue": _issue,
    "alert": _alert,
    "followup": _followup,
    "telling": _telling,
    "endpoint": _endpoint,
    "delivery": _delivery,
}
