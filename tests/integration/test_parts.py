"""Cases over HTTP on the engine: one that is divided among two departments, one of whose parts has no ticket, one that
goes up the line, duplicates."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest

from chalicelib.storage import keys
from chalicelib.storage.cases.ticket_rows import TicketRow
from chalicelib.storage.due import DueStore
from chalicelib.storage.table import Row, bind
from infra import client
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

THREE: Final = "包裹破损，物流太慢，客服没有回应"  # two about the parcel, one about the service
PEOPLE: Final = """\
triage: customer_service
units:
  SH/001: {name: 一店}
people:
  log: {name: 李, posts: ["*:logistics"], superior: boss}
  cs: {name: 王, posts: ["*:customer_service"], superior: boss}
  boss: {name: 张}
"""


def put_people(world: World) -> None:
    headers = {"authorization": f"Bearer {world.api.key}", "content-type": "application/yaml"}
    taken = client.send("PUT", f"{world.stack.api_url}/v1/organisation", PEOPLE.encode(), headers)
    assert taken.status == 200, taken.json


def opened(world: World, connection: Any, text: str) -> Any:
    body = voice(texts=[{"text": text, "speaker": "customer"}])
    heard = world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))
    return told(world, world.settled(heard, "ticketed")["ticket"])


def told(world: World, ticket: str) -> Any:
    return world.api.call("GET", f"/v1/tickets/{ticket}").json


def reaches(world: World, ticket: str, what: str, holds: Callable[[Any], bool]) -> Any:
    def probe() -> Any:
        found = told(world, ticket)
        return found if holds(found) else None

    return wait_for(probe, what)


def do(world: World, ticket: str, what: str, status: int = 200, **body: Any) -> Any:
    """Against the newest version, and again where something else that followed was written in between."""
    while True:
        wanted = {"version": told(world, ticket)["version"], **body}
        answer = world.api.call("POST", f"/v1/tickets/{ticket}/{what}", wanted)
        if answer.json.get("code") != "version_conflict":
            assert answer.status == status, answer.json
            return answer.json


def listed(world: World, **query: str) -> list[str]:
    return [one["id"] for one in world.api.call("GET", "/v1/tickets", query=query).json["items"]]


def test_a_case_of_two_departments_is_worked_on_apart_and_ends_together(world: World, oa: Oa) -> None:
    world.endpoint(oa, settings={"split": "departments"})
    put_people(world)
    case = opened(world, world.connect("canonical"), THREE)
    parts = {one["part"]: one["id"] for one in case["children"]}
    assert case["parts"] == list(parts) == ["logistics", "customer_service"]
    assert [one["owner"] for one in case["children"]] == ["log", "cs"]
    assert listed(world, parent=case["id"]) == list(parts.values())
    assert wait_for(lambda: listed(world), "the case in the list") == [case["id"]]
    wait_for(lambda: parts["logistics"] in listed(world, department="logistics"), "the part in its department's list")

    for part in parts.values():
        do(world, part, "transitions", to="accepted")
        do(world, part, "transitions", to="resolved", root_cause="thin carton", action="sent another")
    done = reaches(world, case["id"], "the case resolved by its parts", lambda one: one["state"] == "resolved")
    assert (done["root_cause"], done["incomplete"], done["history"][-1]["actor"]) == ("thin carton", False, "echoloop")
    do(world, case["id"], "transitions", to="verifying")
    assert do(world, case["id"], "transitions", to="closed")["state"] == "closed"
    assert {world.api.call("GET", f"/v1/tickets/{one}").json["state"] for one in parts.values()} == {"closed"}
    do(world, case["id"], "transitions", to="reopened", reason="not at all")
    for part in parts.values():
        again = reaches(world, part, "the part taken up with the case", lambda one: one["state"] == "reopened")
        assert again["history"][-1]["implied"]

    do(world, case["id"], "transitions", to="in_progress")
    do(world, case["id"], "transitions", to="resolved", root_cause="thin carton", action="called")
    for part in parts.values():
        with_it = reaches(world, part, "the part resolved with the case", lambda one: one["state"] == "resolved")
        assert (with_it["action"], with_it["history"][-1]["implied"]) == ("called", True)
    wait_for(lambda: [one for one in oa.events if one["type"] == "ticket.reopened"], "the OA heard of the parts")
    assert {one["data"]["ticket"]["id"] for one in oa.events} == set(parts.values())


def test_the_third_bounce_goes_to_the_superior(world: World, oa: Oa) -> None:
    world.endpoint(oa, events=["ticket.escalated"])
    put_people(world)
    ticket = opened(world, world.connect("canonical"), "包裹破损")["id"]
    for department in ("customer_service", "logistics", "customer_service"):
        do(world, ticket, "reassign", department=department, reason="not ours")
    up = reaches(world, ticket, "the superior", lambda one: one["owner"] == "boss")
    assert (up["bounces"], [line["reason"] for line in up["history"]].count("bounced 3 times: to boss")) == (3, 1)
    assert set(up["queues"]) == {"logistics", "customer_service"}
    wait_for(lambda: [one for one in oa.events if one["type"] == "ticket.escalated"], "the escalation")


def test_a_duplicate_is_merged_and_taken_out_again(world: World) -> None:
    connection = world.connect("canonical")
    first, second = (opened(world, connection, "包裹破损") for _ in range(2))
    merged = do(world, second["id"], "duplicate", of=first["id"], reason="told twice")
    assert (merged["state"], told(world, first["id"])["links"][0]["kind"]) == ("merged", "has_duplicate")
    do(world, second["id"], "duplicate/undo", reason="another parcel")
    for before in (first, second):
        after = told(world, before["id"])
        same = {name for name, value in before.items() if after[name] != value}
        moved = {"version", "history", "updated_at", "queues", "customer"}
        assert same <= (moved if before is second else {"queues", "customer"})


def test_whoever_has_a_case_is_told_of_a_part_that_could_not_be_opened_until_it_is(world: World, oa: Oa) -> None:
    world.endpoint(oa, events=["ticket.escalated"])
    put_people(world)
    case = opened(world, world.connect("canonical"), THREE)
    logistics, service = (one["id"] for one in case["children"])
    look = lost(world, service, case["id"])
    for state in ("accepted", "resolved"):
        do(world, logistics, "transitions", to=state, root_cause="thin carton", action="sent another")
    began = reaches(world, case["id"], "the case as far as its part", lambda one: one["state"] == "in_progress")
    assert (began["unopened"], [one["part"] for one in began["children"]]) == ([], ["logistics"])

    send(world, "cases", look)
    alone = reaches(world, case["id"], "the owner told", lambda one: one["unopened"])
    assert (alone["state"], alone["unopened"]) == ("in_progress", ["customer_service"])
    assert alone["history"][-1]["reason"] == "no ticket could be opened for customer_service: told log"
    heard = wait_for(lambda: [one for one in oa.events if one["type"] == "ticket.escalated"], "the escalation")
    assert heard[0]["data"]["ticket"]["id"] == case["id"]

    send(world, "tickets", {"detail": {"workspace": world.workspace, "feedback_id": case["feedback"]}})
    whole = reaches(world, case["id"], "the part opened after all", lambda one: not one["unopened"])
    assert [one["part"] for one in whole["children"]] == ["logistics", "customer_service"]


def test_a_case_is_not_closed_over_a_part_without_a_ticket_until_whoever_tries_was_told(world: World) -> None:
    case = opened(world, world.connect("canonical"), THREE)
    lost(world, case["children"][1]["id"], case["id"])
    for state in ("accepted", "resolved", "verifying"):
        do(world, case["id"], "transitions", to=state, root_cause="thin carton", action="sent another")
    refused = do(world, case["id"], "transitions", 409, to="closed")
    missing = case["children"][1]["part"]
    assert (refused["code"], refused["detail"]) == (
        "children_open",
        f"Parts of this case are not closed: {missing} (no ticket yet).",
    )
    closed = do(world, case["id"], "transitions", to="closed")
    assert (closed["state"], closed["unopened"]) == ("closed", [missing])


def send(world: World, queue: str, body: dict[str, Any]) -> None:
    url = world.stack.facts["queues"][queue]
    world.stack.clients("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))


def lost(world: World, part: str, case: str) -> dict[str, Any]:
    """As if the part's opening had died for good; the message that was written to look for it."""
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(world.stack.facts["table"], world.stack.clients("dynamodb"))
    try:
        TicketRow.get(*keys.ticket(world.workspace, part)).delete()
        now = datetime.now(timezone.utc)
        found = [
            dict(item.body)
            for minute in range(57, 63)
            for item in DueStore(lambda: now).take(now + timedelta(minutes=minute))
            if item.body.get("kind") == "parts" and item.body.get("ticket") == case
        ]
    finally:
        Row.Meta.table_name, Row.shared_client = before, shared
    (look,) = found
    return look
