"""Who is woken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.workspaces.directory import Subscription
from chalicelib.errors import Invalid, NotFound, Retryable
from chalicelib.messaging.notifications import SnsNotifications
from chalicelib.services.alerts.manage_subscriptions import ManageSubscriptions
from tests.fakes.sns import FakeSns

WS = "ws"


@dataclass
class FakeStore:
    rows: dict[tuple[str, str], Subscription] = field(default_factory=dict)

    def put_subscription(self, subscription: Subscription) -> None:
        self.rows[(subscription.workspace, subscription.id)] = subscription

    def subscription(self, workspace: str, subscription_id: str) -> Subscription | None:
        return self.rows.get((workspace, subscription_id))

    def subscriptions(self, workspace: str) -> Sequence[Subscription]:
        return [row for (there, _), row in self.rows.items() if there == workspace]

    def delete_subscription(self, workspace: str, subscription_id: str) -> bool:
        return self.rows.pop((workspace, subscription_id), None) is not None


class Desk:
    def __init__(self) -> None:
        self.store, self.sns = FakeStore(), FakeSns()
        self.service = ManageSubscriptions(store=self.store, subscriber=SnsNotifications(self.sns, "arn:t-"))

    def topics(self) -> list[str]:
        return [arn.split(":")[1] for arn in self.sns.subscriptions]


def test_a_subscription_is_stored_with_all_of_its_sns_subscriptions() -> None:
    desk = Desk()
    made = desk.service.create(WS, "high", "email", "ops@example.com")
    assert made.id.startswith("sb_")
    assert desk.store.rows[(WS, made.id)] == made
    assert desk.topics() == ["t-high-email", "t-critical-email"]
    assert "ops@example.com" not in repr(made)


def test_deleting_it_leaves_what_another_subscription_of_the_address_still_wants() -> None:
    desk = Desk()
    low = desk.service.create(WS, "low", "sms", "+8613800000001")
    high = desk.service.create(WS, "critical", "sms", "+8613800000001")
    desk.service.delete(WS, low.id)
    assert desk.topics() == ["t-critical-sms"]
    desk.service.delete(WS, high.id)
    assert desk.topics() == []
    assert desk.store.rows == {}


def test_an_unknown_or_foreign_subscription_is_not_found() -> None:
    desk = Desk()
    made = desk.service.create(WS, "low", "sms", "+8613800000001")
    for workspace, subscription_id in ((WS, "sb_unknown"), ("other", made.id)):
        with pytest.raises(NotFound, match="no such thing") as caught:
            desk.service.delete(workspace, subscription_id)
        assert caught.value.code == "not_found"
    assert len(desk.store.rows) == 1


def test_nothing_is_stored_while_sns_is_down() -> None:
    desk = Desk()
    desk.sns.down = True
    with pytest.raises(Retryable, match="did not take the call"):
        desk.service.create(WS, "low", "sms", "+8613800000001")
    assert desk.store.rows == {}


@pytest.mark.parametrize(
    ("severity", "protocol", "address", "pointer", "message"),
    [
        ("urgent", "email", "ops@example.com", "/severity", "low, medium, high or critical"),
        ("low", "http", "https://example.com", "/protocol", "email or sms"),
        ("low", "sqs", "arn:aws:sqs:eu:1:q", "/protocol", "email or sms"),
        *(
            ("low", "email", address, "/address", "e-mail address")
            for address in (
                "",
                "ops",
                "ops@",
                "@example.com",
                "ops@example",
                "ops@exa mple.com",
                "ops@-example.com",
                "ops..x@example.com",
                ".ops@example.com",
                "ops@example.com\n",
                "运维@example.com",
                "ops@exa\u0000mple.com",
                "o" * 65 + "@example.com",
                "ops@" + "a" * 60 + ("." + "a" * 60) * 4 + ".com",
            )
        ),
        *(
            ("low", "sms", address, "/address", "phone number")
            for address in (
                "",
                "13800000001",
                "+0123456789",
                "+123456",
                "+1234567890123456",
                "+86 138 0000 0001",
                "+8613800000001\n",
                "+８６１３８００００００１",
                "ops@example.com",
            )
        ),
    ],
)
def test_a_wrong_word_or_address_is_refused_and_not_repeated(
    severity: str, protocol: str, address: str, pointer: str, message: str
) -> None:
    desk = Desk()
    with pytest.raises(Invalid, match=message) as caught:
        desk.service.create(WS, severity, protocol, address)
    assert (caught.value.code, caught.value.pointer) == ("schema_violation", pointer)
    assert not address or address not in caught.value.message
    assert desk.sns.subscriptions == {}


@given(st.emails(domains=st.sampled_from(["example.com", "mail.example.co.uk"])))
def test_ordinary_addresses_are_taken(address: str) -> None:
    if len(address.partition("@")[0]) <= 64:
        assert Desk().service.create(WS, "critical", "email", address).address == address
