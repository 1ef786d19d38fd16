"""The review queue: what a person should look at, oldest first, out of its own sparse index."""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from chalicelib.domain.voice.feedback import Feedback
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.voice.feedback_rows import FeedbackRow, ReviewIndex, feedback_of

MOST_LETTERS: Final = 500_000  # characters of one page's texts: an answer has at most 6 MB
_POSITION: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#fb_[\x21-\x7e]{1,64}")
_FIRST: Final = "0"  # before every instant


class ReviewQueue:
    """Feedback whose current reading has review reasons. The table is bound by the wiring."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def page(self, workspace: str, *, limit: int, cursor: str | None = None) -> tuple[list[Feedback], str | None]:
        """At most ``limit``, by arrival, and the cursor of the next page; a page may be short although one follows.

        Raises Invalid (``invalid_cursor``).
        """
        scope = f"review\n{workspace}"
        after = _FIRST if cursor is None else _position(scope, cursor)
        waiting = list(itertools.islice(_entries(workspace, after, limit + 1), limit + 1))
        found: list[Feedback] = []
        letters, last = 0, after
        rows = self._rows(waiting[:limit])
        for entry in waiting[:limit]:
            feedback = rows.get(str(entry.pk))
            letters += sum(len(text.text) for text in feedback.texts) if feedback else 0
            if found and letters > MOST_LETTERS:
                return found, cursors.encode(scope, {"at": last})
            last = str(entry.review_sk)
            if feedback is not None:
                found.append(feedback)
        return found, cursors.encode(scope, {"at": last}) if len(waiting) > limit else None

    def _rows(self, entries: Sequence[FeedbackRow]) -> dict[str, Feedback]:
        """The feedback itself, as far as it is still to be looked at."""
        now = int(self._clock().timestamp())
        wanted = [(str(entry.pk), "FB") for entry in entries]
        rows = {str(row.pk): row for row in FeedbackRow.batch_get(wanted, consistent_read=True)}
        return {pk: feedback_of(row) for pk, row in rows.items() if row.review_pk and row.expires_at > now}


def _entries(workspace: str, after: str, page_size: int) -> Iterator[FeedbackRow]:
    """The entries of all shards after a position, oldest first; each shard is read only as far as it is looked at."""
    shards = [
        FeedbackRow.review.query(keys.review(workspace, shard), ReviewIndex.review_sk > after, page_size=page_size)
        for shard in range(keys.REVIEW_SHARDS)
    ]
    return heapq.merge(*shards, key=lambda row: str(row.review_sk))


def _position(scope: str, cursor: str) -> str:
    position = cursors.decode(scope, cursor).get("at")
    if not isinstance(position, str) or not _POSITION.fullmatch(position):
        raise cursors.invalid()
    return position
