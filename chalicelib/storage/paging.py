"""One page of a listing index, read newest first through a filter that may leave most of it out."""

from __future__ import annotations

from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex

SIFTED: Final = 200  # index entries read at a time where a filter leaves some out
MOST_READS: Final = 10  # reads per page of a list: a rare filter answers with a short page and a cursor


def positions(
    index: GlobalSecondaryIndex[Any],
    partition: str,
    span: Condition | None,
    sieve: Condition | None,
    *,
    limit: int,
    start: dict[str, Any] | None,
) -> tuple[list[str], str | None]:
    """Sort keys of up to ``limit`` entries of a partition, and where to go on; None at the end."""
    pages = index.query(
        partition,
        range_key_condition=span,
        filter_condition=sieve,
        scan_index_forward=False,
        last_evaluated_key=start,
        page_size=limit if sieve is None else SIFTED,
    ).page_iter
    found: list[str] = []
    for number, page in enumerate(pages, start=1):
        found += [item["list_sk"]["S"] for item in page["Items"]]
        if len(found) > limit:
            return found[:limit], found[limit - 1]
        end = pages.last_evaluated_key
        if end is not None and (len(found) == limit or number == MOST_READS):
            return found, end["list_sk"]["S"]
    return found, None
