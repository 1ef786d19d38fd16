"""What a proven callback does: finds the ticket of each thing that was said, judges it, and writes what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.cases.parts import PUT_AWAY
from chalicelib.domain.cases.ticket import Step, Ticket
from chalicelib.domain.outbound.callback import ExternalItem, Verdict, judge, of_said
from chalicelib.domain.outbound.calls import Opened, Said
from chalicelib.domain.outbound.standard_webhooks import no_fit
from chalicelib.domain.text.hygiene import is_identifier
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.errors import Rejected, Retryable
from chalicelib.services.cases.follow_parts import refuse_open_parts
from chalicelib.services.ports import Clock, Queue
from chalicelib.services.verification.take_answer import TakeAnswer

KIND: Final = "callback"  # of a message that asks for this service
ATTEMPTS: Final = 30  # each lost race means that another callback got on
# Seconds until an item that nobody knows is looked up again: a vendor may be faster than our own create's answer,
# which takes no longer than an attempt and one repetition. Then it is an item that we did not make.
WAITS: Final = (60, 600)


class Reader(Protocol):
    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:
        """What it says, in order. Raises Invalid."""


class Endpoints(Protocol):
    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None: ...


class Items(Protocol):
    def ticket_of_item(self, workspace: str, endpoint: str, external_id: str) -> str | None:
        """The ticket that we made this item for; None when we did not."""


class HeardTickets(Protocol):
    """Tickets and what was heard of them, written together."""

    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...

    def external_item(self, workspace: str, endpoint: str, external_id: str) -> ExternalItem | None: ...

    def hear(self, item: ExternalItem, *, known: ExternalItem | None, step: Step | None, expected_version: int) -> bool:
        """Remember ``item`` and write ``step``, both or neither; False when somebody else was faster."""


class Memory(Protocol):
    """The identities of deliveries that were dealt with, per endpoint and for a bounded time."""

    def knows(self, workspace: str, endpoint: str, delivery: str) -> bool: ...

    def remember(self, workspace: str, endpoint: str, delivery: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """``status`` applied | ignored; ``code`` ok | echo | duplicate | stale says why, in the answer and the log line."""

    status: str
    code: str
    ticket: Ticket

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        ticket = {"id": self.ticket.id, "version": self.ticket.version, "state": self.ticket.state}
        return {"status": self.status, "code": self.code, "ticket": ticket}


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one body: a stable code for each thing said, and the tickets that were moved."""

    codes: tuple[str, ...]
    tickets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyCallback:
    """One verdict at once for a sender that waits for it; else one message of the queue, as often as it comes."""

    endpoints: Endpoints
    tickets: HeardTickets
    items: Items
    memory: Memory
    reader: Callable[[str], Reader | None]  # by connector
    queue: Queue
    clock: Clock
    answer: Callable[[], TakeAnswer]  # built for a customer's answer, and not before

    def verdict(self, workspace: str, endpoint_id: str, opened: Opened, now: datetime) -> Heard:
        """Apply the one thing that was said, or say why not.

        Raises Unauthorized (deleted a moment ago), Malformed, Invalid, NotFound (no such ticket in the endpoint's
        workspace), Conflict (``illegal_move``, ``external_id_mismatch``, those of ``TakeAnswer``), Retryable.
        """
        endpoint = self.endpoints.endpoint(workspace, endpoint_id)
        reader = self.reader(endpoint.connector) if endpoint else None
        if endpoint is None or reader is None:
            raise no_fit()
        (said,) = reader.read(opened, endpoint.settings, now)
        if said.answer is not None:
            return self._answered(endpoint, said, said.answer)
        return self._apply(endpoint, said, said.ticket_id or "", now)

    def _answered(self, endpoint: Endpoint, said: Said, answer: str) -> Heard:
        """What the customer told the company's own system."""
        taken = self.answer()(endpoint.workspace, said.ticket_id or "", answer, via=endpoint.id, words=said.note)
        return Heard("applied" if taken.code == "ok" else "ignored", taken.code, taken.ticket)

    def __call__(self, message: Mapping[str, Any]) -> Applied:
        """One message of ``hear_callback``. What a vendor says wrongly is answered already: it becomes a code.

        Raises Retryable.
        """
        heard_at = datetime.fromisoformat(message["heard_at"])
        endpoint = self.endpoints.endpoint(message["workspace"], message["endpoint"])
        reader = self.reader(endpoint.connector) if endpoint else None
        if endpoint is None or reader is None:
            return Applied(("endpoint_gone",))
        try:
            said = reader.read(Opened(message["payload"]), endpoint.settings, heard_at)
        except Rejected as refusal:
            return Applied((refusal.code,))
        return self._each(endpoint, said, message, heard_at)

    def found(self, endpoint: Endpoint, said: Said, ticket_id: str, heard_at: datetime) -> Applied:
        """What was read of a ticket's item, nobody having called. Raises Retryable."""
        outcome = self._judged(endpoint, said, ticket_id, heard_at, 0)
        return Applied((outcome.code,), (outcome.ticket,) if outcome.ticket else ())

    def _each(
        self, endpoint: Endpoint, said: Sequence[Said], message: Mapping[str, Any], heard_at: datetime
    ) -> Applied:
        """In order; those whose item nobody knows yet come again later, they alone."""
        left, codes, moved = [], [], []
        places = message.get("places")
        for place, one in enumerate(said):
            if places is not None and place not in places:
                continue
            outcome = self._one(endpoint, one, heard_at, place)
            codes.append(outcome.code)
            if outcome.ticket:
                moved.append(outcome.ticket)
            if outcome.code == "unknown_item":
                left.append(place)
        tries = message.get("tries", 0)
        if left and tries < len(WAITS):
            self.queue.send({**message, "places": left, "tries": tries + 1}, delay=WAITS[tries])
        return Applied(tuple(codes), tuple(moved))

    def _one(self, endpoint: Endpoint, said: Said, heard_at: datetime, place: int) -> _Outcome:
        if said.echo:
            return _Outcome("echo")
        if not said.status:
            return _Outcome("no_status")
        if not is_identifier(said.external_id):
            return _Outcome("schema_violation")
        if said.delivery and self.memory.knows(endpoint.workspace, endpoint.id, said.delivery):
            return _Outcome("duplicate")
        ours = self.items.ticket_of_item(endpoint.workspace, endpoint.id, said.external_id)
        if not (ours or said.ticket_id):
            return _Outcome("unknown_item")
        outcome = self._judged(endpoint, said, ours, heard_at, place)
        if said.delivery:
            self.memory.remember(endpoint.workspace, endpoint.id, said.delivery)
        return outcome

    def _judged(self, endpoint: Endpoint, said: Said, ours: str | None, heard_at: datetime, place: int) -> _Outcome:
        """A refusal would only bring the same event again and again: it is a code in our log instead.

        ``ours`` is the ticket by our own record, which counts: what an item says of itself, people may edit and copy.
        """
        if ours and said.ticket_id not in (None, ours):
            return _Outcome("external_id_mismatch")
        try:
            heard = self._apply(endpoint, said, ours or said.ticket_id or "", heard_at, place)
        except Rejected as refusal:
            return _Outcome(refusal.code)
        return _Outcome(heard.code, heard.ticket.id if heard.status == "applied" else "")

    def _apply(self, endpoint: Endpoint, said: Said, ticket_id: str, heard_at: datetime, place: int = 0) -> Heard:
        callback = of_said(said, ticket_id, heard_at, place)
        for _ in range(ATTEMPTS):
            # In this order: what is heard between the two reads changes the item, and this is judged again.
            known = self.tickets.external_item(endpoint.workspace, endpoint.id, callback.external_id)
            ticket = self.tickets.get(endpoint.workspace, ticket_id)
            if ticket is None:
                raise nowhere()
            status_map = endpoint.settings.get("status_map") or {}
            verdict = judge(
                callback,
                ticket,
                known,
                endpoint=endpoint.id,
                status_map=status_map,
                at=self.clock(),
                system=endpoint.name,
            )
            if verdict.step and verdict.step.ticket.state in PUT_AWAY:
                refuse_open_parts(self.tickets, ticket)
            if self._kept(verdict, known, ticket):
                after = verdict.step.ticket if verdict.step else ticket
                return Heard("applied" if verdict.step else "ignored", verdict.code, after)
        raise Retryable("The ticket keeps changing.", code="contended")

    def _kept(self, verdict: Verdict, known: ExternalItem | None, ticket: Ticket) -> bool:
        """Write what the verdict says; True when there was nothing to write."""
        if verdict.item is None:
            return True
        return self.tickets.hear(verdict.item, known=known, step=verdict.step, expected_version=ticket.version)


@dataclass(frozen=True, slots=True)
class _Outcome:
    code: str
    ticket: str = field(default="")  # the one that was moved
