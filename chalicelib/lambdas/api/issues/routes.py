"""What is more than one case: issues, their levels, what is part of them; and insights."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response

if TYPE_CHECKING:
    from chalicelib.domain.issues.issue import Issue
    from chalicelib.domain.workspaces.directory import ApiKey

bp = Blueprint(__name__)
_call = partial(call_of, bp)

_OF_THE_CALL: Final = {"workspace", "version", "level"}  # fields of a body that are no facts


def _shown(one: Issue, status: int = 200) -> Response:
    from chalicelib.lambdas.api.issues import shows

    return json_response(status, shows.issue(one))


# --- issues -------------------------------------------------------------------------------------------------------


@bp.route("/v1/issues", methods=["GET"])
@guarded
def list_issues() -> Response:
    """Issues, last opened first, by state, level and owner. A page reads on until it is full, through 2,000 issues at
    most: it may be short, or empty, and still have a cursor.
    """
    from chalicelib.lambdas.api.issues import schemas, shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import issues

    workspace, asked = _call(access.CASE_READERS).query(schemas.IssueQuery)
    found, cursor = issues.manage_issues().page(workspace, **asked.model_dump(exclude={"workspace"}))
    return json_response(200, page([shows.issue(one) for one in found], cursor))


@bp.route("/v1/issues", methods=["POST"], content_types=ANY)
@guarded
def create_issue() -> Response:
    """Open an issue, in triage until it is defined."""
    from chalicelib.lambdas.api.issues import schemas
    from chalicelib.wiring import issues

    call = _call(access.ISSUE_WORKERS)
    workspace, wanted = call.body(schemas.IssueNew)
    made = issues.manage_issues().create(workspace, _facts(wanted), level=wanted.level, actor=call.key.id)
    return _shown(made, 201)


@bp.route("/v1/issues/{issue_id}", methods=["GET"])
@guarded
def get_issue(issue_id: str) -> Response:
    """One issue with its history and the cases that are part of it or of what was merged into it."""
    from chalicelib.lambdas.api.issues import shows
    from chalicelib.wiring import issues

    call = _call(access.CASE_READERS)
    service = issues.manage_issues()
    found = service.get(call.workspace(), access.identity(issue_id))
    linked, more = issues.read_links()(call.key, found)
    return json_response(200, shows.detail(found, service.history(found), linked, more=more))


@bp.route("/v1/issues/{issue_id}", methods=["PATCH"], content_types=ANY)
@guarded
def change_issue(issue_id: str) -> Response:
    """Define an issue: what it is, where, since when, what speaks for it, who has it. Another process than the one that
    it names is named by somebody who may change that one, or by an admin.
    """
    from chalicelib.lambdas.api.issues import schemas
    from chalicelib.wiring import issues

    call = _call(access.ISSUE_WORKERS)
    workspace, wanted = call.body(schemas.IssueChange)
    changed = issues.manage_issues().change(
        workspace,
        access.identity(issue_id),
        _facts(wanted),
        version=wanted.version,
        actor=call.key.id,
        admin=_is_admin(call.key),
    )
    return _shown(changed)


def _is_admin(key: ApiKey) -> bool:
    return key.role in access.ADMINS


def _facts(body: Any) -> dict[str, Any]:
    """What was given, by name: null takes a fact back, and what is absent stays. Lists are the domain's tuples."""
    given: dict[str, Any] = body.model_dump(exclude_unset=True, exclude=_OF_THE_CALL)
    if "departments" in given:
        given["departments"] = tuple(given["departments"] or ())
    return given


@bp.route("/v1/issues/{issue_id}/transitions", methods=["POST"], content_types=ANY)
@guarded
def move_issue(issue_id: str) -> Response:
    """Make one legal move against the version that you saw. It is refused with the legal ones otherwise. An L2 or L3 is
    accepted only by somebody who may change its process.
    """
    from chalicelib.lambdas.api.issues import schemas
    from chalicelib.wiring import issues

    call = _call(access.ISSUE_WORKERS)
    workspace, wanted = call.body(schemas.IssueTransition)
    moved = issues.manage_issues().move(
        workspace,
        access.identity(issue_id),
        to=wanted.to,
        version=wanted.version,
        actor=call.key.id,
        reason=wanted.reason,
    )
    return _shown(moved)


@bp.route("/v1/issues/{issue_id}/decision", methods=["POST"], content_types=ANY)
@guarded
def decide_issue(issue_id: str) -> Response:
    """Act, study or decline, with the reason. The issue goes where that leads, and who decides needs the authority
    for it.
    """
    from chalicelib.lambdas.api.issues import schemas
    from chalicelib.wiring import issues

    call = _call(access.ISSUE_WORKERS)
    workspace, wanted = call.body(schemas.IssueDecision)
    decided = issues.manage_issues().decide(
        workspace,
        access.identity(issue_id),
        wanted.decision,
        version=wanted.version,
        actor=call.key.id,
        reason=wanted.reason,
    )
    return _shown(decided)


@bp.route("/v1/issues/{issue_id}/promote", methods=["POST"], content_types=ANY)
@guarded
def promote_issue(issue_id: str) -> Response:
    """Put an issue on another level. One that was accepted is open again: its new level asks for other authority. Down
    to L1 it is put by somebody who may change its process, or by an admin.
    """
    from chalicelib.lambdas.api.issues import schemas
    from chalicelib.wiring import issues

    call = _call(access.ISSUE_WORKERS)
    workspace, wanted = call.body(schemas.IssuePromotion)
    promoted = issues.manage_issues().promote(
        workspace,
        access.identity(issue_id),
        wanted.to,
        version=wanted.version,
        actor=call.key.id,
        reason=wanted.reason,
        admin=_is_admin(call.key),
    )
    return _shown(promoted)


@bp.route("/v1/issues/{issue_id}/merge", methods=["POST"], content_types=ANY)
@guarded
def merge_issue(issue_id: str) -> Response:
    """Make an issue part of another one. Only links: its cases stay its own, and ``split`` undoes it. Into one of
    another process, or on L1, it is merged by somebody who may change its own process, or by an admin.
    """
    from chalicelib.lambdas.api.issues import schemas
    from chalicelib.wiring import issues

    call = _call(access.ISSUE_WORKERS)
    workspace, wanted = call.body(schemas.IssueMerge)
    merged = issues.manage_issues().merge(
        workspace,
        access.identity(issue_id),
        wanted.into,
        version=wanted.version,
        actor=call.key.id,
        reason=wanted.reason,
        admin=_is_admin(call.key),
    )
    return _shown(merged)


@bp.route("/v1/issues/{issue_id}/split", methods=["POST"], content_types=ANY)
@guarded
def split_issue(issue_id: str) -> Response:
    """Undo a merge: both are as they were before it."""
    from chalicelib.lambdas.api.issues import schemas
    from chalicelib.wiring import issues

    call = _call(access.ISSUE_WORKERS)
    workspace, wanted = call.body(schemas.IssueSplit)
    back = issues.manage_issues().split(
        workspace, access.identity(issue_id), version=wanted.version, actor=call.key.id, reason=wanted.reason
    )
    return _shown(back)


# --- what is part of them -----------------------------------------------------------------------------------------


@bp.route("/v1/issues/{issue_id}/links", methods=["GET"])
@guarded
def list_linked_cases(issue_id: str) -> Response:
    """The cases of one issue, by id. What was merged into it has its own. A page may be short, or empty, and still have
    a cursor: a region or a shop sees those of its own units.
    """
    from chalicelib.lambdas.api.issues import shows
    from chalicelib.lambdas.api.schemas import ListQuery
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import issues

    call = _call(access.CASE_READERS)
    workspace, asked = call.query(ListQuery)
    issue = issues.manage_issues().get(workspace, access.identity(issue_id))
    found, cursor = issues.read_links().page(call.key, issue, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, page([shows.linked(one) for one in found], cursor))


@bp.route("/v1/issues/{issue_id}/links", methods=["POST"], content_types=ANY)
@guarded
def link_cases(issue_id: str) -> Response:
    """Make tickets, and voices that have none, part of an issue. A ticket is on the issue's level from then on."""
    from chalicelib.lambdas.api.issues import schemas, shows
    from chalicelib.wiring import issues

    call = _call(access.ISSUE_WORKERS)
    workspace, wanted = call.body(schemas.IssueLinks)
    issue = issues.manage_issues().get(workspace, access.identity(issue_id))
    subjects = [_visible(call.key, workspace, one) for one in (*wanted.tickets, *wanted.feedback)]
    links = issues.link_cases()
    made = [links.link(issue, one, by=call.key.id) for one in subjects]
    return json_response(200, {"items": [shows.linked(one) for one in made]})


@bp.route("/v1/issues/{issue_id}/links/{case_id}", methods=["DELETE"])
@guarded
def unlink_case(issue_id: str, case_id: str) -> Response:
    """Undo a link, of a ticket or of a voice. Nothing links the two by itself again."""
    from chalicelib.wiring import issues

    call = _call(access.ISSUE_WORKERS)
    workspace = call.workspace()
    issue = issues.manage_issues().get(workspace, access.identity(issue_id))
    subject = _visible(call.key, workspace, access.identity(case_id))
    issues.link_cases().unlink(issue, subject, by=call.key.id)
    return json_response(200, {"id": case_id, "deleted": True})


def _visible(key: ApiKey, workspace: str, subject: str) -> str:
    """The id of a ticket or a voice that the key sees. Raises NotFound."""
    from chalicelib.wiring import cases, reading

    if subject.startswith("tk_"):
        return cases.read_tickets().get(key, workspace, subject).id
    return reading.read_feedback().get(key, workspace, subject)[0].id


# --- what makes an issue of single tickets ------------------------------------------------------------------------


@bp.route("/v1/issue-policy", methods=["GET"])
@guarded
def get_issue_policy() -> Response:
    """What makes an issue of single tickets. Version 0 is the one that is shipped."""
    from chalicelib.lambdas.api.issues import shows
    from chalicelib.wiring import issues

    workspace = _call(access.READERS).workspace()
    return json_response(200, shows.policy(issues.manage_insights().policy(workspace)))


@bp.route("/v1/issue-policy", methods=["PUT"], content_types=ANY)
@guarded
def put_issue_policy() -> Response:
    """Replace it; tickets of before count too, from the next one on."""
    from chalicelib.domain.issues.recurrence import IssuePolicy
    from chalicelib.lambdas.api.issues import schemas, shows
    from chalicelib.wiring import issues

    workspace, wanted = _call(access.ADMINS).body(schemas.IssuePolicyBody)
    policy = IssuePolicy(**wanted.model_dump(exclude={"workspace"}))
    return json_response(200, shows.policy(issues.manage_insights().put_policy(workspace, policy)))


# --- insights -----------------------------------------------------------------------------------------------------


@bp.route("/v1/insights", methods=["GET"])
@guarded
def list_insights() -> Response:
    """What was found out, newest first, by state: an ``open`` one has no decision yet. A page may be short, or empty,
    and still have a cursor.
    """
    from chalicelib.lambdas.api.issues import schemas, shows
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import issues

    workspace, asked = _call(access.READERS).query(schemas.InsightQuery)
    listed = issues.manage_insights().page
    found, cursor = listed(workspace, state=asked.state, limit=asked.limit, cursor=asked.cursor)
    return json_response(200, page([shows.insight(one) for one in found], cursor))


@bp.route("/v1/insights", methods=["POST"], content_types=ANY)
@guarded
def create_insight() -> Response:
    """Write down what was found out. It needs an owner and a decision before it can be put away."""
    from chalicelib.lambdas.api.issues import schemas, shows
    from chalicelib.wiring import issues

    call = _call(access.READERS)
    workspace, wanted = call.body(schemas.InsightNew)
    made = issues.manage_insights().create(
        workspace, wanted.title, wanted.evidence, owner=wanted.owner, actor=call.key.id
    )
    return json_response(201, shows.insight(made))


@bp.route("/v1/insights/{insight_id}", methods=["GET"])
@guarded
def get_insight(insight_id: str) -> Response:
    """One of them."""
    from chalicelib.lambdas.api.issues import shows
    from chalicelib.wiring import issues

    workspace = _call(access.READERS).workspace()
    return json_response(200, shows.insight(issues.manage_insights().get(workspace, access.identity(insight_id))))


@bp.route("/v1/insights/{insight_id}/owner", methods=["POST"], content_types=ANY)
@guarded
def give_insight(insight_id: str) -> Response:
    """Say who has it."""
    from chalicelib.lambdas.api.issues import schemas, shows
    from chalicelib.wiring import issues

    workspace, wanted = _call(access.READERS).body(schemas.InsightOwner)
    given = issues.manage_insights().give(workspace, access.identity(insight_id), wanted.owner, version=wanted.version)
    return json_response(200, shows.insight(given))


@bp.route("/v1/insights/{insight_id}/decision", methods=["POST"], content_types=ANY)
@guarded
def decide_insight(insight_id: str) -> Response:
    """Act, study or decline, with the reason, and the issue that it led to."""
    from chalicelib.lambdas.api.issues import schemas, shows
    from chalicelib.wiring import issues

    call = _call(access.READERS)
    workspace, wanted = call.body(schemas.InsightDecision)
    decided = issues.manage_insights().decide(
        workspace,
        access.identity(insight_id),
        wanted.decision,
        reason=wanted.reason,
        issue=wanted.issue,
        version=wanted.version,
        actor=call.key.id,
    )
    return json_response(200, shows.insight(decided))


@bp.route("/v1/insights/{insight_id}/archive", methods=["POST"], content_types=ANY)
@guarded
def archive_insight(insight_id: str) -> Response:
    """Put it away. Without an owner and a decision it stays where everybody sees it."""
    from chalicelib.lambdas.api.issues import schemas, shows
    from chalicelib.wiring import issues

    workspace, wanted = _call(access.READERS).body(schemas.InsightArchive)
    away = issues.manage_insights().archive(workspace, access.identity(insight_id), version=wanted.version)
    return json_response(200, shows.insight(away))
