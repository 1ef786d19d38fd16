"""Uploads: where a connection's files go, and what became of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from chalicelib.domain.ids import timed_id
from chalicelib.domain.inbound.upload import Upload, key_of
from chalicelib.domain.time.moments import whole, written
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.errors import Conflict, Invalid, Retryable
from chalicelib.services.ports import Clock

CONTENT_TYPE: Final = "text/csv"
OPEN_FOR: Final = timedelta(minutes=15)  # in which the file must be on its way
_WORKBOOKS: Final = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers", ".zip", ".gz")


class Files(Protocol):
    def upload_url(self, key: str, content_type: str, size: int | None, seconds: int) -> str: ...


class UploadStore(Protocol):
    def get(self, workspace: str, connection: str, upload_id: str) -> Upload | None: ...

    def save(self, state: Upload) -> Upload | None: ...

    def page(
        self, workspace: str, connection: str, *, limit: int, cursor: str | None = None
    ) -> tuple[list[Upload], str | None]: ...


class Connections(Protocol):
    def connection(self, workspace: str, connection_id: str) -> Connection | None: ...


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What is shown once. ``url`` lets whoever has it write this one file."""

    upload: Upload
    url: str = field(repr=False)
    expires_at: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class ManageUploads:
    """``takes_files`` says whether files of a source can be read; raises Invalid for a source that there is not."""

    connections: Connections
    store: UploadStore
    files: Files
    takes_files: Callable[[str], bool]
    clock: Clock

    def create(self, workspace: str, connection_id: str, *, filename: str, size: int | None) -> NewUpload:
        """A place for one file. Raises NotFound, Conflict (``source_takes_no_files``), Invalid (``not_csv``)."""
        connection = self._connection(workspace, connection_id)
        if not self.takes_files(connection.source):
            raise Conflict("Files cannot be uploaded to this connection.", code="source_takes_no_files")
        if filename.lower().endswith(_WORKBOOKS):
            raise Invalid("Save the table as CSV first.", code="not_csv", pointer="/filename")
        now = whole(self.clock())
        made = Upload(
            workspace, connection_id, timed_id("up", now), filename=filename, size=size, created_at=written(now)
        )
        saved = self.store.save(made)
        if saved is None:
            raise Retryable("The upload could not be noted.", code="contended")
        key = key_of(workspace, connection_id, made.id)
        url = self.files.upload_url(key, CONTENT_TYPE, size, int(OPEN_FOR.total_seconds()))
        return NewUpload(saved, url, written(now + OPEN_FOR), {"Content-Type": CONTENT_TYPE})

    def get(self, workspace: str, connection_id: str, upload_id: str) -> Upload:
        """Raises NotFound."""
        self._connection(workspace, connection_id)
        found = self.store.get(workspace, connection_id, upload_id)
        if found is None:
            raise nowhere()
        return found

    def page(
        self, workspace: str, connection_id: str, *, limit: int, cursor: str | None
    ) -> tuple[list[Upload], str | None]:
        """Newest first. Raises NotFound, Invalid (``invalid_cursor``)."""
        self._connection(workspace, connection_id)
        return self.store.page(workspace, connection_id, limit=limit, cursor=cursor)

    def _connection(self, workspace: str, connection_id: str) -> Connection:
        connection = self.connections.connection(workspace, connection_id)
        if connection is None:
            raise nowhere()
        return connection
