"""A feedback that needs a person gets its one ticket, and the ticket follows the feedback.

Where it complains to several departments each of them gets a part, a ticket below that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain.cases.case import Link
from chalicelib.domain.cases.parts import PATIENCE, by_department, lapsed, opened_part, parts_of
from chalicelib.domain.cases.playbook import Chosen, FrameWords, choose
from chalicelib.domain.cases.ticket import (
    Step,
    Ticket,
    brought_up,
    is_elsewhere,
    is_worse,
    lifted,
    on_its_way,
    opened,
    owned,
    taken_out,
    titled,
    wants_ticket,
)
from chalicelib.domain.cases.ticket_title import language, titles
from chalicelib.domain.ids import child_ticket_id, ticket_id
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.organisation import Edge
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Parked, Retryable
from chalicelib.services.cases.follow_parts import LOOK, armed
from chalicelib.services.cases.merged_cases import Links, cases_above
from chalicelib.services.ports import Clock, DueStore, FeedbackReader, TicketStore

Owners = Callable[[str, Sequence[str], str | None], str | None]  # workspace, departments, unit → person

ATTEMPTS: Final = 6  # each lost race means that somebody else got on
_AT_REST: Final = ("merged", "rejected")  # nobody works on the parts of such a case


def nobody(workspace: str, departments: Sequence[str], unit: str | None) -> str | None:  # noqa: ARG001 - as Owners
    """Who is answerable where there is no organisation."""
    return None


def no_path(ticket: Ticket) -> tuple[Edge, ...]:  # noqa: ARG001 - as OpenTicket asks for it
    """Where nobody knows why things go wrong."""
    return ()


def no_rules(workspace: str) -> Iterable[Rule]:  # noqa: ARG001 - as OpenTicket asks for them
    """Where nobody knows the rules, each part has all reasons."""
    return ()


def no_links(workspace: str, ticket: str) -> Sequence[Link]:  # noqa: ARG001 - as OpenTicket asks for them
    """Where nobody says that a case tells once more what another one does."""
    return ()


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """What the tickets queue asks for. The message only names the feedback; what counts is the row as it is now.

    ``frames`` gives what a workspace's frame says of topics: their names, and what to do about them. ``owner`` gives
    who is answerable now; it is asked when a ticket is opened, and when it goes to another department or unit.
    ``rules`` are a workspace's in force; they are asked which of several parts they are about. ``path`` gives the way
    of a ticket from what it is about to the question that ends it, with every version that comes of its voice. ``due``
    has the parts of a case looked for an hour after it names them; None where nothing dies. ``links`` of a merged
    ticket lead to the case that it was merged into.
    """

    feedback: FeedbackReader
    tickets: TicketStore
    frames: Callable[[str], FrameWords]
    clock: Clock
    owner: Owners = nobody
    rules: Callable[[str], Iterable[Rule]] = no_rules
    path: Callable[[Ticket], tuple[Edge, ...]] = no_path
    due: DueStore | None = None
    links: Links = no_links

    def __call__(self, message: Mapping[str, Any]) -> str:
        """Bring feedback and ticket together; any number of times, in any order, with the same end.

        ``message["detail"]`` is that of a ``feedback.*`` event. Returns opened | updated | unchanged | cleared
        (nothing asks for a ticket and there is none) | gone (no such feedback any more).
        Raises Parked (``message_invalid``), Retryable (``contended``).
        """
        workspace, feedback_id = _named(message)
        for _ in range(ATTEMPTS):
            feedback = self.feedback.get(workspace, feedback_id)
            if feedback is None:
                return "gone"
            outcome = self._settle(feedback)
            if outcome is not None and self._done(feedback, cleared=outcome == "cleared"):
                return outcome
        raise Retryable("The feedback or its ticket keeps changing.", code="contended")

    def _settle(self, feedback: Feedback) -> str | None:
        """Open the ticket and its parts or bring them up to date; None when somebody else changed one meanwhile.

        The whole first: it names its parts, so what a crash leaves out is made when the message comes again.
        """
        ticket = self.tickets.get(feedback.workspace, ticket_id(feedback.workspace, feedback.id))
        if ticket is None and not wants_ticket(feedback):
            return "cleared"
        found = self._by_department(feedback, ticket)
        parts = parts_of(ticket, feedback, found)
        outcome = self._open(feedback, parts) if ticket is None else self._bring_up(ticket, feedback, parts)
        if ticket is not None and parts and not feedback.deleted and self._is_put_away(ticket):
            return outcome
        for department in parts:
            if outcome is None:
                return None
            part = self._part(department, feedback, found.get(department), is_new=outcome == "opened")
            outcome = part and ("updated" if (outcome, part) == ("unchanged", "written") else outcome)
        return outcome

    def _is_put_away(self, ticket: Ticket) -> bool:
        """Whether the whole is merged or rejected now, also after these words: then its parts rest with it, for nothing
        would bring them back together."""
        if ticket.state not in _AT_REST:
            return False
        whole = self.tickets.get(ticket.workspace, ticket.id)
        return whole is not None and whole.state in _AT_REST

    def _by_department(self, feedback: Feedback, ticket: Ticket | None) -> Mapping[str, Feedback]:
        """Nothing for a case of one department, without looking anything up."""
        if len(feedback.understanding.departments) < 2 and not (ticket and ticket.parts):
            return {}
        words = self.frames(feedback.workspace)
        return by_department(feedback, words.department, self.rules(feedback.workspace))

    def _open(self, feedback: Feedback, parts: tuple[str, ...]) -> str | None:
        about, playbook = self._words(feedback)
        step = opened(feedback, about[language(feedback)], self.clock(), playbook, parts)
        step = self._on_its_way(self._owned(titled(step, about)))
        self._look_for(step.ticket, named=())
        return "opened" if self.tickets.create(step.ticket, step.moves[0]) else None

    def _bring_up(self, ticket: Ticket, feedback: Feedback, parts: tuple[str, ...] = ()) -> str | None:
        about, playbook = self._words(feedback)
        step = brought_up(ticket, feedback, about[language(feedback)], self.clock(), playbook, parts=parts)
        if step is None:
            return "unchanged"
        if ticket.titles:  # one of before keeps to its one language, in which systems were told it
            step = titled(step, about)
        if ticket.state == "merged" and is_worse(ticket, feedback):
            main = self._main(ticket)
            if main is None:
                step = taken_out(ticket, step)
            elif not self._lifted(main, step.ticket):
                return None
        if is_elsewhere(ticket, step.ticket):
            step = self._owned(step)
        self._look_for(step.ticket, named=ticket.parts)
        return "updated" if self._kept(ticket, self._on_its_way(step)) else None

    def _main(self, ticket: Ticket) -> Ticket | None:
        """The case that has what a merged ticket is about; None where no link leads to one."""
        above = cases_above(self.tickets, self.links, ticket)
        return above[-1] if above and above[-1].state != "merged" else None

    def _lifted(self, main: Ticket, duplicate: Ticket) -> bool:
        """Have the main case know what its duplicate came to, before that one does: a crash in between repeats it."""
        step = lifted(main, duplicate, self.clock())
        return step is None or self._kept(main, step)

    def _look_for(self, whole: Ticket, *, named: Sequence[str]) -> None:
        """Before a case names other parts than it did: whoever looks finds the ticket as it is then."""
        if self.due is not None and set(whole.parts) - set(named):
            self.due.add(self.clock() + PATIENCE, "cases", armed(whole), key=f"{LOOK}#{whole.id}")

    def _part(self, department: str, feedback: Feedback, part: Feedback | None, *, is_new: bool) -> str | None:
        """Bring the ticket of one department together with its part of the voice; ``part`` None: it has none now.

        ``is_new``: the whole was opened just now, so there is no such ticket. Returns written | unchanged; None when
        somebody else changed it meanwhile.
        """
        identity = child_ticket_id(feedback.workspace, feedback.id, department)
        child = None if is_new else self.tickets.get(feedback.workspace, identity)
        if child is not None and part is not None:
            outcome = self._bring_up(child, part)
            return "written" if outcome == "updated" else outcome
        if part is None:
            gone = lapsed(child, feedback, self.clock()) if child else None
            if child is None or gone is None:
                return "unchanged"
            return "written" if self._kept(child, gone) else None
        about, playbook = self._words(part)
        step = opened_part(department, part, about[language(part)], self.clock(), playbook)
        step = self._on_its_way(self._owned(titled(step, about)))
        return "written" if self.tickets.create(step.ticket, step.moves[0]) else None

    def _kept(self, before: Ticket, step: Step) -> bool:
        return self.tickets.update(step.ticket, step.moves, expected_version=before.version)

    def _owned(self, step: Step) -> Step:
        ticket = step.ticket
        return owned(step, self.owner(ticket.workspace, ticket.departments, ticket.unit))

    def _on_its_way(self, step: Step) -> Step:
        return on_its_way(step, self.path(step.ticket))

    def _words(self, feedback: Feedback) -> tuple[Mapping[str, str], Chosen | None]:
        """Titles and playbook, by the frame as it is now."""
        words = self.frames(feedback.workspace)
        playbook = choose(feedback, words.playbooks)
        return titles(feedback, words.name), playbook.chosen if playbook else None

    def _done(self, feedback: Feedback, *, cleared: bool) -> bool:
        """Take ``ticket`` off what the feedback awaits; False when it has moved on and must be looked at again.

        A replay finds it off already and writes nothing.
        """
        ticket = None if cleared else ticket_id(feedback.workspace, feedback.id)
        if "ticket" not in feedback.awaiting and feedback.ticket == ticket:
            return True
        return self.feedback.action_done(feedback, "ticket", at=self.clock(), ticket=ticket)


def _named(message: Mapping[str, Any]) -> tuple[str, str]:
    detail = message.get("detail")
    if isinstance(detail, Mapping):
        workspace, feedback_id = detail.get("workspace"), detail.get("feedback_id")
        if isinstance(workspace, str) and isinstance(feedback_id, str):
            return workspace, feedback_id
    raise Parked("The message names no feedback.", code="message_invalid")
