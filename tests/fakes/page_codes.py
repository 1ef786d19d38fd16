"""Codes of ticket pages in memory, with the conditions of the real store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.domain.page_link import MOST_TRIES, Code


@dataclass
class FakePageCodes:
    rows: dict[tuple[str, str], Code] = field(default_factory=dict)

    def put(self, workspace: str, ticket: str, code: Code) -> None:
        self.rows[workspace, ticket] = code

    def attempt(self, workspace: str, ticket: str, at: datetime) -> Code | None:
        known = self.rows.get((workspace, ticket))
        if known is None or known.tries >= MOST_TRIES or known.expires_at <= at:
            return None
        self.rows[workspace, ticket] = replace(known, tries=known.tries + 1)
        return self.rows[workspace, ticket]

    def right(self, workspace: str, ticket: str, code: Code) -> None:
        if self._is(workspace, ticket, code):
            self.rows[workspace, ticket] = replace(code, tries=0)

    def withdraw(self, workspace: str, ticket: str, code: Code) -> None:
        if self._is(workspace, ticket, code):
            del self.rows[workspace, ticket]

    def _is(self, workspace: str, ticket: str, code: Code) -> bool:
        known = self.rows.get((workspace, ticket))
        return known is not None and known.mark == code.mark
