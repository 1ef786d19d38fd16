"""The question as it goes to the customer, and the link with which they answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from chalicelib.domain.cases import verification
from chalicelib.domain.cases.playbook import Chosen, Playbook, Text
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.cases.verification import Ask, Rules
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.errors import Conflict
from chalicelib.services.page.page_links import PageLinks
from chalicelib.services.ports import Clock

PURPOSE = "answer"


class Asked(NamedTuple):
    """What a link stands for: one resolution of one ticket."""

    workspace: str
    ticket: str
    number: int  # how often it had been reopened


@dataclass(frozen=True, slots=True)
class AnswerLinks:
    """``links`` are those of this purpose. ``base_url`` is where our pages are; without it there is no link."""

    links: PageLinks
    rules: Callable[[str], Rules]
    base_url: str = ""

    def ask(self, ticket: Ticket, feedback: Feedback | None, playbook: Playbook | None) -> Ask | None:
        """The question; None where it is not open any more. The same for every attempt to send it. Raises Retryable."""
        if ticket.state != "verifying" or ticket.asked_at is None or ticket.answer_by is None:
            return None
        url = f"{self.base_url}/v/{self.make(ticket, ticket.asked_at)}" if self.base_url else ""
        question = verification.question_of(playbook, self.rules(ticket.workspace))
        return Ask(question, verification.language_of(feedback), ticket.answer_by, url)

    def make(self, ticket: Ticket, asked_at: datetime) -> str:
        """The last part of the page's URL. Raises Retryable."""
        return self.links.make(ticket.workspace, f"{ticket.id}-{ticket.reopened}", asked_at)

    def read(self, text: str) -> Asked:
        """Raises NotFound for what we did not make and for what is over, both alike; Retryable."""
        link = self.links.read(text)
        ticket, _, number = link.ticket.rpartition("-")
        return Asked(link.workspace, ticket, int(number))


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """What the customer sees: the question, and what may be answered now.

    ``said_at``: when they told us of it; when the ticket was opened, where their words are kept no more. ``given``:
    what they have answered; None: nothing yet. ``choices`` is empty once it is too late.
    """

    ticket: str
    said_at: datetime
    zone: str  # IANA, of the unit
    question: Text = field(repr=False)
    given: str | None
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenAnswerPage:
    """Opening it answers nothing: links are opened by machines too."""

    links: AnswerLinks
    tickets: Tickets
    voices: Voices
    playbook: Callable[[str, Chosen | None], Playbook | None]
    zone: Callable[[str, str | None], str]
    clock: Clock

    def __call__(self, text: str) -> AnswerPage:
        """Raises NotFound, Retryable."""
        asked = self.links.read(text)
        ticket = self.tickets.get(asked.workspace, asked.ticket)
        if ticket is None:
            raise nowhere()
        rules = self.links.rules(asked.workspace)
        voice = self.voices.get(asked.workspace, ticket.feedback)
        open_ = {answer: self._is_open(ticket, answer, rules, asked.number) for answer in verification.ANSWERS}
        return AnswerPage(
            ticket=ticket.id,
            said_at=voice.occurred_at if voice else ticket.opened_at,
            zone=self.zone(asked.workspace, ticket.unit),
            question=verification.question_of(self.playbook(asked.workspace, ticket.playbook), rules),
            given=next((answer for answer, word in open_.items() if word == "given"), None),
            choices=tuple(answer for answer, word in open_.items() if word == "open"),
        )

    def _is_open(self, ticket: Ticket, answer: str, rules: Rules, number: int) -> str:
        """``open``, ``given`` where it is what was answered, or ``closed``."""
        now = self.clock()
        try:
            step = verification.answered(ticket, answer, at=now, via="page", changeable=rules.changeable, number=number)
        except Conflict:
            return "closed"
        return "open" if step else "given"
