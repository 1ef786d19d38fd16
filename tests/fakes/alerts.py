"""The alert room in memory: rows, SNS, queue and due rows, with the promises of the real ones.

Every call first goes through ``before``, where a test may crash the worker or let another one run in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.alerts import sms
from chalicelib.domain.alerts.alert import NAMING_DAYS, Alert, AlertKey, Cooldown, Mention
from chalicelib.domain.vocabulary import severity_rank
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import Subscription
from chalicelib.errors import Retryable

Before = Callable[[str], None]


def _nothing(operation: str) -> None:
    """Between calls nothing happens."""


@dataclass
class FakeAlertStore:
    before: Before = _nothing
    namings: dict[tuple[str, str, str], tuple[AlertKey, int, datetime]] = field(default_factory=dict)
    rows: dict[tuple[AlertKey, str, int], Mention] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[AlertKey, Cooldown]] = field(default_factory=dict)
    admitted: list[tuple[str, str]] = field(default_factory=list)  # (subject, rule), again for each rise
    alerts: list[Alert] = field(default_factory=list)
    spent: dict[tuple[str, str], int] = field(default_factory=dict)

    def admit(self, key: AlertKey, mention: Mention, *, at: datetime) -> AlertKey | None:
        self.before("admit")
        name, rank = (key.workspace, mention.subject, key.rule), severity_rank(mention.severity)
        known = self.namings.get(name)
        if known is not None and known[2] > at and known[1] >= rank:
            return known[0] if (known[0], mention.subject, known[1]) in self.rows else None
        self.namings[name] = (key, rank, at + timedelta(days=NAMING_DAYS))
        self.rows[(key, mention.subject, rank)] = mention
        self.admitted.append((mention.subject, key.rule))
        return key

    def waiting(self, key: AlertKey, *, at: datetime, most: int) -> Sequence[Mention]:
        self.before("waiting")
        return [mention for (there, _, _), mention in self.rows.items() if there == key][:most]

    def forget(self, key: AlertKey, mentions: Iterable[Mention]) -> None:
        for mention in mentions:
            self.before("forget")
            self.rows.pop((key, mention.subject, severity_rank(mention.severity)), None)

    def arrive(self, key: AlertKey, *, red_line: bool, at: datetime) -> Cooldown:
        self.before("arrive")
        _, current = self.keys.get((key.workspace, key.id), (key, Cooldown()))
        current = replace(current, arrivals=current.arrivals + 1, red_lines=current.red_lines + (1 if red_line else 0))
        self.keys[(key.workspace, key.id)] = (key, current)
        return current

    def load(self, workspace: str, key_id: str) -> tuple[AlertKey, Cooldown] | None:
        self.before("load")
        return self.keys.get((workspace, key_id))

    def change(
        self, key: AlertKey, before: Cooldown, after: Cooldown, *, at: datetime, unchanged: str | None = None
    ) -> bool:
        self.before("change")
        current = self.keys[(key.workspace, key.id)][1]
        if current.version != before.version:
            return False
        if unchanged is not None and getattr(current, unchanged) != getattr(before, unchanged):
            return False
        self.keys[(key.workspace, key.id)] = (
            key,
            replace(current, state=after.state, version=after.version, until=after.until),
        )
        return True

    def record(self, alert: Alert) -> None:
        self.before("record")
        self.alerts.append(alert)

    def spend(self, workspace: str, parts: int, *, limit: int, at: datetime) -> bool:
        self.before("spend")
        day = (workspace, at.date().isoformat())
        if self.spent.get(day, 0) + parts > limit:
            return False
        self.spent[day] = self.spent.get(day, 0) + parts
        return True

    def refund(self, workspace: str, parts: int, *, at: datetime) -> None:
        self.spent[(workspace, at.date().isoformat())] -= parts

    def state(self, key: AlertKey) -> Cooldown:
        """The key as it is, past the hook."""
        return self.keys[(key.workspace, key.id)][1]


@dataclass(frozen=True)
class Sent:
    workspace: str
    severity: str
    protocol: str
    text: str
    subject: str | None
    at: float


@dataclass
class FakeNotifier:
    """As SNS."""

    clock: Callable[[], datetime]
    before: Before = _nothing
    sent: list[Sent] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)  # protocols that SNS does not take
    name: str = "sns"

    def parts(self, text: str) -> int:
        return sms.parts(text)

    def publish(self, workspace: str, severity: str, protocol: str, text: str, *, subject: str | None = None) -> None:
        self.before(f"publish {protocol}")
        if protocol in self.refuse:
            raise Retryable("The notification service did not take the call.", code="notification_failed")
        self.sent.append(Sent(workspace, severity, protocol, text, subject, self.clock().timestamp()))

    def by(self, protocol: str) -> list[Sent]:
        return [one for one in self.sent if one.protocol == protocol]


@dataclass
class FakeQueue:
    """Messages with the moment from which they may be received."""

    clock: Callable[[], datetime]
    before: Before = _nothing
    messages: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:
        self.before("queue")
        assert 0 <= delay <= 900
        self.messages.append((self.clock().timestamp() + delay, dict(body)))

    def ready(self) -> list[tuple[float, Mapping[str, Any]]]:
        now = self.clock().timestamp()
        return [message for message in self.messages if message[0] <= now]


@dataclass
class FakeDue:
    """Due rows, handed straight to the queue's list: the sweep does nothing else with them."""

    queue: FakeQueue
    keys: list[str] = field(default_factory=list)

    def add(self, at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> None:
        self.queue.before("due")
        assert queue == "alerts"
        self.keys.append(key)
        self.queue.messages.append((at.timestamp(), dict(body)))


@dataclass
class FakeSubscribers:
    known: list[Subscription] = field(default_factory=list)

    def subscriptions(self, workspace: str) -> Sequence[Subscription]:
        return [one for one in self.known if one.workspace == workspace]


@dataclass
class FakeFeedback:
    """Feedback rows with their ``awaiting``."""

    before: Before = _nothing
    rows: dict[tuple[str, str], Feedback] = field(default_factory=dict)

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        return self.rows.get((workspace, feedback_id))

    def action_done(self, feedback: Feedback, action: str, *, at: datetime, ticket: str | None = None) -> bool:
        self.before("action_done")
        current = self.rows[(feedback.workspace, feedback.id)]
        if (current.revision, current.reading) != (feedback.revision, feedback.reading):
            return False
        left = current.awaiting - {action}
        self.rows[(feedback.workspace, feedback.id)] = replace(current, awaiting=left, acted_at=None if left else at)
        return True
