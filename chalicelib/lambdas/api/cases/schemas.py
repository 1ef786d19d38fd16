"""What the API takes about tickets and promises."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.domain.cases.sla import MOST_MINUTES, MOT_MARK, Policy, QuietHours
from chalicelib.lambdas.api.schemas import (
    Body,
    ClockTime,
    Identity,
    Link,
    ListQuery,
    Moment,
    Name,
    Note,
    Owner,
    Query,
    Severity,
    TicketState,
    Unit,
    Word,
    ordered,
    unique,
)


def _decimal(value: object) -> float:
    """A number of minutes as it stands in a query."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", value):
        raise ValueError("A number is needed.")
    return float(value)


def _minute(clock: str) -> int:
    """Minutes since midnight of ``22:00``."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


Minutes = Annotated[float, Field(gt=0, le=MOST_MINUTES)]


class Transition(Body):
    """``version`` is the ticket's version that the caller saw: somebody else's change is not overwritten. ``reason`` is
    needed to reject, and says why to whoever reads the history.
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
    touchpoints: Annotated[list[Name], AfterValidator(unique)] = Field(default_factory=list, max_length=100)
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


class ContactReason(Body):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class DeadlineQuery(Query):
    """``since`` is now where it is left out; ``minutes`` are minutes of the unit's opening time."""

    unit: Unit | None = None
    since: Moment | None = None
    minutes: Annotated[float, BeforeValidator(_decimal, json_schema_input_type=float), Field(ge=0, le=MOST_MINUTES)]


class TicketQuery(ListQuery):
    """Parts of cases are listed where a department, an owner or their ``parent`` is asked for. ``incomplete``: only
    what was resolved without root cause or action. ``unit``: with all below it. Opened at
    ``since`` ≤ time < ``until``.
    """

    state: TicketState | None = None
    severity: Severity | None = None
    unit: Unit | None = None
    since: Moment | None = None
    until: Moment | None = None
    owner: Name | None = None
    department: Name | None = None
    parent: Identity | None = None
    incomplete: Literal["true"] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> TicketQuery:
        return ordered(self)


class AuditQuery(ListQuery):
    """``month``: ``2026-11``, by UTC."""

    month: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
