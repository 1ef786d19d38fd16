"""Tickets: opens the one ticket of a feedback, and keeps it in step with it."""

from __future__ import annotations

from typing import Any, Final

from chalice.app import Blueprint, SQSEvent

from chalicelib import wiring
from chalicelib.lambdas import batch
from chalicelib.observability import Line

bp = Blueprint(__name__)

_METRICS: Final = {"opened": "TicketsOpened", "updated": "TicketsUpdated"}


@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:tickets", name="ticket", batch_size=10)
def ticket(event: SQSEvent) -> Any:
    """One batch of the tickets queue; each message on its own."""
    service = wiring.open_ticket_service()

    def handle(message: dict[str, Any], line: Line) -> None:
        metric = _METRICS.get(service(message))
        if metric:
            line.count(metric)

    return batch.run(event.to_dict(), event.context, function="ticket", handle=handle)
