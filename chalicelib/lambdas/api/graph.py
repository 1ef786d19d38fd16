"""The management API of the what–why–who graph: what goes wrong why, and whose it is.

Loaded by the API function together with the hooks, so nothing heavy is imported here, as in ``admin``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.http import guarded, json_response

if TYPE_CHECKING:
    from chalicelib.domain.cases.graph import Graph, Name, Overlay, Ranked, Tally
    from chalicelib.lambdas.api.call import Call
    from chalicelib.services.cases.manage_graph import Shown

bp = Blueprint(__name__)

ANY: Final = ["*/*"]  # see admin.py
Json = dict[str, Any]


def _call(roles: tuple[str, ...]) -> Call:
    from chalicelib.lambdas.api.call import Call

    return Call(bp.current_request, roles)


@bp.route("/v1/graph", methods=["GET"])
@guarded
def get_graph() -> Response:
    """Why things go wrong, by topic: the causes in their order, who can change each, and which question ends a case.

    The causes of closed tickets shift the order; where they did, it says so with the numbers.
    """
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import cases, frames

    workspace, asked = _call(access.CASE_READERS).query(schemas.GraphQuery)
    manage = cases.manage_graph()
    graph, found = manage.show(workspace, asked.topic)
    body = {
        "workspace": workspace,
        "frame": graph.frame,
        "own": graph.overlay,
        "topics": [_shown(one, graph, frames.topic_names(workspace), asked.lang) for one in found],
        "without_causes": list(manage.gaps(graph)) if asked.topic is None else [],
    }
    return json_response(200, body)


@bp.route("/v1/graph/causes", methods=["GET"])
@guarded
def get_own_causes() -> Response:
    """The workspace's own causes, which stand over those of its packs; of the version in force or of an older one."""
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import cases

    workspace, asked = _call(access.READERS).query(schemas.OwnCausesQuery)
    return json_response(200, _own(workspace, cases.manage_graph().own(workspace, asked.version)))


@bp.route("/v1/graph/causes", methods=["PUT"], content_types=ANY)
@guarded
def put_own_causes() -> Response:
    """Bring the workspace's own causes into force. ``version`` is the one that they replace, 0 for the first; what is
    left out is gone. What closed tickets taught stays.
    """
    from chalicelib.lambdas.api import schemas
    from chalicelib.wiring import cases

    call = _call(access.ADMINS)
    workspace, wanted = call.body(schemas.OwnCauses)
    made = cases.manage_graph().put(workspace, wanted.version, wanted.own(), by=call.key.id)
    return json_response(200, _own(workspace, made))


def _own(workspace: str, one: Overlay) -> Json:
    causes = [
        {"id": cause.id, "names": dict(cause.names), "department": cause.department, "terms": list(cause.terms)}
        for cause in one.causes.by_id.values()
    ]
    lists = {topic: [listed._asdict() for listed in found] for topic, found in one.causes.topics.items()}
    return {"workspace": workspace, "version": one.version, "causes": causes, "topics": lists}


def _shown(one: Shown, graph: Graph, topic_name: Name, lang: str | None) -> Json:
    from chalicelib.domain.cases.graph import topic_called
    from chalicelib.lambdas.api.shows import moment

    playbook = one.playbook
    return {
        "topic": one.topic,
        "name": _said(lambda lang: topic_called(one.topic, graph, topic_name, lang), lang),
        "listed": one.listed,
        "department": _department(one.department, lang),
        "closed": one.tally.total,
        "since": moment(one.tally.since),
        "causes": [_ranked(ranked, one.tally, graph, lang) for ranked in one.ranked],
        "playbook": {"id": playbook.id, "version": playbook.version} if playbook else None,
        "question": _said(lambda lang: playbook.question[lang], lang) if playbook else None,
    }


def _ranked(one: Ranked, tally: Tally, graph: Graph, lang: str | None) -> Json:
    from chalicelib.domain.cases.graph import moved_words

    cause = graph.causes.by_id[one.cause]
    why = moved_words(one, tally, graph.causes)
    return {
        "id": one.cause,
        "name": _said(lambda lang: cause.names[lang], lang),
        "department": _department(cause.department, lang),
        "terms": list(cause.terms),
        "weight": one.weight,
        "closed": one.closed,
        "share": round(one.share, 4),
        "before": list(one.passed),
        "why": _said(lambda lang: why[lang], lang) if why else None,
    }


def _department(department: str, lang: str | None) -> Json:
    from chalicelib.understanding import called

    return {"id": department, "name": _said(lambda lang: called.department(department, lang), lang)}


def _said(text: Callable[[str], str], lang: str | None) -> Any:
    """In one language, or in every one."""
    from chalicelib.domain.cases.playbook import LANGUAGES

    return text(lang) if lang else {one: text(one) for one in LANGUAGES}
