"""What the management API answers, for its OpenAPI document and for the test that holds the views to it.

The function never checks an answer against these: they are loaded when the document is asked for.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

from chalicelib.lambdas.api.schemas import (
    DeliveryState,
    EventType,
    FeedbackState,
    OwnCause,
    OwnWeight,
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
    """Of ``credentials`` the names are shown, never a value."""

    id: str
    workspace: str
    name: str
    source: str
    state: Literal["active", "paused"]
    mapping: dict[str, Any]
    settings: dict[str, Any]
    credentials: list[str]
    created_at: str


class Polling(Answer):
    """How far the poller has come: all that is older than ``reached_at`` was read. ``error`` ended the last run."""

    every_minutes: float
    next_at: str | None
    ran_at: str | None
    reached_at: str | None
    error: str | None
    found: int


class ConnectionDetail(Connection):
    """``polling`` is null where the connection is not polled."""

    polling: Polling | None


class NewConnection(Connection):
    """``secret`` is null where the platform signs nothing, or has yet to show its own."""

    hook_url: str
    secret: str | None


class ChangedConnection(Connection):
    """``reparsed``: parked voices that are read again; ``more``: repeat the call, time ran out before all were."""

    reparsed: int
    more: bool


class UploadLine(Answer):
    """``rows`` are those read so far that hold anything. ``error``: why the file as a whole was given up."""

    id: str
    filename: str | None
    bytes: int | None
    state: Literal["waiting", "reading", "done", "failed"]
    rows: int
    accepted: int
    refused: int
    error: str | None
    created_at: str
    finished_at: str | None


class RowError(Answer):
    """The header is row 1. ``column`` is null where no single one is to blame."""

    row: int
    code: str
    column: str | None


class Upload(UploadLine):
    """``more_errors``: more rows were refused than are listed."""

    errors: list[RowError]
    more_errors: bool


class NewUpload(UploadLine):
    """PUT the file to ``upload_url`` with ``headers``. The URL is all that is needed: keep it to yourself."""

    upload_url: str
    headers: dict[str, str]
    expires_at: str


class Rotated(Answer):
    secret: str
    previous_valid_until: str


class Deleted(Answer):
    id: str
    deleted: Literal[True]


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


Words = dict[Literal["zh-CN", "en"], str] | str  # a text where one language was asked for


class Filled(Answer):
    """What stands beside a form field."""

    label: Words
    help: Words


class GuideChoice(Answer):
    """``label`` is null where the value speaks for itself."""

    value: str
    label: Words | None


class GuideField(Filled):
    """``longest``: characters of a text, entries of a list or map. ``sure``: how well the vendor's side is known."""

    name: str
    kind: Literal["text", "choice", "number", "flag", "list", "map"]
    required: bool
    choices: list[GuideChoice]
    default: Any
    longest: int
    least: float | None
    most: float | None
    sure: Literal["documented", "seen", "recalled", "unknown"]


class AdapterLine(Answer):
    name: str
    title: Words
    summary: Words


class Adapter(AdapterLine):
    """Texts for the administrator of the platform. ``{hook_url}`` and ``{callback_url}`` in a step stand for the URL
    that the connection or endpoint was answered with. ``common_fields`` are settings too; ``secret`` is null where
    there is none.
    """

    before_you_start: list[Words]
    steps: list[Words]
    expect: list[Words]
    limits: list[Words]
    not_sure: list[Words]
    secret: Filled | None
    fields: list[GuideField]
    common_fields: list[GuideField]
    credential_fields: list[GuideField]


class SourceLine(AdapterLine):
    """``proof`` token: the URL alone proves the sender. ``fetches``: reads the vendor's API; ``polls``: back-fills.

    ``secret_from``: who makes the secret; ``vendor_later`` shows it once the webhook is there, so it is given to
    ``rotate``; null: there is none. With ``proof`` token it need not be given.
    """

    proof: Literal["signature", "token"]
    secret_from: Literal["us", "vendor", "vendor_later"] | None
    fetches: bool
    polls: bool


class Source(SourceLine, Adapter):
    """``hook``: what the platform may send to the hook URL. ``mapping``: what a connection's own is laid over."""

    hook: GuideHook
    mapping: dict[str, Any]


class GuideHook(Answer):
    methods: list[str]
    content_types: list[str]


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


class NewCode(Answer):
    """``code`` is shown this once. ``url`` is the page that it is for, by a link of its own."""

    ticket: str
    person: str
    code: str
    expires_at: str
    url: str


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


class Closing(Answer):
    """Who closed a feedback without action, and why; or who answered its customer, and with what."""

    by: str
    at: str
    reason: str


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
    closing: Closing | None
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
    """What a chat robot would show of the ticket. ``facts``: [label, value]; in ``quotes`` evidence stands in 〖 〗."""

    title: str
    severity: Severity
    facts: list[list[str]]
    quotes: list[str]
    tags: list[str]


class Allowance(Answer):
    """What a role may give in one case. ``amount`` 0: nothing. ``currency``: ISO 4217, or ``points`` or ``miles``."""

    role: str
    name: Words
    amount: int
    currency: str | None


class Playbook(Answer):
    """``id``: the topic, or ``red_line:`` and a kind. ``question`` is for the customer: yes means solved."""

    id: str
    version: str
    title: Words
    steps: list[Words]
    standard: Words
    reply: Words
    compensation: Words
    limits: list[Allowance]
    question: Words


class TicketPlaybook(Playbook):
    """As it is in force now. ``kept_version``: the one that the ticket was opened or updated with."""

    kept_version: str


class PathEnd(Answer):
    kind: Literal["topic", "cause", "department", "playbook", "question"]
    id: str
    name: Words


class PathEdge(Answer):
    """One step from what is complained of to the question that ends it, and why it was taken."""

    from_: PathEnd = Field(alias="from")
    to: PathEnd
    reason: Literal["prior", "seen", "learned", "mends", "frame", "rule", "person", "own", "above", "red_line", "asks"]
    why: Words


class Named(Answer):
    id: str
    name: Words


class GraphCause(Answer):
    """``weight``: by experience. ``closed``: tickets that were closed with it. ``share``: what is expected of it, 0…1.

    ``before``: causes that experience alone would put before it; ``why`` says what changed that.
    """

    id: str
    name: Words
    department: Named
    terms: list[str]
    weight: int
    closed: int
    share: float
    before: list[str]
    why: Words | None


class GraphPlaybook(Answer):
    id: str
    version: str


class GraphTopic(Answer):
    """``listed``: the topic whose causes count for this one. ``closed``: tickets that their order was learned from."""

    topic: str
    name: Words
    listed: str
    department: Named
    closed: int
    since: str | None
    causes: list[GraphCause]
    playbook: GraphPlaybook | None
    question: Words | None


class WhatWhyWho(Answer):
    """``own``: version of the workspace's own causes, 0 without. ``without_causes``: topics that have none."""

    workspace: str
    frame: str
    own: int
    topics: list[GraphTopic]
    without_causes: list[str]


class OwnCauses(Answer):
    workspace: str
    version: int
    causes: list[OwnCause]
    topics: dict[str, list[OwnWeight]]


class TriedPart(Answer):
    """What one of several departments would get."""

    department: str
    title: str
    severity: Severity
    topics: list[str]
    playbook: Playbook | None


class Tried(Understood):
    """``texts`` are the words as they would be kept; spans count in them. ``owner``: the department it would go to.

    ``card`` and ``playbook`` are null when no rule asks for a ticket; ``parts`` is empty when one department has it.
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
    playbook: Playbook | None
    path: list[PathEdge]
    parts: list[TriedPart]


class Queued(Answer):
    id: str
    status: Literal["queued"]


class TicketClock(Answer):
    """``due_at`` is null while the clock is paused. ``provisional``: it rests on years whose calendars are not
    published, and is counted again when they are. ``breached_at`` is the deadline that was missed, ``escalated_at``
    when the line above was told.
    """

    minutes: float
    due_at: str | None
    paused_at: str | None
    left_minutes: float | None
    met_at: str | None
    reminded_at: str | None
    breached_at: str | None
    escalated_at: str | None
    provisional: bool
    unpublished: list[int]


class TicketClocks(Answer):
    """A clock that is null is not promised, or not running yet. ``row``: the severity, ``+mot`` at a moment of truth.

    ``policy`` is the version of the promises.
    """

    row: str
    policy: int
    first_response: TicketClock | None
    next_update: TicketClock | None
    resolution: TicketClock | None


class Promises(Answer):
    first_response: float | None
    next_update: float | None
    resolution: float | None


class SeverityPromises(Promises):
    mot: Promises | None


class Quiet(Answer):
    from_: str = Field(alias="from")
    to: str
    critical: bool


class Sla(Answer):
    """Minutes of the unit's opening time. Of version 0 it is what ships."""

    workspace: str
    version: int
    reminder: float
    touchpoints: list[str]
    severities: dict[Severity, SeverityPromises]
    quiet: Quiet | None


class DryRunTotals(Answer):
    """``unworked``: cases that there never was, which nobody works on; their reminders and breaches are among all.

    ``messages`` are deliveries to endpoints, ``emails`` and ``sms`` alerts to subscribers, ``sms_parts`` what these
    cost, ``sms_refused`` alerts for which the day had no parts left. ``write_units``: of the table, by estimate.
    """

    feedback: int
    tickets: int
    parts: int
    followups: int
    alerts: int
    alerts_swallowed: int
    messages: int
    emails: int
    sms: int
    sms_parts: int
    sms_refused: int
    reminders: int
    breaches: int
    escalations: int
    unworked: int
    unworked_reminders: int
    unworked_breaches: int
    write_units: int


class DryRunCounts(Answer):
    """By name; ``-`` for none. ``severity`` is of whole cases; department, owner, playbook and cause are of what
    somebody works on, so of the parts of a case that has some. ``endpoint``: deliveries by endpoint; ``person``: those
    about tickets, by whoever has the ticket or is told beside them; ``subscription``: alerts by subscription.
    """

    total: DryRunTotals
    severity: dict[str, int]
    department: dict[str, int]
    owner: dict[str, int]
    playbook: dict[str, int]
    cause: dict[str, int]
    endpoint: dict[str, int]
    person: dict[str, int]
    subscription: dict[str, int]


class DryRunTried(Answer):
    """Names of rules and ids of endpoints, and which of the other parts are changed."""

    put: list[str]
    delete: list[str]
    endpoints: list[str]
    sla: bool
    causes: bool
    organisation: bool
    frame: bool


class DryRunLine(Answer):
    """``reason`` of one that failed: ``configuration_changed``, ``too_much_waits``, ``stalled`` (not over in a day)."""

    id: str
    workspace: str
    state: Literal["running", "done", "failed"]
    reason: Literal["configuration_changed", "too_much_waits", "stalled"] | None
    days: int
    since: str
    until: str
    by: str
    finished_at: str | None


class DryRun(DryRunLine):
    """``now``: as things are; ``then``: with the change."""

    change: DryRunTried
    now: DryRunCounts
    then: DryRunCounts
    difference: DryRunCounts


class Deadline(Answer):
    due_at: str
    provisional: bool
    unpublished: list[int]


class Ticket(Answer):
    """``parent``: the case that it is a part of, made for the department ``part``; null for a case of its own.
    ``parts``: the departments that the case was divided among, each with a ticket; empty where it was not.
    """

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
    parent: str | None
    part: str | None
    parts: list[str]
    topics: list[str]
    owner: str | None
    root_cause: str | None
    action: str | None
    cause: str | None
    incomplete: bool
    verification: Literal["satisfied", "unsatisfied", "no_answer", "not_asked"]
    level: Literal["L1", "L2", "L3"]
    issue: str | None
    asked_at: str | None
    answer_by: str | None
    answered_at: str | None
    bounces: int
    due_at: str | None
    clocks: TicketClocks | None
    escalated_to: list[str]
    closed_at: str | None
    opened_at: str
    updated_at: str
    reasons: list[ReasonLine]


class Hands(Answer):
    owner: str | None
    departments: list[str]


class Handover(Answer):
    from_: Hands = Field(alias="from")
    to: Hands


class Move(Answer):
    """``handed``: from whom to whom the ticket went with this line; null where it stayed with them."""

    version: int
    from_: TicketState | None = Field(alias="from")
    to: TicketState
    actor: str
    at: str
    reason: str | None
    implied: bool
    root_cause: str | None
    action: str | None
    cause: str | None
    handed: Handover | None


class TicketItem(Answer):
    """What a ticket became in another system. ``sent_version`` is the ticket's version that it shows.

    ``uncertain``: whether it was made is not known, and a person replays the delivery or leaves it. ``missing``: it
    was deleted there.
    """

    endpoint: str
    external_id: str | None
    sent_version: int | None
    state: Literal["none", "creating", "made", "uncertain", "missing"]
    updated_at: str | None


class TicketLink(Answer):
    """Seen from the ticket that shows it: it is a duplicate of ``ticket``, has it as its duplicate, or is related."""

    ticket: str
    kind: Literal["duplicate_of", "has_duplicate", "related"]
    by: str
    at: str


class TicketPart(Answer):
    """``part``: the department that it was made for; who has it now stands in ``departments``."""

    id: str
    part: str
    version: int
    state: TicketState
    severity: Severity
    title: str
    owner: str | None
    verification: Literal["satisfied", "unsatisfied", "no_answer", "not_asked"]
    departments: list[str]


class CustomerCase(Answer):
    id: str
    state: TicketState
    severity: Severity
    title: str
    unit: str | None
    opened_at: str


class SettledCase(CustomerCase):
    """How an earlier case of the customer ended."""

    verification: Literal["satisfied", "unsatisfied", "no_answer", "not_asked"]
    closed_at: str | None


class TicketCustomer(Answer):
    """The customer's cases that the key sees; of the newest hundred. ``open``: the other open ones; ``earlier``: the
    newest twenty that are settled; ``heard``: how many there are with this one.
    """

    open: list[CustomerCase]
    earlier: list[SettledCase]
    heard: int
    last_heard_at: str


class CaseNote(Answer):
    id: str
    by: str
    at: str
    text: str
    attachments: list[str]


class VerificationQuestion(Answer):
    zh: str = Field(alias="zh-CN")
    en: str


class Verification(Answer):
    """``version`` 0: nobody has changed anything. ``question``: null asks ours where there is no playbook."""

    workspace: str
    version: int
    enabled: bool
    wait_days: int
    change_days: int
    question: VerificationQuestion | None
    changed_at: str | None
    by: str | None


class TicketVerdict(Answer):
    ticket: str
    verdict: Literal["passed", "failed"]
    by: str
    at: str
    version: int
    note: str | None


class AuditedTicket(Ticket):
    audit: TicketVerdict | None


class Audit(Page[AuditedTicket]):
    """``closed``: so many tickets of the month are closed, of which ``items`` are looked at again. ``cursor`` leads to
    the next page of these; null at the end.
    """

    month: str
    closed: int


class WholeTicket(Ticket):
    """``playbook``: null where there is none for what it is about, or no more.

    ``queues``: seconds that each department has had it, without those that it waited for the customer.
    ``customer``: null where nobody knows whose it is. ``children``: the parts, of a case with several.
    """

    children: list[TicketPart]
    queues: dict[str, int]
    links: list[TicketLink]
    customer: TicketCustomer | None
    history: list[Move]
    items: list[TicketItem]
    playbook: TicketPlaybook | None
    path: list[PathEdge]


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
    playbooks: list[Playbook]


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


class InTwoLanguages(Answer):
    zh_cn: str = Field(alias="zh-CN")
    en: str


class OrganisationUnit(Answer):
    """What is left out a unit has from the units above it. ``calendar``: a country, a part of one (``DE-BY``), or
    ``none`` for a unit that is open on holidays as ever. ``hours``: ``mon-fri 09:00-12:00,13:30-18:00; sat 24h``.
    ``days``: ``2026-11-11 closed; 2026-12-24/2026-12-26 10:00-14:00``.
    """

    name: str | None = None
    type: str | None = None
    parent: str | None = None
    time_zone: str | None = None
    calendar: str | None = None
    hours: str | dict[str, str] | None = None
    days: str | dict[str, str] | None = None


class OrganisationPerson(Answer):
    """``posts``: ``unit:department``, with ``*`` for the whole workspace. ``authority``: ``can_change:process``.
    ``absent``: ``2026-11-20/2026-11-25``, both days included. ``key``: id of the API key that this person works with.
    ``channels`` are shown to an admin only. ``most_open``: open tickets before the next in line gets them.
    """

    name: str | None = None
    posts: list[str] | str | None = None
    authority: list[str] | str | None = None
    deputies: list[str] | str | None = None
    superior: str | None = None
    absent: list[str] | str | None = None
    key: str | None = None
    most_open: int | str | None = None
    channels: dict[Literal["phone", "email", "dingtalk", "wecom", "feishu"], str] | None = None


class Organisation(Answer):
    """``triage`` is the department of what no other is answerable for. Units, departments and people by id.

    ``workspace`` is given as in other bodies, and never answered.
    """

    workspace: str | None = None
    version: int = 0
    time_zone: str | None = None
    calendar: str | None = None
    hours: str | dict[str, str] | None = None
    triage: str | None = None
    most_open: int | str | None = None
    units: dict[str, OrganisationUnit | None] | None = None
    departments: dict[str, dict[Literal["zh-CN", "en"], str] | str | None] | None = None
    people: dict[str, OrganisationPerson | None] | None = None


class OrganisationTally(Answer):
    """``pairs`` of a unit and a topic were looked at; ``proved`` of them have exactly one owner."""

    pairs: int
    proved: int
    errors: int
    warnings: int


class OrganisationTaken(OrganisationTally):
    version: int
    units: int
    departments: int
    people: int


class OrganisationFinding(Answer):
    """``unit`` is ``*`` for voices that name no unit. ``topics`` are those that it concerns."""

    code: Literal[
        "unit_cycle",
        "unknown_parent",
        "unknown_unit",
        "unknown_person",
        "unknown_department",
        "no_triage",
        "gap",
        "double",
        "superior_loop",
        "unstaffed",
        "no_channel",
        "deputy_loop",
        "absence_uncovered",
    ]
    level: Literal["error", "warning"]
    unit: str | None
    department: str | None
    person: str | None
    topics: list[str]
    line: int | None
    text: InTwoLanguages


class OrganisationChecked(OrganisationTally):
    """``sound``: there is no error. The first 500 findings are listed, errors first."""

    sound: bool
    findings: list[OrganisationFinding]


class OwnerStep(Answer):
    from_: str = Field(alias="from")
    to: str
    reason: Literal[
        "topic",
        "asked",
        "triage",
        "unstaffed",
        "unknown_unit",
        "nobody",
        "nowhere",
        "away",
        "absent",
        "holds",
        "first",
        "deputy",
        "full",
        "all_full",
        "kept",
    ]
    text: InTwoLanguages


class Owner(Answer):
    """``organisation`` is the version that says so. ``superior``: who is next in line above the owner."""

    organisation: int
    unit: str | None
    topic: str | None
    department: str | None
    at: str
    owner: str | None
    superior: str | None
    path: list[OwnerStep]


class OrganisationLine(Answer):
    version: int
    at: str
    by: str
    units: int
    people: int


class PublicHoliday(Answer):
    """``names``: language → name; ``en`` is always there."""

    date: str
    names: dict[Literal["zh-CN", "en"], str]


class Calendar(Answer):
    """``workdays``: days of the weekend on which people work (调休). ``weekend``: 1 is Monday, 7 is Sunday."""

    country: str
    year: int
    published: bool
    source: str
    weekend: list[int]
    holidays: list[PublicHoliday]
    workdays: list[str]
