"""A person takes a ticket, hands it on, or says later why it went wrong and what was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.cases.handover import claimed, reassigned
from chalicelib.domain.cases.ticket import Resolution, Step, Ticket, completed, on_its_way
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.organisation import Edge, Organisation
from chalicelib.domain.workspaces.organisation_check import Asked
from chalicelib.errors import Invalid
from chalicelib.services.cases.move_ticket import colleagues_words, version_conflict
from chalicelib.services.ports import Clock, TicketStore
from chalicelib.services.workspaces.known_names import KnownNames


class Office(Protocol):
    """What a workspace's organisation knows of the people who work on tickets."""

    def __call__(self, workspace: str, departments: Sequence[str], unit: str | None) -> str | None:
        """Who is answerable; None where nobody is."""

    def person_of(self, workspace: str, key: str) -> str | None:
        """Who works with an API key; None where the organisation does not say."""

    def organisation(self, workspace: str) -> Organisation:
        """The version in force; of version 0 where there is none."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Each against the version that the caller saw. All raise NotFound and Conflict (``version_conflict``).

    Where there is an organisation, people and departments are those that it knows; ``asked`` gives the departments of
    the code frame and the rules, which are known too. Where there is none, any name will do. ``knows`` refuses a
    cause that is not in the workspace's graph; ``path`` gives the way that a ticket takes in it.
    """

    tickets: TicketStore
    clock: Clock
    office: Office
    asked: Callable[[str], Asked]
    knows: Callable[[str, str | None], None] = lambda _, __: None
    path: Callable[[Ticket], tuple[Edge, ...]] = lambda ticket: ticket.path

    def claim(self, workspace: str, ticket_id: str, *, version: int, owner: str | None, actor: str) -> Ticket:
        """The ticket, accepted by ``owner``; None for whoever works with the key ``actor``, and where there is no
        organisation for the key itself.

        Raises Conflict ``already_claimed``, ``illegal_move``, Invalid ``unknown_person``, ``no_owner``.
        """
        ticket = self._seen(workspace, ticket_id, version)
        self._known(workspace, None, owner)
        owner = owner or self.office.person_of(workspace, actor) or self._nameless(workspace, actor)
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
        """The ticket in other hands; those of whoever is answerable where only the department is named.

        Raises Conflict ``illegal_move``, Invalid ``nothing_changes``, ``no_reason``, ``unknown_department``,
        ``unknown_person``.
        """
        ticket = self._seen(workspace, ticket_id, version)
        said = colleagues_words(reason)
        if said is None:
            raise Invalid("A handover needs a reason.", code="no_reason", pointer="/reason")
        self._known(workspace, department, owner)
        if department and not owner and ticket.departments[:1] != (department,):
            owner = self.office(workspace, (department,), ticket.unit)
        step = reassigned(ticket, department=department, owner=owner, actor=actor, at=self.clock(), reason=said)
        if step.ticket.departments != ticket.departments:
            step = on_its_way(step, self.path(step.ticket))
        return self._written(ticket, step)

    def complete(
        self,
        workspace: str,
        ticket_id: str,
        *,
        version: int,
        root_cause: str | None,
        action: str | None,
        actor: str,
        cause: str | None = None,
    ) -> Ticket:
        """The ticket with a root cause or action that came later. What was known already changes nothing.

        Raises Invalid ``unknown_cause``.
        """
        self.knows(workspace, cause)
        ticket = self._seen(workspace, ticket_id, version)
        given = Resolution(colleagues_words(root_cause), colleagues_words(action), cause)
        return self._written(ticket, completed(ticket, given, actor=actor, at=self.clock()))

    def _seen(self, workspace: str, ticket_id: str, version: int) -> Ticket:
        ticket = self.tickets.get(workspace, ticket_id)
        if ticket is None:
            raise nowhere()
        if ticket.version != version:
            raise version_conflict()
        return ticket

    def _nameless(self, workspace: str, actor: str) -> str:
        """The key as an owner. Raises Invalid (``no_owner``) where people have names."""
        if not self.office.organisation(workspace).knows(actor):
            raise Invalid(
                "The organisation names nobody for this key: say whose it is.", code="no_owner", pointer="/owner"
            )
        return actor

    def _known(self, workspace: str, department: str | None, owner: str | None) -> None:
        """Raises Invalid for a name that the organisation does not know."""
        if department is None and owner is None:
            return
        one = self.office.organisation(workspace)
        if owner is not None and not one.knows(owner):
            raise Invalid("The organisation has no such person.", code="unknown_person", pointer="/owner")
        if department is not None:
            KnownNames(lambda _: one, self.asked).check_departments(workspace, {"/department": department})

    def _written(self, ticket: Ticket, step: Step | None) -> Ticket:
        if step is None:
            return ticket
        if not self.tickets.update(step.ticket, step.moves, expected_version=ticket.version):
            raise version_conflict()
        return self.tickets.get(ticket.workspace, ticket.id) or step.ticket  # with its clocks
