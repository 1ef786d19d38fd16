"""Intake: an uploaded file goes to the inbox row by row, as if each row had been posted to the hook.

A run reads the file by byte ranges. A group of rows is on the inbox before the cursor moves, so a run that dies sends
at most one group twice, under the same keys; what has no time left goes on with the next message. A row that could
never be read is refused here, with its number, a code and a column, never its words: the file is the way to mend it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final, Protocol

from chalicelib.domain import ids
from chalicelib.domain.inbound import upload
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.inbound.mapping import SETTINGS
from chalicelib.domain.inbound.upload import FileMissing, FileReplaced, Part, RowError, Upload
from chalicelib.domain.text import csv_text
from chalicelib.domain.text.csv_text import Layout, Record, Unreadable
from chalicelib.domain.text.strict_json import MAX_BYTES
from chalicelib.domain.time.moments import whole, written
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.errors import Parked
from chalicelib.services.ports import Clock, Queue

KIND: Final = "upload"
GROUP: Final = 500  # rows between two writes of the cursor
LONGEST: Final = 40.0  # seconds after which a run hands over to the next
MOST_BYTES: Final = 4 * csv_text.WINDOW  # that one run looks at: it must not depend on how fast rows are
JSON_TYPE: Final = {"content-type": "application/json"}

CONNECTION_DELETED: Final = "connection_deleted"
SOURCE_TAKES_NO_FILES: Final = "source_takes_no_files"
FILE_TOO_LARGE: Final = "file_too_large"
FILE_GONE: Final = "file_gone"
TOO_MANY_ROWS: Final = "too_many_rows"
ROW_TOO_LARGE: Final = "row_too_large"
COLUMN_MISSING: Final = "column_missing"
MAPPING_EMPTY: Final = "mapping_empty"
NO_RESPONSE_ID: Final = "mapping_missing_response_id"

# What became of a message.
READ: Final = "read"
HANDED_OVER: Final = "handed_over"
PASSED: Final = "passed"  # nothing to do: read before, or other bytes have taken its place


class Files(Protocol):
    def read(self, key: str, start: int, length: int, etag: str) -> Part:
        """Up to ``length`` bytes from ``start``. Raises FileReplaced, FileMissing, Retryable."""


class UploadStore(Protocol):
    def get(self, workspace: str, connection: str, upload_id: str) -> Upload | None: ...

    def save(self, state: Upload) -> Upload | None:
        """The state under its next version; None when somebody else has written since it was read."""


class RowSource(Protocol):
    """What intake asks of a source, see ``sources/csv_row.py``."""

    @property
    def takes_files(self) -> bool: ...

    def columns(self, mapping: Mapping[str, Any]) -> Sequence[str]: ...

    def to_blame(self, mapping: Mapping[str, Any], raw: bytes, code: str, received_at: datetime) -> str | None: ...

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical: ...


class Connections(Protocol):
    def connection(self, workspace: str, connection_id: str) -> Connection | None: ...


class InboxPort(Protocol):
    def put_all(self, envelopes: Sequence[Envelope]) -> None:
        """Durable when it returns; some may be when it raises. Raises Retryable."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one message came to. ``error``: why the file was given up."""

    what: str
    accepted: int = 0
    refused: int = 0
    error: str | None = None


class _GivenUp(Exception):
    """The file cannot be read any further. The header is row 1."""

    def __init__(self, code: str, row: int | None = None, column: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.row = row
        self.column = column


@dataclass(frozen=True, slots=True)
class _Table:
    """A file of a connection, and how it is to be read."""

    connection: Connection
    source: RowSource
    layout: Layout
    names: Sequence[str]
    start: int  # the byte after the header
    answers: Sequence[str]  # the columns of scores and texts

    @property
    def mapping(self) -> Mapping[str, Any]:
        """As ``parse`` takes it."""
        return {**self.connection.mapping, SETTINGS: self.connection.settings}


@dataclass(frozen=True, slots=True)
class Intake:
    """``source`` loads a source by name, ``queue`` is the one it is fed by, ``monotonic`` counts seconds."""

    directory: Connections
    store: UploadStore
    files: Files
    source: Callable[[str], Any]
    inbox: InboxPort
    queue: Queue
    clock: Clock
    monotonic: Callable[[], float]

    def __call__(self, workspace: str, connection_id: str, upload_id: str, etag: str) -> Taken:
        """Read a file, or go on reading it. Raises Retryable for our own trouble alone."""
        stop_at = self.monotonic() + LONGEST
        known = self.store.get(workspace, connection_id, upload_id)
        now = written(self.clock())
        state = known or Upload(workspace, connection_id, upload_id, created_at=now)
        if state.is_over and state.etag == etag:
            return Taken(PASSED)
        try:
            head = self.files.read(_key(state), 0, csv_text.WINDOW, etag)
        except FileReplaced:
            return Taken(PASSED)  # the other bytes have a message of their own
        except FileMissing:
            return self._give_up(replace(state, etag=etag), _GivenUp(FILE_GONE))
        if state.etag != etag:
            saved = self.store.save(state.begun(etag, head.total))
            if saved is None:
                return Taken(PASSED)
            state = saved
        try:
            connection = self._connection(state, head)
            return self._read(state, head, _table(connection, self.source(connection.source), head), stop_at)
        except _GivenUp as given_up:
            # The last state that was written: rows were read meanwhile.
            return self._give_up(self.store.get(workspace, connection_id, upload_id) or state, given_up)

    def _connection(self, state: Upload, head: Part) -> Connection:
        """The connection as it is now. Raises _GivenUp."""
        connection = self.directory.connection(state.workspace, state.connection)
        if connection is None:
            raise _GivenUp(CONNECTION_DELETED)
        if not self.source(connection.source).takes_files:
            raise _GivenUp(SOURCE_TAKES_NO_FILES)
        if head.total > upload.MAX_BYTES:
            raise _GivenUp(FILE_TOO_LARGE)
        return connection

    def _read(self, state: Upload, head: Part, table: _Table, stop_at: float) -> Taken:
        """Window after window. Raises _GivenUp, Retryable."""
        before, looked_at = state, 0
        while True:
            at = max(state.offset, table.start)
            try:
                part = self._part(state, head, at)
            except FileReplaced:
                return _taken(PASSED, before, state)
            last = at + len(part.raw) >= part.total
            units = table.layout.units(part.raw)
            cut = csv_text.records(units, table.layout.separator, last=last)
            read_to = 0
            while group := list(islice(cut, GROUP)):
                read_to = group[-1].end
                saved = self._take(state, table, group, at + table.layout.size(units[:read_to]))
                if saved is None:  # another run has come further
                    return _taken(PASSED, before, state)
                state = saved
                if self.monotonic() >= stop_at and not (last and read_to == len(units)):
                    return self._hand_over(before, state)
            if last:
                done = self.store.save(state.done(written(self.clock())))
                return _taken(READ if done else PASSED, before, state)
            if not read_to:
                raise _GivenUp(ROW_TOO_LARGE, state.row + 1)
            looked_at += len(part.raw)
            if looked_at >= MOST_BYTES:
                return self._hand_over(before, state)

    def _part(self, state: Upload, head: Part, at: int) -> Part:
        """The window from byte ``at``. Raises FileReplaced, _GivenUp, Retryable."""
        if len(head.raw) >= head.total:
            return Part(head.raw[at:], head.total)
        try:
            return self.files.read(_key(state), at, csv_text.WINDOW, str(state.etag))
        except FileMissing:
            raise _GivenUp(FILE_GONE, state.row + 1) from None

    def _take(self, state: Upload, table: _Table, group: Sequence[Record], offset: int) -> Upload | None:
        """A group of rows on the inbox, then the cursor after it; None when another run has come further."""
        envelopes: list[Envelope] = []
        errors: list[RowError] = []
        received_at = whole(self.clock())
        for number, record in enumerate(group, start=state.row + 1):
            read = _row(table, record, number, received_at)
            if isinstance(read, RowError):
                errors.append(read)
            elif read is not None:
                envelopes.append(read)
        if state.rows + len(envelopes) + len(errors) > upload.MAX_ROWS:
            raise _GivenUp(TOO_MANY_ROWS, state.row + 1)
        self.inbox.put_all(envelopes)
        row = state.row + len(group)
        return self.store.save(state.read(offset=offset, row=row, accepted=len(envelopes), errors=errors))

    def _hand_over(self, before: Upload, state: Upload) -> Taken:
        self.queue.send(
            {
                "kind": KIND,
                "workspace": state.workspace,
                "connection": state.connection,
                "upload": state.id,
                "etag": state.etag,
            }
        )
        return _taken(HANDED_OVER, before, state)

    def _give_up(self, state: Upload, why: _GivenUp) -> Taken:
        failed = state.failed(why.code, written(self.clock()), row=why.row, column=why.column)
        saved = self.store.save(failed)
        return Taken(READ if saved else PASSED, error=why.code)


def _key(state: Upload) -> str:
    return upload.key_of(state.workspace, state.connection, state.id)


def _taken(what: str, before: Upload, after: Upload) -> Taken:
    return Taken(what, after.accepted - before.accepted, after.refused - before.refused)


def _table(connection: Connection, source: RowSource, head: Part) -> _Table:
    """How the file is written, and that it has every column that the mapping names. Raises _GivenUp."""
    mapping = connection.mapping
    if "response_id" not in mapping:
        raise _GivenUp(NO_RESPONSE_ID)
    if not mapping.get("scores") and not mapping.get("texts"):
        raise _GivenUp(MAPPING_EMPTY)
    whole_ = len(head.raw) >= head.total
    try:
        layout = csv_text.layout(
            head.raw,
            whole=whole_,
            encoding=_chosen(connection, "encoding"),
            separator=csv_text.SEPARATORS.get(_chosen(connection, "separator") or ""),
        )
        units = layout.units(head.raw[layout.start :])
        first = next(csv_text.records(units, layout.separator, last=whole_), Record((), 0, csv_text.ROW_UNREADABLE))
        names = csv_text.columns(layout, first)
    except Unreadable as error:
        raise _GivenUp(error.code, 1) from None
    for column in source.columns(mapping):
        if column not in names:
            raise _GivenUp(COLUMN_MISSING, 1, column)
    answers = source.columns({name: mapping[name] for name in ("scores", "texts") if name in mapping})
    return _Table(connection, source, layout, names, layout.start + layout.size(units[: first.end]), answers)


def _chosen(connection: Connection, name: str) -> str | None:
    """A setting; None where it is left to what the file shows."""
    chosen = connection.settings.get(name, "auto")
    return None if chosen == "auto" else str(chosen)


def _row(table: _Table, record: Record, number: int, received_at: datetime) -> Envelope | RowError | None:
    """The row as a hook would hear it, or what is wrong with it; None for an empty one."""
    try:
        cells = csv_text.row(table.layout, table.names, record)
    except Unreadable as error:
        return RowError(number, error.code)
    if not cells:
        return None
    if table.answers and not any(column in cells for column in table.answers):
        cells[table.answers[0]] = ""  # the file has the column: the answer is missing, not its place
    # In one order, so that another order of the columns is no other event.
    raw = json.dumps(cells, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    if len(raw) > MAX_BYTES:
        return RowError(number, ROW_TOO_LARGE)
    arrival = Arrival(raw, received_at, JSON_TYPE)
    try:
        response = table.source.parse(arrival, table.mapping).response_key
    except Parked as error:
        return RowError(number, error.code, table.source.to_blame(table.mapping, raw, error.code, received_at))
    connection = table.connection
    return Envelope(
        workspace=connection.workspace,
        connection=connection.id,
        source=connection.source,
        feedback_id=ids.feedback_id(connection.workspace, connection.id, response),
        event_key=ids.event_key(connection.id, None, raw),
        arrival=arrival,
    )


def told(message: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(workspace, connection, upload, etag) of each file that a message is about.

    The bucket's notification, its test when it is set up, or our own message to go on. Raises KeyError or ValueError
    for what none of them sends.
    """
    if message.get("kind") == KIND:
        yield message["workspace"], message["connection"], message["upload"], message["etag"]
        return
    if message.get("Event") == "s3:TestEvent":
        return
    for record in message["Records"]:
        found = record["s3"]["object"]
        yield (*upload.of_key(found["key"]), found["eTag"])
