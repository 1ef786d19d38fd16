"""The verdict on a claim that an issue is fixed, on the day that was planned for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.issues.effect import (
    MOST_DAYS,
    REASONS,
    WATCHED,
    Claim,
    Effect,
    Kept,
    Level,
    judge,
    numbers,
)
from chalicelib.domain.issues.issue import SYSTEM, Evidence, Issue, IssueStep, changed, moved
from chalicelib.errors import Retryable
from chalicelib.services.issues.count_complaints import CountComplaints
from chalicelib.services.ports import Clock, DueStore

KIND: Final = "effect"
QUEUE: Final = "cases"
AT: Final = time(4)  # on the day of a verdict, when the day before has been counted
ANY: Final = "*"  # the topic of an issue that is about none in particular
_NEXT: Final = {"accepted": "closed", "not_accepted": "reopened"}


class Issues(Protocol):
    def get(self, workspace: str, issue_id: str) -> Issue | None: ...

    def update(self, *steps: IssueStep) -> bool: ...


class Claims(Protocol):
    def get(self, workspace: str, issue_id: str) -> Kept | None: ...

    def put(self, workspace: str, issue_id: str, kept: Kept) -> None: ...

    def watch(self, workspace: str, issue_id: str, topics: Iterable[str], until: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class JudgeEffect:
    """Called by a due row. What is written before the issue moves is written again by a replay, to the same end."""

    issues: Issues
    claims: Claims
    complaints: CountComplaints
    due: DueStore
    clock: Clock

    def look_at(self, issue: Issue, claim: Claim, day: date) -> None:
        """Have the claim looked at on a day of the workspace; within a minute or two where that is over."""
        at = datetime.combine(day, AT, self.complaints.zone(issue.workspace))
        body = {"kind": KIND, "workspace": issue.workspace, "issue": issue.id, "reopened": claim.reopened}
        self.due.add(at, QUEUE, body, key=f"{KIND}#{issue.workspace}#{issue.id}")

    def effect(self, issue: Issue, claim: Claim) -> Effect:
        """What can be said now. Raises Invalid (``scope_too_wide``), Retryable."""
        today = self.clock().astimezone(self.complaints.zone(issue.workspace)).date()
        return judge(claim, *self.complaints.groups(issue, claim, *days_of(claim, today)), today)

    def __call__(self, message: Mapping[str, Any]) -> str:
        """``accepted`` | ``not_accepted`` | ``too_early`` | ``stale``: another round, or somebody has decided.

        Raises Retryable.
        """
        workspace, issue_id = str(message["workspace"]), str(message["issue"])
        issue, kept = self.issues.get(workspace, issue_id), self.claims.get(workspace, issue_id)
        if issue is None or kept is None or issue.state != "fixed":
            return "stale"
        if not kept.claim.reopened == issue.reopened == message["reopened"]:
            return "stale"
        found = self.effect(issue, kept.claim)
        if found.look_again is not None:
            self.look_at(issue, kept.claim, found.look_again)
            return "too_early"
        self._keep(issue, kept, found)
        return found.verdict

    def _keep(self, issue: Issue, kept: Kept, found: Effect) -> None:
        """Keep the verdict and move the issue by it, which ends the round; without one the issue has it as evidence."""
        now, told = self.clock(), numbers(found)
        judged = replace(kept, numbers=told, judged_at=now, level=_level(kept, found))
        self.claims.put(issue.workspace, issue.id, judged)
        if found.verdict == "accepted":
            self.claims.watch(issue.workspace, issue.id, watched(issue), now + WATCHED)
        step = _step(issue, found, told, now)
        if step is not None and not self.issues.update(step):
            raise Retryable("The issue keeps changing.", code="contended")


def _step(issue: Issue, found: Effect, told: Mapping[str, Any], at: datetime) -> IssueStep | None:
    """What a settled look does to the issue; None where it has done so already."""
    why = " / ".join(REASONS[found.reason].values())
    if found.verdict in _NEXT:
        return moved(issue, _NEXT[found.verdict], actor=SYSTEM, at=at, reason=why, numbers=told)
    if any(one.numbers.get("verdict_on") == told["verdict_on"] for one in issue.evidence):
        return None
    evidence = (*issue.evidence, Evidence(by=SYSTEM, at=at, numbers=told))
    return changed(issue, replace(issue, evidence=evidence), actor=SYSTEM, at=at, reason=why)


def watched(issue: Issue) -> Sequence[str]:
    """What must be complained of for an issue to be looked at again."""
    return issue.scope.topics or (ANY,)


def days_of(claim: Claim, today: date) -> tuple[date, date]:
    """First and last day that a judgement of a claim may look at; nothing of today, which is not over."""
    last = claim.after(MOST_DAYS)[-1]
    return claim.before()[0], max(claim.on, min(last, today - timedelta(days=1)))


def _level(kept: Kept, found: Effect) -> Level | None:
    """What an accepted fix has left, in days whatever it was judged by: the exposure of the last days comes late."""
    if found.verdict != "accepted":
        return None
    after = kept.claim.after(found.plan.days)
    return Level(int(found.after.events), len(after), found.spread, after[-1] + timedelta(days=1))
