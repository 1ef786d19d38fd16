"""Who is woken: add and remove the addresses that get a workspace's alerts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chalicelib.domain.alerts.alert import EMAIL, PROTOCOLS
from chalicelib.domain.ids import random_id
from chalicelib.domain.vocabulary import SEVERITIES
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.directory import Subscription
from chalicelib.errors import Invalid

# Addresses that SNS can deliver to: ASCII, one @, a domain of at least two labels.
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_LONGEST_EMAIL: Final = 254  # characters, RFC 5321
_LONGEST_LOCAL: Final = 64
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164


class SubscriptionStore(Protocol):
    def put_subscription(self, subscription: Subscription) -> None: ...

    def subscription(self, workspace: str, subscription_id: str) -> Subscription | None: ...

    def subscriptions(self, workspace: str) -> Sequence[Subscription]: ...

    def delete_subscription(self, workspace: str, subscription_id: str) -> bool: ...


class Subscriber(Protocol):
    """What ``messaging.notifications`` does for one address."""

    def subscribe(self, workspace: str, severity: str, protocol: str, address: str) -> tuple[str, ...]: ...

    def unsubscribe(self, workspace: str, arns: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ManageSubscriptions:
    """Addresses are contact data of colleagues: kept to unsubscribe, never logged or answered in full."""

    store: SubscriptionStore
    subscriber: Subscriber

    def create(self, workspace: str, severity: str, protocol: str, address: str) -> Subscription:
        """Subscribe ``address`` to ``severity`` and all higher ones.

        The row comes last: a caller who saw an error asks again, and SNS answers with the same subscriptions.
        Raises Invalid for a word or an address that breaks its rule, Retryable when SNS is not to be had.
        """
        if severity not in SEVERITIES:
            raise Invalid("The severity must be low, medium, high or critical.", pointer="/severity")
        if protocol not in PROTOCOLS:
            raise Invalid("The protocol must be email or sms.", pointer="/protocol")
        _check_address(protocol, address)
        subscription = Subscription(
            workspace=workspace,
            id=random_id("sb"),
            severity=severity,
            protocol=protocol,
            address=address,
            arns=self.subscriber.subscribe(workspace, severity, protocol, address),
        )
        self.store.put_subscription(subscription)
        return subscription

    def list(self, workspace: str) -> Sequence[Subscription]:
        """All of them, in the order of their ids."""
        return self.store.subscriptions(workspace)

    def delete(self, workspace: str, subscription_id: str) -> None:
        """Stop the messages, but for severities that another subscription of the same address still wants.

        Raises NotFound when the workspace has no such subscription.
        """
        subscription = self.store.subscription(workspace, subscription_id)
        if subscription is None:
            raise nowhere()
        kept = {arn for one in self.store.subscriptions(workspace) if one.id != subscription_id for arn in one.arns}
        self.subscriber.unsubscribe(workspace, [arn for arn in subscription.arns if arn not in kept])
        self.store.delete_subscription(workspace, subscription_id)


def _check_address(protocol: str, address: str) -> None:
    if protocol == EMAIL:
        fits = len(address) <= _LONGEST_EMAIL and len(address.partition("@")[0]) <= _LONGEST_LOCAL
        if not fits or _EMAIL.fullmatch(address) is None:
            raise Invalid("The address must be an e-mail address.", pointer="/address")
    elif _PHONE.fullmatch(address) is None:
        raise Invalid("The address must be a phone number such as +8613800000000.", pointer="/address")
