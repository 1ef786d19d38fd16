"""Dry runs: what a change would have done, before it is made."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.errors import standing_at
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response, line

if TYPE_CHECKING:
    from chalicelib.domain.reading.dry_run import Change
    from chalicelib.lambdas.api.rehearsal import schemas

bp = Blueprint(__name__)
_call = partial(call_of, bp)


@bp.route("/v1/dry-runs", methods=["POST"], content_types=ANY)
@guarded
def start_dry_run() -> Response:
    """Try a change of rules, promises, causes, organisation, code frame or endpoints on the voices of the last days.

    Nothing is opened, sent or stored but the run itself; what is in force is tried beside it.
    """
    from chalicelib.lambdas.api.rehearsal import schemas, shows
    from chalicelib.wiring import rehearsal

    call = _call(access.READERS)
    workspace, wanted = call.body(schemas.DryRunNew)
    made = rehearsal.start_dry_run()(workspace, wanted.days, _change(wanted.change), by=call.key.id)
    line().note(dry_run=made.id)
    return json_response(202, shows.dry_run(made))


@bp.route("/v1/dry-runs", methods=["GET"])
@guarded
def list_dry_runs() -> Response:
    """The runs of the last thirty days, newest first, without what they tried and counted."""
    from chalicelib.lambdas.api.rehearsal import shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import rehearsal

    workspace = _call(access.READERS).workspace()
    return json_response(200, page([shows.line(one) for one in rehearsal.start_dry_run().list(workspace)], None))


@bp.route("/v1/dry-runs/{run_id}", methods=["GET"])
@guarded
def get_dry_run(run_id: str) -> Response:
    """How far a run is; what it counted as things are (``now``), with the change (``then``), and how much more that is.

    While it runs the counts are of the voices that it has come to, the oldest first.
    """
    from chalicelib.lambdas.api.rehearsal import shows
    from chalicelib.wiring import rehearsal

    workspace = _call(access.READERS).workspace()
    return json_response(200, shows.dry_run(rehearsal.start_dry_run().get(workspace, access.identity(run_id))))


def _change(wanted: schemas.DryRunChange) -> Change:
    """What the domain makes of it. Raises Invalid (``rule_invalid``, ``organisation_invalid``)."""
    from chalicelib.domain.reading.dry_run import Change, EndpointChange, FrameChange
    from chalicelib.domain.workspaces.rules import validate
    from chalicelib.services.workspaces import organisation_file
    from chalicelib.wiring import workspaces

    organisation = None
    if wanted.organisation is not None:
        is_country = workspaces.manage_organisation().is_country
        with standing_at("/change/organisation"):
            organisation = organisation_file.from_json(wanted.organisation, is_country).organisation
    put = []
    for place, rule in enumerate(wanted.rules.put):
        with standing_at(f"/change/rules/put/{place}"):
            put.append(validate(rule.name, rule.model_dump(exclude_unset=True, exclude={"name", "workspace"})))
    frame = wanted.frame
    return Change(
        put=tuple(put),
        delete=tuple(wanted.rules.delete),
        sla=wanted.sla.policy() if wanted.sla else None,
        causes=wanted.causes.own() if wanted.causes else None,
        organisation=organisation,
        frame=FrameChange(tuple(frame.packs), frame.overlay) if frame else None,
        endpoints=tuple(
            EndpointChange(
                one.id,
                tuple(one.events) if one.events is not None else None,
                one.filter.model_dump(exclude_none=True) if one.filter else None,
                one.split,
            )
            for one in wanted.endpoints
        ),
    )
