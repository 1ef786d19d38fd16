"""Read stored words again: another reading of the same revision, never a second ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chalicelib.domain.reading.correction import Correction
from chalicelib.domain.reading.reading import CodeFrame, next_reading
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Retryable
from chalicelib.services.ports import Clock

_TRIES: Final = 6  # each lost race means that somebody else got on


class ReadingStore(Protocol):
    """See ``storage/voice/feedback.py``."""

    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...

    def reread(self, old: Feedback, new: Feedback, correction: Correction | None = None) -> bool:
        """``new`` becomes current, what ``old`` said and the correction stay; False when it is not ``old``."""


@dataclass(frozen=True, slots=True)
class Reread:
    """``understanding`` is what a reader says of the stored texts, ``frame`` the frame of that reader."""

    store: ReadingStore
    clock: Clock

    def preview(
        self, stored: Feedback, understanding: Understanding, rules: Sequence[Rule], frame: CodeFrame
    ) -> Feedback:
        """What ``apply`` would store; ``stored`` itself (``is``) when nothing that anybody acts on changes."""
        return next_reading(stored, understanding, rules, frame, self.clock())

    def apply(
        self,
        stored: Feedback,
        understanding: Understanding,
        rules: Sequence[Rule],
        frame: CodeFrame,
        correction: Correction | None = None,
    ) -> Feedback | None:
        """Store the next reading, with the correction that asked for it; None when nothing changes.

        None too when the feedback is gone or has another revision or reading by now: whoever was faster has read it,
        and the caller looks again if it matters to them. What workers note on the row meanwhile is no obstacle.
        Raises Retryable (``contended``).
        """
        version, current = (stored.revision, stored.reading), stored
        for _ in range(_TRIES):
            following = self.preview(current, understanding, rules, frame)
            if following is current:
                return None
            if self.store.reread(current, following, correction):
                return following
            seen = self.store.get(stored.workspace, stored.id)
            if seen is None or (seen.revision, seen.reading) != version:
                return None
            current = seen
        raise Retryable("The feedback kept changing while it was read again.", code="contended")
