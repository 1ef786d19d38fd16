"""The what–why–who graph: what goes wrong why, and whose it is."""

from __future__ import annotations

from functools import partial

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response

bp = Blueprint(__name__)
_call = partial(call_of, bp)


@bp.route("/v1/graph", methods=["GET"])
@guarded
def get_graph() -> Response:
    """Why things go wrong, by topic: the causes in their order, who can change each, and which question ends a case.

    The causes of closed tickets shift the order; where they did, it says so with the numbers.
    """
    from chalicelib.lambdas.api.cases import graph_schemas, graph_shows
    from chalicelib.wiring import cases, frames

    workspace, asked = _call(access.CASE_READERS).query(graph_schemas.GraphQuery)
    manage = cases.manage_graph()
    graph, found = manage.show(workspace, asked.topic)
    body = {
        "workspace": workspace,
        "frame": graph.frame,
        "own": graph.overlay,
        "topics": [graph_shows.topic(one, graph, frames.topic_names(workspace), asked.lang) for one in found],
        "without_causes": list(manage.gaps(graph)) if asked.topic is None else [],
    }
    return json_response(200, body)


@bp.route("/v1/graph/causes", methods=["GET"])
@guarded
def get_own_causes() -> Response:
    """The workspace's own causes, which stand over those of its packs; of the version in force or of an older one."""
    from chalicelib.lambdas.api.cases import graph_schemas, graph_shows
    from chalicelib.wiring import cases

    workspace, asked = _call(access.READERS).query(graph_schemas.OwnCausesQuery)
    return json_response(200, graph_shows.own(workspace, cases.manage_graph().own(workspace, asked.version)))


@bp.route("/v1/graph/causes", methods=["PUT"], content_types=ANY)
@guarded
def put_own_causes() -> Response:
    """Bring the workspace's own causes into force. ``version`` is the one that they replace, 0 for the first; what is
    left out is gone. What closed tickets taught stays.
    """
    from chalicelib.lambdas.api.cases import graph_schemas, graph_shows
    from chalicelib.wiring import cases

    call = _call(access.ADMINS)
    workspace, wanted = call.body(graph_schemas.OwnCauses)
    made = cases.manage_graph().put(workspace, wanted.version, wanted.own(), by=call.key.id)
    return json_response(200, graph_shows.own(workspace, made))
