"""The store of tickets: whoever writes one sets its deadlines, by promises, units and calendars."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.wiring import base

if TYPE_CHECKING:
    from chalicelib.services.cases.timed_tickets import Offices, TimedTickets
    from chalicelib.storage.cases.tickets import TicketStore


@lru_cache(maxsize=1)
def ticket_store() -> TicketStore:
    """Tickets, their history, and what OAs said of them."""
    from chalicelib.storage.cases.tickets import TicketStore

    base.bind()
    return TicketStore(timed_tickets())


@lru_cache(maxsize=1)
def timed_tickets() -> TimedTickets:
    """Clocks for every ticket that is written."""
    from chalicelib.services.cases.timed_tickets import TimedTickets

    return TimedTickets(offices(), base.now)


@lru_cache(maxsize=1)
def offices() -> Offices:
    """What clocks go by: promises, units, calendars."""
    from chalicelib.services.cases.timed_tickets import Offices
    from chalicelib.wiring import stores, workspaces

    return Offices(
        stores.sla_store(),
        lambda workspace: workspaces.find_owner().organisation(workspace),
        workspaces.calendar,
        base.now,
    )
