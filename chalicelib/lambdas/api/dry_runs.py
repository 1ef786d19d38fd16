"""The management API of dry runs: what a change would have done, before it is made. HTTP in, service call, HTTP out.

Loaded by the API function together with the hooks, so nothing heavy is imported here, as in ``admin``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.errors import Invalid
from chalicelib.lambdas.api.http import guarded, json_response, line

if TYPE_CHECKING:
    from chalicelib.domain.reading.dry_run import Change, Counts, DryRun
    from chalicelib.lambdas.api import schemas
    from chalicelib.lambdas.api.call import Call

bp = Blueprint(__name__)

ANY: Final = ["*/*"]  # see admin.py
Json = dict[str, Any]


def _call(roles: tuple[str, ...]) -> Call:
    from chalicelib.lambdas.api.call import Call

    return Call(bp.current_request, roles)


@bp.route("/v1/dry-runs", methods=["POST"], content_types=ANY)
@guarded
def start_dry_run() -> Response:
    """Try a change of rules, promises, causes, organisation, code frame or endpoints on the voices of the last days.

    Nothing is opened, sent or stored but the run itself; what is in force is tried beside it.
    """
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import rehearsal

    call = _call(access.READERS)
    workspace, wanted = call.body(schemas.DryRunNew)
    made = rehearsal.start_dry_run()(workspace, wanted.days, _change(wanted.change), by=call.key.id)
    line().note(dry_run=made.id)
    return json_response(202, _whole(made))


@bp.route("/v1/dry-runs", methods=["GET"])
@guarded
def list_dry_runs() -> Response:
    """The runs of the last thirty days, newest first, without what they tried and counted."""
    from chalicelib.lambdas.api import shows
    from chalicelib.wiring import rehearsal

    workspace = _call(access.READERS).workspace()
    return json_response(200, shows.page([_shown(one) for one in rehearsal.start_dry_run().list(workspace)], None))


@bp.route("/v1/dry-runs/{run_id}", methods=["GET"])
@guarded
def get_dry_run(run_id: str) -> Response:
    """How far a run is; what it counted as things are (``now``), with the change (``then``), and how much more that is.

    While it runs the counts are of the voices that it has come to, the oldest first.
    """
    from chalicelib.wiring import rehearsal

    workspace = _call(access.READERS).workspace()
    return json_response(200, _whole(rehearsal.start_dry_run().get(workspace, access.identity(run_id))))


def _change(wanted: schemas.DryRunChange) -> Change:
    """What the domain makes of it. Raises Invalid (``rule_invalid``, ``organisation_invalid``)."""
    from chalicelib.domain.reading.dry_run import Change, EndpointChange, FrameChange
    from chalicelib.domain.workspaces.rules import validate
    from chalicelib.services.workspaces import organisation_file
    from chalicelib.wiring import workspaces

    organisation = None
    if wanted.organisation is not None:
        is_country = workspaces.manage_organisation().is_country
        with _at("/change/organisation"):
            organisation = organisation_file.from_json(wanted.organisation, is_country).organisation
    put = []
    for place, rule in enumerate(wanted.rules.put):
        with _at(f"/change/rules/put/{place}"):
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


@contextmanager
def _at(place: str) -> Iterator[None]:
    """What is refused stands at ``place`` of the body."""
    try:
        yield
    except Invalid as error:
        pointer = place + (error.pointer or "")
        raise Invalid(error.message, code=error.code, pointer=pointer, allowed=error.allowed) from None


def _whole(one: DryRun) -> Json:
    from chalicelib.domain.reading.dry_run import difference

    change = one.change
    return {
        **_shown(one),
        "change": {
            "put": [rule.name for rule in change.put],
            "delete": list(change.delete),
            "endpoints": [endpoint.id for endpoint in change.endpoints],
            **{name: getattr(change, name) is not None for name in ("sla", "causes", "organisation", "frame")},
        },
        "now": _counts(one.now),
        "then": _counts(one.then),
        "difference": _counts(difference(one.now, one.then)),
    }


def _shown(one: DryRun) -> Json:
    from chalicelib.lambdas.api.shows import moment

    return {
        "id": one.id,
        "workspace": one.workspace,
        "state": one.state,
        "reason": one.reason or None,
        "days": one.days,
        "since": moment(one.since),
        "until": moment(one.until),
        "by": one.by,
        "finished_at": moment(one.finished_at),
    }


def _counts(counts: Counts) -> Json:
    from chalicelib.domain.reading.dry_run import GROUPS, TOTAL, TOTALS

    total = counts.get(TOTAL, {})
    return {
        TOTAL: {name: total.get(name, 0) for name in TOTALS},
        **{group: dict(counts.get(group, {})) for group in GROUPS},
    }
