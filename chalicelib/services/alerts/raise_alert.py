"""What the alerts queue brings: feedback that asks for an alert, trouble with an endpoint, and our own wake-ups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.alerts.alert import (
    COOLDOWN_S,
    NOTICE_RULE,
    AlertKey,
    Mention,
    cooldown_seconds,
    strongest_topic,
)
from chalicelib.domain.ids import ticket_id
from chalicelib.domain.vocabulary import NO_UNIT
from chalicelib.domain.voice.feedback import Feedback, Reason
from chalicelib.errors import Parked
from chalicelib.observability import Line
from chalicelib.services.alerts.send_alert import SendAlert
from chalicelib.services.ports import Clock, FeedbackReader

_NOTICES: Final = ("endpoint.disabled", "delivery.failed")
_CODE: Final = re.compile(r"[a-z0-9_]{1,40}")


class Admission(Protocol):
    def admit(self, key: AlertKey, mention: Mention, *, at: datetime) -> AlertKey | None:
        """Let a mention wait; the key under which it does, None when it was named. See ``storage.alerts.alerts``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlert:
    """Each message may come twice, late and out of order; a subject is named once per rule all the same."""

    feedback: FeedbackReader
    admission: Admission
    send: SendAlert
    clock: Clock

    def handle(self, message: Mapping[str, Any], line: Line) -> None:
        """One message of the alerts queue. Raises Retryable to get it again, Parked for one that nobody understands."""
        kind = message.get("kind")
        if kind == "cooldown_over":
            self.send.woken(message["workspace"], message["key"], int(message["version"]), line)
        elif kind == "sms":
            self.send.text_message(message["workspace"], message["severity"], message["text"])
        else:
            self._event(message.get("detail", {}), line)

    def _event(self, detail: Mapping[str, Any], line: Line) -> None:
        event_type = str(detail.get("type", ""))
        if event_type.startswith("feedback."):
            self._feedback(detail["workspace"], detail["feedback_id"], line)
        elif event_type in _NOTICES:
            self._raise(*_notice(event_type, detail), line)
        else:
            raise Parked("The alerts queue brought a message of no known kind.", code="unknown_message")

    def _feedback(self, workspace: str, feedback_id: str, line: Line) -> None:
        """Name the feedback for every rule that asks. It is done once each reason waits or was named."""
        feedback = self.feedback.get(workspace, feedback_id)
        if feedback is None or "alert" not in feedback.awaiting:
            return
        for reason in feedback.decision.actions.get("alert", ()):
            if not reason.lapsed:
                self._raise(*_of_feedback(feedback, reason), line)
        self.feedback.action_done(feedback, "alert", at=self.clock())

    def _raise(self, key: AlertKey, mention: Mention, line: Line) -> None:
        there = self.admission.admit(key, mention, at=self.clock())
        if there is not None:
            self.send.arrived(there, mention, line)


def _of_feedback(feedback: Feedback, reason: Reason) -> tuple[AlertKey, Mention]:
    red_line = bool(feedback.understanding.red_lines)
    tickets = feedback.decision.actions.get("ticket", ())
    key = AlertKey(
        workspace=feedback.workspace,
        rule=reason.rule,
        topic=strongest_topic(feedback.understanding.tags),
        unit=feedback.unit or NO_UNIT,
    )
    return key, Mention(
        subject=feedback.id,
        severity=reason.severity,
        cooldown=cooldown_seconds(feedback.decision.cooldowns.get(reason.rule), red_line=red_line),
        red_line=red_line,
        ticket=ticket_id(feedback.workspace, feedback.id) if any(not one.lapsed for one in tickets) else None,
        touchpoint=feedback.touchpoint,
    )


def _notice(event_type: str, detail: Mapping[str, Any]) -> tuple[AlertKey, Mention]:
    """Trouble with one endpoint, whatever it is, shares one key: one notice, then a summary."""
    endpoint = str(detail["endpoint_id"])
    code = str(detail.get("reason") or detail.get("code") or "")
    return AlertKey(str(detail["workspace"]), NOTICE_RULE, endpoint, NO_UNIT), Mention(
        subject=str(detail["delivery_id"] if event_type == "delivery.failed" else detail["id"]),
        severity="high",
        cooldown=COOLDOWN_S,
        what=event_type,
        code=code if _CODE.fullmatch(code) else "",
    )
