"""What packs ship, which code frame is active, and what was proposed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.domain.cases.playbook import Playbook, Playbooks
from chalicelib.domain.reading.frame_state import Activation, FrameState
from chalicelib.domain.reading.proposal import Proposal
from chalicelib.domain.workspaces.access import nowhere


class Frames(Protocol):
    """See ``storage/reading/frames.py``."""

    def state(self, workspace: str) -> FrameState: ...

    def history(self, workspace: str) -> Sequence[Activation]: ...

    def proposal(self, workspace: str, proposal_id: str) -> Proposal | None: ...

    def proposals(self, workspace: str) -> Iterable[Proposal]: ...


class Book(Protocol):
    """See ``understanding/book.py``; a frame is one of ``understanding/frame.py``."""

    def frame(self, state: FrameState) -> Any: ...

    def playbooks(self, state: FrameState) -> Playbooks: ...

    def packs(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class ReadFrame:
    frames: Frames
    book: Book

    def packs(self) -> list[tuple[str, Any]]:
        """Name and frame of every pack that ships."""
        return [(pack, self.pack(pack)) for pack in self.book.packs()]

    def pack(self, name: str) -> Any:
        """The frame of one pack. Raises NotFound."""
        if name not in self.book.packs():
            raise nowhere()
        return self.book.frame(FrameState("", packs=(name,)))

    def playbooks(self, name: str) -> list[Playbook]:
        """What a pack says to do, its topics first, then the red lines. Raises NotFound."""
        if name not in self.book.packs():
            raise nowhere()
        return list(self.book.playbooks(FrameState("", packs=(name,))).by_id.values())

    def active(self, workspace: str) -> tuple[FrameState, Any]:
        state = self.frames.state(workspace)
        return state, self.book.frame(state)

    def history(self, workspace: str) -> Sequence[Activation]:
        """Newest first."""
        return self.frames.history(workspace)

    def proposals(self, workspace: str) -> list[Proposal]:
        """Newest first."""
        return list(self.frames.proposals(workspace))

    def proposal(self, workspace: str, proposal_id: str) -> Proposal:
        """Raises NotFound."""
        found = self.frames.proposal(workspace, proposal_id)
        if found is None:
            raise nowhere()
        return found
