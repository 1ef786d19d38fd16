"""Corrections as training data, and the readings of one feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chalicelib.domain.reading.correction import Correction
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.access import nowhere, sees_unit
from chalicelib.domain.workspaces.directory import ApiKey

PAGE: Final = 100
MOST_LEARNT: Final = 2000  # corrections that one delta is learnt from, the newest


class CorrectionList(Protocol):
    def page(
        self, workspace: str, *, since: datetime | None, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[Correction], str | None]:
        """Last given first, and the cursor of the next page."""


class Readings(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...

    def readings(self, current: Feedback) -> Sequence[Feedback]: ...

    def corrections(self, workspace: str, feedback_id: str) -> Sequence[Correction]: ...


@dataclass(frozen=True, slots=True)
class ReadCorrections:
    """What analysts put right."""

    lists: CorrectionList
    store: Readings

    def page(
        self, workspace: str, *, since: datetime | None, limit: int, cursor: str | None
    ) -> tuple[Sequence[Correction], str | None]:
        """One page, last given first. Raises Invalid (``invalid_cursor``)."""
        return self.lists.page(workspace, since=since, limit=limit, cursor=cursor)

    def newest(self, workspace: str, most: int = MOST_LEARNT) -> list[Correction]:
        """What a delta is learnt from: up to ``most`` corrections, in the order in which they were given."""
        found: list[Correction] = []
        cursor: str | None = None
        while len(found) < most:
            page, cursor = self.lists.page(workspace, since=None, limit=min(PAGE, most - len(found)), cursor=cursor)
            found += page
            if cursor is None:
                break
        return found[::-1]

    def readings(self, key: ApiKey, workspace: str, feedback_id: str) -> tuple[Sequence[Feedback], list[Correction]]:
        """All readings, the current one last, and the corrections among them. Raises NotFound."""
        current = self.store.get(workspace, feedback_id)
        if current is None or not sees_unit(key, current.unit):
            raise nowhere()
        return [*self.store.readings(current), current], list(self.store.corrections(workspace, feedback_id))
