"""Propose a code frame: check it, then have its effect measured on every voice before anybody activates it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from chalicelib.domain.ids import random_id
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.reading.proposal import MEASURING, MOST_PROPOSALS, Proposal, basis, measured_again, message
from chalicelib.domain.time.moments import whole
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.limits import room_for_one_more
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Conflict
from chalicelib.services.ports import Clock, Queue

MOST_MEASURING: Final = 3  # at once in a workspace: each reads everything that is kept
START_S: Final = 2  # the list of feedback is eventually consistent


class Frames(Protocol):
    """Where proposals are kept, see ``storage/reading/frames.py``."""

    def state(self, workspace: str) -> FrameState: ...

    def next_number(self, workspace: str) -> int: ...

    def create(self, one: Proposal) -> None: ...

    def proposal(self, workspace: str, proposal_id: str) -> Proposal | None: ...

    def proposals(self, workspace: str) -> Iterable[Proposal]: ...

    def replace(self, before: Proposal, after: Proposal) -> bool: ...

    def delete(self, one: Proposal) -> bool: ...


class Book(Protocol):
    """What a frame means, see ``understanding/book.py``."""

    def check(self, state: FrameState) -> None:
        """Raises Invalid (``unknown_pack``, ``frame_invalid``)."""

    def version(self, state: FrameState) -> str: ...


class Rules(Protocol):
    def rules(self, workspace: str) -> Sequence[Rule]: ...


@dataclass(frozen=True, slots=True)
class ProposeFrame:
    frames: Frames
    book: Book
    rules: Rules
    readings: Queue
    clock: Clock

    def __call__(
        self, workspace: str, packs: Sequence[str], overlay: str | None, learn: bool | None, *, by: str
    ) -> Proposal:
        """A new proposal, whose measuring has been asked for.

        ``overlay`` None keeps the one in force, ``""`` drops it. ``learn`` True learns a delta from the workspace's
        corrections, False drops the one in force, None keeps it.
        Raises Invalid (``unknown_pack``, ``frame_invalid``), Conflict (``too_many``), Retryable.
        """
        active = self.frames.state(workspace)
        self._room(workspace)
        content = replace(active, packs=tuple(packs), overlay=active.overlay if overlay is None else overlay)
        self.book.check(replace(content, number=active.number + 1, delta=None))
        number = self.frames.next_number(workspace)
        now = whole(self.clock())
        one = Proposal(
            workspace=workspace,
            id=f"fp_{number:06d}_{random_id('')[1:13]}",
            number=number,
            packs=content.packs,
            by=by,
            created_at=now,
            as_of=now,
            overlay=content.overlay,
            delta=number if learn else active.delta if learn is None else None,
        )
        one = replace(one, basis=self._basis(one, active))
        self.frames.create(one)
        self.readings.send(message(one), delay=START_S)
        return one

    def again(self, workspace: str, proposal_id: str) -> Proposal:
        """Measure a proposal anew, as things are now. One that was active before comes back this way.

        One that is being measured is only sent on its way again.
        Raises NotFound, Conflict (``effect_pending``, ``frame_active``, ``too_many``), Retryable.
        """
        one = self.frames.proposal(workspace, proposal_id)
        if one is None:
            raise nowhere()
        if one.state == MEASURING:
            self.readings.send(message(one), delay=START_S)
            return one
        self._room(workspace, but=one.id)
        after = measured_again(one, whole(self.clock()), self._basis(one, self.frames.state(workspace)))
        if not self.frames.replace(one, after):
            raise Conflict("Somebody else has changed the proposal.", code="effect_pending")
        self.readings.send(message(after), delay=START_S)
        return after

    def withdraw(self, workspace: str, proposal_id: str) -> None:
        """Forget a proposal that was never activated. Raises NotFound, Conflict (``frame_active``)."""
        one = self.frames.proposal(workspace, proposal_id)
        if one is None:
            raise nowhere()
        if one.activated_at is not None:
            raise Conflict("The proposal was activated: it is history.", code="frame_active")
        if not self.frames.delete(one):
            raise Conflict("The proposal is being measured: try again.", code="effect_pending")

    def _room(self, workspace: str, but: str = "") -> None:
        others = [one for one in self.frames.proposals(workspace) if one.id != but]
        room_for_one_more(sum(one.activated_at is None for one in others), MOST_PROPOSALS)
        room_for_one_more(sum(one.state == MEASURING for one in others), MOST_MEASURING)

    def _basis(self, one: Proposal, active: FrameState) -> str:
        return basis(active, self.book.version(one.content), self.rules.rules(one.workspace))
