"""Follow-ups in the table, bound by the wiring. What the stream tells of an open one stands on top."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.domain.contact.followup import OPEN, Followup
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys, paging
from chalicelib.storage.table import PackedJSONAttribute, Row

KEPT: Final = timedelta(days=365)
_FIRST, _LAST = "0", "9999"  # before and after every instant
_POSITION: Final = re.compile(r"[0-9TZ:.-]{24}#fu_[a-z2-7]{26}")


class FollowupListing(GlobalSecondaryIndex["FollowupRow"]):  # type: ignore[no-untyped-call]
    """A workspace's follow-ups by when they were decided."""

    class Meta:
        index_name = "listing"
        projection = IncludeProjection(["state", "owner"])

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class FollowupRow(Row):
    """``feedback``, ``department`` and the like are what the event of an open one tells."""

    workspace = UnicodeAttribute()
    id = UnicodeAttribute()
    state = UnicodeAttribute()
    feedback = UnicodeAttribute()
    unit = UnicodeAttribute(null=True)
    department = UnicodeAttribute(null=True)
    owner = UnicodeAttribute(null=True)
    list_pk = UnicodeAttribute()
    list_sk = UnicodeAttribute()
    doc = PackedJSONAttribute()

    listing = FollowupListing()


class FollowupStore:
    """``services.contact.suggest_followup.Followups``, and the list."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def get(self, workspace: str, followup_id: str) -> Followup | None:
        """Strongly consistent."""
        try:
            return _followup_of(FollowupRow.get(*keys.followup(workspace, followup_id), consistent_read=True))
        except DoesNotExist:
            return None

    def create(self, followup: Followup) -> bool:
        """Write it, which puts an open one on the bus; False when there is one."""
        try:
            _row(followup).save(FollowupRow.pk.does_not_exist())
        except PutError as error:
            return _lost(error)
        return True

    def end(self, followup: Followup) -> bool:
        """Write how it ended; False when it is not open any more."""
        try:
            _row(followup).save(FollowupRow.state == OPEN)
        except PutError as error:
            return _lost(error)
        return True

    def page(
        self,
        workspace: str,
        *,
        state: str | None,
        owner: str | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
        cursor: str | None,
    ) -> tuple[Sequence[Followup], str | None]:
        """One page of ``since`` ≤ time < ``until``, newest first; it may be short of ``limit`` although one follows.

        Raises Invalid (``invalid_cursor``).
        """
        span = (keys.instant(since) if since else _FIRST, keys.instant(until) if until else _LAST)
        sieve = None if state is None else FollowupRow.state == state
        if owner is not None:
            sieve = (FollowupRow.owner == owner) if sieve is None else sieve & (FollowupRow.owner == owner)
        scope = "\n".join(("followups", workspace, state or "", owner or "", *span))
        start = _start(workspace, scope, span, cursor) if cursor else None
        between = FollowupRow.list_sk.between(*span)
        positions, last = paging.positions(
            FollowupRow.listing, keys.followup_listing(workspace), between, sieve, limit=limit, start=start
        )
        wanted = [keys.followup(workspace, position.rpartition("#")[2]) for position in positions]
        found = {row.list_sk: _followup_of(row) for row in FollowupRow.batch_get(wanted, consistent_read=True)}
        return [found[one] for one in positions if one in found], cursors.encode(scope, {"at": last}) if last else None


def _start(workspace: str, scope: str, span: tuple[str, str], cursor: str) -> dict[str, dict[str, str]]:
    position = cursors.decode(scope, cursor).get("at")
    # A start outside of the span is an error to DynamoDB, so a made-up one must not get there.
    if not isinstance(position, str) or not _POSITION.fullmatch(position) or not span[0] <= position <= span[1]:
        raise cursors.invalid()
    pk, sk = keys.followup(workspace, position.rpartition("#")[2])
    start = {"pk": pk, "sk": sk, "list_pk": keys.followup_listing(workspace), "list_sk": position}
    return {name: {"S": value} for name, value in start.items()}


def _lost(error: PutError) -> bool:
    """False; raises ``error`` unless it was its condition that failed."""
    if error.cause_response_code != "ConditionalCheckFailedException":
        raise error
    return False


def _row(one: Followup) -> FollowupRow:
    return FollowupRow(
        *keys.followup(one.workspace, one.id),
        workspace=one.workspace,
        id=one.id,
        state=one.state,
        feedback=one.feedback,
        unit=one.unit,
        department=one.department,
        owner=one.owner,
        list_pk=keys.followup_listing(one.workspace),
        list_sk=f"{keys.instant(one.at)}#{one.id}",
        doc={
            "at": one.at.isoformat(),
            "customer": one.customer,
            "reasons": one.reasons,
            "next_at": one.next_at.isoformat() if one.next_at else None,
            "closed_by": one.closed_by,
            "closed_at": one.closed_at.isoformat() if one.closed_at else None,
            "note": one.note,
        },
        expires_at=int((one.at + KEPT).timestamp()),
    )


def _followup_of(row: FollowupRow) -> Followup:
    doc = row.doc
    return Followup(
        workspace=row.workspace,
        id=row.id,
        feedback=row.feedback,
        state=row.state,
        at=datetime.fromisoformat(doc["at"]),
        customer=doc["customer"],
        unit=row.unit,
        department=row.department,
        owner=row.owner,
        reasons=tuple(doc["reasons"]),
        next_at=_moment(doc["next_at"]),
        closed_by=doc["closed_by"],
        closed_at=_moment(doc["closed_at"]),
        note=doc["note"],
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
