"""Single cases become an issue by themselves: they recur, nobody could solve one of them, or they were grave.

A follower of ``ticket.*``. A ticket is counted first and looked at then, so whoever counts last sees all of them; what
has become part of an issue is counted no more, but for an L1 issue that people made: that is on L2 when enough is part
of it. Any number of times and in any order, the end is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.issues.issue import SETTLED, SYSTEM, Issue, moved, recurring_id
from chalicelib.domain.issues.recurrence import (
    Cause,
    IssuePolicy,
    Occurrence,
    can_be_raised,
    cause_of,
    opened_by,
    raised_by,
)
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Conflict, Retryable
from chalicelib.services.issues.link_cases import LinkCases
from chalicelib.services.ports import Clock, IssueStore, TicketStore

FOLLOWED: Final = ("ticket.opened", "ticket.updated", "ticket.reopened", "ticket.escalated")
NO_CASE: Final = frozenset({"rejected", "merged"})  # states of a ticket that counts for nothing
ATTEMPTS: Final = 6
MOST_MERGED: Final = 20  # issues that one was merged into, one after the other
NEVER: Final = 1_000_000  # tickets


class Recurrences(Protocol):
    def note(self, workspace: str, topic: str, unit_kind: str, one: Occurrence) -> None: ...

    def around(self, workspace: str, topic: str, unit_kind: str, at: datetime, days: int) -> Sequence[Occurrence]: ...

    def forget(self, workspace: str, topic: str, unit_kind: str, found: Sequence[Occurrence]) -> None: ...


class Office(Protocol):
    def __call__(self, workspace: str, departments: Sequence[str], unit: str | None) -> str | None:
        """Who is answerable; None where nobody is."""

    def organisation(self, workspace: str) -> Organisation: ...


@dataclass(frozen=True, slots=True)
class Promote:
    """``names`` gives what a workspace's frame calls its topics: (id, language) → name. ``watched`` says whether what
    brings a closed issue back is measured by what its accepted fix has left, see watch_recurrence.py. ``tickets`` may
    be a little old; those of ``links`` are as they are now, and say what counts at last.
    """

    tickets: TicketStore
    issues: IssueStore
    recurrences: Recurrences
    links: LinkCases
    policy: Callable[[str], IssuePolicy]
    office: Office
    names: Callable[[str], Callable[[str, str], str]]
    clock: Clock
    watched: Callable[[Issue], bool] = lambda _: False

    def __call__(self, detail: Mapping[str, Any]) -> str | None:
        """``issue_opened`` | ``issue_reopened`` | ``issue_raised`` | ``issue_linked`` | None. Raises Retryable."""
        if detail.get("type") not in FOLLOWED or _is_new_part(detail):
            return None
        workspace = str(detail["workspace"])
        ticket = self.tickets.get(workspace, str(detail["ticket_id"]))
        if ticket is None or ticket.state in NO_CASE:
            return None
        policy = self.policy(workspace)
        if ticket.parent is not None and ticket.bounced < policy.bounces:
            return None  # its whole case counts
        if ticket.issue is not None:
            return self._look_up(ticket, ticket.issue, policy)
        unit = self.office.organisation(workspace).by_unit.get(ticket.unit or "")
        unit_kind = unit.kind if unit else ""
        outcomes = (self._look_at(ticket, topic, unit_kind, policy) for topic in ticket.complaints or ("",))
        return next((one for one in outcomes if one is not None), None)

    def _look_at(self, ticket: Ticket, topic: str, unit_kind: str, policy: IssuePolicy) -> str | None:
        """One topic that is complained of; "" for a ticket without one, which only counts for itself."""
        known = self.issues.get(ticket.workspace, recurring_id(ticket.workspace, topic or ticket.id, unit_kind))
        root = self._root(known)
        both = {one.id: one for one in (known, root) if one is not None}
        if any(self.links.is_refused(one, ticket.id) for one in both.values()):
            return None
        if root is not None and root.state not in SETTLED:  # what is linked at once need not be counted first
            left = self._around(ticket, topic, unit_kind, policy)
            return self._linked(root, ticket, topic, unit_kind, self._standing(ticket, topic, unit_kind, left))
        watched = root is not None and root.state == "closed" and self.watched(root)
        if watched:  # a few a month are what the fix has left
            policy = replace(policy, count=NEVER)
        is_counted = not watched or ticket.severity == "critical"
        found = self._counted(ticket, topic, unit_kind, policy) if is_counted else []
        since = root.settled_at if root is not None else None
        found = [one for one in found if since is None or one.at > since]
        cause = cause_of(ticket, found, policy) if since is None or ticket.opened_at > since else None
        if cause is None:
            return None
        standing = self._standing(ticket, topic, unit_kind, found)
        if standing != found:
            cause = cause_of(ticket, standing, policy)
        if cause is None:
            return None
        issue = self._reopened(root, cause) if root else self._opened(ticket, topic, unit_kind, cause, policy)
        named = [one for one in standing if one.ticket in cause.tickets]
        self._linked(issue, ticket, topic, unit_kind, named)
        return "issue_reopened" if root else "issue_opened"

    def _look_up(self, ticket: Ticket, issue_id: str, policy: IssuePolicy) -> str | None:
        """Whether the issue that the ticket is part of has outgrown L1. It is counted under the issue, not a topic."""
        if ticket.level != "L1":
            return None  # whoever takes the issue down again takes its tickets with it, and each is told
        issue = self.issues.get(ticket.workspace, issue_id)
        if issue is None or not can_be_raised(issue):
            return None
        found = self._counted(ticket, issue_id, "", policy)
        if cause_of(ticket, found, policy) is None:
            return None
        now = {one.ticket: self.links.tickets.get(ticket.workspace, one.ticket) for one in found}
        standing = [one for one in found if (case := now[one.ticket]) and case.issue == issue_id]
        cause = cause_of(ticket, standing, policy)
        if cause is None:
            return None
        self.links.bring_to_level(issue)  # a minute from now, by the level of then: a crash here leaves nothing out
        step = raised_by(issue, cause, analyst=policy.analyst, at=self.clock())
        if not self.issues.update(step):
            raise Retryable("The issue keeps changing.", code="contended")
        self.recurrences.forget(ticket.workspace, issue_id, "", found)
        return "issue_raised"

    def _counted(self, ticket: Ticket, topic: str, unit_kind: str, policy: IssuePolicy) -> list[Occurrence]:
        """What counts with the ticket, itself included."""
        if topic and ticket.parent is None:
            mine = Occurrence(ticket.opened_at, ticket.id, critical=ticket.severity == "critical")
            self.recurrences.note(ticket.workspace, topic, unit_kind, mine)
        return self._around(ticket, topic, unit_kind, policy)

    def _around(self, ticket: Ticket, topic: str, unit_kind: str, policy: IssuePolicy) -> list[Occurrence]:
        """What counts by now."""
        if not topic or ticket.parent is not None:
            return []
        return list(self.recurrences.around(ticket.workspace, topic, unit_kind, ticket.opened_at, policy.days))

    def _standing(self, ticket: Ticket, topic: str, unit_kind: str, found: Sequence[Occurrence]) -> list[Occurrence]:
        """Those of ``found`` that still count; the others are forgotten."""
        kept: list[Occurrence] = []
        for one in found:
            now = self.links.tickets.get(ticket.workspace, one.ticket)
            if now is not None and _counts(now) and topic in now.complaints:
                kept.append(one)
        self.recurrences.forget(ticket.workspace, topic, unit_kind, [one for one in found if one not in kept])
        return kept

    def _linked(self, issue: Issue, ticket: Ticket, topic: str, unit_kind: str, found: Sequence[Occurrence]) -> str:
        """Make the ticket, and what counts with it, part of the issue."""
        for subject in dict.fromkeys((*(one.ticket for one in found), ticket.id)):
            with suppress(Conflict):  # part of another issue by now
                self.links.link_by_itself(issue, subject)
        if topic:
            self.recurrences.forget(issue.workspace, topic, unit_kind, found)
        return "issue_linked"

    def _opened(self, ticket: Ticket, topic: str, unit_kind: str, cause: Cause, policy: IssuePolicy) -> Issue:
        """The issue of a cause; the one that somebody else has opened meanwhile."""
        owner = self.office(ticket.workspace, ticket.departments, None)
        named = self.names(ticket.workspace)
        step = opened_by(
            ticket,
            topic,
            unit_kind,
            cause,
            name={lang: named(topic, lang) for lang in ("zh-CN", "en")},
            owner=owner,
            analyst=policy.analyst,
            at=self.clock(),
        )
        if self.issues.create(step):
            return step.issue
        root = self._root(self.issues.get(step.issue.workspace, step.issue.id))
        if root is None or root.state in SETTLED:
            raise Retryable("The issue keeps changing.", code="contended")
        return root

    def _reopened(self, issue: Issue, cause: Cause) -> Issue:
        """A settled issue whose problem has come back, with what was counted."""
        at = self.clock()
        step = moved(issue, "reopened", actor=SYSTEM, at=at, reason=cause.origin, numbers=cause.numbers)
        if not self.issues.update(step):
            raise Retryable("The issue keeps changing.", code="contended")
        return step.issue

    def _root(self, issue: Issue | None) -> Issue | None:
        """The issue that this one was merged into, at last."""
        for _ in range(MOST_MERGED):
            if issue is None or issue.merged_into is None:
                return issue
            issue = self.issues.get(issue.workspace, issue.merged_into)
        return issue


def _is_new_part(detail: Mapping[str, Any]) -> bool:
    """A part that nobody can have handed back yet: its whole case counts."""
    return detail["type"] == "ticket.opened" and bool(detail.get("parent"))


def _counts(ticket: Ticket) -> bool:
    """Whether it is an L1 case that is part of no issue."""
    return ticket.issue is None and ticket.state not in NO_CASE
