"""The customer is asked through an endpoint, answers on a page, and has the last word: over HTTP on the engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import pytest

from infra import client
from tests.fakes.oa import Oa
from tests.integration.world import TICKET_EVENTS, World, voice, wait_for

pytestmark = pytest.mark.engine

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EVENTS = [*TICKET_EVENTS, "ticket.verified", "verification.asked"]


def resolved(world: World) -> Any:
    """A ticket of a new voice, resolved by hand."""
    connection = world.connect("canonical")
    heard = world.heard(connection["hook_url"], client.canonical(voice(), connection["secret"]))
    path = f"/v1/tickets/{world.settled(heard, 'ticketed')['ticket']}"
    for state in ("accepted", "resolved"):
        move(world, path, state)
    return path


def move(world: World, path: str, state: str) -> None:
    version = world.api.call("GET", path).json["version"]
    body = {"to": state, "version": version, "root_cause": "thin carton", "action": "sent another"}
    answer = world.api.call("POST", f"{path}/transitions", body)
    assert answer.status == 200, answer.json


def comes_to(world: World, path: str, is_there: Callable[[Any], bool]) -> Any:
    def probe() -> Any:
        found = world.api.call("GET", path).json
        return found if is_there(found) else None

    return wait_for(probe, f"the state of {path}")


def press(url: str, answer: str, words: str = "") -> int:
    return client.send("POST", url, urlencode({"answer": answer, "words": words}).encode(), FORM).status


def test_the_customer_is_asked_and_has_the_last_word(world: World, oa: Oa) -> None:
    made = world.endpoint(oa, events=EVENTS)
    # At night nobody is asked, and this runs at night too.
    policy = world.api.call("GET", "/v1/contact-policy").json
    calm = world.api.call("PUT", "/v1/contact-policy", {"version": policy["version"], "quiet": None})
    assert calm.status == 200, calm.json
    path = resolved(world)

    asked = wait_for(lambda: oa.of("verification.asked"), "the question")[0]["data"]["verification"]
    assert asked["question"] == asked["questions"]["zh-CN"]
    assert asked["lang"] == "zh-CN"
    told = world.api.call("GET", path).json
    assert (told["state"], told["answer_by"]) == ("verifying", asked["answer_by"])
    assert client.send("GET", asked["url"] + "?answer=solved").status == 200
    assert world.api.call("GET", path).json["version"] == told["version"], "who looks answers nothing"

    assert press(asked["url"], "solved", "好了，我的手机 13987254361") == 200, "sent back to the page"
    assert press(asked["url"], "solved") == 200
    assert [press(asked["url"], "solved", words) for words in ("谁都可以写", "谁都可以写")] == [200, 200]
    done = world.api.call("GET", path).json
    assert (done["state"], done["verification"], done["history"][-1]["actor"]) == ("closed", "satisfied", "customer")
    assert done["version"] == told["version"] + 1
    notes = world.api.call("GET", f"{path}/notes").json["items"]
    assert [(one["by"], one["text"]) for one in notes] == [
        ("customer", "好了，我的手机 〔手机号〕"),
        ("customer", "谁都可以写"),
    ]
    wait_for(lambda: oa.of("ticket.verified") and oa.of("ticket.closed"), "the OA heard of it")

    changed = {"type": "verification.answered", "data": {"ticket_id": done["id"], "answer": "not_solved"}}
    back = client.canonical(changed, made["secret"]).post(made["callback_url"])
    assert (back.status, back.json["status"], back.json["ticket"]["state"]) == (200, "applied", "reopened")
    assert press(asked["url"], "solved") == 409, "a changed answer only reopens"

    for state in ("in_progress", "resolved"):
        move(world, path, state)
    second = wait_for(lambda: oa.of("verification.asked")[1:], "the question about the second try")[0]["data"]
    assert second["verification"]["url"] != asked["url"]
    assert press(asked["url"], "not_solved") == 409, "that was another resolution"
    by_key = world.api.call("POST", f"{path}/verification", {"answer": "solved"})
    assert (by_key.status, by_key.json["verification"], by_key.json["state"]) == (200, "satisfied", "closed")
    assert press(second["verification"]["url"], "solved") == 200
    request = next(one for one in oa.requests if b"verification.asked" in one["body"])
    assert b"13987254361" not in request["body"]


def test_where_nobody_is_asked_the_wait_ends_without_a_word(world: World, stack: Any) -> None:
    path = resolved(world)
    rules = world.api.call("PUT", "/v1/verification", {"version": 0, "wait_days": 1, "change_days": 0})
    assert (rules.status, rules.json["version"]) == (200, 1)
    assert world.api.call("PUT", "/v1/verification", {"version": 0}).status == 409
    message = {
        "kind": "verification",
        "workspace": world.workspace,
        "ticket_id": path.rpartition("/")[2],
        "number": 0,
        "until": (datetime.now(timezone.utc) - timedelta(minutes=1)).isoformat(),
    }
    url, body = stack.facts["queues"]["cases"], json.dumps(message)
    for _ in range(2):
        stack.clients("sqs").send_message(QueueUrl=url, MessageBody=body)
    done = comes_to(world, path, lambda found: found["state"] == "closed")
    assert (done["verification"], [one["to"] for one in done["history"]][-2:]) == ("not_asked", ["verifying", "closed"])
    late = world.api.call("POST", f"{path}/verification", {"answer": "solved"})
    assert (late.status, late.json["code"]) == (409, "answer_late")
