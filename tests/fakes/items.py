"""Items and tokens in memory: the conditions of ``storage.outbound.items`` on dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.domain.outbound.item import Item, KeptToken


@dataclass
class FakeItems:
    """``storage.outbound.items.ItemStore``. ``tick`` is called before each write."""

    rows: dict[tuple[str, str, str], Item] = field(default_factory=dict)
    leases: dict[tuple[str, str, str], tuple[str, datetime]] = field(default_factory=dict)
    back: dict[tuple[str, str, str], str] = field(default_factory=dict)  # (workspace, endpoint, external id) → ticket
    tick: Callable[[str], None] = lambda _: None

    def get(self, workspace: str, ticket: str, endpoint: str) -> Item:
        return self.rows.get((workspace, ticket, endpoint), Item(workspace, ticket, endpoint))

    def take(
        self, workspace: str, ticket: str, endpoint: str, *, attempt: str, now: datetime, until: datetime
    ) -> Item | None:
        self.tick("take item")
        key = (workspace, ticket, endpoint)
        held = self.leases.get(key)
        if held is not None and held[0] != attempt and held[1] >= now:
            return None
        self.leases[key] = (attempt, until)
        return self.rows.setdefault(key, Item(workspace, ticket, endpoint))

    def put(self, item: Item, *, attempt: str, release: bool) -> bool:
        self.tick("put item")
        key = (item.workspace, item.ticket, item.endpoint)
        if self.leases.get(key, ("", None))[0] != attempt:
            return False
        self.rows[key] = replace(item)
        if release:
            del self.leases[key]
        return True

    def link(self, item: Item, *, attempt: str, release: bool) -> bool:
        self.tick("link item")
        tick, self.tick = self.tick, lambda _: None
        try:
            written = self.put(item, attempt=attempt, release=release)
        finally:
            self.tick = tick
        if written:
            assert item.external_id
            self.back[item.workspace, item.endpoint, item.external_id] = item.ticket
        return written

    def of_ticket(self, workspace: str, ticket: str) -> list[Item]:
        return [one for one in self.rows.values() if (one.workspace, one.ticket) == (workspace, ticket)]

    def ticket_of_item(self, workspace: str, endpoint: str, external_id: str) -> str | None:
        return self.back.get((workspace, endpoint, external_id))


@dataclass
class FakeTokens:
    """``storage.outbound.items.TokenStore``."""

    kept: dict[tuple[str, str], KeptToken] = field(default_factory=dict)
    leases: dict[tuple[str, str], datetime] = field(default_factory=dict)
    tick: Callable[[str], None] = lambda _: None

    def get(self, workspace: str, endpoint: str) -> KeptToken | None:
        return self.kept.get((workspace, endpoint))

    def lease(self, workspace: str, endpoint: str, *, now: datetime, until: datetime) -> bool:
        self.tick("lease token")
        held = self.leases.get((workspace, endpoint))
        if held is not None and held >= now:
            return False
        self.leases[workspace, endpoint] = until
        return True

    def put(self, workspace: str, endpoint: str, kept: KeptToken) -> None:
        self.tick("put token")
        self.kept[workspace, endpoint] = kept
        self.leases.pop((workspace, endpoint), None)

    def release(self, workspace: str, endpoint: str) -> None:
        self.tick("release token")
        self.leases.pop((workspace, endpoint), None)
