"""An uploaded file on its way into the inbox: how far it is read, and what was wrong with which row. Pure.

The state is written after each group of rows is on the inbox, under a version that lets one of two writers win. A run
that dies, or that another overtakes, leaves a state from which reading goes on; rows that are then sent again are the
same events and change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

WAITING: Final = "waiting"  # for the file
READING: Final = "reading"
DONE: Final = "done"
FAILED: Final = "failed"
STATES: Final = (WAITING, READING, DONE, FAILED)

MAX_BYTES: Final = 104_857_600  # 100 MiB
MAX_ROWS: Final = 200_000
MAX_ERRORS: Final = 100  # that are listed; those after it are counted


class FileReplaced(Exception):
    """The bytes in the bucket are no longer those that were asked for."""


class FileMissing(Exception):
    """There is no such file in the bucket."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file, and how many it has in all."""

    raw: bytes = field(repr=False)
    total: int


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with a row. The header is row 1. ``column``: the mapping's name for it, where one is to blame."""

    row: int
    code: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """One file. Moments are RFC 3339, UTC."""

    workspace: str
    connection: str
    id: str
    filename: str | None = None
    size: int | None = None  # bytes: as announced, then as they are
    created_at: str = ""
    version: int = 0  # 0: not stored yet
    state: str = WAITING
    etag: str | None = None  # of the bytes that are read
    offset: int = 0  # of the first byte that is not read
    row: int = 0  # number of the last row that is read; the header is 1
    rows: int = 0  # that hold anything, without the header
    accepted: int = 0
    refused: int = 0
    errors: tuple[RowError, ...] = ()
    more_errors: bool = False
    error: str | None = None  # why the file as a whole was given up
    finished_at: str | None = None

    @property
    def is_over(self) -> bool:
        return self.state in (DONE, FAILED)

    def begun(self, etag: str, size: int) -> Upload:
        """From the first byte. Other bytes under the same name are another file."""
        return Upload(
            self.workspace,
            self.connection,
            self.id,
            filename=self.filename,
            size=size,
            created_at=self.created_at,
            version=self.version,
            state=READING,
            etag=etag,
            row=1,
        )

    def read(self, *, offset: int, row: int, accepted: int, errors: Sequence[RowError]) -> Upload:
        """A group of rows is on the inbox, and the others of it are refused."""
        listed = (*self.errors, *errors)
        return replace(
            self,
            offset=offset,
            row=row,
            rows=self.rows + accepted + len(errors),
            accepted=self.accepted + accepted,
            refused=self.refused + len(errors),
            errors=listed[:MAX_ERRORS],
            more_errors=self.more_errors or len(listed) > MAX_ERRORS,
        )

    def done(self, at: str) -> Upload:
        return replace(self, state=DONE, finished_at=at)

    def failed(self, code: str, at: str, *, row: int | None = None, column: str | None = None) -> Upload:
        """Given up. What was read stays read: the mended file can be uploaded whole, and doubles nothing."""
        named = () if row is None else (RowError(row, code, column),)
        room = self.errors[: MAX_ERRORS - len(named)]
        more = self.more_errors or len(room) < len(self.errors)
        return replace(self, state=FAILED, error=code, finished_at=at, errors=(*room, *named), more_errors=more)


def key_of(workspace: str, connection: str, upload: str) -> str:
    """Where the file lies in the bucket."""
    return f"{workspace}/{connection}/{upload}"


def of_key(key: str) -> tuple[str, str, str]:
    """The way back. Raises ValueError."""
    workspace, connection, upload = key.split("/")
    return workspace, connection, upload
