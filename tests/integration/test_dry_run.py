"""A draft rule over HTTP on the engine: what its dry run counts is what comes of the same voices under the rule."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.domain.reading.dry_run import PAGE
from chalicelib.domain.voice.feedback import Decision
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.storage.table import Row, bind
from chalicelib.storage.voice.feedback import FeedbackStore
from infra import client
from tests.builders import feedback
from tests.fakes.oa import Oa
from tests.integration.world import World, new_world, voice, wait_for

pytestmark = pytest.mark.engine

HAPPY = [{"kind": "nps", "value": 10, "scale": [0, 10]}]
KINDS = (
    voice(texts=[{"text": "包裹破损", "speaker": "customer"}]),
    voice(texts=[{"text": "包裹破损", "speaker": "customer"}], scores=HAPPY),
    voice(texts=[{"text": "包裹破损，客服没有回应", "speaker": "customer"}]),
    voice(texts=[{"text": "质量不错", "speaker": "customer"}], scores=HAPPY),
)
TIMES = 4
SILENT = PAGE - 3 * TIMES  # voices of which nothing comes, written as they are kept: so the run has two pages
RULE = {
    "name": "damage",
    "when": {"tag": {"topic": "logistics.damage", "polarity": "negative"}},
    "then": ["ticket", "alert"],
    "severity": "high",
}


def say(world: World, *times: int) -> None:
    """Each kind of voice so many times, and wait for all of them."""
    connection = world.connect("canonical")
    bodies = [
        {**kind, "id": f"R-{number}-{place}"}
        for place, (kind, often) in enumerate(zip(KINDS, times, strict=True))
        for number in range(often)
    ]
    with ThreadPoolExecutor(4) as pool:
        heard = pool.map(
            lambda body: world.heard(connection["hook_url"], client.canonical(body, connection["secret"])), bodies
        )
        assert len(set(heard)) == len(bodies)
    wait_for(lambda: len(world.all_feedback()) == len(bodies), "all are heard")


def keep_silent(world: World) -> None:
    """Voices of which nothing comes, in the table as ``enrich`` leaves them."""
    now = datetime.now(timezone.utc)
    quiet: dict[str, Any] = {
        "texts": (),
        "scores": (Score("nps", 10, 0, 10),),
        "classes": {"nps": "promoter"},
        "understanding": Understanding(),
        "decision": Decision(),
        "awaiting": frozenset(),
        "awaiting_since": None,
    }
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(world.stack.facts["table"], world.stack.clients("dynamodb"))
    try:
        store = FeedbackStore(keep_days=90, clock=lambda: now)
        for number in range(SILENT):
            at = now - timedelta(minutes=number)
            named = {"workspace": world.workspace, "id": f"fb_{number}", "response_key": f"S-{number}"}
            store.create(feedback(**named, received_at=at, occurred_at=at, **quiet))
    finally:
        Row.Meta.table_name, Row.shared_client = before, shared


def dry_run(world: World, change: Any) -> Any:
    """A run at its end."""
    made = world.api.call("POST", "/v1/dry-runs", {"days": 1, "change": change})
    assert made.status == 202, made.json

    def probe() -> Any:
        found = world.api.call("GET", f"/v1/dry-runs/{made.json['id']}").json
        return found if found["state"] != "running" else None

    found = wait_for(probe, "the run is over")
    assert (found["state"], found["reason"]) == ("done", None)
    return found


def test_a_draft_rule_counts_what_comes_of_it_and_does_nothing(world: World, oa: Oa) -> None:
    endpoint = world.endpoint(oa)
    say(world, TIMES, TIMES, TIMES, 1)
    keep_silent(world)
    before = wait_for(lambda: found if len(found := world.tickets()) == 2 * TIMES else None, "tickets are there")

    li = {"name": "Li", "posts": ["*:logistics"], "channels": {"feishu": "ou_li"}}
    there = world.api.call(
        "PUT", "/v1/organisation", {"version": 0, "time_zone": "Asia/Shanghai", "people": {"li": li}}
    )
    assert there.status == 200, there.json
    app = {"app_id": "cli_a", "app_secret": "s"}
    chat = {"default_assignees": ["oc_shop"]}
    world.endpoint(oa, connector="feishu_app", events=["ticket.verified"], credentials=app, settings=chat)

    run = dry_run(world, {"rules": {"put": [RULE]}})
    for column in (run["now"], run["then"]):
        codes = column["total"]["codes"]
        assert codes >= column["owner"]["li"] > 0
        assert (column["told"], column["channel"]) == ({"li": codes}, {"feishu": codes})
    assert run["difference"]["total"]["codes"] == TIMES
    assert run["now"]["total"]["feedback"] == 3 * TIMES + 1 + SILENT > PAGE
    assert run["now"]["total"]["tickets"] == len(before)
    assert run["now"]["severity"] == dict(Counter(one["severity"] for one in before))
    assert run["now"]["endpoint"] == {endpoint["id"]: run["now"]["total"]["messages"]}
    assert run["difference"]["total"]["tickets"] == TIMES
    assert [one["id"] for one in world.tickets()] == [one["id"] for one in before], "nothing was opened"
    issues = wait_for(lambda: world.api.call("GET", "/v1/issues").json["items"], "eight alike are an issue")
    topics = [topic for one in issues for topic in one["scope"]["topics"]]
    assert (run["now"]["total"]["issues"], run["now"]["issue"]) == (len(issues), dict(Counter(topics)))
    assert "what_follows_from_issues" in run["left_out"]
    assert world.api.call("GET", "/v1/dry-runs").json["items"][0]["id"] == run["id"]

    real = new_world(world.stack)
    assert real.api.call("POST", "/v1/rules", RULE).status == 200
    say(real, 1, 1, 1, 1)
    opened = wait_for(lambda: found if len(found := real.tickets()) == 3 else None, "the rule opens them")
    assert run["then"]["severity"] == {
        severity: number * TIMES for severity, number in Counter(one["severity"] for one in opened).items()
    }
    alerts = run["then"]["total"]["alerts"] + run["then"]["total"]["alerts_swallowed"]
    assert (alerts, run["now"]["total"]["alerts"]) == (3 * TIMES, 0)
