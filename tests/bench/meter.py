"""Counts what the functions ask of AWS: calls by stage, and the read and write units that the engine reports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
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
            meter._consume(operation, answer.get("ConsumedCapacity"))
            return answer

        BaseClient._make_api_call = counted
        try:
            yield self
        finally:
            BaseClient._make_api_call = real

    def _consume(self, operation: str, consumed: Any) -> None:
        units = self.read_units if operation in ("GetItem", "Query", "BatchGetItem", "Scan") else self.write_units
        for one in consumed if isinstance(consumed, list) else [consumed or {}]:
            parts = {"table": one.get("Table", {}).get("CapacityUnits", one.get("CapacityUnits", 0.0))}
            for name, index in one.get("GlobalSecondaryIndexes", {}).items():
                parts[name] = index.get("CapacityUnits", 0.0)
            for name, amount in parts.items():
                units[self.stage, name] += amount

    def total(self, stage: str, service: str, operation: str | None = None) -> int:
        """Calls of one stage to one service."""
        return sum(
            number
            for (at, to, what), number in self.calls.items()
            if (at, to) == (stage, service) and operation in (None, what)
        )
