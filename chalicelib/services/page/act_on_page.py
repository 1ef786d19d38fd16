"""A person works on a ticket from its page. The link is anybody's who has it; the code is one person's.

A code is sent to its person (send_code.py), or shown once to whoever asked for it, who hands it on. It is good
for 72 hours and for one ticket, and for as long as its person is in the organisation; one that was sent, until the
ticket is somebody else's. However many wrong ones are
tried, the right one works: a code is too long to be guessed, and nobody who has the link alone can lock its person out
(infra/decisions/0028). A form of another site cannot know it, so nothing else guards the page's form.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from chalicelib.domain.cases import page_link
from chalicelib.domain.cases.page_link import ACCEPT, COMPLETE, CONTACTED, NOT_MINE, RESOLVE, Act, Code, PageLink
from chalicelib.domain.cases.ticket import TAKEN, Ticket, resolution_incomplete
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Conflict, Forbidden, Invalid
from chalicelib.services.cases.hand_over import HandOver
from chalicelib.services.cases.move_ticket import MoveTicket
from chalicelib.services.page.page_links import Marks, PageLinks
from chalicelib.services.ports import Clock

PURPOSE: Final = "code"
REASON: Final = "called from the ticket's page"

# Contact data for a person of the organisation, see services/cases/reveal_contact.py.
Reveal = Callable[[Ticket, str, str], Mapping[str, str]]


class Updated(Protocol):
    """The customer was told how things stand, see services/cases/manage_sla.py."""

    def __call__(self, workspace: str, ticket_id: str, *, version: int, actor: str, reason: str | None) -> Ticket: ...


class Codes(Protocol):
    """One code a ticket and person; storage/cases/page_codes.py says what each call promises."""

    def put(self, workspace: str, ticket: str, code: Code) -> None: ...

    def all(self, workspace: str, ticket: str, at: datetime) -> Sequence[Code]: ...

    def withdraw(self, workspace: str, ticket: str, code: Code) -> None: ...


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


@dataclass(frozen=True, slots=True)
class Made:
    """A new code. Its text is nowhere else."""

    person: str
    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MakeCode:
    """A new code takes the place of the person's one before it."""

    codes: Codes
    marks: Marks
    organisation: Callable[[str], Organisation]
    clock: Clock

    def __call__(self, ticket: Ticket, person: str | None) -> Made:
        """For ``person``, else for the ticket's owner. Raises Invalid (``no_owner``, ``unknown_person``), Retryable."""
        named = person or ticket.owner
        if named is None:
            raise Invalid("The ticket has no owner: name the person.", code="no_owner", pointer="/person")
        if not self.organisation(ticket.workspace).knows(named):
            raise Invalid("The organisation has no such person.", code="unknown_person", pointer="/person")
        text = "".join(secrets.choice(page_link.ALPHABET) for _ in range(page_link.CODE_LENGTH))
        code = kept(self.marks, ticket, named, text, self.clock() + page_link.LIFETIME)
        self.codes.put(ticket.workspace, ticket.id, code)
        return Made(named, text, code.expires_at)


@dataclass(frozen=True, slots=True)
class ActOnPage:
    """Through the services that the API uses, in the name of the person whose code it is."""

    links: PageLinks
    codes: Codes
    marks: Marks
    tickets: Tickets
    move: MoveTicket
    hand_over: HandOver
    organisation: Callable[[str], Organisation]
    reveal: Reveal
    updated: Updated
    clock: Clock

    def __call__(self, text: str, act: Act) -> Ticket:
        """The ticket after it.

        Raises NotFound for the link; Forbidden ``code_invalid`` for a code that is wrong or over, or of somebody who is
        gone, ``owner_changed`` for one that was sent to whoever had the ticket before; Conflict ``illegal_move``,
        ``version_conflict``, ``already_claimed``; Invalid ``no_reason``, ``no_department``, ``nothing_changes``,
        ``resolution_incomplete``, ``unknown_cause``; Retryable.
        """
        ticket, code = self._opened(text, act)
        after = self._do(ticket, act, code.person)
        if act.what == NOT_MINE:
            self.codes.withdraw(ticket.workspace, ticket.id, code)
        return after

    def contact(self, text: str, act: Act) -> Mapping[str, str]:
        """How to reach the customer, for the owner who calls back; a line of the audit says that they saw it.

        Raises as ``__call__``, Forbidden ``not_owner``, and NotFound ``no_contact``.
        """
        ticket, code = self._opened(text, act)
        return self.reveal(ticket, code.person, REASON)

    def _opened(self, text: str, act: Act) -> tuple[Ticket, Code]:
        """The ticket and the code, where ``act`` is to be done now."""
        link = self.links.read(text)
        ticket = self.tickets.get(link.workspace, link.ticket)
        if ticket is None:
            raise nowhere()
        code = self._proven(link, act.code)
        if not self.organisation(link.workspace).knows(code.person):
            raise _over()
        if code.derived and not self._may_be_theirs(ticket, code.person):
            raise Forbidden("The ticket is somebody else's by now.", code="owner_changed")
        if act.what not in page_link.possible(ticket):
            raise Conflict("This is not to be done now.", code="illegal_move")
        return ticket, code

    def _may_be_theirs(self, ticket: Ticket, person: str) -> bool:
        """Whether nobody else has the ticket; somebody who works with a key may have it in the key's name."""
        known = self.organisation(ticket.workspace).by_person.get(person)
        return ticket.owner in (None, person, known.key if known else None)

    def _proven(self, link: PageLink, text: str) -> Code:
        """The code that ``text`` is."""
        known = self.codes.all(link.workspace, link.ticket, self.clock())
        given = _mark(self.marks, link.workspace, link.ticket, page_link.typed(text))
        code = next((one for one in known if hmac.compare_digest(one.mark, given)), None)
        if code is None:
            raise _over()
        return code

    def _do(self, ticket: Ticket, act: Act, person: str) -> Ticket:
        where, version = (ticket.workspace, ticket.id), act.version
        if act.what == ACCEPT:
            return self.hand_over.claim(*where, version=version, owner=person, actor=person)
        if act.what == CONTACTED and ticket.state == "in_progress":
            return self.updated(*where, version=version, actor=person, reason="contacted")
        if act.what == CONTACTED:
            return self.move(*where, to="in_progress", version=version, actor=person, reason="contacted")
        if act.what == RESOLVE:
            return self.move(
                *where,
                to="resolved",
                version=version,
                actor=person,
                root_cause=act.root_cause,
                action=act.action,
                cause=act.cause or None,
            )
        if act.what == COMPLETE:
            return self._complete(ticket, act, person)
        return self._give_back(ticket, act, person)

    def _complete(self, ticket: Ticket, act: Act, person: str) -> Ticket:
        """What was resolved without words gets them; one that is known already may be left out."""
        if not ((ticket.root_cause or act.root_cause.strip()) and (ticket.action or act.action.strip())):
            raise resolution_incomplete("closed")
        return self.hand_over.complete(
            ticket.workspace,
            ticket.id,
            version=act.version,
            root_cause=act.root_cause,
            action=act.action,
            cause=act.cause or None,
            actor=person,
        )

    def _give_back(self, ticket: Ticket, act: Act, person: str) -> Ticket:
        """To the department that was named, else to triage; without either it goes back to where it was taken."""
        if not act.reason.strip():
            raise Invalid("A handover needs a reason.", code="no_reason", pointer="/reason")
        organisation = self.organisation(ticket.workspace)
        department = act.department or organisation.triage
        if act.department and act.department not in organisation.named_departments:
            raise Invalid("There is no such department.", code="no_department", pointer="/department")
        where = (ticket.workspace, ticket.id)
        if department and ticket.departments[:1] != (department,):
            return self.hand_over.reassign(
                *where, version=act.version, department=department, owner=None, reason=act.reason, actor=person
            )
        if ticket.state in TAKEN:
            return self.move(*where, to="open", version=act.version, actor=person, reason=act.reason)
        raise Invalid("Say which department it belongs to.", code="no_department", pointer="/department")


def _over() -> Forbidden:
    return Forbidden("The code is wrong or over.", code="code_invalid")


def kept(marks: Marks, ticket: Ticket, person: str, text: str, expires_at: datetime) -> Code:
    """What is kept of a code with this text."""
    return Code(person, _mark(marks, ticket.workspace, ticket.id, text), expires_at)


def _mark(marks: Marks, workspace: str, ticket: str, code: str) -> str:
    """What is kept of a code: of no use without the workspace's key, and for no other ticket."""
    return marks.mark(workspace, PURPOSE, f"{ticket}\n{code}")
