"""Complaints that come back reopen an issue whose fix was accepted, with the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.issues.effect import RECURRENCE_SPANS, WATCHED, Kept, recurrence, recurrence_numbers
from chalicelib.domain.issues.issue import SYSTEM, Issue, IssueStep, moved
from chalicelib.errors import Retryable
from chalicelib.services.issues.count_complaints import A_PART, Count, CountComplaints, Places, from_message
from chalicelib.services.issues.judge_effect import ANY, QUEUE, go_on, watched
from chalicelib.services.ports import Clock, DueStore

KIND: Final = "recurrence"
HOUR: Final = timedelta(hours=1)
COUNTED: Final = timedelta(minutes=5)  # until a voice is in its hour's counts, at most


class Issues(Protocol):
    def get(self, workspace: str, issue_id: str) -> Issue | None: ...

    def update(self, *steps: IssueStep) -> bool: ...


class Claims(Protocol):
    def get(self, workspace: str, issue_id: str) -> Kept | None: ...

    def unwatch(self, workspace: str, issue_id: str, topics: Iterable[str]) -> None: ...


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


@dataclass(frozen=True, slots=True)
class WatchRecurrence:
    """Complaints that come back reopen what was accepted. A ticket only says that it is time to count: its own hour is
    counted a little later, and all tickets of an hour are one look. ``watching`` gives the issues that a topic of a
    workspace may bring back.
    """

    issues: Issues
    claims: Claims
    complaints: CountComplaints
    tickets: Tickets
    due: DueStore
    clock: Clock
    watching: Callable[[str, str], Sequence[str]]

    def follow(self, detail: Mapping[str, Any]) -> str | None:
        """A follower of ``ticket.opened``: ``watched`` where an accepted fix is to be looked at again."""
        if detail.get("type") != "ticket.opened" or detail.get("parent"):
            return None
        workspace, now = str(detail["workspace"]), self.clock()
        ticket = self.tickets.get(workspace, str(detail["ticket_id"]))
        if ticket is None:
            return None
        topics = dict.fromkeys(level for topic in ticket.complaints for level in _line(topic))
        found = {one for topic in (*topics, ANY) for one in self.watching(workspace, topic)}
        for issue in sorted(found):
            body = {"kind": KIND, "workspace": workspace, "issue": issue}
            self.due.add(_slot(issue, now), QUEUE, body, key=f"{KIND}#{workspace}#{issue}")
        return "watched" if found else None

    def watches(self, issue: Issue) -> bool:
        """Whether what brings a closed issue back is measured by what its accepted fix has left."""
        kept = self.claims.get(issue.workspace, issue.id)
        if kept is None or kept.level is None or kept.judged_at is None or kept.claim.reopened != issue.reopened:
            return False
        return issue.state == "closed" and self.clock() < kept.judged_at + WATCHED

    def __call__(self, message: Mapping[str, Any]) -> str:
        """``returned`` | ``holds`` | ``counting``: another message goes on | ``stale``. Raises Retryable."""
        workspace, issue_id = str(message["workspace"]), str(message["issue"])
        issue, kept = self.issues.get(workspace, issue_id), self.claims.get(workspace, issue_id)
        if issue is None or kept is None or kept.level is None or issue.state != "closed":
            return "stale"
        now = self.clock()
        so_far = Count(now.astimezone(self.complaints.zone(workspace)).date())
        so_far = from_message(message["count"]) if "count" in message else so_far
        today = so_far.today
        first = max(kept.level.since, today - timedelta(days=max(RECURRENCE_SPANS) - 1))
        places = Places(self.complaints.places(issue, kept.claim).treated, ())
        count = self.complaints.count(issue, places, (first, today), so_far, A_PART, exposed=False)
        if count.after is not None:
            go_on(self.due, message, count, now)
            return "counting"
        found = recurrence(kept.level, count.treated.events, today)
        if found is None:
            return "holds"
        told = recurrence_numbers(found)
        reason = f"{found.events} / {told['expected']:g}"
        if not self.issues.update(moved(issue, "reopened", actor=SYSTEM, at=now, reason=reason, numbers=told)):
            raise Retryable("The issue keeps changing.", code="contended")
        self.claims.unwatch(workspace, issue_id, watched(issue))
        return "returned"


def _slot(issue: str, now: datetime) -> datetime:
    """The next minute of the hour that is this issue's own, so that not all are looked at together; late enough for
    what is heard now to be counted by then.
    """
    at = now.replace(minute=sum(issue.encode()) % 60, second=0, microsecond=0)
    return at if at >= now + COUNTED else at + HOUR


def _line(topic: str) -> list[str]:
    """The topic and what it hangs below."""
    parts = topic.split(".")
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]
