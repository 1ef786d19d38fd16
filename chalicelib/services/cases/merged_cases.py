"""Cases that were merged one into the other, as their links have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from chalicelib.domain.cases.case import Link
from chalicelib.domain.cases.ticket import Ticket

MOST_MERGED: Final = 5  # cases one into the other that are followed

Links = Callable[[str, str], Sequence[Link]]  # workspace, ticket → its links


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


def cases_above(tickets: Tickets, links: Links, ticket: Ticket) -> list[Ticket]:
    """What a merged case was merged into, the nearest first. The last one has what they all are about, unless it is
    merged too: then no link leads on from it, or too many do.
    """
    found: list[Ticket] = []
    while ticket.state == "merged" and len(found) < MOST_MERGED:
        known = links(ticket.workspace, ticket.id)
        other = next((one.other for one in known if one.kind == "duplicate_of"), None)
        above = tickets.get(ticket.workspace, other) if other else None
        if above is None:
            break
        found.append(above)
        ticket = above
    return found
