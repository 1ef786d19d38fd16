"""Digests that endpoints want: add, list, remove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from typing import Protocol

from chalicelib.domain.ids import random_id
from chalicelib.domain.reports.briefing import EVENT, MOST, Briefing
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.domain.workspaces.limits import room_for_one_more
from chalicelib.services.ports import Clock
from chalicelib.services.reports.send_digest import ArmDigest
from chalicelib.services.workspaces.known_names import KnownNames


class Briefings(Protocol):
    def put(self, one: Briefing) -> None: ...

    def get(self, workspace: str, briefing_id: str) -> Briefing | None: ...

    def of(self, workspace: str) -> Sequence[Briefing]: ...

    def delete(self, workspace: str, briefing_id: str) -> None: ...


class Endpoints(Protocol):
    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None: ...


class Connectors(Protocol):
    def check_events(self, connector: str, events: Sequence[str]) -> None:
        """Raises Invalid (``event_not_taken``) for an event that this connector has nothing to do with."""


@dataclass(frozen=True, slots=True)
class ManageDigests:
    """What is subscribed is told from the next slot on; one that is removed ends with it."""

    store: Briefings
    directory: Endpoints
    connectors: Connectors
    arm: ArmDigest
    names: KnownNames
    clock: Clock

    def create(
        self,
        workspace: str,
        *,
        endpoint: str,
        kind: str,
        every: str,
        at: time,
        unit: str | None,
        topics: Sequence[str],
        departments: Sequence[str],
        by: str,
    ) -> Briefing:
        """Raises NotFound (an unknown endpoint), Invalid (``event_not_taken``, ``unknown_topic``,
        ``unknown_department``, ``unknown_unit``), Conflict (``too_many``), Retryable.
        """
        room_for_one_more(len(self.store.of(workspace)), MOST)
        found = self.directory.endpoint(workspace, endpoint)
        if found is None:
            raise nowhere()
        self.connectors.check_events(found.connector, (EVENT,))
        self.names.check_topics(workspace, {f"/topics/{place}": one for place, one in enumerate(topics)})
        self.names.check_departments(workspace, {f"/departments/{place}": one for place, one in enumerate(departments)})
        self.names.check_units(workspace, {"/unit": unit} if unit is not None else {})
        one = Briefing(
            workspace,
            random_id("dg"),
            endpoint,
            kind,
            every,
            at,
            self.clock(),
            by,
            unit=unit,
            topics=tuple(topics),
            departments=tuple(departments),
        )
        self.store.put(one)
        self.arm(one, self.clock())
        return one

    def list(self, workspace: str) -> Sequence[Briefing]:
        """The oldest first."""
        return sorted(self.store.of(workspace), key=lambda one: (one.created_at, one.id))

    def delete(self, workspace: str, briefing_id: str) -> None:
        """Raises NotFound."""
        if self.store.get(workspace, briefing_id) is None:
            raise nowhere()
        self.store.delete(workspace, briefing_id)
