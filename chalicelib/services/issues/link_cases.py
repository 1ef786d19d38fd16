"""What is part of an issue: tickets, and voices that have none. Only links: nothing moves from one to the other.

The link is written first, and what is linked learns of it last: as long as a ticket says nothing, whatever broke in
between is done again. A voice that has a ticket of its own stays ``ticketed``: its ticket is what is linked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chalicelib.domain.cases.ticket import Ticket, linked
from chalicelib.domain.issues.issue import SYSTEM, Issue, IssueLink
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.access import UNIT_ROLES, nowhere, sees_unit
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import Conflict, Parked, Retryable
from chalicelib.services.ports import Clock, DueStore, TicketStore

LEVEL: Final = "issue_level"  # the kind of message that brings an issue's tickets to its level
PAGE: Final = 50  # tickets that one such message sees to
SHOWN: Final = 100  # cases of an issue that are shown with it
ATTEMPTS: Final = 6  # each lost race means that somebody else got on


class Links(Protocol):
    def get(self, workspace: str, issue_id: str) -> Issue | None: ...

    def link(self, link: IssueLink) -> None:
        """Keep a link in the place of an earlier one of the same subject."""

    def link_to(self, workspace: str, issue_id: str, subject: str) -> IssueLink | None:
        """An undone one too."""

    def links(
        self, workspace: str, issue_id: str, *, limit: int, cursor: str | None
    ) -> tuple[Sequence[IssueLink], str | None]:
        """Those that hold."""


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...

    def settle(self, feedback: Feedback, state: str) -> bool:
        """False when the feedback has changed since it was read."""


@dataclass(frozen=True, slots=True)
class LinkCases:
    """Every subject that is handed in was found for the caller's key. All raise Retryable."""

    links: Links
    tickets: TicketStore
    voices: Voices
    due: DueStore
    clock: Clock

    def link(self, issue: Issue, subject: str, *, by: str) -> IssueLink:
        """Make a ticket or a voice part of an issue; again is no news.

        Raises NotFound, Conflict (``already_linked`` to another issue, ``not_open`` for a voice that could not be
        read).
        """
        return self._link(issue, subject, self.links.link_to(issue.workspace, issue.id, subject), by=by)

    def link_by_itself(self, issue: Issue, subject: str) -> None:
        """``link``, unless a person said that the subject is no part of the issue. Raises as it does."""
        known = self.links.link_to(issue.workspace, issue.id, subject)
        if known is None or not known.undone:
            self._link(issue, subject, known, by=SYSTEM)

    def _link(self, issue: Issue, subject: str, known: IssueLink | None, *, by: str) -> IssueLink:
        held = known if known is not None and not known.undone else None
        link = held or IssueLink(issue.workspace, issue.id, subject, by, self.clock())
        is_ticket = subject.startswith("tk_")
        if is_ticket:
            self._free(issue, subject)
        else:
            self._readable(issue.workspace, subject)
        if held is None:
            self.links.link(link)
        if is_ticket:
            self._mark(issue, subject, by=by)
        else:
            self._settle(issue.workspace, subject, otherwise="linked")
        return link

    def unlink(self, issue: Issue, subject: str, *, by: str) -> None:
        """Undo a link, again is no news; nothing links the two by itself again. Raises NotFound."""
        known = self.links.link_to(issue.workspace, issue.id, subject)
        if known is None:
            raise nowhere()
        if not known.undone:
            self.links.link(IssueLink(issue.workspace, issue.id, subject, by, self.clock(), undone=True))
        if subject.startswith("tk_"):
            self._unmark(issue, subject, by=by)
        else:
            self._settle(issue.workspace, subject, otherwise="new")

    def is_refused(self, issue: Issue, subject: str) -> bool:
        """Whether a person said that the subject is no part of the issue."""
        known = self.links.link_to(issue.workspace, issue.id, subject)
        return known is not None and known.undone

    # --- levels -------------------------------------------------------------------------------------------------

    def bring_to_level(self, issue: Issue, cursor: str | None = None) -> None:
        """Have the issue's tickets brought to its level, within a minute or two."""
        message = {"kind": LEVEL, "workspace": issue.workspace, "issue": issue.id, "cursor": cursor}
        self.due.add(self.clock(), "cases", message, key=f"{LEVEL}#{issue.workspace}#{issue.id}#{cursor or ''}")

    def level(self, message: Mapping[str, Any]) -> str:
        """One page of ``bring_to_level``, by the issue as it is now. Raises Parked (``message_invalid``)."""
        workspace, issue_id = message.get("workspace"), message.get("issue")
        if not isinstance(workspace, str) or not isinstance(issue_id, str):
            raise Parked("The message names no issue.", code="message_invalid")
        issue = self.links.get(workspace, issue_id)
        if issue is None:
            return "gone"
        found, cursor = self.links.links(workspace, issue_id, limit=PAGE, cursor=message.get("cursor"))
        for one in found:
            ticket = self.tickets.get(workspace, one.subject) if one.subject.startswith("tk_") else None
            if ticket is not None and ticket.issue == issue.id:
                self._mark(issue, one.subject, by=SYSTEM)
        if cursor is not None:
            self.bring_to_level(issue, cursor)
        return "issue_levelled"

    # --- the two sides ------------------------------------------------------------------------------------------

    def _free(self, issue: Issue, ticket_id: str) -> Ticket:
        ticket = self.tickets.get(issue.workspace, ticket_id)
        if ticket is None:
            raise nowhere()
        if ticket.issue not in (None, issue.id):
            raise Conflict("The ticket is part of another issue.", code="already_linked")
        return ticket

    def _readable(self, workspace: str, feedback_id: str) -> None:
        voice = self.voices.get(workspace, feedback_id)
        if voice is None:
            raise nowhere()
        if voice.state == "parked" or voice.deleted:
            raise Conflict("There is nothing to read in this feedback.", code="not_open")

    def _mark(self, issue: Issue, ticket_id: str, *, by: str) -> None:
        for _ in range(ATTEMPTS):
            ticket = self._free(issue, ticket_id)
            step = linked(ticket, issue.id, issue.level, actor=by, at=self.clock())
            if step is None or self.tickets.update(step.ticket, step.moves, expected_version=ticket.version):
                return
        raise _contended()

    def _unmark(self, issue: Issue, ticket_id: str, *, by: str) -> None:
        for _ in range(ATTEMPTS):
            ticket = self.tickets.get(issue.workspace, ticket_id)
            if ticket is None or ticket.issue != issue.id:
                return
            step = linked(ticket, None, "L1", actor=by, at=self.clock())
            if step is None or self.tickets.update(step.ticket, step.moves, expected_version=ticket.version):
                return
        raise _contended()

    def _settle(self, workspace: str, feedback_id: str, *, otherwise: str) -> None:
        """Bring a voice to the state that says what came of it: its own ticket first, then a person's word.

        One that is gone, or was answered, stays as it is.
        """
        for _ in range(ATTEMPTS):
            voice = self.voices.get(workspace, feedback_id)
            if voice is None or voice.deleted or voice.state in ("answered", "parked"):
                return
            wanted = "ticketed" if voice.ticket else "closed" if voice.closing and otherwise == "new" else otherwise
            if voice.state == wanted or self.voices.settle(voice, wanted):
                return
        raise _contended()


def _contended() -> Retryable:
    return Retryable("The case keeps changing.", code="contended")


@dataclass(frozen=True, slots=True)
class ReadLinks:
    """What is part of an issue, as a key may see it: a region or a shop only what is of its own units."""

    links: Links
    tickets: TicketStore
    voices: Voices

    def __call__(self, key: ApiKey, issue: Issue) -> tuple[Sequence[IssueLink], bool]:
        """Of the first hundred cases of the issue and of what was merged into it, and whether there are more."""
        found: list[IssueLink] = []
        for issue_id in (issue.id, *issue.absorbed):
            page, cursor = self.links.links(issue.workspace, issue_id, limit=SHOWN - len(found) + 1, cursor=None)
            found += page
            if cursor is not None or len(found) > SHOWN:
                return self._seen(key, found[:SHOWN]), True
        return self._seen(key, found), False

    def page(
        self, key: ApiKey, issue: Issue, *, limit: int, cursor: str | None
    ) -> tuple[Sequence[IssueLink], str | None]:
        """Cases of the issue itself, by id, and the cursor of the next page. A page may be short of ``limit``, or
        empty, and still have a cursor. Raises Invalid (``invalid_cursor``).
        """
        found, more = self.links.links(issue.workspace, issue.id, limit=limit, cursor=cursor)
        return self._seen(key, found), more

    def _seen(self, key: ApiKey, found: Sequence[IssueLink]) -> Sequence[IssueLink]:
        if key.role not in UNIT_ROLES:
            return found
        return [one for one in found if sees_unit(key, self._unit(one))]

    def _unit(self, link: IssueLink) -> str | None:
        shelf = self.tickets if link.subject.startswith("tk_") else self.voices
        case = shelf.get(link.workspace, link.subject)
        return case.unit if case else None
