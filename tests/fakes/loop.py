"""What happened to tickets, what was told and which digests are wanted, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.reports.briefing import Briefing
from chalicelib.domain.reports.loop import Happening, Span, Telling
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR


@dataclass
class FakeBook:
    """Pages are cut without a cursor of the real form: the next one is named by the last voice."""

    rows: dict[tuple[str, str, datetime, str, int], Happening] = field(default_factory=dict)

    def note(self, workspace: str, one: Happening) -> None:
        self.rows[workspace, one.what, one.at, one.ticket, one.version] = one

    def voices(self, span: Span, what: str) -> set[str]:
        return set(self._of(span, what))

    def page(self, span: Span, what: str, *, limit: int, cursor: str | None) -> tuple[list[str], str | None]:
        found = self._of(span, what)
        rest = found[found.index(cursor) + 1 :] if cursor else found
        return rest[:limit], rest[limit - 1] if len(rest) > limit else None

    def _of(self, span: Span, what: str) -> list[str]:
        found = [
            one
            for (workspace, *_), one in sorted(self.rows.items(), key=lambda row: row[0])
            if (workspace, one.what) == (span.workspace, what)
            and span.since <= one.at < span.until
            and (span.department is None or span.department in one.departments)
            and (span.unit is None or f"{one.unit}{UNIT_SEPARATOR}".startswith(span.unit + UNIT_SEPARATOR))
        ]
        return list(dict.fromkeys(one.feedback for one in found))


@dataclass
class FakeTellings:
    rows: dict[tuple[str, str, str], Telling] = field(default_factory=dict)

    def tell(self, one: Telling, at: datetime) -> bool:
        key = (one.workspace, one.subject, one.slot)
        if key in self.rows:
            return False
        self.rows[key] = one
        return True


@dataclass
class FakeBriefings:
    rows: dict[tuple[str, str], Briefing] = field(default_factory=dict)

    def put(self, one: Briefing) -> None:
        self.rows[one.workspace, one.id] = one

    def get(self, workspace: str, briefing_id: str) -> Briefing | None:
        return self.rows.get((workspace, briefing_id))

    def of(self, workspace: str) -> Sequence[Briefing]:
        return [one for (there, _), one in self.rows.items() if there == workspace]

    def delete(self, workspace: str, briefing_id: str) -> None:
        self.rows.pop((workspace, briefing_id), None)
