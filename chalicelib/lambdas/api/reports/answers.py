"""What the API answers about the week and digests."""

from __future__ import annotations

from typing import Literal

from chalicelib.lambdas.api.answers import Answer
from chalicelib.lambdas.api.issues.schemas import IssueLevel, IssueState
from chalicelib.lambdas.api.reports.schemas import Every, Kind


class Counted(Answer):
    """``feedback``: the path that lists exactly these voices."""

    count: int
    feedback: str


class LoopNumbers(Answer):
    """``heard``: voices that came in the week; ``answered``: those of them that by now are answered, ticketed, part of
    an issue or closed with a reason. ``ticketed``: voices whose ticket was opened in the week. The others count when it
    happened, whenever the voice came: customers said that it is solved, a fix did not hold, a case was handed back.
    That stays counted: a customer who says later that it is not solved after all is in ``reopened`` as well.
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
