"""What people add to a ticket beside its state: notes, links to other tickets, the verdict of an audit. Pure.

None of it makes a new version of the ticket, so none of it is ever an event or goes to another system.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Final

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.ids import digest

ONE_IN: Final = 20  # of the closed tickets of a month are audited: 5 %
# A link is kept on both tickets, on each from its own side.
OTHER_SIDE: Final = {"duplicate_of": "has_duplicate", "has_duplicate": "duplicate_of", "related": "related"}
MOST_LINKS: Final = 50  # of one ticket
MOST_CASES: Final = 100  # of one customer that are looked at, the newest
MOST_EARLIER: Final = 20  # of them that are settled and shown


@dataclass(frozen=True, slots=True)
class Note:
    """What a colleague wrote about a case, for colleagues. ``attachments`` are links, nothing is kept of what they
    lead to."""

    id: str  # sorts by time
    by: str
    at: datetime
    text: str = field(repr=False)
    attachments: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """That a ticket has to do with another one, seen from ``ticket``."""

    workspace: str
    ticket: str
    other: str
    kind: str  # duplicate_of | has_duplicate | related
    by: str
    at: datetime

    def reversed(self) -> Link:
        """The same link seen from the other ticket."""
        return Link(self.workspace, self.other, self.ticket, OTHER_SIDE[self.kind], self.by, self.at)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit came to: ``passed`` or ``failed``. ``version``: the ticket's that was judged."""

    verdict: str
    by: str
    at: datetime
    version: int
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Customer:
    """Which other cases of the same customer there are, last opened first. ``heard``: this one and all others."""

    open: tuple[Ticket, ...]
    earlier: tuple[Ticket, ...]  # settled, the newest of them
    heard: int
    last_heard_at: datetime


@dataclass(frozen=True, slots=True)
class Lot:
    """Where a ticket stands among those closed in ``month`` (``2026-11``, UTC); None: it is not closed by now.

    ``version``: the ticket's that says so.
    """

    workspace: str
    ticket: str
    version: int
    month: str | None
    unit: str | None

    @property
    def place(self) -> str:
        """What the lots of a month are ordered by: a hash, so nobody can choose what is looked at."""
        return digest("audit", self.workspace, self.ticket, self.month or "")


def lot_of(ticket: Ticket) -> Lot:
    """Where the ticket stands by now."""
    at = ticket.closed_at if ticket.state == "closed" else None
    month = f"{at.astimezone(timezone.utc):%Y-%m}" if at is not None else None
    return Lot(ticket.workspace, ticket.id, ticket.version, month, ticket.unit)


def drawn(closed: int) -> int:
    """How many of a month's closed tickets are audited, the first by their places: one in twenty, rounded up."""
    return -(-closed // ONE_IN)
