"""Whose items are asked for, in memory: ``storage.outbound.watched.WatchedStore``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.domain.outbound.reconciliation import Drift, Watched


@dataclass
class FakeWatched:
    """``rows``: (workspace, endpoint, ticket) → what differed."""

    rows: dict[tuple[str, str, str], Drift | None] = field(default_factory=dict)
    notes: int = 0

    def add(self, workspace: str, endpoint: str, ticket: str) -> None:
        self.rows.setdefault((workspace, endpoint, ticket), None)

    def page(self, workspace: str, endpoint: str, *, after: str = "", limit: int) -> Sequence[Watched]:
        return [one for one in self._of(workspace, endpoint) if one.ticket > after][:limit]

    def drifting(self, workspace: str, endpoint: str, *, after: str = "", limit: int) -> tuple[Sequence[Watched], bool]:
        found = [one for one in self._of(workspace, endpoint) if one.drift and one.ticket > after]
        return found[:limit], len(found) > limit

    def note(self, workspace: str, endpoint: str, ticket: str, drift: Drift | None) -> None:
        self.notes += 1
        self.rows[workspace, endpoint, ticket] = drift

    def forget(self, workspace: str, endpoint: str, ticket: str) -> None:
        self.rows.pop((workspace, endpoint, ticket), None)

    def clear(self, workspace: str, endpoint: str) -> None:
        self.rows = {key: drift for key, drift in self.rows.items() if key[:2] != (workspace, endpoint)}

    def _of(self, workspace: str, endpoint: str) -> list[Watched]:
        mine = [(key[2], drift) for key, drift in self.rows.items() if key[:2] == (workspace, endpoint)]
        return [Watched(ticket, drift) for ticket, drift in sorted(mine, key=lambda one: one[0])]
