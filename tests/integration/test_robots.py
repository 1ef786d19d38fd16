"""A storm of alerts to a group robot through the real engine: its limit holds, and every alert is named.

``make soak`` sends 500 to a DingTalk robot in two endpoints (ROBOT_ALERTS=500), which takes as long as its minutes
do; ``make test`` sends some to a Feishu robot, whose limit is by the second.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.fakes.robot import MOST, FeishuRobot, Robot
from tests.fakes.targets.served import served
from tests.integration.world import World, wait_for

pytestmark = pytest.mark.engine

ALERTS = int(os.environ.get("ROBOT_ALERTS", "0"))
STORM_S = 10.0


def endpoint_at(world: World, connector: str, url: str) -> str:
    wanted = {
        "name": "a group robot",
        "workspace": world.workspace,
        "connector": connector,
        "url": url,
        "events": ["alert.raised"],
    }
    return str(world.api.made("/v1/endpoints", wanted)["id"])


def severity(number: int) -> str:
    return "critical" if number % 20 == 13 else ("high", "medium", "low")[number % 3]


def storm(world: World, number: int, seconds: float) -> None:
    """Alerts as the bus brings them, spread over that time."""
    sqs, url = world.stack.clients("sqs"), world.stack.facts["queues"]["deliveries"]

    def send(first: int) -> None:
        entries = [
            {"Id": str(n), "MessageBody": json.dumps({"detail": event(world, n)})}
            for n in range(first, min(first + 10, number))
        ]
        assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        for first in range(0, number, 10):
            time.sleep(max(0.0, began + seconds * first / number - time.monotonic()))
            pool.submit(send, first).result()


def event(world: World, number: int) -> dict[str, Any]:
    return {
        "type": "alert.raised",
        "workspace": world.workspace,
        "id": f"ev_{uuid4().hex}",
        "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "alert_id": f"al_{number}",
        "rule": "builtin-unhappy",
        "severity": severity(number),
        "unit": "SH/001",
        "topic": "logistics.damage",
        "named": 1,
        "swallowed": 0,
    }


def all_delivered(world: World, number: int) -> list[Any] | None:
    found = world.api.pages("/v1/deliveries", {"workspace": world.workspace})
    return found if len(found) == number and {one["state"] for one in found} == {"delivered"} else None


def test_what_a_robot_has_no_room_for_is_named_in_a_bundle(world: World) -> None:
    robot, number = FeishuRobot(time.time), 40
    document = {"version": 0, "units": {"SH/001": {"name": "上海一店"}}}
    assert world.api.call("PUT", "/v1/organisation", document).status == 200
    with served(robot) as at:
        endpoint_at(world, "feishu", f"{at.url}/open-apis/bot/v2/hook/{uuid4()}")
        storm(world, number, 0.0)
        found = wait_for(lambda: all_delivered(world, number), "every delivery at its end", 40)
    named = Counter(one for message in robot.named for one in message)
    assert set(named) == {f"al_{n}" for n in range(number)}
    assert robot.refused == 0
    assert len(robot.messages) < number
    assert all("上海一店" in text and "SH/001" not in text for _, text in robot.messages)
    heads = {one["id"]: one["code"] for one in found if one["code"]}
    assert heads
    for code in heads.values():
        assert heads[code.removeprefix("digest:")] == code, "the first one that a bundle names names itself"


@pytest.mark.skipif(not ALERTS, reason="a robot's minutes last a minute: make soak")
def test_a_storm_never_exceeds_a_robots_limit_and_names_red_lines_first(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    robot = Robot(time.time)
    with served(robot) as at:
        url = f"{at.url}/robot/send?access_token={uuid4().hex}"
        for _ in range(2):
            endpoint_at(world, "dingtalk", url)
        began = time.time()
        storm(world, ALERTS, STORM_S)
        took = time.time() - began
        wait_for(lambda: all_delivered(world, 2 * ALERTS), "every delivery at its end", 300)
    assert robot.busiest <= MOST
    assert (robot.penalties, robot.errors) == (0, [])
    named = Counter(one for message in robot.named for one in message)
    assert set(named) == {f"al_{n}" for n in range(ALERTS)}
    assert set(named.values()) == {2}, "each alert is named once for each endpoint, for nobody died"
    bundles = [message for message in robot.named if len(message) > 1]
    for message in bundles:
        ranks = [("critical", "high", "medium", "low").index(severity(int(one[3:]))) for one in message]
        assert ranks == sorted(ranks), "within a bundle the gravest come first"
    waiting = [
        one for at_, shown in zip(robot.messages, robot.named, strict=True) if at_[0] > began + 60 for one in shown
    ]
    red = [at_ for at_, one in enumerate(waiting) if severity(int(one[3:])) == "critical"]
    first_low = [at_ for at_, one in enumerate(waiting) if severity(int(one[3:])) == "low"]
    assert not red or red[-1] < first_low[0] + 50, "no red line is left for a bundle after one of low ones"
    with capsys.disabled():
        print(
            f"\n  robot: {ALERTS} alerts in {took:.1f} s to one robot in two endpoints: {len(robot.messages)} messages,"
            f" {len(bundles)} of them bundles, at most {robot.busiest} in any minute, penalties 0, all named,"
            f" in {robot.messages[-1][0] - began:.0f} s"
        )
