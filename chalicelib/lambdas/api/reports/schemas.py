"""What the API takes about the week and digests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chalicelib.lambdas.api.schemas import (
    Body,
    ClockTime,
    Identity,
    ListQuery,
    Moment,
    Name,
    Query,
    Topic,
    Unit,
    unique,
)

Number = Literal["heard", "answered", "ticketed", "verified", "reopened", "bounced"]
Every = Literal["day", "week"]
Kind = Literal["topics", "departments", "unanswered", "unit"]
Week = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-W[0-9]{2}$")]


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
    topics: Annotated[list[Topic], Field(min_length=1, max_length=20), AfterValidator(unique)] | None = None
    departments: Annotated[list[Name], Field(min_length=1, max_length=20), AfterValidator(unique)] | None = None
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
