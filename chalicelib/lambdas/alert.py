"""Alerts: names what needs a person to operations, by e-mail and SMS."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.lambdas import batch
from chalicelib.wiring import alerts

bp = Blueprint(__name__)


@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:alerts", name="alert", batch_size=10)
def alert(event: SQSEvent) -> Any:
    """One batch of the alerts queue; each message on its own."""
    service = alerts.raise_alert_service()
    return batch.run(event.to_dict(), event.context, function="alert", handle=service.handle)
