"""Rows of deliveries, and their mapping to the domain and back.

The outbox reads ``state`` and ``code`` of a delivery from the stream; the listing index carries ``id`` and ``state``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.domain.outbound.delivery import ATTEMPT_KEPT, KEPT, Attempt, CallMade, Delivery
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

WINDOW_KEPT: Final = 86_400  # seconds a target's log is kept after its last use


class ListingIndex(GlobalSecondaryIndex["DeliveryRow"]):  # type: ignore[no-untyped-call]
    """Newest first, by workspace."""

    class Meta:
        index_name = "listing"
        projection = IncludeProjection(["id", "state"])

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class DeliveryRow(Row):
    """``doc`` is the thin bus event. ``lease`` is the token of the worker that holds it until ``lease_until``."""

    workspace = UnicodeAttribute()
    id = UnicodeAttribute()
    endpoint = UnicodeAttribute()
    subject = UnicodeAttribute()
    sequence = NumberAttribute()
    mark = UnicodeAttribute(default="")
    event_type = UnicodeAttribute()
    occurred_at = UnicodeAttribute(default="")
    state = UnicodeAttribute()
    code = UnicodeAttribute(default="")
    attempts = NumberAttribute(default=0)
    base = NumberAttribute(default=0)
    version = NumberAttribute(default=1)
    lagging = BooleanAttribute(default=False)
    next_at = UnicodeAttribute(null=True)
    lease = UnicodeAttribute(null=True)
    lease_until = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    list_pk = UnicodeAttribute()
    list_sk = UnicodeAttribute()
    doc = PackedJSONAttribute()

    listing = ListingIndex()


class AttemptRow(Row):
    """One call. ``answer`` is masked before it comes here."""

    number = NumberAttribute()
    at = UnicodeAttribute()
    code = UnicodeAttribute(default="")
    duration_ms = NumberAttribute()
    status = NumberAttribute(null=True)
    answer = UnicodeAttribute(default="")
    ambiguous = BooleanAttribute(default=False)
    calls = PackedJSONAttribute(null=True)


class LaggingRow(Row):
    """That an endpoint has not taken a delivery yet: what a resume releases and a deletion cancels."""


class CrowdRow(Row):
    """That a robot's limit has turned a delivery away; the key says which. A hint: the delivery's own row decides."""


class TargetWindowRow(Row):
    """The sliding log of one target: ``doc`` holds its times. ``version`` is the optimistic lock."""

    version = NumberAttribute()
    doc = PackedJSONAttribute()


def delivery_key(delivery: Delivery) -> tuple[str, str]:
    return keys.delivery(delivery.workspace, delivery.subject, delivery.endpoint, delivery.sequence, delivery.mark)


def delivery_row(delivery: Delivery) -> DeliveryRow:
    created = keys.instant(delivery.created_at)
    pk, sk = delivery_key(delivery)
    return DeliveryRow(
        pk,
        sk,
        workspace=delivery.workspace,
        id=delivery.id,
        endpoint=delivery.endpoint,
        subject=delivery.subject,
        sequence=delivery.sequence,
        mark=delivery.mark,
        event_type=delivery.event_type,
        occurred_at=delivery.occurred_at,
        state=delivery.state,
        code=delivery.code,
        attempts=delivery.attempts,
        base=delivery.base,
        version=delivery.version,
        lagging=delivery.lagging,
        next_at=_text(delivery.next_at),
        lease_until=_text(delivery.lease_until),
        created_at=created,
        updated_at=keys.instant(delivery.updated_at),
        list_pk=keys.delivery_listing(delivery.workspace),
        list_sk=f"{created}#{delivery.id}",
        doc=dict(delivery.detail),
        expires_at=int((delivery.created_at + KEPT).timestamp()),
    )


def delivery_of(row: DeliveryRow) -> Delivery:
    return Delivery(
        workspace=row.workspace,
        id=row.id,
        endpoint=row.endpoint,
        subject=row.subject,
        sequence=int(row.sequence),
        mark=row.mark or "",
        event_type=row.event_type,
        state=row.state,
        created_at=datetime.fromisoformat(row.created_at),
        updated_at=datetime.fromisoformat(row.updated_at),
        occurred_at=row.occurred_at or "",
        detail=row.doc,
        code=row.code or "",
        attempts=int(row.attempts),
        base=int(row.base),
        version=int(row.version),
        next_at=_moment(row.next_at),
        lease_until=_moment(row.lease_until),
        lagging=bool(row.lagging),
    )


def plan_actions(after: Delivery) -> list[Action]:
    """What a change of plan writes; it always ends a lease."""
    return [
        DeliveryRow.state.set(after.state),
        DeliveryRow.code.set(after.code),
        DeliveryRow.attempts.set(after.attempts),
        DeliveryRow.base.set(after.base),
        DeliveryRow.version.set(after.version),
        DeliveryRow.lagging.set(after.lagging),
        DeliveryRow.updated_at.set(keys.instant(after.updated_at)),
        DeliveryRow.next_at.remove() if after.next_at is None else DeliveryRow.next_at.set(keys.instant(after.next_at)),
        DeliveryRow.lease.remove(),
        DeliveryRow.lease_until.remove(),
    ]


def attempt_row(workspace: str, delivery_id: str, attempt: Attempt) -> AttemptRow:
    pk, sk = keys.delivery_attempt(workspace, delivery_id, attempt.number)
    return AttemptRow(
        pk,
        sk,
        number=attempt.number,
        at=keys.instant(attempt.at),
        code=attempt.code,
        duration_ms=attempt.duration_ms,
        status=attempt.status,
        answer=attempt.answer,
        ambiguous=attempt.ambiguous,
        calls=[[call.step, call.code, call.duration_ms, call.status] for call in attempt.calls] or None,
        expires_at=int((attempt.at + ATTEMPT_KEPT).timestamp()),
    )


def attempt_of(row: AttemptRow) -> Attempt:
    return Attempt(
        number=int(row.number),
        at=datetime.fromisoformat(row.at),
        code=row.code or "",
        duration_ms=int(row.duration_ms),
        status=None if row.status is None else int(row.status),
        answer=row.answer or "",
        ambiguous=bool(row.ambiguous),
        calls=tuple(CallMade(*call) for call in row.calls or ()),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else keys.instant(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
