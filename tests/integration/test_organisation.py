"""An organisation is imported, a bad voice comes in, and the right person has the ticket; or who stands in for them."""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.storage.due import DueStore
from chalicelib.storage.table import Row, bind
from infra import client
from infra.client import Answer, Api
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

TEXT = """\
triage: customer_service
units:
  cn: {{name: 中国}}
  cn/sh: {{name: 上海}}
  cn/sh/001: {{name: 上海一店, type: shop, hours: daily 10:00-22:00, calendar: none}}
people:
  li.na:
    name: 李娜
    posts: [cn/sh:logistics]
    deputies: wang.wei
    absent: {absent}
    channels: {{phone: 13800138000, wecom: li.na}}
  wang.wei: {{name: 王伟, channels: {{email: wang@example.com}}}}
  zhang.san: {{name: 张三, posts: ["*:customer_service", "*:logistics"], channels: {{feishu: zs}}}}
"""


def put(world: World, text: str, path: str = "/v1/organisation", kind: str = "application/yaml") -> Answer:
    headers = {"authorization": f"Bearer {world.api.key}", "content-type": kind}
    return client.send("PUT", world.stack.api_url + path, text.encode(), headers)


def text_of(api: Api, path: str, accept: str) -> str:
    """An answer that is no JSON."""
    headers = {"authorization": f"Bearer {api.key}", "accept": accept}
    request = urllib.request.Request(api.base + path, headers=headers)  # noqa: S310 - our own engine
    with urllib.request.urlopen(request) as response:  # noqa: S310 - likewise
        assert response.headers["content-type"].startswith(accept)
        return str(response.read().decode("utf-8-sig"))


def complain(world: World, connection: Any, unit: str | None) -> Any:
    """The ticket of a bad voice about a parcel."""
    body = voice(texts=[{"text": "包裹破损"}], unit=unit)
    heard = world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))
    return world.api.call("GET", f"/v1/tickets/{world.settled(heard, 'ticketed')['ticket']}").json


def test_the_person_who_is_answerable_has_the_ticket_and_the_deputy_while_they_are_away(world: World, oa: Oa) -> None:
    world.endpoint(oa)
    connection = world.connect("canonical")
    taken = put(world, TEXT.format(absent=""))
    assert (taken.status, taken.json["version"], taken.json["errors"]) == (200, 1, 0), taken.json
    assert taken.json["proved"] == taken.json["pairs"]

    ticket = complain(world, connection, "cn/sh/001")
    assert (ticket["departments"][0], ticket["owner"]) == ("logistics", "li.na")
    assert complain(world, connection, "jp/001")["owner"] == "zhang.san"
    listed = world.api.call("GET", "/v1/tickets", query={"owner": "li.na"}).json["items"]
    assert [one["id"] for one in listed] == [ticket["id"]]

    today = datetime.now(timezone.utc).date()
    away = f"{today - timedelta(days=1)}/{today + timedelta(days=2)}"
    assert put(world, "version: 1\n" + TEXT.format(absent=away)).json["version"] == 2
    query = {"unit": "cn/sh/001", "topic": "logistics.damage"}
    asked = world.api.call("GET", "/v1/organisation/owner", query=query).json
    assert [step["reason"] for step in asked["path"]] == ["topic", "nobody", "holds", "deputy"]
    assert (asked["owner"], asked["superior"], asked["organisation"]) == ("wang.wei", "zhang.san", 2)
    wait_for(lambda: complain(world, connection, "cn/sh/001")["owner"] == "wang.wei" or None, "the deputy's ticket")


def test_it_goes_out_and_comes_back_in_every_form_and_keeps_its_history(world: World) -> None:
    assert put(world, "version: 4\n").json["code"] == "version_conflict"
    put(world, TEXT.format(absent=""))
    yaml = text_of(world.api, "/v1/organisation", "application/yaml")
    assert "13800138000" in yaml
    assert put(world, yaml).json["version"] == 1
    people = text_of(world.api, "/v1/organisation/people.csv", "text/csv")
    changed = people.replace("wang@example.com", "wang@example.org")
    assert put(world, changed, "/v1/organisation/people.csv?version=1", "text/csv").json["version"] == 2
    units = text_of(world.api, "/v1/organisation/units.csv", "text/csv") + "cn/bj,北京,,,,,,\n"
    assert put(world, units, "/v1/organisation/units.csv?version=2", "text/csv").json["units"] == 4
    shown = world.api.call("GET", "/v1/organisation").json
    assert shown["people"]["wang.wei"]["channels"] == {"email": "wang@example.org"}
    assert world.api.call("GET", "/v1/organisation", query={"version": 1}).json["people"]["wang.wei"] == {
        "name": "王伟"
    }
    history = world.api.call("GET", "/v1/organisation/history").json["items"]
    assert [(one["version"], one["units"], one["people"]) for one in history] == [(3, 4, 3), (2, 3, 3), (1, 3, 3)]

    analyst = Api(world.stack.api_url, world.api.made("/v1/keys", {"role": "analyst"})["key"])
    assert "channels" not in analyst.call("GET", "/v1/organisation").json["people"]["li.na"]
    checked = world.api.call("POST", "/v1/organisation/check").json
    assert (checked["sound"], checked["proved"]) == (True, checked["pairs"])
    assert {one["code"] for one in checked["findings"]} == {"unstaffed"}
    assert world.api.call("GET", "/v1/calendars/CN/2026").json["published"]


def departures(world: World) -> Any:
    """The message that came into the table with the newest version of the organisation."""
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(world.stack.facts["table"], world.stack.clients("dynamodb"))
    try:
        now = datetime.now(timezone.utc)
        minutes = (now + timedelta(minutes=minute) for minute in range(-1, 4))
        found = [item for minute in minutes for item in DueStore(lambda: now).take(minute)]
    finally:
        Row.Meta.table_name, Row.shared_client = before, shared
    return next(dict(item.body) for item in found[::-1] if item.key.startswith(f"departures#{world.workspace}#"))


def test_what_somebody_had_who_is_gone_is_the_next_ones_and_their_code_opens_nothing(world: World) -> None:
    connection = world.connect("canonical")
    put(world, TEXT.format(absent=""))
    ticket = complain(world, connection, "cn/sh/001")
    path = f"/v1/tickets/{ticket['id']}"
    made = world.api.call("POST", f"{path}/codes", {}).json
    assert (ticket["owner"], made["person"]) == ("li.na", "li.na")

    kept, _, after = TEXT.partition("  li.na:")
    people = "  wang.wei:" + after.partition("  wang.wei:")[2]
    taken = put(world, "version: 1\n" + (kept + people).format())

    assert (taken.status, taken.json["version"], taken.json["leaving"]) == (200, 2, 1), taken.json
    form = urlencode({"do": "call", "version": ticket["version"], "code": made["code"]}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    wait_for(lambda: client.send("POST", made["url"], form, kind).status == 403, "the code is over")
    refused = world.api.call("POST", f"{path}/codes", {"person": "li.na"})
    assert (refused.status, refused.json["code"]) == (422, "unknown_person")

    for _ in range(2):
        message = json.dumps(departures(world))
        world.stack.clients("sqs").send_message(QueueUrl=world.stack.facts["queues"]["cases"], MessageBody=message)

    def handed() -> Any:
        found = world.api.call("GET", path).json
        return found if found["owner"] != "li.na" else None

    found = wait_for(handed, "the next in line has it")
    assert (found["owner"], found["state"], found["bounces"]) == ("zhang.san", "open", 0)
    assert found["history"][-1]["reason"] == "li.na is no longer in the organisation: to zhang.san"
    assert world.api.call("POST", f"{path}/codes", {}).json["person"] == "zhang.san"
    assert world.api.call("GET", path).json["version"] == 2, "told twice, it went once"


def test_an_issue_of_somebody_who_is_gone_waits_for_the_first_who_is_answerable(world: World) -> None:
    put(world, TEXT.format(absent=""))
    made = world.api.call("POST", "/v1/issues", {"level": "L2", "title": "破损", "owner": "li.na"}).json
    kept, _, after = TEXT.partition("  li.na:")
    one, _, other = ("  wang.wei:" + after.partition("  wang.wei:")[2]).format().partition("  zhang.san:")

    def hand_on(people: str, version: int) -> None:
        taken = put(world, f"version: {version}\n{kept.format()}{people}")
        assert (taken.status, taken.json["version"]) == (200, version + 1), taken.json
        message = json.dumps(departures(world))
        world.stack.clients("sqs").send_message(QueueUrl=world.stack.facts["queues"]["cases"], MessageBody=message)

    def left() -> list[str]:
        found = world.api.call("POST", "/v1/organisation/check").json["findings"]
        return [finding["person"] for finding in found if finding["code"] == "left_behind"]

    hand_on(one, 1)
    wait_for(lambda: left() == ["li.na"], "nobody is next, and that is said")
    hand_on(f"{one}  zhang.san:{other}", 2)

    def shown() -> Any:
        return world.api.call("GET", f"/v1/issues/{made['id']}").json

    wait_for(lambda: shown()["owner"] == "zhang.san", "the first who is answerable has it")
    assert left() == []
