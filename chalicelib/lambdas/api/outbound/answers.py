"""What the API answers about endpoints, deliveries, drift and callbacks."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, RootModel

from chalicelib.lambdas.api.answers import Adapter, AdapterLine, Answer, Deleted, Filled, GuideHook
from chalicelib.lambdas.api.outbound.schemas import DeliveryState, EventType
from chalicelib.lambdas.api.schemas import TicketState


class Endpoint(Answer):
    """Of ``credentials`` the names are shown, never a value."""

    id: str
    workspace: str
    name: str
    connector: str
    host: str
    events: list[EventType]
    state: Literal["active", "paused", "disabled"]
    settings: dict[str, Any]
    credentials: list[str]
    failing_since: str | None
    created_at: str


class DriftItem(Answer):
    """``theirs``: their status in our words; empty for an item that they deleted. ``code`` says the same as ``why``."""

    ticket: str
    external_id: str
    ours: TicketState
    theirs: str
    since: str
    seen_at: str
    winner: Literal["ours", "theirs", "nobody"]
    code: str
    why: dict[Literal["zh-CN", "en"], str]


class EndpointDrift(Answer):
    """``next_at`` null: it is not polled. ``reached_at``: when the last round that read everything began.

    ``error``: the code of what ended the last poll. ``more``: there are more items than are shown.
    """

    endpoint: str
    connector: str
    readable: bool
    next_at: str | None
    ran_at: str | None
    reached_at: str | None
    error: str | None
    items: list[DriftItem]
    more: bool


class DriftReport(Answer):
    endpoints: list[EndpointDrift]


class DriftChecked(Answer):
    """The endpoints that are asked."""

    status: Literal["queued"]
    endpoints: list[str]


class NewEndpoint(Endpoint):
    secret: str | None
    callback_url: str


class ChangedEndpoint(Endpoint):
    """``released``: held deliveries that are on their way again."""

    released: int


class DeletedEndpoint(Deleted):
    cancelled: int


class Rate(Answer):
    count: int
    seconds: float


class ConnectorLine(AdapterLine):
    """``kind`` event: gets each event once; state: keeps one item a ticket. ``chat``: a room of people reads it."""

    kind: Literal["event", "state"]
    chat: bool


class Connector(ConnectorLine, Adapter):
    """``idempotent``: the target drops what it has seen; ``searches``: we look before we create again.

    ``makes_secret``: the secret is made here. ``callback``: what it may send back; null: it cannot.
    """

    url: Filled
    events: list[EventType]
    rates: list[Rate]
    idempotent: bool
    searches: bool
    makes_secret: bool
    callback: GuideHook | None


class CallbackTicket(Answer):
    id: str
    version: int
    state: TicketState


class CallbackHeard(Answer):
    status: Literal["applied", "ignored"]
    code: Literal["ok", "echo", "duplicate", "stale"]
    ticket: CallbackTicket


class Delivery(Answer):
    id: str
    workspace: str
    endpoint: str
    subject: str
    sequence: int
    event_type: EventType
    state: DeliveryState
    code: str | None
    tries: int
    created_at: str
    updated_at: str
    next_at: str | None


class AttemptCall(Answer):
    """One of the calls of an attempt at a system of record; ``status`` as in ``Attempt``."""

    step: Literal["token", "find", "create", "update"]
    status: int | None
    code: str
    duration_ms: int


class Attempt(Answer):
    """``status`` is null when there was no answer; ``answer`` is masked. With ``calls`` both are of the last one."""

    number: int
    at: str
    status: int | None
    code: str
    duration_ms: int
    answer: str
    ambiguous: bool
    calls: list[AttemptCall]


class WholeDelivery(Delivery):
    attempts: list[Attempt]


class Replayed(Answer):
    """``cursor``: repeat the call with it for the next part; null when the range is done."""

    sent: int
    cursor: str | None


class CallbackData(Answer):
    """``version`` counts the sender's changes of the item; without it ``occurred_at`` orders them."""

    model_config = ConfigDict(extra="allow")

    ticket_id: str
    external_id: str
    status: str
    version: int | None = None
    root_cause: str | None = None
    action: str | None = None
    note: str | None = None
    actor: str | None = None
    occurred_at: str | None = None


class Callback(Answer):
    """What an OA sends of its item, signed as Standard Webhooks. Members that we do not know are passed over."""

    model_config = ConfigDict(extra="allow")

    type: Literal["ticket.status_changed"]
    data: CallbackData


class CallbackAnswerData(Answer):
    """``note``: what else the customer said."""

    model_config = ConfigDict(extra="allow")

    ticket_id: str
    answer: Literal["solved", "not_solved"]
    note: str | None = None


class CallbackAnswer(Answer):
    """What a customer answered to ``verification.asked``."""

    model_config = ConfigDict(extra="allow")

    type: Literal["verification.answered"]
    data: CallbackAnswerData


class CallbackBody(RootModel[Callback | CallbackAnswer]):
    """What a system of the company's sends: a change of its item, or a customer's answer."""
