"""What people add to a ticket beside its state: notes, links to other tickets, the verdict of an audit. Pure.

None of it makes a new version of the ticket, so none of it is ever an event or goes to another system.
"""

from __future__ import annotations

from collections.abc import Iterable
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


def sample(workspace: str, month: str, tickets: Iterable[str]) -> tuple[str, ...]:
    """Ids to audit of the tickets closed in ``month`` (``2026-11``): one in twenty, rounded up.

    The same tickets give the same sample; one more may put another out of it. The lot falls by a hash of workspace,
    ticket and month, so nobody can choose what is looked at.
    """
    drawn = sorted(set(tickets), key=lambda one: digest("audit", workspace, one, month))
    return tuple(sorted(drawn[: -(-len(drawn) // ONE_IN)]))


def month_of(month: str) -> tuple[datetime, datetime]:
    """First moment of a month (``2026-11``) in UTC, and that of the next one. Raises ValueError for no month."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=timezone.utc)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first, following
