"""What the API answers about contacting customers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chalicelib.lambdas.api.answers import Answer, InTwoLanguages
from chalicelib.lambdas.api.contact.schemas import ContactChannel, FollowupState, OptOutChannel, Purpose


class Trait(Answer):
    """Customers of whom an attribute has one of the values; ``others``: all but them."""

    attribute: str
    values: list[str]
    others: bool


class Cap(Answer):
    name: str
    most: int
    days: int
    purposes: list[Purpose]
    channels: list[ContactChannel]
    reserved: int
    who: Trait | None


class QuietOfCustomers(Answer):
    from_: str = Field(alias="from")
    to: str
    time_zone: str | None
    purposes: list[Purpose]


class Consent(Answer):
    attribute: str
    values: list[str]


class ContactRules(Answer):
    """``version`` 0 is what is shipped."""

    workspace: str
    version: int
    caps: list[Cap]
    quiet: QuietOfCustomers | None
    open_case: list[Purpose]
    recent_complaint: list[Purpose]
    complaint_days: int
    priority: list[Purpose]
    consent: Consent | None
    followup_department: str
    followup_channel: ContactChannel | None


class RuleVerdict(Answer):
    """``next_at``: when this rule would let pass; null where it does, or where time alone does not help."""

    rule: str
    passed: bool
    code: Literal[
        "known",
        "unknown_customer",
        "not_opted_out",
        "opted_out",
        "no_case",
        "case_open",
        "no_complaint",
        "recent_complaint",
        "not_quiet",
        "quiet_hours",
        "exempt",
        "room",
        "cap_reached",
        "reserved",
    ]
    text: InTwoLanguages
    given: dict[str, Any]
    next_at: str | None


class ContactAnswer(Answer):
    """``next_at``: the first moment at which all rules let pass as things stand; null where time alone does not help.

    ``policy`` is the version that says so. ``customers``: keys under which the person is known.
    """

    workspace: str
    customers: list[str]
    purpose: Purpose
    channel: ContactChannel | None
    allowed: bool
    next_at: str | None
    policy: int
    rules: list[RuleVerdict]


class ContactClaimed(ContactAnswer):
    """``allowed``: the slot is yours. ``again``: it was taken before under the same claim."""

    claim: str
    again: bool


class ContactReleased(Answer):
    """``released``: false where no such slot was taken, or it was given back before."""

    claim: str
    released: bool


class SkipLine(Answer):
    """A contact that was refused; ``reasons`` are codes of the rules, or of who asked."""

    at: str
    claim: str
    customer: str | None
    purpose: Purpose
    channel: ContactChannel | None
    reasons: list[str]
    next_at: str | None


class OptOutHeard(Answer):
    """``opted_out``: the message says so, and it holds from now on."""

    opted_out: bool
    channel: ContactChannel
    customers: list[str]


class OptOutLine(Answer):
    """``how``: ``message``, or the id of the key of who answers for it."""

    channel: OptOutChannel
    out: bool
    at: str
    how: str


class OptOuts(Answer):
    customers: list[str]
    channels: list[OptOutLine]


class FollowupLine(Answer):
    """``reasons``: rules that asked for it, or codes of what suppressed it; then ``next_at`` is when nothing would have
    stood in the way.
    """

    id: str
    workspace: str
    feedback: str
    state: FollowupState
    at: str
    customer: str | None
    unit: str | None
    department: str | None
    owner: str | None
    reasons: list[str]
    next_at: str | None
    closed_by: str | None
    closed_at: str | None
    note: str | None
