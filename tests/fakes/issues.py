"""Issues, what is part of them, what counts towards one, and insights in memory, with the locks of the real stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from chalicelib.domain.issues.insight import Insight
from chalicelib.domain.issues.issue import AT_REST, Issue, IssueLink, IssueMove, IssueStep
from chalicelib.domain.issues.recurrence import IssuePolicy, Occurrence


@dataclass
class FakeIssues:
    """``lose`` makes that many writes be late: somebody else's came first."""

    rows: dict[tuple[str, str], Issue] = field(default_factory=dict)
    lines: dict[tuple[str, str, int], IssueMove] = field(default_factory=dict)
    sides: dict[tuple[str, str, str], IssueLink] = field(default_factory=dict)
    lose: int = 0
    lock: Any = field(default_factory=Lock)

    def get(self, workspace: str, issue_id: str) -> Issue | None:
        return self.rows.get((workspace, issue_id))

    def create(self, step: IssueStep) -> bool:
        with self.lock:
            if (step.issue.workspace, step.issue.id) in self.rows:
                return False
            self._write(step)
            return True

    def update(self, *steps: IssueStep) -> bool:
        with self.lock:
            if self.lose > 0:
                self.lose -= 1
                return False
            known = [self.rows[step.issue.workspace, step.issue.id].version for step in steps]
            if known != [step.moves[0].version - 1 for step in steps]:
                return False
            for step in steps:
                self._write(step)
            return True

    def moves(self, workspace: str, issue_id: str) -> tuple[IssueMove, ...]:
        found = [move for (there, one, _), move in self.lines.items() if (there, one) == (workspace, issue_id)]
        return tuple(sorted(found, key=lambda move: move.version))

    def page(
        self,
        workspace: str,
        *,
        state: str | None = None,
        level: str | None = None,
        owner: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Issue], str | None]:
        wanted = {name: value for name, value in (("state", state), ("level", level), ("owner", owner)) if value}
        found = [
            one
            for (there, _), one in self.rows.items()
            if there == workspace and all(getattr(one, name) == value for name, value in wanted.items())
        ]
        found.sort(key=lambda one: (one.opened_at, one.id), reverse=True)
        return found[:limit], None

    def has_open(self, workspace: str, owner: str) -> bool:
        return any(one.state not in AT_REST for one in self.page(workspace, owner=owner)[0])

    def link(self, link: IssueLink) -> None:
        self.sides[link.workspace, link.issue, link.subject] = link

    def link_to(self, workspace: str, issue_id: str, subject: str) -> IssueLink | None:
        return self.sides.get((workspace, issue_id, subject))

    def links(
        self, workspace: str, issue_id: str, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[list[IssueLink], str | None]:
        found = [one for key, one in sorted(self.sides.items()) if key[:2] == (workspace, issue_id)]
        found = [one for one in found if cursor is None or one.subject > cursor]
        more = found[limit - 1].subject if len(found) > limit else None
        return [one for one in found[:limit] if not one.undone], more

    def of(self, workspace: str, issue_id: str) -> list[str]:
        """What is part of an issue."""
        return [one.subject for one in self.links(workspace, issue_id, limit=1000)[0]]

    def _write(self, step: IssueStep) -> None:
        for move in step.moves:
            key = (step.issue.workspace, step.issue.id, move.version)
            assert key not in self.lines, "a line of history is written once"
            self.lines[key] = move
        self.rows[step.issue.workspace, step.issue.id] = step.issue


@dataclass
class FakeRecurrences:
    rows: dict[tuple[str, str, str], dict[str, Occurrence]] = field(default_factory=dict)
    reads: int = 0

    def note(self, workspace: str, topic: str, unit_kind: str, one: Occurrence) -> None:
        self.rows.setdefault((workspace, topic, unit_kind), {})[one.ticket] = one

    def around(self, workspace: str, topic: str, unit_kind: str, at: datetime, days: int) -> list[Occurrence]:
        found = sorted(self.rows.get((workspace, topic, unit_kind), {}).values())
        kept = [one for one in found if abs(one.at - at) <= timedelta(days=days)]
        self.reads += len(kept)
        return kept

    def forget(self, workspace: str, topic: str, unit_kind: str, found: Iterable[Occurrence]) -> None:
        for one in found:
            self.rows.get((workspace, topic, unit_kind), {}).pop(one.ticket, None)


@dataclass
class FakeInsights:
    rows: dict[tuple[str, str], Insight] = field(default_factory=dict)
    policies: dict[str, IssuePolicy] = field(default_factory=dict)

    def get(self, workspace: str, insight_id: str) -> Insight | None:
        return self.rows.get((workspace, insight_id))

    def put(self, insight: Insight) -> bool:
        known = self.rows.get((insight.workspace, insight.id))
        if (known.version if known else 0) != insight.version - 1:
            return False
        self.rows[insight.workspace, insight.id] = insight
        return True

    def page(
        self, workspace: str, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[Sequence[Insight], str | None]:
        found = sorted((one for (there, _), one in self.rows.items() if there == workspace), key=lambda one: one.id)
        return found[::-1][:limit], None

    def policy(self, workspace: str) -> IssuePolicy:
        return self.policies.get(workspace, IssuePolicy())

    def put_policy(self, workspace: str, policy: IssuePolicy) -> bool:
        if self.policy(workspace).version != policy.version - 1:
            return False
        self.policies[workspace] = policy
        return True
