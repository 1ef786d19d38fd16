"""What follows from a ticket's change is done by everyone whom it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.errors import Parked, Retryable
from chalicelib.services.cases.follow_case import FollowCase

CHANGE = {"detail": {"type": "ticket.closed", "workspace": "acme", "ticket_id": "tk_1"}}


def says(code: str | None) -> Any:
    return lambda _: code


def fails(_: Mapping[str, Any]) -> str | None:
    raise Retryable("Not now.", code="contended")


def test_a_change_reaches_every_follower_and_names_what_each_did() -> None:
    follow = FollowCase({"learn": says("learnt"), "link": says(None), "count": says("counted")}, {})
    assert follow(CHANGE) == {"learn": "learnt", "count": "counted"}


def test_each_message_begins_before_anybody_follows_it() -> None:
    heard: list[str] = []
    follow = FollowCase(
        {"learn": lambda _: heard.append("learn")},
        {"clock": lambda _: heard.append("clock")},
        begin=lambda message: heard.append(str(message.get("type") or message["kind"])),
    )
    for message in (CHANGE, {"kind": "clock"}, CHANGE):
        follow(message)
    assert heard == ["ticket.closed", "learn", "clock", "clock", "ticket.closed", "learn"]


def test_a_message_of_a_clock_goes_to_its_kind_alone() -> None:
    follow = FollowCase({"learn": says("learnt")}, {"clock": says("reminded")})
    assert follow({"kind": "clock", "ticket": "tk_1"}) == {"clock": "reminded"}


def test_a_follower_that_fails_has_the_message_tried_again() -> None:
    with pytest.raises(Retryable) as refusal:
        FollowCase({"learn": says("learnt"), "link": fails}, {})(CHANGE)
    assert (refusal.value.code, str(refusal.value)) == ("contended", "Not now.")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"kind": "astrology"}, "Nobody takes such a message."),
        ({}, "The message names no ticket."),
        ({"detail": {"workspace": "acme"}}, "The message names no ticket."),
        ({"detail": "ticket.closed"}, "The message names no ticket."),
    ],
)
def test_a_message_that_is_for_nobody_is_parked(message: dict[str, Any], words: str) -> None:
    with pytest.raises(Parked) as refusal:
        FollowCase({}, {"clock": says("reminded")})(message)
    assert (refusal.value.code, str(refusal.value)) == ("message_invalid", words)
