"""Deliveries, their attempts, what an endpoint has not taken, and the sliding log of each target."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pynamodb.exceptions import DoesNotExist, PutError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.outbound.delivery import Attempt, Delivery, parse_id
from chalicelib.domain.outbound.ratelimit import Limit, Window, admit
from chalicelib.errors import Retryable
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys, paging
from chalicelib.storage.outbound import delivery_rows as rows
from chalicelib.storage.outbound.delivery_rows import AttemptRow, CrowdRow, DeliveryRow, LaggingRow, TargetWindowRow
from chalicelib.storage.table import in_the_way, transaction

WINDOW_TRIES: Final = 12  # races for one target's log that a worker runs before it comes back later
CONTENDED: Final = 1.0  # seconds to come back in then
CONFLICT_TRIES: Final = 4  # times a plan is written when another transaction is at the row in the same moment

_REFUSED: Final = "ConditionalCheckFailedException"
_POSITION: Final = re.compile(r"[0-9TZ:.-]{24}#dl-[A-Za-z0-9_-]{1,300}")


class DeliveryStore:
    """Every read is strongly consistent but for lists. The table is bound by the wiring."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def create(self, delivery: Delivery) -> bool:
        """Write a new delivery; False when it is there already."""
        try:
            rows.delivery_row(delivery).save(DeliveryRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code == _REFUSED:
                return False
            raise
        return True

    def get(self, workspace: str, delivery_id: str) -> Delivery | None:
        """None for one that there is not, or that has expired."""
        parts = parse_id(delivery_id)
        if parts is None:
            return None
        try:
            row = DeliveryRow.get(*keys.delivery(workspace, *parts), consistent_read=True)
        except DoesNotExist:
            return None
        return rows.delivery_of(row) if self._lives(row) else None

    def lane(self, workspace: str, subject: str, endpoint: str) -> list[Delivery]:
        """All deliveries of one subject to one endpoint, in order."""
        pk, _ = keys.delivery(workspace, subject, endpoint, 0)
        found = DeliveryRow.query(pk, DeliveryRow.sk.startswith(keys.delivery_lane(endpoint)), consistent_read=True)
        return [rows.delivery_of(row) for row in found if self._lives(row)]

    def lease(self, delivery: Delivery, until: datetime) -> str | None:
        """Take the delivery until then; the token that ``change`` needs, None when somebody else has it.

        It counts the attempt: one whose worker dies is not made again under its number, nor for ever.
        """
        token = secrets.token_hex(8)
        now = keys.instant(self._clock())
        free = (DeliveryRow.state == "waiting") | ((DeliveryRow.state == "sending") & (DeliveryRow.lease_until < now))
        actions: list[Action] = [
            DeliveryRow.state.set("sending"),
            DeliveryRow.attempts.set(delivery.attempts + 1),
            DeliveryRow.lease.set(token),
            DeliveryRow.lease_until.set(keys.instant(until)),
        ]
        try:
            DeliveryRow(*rows.delivery_key(delivery)).update(
                actions, condition=(DeliveryRow.version == delivery.version) & free
            )
        except UpdateError as error:
            if error.cause_response_code == _REFUSED:
                return None
            raise
        return token

    def change(self, before: Delivery, after: Delivery, *, lease: str | None = None) -> bool:
        """Write the new plan; False when ``before`` is no longer what is stored, or the lease was lost.

        Without a lease a delivery that somebody is sending is left alone. The list of what its endpoint has not
        taken is kept in the same transaction.
        """
        condition = DeliveryRow.version == before.version
        if lease is not None:
            condition = condition & (DeliveryRow.lease == lease)
        else:
            now = keys.instant(self._clock())
            condition = condition & ((DeliveryRow.state != "sending") | (DeliveryRow.lease_until < now))
        row = DeliveryRow(*rows.delivery_key(before))
        if before.lagging == after.lagging:
            return _updated(row, after, condition)
        return _updated_and_listed(row, after, condition)

    # --- attempts ---------------------------------------------------------------------------------------------

    def add_attempt(self, delivery: Delivery, attempt: Attempt) -> None:
        """Remember one call; a second try at writing the same number replaces it."""
        rows.attempt_row(delivery.workspace, delivery.id, attempt).save()

    def attempts(self, workspace: str, delivery_id: str) -> list[Attempt]:
        """All calls that are kept, oldest first."""
        pk, _ = keys.delivery_attempt(workspace, delivery_id, 0)
        return [rows.attempt_of(row) for row in AttemptRow.query(pk, consistent_read=True) if self._lives(row)]

    # --- what an endpoint has not taken -----------------------------------------------------------------------

    def lagging(self, workspace: str, endpoint: str, *, after: str = "", limit: int = 100) -> list[str]:
        """Ids of deliveries that waited for a retry or are held, from behind ``after`` on."""
        behind = LaggingRow.sk > after if after else None
        found = LaggingRow.query(
            keys.lagging(workspace, endpoint), behind, limit=limit, page_size=limit, consistent_read=True
        )
        return [row.sk for row in found]

    def forget_lagging(self, workspace: str, endpoint: str, delivery_id: str) -> None:
        """Strike an id off whose delivery has expired."""
        LaggingRow(keys.lagging(workspace, endpoint), delivery_id).delete()

    # --- what a robot's limit has turned away ------------------------------------------------------------------

    def join_crowd(self, workspace: str, endpoint: str, place: str) -> None:
        """Note who waits for the limit of an endpoint's target. Twice is once."""
        expires_at = int(self._clock().timestamp()) + rows.WINDOW_KEPT
        CrowdRow(keys.crowd(workspace, endpoint), place, expires_at=expires_at).save()

    def crowd(self, workspace: str, endpoint: str, *, after: str = "", limit: int = 100) -> list[str]:
        """Who waits, in the order of ``domain.outbound.bundle.position``, from behind ``after`` on."""
        behind = CrowdRow.sk > after if after else None
        found = CrowdRow.query(
            keys.crowd(workspace, endpoint), behind, limit=limit, page_size=limit, consistent_read=True
        )
        return [row.sk for row in found]

    def leave_crowd(self, workspace: str, endpoint: str, places: Sequence[str]) -> None:
        """Strike off who no longer waits."""
        pk = keys.crowd(workspace, endpoint)
        with CrowdRow.batch_write() as batch:
            for place in places:
                batch.delete(CrowdRow(pk, place))

    # --- lists ------------------------------------------------------------------------------------------------

    def page(
        self,
        workspace: str,
        *,
        ticket: str | None = None,
        endpoint: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Delivery], str | None]:
        """Deliveries, newest first, and the cursor of the next page, None at the end.

        ``since`` ≤ created < ``until``. A page may be short of ``limit`` although a cursor follows; those of one ticket
        are read by its key, however many there are of others. Raises Invalid (``invalid_cursor``).
        """
        bounds = (_bound(since), _bound(until))
        scope = "\n".join(
            ("deliveries", workspace, ticket or "", endpoint or "", state or "", *(bound or "" for bound in bounds))
        )
        if ticket is not None:
            before = None if cursor is None else _position(scope, cursor)
            kept = self._of_subject(workspace, ticket, endpoint, state, _within(*bounds))
            kept = [row for row in kept if before is None or row.list_sk < before]
            more = cursors.encode(scope, {"at": kept[limit - 1].list_sk}) if len(kept) > limit else None
            return [rows.delivery_of(row) for row in kept[:limit]], more
        sieve = _all(
            [
                *([DeliveryRow.id.contains(f"-{endpoint}-")] if endpoint else []),
                *([DeliveryRow.state == state] if state else []),
            ]
        )
        positions, last = paging.positions(
            DeliveryRow.listing,
            keys.delivery_listing(workspace),
            _within(*bounds),
            sieve,
            limit=limit,
            start=_start(workspace, scope, cursor),
        )
        found = self._all_of(workspace, [_id_at(position) for position in positions])
        return found, cursors.encode(scope, {"at": last}) if last else None

    def _of_subject(
        self, workspace: str, subject: str, endpoint: str | None, state: str | None, within: Condition | None
    ) -> list[DeliveryRow]:
        """All deliveries of a ticket, an alert or a voice that fit, newest first."""
        pk, _ = keys.delivery(workspace, subject, "", 0)
        lane = DeliveryRow.sk.startswith(keys.delivery_lane(endpoint)) if endpoint is not None else None
        sieve = _all([*([DeliveryRow.state == state] if state else []), *([within] if within is not None else [])])
        found = [row for row in DeliveryRow.query(pk, lane, sieve) if self._lives(row)]
        return sorted(found, key=lambda row: str(row.list_sk), reverse=True)

    def _all_of(self, workspace: str, ids: Sequence[str]) -> list[Delivery]:
        wanted = [keys.delivery(workspace, *parts) for parts in map(parse_id, ids) if parts is not None]
        found = {row.id: rows.delivery_of(row) for row in DeliveryRow.batch_get(wanted) if self._lives(row)}
        return [found[identity] for identity in ids if identity in found]

    def _lives(self, row: Any) -> bool:
        return row.expires_at is None or row.expires_at > self._clock().timestamp()


class TargetWindows:
    """The sliding logs. One row a target, written only by whom it lets through or turns away."""

    def take(
        self,
        target: str,
        limits: Sequence[Limit],
        now: float,
        *,
        waited: bool = False,
        urgent: bool = False,
        together: bool = False,
    ) -> float:
        """0 when one request may leave at ``now`` (epoch seconds), else the seconds to come back in.

        Holds across workers: of two that read the same log, one writes it and the other reads again.
        """
        for _ in range(WINDOW_TRIES):
            version, window = _window(target)
            admission = admit(window, limits, now, waited=waited, urgent=urgent, together=together)
            if _is_written(target, version, admission.window, now):
                return admission.wait
        return CONTENDED

    def close(self, target: str, now: float, until: float) -> None:
        """Let nobody through before then: the target has said that it is closed to all of us."""
        for _ in range(WINDOW_TRIES):
            version, window = _window(target)
            if window.closed >= until or _is_written(target, version, replace(window, closed=until), now):
                return


def _window(target: str) -> tuple[int, Window]:
    """The log and its version; 0 for none yet. An expired row is still a log: its times are merely old."""
    try:
        row = TargetWindowRow.get(*keys.target_window(target), consistent_read=True)
    except DoesNotExist:
        return 0, Window()
    return int(row.version), Window(tuple(row.doc["times"]), row.doc["promised"], row.doc.get("closed", 0.0))


def _is_written(target: str, version: int, window: Window, now: float) -> bool:
    """Whether the log went from that version to this state; False when somebody else has changed it."""
    row = TargetWindowRow(
        *keys.target_window(target),
        version=version + 1,
        doc={"times": list(window.times), "promised": window.promised, "closed": window.closed},
        expires_at=int(now) + rows.WINDOW_KEPT,
    )
    try:
        row.save(TargetWindowRow.version == version if version else TargetWindowRow.pk.does_not_exist())
    except PutError as error:
        if error.cause_response_code != _REFUSED:
            raise
        return False
    return True


def _updated(row: DeliveryRow, after: Delivery, condition: Condition) -> bool:
    try:
        row.update(rows.plan_actions(after), condition=condition)
    except UpdateError as error:
        if error.cause_response_code == _REFUSED:
            return False
        raise
    return True


def _updated_and_listed(row: DeliveryRow, after: Delivery, condition: Condition) -> bool:
    entry = LaggingRow(
        keys.lagging(after.workspace, after.endpoint),
        after.id,
        expires_at=rows.delivery_row(after).expires_at,
    )
    for _ in range(CONFLICT_TRIES):
        writes = transaction()
        writes.update(row, rows.plan_actions(after), condition=condition)
        if after.lagging:
            writes.save(entry)
        else:
            writes.delete(entry)
        reasons = in_the_way(writes)
        if not reasons:
            return True
        if any(reason.code == "ConditionalCheckFailed" for reason in reasons):
            return False
    # A conflict does not tell who won: taken for a lost race, the plan would be lost, and its message with it.
    raise Retryable("The delivery is being changed by others.", code="delivery_busy")


def _position(scope: str, cursor: str) -> str:
    """The entry that a page ended with. Raises Invalid (``invalid_cursor``)."""
    position = cursors.decode(scope, cursor).get("at")
    if not isinstance(position, str) or not _POSITION.fullmatch(position):
        raise cursors.invalid()
    return position


def _start(workspace: str, scope: str, cursor: str | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    position = _position(scope, cursor)
    parts = parse_id(_id_at(position))
    if parts is None:
        raise cursors.invalid()
    pk, sk = keys.delivery(workspace, *parts)
    start = {"pk": pk, "sk": sk, "list_pk": keys.delivery_listing(workspace), "list_sk": position}
    return {name: {"S": value} for name, value in start.items()}


def _id_at(position: str) -> str:
    return position.partition("#")[2]


def _bound(moment: datetime | None) -> str | None:
    return None if moment is None else keys.instant(moment)


def _within(since: str | None, until: str | None) -> Condition | None:
    """``list_sk`` begins with the moment, so the moment alone lies before all entries of its millisecond."""
    position = DeliveryRow.list_sk
    if since is not None and until is not None:
        return position.between(since, until)
    if since is not None:
        return position >= since
    return position < until if until is not None else None


def _all(conditions: Sequence[Condition]) -> Condition | None:
    whole: Condition | None = None
    for condition in conditions:
        whole = condition if whole is None else whole & condition
    return whole
