"""API keys: make one, show it once, revoke it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.directory import ApiKey


class KeyStore(Protocol):
    def create_key(
        self, workspace: str, role: str, *, unit: str | None = None, operator: bool = False
    ) -> tuple[ApiKey, str]: ...

    def keys_of(self, workspace: str) -> Sequence[ApiKey]: ...

    def revoke_key(self, workspace: str, key_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class ManageKeys:
    """Keys made here are never operator keys: those come from the deployment alone."""

    store: KeyStore

    def create(self, workspace: str, role: str, unit: str | None) -> tuple[ApiKey, str]:
        """The key and its plaintext."""
        return self.store.create_key(workspace, role, unit=unit)

    def list(self, workspace: str) -> Sequence[ApiKey]:
        """All of them, revoked ones too, in the order of their ids."""
        return self.store.keys_of(workspace)

    def revoke(self, workspace: str, key_id: str) -> None:
        """Takes effect with the next call. Raises NotFound."""
        if not self.store.revoke_key(workspace, key_id):
            raise nowhere()
