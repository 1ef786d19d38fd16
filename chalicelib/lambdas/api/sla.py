"""The management API of what is promised for a case, and by when. HTTP in, service call, HTTP out, as ``admin``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.http import guarded, json_response, line

if TYPE_CHECKING:
    from chalicelib.lambdas.api.call import Call

bp = Blueprint(__name__)

ANY: Final = ["*/*"]  # see admin.py


def _call(roles: tuple[str, ...]) -> Call:
    from chalicelib.lambdas.api.call import Call

    return Call(bp.current_request, roles)


@bp.route("/v1/sla", methods=["GET"])
@guarded
def get_sla() -> Response:
    """What is promised for a case, in minutes of its unit's opening time, by severity and moment of truth; version 0 is
    what ships.
    """
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import cases

    workspace = _call(access.CASE_READERS).workspace()
    return json_response(200, shows.sla(workspace, cases.manage_sla().get(workspace)))


@bp.route("/v1/sla", methods=["PUT"], content_types=ANY)
@guarded
def put_sla() -> Response:
    """Replace what is promised. ``version`` is the one that it replaces. It holds for what begins from now on; cases
    that are open keep their promises until they are reopened or their severity changes.
    """
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.ADMINS)
    workspace, wanted = call.body(schemas.Sla)
    made = cases.manage_sla().put(workspace, wanted.policy(), by=call.key.id)
    line().note(sla=made.version)
    return json_response(200, shows.sla(workspace, made))


@bp.route("/v1/sla/deadline", methods=["GET"])
@guarded
def get_deadline() -> Response:
    """By when so many minutes of a unit's opening time have passed, and whether that rests on a calendar that is not
    published yet.
    """
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.DeadlineQuery)
    unit = access.visible_unit(call.key, asked.unit)
    counted = cases.manage_sla().deadline(workspace, unit, asked.since, asked.minutes)
    return json_response(200, shows.deadline(counted))


@bp.route("/v1/tickets/{ticket_id}/updates", methods=["POST"], content_types=ANY)
@guarded
def update_customer(ticket_id: str) -> Response:
    """Say that the customer was told how things stand: the next update is promised from now on."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.CustomerUpdate)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    told = cases.manage_sla().updated(
        workspace, seen.id, version=wanted.version, actor=call.key.id, reason=wanted.reason
    )
    return json_response(200, shows.ticket(told))
