"""What the OpenAPI document tells of hooks, connections and uploads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.answers import Deleted, Page, Rotated
from chalicelib.lambdas.api.inbound import answers, schemas
from chalicelib.lambdas.api.operation import FULL, IN_BODY, ROTATION_ERRORS, SIGNED, Operation
from chalicelib.lambdas.api.schemas import GuideQuery, ListQuery

_CONNECTION_ERRORS: Final = ("secret_too_large", "settings_invalid", "credentials_invalid")
_SECRET_ERRORS: Final = ("secret_missing", "secret_invalid")
_PROBED: Final = {405: ("method_not_allowed",)}  # a source that tries no URL out, and whoever has no token

OPERATIONS: Final[Mapping[str, Operation]] = {
    "hook_get": Operation(None, query=None, key=False, errors=_PROBED),
    "hook_head": Operation(None, query=None, key=False, errors=_PROBED),
    "hook_post": Operation(
        answers.HookHeard, 202, query=None, key=False, errors={401: SIGNED, 413: ("payload_too_large",), **IN_BODY}
    ),
    "create_connection": Operation(
        answers.NewConnection,
        201,
        schemas.ConnectionNew,
        errors={422: ("unknown_source", *_SECRET_ERRORS, *_CONNECTION_ERRORS), 409: FULL},
    ),
    "list_connections": Operation(Page[answers.Connection]),
    "get_connection": Operation(answers.ConnectionDetail),
    "change_connection": Operation(
        answers.ChangedConnection, body=schemas.ConnectionChange, errors={422: _CONNECTION_ERRORS}
    ),
    "delete_connection": Operation(Deleted),
    "rotate_connection": Operation(Rotated, body=schemas.NewSecret, errors={**ROTATION_ERRORS, 422: _SECRET_ERRORS}),
    "create_upload": Operation(
        answers.NewUpload,
        201,
        schemas.UploadNew,
        errors={409: ("source_takes_no_files",), 422: ("not_csv",)},
    ),
    "list_uploads": Operation(Page[answers.UploadLine], query=ListQuery),
    "get_upload": Operation(answers.Upload),
    "list_sources": Operation(Page[answers.SourceLine], query=GuideQuery),
    "get_source": Operation(answers.Source, query=GuideQuery),
}
