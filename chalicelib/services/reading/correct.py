"""Put a reading right: an analyst's tags become the next reading, and a line of training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.domain.reading.correction import CORRECTED, Correction, Mark, checked, corrected, correction_id, marks
from chalicelib.domain.reading.reading import CodeFrame, is_readable
from chalicelib.domain.text.redaction import redact
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.access import nowhere, sees_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Conflict
from chalicelib.services.ports import Directory
from chalicelib.services.reading.reread import Reread


@dataclass(frozen=True, slots=True)
class Right:
    """What a person says a reading should be. ``tags`` is the whole list; None elsewhere: as it was."""

    tags: Sequence[Mark]
    red_lines: Sequence[str] | None = None
    intents: Sequence[str] | None = None
    note: str | None = None
    verdict: str = CORRECTED


@dataclass(frozen=True, slots=True)
class Correct:
    """``frame`` gives the code frame that is in force in a workspace."""

    reread: Reread
    directory: Directory
    frame: Callable[[str], CodeFrame]

    def seen(self, key: ApiKey, workspace: str, feedback_id: str) -> Feedback:
        """The feedback that a person talks about. Raises NotFound, Conflict (``nothing_to_read``)."""
        stored = self.reread.store.get(workspace, feedback_id)
        if stored is None or not sees_unit(key, stored.unit):
            raise nowhere()
        if not is_readable(stored):
            raise Conflict("There is nothing to be read in this feedback.", code="nothing_to_read")
        return stored

    def __call__(
        self, key: ApiKey, workspace: str, feedback_id: str, *, revision: int, reading: int, right: Right
    ) -> Feedback:
        """The feedback with its new reading, decided anew.

        Raises NotFound, Conflict (``stale``: the person saw another revision or reading; ``nothing_to_read``),
        Invalid (``unknown_topic``, ``unknown_red_line``, ``span_invalid``, ``tag_twice``), Retryable.
        """
        stored = self.seen(key, workspace, feedback_id)
        if (stored.revision, stored.reading) != (revision, reading):
            raise stale()
        frame = self.frame(workspace)
        tags = checked(right.tags, stored.texts, frame)
        understanding = corrected(stored, tags, frame, red_lines=right.red_lines, intents=right.intents)
        correction = Correction(
            workspace=workspace,
            id=correction_id(stored),
            feedback=stored.id,
            revision=revision,
            reading=reading,
            verdict=right.verdict,
            by=key.id,
            at=self.reread.clock(),
            frame_version=stored.understanding.frame_version,
            model_version=stored.understanding.model_version,
            old=marks(stored.understanding.tags),
            new=tags,
            texts=stored.texts,
            note=redact(right.note) if right.note else None,
        )
        rules = self.directory.rules(workspace)
        done = self.reread.apply(stored, understanding, rules, frame, correction)
        if done is None:
            raise stale()
        return done


def stale() -> Conflict:
    """Somebody else, or the customer, was faster."""
    return Conflict("The feedback has another revision or reading by now.", code="stale")
