"""What the API shows of issues and insights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from chalicelib.domain.issues.insight import Insight
from chalicelib.domain.issues.issue import Decision, Issue, IssueLink, IssueMove, legal_moves
from chalicelib.domain.issues.recurrence import IssuePolicy
from chalicelib.lambdas.api.shows import Json, moment


def issue(one: Issue) -> Json:
    scope = one.scope
    names = ("id", "workspace", "version", "state", "level", "title", "definition", "owner", "process", "plan",
             "analyst", "executive", "origin", "reopened", "merged_into")  # fmt: skip
    return {
        **{name: getattr(one, name) for name in names},
        "allowed": list(legal_moves(one)),
        "scope": {
            "topics": list(scope.topics),
            "units": list(scope.units),
            "unit_kind": scope.unit_kind,
            "touchpoints": list(scope.touchpoints),
            "first": scope.first.isoformat() if scope.first else None,
            "last": scope.last.isoformat() if scope.last else None,
        },
        "evidence": [{**asdict(proof), "at": moment(proof.at)} for proof in one.evidence],
        "departments": list(one.departments),
        "decision": decision(one.decision),
        "absorbed": list(one.absorbed),
        "first_seen": moment(one.first_seen),
        "opened_at": moment(one.opened_at),
        "updated_at": moment(one.updated_at),
    }


def detail(one: Issue, moves: Sequence[IssueMove], cases: Sequence[IssueLink], *, more: bool) -> Json:
    """With its history and what is part of it."""
    return {
        **issue(one),
        "history": [_line(move) for move in moves],
        "cases": [linked(case) for case in cases],
        "more": more,
    }


def _line(one: IssueMove) -> Json:
    told = asdict(one)
    return {"from": told.pop("before") or None, "to": told.pop("after"), **told, "at": moment(one.at)}


def linked(one: IssueLink) -> Json:
    return {"id": one.subject, "issue": one.issue, "by": one.by, "at": moment(one.at)}


def decision(one: Decision | None) -> Json | None:
    if one is None:
        return None
    return {"decision": one.choice, "by": one.by, "at": moment(one.at), "reason": one.reason}


def policy(one: IssuePolicy) -> Json:
    return asdict(one)


def insight(one: Insight) -> Json:
    names = ("id", "workspace", "version", "state", "title", "by", "owner", "issue")
    return {
        **{name: getattr(one, name) for name in names},
        "evidence": list(one.evidence),
        "decision": decision(one.decision),
        "at": moment(one.at),
        "updated_at": moment(one.updated_at),
        "archived_at": moment(one.archived_at),
    }
