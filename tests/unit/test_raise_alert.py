"""Alerts: who is named, when, and what survives a crash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.domain.alerts.alert import COOLING, IDLE, NOTICE_RULE, AlertKey
from chalicelib.domain.ids import ticket_id
from chalicelib.domain.voice.feedback import Decision, Feedback, Reason
from chalicelib.domain.voice.understanding import Tag, Understanding
from chalicelib.domain.workspaces.directory import Subscription
from chalicelib.domain.workspaces.rules import Rule, decide
from chalicelib.errors import Parked, Retryable
from chalicelib.observability import Line
from chalicelib.services.alerts.raise_alert import RaiseAlert
from chalicelib.services.alerts.send_alert import SendAlert
from tests.fakes.alerts import FakeAlertStore, FakeDue, FakeFeedback, FakeNotifier, FakeQueue, FakeSubscribers

START = datetime(2026, 11, 21, 8, tzinfo=timezone.utc)
WS = "ws"
RED = Reason("builtin-red-line", 1, "critical")
VIP = Reason("vip", 1, "medium")


class Crash(Exception):
    """The worker is killed: nothing after this line runs."""


@dataclass
class Room:
    """The alert function with its queue, its clock in our hands."""

    now: datetime = START
    sms_parts_per_day: int = 200
    done: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = FakeAlertStore()
        self.notifier = FakeNotifier(self.clock)
        self.queue = FakeQueue(self.clock)
        self.feedback = FakeFeedback()
        self.subscribers = FakeSubscribers()
        self.line = Line("alert")
        self.due = FakeDue(self.queue)
        self.service = self._service()

    def _service(self) -> RaiseAlert:
        send = SendAlert(
            store=self.store,
            notifier=self.notifier,
            queue=self.queue,
            due=self.due,
            subscribers=self.subscribers,
            topic_names=lambda _: lambda topic, lang: topic,
            clock=self.clock,
            sms_parts_per_day=self.sms_parts_per_day,
        )
        return RaiseAlert(feedback=self.feedback, admission=self.store, send=send, clock=self.clock)

    def clock(self) -> datetime:
        return self.now

    def before(self, hook: Callable[[str], None]) -> None:
        """Call ``hook`` before each call that leaves the worker."""
        for port in (self.store, self.notifier, self.queue, self.feedback):
            port.before = hook

    def hears(self, feedback_id: str, *reasons: Reason, red_line: bool = False, **changes: Any) -> dict[str, Any]:
        """Store a feedback (or its next revision) that asks for an alert, and give the event that tells of it."""
        old = self.feedback.rows.get((WS, feedback_id))
        feedback = Feedback(
            workspace=WS,
            id=feedback_id,
            connection="cn_1",
            source="canonical",
            state="new",
            received_at=self.now,
            occurred_at=self.now,
            revision=old.revision + 1 if old else 1,
            unit="SH-001",
            understanding=Understanding(
                tags=(Tag("logistics.damage", "negative", 0, 0, 2, 0.9),),
                red_lines=("safety",) if red_line else (),
            ),
            decision=Decision(actions={"alert": reasons or (RED,)}),
            awaiting=frozenset({"alert"}),
        )
        self.feedback.rows[(WS, feedback_id)] = replace(feedback, **changes)
        detail = {"type": "feedback.scored", "id": f"ev_{feedback_id}", "workspace": WS, "feedback_id": feedback_id}
        return {"detail-type": "feedback.scored", "source": "echoloop", "detail": detail}

    def handle(self, message: Mapping[str, Any]) -> None:
        self.service.handle(message, self.line)

    def run(self, seconds: float) -> None:
        """Let time pass, second by second, and work off what the queue gives."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now = min(end, self.now + timedelta(seconds=1))
            self.work_off()

    def work_off(self) -> None:
        while ready := self.queue.ready():
            self.queue.messages.remove(ready[0])
            try:
                self.handle(ready[0][1])
            except Retryable:  # the queue gives it again after its visibility time
                self.queue.messages.append((self.now.timestamp() + 60, ready[0][1]))

    def named(self) -> dict[str, int]:
        """Subject → in how many e-mails it was named."""
        counted: dict[str, int] = {}
        for mail in self.notifier.by("email"):
            for row in mail.text.split("\n\n")[-1].splitlines():
                subject = row.removeprefix("- ").split()[0]
                counted[subject] = counted.get(subject, 0) + 1
        return counted

    def counts(self) -> dict[str, int]:
        return dict(self.line._counts)


@pytest.fixture
def room() -> Room:
    return Room()


def key(rule: str = "builtin-red-line") -> AlertKey:
    return AlertKey(WS, rule, "logistics.damage", "SH-001")


def test_the_first_voice_goes_out_at_once_by_email_and_sms(room: Room) -> None:
    room.handle(room.hears("fb_1", red_line=True))
    mail, text = room.notifier.sent
    assert (mail.protocol, mail.severity, mail.workspace) == ("email", "critical", WS)
    assert (text.protocol, text.severity, text.workspace) == ("sms", "critical", WS)
    assert room.named() == {"fb_1": 1}
    alert = room.store.alerts[0]
    assert (alert.key, alert.severity, len(alert.mentions), alert.swallowed) == (key(), "critical", 1, 0)
    assert room.feedback.rows[(WS, "fb_1")].awaiting == frozenset()
    assert room.counts() == {"AlertsSent": 1, "SmsParts": 1}


def test_a_cool_down_ends_with_one_summary_that_names_all_it_swallowed(room: Room) -> None:
    for number in range(5):
        room.handle(room.hears(f"fb_{number}", VIP))
    assert len(room.notifier.by("email")) == 1
    assert all(one.awaiting == frozenset() for one in room.feedback.rows.values())
    room.run(3700)
    first, summary = room.notifier.by("email")
    assert summary.at - first.at == pytest.approx(3600, abs=2)
    assert room.named() == {f"fb_{number}": 1 for number in range(5)}
    assert (len(room.store.alerts[1].mentions), room.store.alerts[1].swallowed) == (4, 4)
    assert room.counts()["AlertsSwallowed"] == 4


def test_a_summary_starts_a_cool_down_and_a_quiet_one_ends_idle(room: Room) -> None:
    room.handle(room.hears("fb_1", red_line=True))
    room.handle(room.hears("fb_2", red_line=True))
    room.run(31)
    assert room.store.state(key()).state == COOLING
    room.handle(room.hears("fb_3", red_line=True))
    assert len(room.notifier.by("email")) == 2
    room.run(31)
    assert room.store.state(key()).state == COOLING
    room.run(31)
    assert room.store.state(key()).state == IDLE
    assert len(room.notifier.by("email")) == 3
    assert room.queue.messages == []


@pytest.mark.parametrize(("seconds", "through_due_row"), [(900, False), (901, True)])
def test_a_cool_down_of_more_than_fifteen_minutes_is_a_due_row(room: Room, seconds: int, through_due_row: bool) -> None:
    decision = Decision(actions={"alert": (VIP,)}, cooldowns={"vip": seconds})
    room.handle(room.hears("fb_1", VIP, decision=decision))
    room.handle(room.hears("fb_2", VIP, decision=decision))
    assert bool(room.due.keys) is through_due_row
    room.run(seconds + 1)
    assert room.named() == {"fb_1": 1, "fb_2": 1}


@pytest.mark.parametrize(("red_line", "seconds"), [(False, 3600), (True, 30)])
def test_a_rule_without_a_cool_down_of_its_own_takes_the_default(room: Room, red_line: bool, seconds: int) -> None:
    own = Rule("vip", {"field": "channel", "op": "eq", "value": "survey"}, ("alert",))
    room.handle(room.hears("fb_1", VIP, red_line=red_line))
    decided = decide([own], room.feedback.rows[(WS, "fb_1")])
    room.handle(room.hears("fb_2", VIP, red_line=red_line, unit="SH-002", decision=decided))
    until = room.store.state(AlertKey(WS, "vip", "logistics.damage", "SH-002")).until
    assert until - room.now.timestamp() == seconds


def test_each_rule_topic_and_unit_has_a_cool_down_of_its_own(room: Room) -> None:
    room.handle(room.hears("fb_1", VIP))
    room.handle(room.hears("fb_2", VIP, unit="SH-002"))
    room.handle(room.hears("fb_3", replace(VIP, rule="other")))
    room.handle(room.hears("fb_4", VIP, understanding=Understanding()))
    assert [(one.key.rule, one.key.topic, one.key.unit) for one in room.store.alerts] == [
        ("vip", "logistics.damage", "SH-001"),
        ("vip", "logistics.damage", "SH-002"),
        ("other", "logistics.damage", "SH-001"),
        ("vip", "-", "SH-001"),
    ]


def test_a_voice_without_a_unit_has_the_key_of_no_unit(room: Room) -> None:
    room.handle(room.hears("fb_1", VIP, unit=None))
    assert room.store.alerts[0].key.unit == "-"


def test_a_voice_is_named_for_each_rule_that_asks_and_for_no_lapsed_one(room: Room) -> None:
    room.handle(room.hears("fb_1", RED, VIP, replace(VIP, rule="gone", lapsed=True)))
    assert [one.key.rule for one in room.store.alerts] == ["builtin-red-line", "vip"]


def test_a_voice_is_named_once_in_thirty_days_whatever_its_revision(room: Room) -> None:
    room.handle(room.hears("fb_1", VIP))
    room.run(3700)
    for _ in range(3):
        room.handle(room.hears("fb_1", VIP))
        room.run(3700)
    room.handle(room.hears("fb_1", VIP, unit="SH-002"))  # not under another key either
    assert room.named() == {"fb_1": 1}
    assert room.feedback.rows[(WS, "fb_1")].awaiting == frozenset()
    room.now += timedelta(days=30)
    room.handle(room.hears("fb_1", VIP))
    assert room.named() == {"fb_1": 2}


def test_a_risen_severity_is_named_again_and_a_fallen_one_is_not(room: Room) -> None:
    room.handle(room.hears("fb_1", VIP))
    room.run(3700)
    room.handle(room.hears("fb_1", replace(VIP, severity="low")))
    room.handle(room.hears("fb_1", replace(VIP, severity="high")))
    assert [one.severity for one in room.store.alerts] == ["medium", "high"]


def test_a_severity_that_rises_while_it_waits_is_in_the_summary(room: Room) -> None:
    room.handle(room.hears("fb_0", VIP))
    room.handle(room.hears("fb_1", VIP))
    room.handle(room.hears("fb_1", replace(VIP, severity="critical")))
    room.run(3700)
    assert [(one.subject, one.severity) for one in room.store.alerts[1].mentions] == [
        ("fb_1", "critical"),
        ("fb_1", "medium"),
    ]


def test_a_repeated_event_changes_nothing(room: Room) -> None:
    event = room.hears("fb_1", VIP)
    for _ in range(3):
        room.handle(event)
    assert room.named() == {"fb_1": 1}
    assert room.store.state(key("vip")).arrivals == 1


def test_a_feedback_that_is_gone_or_waits_for_no_alert_is_left_alone(room: Room) -> None:
    event = room.hears("fb_1", VIP, awaiting=frozenset({"ticket"}))
    room.handle(event)
    room.feedback.rows.clear()
    room.handle(event)
    assert room.notifier.sent == []


def test_a_feedback_that_has_moved_on_keeps_its_place_in_the_queue(room: Room) -> None:
    event = room.hears("fb_1", VIP)

    def revise(operation: str) -> None:
        if operation == "action_done":
            room.before(lambda _: None)
            room.hears("fb_1", VIP)

    room.before(revise)
    room.handle(event)
    assert room.feedback.rows[(WS, "fb_1")].awaiting == {"alert"}


def test_the_message_names_the_ticket_that_the_same_voice_opens(room: Room) -> None:
    decision = Decision(actions={"alert": (VIP,), "ticket": (VIP,)})
    room.handle(room.hears("fb_1", decision=decision))
    assert f"- fb_1 {ticket_id(WS, 'fb_1')}" in room.notifier.by("email")[0].text


def test_a_message_that_nobody_understands_is_parked(room: Room) -> None:
    with pytest.raises(Parked, match="no known kind") as caught:
        room.handle({"detail": {"type": "ticket.opened"}})
    assert caught.value.code == "unknown_message"


# --- red lines ------------------------------------------------------------------------------------------------------


def test_every_red_line_of_a_storm_is_named_within_sixty_seconds(room: Room) -> None:
    heard: dict[str, float] = {}
    for number in range(500):
        if number % 5 == 0:
            room.run(1)
        heard[f"fb_{number}"] = room.now.timestamp()
        room.handle(room.hears(f"fb_{number}", red_line=True))
    room.run(120)
    late = {}
    for alert, mail in zip(room.store.alerts, room.notifier.by("email"), strict=True):
        late.update({one.subject: mail.at - heard[one.subject] for one in alert.mentions})
    assert len(late) == 500
    assert max(late.values()) <= 60
    assert len(room.notifier.by("email")) <= 6  # one, then a digest every 30 s
    assert sum(len(alert.mentions) for alert in room.store.alerts) == 500


def test_a_red_line_cuts_a_long_cool_down_short(room: Room) -> None:
    room.handle(room.hears("fb_1", VIP))
    room.run(10)
    room.handle(room.hears("fb_2", VIP, red_line=True))
    room.run(31)
    assert room.named() == {"fb_1": 1, "fb_2": 1}
    room.run(4000)
    assert len(room.notifier.by("email")) == 2


def test_a_red_line_that_comes_while_a_message_is_sent_waits_for_a_short_cool_down(room: Room) -> None:
    event, red = room.hears("fb_1", VIP), room.hears("fb_2", VIP, red_line=True)

    def meanwhile(operation: str) -> None:
        if operation == "publish email":
            room.before(lambda _: None)
            room.handle(red)

    room.before(meanwhile)
    room.handle(event)
    assert room.named() == {"fb_1": 1}
    room.run(31)
    assert room.named() == {"fb_1": 1, "fb_2": 1}


def test_a_crash_of_the_sender_costs_a_red_line_less_than_sixty_seconds(room: Room) -> None:
    event, behind = room.hears("fb_1", red_line=True), room.hears("fb_2", red_line=True)
    room.before(crash_at("publish email"))
    with pytest.raises(Crash):
        room.handle(event)
    room.before(lambda _: None)
    room.handle(behind)  # swallowed by the lease
    assert room.notifier.sent == []
    room.run(25)  # the queue has not even given the first one back
    assert room.named() == {"fb_1": 1, "fb_2": 1}


# --- crashes and refusals -------------------------------------------------------------------------------------------


def crash_at(operation: str, nth: int = 1) -> Callable[[str], None]:
    seen = 0

    def hook(current: str) -> None:
        nonlocal seen
        seen += current == operation
        if current == operation and seen == nth:
            raise Crash

    return hook


def test_a_crash_between_send_and_confirm_sends_twice_and_loses_nothing(room: Room) -> None:
    event = room.hears("fb_1", red_line=True)
    room.before(crash_at("record"))
    with pytest.raises(Crash):
        room.handle(event)
    assert room.store.state(key()).state == "claimed"
    room.before(lambda _: None)
    room.run(25)
    assert room.named() == {"fb_1": 2}
    assert len(room.store.alerts) == 1
    room.handle(event)
    room.run(120)
    assert room.named() == {"fb_1": 2}


@pytest.mark.parametrize("nth", range(1, 16))
def test_a_crash_at_any_call_names_everything_in_the_end(nth: int) -> None:
    room = Room()
    calls = 0

    def hook(_: str) -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise Crash

    room.before(hook)
    events = [room.hears("fb_1", red_line=True), room.hears("fb_2", red_line=True)]
    for event in events:
        try:
            room.handle(event)
        except Crash:
            room.queue.messages.append((room.now.timestamp() + 60, event))
    room.before(lambda _: None)
    room.run(300)
    assert calls >= nth
    assert set(room.named()) == {"fb_1", "fb_2"}
    assert room.store.rows == {}
    assert all(one.awaiting == frozenset() for one in room.feedback.rows.values())
    assert room.store.state(key()).state == IDLE


def test_while_sns_refuses_no_cool_down_begins_and_it_is_tried_again(room: Room) -> None:
    room.notifier.refuse = {"email"}
    with pytest.raises(Retryable, match="did not take") as caught:
        room.handle(room.hears("fb_1", red_line=True))
    assert caught.value.code == "notification_failed"
    assert room.store.state(key()).state == "claimed"
    assert room.store.spent == {(WS, "2026-11-21"): 0}
    room.run(600)
    assert room.notifier.sent == []
    assert room.store.alerts == []
    assert room.feedback.rows[(WS, "fb_1")].awaiting == {"alert"}
    room.notifier.refuse = set()
    room.run(60)
    assert room.named() == {"fb_1": 1}
    assert len(room.queue.messages) <= 4  # one chain of wake-ups, however long it was refused


def test_an_sms_that_fails_is_tried_alone_and_the_email_is_not_repeated(room: Room) -> None:
    room.notifier.refuse = {"sms"}
    room.handle(room.hears("fb_1", red_line=True))
    assert room.named() == {"fb_1": 1}
    assert room.store.state(key()).state == COOLING
    room.run(29)
    room.notifier.refuse = set()
    room.run(60)
    assert len(room.notifier.by("sms")) == 1
    assert len(room.notifier.by("email")) == 1


def test_a_sender_that_lost_its_lease_sends_nothing(room: Room) -> None:
    event = room.hears("fb_1", red_line=True)

    def stall(operation: str) -> None:
        if operation == "change":
            room.now += timedelta(seconds=30)

    room.before(stall)
    room.handle(event)
    assert room.notifier.sent == []
    room.before(lambda _: None)
    room.run(1)
    assert room.named() == {"fb_1": 1}


def test_an_arrival_on_a_slow_clock_is_not_left_behind_in_an_idle_key(room: Room) -> None:
    room.handle(room.hears("fb_1", red_line=True))
    event = room.hears("fb_2", red_line=True)

    def meanwhile(operation: str) -> None:
        if operation == "change":  # the cool-down is over and nothing was seen to wait
            room.before(lambda _: None)
            room.now -= timedelta(seconds=5)
            room.handle(event)  # this worker still believes in the cool-down
            room.now += timedelta(seconds=5)

    room.run(29)
    room.before(meanwhile)
    room.run(2)
    assert room.named() == {"fb_1": 1, "fb_2": 1}


def test_a_stale_wake_up_is_dropped(room: Room) -> None:
    room.handle(room.hears("fb_1", red_line=True))
    stale = {"kind": "cooldown_over", "workspace": WS, "key": key().id, "version": 1}
    for message in (stale, {**stale, "key": "unknown"}):
        before = list(room.queue.messages)
        room.handle(message)
        assert room.queue.messages == before
    assert room.store.state(key()).version == 2


def test_more_than_one_message_can_hold_waits_for_the_next(room: Room) -> None:
    room.handle(room.hears("fb_x", red_line=True))
    for number in range(2100):
        room.handle(room.hears(f"fb_{number}", red_line=True))
    room.run(61)
    assert [len(alert.mentions) for alert in room.store.alerts] == [1, 2000, 100]


# --- the spend guard ------------------------------------------------------------------------------------------------


def test_when_the_sms_budget_is_used_up_the_email_says_so_and_no_sms_goes() -> None:
    room = Room(sms_parts_per_day=1)
    room.handle(room.hears("fb_1", VIP))
    room.handle(room.hears("fb_2", VIP, unit="SH-002"))
    first, second = room.notifier.by("email")
    assert "已用完" not in first.text
    assert "今日短信额度（1 条）已用完：本告警只发邮件。" in second.text
    assert "Today's SMS budget (1 parts) is used up: this alert went by e-mail only." in second.text
    assert len(room.notifier.by("sms")) == 1
    assert room.counts() == {"AlertsSent": 2, "SmsParts": 1, "SpendGuarded": 1}
    room.now += timedelta(days=1)
    room.handle(room.hears("fb_3", VIP, unit="SH-003"))
    assert len(room.notifier.by("sms")) == 2


def test_each_phone_that_hears_the_severity_costs_its_parts(room: Room) -> None:
    room.subscribers.known = [
        Subscription(WS, "sb_1", "low", "sms", "+8613800000001"),
        Subscription(WS, "sb_2", "medium", "sms", "+8613800000002"),
        Subscription(WS, "sb_3", "critical", "sms", "+8613800000003"),
        Subscription(WS, "sb_4", "low", "email", "ops@example.com"),
        Subscription("other", "sb_5", "low", "sms", "+8613800000005"),
        Subscription(WS, "sb_6", "low", "sms", "+8613800000001"),  # asked for twice, heard once
    ]
    room.handle(room.hears("fb_1", VIP))
    assert room.store.spent == {(WS, "2026-11-21"): 2}


# --- notices about endpoints ------------------------------------------------------------------------------------------


def trouble(event_type: str, endpoint: str, **detail: str) -> dict[str, Any]:
    return {"detail": {"type": event_type, "workspace": WS, "endpoint_id": endpoint, **detail}}


def test_trouble_with_an_endpoint_is_one_notice_and_then_a_summary(room: Room) -> None:
    room.handle(trouble("endpoint.disabled", "ep_1", id="ev_1", reason="gone"))
    for number in range(3):
        room.handle(trouble("delivery.failed", "ep_1", id=f"ev_f{number}", delivery_id=f"dl-{number}", code="timeout"))
        room.handle(trouble("delivery.failed", "ep_1", id=f"ev_f{number}", delivery_id=f"dl-{number}", code="timeout"))
    room.handle(trouble("delivery.failed", "ep_2", id="ev_9", delivery_id="dl-9", code="timeout"))
    assert [(one.key.rule, one.key.topic, one.severity) for one in room.store.alerts] == [
        (NOTICE_RULE, "ep_1", "high"),
        (NOTICE_RULE, "ep_2", "high"),
    ]
    room.run(3700)
    assert room.named() == {"ev_1": 1, "dl-9": 1, "dl-0": 1, "dl-1": 1, "dl-2": 1}
    assert len(room.notifier.by("email")) == 3


def test_only_our_own_codes_get_into_a_notice(room: Room) -> None:
    room.handle(trouble("delivery.failed", "ep_1", id="ev_1", delivery_id="dl-1", code="HTTP 500: call 13800000000"))
    assert "13800000000" not in room.notifier.by("email")[0].text
