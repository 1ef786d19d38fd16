"""A vendor's API as a source sees it: answers by path, and what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.errors import Gone


@dataclass
class ScriptedApi:
    """``answers``: method and path → the answer, or what makes it of the query or body. What has none is gone."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)  # method, path, query or body

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return self._answer("GET", path, dict(query or {}))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._answer("POST", path, dict(body))

    @property
    def paths(self) -> list[str]:
        return [f"{method} {path}" for method, path, _ in self.asked]

    def _answer(self, method: str, path: str, sent: Any) -> Any:
        self.asked.append((method, path, sent))
        key = f"{method} {path}"
        if key not in self.answers:
            raise Gone("The API does not know it.")
        known = self.answers[key]
        return known(sent) if callable(known) else known
