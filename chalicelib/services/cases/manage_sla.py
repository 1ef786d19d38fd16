"""What a workspace promises: shown, replaced, and asked by when something would be due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.domain.cases.sla import SHIPPED, Office, Policy, updated
from chalicelib.domain.cases.ticket import SETTLED, Ticket
from chalicelib.domain.time.calendar import Counted
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.errors import Conflict
from chalicelib.services.cases.move_ticket import colleagues_words, version_conflict
from chalicelib.services.ports import Clock, TicketStore


class Policies(Protocol):
    def get(self, workspace: str) -> Policy | None:
        """The workspace's own; None where it goes by the one that ships."""

    def put(self, workspace: str, policy: Policy, *, by: str, at: datetime) -> bool:
        """Bring it into force after the version before it; False when that is not in force any more."""


@dataclass(frozen=True, slots=True)
class ManageSla:
    """A policy holds for what begins after it: cases that are open keep the promises that they began with."""

    store: Policies
    office: Callable[[str], Office]
    tickets: TicketStore
    clock: Clock

    def get(self, workspace: str) -> Policy:
        """The policy in force; of version 0 the one that ships."""
        return self.store.get(workspace) or SHIPPED

    def put(self, workspace: str, policy: Policy, *, by: str) -> Policy:
        """Bring ``policy`` into force in the place of the version that it names. What is in force already stays.

        Raises Conflict (``version_conflict``).
        """
        before = self.get(workspace)
        if policy.version != before.version:
            raise _conflict()
        if policy == before:
            return before
        after = replace(policy, version=before.version + 1)
        if not self.store.put(workspace, after, by=by, at=self.clock()):
            raise _conflict()
        return after

    def deadline(self, workspace: str, unit: str | None, since: datetime | None, minutes: float) -> Counted:
        """When ``minutes`` of a unit's open time have passed since a moment. Raises Invalid (``deadline_too_far``)."""
        time = self.office(workspace).time(unit)
        return time.add(since or self.clock(), timedelta(minutes=minutes))

    def updated(self, workspace: str, ticket_id: str, *, version: int, actor: str, reason: str | None) -> Ticket:
        """The ticket whose customer was told how things stand: the next update is promised from now on.

        Raises NotFound; Conflict ``version_conflict``, ``not_open`` where nothing is promised any more.
        """
        ticket = self.tickets.get(workspace, ticket_id)
        if ticket is None:
            raise nowhere()
        if ticket.version != version:
            raise version_conflict()
        if ticket.state in SETTLED:
            raise Conflict(f"A ticket that is {ticket.state} promises no update.", code="not_open")
        said = colleagues_words(reason) or "the customer was told how things stand"
        step = updated(ticket, self.office(workspace), actor=actor, at=self.clock(), reason=said)
        if not self.tickets.update(step.ticket, step.moves, expected_version=version):
            raise version_conflict()
        return self.tickets.get(workspace, ticket_id) or step.ticket


def _conflict() -> Conflict:
    return Conflict("The promises have another version by now.", code="version_conflict", pointer="/version")
