"""The what–why–who graph over HTTP on the engine: the way of a ticket, and causes that people add or teach."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra import client
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

CASES = 8  # closed with one cause are enough to turn the order; twenty in tests/unit/test_graph.py
PARCEL = [{"text": "包裹破损", "speaker": "customer"}]  # one department: the case has no parts that close first
TOPIC = "logistics.damage"


def closed_with(world: World, ticket: str, cause: str) -> None:
    """Work a ticket to its end, whoever else moves it meanwhile."""
    while (seen := world.api.call("GET", f"/v1/tickets/{ticket}").json)["state"] != "closed":
        to = {"open": "accepted", "accepted": "resolved", "resolved": "verifying", "verifying": "closed"}[seen["state"]]
        given = {"root_cause": "thin carton", "action": "sent another", "cause": cause} if to == "resolved" else {}
        answer = world.api.call(
            "POST", f"/v1/tickets/{ticket}/transitions", {"to": to, "version": seen["version"], **given}
        )
        assert answer.status in (200, 409), answer.json


def causes_of(world: World, topic: str = TOPIC) -> Any:
    (found,) = world.api.call("GET", "/v1/graph", query={"topic": topic, "lang": "en"}).json["topics"]
    return found


def test_closed_cases_turn_the_order_of_the_causes_and_it_says_why(world: World, oa: Oa) -> None:
    world.endpoint(oa)
    connection = world.connect("canonical")
    before = [one["id"] for one in causes_of(world)["causes"]]
    heard = [
        world.heard(connection["hook_url"], client.canonical(voice(texts=PARCEL), connection["secret"]))
        for _ in range(CASES)
    ]
    tickets = [world.settled(one, "ticketed")["ticket"] for one in heard]

    first = world.api.call("GET", f"/v1/tickets/{tickets[0]}", query={"lang": "en"}).json
    assert [first["path"][0][end]["kind"] for end in ("from", "to")] == ["topic", "cause"]
    assert [one["reason"] for one in first["path"]] == ["prior", "mends", "frame", "own", "asks"]
    assert first["path"][0]["to"]["id"] == before[0]
    refused = world.api.call(
        "POST", f"/v1/tickets/{tickets[0]}/transitions", {"to": "accepted", "version": 1, "cause": "gremlins"}
    )
    assert (refused.status, refused.json["code"], refused.json["pointer"]) == (422, "unknown_cause", "/cause")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: closed_with(world, one, before[-1]), tickets))
    learned = wait_for(lambda: found if (found := causes_of(world))["closed"] == CASES else None, "all are counted")
    top = learned["causes"][0]
    assert (top["id"], top["closed"], top["before"]) == (before[-1], CASES, before[:-1])
    assert f"{CASES} of {CASES} closed since {learned['since'][:10]}" in top["why"]
    tried = world.api.call("POST", "/v1/try", {"texts": PARCEL, "scores": voice()["scores"]}).json
    assert (tried["path"][0]["reason"], tried["path"][0]["to"]["id"]) == ("learned", before[-1])

    again = world.api.call("GET", f"/v1/tickets/{tickets[1]}").json
    assert (again["cause"], again["history"][-1]["to"]) == (before[-1], "closed")
    reopened = world.api.call(
        "POST",
        f"/v1/tickets/{tickets[1]}/transitions",
        {"to": "reopened", "version": again["version"], "reason": "it came back"},
    )
    assert (reopened.status, reopened.json["cause"]) == (200, None)
    wait_for(lambda: causes_of(world)["closed"] == CASES - 1, "the reopened one counts no more")
    told = wait_for(lambda: [one for one in oa.events if one["type"] == "ticket.opened"], "the OA heard")
    assert told[0]["data"]["path"][0]["reason"] == "prior"


def test_a_workspace_adds_a_cause_of_its_own(world: World) -> None:
    own = {
        "version": 0,
        "causes": [
            {
                "id": "wet_lane",
                "names": {"zh-CN": "雨季积水", "en": "Wet season"},
                "department": "logistics",
                "terms": ["雨"],
            }
        ],
        "topics": {TOPIC: [{"cause": "wet_lane", "weight": 90}, {"cause": "packing", "weight": 10}]},
    }
    made = world.api.call("PUT", "/v1/graph/causes", own)
    assert (made.status, made.json["version"]) == (200, 1), made.json
    assert world.api.call("PUT", "/v1/graph/causes", own).json["code"] == "version_conflict"
    wrong = {**own, "version": 1, "topics": {"nowhere": [{"cause": "packing", "weight": 1}]}}
    assert world.api.call("PUT", "/v1/graph/causes", wrong).json["code"] == "unknown_topic"
    assert world.api.call("GET", "/v1/graph/causes", query={"version": "1"}).json == made.json
    assert [one["id"] for one in causes_of(world)["causes"]] == ["wet_lane", "packing"]
    whole = world.api.call("GET", "/v1/graph").json
    assert (whole["own"], TOPIC in [one["topic"] for one in whole["topics"]]) == (1, True)
