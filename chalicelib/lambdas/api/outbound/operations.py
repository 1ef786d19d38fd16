"""What the OpenAPI document tells of endpoints, deliveries and callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.answers import Page, Queued, Rotated
from chalicelib.lambdas.api.operation import ANSWER_ERRORS, FULL, ROTATION_ERRORS, SIGNED, Operation
from chalicelib.lambdas.api.outbound import answers, schemas
from chalicelib.lambdas.api.schemas import GuideQuery, Nothing

_ENDPOINT_ERRORS: Final = {
    422: (
        "url_not_allowed",
        "unknown_connector",
        "secret_invalid",
        "secret_too_large",
        "settings_invalid",
        "contact_not_allowed",
        "credentials_invalid",
        "event_not_taken",
    )
}

OPERATIONS: Final[Mapping[str, Operation]] = {
    "create_endpoint": Operation(answers.NewEndpoint, 201, schemas.EndpointNew, errors={**_ENDPOINT_ERRORS, 409: FULL}),
    "list_endpoints": Operation(Page[answers.Endpoint]),
    "get_endpoint": Operation(answers.Endpoint),
    "change_endpoint": Operation(answers.ChangedEndpoint, body=schemas.EndpointChange, errors=_ENDPOINT_ERRORS),
    "delete_endpoint": Operation(answers.DeletedEndpoint),
    "rotate_endpoint": Operation(Rotated, body=Nothing, errors=ROTATION_ERRORS),
    "list_connectors": Operation(Page[answers.ConnectorLine], query=GuideQuery),
    "get_connector": Operation(answers.Connector, query=GuideQuery),
    "get_drift": Operation(answers.DriftReport, query=schemas.DriftQuery),
    "check_drift": Operation(answers.DriftChecked, 202, schemas.DriftCheck),
    "list_deliveries": Operation(Page[answers.Delivery], query=schemas.DeliveryQuery),
    "get_delivery": Operation(answers.WholeDelivery),
    "replay_delivery": Operation(Queued, 202, Nothing, errors={409: ("delivery_in_progress",)}),
    "replay": Operation(answers.Replayed, 202, schemas.Replay, errors={422: ("invalid_cursor",)}),
    "hear_callback_get": Operation(None, query=None, key=False, errors={401: SIGNED, 405: ("method_not_allowed",)}),
    "hear_callback_post": Operation(
        answers.CallbackHeard,
        body=answers.CallbackBody,
        query=None,
        key=False,
        errors={
            401: SIGNED,
            409: ("illegal_move", "external_id_mismatch", *ANSWER_ERRORS),
            422: ("unknown_state", "unknown_answer"),
        },
    ),
}
