"""The door for survey platforms. Imports stay light: a cold start must answer inside 1.5 seconds."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib.lambdas.api import http
from chalicelib.wiring import base, inbound

bp = Blueprint(__name__)


@bp.route("/v1/hooks/{connection}/{token}", methods=["POST", "GET", "HEAD"], content_types=["*/*"])
@http.guarded
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
    return http.json_response(202, {"id": heard.id, "status": heard.status})


@bp.route("/v1/health", methods=["GET"])
@http.guarded
def health() -> Response:
    """That the function runs and was configured; nothing is called."""
    return http.json_response(200, {"status": "ok", "stage": base.settings().stage})
