"""Activate a proposed code frame: new voices are read by it at once, older ones page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.reading.proposal import APPLYING, Proposal, activated, basis, message
from chalicelib.domain.time.moments import whole
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Conflict
from chalicelib.services.ports import Clock, Queue


class Frames(Protocol):
    """See ``storage/reading/frames.py``."""

    def state(self, workspace: str) -> FrameState: ...

    def proposal(self, workspace: str, proposal_id: str) -> Proposal | None: ...

    def activate(self, before: Proposal, after: Proposal, active: FrameState) -> bool: ...


class Book(Protocol):
    def version(self, state: FrameState) -> str: ...


class Rules(Protocol):
    def rules(self, workspace: str) -> Sequence[Rule]: ...


@dataclass(frozen=True, slots=True)
class ActivateFrame:
    """``delay`` in seconds is longer than a batch of voices may take.

    What a worker still reads with the frame before is then in the table when the first page is listed.
    """

    frames: Frames
    book: Book
    rules: Rules
    readings: Queue
    clock: Clock
    delay: int

    def __call__(self, workspace: str, proposal_id: str, *, by: str) -> Proposal:
        """The proposal, applying. Asked for again while it applies, it is sent on its way again and nothing else.

        Raises NotFound, Conflict (``effect_pending``, ``effect_stale``, ``frame_active``), Retryable.
        """
        one = self.frames.proposal(workspace, proposal_id)
        if one is None:
            raise nowhere()
        if one.state == APPLYING:
            self.readings.send(message(one), delay=self.delay)
            return one
        active = self.frames.state(workspace)
        now_basis = basis(active, self.book.version(one.content), self.rules.rules(workspace))
        after = activated(one, whole(self.clock()), by, now_basis)
        if not self.frames.activate(one, after, active):
            raise Conflict("Somebody else has changed the frame meanwhile.", code="effect_stale")
        self.readings.send(message(after), delay=self.delay)
        return after
