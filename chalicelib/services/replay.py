"""Do a time range again: publish its events, send its deliveries, or read what it has parked.

Everything carries the id that it had the first time, so what was done is not done twice. A call does a bounded part
and answers with a cursor for the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.events import Event, feedback_event, feedback_event_type, ticket_events
from chalicelib.domain.reading.listing import FeedbackPage, FeedbackQuery
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.services.ports import Bus

PAGE: Final = 50  # rows read in one call
KINDS: Final = ("events", "deliveries", "parked")
_FEEDBACK, _TICKETS = "feedback", "tickets"  # the two lists that events come from, in this order


class FeedbackReader(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


class FeedbackLists(Protocol):
    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage: ...


class ChangedTickets(Protocol):
    def changed(
        self, workspace: str, since: datetime, until: datetime, *, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[Ticket], str | None]: ...


class Endpoints(Protocol):
    def endpoints(self, workspace: str) -> Sequence[Endpoint]: ...


class Redelivery(Protocol):
    def replay_range(
        self, workspace: str, since: datetime, until: datetime, *, limit: int, cursor: str | None
    ) -> tuple[int, str | None]:
        """Send the deliveries of a time range again; how many, and where to go on."""


class Reparse(Protocol):
    def one(self, workspace: str, feedback_id: str) -> None:
        """Read a parked feedback again. Raises NotFound, Conflict when it is parked no more."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many were sent, and where to go on; None when the range is done."""

    sent: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Replay:
    """Times are ``since`` ≤ time < ``until``: arrival of a feedback, last change of a ticket."""

    feedback: FeedbackReader
    lists: FeedbackLists
    tickets: ChangedTickets
    endpoints: Endpoints
    deliveries: Redelivery
    reparse: Reparse
    bus: Bus

    def __call__(
        self, workspace: str, since: datetime, until: datetime, what: str, cursor: str | None = None
    ) -> Replayed:
        """One part of the range. Raises Invalid (``invalid_cursor``, or ``what`` is none of KINDS), Retryable."""
        if what == "events":
            return self._events(workspace, since, until, cursor)
        if what == "deliveries":
            return Replayed(*self.deliveries.replay_range(workspace, since, until, limit=PAGE, cursor=cursor))
        if what == "parked":
            return self._parked(FeedbackQuery(workspace, since=since, until=until, state="parked"), cursor)
        raise Invalid(f"Only {', '.join(KINDS)} can be replayed.", pointer="/what")

    def _events(self, workspace: str, since: datetime, until: datetime, cursor: str | None) -> Replayed:
        """Feedback first, tickets after it; the cursor names the list that it goes on in."""
        name, _, inner = (cursor or f"{_FEEDBACK}.").partition(".")
        if name == _FEEDBACK:
            page = self.lists.page(FeedbackQuery(workspace, since=since, until=until), limit=PAGE, cursor=inner or None)
            events = self._feedback_events(workspace, [item.id for item in page.items if item.state != "parked"])
            onward: str | None = f"{_FEEDBACK}.{page.cursor}" if page.cursor else f"{_TICKETS}."
        elif name == _TICKETS:
            tickets, at = self.tickets.changed(workspace, since, until, limit=PAGE, cursor=inner or None)
            events = [event for ticket in tickets for event in ticket_events(ticket)]
            onward = f"{_TICKETS}.{at}" if at else None
        else:
            raise Invalid("The cursor was not given out for this list.", code="invalid_cursor", pointer="/cursor")
        if events:
            self.bus.publish(events)
        return Replayed(len(events), onward)

    def _feedback_events(self, workspace: str, ids: Sequence[str]) -> list[Event]:
        listening = {name for endpoint in self.endpoints.endpoints(workspace) for name in endpoint.events}
        found = [self.feedback.get(workspace, feedback_id) for feedback_id in ids]
        return [
            feedback_event(feedback, deliver=feedback_event_type(feedback) in listening)
            for feedback in found
            if feedback is not None and feedback.reading > 0 and not _never_was(feedback)
        ]

    def _parked(self, query: FeedbackQuery, cursor: str | None) -> Replayed:
        page = self.lists.page(query, limit=PAGE, cursor=cursor)
        sent = 0
        for item in page.items:
            try:
                self.reparse.one(item.workspace, item.id)
                sent += 1
            except (Conflict, NotFound):
                continue  # read by somebody else meanwhile, or expired
        return Replayed(sent, page.cursor)


def _never_was(feedback: Feedback) -> bool:
    """A voice that was deleted at its source before it was heard: nobody was told of it."""
    return feedback.deleted and feedback_event_type(feedback) == "feedback.scored"
