"""Codes of ticket pages in memory, with the conditions of the real store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.domain.cases.page_link import Code


@dataclass
class FakePageCodes:
    rows: dict[tuple[str, str, str], Code] = field(default_factory=dict)
    leases: dict[tuple[str, str, str], datetime] = field(default_factory=dict)

    def put(self, workspace: str, ticket: str, code: Code) -> None:
        self.rows[workspace, ticket, code.person] = code

    def claim(self, workspace: str, ticket: str, code: Code, at: datetime) -> bool:
        known = self.rows.get((workspace, ticket, code.person))
        if known is not None and known.expires_at > at:
            return False
        self.put(workspace, ticket, code)
        return True

    def all(self, workspace: str, ticket: str, at: datetime) -> Sequence[Code]:
        mine = (code for place, code in self.rows.items() if place[:2] == (workspace, ticket))
        return tuple(code for code in mine if code.expires_at > at)

    def told(self, workspace: str, ticket: str, code: Code) -> None:
        self._change(workspace, ticket, code, sent=True)

    def lease(self, workspace: str, ticket: str, code: Code, now: datetime, until: datetime) -> bool:
        place = (workspace, ticket, code.person)
        known = self.rows.get(place)
        if known is None or known.mark != code.mark or known.sent or self.leases.get(place, now) > now:
            return False
        self.leases[place] = until
        return True

    def release(self, workspace: str, ticket: str, code: Code) -> None:
        self.leases.pop((workspace, ticket, code.person), None)

    def withdraw(self, workspace: str, ticket: str, code: Code) -> None:
        known = self.rows.get((workspace, ticket, code.person))
        if known is not None and known.mark == code.mark:
            del self.rows[workspace, ticket, code.person]

    def _change(self, workspace: str, ticket: str, code: Code, **changes: Any) -> None:
        known = self.rows.get((workspace, ticket, code.person))
        if known is not None and known.mark == code.mark:
            self.put(workspace, ticket, replace(known, **changes))
