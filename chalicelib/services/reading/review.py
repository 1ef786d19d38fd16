"""The review queue: what the machine is not sure of waits for a person instead of being guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.reading.correction import RIGHT, marks
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.services.reading.correct import Correct, Right


class ReviewQueue(Protocol):
    def page(self, workspace: str, *, limit: int, cursor: str | None = None) -> tuple[Sequence[Feedback], str | None]:
        """Feedback whose reading has review reasons, oldest first, and the cursor of the next page."""


@dataclass(frozen=True, slots=True)
class Review:
    """A verdict is a correction that changes nothing: the same tags, now on a person's word."""

    queue: ReviewQueue
    correct: Correct

    def page(self, workspace: str, *, limit: int, cursor: str | None) -> tuple[Sequence[Feedback], str | None]:
        """What waits. Raises Invalid (``invalid_cursor``)."""
        return self.queue.page(workspace, limit=limit, cursor=cursor)

    def right(
        self,
        key: ApiKey,
        workspace: str,
        feedback_id: str,
        *,
        revision: int | None = None,
        reading: int | None = None,
        note: str | None = None,
    ) -> Feedback:
        """The tags are right as they are: they count, and route, like an analyst's own. Raises as ``Correct``.

        Without ``revision`` and ``reading`` it is the current one that is meant.
        """
        stored = self.correct.seen(key, workspace, feedback_id)
        return self.correct(
            key,
            workspace,
            feedback_id,
            revision=stored.revision if revision is None else revision,
            reading=stored.reading if reading is None else reading,
            right=Right(marks(stored.understanding.tags), note=note, verdict=RIGHT),
        )
