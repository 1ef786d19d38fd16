"""Case: what follows from a ticket's change, and what a clock decides about it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.lambdas import batch
from chalicelib.observability import Line
from chalicelib.wiring import upkeep

bp = Blueprint(__name__)


@bp.on_sqs_message(queue_arn="arn:aws:sqs:x:0:cases", name="case", batch_size=10)
def case(event: SQSEvent) -> Any:
    """One batch of the queue; each message on its own."""
    service = upkeep.follow_case()
    outcomes: Counter[str] = Counter()

    def handle(message: dict[str, Any], line: Line) -> None:
        outcomes.update(f"{name}.{code}" for name, code in service(message).items())
        line.note(outcomes=dict(outcomes))

    return batch.run(event.to_dict(), event.context, function="case", handle=handle)
