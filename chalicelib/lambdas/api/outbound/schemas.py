"""What the API takes about endpoints and deliveries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.lambdas.api.schemas import (
    Body,
    Credentials,
    Identity,
    ListQuery,
    Moment,
    Name,
    Query,
    Secret,
    Severity,
    TicketState,
    Unit,
    Word,
    ordered,
    unique,
)

Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
EventType = Literal[
    "feedback.scored",
    "feedback.revised",
    "ticket.opened",
    "ticket.updated",
    "ticket.reminded",
    "ticket.escalated",
    "ticket.resolved",
    "ticket.verified",
    "ticket.reopened",
    "ticket.closed",
    "verification.asked",
    "issue.opened",
    "issue.updated",
    "alert.raised",
    "followup.suggested",
    "loop.week",
    "digest.ready",
    "delivery.failed",
    "endpoint.disabled",
]
DeliveryState = Literal["waiting", "sending", "delivered", "held", "uncertain", "failed", "cancelled"]


class EndpointFilter(BaseModel):
    """Which events of its workspace an endpoint gets; an empty filter lets all pass."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    units: list[Unit] = Field(default_factory=list, max_length=200)
    departments: list[Name] = Field(default_factory=list, max_length=200)
    min_severity: Severity | None = None


class EndpointSettings(BaseModel):
    """``rate`` is calls a minute to the endpoint's target; ``headers`` are credentials and are never shown again.

    ``split``: of a case with parts for several departments the ticket of the case is sent, or those of the parts; left
    out, an endpoint whose filter names departments gets the parts.
    ``on_ambiguous``: what a robot may have got is sent again, or is left ``uncertain`` until a person replays it.
    ``on_missing``: an item that was deleted in its system stays deleted, or is made anew.
    ``reconcile_minutes``: how often its system is asked how the items stand; 0 is never.
    ``time_zone``: a name of the IANA list. What else a connector takes is told by GET /v1/connectors/{connector}.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, hide_input_in_errors=True)

    filter: EndpointFilter | None = None
    split: Literal["case", "departments"] | None = None
    contact: Literal["none", "masked", "full"] | None = None
    status_map: dict[Name, TicketState] | None = Field(default=None, max_length=100)
    rate: int | None = Field(default=None, ge=1, le=600)
    lang: Literal["zh-CN", "en"] | None = None
    on_ambiguous: Literal["resend", "park"] | None = None
    on_missing: Literal["fail", "recreate"] | None = None
    reconcile_minutes: Annotated[int, Field(ge=0, le=1_440)] | None = None
    time_zone: Annotated[str, StringConstraints(max_length=64)] | None = None
    headers: dict[str, str] | None = Field(default=None, max_length=20, repr=False)


class EndpointNew(Body):
    """The URL is a credential: it is checked, kept and never shown again but for its host."""

    name: Name
    connector: Word
    url: Url = Field(repr=False)
    secret: Secret | None = Field(default=None, repr=False)
    events: Annotated[list[EventType], AfterValidator(unique)] = Field(min_length=1)
    settings: EndpointSettings = EndpointSettings()
    credentials: Credentials = Field(default_factory=dict, repr=False)


class EndpointChange(Body):
    """Of ``settings`` and ``credentials`` the given names are replaced, null takes one back, the others stay."""

    name: Name | None = None
    state: Literal["active", "paused"] | None = None
    url: Url | None = Field(default=None, repr=False)
    secret: Secret | None = Field(default=None, repr=False)
    events: Annotated[list[EventType], AfterValidator(unique)] | None = Field(default=None, min_length=1)
    settings: EndpointSettings | None = None
    credentials: Credentials | None = Field(default=None, repr=False)


class Replay(Body):
    """Do ``since`` ≤ time < ``until`` again; what was done is not done twice. ``cursor`` goes on where a call ended."""

    since: Moment
    until: Moment
    what: Literal["events", "deliveries", "parked"]
    cursor: str | None = Field(default=None, min_length=1, max_length=1100)

    @model_validator(mode="after")
    def _in_order(self) -> Replay:
        return ordered(self)


class DriftQuery(Query):
    """``after``: the last ticket of a report that says ``more``."""

    endpoint: Identity | None = None
    after: Identity | None = None


class DriftCheck(Body):
    endpoint: Identity | None = None


class DeliveryQuery(ListQuery):
    since: Moment | None = None
    until: Moment | None = None
    ticket: Identity | None = None
    endpoint: Identity | None = None
    state: DeliveryState | None = None

    @model_validator(mode="after")
    def _in_order(self) -> DeliveryQuery:
        return ordered(self)
