"""The list of a workspace's corrections. The rows themselves stand beside the feedback that they are about."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.reading.correction import Correction
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys, paging
from chalicelib.storage.voice.feedback_rows import CorrectionRow, correction_key, correction_of

MOST_LETTERS: Final = 500_000  # characters of one page's texts: an answer has at most 6 MB
_FIRST, _LAST = "0", "9999"  # before and after every instant
_POSITION: Final = re.compile(r"[0-9TZ:.-]{24}#fb_[a-z0-9_]{1,64}#[0-9]{1,9}#[0-9]{1,9}")


class CorrectionList:
    """Corrections in order of time. The table is bound by the wiring."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def page(
        self, workspace: str, *, since: datetime | None, limit: int, cursor: str | None = None
    ) -> tuple[list[Correction], str | None]:
        """Corrections given at ``since`` or later, last given first, and the cursor of the next page; may be short.

        Raises Invalid (``invalid_cursor``).
        """
        first = keys.instant(since) if since else _FIRST
        scope = "\n".join(("corrections", workspace, first))
        start = None if cursor is None else _start(workspace, scope, cursor)
        between = CorrectionRow.list_sk.between(first, _LAST)
        partition = keys.correction_listing(workspace)
        positions, last = paging.positions(CorrectionRow.listing, partition, between, None, limit=limit, start=start)
        wanted = [correction_key(workspace, position) for position in positions]
        now = int(self._clock().timestamp())
        rows = CorrectionRow.batch_get(wanted, consistent_read=True)
        found = {str(row.list_sk): correction_of(row) for row in rows if row.expires_at > now}
        given: list[Correction] = []
        letters, before = 0, ""
        for position in positions:
            letters += sum(len(text.text) for text in found[position].texts) if position in found else 0
            if given and letters > MOST_LETTERS:
                last = before
                break
            given += [found[position]] if position in found else []
            before = position
        return given, cursors.encode(scope, {"at": last}) if last else None


def _start(workspace: str, scope: str, cursor: str) -> dict[str, Any]:
    position = cursors.decode(scope, cursor).get("at")
    if not isinstance(position, str) or not _POSITION.fullmatch(position):
        raise cursors.invalid()
    pk, sk = correction_key(workspace, position)
    partition = keys.correction_listing(workspace)
    return {"pk": {"S": pk}, "sk": {"S": sk}, "list_pk": {"S": partition}, "list_sk": {"S": position}}
