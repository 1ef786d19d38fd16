"""Poll: one run at a time, pages before cursors, a chain that no crash breaks, and nothing doubled or left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.inbound.polling import LEASE, PollState, interval
from chalicelib.domain.workspaces.directory import Connection, VendorSecret
from chalicelib.errors import Retryable
from chalicelib.services.inbound.poll import PAGES, ArmPolls, Poll, Polled
from chalicelib.services.inbound.vendor import VendorApis
from chalicelib.sources import registry
from tests.fakes.directory import FakeDirectory
from tests.fakes.fetches import FakeDue, FakeInbox, FakePollStore, FakeQueue, FakeVendorSecrets, FakeWindows
from tests.fakes.survey_apis import JiandaoyunApi, JinshujuApi, Platform, answer

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
SETTINGS = {
    "jinshuju": ({"form": "ABC123"}, {"api_key": "key", "api_secret": "secret"}),
    "jiandaoyun": ({"app_id": "app1", "entry_id": "form1"}, {"api_key": "k-1"}),
}


def at(**ago: float) -> str:
    return (NOW - timedelta(**ago)).isoformat()


def entry(number: int, created: str = at(hours=1)) -> dict[str, Any]:
    return {"serial_number": number, "field_1": number % 11, "created_at": created, "updated_at": created}


def row(number: int, created: str = at(hours=1)) -> dict[str, Any]:
    return {"_id": f"{number:024x}", "_widget_1": number % 11, "createTime": created, "updateTime": created}


class Crash(Exception):
    """The worker dies."""


@dataclass
class CrashingInbox(FakeInbox):
    """Dies before it takes envelope number ``dies_at``, once."""

    dies_at: int | None = None

    def put(self, envelope: Envelope) -> None:
        if self.dies_at is not None and len(self.envelopes) == self.dies_at:
            self.dies_at = None
            raise Crash
        super().put(envelope)


@dataclass
class Room:
    """A poller against a platform, on fakes. Its connection was made two days ago."""

    platform: Platform
    source: str
    now: datetime = NOW
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    store: FakePollStore = field(default_factory=FakePollStore)
    due: FakeDue = field(default_factory=FakeDue)
    inbox: CrashingInbox = field(default_factory=CrashingInbox)
    queue: FakeQueue = field(default_factory=FakeQueue)

    def __post_init__(self) -> None:
        own, credentials = SETTINGS[self.source]
        secrets = FakeVendorSecrets({"cn_1": VendorSecret("acme", "cn_1", self.source, credentials)})
        connection = Connection("acme", "cn_1", "shop", self.source, created_at=at(days=2).replace("+00:00", "Z"))
        self.directory.put_connection(connection)
        self.set(**own, poll_minutes=15)
        apis = VendorApis(self.platform, FakeWindows(), secrets, lambda: self.now, self.pass_time, self.seconds)
        source: Any = registry.load
        self.arming = ArmPolls(self.store, self.due, source, lambda: self.now)
        self.poll = Poll(
            directory=self.directory,
            store=self.store,
            due=self.due,
            source=source,
            api=apis,
            inbox=self.inbox,
            queue=self.queue,
            clock=lambda: self.now,
            monotonic=self.seconds,
        )

    def seconds(self) -> float:
        return self.now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def set(self, **more: Any) -> Connection:
        before = self.directory.connections_["acme", "cn_1"]
        after = self.directory.update_connection("acme", "cn_1", settings={**before.settings, **more})
        assert after is not None
        return after

    def arm(self, **more: Any) -> Mapping[str, Any]:
        """Switch it on; the message of the first run."""
        self.arming.arm(self.set(**more))
        return self.due.taken()[0]

    def next_run(self) -> Mapping[str, Any]:
        """What the sweep sends a quarter of an hour later."""
        self.pass_time(900)
        (message,) = self.due.taken()
        return message

    @property
    def state(self) -> PollState:
        return self.store.states["acme", "cn_1"]

    @property
    def keys(self) -> list[str]:
        return [one.feedback_id for one in self.inbox.envelopes]


def jinshuju(*entries: dict[str, Any]) -> Room:
    return Room(JinshujuApi(entries=list(entries)), "jinshuju")


def jiandaoyun(*rows: dict[str, Any]) -> Room:
    return Room(JiandaoyunApi(entries=list(rows)), "jiandaoyun")


def test_what_was_never_pushed_is_put_on_the_inbox_as_if_it_had_been() -> None:
    room = jinshuju(entry(1))

    assert room.poll(room.arm()) == Polled(1)

    (made,) = room.inbox.envelopes
    assert json.loads(made.arrival.raw) == {"form": "ABC123", "form_name": "售后满意度", "entry": entry(1)}
    assert (made.fetched, made.reparse, made.unread, made.source) == (True, False, None, "jinshuju")
    assert made.arrival.received_at == NOW
    assert (room.state.error, room.state.found, room.state.lease) == (None, 1, None)
    assert room.state.reached_at == room.state.ran_at == "2026-11-21T08:00:00Z"


def test_each_run_arms_the_next_one() -> None:
    room = jinshuju()
    room.poll(room.arm())
    assert room.state.next_at == "2026-11-21T08:15:00Z"
    message = room.next_run()
    assert message["at"] == "2026-11-21T08:15:00Z"
    room.poll(message)
    assert room.state.next_at == "2026-11-21T08:30:00Z"


def test_the_first_run_begins_where_the_connection_was_made_unless_told_otherwise() -> None:
    rows = [entry(1, at(days=30)), entry(2, at(days=3)), entry(3, at(days=1))]
    room = jinshuju(*rows)
    room.poll(room.arm())
    assert len(room.keys) == 1

    told = jinshuju(*rows)
    told.poll(told.arm(poll_since="2026-10-01T00:00:00+08:00"))
    assert len(told.keys) == 3


def test_another_beginning_reads_from_there_again() -> None:
    room = jinshuju(entry(1, at(days=30)), entry(2))
    room.poll(room.arm())
    assert room.poll(room.arm(poll_since="2026-10-01T00:00:00Z")).count == 2


@pytest.mark.parametrize(("count", "runs"), [(49, 1), (50, 1), (51, 1), (50 * PAGES + 1, 2)])
def test_all_pages_are_read_in_as_many_runs_as_it_takes(count: int, runs: int) -> None:
    room = jinshuju(*(entry(number) for number in range(1, count + 1)))
    message = room.arm()
    for _ in range(runs):
        room.poll(message)
        message = (room.queue.taken() or [{}])[0]
    assert (message, len(set(room.keys)), len(room.keys)) == ({}, count, count)
    assert room.state.reached_at is not None


def test_a_page_goes_to_the_inbox_in_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call for each of the thousands that an export may hold would take longer than the function may run."""
    room = jinshuju(*(entry(number) for number in range(1, 52)))
    pages: list[int] = []
    monkeypatch.setattr(room.inbox, "put_all", lambda envelopes: pages.append(len(envelopes)))
    assert room.poll(room.arm()) == Polled(51)
    assert pages == [50, 1]


def test_a_run_that_goes_on_arms_nothing_anew() -> None:
    room = jinshuju(*(entry(number) for number in range(1, 50 * PAGES + 2)))
    room.poll(room.arm())
    armed = dict(room.due.rows)
    (message,) = room.queue.taken()
    assert room.state.reached_at is None
    assert room.poll(message) == Polled(1)
    assert room.due.rows == armed


def test_a_later_run_reads_a_little_again_and_finds_an_edit() -> None:
    room = jinshuju(entry(1), entry(2, at(days=1, hours=20)))
    room.poll(room.arm())
    before = {one.event_key for one in room.inbox.envelopes}
    room.platform.entries[0]["field_1"] = 9  # type: ignore[attr-defined]
    assert room.poll(room.next_run()).count == 1  # the younger of the two
    assert room.inbox.envelopes[-1].feedback_id == room.keys[0]
    assert room.inbox.envelopes[-1].event_key not in before


def test_what_has_not_changed_has_the_same_key_again() -> None:
    room = jinshuju(entry(1))
    room.poll(room.arm())
    room.poll(room.next_run())
    first, second = room.inbox.envelopes
    assert (first.event_key, first.feedback_id) == (second.event_key, second.feedback_id)


def test_a_message_of_another_run_does_nothing() -> None:
    room = jinshuju(entry(1))
    message = room.arm()
    room.poll(message)
    assert room.poll(message) == Polled()
    assert len(room.inbox.envelopes) == 1


def test_arming_twice_leaves_one_chain() -> None:
    room = jinshuju(entry(1))
    old = room.arm()
    room.pass_time(120)
    new = room.arm()
    assert room.poll(old) == Polled()
    assert room.poll(new) == Polled(1)
    assert len(room.due.rows) == 1


@pytest.mark.parametrize(
    ("changes", "state"), [({"poll_minutes": 0}, "active"), ({"poll_minutes": None}, "active"), ({}, "paused")]
)
def test_a_poller_that_was_switched_off_stands_still(changes: dict[str, Any], state: str) -> None:
    room = jinshuju(entry(1))
    message = room.arm()
    room.set(**changes)
    room.directory.update_connection("acme", "cn_1", state=state)
    room.arming.arm(room.directory.connections_["acme", "cn_1"])
    assert room.state.next_at is None
    assert (room.poll(message), room.due.rows, room.platform.calls) == (Polled(), {}, [])


def test_a_source_that_cannot_be_asked_is_not_armed() -> None:
    room = jinshuju()
    room.directory.connections_.clear()
    room.arming.arm(Connection("acme", "cn_2", "shop", "typeform", settings={"poll_minutes": 15}))
    assert (room.store.states, room.due.rows) == ({}, {})


def test_a_deleted_connection_ends_its_chain() -> None:
    room = jinshuju(entry(1))
    message = room.arm()
    room.directory.connections_.clear()
    room.arming.forget("acme", "cn_1")
    assert (room.poll(message), room.due.rows, room.store.states) == (Polled(), {}, {})


def test_a_second_run_leaves_the_first_alone_and_keeps_the_chain() -> None:
    room = jinshuju(entry(1))
    message = room.arm()
    second: list[Polled] = []
    room.inbox.dies_at = 0
    with pytest.raises(Crash):
        room.poll(message)  # its lease is still running

    room.now = NOW + LEASE - timedelta(seconds=1)
    (following,) = room.due.taken()
    second.append(room.poll(following))
    assert (second, room.inbox.envelopes) == ([Polled()], [])
    assert room.poll(room.next_run()) == Polled(1)


def test_a_run_whose_lease_was_lost_stops_and_leaves_the_cursor() -> None:
    room = jinshuju(entry(1))
    message = room.arm()

    def steal() -> None:
        room.store.between = take_over

    def take_over() -> None:
        state = room.state
        room.store.states["acme", "cn_1"] = PollState(
            "acme", "cn_1", version=state.version + 1, next_at=state.next_at, lease="pl_other", lease_until=NOW + LEASE
        )

    room.store.between = steal
    assert room.poll(message) == Polled(0, "lease_lost", is_news=True)
    assert (room.state.lease, room.state.cursor) == ("pl_other", None)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (answer(401, {}), "vendor_refused_credentials"),
        (answer(429, {}), "vendor_limit"),
        (answer(503, {}), "vendor_unavailable"),
        (answer(404, {}), "vendor_gone"),
        (answer(200, []), "vendor_answer_unknown"),
    ],
)
def test_what_the_vendor_refuses_ends_the_run_is_shown_and_told_once(trouble: Any, code: str) -> None:
    room = jinshuju(entry(1))
    room.platform.trouble = [trouble, trouble]
    assert room.poll(room.arm()) == Polled(0, code, is_news=True)
    assert (room.state.error, room.state.reached_at, room.state.lease) == (code, None, None)
    assert room.poll(room.next_run()) == Polled(0, code, is_news=False)
    assert room.poll(room.next_run()) == Polled(1)
    assert room.state.error is None


@pytest.mark.parametrize(("asked", "following"), [("60", 15), ("7200", 120), ("999999999999", 24 * 60)])
def test_the_vendors_retry_after_puts_the_next_run_off_but_never_brings_it_forward(asked: str, following: int) -> None:
    room = jinshuju(entry(1))
    room.platform.trouble = [replace(answer(429, {}), headers={"retry-after": asked})]
    assert room.poll(room.arm()).error == "vendor_limit"
    assert room.state.next_at == (NOW + timedelta(minutes=following)).isoformat().replace("+00:00", "Z")
    room.pass_time(60 * following)
    message = room.due.taken()[-1]
    assert room.poll(message) == Polled(1)


def test_a_poller_that_is_switched_off_meanwhile_is_not_put_off_but_stays_off() -> None:
    room = jinshuju(entry(1))
    message = room.arm()
    send = room.platform.send

    def switched_off(*request: Any) -> Any:
        send(*request)
        room.arming.arm(room.set(poll_minutes=0))
        return replace(answer(429, {}), headers={"retry-after": "7200"})

    room.platform.send = switched_off  # type: ignore[method-assign]
    assert room.poll(message).error == "vendor_limit"
    assert room.state.next_at is None


def test_a_platform_that_gives_the_same_page_for_ever_is_not_asked_for_ever() -> None:
    room = jiandaoyun(*(row(number) for number in range(1, 101)))
    send = room.platform.send

    def first_page(method: str, url: str, headers: Any, body: bytes) -> Any:
        asked = json.loads(body)
        asked.pop("data_id", None)
        return send(method, url, headers, json.dumps(asked).encode())

    room.platform.send = first_page  # type: ignore[method-assign]
    assert room.poll(room.arm()) == Polled(200, "vendor_pages_without_end", is_news=True)
    assert room.queue.sent == []
    assert len(room.platform.calls) == 2
    assert len(set(room.keys)) == 100


def test_a_failed_page_is_read_again_and_no_other() -> None:
    room = jinshuju(*(entry(number) for number in range(1, 121)))
    send, left = room.platform.send, [3]  # the form's name and two pages

    def failing(*request: Any) -> Any:
        left[0] -= 1
        return send(*request) if left[0] >= 0 else answer(503, {})

    room.platform.send = failing  # type: ignore[method-assign]
    assert room.poll(room.arm()) == Polled(100, "vendor_unavailable", is_news=True)
    left[0] = 99
    assert room.poll(room.next_run()) == Polled(20)
    assert len(set(room.keys)) == len(room.keys) == 120


def test_missing_settings_and_a_beginning_that_is_no_time_are_shown() -> None:
    room = jinshuju(entry(1))
    assert room.poll(room.arm(form=None)).error == "settings_missing"
    assert room.poll(room.arm(form="ABC123", poll_since="gestern")).error == "settings_invalid"


def test_what_is_too_large_is_parked_under_its_own_id() -> None:
    room = jinshuju({**entry(1), "field_2": "长" * 100_000}, entry(2))
    assert room.poll(room.arm()) == Polled(2)
    large, small = room.inbox.envelopes
    assert (large.unread, large.arrival.raw, small.unread) == ("payload_too_large", b"{}", None)
    assert large.feedback_id != small.feedback_id


def test_our_own_trouble_is_raised_and_the_chain_holds() -> None:
    room = jinshuju(entry(1))
    message = room.arm()

    def refuse() -> None:
        raise Retryable("The table did not take the request.", code="table_unavailable")

    room.store.between = refuse
    with pytest.raises(Retryable):
        room.poll(message)
    assert room.poll(message) == Polled(1)


class TestJiandaoyun:
    def test_entries_come_in_pages_by_their_ids(self) -> None:
        room = jiandaoyun(*(row(number) for number in range(1, 251)))
        assert room.poll(room.arm()) == Polled(250)
        assert len(set(room.keys)) == 250
        assert json.loads(room.inbox.envelopes[0].arrival.raw) == {"op": "data_update", "data": row(1)}

    def test_young_entries_are_read_again_and_old_ones_are_not(self) -> None:
        room = jiandaoyun(row(1, at(days=1, hours=20)), row(2, at(days=1, hours=18)), row(3))
        assert room.poll(room.arm(look_back_days=1)) == Polled(3)
        assert room.poll(room.next_run()).count == 1
        room.platform.entries.append(row(4))  # type: ignore[attr-defined]
        assert room.poll(room.next_run()).count == 2

    def test_what_was_answered_before_the_beginning_is_read_over(self) -> None:
        room = jiandaoyun(row(1, at(days=40)), row(2))
        assert room.poll(room.arm()) == Polled(1)

    def test_the_limits_code_ends_the_run(self) -> None:
        room = jiandaoyun(row(1))
        room.platform.too_fast()  # type: ignore[attr-defined]
        assert room.poll(room.arm()).error == "vendor_limit"


@given(
    entries=st.integers(0, 180),
    crashes=st.lists(st.integers(0, 200), max_size=4),
    doubled=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_whatever_dies_every_entry_arrives_and_the_chain_lives(entries: int, crashes: list[int], doubled: bool) -> None:
    room = jinshuju(*(entry(number) for number in range(1, entries + 1)))
    message = room.arm()
    for dies_at in [*crashes, None]:
        room.inbox.dies_at = dies_at
        for _ in range(2 if doubled else 1):
            try:
                room.poll(message)
            except Crash:
                room.inbox.dies_at = None
        message = room.next_run()
    assert len(set(room.keys)) == entries
    assert len({(one.feedback_id, one.event_key) for one in room.inbox.envelopes}) == entries
    assert room.state.next_at == message["at"]


@pytest.mark.parametrize(("minutes", "wait"), [(0, None), (None, None), (1, 5), (5, 5), (60, 60), (7.5, 7.5)])
def test_five_minutes_are_the_shortest_wait(minutes: float | None, wait: float | None) -> None:
    found = interval(Connection("acme", "cn_1", "shop", "jinshuju", settings={"poll_minutes": minutes}))
    assert found == (None if wait is None else timedelta(minutes=wait))
