"""The loop of a week as a key may see it, and exactly the voices that each of its numbers counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib.domain.cases.parts import children_of
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.issues.effect import Kept
from chalicelib.domain.issues.issue import Issue
from chalicelib.domain.reading.listing import FeedbackPage, FeedbackQuery, FeedbackSummary
from chalicelib.domain.reports import loop
from chalicelib.domain.reports.loop import HAPPENED, LISTENED, Loop, Problem, Span
from chalicelib.domain.workspaces.access import is_below, visible_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Invalid
from chalicelib.services.ports import Clock

MOST_TICKETS: Final = 5_000  # looked at in one answer
MOST_ISSUES: Final = 300  # likewise, the newest; and of older ones those with the most cases
MOST_OLD: Final = 20
PAGE: Final = 100
READS: Final = 10  # pages of tickets that one page of voices is looked for in


class Lines(Protocol):
    """Voices by arrival."""

    def count(self, query: FeedbackQuery) -> int: ...

    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage: ...

    def of(self, workspace: str, ids: Sequence[str]) -> list[FeedbackSummary]:
        """The lines of these voices, in their order; those that are gone are left out."""


class Book(Protocol):
    """What happened to tickets, by time."""

    def voices(self, span: Span, what: str) -> set[str]: ...

    def page(self, span: Span, what: str, *, limit: int, cursor: str | None) -> tuple[list[str], str | None]: ...


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...

    def page(
        self,
        workspace: str,
        *,
        department: str | None = None,
        unit: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[Sequence[Ticket], str | None]: ...


class Issues(Protocol):
    def get(self, workspace: str, issue_id: str) -> Issue | None: ...

    def page(
        self, workspace: str, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[Sequence[Issue], str | None]: ...


class Claims(Protocol):
    def get(self, workspace: str, issue_id: str) -> Kept | None: ...


@dataclass(frozen=True, slots=True)
class ReadLoop:
    """``keep_days``: what is older has expired, and is no week of ours any more."""

    lines: Lines
    book: Book
    tickets: Tickets
    issues: Issues
    claims: Claims
    organisation: Callable[[str], Organisation]
    clock: Clock
    keep_days: int

    def __call__(self, key: ApiKey, workspace: str, week: str | None, unit: str | None) -> Loop:
        """A week of all units, or of one with its subtree; the last one that is over where none is named.

        Raises NotFound for a foreign unit, Invalid (``unknown_week``, ``week_out_of_range``), Retryable.
        """
        seen = visible_unit(key, unit)
        named = week or loop.week_before(self.clock(), self.organisation(workspace).business_time(seen, {}).zone)
        return self.of(workspace, named, seen)

    def of(self, workspace: str, week: str, unit: str | None) -> Loop:
        """Raises as ``__call__``."""
        span = loop.span_of(workspace, week, self.organisation(workspace).business_time(unit, {}).zone, unit)
        now = self.clock()
        if not now - timedelta(days=self.keep_days) <= span.since <= now:
            raise Invalid("This week is not kept, or still to come.", code="week_out_of_range", pointer="/week")
        tickets, complete = self._tickets(span)
        numbers = {
            **{name: self.lines.count(_query(span, name)) for name in LISTENED},
            "ticketed": len({one.feedback for one in tickets}),
            **{name: len(self.book.voices(span, name)) for name in HAPPENED},
        }
        return Loop(
            span=span,
            week=week,
            numbers=numbers,
            problems=self._problems(span, tickets),
            first_response=loop.response_times(tickets, now),
            closing=loop.closing_times(tickets, now),
            complete=complete,
        )

    def voices(
        self, key: ApiKey, number: str, asked: Span, *, topic: str | None, limit: int, cursor: str | None
    ) -> tuple[Sequence[FeedbackSummary], str | None]:
        """One page of the voices that a number counts. A page may be short, or empty, and still have a cursor.

        ``topic`` is of what was heard or answered alone. Raises NotFound for a foreign unit, Invalid (``not_counted``
        for a filter that the number has not, ``invalid_cursor``).
        """
        span = replace(asked, unit=visible_unit(key, asked.unit))
        _check(number, span, topic)
        if number in LISTENED:
            found = self.lines.page(replace(_query(span, number), topic=topic), limit=limit, cursor=cursor)
            return found.items, found.cursor
        if number in HAPPENED:
            ids, following = self.book.page(span, number, limit=limit, cursor=cursor)
        else:
            ids, following = self._ticketed(span, limit, cursor)
        return self.lines.of(span.workspace, ids), following

    def ticketed(self, span: Span) -> tuple[int, bool]:
        """How many voices tickets were opened for, and whether these are all: no more tickets are looked at."""
        found, complete = self._tickets(span)
        return len({one.feedback for one in found}), complete

    # --- inside ---------------------------------------------------------------------------------------------------

    def _ticketed(self, span: Span, limit: int, cursor: str | None) -> tuple[list[str], str | None]:
        """A few pages of tickets at most: one issue's may be far apart."""
        found: list[str] = []
        for _ in range(READS):
            some, cursor = self._page(span, limit - len(found), cursor)
            found += [one.feedback for one in some if self._is_first(one, span)]
            if cursor is None or len(found) >= limit:
                break
        return found, cursor

    def _tickets(self, span: Span) -> tuple[list[Ticket], bool]:
        """The tickets opened in a span, the newest first, and whether these are all."""
        found: list[Ticket] = []
        read, cursor = 0, None
        while read < MOST_TICKETS:
            some, cursor = self._page(span, PAGE, cursor)
            found += some
            read += PAGE
            if cursor is None:
                return found, True
        return found, False

    def _page(self, span: Span, limit: int, cursor: str | None) -> tuple[list[Ticket], str | None]:
        found, following = self.tickets.page(
            span.workspace,
            department=span.department,
            unit=span.unit,
            since=span.since,
            until=span.until,
            limit=limit,
            cursor=cursor,
        )
        issues = self._merged(span)
        return [one for one in found if _is_inside(one, span, issues)], following

    def _merged(self, span: Span) -> frozenset[str]:
        """The issue that is asked for, with those that were merged into it: their tickets stay theirs."""
        if span.issue is None:
            return frozenset()
        issue = self.issues.get(span.workspace, span.issue)
        return frozenset((span.issue, *(issue.absorbed if issue else ())))

    def _is_first(self, ticket: Ticket, span: Span) -> bool:
        """Whether a case is listed by this ticket: other hands may have brought two of its parts to one department."""
        if span.department is None or ticket.parent is None or ticket.part == span.department:
            return True
        whole = self.tickets.get(span.workspace, ticket.parent)
        parts = [self.tickets.get(span.workspace, one) for one in (children_of(whole) if whole else ())]
        issues = self._merged(span)
        there = [
            one
            for one in parts
            if one is not None
            and span.department in one.departments
            and span.since <= one.opened_at < span.until
            and _is_inside(one, span, issues)
        ]
        own = [one.id for one in there if one.part == span.department]
        return ticket.id == min(own or [one.id for one in there], default=ticket.id)

    def _problems(self, span: Span, tickets: Sequence[Ticket]) -> tuple[Problem, ...]:
        """Issues by the tickets of the span that are part of them, and what became of them."""
        cases = Counter(one.issue for one in tickets if one.issue is not None)
        known: dict[str, Issue] = {}
        cursor: str | None = None
        while len(known) < MOST_ISSUES:
            some, cursor = self.issues.page(span.workspace, limit=PAGE, cursor=cursor)
            known |= {one.id: one for one in some}
            if cursor is None:
                break
        for issue_id in [one for one, _ in cases.most_common() if one not in known][:MOST_OLD]:
            if (older := self.issues.get(span.workspace, issue_id)) is not None:
                known[issue_id] = older
        found = (Problem(one, sum(cases[part] for part in (one.id, *one.absorbed))) for one in known.values())
        chosen = loop.ranked(found, span)
        return tuple(replace(one, verdict=self._verdict(one.issue)) for one in chosen)

    def _verdict(self, issue: Issue) -> str | None:
        kept = self.claims.get(issue.workspace, issue.id)
        if kept is None:
            return None
        return str(kept.numbers["verdict"]) if kept.numbers and kept.judged_at else "too_early"


def _query(span: Span, number: str) -> FeedbackQuery:
    return FeedbackQuery(span.workspace, span.since, span.until, span.unit, attended=number == "answered")


def _is_inside(ticket: Ticket, span: Span, issues: frozenset[str]) -> bool:
    """Where a department is asked for, of a divided case its part counts and not the whole."""
    inside = span.unit is None or is_below(ticket.unit, span.unit)
    return inside and (span.issue is None or ticket.issue in issues) and not (span.department and ticket.parts)


def _check(number: str, span: Span, topic: str | None) -> None:
    """Raises Invalid (``not_counted``)."""
    wrong = {
        "topic": topic is not None and number not in LISTENED,
        "department": span.department is not None and number in LISTENED,
        "issue": span.issue is not None and number != "ticketed",
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            raise Invalid(f"This number is not told by {name}.", code="not_counted", pointer=f"/{name}")
