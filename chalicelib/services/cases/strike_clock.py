"""A clock of a ticket has come to something: its owner is reminded, or a breach goes up the line, each once.

The message only says where to look; what counts is the ticket as it is now. Each thing that was due is a version of its
own, written against the version that was read: told twice, it finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.cases.sla import Office, pending, recounted, struck
from chalicelib.domain.cases.ticket import Step, Ticket
from chalicelib.domain.time.calendar import Calendar
from chalicelib.domain.time.clocks import BREACH, REMIND, Strike
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Parked, Retryable
from chalicelib.services.ports import Clock, DueStore, TicketStore

CLOCK: Final = "clock"  # kinds of messages
RECOUNT: Final = "recount"
ATTEMPTS: Final = 30  # each lost race means that somebody else got on
MOST_ABOVE: Final = 20  # levels that are gone up in search of somebody who was not told yet
PAGE: Final = 200  # tickets counted again with one message


# Given workspace, ticket, opening, and the ticket as it is: None where no opening came to it.
Forget = Callable[[str, str, Mapping[str, Any], Ticket | None], None]


def nothing_left(workspace: str, ticket_id: str, opening: Mapping[str, Any], ticket: Ticket | None) -> None:
    """Where openings leave nothing behind."""


@dataclass(frozen=True, slots=True)
class StrikeClock:
    """For messages of kind ``clock``: ``{"workspace", "ticket", "at"}``, ``at`` the moment that it was armed for.

    The alarm of an opening has ``opening`` too: what ``forget`` needs to take away the rows of one that died before it
    came to its ticket. It is told which ticket another opening came to, and leaves alone what that one wrote.
    """

    tickets: TicketStore
    office: Callable[[str], Office]
    organisation: Callable[[str], Organisation]
    due: DueStore
    clock: Clock
    forget: Forget = nothing_left

    def __call__(self, message: Mapping[str, Any]) -> str:
        """Returns reminded | breached | escalated (the last that was done), stale (nothing was due), deferred (it is
        looked at again: what was to be told came into quiet hours, or is due at another time by now), gone (there is
        no such ticket, and no row of its opening any more).

        Raises Parked (``message_invalid``), Retryable (``contended``; ``too_early`` where our clocks differ).
        """
        try:
            workspace, ticket_id = str(message["workspace"]), str(message["ticket"])
            at = datetime.fromisoformat(message["at"])
        except (KeyError, TypeError, ValueError):
            raise Parked("The message names no alarm of a ticket.", code="message_invalid") from None
        if at > self.clock():
            raise Retryable("The alarm is not due yet.", code="too_early")
        ticket = self.tickets.get(workspace, ticket_id)
        opening = message.get("opening")
        if isinstance(opening, Mapping):
            self.forget(workspace, ticket_id, opening, ticket)
        return self._struck(ticket) if ticket is not None else "gone"

    def _struck(self, ticket: Ticket) -> str:
        """Do what is due, one after the other; the word for the last. Raises Retryable (``contended``)."""
        outcome = "stale"
        for _ in range(ATTEMPTS):
            strike = self._due(ticket)
            if strike is None:
                return self._deferred(ticket) or outcome
            outcome = self._strike(ticket, strike) or outcome
            ticket = self.tickets.get(ticket.workspace, ticket.id) or ticket
        raise Retryable("The ticket keeps changing.", code="contended")

    def _due(self, ticket: Ticket) -> Strike | None:
        """What is to be done first; in quiet hours a breach is written down, and nobody told of what came late."""
        now = self.clock()
        quiet = self._told_from(ticket, now) > now
        due = (one for one in self._pending(ticket) if one.at <= now and not (quiet and one.what != BREACH))
        return next(due, None)

    def _deferred(self, ticket: Ticket) -> str | None:
        """Have what is left looked at again: what is held back when the quiet hours are over, what is due later then.

        Other quiet hours or another time zone may have come since the ticket was written, and the alarm that it was
        written with is what we were called by.
        """
        now, waiting = self.clock(), self._pending(ticket)
        ahead = [one.at for one in waiting if one.at > now]
        held = len(ahead) < len(waiting)
        if not waiting or (not held and ticket.clocks and ticket.clocks.alarm == ahead[0]):
            return None
        at = min([self._told_from(ticket, now), *ahead]) if held else ahead[0]
        body = {"kind": CLOCK, "workspace": ticket.workspace, "ticket": ticket.id, "at": at.isoformat()}
        self.due.add(at, "cases", body, key=f"{CLOCK}#{ticket.id}")
        return "deferred"

    def _pending(self, ticket: Ticket) -> list[Strike]:
        return pending(ticket.clocks, ticket, self.office(ticket.workspace)) if ticket.clocks else []

    def _told_from(self, ticket: Ticket, now: datetime) -> datetime:
        """From when somebody may be told of a ticket: now, or the end of the quiet hours."""
        return self.office(ticket.workspace).quiet(ticket)(now)

    def _strike(self, ticket: Ticket, strike: Strike) -> str | None:
        """Write one thing down; None when somebody else changed the ticket meanwhile."""
        now = self.clock()
        tell = self._told_from(ticket, now) == now
        above = self._above(ticket, now) if strike.what != REMIND else None
        step = struck(ticket, strike, now, tell=tell, above=above)
        if not self.tickets.update(step.ticket, step.moves, expected_version=ticket.version):
            return None
        if strike.what == REMIND:
            return "reminded"
        return "breached" if strike.what == BREACH and not tell else "escalated"

    def _above(self, ticket: Ticket, now: datetime) -> str | None:
        """The next up the line of whoever is answerable who has not been told yet."""
        organisation = self.organisation(ticket.workspace)
        way = organisation.way(ticket.departments, ticket.unit, now)
        person = ticket.owner or way.owner
        seen = {person}
        for _ in range(MOST_ABOVE):
            if person is None:
                return None
            person = organisation.above(person, way.department, ticket.unit, now).owner
            if person is not None and person not in seen and person not in ticket.escalated_to:
                return person
            if person in seen:
                return None
            seen.add(person)
        return None


class Provisional(Protocol):
    """Tickets whose deadlines rest on unpublished years; storage/cases/sla.py says what each call costs."""

    @property
    def shards(self) -> int: ...

    def next_mark(self, shard: int, after: str = "") -> str | None: ...

    def waiting(self, shard: int, mark: str, *, limit: int) -> list[tuple[str, str]]: ...

    def forget(self, workspace: str, ticket_id: str, mark: str) -> None: ...


@dataclass(frozen=True, slots=True)
class RecountDeadlines:
    """For messages of kind ``recount``: what waits for a year that is published by now is counted again.

    A page of tickets a message; what is left has its turn a minute later. Of years that are not published nothing is
    read but their name.
    """

    tickets: TicketStore
    waiting: Provisional
    office: Callable[[str], Office]
    calendar: Callable[[str], Calendar | None]
    due: DueStore
    clock: Clock

    def __call__(self, message: Mapping[str, Any]) -> str:  # noqa: ARG002 - it says nothing but its kind
        """Returns recounted | more (there is more to do) | unchanged. Raises Retryable."""
        done = 0
        for shard, mark, calendar in self._published():
            found = self.waiting.waiting(shard, mark, limit=PAGE - done)
            for workspace, ticket_id in found:
                self._recount(workspace, ticket_id, mark, calendar.source)
            done += len(found)
            if done >= PAGE:
                self.due.add(self.clock(), "cases", {"kind": RECOUNT}, key=RECOUNT)
                return "more"
        return "recounted" if done else "unchanged"

    def _published(self) -> Iterator[tuple[int, str, Calendar]]:
        """What is waited for and has come: part of the tickets, country and year, its calendar."""
        for shard in range(self.waiting.shards):
            mark = self.waiting.next_mark(shard)
            while mark is not None:
                country, _, year = mark.partition("#")
                calendar = self.calendar(country)
                if calendar is not None and calendar.is_published(int(year)):
                    yield shard, mark, calendar
                mark = self.waiting.next_mark(shard, mark)

    def _recount(self, workspace: str, ticket_id: str, mark: str, source: str) -> None:
        """Bring one ticket's deadlines up to date; then nothing rests on that year any more.

        Raises Retryable (``contended``).
        """
        for _ in range(ATTEMPTS):
            ticket = self.tickets.get(workspace, ticket_id)
            step = recounted(ticket, self.office(workspace), source, self.clock()) if ticket else None
            if step is None or ticket is None or self._written(step, ticket.version):
                self.waiting.forget(workspace, ticket_id, mark)
                return
        raise Retryable("The ticket keeps changing.", code="contended")

    def _written(self, step: Step, expected_version: int) -> bool:
        return self.tickets.update(step.ticket, step.moves, expected_version=expected_version)
