"""Endpoints, what each connector needs, deliveries, callbacks, and what differs between tickets and their items
elsewhere."""

from __future__ import annotations

from functools import partial

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.errors import Invalid
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import (
    ANY,
    base_url,
    bytes_response,
    guarded,
    headers,
    json_response,
    line,
    public_uri,
    query,
    raw_body,
)

bp = Blueprint(__name__)
_call = partial(call_of, bp)


def _base_url() -> str:
    from chalicelib.wiring import base

    return base_url(bp.current_request, base.settings())


# --- endpoints ----------------------------------------------------------------------------------------------------


@bp.route("/v1/endpoints", methods=["POST"], content_types=ANY)
@guarded
def create_endpoint() -> Response:
    """Connect an OA or CRM. The secret is shown this once; the URL is never shown again but for its host."""
    from chalicelib.lambdas.api import parse
    from chalicelib.lambdas.api.outbound import schemas, shows
    from chalicelib.wiring import outbound

    call = _call(access.ADMINS)
    manage = outbound.manage_endpoints(_base_url())
    value = parse.read_json(call.request)
    try:
        workspace, wanted = call.checked(schemas.EndpointNew, value)
    except Invalid:
        # A forbidden address is the worse fault: it is named whatever else is wrong with the body.
        if isinstance(value, dict) and isinstance(value.get("url"), str):
            manage.check_url(value["url"])
        raise
    made = manage.create(
        workspace,
        name=wanted.name,
        connector=wanted.connector,
        url=wanted.url,
        secret=wanted.secret,
        events=wanted.events,
        settings=wanted.settings.model_dump(exclude_unset=True, exclude={"headers"}),
        headers=wanted.settings.headers or {},
        credentials=wanted.credentials,
    )
    callback_url = f"{_base_url()}/v1/callbacks/{made.endpoint.id}"
    headers = sorted(wanted.settings.headers or {})
    body = {**shows.endpoint(made.endpoint, headers), "secret": made.secret, "callback_url": callback_url}
    return json_response(201, body)


@bp.route("/v1/endpoints", methods=["GET"])
@guarded
def list_endpoints() -> Response:
    """All endpoints of the workspace, oldest first."""
    from chalicelib.lambdas.api.outbound import shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import outbound

    workspace = _call(access.READERS).workspace()
    found = outbound.manage_endpoints(_base_url()).list(workspace)
    return json_response(200, page([shows.endpoint(one) for one in found], None))


@bp.route("/v1/endpoints/{endpoint_id}", methods=["GET"])
@guarded
def get_endpoint(endpoint_id: str) -> Response:
    """One endpoint: the URL as its host, header fields by name with their values masked, no secret."""
    from chalicelib.lambdas.api.outbound import shows
    from chalicelib.wiring import outbound

    workspace = _call(access.READERS).workspace()
    manage = outbound.manage_endpoints(_base_url())
    found = manage.get(workspace, access.identity(endpoint_id))
    return json_response(200, shows.endpoint(found, manage.header_names(found.id)))


@bp.route("/v1/endpoints/{endpoint_id}", methods=["PATCH"], content_types=ANY)
@guarded
def change_endpoint(endpoint_id: str) -> Response:
    """Change what is given. Making an endpoint active again sends what was held for it."""
    from chalicelib.lambdas.api.outbound import schemas, shows
    from chalicelib.services.outbound.manage_endpoints import EndpointChange
    from chalicelib.wiring import outbound

    workspace, wanted = _call(access.ADMINS).body(schemas.EndpointChange)
    settings = wanted.settings
    change = EndpointChange(
        name=wanted.name,
        state=wanted.state,
        url=wanted.url,
        secret=wanted.secret,
        events=wanted.events,
        settings=settings.model_dump(exclude_unset=True, exclude={"headers"}) if settings else None,
        headers=settings.headers if settings else None,
        credentials=wanted.credentials,
    )
    manage = outbound.manage_endpoints(_base_url())
    after, released = manage.change(workspace, access.identity(endpoint_id), change)
    return json_response(200, {**shows.endpoint(after, manage.header_names(after.id)), "released": released})


@bp.route("/v1/endpoints/{endpoint_id}", methods=["DELETE"])
@guarded
def delete_endpoint(endpoint_id: str) -> Response:
    """Remove an endpoint. Deliveries that wait for it end as cancelled; nothing is sent after the answer."""
    from chalicelib.wiring import outbound

    workspace = _call(access.ADMINS).workspace()
    cancelled = outbound.manage_endpoints(_base_url()).delete(workspace, access.identity(endpoint_id))
    return json_response(200, {"id": endpoint_id, "deleted": True, "cancelled": cancelled})


@bp.route("/v1/endpoints/{endpoint_id}/rotate", methods=["POST"], content_types=ANY)
@guarded
def rotate_endpoint(endpoint_id: str) -> Response:
    """Make a new secret. For a day we sign with both; ten rotations a day are the limit."""
    from chalicelib.lambdas.api.schemas import Nothing
    from chalicelib.wiring import outbound

    workspace, _ = _call(access.ADMINS).body(Nothing)
    rotated = outbound.manage_endpoints(_base_url()).rotate(workspace, access.identity(endpoint_id))
    return json_response(200, {"secret": rotated.secret, "previous_valid_until": rotated.previous_valid_until})


# --- connectors ---------------------------------------------------------------------------------------------------


@bp.route("/v1/connectors", methods=["GET"])
@guarded
def list_connectors() -> Response:
    """The systems that tasks can go to."""
    from chalicelib.lambdas.api import guides
    from chalicelib.lambdas.api.schemas import GuideQuery
    from chalicelib.lambdas.api.shows import page

    _, asked = _call(access.EVERYBODY).query(GuideQuery)
    return json_response(200, page(guides.connectors(asked.lang), None))


@bp.route("/v1/connectors/{connector}", methods=["GET"])
@guarded
def get_connector(connector: str) -> Response:
    """One system: what to do there, what to fill in here, and what to expect."""
    from chalicelib.lambdas.api import guides
    from chalicelib.lambdas.api.schemas import GuideQuery

    _, asked = _call(access.EVERYBODY).query(GuideQuery)
    return json_response(200, guides.connector(connector, asked.lang))


# --- deliveries ---------------------------------------------------------------------------------------------------


@bp.route("/v1/deliveries", methods=["GET"])
@guarded
def list_deliveries() -> Response:
    """The delivery log, newest first. A page may be short, or empty, and still have a cursor."""
    from chalicelib.lambdas.api.outbound import schemas, shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import outbound

    workspace, asked = _call(access.DELIVERY_READERS).query(schemas.DeliveryQuery)
    found, cursor = outbound.read_deliveries().page(
        workspace,
        ticket=asked.ticket,
        endpoint=asked.endpoint,
        state=asked.state,
        since=asked.since,
        until=asked.until,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return json_response(200, page([shows.delivery(one) for one in found], cursor))


@bp.route("/v1/deliveries/{delivery_id}", methods=["GET"])
@guarded
def get_delivery(delivery_id: str) -> Response:
    """One delivery with every attempt: status, duration and the masked answer."""
    from chalicelib.lambdas.api.outbound import shows
    from chalicelib.wiring import outbound

    workspace = _call(access.DELIVERY_READERS).workspace()
    found, attempts = outbound.read_deliveries().get(workspace, access.identity(delivery_id))
    return json_response(200, {**shows.delivery(found), "attempts": [shows.attempt(one) for one in attempts]})


@bp.route("/v1/deliveries/{delivery_id}/replay", methods=["POST"], content_types=ANY)
@guarded
def replay_delivery(delivery_id: str) -> Response:
    """Send one delivery again, under its own id: a target that has taken it drops the second."""
    from chalicelib.lambdas.api.schemas import Nothing
    from chalicelib.wiring import outbound

    workspace, _ = _call(access.ADMINS).body(Nothing)
    outbound.delivery_admin_service().replay(workspace, access.identity(delivery_id))
    return json_response(202, {"id": delivery_id, "status": "queued"})


@bp.route("/v1/replay", methods=["POST"], content_types=ANY)
@guarded
def replay() -> Response:
    """Do a part of a time range again: publish its events, send its deliveries, or read what it has parked."""
    from chalicelib.lambdas.api.outbound import schemas
    from chalicelib.wiring import upkeep

    workspace, wanted = _call(access.ADMINS).body(schemas.Replay)
    done = upkeep.replay_service()(workspace, wanted.since, wanted.until, wanted.what, wanted.cursor)
    return json_response(202, {"sent": done.sent, "cursor": done.cursor})


# --- drift --------------------------------------------------------------------------------------------------------


@bp.route("/v1/drift", methods=["GET"])
@guarded
def get_drift() -> Response:
    """Where other systems show something else than the tickets say, as the last poll of each endpoint found it: what
    differs, since when, who wins and why. Of one endpoint, or of all that can be asked; ``after`` goes on where a
    report says ``more``.
    """
    from chalicelib.lambdas.api.outbound import schemas, shows
    from chalicelib.wiring import outbound

    workspace, asked = _call(access.DELIVERY_READERS).query(schemas.DriftQuery)
    report = outbound.drifts().report(workspace, asked.endpoint, after=asked.after or "")
    return json_response(200, shows.drifts(report))


@bp.route("/v1/drift/check", methods=["POST"], content_types=ANY)
@guarded
def check_drift() -> Response:
    """Ask the systems now and not at their next poll: of one endpoint, or of all. The report shows it in seconds."""
    from chalicelib.lambdas.api.outbound import schemas
    from chalicelib.wiring import outbound

    workspace, asked = _call(access.ADMINS).body(schemas.DriftCheck)
    endpoints = outbound.drifts().check(workspace, asked.endpoint)
    return json_response(202, {"status": "queued", "endpoints": [one.id for one in endpoints]})


# --- callbacks ----------------------------------------------------------------------------------------------------


@bp.route("/v1/callbacks/{endpoint_id}", methods=["POST", "GET"], content_types=ANY)
@guarded
def hear_callback(endpoint_id: str) -> Response:
    """What an OA or CRM says of its item, proven by its own signature. Needs no key."""
    from chalicelib.domain.outbound.calls import Call
    from chalicelib.wiring import outbound

    request = bp.current_request
    given = query(request)
    uri = public_uri(f"{_base_url()}/v1/callbacks/{endpoint_id}", given)
    call = Call(request.method, uri, headers(request), given, raw_body(request))
    answered = outbound.hear_callback()(endpoint_id, call)
    line().note(workspace=answered.workspace, endpoint=endpoint_id, callback=answered.code, ticket=answered.ticket)
    return bytes_response(answered.reply.status, answered.reply.body, answered.reply.content_type)
