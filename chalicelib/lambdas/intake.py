"""Uploaded files, row by row onto the inbox."""

from __future__ import annotations

from typing import Any, Final

from chalice.app import Blueprint, SQSEvent

from chalicelib.lambdas import batch
from chalicelib.observability import Line
from chalicelib.services.inbound.intake import told
from chalicelib.wiring import inbound

bp = Blueprint(__name__)

_METRICS: Final = {"accepted": "RowsAccepted", "refused": "RowsRefused"}


# One at a time: a file may take most of the function's timeout.
@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:uploads", name="intake", batch_size=1)
def intake(event: SQSEvent) -> Any:
    """Messages: the bucket's notification of a new file, or our own to go on with one."""
    return batch.run(event.to_dict(), event.context, function="intake", handle=handle)


def handle(message: dict[str, Any], line: Line) -> None:
    """One message. Raises for our own trouble alone."""
    for workspace, connection, upload, etag in told(message):
        line.note(workspace=workspace, connection=connection, upload=upload)
        taken = inbound.intake_service()(workspace, connection, upload, etag)
        line.note(upload_came_to=taken.what)
        for name, metric in _METRICS.items():
            if getattr(taken, name):
                line.count(metric, getattr(taken, name))
        if taken.error is not None:
            line.count("UploadsFailed")
            line.note(upload_error=taken.error)
