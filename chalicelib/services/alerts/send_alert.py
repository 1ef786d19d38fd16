"""Name what waits under an alert key: one message, then a cool-down, then one summary of what it swallowed.

Every step stands on a delayed message that was queued before it: a lease or a cool-down that nobody ends would keep
what waits for ever. The states themselves are in domain/alerts/alert.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.alerts import alert as states
from chalicelib.domain.alerts import alert_text
from chalicelib.domain.alerts.alert import EMAIL, SMS, Alert, AlertKey, Cooldown, Mention, Step
from chalicelib.domain.alerts.alert_text import Letter
from chalicelib.domain.cases.ticket_title import TopicNames
from chalicelib.domain.vocabulary import severity_rank
from chalicelib.domain.workspaces.directory import Subscription
from chalicelib.errors import Retryable
from chalicelib.observability import Line
from chalicelib.services.ports import Clock, DueStore, Queue, SmsBudget, SmsGateway

_LONGEST_DELAY: Final = 900  # seconds, of a queue; longer waits are due rows
_TRIES: Final = 5
_SMS_RETRY_S: Final = 30


class KeyStore(SmsBudget, Protocol):
    """Alert keys and what waits under them; ``storage.alerts.alerts.AlertStore`` says what each call promises."""

    def waiting(self, key: AlertKey, *, at: datetime, most: int) -> Sequence[Mention]: ...

    def forget(self, key: AlertKey, mentions: Iterable[Mention]) -> None: ...

    def arrive(self, key: AlertKey, *, red_line: bool, at: datetime) -> Cooldown: ...

    def load(self, workspace: str, key_id: str) -> tuple[AlertKey, Cooldown] | None: ...

    def change(
        self, key: AlertKey, before: Cooldown, after: Cooldown, *, at: datetime, unchanged: str | None = None
    ) -> bool: ...

    def record(self, alert: Alert) -> None: ...


class Notifier(SmsGateway, Protocol):
    def publish(self, workspace: str, severity: str, protocol: str, text: str, *, subject: str | None = None) -> None:
        """Raises Retryable when the message was not taken."""


class Subscribers(Protocol):
    def subscriptions(self, workspace: str) -> Sequence[Subscription]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAlert:
    """``sms_parts_per_day``: what a workspace may send; ``base_url``: of the API, empty for messages without links.

    ``page`` names the page of a ticket as services/page/page_links.py does, empty where there is none.
    """

    store: KeyStore
    notifier: Notifier
    queue: Queue
    due: DueStore
    subscribers: Subscribers
    topic_names: Callable[[str], TopicNames]  # of a workspace
    clock: Clock
    sms_parts_per_day: int
    base_url: str = ""
    page: Callable[[str, str, datetime], str] = lambda _, __, ___: ""
    lang: str = alert_text.LANGUAGES[0]

    def arrived(self, key: AlertKey, mention: Mention, line: Line) -> None:
        """``mention`` waits under ``key``: send now, or leave it to the wake-up that is on its way.

        Raises Retryable when the message was not taken; a wake-up tries again when the lease is over.
        """
        now = self.clock()
        current = self.store.arrive(key, red_line=mention.red_line, at=now)
        step = states.on_arrival(current, now.timestamp(), red_line=mention.red_line)
        if step is Step.SEND:
            self._name_all(key, current, line, trigger=mention.subject)
            return
        line.count("AlertsSwallowed")
        if step is Step.HASTEN:
            self._move(key, current, states.hastened(current, now.timestamp()))

    def woken(self, workspace: str, key_id: str, version: int, line: Line) -> None:
        """The delayed message of ``version`` arrived: a cool-down or a lease is over. Raises as ``arrived`` does."""
        found = self.store.load(workspace, key_id)
        if found is None:
            return
        key, current = found
        step = states.on_wake(current, self.clock().timestamp(), version=version)
        if step is Step.WAIT:
            self._wake_up(key, current)
        elif step is Step.SEND:
            self._name_all(key, current, line, trigger=None)

    def text_message(self, workspace: str, severity: str, text: str) -> None:
        """Send an SMS that SNS did not take when its e-mail went out. Raises Retryable."""
        self.notifier.publish(workspace, severity, SMS, text)

    def _name_all(self, key: AlertKey, current: Cooldown, line: Line, *, trigger: str | None) -> None:
        """Claim and send, or go idle when nothing waits. Losing to another worker is fine: the winner goes on."""
        for _ in range(_TRIES):
            now = self.clock()
            waiting = self.store.waiting(key, at=now, most=states.MOST_NAMED)
            if waiting:
                claimed = states.claimed(current, now.timestamp())
                if self._move(key, current, claimed):
                    alert = states.compose(key, waiting, claimed.version, now, trigger=trigger)
                    self._send(alert, claimed, line)
                return
            if current.state == states.IDLE:
                return
            if self.store.change(key, current, states.settled(current), at=now, unchanged="arrivals"):
                return
            # Something arrived between the look and the change, or another worker was faster.
            found = self.store.load(key.workspace, key.id)
            if found is None or found[1].version != current.version:
                return
            current = found[1]
        raise Retryable("The alert key is too busy to settle.", code="alert_busy")

    def _send(self, alert: Alert, claimed: Cooldown, line: Line) -> None:
        if not self._publish(alert, claimed, line):
            return
        self.store.record(alert)
        self.store.forget(alert.key, alert.mentions)
        self._cool(alert, claimed)

    def _cool(self, alert: Alert, claimed: Cooldown) -> None:
        """Begin the cool-down; shorter when a red line arrived while the message was being sent."""
        now = self.clock().timestamp()
        cooling = states.cooling(claimed, now, alert.mentions)
        long = cooling.until > now + states.RED_LINE_COOLDOWN_S
        if self._move(alert.key, claimed, cooling, unchanged="red_lines" if long else None):
            return
        found = self.store.load(alert.key.workspace, alert.key.id)
        if found is not None and found[1].version == claimed.version:
            self._move(alert.key, found[1], states.cooling(found[1], now, alert.mentions, red_line_waits=True))

    def _publish(self, alert: Alert, claimed: Cooldown, line: Line) -> bool:
        """E-mail, and SMS when the day's parts allow. False when the lease ran out first: then another one sends."""
        workspace, now = alert.key.workspace, self.clock()
        if now.timestamp() >= claimed.until:
            return False
        letter = self._letter(alert)
        text = alert_text.short(letter, lang=self.lang)
        cost = self.notifier.parts(text) * max(1, self._phones(alert))
        allowed = self.store.spend(workspace, cost, limit=self.sms_parts_per_day, at=now)
        if not allowed:
            letter = self._letter(alert, sms_limit=self.sms_parts_per_day)
        subject, body = alert_text.email(letter, lang=self.lang)
        try:
            self.notifier.publish(workspace, alert.severity, EMAIL, body, subject=subject)
        except Retryable:
            if allowed:
                self.store.refund(workspace, cost, at=now)
            raise
        line.count("AlertsSent")
        if not allowed:
            line.count("SpendGuarded")
            return True
        self._publish_sms(alert, text)
        line.count("SmsParts", cost)
        return True

    def _publish_sms(self, alert: Alert, text: str) -> None:
        """An SMS that fails is tried again alone: the e-mail went out and must not go twice."""
        try:
            self.notifier.publish(alert.key.workspace, alert.severity, SMS, text)
        except Retryable:
            body = {"kind": "sms", "workspace": alert.key.workspace, "severity": alert.severity, "text": text}
            self.queue.send(body, delay=_SMS_RETRY_S)

    def _letter(self, alert: Alert, *, sms_limit: int | None = None) -> Letter:
        key, names = alert.key, {}
        if key.topic != states.NO_TOPIC and key.rule != states.NOTICE_RULE:  # loading the names takes a while
            name = self.topic_names(key.workspace)
            names = {lang: name(key.topic, lang) for lang in alert_text.LANGUAGES}
        return Letter(alert, topic=names, base_url=self.base_url, pages=self._pages(alert), sms_limit=sms_limit)

    def _pages(self, alert: Alert) -> Mapping[str, str]:
        """The pages of the tickets that are linked: of a long list only the first, which the SMS names."""
        if not self.base_url:
            return {}
        named = alert.mentions if len(alert.mentions) <= alert_text.LINKED else alert.mentions[:1]
        tickets = [mention.ticket for mention in named if mention.ticket]
        return {ticket: self.page(alert.key.workspace, ticket, alert.at) for ticket in tickets}

    def _phones(self, alert: Alert) -> int:
        """How many phones hear this severity: each of them costs the parts again."""
        return len(
            {
                one.address
                for one in self.subscribers.subscriptions(alert.key.workspace)
                if one.protocol == SMS and severity_rank(one.severity) <= severity_rank(alert.severity)
            }
        )

    def _move(self, key: AlertKey, before: Cooldown, after: Cooldown, *, unchanged: str | None = None) -> bool:
        """Queue the wake-up of ``after``, then change the key to it; the wake-up of a lost change is stale."""
        self._wake_up(key, after)
        return self.store.change(key, before, after, at=self.clock(), unchanged=unchanged)

    def _wake_up(self, key: AlertKey, state: Cooldown) -> None:
        now = self.clock()
        body: dict[str, Any] = {
            "kind": "cooldown_over",
            "workspace": key.workspace,
            "key": key.id,
            "version": state.version,
        }
        delay = max(0, math.ceil(state.until - now.timestamp()))
        if delay <= _LONGEST_DELAY:
            self.queue.send(body, delay=delay)
        else:
            self.due.add(
                now + timedelta(seconds=delay), "alerts", body, key=f"{key.workspace}#{key.id}#{state.version}"
            )
