"""What the API answers about alerts."""

from __future__ import annotations

from typing import Literal

from chalicelib.lambdas.api.answers import Answer
from chalicelib.lambdas.api.schemas import Severity


class Subscriber(Answer):
    """Who is woken. The address is masked."""

    id: str
    workspace: str
    severity: Severity
    protocol: Literal["email", "sms"]
    address: str


class Subscription(Answer):
    """The address is not repeated."""

    id: str
    workspace: str
    severity: Severity
    protocol: Literal["email", "sms"]
