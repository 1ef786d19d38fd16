"""What the API shows of the week and of digests."""

from __future__ import annotations

from dataclasses import asdict, replace

from chalicelib.domain.reports.briefing import Briefing
from chalicelib.domain.reports.loop import Loop, Median, Problem, Span, link
from chalicelib.lambdas.api.shows import Json, moment


def week(one: Loop) -> Json:
    span = one.span
    return {
        "workspace": span.workspace,
        "week": one.week,
        "since": moment(span.since),
        "until": moment(span.until),
        "unit": span.unit,
        "numbers": {name: {"count": count, "feedback": link(span, name)} for name, count in one.numbers.items()},
        "issues": [_problem(problem, span) for problem in one.problems],
        "times": {"first_response": _median(one.first_response), "closing": _median(one.closing)},
        "complete": one.complete,
    }


def digest(one: Briefing) -> Json:
    return {
        "id": one.id,
        "workspace": one.workspace,
        "endpoint": one.endpoint,
        "kind": one.kind,
        "topics": list(one.topics),
        "departments": list(one.departments),
        "unit": one.unit,
        "every": one.every,
        "at": one.at.isoformat("minutes"),
        "created_at": moment(one.created_at),
        "by": one.by,
    }


def _problem(one: Problem, span: Span) -> Json:
    issue = one.issue
    return {
        "id": issue.id,
        "title": issue.title,
        "level": issue.level,
        "state": issue.state,
        "topics": list(issue.scope.topics),
        "owner": issue.owner,
        "verdict": one.verdict,
        "cases": {"count": one.cases, "feedback": link(replace(span, issue=issue.id), "ticketed")},
    }


def _median(one: Median | None) -> Json | None:
    return asdict(one) if one else None
