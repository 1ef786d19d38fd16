"""One page of a listing index, read newest first through a filter that may leave most of it out; or of what was worked
out in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex

from chalicelib.storage import cursor as cursors

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


def of_sorted(
    scope: str, identities: Sequence[str], *, limit: int, cursor: str | None
) -> tuple[Sequence[str], str | None]:
    """Up to ``limit`` of ids in their order, and the cursor of the next page; ``scope`` names the list.

    What came or went between two pages is shown once at most, or not. Raises Invalid (``invalid_cursor``).
    """
    after = cursors.decode(scope, cursor).get("at") if cursor is not None else ""
    if not isinstance(after, str):
        raise cursors.invalid()
    start = bisect_right(identities, after)
    shown = identities[start : start + limit]
    more = start + limit < len(identities)
    return shown, cursors.encode(scope, {"at": shown[-1]}) if more else None
