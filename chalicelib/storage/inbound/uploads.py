"""Uploaded files: the rows that say how far each is read. The files themselves are in ``raw_files``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from chalicelib.domain.inbound.upload import RowError, Upload
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

KEPT: Final = timedelta(days=90)  # longer than the file itself: the report outlives it
_NAMED: Final = ("workspace", "connection", "id", "version")  # in the key, or beside the document
_ID: Final = re.compile(r"[a-z0-9_]{1,64}")


class UploadRow(Row):
    """One file. ``version`` grows with every write, so that of two writers one wins."""

    version = NumberAttribute()
    doc = PackedJSONAttribute()


class UploadStore:
    """The states of uploads. Every method raises Retryable when the table is out of reach."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def get(self, workspace: str, connection: str, upload_id: str) -> Upload | None:
        """The state, strongly consistent; None for one that there is not."""
        try:
            row = UploadRow.get(*keys.upload(workspace, connection, upload_id), consistent_read=True)
        except DoesNotExist:
            return None
        return _state(workspace, connection, row)

    def save(self, state: Upload) -> Upload | None:
        """The state under its next version; None when somebody else has written since it was read."""
        after = replace(state, version=state.version + 1)
        doc = {name: value for name, value in asdict(after).items() if name not in _NAMED}
        key = keys.upload(state.workspace, state.connection, state.id)
        expires_at = int((self._clock() + KEPT).timestamp())
        row = UploadRow(*key, version=after.version, doc=doc, expires_at=expires_at)
        try:
            row.save(UploadRow.version == state.version if state.version else UploadRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return None
        return after

    def page(
        self, workspace: str, connection: str, *, limit: int, cursor: str | None = None
    ) -> tuple[list[Upload], str | None]:
        """A connection's uploads, newest first, and the next page's cursor. Raises Invalid (``invalid_cursor``)."""
        partition = keys.uploads(workspace, connection)
        scope = f"uploads\n{partition}"
        start = None if cursor is None else {"pk": {"S": partition}, "sk": {"S": _position(scope, cursor)}}
        found = UploadRow.query(
            partition, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
        )
        rows = [_state(workspace, connection, row) for row in found]
        last = found.last_evaluated_key
        return rows, cursors.encode(scope, {"at": last["sk"]["S"]}) if last else None


def _position(scope: str, cursor: str) -> str:
    position = cursors.decode(scope, cursor).get("at")
    if not isinstance(position, str) or not _ID.fullmatch(position):
        raise cursors.invalid()
    return position


def _state(workspace: str, connection: str, row: UploadRow) -> Upload:
    doc: dict[str, Any] = dict(row.doc)
    errors = tuple(RowError(**error) for error in doc.pop("errors"))
    return Upload(workspace, connection, str(row.sk), version=int(row.version), errors=errors, **doc)
