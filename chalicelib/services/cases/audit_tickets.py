"""The quality audit: which of a month's closed tickets somebody looks at again, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.cases.case import Verdict, month_of, sample
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.workspaces.access import sees_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Conflict
from chalicelib.services.cases.move_ticket import colleagues_words
from chalicelib.services.ports import Clock


class Tickets(Protocol):
    def closed(self, workspace: str, since: datetime, until: datetime) -> Sequence[Ticket]:
        """Those that are closed now and became so in the span. Reads each of them, and what was closed since."""


class Verdicts(Protocol):
    def judge(self, workspace: str, ticket: str, verdict: Verdict) -> None: ...

    def verdicts(self, workspace: str, tickets: Iterable[str]) -> Mapping[str, Verdict]: ...


class Paging(Protocol):
    def __call__(
        self, scope: str, identities: Sequence[str], *, limit: int, cursor: str | None
    ) -> tuple[Sequence[str], str | None]:
        """Some of sorted ids, and the cursor of the next page. Raises Invalid (``invalid_cursor``)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is audited of one month: ``closed`` tickets in the workspace, one page of those drawn, what came of them,
    and the cursor of the next page.
    """

    closed: int
    drawn: tuple[Ticket, ...]
    verdicts: Mapping[str, Verdict]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class AuditTickets:
    """The lot falls over the whole workspace; a key is shown what of it lies in its subtree."""

    tickets: Tickets
    verdicts: Verdicts
    clock: Clock
    page: Paging

    def sample(self, key: ApiKey, workspace: str, month: str, *, limit: int, cursor: str | None) -> Sample:
        """One page of the sample of ``month`` (``2026-11``, UTC), by id: the same for the same closed tickets.

        It changes while the month lasts, and when a ticket that was closed in it is opened again. Every page draws it
        anew, and so reads every ticket that is closed and was changed since the month began: when a ticket was closed,
        and which unit may see it, stand in its row alone. Raises Invalid (``invalid_cursor``).
        """
        closed = {one.id: one for one in self.tickets.closed(workspace, *month_of(month))}
        seen = [one for one in sample(workspace, month, closed) if sees_unit(key, closed[one].unit)]
        shown, following = self.page(f"audit\n{workspace}\n{month}", seen, limit=limit, cursor=cursor)
        return Sample(
            closed=sum(sees_unit(key, one.unit) for one in closed.values()),
            drawn=tuple(closed[one] for one in shown),
            verdicts=self.verdicts.verdicts(workspace, shown),
            cursor=following,
        )

    def judge(self, ticket: Ticket, verdict: str, note: str | None, *, by: str) -> Verdict:
        """Keep a verdict on a closed ticket, drawn or not. Raises Conflict (``not_closed``)."""
        if ticket.state != "closed":
            raise Conflict("Only a closed ticket is audited.", code="not_closed")
        made = Verdict(verdict, by, self.clock(), ticket.version, colleagues_words(note))
        self.verdicts.judge(ticket.workspace, ticket.id, made)
        return made
