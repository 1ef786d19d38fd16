"""A person moves a ticket through the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.cases.parts import PUT_AWAY
from chalicelib.domain.cases.ticket import Resolution, Step, Ticket, resolution_incomplete, walk
from chalicelib.domain.text.hygiene import clean
from chalicelib.domain.text.redaction import redact
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.cases.follow_parts import (
    FollowParts,
    Histories,
    WholeCases,
    refuse_open_parts,
    tell_refused,
)
from chalicelib.services.ports import Clock


@dataclass(frozen=True, slots=True)
class MoveTicket:
    """One legal move at a time, against the version that the caller saw. ``knows`` refuses a cause of no graph."""

    tickets: Histories
    clock: Clock
    knows: Callable[[str, str | None], None] = lambda _, __: None

    def __call__(
        self,
        workspace: str,
        ticket_id: str,
        *,
        to: str,
        version: int,
        actor: str,
        reason: str | None = None,
        root_cause: str | None = None,
        action: str | None = None,
        cause: str | None = None,
    ) -> Ticket:
        """The ticket after the move.

        Raises NotFound; Conflict ``version_conflict`` (somebody else changed it), ``illegal_move`` (with the legal
        ones in ``allowed``) or ``children_open`` (a case is put away after its parts; what is resolved below it is
        closed with it);
        Invalid ``unknown_state``, ``unknown_cause``, ``no_reason`` (rejected without one) or ``resolution_incomplete``
        (resolved or closed without root cause and action).
        """
        self.knows(workspace, cause)
        ticket = self.tickets.get(workspace, ticket_id)
        if ticket is None:
            raise nowhere()
        if ticket.version != version:
            raise version_conflict()
        given = Resolution(colleagues_words(root_cause), colleagues_words(action), cause)
        said = colleagues_words(reason)
        step = walk(ticket, (to,), actor=actor, at=self.clock(), given=given, reason=said)
        if step.ticket.state == "resolved" and step.ticket.incomplete:
            raise resolution_incomplete("resolved")
        if to == "rejected" and said is None:
            raise Invalid("Rejecting a case needs a reason.", code="no_reason", pointer="/reason")
        write = self._put_away if ticket.parts and to in PUT_AWAY else self._write
        if not write(step, version):
            raise version_conflict()
        return self.tickets.get(workspace, ticket_id) or step.ticket  # with its clocks

    def _write(self, step: Step, version: int) -> bool:
        return self.tickets.update(step.ticket, step.moves, expected_version=version)

    def _put_away(self, step: Step, version: int) -> bool:
        """Write the end of a case with parts. What follows of its resolution may still be on its way to them."""
        whole = step.ticket
        if whole.state == "closed":
            FollowParts(self.tickets, self.clock)({"workspace": whole.workspace, "ticket_id": whole.id, "parts": True})
            return WholeCases(self.tickets, self.clock).update(whole, step.moves, expected_version=version)
        try:
            refuse_open_parts(self.tickets, whole)
        except Conflict:
            tell_refused(self.tickets, whole, self.clock())
            raise
        return self._write(step, version)


def version_conflict() -> Conflict:
    """The refusal of a change against a version that is no longer the newest."""
    return Conflict("The ticket is at another version by now.", code="version_conflict", pointer="/version")


def colleagues_words(text: str | None) -> str | None:
    """Free text made fit and redacted: colleagues quote customers. Blank is as good as absent."""
    return redact(clean(text)).strip() or None if text else None
