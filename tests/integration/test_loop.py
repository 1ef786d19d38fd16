"""A week from outside: voices, tickets, a customer's word, a bounce; what the API says of it and what Monday sends.

Due rows are put on the queue as the sweep would: no test waits for Monday.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from infra import client
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

SHANGHAI = timezone(timedelta(hours=8))
UNIT = '上海/"一"店'  # the table looks for it in a text that holds it escaped
KEPT = {"root_cause": "thin carton", "action": "sent another"}


def hear(world: World, connection: Any, unit: str, **changes: Any) -> str:
    body = voice(unit=unit, **changes)
    return world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))


def move(world: World, ticket: str, *states: str) -> None:
    version = world.api.call("GET", f"/v1/tickets/{ticket}").json["version"]
    for state in states:
        body = {"to": state, "version": version, "reason": "not ours", **(KEPT if state == "resolved" else {})}
        answer = world.api.call("POST", f"/v1/tickets/{ticket}/transitions", body)
        assert answer.status == 200, answer.json
        version = answer.json["version"]


def strike(world: World, **message: Any) -> None:
    """What the sweep does with a due row at its minute."""
    url, body = world.stack.facts["queues"]["cases"], json.dumps({"workspace": world.workspace, **message})
    world.stack.clients("sqs").send_message(QueueUrl=url, MessageBody=body)


def behind(world: World, number: Mapping[str, Any]) -> set[str]:
    """What the link of a number lists, in pages of two; it is as many as the number says, and none twice."""
    parts, found, cursor = urlsplit(number["feedback"]), [], None
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = world.api.call("GET", parts.path, query={**query, "limit": 2, **more})
        assert answer.status == 200, answer.json
        found += [one["id"] for one in answer.json["items"]]
        cursor = answer.json["cursor"]
        if not cursor:
            assert len(found) == number["count"] == len(set(found)), (number, found)
            return set(found)


def test_a_week_is_counted_and_each_number_leads_to_its_voices(world: World, oa: Oa) -> None:
    made = world.endpoint(oa, events=["loop.week"])
    connection = world.connect("canonical")
    week = "{}-W{:02d}".format(*datetime.now(SHANGHAI).isocalendar())
    unhappy = [hear(world, connection, UNIT, customer={"id": f"C-{number}"}) for number in range(3)]
    other = hear(world, connection, UNIT + "铺", customer={"id": "C-9"})
    calm = {"scores": [{"kind": "nps", "value": 8, "scale": [0, 10]}], "texts": [{"text": "还行"}]}
    quiet = hear(world, connection, UNIT, customer={"id": "C-8"}, **calm)
    tickets = [world.settled(one, "ticketed")["ticket"] for one in (*unhappy, other)]
    world.settled(quiet, "new")

    for ticket in tickets[:2]:
        move(world, ticket, "accepted", "resolved")
    for ticket, answer in zip(tickets, ("solved", "not_solved"), strict=False):
        done = world.api.call("POST", f"/v1/tickets/{ticket}/verification", {"answer": answer})
        assert done.status == 200, done.json
    move(world, tickets[2], "accepted", "open", "accepted", "open")

    def counted() -> Any:
        numbers = world.api.call("GET", "/v1/loop", query={"week": week}).json["numbers"]
        return numbers if all(numbers[name]["count"] for name in ("verified", "reopened", "bounced")) else None

    numbers = wait_for(counted, "what happened to the tickets")
    assert {name: behind(world, number) for name, number in numbers.items()} == {
        "heard": {*unhappy, other, quiet},
        "answered": {*unhappy, other},
        "ticketed": {*unhappy, other},
        "verified": {unhappy[0]},
        "reopened": {unhappy[1]},
        "bounced": {unhappy[2]},
    }
    shop = world.api.call("GET", "/v1/loop", query={"week": week, "unit": UNIT}).json
    assert behind(world, shop["numbers"]["heard"]) == {*unhappy, quiet}
    assert behind(world, shop["numbers"]["answered"]) == set(unhappy)
    assert behind(world, shop["numbers"]["bounced"]) == {unhappy[2]}
    assert (shop["times"]["closing"]["cases"], shop["complete"]) == (3, True)

    for _ in range(2):
        strike(world, kind="loop", unit=None, week=week)
    told = wait_for(lambda: oa.of("loop.week"), "Monday's event")[0]["data"]["loop"]
    assert {name: one["count"] for name, one in told["numbers"].items()} == {
        name: one["count"] for name, one in numbers.items()
    }

    wrong = world.api.call("POST", "/v1/digests", {"endpoint": made["id"], "topics": ["nope.topic"], "every": "day"})
    assert (wrong.status, wrong.json["code"]) == (422, "unknown_topic")
    digest_at = (datetime.now(timezone.utc) + timedelta(minutes=1)).isoformat(timespec="seconds")
    topics = world.api.made(
        "/v1/digests", {"endpoint": made["id"], "topics": ["logistics", "product.fit"], "every": "day"}
    )
    tomorrow = world.api.made("/v1/digests", {"endpoint": made["id"], "unanswered": True, "every": "day"})
    assert world.api.call("GET", "/v1/digests").json["items"] == [topics, tomorrow]
    for one in (topics, topics, tomorrow):
        strike(world, kind="digest", digest=one["id"], slot=digest_at)
    digest = wait_for(lambda: oa.of("digest.ready"), "the digest")[0]["data"]["digest"]
    assert (digest["digest_id"], [one["name"] for one in digest["counts"]]) == (topics["id"], ["logistics"])
    assert behind(world, digest["counts"][0]) == {*unhappy, other}
    assert world.api.call("DELETE", f"/v1/digests/{tomorrow['id']}").status == 200
    assert [len(oa.of(name)) for name in ("loop.week", "digest.ready")] == [1, 1]
