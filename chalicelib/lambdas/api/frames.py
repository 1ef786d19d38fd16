"""The management API of code frames: packs, the active frame, proposals. HTTP in, service call, HTTP out, as ``admin``.

Loaded by the API function together with the hooks, so nothing heavy is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.http import guarded, json_response, line

if TYPE_CHECKING:
    from chalicelib.domain.reading.proposal import Proposal
    from chalicelib.lambdas.api.call import Call

bp = Blueprint(__name__)

ANY: Final = ["*/*"]  # see admin.py


def _call(roles: tuple[str, ...]) -> Call:
    from chalicelib.lambdas.api.call import Call

    return Call(bp.current_request, roles)


@bp.route("/v1/packs", methods=["GET"])
@guarded
def list_packs() -> Response:
    """The packs that ship, by name."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import frames

    _call(access.READERS).workspace()
    found = [shows.pack(pack, frame) for pack, frame in frames.read_frame().packs()]
    return json_response(200, shows.page(found, None))


@bp.route("/v1/packs/{pack}", methods=["GET"])
@guarded
def get_pack(pack: str) -> Response:
    """One pack with its tree of topics, and its playbooks: what to do about a complaint or a crossed red line."""
    from chalicelib.domain.cases.playbook import spoken
    from chalicelib.lambdas.api import schemas, shows
    from chalicelib.wiring import frames

    _, asked = _call(access.READERS).query(schemas.GuideQuery)
    read = frames.read_frame()
    frame = read.pack(access.identity(pack))
    found = [spoken(one, asked.lang) for one in read.playbooks(pack)]
    return json_response(200, {**shows.pack(pack, frame), **shows.tree(frame), "playbooks": found})


@bp.route("/v1/frame", methods=["GET"])
@guarded
def get_frame() -> Response:
    """The code frame that reads the workspace's voices, with its tree of topics and the workspace's overlay."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import frames

    workspace = _call(access.READERS).workspace()
    state, frame = frames.read_frame().active(workspace)
    return json_response(200, {**shows.frame_state(state), "version": frame.version, **shows.tree(frame)})


@bp.route("/v1/frame/history", methods=["GET"])
@guarded
def list_activations() -> Response:
    """Which frame was active when, newest first. Activating one of them again begins with measuring it again."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import frames

    workspace = _call(access.READERS).workspace()
    found = frames.read_frame().history(workspace)
    return json_response(200, shows.page([shows.activation(one) for one in found], None))


@bp.route("/v1/frame/proposals", methods=["POST"], content_types=ANY)
@guarded
def propose_frame() -> Response:
    """Propose packs, an overlay, or a delta learned from corrections. What it would change is measured at once."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import frames

    call = _call(access.READERS)
    workspace, wanted = call.body(schemas.ProposalNew)
    made = frames.propose_frame()(workspace, wanted.packs, wanted.overlay, wanted.learn, by=call.key.id)
    return _proposal(201, made)


@bp.route("/v1/frame/proposals", methods=["GET"])
@guarded
def list_proposals() -> Response:
    """All proposals, newest first, without their overlays. What was never activated is forgotten after thirty days."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import frames

    workspace = _call(access.READERS).workspace()
    found = frames.read_frame().proposals(workspace)
    return json_response(200, shows.page([shows.proposal(one) for one in found], None))


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
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import frames

    workspace, _ = _call(access.READERS).body(schemas.Nothing)
    return _proposal(202, frames.propose_frame().again(workspace, access.identity(proposal_id)))


@bp.route("/v1/frame/proposals/{proposal_id}/activate", methods=["POST"], content_types=ANY)
@guarded
def activate_proposal(proposal_id: str) -> Response:
    """Make a measured proposal the active frame. New voices are read by it at once, older ones page by page."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import frames

    call = _call(access.ADMINS)
    workspace, _ = call.body(schemas.Nothing)
    line().note(activated=access.identity(proposal_id))
    return _proposal(202, frames.activate_frame()(workspace, proposal_id, by=call.key.id))


def _proposal(status: int, one: Proposal) -> Response:
    from chalicelib.lambdas.api import shows

    return json_response(status, {**shows.proposal(one), "overlay": one.overlay or None})
