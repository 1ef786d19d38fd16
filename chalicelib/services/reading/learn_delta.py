"""Learn what a workspace's analysts put right, once for the proposal that is to have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.domain.reading.correction import Correction
from chalicelib.domain.reading.frame_state import FrameState


class Deltas(Protocol):
    """See ``storage/reading/frames.py``."""

    def delta(self, workspace: str, number: int) -> Any | None: ...

    def put_delta(self, workspace: str, number: int, doc: Any) -> None: ...


class Corrections(Protocol):
    def newest(self, workspace: str) -> Sequence[Correction]:
        """What is learned from, in the order in which it was given."""


@dataclass(frozen=True, slots=True)
class LearnDelta:
    """``learn`` gives the delta of a frame as plain data."""

    frames: Deltas
    corrections: Corrections
    learn: Callable[[FrameState, Sequence[Correction]], Any]

    def __call__(self, state: FrameState) -> None:
        """Learn and keep the delta of ``state``; one that is there stays as it is."""
        if state.delta is None or self.frames.delta(state.workspace, state.delta) is not None:
            return
        self.frames.put_delta(state.workspace, state.delta, self.learn(state, self.corrections.newest(state.workspace)))
