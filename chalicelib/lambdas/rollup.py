"""Rollup: counts marked buckets again."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.lambdas import batch
from chalicelib.observability import Line
from chalicelib.wiring import reading

bp = Blueprint(__name__)


@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:rollups", name="rollup", batch_size=10)
def rollup(event: SQSEvent) -> Any:
    """One batch of the rollups queue; each bucket on its own."""
    service = reading.rollup_service()

    def handle(message: dict[str, Any], line: Line) -> None:
        if service.handle(message):
            line.count("Recounted")

    return batch.run(event.to_dict(), event.context, function="rollup", handle=handle)
