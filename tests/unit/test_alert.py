"""The states of one alert key."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from chalicelib.domain.alerts import alert
from chalicelib.domain.alerts.alert import CLAIMED, COOLING, AlertKey, Cooldown, Mention, Step
from chalicelib.domain.voice.understanding import Tag

KEY = AlertKey("ws", "builtin-red-line", "logistics.damage", "SH-001")
NOW = 1_000.0


def mention(subject: str = "fb_1", **changes: object) -> Mention:
    return Mention(**{"subject": subject, "severity": "critical", "cooldown": 30, "red_line": True} | changes)


@pytest.mark.parametrize(
    ("current", "red_line", "expected"),
    [
        (Cooldown(), False, Step.SEND),
        (Cooldown(CLAIMED, 1, until=NOW + 1), False, Step.SWALLOW),
        (Cooldown(CLAIMED, 1, until=NOW + 1), True, Step.SWALLOW),
        (Cooldown(CLAIMED, 1, until=NOW), False, Step.SEND),  # the lease is over: claim again
        (Cooldown(COOLING, 2, until=NOW + 3600), False, Step.SWALLOW),
        (Cooldown(COOLING, 2, until=NOW + 31), True, Step.HASTEN),
        (Cooldown(COOLING, 2, until=NOW + 30), True, Step.SWALLOW),
        (Cooldown(COOLING, 2, until=NOW), False, Step.SEND),
    ],
)
def test_an_arrival_sends_only_when_nobody_else_does(current: Cooldown, red_line: bool, expected: Step) -> None:
    assert alert.on_arrival(current, NOW, red_line=red_line) is expected


@pytest.mark.parametrize(
    ("current", "version", "expected"),
    [
        (Cooldown(COOLING, 4, until=NOW), 4, Step.SEND),
        (Cooldown(COOLING, 4, until=NOW + 0.5), 4, Step.WAIT),
        (Cooldown(CLAIMED, 4, until=NOW - 1), 4, Step.SEND),
        (Cooldown(COOLING, 5, until=NOW), 4, Step.DROP),
        (Cooldown(COOLING, 3, until=NOW), 4, Step.DROP),  # its change was never made
        (Cooldown(version=4), 4, Step.DROP),
    ],
)
def test_a_wake_up_counts_for_its_own_version_alone(current: Cooldown, version: int, expected: Step) -> None:
    assert alert.on_wake(current, NOW, version=version) is expected


def test_every_change_has_a_version_of_its_own() -> None:
    start = Cooldown(arrivals=3, red_lines=1)
    claimed = alert.claimed(start, NOW)
    cooling = alert.cooling(claimed, NOW, [mention(cooldown=3600), mention("fb_2", cooldown=600)])
    hastened = alert.hastened(cooling, NOW)
    settled = alert.settled(hastened)
    assert [one.version for one in (start, claimed, cooling, hastened, settled)] == [0, 1, 2, 3, 4]
    assert [one.until for one in (claimed, cooling, hastened, settled)] == [NOW + 20, NOW + 600, NOW + 30, 0]
    assert (settled.arrivals, settled.red_lines) == (3, 1)


def test_a_red_line_that_waits_makes_the_cool_down_short() -> None:
    assert alert.cooling(Cooldown(), NOW, [mention(cooldown=3600)], red_line_waits=True).until == NOW + 30
    assert alert.cooling(Cooldown(), NOW, [mention(cooldown=5)], red_line_waits=True).until == NOW + 5


@pytest.mark.parametrize(
    ("of_rule", "red_line", "expected"), [(None, False, 3600), (None, True, 30), (600, False, 600), (600, True, 600)]
)
def test_the_rule_decides_its_cool_down_before_the_default(of_rule: int | None, red_line: bool, expected: int) -> None:
    assert alert.cooldown_seconds(of_rule, red_line=red_line) == expected


def test_a_message_has_the_highest_severity_and_lists_the_worst_first() -> None:
    at = datetime(2026, 11, 21, 8, tzinfo=timezone.utc)
    waiting = [mention("fb_3", severity="low"), mention("fb_2", severity="high"), mention("fb_1", severity="low")]
    message = alert.compose(KEY, waiting, 7, at, trigger="fb_2")
    assert message.severity == "high"
    assert [one.subject for one in message.mentions] == ["fb_2", "fb_1", "fb_3"]
    assert message.swallowed == 2
    assert alert.compose(KEY, waiting, 9, at, trigger=None).id != message.id
    with pytest.raises(ValueError, match="empty"):
        alert.compose(KEY, [], 7, at, trigger=None)


def test_keys_differ_in_each_of_their_parts() -> None:
    assert len({AlertKey("ws", *parts).id for parts in (("a", "b", "c"), ("ab", "", "c"), ("a", "bc", "-"))}) == 3


def test_the_topic_is_that_of_the_surest_negative_tag() -> None:
    def tag(topic: str, polarity: str, confidence: float) -> Tag:
        return Tag(topic, polarity, 0, 0, 1, confidence)

    tags = (tag("a", "positive", 1.0), tag("b", "negative", 0.6), tag("c", "negative", 0.8), tag("d", "negative", 0.8))
    assert alert.strongest_topic(tags) == "c"
    assert alert.strongest_topic(tags[:1]) == "-"


@pytest.mark.parametrize(("trigger", "lead"), [("fb_3", "fb_3"), (None, "fb_2"), ("ev_1", "fb_2")])
def test_an_alert_is_led_by_the_voice_that_set_it_off_else_by_the_gravest(trigger: str | None, lead: str) -> None:
    at = datetime(2026, 11, 21, 8, tzinfo=timezone.utc)
    waiting = [mention("fb_3", severity="low"), mention("fb_2", severity="high")]
    found = alert.compose(KEY, waiting, 7, at, trigger=trigger).lead
    assert found is not None
    assert found.subject == lead


def test_trouble_with_an_endpoint_is_led_by_no_voice() -> None:
    at = datetime(2026, 11, 21, 8, tzinfo=timezone.utc)
    assert alert.compose(KEY, [mention("ev_1", what="endpoint.disabled")], 7, at, trigger="ev_1").lead is None
