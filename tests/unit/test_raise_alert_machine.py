"""Any interleaving of arrivals, crashes, refusals, repeats and time: nothing is lost, nothing breaks a cool-down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chalicelib.domain.alerts.alert import CLAIMED, COOLING, IDLE, AlertKey, Cooldown
from chalicelib.domain.vocabulary import SEVERITIES
from chalicelib.domain.voice.feedback import Decision, Reason
from chalicelib.errors import Retryable
from tests.fakes.alerts import FakeAlertStore, FakeNotifier
from tests.unit.test_raise_alert import Crash, Room, key

RULES = ("vip", "builtin-red-line")
VISIBILITY_S = 60

subjects = st.integers(0, 5).map(lambda number: f"fb_{number}")


class StrictNotifier(FakeNotifier):
    """Takes an e-mail only from the worker that holds the key's lease."""

    store: FakeAlertStore

    def publish(self, workspace: str, severity: str, protocol: str, text: str, *, subject: str | None = None) -> None:
        super().publish(workspace, severity, protocol, text, subject=subject)
        if protocol == "email":
            state = self.store.state(key(rule_of(text)))
            assert state.state == CLAIMED, "a message during a cool-down, or from nobody's lease"
            assert state.until > self.clock().timestamp()


class StrictStore(FakeAlertStore):
    """Lets a cool-down begin only after a message that the claim sent."""

    notifier: FakeNotifier
    claims: dict[AlertKey, int]  # e-mails sent when the key was claimed

    def change(
        self, key: AlertKey, before: Cooldown, after: Cooldown, *, at: Any, unchanged: str | None = None
    ) -> bool:
        done = super().change(key, before, after, at=at, unchanged=unchanged)
        sent = sum(rule_of(mail.text) == key.rule for mail in self.notifier.by("email"))
        if done and after.state == CLAIMED:
            self.claims[key] = sent
        if done and after.state == COOLING and before.state == CLAIMED:
            assert sent > self.claims[key], "a cool-down began without a confirmed send"
        return done


def rule_of(text: str) -> str:
    return next(row for row in text.splitlines() if row.startswith("Rule: ")).removeprefix("Rule: ")


class AlertMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.room = Room()
        self.room.store = StrictStore()
        self.room.notifier = StrictNotifier(self.room.clock)
        self.room.notifier.store = self.room.store
        self.room.store.notifier = self.room.notifier
        self.room.store.claims = {}
        self.room.service = self.room._service()
        self.crashed = False

    @rule(
        subject=subjects,
        rules=st.lists(st.sampled_from(RULES), min_size=1, max_size=2, unique=True),
        severity=st.sampled_from(SEVERITIES),
        red_line=st.booleans(),
        cooldown=st.sampled_from((None, 5, 40, 1000)),
    )
    def hear(self, subject: str, rules: list[str], severity: str, red_line: bool, cooldown: int | None) -> None:
        """A feedback, or its next revision; its event goes on the queue."""
        reasons = tuple(Reason(name, 1, severity) for name in rules)
        cooldowns = {} if cooldown is None else dict.fromkeys(rules, cooldown)
        decision = Decision(actions={"alert": reasons}, cooldowns=cooldowns)
        event = self.room.hears(subject, decision=decision, red_line=red_line)
        self.room.queue.messages.append((self.room.now.timestamp(), event))

    @rule(seconds=st.sampled_from((1, 19, 21, 31, 61, 3700)))
    def wait(self, seconds: int) -> None:
        self.room.now += timedelta(seconds=seconds)

    @rule(protocol=st.sampled_from(("email", "sms")))
    def refuse(self, protocol: str) -> None:
        self.room.notifier.refuse ^= {protocol}

    @rule(
        which=st.integers(0, 20),
        repeat=st.booleans(),
        crash=st.none() | st.integers(1, 14),
        switch=st.none() | st.tuples(st.integers(1, 14), st.integers(0, 20), st.sampled_from((0, -5, 5))),
    )
    def work(self, which: int, repeat: bool, crash: int | None, switch: tuple[int, int, int] | None) -> None:
        """One worker takes a message; it may be killed at any call.

        At any call another worker may run, with a clock of its own that is some seconds off.
        """
        taken = self._take(which)
        if taken is None:
            return
        calls = 0

        def between(_: str) -> None:
            nonlocal calls
            calls += 1
            if switch is not None and calls == switch[0]:
                self.room.before(lambda _: None)
                other, skew = self._take(switch[1]), timedelta(seconds=switch[2])
                if other is not None:
                    self.room.now += skew
                    self._handle(other, repeat=False)
                    self.room.now -= skew
                self.room.before(between)
            if calls == crash:
                raise Crash

        self.room.before(between)
        self._handle(taken, repeat=repeat)
        self.room.before(lambda _: None)

    def _take(self, which: int) -> Mapping[str, Any] | None:
        ready = self.room.queue.ready()
        if not ready:
            return None
        message = ready[which % len(ready)]
        self.room.queue.messages.remove(message)
        return message[1]

    def _handle(self, message: Mapping[str, Any], *, repeat: bool) -> None:
        try:
            self.room.handle(message)
        except (Crash, Retryable) as error:
            self.crashed |= isinstance(error, Crash)
            repeat = True
        if repeat:
            self.room.queue.messages.append((self.room.now.timestamp() + VISIBILITY_S, message))

    @invariant()
    def whatever_waits_is_driven(self) -> None:
        """A message on the queue will look at every key under which something waits."""
        driven = {message["key"] for _, message in self.room.queue.messages if message.get("kind") == "cooldown_over"}
        coming = {message["detail"]["feedback_id"] for _, message in self.room.queue.messages if "detail" in message}
        for there, subject, _ in self.room.store.rows:
            assert there.id in driven or subject in coming

    def teardown(self) -> None:
        if not hasattr(self, "room"):
            return
        self.room.notifier.refuse = set()
        for _ in range(2000):
            if not self.room.queue.messages:
                break
            first = min(moment for moment, _ in self.room.queue.messages)
            self.room.now += timedelta(seconds=max(0.0, first - self.room.now.timestamp()))
            taken = self._take(0)
            assert taken is not None
            self._handle(taken, repeat=False)
        assert self.room.queue.messages == []
        self._everything_was_named()

    def _everything_was_named(self) -> None:
        named = Counter(
            (row.removeprefix("- ").split()[0], rule_of(mail.text))
            for mail in self.room.notifier.by("email")
            for row in mail.text.split("\n\n")[-1].splitlines()
        )
        admitted = Counter(self.room.store.admitted)
        rows = self.room.feedback.rows.values()
        assert {(one.id, reason.rule) for one in rows for reason in one.decision.actions["alert"]} <= set(admitted)
        assert set(named) == set(admitted)
        assert named >= admitted  # each rise of the severity, too
        if not self.crashed:
            assert named == admitted
        assert self.room.store.rows == {}
        assert all(state.state == IDLE for _, state in self.room.store.keys.values())
        assert all(one.awaiting == frozenset() for one in rows)


AlertMachine.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAlertMachine = AlertMachine.TestCase
