"""Fixes: an issue is declared fixed, and what customers said afterwards."""

from __future__ import annotations

from functools import partial

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response, line

bp = Blueprint(__name__)
_call = partial(call_of, bp)


@bp.route("/v1/issues/{issue_id}/fixed", methods=["POST"], content_types=ANY)
@guarded
def declare_fixed(issue_id: str) -> Response:
    """Declare an issue fixed on a date. Complaints after it are tested against those before, without the days that
    made somebody open the issue. On ``verdict_on`` it is closed, or reopened with the numbers.
    """
    from chalicelib.domain.issues.effect import Claim
    from chalicelib.lambdas.api.issues import effect_schemas, effect_shows
    from chalicelib.wiring import base, issues

    call = _call(access.ISSUE_WORKERS)
    workspace, wanted = call.body(effect_schemas.Fixed)
    claim = Claim(
        on=wanted.on,
        reopened=0,
        by=call.key.id,
        at=base.now(),
        expected=wanted.expected,
        margin=wanted.margin,
        guard_days=wanted.guard_days,
        baseline_days=wanted.baseline_days,
        units=tuple(wanted.units),
        controls=None if wanted.controls is None else tuple(wanted.controls),
    )
    issue, kept, told = issues.declare_fixed()(workspace, access.identity(issue_id), claim, version=wanted.version)
    line().note(issue=issue.id)
    shown = effect_shows.effect(issue, kept, told)
    return json_response(200, {"id": issue.id, "version": issue.version, "state": issue.state, "effect": shown})


@bp.route("/v1/issues/{issue_id}/effect", methods=["GET"])
@guarded
def get_effect(issue_id: str) -> Response:
    """What is known of the last fix of an issue: the verdict with its numbers, or how many days more it takes."""
    from chalicelib.lambdas.api.issues import effect_shows
    from chalicelib.wiring import issues

    call = _call(access.READERS)
    return json_response(
        200, effect_shows.effect(*issues.declare_fixed().read(call.workspace(), access.identity(issue_id)))
    )


@bp.route("/v1/exposure", methods=["PUT"], content_types=ANY)
@guarded
def put_exposure() -> Response:
    """Say how much business units did on days, so that complaints are compared per transaction. A day that was said
    before is replaced.
    """
    from chalicelib.domain.issues.effect import Exposure
    from chalicelib.lambdas.api.issues import effect_schemas
    from chalicelib.wiring import issues

    workspace, wanted = _call(access.ADMINS).body(effect_schemas.Exposures)
    items = [Exposure(one.unit, one.day, one.count) for one in wanted.items]
    return json_response(200, {"kept": issues.keep_exposure().put(workspace, items)})


@bp.route("/v1/exposure", methods=["GET"])
@guarded
def get_exposure() -> Response:
    """The exposure of one unit, by day; of the last 90 days where no start is named."""
    from chalicelib.lambdas.api.issues import effect_schemas
    from chalicelib.wiring import issues

    workspace, asked = _call(access.READERS).query(effect_schemas.ExposureQuery)
    found = issues.keep_exposure().of(workspace, asked.unit, asked.since, asked.until)
    items = [{"unit": one.unit, "day": one.day.isoformat(), "count": one.count} for one in found]
    return json_response(200, {"items": items})
