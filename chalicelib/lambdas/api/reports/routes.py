"""The week in one answer, and digests by subscription."""

from __future__ import annotations

from functools import partial

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response

bp = Blueprint(__name__)
_call = partial(call_of, bp)


@bp.route("/v1/loop", methods=["GET"])
@guarded
def get_loop() -> Response:
    """One week of a unit with all below it, or of the workspace: what was heard and what became of it, the three issues
    that matter most, with owner and verdict, and how long it took. Each number names the path that lists its feedback.
    """
    from chalicelib.lambdas.api.reports import schemas, shows
    from chalicelib.wiring import reports

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.WeekQuery)
    return json_response(200, shows.week(reports.read_loop()(call.key, workspace, asked.week, asked.unit)))


@bp.route("/v1/loop/feedback", methods=["GET"])
@guarded
def list_counted() -> Response:
    """The feedback that a number of the week, or of a digest, counts. A page may be short, or empty, and still have a
    cursor.
    """
    from chalicelib.domain.reports.loop import Span
    from chalicelib.lambdas.api.reading.shows import summary
    from chalicelib.lambdas.api.reports import schemas
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import reports

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(schemas.CountedQuery)
    span = Span(workspace, asked.since, asked.until, asked.unit, asked.department, asked.issue)
    found, cursor = reports.read_loop().voices(
        call.key, asked.number, span, topic=asked.topic, limit=asked.limit, cursor=asked.cursor
    )
    return json_response(200, page([summary(one) for one in found], cursor))


@bp.route("/v1/digests", methods=["POST"], content_types=ANY)
@guarded
def create_digest() -> Response:
    """Have an endpoint told what is new, once a day or a week: ``digest.ready`` with counts and links. Nothing is sent
    when nothing is new.
    """
    from datetime import time

    from chalicelib.lambdas.api.reports import schemas, shows
    from chalicelib.wiring import reports

    call = _call(access.ADMINS)
    workspace, wanted = call.body(schemas.DigestNew)
    made = reports.manage_digests().create(
        workspace,
        endpoint=wanted.endpoint,
        kind=wanted.kind,
        every=wanted.every,
        at=time.fromisoformat(wanted.at),
        unit=wanted.unit,
        topics=wanted.topics or (),
        departments=wanted.departments or (),
        by=call.key.id,
    )
    return json_response(201, shows.digest(made))


@bp.route("/v1/digests", methods=["GET"])
@guarded
def list_digests() -> Response:
    """The digests that endpoints are told, the oldest first."""
    from chalicelib.lambdas.api.reports import shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import reports

    workspace = _call(access.DELIVERY_READERS).workspace()
    found = reports.manage_digests().list(workspace)
    return json_response(200, page([shows.digest(one) for one in found], None))


@bp.route("/v1/digests/{digest_id}", methods=["DELETE"])
@guarded
def delete_digest(digest_id: str) -> Response:
    """Send this digest no more."""
    from chalicelib.wiring import reports

    call = _call(access.ADMINS)
    reports.manage_digests().delete(call.workspace(), access.identity(digest_id))
    return json_response(200, {"id": digest_id, "deleted": True})
