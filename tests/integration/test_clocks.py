"""Promises over HTTP: a case is reminded of and goes up the line, each once; a deadline waits for its calendar."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from chalicelib.storage import keys
from chalicelib.storage.cases.clock_rows import ProvisionalRow
from chalicelib.storage.cases.sla import ProvisionalStore
from chalicelib.storage.due import DueStore
from chalicelib.storage.table import Row, bind
from infra import client
from infra.demo.desk import FEISHU, serve
from infra.demo.feishu import CHAT, MANAGER
from infra.local import Stack
from tests.fakes.oa import Oa
from tests.integration.world import World, swept, voice, wait_for

pytestmark = pytest.mark.engine

OFFICE = """\
units:
  cn/sh/001: {calendar: none, hours: daily 24h}
  cn/sh/002: {hours: "mon-fri 09:00-12:00,13:30-18:00"}
people:
  li.na: {posts: ["cn/sh/001:logistics"], superior: zhang.san}
  zhang.san: {posts: ["*:logistics"], channels: {feishu: %s}}
"""
APP = {name: f"{name}-of-the-clocks" for name in ("app_id", "app_secret", "encrypt_key", "verification_token")}
ALWAYS = {"first_response": 0.02, "resolution": 0.04}  # seconds, so that a test can wait for them
EVENTS = ["ticket.reminded", "ticket.escalated"]


@pytest.fixture
def table(stack: Stack) -> Iterator[str]:
    """The rows, as the functions see them."""
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    yield stack.facts["table"]
    Row.Meta.table_name, Row.shared_client = before, shared


def office(world: World, promises: dict[str, Any]) -> None:
    headers = {"authorization": f"Bearer {world.api.key}", "content-type": "application/yaml"}
    answer = client.send("PUT", f"{world.stack.api_url}/v1/organisation", (OFFICE % MANAGER).encode(), headers)
    assert answer.status == 200, answer.json
    severities = dict.fromkeys(("low", "medium", "high", "critical"), promises)
    body = {"version": 0, "reminder": 0.5, "severities": severities}
    answer = world.api.call("PUT", "/v1/sla", body)
    assert answer.status == 200, answer.json


def ticket(world: World, ticket_id: str) -> Any:
    return world.api.call("GET", f"/v1/tickets/{ticket_id}").json


def complain(world: World, unit: str) -> Any:
    """The ticket of a bad voice about a parcel."""
    connection = world.made.get("connection") or world.connect("canonical")
    world.made["connection"] = connection
    body = voice(unit=unit, texts=[{"text": "包裹破损"}])
    heard = world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))
    return ticket(world, world.settled(heard, "ticketed")["ticket"])


def alarm(one: Any) -> dict[str, Any]:
    """The message that lies in the table for a ticket's next alarm."""
    now = datetime.now(timezone.utc).replace(second=0, microsecond=0)
    store = DueStore(lambda: now)
    for minute in range(-1, 4):
        for item in store.take(now + timedelta(minutes=minute)):
            if item.key.startswith(f"clock#{one['id']}"):
                return dict(item.body)
    pytest.fail("no alarm was written with the ticket")


def come_due(world: World, *messages: dict[str, Any]) -> None:
    """Their minute has come, and the sweep comes by. The schedule may be faster than we are."""
    now = datetime.now(timezone.utc)
    past = DueStore(lambda: now - timedelta(minutes=2))
    for number, message in enumerate(messages):
        past.add(now - timedelta(minutes=1), "cases", message, key=f"clock#{message['ticket']}#{number}")
    assert swept(world.stack)


def tell_cases(world: World, *messages: dict[str, Any]) -> None:
    """As the sweep does once a day, or when other calendars have come."""
    url = world.stack.facts["queues"]["cases"]
    for message in messages:
        world.stack.clients("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message))


@pytest.fixture
def chat(world: World, tmp_path: Path) -> Iterator[str]:
    """Where Feishu is, which an app of the company's speaks to."""
    (tmp_path / "endpoint.json").write_text(json.dumps({"feishu": APP}), "utf-8")
    server = serve(tmp_path, 0)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    desk = f"http://127.0.0.1:{server.server_address[1]}"
    wanted = {"name": "Feishu", "workspace": world.workspace, "connector": "feishu_app", "url": desk + FEISHU}
    settings = {"receiver_type": "chat_id", "default_assignees": [CHAT]}
    world.api.made("/v1/endpoints", {**wanted, "events": EVENTS, "credentials": APP, "settings": settings})
    yield desk
    server.shutdown()
    server.server_close()


def test_a_case_is_reminded_of_and_goes_up_the_line_each_once_however_often_it_is_told(
    world: World, oa: Oa, table: str, chat: str
) -> None:
    office(world, ALWAYS)
    world.endpoint(oa, events=EVENTS)
    one = complain(world, "cn/sh/001")
    assert (one["owner"], one["clocks"]["row"], one["clocks"]["policy"]) == ("li.na", "medium", 1)
    assert one["due_at"] == one["clocks"]["resolution"]["due_at"] > one["clocks"]["first_response"]["due_at"]
    message = alarm(one)
    time.sleep(2.5)
    come_due(world, message, message, message)

    def over() -> Any:
        found = ticket(world, one["id"])
        clocks = (found["clocks"]["first_response"], found["clocks"]["resolution"])
        return found if all(each["escalated_at"] for each in clocks) else None

    after = wait_for(over, "both promises broken and told")
    assert (after["owner"], after["escalated_to"], after["state"]) == ("li.na", ["zhang.san"], "open")
    for each in (after["clocks"]["first_response"], after["clocks"]["resolution"]):
        assert each["breached_at"] == each["due_at"]
        assert each["reminded_at"] is not None
    lines = [str(line["reason"]).partition(",")[0] for line in after["history"][1:]]
    assert Counter(lines) == Counter(
        f"{what}: {name}" for what in ("reminder", "breach") for name in ("first_response", "resolution")
    )
    wait_for(lambda: len(oa.events) == 4 or None, "four messages")
    told = Counter(event["type"] for event in oa.events)
    assert told == {"ticket.reminded": 2, "ticket.escalated": 2}
    (whisper,) = wait_for(lambda: client.send("GET", f"{chat}/whispers.json").json, "who stands above is told")
    assert "已上报给您" in whisper["text"]
    page = client.send("GET", whisper["text"].rpartition(" ")[2])
    assert page.status == 200, "with a link to the page"


def test_the_owner_is_told_once_what_a_resolution_over_there_lacks(world: World, oa: Oa, chat: str) -> None:
    office(world, {"resolution": 600})
    made = world.endpoint(oa, events=["ticket.opened", "ticket.resolved"])
    one = complain(world, "cn/sh/002")
    assert one["owner"] == "zhang.san"
    wait_for(lambda: told(chat, "验证码"), "the owner's code")

    def resolve(version: int, **words: str) -> Any:
        data = {"ticket_id": one["id"], "external_id": "OA-1", "status": "resolved", "version": version, **words}
        body = {"type": "ticket.status_changed", "data": data}
        return client.canonical(body, made["secret"]).post(made["callback_url"]).json["code"]

    assert [resolve(1), resolve(1), resolve(2)] == ["ok", "duplicate", "echo"]
    (whisper,) = wait_for(lambda: told(chat, "还缺：根本原因、采取的措施"), "the owner is told what is missing")
    page = client.send("GET", whisper.rpartition(" ")[2])
    assert page.status == 200, "with a link to the page"
    assert resolve(3, root_cause="thin carton") == "ok"
    (shown,) = wait_for(lambda: oa.of("ticket.resolved"), "the OA heard of it")
    assert world.stack.drain(30), "still under way"
    assert len(told(chat, "还缺")) == 1, "neither a repetition nor half of the words is another resolution"
    assert (ticket(world, one["id"])["incomplete"], shown["data"]["ticket"]["id"]) == (True, one["id"])


def told(chat: str, words: str) -> list[str]:
    """What Feishu told the one person, of messages with these words."""
    return [one["text"] for one in client.send("GET", f"{chat}/whispers.json").json or [] if words in one["text"]]


def test_waiting_for_the_customer_stops_the_clock_and_a_word_to_them_begins_the_next(world: World) -> None:
    office(world, {"first_response": 60, "next_update": 120, "resolution": 600})
    one = complain(world, "cn/sh/001")
    path, version = f"/v1/tickets/{one['id']}", one["version"]
    for state in ("accepted", "in_progress"):
        moved = world.api.call("POST", f"{path}/transitions", {"to": state, "version": version}).json
        version = moved["version"]
    assert moved["clocks"]["first_response"]["met_at"] is not None, "the answer shows the clocks of the move"
    told = world.api.call("POST", f"{path}/updates", {"version": version, "reason": "rang them"}).json
    assert told["clocks"]["next_update"]["due_at"] > moved["clocks"]["next_update"]["due_at"]
    waiting = {"to": "waiting_customer", "version": told["version"]}
    waits = world.api.call("POST", f"{path}/transitions", waiting).json
    assert (waits["due_at"], waits["clocks"]["next_update"]) == (None, None)
    assert 599 < waits["clocks"]["resolution"]["left_minutes"] <= 600
    on = world.api.call("POST", f"{path}/transitions", {"to": "in_progress", "version": waits["version"]}).json
    assert on["due_at"] > one["due_at"]


def test_a_deadline_in_a_year_to_come_is_provisional_and_looked_at_when_calendars_come(
    world: World, table: str
) -> None:
    office(world, {"resolution": 400_000})
    query = {"unit": "cn/sh/002", "since": "2026-02-13T08:30:00Z", "minutes": "480"}
    counted = world.api.call("GET", "/v1/sla/deadline", query=query).json
    assert counted == {"due_at": "2026-02-14T09:00:00Z", "provisional": False, "unpublished": []}
    one = complain(world, "cn/sh/002")
    years = one["clocks"]["resolution"]["unpublished"]
    assert (one["clocks"]["resolution"]["provisional"], bool(years)) == (True, True)
    store, place = ProvisionalStore(), keys.shard(one["id"], keys.PROVISIONAL_SHARDS)
    assert (world.workspace, one["id"]) in store.waiting(place, f"CN#{years[0]}", limit=1000)
    # As if it had waited for a year that is published by now.
    ProvisionalRow(*keys.provisional(world.workspace, one["id"], "CN#2026")).save()
    assert store.next_mark(place) == "CN#2026"
    tell_cases(world, {"kind": "recount"})
    wait_for(lambda: not store.waiting(place, "CN#2026", limit=10) or None, "nobody waits for a year that has come")
    assert ticket(world, one["id"])["version"] == one["version"], "no deadline rested on it"
