"""What a customer answers, whichever way it reaches us: our page, a key, or a system of the company's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chalicelib.domain.cases import verification
from chalicelib.domain.cases.case import Note
from chalicelib.domain.cases.ticket import CUSTOMER, Ticket
from chalicelib.domain.cases.verification import Rules
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.errors import Conflict, Retryable
from chalicelib.services.cases.move_ticket import colleagues_words
from chalicelib.services.ports import Clock, TicketStore

ATTEMPTS: Final = 6


class Notes(Protocol):
    def add_note(self, workspace: str, ticket: str, note: Note) -> bool: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """The ticket after it. ``code``: ok | duplicate, where the answer was known."""

    ticket: Ticket
    code: str


@dataclass(frozen=True, slots=True)
class TakeAnswer:
    """The first answer decides; the same again is no news. ``tickets`` closes the parts of a case before the whole."""

    tickets: TicketStore
    notes: Notes
    rules: Callable[[str], Rules]
    clock: Clock

    def __call__(
        self,
        workspace: str,
        ticket_id: str,
        answer: str,
        *,
        via: str,
        words: str | None = None,
        number: int | None = None,
    ) -> Taken:
        """Apply an answer; ``words`` that came with it are redacted and kept as a note for colleagues.

        An answer is kept even where a part that is worked on lets nothing be closed; AskCustomer closes it later.
        Raises NotFound; Invalid and Conflict as ``verification.answered``; Retryable.
        """
        changeable, parts_open = self.rules(workspace).changeable, False
        for _ in range(ATTEMPTS):
            ticket = self.tickets.get(workspace, ticket_id)
            if ticket is None:
                raise nowhere()
            step = verification.answered(
                ticket,
                answer,
                at=self.clock(),
                via=via,
                changeable=changeable,
                number=number,
                parts_open=parts_open,
            )
            if step is None:
                return self._noted(Taken(ticket, "duplicate"), words)
            try:
                if self.tickets.update(step.ticket, step.moves, expected_version=ticket.version):
                    return self._noted(Taken(step.ticket, "ok"), words)
            except Conflict:
                parts_open = True
        raise Retryable("The ticket keeps changing.", code="contended")

    def keep_late(self, workspace: str, ticket_id: str, words: str) -> None:
        """Keep for colleagues what a customer wrote with an answer that decides nothing any more."""
        ticket = self.tickets.get(workspace, ticket_id)
        if ticket is not None:
            self._keep(ticket, verification.note_ids(ticket, late=True), self.clock(), words)

    def _noted(self, taken: Taken, words: str | None) -> Taken:
        """With a repeated answer too: the first may have died before its words were kept."""
        ticket = taken.ticket
        self._keep(ticket, verification.note_ids(ticket), ticket.answered_at or ticket.updated_at, words)
        return taken

    def _keep(self, ticket: Ticket, ids: Sequence[str], at: datetime, words: str | None) -> None:
        """The same words once, and no others over them: whoever has the customer's link can send some.

        Words for which no id is left are dropped.
        """
        text = colleagues_words(words)
        if text is not None:
            any(self.notes.add_note(ticket.workspace, ticket.id, Note(one, CUSTOMER, at, text)) for one in ids)
