"""SNS: messages to people, and who gets them.

There is one topic per severity and protocol. A subscription to a severity stands on its topic and on those of all
higher ones, filtered on the message attribute ``workspace``: one brand never reads another's alerts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.alerts import sms
from chalicelib.domain.alerts.alert import SMS
from chalicelib.domain.vocabulary import SEVERITIES, severity_rank
from chalicelib.errors import Invalid, Retryable

_NOBODY: Final = ""  # a workspace that cannot be: SNS refuses an empty list


class SnsNotifications:
    """``topic_prefix`` is a topic's ARN up to and including the dash before ``<severity>-<protocol>``.

    Every failure of SNS is Retryable, and carries SNS's code alone: its messages repeat addresses.
    """

    name = "sns"

    def __init__(self, client: Any, topic_prefix: str) -> None:
        self._client = client
        self._topic_prefix = topic_prefix

    def parts(self, text: str) -> int:
        """What carriers bill for one phone: by septets or UTF-16 units, see domain/alerts/sms.py."""
        return sms.parts(text)

    def publish(self, workspace: str, severity: str, protocol: str, text: str, *, subject: str | None = None) -> None:
        """Send ``text`` to the workspace's subscribers of this severity. Raises Retryable when SNS did not take it."""
        attributes = {"workspace": {"DataType": "String", "StringValue": workspace}}
        if protocol == SMS:  # the cheaper class may be delayed or dropped by carriers
            attributes["AWS.SNS.SMS.SMSType"] = {"DataType": "String", "StringValue": "Transactional"}
        request: dict[str, Any] = {
            "TopicArn": self._topic(severity, protocol),
            "Message": text,
            "MessageAttributes": attributes,
        }
        if subject is not None:
            request["Subject"] = subject
        self._call(self._client.publish, **request)

    def subscribe(self, workspace: str, severity: str, protocol: str, address: str) -> tuple[str, ...]:
        """Subscribe ``address`` to the severity and all higher ones; returns the SNS subscriptions, confirmed or not.

        An e-mail address gets one confirmation for each of them. SNS keeps one subscription per topic and address:
        one that another workspace made is shared, its filter then names both. Raises Invalid for a refused address.
        """
        higher = SEVERITIES[severity_rank(severity) :]
        return tuple(self._subscribe(workspace, self._topic(one, protocol), protocol, address) for one in higher)

    def unsubscribe(self, workspace: str, arns: Sequence[str]) -> None:
        """Take the workspace off these subscriptions; the last one to go removes them."""
        for arn in arns:
            listeners = self._listeners(arn)
            if listeners is None:
                continue
            others = [name for name in listeners if name not in (workspace, _NOBODY)]
            if others:
                self._listen(arn, others)
            else:
                self._remove(arn)

    def _subscribe(self, workspace: str, topic: str, protocol: str, address: str) -> str:
        request: dict[str, Any] = {
            "TopicArn": topic,
            "Protocol": protocol,
            "Endpoint": address,
            "ReturnSubscriptionArn": True,  # else an unconfirmed one answers "pending confirmation"
        }
        try:
            answer = self._client.subscribe(**request, Attributes={"FilterPolicy": _filter([workspace])})
        except ClientError as error:
            if "already exists with different attributes" not in str(error):
                raise _verdict(error) from None
            # Without attributes SNS answers with the subscription that is there.
            answer = self._call(self._client.subscribe, **request)
        except BotoCoreError as error:
            raise _verdict(error) from None
        arn = str(answer["SubscriptionArn"])
        listeners = self._listeners(arn) or []
        if workspace not in listeners:
            self._listen(arn, [*(name for name in listeners if name != _NOBODY), workspace])
        return arn

    def _remove(self, arn: str) -> None:
        try:
            self._client.unsubscribe(SubscriptionArn=arn)
        except ClientError as error:
            if _code(error) != "InvalidParameter":
                raise _verdict(error) from None
            # Not confirmed yet, so it cannot be removed: should it be confirmed later, it hears nothing.
            self._listen(arn, [_NOBODY])
        except BotoCoreError as error:
            raise _verdict(error) from None

    def _listeners(self, arn: str) -> list[str] | None:
        """The workspaces whose messages the subscription gets; None when it is gone."""
        try:
            answer = self._client.get_subscription_attributes(SubscriptionArn=arn)
        except ClientError as error:
            if _code(error) == "NotFound":
                return None
            raise _verdict(error) from None
        except BotoCoreError as error:
            raise _verdict(error) from None
        policy = json.loads(answer["Attributes"].get("FilterPolicy") or "{}")
        return [str(name) for name in policy.get("workspace", ())]

    def _listen(self, arn: str, workspaces: Sequence[str]) -> None:
        self._call(
            self._client.set_subscription_attributes,
            SubscriptionArn=arn,
            AttributeName="FilterPolicy",
            AttributeValue=_filter(workspaces),
        )

    def _topic(self, severity: str, protocol: str) -> str:
        return f"{self._topic_prefix}{severity}-{protocol}"

    @staticmethod
    def _call(action: Callable[..., Any], **request: Any) -> Any:
        try:
            return action(**request)
        except (BotoCoreError, ClientError) as error:
            raise _verdict(error) from None


def _filter(workspaces: Sequence[str]) -> str:
    return json.dumps({"workspace": sorted(set(workspaces))}, ensure_ascii=False)


def _verdict(error: BotoCoreError | ClientError) -> Invalid | Retryable:
    """Our error for SNS's. Its text is left out: it may hold the address."""
    if isinstance(error, ClientError) and "Invalid parameter: Endpoint" in str(error):
        return Invalid("The notification service does not take this address.", pointer="/address")
    return Retryable("The notification service did not take the call.", code="notification_failed")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
