"""What the numbers of a week are made of, what was told of it, and digests that endpoints want. Bound by the wiring."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Final

from pynamodb.attributes import ListAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from chalicelib.domain.reports.briefing import Briefing
from chalicelib.domain.reports.loop import Happening, Span, Telling
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

KEPT: Final = timedelta(days=400)  # of what was told
PAGE: Final = 200  # entries read at a time
_PREFIX: Final = "DIGEST#"
_POSITION: Final = re.compile(r"[0-9TZ:.-]{24}#tk_[a-z2-7]{26}#[0-9]{6}")


class HappeningRow(Row):
    """Written once. What, when, of which ticket and version stands in its key."""

    feedback = UnicodeAttribute()
    unit = UnicodeAttribute(null=True)
    departments: ListAttribute[str] = ListAttribute(null=True)


class TellingRow(Row):
    """Written once; the stream makes an event of it. ``told`` is the event's detail, in JSON."""

    workspace = UnicodeAttribute()
    type = UnicodeAttribute()
    subject = UnicodeAttribute()
    slot = UnicodeAttribute()
    told = UnicodeAttribute()


class BriefingRow(Row):
    doc = PackedJSONAttribute()


class LoopBook:
    """Things that happened to tickets, by time. They go when the voices of their day do."""

    def __init__(self, *, keep_days: int) -> None:
        self._kept = timedelta(days=keep_days)

    def note(self, workspace: str, one: Happening) -> None:
        """Write it down; the same again changes nothing."""
        HappeningRow(
            *keys.happening(workspace, one.what, one.at, one.ticket, one.version),
            feedback=one.feedback,
            unit=one.unit,
            departments=list(one.departments) or None,
            expires_at=int((one.at + self._kept).timestamp()),
        ).save()

    def voices(self, span: Span, what: str) -> set[str]:
        """Ids of all voices that it happened to in a span."""
        return {row.feedback for row in _rows(span, what)}

    def page(self, span: Span, what: str, *, limit: int, cursor: str | None) -> tuple[list[str], str | None]:
        """Up to ``limit`` of them, each where it happened first, and the cursor of the next page.

        Raises Invalid (``invalid_cursor``).
        """
        scope = repr((span, what))
        after = _position(scope, cursor) if cursor else ""
        seen: set[str] = set()
        found: list[str] = []
        last = after
        # From the beginning: whether a voice was on an earlier page is known of those pages alone.
        for row in _rows(span, what):
            if row.feedback not in seen and row.sk > after:
                if len(found) == limit:
                    return found, cursors.encode(scope, {"at": last})
                found.append(row.feedback)
            seen.add(row.feedback)
            last = row.sk
        return found, None


class Tellings:
    """What the bus was told of weeks and digests, each slot once."""

    def tell(self, one: Telling, at: datetime) -> bool:
        """Have it told; False when it was."""
        try:
            telling_row(one, at).save(TellingRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True


def telling_row(one: Telling, at: datetime) -> TellingRow:
    return TellingRow(
        *keys.telling(one.workspace, one.subject, one.slot),
        workspace=one.workspace,
        type=one.type,
        subject=one.subject,
        slot=one.slot,
        told=json.dumps(dict(one.detail), ensure_ascii=False, separators=(",", ":")),
        expires_at=int((at + KEPT).timestamp()),
    )


class BriefingStore:
    """The digests of workspaces; strongly consistent."""

    def put(self, one: Briefing) -> None:
        doc = {
            "endpoint": one.endpoint,
            "kind": one.kind,
            "every": one.every,
            "at": one.at.isoformat("minutes"),
            "created_at": one.created_at.isoformat(),
            "by": one.by,
            "unit": one.unit,
            "topics": one.topics,
            "departments": one.departments,
        }
        BriefingRow(*keys.briefing(one.workspace, one.id), doc=doc).save()

    def get(self, workspace: str, briefing_id: str) -> Briefing | None:
        try:
            return _briefing(BriefingRow.get(*keys.briefing(workspace, briefing_id), consistent_read=True))
        except DoesNotExist:
            return None

    def of(self, workspace: str) -> Sequence[Briefing]:
        """All of a workspace."""
        rows = BriefingRow.query(keys.directory(workspace), BriefingRow.sk.startswith(_PREFIX), consistent_read=True)
        return [_briefing(row) for row in rows]

    def delete(self, workspace: str, briefing_id: str) -> None:
        BriefingRow(*keys.briefing(workspace, briefing_id)).delete()


def _rows(span: Span, what: str) -> Iterator[HappeningRow]:
    """In order of time. A sort key goes on after its instant: the upper end itself is left out."""
    pk, _ = keys.happening(span.workspace, what, span.since, "", 0)
    between = HappeningRow.sk.between(keys.instant(span.since), keys.instant(span.until))
    for row in HappeningRow.query(pk, between, page_size=PAGE):
        if span.department is not None and span.department not in (row.departments or ()):
            continue
        if span.unit is None or f"{row.unit or ''}{UNIT_SEPARATOR}".startswith(span.unit + UNIT_SEPARATOR):
            yield row


def _position(scope: str, cursor: str) -> str:
    position = cursors.decode(scope, cursor).get("at")
    if not isinstance(position, str) or not _POSITION.fullmatch(position):
        raise cursors.invalid()
    return position


def _briefing(row: BriefingRow) -> Briefing:
    doc = row.doc
    return Briefing(
        workspace=row.pk.partition("#")[2],
        id=row.sk.removeprefix(_PREFIX),
        endpoint=doc["endpoint"],
        kind=doc["kind"],
        every=doc["every"],
        at=time.fromisoformat(doc["at"]),
        created_at=datetime.fromisoformat(doc["created_at"]),
        by=doc["by"],
        unit=doc["unit"],
        topics=tuple(doc["topics"]),
        departments=tuple(doc["departments"]),
    )
