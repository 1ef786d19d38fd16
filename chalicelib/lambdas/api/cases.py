"""The management API of working on a case: hands, notes, links, audits, and voices that nobody has dealt with.

Loaded by the API function together with the hooks, so nothing heavy is imported here, as in ``admin``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.http import guarded, json_response

if TYPE_CHECKING:
    from chalicelib.lambdas.api.call import Call

bp = Blueprint(__name__)

ANY: Final = ["*/*"]  # see admin.py


def _call(roles: tuple[str, ...]) -> Call:
    from chalicelib.lambdas.api.call import Call

    return Call(bp.current_request, roles)


# --- hands --------------------------------------------------------------------------------------------------------


@bp.route("/v1/tickets/{ticket_id}/claim", methods=["POST"], content_types=ANY)
@guarded
def claim_ticket(ticket_id: str) -> Response:
    """Take a ticket, for yourself or for the person named as ``owner``. It is accepted with that. You are whom the
    organisation says that the key belongs to; else the key itself.
    """
    from chalicelib.lambdas.api import schemas, shows
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
    from chalicelib.lambdas.api import schemas, shows
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
    from chalicelib.lambdas.api import schemas, shows
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


# --- notes and links ----------------------------------------------------------------------------------------------


@bp.route("/v1/tickets/{ticket_id}/notes", methods=["POST"], content_types=ANY)
@guarded
def add_note(ticket_id: str) -> Response:
    """Write a note for colleagues, with links to files. It never leaves: no event, card or other system has it."""
    from chalicelib.lambdas.api import schemas, shows
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
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.ListQuery)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    found, cursor = cases.case_file().notes(seen, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, shows.page([shows.note(one) for one in found], cursor))


@bp.route("/v1/tickets/{ticket_id}/links", methods=["POST"], content_types=ANY)
@guarded
def link_ticket(ticket_id: str) -> Response:
    """Link this ticket to another: as its ``duplicate``, or as ``related``. Both stay as they are and show the link."""
    from chalicelib.lambdas.api import schemas, shows
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


# --- the quality audit --------------------------------------------------------------------------------------------


@bp.route("/v1/audit", methods=["GET"])
@guarded
def list_audit() -> Response:
    """The closed tickets of a month that are looked at again: one in twenty, rounded up, the same every time."""
    from chalicelib.lambdas.api import schemas, shows
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
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import cases

    call = _call(access.AUDITORS)
    workspace, wanted = call.body(schemas.AuditVerdict)
    seen = cases.read_tickets().get(call.key, workspace, access.identity(ticket_id))
    verdict = cases.audit_tickets().judge(seen, wanted.verdict, wanted.note, by=call.key.id)
    return json_response(200, shows.verdict(seen.id, verdict))


# --- voices that nobody has dealt with ----------------------------------------------------------------------------


@bp.route("/v1/unattended", methods=["GET"])
@guarded
def list_unattended() -> Response:
    """Feedback of 24 hours ago or earlier that is neither answered, ticketed, linked nor closed with a reason."""
    from chalicelib.domain.reading.listing import FeedbackQuery
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.UnattendedQuery)
    wanted = FeedbackQuery(workspace, asked.since, asked.until, asked.unit, unattended=True)
    found = reading.read_feedback().page(call.key, wanted, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, shows.page([shows.summary(one) for one in found.items], found.cursor))


@bp.route("/v1/feedback/{feedback_id}/close", methods=["POST"], content_types=ANY)
@guarded
def close_feedback(feedback_id: str) -> Response:
    """Close a feedback without action, with the reason. What the customer says next takes it up again."""
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.CloseReason)
    closed = reading.close_feedback()(call.key, workspace, access.identity(feedback_id), wanted.reason)
    return json_response(200, shows.feedback(closed, reading.read_feedback().older(closed)))


@bp.route("/v1/feedback/{feedback_id}/answer", methods=["POST"], content_types=ANY)
@guarded
def answer_feedback(feedback_id: str) -> Response:
    """Say that the customer of a feedback without a ticket was answered, and what they were told. What they say next
    takes it up again.
    """
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.AnswerGiven)
    voice = access.identity(feedback_id)
    answered = reading.close_feedback()(call.key, workspace, voice, wanted.reason, state="answered")
    return json_response(200, shows.feedback(answered, reading.read_feedback().older(answered)))
