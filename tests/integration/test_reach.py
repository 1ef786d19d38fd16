"""Corners of the stack that the main job does not come to: every topic, the clock, and what is taken away again."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.domain.vocabulary import SEVERITIES
from chalicelib.storage.due import DueStore
from chalicelib.storage.table import Row, bind
from infra import client
from infra.local import Stack
from tests.integration import mirrors
from tests.integration.world import World, swept, voice, wait_for

pytestmark = pytest.mark.engine

PHONE = "+8613900001234"


def subscribe(world: World, protocol: str, address: str) -> str:
    asked = {"workspace": world.workspace, "severity": "low", "protocol": protocol, "address": address}
    return str(world.api.made("/v1/subscriptions", asked)["id"])


def test_each_severity_reaches_people_by_mail_and_by_phone(world: World, stack: Stack) -> None:
    subscribe(world, "email", f"{world.workspace}@example.com")
    subscribe(world, "sms", PHONE)
    connection = world.connect("canonical")
    for severity in SEVERITIES:
        rule = {
            "workspace": world.workspace,
            "when": {"field": "attributes.wanted", "op": "eq", "value": severity},
            "then": ["alert"],
            "severity": severity,
        }
        assert world.api.call("PUT", f"/v1/rules/wake-{severity}", rule).status in (200, 201)
    with mirrors.of_topics(stack, (), world.workspace) as mirror:
        for severity in SEVERITIES:
            calm = voice(scores=None, texts=[{"text": "只是说一声"}], attributes={"wanted": severity})
            world.heard(connection["hook_url"], client.canonical(calm, connection["secret"]))

        def topics() -> set[str]:
            return {message["TopicArn"].rsplit("local-", 1)[1] for message in mirror.messages()}

        every = {f"{severity}-{way}" for severity in SEVERITIES for way in ("email", "sms")}
        wait_for(lambda: topics() == every, "an e-mail and an SMS of each severity", 60)


def test_two_workspaces_may_wake_the_same_phone_and_part_again(world: World, stack: Stack) -> None:
    address = f"{secrets.token_hex(6)}@example.com"
    other = "t" + secrets.token_hex(5)
    operator = client.Api(stack.api_url, stack.admin_key)
    key = operator.made("/v1/keys", {"workspace": other, "role": "admin"})["key"]
    second = World(stack, other, client.Api(stack.api_url, key))
    one, two = subscribe(world, "email", address), subscribe(second, "email", address)

    def listeners() -> list[list[str]]:
        sns = stack.clients("sns")
        found = sns.list_subscriptions()["Subscriptions"]
        arns = [entry["SubscriptionArn"] for entry in found if entry["Endpoint"] == address]
        attributes = [sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"] for arn in arns]
        return sorted(sorted(json.loads(entry["FilterPolicy"])["workspace"]) for entry in attributes)

    assert listeners() == [sorted([world.workspace, other])] * len(SEVERITIES)
    assert world.api.call("DELETE", f"/v1/subscriptions/{one}").status in (200, 204)
    assert listeners() == [[other]] * len(SEVERITIES)
    assert second.api.call("DELETE", f"/v1/subscriptions/{two}").status in (200, 204)
    assert listeners() == []


def test_a_deleted_connection_hears_nothing_and_leaves_no_secret(world: World, stack: Stack) -> None:
    connection = world.connect("canonical")
    webhook = client.canonical(voice(), connection["secret"])
    name = f"/echoloop-local/connections/{connection['id']}"
    assert stack.clients("ssm").get_parameter(Name=name)["Parameter"]["Type"] == "SecureString"
    assert world.api.call("DELETE", f"/v1/connections/{connection['id']}").status in (200, 204)
    assert webhook.post(connection["hook_url"]).status == 401
    with pytest.raises(stack.clients("ssm").exceptions.ParameterNotFound):
        stack.clients("ssm").get_parameter(Name=name)


@pytest.fixture
def due(stack: Stack) -> Iterator[DueStore]:
    """Due rows, written as if two minutes ago."""
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    yield DueStore(lambda: datetime.now(timezone.utc) - timedelta(minutes=2))
    Row.Meta.table_name, Row.shared_client = before, shared


def test_the_sweep_sends_what_is_due_to_every_queue_and_forgets_it(world: World, stack: Stack, due: DueStore) -> None:
    moment = datetime.now(timezone.utc) - timedelta(minutes=1)
    hour = moment.strftime("%Y-%m-%dT%H")
    nobody = {"workspace": world.workspace, "feedback_id": "fb_gone"}
    bodies: dict[str, Any] = {
        "tickets": {"detail": {**nobody, "type": "feedback.scored"}},
        "alerts": {"detail": {**nobody, "type": "feedback.scored"}},
        "deliveries": {"kind": "deliver", "workspace": world.workspace, "delivery_id": "dl-a-b-1", "version": 1},
        "rollups": {"workspace": world.workspace, "unit": "SH/due", "hour": hour, "mark": 1},
        "fetches": {"kind": "poll", "workspace": world.workspace, "connection": "cn_gone", "at": moment.isoformat()},
    }
    keys = {queue: f"{world.workspace}-{queue}" for queue in bodies}
    for queue, body in bodies.items():
        due.add(moment, queue, body, key=keys[queue])
    waiting = {item.key for item in due.take(moment)} & set(keys.values())
    assert waiting == set(keys.values())

    # The schedule may be faster than we are; one of the two runs takes the rows.
    wait_for(lambda: swept(stack) and not {item.key for item in due.take(moment)} & waiting, "no due row left", 60)
    bucket = {"pk": {"S": f"BK#{world.workspace}#SH/due"}, "sk": {"S": hour}}
    table = stack.facts["table"]
    wait_for(lambda: stack.clients("dynamodb").get_item(TableName=table, Key=bucket).get("Item"), "the counted hour")
    depths = [
        int(
            stack.clients("sqs").get_queue_attributes(QueueUrl=f"{url}-dlq", AttributeNames=["All"])["Attributes"][name]
        )
        for url in stack.facts["queues"].values()
        for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    ]
    assert sum(depths) == 0
