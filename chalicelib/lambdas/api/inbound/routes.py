"""The door for survey platforms; connections, their uploads, and what each platform needs.

Imports stay light: a cold start must answer inside 1.5 seconds. Each view but the hook's loads what it needs.
"""

from __future__ import annotations

from functools import partial

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api import http
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, base_url, guarded, json_response
from chalicelib.wiring import base, inbound

bp = Blueprint(__name__)
_call = partial(call_of, bp)


# --- the hook -----------------------------------------------------------------------------------------------------


@bp.route("/v1/hooks/{connection}/{token}", methods=["POST", "GET", "HEAD"], content_types=ANY)
@guarded
def hook(connection: str, token: str) -> Response:
    """One body in, 202 out. Never 404 or 410: a platform would switch the customer's webhook off."""
    request = bp.current_request
    if request.method != "POST":
        inbound.hear().probe(connection, token, request.method)
        return Response("", status_code=200)
    heard = inbound.hear().post(connection, token, http.raw_body(request), http.headers(request), http.query(request))
    line = http.line()
    line.count("Heard")
    line.note(workspace=heard.workspace, connection=heard.connection, source=heard.source, feedback=heard.id)
    return json_response(202, {"id": heard.id, "status": heard.status})


# --- connections --------------------------------------------------------------------------------------------------


@bp.route("/v1/connections", methods=["POST"], content_types=ANY)
@guarded
def create_connection() -> Response:
    """Connect a survey platform. The hook URL and the secret are shown this once."""
    from chalicelib.lambdas.api.inbound import schemas, shows

    workspace, wanted = _call(access.ADMINS).body(schemas.ConnectionNew)
    made = inbound.manage_connections().create(
        workspace,
        name=wanted.name,
        source=wanted.source,
        secret=wanted.secret,
        mapping=wanted.mapping,
        settings=wanted.settings,
        credentials=wanted.credentials,
    )
    hook_url = f"{base_url(bp.current_request, base.settings())}/v1/hooks/{made.connection.id}/{made.token}"
    return json_response(201, {**shows.connection(made.connection), "hook_url": hook_url, "secret": made.secret})


@bp.route("/v1/connections", methods=["GET"])
@guarded
def list_connections() -> Response:
    """All connections of the workspace, oldest first."""
    from chalicelib.lambdas.api.inbound import shows
    from chalicelib.lambdas.api.shows import page

    workspace = _call(access.READERS).workspace()
    found = inbound.manage_connections().list(workspace)
    return json_response(200, page([shows.connection(one) for one in found], None))


@bp.route("/v1/connections/{connection_id}", methods=["GET"])
@guarded
def get_connection(connection_id: str) -> Response:
    """One connection. Its token and secrets are never shown again."""
    from chalicelib.lambdas.api.inbound import shows

    workspace = _call(access.READERS).workspace()
    one = inbound.manage_connections().get(workspace, access.identity(connection_id))
    state = inbound.arm_polls().state(workspace, one.id) if one.settings.get("poll_minutes") else None
    return json_response(200, {**shows.connection(one), "polling": shows.polling(one, state)})


@bp.route("/v1/connections/{connection_id}", methods=["PATCH"], content_types=ANY)
@guarded
def change_connection(connection_id: str) -> Response:
    """Rename, pause, resume, or change mapping, settings and credentials. Resuming parses again what was parked."""
    from chalicelib.lambdas.api.inbound import schemas, shows
    from chalicelib.services.inbound.manage_connections import ConnectionChange

    workspace, wanted = _call(access.ADMINS).body(schemas.ConnectionChange)
    change = ConnectionChange(wanted.name, wanted.state, wanted.mapping, wanted.settings, wanted.credentials)
    after, resumed = inbound.manage_connections().change(workspace, access.identity(connection_id), change)
    return json_response(200, {**shows.connection(after), "reparsed": resumed.count, "more": resumed.more})


@bp.route("/v1/connections/{connection_id}", methods=["DELETE"])
@guarded
def delete_connection(connection_id: str) -> Response:
    """Remove a connection. What it has heard stays."""

    workspace = _call(access.ADMINS).workspace()
    inbound.manage_connections().delete(workspace, access.identity(connection_id))
    return json_response(200, {"id": connection_id, "deleted": True})


@bp.route("/v1/connections/{connection_id}/rotate", methods=["POST"], content_types=ANY)
@guarded
def rotate_connection(connection_id: str) -> Response:
    """Put a new secret in force. The one before it counts for another day; ten rotations a day are the limit."""
    from chalicelib.lambdas.api.inbound import schemas

    workspace, wanted = _call(access.ADMINS).body(schemas.NewSecret)
    rotated = inbound.manage_connections().rotate(workspace, access.identity(connection_id), wanted.secret)
    return json_response(200, {"secret": rotated.secret, "previous_valid_until": rotated.previous_valid_until})


# --- uploads ------------------------------------------------------------------------------------------------------


@bp.route("/v1/connections/{connection_id}/uploads", methods=["POST"], content_types=ANY)
@guarded
def create_upload(connection_id: str) -> Response:
    """Ask for a place for a CSV file. PUT the file to ``upload_url``, with ``headers``, before ``expires_at``.

    It is read row by row by itself. ``bytes`` binds the URL to a file of that size.
    """
    from chalicelib.lambdas.api.inbound import schemas, shows

    workspace, wanted = _call(access.ADMINS).body(schemas.UploadNew)
    made = inbound.manage_uploads().create(
        workspace, access.identity(connection_id), filename=wanted.filename, size=wanted.bytes
    )
    return json_response(201, shows.new_upload(made))


@bp.route("/v1/connections/{connection_id}/uploads", methods=["GET"])
@guarded
def list_uploads(connection_id: str) -> Response:
    """The files of a connection, newest first, without their errors."""
    from chalicelib.lambdas.api.inbound import shows
    from chalicelib.lambdas.api.schemas import ListQuery
    from chalicelib.lambdas.api.shows import page

    workspace, asked = _call(access.READERS).query(ListQuery)
    found, cursor = inbound.manage_uploads().page(
        workspace, access.identity(connection_id), limit=asked.limit, cursor=asked.cursor
    )
    return json_response(200, page([shows.upload_line(one) for one in found], cursor))


@bp.route("/v1/connections/{connection_id}/uploads/{upload_id}", methods=["GET"])
@guarded
def get_upload(connection_id: str, upload_id: str) -> Response:
    """How far a file is read, and which rows were refused: by number (the header is 1), code and column."""
    from chalicelib.lambdas.api.inbound import shows

    workspace = _call(access.READERS).workspace()
    found = inbound.manage_uploads().get(workspace, access.identity(connection_id), access.identity(upload_id))
    return json_response(200, shows.upload(found))


# --- survey platforms ---------------------------------------------------------------------------------------------


@bp.route("/v1/sources", methods=["GET"])
@guarded
def list_sources() -> Response:
    """The survey platforms that can be connected."""
    from chalicelib.lambdas.api import guides
    from chalicelib.lambdas.api.schemas import GuideQuery
    from chalicelib.lambdas.api.shows import page

    _, asked = _call(access.EVERYBODY).query(GuideQuery)
    return json_response(200, page(guides.sources(asked.lang), None))


@bp.route("/v1/sources/{source}", methods=["GET"])
@guarded
def get_source(source: str) -> Response:
    """One platform: what to do there, what to fill in here, and what to expect."""
    from chalicelib.lambdas.api import guides
    from chalicelib.lambdas.api.schemas import GuideQuery

    _, asked = _call(access.EVERYBODY).query(GuideQuery)
    return json_response(200, guides.source(source, asked.lang))
