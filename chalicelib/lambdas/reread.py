"""Reread: goes through older voices, with a proposed code frame or with any change that is tried, to count what would
change, or to read them anew.
"""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.domain.reading.dry_run import KIND
from chalicelib.lambdas import batch
from chalicelib.observability import Line
from chalicelib.wiring import reading, rehearsal

bp = Blueprint(__name__)


@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:readings", name="reread", batch_size=1)
def reread(event: SQSEvent) -> Any:
    """One page of one proposal or dry run: a message takes as long as fifty voices do."""

    def handle(message: dict[str, Any], line: Line) -> None:
        service = rehearsal.go_through() if message.get("kind") == KIND else reading.reread_range()
        line.count("Reread", service(message))
        about = {name: message[name] for name in ("proposal", "dry_run") if name in message}
        line.note(workspace=message.get("workspace"), page=message.get("page"), **about)

    return batch.run(event.to_dict(), event.context, function="reread", handle=handle)
