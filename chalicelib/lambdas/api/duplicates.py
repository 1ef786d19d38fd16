"""The management API of duplicates: a case is put aside for another one, and taken out again.

Loaded by the API function together with the hooks, so nothing heavy is imported here, as in ``admin``.
"""

from __future__ import annotations

from typing import Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.http import guarded, json_response

bp = Blueprint(__name__)

ANY: Final = ["*/*"]  # see admin.py


@bp.route("/v1/tickets/{ticket_id}/duplicate", methods=["POST"], content_types=ANY)
@guarded
def mark_duplicate(ticket_id: str) -> Response:
    """Say that a ticket tells once more what another one tells. It is merged: linked to the other and put aside.
    Nothing of it goes to the other one.
    """
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.lambdas.api.call import Call
    from chalicelib.wiring import cases

    call = Call(bp.current_request, access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.DuplicateNew)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    merged = cases.mark_duplicate().mark(call.key, seen, wanted.of, version=wanted.version, reason=wanted.reason)
    return json_response(200, shows.ticket(merged))


@bp.route("/v1/tickets/{ticket_id}/duplicate/undo", methods=["POST"], content_types=ANY)
@guarded
def undo_duplicate(ticket_id: str) -> Response:
    """Say that a merged ticket is no duplicate after all. It goes back to the state that it had, and its link goes."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.lambdas.api.call import Call
    from chalicelib.wiring import cases

    call = Call(bp.current_request, access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.DuplicateUndo)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    back = cases.mark_duplicate().undo(call.key, seen, version=wanted.version, reason=wanted.reason)
    return json_response(200, shows.ticket(back))
