"""A fix is declared, customers stop complaining, and it is accepted; then they complain again. Over HTTP, but for the
clock: due rows of weeks from now are put on the queue as the sweep would.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.domain.reading.rollup import Bucket, hour_of
from chalicelib.storage import keys
from chalicelib.storage.due import DueRow
from chalicelib.storage.reading.buckets import BucketStore
from chalicelib.storage.table import Row, bind
from infra import client
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

UNIT = "SH/001"
BASELINE = 14  # days, with one complaint each


def hear(world: World, connection: Any, *, days_ago: int, count: int, score: int) -> None:
    """``count`` complaints about a parcel, each a day after the other."""
    noon = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(days=days_ago)

    def send(number: int) -> None:
        at = (noon + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = voice(
            occurred_at=at,
            unit=UNIT,
            customer={"id": f"C-{days_ago}-{number}"},
            texts=[{"text": "包裹破损"}],
            scores=[{"kind": "nps", "value": score, "scale": [0, 10]}],
        )
        world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send, range(count)))


def being_fixed(world: World, **scope: Any) -> Any:
    """An L1 issue about damaged parcels, on which somebody works."""
    made = world.api.made(
        "/v1/issues",
        {
            "title": "包裹破损",
            "level": "L1",
            "definition": "外箱太薄",
            "scope": {"topics": ["logistics.damage"], **scope},
        },
    )
    for state in ("open", "accepted", "fixing"):
        if made["state"] != state:
            moved = world.api.call(
                "POST", f"/v1/issues/{made['id']}/transitions", {"to": state, "version": made["version"]}
            )
            assert moved.status == 200, moved.json
            made = moved.json
    return made


def clock_strikes(world: World, **message: Any) -> None:
    """What the sweep does with a due row at its minute."""
    url = world.stack.facts["queues"]["cases"]
    body = json.dumps({"workspace": world.workspace} | message)
    world.stack.clients("sqs").send_message(QueueUrl=url, MessageBody=body)


def state_of(world: World, issue: Any) -> Any:
    return world.api.call("GET", f"/v1/issues/{issue['id']}").json["state"]


def test_a_fix_is_accepted_by_what_customers_say_and_taken_back_when_they_complain_again(world: World) -> None:
    connection = world.connect("canonical")
    today = datetime.now(timezone(timedelta(hours=8))).date()  # the workspace's, which is Shanghai's
    on = today - timedelta(days=35)
    hear(world, connection, days_ago=35 + BASELINE, count=BASELINE, score=10)
    issue = being_fixed(world, units=[UNIT])
    path = f"/v1/issues/{issue['id']}/effect"

    terms = {"on": on.isoformat(), "expected": 0.9, "baseline_days": BASELINE, "controls": []}
    far = world.api.call("POST", f"/v1/issues/{issue['id']}/fixed", {**terms, "on": today.isoformat(), "version": 1})
    assert (far.status, far.json["code"]) == (409, "version_conflict")
    days = [(on - timedelta(days=number)).isoformat() for number in range(-33, 20)]
    items = [{"unit": UNIT, "day": day, "count": 400} for day in days]
    kept = world.api.call("PUT", "/v1/exposure", {"items": items})
    assert (kept.status, kept.json) == (200, {"kept": len(days)})
    shown = world.api.call("GET", "/v1/exposure", query={"unit": UNIT, "since": days[-1], "until": days[0]})
    assert shown.json["items"] == sorted(items, key=lambda one: str(one["day"]))

    fixed = world.api.call("POST", f"/v1/issues/{issue['id']}/fixed", {**terms, "version": issue["version"]})
    assert (fixed.status, fixed.json["state"]) == (200, "fixed"), fixed.json
    assert fixed.json["effect"]["claim"]["excluded"][0]["last"] == today.isoformat()
    wait_for(
        lambda: world.api.call("GET", path).json["before"]["complaints"] == BASELINE or None, "all complaints counted"
    )
    clock_strikes(world, kind="effect", issue=issue["id"], reopened=0)
    wait_for(lambda: state_of(world, issue) == "closed" or None, "the accepted fix")
    verdict = world.api.call("GET", path).json
    assert (verdict["verdict"], verdict["basis"], verdict["after"]["complaints"]) == ("accepted", "exposure", 0)
    assert (verdict["called"]["zh-CN"], verdict["judged_at"] is None) == ("验收通过", False)
    assert verdict["interval"][1] < 1

    hear(world, connection, days_ago=0, count=1, score=2)
    hear(world, connection, days_ago=6, count=6, score=2)
    wait_for(lambda: len(world.tickets()) >= 7 or None, "tickets of what came back")

    def returned() -> bool | None:
        clock_strikes(world, kind="recurrence", issue=issue["id"])
        return state_of(world, issue) == "reopened" or None

    wait_for(returned, "the issue that came back")
    history = world.api.call("GET", f"/v1/issues/{issue['id']}").json["history"]
    last = [one for one in history if one["from"] == "closed"][-1]
    assert (last["to"], last["actor"], last["numbers"]["expected"]) == ("reopened", "echoloop", 0.0)
    assert last["numbers"]["complaints"] >= 5


def next_part(world: World, issue: Any, after: str) -> Any:
    """The message of the due row that goes on behind a unit, None as long as there is none."""
    now = datetime.now(timezone.utc)
    key = f"effect#{world.workspace}#{issue['id']}#{after}"
    for minute in range(-1, 3):
        pk = keys.due(keys.minute(now + timedelta(minutes=minute)), keys.shard(key, keys.DUE_SHARDS))
        for row in DueRow.query(pk, DueRow.sk == key, consistent_read=True):
            return row.doc
    return None


def test_a_fix_at_more_units_than_can_be_counted_at_once_is_counted_in_parts(world: World) -> None:
    units = [f"u{number:03}" for number in range(301)]
    document = json.dumps({"units": dict.fromkeys(units)}).encode()
    headers = {"Authorization": f"Bearer {world.api.key}", "Content-Type": "application/json"}
    assert client.send("PUT", f"{world.stack.api_url}/v1/organisation", document, headers).status == 200
    made = being_fixed(world)
    today = datetime.now(timezone(timedelta(hours=8))).date()
    terms = {"on": today.isoformat(), "version": made["version"], "controls": []}
    fixed = world.api.call("POST", f"/v1/issues/{made['id']}/fixed", terms)
    assert (fixed.status, fixed.json["state"], fixed.json["effect"]["reason"]) == (200, "fixed", "counting"), fixed.json
    shown = world.api.call("GET", f"/v1/issues/{made['id']}/effect")
    assert (shown.status, shown.json) == (200, fixed.json["effect"])

    before, shared = Row.Meta.table_name, Row.shared_client
    bind(world.stack.facts["table"], world.stack.clients("dynamodb"))
    try:
        for days in range(60):
            hour = hour_of(datetime.now(timezone.utc) - timedelta(days=days))
            counts = {"n": 1, "topics": {"logistics.damage": {"negative": 1}}}
            for unit in (units[0], units[-1]):
                BucketStore().write(Bucket(world.workspace, unit, hour), counts, 1)
        clock_strikes(world, kind="effect", issue=made["id"], reopened=0)
        # The first of fifty are the voices of no unit. Parts in the middle, of units without a voice, are left out.
        part = wait_for(lambda: next_part(world, made, units[48]), "the first part of the count")
        baseline, trigger, on = 28, 7, 1
        assert sum(part["count"]["treated"]["events"].values()) == baseline + trigger + on
        clock_strikes(world, **{**part, "count": {**part["count"], "after": units[252]}})
    finally:
        Row.Meta.table_name, Row.shared_client = before, shared
    looked = wait_for(
        lambda: (
            shown if (shown := world.api.call("GET", f"/v1/issues/{made['id']}/effect").json)["counted_at"] else None
        ),
        "the numbers",
    )
    assert (looked["reason"], looked["before"]["complaints"], looked["judged_at"]) == ("waiting", 56, None)
