"""A resolved case asks its customer, once, or is closed without their word when nobody can be asked.

A follower of ``services.cases.follow_case``: it is told of every change, twice or late, and looks at the ticket as it
is. A due row of kind ``verification`` wakes it again: to ask when the customer may be asked, or to end the waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.cases import verification
from chalicelib.domain.cases.ticket import Step, Ticket
from chalicelib.domain.cases.verification import Rules
from chalicelib.domain.outbound.delivery import wants
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.errors import Conflict, Retryable
from chalicelib.services.ports import Clock, DueStore, TicketStore

KIND: Final = "verification"
QUEUE: Final = "cases"
ATTEMPTS: Final = 6  # each lost race means that somebody else got on
PARTS_WAIT: Final = timedelta(minutes=5)  # until a case is looked at again of which a part was taken up meanwhile


class Voices(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


class Endpoints(Protocol):
    def endpoints(self, workspace: str) -> Sequence[Endpoint]: ...


@dataclass(frozen=True, slots=True)
class Leave:
    """Whether a customer may be asked now, and if not, when next; None: nobody can say."""

    given: bool
    next_at: datetime | None = None


# Takes leave for one question to the customer of a ticket. ``claim`` names the question: the same however often it is
# asked for.
TakeLeave = Callable[[Ticket, str], Leave]


def always(ticket: Ticket, claim: str) -> Leave:  # noqa: ARG001 - as TakeLeave
    """Where there is no contact policy."""
    return Leave(given=True)


@dataclass(frozen=True, slots=True)
class AskCustomer:
    """``rules`` gives a workspace's own or ours. ``tickets`` closes the parts of a case before the whole."""

    tickets: TicketStore
    voices: Voices
    directory: Endpoints
    rules: Callable[[str], Rules]
    due: DueStore
    clock: Clock
    take_leave: TakeLeave = always

    def follow(self, detail: Mapping[str, Any]) -> str | None:
        """A ticket has changed. None where that cannot concern us; else what it came to. Raises Retryable."""
        if detail.get("state") not in ("resolved", "verifying"):
            return None
        return self._until_written(detail["workspace"], detail["ticket_id"], lambda ticket: self._look(ticket, None))

    def wake(self, message: Mapping[str, Any]) -> str:
        """A due row's minute has come. A row of another resolution is stale. Raises Retryable."""
        until = datetime.fromisoformat(message["until"])

        def look(ticket: Ticket) -> str | None:
            return self._look(ticket, until) if ticket.reopened == message["number"] else "stale"

        return self._until_written(message["workspace"], message["ticket_id"], look)

    def _until_written(self, workspace: str, ticket_id: str, look: Callable[[Ticket], str | None]) -> str:
        for _ in range(ATTEMPTS):
            ticket = self.tickets.get(workspace, ticket_id)
            outcome = look(ticket) if ticket is not None else "gone"
            if outcome is not None:
                return outcome
        raise Retryable("The ticket keeps changing.", code="contended")

    def _look(self, ticket: Ticket, until: datetime | None) -> str | None:
        """What to do now; None where somebody else was faster. ``until``: the end of a wait that has begun."""
        done = _nothing_to_do(ticket)
        if done is not None:
            return done
        now = self.clock()
        if verification.is_answered(ticket):
            return self._closed(ticket, verification.settled(ticket, now), "closed")
        end = ticket.answer_by or until
        if end is not None and now >= end:
            step = verification.unanswered(ticket, now)
            return self._closed(ticket, step, step.ticket.verification)
        rules = self.rules(ticket.workspace)
        if ticket.state == "verifying":
            return self._wait(ticket, end or now + rules.wait, "waiting")
        return self._ask(ticket, rules, now, end)

    def _ask(self, ticket: Ticket, rules: Rules, now: datetime, end: datetime | None) -> str | None:
        refusal, next_at = self._in_the_way(ticket, rules)
        if refusal is None:
            return self._written(ticket, verification.asked(ticket, now, now + rules.wait), "asked")
        end = end or now + rules.wait
        at = next_at if next_at is not None and now < next_at < end else end
        return self._wait(ticket, end, refusal, at=at)

    def _in_the_way(self, ticket: Ticket, rules: Rules) -> tuple[str | None, datetime | None]:
        """Why the customer is not asked, and when they may be; no word where nothing is in the way."""
        if not rules.enabled:
            return "disabled", None
        if not any(_listens(one, ticket) for one in self.directory.endpoints(ticket.workspace)):
            return "nobody_listens", None
        feedback = self.voices.get(ticket.workspace, ticket.feedback)
        if feedback is None or feedback.deleted or not (feedback.customer_ref or feedback.contact):
            return "nobody_to_ask", None
        leave = self.take_leave(ticket, f"{KIND}-{ticket.id}-{ticket.reopened}")
        return (None, None) if leave.given else ("no_leave", leave.next_at)

    def _wait(self, ticket: Ticket, end: datetime, word: str, *, at: datetime | None = None) -> str:
        """Be woken at ``at``, else at the end of the wait."""
        body = {
            "kind": KIND,
            "workspace": ticket.workspace,
            "ticket_id": ticket.id,
            "number": ticket.reopened,
            "until": end.isoformat(),
        }
        key = f"{KIND}#{ticket.workspace}#{ticket.id}#{ticket.reopened}"
        self.due.add(at or end, QUEUE, body, key=key)
        return word

    def _closed(self, before: Ticket, step: Step, word: str) -> str | None:
        """As ``_written``. A part that was taken up again takes up the whole in a moment, or is done by then."""
        try:
            return self._written(before, step, word)
        except Conflict:
            now = self.clock()
            return self._wait(before, before.answer_by or now, "parts_open", at=now + PARTS_WAIT)

    def _written(self, before: Ticket, step: Step, word: str) -> str | None:
        return word if self.tickets.update(step.ticket, step.moves, expected_version=before.version) else None


def _nothing_to_do(ticket: Ticket) -> str | None:
    if ticket.parent is not None:
        return "part"  # the whole case asks, once
    if ticket.state not in ("resolved", "verifying"):
        return "moved_on"
    return "incomplete" if ticket.incomplete else None  # its completion is a change that we are told of


def _listens(endpoint: Endpoint, ticket: Ticket) -> bool:
    """Whether the question would leave at once: what waits for a paused endpoint would come too late."""
    detail = {"unit": ticket.unit, "departments": ticket.departments, "severity": ticket.severity}
    return endpoint.state == "active" and wants(endpoint, verification.EVENT, detail)
