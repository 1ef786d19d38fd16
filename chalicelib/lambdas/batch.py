"""How every SQS worker answers: each record on its own, one line for the batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

# Imported before anything that imports pydantic: the other order loads every parser model too (aws-powertools #998).
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from chalicelib.observability import Line, reason


def run(
    event: dict[str, Any],
    context: Any,
    *,
    function: str,
    handle: Callable[[dict[str, Any], Line], None],
) -> Any:
    """Call ``handle(body, line)`` for each record; records that raised go back to the queue.

    Returns the partial batch response. A batch in which everything failed is answered the same way:
    a poison message must not look like a crash of the function.
    """
    line = Line(function)
    codes: list[str] = []

    # Powertools calls the handler with record=…; another name fails every record silently.
    def one(record: Any) -> None:
        try:
            handle(json.loads(record.body), line)
        except Exception as error:
            codes.append(reason(error))
            line.count("Failed")
            raise

    if not event.get("Records"):  # a call that only warms the function
        line.write("warm")
        return {"batchItemFailures": []}
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    answer = process_partial_response(event=event, record_handler=one, processor=processor, context=context)
    line.note(records=len(event.get("Records", ())), failures=sorted(set(codes)))
    line.write("batch")
    return answer
