"""Queues of the tests' own that hear what one topic or the whole bus says."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class Mirror:
    """Everything that was put on one queue, raw."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url
        self._bodies: list[str] = []

    def bodies(self) -> Sequence[str]:
        """All messages so far, in no order."""
        asked = {"QueueUrl": self._url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        while batch := self._sqs.receive_message(**asked).get("Messages"):
            for message in batch:
                self._bodies.append(json.dumps([message["Body"], message.get("MessageAttributes")], ensure_ascii=False))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._bodies

    def messages(self) -> list[Any]:
        """The decoded messages so far."""
        return [json.loads(json.loads(body)[0]) for body in self.bodies()]


@contextmanager
def _queue(stack: Any, service: str) -> Iterator[tuple[Mirror, str]]:
    """A queue that ``service`` may write to: its mirror and its ARN."""
    sqs = stack.clients("sqs")
    url = sqs.create_queue(QueueName=f"mirror-{secrets.token_hex(5)}")["QueueUrl"]
    try:
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        yield Mirror(sqs, url), arn
    finally:
        sqs.delete_queue(QueueUrl=url)


@contextmanager
def of_bus(stack: Any) -> Iterator[Mirror]:
    """Every event that is put on the bus from now on."""
    events, bus, name = stack.clients("events"), stack.facts["bus"], f"mirror-{secrets.token_hex(5)}"
    with _queue(stack, "events.amazonaws.com") as (mirror, arn):
        pattern = json.dumps({"source": [{"prefix": ""}]})
        events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "mirror", "Arn": arn}])
        try:
            yield mirror
        finally:
            events.remove_targets(Rule=name, EventBusName=bus, Ids=["mirror"])
            events.delete_rule(Name=name, EventBusName=bus)


@contextmanager
def of_topics(stack: Any, endings: Sequence[str], workspace: str) -> Iterator[Mirror]:
    """What topics such as ``critical-email`` tell the people of one workspace. All topics when there are no endings."""
    sns = stack.clients("sns")
    pages = sns.get_paginator("list_topics").paginate()
    arns = [topic["TopicArn"] for page in pages for topic in page["Topics"]]
    wanted = [arn for arn in arns if arn.endswith(tuple(endings) or ("-email", "-sms"))]
    with _queue(stack, "sns.amazonaws.com") as (mirror, arn):
        only = {"FilterPolicy": json.dumps({"workspace": [workspace]})}
        made = [
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=only)["SubscriptionArn"]
            for topic in wanted
        ]
        try:
            yield mirror
        finally:
            for subscription in made:
                sns.unsubscribe(SubscriptionArn=subscription)
