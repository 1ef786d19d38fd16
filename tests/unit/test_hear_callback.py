"""Signed callbacks: authenticated first, applied once and in order, under any number of copies."""

from __future__ import annotations

import base64
import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count, pairwise
from typing import Any

import pytest

from chalicelib.connectors.registry import callback_reader
from chalicelib.domain.cases.ticket import opened
from chalicelib.domain.cases.verification import Rules
from chalicelib.domain.outbound.calls import Call
from chalicelib.domain.outbound.standard_webhooks import sign
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret
from chalicelib.errors import (
    Conflict,
    Invalid,
    Malformed,
    NotFound,
    Rejected,
    Retryable,
    TooLarge,
    Unauthorized,
    UnsupportedMedia,
)
from chalicelib.services.outbound.apply_callback import ATTEMPTS, ApplyCallback
from chalicelib.services.outbound.hear_callback import HearCallback
from chalicelib.services.verification.take_answer import TakeAnswer
from tests.builders import AT, WORKSPACE, feedback, ticket
from tests.fakes.cases import FakeCases
from tests.fakes.tickets import FakeClock, FakeMemory, FakeQueue, FakeTickets

ID = ticket().id
ENDPOINT = Endpoint(
    WORKSPACE, "ep_one", "OA", "standard_webhooks", "oa.example.com", settings={"status_map": {"办结": "resolved"}}
)


def secret_of(text: bytes) -> str:
    return "whsec_" + base64.b64encode(text).decode()


SECRET, ROTATED, FOREIGN = (
    secret_of(b"the secret of one"),
    secret_of(b"the next one"),
    secret_of(b"of another endpoint"),
)


@dataclass
class FakeSecrets:
    """``stale`` is what memory still holds; a read of at most five seconds ago sees through it."""

    known: dict[str, EndpointSecret]
    stale: dict[str, EndpointSecret] = field(default_factory=dict)

    def get(self, record_id: str, *, within: float) -> EndpointSecret | None:
        if within > 5 and record_id in self.stale:
            return self.stale[record_id]
        return self.known.get(record_id)


@dataclass
class FakeEndpoints:
    known: dict[tuple[str, str], Endpoint]

    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None:
        return self.known.get((workspace, endpoint_id))


@dataclass
class World:
    tickets: FakeTickets
    secrets: FakeSecrets
    endpoints: FakeEndpoints
    clock: FakeClock
    service: HearCallback
    numbers: Any = field(default_factory=count)

    def send(self, endpoint: str = "ep_one", secret: str = SECRET, raw: bytes | None = None, **changes: Any) -> Any:
        """``None`` leaves a field of the data out."""
        data = {"ticket_id": ID, "external_id": "OA-9", "status": "accepted", "version": 1, **changes}
        body = json.dumps(
            {
                "type": "ticket.status_changed",
                "data": {name: value for name, value in data.items() if value is not None},
            }
        ).encode()
        return self.post(endpoint, secret, body if raw is None else raw)

    def post(self, endpoint: str, secret: str, body: bytes, **headers: str) -> Any:
        msg_id, stamp = f"msg_{next(self.numbers)}", int(self.clock.now.timestamp())
        signed = {
            "content-type": "application/json; charset=utf-8",
            "webhook-id": msg_id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(secret, msg_id, stamp, body),
        }
        return self.call(endpoint, {**signed, **{k.replace("_", "-"): v for k, v in headers.items()}}, body)

    def call(self, endpoint: str, headers: dict[str, str], body: bytes, method: str = "POST") -> Any:
        """The body of the answer, decoded."""
        url = f"https://api.example.com/v1/callbacks/{endpoint}"
        return json.loads(self.service(endpoint, Call(method, url, headers, {}, body)).reply.body)


@pytest.fixture
def world() -> World:
    step = opened(feedback(), "title", AT)
    tickets = FakeTickets()
    tickets.create(step.ticket, step.moves[0])
    known = EndpointSecret(WORKSPACE, "ep_one", "https://oa.example.com/x", secret=SECRET)
    foreign = EndpointSecret("other", "ep_two", "https://oa.example.com/y", secret=FOREIGN)
    secrets = FakeSecrets({"ep_one": known, "ep_two": foreign})
    other = replace(ENDPOINT, workspace="other", id="ep_two")
    endpoints = FakeEndpoints({(WORKSPACE, "ep_one"): ENDPOINT, ("other", "ep_two"): other})
    clock = FakeClock(AT)
    queue = FakeQueue()
    take = TakeAnswer(tickets, FakeCases(), lambda _: Rules(), clock)
    apply = ApplyCallback(endpoints, tickets, tickets, FakeMemory(), callback_reader, queue, clock, lambda: take)
    service = HearCallback(secrets, callback_reader, lambda: apply, queue, clock)
    return World(tickets, secrets, endpoints, clock, service)


# --- applied or ignored -------------------------------------------------------------------------------------------


def test_a_callback_moves_the_ticket_and_answers_with_it(world: World) -> None:
    heard = world.send(status="办结", root_cause="thin carton", action="new one", actor="李四", note="ok")
    assert heard == {
        "status": "applied",
        "code": "ok",
        "ticket": {"id": ID, "version": 3, "state": "resolved"},
    }
    after = world.tickets.rows[WORKSPACE, ID]
    assert (after.root_cause, after.incomplete) == ("thin carton", False)
    assert [line.actor for line in world.tickets.moves(WORKSPACE, ID)] == ["echoloop", "ep_one/李四", "ep_one/李四"]


def test_the_same_callback_again_is_ignored(world: World) -> None:
    world.send()
    before = dict(world.tickets.lines)
    assert [world.send()["code"] for _ in range(2)] == ["duplicate", "duplicate"]
    assert world.tickets.lines == before


def test_an_older_callback_is_ignored(world: World) -> None:
    world.send(status="resolved", version=5)
    heard = world.send(status="in_progress", version=4)
    assert (heard["status"], heard["code"], heard["ticket"]["state"]) == ("ignored", "stale", "resolved")


def test_an_echo_is_ignored_and_counts_as_heard(world: World) -> None:
    assert world.send(status="open", version=7)["code"] == "echo"
    assert world.send(status="accepted", version=6)["code"] == "stale"


def test_without_a_counter_the_time_decides(world: World) -> None:
    world.send(status="in_progress", version=None, occurred_at="2026-11-21T08:00:00Z")
    assert world.send(status="accepted", version=None, occurred_at="2026-11-21T07:59:59Z")["code"] == "stale"
    assert (
        world.send(status="resolved", version=None, occurred_at="2026-11-21T08:00:01Z")["ticket"]["state"] == "resolved"
    )


def test_two_items_of_one_ticket_count_apart(world: World) -> None:
    world.send(version=9)
    assert world.send(external_id="OA-10", status="in_progress", version=1)["status"] == "applied"


def test_a_refused_jump_leaves_nothing_and_may_come_again(world: World) -> None:
    world.tickets.rows[WORKSPACE, ID] = ticket(state="closed")
    with pytest.raises(Conflict, match=r"^A ticket that is closed cannot become in_progress\.$") as refusal:
        world.send(status="in_progress", version=9)
    assert (refusal.value.code, refusal.value.allowed) == ("illegal_move", ("reopened",))
    assert world.tickets.items == {}


def test_an_item_of_another_ticket_is_a_conflict(world: World) -> None:
    step = opened(feedback(id="fb_two"), "title", AT)
    world.tickets.create(step.ticket, step.moves[0])
    world.send()
    with pytest.raises(Conflict) as refusal:
        world.send(ticket_id=step.ticket.id, version=2)
    assert refusal.value.code == "external_id_mismatch"
    assert world.tickets.rows[WORKSPACE, step.ticket.id].version == 1


def test_a_lost_race_is_judged_again(world: World) -> None:
    world.tickets.lose = 3
    assert world.send()["ticket"]["state"] == "accepted"


def test_a_race_without_end_is_our_trouble(world: World) -> None:
    world.tickets.lose = ATTEMPTS
    with pytest.raises(Retryable, match=r"^The ticket keeps changing\.$") as refusal:
        world.send()
    assert refusal.value.code == "contended"


# --- refused ------------------------------------------------------------------------------------------------------


def test_unknown_foreign_silent_and_deleted_endpoints_answer_alike(world: World) -> None:
    silent = EndpointSecret(WORKSPACE, "ep_silent", "https://oa.example.com/z")
    gone = EndpointSecret(WORKSPACE, "ep_gone", "https://oa.example.com/z", secret=SECRET)
    world.secrets.known |= {"ep_silent": silent, "ep_gone": gone}
    for endpoint, secret in (("ep_none", SECRET), ("ep_two", SECRET), ("ep_silent", SECRET), ("ep_gone", SECRET)):
        refusal = refused(world, Unauthorized, endpoint=endpoint, secret=secret)
        assert (refusal.code, refusal.message, refusal.pointer) == ("signature_invalid", "No signature fits.", None)
    assert world.tickets.rows[WORKSPACE, ID].version == 1


def test_a_ticket_of_another_workspace_is_not_there(world: World) -> None:
    foreign = refused(world, NotFound, endpoint="ep_two", secret=FOREIGN)
    unknown = refused(world, NotFound, ticket_id="tk_unknown")
    traversal = refused(world, NotFound, ticket_id="../" + ID)
    assert foreign.message == unknown.message == traversal.message == "There is no such thing here."
    assert world.tickets.items == {}


def test_the_secret_of_another_endpoint_does_not_fit(world: World) -> None:
    assert refused(world, Unauthorized, secret=FOREIGN).code == "signature_invalid"


def test_an_unsigned_callback_is_not_parsed(world: World) -> None:
    with pytest.raises(Unauthorized) as refusal:
        world.call("ep_one", {"content-type": "application/json"}, b"{broken")
    assert refusal.value.code == "signature_missing"


def test_a_replay_older_than_five_minutes_is_refused(world: World) -> None:
    body, stamp = b"{}", int(AT.timestamp()) - 301
    with pytest.raises(Unauthorized) as refusal:
        world.post("ep_one", SECRET, body, webhook_timestamp=str(stamp))
    assert refusal.value.code == "timestamp_out_of_window"


def test_a_secret_rotated_elsewhere_counts_at_once(world: World) -> None:
    old = world.secrets.known["ep_one"]
    world.secrets.stale["ep_one"] = old
    world.secrets.known["ep_one"] = replace(
        old, secret=ROTATED, previous_secret=SECRET, previous_valid_until=AT.timestamp() + 60
    )
    assert world.send(secret=ROTATED)["status"] == "applied"
    assert refused(world, Unauthorized, secret=FOREIGN).code == "signature_invalid"


def test_both_secrets_count_until_the_overlap_ends(world: World) -> None:
    old = world.secrets.known["ep_one"]
    world.secrets.known["ep_one"] = replace(
        old, secret=ROTATED, previous_secret=SECRET, previous_valid_until=AT.timestamp() + 60
    )
    assert world.send(secret=SECRET)["status"] == "applied"
    world.clock.forward(seconds=60)
    assert refused(world, Unauthorized, secret=SECRET).code == "signature_invalid"
    assert world.send(secret=ROTATED, version=2, status="in_progress")["status"] == "applied"


@pytest.mark.parametrize(
    ("raw", "kind", "code"),
    [
        (b"{broken", Malformed, "malformed_json"),
        (b'{"type":"ticket.status_changed","data":{"version":' + b"1" * 39 + b"}}", Malformed, "number_out_of_range"),
        (b'{"a":1,"a":1}', Malformed, "duplicate_key"),
        (b"[]", Invalid, "schema_violation"),
        (b" " * 262_145, TooLarge, "payload_too_large"),
    ],
)
def test_a_signed_body_that_is_no_callback_is_refused(
    world: World, raw: bytes, kind: type[Rejected], code: str
) -> None:
    assert refused(world, kind, raw=raw).code == code


@pytest.mark.parametrize("headers", [{"content_type": "text/xml"}, {"content_encoding": "gzip"}, {"content_type": ""}])
def test_another_media_type_is_refused(world: World, headers: dict[str, str]) -> None:
    with pytest.raises(UnsupportedMedia) as refusal:
        world.post("ep_one", SECRET, b"{}", **headers)
    assert refusal.value.code == "unsupported_media_type"


# --- many at once -------------------------------------------------------------------------------------------------

_WALK = ("accepted", "in_progress", "waiting_customer", "in_progress", "resolved", "reopened", "accepted", "open")
_WALK += ("accepted", "resolved")


def test_shuffled_copies_over_eight_threads_end_at_the_newest_version(world: World) -> None:
    """100 tickets × 10 callbacks × 3 copies: state of the highest version, history without gaps, nothing lost."""
    ids = []
    for number in range(100):
        step = opened(feedback(id=f"fb_{number}"), "title", AT)
        world.tickets.create(step.ticket, step.moves[0])
        ids.append(step.ticket.id)
    sent = [
        {"ticket_id": one, "external_id": f"OA-{one}", "status": status, "version": version}
        for one in ids
        for version, status in enumerate(_WALK, start=1)
    ] * 3
    random.Random(11).shuffle(sent)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns between read and write, not only between callbacks
    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda one: world.send(**one), sent))
    finally:
        sys.setswitchinterval(interval)
    assert {answer["status"] for answer in answers} == {"applied", "ignored"}
    for one in ids:
        after = world.tickets.rows[WORKSPACE, one]
        history = world.tickets.moves(WORKSPACE, one)
        assert after.state == "resolved"
        assert world.tickets.items[WORKSPACE, "ep_one", f"OA-{one}"].version == 10
        assert [line.version for line in history] == list(range(1, after.version + 1))
        assert all(later.before == earlier.after for earlier, later in pairwise(history))
        assert history[-1].after == after.state


def refused(world: World, kind: type[Rejected], **sent: Any) -> Rejected:
    with pytest.raises(kind) as refusal:
        world.send(**sent)
    return refusal.value


def test_a_change_that_is_heard_days_later_is_still_applied(world: World) -> None:
    heard = world.send(occurred_at=(AT - timedelta(days=2)).isoformat(), version=3)
    assert heard["status"] == "applied"
