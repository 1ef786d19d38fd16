"""Who is woken by alerts."""

from __future__ import annotations

from functools import partial

from chalice import Blueprint
from chalice.app import Response

from chalicelib.domain.workspaces import access
from chalicelib.lambdas.api.caller import call_of
from chalicelib.lambdas.api.http import ANY, guarded, json_response

bp = Blueprint(__name__)
_call = partial(call_of, bp)


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


@bp.route("/v1/subscriptions", methods=["GET"])
@guarded
def list_subscriptions() -> Response:
    """Who is woken, in the order of the ids: what ends a subscription whose id was lost."""
    from chalicelib.domain.contact.masks import mask_email, mask_phone
    from chalicelib.lambdas.api.shows import page
    from chalicelib.wiring import alerts

    workspace = _call(access.ADMINS).workspace()
    masks = {"email": mask_email, "sms": mask_phone}
    items = [
        {
            "id": one.id,
            "workspace": workspace,
            "severity": one.severity,
            "protocol": one.protocol,
            "address": masks[one.protocol](one.address),
        }
        for one in alerts.manage_subscriptions().list(workspace)
    ]
    return json_response(200, page(items, None))


@bp.route("/v1/subscriptions/{subscription_id}", methods=["DELETE"])
@guarded
def delete_subscription(subscription_id: str) -> Response:
    """Let a person sleep."""
    from chalicelib.wiring import alerts

    workspace = _call(access.ADMINS).workspace()
    alerts.manage_subscriptions().delete(workspace, access.identity(subscription_id))
    return json_response(200, {"id": subscription_id, "deleted": True})
