"""Feedback: lists, readings, corrections, the review queue, needs, voices that nobody has dealt with; code frames."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response, line

if TYPE_CHECKING:
    from chalicelib.domain.reading.proposal import Proposal

bp = Blueprint(__name__)
_call = partial(call_of, bp)


@bp.route("/v1/feedback", methods=["GET"])
@guarded
def list_feedback() -> Response:
    """Feedback, newest first, without its words. A page may be short, or empty, and still have a cursor."""
    from chalicelib.domain.reading.listing import FeedbackQuery
    from chalicelib.lambdas.api.reading import schemas, shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import reading

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.FeedbackQuery)
    wanted = FeedbackQuery(workspace, asked.since, asked.until, asked.unit, asked.topic, asked.state)
    found = reading.read_feedback().page(call.key, wanted, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, page([shows.summary(one) for one in found.items], found.cursor))


@bp.route("/v1/feedback/{feedback_id}", methods=["GET"])
@guarded
def get_feedback(feedback_id: str) -> Response:
    """One feedback with its tags and their evidence, reasons, times and older revisions; no contact data."""
    from chalicelib.lambdas.api.reading import shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_READERS)
    found, older = reading.read_feedback().get(call.key, call.workspace(), access.identity(feedback_id))
    return json_response(200, shows.feedback(found, older))


@bp.route("/v1/feedback/{feedback_id}/reparse", methods=["POST"], content_types=ANY)
@guarded
def reparse_feedback(feedback_id: str) -> Response:
    """Read parked content again, with the mapping as it is now. The log says who had it opened."""
    from chalicelib.lambdas.api.schemas import Nothing
    from chalicelib.wiring import inbound

    workspace, _ = _call(access.ADMINS).body(Nothing)
    line().note(opened=access.identity(feedback_id))
    inbound.reparse().one(workspace, feedback_id)
    return json_response(202, {"id": feedback_id, "status": "queued"})


# --- corrections --------------------------------------------------------------------------------------------------


@bp.route("/v1/feedback/{feedback_id}/readings", methods=["GET"])
@guarded
def list_readings(feedback_id: str) -> Response:
    """Every tagging of one feedback, oldest first, and who put which right."""
    from chalicelib.lambdas.api.reading import shows
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
    from chalicelib.lambdas.api.reading import schemas, shows
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
    from chalicelib.lambdas.api.reading import schemas, shows
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
    from chalicelib.lambdas.api.reading import shows
    from chalicelib.lambdas.api.schemas import ListQuery
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import reading

    workspace, asked = _call(access.READERS).query(ListQuery)
    found, cursor = reading.review().page(workspace, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, page([shows.waiting(one) for one in found], cursor))


@bp.route("/v1/corrections", methods=["GET"])
@guarded
def list_corrections() -> Response:
    """What analysts put right, last given first, with rows for training."""
    from chalicelib.lambdas.api.reading import schemas, shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import reading

    workspace, asked = _call(access.READERS).query(schemas.CorrectionQuery)
    corrections = reading.read_corrections()
    found, cursor = corrections.page(workspace, since=asked.since, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, page([shows.correction(one) for one in found], cursor))


@bp.route("/v1/try", methods=["POST"], content_types=ANY)
@guarded
def try_voice() -> Response:
    """Read and route a sentence: tags with their evidence, rules, owner and card. Nothing is kept, nobody is told."""
    from chalicelib.lambdas.api.reading import schemas, shows
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
    from chalicelib.lambdas.api.reading import schemas, shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.NeedsQuery)
    wanted = FeedbackQuery(workspace, asked.since, asked.until, asked.unit)
    read = reading.read_needs()
    found = read(call.key, wanted, kind=asked.kind, channel=asked.channel)
    return json_response(200, shows.needs(found, read.name(workspace)))


# --- voices that nobody has dealt with ----------------------------------------------------------------------------


@bp.route("/v1/unattended", methods=["GET"])
@guarded
def list_unattended() -> Response:
    """Feedback of 24 hours ago or earlier that is neither answered, ticketed, linked nor closed with a reason."""
    from chalicelib.domain.reading.listing import FeedbackQuery
    from chalicelib.lambdas.api.reading import schemas, shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import reading

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.UnattendedQuery)
    wanted = FeedbackQuery(workspace, asked.since, asked.until, asked.unit, unattended=True)
    found = reading.read_feedback().page(call.key, wanted, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, page([shows.summary(one) for one in found.items], found.cursor))


@bp.route("/v1/feedback/{feedback_id}/close", methods=["POST"], content_types=ANY)
@guarded
def close_feedback(feedback_id: str) -> Response:
    """Close a feedback without action, with the reason. What the customer says next takes it up again."""
    from chalicelib.lambdas.api.reading import schemas, shows
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
    from chalicelib.lambdas.api.reading import schemas, shows
    from chalicelib.wiring import reading

    call = _call(access.CASE_WORKERS)
    workspace, wanted = call.body(schemas.AnswerGiven)
    voice = access.identity(feedback_id)
    answered = reading.close_feedback()(call.key, workspace, voice, wanted.reason, state="answered")
    return json_response(200, shows.feedback(answered, reading.read_feedback().older(answered)))


# --- code frames --------------------------------------------------------------------------------------------------


@bp.route("/v1/packs", methods=["GET"])
@guarded
def list_packs() -> Response:
    """The packs that ship, by name."""
    from chalicelib.lambdas.api.reading import frame_shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import frames

    _call(access.READERS).workspace()
    found = [frame_shows.pack(pack, frame) for pack, frame in frames.read_frame().packs()]
    return json_response(200, page(found, None))


@bp.route("/v1/packs/{pack}", methods=["GET"])
@guarded
def get_pack(pack: str) -> Response:
    """One pack with its tree of topics, and its playbooks: what to do about a complaint or a crossed red line."""
    from chalicelib.domain.cases.playbook import spoken
    from chalicelib.lambdas.api.reading import frame_shows
    from chalicelib.lambdas.api.schemas import GuideQuery
    from chalicelib.wiring import frames

    _, asked = _call(access.READERS).query(GuideQuery)
    read = frames.read_frame()
    frame = read.pack(access.identity(pack))
    found = [spoken(one, asked.lang) for one in read.playbooks(pack)]
    return json_response(200, {**frame_shows.pack(pack, frame), **frame_shows.tree(frame), "playbooks": found})


@bp.route("/v1/frame", methods=["GET"])
@guarded
def get_frame() -> Response:
    """The code frame that reads the workspace's voices, with its tree of topics and the workspace's overlay."""
    from chalicelib.lambdas.api.reading import frame_shows
    from chalicelib.wiring import frames

    workspace = _call(access.READERS).workspace()
    state, frame = frames.read_frame().active(workspace)
    return json_response(200, {**frame_shows.frame_state(state), "version": frame.version, **frame_shows.tree(frame)})


@bp.route("/v1/frame/history", methods=["GET"])
@guarded
def list_activations() -> Response:
    """Which frame was active when, newest first. Activating one of them again begins with measuring it again."""
    from chalicelib.lambdas.api.reading import frame_shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import frames

    workspace = _call(access.READERS).workspace()
    found = frames.read_frame().history(workspace)
    return json_response(200, page([frame_shows.activation(one) for one in found], None))


@bp.route("/v1/frame/proposals", methods=["POST"], content_types=ANY)
@guarded
def propose_frame() -> Response:
    """Propose packs, an overlay, or a delta learned from corrections. What it would change is measured at once."""
    from chalicelib.lambdas.api.reading import schemas
    from chalicelib.wiring import frames

    call = _call(access.READERS)
    workspace, wanted = call.body(schemas.ProposalNew)
    made = frames.propose_frame()(workspace, wanted.packs, wanted.overlay, wanted.learn, by=call.key.id)
    return _proposal(201, made)


@bp.route("/v1/frame/proposals", methods=["GET"])
@guarded
def list_proposals() -> Response:
    """All proposals, newest first, without their overlays. What was never activated is forgotten after thirty days."""
    from chalicelib.lambdas.api.reading import frame_shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import frames

    workspace = _call(access.READERS).workspace()
    found = frames.read_frame().proposals(workspace)
    return json_response(200, page([frame_shows.proposal(one) for one in found], None))


@bp.route("/v1/frame/proposals/{proposal_id}", methods=["GET"])
@guarded
def get_proposal(proposal_id: str) -> Response:
    """One proposal: what it would change, once that is measured, and what it has changed, once it is activated."""
    from chalicelib.wiring import frames

    workspace = _call(access.READERS).workspace()
    return _proposal(200, frames.read_frame().proposal(workspace, access.identity(proposal_id)))


@bp.route("/v1/frame/proposals/{proposal_id}", methods=["DELETE"])
@guarded
def withdraw_proposal(proposal_id: str) -> Response:
    """Forget a proposal that was never activated."""
    from chalicelib.wiring import frames

    workspace = _call(access.READERS).workspace()
    frames.propose_frame().withdraw(workspace, access.identity(proposal_id))
    return json_response(200, {"id": proposal_id, "deleted": True})


@bp.route("/v1/frame/proposals/{proposal_id}/measure", methods=["POST"], content_types=ANY)
@guarded
def measure_proposal(proposal_id: str) -> Response:
    """Measure again: after a change of frame or rules, or to go back to a frame that was active before."""
    from chalicelib.lambdas.api.schemas import Nothing
    from chalicelib.wiring import frames

    workspace, _ = _call(access.READERS).body(Nothing)
    return _proposal(202, frames.propose_frame().again(workspace, access.identity(proposal_id)))


@bp.route("/v1/frame/proposals/{proposal_id}/activate", methods=["POST"], content_types=ANY)
@guarded
def activate_proposal(proposal_id: str) -> Response:
    """Make a measured proposal the active frame. New voices are read by it at once, older ones page by page."""
    from chalicelib.lambdas.api.schemas import Nothing
    from chalicelib.wiring import frames

    call = _call(access.ADMINS)
    workspace, _ = call.body(Nothing)
    line().note(activated=access.identity(proposal_id))
    return _proposal(202, frames.activate_frame()(workspace, proposal_id, by=call.key.id))


def _proposal(status: int, one: Proposal) -> Response:
    from chalicelib.lambdas.api.reading import frame_shows

    return json_response(status, {**frame_shows.proposal(one), "overlay": one.overlay or None})
