"""Reread: reads older voices with a proposed code frame, to count what would change or to change it."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib import wiring
from chalicelib.lambdas import batch
from chalicelib.observability import Line

bp = Blueprint(__name__)


@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:readings", name="reread", batch_size=1)
def reread(event: SQSEvent) -> Any:
    """One page of one proposal: a message takes as long as fifty voices do."""
    service = wiring.reread_range()

    def handle(message: dict[str, Any], line: Line) -> None:
        line.count("Reread", service(message))
        line.note(workspace=message.get("workspace"), proposal=message.get("proposal"), page=message.get("page"))

    return batch.run(event.to_dict(), event.context, function="reread", handle=handle)
