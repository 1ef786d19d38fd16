"""What the bus is told: thin, with the same id every time, without a word of the customer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.domain.events import feedback_event, rfc3339, ticket_events, wanted_actions
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.voice.voice import Score
from tests.builders import AT, WORKSPACE, decision, feedback, reason, tag, ticket


def test_a_scored_feedback_says_what_its_consumers_route_by() -> None:
    event = feedback_event(feedback(scores=(Score("nps", 3, 0, 10),)), deliver=True)
    assert event.type == "feedback.scored"
    assert event.as_detail() == {
        "version": 1,
        "id": event.id,
        "type": "feedback.scored",
        "workspace": WORKSPACE,
        "occurred_at": "2026-11-21T08:00:00.000Z",
        "feedback_id": "fb_one",
        "revision": 1,
        "reading": 1,
        "unit": "SH-001",
        "touchpoint": "delivery",
        "channel": "survey",
        "scores": [{"kind": "nps", "value": 3, "class": "detractor"}],
        "topics": [{"topic": "logistics.damage", "polarity": "negative"}],
        "severity": "medium",
        "red_line": False,
        "departments": ["logistics"],
        "actions": ["ticket"],
        "lapsed": [],
        "deliver": True,
    }


@pytest.mark.parametrize(("revision", "reading"), [(2, 1), (1, 2)])
def test_another_revision_or_reading_is_another_event(revision: int, reading: int) -> None:
    first = feedback_event(feedback())
    later = feedback_event(feedback(revision=revision, reading=reading))
    assert later.type == "feedback.revised"
    assert later.id != first.id


def test_bookkeeping_does_not_change_the_id() -> None:
    done = feedback(awaiting=frozenset(), awaiting_since=None, acted_at=AT, ticket="tk_x", state="ticketed")
    assert feedback_event(done) == feedback_event(feedback())


def test_a_topic_is_told_once_for_each_polarity() -> None:
    tags = (tag("a"), tag("a", start=9, end=11), tag("a", polarity="positive"), tag("b"))
    detail = feedback_event(feedback(understanding=Understanding(tags=tags, red_lines=("injury",)))).detail
    assert [(one["topic"], one["polarity"]) for one in detail["topics"]] == [
        ("a", "negative"),
        ("a", "positive"),
        ("b", "negative"),
    ]
    assert detail["red_line"] is True


def test_only_what_a_rule_still_asks_for_is_an_action() -> None:
    asked = decision(actions={"alert": (reason(),), "ticket": (reason(lapsed=True), reason("b")), "followup": ()})
    assert wanted_actions(asked) == ("ticket", "alert")
    assert wanted_actions(decision(reason(lapsed=True))) == ()


def test_no_event_holds_the_customers_words() -> None:
    told = json.dumps(
        [feedback_event(feedback()).as_detail(), ticket_events(ticket())[0].as_detail()], ensure_ascii=False
    )
    assert "包裹" not in told
    assert "R-1" not in told


@pytest.mark.parametrize(
    ("changes", "types"),
    [
        ({"change": "opened"}, ["ticket.opened"]),
        ({"change": "updated", "state": "resolved"}, ["ticket.updated"]),
        ({"change": "moved", "state": "accepted"}, ["ticket.updated"]),
        ({"change": "moved", "state": "resolved"}, ["ticket.resolved"]),
        ({"change": "moved", "state": "reopened"}, ["ticket.reopened"]),
        ({"change": "moved", "state": "closed", "verification": "no_answer"}, ["ticket.closed"]),
        ({"change": "moved", "state": "closed", "verification": "satisfied"}, ["ticket.closed", "ticket.verified"]),
        ({"change": "asked", "state": "verifying"}, ["ticket.updated", "verification.asked"]),
        ({"change": "moved", "state": "verifying"}, ["ticket.updated"]),
        ({"change": "verified", "state": "closed", "verification": "satisfied"}, ["ticket.updated", "ticket.verified"]),
    ],
)
def test_the_newest_version_of_a_ticket_decides_what_is_told(changes: dict[str, str], types: list[str]) -> None:
    assert [event.type for event in ticket_events(ticket(**changes))] == types


def test_a_ticket_event_carries_its_version_as_sequence() -> None:
    event = ticket_events(ticket(version=4, change="updated", incomplete=True))[0]
    assert event.detail == {
        "ticket_id": ticket().id,
        "ticket_version": 4,
        "sequence": 4,
        "feedback_id": "fb_one",
        "state": "open",
        "severity": "medium",
        "unit": "SH-001",
        "touchpoint": "delivery",
        "departments": ["logistics"],
        "owner": None,
        "incomplete": True,
    }
    assert event.id != ticket_events(ticket(version=5, change="updated"))[0].id


def test_times_are_utc_with_milliseconds() -> None:
    assert (
        rfc3339(replace(feedback(), received_at=AT).received_at.replace(microsecond=1999)) == "2026-11-21T08:00:00.001Z"
    )
