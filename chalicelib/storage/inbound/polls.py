"""How far each connection's poller has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from chalicelib.domain.inbound.polling import PollState
from chalicelib.errors import Retryable
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

TRIES: Final = 5  # of a write that others get in the way of
_PLAIN: Final = ("next_at", "cursor", "lease", "reached_at", "ran_at", "error", "found", "since")


class PollRow(Row):
    """One connection's poller. ``version`` grows with every write, so that of two writers one wins."""

    version = NumberAttribute()
    doc = PackedJSONAttribute()


class PollStore:
    """The states of pollers. Every method raises Retryable when the table is out of reach."""

    def get(self, workspace: str, connection_id: str) -> PollState | None:
        """The state, strongly consistent; None for a connection that was never polled."""
        try:
            row = PollRow.get(*keys.poll(workspace, connection_id), consistent_read=True)
        except DoesNotExist:
            return None
        return _state(workspace, connection_id, row)

    def change(
        self, workspace: str, connection_id: str, step: Callable[[PollState], PollState | None]
    ) -> PollState | None:
        """Take one step from the state as it is now; None, and nothing written, where ``step`` gives None.

        Raises Retryable (``contended``) when others kept writing.
        """
        for _ in range(TRIES):
            before = self.get(workspace, connection_id) or PollState(workspace, connection_id)
            after = step(before)
            if after is None:
                return None
            after = replace(after, version=before.version + 1)
            if _saved(after, before.version):
                return after
        raise Retryable("The poller's state kept changing.", code="contended")

    def forget(self, workspace: str, connection_id: str) -> None:
        PollRow(*keys.poll(workspace, connection_id)).delete()


def _saved(state: PollState, known: int) -> bool:
    """False when the row is no longer the one that was read."""
    doc = {name: getattr(state, name) for name in _PLAIN}
    doc["lease_until"] = state.lease_until.isoformat() if state.lease_until else None
    row = PollRow(*keys.poll(state.workspace, state.connection), version=state.version, doc=doc)
    try:
        row.save(PollRow.version == known if known else PollRow.pk.does_not_exist())
    except PutError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _state(workspace: str, connection_id: str, row: PollRow) -> PollState:
    until = row.doc["lease_until"]
    return PollState(
        workspace,
        connection_id,
        version=int(row.version),
        lease_until=datetime.fromisoformat(until) if until else None,
        **{name: row.doc[name] for name in _PLAIN},
    )
