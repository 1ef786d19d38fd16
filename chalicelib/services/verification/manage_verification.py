"""How a workspace asks its customers whether a case is solved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chalicelib.domain.cases.verification import Rules
from chalicelib.errors import Conflict
from chalicelib.services.ports import Clock


class Store(Protocol):
    def get(self, workspace: str) -> Rules: ...

    def put(self, workspace: str, rules: Rules, *, at: datetime) -> bool:
        """False when the version before is not the newest any more."""


@dataclass(frozen=True, slots=True)
class ManageVerification:
    """What is changed counts from the next question on, and for an answer from now on."""

    store: Store
    clock: Clock

    def get(self, workspace: str) -> Rules:
        """The workspace's own, else ours under version 0."""
        return self.store.get(workspace)

    def put(self, workspace: str, rules: Rules, *, by: str) -> Rules:
        """``rules.version`` is the one that they replace. Raises Conflict (``version_conflict``)."""
        now = self.clock()
        newer = replace(rules, version=rules.version + 1, changed_at=now, by=by)
        if not self.store.put(workspace, newer, at=now):
            raise Conflict("Somebody else has changed this.", code="version_conflict", pointer="/version")
        return newer
