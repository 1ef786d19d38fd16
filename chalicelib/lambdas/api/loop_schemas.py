"""What the views of the week and of digests take, and what they answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chalicelib.lambdas.api.answers import Answer
from chalicelib.lambdas.api.issue_schemas import IssueLevel, IssueState
from chalicelib.lambdas.api.schemas import Body, Identity, ListQuery, Moment, Name, Query, Topic, Unit, _unique

Number = Literal["heard", "answered", "ticketed", "verified", "reopened", "bounced"]
Every = Literal["day", "week"]
Kind = Literal["topics", "departments", "unanswered", "unit"]
Week = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-W[0-9]{2}$")]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class WeekQuery(Query):
    """``week``: by the calendar, Monday to Sunday of the unit's clock; the last one that is over if it is left out."""

    week: Week | None = None
    unit: Unit | None = None


class CountedQuery(ListQuery):
    """One number of a span. ``topic`` is of what was heard or answered, ``department`` of tickets, ``issue`` of
    ``ticketed``.
    """

    number: Number
    since: Moment
    until: Moment
    unit: Unit | None = None
    topic: Topic | None = None
    department: Name | None = None
    issue: Identity | None = None

    @model_validator(mode="after")
    def _in_order(self) -> CountedQuery:
        if self.since >= self.until:
            raise ValueError("The end is not after the start.")
        return self


class DigestNew(Body):
    """What an endpoint is told of, at ``at`` by the unit's clock, of a week on Monday: new voices about ``topics``, new
    tickets of ``departments``, voices that have been ``unanswered`` for 24 hours since the last time, or, where none of
    them is given, all new voices of the ``unit``, which narrows the others too.
    """

    endpoint: Identity
    topics: Annotated[list[Topic], Field(min_length=1, max_length=20), AfterValidator(_unique)] | None = None
    departments: Annotated[list[Name], Field(min_length=1, max_length=20), AfterValidator(_unique)] | None = None
    unanswered: Literal[True] | None = None
    unit: Unit | None = None
    every: Every
    at: ClockTime = "09:00"

    @model_validator(mode="after")
    def _about_one(self) -> DigestNew:
        given = [name for name in ("topics", "departments", "unanswered") if getattr(self, name) is not None]
        if len(given) > 1 or (not given and self.unit is None):
            raise ValueError("Exactly one of topics, departments, unanswered is needed, or a unit alone.")
        return self

    @property
    def kind(self) -> str:
        return next((one for one in ("topics", "departments", "unanswered") if getattr(self, one)), "unit")


class Counted(Answer):
    """``feedback``: the path that lists exactly these voices."""

    count: int
    feedback: str


class LoopNumbers(Answer):
    """``heard``: voices that came in the week; ``answered``: those of them that by now are answered, ticketed, part of
    an issue or closed with a reason. ``ticketed``: voices whose ticket was opened in the week. The others count when it
    happened, whenever the voice came: customers said that it is solved, a fix did not hold, a case was handed back.
    """

    heard: Counted
    answered: Counted
    ticketed: Counted
    verified: Counted
    reopened: Counted
    bounced: Counted


class LoopIssue(Answer):
    """``cases``: tickets of the week that are part of it. ``verdict`` is null while nobody has declared it fixed."""

    id: str
    title: str
    level: IssueLevel
    state: IssueState
    topics: list[str]
    owner: str | None
    verdict: Literal["accepted", "not_accepted", "too_early"] | None
    cases: Counted


class MedianTime(Answer):
    """In hours, by Kaplan and Meier: cases that are still open count as open. Null: half of them are not there yet."""

    hours: float | None
    cases: int
    still_open: int


class LoopTimes(Answer):
    """From opening, of the week's tickets; null without any."""

    first_response: MedianTime | None
    closing: MedianTime | None


class LoopWeek(Answer):
    """``complete`` is false where there were more tickets than one answer looks at: the newest were."""

    workspace: str
    week: str
    since: str
    until: str
    unit: str | None
    numbers: LoopNumbers
    issues: list[LoopIssue]
    times: LoopTimes
    complete: bool


class Digest(Answer):
    id: str
    workspace: str
    endpoint: str
    kind: Kind
    topics: list[str]
    departments: list[str]
    unit: str | None
    every: Every
    at: str
    created_at: str
    by: str
