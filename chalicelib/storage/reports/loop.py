"""What the numbers of a week are made of, what was told of it, and digests that endpoints want. Bound by the wiring."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Final

from pynamodb.attributes import ListAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError
from pynamodb.expressions.condition import Condition

from chalicelib.domain.reports.briefing import Briefing
from chalicelib.domain.reports.loop import Happening, Span, Telling
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

KEPT: Final = timedelta(days=400)  # of what was told
SIFTED: Final = 1_000  # entries read at a time where a unit or a department is asked for
_PREFIX: Final = "DIGEST#"
_BEHIND: Final = "!"  # right behind one sort key, and before all others
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
        return {row.feedback for row in _rows(span, what, _bounds(span), _inside(span))}

    def page(self, span: Span, what: str, *, limit: int, cursor: str | None) -> tuple[list[str], str | None]:
        """Up to ``limit`` of them (100 at most), each where it happened first, and the cursor of the next page; a page
        may be short of ``limit``, or empty, although one follows. Raises Invalid (``invalid_cursor``).
        """
        scope, inside, (since, until) = repr((span, what)), _inside(span), _bounds(span)
        after = _position(scope, cursor, since, until) if cursor else None
        onwards = (since if after is None else after + _BEHIND, until)
        found: dict[str, None] = {}
        last, following = after or "", None
        for row in _rows(span, what, onwards, inside, page_size=limit + 1 if inside is None else SIFTED):
            if row.feedback not in found and len(found) == limit:
                following = cursors.encode(scope, {"at": last})
                break
            found[row.feedback] = None
            last = row.sk
        if after is None or not found:
            return list(found), following
        # Which of them an earlier page has: the table looks through what lies before, and sends nothing else.
        these = HappeningRow.feedback.is_in(*found)
        known = {row.feedback for row in _rows(span, what, (since, after), these if inside is None else these & inside)}
        return [one for one in found if one not in known], following


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


def _rows(
    span: Span, what: str, bounds: tuple[str, str], sieve: Condition | None, *, page_size: int | None = None
) -> Iterator[HappeningRow]:
    """In order of time, read ``page_size`` at a time; None: as many as one answer holds, a megabyte."""
    pk, _ = keys.happening(span.workspace, what, span.since, "", 0)
    yield from HappeningRow.query(pk, HappeningRow.sk.between(*bounds), sieve, page_size=page_size)


def _bounds(span: Span) -> tuple[str, str]:
    """A sort key goes on after its instant: the upper end itself is left out."""
    return keys.instant(span.since), keys.instant(span.until)


def _inside(span: Span) -> Condition | None:
    """What the table is asked of a unit with its subtree, and of a department."""
    inside: Condition | None = None
    if span.unit is not None:
        inside = (HappeningRow.unit == span.unit) | HappeningRow.unit.startswith(span.unit + UNIT_SEPARATOR)
    if span.department is not None:
        theirs = HappeningRow.departments.contains(span.department)
        inside = theirs if inside is None else inside & theirs
    return inside


def _position(scope: str, cursor: str, since: str, until: str) -> str:
    position = cursors.decode(scope, cursor).get("at")
    # Bounds that lie the wrong way round are an error to DynamoDB, so a made-up position must not get there.
    if not isinstance(position, str) or not _POSITION.fullmatch(position) or not since <= position < until:
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
