"""Feedback in the table: one conditional put for a new one, one transaction for anything that replaces a row.

Every replacement is conditional on the row being exactly as it was read: no worker overwrites what another one
noted meanwhile. Methods that answer False, or the row that stands in the way, leave the decision to the service.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from pynamodb.attributes import Attribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.reading.correction import Correction
from chalicelib.domain.voice.feedback import Closing, Feedback
from chalicelib.errors import Retryable
from chalicelib.storage import keys
from chalicelib.storage.table import Row, committed, in_the_way, put, transaction
from chalicelib.storage.voice.feedback_rows import (
    CORRECTION_PREFIX,
    READING_PREFIX,
    REVISION_PREFIX,
    AwaitingIndex,
    CorrectionRow,
    FeedbackRow,
    RawBodyRow,
    ReadingRow,
    correction_of,
    correction_row,
    current_row,
    earlier_of,
    feedback_of,
    older_row,
    pack_closing,
    pack_facets,
    pack_seen,
    reading_row,
    split_key,
)

PARKED_DAYS: Final = 30
MOST_AWAITING: Final = 10_000  # index entries of one shard that a look takes in
MOST_ERASED: Final = 90  # rows beside the current one in one transaction, which takes 100 rows
_TRIES: Final = 4  # of a bookkeeping update that others get in the way of


class FeedbackStore:
    """``services.ports.FeedbackReader``, and what enrich and sweep write. ``keep_days`` is the retention."""

    def __init__(self, *, keep_days: int, clock: Callable[[], datetime]) -> None:
        self._keep_days = keep_days
        self._clock = clock

    # --- reading ------------------------------------------------------------------------------------------------

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        """The current revision, strongly consistent; None when there is none or it has expired."""
        try:
            row = FeedbackRow.get(*keys.feedback(workspace, feedback_id), consistent_read=True)
        except DoesNotExist:
            return None
        return None if self._is_expired(row) else feedback_of(row)

    def revisions(self, workspace: str, feedback_id: str) -> Sequence[Feedback]:
        """The older revisions, by number, strongly consistent."""
        pk, _ = keys.feedback(workspace, feedback_id)
        rows = FeedbackRow.query(pk, FeedbackRow.sk.startswith(REVISION_PREFIX), consistent_read=True)
        return [feedback_of(row) for row in rows if not self._is_expired(row)]

    def readings(self, current: Feedback) -> Sequence[Feedback]:
        """The readings before the current one, of all revisions, in order.

        A revision that moved up when an older one came late is found by its content.
        """
        pk, _ = keys.feedback(current.workspace, current.id)
        rows = ReadingRow.query(pk, ReadingRow.sk.startswith(READING_PREFIX), consistent_read=True)
        older = self.revisions(current.workspace, current.id)
        said = {one.content_hash: one for one in (*older, current)}
        found = [
            earlier_of(row, said[row.content_hash or ""])
            for row in rows
            if not self._is_expired(row) and (row.content_hash or "") in said
        ]
        return sorted((*older, *found), key=lambda one: (one.revision, one.reading))

    def corrections(self, workspace: str, feedback_id: str) -> Sequence[Correction]:
        """What analysts put right about one feedback, in order."""
        pk, _ = keys.feedback(workspace, feedback_id)
        rows = CorrectionRow.query(pk, CorrectionRow.sk.startswith(CORRECTION_PREFIX), consistent_read=True)
        return [correction_of(row) for row in rows if not self._is_expired(row)]

    def awaiting_before(self, moment: datetime) -> Iterator[tuple[str, str, datetime]]:
        """(workspace, id, since when) of feedback that has waited for an action since before ``moment``.

        Newest first and bounded: what is stuck for good must not hide what is not.
        """
        for shard in range(keys.AWAITING_SHARDS):
            since = AwaitingIndex.awaiting_since < keys.instant(moment)
            partition = keys.awaiting(shard)
            for row in FeedbackRow.waiting.query(partition, since, scan_index_forward=False, limit=MOST_AWAITING):
                yield *split_key(row.pk), datetime.fromisoformat(row.awaiting_since)

    # --- arriving -----------------------------------------------------------------------------------------------

    def create(self, feedback: Feedback) -> Feedback | None:
        """Write a new feedback; the one that already has its id when there is one, without another read."""
        standing = put(current_row(feedback, keep_days=self._keep_days), self._is_free())
        return None if standing is None else feedback_of(FeedbackRow.from_raw_data(standing))

    def supersede(self, old: Feedback, new: Feedback) -> bool:
        """``new`` becomes current and ``old`` stays beside it; False when the row is no longer ``old``."""
        with_old = transaction()
        with_old.save(older_row(old, old.revision, keep_days=self._keep_days), condition=self._is_free())
        with_old.save(current_row(new, keep_days=self._keep_days), condition=_is_still(old))
        return committed(with_old)

    def reread(self, old: Feedback, new: Feedback, correction: Correction | None = None) -> bool:
        """``new``, a later reading, becomes current; what the one before said stays beside it, and so does the
        correction that asked for it. False when the row is no longer ``old``."""
        again = transaction()
        again.save(reading_row(old, keep_days=self._keep_days))
        if correction is not None:
            again.save(correction_row(correction, old, keep_days=self._keep_days))
        again.save(current_row(new, keep_days=self._keep_days), condition=_is_still(old))
        return committed(again)

    def keep_older(self, current: Feedback, renumbered: Feedback, older: Feedback) -> bool:
        """Keep ``older`` beside the current revision, which only changes its number and what it has seen."""
        beside = transaction()
        beside.save(older_row(older, older.revision, keep_days=self._keep_days), condition=self._is_free())
        actions: list[Action] = [
            FeedbackRow.revision.set(renumbered.revision),
            FeedbackRow.facets.set(pack_facets(renumbered)),
            FeedbackRow.seen.set(pack_seen(renumbered.seen) or "{}"),
        ]
        beside.update(_key_row(current), actions, condition=_is_still(current))
        return committed(beside)

    def erase_words(self, old: Feedback, tombstone: Feedback) -> bool:
        """``tombstone`` becomes current; every older revision, reading and correction goes. False when the row is no
        longer ``old``.

        More of them than fit a transaction go before it: afterwards nobody would come back for them.
        """
        erasing = transaction()
        pk, current = keys.feedback(old.workspace, old.id)
        found = FeedbackRow.query(pk, consistent_read=True, attributes_to_get=["pk", "sk"])
        for number, row in enumerate(one for one in found if one.sk != current):
            if number < MOST_ERASED:
                erasing.delete(row)
            else:
                row.delete()
        erasing.save(current_row(tombstone, keep_days=self._keep_days), condition=_is_still(old))
        return committed(erasing)

    def remember(self, old: Feedback, new: Feedback) -> bool:
        """Note the deliveries seen and the order of the current content; False when the row is no longer ``old``."""
        actions: list[Action] = [FeedbackRow.seen.set(pack_seen(new.seen) or "{}")]
        if new.revision_order != old.revision_order:
            actions.append(FeedbackRow.order.set(new.revision_order))
        return _updated(old, actions, _is_still(old))

    # --- parking ------------------------------------------------------------------------------------------------

    def park(self, parked: Feedback, raw: bytes) -> Feedback | None:
        """Keep content that could not be read, with its sealed body, for 30 days; what has its id when taken."""
        parking = transaction()
        row = current_row(parked, keep_days=PARKED_DAYS)
        parking.save(row, condition=self._is_free(), return_values="ALL_OLD")
        parking.save(_raw_row(parked, raw, row))
        reasons = in_the_way(parking)
        if not reasons:
            return None
        standing = next((reason.raw_item for reason in reasons if reason.raw_item), None)
        if standing is None:
            raise Retryable("Another worker is writing the same feedback.", code="contended")
        return feedback_of(FeedbackRow.from_raw_data(standing))

    def park_again(self, old: Feedback, new: Feedback) -> bool:
        """Change a parked row's reason; False when the row is no longer ``old``."""
        return put(current_row(new, keep_days=PARKED_DAYS), _is_still(old)) is None

    def unpark(self, parked: Feedback, feedback: Feedback) -> bool:
        """What was parked has been read: ``feedback`` takes its row and the raw body goes."""
        replacing = transaction()
        replacing.delete(_raw_key_row(parked))
        keep_days = self._keep_days if feedback.reading else PARKED_DAYS
        replacing.save(current_row(feedback, keep_days=keep_days), condition=_is_still(parked))
        return committed(replacing)

    def displace(self, parked: Feedback, elsewhere: Feedback, raw: bytes, feedback: Feedback) -> bool:
        """``feedback`` takes the row of another delivery of its response that is parked; that one moves ``elsewhere``.

        ``raw`` is its body, sealed again for its new id.
        """
        moving = transaction()
        moving.delete(_raw_key_row(parked))
        row = current_row(elsewhere, keep_days=PARKED_DAYS)
        moving.save(row, condition=self._is_free())
        moving.save(_raw_row(elsewhere, raw, row))
        moving.save(current_row(feedback, keep_days=self._keep_days), condition=_is_still(parked))
        return committed(moving)

    def raw_body(self, workspace: str, feedback_id: str) -> bytes | None:
        """The sealed body of a parked feedback; None when there is none or it has expired."""
        try:
            row = RawBodyRow.get(*keys.parked_body(workspace, feedback_id), consistent_read=True)
        except DoesNotExist:
            return None
        return None if self._is_expired(row) else bytes(row.body)

    # --- bookkeeping --------------------------------------------------------------------------------------------

    def action_done(self, feedback: Feedback, action: str, *, at: datetime, ticket: str | None = None) -> bool:
        """See ``services.ports.FeedbackReader``. Raises Retryable when others got in the way again and again."""
        current: Feedback | None = feedback
        for _ in range(_TRIES):
            if current is None or (current.revision, current.reading) != (feedback.revision, feedback.reading):
                return False
            if action not in current.awaiting or self._tick_off(current, action, at, ticket):
                return True
            current = self.get(feedback.workspace, feedback.id)
        raise Retryable("The feedback kept changing while an action was noted on it.", code="contended")

    def close(self, feedback: Feedback, closing: Closing, state: str) -> bool:
        """Put a feedback away, ``closed`` or ``answered``; False when it is no longer as it was read."""
        actions: list[Action] = [FeedbackRow.state.set(state), FeedbackRow.closing.set(pack_closing(closing))]
        return _updated(feedback, actions, _is_still(feedback))

    def settle(self, feedback: Feedback, state: str) -> bool:
        """Say what a feedback has come to; False when it is no longer as it was read."""
        return _updated(feedback, [FeedbackRow.state.set(state)], _is_still(feedback))

    def _tick_off(self, current: Feedback, action: str, at: datetime, ticket: str | None) -> bool:
        left = set(current.awaiting) - {action}
        actions: list[Action] = []
        if left:
            actions.append(FeedbackRow.awaiting.set(left))
        else:
            actions.extend(
                (
                    FeedbackRow.awaiting.remove(),
                    FeedbackRow.awaiting_pk.remove(),
                    FeedbackRow.awaiting_since.remove(),
                    FeedbackRow.acted_at.set(keys.instant(at)),
                )
            )
        if ticket is not None:
            actions.append(FeedbackRow.ticket.set(ticket))
            if current.state == "new" or current.closing is not None:  # a person closed it too early
                actions.append(FeedbackRow.state.set("ticketed"))
        return _updated(current, actions, _is_still(current))

    # --- expiry -------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock().timestamp())

    def _is_expired(self, row: Row) -> bool:
        return row.expires_at is not None and row.expires_at <= self._now()

    def _is_free(self) -> Condition:
        """No row, or one that TTL has not yet got to."""
        condition: Condition = FeedbackRow.pk.does_not_exist() | (FeedbackRow.expires_at <= self._now())
        return condition


def _is_still(feedback: Feedback) -> Condition:
    """The row is as it was read: same revision and reading, and nothing noted on it since."""
    condition: Condition = functools.reduce(
        operator.and_,
        (
            FeedbackRow.revision == feedback.revision,
            FeedbackRow.reading == feedback.reading,
            FeedbackRow.state == feedback.state,
            _is_same(FeedbackRow.awaiting, set(feedback.awaiting) or None),
            _is_same(FeedbackRow.ticket, feedback.ticket),
            _is_same(FeedbackRow.seen, pack_seen(feedback.seen)),
        ),
    )
    return condition


def _is_same(attribute: Attribute[Any], value: Any) -> Condition:
    return attribute.does_not_exist() if value is None else attribute == value


def _key_row(feedback: Feedback) -> FeedbackRow:
    return FeedbackRow(*keys.feedback(feedback.workspace, feedback.id))


def _raw_key_row(feedback: Feedback) -> RawBodyRow:
    return RawBodyRow(*keys.parked_body(feedback.workspace, feedback.id))


def _raw_row(parked: Feedback, raw: bytes, row: FeedbackRow) -> RawBodyRow:
    """The sealed body, kept as long as its row."""
    return RawBodyRow(*keys.parked_body(parked.workspace, parked.id), body=raw, expires_at=row.expires_at)


def _updated(feedback: Feedback, actions: list[Action], condition: Condition) -> bool:
    try:
        _key_row(feedback).update(actions, condition=condition)
    except UpdateError as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            return False
        raise
    return True
