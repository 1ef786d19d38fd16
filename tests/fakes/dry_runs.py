"""Dry runs in memory, with the conditions of the real store."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from chalicelib.domain.reading.dry_run import Change, DryRun
from chalicelib.errors import TooLarge


@dataclass
class FakeRuns:
    """Rows as JSON keeps them. ``lose``: so many writes come too late; ``full``: memory that does not fit."""

    rows: dict[tuple[str, str], DryRun] = field(default_factory=dict)
    lose: int = 0
    full: bool = False

    def create(self, one: DryRun) -> None:
        self.rows[one.workspace, one.id] = one

    def get(self, workspace: str, run: str) -> DryRun | None:
        return self.rows.get((workspace, run))

    def runs(self, workspace: str) -> Iterable[DryRun]:
        return [
            replace(one, change=Change()) for (at, _), one in sorted(self.rows.items(), reverse=True) if at == workspace
        ]

    def replace(self, before: DryRun, after: DryRun) -> bool:
        if self.full and after.memory != ({}, {}):
            raise TooLarge("The dry run is too large.")
        known = self.rows[before.workspace, before.id]
        if self.lose or (known.state, known.page) != (before.state, before.page):
            self.lose = max(0, self.lose - 1)
            return False
        kept = json.loads(json.dumps([after.now, after.then, after.memory]))
        self.rows[after.workspace, after.id] = replace(after, now=kept[0], then=kept[1], memory=tuple(kept[2]))
        return True
