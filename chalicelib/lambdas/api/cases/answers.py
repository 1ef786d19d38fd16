"""What the API answers about tickets and promises."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.lambdas.api.answers import Answer, InTwoLanguages, Page, Words
from chalicelib.lambdas.api.schemas import Severity, TicketState


class ReasonLine(Answer):
    rule: str
    version: int
    severity: Severity
    lapsed: bool


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


class Deadline(Answer):
    due_at: str
    provisional: bool
    unpublished: list[int]


class Ticket(Answer):
    """``parent``: the case that it is a part of, made for the department ``part``; null for a case of its own.
    ``parts``: the departments that the case was divided among, each with a ticket; empty where it was not.
    ``unopened``: those of them for which none could be opened, as its owner was told.
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
    unopened: list[str]
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
    """``handed``: from whom to whom the ticket went with this line; null where it stayed with them.

    ``why`` says a ``reason`` that is ours in both languages; null where it is a person's words, names or numbers.
    """

    version: int
    from_: TicketState | None = Field(alias="from")
    to: TicketState
    actor: str
    at: str
    reason: str | None
    why: InTwoLanguages | None
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
