"""The management API of what differs between tickets and their items elsewhere. HTTP in, service call, HTTP out."""

from __future__ import annotations

from typing import Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.http import guarded, json_response

bp = Blueprint(__name__)

ANY: Final = ["*/*"]  # see admin.py


@bp.route("/v1/drift", methods=["GET"])
@guarded
def get_drift() -> Response:
    """Where other systems show something else than the tickets say, as the last poll of each endpoint found it: what
    differs, since when, who wins and why. Of one endpoint, or of all that can be asked; ``after`` goes on where a
    report says ``more``.
    """
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.lambdas.api.call import Call
    from chalicelib.wiring import outbound

    workspace, asked = Call(bp.current_request, access.DELIVERY_READERS).query(schemas.DriftQuery)
    report = outbound.drifts().report(workspace, asked.endpoint, after=asked.after or "")
    return json_response(200, shows.drifts(report))


@bp.route("/v1/drift/check", methods=["POST"], content_types=ANY)
@guarded
def check_drift() -> Response:
    """Ask the systems now and not at their next poll: of one endpoint, or of all. The report shows it in seconds."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.lambdas.api.call import Call
    from chalicelib.wiring import outbound

    workspace, asked = Call(bp.current_request, access.ADMINS).body(schemas.DriftCheck)
    endpoints = outbound.drifts().check(workspace, asked.endpoint)
    return json_response(202, {"status": "queued", "endpoints": [one.id for one in endpoints]})
