"""Alerts on the packaged template: a red line becomes an e-mail and an SMS, a storm of them becomes a summary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.domain.alerts import alert as states
from chalicelib.domain.alerts.alert import AlertKey, Cooldown, Mention
from chalicelib.storage.alerts.alerts import AlertStore
from chalicelib.storage.table import Row, bind
from infra import client
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

RED_WORDS = "奶粉里有玻璃渣，孩子的嘴被划伤了，我要找媒体曝光"
NOW = datetime.now(timezone.utc)


@pytest.fixture
def topics(stack: Any) -> dict[str, str]:
    """``critical-sms`` and its like → ARN."""
    pages = stack.clients("sns").get_paginator("list_topics").paginate()
    arns = [topic["TopicArn"] for page in pages for topic in page["Topics"]]
    return {"-".join(arn.rsplit("-", 2)[1:]): arn for arn in arns}


class Mirror:
    """A queue that hears what one workspace's people would."""

    def __init__(self, stack: Any, workspace: str, topics: list[str]) -> None:
        self.sqs, self.sns = stack.clients("sqs"), stack.clients("sns")
        self.url = self.sqs.create_queue(QueueName=f"mirror-{workspace}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        only = {"FilterPolicy": json.dumps({"workspace": [workspace]})}
        self.subscriptions = [
            self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=only)["SubscriptionArn"]
            for topic in topics
        ]
        self.seen: list[dict[str, Any]] = []

    def heard(self, topic: str) -> list[dict[str, Any]]:
        """All notifications of a topic so far."""
        while batch := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                self.seen.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [one for one in self.seen if one["TopicArn"] == topic]

    def close(self) -> None:
        for subscription in self.subscriptions:
            self.sns.unsubscribe(SubscriptionArn=subscription)
        self.sqs.delete_queue(QueueUrl=self.url)


@pytest.fixture
def mirror(world: World, topics: dict[str, str]) -> Iterator[Mirror]:
    running = Mirror(world.stack, world.workspace, [topics["critical-email"], topics["critical-sms"]])
    yield running
    running.close()


def red(name: str) -> dict[str, Any]:
    return voice(id=f"R-{name}", texts=[{"text": RED_WORDS, "speaker": "customer"}])


def test_a_red_line_wakes_operations_and_a_storm_of_them_becomes_one_summary(
    world: World, mirror: Mirror, topics: dict[str, str]
) -> None:
    connection = world.connect("canonical")
    send = [client.canonical(red(str(number)), connection["secret"]) for number in range(6)]
    first = world.heard(connection["hook_url"], send[0])
    mail = wait_for(lambda: mirror.heard(topics["critical-email"]), "the e-mail of the first red line")[0]
    assert mail["Subject"].startswith("[Echoloop] CRITICAL red line")
    assert first in mail["Message"]
    text = wait_for(lambda: mirror.heard(topics["critical-sms"]), "its SMS")[0]
    assert text["Message"].startswith("【回响】[紧急]")

    ids = {first, *(world.heard(connection["hook_url"], webhook) for webhook in send[1:])}
    for webhook in send:
        world.heard(connection["hook_url"], webhook)

    def all_named() -> bool:
        said = "".join(one["Message"] for one in mirror.heard(topics["critical-email"]))
        return all(one in said for one in ids)

    wait_for(all_named, "all six red lines in a message or a summary", timeout=60)
    mails = mirror.heard(topics["critical-email"])
    lists = "\n".join(one["Message"].split("\n\n")[-1] for one in mails)
    assert all(lists.count(f"- {one}") == 1 for one in ids), "a feedback was named twice"
    assert len(mails) <= 3
    assert not any("玻璃渣" in one["Message"] or "CUST-1" in one["Message"] for one in mirror.seen)


def test_a_subscription_hears_its_severity_and_higher_ones_until_it_is_deleted(
    world: World, topics: dict[str, str]
) -> None:
    sns = world.stack.clients("sns")
    address = f"{world.workspace}@example.com"
    made = world.api.made(
        "/v1/subscriptions",
        {"workspace": world.workspace, "severity": "high", "protocol": "email", "address": address},
    )
    assert made["id"].startswith("sb_")

    def heard() -> dict[str, Any]:
        """Topic → filter of this address."""
        found = {}
        for name, topic in topics.items():
            for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
                if one["Endpoint"] == address:
                    attributes = sns.get_subscription_attributes(SubscriptionArn=one["SubscriptionArn"])["Attributes"]
                    found[name] = json.loads(attributes["FilterPolicy"])
        return found

    only = {"workspace": [world.workspace]}
    assert heard() == {"high-email": only, "critical-email": only}
    answer = world.api.call("DELETE", f"/v1/subscriptions/{made['id']}", query={"workspace": world.workspace})
    assert answer.status in (200, 204)
    assert heard() == {}


# --- the rows, as only DynamoDB can answer for them -----------------------------------------------------------------


@pytest.fixture
def store(stack: Any) -> Iterator[AlertStore]:
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    yield AlertStore(retention_days=90)
    Row.Meta.table_name, Row.shared_client = before, shared


@pytest.fixture
def key() -> AlertKey:
    return AlertKey(f"ws-{uuid4().hex[:12]}", "vip", "logistics.damage", "上海/一店")


def mention(number: int = 1, **changes: Any) -> Mention:
    values = {"subject": f"fb_{number}", "severity": "medium", "cooldown": 3600, "ticket": "tk_1", **changes}
    return Mention(**values)


def test_a_subject_waits_under_its_first_key_until_it_is_named(store: AlertStore, key: AlertKey) -> None:
    elsewhere = AlertKey(key.workspace, key.rule, key.topic, "SH-002")
    assert store.admit(key, mention(), at=NOW) == key
    assert store.admit(elsewhere, mention(), at=NOW) == key
    assert list(store.waiting(key, at=NOW, most=9)) == [mention()]
    store.forget(key, [mention()])
    assert store.waiting(key, at=NOW, most=9) == []
    assert store.admit(elsewhere, mention(severity="low"), at=NOW) is None
    assert store.admit(elsewhere, mention(severity="high"), at=NOW) == elsewhere
    assert store.admit(key, mention(severity="high"), at=NOW + timedelta(days=31)) == key


def test_a_long_list_is_read_and_dropped_whole(store: AlertStore, key: AlertKey) -> None:
    many = [mention(number) for number in range(60)]
    for one in many:
        store.admit(key, one, at=NOW)
    assert len(store.waiting(key, at=NOW, most=7)) == 7
    assert {one.subject for one in store.waiting(key, at=NOW, most=100)} == {one.subject for one in many}
    store.forget(key, many)
    assert store.waiting(key, at=NOW, most=100) == []


def test_a_key_moves_for_one_worker_alone_and_not_past_an_arrival(store: AlertStore, key: AlertKey) -> None:
    assert store.load(key.workspace, key.id) is None
    first = store.arrive(key, red_line=False, at=NOW)
    assert first == Cooldown(arrivals=1)
    claimed = states.claimed(first, NOW.timestamp())
    assert store.change(key, first, claimed, at=NOW)
    assert not store.change(key, first, claimed, at=NOW)
    assert store.load(key.workspace, key.id) == (key, claimed)
    now = store.arrive(key, red_line=True, at=NOW)
    assert (now.arrivals, now.red_lines, now.version) == (2, 1, 1)
    for counter in ("arrivals", "red_lines"):
        assert not store.change(key, claimed, states.settled(claimed), at=NOW, unchanged=counter)
        assert store.load(key.workspace, key.id) == (key, now)
    assert store.change(key, now, states.settled(now), at=NOW, unchanged="arrivals")


def test_the_day_s_sms_parts_are_never_overspent(store: AlertStore, key: AlertKey) -> None:
    assert store.spend(key.workspace, 3, limit=5, at=NOW)
    assert not store.spend(key.workspace, 3, limit=5, at=NOW)
    store.refund(key.workspace, 3, at=NOW)
    assert store.spend(key.workspace, 5, limit=5, at=NOW)
    assert not store.spend(key.workspace, 1, limit=5, at=NOW)
    assert store.spend(key.workspace, 1, limit=5, at=NOW + timedelta(days=1))
    assert not store.spend(key.workspace, 6, limit=5, at=NOW + timedelta(days=1))
