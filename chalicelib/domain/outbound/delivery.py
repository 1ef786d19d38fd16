"""One event on its way to one endpoint: its identity, its states, when it is tried again, and who gets it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Final

from chalicelib.domain.contact.masks import mask
from chalicelib.domain.ids import digest
from chalicelib.domain.reports.briefing import EVENT as DIGEST
from chalicelib.domain.reports.loop import EVENT as WEEK
from chalicelib.domain.vocabulary import TROUBLE_EVENTS, severity_rank
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR
from chalicelib.domain.workspaces.directory import Endpoint

# Waits between attempts, seconds. What stops somebody must be known sooner, so a red line starts closer together.
SCHEDULE: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
RED_LINE_SCHEDULE: Final = (1, 5, 30, *SCHEDULE[1:])
JITTER: Final = 0.2  # ± this part of a wait
LONGEST_HINT: Final = 3_600  # seconds a Retry-After may ask for where twice the step is less
FAILING_FOR: Final = timedelta(days=5)  # without one success: the endpoint is disabled
KEPT: Final = timedelta(days=90)
ATTEMPT_KEPT: Final = timedelta(days=30)
MAX_ANSWER: Final = 500  # characters of an answer that are kept

ENDED: Final = frozenset({"delivered", "failed", "uncertain", "cancelled"})  # nothing waits behind these
REPLAYED_UNCERTAIN: Final = "replayed_uncertain"  # a person has looked, and wants it sent although it may have arrived
CODE: Final = "{code}"
ENDPOINT_PAUSED: Final = "endpoint_paused"
ENDPOINT_DISABLED: Final = "endpoint_disabled"
# Our own trouble or our operator's: no reason to call the target broken.
SMS_BUDGET_SPENT: Final = "sms_budget_spent"
NOT_THE_TARGETS_FAULT: Final = frozenset({"dns", SMS_BUDGET_SPENT})

# Two events may tell of one version of a ticket; the second kind is marked, or it would pass for the first.
_SECOND_TELLING: Final = {"ticket.verified": "v", "ticket.escalated": "e", "verification.asked": "q"}
_ID: Final = re.compile(
    r"dl-(?P<subject>[A-Za-z0-9_-]+)-(?P<endpoint>[A-Za-z0-9_]+)-(?P<sequence>[0-9]{1,12})(?P<mark>[a-z]?)"
)
_SUBJECT: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """``version`` grows with every change of the plan, so that a message of an older plan is known and dropped."""

    workspace: str
    id: str
    endpoint: str
    subject: str  # ticket, alert or feedback id
    sequence: int  # grows per subject, may skip
    mark: str  # tells apart two events of one sequence number
    event_type: str
    state: str  # vocabulary.DELIVERY_STATES
    created_at: datetime
    updated_at: datetime
    occurred_at: str = ""  # of the event, RFC 3339
    detail: Mapping[str, Any] = field(default_factory=dict)  # the thin bus event
    code: str = ""  # why it is where it is
    attempts: int = 0
    base: int = 0  # attempts at its last start: where the schedule begins
    version: int = 1
    next_at: datetime | None = None
    lease_until: datetime | None = None
    lagging: bool = False  # listed among what its endpoint has not taken

    @property
    def order(self) -> tuple[int, str]:
        """Place among the deliveries of one subject to one endpoint."""
        return self.sequence, self.mark

    def behind(self, others: Iterable[Delivery]) -> bool:
        """Whether one before it has not ended."""
        return any(other.order < self.order and other.state not in ENDED for other in others)


@dataclass(frozen=True, slots=True)
class CallMade:
    """One of several calls of an attempt, and what it came to."""

    step: str  # token | find | create | update
    code: str
    duration_ms: int
    status: int | None = None  # None: no answer


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call and its answer, as far as it may be kept; several ``calls`` where one does not do it."""

    number: int
    at: datetime
    code: str
    duration_ms: int
    status: int | None = None  # None: no answer
    answer: str = field(default="", repr=False)
    ambiguous: bool = False  # sent, and no clear answer: the target may have taken it
    calls: tuple[CallMade, ...] = ()  # of a system of record; the attempt's own answer is that of the last


def subject_of(detail: Mapping[str, Any]) -> str:
    """What an event is about: its ticket, alert or feedback; else, as for trouble on the way out, the event itself."""
    own = detail.get("type") in TROUBLE_EVENTS
    for name in ("id",) if own else ("ticket_id", "issue_id", "alert_id", "feedback_id", "id"):
        value = detail.get(name)
        if isinstance(value, str) and value:
            return value if _SUBJECT.fullmatch(value) else digest("subject", value)
    return digest("subject", json.dumps(dict(detail), sort_keys=True))


def sequence_of(detail: Mapping[str, Any]) -> int:
    """The event's number among those of its subject."""
    if isinstance(detail.get("sequence"), int):
        return int(detail["sequence"])
    if "revision" in detail:  # a feedback: readings count within a revision
        return int(detail["revision"]) * 1_000 + int(detail.get("reading", 1))
    return 1


def mark_of(event_type: str) -> str:
    return _SECOND_TELLING.get(event_type, "")


def delivery_id(subject: str, endpoint: str, sequence: int, mark: str = "") -> str:
    """The idempotency key of a delivery. Without dots: Standard Webhooks signs ``id.timestamp.body``."""
    return f"dl-{subject}-{endpoint}-{sequence}{mark}"


def parse_id(identity: str) -> tuple[str, str, int, str] | None:
    """Subject, endpoint, sequence and mark; None for what is no delivery id."""
    found = _ID.fullmatch(identity)
    if found is None:
        return None
    return found["subject"], found["endpoint"], int(found["sequence"]), found["mark"]


def wants(endpoint: Endpoint, event_type: str, detail: Mapping[str, Any]) -> bool:
    """Whether an endpoint asked for this event. While it is paused or disabled, what it asked for is held.

    Nobody is told of trouble with itself: what does not get through would be about what does not get through.
    """
    if event_type == DIGEST:  # the subscription is what asks for it
        return bool(detail["endpoint_id"] == endpoint.id)
    if (
        event_type not in endpoint.events
        or is_for_codes(endpoint.settings)
        or (event_type in TROUBLE_EVENTS and detail["endpoint_id"] == endpoint.id)
    ):
        return False
    sieve = endpoint.settings.get("filter") or {}
    if event_type == WEEK:  # a whole: of all units, or of each that the endpoint is about
        return detail.get("unit") in asked_weeks(endpoint)
    departments = set(sieve.get("departments") or ())
    if event_type.startswith("ticket.") and not _takes_part(endpoint, detail):
        return False
    if not covers(endpoint, detail.get("unit")) or (
        departments and departments.isdisjoint(detail.get("departments") or ())
    ):
        return False
    least = sieve.get("min_severity")
    return least is None or severity_rank(str(detail.get("severity") or "low")) >= severity_rank(least)


def asked_weeks(endpoint: Endpoint) -> tuple[str | None, ...]:
    """Of which units an endpoint is told the week, None for all of them together."""
    if WEEK not in endpoint.events:
        return ()
    return tuple((endpoint.settings.get("filter") or {}).get("units") or (None,))


def is_for_codes(settings: Mapping[str, Any]) -> bool:
    """Whether an SMS endpoint sends personal codes, and nothing else: ``{code}`` stands in one of its variables.

    Some vendors' templates name their variables, others number them.
    """
    variables = settings.get("variables") or ()
    return any(CODE in str(one) for one in (variables.values() if isinstance(variables, Mapping) else variables))


def covers(endpoint: Endpoint, unit: object) -> bool:
    """Whether an endpoint is told of what happens at a unit."""
    units = (endpoint.settings.get("filter") or {}).get("units")
    return not units or any(_inside(unit, one) for one in units)


def _takes_part(endpoint: Endpoint, detail: Mapping[str, Any]) -> bool:
    """Of a case that was divided either the whole goes to an endpoint or the departments' parts of it, never both."""
    split = endpoint.settings.get("split")
    if split is None:
        split = "departments" if (endpoint.settings.get("filter") or {}).get("departments") else "case"
    return not detail.get("parts" if split == "departments" else "parent")


def _inside(unit: object, root: str) -> bool:
    return isinstance(unit, str) and (unit == root or unit.startswith(root + UNIT_SEPARATOR))


def counted(delivery: Delivery) -> Delivery:
    """The delivery with one more attempt made."""
    return replace(delivery, attempts=delivery.attempts + 1)


def schedule_of(detail: Mapping[str, Any]) -> tuple[int, ...]:
    """The waits of a delivery, by what it is about."""
    return RED_LINE_SCHEDULE if detail.get("red_line") or detail.get("severity") == "critical" else SCHEDULE


def is_spent(delivery: Delivery) -> bool:
    """Whether every attempt of its schedule was begun."""
    return delivery.attempts - delivery.base > len(schedule_of(delivery.detail))


def next_wait(schedule: tuple[int, ...], tries: int, *, luck: float, hint: float | None = None) -> float | None:
    """Seconds until the next attempt after ``tries`` failed ones; None after the last.

    ``luck`` in 0…1 spreads the wait over ±20 %. With a ``hint`` (Retry-After) it is never shorter than the step nor
    than what was asked for, up to twice the step or ten hours: a target may ask for patience, not for ever.
    """
    if tries > len(schedule):
        return None
    step = float(schedule[tries - 1])
    spread = step * (1 + JITTER * (2 * luck - 1))
    if hint is None:
        return spread
    return max(spread, step, min(hint, max(2 * step, LONGEST_HINT)))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After asks for: a number or a date in the future. None for anything else."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,12}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    wait = (moment - now).total_seconds()
    return wait if wait > 0 else None


def has_failed_too_long(failing_since: str | None, now: datetime) -> bool:
    """Five days without one success."""
    return failing_since is not None and now - datetime.fromisoformat(failing_since) >= FAILING_FOR


def customer_view(policy: str, reference: str | None, contact: Mapping[str, str] | None) -> dict[str, str]:
    """What of a customer may leave. ``reference`` is the id, or its HMAC when it is contact data itself."""
    view = {"id": reference} if reference else {}
    if policy == "none" or not contact:
        return view
    return {**(mask(contact) if policy == "masked" else contact), **view}


# --- answers ----------------------------------------------------------------------------------------------------

# Of a JSON answer these fields say why; the rest may repeat what we sent.
_TELLING_FIELDS: Final = frozenset(
    {"code", "errcode", "errmsg", "msg", "message", "error", "status", "statuscode", "statusmessage", "ok", "success",
     "title", "type", "wait", "punish", "request_id", "requestid"}
)  # fmt: skip
_EMAIL: Final = re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+")
_LONG_NUMBER: Final = re.compile(r"\d{7,}")
_TOKEN: Final = re.compile(r"(?=[A-Za-z0-9_+/=-]*\d)[A-Za-z0-9_+/=-]{16,}")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_FIELD: Final = 120  # characters of one field
_QUOTE: Final = 6  # characters in a row that two texts share by no chance
_ASCII_QUOTE: Final = 16  # idem, of words that are spelled with letters


def keep_of_answer(body: bytes, words: Iterable[str] = ()) -> str:
    """At most 500 characters of an answer that help to mend a failure and tell nothing of anybody.

    ``words`` are what must not come back: the customer's texts and our credentials.
    """
    text = body[: 8 * MAX_ANSWER].decode("utf-8", "replace")
    telling = sorted(filter(_tells, words), key=len, reverse=True)
    for word in telling:
        text = text.replace(word, "***").replace(json.dumps(word)[1:-1], "***")
    kept = _unquoted(_telling(text), telling)
    for pattern in (_URL, _EMAIL, _LONG_NUMBER, _TOKEN):
        kept = pattern.sub("***", kept)
    return "".join(char if char.isprintable() else " " for char in kept)[:MAX_ANSWER]


def _tells(word: str) -> bool:
    """Whether a word is long enough to tell something: a Chinese name has two characters."""
    return len(word) >= (4 if word.isascii() else 2)


def _unquoted(text: str, words: Iterable[str]) -> str:
    """The text without what it quotes of ``words``: an answer cuts them short, or begins in their middle."""
    hidden = bytearray(len(text))
    for length, ascii_only in ((_QUOTE, False), (_ASCII_QUOTE, True)):
        quotes = {word[at : at + length] for word in words for at in range(len(word) - length + 1)}
        for at in range(len(text) - length + 1):
            part = text[at : at + length]
            if part in quotes and part.isascii() == ascii_only:
                hidden[at : at + length] = b"\1" * length
    return re.sub("\0+", "***", "".join("\0" if hide else char for char, hide in zip(text, hidden, strict=True)))


def _telling(text: str) -> str:
    """The telling fields of a JSON object, or the beginning of any other text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text[:_FIELD]
    if not isinstance(value, dict):
        return text[:_FIELD]
    telling = {
        name: entry[:_FIELD] if isinstance(entry, str) else entry
        for name, entry in value.items()
        if name.lower() in _TELLING_FIELDS and isinstance(entry, (str, int, float, bool, type(None)))
    }
    return json.dumps(telling, ensure_ascii=False)
