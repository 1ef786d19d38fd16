"""Whose items at an endpoint are asked for, and where they differed from their tickets when they were read last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pynamodb.exceptions import PutError

from chalicelib.domain.outbound.reconciliation import Drift, Watched
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row


class WatchedRow(Row):
    """One ticket at one endpoint, for as long as the ticket is not over. ``drift``: only while there is one."""

    drift = PackedJSONAttribute(null=True)


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

    def drifting(self, workspace: str, endpoint: str, *, after: str = "", limit: int) -> Sequence[Watched]:
        """Those after ``after`` that differ, in the order of ids. Reads all that the endpoint is asked for: for a
        person.
        """
        pk, _ = keys.watched(workspace, endpoint, "")
        beyond = WatchedRow.sk > after if after else None
        return [_watched(row) for row in WatchedRow.query(pk, beyond, WatchedRow.drift.exists(), limit=limit)]

    def note(self, workspace: str, endpoint: str, ticket: str, drift: Drift | None) -> None:
        """Write down what differs now, or that nothing does."""
        row = WatchedRow(*keys.watched(workspace, endpoint, ticket))
        row.update([WatchedRow.drift.remove() if drift is None else WatchedRow.drift.set(_document(drift))])

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
