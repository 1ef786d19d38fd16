"""Every hostile line that applies, over HTTP, on the packaged stack: the answer, and what came of it.

What a hook accepted is judged by its effects: a row and a ticket for each, and nothing at all for what was refused.
``hostile_left_out.yaml`` names the lines that are not judged here.
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
import yaml

from chalicelib.domain.text.hygiene import clean
from chalicelib.storage import keys as table_keys
from infra import client
from infra.client import Answer
from tests import corpus
from tests.contract.test_hostile_admin import TABLE as ADMIN_TABLE
from tests.contract.test_hostile_admin import translated
from tests.corpus import Keys, Line
from tests.fakes import servers
from tests.fakes.servers import Behaviour, Server
from tests.integration import mirrors, wire
from tests.integration.mirrors import Mirror
from tests.integration.world import World, new_world, voice, wait_for

pytestmark = pytest.mark.engine

CALLERS: Final = 8
LEFT_OUT: Final = yaml.safe_load((Path(__file__).parent / "hostile_left_out.yaml").read_text())
UNJUDGED: Final = {entry["line"]: entry["reason"] for entry in LEFT_OUT}
BY_EFFECT: Final = ("IN-146", "IN-148", "IN-150", "IN-257")
GATEWAY: Final = "gateway"  # the corpus' word for an answer that the front door gives itself
CANARY_URL: Final = "http://127.0.0.1:9/hook?token=CANARY-url-token"
WAITING: Final = 100  # deliveries in AD-055
FLOOD: Final = int(os.environ.get("FLOOD", "300"))  # voices in IN-257


def lines(target: str) -> list[Line]:
    return [line for line in corpus.load(target) if line["id"] not in UNJUDGED]


INGEST: Final = [line for line in lines("ingest") if line["id"] not in BY_EFFECT]
REFUSED: Final = [line for line in INGEST if corpus.expected(line).enqueued == 0]
ACCEPTED: Final = [line for line in INGEST if corpus.expected(line).enqueued]
SAVED: Final = [*lines("admin"), *(line for line in lines("outbound_url") if line["category"] == "ssrf_save")]
RECEIVERS: Final = [line for line in lines("outbound_url") if line["category"] == "receiver"]
# What must not be kept of a line's words.
HIDDEN: Final = {
    "IN-208": ("13800138000",),
    "IN-247": ("13800138000",),
    "IN-248": ("6222021234567890123",),
    "IN-252": ("EXAMPLE-SECRET-0000", "AKIAIOSFODNN7EXAMPLE"),
}
OTHER_ADMIN: Final = {"AD-020": "eleven rotations", "AD-052": "a preflight", "AD-055": "a hundred deliveries wait"}


def named(found: list[Line]) -> list[Any]:
    return [pytest.param(line, id=line["id"]) for line in found]


def code_of(answer: Answer) -> str:
    if not isinstance(answer.json, dict):
        return GATEWAY
    return str(answer.json.get("code") or answer.json.get("status") or GATEWAY)


# --- ingest ---------------------------------------------------------------------------------------------------------


@dataclass
class Ear:
    """A canonical connection. Rotated twice, one secret is in force, one in its last day, one dead."""

    connection: Any
    keys: Keys

    def hear(self, line: Line, *, msg_id: str | None = None, changes: Mapping[str, Any] | None = None) -> Answer:
        """Send a line. ``changes`` replace fields of its body."""
        raw = corpus.translate_body(line)
        if changes:
            raw = json.dumps({**json.loads(raw), **changes}).encode()
        now = datetime.now(timezone.utc)
        headers = corpus.fill_headers(line, self.keys, now, raw, msg_id=msg_id or f"msg_{secrets.token_hex(8)}")
        framed = not {"content-length", "transfer-encoding"} & set(headers)
        return wire.request(line["method"], self._url(line), headers, raw, framed=framed)

    def _url(self, line: Line) -> str:
        hook, suffix = str(self.connection["hook_url"]), line.get("path_suffix")
        if not suffix:
            return hook
        front, _, token = hook.rpartition("/")
        return f"{front.rpartition('/')[0]}{suffix}/{token}"


def ear(world: World, stranger: str, *, rotated: bool = False) -> Ear:
    made = world.connect("canonical")
    secrets_ = [made["secret"]] * 3
    if rotated:
        path = f"/v1/connections/{made['id']}/rotate"
        secrets_[1:] = [world.api.call("POST", path, {}).json["secret"] for _ in range(2)]
    return Ear(made, Keys(current=secrets_[2], previous=secrets_[1], expired=secrets_[0], other=stranger))


@dataclass
class Heard:
    """What was answered to each line, and where its effects are."""

    refused: World
    accepted: World
    answers: dict[str, Answer] = field(default_factory=dict)
    connections: dict[str, str] = field(default_factory=dict)  # line → connection
    rows: list[Any] = field(default_factory=list)
    tickets: list[Any] = field(default_factory=list)

    def row(self, line: Line) -> Any:
        """The one feedback that came of a line."""
        found = [one for one in self.rows if one["connection"] == self.connections[line["id"]]]
        assert len(found) == 1, f"{len(found)} rows"
        return found[0]


@pytest.fixture(scope="module")
def stranger(stack: Any) -> str:
    """The signing secret of somebody else's connection."""
    return str(new_world(stack).connect("canonical")["secret"])


@pytest.fixture(scope="module")
def heard(stack: Any, stranger: str) -> Heard:
    """All lines sent: those to be refused to one connection, each of the others to one of its own."""
    heard = Heard(new_world(stack), new_world(stack))
    shared = ear(heard.refused, stranger, rotated=True)

    def send(line: Line) -> None:
        rotated = "${SIG_PREVIOUS}" in str(line["headers"])
        there = ear(heard.accepted, stranger, rotated=rotated) if line in ACCEPTED else shared
        heard.connections[line["id"]] = there.connection["id"]
        heard.answers[line["id"]] = there.hear(line)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(send, INGEST))

    def all_there() -> bool:
        heard.rows = heard.accepted.all_feedback()
        heard.tickets = heard.accepted.tickets()
        return len(heard.rows) >= len(ACCEPTED) and not any(row["state"] == "new" for row in heard.rows)

    wait_for(all_there, "a row and a ticket for each accepted line")
    return heard


@pytest.mark.parametrize("line", named(INGEST))
def test_a_hostile_body_gets_its_answer(line: Line, heard: Heard) -> None:
    answer, expected = heard.answers[line["id"]], corpus.expected(line)
    assert answer.status in expected.statuses, (answer.status, answer.json, line["description"])
    assert code_of(answer) in expected.codes, (answer.status, answer.json, line["description"])


def test_what_was_refused_leaves_nothing_behind(heard: Heard) -> None:
    assert heard.refused.all_feedback() == []
    assert heard.refused.tickets() == []


@pytest.mark.parametrize("line", named(ACCEPTED))
def test_what_was_accepted_is_one_row_and_one_ticket(line: Line, heard: Heard) -> None:
    row = heard.row(line)
    assert row["id"] == heard.answers[line["id"]].json["id"]
    assert row["state"] == "ticketed"
    assert [one["feedback"] for one in heard.tickets].count(row["id"]) == 1


@pytest.mark.parametrize("line", named(ACCEPTED))
def test_the_words_are_kept_as_they_were_sent_but_for_what_must_not_be_kept(line: Line, heard: Heard) -> None:
    kept = heard.accepted.feedback(heard.row(line)["id"])
    sent = json.loads(corpus.translate_body(line))["texts"][0]["text"]
    text = kept["texts"][0]["text"]
    assert kept["sanitised"] == (clean(sent) != sent)
    assert text == clean(text)
    if line["id"] in HIDDEN:
        assert all(word in sent for word in HIDDEN[line["id"]])
        assert not any(word in json.dumps(kept, ensure_ascii=False) for word in HIDDEN[line["id"]])
    else:
        assert text == clean(sent)


# --- ingest, judged by effect ---------------------------------------------------------------------------------------


@cache
def line_of(identity: str) -> Line:
    return next(line for target in ("ingest", "admin") for line in corpus.load(target) if line["id"] == identity)


@pytest.fixture
def ours(world: World, stranger: str) -> Ear:
    return ear(world, stranger)


def accepted(answer: Answer) -> str:
    assert (answer.status, code_of(answer)) == (202, "accepted"), (answer.status, answer.json)
    return str(answer.json["id"])


def test_in_146_the_same_message_twice_is_one_row_and_one_ticket(world: World, ours: Ear) -> None:
    line = line_of("IN-146")
    ids = {accepted(ours.hear(line, msg_id="msg_twice")) for _ in range(line["repeat"])}

    world.settled(*ids, "ticketed")
    quiet(world)
    assert [row["id"] for row in world.all_feedback()] == list(ids)
    assert len(world.tickets()) == 1


def test_in_148_another_body_under_the_same_id_is_parked_and_the_first_row_stays(world: World, ours: Ear) -> None:
    first = accepted(ours.hear(line_of("IN-146"), msg_id="msg_same"))
    before = world.settled(first, "ticketed")

    accepted(ours.hear(line_of("IN-148"), msg_id="msg_same"))

    wait_for(lambda: len(world.all_feedback()) == 2, "the other body")
    parked = next(row for row in world.all_feedback() if row["id"] != first)
    assert (parked["state"], parked["parked_reason"]) == ("parked", "idempotency_mismatch")
    assert world.feedback(first) == before
    assert len(world.tickets()) == 1


def test_in_150_edited_content_is_revision_two_of_the_same_ticket(world: World, ours: Ear) -> None:
    first = accepted(ours.hear(line_of("IN-146"), msg_id="msg_first"))
    world.settled(first, "ticketed")

    assert accepted(ours.hear(line_of("IN-150"), msg_id="msg_second")) == first

    wait_for(lambda: world.feedback(first)["revision"] == 2, "revision 2")
    quiet(world)
    found = world.feedback(first)
    assert found["scores"][0]["value"] == 0
    assert [older["scores"][0]["value"] for older in found["revisions"]] == [3]
    assert [ticket["feedback"] for ticket in world.tickets()] == [first]


def quiet(world: World) -> None:
    """Wait until nothing of what was sent is still under way."""
    assert world.stack.drain(30), "still under way"


# --- the management API ---------------------------------------------------------------------------------------------


@dataclass
class Desk:
    """A workspace with one endpoint, and what the placeholders of the corpus stand for."""

    world: World
    endpoint: Any
    fill: Mapping[str, str]

    def send(self, line: Line) -> Answer:
        resource, query, raw = translated(line)
        query = {name: self._filled(value) for name, value in query.items()}
        headers = {name: self._filled(value) for name, value in line["headers"].items()}
        if corpus.expected(line).codes != {"url_not_allowed"}:
            # There is no name server here: another fault shows only under a URL that has an address.
            raw = raw.replace(b"https://crm.example.com/hook", b"http://127.0.0.1:9/hook")
        path = resource.replace("{endpoint_id}", self.endpoint["id"])
        url = self.world.stack.api_url + path + ("?" + urlencode(query) if query else "")
        return wire.request(line["method"], url, headers, raw or None)

    def _filled(self, text: str) -> str:
        for placeholder, value in self.fill.items():
            text = text.replace(placeholder, value)
        assert "${" not in text, f"unknown placeholder in {text}"
        return text

    def held(self) -> list[Any]:
        """All that people can configure here."""
        return [self.world.api.call("GET", f"/v1/{name}").json for name in ("endpoints", "rules", "connections")]


@pytest.fixture(scope="module")
def desk(stack: Any, stranger: str) -> Desk:
    world, theirs = new_world(stack), new_world(stack)
    there = ear(theirs, stranger)
    for number in range(2):
        accepted(there.hear(line_of("IN-146"), changes={"id": f"R-{number}"}))
    wait_for(lambda: len(theirs.tickets()) == 2, "two tickets of another workspace")
    cursor = theirs.api.call("GET", "/v1/tickets", query={"limit": 1}).json["cursor"]
    assert cursor
    revoked = world.api.made("/v1/keys", {"role": "admin"})
    assert world.api.call("DELETE", f"/v1/keys/{revoked['id']}").status == 200
    wanted = {"name": "C1", "connector": "standard_webhooks", "url": CANARY_URL, "events": ["ticket.opened"]}
    settings = {"settings": {"headers": {"Authorization": "CANARY-authorization"}}}
    endpoint = world.api.made("/v1/endpoints", {**wanted, **settings})
    fill = {"${CURSOR_T2}": cursor, "${ADMIN_T1}": world.api.key, "${REVOKED_T1}": revoked["key"]}
    return Desk(world, endpoint, fill)


@pytest.mark.parametrize("line", named([line for line in SAVED if line["id"] not in OTHER_ADMIN]))
def test_a_hostile_call_gets_its_answer_and_changes_nothing(line: Line, desk: Desk) -> None:
    before, expected = desk.held(), corpus.expected(line)

    answer = desk.send(line)

    assert answer.status in expected.statuses, (answer.status, answer.json, line["description"])
    if answer.status >= 300:
        assert code_of(answer) in expected.codes, (answer.status, answer.json, line["description"])
    assert desk.held() == before
    if line["id"] == "AD-019":
        assert "CANARY" not in json.dumps(answer.json)
        assert desk.endpoint["secret"] not in json.dumps(answer.json)
        assert answer.json["settings"]["headers"] == {"Authorization": "***"}


def test_ad_020_ten_rotations_a_day_and_no_more(desk: Desk) -> None:
    line = line_of("AD-020")
    answers = [desk.send(line) for _ in range(line["repeat"])]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    assert (code_of(answers[10]), int(answers[10].headers["retry-after"])) == ("rotation_limit", 86_400)
    assert len({answer.json["secret"] for answer in answers[:10]}) == 10


def test_ad_052_a_preflight_opens_nothing(desk: Desk) -> None:
    answer = desk.send(line_of("AD-052"))
    assert answer.status in corpus.expected(line_of("AD-052")).statuses
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_ad_055_deleting_an_endpoint_cancels_what_waits_for_it(stack: Any, stranger: str) -> None:
    world = new_world(stack)
    with Server(servers.answering("503 Service Unavailable")) as server:
        url = f"http://127.0.0.1:{server.port}/hook"
        wanted = {"name": "C1", "connector": "standard_webhooks", "url": url, "events": ["ticket.opened"]}
        endpoint = world.api.made("/v1/endpoints", wanted)
        there = ear(world, stranger)
        flood(there, WAITING)
        mine = {"endpoint": endpoint["id"]}

        def deliveries() -> list[Any]:
            return world.api.pages("/v1/deliveries", mine)

        wait_for(lambda: len(deliveries()) == WAITING, "a hundred deliveries")
        desk = Desk(world, endpoint, {"${ADMIN_T1}": world.api.key})
        answer = desk.send(line_of("AD-055"))
        calls = len(server.heard.requests)
        assert answer.status == 200, answer.json
        wait_for(lambda: all(one["state"] in ("cancelled", "sending") for one in deliveries()), "all cancelled")
        quiet(world)
        assert Counter(one["state"] for one in deliveries()) == Counter(cancelled=WAITING)
        assert len(server.heard.requests) == calls, "called after the answer"
    assert answer.json["cancelled"] <= WAITING
    assert world.api.call("GET", f"/v1/endpoints/{endpoint['id']}").status == 404


def flood(there: Ear, number: int) -> Counter[int]:
    """That many voices at once; how often each status was answered."""
    line = line_of("IN-257")
    with ThreadPoolExecutor(2 * CALLERS) as pool:
        answers = list(pool.map(lambda one: there.hear(line, changes={"id": f"R-{one}"}), range(number)))
    for answer in answers:
        assert answer.status == 202 or "retry-after" in answer.headers, (answer.status, answer.json)
    return Counter(answer.status for answer in answers)


# --- receivers ------------------------------------------------------------------------------------------------------

# The corpus' outcome → code of the first attempt, and the state that the delivery is in after it.
OUTCOMES: Final = {
    "delivered": ("delivered", {"delivered"}),
    "failed:timeout": ("timeout", {"waiting"}),
    "failed:connection": ("connection", {"waiting"}),
    "failed:tls": ("tls", {"waiting"}),
    "failed:protocol": ("protocol", {"waiting"}),
    "retry:rate_limited": ("rate_limited", {"waiting"}),
    "retry, capped (<= 2x the schedule step or 1 h)": ("rate_limited", {"waiting"}),
    "retry on the schedule": (None, {"waiting"}),  # the code is the status' own
    "retry on the schedule or failed:permanent, as configured": ("http_400", {"waiting"}),
    "endpoint disabled": ("gone", {"held"}),
    "disabled after the window": ("http_500", {"held"}),
}
STATUS_CODES: Final = {429: "rate_limited", 503: "http_503"}
ZEROS_AT_ONCE: Final = 1 << 20
LONGEST_WAIT: Final = timedelta(seconds=3_600)


def behaviour(fake: Mapping[str, Any]) -> tuple[Behaviour, ssl.SSLContext | None]:
    """The server that a line describes. What it says every few seconds comes faster here, and as endlessly."""
    if "tls" in fake:
        return servers.answering(), TLS[fake["tls"]]()
    if "header_drip" in fake:
        return servers.dripping(fake["raw"].encode() + b"X: ", b"x"), None
    if "raw" in fake:
        return servers.raw(fake["raw"].encode()), None
    if "body_stream" in fake:
        return servers.huge(fake["body_stream"]["bytes"]), None
    if "body_drip" in fake:
        return servers.dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"), None
    if "reset_after" in fake:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        return servers.resetting(head + b"x" * fake["reset_after"]), None
    body = str(fake.get("body", "")).encode()
    if "body_gzip_zeros" in fake:
        body = servers.gzip_bomb(ZEROS_AT_ONCE) * (fake["body_gzip_zeros"] // ZEROS_AT_ONCE)
    headers = [f"{name}: {value}" for name, value in fake.get("headers", {}).items()]
    return servers.answering(f"{fake['status']} X", body, headers), None


TLS: Final[Mapping[str, Callable[[], ssl.SSLContext]]] = {
    "self_signed": lambda: servers.serving(["127.0.0.1"], self_signed=True),
    "tls1.0": lambda: servers.serving(["127.0.0.1"], old=True),
}


@dataclass
class Delivered:
    """One ticket, told to all receivers at once."""

    world: World
    notices: Mirror
    endpoints: dict[str, Any] = field(default_factory=dict)  # line → endpoint
    servers: dict[str, Server] = field(default_factory=dict)

    def log(self, line: Line) -> Any:
        """The one delivery to a line's receiver, with its attempts."""
        query = {"endpoint": self.endpoints[line["id"]]["id"]}
        listed = self.world.api.call("GET", "/v1/deliveries", query=query).json["items"]
        assert len(listed) <= 1
        return self.world.api.call("GET", f"/v1/deliveries/{listed[0]['id']}").json if listed else None


@pytest.fixture(scope="module")
def delivered(stack: Any) -> Iterator[Delivered]:
    world = new_world(stack)
    with ExitStack() as open_until_the_end:
        notices = open_until_the_end.enter_context(mirrors.of_topics(stack, ["high-email"], world.workspace))
        delivered = Delivered(world, notices)
        for line in RECEIVERS:
            behave, context = behaviour(line["fake_server"])
            server = open_until_the_end.enter_context(Server(behave, context))
            delivered.servers[line["id"]] = server
            delivered.endpoints[line["id"]] = _endpoint(world, line, server, secure=context is not None)
        connection = world.connect("canonical")
        world.heard(connection["hook_url"], client.canonical(voice(), connection["secret"]))
        yield delivered


def _endpoint(world: World, line: Line, server: Server, *, secure: bool) -> Any:
    """The endpoint that a line saves, with its receiver's address; the answer is judged here."""
    kind = json.loads(corpus.body(line))["type"]
    wanted = {
        "name": line["id"],
        "connector": "standard_webhooks" if kind == "generic" else kind,
        "url": f"{'https' if secure else 'http'}://127.0.0.1:{server.port}/hook",
        "events": ["ticket.opened"],
    }
    answer = world.api.call("POST", "/v1/endpoints", wanted)
    assert answer.status in corpus.expected(line).statuses, (line["id"], answer.status, answer.json)
    return answer.json


@pytest.mark.parametrize("line", named(RECEIVERS))
def test_a_hostile_receiver_leads_to_its_outcome(line: Line, delivered: Delivered) -> None:
    outcome = line["expected"]["checks"][0].removeprefix("delivery outcome: ")
    code, states = OUTCOMES[outcome]
    if line["id"] == "OU-041":
        _failing_for_six_days(delivered, line)
        wait_for(lambda: delivered.log(line)["state"] == "held", "the endpoint disabled")

    log = wait_for(lambda: _tried(delivered.log(line)), "the first attempt", timeout=60)

    first = log["attempts"][0]
    assert first["code"] == (code or STATUS_CODES[line["fake_server"]["status"]])
    assert log["state"] in states | ({"sending"} if "waiting" in states else set())
    if log["next_at"] is not None:
        wait = datetime.fromisoformat(log["next_at"]) - datetime.fromisoformat(log["updated_at"])
        assert timedelta(0) <= wait <= LONGEST_WAIT
    sent = delivered.servers[line["id"]].heard.requests
    assert not any(b"cookie" in request.lower() for request in sent)


def _tried(log: Any) -> Any:
    return log if log and log["attempts"] and log["state"] != "sending" else None


def _failing_for_six_days(delivered: Delivered, line: Line) -> None:
    """Turn the clock back for an endpoint that has failed once; its next failure is minutes away from us only."""
    wait_for(lambda: _tried(delivered.log(line)), "the first failure")
    world, endpoint = delivered.world, delivered.endpoints[line["id"]]["id"]
    pk, sk = table_keys.endpoint(world.workspace, endpoint)
    since = datetime.now(timezone.utc) - timedelta(days=6)
    world.stack.clients("dynamodb").update_item(
        TableName=world.stack.facts["table"],
        Key={"pk": {"S": pk}, "sk": {"S": sk}},
        UpdateExpression="SET failing_since = :since",
        ConditionExpression="attribute_exists(failing_since)",
        ExpressionAttributeValues={":since": {"S": since.strftime("%Y-%m-%dT%H:%M:%SZ")}},
    )
    delivery = delivered.log(line)["id"]
    assert world.api.call("POST", f"/v1/deliveries/{delivery}/replay", {}).status == 202


@pytest.mark.parametrize("line", named([line for line in RECEIVERS if line["id"] in ("OU-034", "OU-041")]))
def test_a_disabled_endpoint_is_told_of_exactly_once_and_keeps_what_waits(line: Line, delivered: Delivered) -> None:
    endpoint = delivered.endpoints[line["id"]]["id"]
    path = f"/v1/endpoints/{endpoint}"
    wait_for(lambda: delivered.world.api.call("GET", path).json["state"] == "disabled", "the endpoint disabled")
    wait_for(lambda: _notices(delivered, endpoint), "the notice")
    quiet(delivered.world)
    assert len(_notices(delivered, endpoint)) == 1
    assert delivered.log(line)["state"] == "held"


def _notices(delivered: Delivered, endpoint: str) -> list[Any]:
    return [one for one in delivered.notices.messages() if endpoint in one["Subject"]]


# --- the flood, and the count ---------------------------------------------------------------------------------------


def test_in_257_as_many_rows_as_were_accepted(world: World, ours: Ear) -> None:
    # The line's own thousand is what `make soak` sends; the property is the same for fewer.
    answered = flood(ours, min(FLOOD, line_of("IN-257")["repeat"]))

    wait_for(lambda: _is_empty(world, "inbox"), "the inbox read", timeout=60)
    wait_for(lambda: len(world.all_feedback()) >= answered[202], "a row for each voice")
    assert set(answered) <= {202, 429}
    assert len(world.all_feedback()) == answered[202]


def _is_empty(world: World, queue: str) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = world.stack.facts["queues"][queue]
    counts = world.stack.clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return not any(int(count) for count in counts.values())


def test_every_line_is_run_or_named(capsys: pytest.CaptureFixture[str]) -> None:
    everything = {line["id"] for target in ("ingest", "admin", "outbound_url") for line in corpus.load(target)}
    in_process = corpus.load("callback")  # tests/contract/test_callbacks.py judges them, through the same route
    assert set(UNJUDGED) <= everything, "an entry of hostile_left_out.yaml names no line"
    assert len(in_process) == 16
    judged = [*INGEST, *(line_of(name) for name in BY_EFFECT), *SAVED, *RECEIVERS]
    assert {line["id"] for line in judged} | set(UNJUDGED) == everything
    assert len({line["id"] for line in judged}) == len(judged)
    assert {line["id"] for line in REFUSED + ACCEPTED} == {line["id"] for line in INGEST}
    with capsys.disabled():
        print(f"\nhostile inputs over HTTP: {len(judged)} of {len(everything)} lines judged")
        for theirs, ours_ in (*corpus.TABLE, *ADMIN_TABLE, ("crm.example.com", "an address on loopback")):
            print(f"  {theirs:28} → {ours_}")
        for entry in LEFT_OUT:
            print(f"  left out: {entry['line']} ({entry['reason']})")
        print(f"  {len(in_process)} lines of callbacks are judged in-process")
