"""What the API answers about connections, uploads and survey platforms."""

from __future__ import annotations

from typing import Any, Literal

from chalicelib.lambdas.api.answers import Adapter, AdapterLine, Answer, GuideHook


class Connection(Answer):
    """Of ``credentials`` the names are shown, never a value."""

    id: str
    workspace: str
    name: str
    source: str
    state: Literal["active", "paused"]
    mapping: dict[str, Any]
    settings: dict[str, Any]
    credentials: list[str]
    created_at: str


class Polling(Answer):
    """How far the poller has come: all that is older than ``reached_at`` was read. ``error`` ended the last run."""

    every_minutes: float
    next_at: str | None
    ran_at: str | None
    reached_at: str | None
    error: str | None
    found: int


class ConnectionDetail(Connection):
    """``polling`` is null where the connection is not polled."""

    polling: Polling | None


class NewConnection(Connection):
    """``secret`` is null where the platform signs nothing, or has yet to show its own."""

    hook_url: str
    secret: str | None


class ChangedConnection(Connection):
    """``reparsed``: parked voices that are read again; ``more``: repeat the call, time ran out before all were."""

    reparsed: int
    more: bool


class UploadLine(Answer):
    """``rows`` are those read so far that hold anything. ``error``: why the file as a whole was given up."""

    id: str
    filename: str | None
    bytes: int | None
    state: Literal["waiting", "reading", "done", "failed"]
    rows: int
    accepted: int
    refused: int
    error: str | None
    created_at: str
    finished_at: str | None


class RowError(Answer):
    """The header is row 1. ``column`` is null where no single one is to blame."""

    row: int
    code: str
    column: str | None


class Upload(UploadLine):
    """``more_errors``: more rows were refused than are listed."""

    errors: list[RowError]
    more_errors: bool


class NewUpload(UploadLine):
    """PUT the file to ``upload_url`` with ``headers``. The URL is all that is needed: keep it to yourself."""

    upload_url: str
    headers: dict[str, str]
    expires_at: str


class SourceLine(AdapterLine):
    """``proof`` token: the URL alone proves the sender. ``fetches``: reads the vendor's API; ``polls``: back-fills.

    ``secret_from``: who makes the secret; ``vendor_later`` shows it once the webhook is there, so it is given to
    ``rotate``; null: there is none. With ``proof`` token it need not be given.
    """

    proof: Literal["signature", "token"]
    secret_from: Literal["us", "vendor", "vendor_later"] | None
    fetches: bool
    polls: bool


class Source(SourceLine, Adapter):
    """``hook``: what the platform may send to the hook URL. ``mapping``: what a connection's own is laid over."""

    hook: GuideHook
    mapping: dict[str, Any]


class HookHeard(Answer):
    id: str
    status: Literal["accepted", "ignored"]
