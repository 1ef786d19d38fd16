"""SNS as the notifications use it: topics by name, one subscription per topic and address, as AWS keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.ids import digest


@dataclass
class FakeSns:
    published: list[dict[str, Any]] = field(default_factory=list)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)  # protocols that wait for a confirmation
    refuse_address: bool = False
    down: bool = False

    def publish(self, **request: Any) -> dict[str, Any]:
        self._check("Publish")
        self.published.append(request)
        return {"MessageId": str(len(self.published))}

    def subscribe(self, **request: Any) -> dict[str, Any]:
        self._check("Subscribe")
        topic, address = request["TopicArn"], request["Endpoint"]
        if self.refuse_address:
            raise _error("Subscribe", "InvalidParameter", f"Invalid parameter: Endpoint {address}")
        assert request["ReturnSubscriptionArn"] is True
        arn = f"{topic}:{digest(address, length=8)}"
        known, wanted = self.subscriptions.get(arn), request.get("Attributes", {})
        if known is None:
            self.subscriptions[arn] = dict(wanted)
        elif any(known.get(name) != value for name, value in wanted.items()):
            reason = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
            raise _error("Subscribe", "InvalidParameter", reason)
        return {"SubscriptionArn": arn}

    def get_subscription_attributes(self, *, SubscriptionArn: str) -> dict[str, Any]:  # noqa: N803 - SNS's own name
        self._check("GetSubscriptionAttributes")
        if SubscriptionArn not in self.subscriptions:
            raise _error("GetSubscriptionAttributes", "NotFound", "Subscription does not exist")
        return {"Attributes": dict(self.subscriptions[SubscriptionArn])}

    def set_subscription_attributes(self, **request: Any) -> dict[str, Any]:
        self._check("SetSubscriptionAttributes")
        self.subscriptions[request["SubscriptionArn"]][request["AttributeName"]] = request["AttributeValue"]
        return {}

    def unsubscribe(self, *, SubscriptionArn: str) -> dict[str, Any]:  # noqa: N803 - SNS's own name
        self._check("Unsubscribe")
        if any(f"-{protocol}:" in SubscriptionArn for protocol in self.pending):
            raise _error("Unsubscribe", "InvalidParameter", "This subscription is not confirmed yet")
        del self.subscriptions[SubscriptionArn]
        return {}

    def _check(self, operation: str) -> None:
        if self.down:
            raise _error(operation, "InternalError", "CANARY ops@example.com")


def _error(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
