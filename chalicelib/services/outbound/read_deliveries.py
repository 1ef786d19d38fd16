"""The delivery log: what went where, when, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.outbound.delivery import Attempt, Delivery
from chalicelib.domain.workspaces.access import nowhere


class DeliveryShelf(Protocol):
    def get(self, workspace: str, delivery_id: str) -> Delivery | None: ...

    def attempts(self, workspace: str, delivery_id: str) -> Sequence[Attempt]: ...

    def page(
        self,
        workspace: str,
        *,
        ticket: str | None = None,
        endpoint: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[Sequence[Delivery], str | None]: ...


@dataclass(frozen=True, slots=True)
class ReadDeliveries:
    store: DeliveryShelf

    def get(self, workspace: str, delivery_id: str) -> tuple[Delivery, Sequence[Attempt]]:
        """One delivery and every call that is kept, oldest first. Raises NotFound."""
        delivery = self.store.get(workspace, delivery_id)
        if delivery is None:
            raise nowhere()
        return delivery, self.store.attempts(workspace, delivery_id)

    def page(
        self,
        workspace: str,
        *,
        ticket: str | None,
        endpoint: str | None,
        state: str | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
        cursor: str | None,
    ) -> tuple[Sequence[Delivery], str | None]:
        """One page, newest first. Raises Invalid (``invalid_cursor``)."""
        return self.store.page(
            workspace,
            ticket=ticket,
            endpoint=endpoint,
            state=state,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )
