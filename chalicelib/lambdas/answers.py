"""What the management API answers, for its OpenAPI document and for the test that holds the views to it.

The function never checks an answer against these: they are loaded when the document is asked for.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.lambdas.schemas import (
    DeliveryState,
    EventType,
    FeedbackState,
    Role,
    Severity,
    TicketState,
)

Item = TypeVar("Item")


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """RFC 9457. ``code`` is stable; ``pointer`` is a JSON pointer into what was sent; nothing sent is repeated."""

    type: Literal["about:blank"]
    title: str
    status: int
    code: str
    detail: str
    pointer: str | None = None
    allowed: list[str] | None = None


class Page(Answer, Generic[Item]):
    """``cursor`` leads to the next page; null at the end."""

    items: list[Item]
    cursor: str | None


class Connection(Answer):
    id: str
    workspace: str
    name: str
    source: str
    state: Literal["active", "paused"]
    mapping: dict[str, Any]
    created_at: str


class NewConnection(Connection):
    """``secret`` is null where the platform signs nothing."""

    hook_url: str
    secret: str | None


class ChangedConnection(Connection):
    """``reparsed``: parked voices that are read again; ``more``: repeat the call, time ran out before all were."""

    reparsed: int
    more: bool


class Rotated(Answer):
    secret: str
    previous_valid_until: str


class Deleted(Answer):
    id: str
    deleted: Literal[True]


class Endpoint(Answer):
    id: str
    workspace: str
    name: str
    connector: str
    host: str
    events: list[EventType]
    state: Literal["active", "paused", "disabled"]
    settings: dict[str, Any]
    failing_since: str | None
    created_at: str


class NewEndpoint(Endpoint):
    secret: str | None
    callback_url: str


class ChangedEndpoint(Endpoint):
    """``released``: held deliveries that are on their way again."""

    released: int


class DeletedEndpoint(Deleted):
    cancelled: int


class Rule(Answer):
    name: str
    version: int
    when: dict[str, Any]
    then: list[Literal["ticket", "alert", "followup"]]
    severity: Severity
    department: str | None
    cooldown_s: int | None
    enabled: bool
    builtin: bool


class DeletedRule(Answer):
    name: str
    deleted: Literal[True]


class Subscription(Answer):
    """The address is not repeated."""

    id: str
    workspace: str
    severity: Severity
    protocol: Literal["email", "sms"]


class NewKey(Answer):
    id: str
    workspace: str
    role: Role
    unit: str | None
    key: str


class ScoreLine(Answer):
    kind: Literal["nps", "csat", "ces", "rating"]
    value: float
    class_: str | None = Field(alias="class")


class Score(ScoreLine):
    scale: list[float]
    polarity: Literal["higher", "lower"]


class Text(Answer):
    """Redacted words."""

    text: str
    question: str | None
    speaker: Literal["customer", "staff"]


class Topic(Answer):
    topic: str
    polarity: Literal["negative", "neutral", "positive"]


class Tag(Topic):
    """``evidence`` is the slice ``start``:``end`` of ``texts[text].text``, in code points."""

    text: int
    start: int
    end: int
    evidence: str | None
    confidence: float
    need_hint: Literal["pain", "itch", "delight", "undecided"]
    producer: str
    version: str


class ReasonLine(Answer):
    rule: str
    version: int
    severity: Severity
    lapsed: bool


class Reason(ReasonLine):
    action: Literal["ticket", "alert", "followup"]


class FeedbackLine(Answer):
    id: str
    workspace: str
    connection: str
    state: FeedbackState
    parked_reason: str | None
    received_at: str
    occurred_at: str
    revision: int
    channel: str
    touchpoint: str | None
    unit: str | None
    severity: Severity
    scores: list[ScoreLine]
    topics: list[Topic]
    actions: list[str]


class Revision(Answer):
    revision: int
    reading: int
    occurred_at: str
    received_at: str
    scores: list[Score]
    texts: list[Text]


class CustomerId(Answer):
    id: str


class Feedback(Revision):
    id: str
    workspace: str
    connection: str
    source: str
    response_key: str | None
    state: FeedbackState
    parked_reason: str | None
    channel: str
    touchpoint: str | None
    unit: str | None
    lang: str | None
    customer: CustomerId | None
    classes: dict[str, str]
    tags: list[Tag]
    red_lines: list[str]
    intent: str | None
    severity: Severity
    departments: list[str]
    actions: list[str]
    reasons: list[Reason]
    attributes: dict[str, str]
    attachments: list[str]
    awaiting: list[str]
    heard_at: str | None
    understood_at: str | None
    acted_at: str | None
    ticket: str | None
    sanitised: bool
    late: bool
    deleted: bool
    revisions: list[Revision]


class Queued(Answer):
    id: str
    status: Literal["queued"]


class Ticket(Answer):
    id: str
    workspace: str
    feedback: str
    version: int
    state: TicketState
    severity: Severity
    title: str
    unit: str | None
    touchpoint: str | None
    departments: list[str]
    topics: list[str]
    owner: str | None
    root_cause: str | None
    action: str | None
    incomplete: bool
    verification: Literal["satisfied", "unsatisfied", "no_answer", "not_asked"]
    due_at: str | None
    opened_at: str
    updated_at: str
    reasons: list[ReasonLine]


class Move(Answer):
    version: int
    from_: TicketState | None = Field(alias="from")
    to: TicketState
    actor: str
    at: str
    reason: str | None
    implied: bool
    root_cause: str | None
    action: str | None


class WholeTicket(Ticket):
    history: list[Move]


class Contact(Answer):
    ticket: str
    customer: dict[Literal["id", "name", "phone", "email"], str]


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


class Attempt(Answer):
    """``status`` is null when there was no answer; ``answer`` is masked."""

    number: int
    at: str
    status: int | None
    code: str
    duration_ms: int
    answer: str
    ambiguous: bool


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


class HookHeard(Answer):
    id: str
    status: Literal["accepted", "ignored"]


class Health(Answer):
    status: Literal["ok"]
    stage: str


class Document(BaseModel):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    paths: dict[str, Any]
