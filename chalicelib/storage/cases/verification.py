"""How a workspace asks its customers, in the table. Bound by the wiring."""

from __future__ import annotations

from datetime import datetime

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from chalicelib.domain.cases.verification import Rules
from chalicelib.storage import keys
from chalicelib.storage.table import PackedJSONAttribute, Row


class RulesRow(Row):
    """``version`` is the optimistic lock."""

    version = NumberAttribute()
    doc = PackedJSONAttribute()


class VerificationRules:
    """One row a workspace; one without has ours."""

    def get(self, workspace: str) -> Rules:
        """Strongly consistent."""
        try:
            row = RulesRow.get(*keys.verification_rules(workspace), consistent_read=True)
        except DoesNotExist:
            return Rules()
        doc = dict(row.doc)
        return Rules(version=int(row.version), changed_at=datetime.fromisoformat(doc.pop("changed_at")), **doc)

    def put(self, workspace: str, rules: Rules, *, at: datetime) -> bool:
        """Keep ``rules`` in the place of the version before; False when that is not the newest any more."""
        doc = {
            "enabled": rules.enabled,
            "wait_days": rules.wait_days,
            "change_days": rules.change_days,
            "question": rules.question,
            "changed_at": at.isoformat(),
            "by": rules.by,
        }
        before = rules.version - 1
        unchanged = RulesRow.version == before if before else RulesRow.pk.does_not_exist()
        try:
            RulesRow(*keys.verification_rules(workspace), version=rules.version, doc=doc).save(unchanged)
        except PutError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True
