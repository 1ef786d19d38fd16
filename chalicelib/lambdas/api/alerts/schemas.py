"""What the API takes about alerts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from chalicelib.lambdas.api.schemas import Body, Severity


class SubscriptionNew(Body):
    severity: Severity
    protocol: Literal["email", "sms"]
    address: Annotated[str, StringConstraints(max_length=254)] = Field(repr=False)
