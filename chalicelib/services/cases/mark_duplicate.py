"""A case that tells once more what another one tells is linked to it and put aside, and can be taken out again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.cases.ticket import move as moved
from chalicelib.domain.workspaces.access import nowhere, sees_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.cases.case_file import CaseFile
from chalicelib.services.cases.follow_parts import Tickets, refuse_open_parts
from chalicelib.services.cases.move_ticket import MoveTicket, colleagues_words, version_conflict

KIND: Final = "duplicate_of"


@dataclass(frozen=True, slots=True)
class MarkDuplicate:
    """A link and a state, nothing else: no words, items or contact data go from one ticket to the other, so taking it
    out again leaves both as they were. Every ticket that is handed in was found by ``ReadTickets.get``.
    """

    tickets: Tickets
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
        """The ticket in the state that it had. It is no duplicate: whatever link says so goes, before the move.

        Raises Invalid (``no_reason``), Conflict (``not_merged``, ``stale``, ``version_conflict``).
        """
        said = _reason(reason)
        if ticket.version != version:
            raise version_conflict()
        if ticket.state != "merged" or ticket.former_state is None:
            raise Conflict("This ticket is no duplicate.", code="not_merged")
        self.file.unlink_all(ticket, KIND)
        former = ticket.former_state
        return self.move(ticket.workspace, ticket.id, to=former, version=version, actor=key.id, reason=said)


def _reason(text: str) -> str:
    said = colleagues_words(text)
    if said is None:
        raise Invalid("Saying what is a duplicate, or none, needs a reason.", code="no_reason", pointer="/reason")
    return said
