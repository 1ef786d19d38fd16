"""The quality audit: which of a month's closed tickets somebody looks at again, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.cases.case import Verdict, drawn, lot_of
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.workspaces.access import sees_unit, visible_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Conflict
from chalicelib.services.cases.move_ticket import colleagues_words
from chalicelib.services.ports import Clock


class Tickets(Protocol):
    def some(self, workspace: str, ids: Iterable[str]) -> Sequence[Ticket]:
        """These as they are now, in their order; those that there are not are left out."""


class Lots(Protocol):
    """The closed tickets of a month, in the order in which they are audited."""

    def closed(self, workspace: str, month: str, units: Iterable[str | None]) -> Sequence[int]:
        """How many there are at each unit or below it; None is all of them."""

    def page(
        self, workspace: str, month: str, *, most: int, unit: str | None, limit: int, cursor: str | None
    ) -> tuple[Sequence[str], str | None]:
        """Some of the first ``most``, and the cursor of the next page. Raises Invalid (``invalid_cursor``)."""


class Verdicts(Protocol):
    def judge(self, workspace: str, ticket: str, verdict: Verdict) -> None: ...

    def verdicts(self, workspace: str, tickets: Iterable[str]) -> Mapping[str, Verdict]: ...


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
    lots: Lots
    verdicts: Verdicts
    clock: Clock

    def sample(self, key: ApiKey, workspace: str, month: str, *, limit: int, cursor: str | None) -> Sample:
        """One page of the sample of ``month`` (``2026-11``, UTC): the same for the same closed tickets, in the order
        of their lots. A page may be short, or empty, and still have a cursor.

        It changes while the month lasts, and when a ticket that was closed in it is opened again; one more may put
        another out of it. A page reads what it shows, however many tickets there are. Raises Invalid
        (``invalid_cursor``).
        """
        unit = visible_unit(key, None)
        whole, closed = self.lots.closed(workspace, month, (None, unit))
        ids, following = self.lots.page(workspace, month, most=drawn(whole), unit=unit, limit=limit, cursor=cursor)
        # What was opened again a moment ago may still have its lot.
        shown = [one for one in self.tickets.some(workspace, ids) if lot_of(one).month == month]
        shown = [one for one in shown if sees_unit(key, one.unit)]
        verdicts = self.verdicts.verdicts(workspace, [one.id for one in shown])
        return Sample(closed=closed, drawn=tuple(shown), verdicts=verdicts, cursor=following)

    def judge(self, ticket: Ticket, verdict: str, note: str | None, *, by: str) -> Verdict:
        """Keep a verdict on a closed ticket, drawn or not. Raises Conflict (``not_closed``)."""
        if ticket.state != "closed":
            raise Conflict("Only a closed ticket is audited.", code="not_closed")
        made = Verdict(verdict, by, self.clock(), ticket.version, colleagues_words(note))
        self.verdicts.judge(ticket.workspace, ticket.id, made)
        return made
