"""Show a customer's contact data to the person who has to call back. Who asked, and why, is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.text.hygiene import clean
from chalicelib.domain.text.redaction import redact
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Forbidden, NotFound
from chalicelib.services.ports import Clock

SHOWN: Final = ("id", "name", "phone", "email")


class FeedbackReader(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


class ContactVault(Protocol):
    def open_contact(self, workspace: str, subject: str, sealed: bytes) -> Mapping[str, str] | None:
        """The contact; None when its salt was deleted."""


class AuditLog(Protocol):
    def revealed(self, workspace: str, *, at: datetime, key: str, ticket: str, feedback: str, reason: str) -> None:
        """Durable when it returns."""


def no_key(workspace: str, person: str) -> str | None:  # noqa: ARG001 - what is asked of an organisation
    """The key of a person where there is no organisation."""
    return None


@dataclass(frozen=True, slots=True)
class RevealContact:
    """The audit row is written before anything is shown: a reveal without its trace cannot happen.

    ``key_of`` gives the id of the API key with which a person of the organisation works.
    """

    feedback: FeedbackReader
    vault: ContactVault
    audit: AuditLog
    clock: Clock
    key_of: Callable[[str, str], str | None] = no_key

    def __call__(self, key: ApiKey, ticket: Ticket, reason: str) -> Mapping[str, str]:
        """The fields that are known. Raises Forbidden, or NotFound when nothing is kept of the customer."""
        if key.role != "admin" and not self._is_owner(key, ticket):
            raise Forbidden("Only the ticket's owner or an admin may see this.")
        return self._shown(ticket, key.id, reason)

    def to_person(self, ticket: Ticket, person: str, reason: str) -> Mapping[str, str]:
        """The same for a person who has proved on the ticket's page who they are. The audit names them.

        Raises Forbidden (``not_owner``), NotFound.
        """
        owners = (person, self.key_of(ticket.workspace, person))
        if ticket.owner is None or ticket.owner not in owners:
            raise Forbidden("Only the ticket's owner may see this.", code="not_owner")
        return self._shown(ticket, person, reason)

    def _shown(self, ticket: Ticket, by: str, reason: str) -> Mapping[str, str]:
        feedback = self.feedback.get(ticket.workspace, ticket.feedback)
        if feedback is None or feedback.contact is None or feedback.subject is None:
            raise _unknown()
        self.audit.revealed(
            ticket.workspace,
            at=self.clock(),
            key=by,
            ticket=ticket.id,
            feedback=feedback.id,
            reason=redact(clean(reason)),
        )
        contact = self.vault.open_contact(ticket.workspace, feedback.subject, feedback.contact)
        if contact is None:
            raise _unknown()
        return {field: contact[field] for field in SHOWN if field in contact}

    def _is_owner(self, key: ApiKey, ticket: Ticket) -> bool:
        """Whether the ticket is the key's own, or that of the person who works with it."""
        if ticket.owner is None:
            return False
        return ticket.owner == key.id or self.key_of(ticket.workspace, ticket.owner) == key.id


def _unknown() -> NotFound:
    return NotFound("No contact data is kept for this ticket.", code="no_contact")
