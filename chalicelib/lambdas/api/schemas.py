"""What the management API takes: bodies and queries as Pydantic models. Loaded by the views that need them.

Shapes and bounds only; what a rule, a mapping or an address means is checked by the domain.
Unknown fields are refused everywhere: a misspelt setting that is ignored is a setting that is not there.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Annotated, Any, Final, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.domain.cases.graph import HEAVIEST, MOST_CAUSES, MOST_OF_TOPIC, MOST_TERMS, Cause, Causes, Weighed
from chalicelib.domain.cases.sla import MOST_MINUTES, MOT_MARK, Policy, QuietHours
from chalicelib.domain.cases.verification import MOST_CHANGE, MOST_WAIT
from chalicelib.domain.contact.masks import is_contact
from chalicelib.domain.inbound.upload import MAX_BYTES
from chalicelib.domain.reading.dry_run import MOST_DAYS as MOST_DRY_DAYS
from chalicelib.domain.reading.frame_state import LONGEST_OVERLAY, MOST_PACKS
from chalicelib.domain.time.moments import EARLIEST, rfc3339
from chalicelib.domain.workspaces.access import UNIT_ROLES
from chalicelib.domain.workspaces.limits import MAX_RULES
from chalicelib.domain.workspaces.organisation import MOST_VERSIONS
from chalicelib.domain.workspaces.rules import MAX_COOLDOWN_S

MOST_ITEMS: Final = 100  # on one page of a list
LATEST: Final = datetime(2100, 1, 1, tzinfo=timezone.utc)

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _printable(text: str) -> str:
    if _CONTROLS.search(text):
        raise ValueError("Control characters are not allowed.")
    return text


def _no_contact(text: str) -> str:
    """Whoever has a ticket stands in its events, which go to other systems."""
    if is_contact(text):
        raise ValueError("A name or an id is needed, not a number or an address.")
    return text


def _https(text: str) -> str:
    """A link that a person may follow: nothing that a browser would run, and no password in it."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        fits = False
    if not fits or re.search(r"\s", _printable(text)):
        raise ValueError("An https address without a user is needed.")
    return text


def _moment(value: object) -> datetime:
    """RFC 3339 with a zone, or a date, which means its first moment in UTC."""
    if not isinstance(value, str):
        raise ValueError("A time is text.")  # noqa: TRY004 - Pydantic reports ValueError only
    try:
        moment = rfc3339(f"{value}T00:00:00Z" if _DATE.fullmatch(value) else value)
    except ValueError:
        raise ValueError("An RFC 3339 time with a zone, or a date, is needed.") from None
    if not EARLIEST <= moment < LATEST:
        raise ValueError("The time is out of range.")
    return moment


def _whole(value: object) -> int:
    """A page size as it stands in a query: digits only."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,3}", value):
        raise ValueError("A whole number is needed.")
    return int(value)


def _number(value: object) -> int:
    """A version as it stands in a query: digits only."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,8}", value):
        raise ValueError("A whole number is needed.")
    return int(value)


def _decimal(value: object) -> float:
    """A number of minutes as it stands in a query."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", value):
        raise ValueError("A number is needed.")
    return float(value)


def _minute(clock: str) -> int:
    """Minutes since midnight of ``22:00``."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("A value is named twice.")
    return values


# In Pydantic's patterns (Rust) a dollar sign is the very end of the text, with no line break after it.
Workspace = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
Owner = Annotated[Name, AfterValidator(_no_contact)]
Unit = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
Note = Annotated[str, StringConstraints(max_length=2000)]
Secret = Annotated[str, StringConstraints(pattern=r"^[!-~]{8,256}$")]
Link = Annotated[str, StringConstraints(min_length=1, max_length=2048), AfterValidator(_https)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
Identity = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]{1,100}$")]
GraphTopic = Annotated[str, StringConstraints(pattern=r"^(red_line:)?[a-z0-9_.-]{1,100}$")]
CauseName = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$", max_length=60), AfterValidator(_printable)]
RuleName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Settings = Annotated[dict[Word, Any], Field(max_length=100)]
Credentials = Annotated[dict[Word, Annotated[str, StringConstraints(max_length=4096)] | None], Field(max_length=20)]
Severity = Literal["low", "medium", "high", "critical"]
Role = Literal["admin", "analyst", "region", "store", "integration"]
Channel = Literal["survey", "review", "hotline", "chat", "social", "store_qr", "badge", "email", "app"]
ScoreKind = Literal["nps", "csat", "ces", "rating"]
Intent = Literal["complaint", "praise", "suggestion", "question", "churn_threat", "thanks"]
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
    "recommendation.suggested",
    "loop.week",
    "digest.ready",
    "delivery.failed",
    "endpoint.disabled",
]
TicketState = Literal[
    "triage",
    "open",
    "accepted",
    "in_progress",
    "waiting_customer",
    "resolved",
    "verifying",
    "closed",
    "reopened",
    "merged",
    "rejected",
]
FeedbackState = Literal["parked", "new", "answered", "ticketed", "linked", "closed"]
DeliveryState = Literal["waiting", "sending", "delivered", "held", "uncertain", "failed", "cancelled"]
Limit = Annotated[
    int,
    Field(ge=1, le=MOST_ITEMS),
    BeforeValidator(_whole, json_schema_input_type=Annotated[int, Field(ge=1, le=MOST_ITEMS)]),
]
Version = Annotated[int, BeforeValidator(_number, json_schema_input_type=Annotated[int, Field(ge=0, le=MOST_VERSIONS)])]
Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]


Minutes = Annotated[float, Field(gt=0, le=MOST_MINUTES)]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class _Span(Protocol):
    @property
    def since(self) -> datetime | None: ...

    @property
    def until(self) -> datetime | None: ...


AnySpan = TypeVar("AnySpan", bound=_Span)


class Body(BaseModel):
    """A JSON object. ``workspace`` is the key's own unless an operator names another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    workspace: Workspace | None = None


class Nothing(Body):
    """A call that needs no body."""


class NewSecret(Body):
    """``secret`` is made up when none is given, unless the platform is the one that makes it."""

    secret: Secret | None = Field(default=None, repr=False)


class ConnectionNew(Body):
    """``secret`` is made up when the platform signs and none is given. Where the platform makes it (``secret_from`` of
    GET /v1/sources/{source}), it is needed, or given later to ``rotate`` by those that show it late.

    What ``settings`` and ``credentials`` may hold is told by GET /v1/sources/{source}.
    """

    name: Name
    source: Word
    secret: Secret | None = Field(default=None, repr=False)
    mapping: dict[str, Any] = Field(default_factory=dict)
    settings: Settings = Field(default_factory=dict)
    credentials: Credentials = Field(default_factory=dict, repr=False)


class ConnectionChange(Body):
    """Of ``settings`` the given names are replaced, null takes one back. ``credentials`` are given as a whole: those
    that there were are gone.
    """

    name: Name | None = None
    state: Literal["active", "paused"] | None = None
    mapping: dict[str, Any] | None = None
    settings: Settings | None = None
    credentials: Credentials | None = Field(default=None, repr=False)


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


class UploadNew(Body):
    """``bytes``: the size of the file, to which the URL is bound; left out, any size that is allowed."""

    filename: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
    bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)] | None = None


class EndpointNew(Body):
    """The URL is a credential: it is checked, kept and never shown again but for its host."""

    name: Name
    connector: Word
    url: Url = Field(repr=False)
    secret: Secret | None = Field(default=None, repr=False)
    events: Annotated[list[EventType], AfterValidator(_unique)] = Field(min_length=1)
    settings: EndpointSettings = EndpointSettings()
    credentials: Credentials = Field(default_factory=dict, repr=False)


class EndpointChange(Body):
    """Of ``settings`` and ``credentials`` the given names are replaced, null takes one back, the others stay."""

    name: Name | None = None
    state: Literal["active", "paused"] | None = None
    url: Url | None = Field(default=None, repr=False)
    secret: Secret | None = Field(default=None, repr=False)
    events: Annotated[list[EventType], AfterValidator(_unique)] | None = Field(default=None, min_length=1)
    settings: EndpointSettings | None = None
    credentials: Credentials | None = Field(default=None, repr=False)


class RuleBody(Body):
    when: dict[str, Any]
    then: Annotated[list[Literal["ticket", "alert", "followup"]], AfterValidator(_unique)] = Field(min_length=1)
    severity: Severity = "medium"
    department: Name | None = None
    cooldown_s: int | None = Field(default=None, ge=1, le=MAX_COOLDOWN_S)
    enabled: bool = True


class NamedRule(RuleBody):
    name: RuleName


class SubscriptionNew(Body):
    severity: Severity
    protocol: Literal["email", "sms"]
    address: Annotated[str, StringConstraints(max_length=254)] = Field(repr=False)


class KeyNew(Body):
    role: Role
    unit: Unit | None = None

    @model_validator(mode="after")
    def _unit_fits(self) -> KeyNew:
        if (self.unit is not None) != (self.role in UNIT_ROLES):
            raise ValueError("The roles region and store need a unit, the others have none.")
        return self


class Transition(Body):
    """``version`` is the ticket's version that the caller saw: somebody else's change is not overwritten. ``reason`` is
    needed to reject, to reopen and to give back.
    """

    to: Annotated[str, StringConstraints(max_length=32)]
    version: int = Field(ge=1, le=2**31)
    reason: Note | None = None
    root_cause: Note | None = None
    action: Note | None = None
    cause: Word | None = None


class CustomerUpdate(Body):
    """``version`` as for a move."""

    version: int = Field(ge=1, le=2**31)
    reason: Note | None = None


class Promises(BaseModel):
    """Minutes of the unit's opening time; what is left out is not promised."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    first_response: Minutes | None = None
    next_update: Minutes | None = None
    resolution: Minutes | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Promises:
        if self.first_response is not None and self.resolution is not None and self.first_response > self.resolution:
            raise ValueError("A case is answered before it is resolved.")
        return self

    def targets(self) -> dict[str, float]:
        return self.model_dump(exclude_none=True, include={"first_response", "next_update", "resolution"})


class SeverityPromises(Promises):
    """``mot``: at a moment of truth, where nothing may take longer."""

    mot: Promises | None = None

    @model_validator(mode="after")
    def _stricter(self) -> SeverityPromises:
        strict, plain = self.mot.targets() if self.mot else {}, self.targets()
        if any(minutes > plain.get(name, minutes) for name, minutes in strict.items()):
            raise ValueError("At a moment of truth nothing takes longer than elsewhere.")
        return self


class Quiet(BaseModel):
    """When nobody is told of reminders and breaches, by the unit's clock. ``critical``: of critical cases neither."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    from_: ClockTime = Field(alias="from")
    to: ClockTime
    critical: bool = False

    @model_validator(mode="after")
    def _lasts(self) -> Quiet:
        if self.from_ == self.to:
            raise ValueError("Quiet hours end at another time than they begin.")
        return self


class Sla(Body):
    """``version`` is the one that this replaces. ``reminder``: the share of a promise after which its owner is told.

    ``touchpoints`` are the moments of truth.
    """

    version: int = Field(ge=0, le=2**31)
    reminder: float = Field(default=0.8, gt=0, lt=1)
    touchpoints: Annotated[list[Name], AfterValidator(_unique)] = Field(default_factory=list, max_length=100)
    severities: dict[Severity, SeverityPromises]
    quiet: Quiet | None = None

    def policy(self) -> Policy:
        """What the domain makes of it."""
        rows: dict[str, dict[str, float]] = {name: one.targets() for name, one in self.severities.items()}
        rows |= {name + MOT_MARK: one.mot.targets() for name, one in self.severities.items() if one.mot}
        hours = self.quiet
        quiet = QuietHours(_minute(hours.from_), _minute(hours.to), hours.critical) if hours else None
        return Policy(self.version, rows, tuple(self.touchpoints), self.reminder, quiet)


class Claim(Body):
    """``owner``: who takes it, by id; by any name where there is no organisation. ``version`` as for a move."""

    version: int = Field(ge=1, le=2**31)
    owner: Owner | None = None


class CodeNew(Body):
    """``person``: whose code it is, by id or name; left out, the ticket's owner."""

    person: Owner | None = None


class Reassignment(Body):
    """Another department, another person, or both. Left out, ``owner`` stays only where the department does."""

    version: int = Field(ge=1, le=2**31)
    department: Owner | None = None
    owner: Owner | None = None
    reason: Note

    @model_validator(mode="after")
    def _names_somebody(self) -> Reassignment:
        if self.department is None and self.owner is None:
            raise ValueError("A department or an owner is needed.")
        return self


class LateResolution(Body):
    version: int = Field(ge=1, le=2**31)
    root_cause: Note | None = None
    action: Note | None = None
    cause: Word | None = None


class OwnCause(BaseModel):
    """Why something goes wrong, who can change it, and other words for the same. ``names``: in both languages."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    id: Word
    names: Annotated[dict[Literal["zh-CN", "en"], CauseName], Field(min_length=2)]
    department: Name
    terms: Annotated[list[CauseName], Field(max_length=MOST_TERMS)] = []


class OwnWeight(BaseModel):
    """A cause of a topic and how likely it is among the others, by experience."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    cause: Word
    weight: int = Field(ge=1, le=HEAVIEST)


class OwnCauses(Body):
    """``version``: the one that this replaces, 0 for the first. A topic's list takes the place of its packs' list."""

    version: int = Field(ge=0, le=MOST_VERSIONS)
    causes: Annotated[list[OwnCause], Field(max_length=MOST_CAUSES)] = []
    topics: Annotated[
        dict[GraphTopic, Annotated[list[OwnWeight], Field(min_length=1, max_length=MOST_OF_TOPIC)]],
        Field(max_length=MOST_CAUSES),
    ] = {}

    @model_validator(mode="after")
    def _once(self) -> OwnCauses:
        _unique([one.id for one in self.causes])
        for listed in self.topics.values():
            _unique([one.cause for one in listed])
        return self

    def own(self) -> Causes:
        """What the domain makes of it."""
        by_id = {
            one.id: Cause(one.id, {str(lang): said for lang, said in one.names.items()}, one.department, (*one.terms,))
            for one in self.causes
        }
        lists = {topic: tuple(Weighed(one.cause, one.weight) for one in found) for topic, found in self.topics.items()}
        return Causes(by_id, lists)


class CustomerAnswer(Body):
    """``note``: what else the customer said; kept for colleagues, redacted."""

    answer: Literal["solved", "not_solved"]
    note: Note | None = Field(default=None, repr=False)


class Question(BaseModel):
    """Yes or no; yes means that it is solved."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    zh: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(alias="zh-CN")
    en: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class VerificationRules(Body):
    """``question`` is asked where there is no playbook; left out, ours."""

    version: int = Field(ge=0, le=2**31)
    enabled: bool = True
    wait_days: int = Field(default=3, ge=1, le=MOST_WAIT)
    change_days: int = Field(default=7, ge=0, le=MOST_CHANGE)
    question: Question | None = None


class NoteNew(Body):
    """``attachments``: https links to files that stay where they are."""

    text: Note = Field(default="", repr=False)
    attachments: list[Link] = Field(default_factory=list, max_length=20, repr=False)


class LinkNew(Body):
    """``duplicate``: the ticket of the path tells once more what ``ticket`` tells."""

    ticket: Identity
    kind: Literal["duplicate", "related"]


class DuplicateNew(Body):
    """The ticket of the path tells once more what the ticket ``of`` tells. ``version`` as for a move."""

    of: Identity
    version: int = Field(ge=1, le=2**31)
    reason: Note


class DuplicateUndo(Body):
    """``version`` as for a move."""

    version: int = Field(ge=1, le=2**31)
    reason: Note


class AuditVerdict(Body):
    verdict: Literal["passed", "failed"]
    note: Note | None = None


class CloseReason(Body):
    reason: Note


class AnswerGiven(Body):
    """``reason``: how the customer was answered, and with what."""

    reason: Note


class ContactReason(Body):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class Replay(Body):
    """Do ``since`` ≤ time < ``until`` again; what was done is not done twice. ``cursor`` goes on where a call ended."""

    since: Moment
    until: Moment
    what: Literal["events", "deliveries", "parked"]
    cursor: str | None = Field(default=None, min_length=1, max_length=1100)

    @model_validator(mode="after")
    def _in_order(self) -> Replay:
        return _ordered(self)


class Mark(BaseModel):
    """One tag: the words ``start``:``end`` of ``texts[text].text``, in code points, and what they speak about."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    topic: Topic
    polarity: Literal["negative", "neutral", "positive"]
    text: int = Field(default=0, ge=0, le=1000)
    start: int = Field(ge=0, le=1_000_000)
    end: int = Field(ge=1, le=1_000_000)


class Correction(Body):
    """``revision`` and ``reading`` are what the person saw; ``tags`` is the whole right list.

    Red lines and intents stay as they were unless they are given.
    """

    revision: int = Field(ge=1, le=2**53)
    reading: int = Field(ge=1, le=2**31)
    tags: list[Mark] = Field(max_length=50)
    red_lines: Annotated[list[Word], AfterValidator(_unique)] | None = Field(default=None, max_length=20)
    intents: Annotated[list[Intent], AfterValidator(_unique)] | None = None
    note: Note | None = Field(default=None, repr=False)


class Verdict(Body):
    """``right``: the tags are right as they are. Name revision and reading to be sure to mean the ones you saw."""

    verdict: Literal["right"]
    revision: int | None = Field(default=None, ge=1, le=2**53)
    reading: int | None = Field(default=None, ge=1, le=2**31)
    note: Note | None = Field(default=None, repr=False)


class TriedText(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    text: str = Field(repr=False)
    question: str | None = Field(default=None, repr=False)
    speaker: Literal["customer", "staff"] | None = None


class TriedScore(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    kind: Literal["nps", "csat", "ces", "rating"]
    value: int | float
    scale: list[int | float] | None = Field(default=None, min_length=2, max_length=2)
    polarity: Literal["higher", "lower"] | None = None


class Try(Body):
    """A voice that is read and decided but not kept. ``text`` is short for one customer's text.

    ``proposal``: by the frame that it proposes rather than the one in force.
    """

    text: str | None = Field(default=None, repr=False)
    texts: list[TriedText] | None = Field(default=None, max_length=200)
    scores: list[TriedScore] | None = Field(default=None, max_length=50)
    unit: Unit | None = None
    touchpoint: Name | None = None
    channel: Channel | None = None
    lang: Name | None = None
    proposal: Identity | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Try:
        if (self.text is None) == (self.texts is None):
            raise ValueError("Either text or texts is needed.")
        return self

    def voice(self) -> dict[str, Any]:
        """The fields of a canonical body."""
        given = self.model_dump(exclude_none=True, exclude={"workspace", "proposal", "text"})
        return given if self.text is None else {**given, "texts": [{"text": self.text}]}


class ProposalNew(Body):
    """``overlay`` is YAML: left out, the one in force stays; empty, it goes. ``learn``: true learns from corrections,
    false drops what was learned, left out keeps it.
    """

    packs: Annotated[list[Word], AfterValidator(_unique)] = Field(min_length=1, max_length=MOST_PACKS)
    overlay: str | None = Field(default=None, max_length=LONGEST_OVERLAY, repr=False)
    learn: bool | None = None


class TriedRules(BaseModel):
    """``put``: rules as PUT /v1/rules takes them; ``delete``: own rules by name."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    put: Annotated[list[NamedRule], Field(max_length=MAX_RULES)] = []
    delete: Annotated[list[RuleName], AfterValidator(_unique), Field(max_length=MAX_RULES)] = []

    @model_validator(mode="after")
    def _once(self) -> TriedRules:
        _unique([*(one.name for one in self.put), *self.delete])
        return self


class TriedFrame(BaseModel):
    """``overlay`` is YAML, as in a proposal; left out, there is none."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    packs: Annotated[list[Word], AfterValidator(_unique)] = Field(min_length=1, max_length=MOST_PACKS)
    overlay: str = Field(default="", max_length=LONGEST_OVERLAY, repr=False)


class TriedEndpoint(BaseModel):
    """What another of its events, or another filter, would send to an endpoint; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    id: Identity
    events: Annotated[list[EventType], AfterValidator(_unique)] | None = Field(default=None, min_length=1)
    filter: EndpointFilter | None = None
    split: Literal["case", "departments"] | None = None


class DryRunChange(BaseModel):
    """One thing or several that would change together. ``sla``, ``causes`` and ``organisation`` are what their own
    routes take, whole; their ``version`` is not looked at. ``frame`` changes topics and playbooks.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    rules: TriedRules = TriedRules()
    sla: Sla | None = None
    causes: OwnCauses | None = None
    organisation: dict[str, Any] | None = Field(default=None, repr=False)
    frame: TriedFrame | None = None
    endpoints: Annotated[list[TriedEndpoint], Field(max_length=100)] = []

    @model_validator(mode="after")
    def _once(self) -> DryRunChange:
        _unique([one.id for one in self.endpoints])
        return self


class DryRunNew(Body):
    """``days``: how far back the voices go that are heard again."""

    days: int = Field(default=30, ge=1, le=MOST_DRY_DAYS)
    change: DryRunChange


class Query(BaseModel):
    """Query parameters arrive as text; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    workspace: Workspace | None = None


class ListQuery(Query):
    limit: Limit = 50
    cursor: str | None = Field(default=None, min_length=1, max_length=1024)


class FeedbackQuery(ListQuery):
    since: Moment | None = None
    until: Moment | None = None
    unit: Unit | None = None
    topic: Topic | None = None
    state: FeedbackState | None = None

    @model_validator(mode="after")
    def _in_order(self) -> FeedbackQuery:
        return _ordered(self)


class GuideQuery(Query):
    """``lang``: texts in this language alone; left out, each text is an object of all languages."""

    lang: Literal["zh-CN", "en"] | None = None


class OrganisationQuery(Query):
    """``version``: one that was in force before; left out, the one that is."""

    version: Version | None = None


class TableQuery(Query):
    """``version`` is the one that the table was taken from, 0 where there is none yet."""

    version: Version


class DeadlineQuery(Query):
    """``since`` is now where it is left out; ``minutes`` are minutes of the unit's opening time."""

    unit: Unit | None = None
    since: Moment | None = None
    minutes: Annotated[float, BeforeValidator(_decimal, json_schema_input_type=float), Field(ge=0, le=MOST_MINUTES)]


class GraphQuery(Query):
    """All topics that have causes where ``topic`` is left out. ``lang``: texts in this language alone."""

    topic: GraphTopic | None = None
    lang: Literal["zh-CN", "en"] | None = None


class OwnCausesQuery(Query):
    """``version``: an older one; the one in force where it is left out."""

    version: Annotated[int, BeforeValidator(_number), Field(ge=1, le=MOST_VERSIONS)] | None = None


class OwnerQuery(Query):
    """``at`` is now where it is left out. Of ``topic`` and ``department`` one at most."""

    unit: Unit | None = None
    topic: Topic | None = None
    department: Name | None = None
    at: Moment | None = None

    @model_validator(mode="after")
    def _about_one(self) -> OwnerQuery:
        if self.topic is not None and self.department is not None:
            raise ValueError("Either topic or department is asked for.")
        return self


class CorrectionQuery(ListQuery):
    since: Moment | None = None


class NeedsQuery(Query):
    """``kind`` is the score that is set against the topics; scales of one kind are not told apart."""

    since: Moment | None = None
    until: Moment | None = None
    unit: Unit | None = None
    channel: Channel | None = None
    kind: ScoreKind = "nps"

    @model_validator(mode="after")
    def _in_order(self) -> NeedsQuery:
        return _ordered(self)


class TicketQuery(ListQuery):
    """Parts of cases are listed where a department, an owner or their ``parent`` is asked for. ``incomplete``: only
    what was resolved without root cause or action.
    """

    state: TicketState | None = None
    owner: Name | None = None
    department: Name | None = None
    parent: Identity | None = None
    incomplete: Literal["true"] | None = None


class AuditQuery(ListQuery):
    """``month``: ``2026-11``, by UTC."""

    month: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]


class UnattendedQuery(ListQuery):
    since: Moment | None = None
    until: Moment | None = None
    unit: Unit | None = None

    @model_validator(mode="after")
    def _in_order(self) -> UnattendedQuery:
        return _ordered(self)


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
        return _ordered(self)


def _ordered(span: AnySpan) -> AnySpan:
    if span.since is not None and span.until is not None and span.since > span.until:
        raise ValueError("since is after until.")
    return span
