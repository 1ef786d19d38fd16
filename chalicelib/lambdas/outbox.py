"""Outbox: relays the table's stream to the bus."""

from __future__ import annotations

import logging

from chalice.app import Blueprint, DynamoDBEvent

from chalicelib.errors import Retryable
from chalicelib.observability import Line, reason
from chalicelib.wiring import upkeep

bp = Blueprint(__name__)


@bp.on_dynamodb_record(stream_arn="arn:aws:dynamodb:x", name="outbox", batch_size=100)
def outbox(event: DynamoDBEvent) -> None:
    """One batch of stream records. Raises for all of it: a partial answer would be taken for success locally,
    and everything behind it may be told twice."""
    line = Line("outbox")
    records = event.to_dict()["Records"]
    line.note(records=len(records))
    try:
        relayed = upkeep.outbox_service().relay(records)
    except Exception as error:  # noqa: BLE001 - the edge: nothing may pass it
        line.count("Failed", len(records))
        line.note(failures=[reason(error)])
        line.write("batch", level=logging.ERROR)
        # The runtime prints what it is raised: of an error that is not ours the text might quote a row.
        raise Retryable("The batch was not relayed.", code=reason(error)) from None
    line.count("Published", relayed.events)
    line.note(buckets=relayed.buckets)
    line.write("batch")
