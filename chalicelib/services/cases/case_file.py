"""What lies beside a ticket: colleagues' notes, its links to other tickets, and the customer's other cases.

None of it changes the ticket. Notes and links make no version, so they are no event and reach no other system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.cases.case import MOST_CASES, MOST_EARLIER, MOST_LINKS, Customer, Link, Note
from chalicelib.domain.cases.ticket import SETTLED, Ticket
from chalicelib.domain.ids import timed_id
from chalicelib.domain.workspaces.access import nowhere, sees_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.cases.move_ticket import colleagues_words
from chalicelib.services.ports import Clock


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...

    def of_customer(self, workspace: str, customer: str, *, limit: int) -> Sequence[Ticket]: ...


class Cases(Protocol):
    def add_note(self, workspace: str, ticket: str, note: Note) -> bool: ...

    def notes(
        self, workspace: str, ticket: str, *, limit: int, cursor: str | None
    ) -> tuple[Sequence[Note], str | None]: ...

    def links(self, workspace: str, ticket: str) -> Sequence[Link]: ...

    def link(self, link: Link) -> bool:
        """Both sides or neither; False when the two are linked already."""

    def unlink(self, link: Link) -> bool:
        """Both sides or neither; False when they were not there as ``link`` has them."""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Every ticket that is handed in was found by ``ReadTickets.get``: the key sees it."""

    tickets: Tickets
    cases: Cases
    clock: Clock

    def notes(self, ticket: Ticket, *, limit: int, cursor: str | None) -> tuple[Sequence[Note], str | None]:
        """One page, oldest first. Raises Invalid (``invalid_cursor``)."""
        return self.cases.notes(ticket.workspace, ticket.id, limit=limit, cursor=cursor)

    def add_note(self, ticket: Ticket, text: str, attachments: Sequence[str], *, by: str) -> Note:
        """A note as it is kept: redacted, for colleagues quote customers. Raises Invalid (``note_empty``)."""
        words = colleagues_words(text)
        if words is None and not attachments:
            raise Invalid("A note needs words or a link.", code="note_empty", pointer="/text")
        now = self.clock()
        note = Note(timed_id("nt", now), by, now, words or "", tuple(attachments))
        self.cases.add_note(ticket.workspace, ticket.id, note)
        return note

    def links(self, key: ApiKey, ticket: Ticket) -> Sequence[Link]:
        """Links to tickets that the key sees too."""
        return [one for one in self.cases.links(ticket.workspace, ticket.id) if self._sees(key, ticket, one.other)]

    def link(self, key: ApiKey, ticket: Ticket, other: str, kind: str) -> Link:
        """Link two tickets, both as they are; the same link again is no news.

        ``kind`` ``duplicate_of``: ``ticket`` tells once more what ``other`` tells. Raises NotFound for another ticket
        that the key does not see, Invalid (``links_itself``), Conflict (``already_linked``, ``too_many``).
        """
        if not self._sees(key, ticket, other):
            raise nowhere()
        if other == ticket.id:
            raise Invalid("A ticket is not linked to itself.", code="links_itself", pointer="/ticket")
        known = self.cases.links(ticket.workspace, ticket.id)
        for one in known:
            if (one.other, one.kind) == (other, kind):
                return one
        if max(len(known), len(self.cases.links(ticket.workspace, other))) >= MOST_LINKS:
            raise Conflict("There are too many links on one of them.", code="too_many")
        link = Link(ticket.workspace, ticket.id, other, kind, key.id, self.clock())
        if not self.cases.link(link):
            raise Conflict("The two are linked in another way.", code="already_linked")
        return link

    def unlink(self, key: ApiKey, ticket: Ticket, other: str) -> None:
        """Undo a link, on both tickets. Raises NotFound, Conflict (``stale``)."""
        found = [one for one in self.links(key, ticket) if one.other == other]
        if not found:
            raise nowhere()
        if not self.cases.unlink(found[0]):
            raise _stale()

    def unlink_all(self, ticket: Ticket, kind: str) -> None:
        """Undo every link of a kind, to tickets that nobody here sees too. Raises Conflict (``stale``)."""
        for one in self.cases.links(ticket.workspace, ticket.id):
            if one.kind == kind and not self.cases.unlink(one):
                raise _stale()

    def customer(self, key: ApiKey, ticket: Ticket) -> Customer | None:
        """The customer's cases that the key sees; None when nobody knows whose the ticket is."""
        if ticket.customer is None:
            return None
        found = self.tickets.of_customer(ticket.workspace, ticket.customer, limit=MOST_CASES)
        cases = [one for one in found if sees_unit(key, one.unit) and one.id not in (ticket.id, ticket.parent)]
        return Customer(
            open=tuple(one for one in cases if one.state not in SETTLED),
            earlier=tuple(one for one in cases if one.state in SETTLED)[:MOST_EARLIER],
            heard=len(cases) + 1,
            last_heard_at=max(one.opened_at for one in (ticket, *cases)),
        )

    def _sees(self, key: ApiKey, ticket: Ticket, other: str) -> bool:
        found = ticket if other == ticket.id else self.tickets.get(ticket.workspace, other)
        return found is not None and sees_unit(key, found.unit)


def _stale() -> Conflict:
    return Conflict("Somebody else has just changed this link.", code="stale")
