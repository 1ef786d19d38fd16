"""Fetches queue → what a vendor's API tells: the whole of a thin event, and what a poll finds."""

from __future__ import annotations

import logging
from typing import Any, Final

from chalice.app import Blueprint, SQSEvent

from chalicelib.lambdas import batch
from chalicelib.observability import Line
from chalicelib.wiring import inbound

bp = Blueprint(__name__)

_METRICS: Final = {"fetched": "Fetched", "delayed": "FetchesDelayed", "parked": "FetchesParked"}


# One at a time: a poll may take most of the function's timeout.
@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:fetches", name="fetch", batch_size=1)
def fetch(event: SQSEvent) -> Any:
    """Messages: an inbox message as the hook wrote it, or ``{"kind": "poll", …}``."""
    return batch.run(event.to_dict(), event.context, function="fetch", handle=handle)


def handle(message: dict[str, Any], line: Line) -> None:
    """One message. Raises for our own trouble alone."""
    line.note(workspace=message.get("workspace"), connection=message.get("connection"))
    if message.get("kind") == "poll":
        _poll(message, line)
        return
    metric = _METRICS.get(inbound.fetch_service()(message))
    if metric:
        line.count(metric)


def _poll(message: dict[str, Any], line: Line) -> None:
    polled = inbound.poll_service()(message)
    if polled.count:
        line.count("Polled", polled.count)
    if polled.error is None:
        return
    line.count("PollsFailed")
    line.note(poll_error=polled.error)
    if polled.is_news:  # once, not with every run that ends the same way
        notice = Line("fetch")
        notice.note(workspace=message["workspace"], connection=message["connection"], code=polled.error)
        notice.write("poll_fails", level=logging.WARNING)
