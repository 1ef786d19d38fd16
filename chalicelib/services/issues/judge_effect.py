"""The verdict on a claim that an issue is fixed, on the day that was planned for it.

Units are counted in parts, each of which is a message of its own and leads to the next one. Where they are more than
can be counted while somebody waits, what a look came to is kept to be shown.
"""

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
from chalicelib.services.issues.count_complaints import (
    A_PART,
    AT_ONCE,
    Count,
    CountComplaints,
    as_message,
    from_message,
)
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

    def today(self, workspace: str) -> date:
        """The workspace's."""
        return self.clock().astimezone(self.complaints.zone(workspace)).date()

    def effect(self, issue: Issue, claim: Claim) -> Effect | None:
        """What can be said now; None where that takes too long to wait for. Raises Retryable."""
        places, today = self.complaints.places(issue, claim), self.today(issue.workspace)
        if 2 * len((*places.treated, *places.controls)) > AT_ONCE.reads:
            return None
        count = self.complaints.count(issue, places, days_of(claim, today), Count(today), AT_ONCE)
        return judge(claim, *count.groups, today) if count.after is None else None

    def __call__(self, message: Mapping[str, Any]) -> str:
        """``accepted`` | ``not_accepted`` | ``too_early`` | ``counting``: another message goes on | ``stale``: another
        round, or somebody has decided. Raises Retryable.
        """
        workspace, issue_id = str(message["workspace"]), str(message["issue"])
        issue, kept = self.issues.get(workspace, issue_id), self.claims.get(workspace, issue_id)
        if issue is None or kept is None or issue.state != "fixed":
            return "stale"
        if not kept.claim.reopened == issue.reopened == message["reopened"]:
            return "stale"
        so_far = from_message(message["count"]) if "count" in message else Count(self.today(workspace))
        places, days = self.complaints.places(issue, kept.claim), days_of(kept.claim, so_far.today)
        count = self.complaints.count(issue, places, days, so_far, A_PART)
        if count.after is not None:
            go_on(self.due, message, count, self.clock())
            return "counting"
        found = judge(kept.claim, *count.groups, count.today)
        if found.look_again is not None:
            if "count" in message:
                self.claims.put(workspace, issue_id, replace(kept, numbers=numbers(found), looked_at=self.clock()))
            self.look_at(issue, kept.claim, found.look_again)
            return "too_early"
        self._keep(issue, kept, found)
        return found.verdict

    def _keep(self, issue: Issue, kept: Kept, found: Effect) -> None:
        """Keep the verdict and move the issue by it, which ends the round; without one the issue has it as evidence."""
        now, told = self.clock(), numbers(found)
        judged = replace(kept, numbers=told, judged_at=now, level=_level(kept, found), looked_at=None)
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


def go_on(due: DueStore, message: Mapping[str, Any], count: Count, now: datetime) -> None:
    """Have the next part counted in a minute or two. Parts are told apart by where they begin: of two counts of an
    issue none ends the other, and of two messages for the same part one is enough."""
    key = f"{message['kind']}#{message['workspace']}#{message['issue']}#{count.after}"
    due.add(now, QUEUE, {**message, "count": as_message(count)}, key=key)


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
