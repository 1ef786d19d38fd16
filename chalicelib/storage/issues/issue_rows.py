"""Rows of issues, their history and their links, and their mapping to the domain and back.

What conditions, filters and the stream need stands on top; the rest is packed in ``doc``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.domain.issues.issue import Decision, Evidence, Issue, IssueLink, IssueMove, Scope
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

MOVE_PREFIX: Final = "MOVE#"
LINK_PREFIX: Final = "LINK#"
_DOC: Final = ("definition", "title", "process", "plan", "analyst", "executive", "origin", "reopened", "former_state",
               "merged_into")  # fmt: skip


class IssueListing(GlobalSecondaryIndex["IssueRow"]):  # type: ignore[no-untyped-call]
    """A workspace's issues by when they were opened."""

    class Meta:
        index_name = "listing"
        projection = IncludeProjection(["state", "owner", "facets"])

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class IssueRow(Row):
    """The issue as it is now. ``version`` is the optimistic lock of every write.

    ``facets``: its level once more, under the name by which the listing index carries what feedback is narrowed by.
    Rows of before have none.
    """

    workspace = UnicodeAttribute()
    id = UnicodeAttribute()
    version = NumberAttribute()
    state = UnicodeAttribute()
    level = UnicodeAttribute()
    owner = UnicodeAttribute(null=True)
    departments: ListAttribute[str] = ListAttribute()
    topics: ListAttribute[str] = ListAttribute()
    unit = UnicodeAttribute(null=True)  # where it has one only
    unit_kind = UnicodeAttribute(null=True)
    change = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    facets = UnicodeAttribute(null=True)
    list_pk = UnicodeAttribute()
    list_sk = UnicodeAttribute()
    doc = PackedJSONAttribute()

    listing = IssueListing()


class IssueMoveRow(Row):
    """One line of an issue's history, written once."""

    doc = PackedJSONAttribute()


class IssueLinkRow(Row):
    """That a ticket or a voice is part of an issue; ``undone``: that a person said it is not."""

    undone = BooleanAttribute()
    doc = PackedJSONAttribute()


def issue_row(issue: Issue) -> IssueRow:
    return IssueRow(
        *keys.issue(issue.workspace, issue.id),
        workspace=issue.workspace,
        id=issue.id,
        version=issue.version,
        state=issue.state,
        level=issue.level,
        owner=issue.owner,
        departments=list(issue.departments),
        topics=list(issue.scope.topics),
        unit=issue.scope.units[0] if len(issue.scope.units) == 1 else None,
        unit_kind=issue.scope.unit_kind,
        change=issue.change,
        updated_at=keys.instant(issue.updated_at),
        facets=issue.level,
        list_pk=keys.issue_listing(issue.workspace),
        list_sk=f"{keys.instant(issue.opened_at)}#{issue.id}",
        doc={
            **{name: getattr(issue, name) for name in _DOC},
            "opened_at": issue.opened_at.isoformat(),
            "updated_at": issue.updated_at.isoformat(),
            "first_seen": issue.first_seen.isoformat(),
            "settled_at": _iso(issue.settled_at),
            "absorbed": issue.absorbed,
            "scope": {
                "units": issue.scope.units,
                "touchpoints": issue.scope.touchpoints,
                "first": _iso(issue.scope.first),
                "last": _iso(issue.scope.last),
            },
            "evidence": [{**asdict(one), "at": one.at.isoformat()} for one in issue.evidence],
            "decision": {**asdict(issue.decision), "at": issue.decision.at.isoformat()} if issue.decision else None,
        },
    )


def issue_of(row: IssueRow) -> Issue:
    doc = row.doc
    scope, decision = doc["scope"], doc["decision"]
    return Issue(
        workspace=row.workspace,
        id=row.id,
        version=int(row.version),
        state=row.state,
        level=row.level,
        owner=row.owner,
        departments=tuple(row.departments),
        change=row.change,
        **{name: doc[name] for name in _DOC},
        opened_at=datetime.fromisoformat(doc["opened_at"]),
        updated_at=datetime.fromisoformat(doc["updated_at"]),
        first_seen=datetime.fromisoformat(doc["first_seen"]),
        settled_at=datetime.fromisoformat(doc["settled_at"]) if doc["settled_at"] else None,
        absorbed=tuple(doc["absorbed"]),
        scope=Scope(
            topics=tuple(row.topics),
            units=tuple(scope["units"]),
            unit_kind=row.unit_kind,
            touchpoints=tuple(scope["touchpoints"]),
            first=date.fromisoformat(scope["first"]) if scope["first"] else None,
            last=date.fromisoformat(scope["last"]) if scope["last"] else None,
        ),
        evidence=tuple(Evidence(**_timed(one)) for one in doc["evidence"]),
        decision=Decision(**_timed(decision)) if decision else None,
    )


def move_row(workspace: str, issue_id: str, move: IssueMove) -> IssueMoveRow:
    key = keys.issue_move(workspace, issue_id, move.version)
    return IssueMoveRow(*key, doc={**asdict(move), "at": move.at.isoformat()})


def move_of(row: IssueMoveRow) -> IssueMove:
    return IssueMove(**_timed(row.doc))


def link_row(link: IssueLink) -> IssueLinkRow:
    key = keys.issue_link(link.workspace, link.issue, link.subject)
    return IssueLinkRow(*key, undone=link.undone, doc={"by": link.by, "at": link.at.isoformat()})


def link_of(row: IssueLinkRow) -> IssueLink:
    _, workspace, issue = row.pk.split("#")
    subject, at = row.sk.removeprefix(LINK_PREFIX), datetime.fromisoformat(row.doc["at"])
    return IssueLink(workspace, issue, subject, row.doc["by"], at, bool(row.undone))


def _iso(moment: date | None) -> str | None:
    return moment.isoformat() if moment else None


def _timed(doc: Mapping[str, Any]) -> dict[str, Any]:
    return {**doc, "at": datetime.fromisoformat(doc["at"])}
