"""What workspaces promise, in the table, and the tickets whose deadlines wait for a year to be published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from chalicelib.domain.cases.sla import Policy, QuietHours
from chalicelib.storage import keys
from chalicelib.storage.cases.clock_rows import ProvisionalRow, provisional_row
from chalicelib.storage.table import PackedJSONAttribute, Row

_AFTER: Final = "\uffff"  # sorts after every key that begins like this


class PolicyRow(Row):
    """The version in force."""

    version = NumberAttribute()
    by = UnicodeAttribute()
    at = UnicodeAttribute()
    doc = PackedJSONAttribute()


class SlaStore:
    """One row a workspace. Reads are strongly consistent."""

    def get(self, workspace: str) -> Policy | None:
        """The workspace's own policy; None where it goes by the one that ships."""
        try:
            row = PolicyRow.get(*keys.sla_policy(workspace), consistent_read=True)
        except DoesNotExist:
            return None
        return policy_of(int(row.version), row.doc)

    def put(self, workspace: str, policy: Policy, *, by: str, at: datetime) -> bool:
        """Bring ``policy`` into force after the version before it; False when that is not the one in force any more."""
        row = PolicyRow(
            *keys.sla_policy(workspace), version=policy.version, by=by, at=keys.instant(at), doc=packed_policy(policy)
        )
        unchanged = PolicyRow.pk.does_not_exist() if policy.version == 1 else PolicyRow.version == policy.version - 1
        try:
            row.save(unchanged)
        except PutError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True


class ProvisionalStore:
    """Deadlines that rest on unpublished years, by country and year."""

    shards: Final = keys.PROVISIONAL_SHARDS

    def next_mark(self, shard: int, after: str = "") -> str | None:
        """The first country and year (``CN#2027``) after that of ``after`` for which a ticket waits; one small read."""
        pk = keys.provisionals(shard)
        condition = ProvisionalRow.sk > f"{after}#{_AFTER}" if after else None
        found = ProvisionalRow.query(pk, condition, consistent_read=True, limit=1)
        return next(("#".join(row.sk.split("#")[:2]) for row in found), None)

    def waiting(self, shard: int, mark: str, *, limit: int) -> list[tuple[str, str]]:
        """Up to ``limit`` (workspace, ticket) that wait for a country's year."""
        pk = keys.provisionals(shard)
        found = ProvisionalRow.query(pk, ProvisionalRow.sk.startswith(f"{mark}#"), consistent_read=True, limit=limit)
        return [(workspace, ticket) for *_, workspace, ticket in (row.sk.split("#") for row in found)]

    def forget(self, workspace: str, ticket_id: str, mark: str) -> None:
        """A ticket waits no more, or is no more."""
        provisional_row(workspace, ticket_id, mark).delete()


def packed_policy(policy: Policy) -> dict[str, Any]:
    quiet = policy.quiet
    return {
        "rows": {row: dict(targets) for row, targets in policy.rows.items()},
        "touchpoints": list(policy.touchpoints),
        "reminder": policy.reminder,
        "quiet": [quiet.start, quiet.end, quiet.critical] if quiet else None,
    }


def policy_of(version: int, doc: Mapping[str, Any]) -> Policy:
    quiet = QuietHours(*doc["quiet"]) if doc["quiet"] else None
    return Policy(version, doc["rows"], tuple(doc["touchpoints"]), doc["reminder"], quiet)
