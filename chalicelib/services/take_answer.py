"""What a customer answers, whichever way it reaches us: our page, a key, or a system of the company's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from chalicelib.domain import verification
from chalicelib.domain.access import nowhere
from chalicelib.domain.case import Note
from chalicelib.domain.ticket import Step, Ticket
from chalicelib.domain.verification import CUSTOMER, Rules
from chalicelib.errors import Conflict, Retryable
from chalicelib.services.move_ticket import colleagues_words
from chalicelib.services.ports import Clock, TicketStore

ATTEMPTS: Final = 6


class Notes(Protocol):
    def add_note(self, workspace: str, ticket: str, note: Note) -> None: ...


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

        Raises NotFound; Invalid and Conflict as ``verification.answered``; Retryable.
        """
        changeable = self.rules(workspace).changeable
        for _ in range(ATTEMPTS):
            ticket = self.tickets.get(workspace, ticket_id)
            if ticket is None:
                raise nowhere()
            step = verification.answered(ticket, answer, at=self.clock(), via=via, changeable=changeable, number=number)
            if step is None:
                return self._noted(Taken(ticket, "duplicate"), words)
            if self._written(step, ticket.version):
                return self._noted(Taken(step.ticket, "ok"), words)
        raise Retryable("The ticket keeps changing.", code="contended")

    def _written(self, step: Step, expected_version: int) -> bool:
        """A part that is being taken up takes up the whole in a moment: until then nothing can be closed."""
        try:
            return self.tickets.update(step.ticket, step.moves, expected_version=expected_version)
        except Conflict:
            raise Retryable("A part of the case is being worked on.", code="children_open") from None

    def _noted(self, taken: Taken, words: str | None) -> Taken:
        """With a repeated answer too: the first may have died before its words were kept. One note an answer."""
        text = colleagues_words(words)
        if text is not None:
            ticket = taken.ticket
            note = Note(verification.note_id(ticket), CUSTOMER, ticket.answered_at or ticket.updated_at, text)
            self.notes.add_note(ticket.workspace, ticket.id, note)
        return taken
