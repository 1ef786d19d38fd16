"""A person takes a ticket, hands it on, or says later why it went wrong and what was done."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.access import nowhere
from chalicelib.domain.handover import claimed, reassigned
from chalicelib.domain.ticket import Resolution, Step, Ticket, completed
from chalicelib.errors import Invalid
from chalicelib.services.move_ticket import colleagues_words, version_conflict
from chalicelib.services.open_ticket import Owners, nobody
from chalicelib.services.ports import Clock, TicketStore


@dataclass(frozen=True, slots=True)
class HandOver:
    """Each against the version that the caller saw. All raise NotFound and Conflict (``version_conflict``).

    ``owner`` gives who is answerable in a department that gets a ticket without a person's name.
    """

    tickets: TicketStore
    clock: Clock
    owner: Owners = nobody

    def claim(self, workspace: str, ticket_id: str, *, version: int, owner: str, actor: str) -> Ticket:
        """The ticket, accepted by ``owner``. Raises Conflict ``already_claimed``, ``illegal_move``."""
        ticket = self._seen(workspace, ticket_id, version)
        return self._written(ticket, claimed(ticket, owner, actor=actor, at=self.clock()))

    def reassign(
        self,
        workspace: str,
        ticket_id: str,
        *,
        version: int,
        department: str | None,
        owner: str | None,
        reason: str,
        actor: str,
    ) -> Ticket:
        """The ticket in other hands. Raises Conflict ``illegal_move``, Invalid ``nothing_changes``, ``no_reason``."""
        ticket = self._seen(workspace, ticket_id, version)
        said = colleagues_words(reason)
        if said is None:
            raise Invalid("A handover needs a reason.", code="no_reason", pointer="/reason")
        if department and not owner and ticket.departments != (department,):
            owner = self.owner(workspace, (department,), ticket.unit)
        step = reassigned(ticket, department=department, owner=owner, actor=actor, at=self.clock(), reason=said)
        return self._written(ticket, step)

    def complete(
        self, workspace: str, ticket_id: str, *, version: int, root_cause: str | None, action: str | None, actor: str
    ) -> Ticket:
        """The ticket with a root cause or action that came later. What was known already changes nothing."""
        ticket = self._seen(workspace, ticket_id, version)
        given = Resolution(colleagues_words(root_cause), colleagues_words(action))
        return self._written(ticket, completed(ticket, given, actor=actor, at=self.clock()))

    def _seen(self, workspace: str, ticket_id: str, version: int) -> Ticket:
        ticket = self.tickets.get(workspace, ticket_id)
        if ticket is None:
            raise nowhere()
        if ticket.version != version:
            raise version_conflict()
        return ticket

    def _written(self, ticket: Ticket, step: Step | None) -> Ticket:
        if step is None:
            return ticket
        if not self.tickets.update(step.ticket, step.moves, expected_version=ticket.version):
            raise version_conflict()
        return step.ticket
