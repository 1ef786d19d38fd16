"""Whose items at an endpoint are asked for, and where they differed from their tickets when they were read last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PutError
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.domain.outbound.reconciliation import Drift, Watched
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row


class DriftIndex(GlobalSecondaryIndex["WatchedRow"]):  # type: ignore[no-untyped-call]
    """The tickets whose items differ at one endpoint, by id."""

    class Meta:
        index_name = "listing"
        projection = KeysOnlyProjection()

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class WatchedRow(Row):
    """One ticket at one endpoint, for as long as the ticket is not over. ``drift``: only while there is one, as is its
    place in the list of those."""

    drift = PackedJSONAttribute(null=True)
    list_pk = UnicodeAttribute(null=True)
    list_sk = UnicodeAttribute(null=True)

    differing = DriftIndex()


class WatchedStore:
    """``services.outbound.reconcile.WatchedItems``. The table is bound by the wiring."""

    def add(self, workspace: str, endpoint: str, ticket: str) -> None:
        """Have the item asked for from now on; what is known of one that is already stays."""
        try:
            WatchedRow(*keys.watched(workspace, endpoint, ticket)).save(WatchedRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise

    def page(self, workspace: str, endpoint: str, *, after: str = "", limit: int) -> Sequence[Watched]:
        """In the order of the tickets' ids, those after ``after``; strongly consistent."""
        pk, _ = keys.watched(workspace, endpoint, "")
        beyond = WatchedRow.sk > after if after else None
        return [
            _watched(row) for row in WatchedRow.query(pk, beyond, limit=limit, page_size=limit, consistent_read=True)
        ]

    def drifting(self, workspace: str, endpoint: str, *, after: str = "", limit: int) -> tuple[Sequence[Watched], bool]:
        """Up to ``limit`` of those after ``after`` that differ, in the order of ids, and whether there are more."""
        partition = keys.drifting(workspace, endpoint)
        beyond = WatchedRow.list_sk > after if after else None
        listed = [row.list_sk for row in WatchedRow.differing.query(partition, beyond, limit=limit + 1)]
        wanted = [keys.watched(workspace, endpoint, ticket) for ticket in listed[:limit]]
        found = sorted(WatchedRow.batch_get(wanted, consistent_read=True), key=lambda row: str(row.sk))
        return [_watched(row) for row in found if row.drift], len(listed) > limit

    def note(self, workspace: str, endpoint: str, ticket: str, drift: Drift | None) -> None:
        """Write down what differs now, or that nothing does."""
        row = WatchedRow(*keys.watched(workspace, endpoint, ticket))
        if drift is None:
            row.update([WatchedRow.drift.remove(), WatchedRow.list_pk.remove(), WatchedRow.list_sk.remove()])
            return
        row.update(
            [
                WatchedRow.drift.set(_document(drift)),
                WatchedRow.list_pk.set(keys.drifting(workspace, endpoint)),
                WatchedRow.list_sk.set(ticket),
            ]
        )

    def clear(self, workspace: str, endpoint: str) -> None:
        """Forget all of an endpoint's."""
        with WatchedRow.batch_write() as batch:
            for row in WatchedRow.query(keys.watched(workspace, endpoint, "")[0]):
                batch.delete(row)

    def forget(self, workspace: str, endpoint: str, ticket: str) -> None:
        """Ask no more: the ticket is over, or is gone."""
        WatchedRow(*keys.watched(workspace, endpoint, ticket)).delete()


def _document(drift: Drift) -> dict[str, Any]:
    return {
        "code": drift.code,
        "ours": drift.ours,
        "theirs": drift.theirs,
        "external_id": drift.external_id,
        "since": drift.since.isoformat(),
        "seen_at": drift.seen_at.isoformat(),
    }


def _watched(row: WatchedRow) -> Watched:
    if not row.drift:
        return Watched(row.sk)
    moments = {name: datetime.fromisoformat(row.drift[name]) for name in ("since", "seen_at")}
    return Watched(row.sk, Drift(**{**row.drift, **moments}))
