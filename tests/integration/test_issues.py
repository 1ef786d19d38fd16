"""The recurring topic becomes an L2 issue over HTTP on the engine: opened by itself, defined, accepted by somebody with
a say, put on another level, merged and split; and the insight that led to it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.storage.due import DueStore
from chalicelib.storage.table import Row, bind
from infra import client
from infra.client import Answer, Api
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

OFFICE = """\
units:
  SH: {{name: 上海}}
  SH/001: {{name: 一店, type: shop}}
  SH/002: {{name: 二店, type: shop}}
  SH/K1: {{name: 报刊亭, type: kiosk}}
people:
  li: {{name: 李, posts: ["*:quality"], authority: ["can_change:warehouse"], key: {li}}}
  wang: {{name: 王, posts: ["*:logistics"], authority: ["can_change:packaging"], key: {wang}}}
"""
EVENTS = ["issue.opened", "issue.updated"]


def api_of(world: World, role: str) -> tuple[Api, str]:
    made = world.api.made("/v1/keys", {"workspace": world.workspace, "role": role})
    return Api(world.stack.api_url, made["key"]), made["id"]


def staffed(world: World) -> tuple[Api, Api]:
    """The organisation, and the keys of its two people: without and with a say in packaging."""
    (li, li_key), (wang, wang_key) = api_of(world, "analyst"), api_of(world, "analyst")
    headers = {"authorization": f"Bearer {world.api.key}", "content-type": "application/yaml"}
    document = OFFICE.format(li=li_key, wang=wang_key).encode()
    taken = client.send("PUT", f"{world.stack.api_url}/v1/organisation", document, headers)
    assert taken.status == 200, taken.json
    return li, wang


def complain(world: World, connection: Any, unit: str, text: str = "包裹破损") -> str:
    """The ticket of a voice with a low score, about a damaged parcel."""
    body = voice(unit=unit, customer=None, texts=[{"text": text, "speaker": "customer"}])
    heard = world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))
    return str(wait_for(lambda: (world.feedback(heard) or {}).get("ticket"), "a ticket"))


def issue(world: World, issue_id: str) -> Any:
    return world.api.call("GET", f"/v1/issues/{issue_id}").json


def post(api: Api, issue_id: str, what: str, **body: Any) -> Answer:
    return api.call("POST", f"/v1/issues/{issue_id}/{what}", body)


def without_time(shown: Any) -> str:
    """All that is shown of an issue but its version, when that was, and the history."""
    return json.dumps(
        {name: value for name, value in shown.items() if name not in ("version", "updated_at", "history")}
    )


def test_five_cases_become_an_l2_issue_that_only_somebody_with_a_say_accepts(world: World, oa: Oa) -> None:
    world.endpoint(oa, events=EVENTS)
    li, wang = staffed(world)
    connection = world.connect("canonical")
    elsewhere = complain(world, connection, "SH/K1")
    tickets = [complain(world, connection, unit) for unit in ("SH/001", "SH/002", "SH/001", "SH/002", "SH/001")]

    listed = wait_for(lambda: world.api.call("GET", "/v1/issues").json["items"], "an issue")
    path = listed[0]["id"]
    made = wait_for(lambda: (one := issue(world, path)) and len(one["cases"]) == 5 and one, "five cases linked")
    assert sorted(case["id"] for case in made["cases"]) == sorted(tickets)
    assert (made["level"], made["state"], made["origin"], made["owner"]) == ("L2", "triage", "recurrence", "wang")
    assert (made["scope"]["unit_kind"], made["evidence"][0]["numbers"]["tickets"]) == ("shop", 5)
    assert made["title"].endswith(" · shop")
    assert " · 门店 / " in made["title"]

    def linked() -> Any:
        found = [world.api.call("GET", f"/v1/tickets/{one}").json for one in tickets]
        return found if all(one["issue"] == path for one in found) else None

    assert {one["level"] for one in wait_for(linked, "every ticket knows its issue")} == {"L2"}
    assert world.api.call("GET", f"/v1/tickets/{elsewhere}").json["issue"] is None

    later = complain(world, connection, "SH/002")
    wait_for(lambda: world.api.call("GET", f"/v1/tickets/{later}").json["issue"] == path, "the sixth is linked too")

    assert post(wang, path, "transitions", to="open", version=1).json["code"] == "definition_missing"
    facts = {
        "version": 1,
        "definition": "Parcels arrive damaged",
        "process": "packaging",
        "plan": "weigh",
        "analyst": "li",
    }
    assert wang.call("PATCH", f"/v1/issues/{path}", facts).status == 200
    assert post(wang, path, "transitions", to="open", version=2).status == 200
    refused = post(li, path, "transitions", to="accepted", version=3)
    assert (refused.status, refused.json["code"]) == (403, "no_authority")
    studied = post(wang, path, "decision", decision="study", version=3, reason="three shops first")
    assert (studied.status, studied.json["state"], studied.json["version"]) == (200, "studying", 5)
    assert [line["version"] for line in issue(world, path)["history"]] == [1, 2, 3, 4, 5]

    wait_for(lambda: {event["type"] for event in oa.events} == set(EVENTS), "the OA heard of the issue")
    told = next(event for event in oa.events if event["type"] == "issue.opened")["data"]["issue"]
    assert (told["issue_id"], told["level"], told["unit_kind"]) == (path, "L2", "shop")


def test_nobody_comes_round_the_say_in_a_process_and_a_wrong_one_is_put_right(world: World) -> None:
    li, wang = staffed(world)
    facts = {"level": "L2", "definition": "d", "plan": "p", "analyst": "li"}
    bound, other = (
        world.api.made("/v1/issues", {**facts, "title": name, "process": name})["id"]
        for name in ("packaging", "warehouse")
    )
    assert post(li, bound, "transitions", to="open", version=1).status == 200

    ways = (
        li.call("PATCH", f"/v1/issues/{bound}", {"version": 2, "process": "warehouse"}),
        post(li, bound, "promote", to="L1", version=2, reason="small"),
        post(li, bound, "merge", into=other, version=2),
        post(li, bound, "transitions", to="accepted", version=2),
    )
    assert [(one.status, one.json["code"]) for one in ways] == [(403, "no_authority")] * 4

    renamed = wang.call("PATCH", f"/v1/issues/{bound}", {"version": 2, "process": "warehouse"})
    back = world.api.call("PATCH", f"/v1/issues/{bound}", {"version": 3, "process": "packaging"})
    assert ((renamed.status, renamed.json["process"]), back.status) == ((200, "warehouse"), 200)
    assert [line["version"] for line in issue(world, bound)["history"]] == [1, 2, 3, 4]
    assert post(wang, bound, "transitions", to="accepted", version=4).json["state"] == "accepted"


def test_merge_split_levels_and_links_by_hand(world: World) -> None:
    connection = world.connect("canonical")
    ticket = complain(world, connection, "SH/001")
    one, two = (
        world.api.made("/v1/issues", {"title": title, "level": "L1", "definition": "d"})["id"] for title in ("a", "b")
    )
    assert post(world.api, one, "links", tickets=[ticket]).status == 200
    assert post(world.api, two, "links", tickets=[ticket]).json["code"] == "already_linked"
    assert [case["id"] for case in world.api.pages(f"/v1/issues/{one}/links", {"limit": "1"})] == [ticket]
    before = [without_time(issue(world, each)) for each in (one, two)]
    merged = post(world.api, one, "merge", into=two, version=1, reason="the same").json
    assert (merged["state"], merged["merged_into"]) == ("merged", two)
    assert [case["issue"] for case in issue(world, two)["cases"]] == [one]
    assert post(world.api, one, "split", version=2).status == 200
    assert [without_time(issue(world, each)) for each in (one, two)] == before

    assert post(world.api, one, "promote", to="L3", version=3, reason="the contract").json["level"] == "L3"
    message = waiting(world, one)
    world.stack.clients("sqs").send_message(
        QueueUrl=world.stack.facts["queues"]["cases"], MessageBody=json.dumps(message)
    )
    wait_for(lambda: world.api.call("GET", f"/v1/tickets/{ticket}").json["level"] == "L3", "the ticket is on its level")

    gone = world.api.call("DELETE", f"/v1/issues/{one}/links/{ticket}")
    assert (gone.status, issue(world, one)["cases"]) == (200, [])
    assert world.api.call("GET", f"/v1/tickets/{ticket}").json["level"] == "L1"
    pages = world.api.pages("/v1/issues", {"limit": "1"})
    assert {each["id"] for each in pages} == {one, two}


def waiting(world: World, issue_id: str) -> dict[str, Any]:
    """The message that lies in the table and brings an issue's tickets to its level."""
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(world.stack.facts["table"], world.stack.clients("dynamodb"))
    try:
        now = datetime.now(timezone.utc)
        store = DueStore(lambda: now)
        for minute in range(-1, 4):
            for item in store.take(now + timedelta(minutes=minute)):
                if item.body.get("issue") == issue_id:
                    return dict(item.body)
    finally:
        Row.Meta.table_name, Row.shared_client = before, shared
    pytest.fail("no message was written with the level")


def test_an_insight_needs_an_owner_and_a_decision_and_the_policy_has_versions(world: World) -> None:
    made = world.api.made("/v1/insights", {"title": "Rain doubles damage", "evidence": ["chart 7"]})
    path = f"/v1/insights/{made['id']}"
    assert world.api.call("POST", f"{path}/archive", {"version": 1}).json["code"] == "owner_missing"
    world.api.call("POST", f"{path}/owner", {"version": 1, "owner": "li"})
    assert world.api.call("POST", f"{path}/archive", {"version": 2}).json["code"] == "decision_missing"
    world.api.call("POST", f"{path}/decision", {"version": 2, "decision": "decline", "reason": "one wet week"})
    assert world.api.call("POST", f"{path}/archive", {"version": 3}).json["state"] == "archived"
    world.api.made("/v1/insights", {"title": "Another"})
    assert [one["state"] for one in world.api.pages("/v1/insights", {"limit": "1"})] == ["open", "archived"]

    put = world.api.call("PUT", "/v1/issue-policy", {"version": 0, "count": 8, "days": 14})
    assert (put.status, put.json["version"]) == (200, 1)
    assert world.api.call("PUT", "/v1/issue-policy", {"version": 0}).json["code"] == "version_conflict"
    assert world.api.call("GET", "/v1/issue-policy").json == put.json


def test_praise_with_a_low_score_is_no_complaint_that_recurs(world: World) -> None:
    connection = world.connect("canonical")
    praised = [complain(world, connection, "SH/001", "物流很快") for _ in range(5)]
    slow = [complain(world, connection, "SH/001", "快递太慢了") for _ in range(5)]

    (found,) = wait_for(lambda: world.api.call("GET", "/v1/issues").json["items"], "an issue")
    made = wait_for(lambda: (one := issue(world, found["id"])) and len(one["cases"]) >= 5 and one, "five cases linked")

    assert sorted(case["id"] for case in made["cases"]) == sorted(slow)
    first = world.api.call("GET", f"/v1/tickets/{praised[0]}").json
    assert (first["issue"], first["topics"]) == (None, made["scope"]["topics"]), "it is about the same"
    assert "cause" not in {step["to"]["kind"] for step in first["path"]}
