"""How workspaces ask their customers, in memory, with the condition of the real store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.domain.cases.verification import Rules


@dataclass
class FakeVerificationRules:
    rows: dict[str, Rules] = field(default_factory=dict)

    def get(self, workspace: str) -> Rules:
        return self.rows.get(workspace, Rules())

    def put(self, workspace: str, rules: Rules, *, at: datetime) -> bool:
        if rules.version != self.get(workspace).version + 1:
            return False
        self.rows[workspace] = replace(rules, changed_at=at)
        return True
