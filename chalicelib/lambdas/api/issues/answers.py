"""What the API answers about issues and insights."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.lambdas.api.answers import Answer
from chalicelib.lambdas.api.issues.schemas import Choice, IssueLevel, IssueState


class IssueWhere(Answer):
    """Empty is everywhere."""

    topics: list[str]
    units: list[str]
    unit_kind: str | None
    touchpoints: list[str]
    first: str | None
    last: str | None


class IssueProof(Answer):
    """``numbers``: what was counted, where it is numbers."""

    by: str
    at: str
    text: str | None
    link: str | None
    numbers: dict[str, Any]


class DecisionMade(Answer):
    decision: Choice
    by: str
    at: str
    reason: str


class Issue(Answer):
    """``allowed``: the states that it may go to next. ``origin``: ``person``, or what made it by itself:
    ``recurrence``, ``bounces``, ``severity``. ``absorbed``: issues that were merged into it.
    """

    id: str
    workspace: str
    version: int
    state: IssueState
    allowed: list[IssueState]
    level: IssueLevel
    title: str
    definition: str | None
    scope: IssueWhere
    evidence: list[IssueProof]
    owner: str | None
    process: str | None
    plan: str | None
    analyst: str | None
    executive: str | None
    departments: list[str]
    origin: str
    decision: DecisionMade | None
    reopened: int
    merged_into: str | None
    absorbed: list[str]
    first_seen: str
    opened_at: str
    updated_at: str


class IssueLine(Answer):
    """One version. ``implied``: it came by the way. ``numbers``: what was counted, where that is the reason."""

    version: int
    from_: IssueState | None = Field(alias="from")
    to: IssueState
    level: IssueLevel
    actor: str
    at: str
    reason: str | None
    implied: bool
    owner: str | None
    numbers: dict[str, Any]


class LinkedCase(Answer):
    """A ticket or a voice of ``issue``, which is another one where that was merged into this."""

    id: str
    issue: str
    by: str
    at: str


class IssueDetail(Issue):
    """``cases``: those of the first hundred that the key may see; ``more``: there are others, see ``links``."""

    history: list[IssueLine]
    cases: list[LinkedCase]
    more: bool


class LinkedCases(Answer):
    items: list[LinkedCase]


class IssuePolicy(Answer):
    version: int
    count: int
    days: int
    bounces: int
    critical: int
    analyst: str | None


class Insight(Answer):
    """``state``: open, decided, archived."""

    id: str
    workspace: str
    version: int
    state: str
    title: str
    evidence: list[str]
    by: str
    owner: str | None
    decision: DecisionMade | None
    issue: str | None
    at: str
    updated_at: str
    archived_at: str | None
