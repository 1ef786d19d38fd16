"""Topics, subscriptions and their filters."""

from __future__ import annotations

import json
import traceback

import pytest

from chalicelib.errors import Invalid, Retryable
from chalicelib.messaging.notifications import SnsNotifications
from tests.fakes.sns import FakeSns

PREFIX = "arn:aws:sns:eu-central-1:123456789012:echoloop-alerts-"
ADDRESS = "ops@example.com"


@pytest.fixture
def sns() -> FakeSns:
    return FakeSns()


@pytest.fixture
def notifications(sns: FakeSns) -> SnsNotifications:
    return SnsNotifications(sns, PREFIX)


def listeners(sns: FakeSns) -> dict[str, list[str]]:
    """Topic's last part → workspaces that the address hears there."""
    return {
        arn.removeprefix(PREFIX).partition(":")[0]: json.loads(attributes["FilterPolicy"])["workspace"]
        for arn, attributes in sns.subscriptions.items()
    }


def test_a_message_goes_to_the_topic_of_its_severity_and_protocol(
    sns: FakeSns, notifications: SnsNotifications
) -> None:
    notifications.publish("ws", "critical", "email", "text", subject="subject")
    notifications.publish("ws", "high", "sms", "text")
    mail, text = sns.published
    assert mail == {
        "TopicArn": f"{PREFIX}critical-email",
        "Message": "text",
        "Subject": "subject",
        "MessageAttributes": {"workspace": {"DataType": "String", "StringValue": "ws"}},
    }
    assert text["TopicArn"] == f"{PREFIX}high-sms"
    assert "Subject" not in text
    assert text["MessageAttributes"]["AWS.SNS.SMS.SMSType"]["StringValue"] == "Transactional"
    assert not {"PhoneNumber", "TargetArn"} & (set(mail) | set(text))


def test_a_subscription_hears_its_severity_and_all_higher_ones_of_its_workspace(
    sns: FakeSns, notifications: SnsNotifications
) -> None:
    arns = notifications.subscribe("ws", "medium", "email", ADDRESS)
    assert listeners(sns) == {"medium-email": ["ws"], "high-email": ["ws"], "critical-email": ["ws"]}
    assert arns == tuple(sns.subscriptions)


def test_the_same_subscription_twice_is_one(sns: FakeSns, notifications: SnsNotifications) -> None:
    first = notifications.subscribe("ws", "high", "email", ADDRESS)
    assert notifications.subscribe("ws", "high", "email", ADDRESS) == first
    assert len(sns.subscriptions) == 2


def test_an_address_of_two_workspaces_hears_both_and_loses_them_one_by_one(
    sns: FakeSns, notifications: SnsNotifications
) -> None:
    arns = notifications.subscribe("ws", "critical", "email", ADDRESS)
    assert notifications.subscribe("other", "critical", "email", ADDRESS) == arns
    assert listeners(sns) == {"critical-email": ["other", "ws"]}
    notifications.unsubscribe("ws", arns)
    assert listeners(sns) == {"critical-email": ["other"]}
    notifications.unsubscribe("other", arns)
    assert sns.subscriptions == {}
    notifications.unsubscribe("other", arns)  # gone already


def test_an_unconfirmed_address_that_is_removed_hears_nothing_when_it_confirms_later(
    sns: FakeSns, notifications: SnsNotifications
) -> None:
    sns.pending = {"email"}
    arns = notifications.subscribe("ws", "critical", "email", ADDRESS)
    notifications.unsubscribe("ws", arns)
    assert listeners(sns) == {"critical-email": [""]}
    notifications.subscribe("ws", "critical", "email", ADDRESS)
    assert listeners(sns) == {"critical-email": ["ws"]}


def test_an_address_that_sns_refuses_is_the_callers_mistake(sns: FakeSns, notifications: SnsNotifications) -> None:
    sns.refuse_address = True
    with pytest.raises(Invalid, match="does not take this address") as caught:
        notifications.subscribe("ws", "critical", "email", ADDRESS)
    assert (caught.value.code, caught.value.pointer) == ("schema_violation", "/address")


def test_trouble_with_sns_is_tried_again_and_repeats_no_address(sns: FakeSns, notifications: SnsNotifications) -> None:
    arns = notifications.subscribe("ws", "critical", "email", ADDRESS)
    sns.down = True
    calls = (
        lambda: notifications.publish("ws", "critical", "email", "text"),
        lambda: notifications.subscribe("ws", "critical", "email", ADDRESS),
        lambda: notifications.unsubscribe("ws", arns),
    )
    for call in calls:
        with pytest.raises(Retryable, match="did not take the call") as caught:
            call()
        assert caught.value.code == "notification_failed"
        assert ADDRESS not in "".join(traceback.format_exception(caught.value))
