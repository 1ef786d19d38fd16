"""What vendors say: answered first, then judged thing by thing, each once, whatever comes twice, late or too early."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import pytest

from chalicelib.domain.cases.ticket import Ticket, opened
from chalicelib.domain.cases.verification import Rules
from chalicelib.domain.outbound.callback import MAX_WORDS, ExternalItem
from chalicelib.domain.outbound.calls import Call, Opened, Reply, Said
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret
from chalicelib.errors import Invalid, MethodNotAllowed, Retryable, TooLarge, Unauthorized, UnsupportedMedia
from chalicelib.services.outbound.apply_callback import WAITS, Applied, ApplyCallback
from chalicelib.services.outbound.hear_callback import HearCallback
from chalicelib.services.verification.take_answer import TakeAnswer
from tests.builders import AT, WORKSPACE, feedback
from tests.fakes.cases import FakeCases
from tests.fakes.tickets import FakeClock, FakeMemory, FakeQueue, FakeTickets

One = TypeVar("One")
SECRET: Final = "a vendor's secret"
OURS: Final = Endpoint(
    WORKSPACE, "ep_v", "Vendor", "vendor", "v.example.com", settings={"status_map": {"办结": "resolved"}}
)


class Vendor:
    """A system of record as simple as can be: HMAC of the body in ``x-sign``, and a list of things said."""

    methods = ("POST", "GET")
    content_types = ("application/json", "text/xml")

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        if call.headers.get("x-sign") != sign(call.body, secret.secret or ""):
            raise Unauthorized("No signature fits.", code="signature_invalid")
        return Opened(json.loads(call.body or b"{}"))

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:
        challenge = isinstance(opened.payload, dict) and opened.payload.get("challenge")
        return Reply(200, str(challenge).encode(), "text/plain") if challenge else None

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:
        if not isinstance(opened.payload, list):
            raise Invalid("It is not a list.")
        return [said(**one) for one in opened.payload]

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:
        return Reply(200, b"<ok/>", "application/xml")


def said(**fields: Any) -> Said:
    moment = fields.get("occurred_at")
    return Said(
        **{
            "status": "accepted",
            "external_id": "V-1",
            **fields,
            "occurred_at": moment and datetime.fromisoformat(moment),
        }
    )


def sign(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@dataclass
class FakeSecrets:
    known: dict[str, EndpointSecret]
    reads: list[str] = field(default_factory=list)

    def get(self, record_id: str, *, within: float) -> EndpointSecret | None:
        self.reads.append(record_id)
        return self.known.get(record_id)


@dataclass
class FakeEndpoints:
    known: dict[tuple[str, str], Endpoint]

    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None:
        return self.known.get((workspace, endpoint_id))


@dataclass
class World:
    """Things are said with ``say``; ``work`` empties the queue."""

    tickets: FakeTickets = field(default_factory=FakeTickets)
    memory: FakeMemory = field(default_factory=FakeMemory)
    queue: FakeQueue = field(default_factory=FakeQueue)
    clock: FakeClock = field(default_factory=lambda: FakeClock(AT))
    known: dict[tuple[str, str], Endpoint] = field(default_factory=lambda: {(WORKSPACE, "ep_v"): OURS})
    built: int = 0

    def __post_init__(self) -> None:
        step = opened(feedback(), "title", AT)
        self.tickets.create(step.ticket, step.moves[0])
        self.id = step.ticket.id
        self.tickets.made[WORKSPACE, "ep_v", "V-1"] = self.id
        secret = EndpointSecret(WORKSPACE, "ep_v", "https://v.example.com/", secret=SECRET, connector="vendor")
        self.secrets = FakeSecrets({"ep_v": secret})
        endpoints = FakeEndpoints(self.known)
        reader = {"vendor": Vendor(), "standard_webhooks": Vendor()}.get
        take = TakeAnswer(self.tickets, FakeCases(), lambda _: Rules(), self.clock)
        self.apply = ApplyCallback(
            endpoints, self.tickets, self.tickets, self.memory, reader, self.queue, self.clock, lambda: take
        )
        self.door = HearCallback(self.secrets, reader, self._build, self.queue, self.clock)

    def _build(self) -> ApplyCallback:
        self.built += 1
        return self.apply

    def call(self, body: bytes, method: str = "POST", *, secret: str = SECRET, **headers: str) -> Any:
        named = {"content-type": "application/json", **{name.replace("_", "-"): one for name, one in headers.items()}}
        return self.door("ep_v", Call(method, "https://us/cb", {**named, "x-sign": sign(body, secret)}, {}, body))

    def say(self, *things: Mapping[str, Any]) -> Applied:
        """Said in one body, heard, and taken off the queue."""
        self.call(json.dumps(things).encode())
        return self.work()

    def work(self) -> Applied:
        """The next message, as it comes off a real queue."""
        return self.apply(json.loads(json.dumps(self.queue.sent.pop(0))))

    @property
    def state(self) -> str:
        return self.tickets.rows[WORKSPACE, self.id].state


@pytest.fixture
def world() -> World:
    return World()


# --- the answer ---------------------------------------------------------------------------------------------------


def test_a_vendor_has_its_own_answer_before_anything_is_judged(world: World) -> None:
    answered = world.call(b'[{"status":"accepted"}]')
    assert (answered.reply, answered.code) == (Reply(200, b"<ok/>", "application/xml"), "queued")
    assert (world.state, world.built) == ("open", 0)
    assert (len(world.secrets.reads), len(world.queue.sent)) == (1, 1), "two calls of AWS at most"


def test_a_challenge_is_answered_and_leaves_nothing(world: World) -> None:
    answered = world.call(b'{"challenge":"c-1"}')
    assert (answered.reply.body, answered.reply.content_type, answered.code) == (b"c-1", "text/plain", "handshake")
    assert world.queue.sent == []


def test_a_url_check_by_get_needs_no_content_type(world: World) -> None:
    assert world.call(b'{"challenge":"c-1"}', "GET", content_type="").code == "handshake"


def test_what_is_not_proven_is_told_neither_form_nor_size_of_what_would_be_taken(world: World) -> None:
    for method, headers in (("POST", {}), ("PUT", {}), ("POST", {"content_type": "image/png"})):
        with pytest.raises(Unauthorized, match=r"^No signature fits\.$") as refusal:
            world.call(b"[]", method, secret="another", **headers)
        assert refusal.value.code == "signature_invalid"
    with pytest.raises(TooLarge, match="262144") as large:
        world.call(b" " * 262_145, secret="another")
    assert large.value.code == "payload_too_large"
    assert world.queue.sent == []


def test_a_proven_call_in_another_form_is_refused(world: World) -> None:
    with pytest.raises(MethodNotAllowed) as method:
        world.call(b"[]", "PUT")
    assert (method.value.code, method.value.allowed) == ("method_not_allowed", ("POST", "GET"))
    for headers in ({"content_type": "image/png"}, {"content_encoding": "gzip"}):
        with pytest.raises(UnsupportedMedia) as media:
            world.call(b"[]", **headers)
        assert media.value.code == "unsupported_media_type"
    assert world.call(b"[]", content_type="text/xml; charset=utf-8").code == "queued"


def test_a_queue_that_is_down_is_our_trouble_and_the_vendor_sends_again(world: World) -> None:
    world.queue.broken = 0
    with pytest.raises(Retryable) as trouble:
        world.call(b'[{"status":"accepted"}]')
    assert trouble.value.code == "queue_unavailable"


# --- many things in one body --------------------------------------------------------------------------------------


def test_many_things_in_one_body_are_applied_in_order_and_each_for_itself(world: World) -> None:
    applied = world.say(
        {"status": "accepted"},
        {"status": "no such word"},
        {"status": "in_progress", "echo": True},
        {"status": ""},
        {"status": "in_progress"},
        {"external_id": "\u200b", "status": "resolved"},
        {"status": "办结", "note": "done"},
    )
    assert applied.codes == ("ok", "unknown_state", "echo", "no_status", "ok", "schema_violation", "ok")
    assert applied.tickets == (world.id,) * 3
    assert [line.after for line in world.tickets.moves(WORKSPACE, world.id)] == [
        "open", "accepted", "in_progress", "resolved",
    ]  # fmt: skip


def test_things_said_of_one_moment_are_told_apart_by_their_place(world: World) -> None:
    moment = AT.isoformat()
    applied = world.say({"status": "accepted", "occurred_at": moment}, {"status": "in_progress", "occurred_at": moment})
    assert (applied.codes, world.state) == (("ok", "ok"), "in_progress")


def test_a_body_that_cannot_be_read_becomes_a_code(world: World) -> None:
    world.call(b'{"not":"a list"}')
    assert world.work() == Applied(("schema_violation",))


def test_an_illegal_move_is_a_code_and_not_an_error_that_comes_for_ever(world: World) -> None:
    world.tickets.rows[WORKSPACE, world.id] = replace(world.tickets.rows[WORKSPACE, world.id], state="closed")
    assert world.say({"status": "in_progress", "delivery": "d-1"}).codes == ("illegal_move",)
    assert world.say({"status": "in_progress", "delivery": "d-1"}).codes == ("duplicate",)
    assert world.queue.sent == []


def test_an_item_of_another_ticket_is_a_code(world: World) -> None:
    step = opened(feedback(id="fb_two"), "title", AT)
    world.tickets.create(step.ticket, step.moves[0])
    world.say({"status": "accepted"})
    assert world.say({"status": "in_progress", "ticket_id": step.ticket.id}).codes == ("external_id_mismatch",)
    assert world.tickets.rows[WORKSPACE, step.ticket.id].state == "open"


def test_an_item_that_was_edited_to_name_another_ticket_moves_neither(world: World) -> None:
    """Our own record tells whose item it is: what it says of itself, anybody there may have edited."""
    step = opened(feedback(id="fb_two"), "title", AT)
    world.tickets.create(step.ticket, step.moves[0])
    assert world.say({"status": "accepted", "ticket_id": step.ticket.id}).codes == ("external_id_mismatch",)
    assert {row.state for row in world.tickets.rows.values()} == {"open"}


# --- twice, late, ahead -------------------------------------------------------------------------------------------


def test_the_same_delivery_again_is_dropped_although_the_ticket_has_moved_on(world: World) -> None:
    """Neither a counter nor a time: only the delivery's identity tells that this is old."""
    world.say({"status": "accepted", "delivery": "d-1"})
    world.clock.forward(seconds=60)
    world.say({"status": "in_progress", "delivery": "d-2"})
    world.clock.forward(seconds=60)
    assert world.say({"status": "accepted", "delivery": "d-1"}).codes == ("duplicate",)
    assert world.state == "in_progress"


def test_deliveries_are_remembered_for_each_endpoint_apart(world: World) -> None:
    world.memory.remember(WORKSPACE, "ep_other", "d-1")
    assert world.say({"status": "accepted", "delivery": "d-1"}).codes == ("ok",)


def test_a_message_that_the_queue_hands_out_twice_does_nothing_twice(world: World) -> None:
    world.call(b'[{"status":"accepted"}]')
    message = world.queue.sent[0]
    assert [world.apply(message).codes for _ in range(3)] == [("ok",), ("duplicate",), ("duplicate",)]


def test_what_was_said_earlier_and_comes_later_is_stale(world: World) -> None:
    world.say({"status": "in_progress", "occurred_at": AT.isoformat()})
    earlier = (AT - timedelta(seconds=1)).isoformat()
    assert world.say({"status": "accepted", "occurred_at": earlier}).codes == ("stale",)
    assert world.state == "in_progress"


def test_messages_that_overtake_each_other_are_told_apart_by_when_they_were_heard(world: World) -> None:
    world.call(b'[{"status":"accepted"}]')
    world.clock.forward(seconds=1)
    world.call(b'[{"status":"in_progress"}]')
    assert world.apply(world.queue.sent[1]).codes == ("ok",)
    assert world.apply(world.queue.sent[0]).codes == ("stale",)


class Interrupted(FakeTickets):
    """Something happens between the first read and the next one, whatever they read."""

    happens: Callable[[], object] | None = None

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        return self._read(super().get(workspace, ticket_id))

    def external_item(self, workspace: str, endpoint: str, external_id: str) -> ExternalItem | None:
        return self._read(super().external_item(workspace, endpoint, external_id))

    def _read(self, found: One) -> One:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        return found


def test_what_is_said_while_something_earlier_is_written_still_moves_the_ticket() -> None:
    tickets = Interrupted()
    world = World(tickets)
    world.say({"status": "in_progress", "version": 8})
    world.call(b'[{"status":"waiting_customer","version":9}]')
    world.call(b'[{"status":"in_progress","version":10}]')
    earlier, later = world.queue.sent
    tickets.happens = lambda: world.apply(earlier)
    assert world.apply(later).codes == ("ok",)
    assert [line.after for line in tickets.moves(WORKSPACE, world.id)][-2:] == ["waiting_customer", "in_progress"]


def test_a_clock_that_runs_ahead_does_not_shut_out_what_follows(world: World) -> None:
    world.say({"status": "accepted", "occurred_at": (AT + timedelta(days=3650)).isoformat()})
    world.clock.forward(seconds=1)
    assert world.say({"status": "in_progress"}).codes == ("ok",)


def test_the_state_that_the_ticket_is_in_is_our_own_echo(world: World) -> None:
    assert world.say({"status": "open"}).codes == ("echo",)
    assert len(world.tickets.moves(WORKSPACE, world.id)) == 1


# --- items that nobody knows --------------------------------------------------------------------------------------


def test_an_item_that_is_not_known_yet_is_looked_up_again_and_it_alone(world: World) -> None:
    applied = world.say({"status": "accepted"}, {"status": "accepted", "external_id": "V-2"})
    assert applied.codes == ("ok", "unknown_item")
    (again,) = world.queue.sent
    assert (again["places"], again["tries"]) == ([1], 1)
    world.tickets.made[WORKSPACE, "ep_v", "V-2"] = world.id
    assert world.work().codes == ("echo",), "the ticket is accepted already"
    assert world.queue.sent == []


def test_an_item_that_we_never_made_is_given_up_after_two_looks(world: World) -> None:
    assert world.say({"status": "accepted", "external_id": "theirs", "delivery": "d-9"}).codes == ("unknown_item",)
    for _ in WAITS:
        assert world.work().codes == ("unknown_item",)
    assert (world.queue.sent, world.memory.rows) == ([], set())


def test_an_endpoint_that_is_gone_drops_what_waits_for_it(world: World) -> None:
    world.call(b'[{"status":"accepted"}]')
    del world.known[WORKSPACE, "ep_v"]
    assert world.work() == Applied(("endpoint_gone",))


def test_a_ticket_of_another_workspace_is_not_there(world: World) -> None:
    step = opened(replace(feedback(), workspace="other"), "title", AT)
    world.tickets.create(step.ticket, step.moves[0])
    del world.tickets.rows[WORKSPACE, world.id]
    assert world.say({"status": "accepted", "external_id": "V-2", "ticket_id": step.ticket.id}).codes == ("not_found",)
    assert world.tickets.rows["other", step.ticket.id].state == "open"


def test_a_table_that_is_busy_brings_the_message_back(world: World) -> None:
    world.tickets.lose = 1_000
    with pytest.raises(Retryable) as trouble:
        world.say({"status": "accepted", "delivery": "d-1"})
    assert (trouble.value.code, world.memory.rows) == ("contended", set())


# --- words --------------------------------------------------------------------------------------------------------


def test_words_of_a_vendor_are_made_fit_and_never_refused(world: World) -> None:
    world.say(
        {
            "status": "\u200b办结 ",
            "note": "call 13800138000\x00",
            "root_cause": "x" * 9_000,
            "action": "  ",
            "actor": "李" * 300,
        }
    )
    after, line = world.tickets.rows[WORKSPACE, world.id], world.tickets.moves(WORKSPACE, world.id)[-1]
    assert (after.state, after.action, len(after.root_cause or "")) == ("resolved", None, MAX_WORDS)
    assert line.actor == "ep_v/" + "李" * 100
    assert line.reason is not None
    assert "13800138000" not in line.reason
    assert "\x00" not in line.reason


def test_no_word_of_a_callback_is_in_a_repr(world: World) -> None:
    call = Call("POST", "https://us/CANARY", {"a": "CANARY"}, {"b": "CANARY"}, b"CANARY")
    things = (call, Opened("CANARY"), Reply(200, b"CANARY"), said(note="CANARY", actor="CANARY", delivery="CANARY"))
    assert "CANARY" not in repr(things)
    assert "CANARY" not in repr(world.say({"status": "accepted", "note": "CANARY"}))
