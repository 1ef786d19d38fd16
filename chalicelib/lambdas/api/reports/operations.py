"""What the OpenAPI document tells of the week and digests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.answers import Deleted, Page
from chalicelib.lambdas.api.operation import FULL, Operation
from chalicelib.lambdas.api.reading.answers import FeedbackLine
from chalicelib.lambdas.api.reports import answers, schemas

OPERATIONS: Final[Mapping[str, Operation]] = {
    "get_loop": Operation(
        answers.LoopWeek, query=schemas.WeekQuery, errors={422: ("unknown_week", "week_out_of_range")}
    ),
    "list_counted": Operation(Page[FeedbackLine], query=schemas.CountedQuery, errors={422: ("not_counted",)}),
    "create_digest": Operation(
        answers.Digest,
        201,
        schemas.DigestNew,
        errors={409: FULL, 422: ("event_not_taken", "unknown_topic", "unknown_department", "unknown_unit")},
    ),
    "list_digests": Operation(Page[answers.Digest]),
    "delete_digest": Operation(Deleted),
}
