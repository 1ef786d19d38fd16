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


class Gram(Answer):
    """Words that the model weighed, ``start``:``end`` of the text; below zero they spoke for bad."""

    text: str
    start: int
    end: int
    weight: float


class Tag(Topic):
    """``evidence`` is the slice ``start``:``end`` of ``texts[text].text``, in code points.

    ``confidence`` is calibrated: of the tags with 0.8, eight in ten are right. ``score``: log-odds of positive.
    ``terms`` are the frame's words that were found; ``need_hint`` is one voice's hint, not what the topic is.
    """

    text: int
    start: int
    end: int
    evidence: str | None
    confidence: float
    score: float
    terms: list[str]
    grams: list[Gram]
    need_hint: Literal["pain", "itch", "delight", "undecided"]
    producer: Literal["lexicon", "model", "analyst"]
    version: str


class Understood(Answer):
    """One reading. ``polarity``: probability that the whole voice is positive; ``confidence``: how sure that is.

    ``review``: why a person should look. ``correction``: the analyst's correction that the tags come from.
    """

    tags: list[Tag]
    red_lines: list[str]
    intents: list[str]
    polarity: float | None
    confidence: float
    actionability: Literal["response_needed", "suggestion", "no_response", "not_meaningful"] | None
    effort: Literal["high", "low"] | None
    emotion: int | None
    behaviour: list[Literal["return", "leave", "recommend", "dissuade"]]
    review: list[Literal["unsure_topic", "unsure_polarity", "sarcasm", "no_topic"]]
    frame_version: str
    model_version: str
    correction: str | None


class ReasonLine(Answer):
    rule: str
    version: int
    severity: Severity
    lapsed: bool


class Reason(ReasonLine):
    action: Literal["ticket", "alert", "followup"]


class Shift(Answer):
    """How far a mention moves the mean score, with its interval at z = 2.24."""

    value: float
    low: float
    high: float


class Need(Answer):
    """One topic. ``n_negative``, ``n_positive``: voices that mention it only badly, only well; effects are null where
    there are too few to say anything."""

    topic: str
    names: dict[str, str]
    need: dict[str, str]
    n_negative: int
    n_positive: int
    n_none: int
    mentions: int
    penalty: Shift | None
    reward: Shift | None
    wish_share: float
    verdict: Literal["pain", "itch", "delight", "one_dimensional", "undecided"]
    reason: str


class Needs(Answer):
    """``read_back_to``: the span holds more voices than are counted, this is the oldest that was; null: all were."""

    workspace: str
    since: str
    until: str
    unit: str | None
    kind: str
    channel: str | None
    voices: int
    scored: int
    channels: dict[str, int]
    read_back_to: str | None
    topics: list[Need]
    caveats: list[str]


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


class Feedback(Revision, Understood):
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


class Waiting(Understood):
    """Feedback whose reading a person should look at."""

    id: str
    workspace: str
    revision: int
    reading: int
    received_at: str
    channel: str
    touchpoint: str | None
    unit: str | None
    severity: Severity
    scores: list[Score]
    texts: list[Text]


class CorrectionMark(Answer):
    id: str
    by: str
    at: str
    verdict: Literal["corrected", "right"]


class Reading(Understood):
    """``corrected_by``: what an analyst made of it; the reading after it shows that."""

    revision: int
    reading: int
    at: str | None
    severity: Severity
    departments: list[str]
    actions: list[str]
    corrected_by: CorrectionMark | None


class Readings(Answer):
    """Oldest first, the current one last."""

    id: str
    items: list[Reading]


class Mark(Topic):
    text: int
    start: int
    end: int


class TrainingRow(Answer):
    """One text as labelled sets have it. ``q``: [words, "_", topic, -1 | 0 | 1]; ``labels``: [topic, -1 | 0 | 1]."""

    t: str
    q: list[list[str | int]]
    labels: list[list[str | int]]
    split: Literal["train"]


class Correction(CorrectionMark):
    """``rows``: one for each text of the customer, for training."""

    workspace: str
    feedback: str
    revision: int
    reading: int
    frame_version: str
    model_version: str
    old: list[Mark]
    new: list[Mark]
    note: str | None
    rows: list[TrainingRow]


class Card(Answer):
    """What a chat robot would show of the ticket. ``facts``: [label, value]."""

    title: str
    severity: Severity
    facts: list[list[str]]
    quotes: list[str]
    tags: list[str]


class Tried(Understood):
    """``texts`` are the words as they would be kept; spans count in them. ``owner``: the department it would go to.

    ``card`` is null when no rule asks for a ticket.
    """

    texts: list[Text]
    scores: list[Score]
    lang: str | None
    severity: Severity
    departments: list[str]
    owner: str | None
    actions: list[str]
    rules: list[Reason]
    title: str | None
    card: Card | None


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


class Pack(Answer):
    """``names``: locale → name; ``topics`` counts them."""

    name: str
    version: str
    names: dict[str, str]
    topics: int


class FrameTopic(Answer):
    """``prior``: the polarity when nobody says; ``terms`` and ``excludes`` count what it is known by."""

    id: str
    names: dict[str, str]
    department: str
    stage: str | None
    need: Literal["pain", "itch", "delight", "undecided"]
    prior: Literal["negative", "neutral", "positive"]
    terms: int
    excludes: int
    children: list[FrameTopic]


class FrameRedLine(Answer):
    kind: str
    names: dict[str, str]
    department: str
    terms: int


class FrameTree(Answer):
    """``retired``: topics of the packs that the workspace took out."""

    tree: list[FrameTopic]
    retired: list[str]
    red_lines: list[FrameRedLine]


class WholePack(Pack, FrameTree):
    pass


class Frame(FrameTree):
    """``number`` 0: nobody has activated a frame. ``settled``: older voices have all been read by it too."""

    workspace: str
    version: str
    number: int
    packs: list[str]
    overlay: str | None
    learned: bool
    settled: bool
    proposal: str | None
    activated_at: str | None
    by: str | None


class Activation(Answer):
    proposal: str
    number: int
    packs: list[str]
    activated_at: str
    by: str


class TopicChange(Answer):
    """Tags of one topic."""

    added: int
    removed: int


class FrameEffect(Answer):
    """``feedback`` was read; ``retagged`` of it has another set of topics and polarities; ``rerouted``: its ticket, on
    which somebody works, belongs to other departments; ``opened``: it gets its first ticket.
    """

    feedback: int
    retagged: int
    rerouted: int
    opened: int
    tags_added: int
    tags_removed: int
    by_topic: dict[str, TopicChange]


class ProposalLine(Answer):
    """``effect``: what the frame would change in everything received up to ``as_of``; null until it is measured.

    ``applied``: what of that it has changed, complete when the state is active; ``since_measured``: what it has changed
    in voices that came, or were read anew, after ``as_of``.
    """

    id: str
    workspace: str
    number: int
    state: Literal["measuring", "measured", "applying", "active", "retired"]
    packs: list[str]
    learned: bool
    by: str
    created_at: str
    as_of: str
    effect: FrameEffect | None
    measured_at: str | None
    activated_at: str | None
    activated_by: str | None
    applied: FrameEffect | None
    since_measured: FrameEffect | None
    applied_at: str | None


class Proposal(ProposalLine):
    overlay: str | None


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
