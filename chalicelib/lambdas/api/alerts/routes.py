"""Who is woken by alerts.

Loaded by the API function together with the hooks, so nothing heavy is imported here: each view loads what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.http import ANY, guarded, json_response

if TYPE_CHECKING:
    from chalicelib.lambdas.api.call import Call

bp = Blueprint(__name__)


def _call(roles: tuple[str, ...]) -> Call:
    from chalicelib.lambdas.api.call import Call

    return Call(bp.current_request, roles)


@bp.route("/v1/subscriptions", methods=["POST"], content_types=ANY)
@guarded
def create_subscription() -> Response:
    """Wake a person: one address, on one severity and all higher ones."""
    from chalicelib.lambdas.api.alerts import schemas
    from chalicelib.wiring import alerts

    workspace, wanted = _call(access.ADMINS).body(schemas.SubscriptionNew)
    made = alerts.manage_subscriptions().create(workspace, wanted.severity, wanted.protocol, wanted.address)
    body = {"id": made.id, "workspace": workspace, "severity": made.severity, "protocol": made.protocol}
    return json_response(201, body)


@bp.route("/v1/subscriptions/{subscription_id}", methods=["DELETE"])
@guarded
def delete_subscription(subscription_id: str) -> Response:
    """Let a person sleep."""
    from chalicelib.wiring import alerts

    workspace = _call(access.ADMINS).workspace()
    alerts.manage_subscriptions().delete(workspace, access.identity(subscription_id))
    return json_response(200, {"id": subscription_id, "deleted": True})
