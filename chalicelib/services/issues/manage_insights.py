"""Insights, which need an owner and a decision, and what makes an issue of single tickets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from chalicelib.domain.ids import timed_id
from chalicelib.domain.issues.insight import Insight, archived, decided, given_to
from chalicelib.domain.issues.issue import Decision, Issue
from chalicelib.domain.issues.recurrence import IssuePolicy
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.cases.move_ticket import colleagues_words
from chalicelib.services.ports import Clock


class Shelf(Protocol):
    def get(self, workspace: str, insight_id: str) -> Insight | None: ...

    def put(self, insight: Insight) -> bool:
        """False when the version before it is not there any more."""

    def page(self, workspace: str, *, limit: int, cursor: str | None) -> tuple[Sequence[Insight], str | None]: ...

    def policy(self, workspace: str) -> IssuePolicy: ...

    def put_policy(self, workspace: str, policy: IssuePolicy) -> bool:
        """Likewise."""


class Issues(Protocol):
    def get(self, workspace: str, issue_id: str) -> Issue | None: ...


class Office(Protocol):
    def organisation(self, workspace: str) -> Organisation: ...


@dataclass(frozen=True, slots=True)
class ManageInsights:
    """All that change something raise Conflict (``version_conflict``) and Invalid (``unknown_person``)."""

    store: Shelf
    issues: Issues
    office: Office
    clock: Clock

    def get(self, workspace: str, insight_id: str) -> Insight:
        """Raises NotFound."""
        found = self.store.get(workspace, insight_id)
        if found is None:
            raise nowhere()
        return found

    def page(
        self, workspace: str, *, state: str | None = None, limit: int, cursor: str | None
    ) -> tuple[Sequence[Insight], str | None]:
        """Newest first. A page may be short, or empty, and still have a cursor. Raises Invalid (``invalid_cursor``)."""
        found, more = self.store.page(workspace, limit=limit, cursor=cursor)
        return [one for one in found if state in (None, one.state)], more

    def create(self, workspace: str, title: str, evidence: Sequence[str], *, owner: str | None, actor: str) -> Insight:
        """Raises Invalid (``words_missing``)."""
        said = colleagues_words(title)
        if said is None:
            raise Invalid("An insight needs a title.", code="words_missing", pointer="/title")
        self._known(workspace, "owner", owner)
        now = self.clock()
        kept = tuple(words for words in map(colleagues_words, evidence) if words)
        insight = Insight(workspace, timed_id("in", now), 1, said, actor, now, now, kept, owner)
        return self._written(insight)

    def give(self, workspace: str, insight_id: str, owner: str, *, version: int) -> Insight:
        """The insight in somebody's hands."""
        seen = self._seen(workspace, insight_id, version)
        self._known(workspace, "owner", owner)
        return self._written(given_to(seen, owner, self.clock()))

    def decide(
        self,
        workspace: str,
        insight_id: str,
        choice: str,
        *,
        reason: str,
        issue: str | None,
        version: int,
        actor: str,
    ) -> Insight:
        """What is done about it, why, and the issue that it led to. Raises NotFound, Invalid (``no_reason``)."""
        seen, said = self._seen(workspace, insight_id, version), colleagues_words(reason)
        if said is None:
            raise Invalid("A decision needs a reason.", code="no_reason", pointer="/reason")
        if issue is not None and self.issues.get(workspace, issue) is None:
            raise nowhere()
        return self._written(decided(seen, Decision(choice, actor, self.clock(), said), issue))

    def archive(self, workspace: str, insight_id: str, *, version: int) -> Insight:
        """The insight, put away. Raises Conflict (``owner_missing``, ``decision_missing``, ``archived``)."""
        return self._written(archived(self._seen(workspace, insight_id, version), self.clock()))

    # --- the policy ---------------------------------------------------------------------------------------------

    def policy(self, workspace: str) -> IssuePolicy:
        """The one in force; the one that is shipped has version 0."""
        return self.store.policy(workspace)

    def put_policy(self, workspace: str, policy: IssuePolicy) -> IssuePolicy:
        """Bring ``policy`` into force; its version is the one that it replaces."""
        self._known(workspace, "analyst", policy.analyst)
        newer = replace(policy, version=policy.version + 1)
        if not self.store.put_policy(workspace, newer):
            raise _version_conflict()
        return newer

    def _seen(self, workspace: str, insight_id: str, version: int) -> Insight:
        insight = self.get(workspace, insight_id)
        if insight.version != version:
            raise _version_conflict()
        return insight

    def _written(self, insight: Insight) -> Insight:
        if not self.store.put(insight):
            raise _version_conflict()
        return insight

    def _known(self, workspace: str, name: str, person: str | None) -> None:
        one = self.office.organisation(workspace)
        if one.version and person is not None and person not in one.by_person:
            raise Invalid("The organisation has no such person.", code="unknown_person", pointer=f"/{name}")


def _version_conflict() -> Conflict:
    return Conflict("It is at another version by now.", code="version_conflict", pointer="/version")
