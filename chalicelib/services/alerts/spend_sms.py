"""What an attempt over an SMS endpoint costs, taken from the workspace's one budget a day before anything leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from chalicelib.domain.outbound.delivery import SMS_BUDGET_SPENT
from chalicelib.domain.outbound.exchange import Message
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret
from chalicelib.errors import Rejected
from chalicelib.services.ports import Clock, SmsBudget, SmsGateway


class SmsConnector(SmsGateway, Protocol):
    """A gateway that is a connector: see connectors/aliyun_sms.py."""

    def bill(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> int:
        """Parts that all receivers together are billed."""


class Spent(NamedTuple):
    """What was taken, and of which day."""

    workspace: str
    parts: int
    at: datetime


@dataclass(frozen=True, slots=True)
class SpendSms:
    """``gateway`` gives the connector of a name that sends SMS, None for any other."""

    budget: SmsBudget
    gateway: Callable[[str], SmsConnector | None]
    parts_per_day: int
    clock: Clock

    def take(self, endpoint: Endpoint, message: Message, secret: EndpointSecret) -> Spent | None:
        """Pay for one attempt; None where nothing is to be paid. Raises Rejected (``sms_budget_spent``)."""
        gateway = self.gateway(endpoint.connector)
        if gateway is None:
            return None
        spent = Spent(endpoint.workspace, gateway.bill(message, secret, endpoint.settings), self.clock())
        if not self.budget.spend(spent.workspace, spent.parts, limit=self.parts_per_day, at=spent.at):
            raise Rejected("Today's SMS parts are used up.", code=SMS_BUDGET_SPENT)
        return spent

    def give_back(self, spent: Spent) -> None:
        """The vendor took nothing."""
        self.budget.refund(spent.workspace, spent.parts, at=spent.at)
