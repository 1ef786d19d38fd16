"""Counts what the functions ask of AWS: calls by stage, and the read and write units that the engine reports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.client import BaseClient


class Meter:
    """Everything is keyed by stage (a function's name), so that each line of the bill can be named."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was counted so far."""
        self.stage = "outside"
        self.calls: Counter[tuple[str, str, str]] = Counter()  # (stage, service, operation)
        self.write_units: Counter[tuple[str, str]] = Counter()  # (stage, table or index name)
        self.read_units: Counter[tuple[str, str]] = Counter()
        self.by_row: Counter[tuple[str, str, str]] = Counter()  # (stage, operation, kinds of rows) → units
        self.cpu: Counter[str] = Counter()  # stage → seconds of thread CPU
        self.invocations: Counter[str] = Counter()
        self.events = 0  # entries put on the bus
        self.fanned_out = 0  # messages that the bus put on queues, counted by the pump

    @contextmanager
    def at(self, stage: str) -> Iterator[None]:
        """Charge what happens inside to ``stage``."""
        before, self.stage = self.stage, stage
        began = time.thread_time()
        try:
            yield
        finally:
            self.cpu[stage] += time.thread_time() - began
            self.invocations[stage] += 1
            self.stage = before

    @contextmanager
    def installed(self) -> Iterator[Meter]:
        """Stand between every botocore client of this process and the engine."""
        real = BaseClient._make_api_call
        meter = self

        def counted(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
            service = client.meta.service_model.service_name
            meter.calls[meter.stage, service, operation] += 1
            if operation == "PutEvents":
                meter.events += len(arguments["Entries"])
            if service != "dynamodb" or meter.stage == "outside":
                return real(client, operation, arguments)
            try:
                answer = real(client, operation, {**arguments, "ReturnConsumedCapacity": "INDEXES"})
            except client.exceptions.ConditionalCheckFailedException:
                meter.write_units[meter.stage, "table"] += 1  # a failed condition still pays the write
                raise
            meter._consume(operation, answer.get("ConsumedCapacity"), rows_of(operation, arguments))
            return answer

        BaseClient._make_api_call = counted
        try:
            yield self
        finally:
            BaseClient._make_api_call = real

    def _consume(self, operation: str, consumed: Any, rows: str) -> None:
        units = self.read_units if operation in ("GetItem", "Query", "BatchGetItem", "Scan") else self.write_units
        for one in consumed if isinstance(consumed, list) else [consumed or {}]:
            parts = {"table": one.get("Table", {}).get("CapacityUnits", one.get("CapacityUnits", 0.0))}
            for name, index in one.get("GlobalSecondaryIndexes", {}).items():
                parts[name] = index.get("CapacityUnits", 0.0)
            for name, amount in parts.items():
                units[self.stage, name] += amount
                self.by_row[self.stage, operation, rows] += amount

    def total(self, stage: str, service: str, operation: str | None = None) -> int:
        """Calls of one stage to one service."""
        return sum(
            number
            for (at, to, what), number in self.calls.items()
            if (at, to) == (stage, service) and operation in (None, what)
        )


def rows_of(operation: str, arguments: Mapping[str, Any]) -> str:
    """The kinds of rows that a call is about: what their keys begin with, ``TK TK + TK MOVE``. Of an index its name."""
    if operation in ("Query", "Scan"):
        values = [one.get("S", "") for one in arguments.get("ExpressionAttributeValues", {}).values()]
        return " ".join([str(arguments.get("IndexName", "")), *map(_kind, values[:2])]).strip()
    if operation == "BatchGetItem":
        keys = [key for table in arguments["RequestItems"].values() for key in table["Keys"]]
    elif operation == "TransactWriteItems":
        keys = [one.get("Item") or one["Key"] for part in arguments["TransactItems"] for one in part.values()]
    else:
        keys = [arguments.get("Item") or arguments["Key"]]
    return " + ".join(dict.fromkeys(f"{_kind(key['pk']['S'])} {_kind(key['sk']['S'])}".strip() for key in keys))


def _kind(value: str) -> str:
    """The word that a key begins with; nothing for one that begins with an id or a moment."""
    word = value.partition("#")[0]
    return word if word.isalpha() else ""
