"""Clocks for every ticket that is written: the one place where a change of a ticket meets what was promised for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

from chalicelib.domain.cases.sla import SHIPPED, Office, Policy, Timed, timed
from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.time.calendar import BusinessTime, Calendar
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.services.ports import Clock

SOONEST: Final = timedelta(minutes=1)  # from now to an alarm: the sweep may be reading this minute already
RECENT: Final = timedelta(seconds=2)  # that what is in force may be old
MOST_KEPT: Final = 64  # workspaces in one process


class Policies(Protocol):
    def get(self, workspace: str) -> Policy | None: ...


@dataclass(frozen=True, slots=True)
class Offices:
    """What each workspace's clocks go by, now. ``calendar`` gives a country's calendar, None for one without."""

    policies: Policies
    organisation: Callable[[str], Organisation]
    calendar: Callable[[str], Calendar | None]
    clock: Clock
    _seen: dict[str, tuple[datetime, Policy]] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, workspace: str) -> Office:
        """Raises Retryable."""
        organisation = self.organisation(workspace)

        @lru_cache(maxsize=8)
        def time(unit: str | None) -> BusinessTime:
            known = {country: self.calendar(country) for country in organisation.countries()}
            return organisation.business_time(unit, {country: one for country, one in known.items() if one})

        return Office(self.policy(workspace), time)

    def policy(self, workspace: str) -> Policy:
        """The one in force; the one that ships where the workspace has none of its own."""
        now = self.clock()
        at, known = self._seen.get(workspace, (now, None))
        if known is not None and now - at < RECENT:
            return known
        found = self.policies.get(workspace) or SHIPPED
        if len(self._seen) >= MOST_KEPT:
            self._seen.clear()
        self._seen[workspace] = (now, found)
        return found


@dataclass(frozen=True, slots=True)
class TimedTickets:
    """What ``storage.cases.tickets.TicketStore`` asks before it writes a ticket."""

    office: Callable[[str], Office]
    clock: Clock

    def __call__(self, ticket: Ticket, moves: Sequence[Move]) -> Timed:
        """The ticket with its clocks, and the alarm that is to be written with it: never for a minute that is over."""
        one = timed(ticket, moves, self.office(ticket.workspace))
        return one if one.alarm is None else replace(one, alarm=max(one.alarm, self.clock() + SOONEST))
