"""What goes on the bus: thin, versioned, past tense, with a deterministic id.

Never the customer's words and never contact data: the bus is archived and cannot forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.ids import digest
from chalicelib.domain.vocabulary import ACTIONS
from chalicelib.domain.voice.feedback import Decision, Feedback

SOURCE = "echoloop"
VERSION = 1

# States whose arrival has an event of its own; every other change of a ticket is ``ticket.updated``.
_TOLD_STATES: Final = ("resolved", "reopened", "closed")
# Of what clocks do, by what the version was. ``timed``: a breach in quiet hours, which is told when they are over.
_CLOCK_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "reminded": ("ticket.reminded",),
    "escalated": ("ticket.escalated",),
    "timed": (),
}
_REASONED: Final = ("ticket.reminded", "ticket.escalated")
_SECOND_EVENTS: Final = {"asked": "verification.asked", "verified": "ticket.verified"}  # by what the version was


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


def rfc3339(moment: datetime) -> str:
    """UTC text with milliseconds: ``2026-11-21T08:01:40.000Z``."""
    utc = moment.astimezone(timezone.utc)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


def wanted_actions(decision: Decision) -> tuple[str, ...]:
    """Actions that at least one rule still asks for, in the order of the vocabulary."""
    reasons = decision.actions
    return tuple(action for action in ACTIONS if any(not reason.lapsed for reason in reasons.get(action, ())))


def lapsed_actions(decision: Decision) -> tuple[str, ...]:
    """Actions that rules once asked for and none does now."""
    wanted = wanted_actions(decision)
    return tuple(action for action in ACTIONS if decision.actions.get(action) and action not in wanted)


def feedback_event(feedback: Feedback, *, deliver: bool = False) -> Event:
    """What the bus is told of this revision and reading. Only the row decides, so a replay has the same id.

    ``deliver``: an active endpoint of the workspace listens to this event type, see ``feedback_event_type``.
    """
    event_type = feedback_event_type(feedback)
    return Event(
        type=event_type,
        workspace=feedback.workspace,
        id=event_id(event_type, feedback.workspace, feedback.id, feedback.revision, feedback.reading),
        occurred_at=rfc3339(feedback.understood_at or feedback.received_at),
        detail={
            "feedback_id": feedback.id,
            "revision": feedback.revision,
            "reading": feedback.reading,
            "unit": feedback.unit,
            "touchpoint": feedback.touchpoint,
            "channel": feedback.channel,
            "scores": [
                {"kind": score.kind, "value": score.value, "class": feedback.classes.get(score.kind)}
                for score in feedback.scores
            ],
            "topics": _topics(feedback),
            "severity": feedback.decision.severity,
            "red_line": bool(feedback.understanding.red_lines),
            "departments": list(feedback.decision.departments),
            "actions": list(wanted_actions(feedback.decision)),
            "lapsed": list(lapsed_actions(feedback.decision)),
            "deliver": deliver,
        },
    )


def feedback_event_type(feedback: Feedback) -> str:
    """``feedback.scored`` for the first reading of the first revision, else ``feedback.revised``."""
    return "feedback.scored" if (feedback.revision, feedback.reading) == (1, 1) else "feedback.revised"


def ticket_events(ticket: Ticket) -> tuple[Event, ...]:
    """What the bus is told of the ticket's newest version. Only the row decides, so a replay has the same ids.

    Two where a ticket is closed because the customer is satisfied (``ticket.closed`` and ``ticket.verified``), where
    the customer is asked, and where the customer confirms what was closed without them.
    """
    return tuple(_ticket_event(event_type, ticket) for event_type in _ticket_event_types(ticket))


def _ticket_event_types(ticket: Ticket) -> tuple[str, ...]:
    if ticket.change == "opened":
        return ("ticket.opened",)
    if ticket.change in _CLOCK_EVENTS:
        return _CLOCK_EVENTS[ticket.change]
    if ticket.change in _SECOND_EVENTS:
        return ("ticket.updated", _SECOND_EVENTS[ticket.change])
    if ticket.change != "moved" or ticket.state not in _TOLD_STATES:
        return ("ticket.updated",)
    if ticket.state == "closed" and ticket.verification == "satisfied":
        return ("ticket.closed", "ticket.verified")
    return (f"ticket.{ticket.state}",)


def _ticket_event(event_type: str, ticket: Ticket) -> Event:
    return Event(
        type=event_type,
        workspace=ticket.workspace,
        id=event_id(event_type, ticket.workspace, ticket.id, ticket.version),
        occurred_at=rfc3339(ticket.updated_at),
        detail={
            "ticket_id": ticket.id,
            "ticket_version": ticket.version,
            "sequence": ticket.version,
            "feedback_id": ticket.feedback,
            "state": ticket.state,
            "severity": ticket.severity,
            "unit": ticket.unit,
            "touchpoint": ticket.touchpoint,
            "departments": list(ticket.departments),
            "owner": ticket.owner,
            "incomplete": ticket.incomplete,
            **({"parent": ticket.parent} if ticket.parent else {}),
            **({"parts": list(ticket.parts)} if ticket.parts else {}),
            **({"reason": ticket.about} if event_type in _REASONED else {}),
        },
    )


def issue_event(
    event_type: str, *, workspace: str, version: int, updated_at: datetime, detail: Mapping[str, Any]
) -> Event:
    """What the bus is told of an issue's newest version. How grave it is follows from its level."""
    topics = detail["topics"]
    return Event(
        type=event_type,
        workspace=workspace,
        id=event_id(event_type, workspace, detail["issue_id"], version),
        occurred_at=rfc3339(updated_at),
        detail={
            **detail,
            "issue_version": version,
            "sequence": version,
            "severity": "medium" if detail["level"] == "L1" else "high",
            "topic": topics[0] if topics else None,
        },
    )


def _topics(feedback: Feedback) -> list[dict[str, str]]:
    """Each (topic, polarity) once, in the order in which the words bring them up."""
    pairs = dict.fromkeys((tag.topic, tag.polarity) for tag in feedback.understanding.tags)
    return [{"topic": topic, "polarity": polarity} for topic, polarity in pairs]
