"""What a platform's API tells, over the deployed stack: thin and unproved events are read again, gaps are found."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import pytest

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.outbound.exchange import HttpResponse
from chalicelib.storage.table import Row, bind
from chalicelib.storage.workspaces.directory import DirectoryStore
from infra import client
from infra.local import Stack
from tests.fakes.survey_apis import JiandaoyunApi, JinshujuApi, answer, serving
from tests.integration.world import World, wait_for

pytestmark = pytest.mark.engine

JINSHUJU = {
    "scores": [{"path": "/entry/field_1", "kind": "nps"}],
    "texts": [{"path": "/entry/field_3", "question": "原因"}],
    "attributes": {"form": "/form_name"},
}
JIANDAOYUN = {
    "scores": [{"path": "/data/_widget_1", "kind": "nps"}],
    "texts": [{"path": "/data/_widget_2", "question": "原因"}],
}
WORDS = "包裹破损，客服没有回应"


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entry(number: int, **changes: Any) -> dict[str, Any]:
    made = now()
    return {
        "serial_number": number, "field_1": 2, "field_3": WORDS, "created_at": made, "updated_at": made, **changes
    }  # fmt: skip


def push(hook_url: str, payload: Any) -> str:
    """What Jinshuju sends; the id that the hook answers."""
    sent = client.jinshuju(payload).post(hook_url)
    assert sent.status == 202, (sent.status, sent.json)
    return str(sent.json["id"])


@pytest.fixture
def jinshuju() -> Iterator[tuple[JinshujuApi, str]]:
    platform = JinshujuApi()
    with serving(platform.send) as url:
        yield platform, url


def connected(world: World, url: str, **settings: Any) -> Any:
    """A connection to the fake Jinshuju."""
    return world.connect(
        "jinshuju",
        mapping=JINSHUJU,
        settings={"api_host": url, "form": "ABC123", **settings},
        credentials={"api_key": "key", "api_secret": "secret"},
    )


def polled(stack: Stack, world: World, connection: str) -> Any:
    """Have the run that is due start now instead of in a minute or two; the state when it has ended."""

    def state() -> Any:
        return world.api.call("GET", f"/v1/connections/{connection}").json["polling"]

    before = wait_for(state, "the poller's state")
    message = {"kind": "poll", "workspace": world.workspace, "connection": connection, "at": before["next_at"]}
    stack.clients("sqs").send_message(QueueUrl=stack.facts["queues"]["fetches"], MessageBody=json.dumps(message))

    def ended() -> Any:
        after = state()
        over = after["next_at"] != before["next_at"] and after["ran_at"] != before["ran_at"]
        came_to = [name for name in ("error", "reached_at") if after[name] != before[name]]  # known at its end alone
        return after if over and came_to else None

    return wait_for(ended, "the end of the run")


def test_no_ticket_opens_on_a_push_that_the_platform_does_not_confirm(
    world: World, stack: Stack, jinshuju: tuple[JinshujuApi, str]
) -> None:
    platform, url = jinshuju
    made = connected(world, url, refetch=True)
    platform.entries.append(entry(1, field_1=9, field_3="服务很好"))

    forged = {"form": "ABC123", "form_name": "forged", "entry": entry(1, field_3="烫伤了")}
    pushed = push(made["hook_url"], forged)

    seen = wait_for(lambda: world.feedback(pushed), "the feedback as the API tells it")
    assert [text["text"] for text in seen["texts"]] == ["服务很好"]
    assert seen["attributes"] == {"form": "售后满意度"}
    assert world.tickets() == []
    assert platform.calls == ["GET /api/v1/forms/ABC123/entries/1"]

    # A hook whose record is older than the setting: the body reaches the inbox, and is sent round all the same.
    platform.entries.append(entry(2))
    body = {"v": 1, **_message(world, made["id"], {"form": "ABC123", "entry": {"serial_number": 2, "field_1": 10}})}
    stack.clients("sqs").send_message(QueueUrl=stack.facts["queues"]["inbox"], MessageBody=json.dumps(body))
    wait_for(lambda: len(world.tickets()) == 1, "the ticket of what the API told")
    assert len(world.all_feedback()) == 2


def _message(world: World, connection: str, payload: Any) -> dict[str, Any]:
    arrival = Arrival(json.dumps(payload).encode(), datetime.now(timezone.utc), {"content-type": "application/json"})
    return Envelope(world.workspace, connection, "jinshuju", "fb_hook", "ev_hook", arrival).to_message()


SURVEY = {
    "pages": [
        {
            "questions": [
                {
                    "id": "2001",
                    "family": "open_ended",
                    "subtype": "essay",
                    "headings": [{"heading": "原因"}],
                    "answers": {},
                }
            ]
        }
    ]
}


def test_thin_events_and_limits_delay_a_voice_and_lose_none(
    world: World, stack: Stack, jinshuju: tuple[JinshujuApi, str]
) -> None:
    """One API (contracts §1.2) lags behind its own event and answers 404; the other (§1.11) is asked too often."""
    platform, busy = jinshuju
    limited = connected(world, busy, refetch=True)
    platform.trouble = [answer(429, {}, {"Retry-After": "1"})]
    platform.entries.append(entry(7))
    waiting = push(limited["hook_url"], {"form": "ABC123", "form_name": "x", "entry": platform.entries[0]})
    asked: list[str] = []
    answers = [{"id": "2001", "answers": [{"text": WORDS}]}]
    response = {
        "id": "901", "survey_id": "77", "response_status": "completed", "collection_mode": "default",
        "date_created": now(), "date_modified": now(), "pages": [{"id": "1", "questions": answers}],
    }  # fmt: skip

    def send(method: str, path: str, headers: Mapping[str, str], _: bytes) -> HttpResponse:
        asked.append(path)
        assert (method, headers["Authorization"]) == ("GET", "Bearer CANARY-token")
        if len(asked) == 1:
            return answer(404, {"error": {"id": "1020"}})
        return answer(200, SURVEY if path == "/v3/surveys/77/details" else response)

    made = world.connect("surveymonkey", secret="client&secret", credentials={"access_token": "CANARY-token"})
    event = {
        "event_type": "response_completed", "event_id": "1", "object_type": "response", "object_id": "901",
        "resources": {"survey_id": "77"},
    }  # fmt: skip
    with serving(send) as url:
        _answered_by(stack, world, made["id"], url)
        raw = json.dumps(event).encode()
        proof = base64.b64encode(hmac.digest(b"client&secret", raw, "sha1")).decode()
        webhook = client.Signed(raw, {"sm-signature": proof, "content-type": "application/json"})
        pushed = world.heard(made["hook_url"], webhook)
        seen = wait_for(lambda: world.feedback(pushed), "the whole response", 60)
        assert [(text["question"], text["text"]) for text in seen["texts"]] == [("原因", WORDS)]
        wait_for(lambda: world.feedback(waiting), "the voice behind the limit", 60)
        assert world.heard(made["hook_url"], webhook) == pushed  # a retry of the platform
        wait_for(lambda: len(asked) >= 5, f"a second reading {asked}")
        time.sleep(1)
    assert (len(world.all_feedback()), world.feedback(pushed)["revision"], platform.trouble) == (2, 1, [])


def _answered_by(stack: Stack, world: World, connection: str, url: str) -> None:
    """Its settings name the platform's own hosts alone: the row is changed behind the API's back."""
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    DirectoryStore().update_connection(world.workspace, connection, settings={"api_host": url})
    Row.Meta.table_name, Row.shared_client = before, shared


def test_what_was_pushed_and_polled_is_one_feedback(
    world: World, stack: Stack, jinshuju: tuple[JinshujuApi, str]
) -> None:
    platform, url = jinshuju
    made = connected(world, url, poll_minutes=5)
    platform.entries += [entry(number) for number in range(1, 7)]
    first = {"form": "ABC123", "form_name": "售后满意度", "entry": platform.entries[0]}
    pushed = push(made["hook_url"], first)
    world.settled(pushed, "ticketed")

    state = polled(stack, world, made["id"])

    assert (state["error"], state["found"], state["every_minutes"]) == (None, 6, 5)
    wait_for(lambda: len(world.all_feedback()) == 6, "all that was never pushed")
    push(made["hook_url"], {**first, "entry": platform.entries[5]})  # late, after the poll
    wait_for(lambda: len(world.tickets()) == 6, "one ticket each")
    polled(stack, world, made["id"])
    time.sleep(1)
    seen = world.all_feedback()
    assert (len(seen), len(world.tickets())) == (6, 6)
    assert {one["revision"] for one in map(world.feedback, (pushed,))} == {1}


def test_a_poller_shows_what_the_platform_refuses_and_goes_on_when_it_is_mended(world: World, stack: Stack) -> None:
    platform = JiandaoyunApi()
    made_at = now()
    platform.entries.append(
        {"_id": "6543210fedcba98765432100", "_widget_1": 1, "_widget_2": WORDS,
         "createTime": made_at, "updateTime": made_at}
    )  # fmt: skip
    with serving(platform.send) as url:
        made = world.connect(
            "jiandaoyun",
            mapping=JIANDAOYUN,
            settings={"api_host": url, "app_id": "app1", "entry_id": "form1", "poll_minutes": 5,
                      "poll_since": "2026-01-01T00:00:00Z"},
            credentials={"api_key": "k-1"},
        )  # fmt: skip
        one = f"/v1/connections/{made['id']}"
        platform.too_fast()
        assert polled(stack, world, made["id"])["error"] == "vendor_limit"
        assert world.all_feedback() == []
        assert polled(stack, world, made["id"])["error"] is None
        (seen,) = wait_for(world.all_feedback, "what the poll found")
        assert [text["text"] for text in world.feedback(seen["id"])["texts"]] == [WORDS]
        assert world.api.call("DELETE", one).status == 200
        assert world.api.call("GET", one).status == 404
