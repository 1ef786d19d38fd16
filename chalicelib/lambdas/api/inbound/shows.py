"""What the API shows of connections and uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.inbound.polling import PollState, interval
from chalicelib.domain.inbound.upload import Upload
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.lambdas.api.shows import Json

if TYPE_CHECKING:
    from chalicelib.services.inbound.manage_uploads import NewUpload


def connection(one: Connection) -> Json:
    return {
        "id": one.id,
        "workspace": one.workspace,
        "name": one.name,
        "source": one.source,
        "state": one.state,
        "mapping": dict(one.mapping),
        "settings": dict(one.settings),
        "credentials": list(one.credentials),
        "created_at": one.created_at,
    }


def polling(one: Connection, state: PollState | None) -> Json | None:
    """None where the connection is not polled, or not any more."""
    wait = interval(one)
    if state is None or wait is None:
        return None
    return {
        "every_minutes": wait.total_seconds() / 60,
        "next_at": state.next_at,
        "ran_at": state.ran_at,
        "reached_at": state.reached_at,
        "error": state.error,
        "found": state.found,
    }


def upload_line(one: Upload) -> Json:
    return {
        "id": one.id,
        "filename": one.filename,
        "bytes": one.size,
        "state": one.state,
        "rows": one.rows,
        "accepted": one.accepted,
        "refused": one.refused,
        "error": one.error,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
    }


def upload(one: Upload) -> Json:
    """With what was wrong with which row; never what stands in it."""
    errors = [{"row": error.row, "code": error.code, "column": error.column} for error in one.errors]
    return {**upload_line(one), "errors": errors, "more_errors": one.more_errors}


def new_upload(made: NewUpload) -> Json:
    """With the URL that the file goes to, shown this once."""
    told = {"upload_url": made.url, "headers": made.headers, "expires_at": made.expires_at}
    return {**upload_line(made.upload), **told}
