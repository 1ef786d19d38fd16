"""What the API says of itself: that it runs, and what it is. Needs no key."""

from __future__ import annotations

from chalice import Blueprint
from chalice.app import Response

from chalicelib.lambdas.api.http import base_url, guarded, json_response
from chalicelib.wiring import base

bp = Blueprint(__name__)


@bp.route("/v1/health", methods=["GET"])
@guarded
def health() -> Response:
    """That the function runs and was configured; nothing is called."""
    return json_response(200, {"status": "ok", "stage": base.settings().stage})


@bp.route("/openapi.json", methods=["GET"])
@guarded
def openapi() -> Response:
    """This API as an OpenAPI 3.1 document. Needs no key."""
    from chalicelib.lambdas.api.openapi import document

    return json_response(200, document(bp.current_app.routes, base_url(bp.current_request, base.settings())))
