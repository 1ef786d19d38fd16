"""A voice without a ticket is put away by a person: its customer was answered, or nothing is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.voice.feedback import Closing, Feedback
from chalicelib.domain.workspaces.access import nowhere, sees_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.cases.move_ticket import colleagues_words
from chalicelib.services.ports import Clock


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...

    def close(self, feedback: Feedback, closing: Closing, state: str) -> bool:
        """False when the feedback has changed since it was read."""


@dataclass(frozen=True, slots=True)
class CloseFeedback:
    """What the customer says next takes a voice up again; another reading of the same words does not."""

    feedback: Voices
    clock: Clock

    def __call__(
        self, key: ApiKey, workspace: str, feedback_id: str, reason: str, *, state: str = "closed"
    ) -> Feedback:
        """The feedback, ``closed`` without action or ``answered``, with the reason or what the customer was told.

        Only what is ``new`` and waits for no ticket or alert is put away: all else has been seen to, or will be.
        Raises NotFound, Invalid (``no_reason``), Conflict (``not_open``, ``stale``).
        """
        found = self.feedback.get(workspace, feedback_id)
        if found is None or not sees_unit(key, found.unit):
            raise nowhere()
        said = colleagues_words(reason)
        if said is None:
            raise Invalid("Putting a voice away needs a reason.", code="no_reason", pointer="/reason")
        if found.state != "new" or found.awaiting:
            raise Conflict("This feedback has been seen to, or is just about to be.", code="not_open")
        if not self.feedback.close(found, Closing(key.id, self.clock(), said), state):
            raise Conflict("The feedback has changed meanwhile.", code="stale")
        closed = self.feedback.get(workspace, feedback_id)
        if closed is None:
            raise nowhere()
        return closed
