"""What the OpenAPI document tells of alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.lambdas.api.alerts import answers, schemas
from chalicelib.lambdas.api.answers import Deleted, Page
from chalicelib.lambdas.api.operation import Operation

OPERATIONS: Final[Mapping[str, Operation]] = {
    "list_subscriptions": Operation(Page[answers.Subscriber]),
    "create_subscription": Operation(answers.Subscription, 201, schemas.SubscriptionNew),
    "delete_subscription": Operation(Deleted),
}
