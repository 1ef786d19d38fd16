"""Causes and what was learned of them in memory, with the conditions of the real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.domain.cases.graph import Counted, Overlay, Tally


@dataclass
class FakeCauses:
    """``lose``: so many writes come too late. What is learned is one workspace's."""

    own: dict[tuple[str, int], Overlay] = field(default_factory=dict)
    learned: dict[str, Tally] = field(default_factory=dict)
    rows: dict[str, Counted] = field(default_factory=dict)
    lose: int = 0
    reads: int = 0

    def overlay(self, workspace: str, version: int | None = None) -> Overlay:
        self.reads += 1
        newest = max((number for owner, number in self.own if owner == workspace), default=0)
        return self.own.get((workspace, newest if version is None else version), Overlay())

    def put_overlay(self, workspace: str, one: Overlay, *, by: str, at: datetime) -> bool:
        if self._late() or (workspace, one.version) in self.own:
            return False
        self.own[workspace, one.version] = one
        return True

    def tally(self, workspace: str, topic: str) -> Tally:
        return self.learned.get(topic, Tally())

    def tallies(self, workspace: str) -> dict[str, Tally]:
        return self.learned

    def counted(self, workspace: str, ticket: str) -> Counted | None:
        return self.rows.get(ticket)

    def count(
        self,
        workspace: str,
        ticket: str,
        known: Counted | None,
        now: Counted | None,
        at: datetime | None,
    ) -> bool:
        if self._late() or self.rows.get(ticket) != known:
            return False
        for one, more in ((known, False), (now, True)):
            if one is not None:
                before = self.tally(workspace, one.topic)
                change: dict[str, Any] = {"more": one.cause, "at": at} if more else {"less": one.cause}
                self.learned[one.topic] = before.changed(**change)
        if now is None:
            del self.rows[ticket]
        else:
            self.rows[ticket] = now
        return True

    def _late(self) -> bool:
        self.lose -= 1
        return self.lose >= 0
