"""A workspace changes its code frame: what was printed before is what happens, and every ticket hears of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from chalicelib.understanding import shipped
from infra import client
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

COLD_CHAIN = """\
nodes:
  - id: logistics.cold_chain
    name: {zh-CN: 冷链, en: Cold chain}
    department: cold_chain
    negative: [冰袋全化了]
    positive: [冰袋还冻着]
    tests:
      negative: [冰袋全化了, 收到时冰袋全化了]
      positive: [冰袋还冻着, 到手冰袋还冻着]
      none: [包裹破损]
roles:
  agent: {zh-CN: 客服, en: Agent}
playbooks:
  - topic: logistics.cold_chain
    version: 1
    title: {zh-CN: 冷链断链, en: Cold chain broken}
    steps:
      - {zh-CN: 先退款, en: Refund first}
      - {zh-CN: 查冰袋, en: Check the ice}
      - {zh-CN: 报仓库, en: Tell the warehouse}
    standard: {zh-CN: 1 小时内联系, en: Contact in 1 hour}
    reply: {zh-CN: "您好{customer}", en: "Dear {customer}"}
    compensation: {limits: {agent: 30 CNY}}
    question: {zh-CN: 退款到账了吗？, en: "Has the refund arrived?"}
"""
PACK = shipped.load("ecommerce").version
UNHAPPY = {"kind": "nps", "value": 2, "scale": [0, 10]}
HAPPY = {"kind": "nps", "value": 10, "scale": [0, 10]}
VOICES = (
    ("冰袋全化了，肉都坏了", UNHAPPY),
    ("客服没有回应，冰袋全化了", UNHAPPY),
    ("包裹破损", UNHAPPY),
    ("冰袋还冻着", HAPPY),
    ("冰袋全化了", HAPPY),
    ("质量不错", HAPPY),
)


def proposal(world: World, proposal_id: str, state: str) -> Any:
    """Wait until a proposal has come to a state."""

    def probe() -> Any:
        found = world.api.call("GET", f"/v1/frame/proposals/{proposal_id}").json
        return found if found["state"] == state else None

    return wait_for(probe, f"proposal in state {state}")


def readings(world: World) -> dict[str, Any]:
    """Every feedback as the API shows it, by id."""
    return {line["id"]: world.feedback(line["id"]) for line in world.all_feedback()}


def say(world: World, connection: Any, words: str, score: Any) -> str:
    """Send one voice; its id."""
    body = voice(texts=[{"text": words}], scores=[score])
    return world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))


def correct(world: World, feedback_id: str) -> None:
    """An analyst says that the first two characters praise the service."""
    seen = world.feedback(feedback_id)
    tag = {"topic": "service", "polarity": "positive", "text": 0, "start": 0, "end": 2}
    given = {"workspace": world.workspace, "revision": 1, "reading": seen["reading"], "tags": [tag]}
    answer = world.api.call("POST", f"/v1/feedback/{feedback_id}/corrections", given)
    assert answer.status == 200, answer.json


def activate(world: World, proposal_id: str) -> None:
    answer = world.api.call("POST", f"/v1/frame/proposals/{proposal_id}/activate", {"workspace": world.workspace})
    assert (answer.status, answer.json["state"]) == (202, "applying"), answer.json


def counted(before: dict[str, Any], after: dict[str, Any]) -> dict[str, int]:
    """What changed between two looks at every voice."""
    added: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    retagged = 0
    for name, old in before.items():
        one, two = (Counter((tag["topic"], tag["polarity"]) for tag in look["tags"]) for look in (old, after[name]))
        retagged += one != two
        added.update(topic for topic, _ in (two - one).elements())
        removed.update(topic for topic, _ in (one - two).elements())
    return {
        "feedback": len(before),
        "retagged": retagged,
        "tags_added": added.total(),
        "tags_removed": removed.total(),
    }


def test_the_printed_effect_is_what_then_happens_and_every_ticket_hears_of_it(world: World, oa: Oa) -> None:
    world.endpoint(oa)
    connection = world.connect("canonical")
    rule = {"when": {"tag": {"topic": "logistics.cold_chain", "polarity": "negative"}}, "then": ["ticket"]}
    refused = world.api.call("PUT", "/v1/rules/cold", {"workspace": world.workspace, **rule})
    assert (refused.status, refused.json["code"]) == (422, "unknown_topic")
    body = {"workspace": world.workspace, "packs": ["ecommerce"], "overlay": COLD_CHAIN}
    proposal(world, world.api.made("/v1/frame/proposals", body)["id"], "measured")
    assert world.api.call("PUT", "/v1/rules/cold", {"workspace": world.workspace, **rule}).status == 200
    names = [say(world, connection, *one) for one in VOICES]
    wait_for(lambda: len(oa.of("ticket.opened")) == 3, "three tickets at the OA")
    wait_for(lambda: len(world.all_feedback()) == len(VOICES), "every voice")
    correct(world, names[-1])

    made = world.api.made(
        "/v1/frame/proposals",
        {"workspace": world.workspace, "packs": ["ecommerce"], "overlay": COLD_CHAIN, "learn": True},
    )
    assert (made["state"], made["effect"]) == ("measuring", None)
    measured = proposal(world, made["id"], "measured")
    effect, before = measured["effect"], readings(world)
    tickets = {one["feedback"]: one for one in world.tickets()}
    activate(world, made["id"])
    active = proposal(world, made["id"], "active")

    assert active["applied"] == effect
    after = readings(world)
    assert counted(before, after).items() <= effect.items()
    assert (effect["rerouted"], effect["opened"]) == (2, 1)
    tag = next(tag for tag in after[names[0]]["tags"] if tag["topic"] == "logistics.cold_chain")
    reading = after[names[0]]
    assert (reading["reading"], reading["frame_version"], tag["evidence"]) == (2, f"{PACK}~2", "冰袋全化了")
    assert tag["version"] == reading[{"lexicon": "frame_version", "model": "model_version"}[tag["producer"]]]
    assert [tag["producer"] for tag in after[names[-1]]["tags"]] == ["analyst"]

    # One ticket each: two went to another department, the OA heard of both, and the calm voice got its first.
    wait_for(lambda: len(oa.of("ticket.opened")) == 4, "the fourth ticket at the OA")
    wait_for(lambda: len(oa.of("ticket.updated")) == 2, "two updates at the OA")
    now = {one["feedback"]: one for one in world.tickets()}
    assert len(world.tickets()) == len(now) == 4
    rerouted = [name for name, one in tickets.items() if one["departments"] != now[name]["departments"]]
    assert sorted(rerouted) == sorted(names[:2])
    assert "cold_chain" in now[names[0]]["departments"]
    assert "冷链" in now[names[0]]["title"]

    # A new voice is read by the frame that is active now.
    fresh = world.settled(say(world, connection, "冰袋全化了", UNHAPPY), "ticketed")
    assert "logistics.cold_chain" in [tag["topic"] for tag in fresh["tags"]]
    # The case says what to do, by the workspace's own playbook; the first ticket followed when it was brought up.
    case = world.api.call("GET", f"/v1/tickets/{fresh['ticket']}?lang=en").json
    assert (case["playbook"]["title"], case["playbook"]["version"]) == ("Cold chain broken", "own-1~2")
    first = world.api.call("GET", f"/v1/tickets/{now[names[0]]['id']}").json["playbook"]
    assert (first["id"], first["kept_version"]) == ("logistics.cold_chain", "own-1~2")
    shown = world.api.call("GET", "/v1/frame").json
    assert (shown["number"], shown["settled"], shown["learned"]) == (2, True, True)


def test_an_overlay_whose_own_sentence_fails_is_refused_with_its_line(world: World) -> None:
    wrong = COLD_CHAIN.replace("none: [包裹破损]", "none: [包裹破损, 冰袋全化了]")
    wanted = {"workspace": world.workspace, "packs": ["ecommerce"], "overlay": wrong}
    answer = world.api.call("POST", "/v1/frame/proposals", wanted)
    assert (answer.status, answer.json["code"], answer.json["pointer"]) == (422, "frame_invalid", "/overlay")
    assert "Line 10: sentence 6 expects none" in answer.json["detail"]
    assert world.api.call("GET", "/v1/frame/proposals").json["items"] == []
