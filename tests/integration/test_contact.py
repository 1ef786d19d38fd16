"""People with no room for more, customers who want to be left alone, and happy ones as tasks for sales, over HTTP."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from infra import client
from tests.fakes.oa import Oa
from tests.integration.test_organisation import put
from tests.integration.world import TICKET_EVENTS, World, voice, wait_for

pytestmark = pytest.mark.engine

PHONE: Final = "13987254361"
TEXT: Final = """\
triage: care
most_open: 1
people:
  li.na: {posts: ["SH:care", "SH:logistics", "*:sales"], channels: {phone: 13800138000}}
  wang.wei: {posts: ["SH:care", "SH:logistics"], channels: {phone: 13800138001}}
  zhang.san: {posts: ["*:care", "*:logistics"], most_open: 9, channels: {phone: 13800138002}}
units: {SH: {name: 上海}}
"""
HAPPY: Final = {"scores": [{"kind": "nps", "value": 10, "scale": [0, 10]}], "texts": [{"text": "服务很好，谢谢"}]}


def complain(world: World, connection: Any, customer: str) -> Any:
    """The ticket of a bad voice about a parcel."""
    body = voice(texts=[{"text": "包裹破损"}], unit="SH/001", customer={"id": customer})
    heard = world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))
    return world.api.call("GET", f"/v1/tickets/{world.settled(heard, 'ticketed')['ticket']}").json


def test_who_has_as_many_as_may_be_is_passed_over_until_there_is_room(world: World, oa: Oa) -> None:
    world.endpoint(oa)
    connection = world.connect("canonical")
    taken = put(world, TEXT)
    assert taken.status == 200, taken.json
    first = complain(world, connection, "CUST-1")
    second = complain(world, connection, "CUST-2")
    third = complain(world, connection, "CUST-3")
    assert [one["owner"] for one in (first, second, third)] == ["li.na", "wang.wei", "zhang.san"]

    query = {"unit": "SH/001", "department": "logistics"}
    asked = world.api.call("GET", "/v1/organisation/owner", query=query).json
    full = [step for step in asked["path"] if step["reason"] == "full"]
    assert [(step["from"], step["to"]) for step in full] == [("li.na", "wang.wei"), ("wang.wei", "*")]
    assert full[0]["text"]["en"] == "li.na has 1 open tickets, the most is 1: wang.wei is next"

    rejected = {"to": "rejected", "version": first["version"], "reason": "nothing is broken"}
    assert world.api.call("POST", f"/v1/tickets/{first['id']}/transitions", rejected).status == 200
    handed = {"version": second["version"], "owner": "li.na", "reason": "he is free"}
    assert world.api.call("POST", f"/v1/tickets/{second['id']}/reassign", handed).json["owner"] == "li.na"
    assert complain(world, connection, "CUST-4")["owner"] == "wang.wei"
    assert complain(world, connection, "CUST-5")["owner"] == "zhang.san"


def test_two_that_race_for_the_last_slot_have_one_winner_and_td_ends_it(world: World) -> None:
    rest = {"workspace": world.workspace, "phone": f"+86 {PHONE}", "purpose": "survey", "channel": "sms"}
    who = {"attribute": "tier", "values": ["vip"], "others": True}
    cap = {"name": "survey", "most": 1, "days": 30, "purposes": ["survey"], "who": who}
    policy = {"version": 0, "quiet": None, "caps": [cap]}
    assert world.api.call("PUT", "/v1/contact-policy", policy).json["version"] == 1

    def claim(name: str) -> Any:
        return world.api.call("POST", "/v1/contact/claims", {**rest, "claim": name}).json

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(claim, ("a", "b", "c", "d")))
    winner = next(one for one in taken if one["allowed"])
    assert sorted(one["allowed"] for one in taken) == [False, False, False, True], taken
    again = claim(winner["claim"])
    assert (again["allowed"], again["again"]) == (True, True)
    asked = {**rest, "attributes": {"tier": "VIP"}}
    del asked["workspace"]
    assert world.api.call("POST", "/v1/contact", asked).json["allowed"] is True
    skips = world.api.pages("/v1/contact/skips", {"workspace": world.workspace, "limit": "2"})
    assert {one["claim"] for one in skips} == {"a", "b", "c", "d"} - {winner["claim"]}
    assert {(*one["reasons"], one["customer"]) for one in skips} == {("cap_reached", winner["customers"][0])}

    body = {"phone": PHONE, "channel": "sms", "text": "ＴＤ。"}
    assert world.api.call("POST", "/v1/opt-outs/messages", body).json["opted_out"] is True
    query = {"customer": winner["customers"][0], "purpose": "service", "channel": "sms"}
    refused = world.api.call("GET", "/v1/contact", query=query).json
    assert (refused["allowed"], refused["next_at"]) == (False, None)
    assert [one["code"] for one in refused["rules"] if not one["passed"]] == ["opted_out"]
    said = {"phone": PHONE, "channel": "sms", "out": False}
    assert world.api.call("POST", "/v1/opt-outs", said).json["channels"][0]["out"] is False
    assert world.api.call("GET", "/v1/contact", query=query).json["allowed"] is True


def test_td_that_comes_in_through_a_source_opts_out_and_a_slot_goes_back(world: World) -> None:
    connection = world.connect("canonical")
    name = f"CUST-{secrets.token_hex(3)}"
    body = voice(texts=[{"text": "ＴＤ。"}], customer={"id": name, "phone": PHONE})
    world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))

    def opted_out() -> Any:
        answer = world.api.call("GET", "/v1/opt-outs", query={"customer": name}).json["channels"]
        return [(one["channel"], one["out"], one["how"]) for one in answer]

    assert wait_for(opted_out, "the opt-out") == [("sms", True, "message")]
    rest = {"phone": PHONE, "purpose": "service"}
    refused = world.api.call("POST", "/v1/contact/claims", {**rest, "channel": "sms", "claim": "a"}).json
    assert (refused["allowed"], [one["code"] for one in refused["rules"] if not one["passed"]]) == (
        False,
        ["opted_out"],
    )
    assert world.api.call("POST", "/v1/contact/claims", {**rest, "channel": "email", "claim": "b"}).json["allowed"]
    for released in (True, False):
        given = world.api.call("POST", "/v1/contact/claims/release", {"phone": PHONE, "claim": "b"})
        assert (given.status, given.json) == (200, {"claim": "b", "released": released})


def test_a_happy_customer_becomes_a_task_unless_a_case_is_open_or_they_opted_out(world: World, oa: Oa) -> None:
    world.endpoint(oa, events=[*TICKET_EVENTS, "followup.suggested"])
    connection = world.connect("canonical")
    put(world, TEXT)
    consent = {"attribute": "marketing_ok", "values": ["yes"]}
    made = world.api.call("PUT", "/v1/contact-policy", {"version": 0, "consent": consent, "followup_channel": "sms"})
    assert made.status == 200, made.json
    angry, silent, glad, shy = (f"{name}-{secrets.token_hex(3)}" for name in ("angry", "silent", "glad", "shy"))
    complain(world, connection, angry)
    opted = {"phone": PHONE, "channel": "sms", "text": "退订"}
    world.api.call("POST", "/v1/opt-outs/messages", opted)

    def praise(customer: str, **more: Any) -> str:
        body = voice(customer={"id": customer, "phone": PHONE if customer == silent else None}, **HAPPY, **more)
        body["customer"] = {name: value for name, value in body["customer"].items() if value}
        return world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))

    heard = {one: praise(one, attributes={"marketing_ok": "yes"}) for one in (angry, silent, glad)}
    heard[shy] = praise(shy)

    def listed() -> Any:
        items = world.api.pages("/v1/followups", {"workspace": world.workspace})
        return {one["feedback"]: one for one in items} if len(items) == 3 else None

    found = wait_for(listed, "three follow-ups decided")
    told = {one: (found[heard[one]]["state"], found[heard[one]]["reasons"]) for one in (angry, silent, glad)}
    assert told == {
        angry: ("suppressed", ["case_open", "recent_complaint"]),
        silent: ("suppressed", ["opted_out"]),
        glad: ("open", ["builtin-happy"]),
    }
    task = found[heard[glad]]
    assert (task["owner"], task["department"]) == ("li.na", "sales")
    event = wait_for(
        lambda: next((one for one in oa.events if one["type"] == "followup.suggested"), None), "the OA heard of it"
    )
    assert heard[glad] in str(event)
    assert heard[shy] not in found
    path = f"/v1/followups/{task['id']}"
    ended = world.api.call("POST", f"{path}/outcome", {"outcome": "contacted", "note": "will come back"})
    assert (ended.status, ended.json["state"]) == (200, "contacted")
    assert world.api.call("POST", f"{path}/outcome", {"outcome": "dropped"}).json["code"] == "not_open"
    assert world.api.call("GET", path).json["note"] == "will come back"
