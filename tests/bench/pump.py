"""Stands in for Lambda's pollers, in this process: the real handlers on the real engine, one stage at a time.

The stack's own event source mappings are switched off first, so that nothing else takes the messages.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from infra.engine import REGION
from tests.bench.meter import Meter

QUEUES: Mapping[str, str] = {
    "enrich": "inbox",
    "ticket": "tickets",
    "case": "cases",
    "alert": "alerts",
    "deliver": "deliveries",
    "rollup": "rollups",
    "reread": "readings",
    "fetch": "fetches",
    "intake": "uploads",
}
BATCH = 10


def take_over(stack: Any) -> None:
    """Switch the mappings off and make this process one of the functions: same environment, the engine's root key."""
    functions = stack.clients("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    for function in functions.list_functions()["Functions"]:
        os.environ.update(function.get("Environment", {}).get("Variables", {}))
    os.environ.update(
        AWS_ENDPOINT_URL=stack.engine.url,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
    )


def handler(function: str) -> Any:
    """The Lambda entry point of a worker."""
    import importlib

    return getattr(importlib.import_module(f"chalicelib.lambdas.{function}"), function)


class Pump:
    """Moves messages and stream records until nothing is left."""

    def __init__(self, stack: Any, meter: Meter) -> None:
        self._meter = meter
        self._sqs, self._streams = stack.clients("sqs"), stack.clients("dynamodbstreams")
        self._urls = {function: stack.facts["queues"][queue] for function, queue in QUEUES.items()}
        self._iterator = self._latest(stack.facts["table"])
        self._context = SimpleNamespace(
            function_name="bench", memory_limit_in_mb=512, invoked_function_arn="arn:x", aws_request_id="bench"
        )

    def _latest(self, table: str) -> str:
        arn = self._streams.list_streams(TableName=table)["Streams"][0]["StreamArn"]
        shard = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        answer = self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="LATEST")
        return str(answer["ShardIterator"])

    def drain(self) -> int:
        """Run every stage until a whole round moved nothing; returns how many records were moved."""
        moved = 0
        while True:
            step = self.stream() + sum(self.queue(function) for function in QUEUES)
            if not step:
                return moved
            moved += step

    def queue(self, function: str) -> int:
        """Hand every message of one queue to its function."""
        moved = 0
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self._urls[function],
                MaxNumberOfMessages=BATCH,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                return moved
            moved += len(messages)
            self._meter.fanned_out += sum('"detail-type"' in one["Body"] for one in messages)
            with self._meter.at(function):
                result = handler(function)({"Records": [_sqs_record(one) for one in messages]}, self._context)
            failed = {item["itemIdentifier"] for item in result["batchItemFailures"]}
            for one in messages:
                if one["MessageId"] not in failed:
                    self._sqs.delete_message(QueueUrl=self._urls[function], ReceiptHandle=one["ReceiptHandle"])

    def stream(self) -> int:
        """Hand the table's new stream records to ``outbox`` in batches of 100."""
        moved = 0
        while True:
            answer = self._streams.get_records(ShardIterator=self._iterator, Limit=100)
            self._iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                return moved
            moved += len(answer["Records"])
            with self._meter.at("outbox"):
                handler("outbox")({"Records": [_stream_record(one) for one in answer["Records"]]}, self._context)


def _sqs_record(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:bench",
        "awsRegion": "us-east-1",
    }


def _stream_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """boto3 decodes binary attributes; Lambda hands them over in base64."""
    import base64

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items()}
        if isinstance(value, list):
            return [plain(one) for one in value]
        return value

    change = {name: plain(value) for name, value in record["dynamodb"].items()}
    change["ApproximateCreationDateTime"] = record["dynamodb"]["ApproximateCreationDateTime"].timestamp()
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/bench/stream/1",
    }
