"""The loop 闭环 of one week at a place: what was heard, and what became of it. Pure.

A week is the calendar's (ISO 8601), Monday to Sunday by the clock of the place. A number is a number of voices, and
each voice counts once in it, however often it happened to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from chalicelib.domain.cases.ticket import SYSTEM, TAKEN, Move, Ticket, is_handed_on
from chalicelib.domain.issues.issue import Issue
from chalicelib.domain.time.moments import written
from chalicelib.errors import Invalid

EVENT: Final = "loop.week"
LISTENED: Final = ("heard", "answered")  # counted among the voices that came in the span, as they stand now
HAPPENED: Final = ("verified", "reopened", "bounced")  # counted by when it happened, whenever the voice came
NUMBERS: Final = (*LISTENED, "ticketed", *HAPPENED)
PATH: Final = "/v1/loop/feedback"
MOST_ISSUES: Final = 3
AT: Final = time(9)  # on Mondays, when the week before is told
_WEEK: Final = re.compile(r"(20[0-9]{2})-W([0-9]{2})")
_NO_CASE: Final = frozenset({"rejected", "merged"})  # nobody had to solve it


@dataclass(frozen=True, slots=True)
class Span:
    """Where and when something is counted: ``since`` ≤ time < ``until``. ``unit`` with its subtree, None for all."""

    workspace: str
    since: datetime
    until: datetime
    unit: str | None = None
    department: str | None = None  # of tickets alone
    issue: str | None = None  # likewise


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing of HAPPENED that befell a ticket; ``version`` of the ticket tells two of one moment apart."""

    what: str
    ticket: str
    version: int
    at: datetime
    feedback: str
    unit: str | None = None
    departments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Median:
    """In hours by the calendar's clock, with what is still open counted as open; None: not reached yet."""

    hours: float | None
    cases: int
    still_open: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A systemic issue, with the cases of the span that are part of it. ``verdict`` None: nobody has claimed a fix."""

    issue: Issue
    cases: int
    verdict: str | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """``numbers`` by NUMBERS. ``complete`` False: there were more tickets than were looked at, the newest were."""

    span: Span
    week: str
    numbers: Mapping[str, int]
    problems: tuple[Problem, ...] = ()
    first_response: Median | None = None
    closing: Median | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Telling:
    """What the bus is told, once for each ``slot`` of a ``subject``."""

    type: str  # vocabulary.EVENT_TYPES
    workspace: str
    subject: str
    slot: str
    detail: Mapping[str, Any]


# --- weeks ------------------------------------------------------------------------------------------------------------


def monday_of(week: str) -> date:
    """The first day of ``2026-W47``. Raises Invalid (``unknown_week``)."""
    found = _WEEK.fullmatch(week)
    try:
        return date.fromisocalendar(int(found[1]), int(found[2]), 1) if found else _refuse()
    except ValueError:
        return _refuse()


def week_of(day: date) -> str:
    """``2026-W47``."""
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02d}"


def week_before(moment: datetime, zone: ZoneInfo) -> str:
    """The last week that is over."""
    return week_of(moment.astimezone(zone).date() - timedelta(days=7))


def span_of(workspace: str, week: str, zone: ZoneInfo, unit: str | None = None) -> Span:
    """The week of a place; an hour longer or shorter where clocks change. Raises Invalid (``unknown_week``)."""
    first = monday_of(week)
    since, until = (datetime.combine(day, time(), zone) for day in (first, first + timedelta(days=7)))
    return Span(workspace, since, until, unit)


def told_at(week: str, zone: ZoneInfo) -> datetime:
    """When a week is told of: Monday morning after it."""
    return datetime.combine(monday_of(week) + timedelta(days=7), AT, zone)


def _refuse() -> date:
    raise Invalid("A week is needed: 2026-W47.", code="unknown_week", pointer="/week")


# --- counting ---------------------------------------------------------------------------------------------------------


def link(span: Span, number: str, **more: str) -> str:
    """The path that lists exactly the voices of one number."""
    asked = {
        "workspace": span.workspace,
        "number": number,
        "since": written(span.since),
        "until": written(span.until),
        **{name: value for name in ("unit", "department", "issue") if (value := getattr(span, name)) is not None},
        **more,
    }
    return f"{PATH}?{urlencode(asked)}"


def bounces(moves: Sequence[Move]) -> tuple[Move, ...]:
    """The lines of a ticket's whole history, oldest first, that gave it back or took it to another department.

    As many as the ticket counts: what goes on since its owner is gone, or up the line, was given back by nobody.
    """
    return tuple(line for before, line in pairwise(moves) if _is_bounce(before, line))


def _is_bounce(before: Move, line: Move) -> bool:
    if line.after == "open" and line.before in TAKEN:
        return not is_handed_on(line)
    if line.actor == SYSTEM or before.departments is None or line.departments is None:
        return False
    taken_away = line.before == line.after == "waiting_customer" and before.owner not in (None, line.owner)
    return taken_away or before.departments[:1] != line.departments[:1]


def median(waits: Iterable[tuple[timedelta, bool]]) -> Median | None:
    """Kaplan–Meier: when half of the cases were over, those that still wait counting as long as they have waited.

    ``waits``: how long each has taken, and whether it is over. None without any.
    """
    found = sorted(waits, key=lambda one: (one[0], not one[1]))
    left, standing, reached = len(found), 1.0, None
    for wait, over in found:
        if over:
            standing *= 1 - 1 / left
            if reached is None and standing <= 0.5 + 1e-9:
                reached = round(wait.total_seconds() / 3600, 1)
        left -= 1
    still_open = sum(not over for _, over in found)
    return Median(reached, len(found), still_open) if found else None


def closing_times(tickets: Iterable[Ticket], now: datetime) -> Median | None:
    """From opening to closing."""
    counted = (one for one in tickets if one.state not in _NO_CASE)
    return median(((one.closed_at or now) - one.opened_at, one.closed_at is not None) for one in counted)


def response_times(tickets: Iterable[Ticket], now: datetime) -> Median | None:
    """From opening to the first response, of those that promise one."""
    clocks = ((one, one.clocks.first_response) for one in tickets if one.clocks and one.state not in _NO_CASE)
    known = ((one, clock) for one, clock in clocks if clock is not None)
    return median(((clock.met_at or now) - one.opened_at, clock.met_at is not None) for one, clock in known)


def ranked(problems: Iterable[Problem], span: Span) -> tuple[Problem, ...]:
    """The three that matter most: by their cases in the span, then by their level, then the newest.

    One that was settled before the span began, or opened after it, is none of its; of a unit only those with cases.
    """

    def counts(one: Problem) -> bool:
        issue = one.issue
        if issue.state == "merged" or issue.opened_at >= span.until:
            return False
        if issue.settled_at is not None and issue.settled_at < span.since:
            return False
        return one.cases > 0 or span.unit is None

    shown = sorted((one for one in problems if counts(one)), key=_weight, reverse=True)
    return tuple(shown[:MOST_ISSUES])


def _weight(one: Problem) -> tuple[int, str, datetime, str]:
    return one.cases, one.issue.level, one.issue.updated_at, one.issue.id


# --- telling ----------------------------------------------------------------------------------------------------------


def detail(loop: Loop) -> dict[str, Any]:
    """What the bus is told of a week: counts, links, ids; no words, of colleagues neither."""
    span = loop.span
    return {
        "week": loop.week,
        "since": written(span.since),
        "until": written(span.until),
        "unit": span.unit,
        "severity": "low",
        "numbers": {name: {"count": count, "feedback": link(span, name)} for name, count in loop.numbers.items()},
        "complete": loop.complete,
        "issues": [
            {
                "issue_id": one.issue.id,
                "level": one.issue.level,
                "state": one.issue.state,
                "topics": list(one.issue.scope.topics),
                "owner": one.issue.owner,
                "verdict": one.verdict,
                "cases": {"count": one.cases, "feedback": link(replace(span, issue=one.issue.id), "ticketed")},
            }
            for one in loop.problems
        ],
    }
