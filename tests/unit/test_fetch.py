"""Fetch: the whole of an event through its platform's API, whatever the platform answers, and nothing lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.domain import ids
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.workspaces.directory import Connection, VendorSecret
from chalicelib.services.inbound.fetch import DELAYED, FETCHED, LAG, PARKED, PASSED, PATIENCE, Fetch
from chalicelib.services.inbound.vendor import VendorApis
from chalicelib.sources import registry
from chalicelib.sources.jiandaoyun import Jiandaoyun
from chalicelib.sources.jinshuju import Jinshuju
from tests.fakes.directory import FakeDirectory
from tests.fakes.fetches import FakeInbox, FakeQueue, FakeVendorSecrets, FakeWindows
from tests.fakes.survey_apis import JiandaoyunApi, JinshujuApi, Platform, answer

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
SOURCES = {
    "jinshuju": ({}, {"api_key": "key", "api_secret": "secret"}),
    "jiandaoyun": ({"app_id": "app1", "entry_id": "form1"}, {"api_key": "k-1"}),
}
ENTRY = {
    "serial_number": 59,
    "field_1": 3,
    "created_at": "2026-11-21T07:00:00.000Z",
    "updated_at": "2026-11-21T07:00:00.000Z",
}
ROW = {
    "_id": "6543210fedcba98765432100",
    "_widget_1": 3,
    "createTime": "2026-11-21T07:00:00.000Z",
    "updateTime": "2026-11-21T07:00:00.000Z",
}


@dataclass
class Room:
    """Fetch against a platform, on fakes."""

    platform: Platform
    source: str
    now: datetime = NOW
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    secrets: FakeVendorSecrets = field(default_factory=FakeVendorSecrets)
    inbox: FakeInbox = field(default_factory=FakeInbox)
    queue: FakeQueue = field(default_factory=FakeQueue)

    def __post_init__(self) -> None:
        settings, credentials = SOURCES[self.source]
        self.directory.put_connection(Connection("acme", "cn_1", "shop", self.source, settings=settings))
        self.secrets.records["cn_1"] = VendorSecret("acme", "cn_1", self.source, credentials)
        apis = VendorApis(self.platform, FakeWindows(), self.secrets, self.clock, self.pass_time, self.seconds)
        self.fetch = Fetch(
            directory=self.directory,
            source=registry.load,  # type: ignore[arg-type]
            api=apis,
            inbox=self.inbox,
            queue=self.queue,
            clock=self.clock,
            luck=lambda: 1.0,
        )

    def clock(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def message(self, payload: Any, **changes: Any) -> dict[str, Any]:
        """What the hook puts on the queue for this push."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        event = ids.event_key("cn_1", "pushed-1", raw)
        arrival = Arrival(raw, NOW, {"content-type": "application/json", "x-jdy-deliverid": "1"}, {})
        envelope = Envelope("acme", "cn_1", self.source, "fb_of_the_hook", event, arrival)
        return {**envelope.to_message(), **changes}

    def only(self) -> Envelope:
        (envelope,) = self.inbox.envelopes
        return envelope

    def patiently(self, message: dict[str, Any], most: int = 300) -> str:
        """Take the message as often as it comes back."""
        for _ in range(most):
            outcome = self.fetch(message)
            if outcome != DELAYED:
                return outcome
            ((message, delay),) = self.queue.sent  # type: ignore[assignment]
            self.queue.sent.clear()
            assert 0 < delay <= 900
            self.pass_time(delay)
        raise AssertionError("it never ends")


def jinshuju(*entries: dict[str, Any]) -> Room:
    return Room(JinshujuApi(entries=list(entries)), "jinshuju")


def jiandaoyun(*rows: dict[str, Any]) -> Room:
    return Room(JiandaoyunApi(entries=list(rows)), "jiandaoyun")


def test_who_comes_back_is_not_sent_behind_those_who_came_later() -> None:
    room = jinshuju(ENTRY)
    told: list[bool] = []
    api = room.fetch.api

    def seen(connection: Connection, source: Any, *, waited: bool = False) -> Any:
        told.append(waited)
        return api(connection, source, waited=waited)

    room.fetch = replace(room.fetch, api=seen)
    room.platform.trouble = [answer(503, {}), answer(503, {})]
    assert room.patiently(room.message({"form": "ABC123", "form_name": "x", "entry": ENTRY})) == FETCHED
    assert told == [False, True, True]


PUSHED = {"form": "ABC123", "form_name": "forged", "entry": {"serial_number": 59, "field_1": 10}}


def test_what_counts_is_what_the_api_tells_and_not_what_was_pushed() -> None:
    room = jinshuju(ENTRY)

    assert room.fetch(room.message(PUSHED)) == FETCHED

    made = room.only()
    assert json.loads(made.arrival.raw) == {"form": "ABC123", "form_name": "售后满意度", "entry": ENTRY}
    assert made.feedback_id == ids.feedback_id("acme", "cn_1", "ABC123:59")
    assert made.event_key == ids.event_key("cn_1", None, made.arrival.raw)
    assert (made.fetched, made.unread, made.arrival.received_at) == (True, None, NOW)
    assert (made.arrival.headers, made.arrival.query) == ({"content-type": "application/json"}, {})


def test_fetching_what_was_fetched_gives_the_same_envelope() -> None:
    room = jinshuju(ENTRY)
    room.fetch(room.message(PUSHED))
    first = room.only()
    room.fetch(first.to_message())
    assert room.inbox.envelopes == [first, first]


def test_a_mapping_of_the_connection_decides_the_identity_as_in_the_hook() -> None:
    room = jinshuju({**ENTRY, "gen_code": "G-1"})
    one = room.directory.connections_["acme", "cn_1"]
    room.directory.connections_["acme", "cn_1"] = Connection(
        "acme", "cn_1", one.name, one.source, mapping={"response_id": "/entry/gen_code"}
    )
    room.fetch(room.message(PUSHED))
    assert room.only().feedback_id == ids.feedback_id("acme", "cn_1", "ABC123:G-1")


def test_what_a_person_parsed_again_keeps_the_id_of_its_row_and_names_its_event() -> None:
    room = jinshuju(ENTRY)
    message = room.message(PUSHED, reparse=True)
    room.fetch(message)
    made = room.only()
    assert (made.feedback_id, made.pushed) == ("fb_of_the_hook", message["event_key"])
    assert (made.reparse, made.fetched) == (True, True)


def test_an_api_that_lags_is_asked_again() -> None:
    room = jinshuju()
    assert room.fetch(room.message(PUSHED)) == DELAYED
    ((message, delay),) = room.queue.sent
    assert (delay, message["tries"]["count"]) == (5, 1)
    room.queue.sent.clear()
    room.pass_time(delay)
    room.platform.entries.append(ENTRY)  # type: ignore[attr-defined]

    assert room.patiently(dict(message)) == FETCHED
    assert not room.only().unread


def test_a_message_that_comes_too_early_waits_for_the_rest_without_a_call() -> None:
    room = jinshuju()
    room.fetch(room.message(PUSHED))
    ((message, _),) = room.queue.sent
    room.queue.sent.clear()
    room.platform.calls.clear()
    room.pass_time(2)
    assert room.fetch(message) == DELAYED
    assert room.platform.calls == []
    assert room.queue.sent == [(message, 3)]


def test_what_the_api_never_knows_is_parked_as_it_came() -> None:
    room = jinshuju()
    message = room.message(PUSHED)

    assert room.patiently(message) == PARKED

    assert LAG <= room.now - NOW < 2 * LAG
    made = room.only()
    assert (made.unread, made.fetched) == ("vendor_gone", False)
    assert (made.arrival.raw, made.feedback_id) == (json.dumps(PUSHED).encode(), "fb_of_the_hook")
    assert made.arrival.headers["x-jdy-deliverid"] == "1"


def test_a_limit_survives_and_its_wait_is_kept() -> None:
    room = jinshuju(ENTRY)
    room.platform.trouble = [answer(429, {}, {"retry-after": "1200"}), answer(503, {}), answer(200, "no object")]
    message = room.message(PUSHED)

    assert room.fetch(message) == DELAYED
    assert room.queue.sent[0][1] == 900  # the rest is waited for when it comes back
    room.pass_time(900)
    ((kept, _),) = room.queue.sent
    room.queue.sent.clear()
    assert room.fetch(kept) == DELAYED
    assert room.queue.sent[0][1] == 300


def test_an_api_that_is_down_is_given_a_day() -> None:
    room = jinshuju(ENTRY)
    room.platform.trouble = [answer(503, {})] * 1_000
    assert room.patiently(room.message(PUSHED)) == PARKED
    assert PATIENCE <= room.now - NOW < PATIENCE + timedelta(hours=1)
    assert room.only().unread == "vendor_unavailable"


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (answer(401, {}), "vendor_refused_credentials"),
        (answer(422, {}), "vendor_refused"),
        (answer(200, []), "vendor_answer_unknown"),
        (answer(200, {"entry": {"serial_number": 60}}), "vendor_answer_unknown"),
        (answer(200, {"entry": {**ENTRY, "field_9": "长" * 100_000}}), "payload_too_large"),
    ],
)
def test_what_will_not_pass_by_itself_is_parked_at_once(trouble: Any, code: str) -> None:
    room = jinshuju(ENTRY)
    room.platform.trouble = [trouble]
    assert room.fetch(room.message(PUSHED)) == PARKED
    assert (room.only().unread, room.queue.sent) == (code, [])


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\xff", "unknown_shape"),
        ({}, "mapping_missing_response_id"),
        ({"form": "..", "entry": {"serial_number": 1}}, "vendor_bad_id"),
        ({"form": "A", "entry": {"serial_number": [1]}}, "mapping_bad_response_id"),
    ],
)
def test_an_event_that_names_nothing_is_parked_without_a_call(payload: Any, code: str) -> None:
    room = jinshuju(ENTRY)
    assert room.fetch(room.message(payload)) == PARKED
    assert (room.only().unread, room.platform.calls) == (code, [])


def test_without_credentials_it_is_parked() -> None:
    room = jinshuju(ENTRY)
    room.secrets.records.clear()
    assert room.fetch(room.message(PUSHED)) == PARKED
    assert (room.only().unread, room.platform.calls) == ("credentials_missing", [])


@pytest.mark.parametrize("state", ["paused", "deleted"])
def test_a_connection_that_is_not_active_calls_nobody(state: str) -> None:
    room = jinshuju(ENTRY)
    room.directory.update_connection("acme", "cn_1", state="paused")
    if state == "deleted":
        room.directory.connections_.clear()
    assert room.fetch(room.message(PUSHED)) == PASSED
    assert (room.only().fetched, room.platform.calls) == (False, [])


class TestJiandaoyun:
    def test_an_entry_is_read_by_its_id(self) -> None:
        room = jiandaoyun(ROW)
        room.fetch(room.message({"op": "data_create", "data": {"_id": ROW["_id"], "_widget_1": 10}}))
        assert json.loads(room.only().arrival.raw) == {"op": "data_create", "data": ROW}
        assert room.only().feedback_id == ids.feedback_id("acme", "cn_1", str(ROW["_id"]))

    def test_the_limits_code_is_no_refusal(self) -> None:
        room = jiandaoyun(ROW)
        room.platform.too_fast()  # type: ignore[attr-defined]
        assert room.fetch(room.message({"op": "data_create", "data": {"_id": ROW["_id"]}})) == DELAYED

    def test_a_removal_stands_when_the_entry_is_gone(self) -> None:
        room, removal = jiandaoyun(), {"op": "data_remove", "data": {"_id": ROW["_id"]}}
        assert room.fetch(room.message(removal)) == FETCHED
        made = room.only()
        assert json.loads(made.arrival.raw) == removal
        assert Jiandaoyun().parse(made.arrival, {}).deleted

    def test_a_removal_of_what_is_still_there_is_none(self) -> None:
        room = jiandaoyun(ROW)
        room.fetch(room.message({"op": "data_remove", "data": {"_id": ROW["_id"]}}))
        assert json.loads(room.only().arrival.raw) == {"op": "data_update", "data": ROW}

    def test_another_operation_is_left_to_the_parser(self) -> None:
        room, other = jiandaoyun(), {"op": "form_update", "data": {"_id": "x"}}
        assert room.fetch(room.message(other)) == FETCHED
        assert (json.loads(room.only().arrival.raw), room.platform.calls) == (other, [])

    def test_an_empty_answer_is_a_lag(self) -> None:
        room = jiandaoyun()
        room.platform.trouble = [answer(200, {"data": None})]
        assert room.fetch(room.message({"op": "data_create", "data": {"_id": "x"}})) == DELAYED

    def test_another_entry_than_the_one_asked_for_is_refused(self) -> None:
        room = jiandaoyun()
        room.platform.trouble = [answer(200, {"data": {**ROW, "_id": "other"}})]
        assert room.fetch(room.message({"op": "data_create", "data": {"_id": "x"}})) == PARKED
        assert room.only().unread == "vendor_answer_unknown"

    def test_without_its_settings_nothing_is_called(self) -> None:
        room = jiandaoyun(ROW)
        room.directory.update_connection("acme", "cn_1", settings={"app_id": "app1"})
        assert room.fetch(room.message({"op": "data_create", "data": {"_id": ROW["_id"]}})) == PARKED
        assert (room.only().unread, room.platform.calls) == ("settings_missing", [])


def test_a_source_takes_back_what_is_gone_where_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jinshuju, "gone", lambda self, payload: {**payload, "deleted": True})
    room = jinshuju()
    assert room.patiently(room.message(PUSHED)) == FETCHED
    assert json.loads(room.only().arrival.raw) == {**PUSHED, "deleted": True}


def test_a_message_of_nobody_is_no_event() -> None:
    with pytest.raises(KeyError):
        jinshuju().fetch({"workspace": "acme"})
