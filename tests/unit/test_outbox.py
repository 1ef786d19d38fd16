"""From changes of rows to events and marks, once or many times, in one shard or in four."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.changes import Change, FeedbackChange, RowChange, buckets_of, events_of
from chalicelib.domain.reading.facets import facets_of
from chalicelib.domain.reading.rollup import Bucket, bucket_of, recount
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.voice import Score
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.errors import Retryable
from chalicelib.services.outbox import Listeners, Outbox
from chalicelib.services.reading.rollup import Rollup
from tests.builders import AT, WORKSPACE, feedback
from tests.fakes.directory import FakeDirectory
from tests.fakes.feedback import FakeBuckets, FakeBus, FakeFeedbackStore
from tests.fakes.tickets import FakeClock, FakeQueue

TICKET: Mapping[str, Any] = {
    "workspace": WORKSPACE,
    "id": "tk_1",
    "feedback": "fb_one",
    "version": 1,
    "state": "open",
    "severity": "medium",
    "unit": "SH-001",
    "touchpoint": "delivery",
    "departments": ["logistics"],
    "incomplete": False,
    "verification": "not_asked",
    "change": "opened",
    "updated_at": "2026-11-21T08:00:00.000Z",
}
ENDPOINT: Mapping[str, Any] = {"workspace": WORKSPACE, "id": "ep_1", "state": "active", "state_version": 1}
DELIVERY: Mapping[str, Any] = {
    "workspace": WORKSPACE,
    "id": "dl-tk_1-ep_1-1",
    "endpoint": "ep_1",
    "subject": "tk_1",
    "event_type": "ticket.opened",
    "state": "waiting",
    "code": "",
    "version": 3,
}


def nobody(_workspace: str, _event_type: str) -> bool:
    return False


def kinds(change: Change) -> list[str]:
    return [event.type for event in events_of(change, nobody)]


def row(kind: str, new: Mapping[str, Any], old: Mapping[str, Any] | None = None, **changes: Any) -> RowChange:
    return RowChange(kind, old, {**new, **changes}, AT)


class TestFeedback:
    def test_a_new_one_is_scored_and_counted(self) -> None:
        change = FeedbackChange(None, feedback())
        assert kinds(change) == ["feedback.scored"]
        assert buckets_of(change) == {Bucket(WORKSPACE, "SH-001", "2026-11-21T08")}

    def test_a_revision_moves_the_buckets_of_both_images(self) -> None:
        moved = feedback(revision=2, unit=None, occurred_at=AT + timedelta(hours=1))
        change = FeedbackChange(feedback(), moved)
        assert kinds(change) == ["feedback.revised"]
        assert {(bucket.unit, bucket.hour[-2:]) for bucket in buckets_of(change)} == {("SH-001", "08"), ("-", "09")}

    @pytest.mark.parametrize(
        "noted",
        [
            {"awaiting": frozenset(), "awaiting_since": None, "acted_at": AT},
            {"ticket": "tk_1", "state": "ticketed"},
            {"seen": {"event": "body"}},
        ],
    )
    def test_bookkeeping_says_nothing_and_counts_nothing(self, noted: dict[str, Any]) -> None:
        change = FeedbackChange(feedback(), feedback(**noted))
        assert kinds(change) == []
        assert buckets_of(change) == frozenset()

    def test_what_is_parked_is_told_once_it_is_read(self) -> None:
        parked = feedback(state="parked", reading=0)
        assert kinds(FeedbackChange(None, parked)) == []
        assert buckets_of(FeedbackChange(None, parked)) == frozenset()
        assert kinds(FeedbackChange(parked, feedback())) == ["feedback.scored"]
        assert kinds(FeedbackChange(parked, replace(parked, state="closed"))) == []

    def test_a_deletion_leaves_the_numbers(self) -> None:
        gone = feedback(revision=2, deleted=True, state="closed")
        change = FeedbackChange(feedback(), gone)
        assert kinds(change) == ["feedback.revised"]
        assert buckets_of(change) == {bucket_of(feedback())}
        assert kinds(FeedbackChange(None, gone)) == []

    def test_a_voice_that_comes_again_after_its_row_expired_is_new(self) -> None:
        again = feedback(received_at=AT + timedelta(days=91))
        assert kinds(FeedbackChange(feedback(), again)) == ["feedback.scored"]

    def test_deliver_says_whether_anybody_listens(self) -> None:
        (event,) = events_of(FeedbackChange(None, feedback()), lambda _, kind: kind == "feedback.scored")
        assert event.detail["deliver"] is True


class TestOtherRooms:
    def test_a_ticket_is_told_with_each_version(self) -> None:
        assert kinds(row("ticket", TICKET)) == ["ticket.opened"]
        moved = row("ticket", TICKET, TICKET, version=2, state="resolved", change="moved")
        assert kinds(moved) == ["ticket.resolved"]
        assert kinds(row("ticket", TICKET, TICKET, owner="somebody")) == []

    def test_a_closed_ticket_whose_customer_is_satisfied_is_verified(self) -> None:
        closed = row("ticket", TICKET, TICKET, version=9, state="closed", change="moved", verification="satisfied")
        assert kinds(closed) == ["ticket.closed", "ticket.verified"]

    def test_an_alert_is_told_when_it_is_written(self) -> None:
        alert = {"rule": "mine", "severity": "high", "unit": "-", "topic": "-", "named": 3, "swallowed": 2}
        image = {"workspace": WORKSPACE, "id": "al_1", **alert}
        (event,) = events_of(row("alert", image), nobody)
        assert (event.type, dict(event.detail)) == ("alert.raised", {"alert_id": "al_1", **alert})
        assert kinds(row("alert", image, image)) == []
        led = {**image, "feedback": "fb_1", "opens": "tk_1", "touchpoint": "hotline"}
        (event,) = events_of(row("alert", led), nobody)
        of_the_voice = {"feedback_id": "fb_1", "opens_ticket": "tk_1", "touchpoint": "hotline"}
        assert dict(event.detail) == {"alert_id": "al_1", **alert, **of_the_voice}

    def test_an_endpoint_is_told_when_it_becomes_disabled(self) -> None:
        change = row("endpoint", ENDPOINT, ENDPOINT, state="disabled", state_version=2, disabled_reason="gone")
        (event,) = events_of(change, nobody)
        assert (event.type, dict(event.detail)) == ("endpoint.disabled", {"endpoint_id": "ep_1", "reason": "gone"})
        assert kinds(row("endpoint", ENDPOINT, ENDPOINT, state="paused")) == []
        assert kinds(replace(change, old=change.new)) == []
        again = replace(change, new={**change.new, "state_version": 4})
        assert events_of(again, nobody)[0].id != event.id

    @pytest.mark.parametrize("state", ["held", "failed", "uncertain"])
    def test_a_delivery_that_is_given_up_is_told_once(self, state: str) -> None:
        held = row("delivery", DELIVERY, DELIVERY, state=state, code="timeout", version=9)
        (event,) = events_of(held, nobody)
        assert event.type == "delivery.failed"
        assert dict(event.detail) == {
            "delivery_id": DELIVERY["id"],
            "endpoint_id": "ep_1",
            "ticket_id": "tk_1",
            "code": "timeout",
        }
        assert kinds(replace(held, old=held.new)) == []
        assert kinds(row("delivery", DELIVERY, DELIVERY, state="delivered")) == []

    @pytest.mark.parametrize("code", ["endpoint_paused", "endpoint_disabled"])
    def test_a_delivery_held_for_its_endpoint_has_not_failed(self, code: str) -> None:
        assert kinds(row("delivery", DELIVERY, DELIVERY, state="held", code=code)) == []

    def test_a_notice_of_trouble_that_fails_is_no_trouble_of_its_own(self) -> None:
        assert kinds(row("delivery", DELIVERY, DELIVERY, state="failed", event_type="delivery.failed")) == []

    def test_a_delivery_of_something_else_names_no_ticket(self) -> None:
        change = row("delivery", DELIVERY, None, state="failed", subject="fb_one")
        assert "ticket_id" not in events_of(change, nobody)[0].detail


class Relay:
    """The outbox on fakes. The stream's records are the changes themselves."""

    def __init__(self, store: FakeFeedbackStore | None = None) -> None:
        self.clock = FakeClock(AT)
        self.directory = FakeDirectory()
        self.bus, self.queue = FakeBus(), FakeQueue()
        self.buckets = FakeBuckets(store or FakeFeedbackStore())
        self.listeners = Listeners(self.directory, clock=self.clock)
        self.outbox = Outbox(
            decode=self._decode,
            listeners=self.listeners,
            bus=self.bus,
            buckets=self.buckets,
            rollups=self.queue,
            clock=self.clock,
            retention_days=90,
            delay=30,
        )
        self.rollup = Rollup(self.buckets, self.queue, self.clock, retention_days=90, delay=30)

    @staticmethod
    def _decode(records: Iterable[Any]) -> Iterable[Change]:
        return records

    def relay(self, *changes: Change) -> None:
        self.outbox.relay(changes)  # type: ignore[arg-type]  # records stand for themselves here

    def ids(self) -> set[str]:
        return {event.id for event in self.bus.events}

    def count_all(self) -> None:
        """Let the queue run dry."""
        while self.queue.sent:
            self.clock.forward(seconds=31)
            messages, self.queue.sent = self.queue.sent, []
            for message in messages:
                self.rollup.handle(message)


class TestOutbox:
    def test_a_bucket_is_asked_for_once_while_it_waits(self) -> None:
        relay = Relay()
        relay.relay(FeedbackChange(None, feedback()), FeedbackChange(None, feedback(id="fb_two")))
        relay.clock.forward(seconds=1)
        relay.relay(FeedbackChange(None, feedback(id="fb_three")))
        (message,) = relay.queue.sent
        assert message == {
            "workspace": WORKSPACE,
            "unit": "SH-001",
            "hour": "2026-11-21T08",
            "mark": AT.timestamp() * 1000,
        }
        assert relay.buckets.is_marked(Bucket(WORKSPACE, "SH-001", "2026-11-21T08"))

    def test_a_crash_before_the_mark_does_not_forget_the_bucket(self) -> None:
        relay = Relay()
        relay.queue.broken = 0
        change = FeedbackChange(None, feedback())
        with pytest.raises(Retryable):
            relay.relay(change)
        assert not relay.buckets.is_marked(Bucket(WORKSPACE, "SH-001", "2026-11-21T08"))
        relay.queue.broken = None
        relay.relay(change)
        assert len(relay.queue.sent) == 1

    def test_a_count_that_ends_between_look_and_mark_is_asked_for_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        relay = Relay()
        monkeypatch.setattr(relay.buckets, "is_marked", lambda _: True)
        relay.relay(FeedbackChange(None, feedback()))
        assert len(relay.queue.sent) == 1

    def test_frozen_buckets_are_left_alone(self) -> None:
        relay = Relay()
        relay.relay(FeedbackChange(None, feedback(occurred_at=AT - timedelta(days=89))))
        assert relay.queue.sent == []
        assert relay.buckets.standing == {}

    def test_a_refused_event_raises_the_whole_batch(self) -> None:
        relay = Relay()
        relay.bus.refuse = 1
        with pytest.raises(Retryable, match="refused a part"):
            relay.relay(FeedbackChange(None, feedback()))
        assert relay.queue.sent == [], "nothing is marked before everything is told"

    def test_listeners_are_asked_again_after_fifteen_seconds(self) -> None:
        relay = Relay()
        assert not relay.listeners.listens(WORKSPACE, "feedback.scored")
        endpoint = Endpoint(WORKSPACE, "ep", "OA", "standard_webhooks", "oa.example", ("feedback.scored",), "paused")
        relay.directory.put_endpoint(endpoint)
        relay.clock.forward(seconds=14)
        assert not relay.listeners.listens(WORKSPACE, "feedback.scored")
        relay.clock.forward(seconds=1)
        assert relay.listeners.listens(WORKSPACE, "feedback.scored"), "what a paused endpoint asked for is held"
        assert not relay.listeners.listens(WORKSPACE, "feedback.revised")

    def test_a_disabled_endpoint_still_listens_and_what_it_gets_is_held(self) -> None:
        relay = Relay()
        gone = Endpoint(WORKSPACE, "ep", "OA", "standard_webhooks", "oa.example", ("feedback.scored",), "disabled")
        relay.directory.put_endpoint(gone)
        assert relay.listeners.listens(WORKSPACE, "feedback.scored")


@st.composite
def histories(draw: st.DrawFn) -> FakeFeedbackStore:
    """A table after some traffic: new ones, revisions that move between buckets, deletions, bookkeeping."""
    store = FakeFeedbackStore()
    for number in range(draw(st.integers(1, 8))):
        current = feedback(id=f"fb_{number}", unit=draw(units))
        store.create(current)
        for _ in range(draw(st.integers(0, 3))):
            current = _changed(draw, store, current)
    return store


units = st.sampled_from((None, "SH-001", "SH-002"))


def _changed(draw: st.DrawFn, store: FakeFeedbackStore, current: Feedback) -> Feedback:
    match draw(st.sampled_from(("revision", "deletion", "bookkeeping"))):
        case "revision":
            new = replace(
                current,
                revision=current.revision + 1,
                unit=draw(units),
                occurred_at=AT + timedelta(hours=draw(st.integers(0, 2))),
                scores=(Score("nps", draw(st.integers(0, 10)), 0, 10),),
            )
            store.supersede(current, new)
        case "deletion":
            new = replace(current, revision=current.revision + 1, deleted=True, texts=())
            store.erase_words(current, new)
        case _:
            new = replace(current, seen={**current.seen, f"event {len(current.seen)}": "body"})
            store.remember(current, new)
    return new


def by_unit(store: FakeFeedbackStore) -> dict[Bucket, dict[str, Any]]:
    """Every bucket counted from scratch."""
    buckets = {bucket for row in store.rows.values() if (bucket := bucket_of(row)) is not None}
    return {
        bucket: recount(facets_of(row) for row in store.rows.values() if bucket_of(row) == bucket) for bucket in buckets
    }


def filled(counts: dict[Bucket, dict[str, Any]]) -> dict[Bucket, dict[str, Any]]:
    """Without the buckets that everything has moved out of."""
    return {bucket: count for bucket, count in counts.items() if count["n"]}


@settings(max_examples=60, deadline=None)
@given(st.data(), histories())
def test_four_shards_that_overlap_and_one_replayed_come_to_the_same(
    data: st.DataObject, store: FakeFeedbackStore
) -> None:
    """A stream keeps order within one item only; shards run side by side, and a failed batch comes again."""
    straight = Relay(store)
    straight.relay(*store.stream)

    table = FakeFeedbackStore()  # what was written by the time that a record is relayed
    sharded = Relay(table)
    shards: list[list[FeedbackChange]] = [[], [], [], []]
    for change in store.stream:
        shards[int(change.new.id[3:]) % 4].append(change)
    batches = [_overlapping(data, shard) for shard in shards]
    again = data.draw(st.integers(0, 3))
    batches[again] += _overlapping(data, shards[again])
    while any(batches):
        shard = data.draw(st.sampled_from([number for number, left in enumerate(batches) if left]))
        batch = batches[shard].pop(0)
        _write(table, batch, store.stream)
        if data.draw(st.booleans()):  # the first try of a batch may fail half-way
            sharded.bus.refuse = 1
            with pytest.raises(Retryable):
                sharded.relay(*batch)
        sharded.relay(*batch)
        sharded.clock.forward(seconds=data.draw(st.sampled_from((0, 1, 40))))
        if sharded.queue.sent and data.draw(st.booleans()):  # a count in the middle of it
            sharded.rollup.handle(sharded.queue.sent.pop(0))
    sharded.count_all()

    assert sharded.ids() == straight.ids()
    assert filled(sharded.buckets.counts) == by_unit(store)
    assert not any(standing.is_marked for standing in sharded.buckets.standing.values())


def _write(table: FakeFeedbackStore, batch: list[FeedbackChange], stream: list[FeedbackChange]) -> None:
    """Bring the rows of a batch to where the stream says they were; a replay does not take them back."""
    for change in batch:
        key = change.new.workspace, change.new.id
        versions = [each.new for each in stream if (each.new.workspace, each.new.id) == key]
        standing = table.rows.get(key)
        if standing is None or versions.index(change.new) > versions.index(standing):
            table.rows[key] = change.new


def _overlapping(data: st.DataObject, shard: list[FeedbackChange]) -> list[list[FeedbackChange]]:
    """Batches that together hold the shard in order, each beginning up to two records before the end of the last."""
    batches, start = [], 0
    while start < len(shard):
        end = start + data.draw(st.integers(1, 4))
        batches.append(shard[max(0, start - data.draw(st.integers(0, 2))) : end])
        start = end
    return batches
