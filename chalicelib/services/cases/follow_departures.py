"""Who is gone leaves nothing behind: their open tickets and issues go to whoever is next in line.

Each version of an organisation comes into force together with the message that has it looked at, a minute later. Whose
tickets those are, the rows say that ``most_open`` is counted by; no list of tickets is read. Of issues there are few:
each version has all of them looked at, so those too that were taken up again after their owner was gone. Where nobody
is next in line, they stay where they are, ``organisation/check`` says so, and the next version has them looked at once
more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from chalicelib.domain.cases.handover import handed_on
from chalicelib.domain.cases.ticket import SETTLED, Ticket
from chalicelib.domain.issues.issue import AT_REST, SYSTEM, Issue, IssueStep, changed
from chalicelib.domain.issues.issue import SETTLED as DECIDED
from chalicelib.domain.workspaces.api_keys import KEY_ID
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Retryable
from chalicelib.services.ports import Clock, DueStore, TicketStore

KIND: Final = "departures"
PAGE: Final = 50  # tickets that are read together
MOST: Final = 100  # tickets and people with one message; the rest has its turn a minute later
ATTEMPTS: Final = 6
_FOLLOWED: Final = ("ticket.reopened", "ticket.updated")  # taken up again after its owner was gone


class OpenCases(Protocol):
    """storage/cases/open_cases.py keeps them."""

    def page(self, workspace: str, owner: str, *, after: str, limit: int) -> tuple[Sequence[Ticket], str | None]: ...


class Versions(Protocol):
    """storage/workspaces/organisations.py keeps them, and who left something behind for which there is nobody."""

    def version(self, workspace: str) -> int: ...

    def get(self, workspace: str, version: int) -> Organisation | None: ...

    def leavers(self, workspace: str) -> Sequence[str]: ...

    def keep_leaver(self, workspace: str, person: str) -> None: ...

    def forget_leaver(self, workspace: str, person: str) -> None: ...


class Issues(Protocol):
    def page(self, workspace: str, *, cursor: str | None = None) -> tuple[Sequence[Issue], str | None]: ...

    def update(self, *steps: IssueStep) -> bool: ...


@dataclass(frozen=True, slots=True)
class FollowDepartures:
    """For messages of kind ``departures``: ``{"workspace", "version"}``, and how far the one before it came.

    ``organisation`` gives the one in force, which may be a little old; ``load`` how many open tickets somebody has.
    Told twice, or after a run that died, it finds what is left.
    """

    tickets: TicketStore
    open_cases: OpenCases
    issues: Issues
    versions: Versions
    organisation: Callable[[str], Organisation]
    load: Callable[[str, str], int]
    due: DueStore
    clock: Clock

    def __call__(self, message: Mapping[str, Any]) -> str:
        """``handed_on`` | ``more`` (another message goes on) | ``nobody_gone``. Raises Retryable (``contended``)."""
        workspace, version = str(message["workspace"]), int(message["version"])
        one = self._in_force(workspace)
        before = self.versions.get(workspace, version - 1) or Organisation()
        known = self.versions.leavers(workspace)
        stay: Mapping[str, bool] = message["issues"] if "issues" in message else self._hand_on_issues(workspace, one)
        gone = sorted({*before.by_person, *known, *stay} - set(one.by_person))
        for person in set(known) & set(one.by_person):
            self.versions.forget_leaver(workspace, person)
        if not gone:
            return "nobody_gone"
        at, after, left = message.get("person", ""), message.get("after", ""), bool(message.get("left"))
        room = MOST
        for person in (name for name in gone if name >= at):
            ended: str | None = after if person == at else ""
            left = left and person == at
            while ended is not None:
                if room <= 0:
                    body = {"kind": KIND, "workspace": workspace, "version": version}
                    body |= {"person": person, "after": ended, "left": left, "issues": dict(stay)}
                    self.due.add(self.clock(), "cases", body, key=f"{KIND}#{workspace}#{version}#on")
                    return "more"
                looked_at, some, ended = self._hand_on_page(workspace, one, person, ended)
                left, room = left or some, room - looked_at - 1
            left = left or stay.get(person, False)
            (self.versions.keep_leaver if left else self.versions.forget_leaver)(workspace, person)
        return "handed_on"

    def follow(self, detail: Mapping[str, Any]) -> str | None:
        """A follower of tickets: ``handed_on`` where one was taken up again after its owner was gone, ``nobody_next``
        where there is nobody to have it. Raises Retryable (``contended``).
        """
        owner = str(detail.get("owner") or KEY_ID)
        if detail.get("type") not in _FOLLOWED or owner.startswith(KEY_ID):
            return None
        workspace = str(detail["workspace"])
        if self.organisation(workspace).knows(owner):
            return None
        one, ticket = self._in_force(workspace), self.tickets.get(workspace, str(detail["ticket_id"]))
        if ticket is None or not _is_left(ticket, one):
            return None
        if self._hand_on(ticket, one):
            return "handed_on"
        self.versions.keep_leaver(workspace, str(ticket.owner))
        return "nobody_next"

    def _in_force(self, workspace: str) -> Organisation:
        """As it is now: somebody new may have taken something already."""
        version = self.versions.version(workspace)
        return (self.versions.get(workspace, version) if version else None) or Organisation()

    def _hand_on_page(self, workspace: str, one: Organisation, person: str, after: str) -> tuple[int, bool, str | None]:
        """How many tickets a page had, whether some stay with who is gone, and where it ended; None: at the last."""
        found, ended = self.open_cases.page(workspace, person, after=after, limit=PAGE)
        stay = [ticket for ticket in found if not self._hand_on(ticket, one)]
        if len(stay) < len(found):  # looked at again, the rows of those that went are forgotten
            self.open_cases.page(workspace, person, after=after, limit=PAGE)
        return len(found), bool(stay), ended

    def _hand_on(self, ticket: Ticket, one: Organisation) -> bool:
        """Whether the ticket is nobody's any more who is gone. Raises Retryable (``contended``)."""
        seen: Ticket | None = ticket
        for _ in range(ATTEMPTS):
            if seen is None or not _is_left(seen, one):
                return True
            now = self.clock()
            load = partial(self.load, seen.workspace)
            owner = one.way(seen.departments, seen.unit, now, load=load).owner
            if owner is None:
                return False
            step = handed_on(seen, owner, at=now)
            if self.tickets.update(step.ticket, step.moves, expected_version=seen.version):
                return True
            seen = self.tickets.get(seen.workspace, seen.id)
        raise Retryable("The ticket keeps changing.", code="contended")

    def _hand_on_issues(self, workspace: str, one: Organisation) -> dict[str, bool]:
        """Issues that are not settled, to who is answerable for their first department: who is gone and had some, and
        whether they still have, since there is nobody; one that is merged waits for nobody. Raises Retryable.
        """
        stay: dict[str, bool] = {}
        for issue in self._issues(workspace):
            gone = issue.owner
            if gone is None or issue.state in DECIDED or not _is_gone(gone, one):
                continue
            now = self.clock()
            owner = one.way(issue.departments[:1], None, now).owner
            stay[gone] = stay.get(gone, False) or (owner is None and issue.state not in AT_REST)
            reason = f"{gone} is no longer in the organisation: to {owner}"
            step = changed(issue, replace(issue, owner=owner or gone), actor=SYSTEM, at=now, reason=reason)
            if step is not None and not self.issues.update(step):
                raise Retryable("The issue keeps changing.", code="contended")
        return stay

    def _issues(self, workspace: str) -> Iterable[Issue]:
        """All of a workspace: there are few of them, and organisations change seldom."""
        found, cursor = self.issues.page(workspace)
        yield from found
        while cursor is not None:
            found, cursor = self.issues.page(workspace, cursor=cursor)
            yield from found


def _is_left(ticket: Ticket, one: Organisation) -> bool:
    """Whether there is something to do and nobody of the organisation has it."""
    return ticket.owner is not None and ticket.state not in SETTLED and _is_gone(ticket.owner, one)


def _is_gone(owner: str, one: Organisation) -> bool:
    """Whether an owner is nobody of the organisation. A key that nobody is named for works."""
    return not owner.startswith(KEY_ID) and not one.knows(owner)
