"""A feedback that needs a person gets its one ticket, and the ticket follows the feedback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain.feedback import Feedback
from chalicelib.domain.ids import ticket_id
from chalicelib.domain.ticket import brought_up, opened, wants_ticket
from chalicelib.domain.ticket_title import TopicNames, language, title
from chalicelib.errors import Parked, Retryable
from chalicelib.services.ports import Clock, FeedbackReader, TicketStore

ATTEMPTS: Final = 6  # each lost race means that somebody else got on


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """What the tickets queue asks for. The message only names the feedback; what counts is the row as it is now.

    ``topic_names`` gives a workspace's names: its own topics have some too.
    """

    feedback: FeedbackReader
    tickets: TicketStore
    topic_names: Callable[[str], TopicNames]
    clock: Clock

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
        step = brought_up(ticket, feedback, self._title(feedback), self.clock())
        if step is None:
            return "unchanged"
        return "updated" if self.tickets.update(step.ticket, step.moves, expected_version=ticket.version) else None

    def _open(self, feedback: Feedback) -> str | None:
        step = opened(feedback, self._title(feedback), self.clock())
        return "opened" if self.tickets.create(step.ticket, step.moves[0]) else None

    def _title(self, feedback: Feedback) -> str:
        return title(feedback, self.topic_names(feedback.workspace), language(feedback))

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
