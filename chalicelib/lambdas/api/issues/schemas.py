"""What the API takes about issues and insights."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.lambdas.api.schemas import Body, Identity, Link, ListQuery, Name, Note, Owner, Topic, Unit

IssueLevel = Literal["L1", "L2", "L3"]
IssueState = Literal[
    "triage", "open", "accepted", "studying", "fixing", "fixed", "closed", "reopened", "declined", "merged"
]
Choice = Literal["act", "study", "decline"]
Process = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Title = Unit  # likewise one printable line of at most 200 characters
Words = Annotated[str, StringConstraints(max_length=4000)]
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: object) -> date:
    """A day as ``2026-11-21``."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError("A date is needed: 2026-11-21.")


Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=str)]


class Part(BaseModel):
    """What stands within a body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class IssueScope(Part):
    """Where the problem is; what is left out or null is everywhere. ``unit_kind`` as the organisation's units have
    it.
    """

    topics: Annotated[list[Topic], Field(max_length=50)] | None = None
    units: Annotated[list[Unit], Field(max_length=200)] | None = None
    unit_kind: Name | None = None
    touchpoints: Annotated[list[Name], Field(max_length=50)] | None = None
    first: Day | None = None
    last: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> IssueScope:
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ValueError("The last day is before the first.")
        return self


class IssueEvidence(Part):
    """Words, a link, or both."""

    text: Note | None = Field(default=None, repr=False)
    link: Link | None = Field(default=None, repr=False)


class IssueFacts(Body):
    """What is known of an issue. Null takes a fact back; ``evidence`` is added to what there is. ``process`` names what
    has to change: who accepts an L2 or L3 issue needs ``can_change:<process>``, and so does who names another one in
    the place of it. ``plan`` and ``analyst`` are those of an L2, ``executive`` answers for an L3.
    """

    title: Title | None = Field(default=None, repr=False)
    definition: Words | None = Field(default=None, repr=False)
    scope: IssueScope | None = None
    evidence: Annotated[list[IssueEvidence], Field(max_length=20)] | None = Field(default=None, repr=False)
    owner: Owner | None = None
    process: Process | None = None
    plan: Words | None = Field(default=None, repr=False)
    analyst: Owner | None = None
    executive: Owner | None = None
    departments: Annotated[list[Name], Field(max_length=20)] | None = None


class IssueNew(IssueFacts):
    title: Title = Field(repr=False)
    level: IssueLevel = "L1"


class IssueChange(IssueFacts):
    version: int


class IssueTransition(Body):
    to: IssueState
    version: int
    reason: Note | None = Field(default=None, repr=False)


class IssueLinks(Body):
    """Tickets, and voices that have none. Each becomes part of the issue; none can be part of two."""

    tickets: Annotated[list[Identity], Field(max_length=25)] = Field(default_factory=list)
    feedback: Annotated[list[Identity], Field(max_length=25)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _some(self) -> IssueLinks:
        if not self.tickets and not self.feedback:
            raise ValueError("A ticket or a feedback is needed.")
        return self


class IssueMerge(Body):
    """``version`` is that of the issue that becomes part of ``into``."""

    into: Identity
    version: int
    reason: Note | None = Field(default=None, repr=False)


class IssueSplit(Body):
    version: int
    reason: Note | None = Field(default=None, repr=False)


class IssuePromotion(Body):
    """``to``: any other level, a lower one too."""

    to: IssueLevel
    version: int
    reason: Note = Field(repr=False)


class IssueDecision(Body):
    """``act`` leads to fixing, ``study`` to studying, ``decline`` to declined."""

    decision: Choice
    version: int
    reason: Note = Field(repr=False)


class IssuePolicyBody(Body):
    """``version`` is the one that it replaces, 0 for the first. An L2 issue is made of ``count`` tickets of one topic
    and kind of unit within ``days``, of ``critical`` critical ones, or of one that was handed back ``bounces`` times.
    """

    version: Annotated[int, Field(ge=0)]
    count: Annotated[int, Field(ge=2, le=50)] = 5
    days: Annotated[int, Field(ge=1, le=90)] = 30
    bounces: Annotated[int, Field(ge=1, le=20)] = 3
    critical: Annotated[int, Field(ge=1, le=50)] = 2
    analyst: Owner | None = None


class InsightNew(Body):
    title: Title = Field(repr=False)
    evidence: Annotated[list[Note], Field(max_length=20)] = Field(default_factory=list, repr=False)
    owner: Owner | None = None


class InsightOwner(Body):
    owner: Owner
    version: int


class InsightDecision(Body):
    """``issue``: the one that it led to."""

    decision: Choice
    version: int
    reason: Note = Field(repr=False)
    issue: Identity | None = None


class InsightArchive(Body):
    version: int


class InsightQuery(ListQuery):
    state: Literal["open", "decided", "archived"] | None = None


class IssueQuery(ListQuery):
    state: IssueState | None = None
    level: IssueLevel | None = None
    owner: Name | None = None
