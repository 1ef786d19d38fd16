"""Replays: the same ids again, in bounded parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.events import Event, feedback_event, ticket_events
from chalicelib.domain.reading.facets import facets_of
from chalicelib.domain.reading.listing import FeedbackPage, FeedbackQuery, FeedbackSummary
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.services.replay import PAGE, Replay
from tests.builders import AT, WORKSPACE, feedback, ticket
from tests.fakes.tickets import FakeFeedback, FakeTickets

SINCE, UNTIL = AT - timedelta(hours=1), AT + timedelta(hours=1)


@dataclass
class FakeLists:
    rows: FakeFeedback

    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage:
        assert query.since is not None
        assert query.until is not None
        found = [
            FeedbackSummary(one.workspace, one.id, one.connection, one.state, one.received_at, facets_of(one))
            for one in self.rows.rows.values()
            if one.workspace == query.workspace and query.since <= one.received_at < query.until
            if query.state in (None, one.state)
        ]
        start = int(cursor or 0)
        following = str(start + limit) if start + limit < len(found) else None
        return FeedbackPage(tuple(found[start : start + limit]), following)


@dataclass
class World:
    feedback: FakeFeedback = field(default_factory=FakeFeedback)
    tickets: FakeTickets = field(default_factory=FakeTickets)
    listening: list[Endpoint] = field(default_factory=list)
    published: list[Event] = field(default_factory=list)
    reparsed: list[str] = field(default_factory=list)
    ranges: list[tuple[Any, ...]] = field(default_factory=list)

    def publish(self, events: Sequence[Event]) -> None:
        self.published += events

    def endpoints(self, workspace: str) -> Sequence[Endpoint]:
        return self.listening

    def one(self, workspace: str, feedback_id: str) -> None:
        if feedback_id == "fb_expired":
            raise NotFound("There is no such thing.")
        if feedback_id == "fb_read":
            raise Conflict("This feedback is not parked.", code="not_parked")
        self.reparsed.append(feedback_id)

    def replay_range(
        self, workspace: str, since: datetime, until: datetime, *, limit: int, cursor: str | None
    ) -> tuple[int, str | None]:
        self.ranges.append((workspace, since, until, limit, cursor))
        return 7, "next"

    def call(self, what: str, cursor: str | None = None) -> Any:
        lists = FakeLists(self.feedback)
        replay = Replay(self.feedback, lists, self.tickets, self, self, self, self)
        return replay(WORKSPACE, SINCE, UNTIL, what, cursor)

    def all(self, what: str) -> int:
        """Follow the cursor to the end."""
        sent, answer = 0, self.call(what)
        while answer.cursor is not None:
            sent += answer.sent
            answer = self.call(what, answer.cursor)
        return int(sent + answer.sent)


def endpoint(**changes: Any) -> Endpoint:
    return Endpoint(WORKSPACE, "ep_1", "OA", "standard_webhooks", "oa.example.com", **changes)


def test_events_of_feedback_and_tickets_are_published_with_the_ids_they_had() -> None:
    world = World()
    inside: list[Feedback] = [feedback(), feedback(id="fb_two", revision=2)]
    outside = feedback(id="fb_old", received_at=SINCE - timedelta(seconds=1))
    parked = feedback(id="fb_parked", state="parked")
    foreign = feedback(workspace="other")
    world.feedback.add(*inside, outside, parked, foreign)
    moved = ticket(state="resolved", change="moved", version=3)
    world.tickets.rows = {
        (WORKSPACE, "a"): moved,
        (WORKSPACE, "b"): ticket(id="tk_old", updated_at=SINCE - timedelta(seconds=1)),
    }
    assert world.all("events") == 3
    expected = [*(feedback_event(one) for one in inside), *ticket_events(moved)]
    assert [event.id for event in world.published] == [event.id for event in expected]
    assert world.published[-1].type == "ticket.resolved"


@pytest.mark.parametrize(
    ("listening", "deliver"),
    [
        ([], False),
        ([endpoint(events=("ticket.opened",))], False),
        ([endpoint(events=("feedback.scored",), state="disabled")], True),
        ([endpoint(events=("feedback.scored",), state="paused")], True),
    ],
)
def test_a_feedback_event_goes_to_deliveries_where_an_endpoint_listens(
    listening: list[Endpoint], deliver: bool
) -> None:
    world = World(listening=listening)
    world.feedback.add(feedback())
    world.all("events")
    assert [event.detail["deliver"] for event in world.published] == [deliver]


def test_a_voice_that_was_deleted_before_it_was_heard_is_not_told_of() -> None:
    world = World()
    world.feedback.add(
        feedback(id="fb_never", deleted=True, state="closed"),
        feedback(id="fb_gone", deleted=True, state="closed", revision=2),
    )
    world.all("events")
    assert [event.detail["feedback_id"] for event in world.published] == ["fb_gone"]


def test_one_call_does_a_bounded_part() -> None:
    world = World()
    world.feedback.add(*(feedback(id=f"fb_{number}") for number in range(2 * PAGE + 1)))
    assert world.call("events").sent == PAGE
    assert world.all("events") == 2 * PAGE + 1


def test_a_range_without_anything_publishes_nothing() -> None:
    world = World()
    assert (world.all("events"), world.published) == (0, [])


def test_parked_content_is_read_again_but_not_what_was_read_or_expired_meanwhile() -> None:
    world = World()
    names = ("fb_one", "fb_read", "fb_expired", "fb_two")
    world.feedback.add(*(feedback(id=name, state="parked") for name in names), feedback(id="fb_good"))
    assert world.all("parked") == 2
    assert world.reparsed == ["fb_one", "fb_two"]


def test_deliveries_are_left_to_those_who_send_them() -> None:
    world = World()
    answer = world.call("deliveries", "here")
    assert (answer.sent, answer.cursor) == (7, "next")
    assert world.ranges == [(WORKSPACE, SINCE, UNTIL, PAGE, "here")]


def test_anything_else_cannot_be_replayed() -> None:
    with pytest.raises(Invalid, match=r"^Only events, deliveries, parked can be replayed\.$") as refusal:
        World().call("everything")
    assert (refusal.value.code, refusal.value.pointer) == ("schema_violation", "/what")


@pytest.mark.parametrize("cursor", ["deliveries.x", "x", "."])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid, match=r"^The cursor was not given out for this list\.$") as refusal:
        World().call("events", cursor)
    assert refusal.value.code == "invalid_cursor"
