"""Tickets: opens the one ticket of a feedback, keeps it in step with it, and applies what OAs said of it."""

from __future__ import annotations

from typing import Any, Final

from chalice.app import Blueprint, SQSEvent

from chalicelib.lambdas import batch
from chalicelib.observability import Line
from chalicelib.services.outbound.apply_callback import KIND
from chalicelib.wiring import cases, outbound

bp = Blueprint(__name__)

_METRICS: Final = {"opened": "TicketsOpened", "updated": "TicketsUpdated"}


@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:tickets", name="ticket", batch_size=10)
def ticket(event: SQSEvent) -> Any:
    """One batch of the tickets or the callbacks queue; each message on its own."""
    service = cases.open_ticket_service()

    def handle(message: dict[str, Any], line: Line) -> None:
        if message.get("kind") == KIND:
            _apply(message, line)
            return
        metric = _METRICS.get(service(message))
        if metric:
            line.count(metric)

    return batch.run(event.to_dict(), event.context, function="ticket", handle=handle)


def _apply(message: dict[str, Any], line: Line) -> None:
    """What a system of record said, in one line: whose it was and the codes that it came to, never its words."""
    applied = outbound.apply_callback()(message)
    line.count("CallbacksApplied", applied.codes.count("ok"))
    line.count("CallbacksIgnored", len(applied.codes) - applied.codes.count("ok"))
    line.note(workspace=message["workspace"], endpoint=message["endpoint"], callback=sorted(set(applied.codes)))
    if applied.tickets:
        line.note(ticket=applied.tickets[-1])
