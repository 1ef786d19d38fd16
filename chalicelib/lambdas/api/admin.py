"""The management API: HTTP in, service call, HTTP out. Its core: connections, endpoints, keys, subscriptions, rules,
feedback, deliveries and tickets; what else there is has a module of its own beside this one, see app.py.

Loaded by the API function together with the hooks, so nothing heavy is imported here: each view loads what it
needs. Who may do what stands in ``domain/workspaces/access.py``, bodies and queries in ``schemas.py``; the OpenAPI
document is made from these views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.errors import Invalid
from chalicelib.lambdas.api.http import (
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

if TYPE_CHECKING:
    from chalicelib.lambdas.api import schemas
    from chalicelib.lambdas.api.call import Call

bp = Blueprint(__name__)

# Chalice would answer 415 before anyone is authenticated, and not as a problem document: we check it ourselves.
ANY: Final = ["*/*"]


def _call(roles: tuple[str, ...]) -> Call:
    from chalicelib.lambdas.api.call import Call

    return Call(bp.current_request, roles)


def _base_url() -> str:
    from chalicelib.wiring import base

    return base_url(bp.current_request, base.settings())


# --- connections --------------------------------------------------------------------------------------------------


@bp.route("/v1/connections", methods=["POST"], content_types=ANY)
@guarded
def create_connection() -> Response:
    """Connect a survey platform. The hook URL and the secret are shown this once."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import inbound

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
    hook_url = f"{_base_url()}/v1/hooks/{made.connection.id}/{made.token}"
    return json_response(201, {**shows.connection(made.connection), "hook_url": hook_url, "secret": made.secret})


@bp.route("/v1/connections", methods=["GET"])
@guarded
def list_connections() -> Response:
    """All connections of the workspace, oldest first."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import inbound

    workspace = _call(access.READERS).workspace()
    found = inbound.manage_connections().list(workspace)
    return json_response(200, shows.page([shows.connection(one) for one in found], None))


@bp.route("/v1/connections/{connection_id}", methods=["GET"])
@guarded
def get_connection(connection_id: str) -> Response:
    """One connection. Its token and secrets are never shown again."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import inbound

    workspace = _call(access.READERS).workspace()
    one = inbound.manage_connections().get(workspace, access.identity(connection_id))
    state = inbound.arm_polls().state(workspace, one.id) if one.settings.get("poll_minutes") else None
    return json_response(200, {**shows.connection(one), "polling": shows.polling(one, state)})


@bp.route("/v1/connections/{connection_id}", methods=["PATCH"], content_types=ANY)
@guarded
def change_connection(connection_id: str) -> Response:
    """Rename, pause, resume, or change mapping, settings and credentials. Resuming parses again what was parked."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.services.inbound.manage_connections import ConnectionChange
    from chalicelib.wiring import inbound

    workspace, wanted = _call(access.ADMINS).body(schemas.ConnectionChange)
    change = ConnectionChange(wanted.name, wanted.state, wanted.mapping, wanted.settings, wanted.credentials)
    after, resumed = inbound.manage_connections().change(workspace, access.identity(connection_id), change)
    return json_response(200, {**shows.connection(after), "reparsed": resumed.count, "more": resumed.more})


@bp.route("/v1/connections/{connection_id}", methods=["DELETE"])
@guarded
def delete_connection(connection_id: str) -> Response:
    """Remove a connection. What it has heard stays."""
    from chalicelib.wiring import inbound

    workspace = _call(access.ADMINS).workspace()
    inbound.manage_connections().delete(workspace, access.identity(connection_id))
    return json_response(200, {"id": connection_id, "deleted": True})


@bp.route("/v1/connections/{connection_id}/rotate", methods=["POST"], content_types=ANY)
@guarded
def rotate_connection(connection_id: str) -> Response:
    """Put a new secret in force. The one before it counts for another day; ten rotations a day are the limit."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import inbound

    workspace, wanted = _call(access.ADMINS).body(schemas.NewSecret)
    rotated = inbound.manage_connections().rotate(workspace, access.identity(connection_id), wanted.secret)
    return json_response(200, {"secret": rotated.secret, "previous_valid_until": rotated.previous_valid_until})


@bp.route("/v1/connections/{connection_id}/uploads", methods=["POST"], content_types=ANY)
@guarded
def create_upload(connection_id: str) -> Response:
    """Ask for a place for a CSV file. PUT the file to ``upload_url``, with ``headers``, before ``expires_at``.

    It is read row by row by itself. ``bytes`` binds the URL to a file of that size.
    """
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import inbound

    workspace, wanted = _call(access.ADMINS).body(schemas.UploadNew)
    made = inbound.manage_uploads().create(
        workspace, access.identity(connection_id), filename=wanted.filename, size=wanted.bytes
    )
    return json_response(201, shows.new_upload(made))


@bp.route("/v1/connections/{connection_id}/uploads", methods=["GET"])
@guarded
def list_uploads(connection_id: str) -> Response:
    """The files of a connection, newest first, without their errors."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import inbound

    workspace, asked = _call(access.READERS).query(schemas.ListQuery)
    found, cursor = inbound.manage_uploads().page(
        workspace, access.identity(connection_id), limit=asked.limit, cursor=asked.cursor
    )
    return json_response(200, shows.page([shows.upload_line(one) for one in found], cursor))


@bp.route("/v1/connections/{connection_id}/uploads/{upload_id}", methods=["GET"])
@guarded
def get_upload(connection_id: str, upload_id: str) -> Response:
    """How far a file is read, and which rows were refused: by number (the header is 1), code and column."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import inbound

    workspace = _call(access.READERS).workspace()
    found = inbound.manage_uploads().get(workspace, access.identity(connection_id), access.identity(upload_id))
    return json_response(200, shows.upload(found))


# --- endpoints ----------------------------------------------------------------------------------------------------


@bp.route("/v1/endpoints", methods=["POST"], content_types=ANY)
@guarded
def create_endpoint() -> Response:
    """Connect an OA or CRM. The secret is shown this once; the URL is never shown again but for its host."""
    from chalicelib.lambdas.api import reading, schemas, shows
    from chalicelib.wiring import outbound

    call = _call(access.ADMINS)
    manage = outbound.manage_endpoints(_base_url())
    value = reading.read_json(call.request)
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
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import outbound

    workspace = _call(access.READERS).workspace()
    found = outbound.manage_endpoints(_base_url()).list(workspace)
    return json_response(200, shows.page([shows.endpoint(one) for one in found], None))


@bp.route("/v1/endpoints/{endpoint_id}", methods=["GET"])
@guarded
def get_endpoint(endpoint_id: str) -> Response:
    """One endpoint: the URL as its host, header fields by name with their values masked, no secret."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import outbound

    workspace = _call(access.READERS).workspace()
    manage = outbound.manage_endpoints(_base_url())
    found = manage.get(workspace, access.identity(endpoint_id))
    return json_response(200, shows.endpoint(found, manage.header_names(found.id)))


@bp.route("/v1/endpoints/{endpoint_id}", methods=["PATCH"], content_types=ANY)
@guarded
def change_endpoint(endpoint_id: str) -> Response:
    """Change what is given. Making an endpoint active again sends what was held for it."""
    from chalicelib.lambdas.api import schemas, shows
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
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import outbound

    workspace, _ = _call(access.ADMINS).body(schemas.Nothing)
    rotated = outbound.manage_endpoints(_base_url()).rotate(workspace, access.identity(endpoint_id))
    return json_response(200, {"secret": rotated.secret, "previous_valid_until": rotated.previous_valid_until})


# --- guides -------------------------------------------------------------------------------------------------------


@bp.route("/v1/sources", methods=["GET"])
@guarded
def list_sources() -> Response:
    """The survey platforms that can be connected."""
    from chalicelib.lambdas.api import guides, schemas, shows

    _, asked = _call(access.EVERYBODY).query(schemas.GuideQuery)
    return json_response(200, shows.page(guides.sources(asked.lang), None))


@bp.route("/v1/sources/{source}", methods=["GET"])
@guarded
def get_source(source: str) -> Response:
    """One platform: what to do there, what to fill in here, and what to expect."""
    from chalicelib.lambdas.api import guides, schemas

    _, asked = _call(access.EVERYBODY).query(schemas.GuideQuery)
    return json_response(200, guides.source(source, asked.lang))


@bp.route("/v1/connectors", methods=["GET"])
@guarded
def list_connectors() -> Response:
    """The systems that tasks can go to."""
    from chalicelib.lambdas.api import guides, schemas, shows

    _, asked = _call(access.EVERYBODY).query(schemas.GuideQuery)
    return json_response(200, shows.page(guides.connectors(asked.lang), None))


@bp.route("/v1/connectors/{connector}", methods=["GET"])
@guarded
def get_connector(connector: str) -> Response:
    """One system: what to do there, what to fill in here, and what to expect."""
    from chalicelib.lambdas.api import guides, schemas

    _, asked = _call(access.EVERYBODY).query(schemas.GuideQuery)
    return json_response(200, guides.connector(connector, asked.lang))


# --- rules, subscriptions, keys -----------------------------------------------------------------------------------


@bp.route("/v1/rules", methods=["GET"])
@guarded
def list_rules() -> Response:
    """The workspace's rules and the built-in ones that they do not replace, by name."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import workspaces

    workspace = _call(access.READERS).workspace()
    return json_response(200, shows.page([shows.rule(one) for one in workspaces.manage_rules().list(workspace)], None))


@bp.route("/v1/rules", methods=["POST"], content_types=ANY)
@guarded
def create_rule() -> Response:
    """As PUT, with the name in the body."""
    from chalicelib.lambdas.api import reading, schemas

    call = _call(access.ADMINS)
    value = reading.read_json(call.request)
    reading.refuse_patterns(value)
    workspace, wanted = call.checked(schemas.NamedRule, value)
    return _put_rule(workspace, wanted.name, wanted)


@bp.route("/v1/rules/{name}", methods=["PUT"], content_types=ANY)
@guarded
def put_rule(name: str) -> Response:
    """Write the next version of a rule. A built-in rule is replaced by one of its name."""
    from chalicelib.lambdas.api import reading, schemas

    call = _call(access.ADMINS)
    value = reading.read_json(call.request)
    reading.refuse_patterns(value)
    workspace, wanted = call.checked(schemas.RuleBody, value)
    return _put_rule(workspace, name, wanted)


def _put_rule(workspace: str, name: str, wanted: schemas.RuleBody) -> Response:
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import workspaces

    body = wanted.model_dump(exclude={"name", "workspace"})
    return json_response(200, shows.rule(workspaces.manage_rules().put(workspace, name, body)))


@bp.route("/v1/rules/{name}", methods=["DELETE"])
@guarded
def delete_rule(name: str) -> Response:
    """Take a rule back. A built-in rule that it replaced is in force again."""
    from chalicelib.wiring import workspaces

    workspace = _call(access.ADMINS).workspace()
    workspaces.manage_rules().delete(workspace, access.identity(name))
    return json_response(200, {"name": name, "deleted": True})


@bp.route("/v1/subscriptions", methods=["POST"], content_types=ANY)
@guarded
def create_subscription() -> Response:
    """Wake a person: one address, on one severity and all higher ones."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import alerts

    workspace, wanted = _call(access.ADMINS).body(schemas.SubscriptionNew)
    made = alerts.manage_subscriptions().create(workspace, wanted.severity, wanted.protocol, wanted.address)
    body = {"id": made.id, "workspace": workspace, "severity": made.severity, "protocol": made.protocol}
    return json_response(201, body)


@bp.route("/v1/subscriptions/{subscription_id}", methods=["DELETE"])
@guarded
def delete_subscription(subscription_id: str) -> Response:
    """Let a person sleep."""
    from chalicelib.wiring import alerts

    workspace = _call(access.ADMINS).workspace()
    alerts.manage_subscriptions().delete(workspace, access.identity(subscription_id))
    return json_response(200, {"id": subscription_id, "deleted": True})


@bp.route("/v1/keys", methods=["POST"], content_types=ANY)
@guarded
def create_key() -> Response:
    """Make an API key. It is shown this once; only its hash is kept."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import workspaces

    workspace, wanted = _call(access.ADMINS).body(schemas.KeyNew)
    made, plaintext = workspaces.manage_keys().create(workspace, wanted.role, wanted.unit)
    body = {"id": made.id, "workspace": workspace, "role": made.role, "unit": made.unit, "key": plaintext}
    return json_response(201, body)


@bp.route("/v1/keys/{key_id}", methods=["DELETE"])
@guarded
def delete_key(key_id: str) -> Response:
    """Revoke a key. It is refused from the next call on."""
    from chalicelib.wiring import workspaces

    workspace = _call(access.ADMINS).workspace()
    workspaces.manage_keys().revoke(workspace, access.identity(key_id))
    return json_response(200, {"id": key_id, "deleted": True})


# --- feedback -----------------------------------------------------------------------------------------------------


@bp.route("/v1/feedback", methods=["GET"])
@guarded
def list_feedback() -> Response:
    """Feedback, newest first, without its words. A page may be short, or empty, and still have a cursor."""
    from chalicelib.domain.reading.listing import FeedbackQuery
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.FeedbackQuery)
    wanted = FeedbackQuery(workspace, asked.since, asked.until, asked.unit, asked.topic, asked.state)
    found = reading.read_feedback().page(call.key, wanted, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, shows.page([shows.summary(one) for one in found.items], found.cursor))


@bp.route("/v1/feedback/{feedback_id}", methods=["GET"])
@guarded
def get_feedback(feedback_id: str) -> Response:
    """One feedback with its tags and their evidence, reasons, times and older revisions; no contact data."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_READERS)
    found, older = reading.read_feedback().get(call.key, call.workspace(), access.identity(feedback_id))
    return json_response(200, shows.feedback(found, older))


@bp.route("/v1/feedback/{feedback_id}/reparse", methods=["POST"], content_types=ANY)
@guarded
def reparse_feedback(feedback_id: str) -> Response:
    """Read parked content again, with the mapping as it is now. The log says who had it opened."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import inbound

    workspace, _ = _call(access.ADMINS).body(schemas.Nothing)
    line().note(opened=access.identity(feedback_id))
    inbound.reparse().one(workspace, feedback_id)
    return json_response(202, {"id": feedback_id, "status": "queued"})


@bp.route("/v1/feedback/{feedback_id}/readings", methods=["GET"])
@guarded
def list_readings(feedback_id: str) -> Response:
    """Every tagging of one feedback, oldest first, and who put which right."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_READERS)
    wanted = access.identity(feedback_id)
    found, corrections = reading.read_corrections().readings(call.key, call.workspace(), wanted)
    return json_response(200, shows.readings(wanted, found, corrections))


@bp.route("/v1/feedback/{feedback_id}/corrections", methods=["POST"], content_types=ANY)
@guarded
def correct_feedback(feedback_id: str) -> Response:
    """Give the whole right list of tags for the reading that you saw. Becomes the next reading, and training data."""
    from chalicelib.domain.reading.correction import Mark
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.services.reading.correct import Right
    from chalicelib.wiring import reading

    call = _call(access.READERS)
    workspace, wanted = call.body(schemas.Correction)
    right = Right(
        tags=[Mark(**tag.model_dump()) for tag in wanted.tags],
        red_lines=wanted.red_lines,
        intents=wanted.intents,
        note=wanted.note,
    )
    done = reading.correct()(
        call.key,
        workspace,
        access.identity(feedback_id),
        revision=wanted.revision,
        reading=wanted.reading,
        right=right,
    )
    return json_response(200, shows.feedback(done, reading.read_feedback().older(done)))


@bp.route("/v1/feedback/{feedback_id}/review", methods=["POST"], content_types=ANY)
@guarded
def review_feedback(feedback_id: str) -> Response:
    """Say that the tags are right as they are. Takes the feedback off the review queue."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import reading

    call = _call(access.READERS)
    workspace, wanted = call.body(schemas.Verdict)
    done = reading.review().right(
        call.key,
        workspace,
        access.identity(feedback_id),
        revision=wanted.revision,
        reading=wanted.reading,
        note=wanted.note,
    )
    return json_response(200, shows.feedback(done, reading.read_feedback().older(done)))


@bp.route("/v1/review", methods=["GET"])
@guarded
def list_review() -> Response:
    """Feedback that a person should look at, with the reasons, oldest first."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import reading

    workspace, asked = _call(access.READERS).query(schemas.ListQuery)
    found, cursor = reading.review().page(workspace, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, shows.page([shows.waiting(one) for one in found], cursor))


@bp.route("/v1/corrections", methods=["GET"])
@guarded
def list_corrections() -> Response:
    """What analysts put right, last given first, with rows for training."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import reading

    workspace, asked = _call(access.READERS).query(schemas.CorrectionQuery)
    corrections = reading.read_corrections()
    found, cursor = corrections.page(workspace, since=asked.since, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, shows.page([shows.correction(one) for one in found], cursor))


@bp.route("/v1/try", methods=["POST"], content_types=ANY)
@guarded
def try_voice() -> Response:
    """Read and route a sentence: tags with their evidence, rules, owner and card. Nothing is kept, nobody is told."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import reading

    workspace, wanted = _call(access.READERS).body(schemas.Try)
    tried = reading.try_reading()(workspace, wanted.voice(), proposal=wanted.proposal)
    return json_response(200, shows.tried(tried))


# --- needs --------------------------------------------------------------------------------------------------------


@bp.route("/v1/needs", methods=["GET"])
@guarded
def list_needs() -> Response:
    """What each topic is to customers, from how the score moves with what is said of it: pain, itch, delight or none.

    Counted are the newest 20,000 voices of the span at most, by arrival; ``read_back_to`` says where it then ended.
    Channels are pooled unless one is named, and counted apart.
    """
    from chalicelib.domain.reading.listing import FeedbackQuery
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.NeedsQuery)
    wanted = FeedbackQuery(workspace, asked.since, asked.until, asked.unit)
    read = reading.read_needs()
    found = read(call.key, wanted, kind=asked.kind, channel=asked.channel)
    return json_response(200, shows.needs(found, read.name(workspace)))


# --- tickets ------------------------------------------------------------------------------------------------------


@bp.route("/v1/tickets", methods=["GET"])
@guarded
def list_tickets() -> Response:
    """Tickets, last opened first. A page may be short, or empty, and still have a cursor. Parts of cases are listed
    only where a department, an owner or their ``parent`` is asked for."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.TicketQuery)
    found, cursor = cases.read_tickets().page(
        call.key,
        workspace,
        state=asked.state,
        owner=asked.owner,
        department=asked.department,
        parent=asked.parent,
        incomplete=asked.incomplete is not None,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return json_response(200, shows.page([shows.ticket(one) for one in found], cursor))


@bp.route("/v1/tickets/{ticket_id}", methods=["GET"])
@guarded
def get_ticket(ticket_id: str) -> Response:
    """One ticket with its whole history, what it became in other systems, and what to do about it.

    With it: how long it lay with whom, tickets linked to it, and the customer's other cases.
    """
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import cases, frames

    call = _call(access.CASE_READERS)
    read = cases.read_tickets()
    workspace, asked = call.query(schemas.GuideQuery)
    found = read.get(call.key, workspace, access.identity(ticket_id))
    moves, beside = read.history(found), cases.case_file()
    body = {
        **shows.ticket(found),
        "history": shows.history(moves),
        "queues": dict(read.queues(found, moves)),
        "children": shows.children(read.parts(found)),
        "links": [shows.link(one) for one in beside.links(call.key, found)],
        "customer": shows.customer(beside.customer(call.key, found)),
        "items": [shows.item(one) for one in read.items_of(found)],
        "playbook": shows.playbook(found, cases.find_playbook()(workspace, found.playbook), asked.lang),
        "path": shows.path(frames.find_graph().told(found), asked.lang),
    }
    return json_response(200, body)


@bp.route("/v1/tickets/{ticket_id}/transitions", methods=["POST"], content_types=ANY)
@guarded
def move_ticket(ticket_id: str) -> Response:
    """Move a ticket, against the version that the caller saw. A 409 names the moves that are legal."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.Transition)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    moved = cases.move_ticket()(
        workspace,
        seen.id,
        to=wanted.to,
        version=wanted.version,
        actor=call.key.id,
        reason=wanted.reason,
        root_cause=wanted.root_cause,
        action=wanted.action,
        cause=wanted.cause,
    )
    return json_response(200, shows.ticket(moved))


@bp.route("/v1/tickets/{ticket_id}/contact", methods=["POST"], content_types=ANY)
@guarded
def reveal_contact(ticket_id: str) -> Response:
    """Show the customer's contact data to the ticket's owner or an admin. Who asked, and why, is kept."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.ContactReason)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    line().note(revealed=seen.id)
    contact = cases.reveal_contact()(call.key, seen, wanted.reason)
    return json_response(200, {"ticket": seen.id, "customer": dict(contact)})


# --- deliveries ---------------------------------------------------------------------------------------------------


@bp.route("/v1/deliveries", methods=["GET"])
@guarded
def list_deliveries() -> Response:
    """The delivery log, newest first. A page may be short, or empty, and still have a cursor."""
    from chalicelib.lambdas.api import schemas, shows
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
    return json_response(200, shows.page([shows.delivery(one) for one in found], cursor))


@bp.route("/v1/deliveries/{delivery_id}", methods=["GET"])
@guarded
def get_delivery(delivery_id: str) -> Response:
    """One delivery with every attempt: status, duration and the masked answer."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import outbound

    workspace = _call(access.DELIVERY_READERS).workspace()
    found, attempts = outbound.read_deliveries().get(workspace, access.identity(delivery_id))
    return json_response(200, {**shows.delivery(found), "attempts": [shows.attempt(one) for one in attempts]})


@bp.route("/v1/deliveries/{delivery_id}/replay", methods=["POST"], content_types=ANY)
@guarded
def replay_delivery(delivery_id: str) -> Response:
    """Send one delivery again, under its own id: a target that has taken it drops the second."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import outbound

    workspace, _ = _call(access.ADMINS).body(schemas.Nothing)
    outbound.delivery_admin_service().replay(workspace, access.identity(delivery_id))
    return json_response(202, {"id": delivery_id, "status": "queued"})


@bp.route("/v1/replay", methods=["POST"], content_types=ANY)
@guarded
def replay() -> Response:
    """Do a part of a time range again: publish its events, send its deliveries, or read what it has parked."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import upkeep

    workspace, wanted = _call(access.ADMINS).body(schemas.Replay)
    done = upkeep.replay_service()(workspace, wanted.since, wanted.until, wanted.what, wanted.cursor)
    return json_response(202, {"sent": done.sent, "cursor": done.cursor})


# --- callbacks and the document -----------------------------------------------------------------------------------


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


@bp.route("/openapi.json", methods=["GET"])
@guarded
def openapi() -> Response:
    """This API as an OpenAPI 3.1 document. Needs no key."""
    from chalicelib.lambdas.api.openapi import document

    return json_response(200, document(bp.current_app.routes, _base_url()))
