"""Deliveries queue → fan-out, attempts and what people asked to be sent again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from chalice import Blueprint

from chalicelib.errors import Parked
from chalicelib.lambdas import batch
from chalicelib.observability import Line
from chalicelib.wiring import outbound, page

if TYPE_CHECKING:
    from chalicelib.services.outbound.fan_out import FanOut

bp = Blueprint(__name__)


# Five calls of ten seconds each fit the function's timeout, whatever the targets do.
@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:deliveries", name="deliver", batch_size=5)
def deliver(event: Any) -> Any:
    """Messages: a whole bus event, or ``{"kind": deliver | code | reconcile | release | cancel, …}``."""
    fan_out = cache(outbound.fan_out_service)  # one for the batch
    return batch.run(event.to_dict(), event.context, function="deliver", handle=partial(handle, fan_out=fan_out))


def handle(message: dict[str, Any], line: Line, *, fan_out: Callable[[], FanOut]) -> None:
    """One message. Raises Parked (``unknown_message``) for one that nobody here sends."""
    kind = message.get("kind")
    if kind is None and "detail" in message:
        fan_out().handle(message["detail"])
    elif kind == "deliver":
        metrics = outbound.deliver_service().handle(
            message["workspace"],
            message["delivery_id"],
            message["version"],
            waited=message.get("waited", False),
            looks=message.get("looks", 0),
        )
        for metric in metrics:
            line.count(metric)
    elif kind == "code":
        line.note(code_sent=page.send_code()(message))
    elif kind == "reconcile":
        _reconcile(message, line)
    elif kind == "release":
        outbound.delivery_admin_service().release(message["workspace"], message["endpoint_id"], after=message["after"])
    elif kind == "cancel":
        outbound.delivery_admin_service().cancel(message["workspace"], message["endpoint_id"], after=message["after"])
    else:
        raise Parked("There is no such message.", code="unknown_message")


def _reconcile(message: dict[str, Any], line: Line) -> None:
    done = outbound.reconcile()(message)
    line.note(read=done.read, differ=done.differ)
    if done.moved:
        line.count("CallbacksApplied", done.moved)
    if done.error is None:
        return
    line.count("PollsFailed")
    line.note(poll_error=done.error)
    if done.is_news:  # once, not with every run that ends the same way
        notice = Line("deliver")
        notice.note(workspace=message["workspace"], endpoint=message["endpoint"], code=done.error)
        notice.write("poll_fails", level=logging.WARNING)
