"""Nothing that was told in confidence is found where it must not be: logs, events, metrics, queues, rows, messages.

Canaries are sent through every way in and out, the good and the bad ones; then everything that the stack has written
is searched, in any spelling.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from infra import client
from infra.client import Answer, Signed
from tests.fakes.oa import Oa, running_oa
from tests.integration import mirrors, search
from tests.integration.mirrors import Mirror
from tests.integration.search import Needles, Watch
from tests.integration.world import World, new_world, voice, wait_for

pytestmark = pytest.mark.engine

PHONE: Final = "13987254361"
SPELLED: Final = (
    "13987254361",
    "139-8725-4361",
    "139 8725 4361",
    "+86 139 8725 4361",
    "１３９８７２５４３６１",
    "139.8725.4361",
)
WORDS: Final = "一只靛蓝的纸鹤折了翅膀"  # nobody else says this
RED: Final = "奶粉里有玻璃渣，我要找媒体曝光"
NAME: Final = "欧阳靛鹤"
EMAIL: Final = "indigo.crane@example.com"
GIVEN_SECRET: Final = "CANARY-signing-5f1f8c7e2b904d6a"
URL_TOKEN: Final = "CANARYurl9d2c41e07b"
TOLD: Final = ("words", "a part of the words")
HEADER: Final = "CANARY-header-7a90d3f16c"


@dataclass
class Spilled:
    """What was sent, what came of it, and everything that could be overheard meanwhile."""

    world: World
    oa: Oa  # is told of tickets, and repeats what it is told
    desk: Oa  # is told of alerts
    watch: Watch
    bus: Mirror
    topics: Mirror
    needles: Needles
    answers: list[Answer] = field(default_factory=list)  # every refusal
    feedback: str = ""
    ticket: str = ""


def said(number: int = 0) -> str:
    return f"{WORDS}，{RED}，打我电话 {SPELLED[number]} 谢谢"


def body(number: int = 0, **changes: Any) -> dict[str, Any]:
    customer = {"id": PHONE, "name": NAME, "phone": SPELLED[number], "email": EMAIL}
    texts = [{"question": f"回访 {SPELLED[number]}", "text": said(number), "speaker": "customer"}]
    return voice(customer=customer, texts=texts, attributes={"order_id": "A-1", "memo": said(number)}, **changes)


@pytest.fixture(scope="module")
def spilled(stack: Any) -> Iterator[Spilled]:
    world = new_world(stack)
    with ExitStack() as until_the_end, running_oa() as oa, running_oa() as desk:
        bus = until_the_end.enter_context(mirrors.of_bus(stack))
        topics = until_the_end.enter_context(mirrors.of_topics(stack, (), world.workspace))
        with search.watching(stack) as watch:
            spilled = Spilled(world, oa, desk, watch, bus, topics, Needles({}, {}))
            _spill(spilled)
            assert stack.drain(30)
        yield spilled


def _spill(spilled: Spilled) -> None:
    world, oa = spilled.world, spilled.oa
    connection = world.connect("canonical")
    typeform = world.connect("typeform", secret=GIVEN_SECRET)
    endpoint = world.endpoint(
        oa,
        url=f"{oa.url}/{URL_TOKEN}?key={URL_TOKEN}",
        events=["ticket.opened", "ticket.updated", "ticket.resolved", "feedback.scored"],
        settings={"headers": {"X-Token": HEADER}},
    )
    world.endpoint(spilled.desk, events=["alert.raised"])
    nobody = {"url": f"http://127.0.0.1:9/robot/{URL_TOKEN}", "events": ["ticket.opened"]}
    made = [
        world.api.made("/v1/endpoints", {"name": "n", "connector": name, **nobody})
        for name in ("standard_webhooks", "feishu", "dingtalk", "wecom")
    ]
    spilled.needles = Needles(
        {
            "words": WORDS,
            "a part of the words": WORDS[:7],
            "name": NAME,
            "email": EMAIL,
            "given secret": GIVEN_SECRET,
            "made secret": connection["secret"].removeprefix("whsec_"),
            "endpoint secret": endpoint["secret"].removeprefix("whsec_"),
            "second endpoint secret": str(made[0]["secret"]).removeprefix("whsec_"),
            "hook token": connection["hook_url"].rsplit("/", 1)[-1],
            "platform token": typeform["hook_url"].rsplit("/", 1)[-1],
            "URL token": URL_TOKEN,
            "header": HEADER,
            "API key": world.api.key,
            "operator key": world.stack.admin_key,
        },
        {"phone": PHONE},
    )
    _queued(spilled, connection)
    _refused(spilled, connection, typeform)
    _parked(spilled)
    _failing_and_taken(spilled, connection)
    _answered(spilled, endpoint)
    for number in range(1, len(SPELLED)):
        world.heard(connection["hook_url"], client.canonical(body(number), connection["secret"]))
    again = {"since": "2026-01-01", "until": "2099-01-01", "what": "events"}
    assert world.api.call("POST", "/v1/replay", again).status == 202


def _queued(spilled: Spilled, connection: Any) -> None:
    """A red line lies on each queue in turn, long enough to be looked at."""
    world, watch = spilled.world, spilled.watch
    with search.standing_still(world.stack, "ticket", "alert", "deliver"):
        with search.standing_still(world.stack, "enrich"):
            voice_id = world.heard(connection["hook_url"], client.canonical(body(), connection["secret"]))
            wait_for(lambda: watch.has_seen("inbox"), "the voice on the inbox")
        wait_for(lambda: watch.has_seen("tickets", "alerts", "deliveries"), "its event on each queue")
    world.settled(voice_id, "ticketed")


def _refused(spilled: Spilled, connection: Any, typeform: Any) -> None:
    """Wrong proofs, broken bodies, values that cannot be."""
    good = client.canonical(body(), connection["secret"])
    hook = connection["hook_url"]
    answers = [
        good.post(hook[:-4] + "AAAA"),
        Signed(good.body.replace(b"A-1", b"A-2"), good.headers).post(hook),
        Signed(good.body, {**good.headers, "webhook-timestamp": "1"}).post(hook),
        client.canonical(good.body[:-9], connection["secret"]).post(hook),
        client.canonical(body(id=f"\u0000{said()}"), connection["secret"]).post(hook),
        client.canonical(body(channel=said()), connection["secret"]).post(hook),
        client.canonical(body(surprise=said()), connection["secret"]).post(hook),
        client.canonical({**body(), "type": said()}, connection["secret"]).post(hook),
        Signed(good.body, {**good.headers, "content-type": f"text/{URL_TOKEN}"}).post(hook),
        client.typeform({"event_id": said()}, GIVEN_SECRET + "x").post(typeform["hook_url"]),
    ]
    api = spilled.world.api
    answers += [
        api.call("POST", "/v1/connections", {"name": "n", "source": "typeform", "secret": GIVEN_SECRET, said(): 1}),
        api.call("POST", "/v1/endpoints", {"name": said(), "url": f"https://10.0.0.1/{URL_TOKEN}"}),
        api.call("POST", "/v1/subscriptions", {"severity": "high", "protocol": "sms", "address": SPELLED[1]}),
        api.call("PUT", "/v1/rules/mine", {"when": {"field": said(), "op": "eq", "value": 1}, "then": ["ticket"]}),
        api.call("GET", "/v1/feedback", query={"unit": said(), "cursor": URL_TOKEN}),
        api.call("GET", f"/v1/feedback/{PHONE}"),
        client.Api(api.base, f"ek_{URL_TOKEN}").call("GET", "/v1/feedback"),
    ]
    assert all(400 <= answer.status < 500 for answer in answers), [answer.status for answer in answers]
    spilled.answers += answers


def _parked(spilled: Spilled) -> None:
    """What cannot be read is kept sealed, and read once the mapping is mended."""
    world = spilled.world
    mapping = {"response_id": "/no", "texts": [{"path": "/entry/field_3"}]}
    connection = world.connect("jinshuju", mapping=mapping)
    entry = {"form": "F", "entry": {"serial_number": 1, "field_3": said(), "x_field_1": PHONE}}
    feedback = world.heard(connection["hook_url"], client.jinshuju(entry))
    world.settled(feedback, "parked")
    mended = {**mapping, "response_id": "/entry/serial_number", "customer": {"phone": "/entry/x_field_1"}}
    path = f"/v1/connections/{connection['id']}"
    assert world.api.call("PATCH", path, {"mapping": mended}).status == 200
    assert world.api.call("POST", f"/v1/feedback/{feedback}/reparse", {}).status == 202
    unread = world.heard(connection["hook_url"], client.jinshuju(said().encode()))
    world.settled(unread, "parked")


def _failing_and_taken(spilled: Spilled, connection: Any) -> None:
    """An OA that repeats in its refusal what it was told, and takes it at the second try."""
    world, oa = spilled.world, spilled.oa
    told = f"{said()} {URL_TOKEN} {HEADER}".replace(SPELLED[0], "〔手机号〕")
    echo = {"error": told, "message": f"{oa.secret} {WORDS[:-3]}", "code": PHONE}
    oa.status, oa.answer = 500, json.dumps(echo, ensure_ascii=False).encode()
    voice_id = world.heard(connection["hook_url"], client.canonical(body(), connection["secret"]))
    spilled.feedback = voice_id
    spilled.ticket = world.settled(voice_id, "ticketed")["ticket"]

    def failed() -> list[Any]:
        listed = world.api.pages("/v1/deliveries", {"ticket": spilled.ticket})
        return [one["id"] for one in listed if one["code"] == "http_500"]

    delivery = wait_for(failed, "a refused delivery")[0]
    oa.answer = told.encode()
    assert world.api.call("POST", f"/v1/deliveries/{delivery}/replay", {}).status == 202
    oa.status = 200
    wait_for(lambda: oa.of("ticket.opened"), "ticket.opened in the end")
    path = f"/v1/deliveries/{delivery}"
    wait_for(lambda: world.api.call("GET", path).json["state"] == "delivered", "its end")


def _answered(spilled: Spilled, endpoint: Any) -> None:
    """Callbacks good and forged, moves by people, the contact shown."""
    world = spilled.world
    data = {
        "ticket_id": spilled.ticket,
        "external_id": f"OA-{secrets.token_hex(4)}",
        "status": "resolved",
        "version": 1,
        "root_cause": f"打过 {SPELLED[1]}",
        "action": f"回电 {SPELLED[2]}，{EMAIL}",
        "note": f"客户电话 {SPELLED[4]}",
        "actor": f"wang {SPELLED[0]}",
        "occurred_at": "2026-11-21T08:00:00Z",
    }
    message = {"type": "ticket.status_changed", "data": data}
    there = endpoint["callback_url"]
    forged = client.canonical(message, "whsec_" + "A" * 32).post(there)
    unknown = client.canonical({"type": said(), "data": {}}, endpoint["secret"]).post(there)
    nowhere = client.canonical({**message, "data": {**data, "ticket_id": PHONE}}, endpoint["secret"]).post(there)
    spilled.answers += [forged, unknown, nowhere]
    assert [answer.status for answer in (forged, unknown, nowhere)] == [401, 422, 404]
    answer = client.canonical(message, endpoint["secret"]).post(there)
    assert (answer.status, answer.json["status"]) == (200, "applied"), answer.json

    path = f"/v1/tickets/{spilled.ticket}"
    version = answer.json["ticket"]["version"]
    move = {"to": "reopened", "version": version, "reason": f"他又打来 {SPELLED[3]}"}
    assert world.api.call("POST", f"{path}/transitions", move).status == 200
    wrong = world.api.call("POST", f"{path}/transitions", {**move, "to": PHONE})
    spilled.answers.append(wrong)
    shown = world.api.call("POST", f"{path}/contact", {"reason": f"回电 {SPELLED[5]}"})
    assert PHONE in search.Needles({}, {PHONE: PHONE}).found_in(json.dumps(shown.json)), "the contact itself is shown"


# --- the search -----------------------------------------------------------------------------------------------------


def leaks(needles: Needles, places: Any) -> list[str]:
    """``place: what`` of everything that was found."""
    return sorted({f"{place}: {name}" for place, text in places for name in needles.found_in(text)})


def test_no_log_line_holds_a_canary(spilled: Spilled) -> None:
    lines = list(search.logs(spilled.world.stack))
    assert len({group for group, _ in lines}) >= 9, "every function and the engine itself"
    assert any(spilled.feedback in text for _, text in lines), "the search sees the lines of this test"
    assert leaks(spilled.needles, lines) == []


def test_no_metric_holds_a_canary(spilled: Spilled) -> None:
    assert leaks(spilled.needles, search.metrics(spilled.world.stack)) == []


def test_no_event_holds_a_canary(spilled: Spilled) -> None:
    events = spilled.bus.bodies()
    kinds = {event["detail-type"] for event in spilled.bus.messages() if spilled.world.workspace in json.dumps(event)}
    assert kinds >= {"feedback.scored", "ticket.opened", "ticket.resolved", "ticket.reopened", "alert.raised"}
    assert leaks(spilled.needles, (("bus", event) for event in events)) == []


def test_no_message_to_people_holds_a_canary(spilled: Spilled) -> None:
    wait_for(spilled.topics.messages, "an e-mail of the red line")
    topics = {message["TopicArn"].rsplit("-", 1)[-1] for message in spilled.topics.messages()}
    assert topics == {"email", "sms"}
    assert leaks(spilled.needles, (("topic", text) for text in spilled.topics.bodies())) == []


def test_no_queue_held_a_canary_but_the_inbox_in_its_bodies(spilled: Spilled) -> None:
    assert spilled.watch.has_seen("inbox", "tickets", "alerts", "deliveries")
    assert leaks(spilled.needles, spilled.watch.messages()) == []


def test_no_row_holds_a_canary_but_the_words_where_they_are_kept(spilled: Spilled) -> None:
    """The words, redacted, are kept in feedback and its revisions, and an audit row says nothing of them."""
    rows = list(search.rows(spilled.world.stack, spilled.world.workspace))
    kept = {"FB FB", "FB REV"}
    assert leaks(spilled.needles.but(*TOLD), rows) == []
    assert leaks(spilled.needles, ((kind, text) for kind, text in rows if kind not in kept)) == []


def test_the_oa_is_told_the_words_in_their_place_and_no_contact(spilled: Spilled) -> None:
    opened = [request for request in spilled.oa.requests if b"ticket.opened" in request["body"]]
    assert opened
    # The path and the header field are the OA's own credentials: they are looked for in bodies.
    assert spilled.desk.of("alert.raised")
    for request in spilled.oa.requests + spilled.desk.requests:
        told = json.loads(request["body"])
        assert spilled.needles.but(*TOLD).found_in(json.dumps(told)) == set()
        for text in told["data"].get("feedback", {}).get("texts", []):
            text["text"] = ""
        assert spilled.needles.found_in(json.dumps(told)) == set()


def test_no_refusal_echoes_a_canary(spilled: Spilled) -> None:
    assert len(spilled.answers) > 20
    told = ((f"{answer.status}", json.dumps([answer.json, dict(answer.headers)])) for answer in spilled.answers)
    assert leaks(spilled.needles, told) == []


def test_the_api_shows_no_canary_but_the_words(spilled: Spilled) -> None:
    api = spilled.world.api
    deliveries = api.pages("/v1/deliveries", {})
    shown = [api.call("GET", f"/v1/deliveries/{one['id']}").json for one in deliveries]
    assert any(attempt["answer"] for one in shown for attempt in one["attempts"])
    lists = [api.call("GET", f"/v1/{name}").json for name in ("connections", "endpoints", "rules", "tickets")]
    ticket = api.call("GET", f"/v1/tickets/{spilled.ticket}").json
    assert leaks(spilled.needles, (("API", json.dumps(one)) for one in [*shown, *lists, ticket])) == []
    voice_ = api.call("GET", f"/v1/feedback/{spilled.feedback}").json
    assert spilled.needles.found_in(json.dumps(voice_)) == set(TOLD)


# --- the search can find --------------------------------------------------------------------------------------------


def test_the_search_finds_the_words_in_the_feedback_row(spilled: Spilled) -> None:
    rows = search.rows(spilled.world.stack, spilled.world.workspace)
    assert "FB FB: words" in leaks(spilled.needles, rows)


@pytest.mark.parametrize("text", SPELLED)
def test_the_search_finds_a_number_in_any_spelling(text: str) -> None:
    import base64

    needles = Needles({"words": WORDS}, {"phone": PHONE})
    inner = json.dumps({"text": f"打 {text}"})
    assert needles.found_in(f"call {text} now") == {"phone"}
    assert needles.found_in(json.dumps(inner)) == {"phone"}
    assert needles.found_in(base64.b64encode(inner.encode()).decode()) == {"phone"}
    assert needles.found_in(json.dumps({"text": WORDS})) == {"words"}
    assert needles.found_in(f"{text[:-1]}") == set()
