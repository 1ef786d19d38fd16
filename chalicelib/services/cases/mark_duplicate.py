"""A case that tells once more what another one tells is linked to it and put aside, and can be taken out again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from chalicelib.domain.cases.ticket import Step, Ticket, lifted, lifted_by, taken_back
from chalicelib.domain.cases.ticket import move as moved
from chalicelib.domain.workspaces.access import nowhere, sees_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Conflict, Invalid, Retryable
from chalicelib.services.cases.case_file import CaseFile
from chalicelib.services.cases.follow_parts import refuse_open_parts
from chalicelib.services.cases.merged_cases import cases_above
from chalicelib.services.cases.move_ticket import MoveTicket, colleagues_words, version_conflict
from chalicelib.services.ports import TicketStore

KIND: Final = "duplicate_of"
ATTEMPTS: Final = 6  # each lost race means that somebody else got on


@dataclass(frozen=True, slots=True)
class MarkDuplicate:
    """A link and a state, nothing else: no words, items or contact data go from one ticket to the other, so taking it
    out again leaves both as they were. What worse words of the duplicate gave the other one meanwhile goes back, see
    ``taken_back``. Every ticket that is handed in was found by ``ReadTickets.get``.
    """

    tickets: TicketStore
    file: CaseFile
    move: MoveTicket

    def mark(self, key: ApiKey, ticket: Ticket, of: str, *, version: int, reason: str) -> Ticket:
        """The ticket, merged; ``of`` stays as it is but for the link.

        The link is made first: where a crash leaves only that, the same call goes on from there. Raises NotFound for
        another ticket that the key does not see; Invalid (``links_itself``, ``no_reason``); Conflict
        (``already_linked``, ``children_open``, ``illegal_move``, ``of_a_duplicate``, ``too_many``,
        ``version_conflict``).
        """
        said = _reason(reason)
        if ticket.version != version:
            raise version_conflict()
        moved(ticket, "merged", ticket.updated_at)  # whether it may be, before anything is written
        refuse_open_parts(self.tickets, ticket)
        other = self.tickets.get(ticket.workspace, of)
        if other is None or not sees_unit(key, other.unit):
            raise nowhere()
        if other.state == "merged" and of != ticket.id:
            raise Conflict("That ticket is a duplicate itself.", code="of_a_duplicate", pointer="/of")
        self.file.link(key, ticket, of, KIND)
        return self.move(ticket.workspace, ticket.id, to="merged", version=version, actor=key.id, reason=said)

    def undo(self, key: ApiKey, ticket: Ticket, *, version: int, reason: str) -> Ticket:
        """The ticket in the state that it had. It is no duplicate: whatever link says so goes, before the move, and so
        does what the cases above have through it. What they have of its own duplicates goes to the ticket.

        Raises Invalid (``no_reason``), Conflict (``not_merged``, ``stale``, ``version_conflict``), Retryable.
        """
        said = _reason(reason)
        if ticket.version != version:
            raise version_conflict()
        if ticket.state != "merged" or ticket.former_state is None:
            raise Conflict("This ticket is no duplicate.", code="not_merged")
        above = cases_above(self.tickets, self.file.cases.links, ticket)
        back = self._apart(ticket, above, key.id)  # before the link goes: without it nobody would find them again
        self.file.unlink_all(ticket, KIND)
        try:
            back = self.move(
                ticket.workspace, ticket.id, to=ticket.former_state, version=back.version, actor=key.id, reason=said
            )
        finally:
            back = self._apart(back, above, key.id)  # once more: worse words may have come between
        return back

    def _apart(self, ticket: Ticket, above: Sequence[Ticket], actor: str) -> Ticket:
        """The ticket with what the cases above have of its own duplicates; they have nothing by way of it any more.

        It gets that first: whatever fails between, or after it, nobody's worse words are nowhere.
        """
        through = self._through(ticket, above)
        for duplicate in through:
            ticket = self._changed(ticket, partial(lifted, duplicate=duplicate))
        take_back = partial(self._taken_back, duplicates=(ticket.id, *(one.id for one in through)), actor=actor)
        for one in above:
            self._changed(one, take_back)
        return ticket

    def _through(self, ticket: Ticket, above: Sequence[Ticket]) -> list[Ticket]:
        """Duplicates of the ticket that gave something to a case above it."""
        known = (self.tickets.get(one.workspace, one.id) for one in above)
        named = {one for case in known if case is not None for one in lifted_by(case)}
        links = self.file.cases.links
        return [
            one
            for one in self._those(ticket.workspace, sorted(named - {ticket.id}))
            if ticket.id in {case.id for case in cases_above(self.tickets, links, one)}
        ]

    def _taken_back(self, main: Ticket, *, duplicates: Collection[str], actor: str, at: datetime) -> Step | None:
        others = self._those(main.workspace, [one for one in lifted_by(main) if one not in duplicates])
        return taken_back(main, duplicates, actor=actor, at=at, others=others)

    def _those(self, workspace: str, ids: Iterable[str]) -> list[Ticket]:
        found = (self.tickets.get(workspace, one) for one in ids)
        return [one for one in found if one is not None]

    def _changed(self, case: Ticket, change: Callable[..., Step | None]) -> Ticket:
        """The case as it is now, changed where there is something to change. Raises Retryable (``contended``)."""
        for _ in range(ATTEMPTS):
            now = self.tickets.get(case.workspace, case.id) or case
            step = change(now, at=self.move.clock())
            if step is None:
                return now
            if self.tickets.update(step.ticket, step.moves, expected_version=now.version):
                return self.tickets.get(case.workspace, case.id) or step.ticket  # with its clocks
        raise Retryable("The case keeps changing.", code="contended")


def _reason(text: str) -> str:
    said = colleagues_words(text)
    if said is None:
        raise Invalid("Saying what is a duplicate, or none, needs a reason.", code="no_reason", pointer="/reason")
    return said
