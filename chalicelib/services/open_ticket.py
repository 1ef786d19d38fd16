"""A feedback that needs a person gets its one ticket, and the ticket follows the feedback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain.feedback import Feedback
from chalicelib.domain.ids import ticket_id
from chalicelib.domain.playbook import Chosen, FrameWords, choose
from chalicelib.domain.ticket import Step, brought_up, is_elsewhere, opened, owned, wants_ticket
from chalicelib.domain.ticket_title import language, title
from chalicelib.errors import Parked, Retryable
from chalicelib.services.ports import Clock, FeedbackReader, TicketStore

Owners = Callable[[str, Sequence[str], str | None], str | None]  # workspace, departments, unit → person

ATTEMPTS: Final = 6  # each lost race means that somebody else got on


def nobody(workspace: str, departments: Sequence[str], unit: str | None) -> str | None:  # noqa: ARG001 - as Owners
    """Who is answerable where there is no organisation."""
    return None


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """What the tickets queue asks for. The message only names the feedback; what counts is the row as it is now.

    ``frames`` gives what a workspace's frame says of topics: their names, and what to do about them. ``owner`` gives
    who is answerable now; it is asked when a ticket is opened, and when it goes to another department or unit.
    """

    feedback: FeedbackReader
    tickets: TicketStore
    frames: Callable[[str], FrameWords]
    clock: Clock
    owner: Owners = nobody

    def __call__(self, message: Mapping[str, Any]) -> str:
        """Bring feedback and ticket together; any number of times, in any order, with the same end.

        ``message["detail"]`` is that of a ``feedback.*`` event. Returns opened | updated | unchanged | cleared
        (nothing asks for a ticket and there is none) | gone (no such feedback any more).
        Raises Parked (``message_invalid``), Retryable (``contended``).
        """
        workspace, feedback_id = _named(message)
        for _ in range(ATTEMPTS):
            feedback = self.feedback.get(workspace, feedback_id)
            if feedback is None:
                return "gone"
            outcome = self._settle(feedback)
            if outcome is not None and self._done(feedback, cleared=outcome == "cleared"):
                return outcome
        raise Retryable("The feedback or its ticket keeps changing.", code="contended")

    def _settle(self, feedback: Feedback) -> str | None:
        """Open the ticket or bring it up to date; None when somebody else changed it meanwhile."""
        ticket = self.tickets.get(feedback.workspace, ticket_id(feedback.workspace, feedback.id))
        if ticket is None:
            return self._open(feedback) if wants_ticket(feedback) else "cleared"
        about, playbook = self._words(feedback)
        step = brought_up(ticket, feedback, about, self.clock(), playbook)
        if step is None:
            return "unchanged"
        if is_elsewhere(ticket, step.ticket):
            step = self._owned(step)
        return "updated" if self.tickets.update(step.ticket, step.moves, expected_version=ticket.version) else None

    def _open(self, feedback: Feedback) -> str | None:
        about, playbook = self._words(feedback)
        step = self._owned(opened(feedback, about, self.clock(), playbook))
        return "opened" if self.tickets.create(step.ticket, step.moves[0]) else None

    def _owned(self, step: Step) -> Step:
        ticket = step.ticket
        return owned(step, self.owner(ticket.workspace, ticket.departments, ticket.unit))

    def _words(self, feedback: Feedback) -> tuple[str, Chosen | None]:
        """Title and playbook, by the frame as it is now."""
        words = self.frames(feedback.workspace)
        playbook = choose(feedback, words.playbooks)
        return title(feedback, words.name, language(feedback)), playbook.chosen if playbook else None

    def _done(self, feedback: Feedback, *, cleared: bool) -> bool:
        """Take ``ticket`` off what the feedback awaits; False when it has moved on and must be looked at again.

        A replay finds it off already and writes nothing.
        """
        ticket = None if cleared else ticket_id(feedback.workspace, feedback.id)
        if "ticket" not in feedback.awaiting and feedback.ticket == ticket:
            return True
        return self.feedback.action_done(feedback, "ticket", at=self.clock(), ticket=ticket)


def _named(message: Mapping[str, Any]) -> tuple[str, str]:
    detail = message.get("detail")
    if isinstance(detail, Mapping):
        workspace, feedback_id = detail.get("workspace"), detail.get("feedback_id")
        if isinstance(workspace, str) and isinstance(feedback_id, str):
            return workspace, feedback_id
    raise Parked("The message names no feedback.", code="message_invalid")
