"""Tickets: moves, hands, notes, links, duplicates, audits; what is promised for them, and by when."""

from __future__ import annotations

from functools import partial

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response, line

bp = Blueprint(__name__)
_call = partial(call_of, bp)


@bp.route("/v1/tickets", methods=["GET"])
@guarded
def list_tickets() -> Response:
    """Tickets, last opened first. All that is asked for stands in the index: a page reads on until it is full, through
    2,000 tickets at most. It may be short, or empty, and still have a cursor, where these held no more, or parts of
    cases lay between: they are listed only where a department, an owner or their ``parent`` is asked for."""
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import cases

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.TicketQuery)
    found, cursor = cases.read_tickets().page(
        call.key,
        workspace,
        state=asked.state,
        owner=asked.owner,
        department=asked.department,
        severity=asked.severity,
        unit=asked.unit,
        since=asked.since,
        until=asked.until,
        parent=asked.parent,
        incomplete=asked.incomplete is not None,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return json_response(200, page([shows.ticket(one) for one in found], cursor))


@bp.route("/v1/tickets/{ticket_id}", methods=["GET"])
@guarded
def get_ticket(ticket_id: str) -> Response:
    """One ticket with its whole history, what it became in other systems, and what to do about it.

    With it: how long it lay with whom, tickets linked to it, and the customer's other cases.
    """
    from chalicelib.lambdas.api.cases import shows
    from chalicelib.lambdas.api.schemas import GuideQuery
    from chalicelib.wiring import cases, frames

    call = _call(access.CASE_READERS)
    read = cases.read_tickets()
    workspace, asked = call.query(GuideQuery)
    found = read.get(call.key, workspace, access.identity(ticket_id))
    moves, beside = read.history(found), cases.case_file()
    body = {
        **shows.ticket(found, asked.lang),
        "history": shows.history(moves),
        "queues": dict(read.queues(found, moves)),
        "children": shows.children(read.parts(found), asked.lang),
        "links": [shows.link(one) for one in beside.links(call.key, found)],
        "customer": shows.customer(beside.customer(call.key, found), asked.lang),
        "items": [shows.item(one) for one in read.items_of(found)],
        "playbook": shows.playbook(found, cases.find_playbook()(workspace, found.playbook), asked.lang),
        "path": shows.path(frames.find_graph().told(found), asked.lang),
    }
    return json_response(200, body)


@bp.route("/v1/tickets/{ticket_id}/transitions", methods=["POST"], content_types=ANY)
@guarded
def move_ticket(ticket_id: str) -> Response:
    """Move a ticket, against the version that the caller saw. A 409 names the moves that are legal."""
    from chalicelib.lambdas.api.cases import schemas, shows
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
    from chalicelib.lambdas.api.cases import schemas
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.ContactReason)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    line().note(revealed=seen.id)
    contact = cases.reveal_contact()(call.key, seen, wanted.reason)
    return json_response(200, {"ticket": seen.id, "customer": dict(contact)})


# --- hands --------------------------------------------------------------------------------------------------------


@bp.route("/v1/tickets/{ticket_id}/claim", methods=["POST"], content_types=ANY)
@guarded
def claim_ticket(ticket_id: str) -> Response:
    """Take a ticket, for yourself or for the person named as ``owner``. It is accepted with that. You are whom the
    organisation says that the key belongs to, so where it names nobody, ``owner`` has to be given. Without an
    organisation you are the key itself.
    """
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.Claim)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    hands = cases.hand_over()
    taken = hands.claim(workspace, seen.id, version=wanted.version, owner=wanted.owner, actor=call.key.id)
    return json_response(200, shows.ticket(taken))


@bp.route("/v1/tickets/{ticket_id}/reassign", methods=["POST"], content_types=ANY)
@guarded
def reassign_ticket(ticket_id: str) -> Response:
    """Hand a ticket to another department or person, with the reason. Another department counts as a bounce."""
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.Reassignment)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    handed = cases.hand_over().reassign(
        workspace,
        seen.id,
        version=wanted.version,
        department=wanted.department,
        owner=wanted.owner,
        reason=wanted.reason,
        actor=call.key.id,
    )
    return json_response(200, shows.ticket(handed))


@bp.route("/v1/tickets/{ticket_id}/resolution", methods=["POST"], content_types=ANY)
@guarded
def complete_ticket(ticket_id: str) -> Response:
    """Hand in root cause and action later: what an OA resolved without them is closed only with them."""
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.LateResolution)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    done = cases.hand_over().complete(
        workspace,
        seen.id,
        version=wanted.version,
        root_cause=wanted.root_cause,
        action=wanted.action,
        cause=wanted.cause,
        actor=call.key.id,
    )
    return json_response(200, shows.ticket(done))


@bp.route("/v1/tickets/{ticket_id}/updates", methods=["POST"], content_types=ANY)
@guarded
def update_customer(ticket_id: str) -> Response:
    """Say that the customer was told how things stand: the next update is promised from now on."""
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.CustomerUpdate)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    told = cases.manage_sla().updated(
        workspace, seen.id, version=wanted.version, actor=call.key.id, reason=wanted.reason
    )
    return json_response(200, shows.ticket(told))


# --- notes and links ----------------------------------------------------------------------------------------------


@bp.route("/v1/tickets/{ticket_id}/notes", methods=["POST"], content_types=ANY)
@guarded
def add_note(ticket_id: str) -> Response:
    """Write a note for colleagues, with links to files. It never leaves: no event, card or other system has it."""
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.NoteNew)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    made = cases.case_file().add_note(seen, wanted.text, wanted.attachments, by=call.key.id)
    return json_response(201, shows.note(made))


@bp.route("/v1/tickets/{ticket_id}/notes", methods=["GET"])
@guarded
def list_notes(ticket_id: str) -> Response:
    """Colleagues' notes, oldest first."""
    from chalicelib.lambdas.api.cases import shows
    from chalicelib.lambdas.api.schemas import ListQuery
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import cases

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(ListQuery)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    found, cursor = cases.case_file().notes(seen, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, page([shows.note(one) for one in found], cursor))


@bp.route("/v1/tickets/{ticket_id}/links", methods=["POST"], content_types=ANY)
@guarded
def link_ticket(ticket_id: str) -> Response:
    """Link this ticket to another: as its ``duplicate``, or as ``related``. Both stay as they are and show the link."""
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.LinkNew)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    kind = "duplicate_of" if wanted.kind == "duplicate" else wanted.kind
    return json_response(200, shows.link(cases.case_file().link(call.key, seen, wanted.ticket, kind)))


@bp.route("/v1/tickets/{ticket_id}/links/{other_id}", methods=["DELETE"])
@guarded
def unlink_ticket(ticket_id: str, other_id: str) -> Response:
    """Undo a link, from either ticket."""
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    seen = cases.read_tickets().get(call.key, call.workspace(), access.identity(ticket_id))
    cases.case_file().unlink(call.key, seen, access.identity(other_id))
    return json_response(200, {"id": other_id, "deleted": True})


# --- duplicates ---------------------------------------------------------------------------------------------------


@bp.route("/v1/tickets/{ticket_id}/duplicate", methods=["POST"], content_types=ANY)
@guarded
def mark_duplicate(ticket_id: str) -> Response:
    """Say that a ticket tells once more what another one tells. It is merged: linked to the other and put aside.
    Nothing of it goes to the other one.
    """
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.DuplicateNew)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    merged = cases.mark_duplicate().mark(call.key, seen, wanted.of, version=wanted.version, reason=wanted.reason)
    return json_response(200, shows.ticket(merged))


@bp.route("/v1/tickets/{ticket_id}/duplicate/undo", methods=["POST"], content_types=ANY)
@guarded
def undo_duplicate(ticket_id: str) -> Response:
    """Say that a merged ticket is no duplicate after all. It goes back to the state that it had, and its link goes; so
    does what the other one has from it alone since its words became worse: severity, deadlines, playbook.
    """
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.DuplicateUndo)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    back = cases.mark_duplicate().undo(call.key, seen, version=wanted.version, reason=wanted.reason)
    return json_response(200, shows.ticket(back))


# --- the quality audit --------------------------------------------------------------------------------------------


@bp.route("/v1/audit", methods=["GET"])
@guarded
def list_audit() -> Response:
    """The closed tickets of a month that are looked at again: one in twenty, rounded up, the same every time."""
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.AuditQuery)
    sample = cases.audit_tickets().sample
    found = sample(call.key, workspace, asked.month, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, shows.audit(asked.month, found))


@bp.route("/v1/tickets/{ticket_id}/audit", methods=["POST"], content_types=ANY)
@guarded
def audit_ticket(ticket_id: str) -> Response:
    """Say whether a closed ticket was worked on as it should be. Shops do not judge their own."""
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.AUDITORS)
    workspace, wanted = call.body(schemas.AuditVerdict)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    verdict = cases.audit_tickets().judge(seen, wanted.verdict, wanted.note, by=call.key.id)
    return json_response(200, shows.verdict(seen.id, verdict))


# --- promises -----------------------------------------------------------------------------------------------------


@bp.route("/v1/sla", methods=["GET"])
@guarded
def get_sla() -> Response:
    """What is promised for a case, in minutes of its unit's opening time, by severity and moment of truth; version 0 is
    what ships.
    """
    from chalicelib.lambdas.api.cases import shows
    from chalicelib.wiring import cases

    workspace = _call(access.CASE_READERS).workspace()
    return json_response(200, shows.sla(workspace, cases.manage_sla().get(workspace)))


@bp.route("/v1/sla", methods=["PUT"], content_types=ANY)
@guarded
def put_sla() -> Response:
    """Replace what is promised. ``version`` is the one that it replaces. It holds for what begins from now on; cases
    that are open keep their promises until they are reopened or their severity changes.
    """
    from chalicelib.lambdas.api.cases import schemas, shows
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
    from chalicelib.lambdas.api.cases import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.DeadlineQuery)
    unit = access.visible_unit(call.key, asked.unit)
    counted = cases.manage_sla().deadline(workspace, unit, asked.since, asked.minutes)
    return json_response(200, shows.deadline(counted))
