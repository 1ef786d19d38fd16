"""Code frames in memory, with the conditions of the real store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.domain.reading.frame_state import Activation, FrameState
from chalicelib.domain.reading.proposal import RETIRED, Proposal

Key = tuple[str, str]


@dataclass
class FakeFrames:
    """``lose`` makes that many replacements come too late; ``reads`` counts who asked for the active frame."""

    states: dict[str, FrameState] = field(default_factory=dict)
    rows: dict[Key, Proposal] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    lines: dict[str, list[Activation]] = field(default_factory=dict)
    deltas: dict[tuple[str, int], Any] = field(default_factory=dict)
    reads: int = 0
    lose: int = 0

    def state(self, workspace: str) -> FrameState:
        self.reads += 1
        return self.states.get(workspace, FrameState(workspace))

    def activate(self, before: Proposal, after: Proposal, active: FrameState) -> bool:
        standing = self.states.get(after.workspace, FrameState(after.workspace))
        if standing != active or not self.replace(before, after):
            return False
        if active.proposal is not None and active.proposal != after.id:
            key = (after.workspace, active.proposal)
            self.rows[key] = replace(self.rows[key], state=RETIRED)
        at, by = after.activated_at, after.activated_by
        assert at is not None
        self.states[after.workspace] = replace(after.content, settled=False, activated_at=at, by=by)
        self.lines.setdefault(after.workspace, []).insert(0, Activation(after.id, after.number, after.packs, at, by))
        return True

    def settle(self, before: Proposal, after: Proposal) -> bool:
        if not self.replace(before, after):
            return False
        self.states[after.workspace] = replace(self.states[after.workspace], settled=True)
        return True

    def history(self, workspace: str) -> Sequence[Activation]:
        return self.lines.get(workspace, [])

    def next_number(self, workspace: str) -> int:
        self.numbers[workspace] = self.numbers.get(workspace, 0) + 1
        return self.numbers[workspace]

    def create(self, one: Proposal) -> None:
        assert (one.workspace, one.id) not in self.rows
        self.rows[one.workspace, one.id] = one

    def proposal(self, workspace: str, proposal_id: str) -> Proposal | None:
        return self.rows.get((workspace, proposal_id))

    def proposals(self, workspace: str) -> list[Proposal]:
        found = [one for (there, _), one in self.rows.items() if there == workspace]
        return sorted(found, key=lambda one: -one.number)

    def replace(self, before: Proposal, after: Proposal) -> bool:
        if self.lose:
            self.lose -= 1
            return False
        key = (before.workspace, before.id)
        if _lock(self.rows[key]) != _lock(before):
            return False
        self.rows[key] = after
        return True

    def delete(self, one: Proposal) -> bool:
        if self.lose or _lock(self.rows[one.workspace, one.id]) != _lock(one):
            return False
        del self.rows[one.workspace, one.id]
        return True

    def delta(self, workspace: str, number: int) -> Any | None:
        return self.deltas.get((workspace, number))

    def put_delta(self, workspace: str, number: int, doc: Any) -> None:
        self.deltas.setdefault((workspace, number), doc)


def _lock(one: Proposal) -> tuple[Any, ...]:
    return one.state, one.run, one.page, one.plan is not None
