"""Insights, and what makes an issue of single tickets. The table is bound by the wiring."""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from chalicelib.domain.issues.insight import Insight
from chalicelib.domain.issues.issue import Decision
from chalicelib.domain.issues.recurrence import IssuePolicy
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row

_ID: Final = re.compile(r"in_[0-9a-f]{28}")
_MOMENTS: Final = ("at", "updated_at", "archived_at")


class InsightRow(Row):
    """``version`` is the optimistic lock of every write."""

    version = NumberAttribute()
    doc = PackedJSONAttribute()


class IssuePolicyRow(Row):
    """Likewise."""

    version = NumberAttribute()
    doc = PackedJSONAttribute()


class InsightStore:
    """Reads are strongly consistent."""

    def get(self, workspace: str, insight_id: str) -> Insight | None:
        try:
            return _insight(workspace, InsightRow.get(*keys.insight(workspace, insight_id), consistent_read=True))
        except DoesNotExist:
            return None

    def put(self, insight: Insight) -> bool:
        """Write a version over the one before it; False when that is not there any more."""
        doc = asdict(insight)
        del doc["workspace"], doc["id"], doc["version"]
        for part in (doc, doc["decision"] or {}):
            part.update({name: part[name].isoformat() for name in _MOMENTS if part.get(name)})
        key = keys.insight(insight.workspace, insight.id)
        return _saved(InsightRow(*key, version=insight.version, doc=doc), insight.version)

    def page(self, workspace: str, *, limit: int = 50, cursor: str | None = None) -> tuple[list[Insight], str | None]:
        """Newest first, and the cursor of the next page. Raises Invalid (``invalid_cursor``)."""
        pk, _ = keys.insight(workspace, "")
        scope = f"insights\n{workspace}"
        before = InsightRow.sk < _before(scope, cursor) if cursor else None
        rows = InsightRow.query(pk, before, scan_index_forward=False, consistent_read=True, limit=limit + 1)
        found = [_insight(workspace, row) for row in rows]
        return found[:limit], cursors.encode(scope, {"at": found[limit - 1].id}) if len(found) > limit else None

    # --- the policy ---------------------------------------------------------------------------------------------

    def policy(self, workspace: str) -> IssuePolicy:
        """The one in force; version 0, the one that is shipped, where there is none."""
        try:
            row = IssuePolicyRow.get(*keys.issue_policy(workspace), consistent_read=True)
        except DoesNotExist:
            return IssuePolicy()
        return IssuePolicy(int(row.version), **row.doc)

    def put_policy(self, workspace: str, policy: IssuePolicy) -> bool:
        """Bring ``policy`` into force after the version before it; False when that is not in force any more."""
        doc = {one.name: getattr(policy, one.name) for one in fields(policy) if one.name != "version"}
        return _saved(IssuePolicyRow(*keys.issue_policy(workspace), version=policy.version, doc=doc), policy.version)


def _saved(row: Any, version: int) -> bool:
    kind = type(row)
    try:
        row.save(kind.pk.does_not_exist() if version == 1 else kind.version == version - 1)
    except PutError as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            return False
        raise
    return True


def _insight(workspace: str, row: InsightRow) -> Insight:
    doc = _timed(row.doc)
    decision = Decision(**_timed(doc["decision"])) if doc["decision"] else None
    evidence = tuple(doc.pop("evidence"))
    return Insight(workspace, row.sk, int(row.version), **{**doc, "decision": decision}, evidence=evidence)


def _timed(doc: dict[str, Any]) -> dict[str, Any]:
    return {**doc, **{name: datetime.fromisoformat(doc[name]) for name in _MOMENTS if doc.get(name)}}


def _before(scope: str, cursor: str) -> str:
    """The insight that a page ended with. Raises Invalid (``invalid_cursor``)."""
    last = cursors.decode(scope, cursor).get("at")
    if not isinstance(last, str) or not _ID.fullmatch(last):
        raise cursors.invalid()
    return last
