"""Enrich: reads what the hooks heard, decides, and stores it."""

from __future__ import annotations

from typing import Any, Final

from chalice.app import Blueprint, SQSEvent

from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.lambdas import batch
from chalicelib.observability import Line
from chalicelib.wiring import reading

bp = Blueprint(__name__)

_METRICS: Final = {"stored": "Stored", "duplicate": "Duplicates", "parked": "Parked"}


@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:inbox", name="enrich", batch_size=10)
def enrich(event: SQSEvent) -> Any:
    """One batch of the inbox; rules and connections are read once for all of it."""
    service = reading.enrich_service()
    configuration = service.batch()
    reasons: set[str] = set()

    def handle(message: dict[str, Any], line: Line) -> None:
        outcome = service.take(Envelope.from_message(message), configuration)
        if outcome.what in _METRICS:
            line.count(_METRICS[outcome.what])
        if outcome.reason is not None:
            reasons.add(outcome.reason)
            line.note(parked=sorted(reasons))

    return batch.run(event.to_dict(), event.context, function="enrich", handle=handle)
