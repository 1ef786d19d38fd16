"""Reconcile: a change that somebody made in another system, and that no callback told of, is found by asking.

Each endpoint that can be read has a chain of polls, as a platform has (``poll``): a run arms the next one first, then
reads the items of the tickets that are not over, a few at a time. What is news there goes the way of a callback; what
stays different is written down for the drift report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.ids import random_id
from chalicelib.domain.inbound.polling import PollState
from chalicelib.domain.outbound import reconciliation as rules
from chalicelib.domain.outbound.callback import ExternalItem, agrees
from chalicelib.domain.outbound.calls import Said
from chalicelib.domain.outbound.exchange import DELIVERED, RETRY, UNREADABLE, HttpRequest, HttpResponse, Outcome
from chalicelib.domain.outbound.item import ITEM_MISSING, Access, Item
from chalicelib.domain.outbound.ratelimit import Limit, effective
from chalicelib.domain.outbound.reconciliation import Drift, Watched
from chalicelib.domain.time.moments import written
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret
from chalicelib.errors import Rejected
from chalicelib.services.inbound.poll import PollStore
from chalicelib.services.inbound.vendor_calls import OUT_OF_TIME, Answer, Calls, Door, Stop, Windows
from chalicelib.services.outbound.apply_callback import Applied
from chalicelib.services.outbound.keep_token import AskedConnector, AuthorisedCalls, KeepToken
from chalicelib.services.ports import Clock, DueStore, Queue

KIND: Final = "reconcile"
QUEUE: Final = "deliveries"
REQUESTS: Final = 5  # that read items, in one run; a message's time allows no more anyway
MOST_SHOWN: Final = 200  # drifts of one endpoint in a report
LONGEST_DELAY: Final = 900  # seconds that a message may wait
NO_CREDENTIALS: Final = "credentials_missing"


class Readable(AskedConnector, Protocol):
    """See connectors/base.py."""

    @property
    def reads_at_once(self) -> int: ...

    @property
    def silent(self) -> tuple[str, ...]: ...

    @property
    def limits(self) -> tuple[Limit, ...]: ...

    def read(self, items: Sequence[Item], access: Access, now: datetime) -> HttpRequest: ...

    def seen(self, response: HttpResponse, items: Sequence[Item], settings: Mapping[str, Any]) -> Sequence[Said]: ...


class Endpoints(Protocol):
    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None: ...

    def endpoints(self, workspace: str) -> Sequence[Endpoint]: ...


class Secrets(Protocol):
    def get(self, record_id: str) -> EndpointSecret | None: ...


class WatchedItems(Protocol):
    """See storage/outbound/watched.py."""

    def add(self, workspace: str, endpoint: str, ticket: str) -> None: ...

    def page(self, workspace: str, endpoint: str, *, after: str = "", limit: int) -> Sequence[Watched]: ...

    def drifting(
        self, workspace: str, endpoint: str, *, after: str = "", limit: int
    ) -> tuple[Sequence[Watched], bool]: ...

    def note(self, workspace: str, endpoint: str, ticket: str, drift: Drift | None) -> None: ...

    def forget(self, workspace: str, endpoint: str, ticket: str) -> None: ...

    def clear(self, workspace: str, endpoint: str) -> None: ...


class Items(Protocol):
    def get(self, workspace: str, ticket: str, endpoint: str) -> Item: ...

    def of_ticket(self, workspace: str, ticket: str) -> Sequence[Item]: ...


class HeardTickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...

    def moves(self, workspace: str, ticket_id: str) -> Sequence[Move]: ...

    def external_item(self, workspace: str, endpoint: str, external_id: str) -> ExternalItem | None: ...


class Judge(Protocol):
    def found(self, endpoint: Endpoint, said: Said, ticket_id: str, heard_at: datetime) -> Applied:
        """See ``ApplyCallback``."""


Reader = Callable[[str, Mapping[str, Any]], Readable | None]  # by connector and settings; None: it cannot be asked


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one run did: items ``read``, tickets ``moved``, items that ``differ``; ``error``: what ended it."""

    read: int = 0
    moved: int = 0
    differ: int = 0
    error: str | None = None
    is_news: bool = False  # the run before did not end with this error


@dataclass(frozen=True, slots=True)
class EndpointDrift:
    """One endpoint's part of the report. ``state`` None: it was never polled; ``readable``: whether it can be."""

    endpoint: Endpoint
    readable: bool
    state: PollState | None
    items: Sequence[Watched]
    more: bool


@dataclass(frozen=True, slots=True)
class Drifts:
    """Switches the polls of endpoints on and off, asks at once, and shows what differs."""

    directory: Endpoints
    store: PollStore
    watched: WatchedItems
    due: DueStore
    queue: Queue
    reader: Reader
    clock: Clock

    def arm(self, endpoint: Endpoint) -> None:
        """Have the endpoint polled from its next interval on, or no more. Raises Retryable."""
        wait = rules.interval(endpoint)
        if wait is None or self.reader(endpoint.connector, endpoint.settings) is None:
            self.store.change(
                endpoint.workspace, endpoint.id, lambda state: state.armed(None) if state.version else None
            )
            return
        at = _arm(self.due, endpoint, self.clock() + wait)
        self.store.change(endpoint.workspace, endpoint.id, lambda state: state.armed(at))

    def forget(self, workspace: str, endpoint_id: str) -> None:
        """The endpoint is gone."""
        self.store.forget(workspace, endpoint_id)
        self.watched.clear(workspace, endpoint_id)

    def report(self, workspace: str, endpoint_id: str | None, *, after: str = "") -> Sequence[EndpointDrift]:
        """Of one endpoint, or of all that keep something to compare; of tickets ``after`` that id. Raises NotFound."""
        return [self._of(one, after) for one in self._named(workspace, endpoint_id)]

    def check(self, workspace: str, endpoint_id: str | None) -> Sequence[Endpoint]:
        """Have them read now; those that will be. Raises NotFound, Retryable."""
        asked = [
            one
            for one in self._named(workspace, endpoint_id)
            if one.state == "active" and self.reader(one.connector, one.settings) is not None
        ]
        for endpoint in asked:
            self.queue.send({"kind": KIND, "workspace": workspace, "endpoint": endpoint.id})
        return asked

    def _named(self, workspace: str, endpoint_id: str | None) -> Sequence[Endpoint]:
        if endpoint_id is None:
            found = sorted(self.directory.endpoints(workspace), key=lambda one: (one.created_at, one.id))
            return [one for one in found if self.reader(one.connector, one.settings) is not None]
        endpoint = self.directory.endpoint(workspace, endpoint_id)
        if endpoint is None:
            raise nowhere()
        return [endpoint]

    def _of(self, endpoint: Endpoint, after: str) -> EndpointDrift:
        found, more = self.watched.drifting(endpoint.workspace, endpoint.id, after=after, limit=MOST_SHOWN)
        return EndpointDrift(
            endpoint,
            readable=self.reader(endpoint.connector, endpoint.settings) is not None,
            state=self.store.get(endpoint.workspace, endpoint.id),
            items=found,
            more=more,
        )


@dataclass(frozen=True, slots=True)
class WatchAgain:
    """A ticket that was over is taken up again: its items are asked for as before.

    Of a system with a status page we keep no item: it is asked about every ticket, and answers for those that it knows.
    """

    items: Items
    watched: WatchedItems
    directory: Endpoints
    reader: Reader

    def __call__(self, detail: Mapping[str, Any]) -> str | None:
        if detail.get("type") != "ticket.reopened":
            return None
        workspace, ticket = detail["workspace"], detail["ticket_id"]
        made = {item.endpoint for item in self.items.of_ticket(workspace, ticket)}
        for one in self.directory.endpoints(workspace):
            asked = one.id in made or one.settings.get("status_url")
            if asked and self.reader(one.connector, one.settings) is not None:
                self.watched.add(workspace, one.id, ticket)
        return "watched"


@dataclass(frozen=True, slots=True)
class Reconcile:
    """``queue`` is the one it is fed by; ``monotonic`` counts seconds."""

    directory: Endpoints
    secrets: Secrets
    store: PollStore
    watched: WatchedItems
    items: Items
    tickets: HeardTickets
    judge: Judge
    reader: Reader
    keep_token: KeepToken
    windows: Windows
    door: Door
    due: DueStore
    queue: Queue
    clock: Clock
    monotonic: Callable[[], float]

    def __call__(self, message: Mapping[str, Any]) -> Reconciled:
        """One run: the one that is due, named ``at``, or one that a person asked for, which has no name.

        What the other system does ends a run and is not raised. Raises Retryable for our own trouble.
        """
        endpoint = self.directory.endpoint(message["workspace"], message["endpoint"])
        connector = self.reader(endpoint.connector, endpoint.settings) if endpoint else None
        if endpoint is None or connector is None or endpoint.state != "active":
            return Reconciled()
        before = self.store.get(endpoint.workspace, endpoint.id)
        state = self._taken(endpoint, before, message)
        if state is None:
            return Reconciled()
        return _Run(self, endpoint, connector, state, message).run(before.error if before else None)

    def _taken(self, endpoint: Endpoint, state: PollState | None, message: Mapping[str, Any]) -> PollState | None:
        """The state with this run's lease; None where it is not this run's turn."""
        at, lease = message.get("at"), random_id("rc")
        if at is None:
            taken = self.store.change(
                endpoint.workspace,
                endpoint.id,
                lambda one: None if one.is_led(self.clock()) else one.led(lease, self.clock()),
            )
            return taken
        wait = rules.interval(endpoint)
        if state is None or state.next_at != at or wait is None:
            return None
        following = at if message.get("goes_on") else _arm(self.due, endpoint, self.clock() + wait)
        taken = self.store.change(
            endpoint.workspace, endpoint.id, lambda one: one.due(at, following, lease, self.clock())
        )
        return taken if taken is not None and taken.lease == lease else None


@dataclass
class _Run:
    """The steps of one run. ``after``: the last ticket whose item was read."""

    service: Reconcile
    endpoint: Endpoint
    connector: Readable
    state: PollState
    message: Mapping[str, Any]
    read: int = 0
    moved: int = 0
    differ: int = 0
    after: str = field(init=False)
    last: str = ""  # of the group that is being read: where the next one begins
    stuck: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.after = str((self.state.cursor or {}).get("after", ""))

    def run(self, error_before: str | None) -> Reconciled:
        began = self.service.clock()
        try:
            more, pause = self._pages()
        except (Stop, Rejected) as trouble:
            code = trouble.outcome.code if isinstance(trouble, Stop) else trouble.code
            self._leave_out(trouble)
            self._end(code)
            return Reconciled(self.read, self.moved, self.differ, code, code != error_before)
        ended = self._end(None, None if more else began)
        if more and ended is not None:
            self._go_on(ended, pause)
        return Reconciled(self.read, self.moved, self.differ)

    def _pages(self) -> tuple[bool, float]:
        """Read group after group; whether there are more than one run reads, and the seconds to leave in between."""
        endpoint, size = self.endpoint, self.connector.reads_at_once
        secret = self.service.secrets.get(endpoint.id)
        if secret is None:
            raise Rejected("The endpoint has no credentials.", code=NO_CREDENTIALS)
        calls = self._calls(secret)
        for _ in range(REQUESTS):
            group = self.service.watched.page(endpoint.workspace, endpoint.id, after=self.after, limit=size)
            self.last = group[-1].ticket if len(group) == size else ""
            try:
                self._group(group, calls)
            except Stop as stop:
                if stop.free or stop.outcome.code == OUT_OF_TIME:
                    return True, stop.outcome.after or 0.0
                raise
            if len(group) < size:
                self.after = ""
                return False, 0.0
            self.after = self.last
        return True, 0.0

    def _leave_out(self, trouble: Stop | Rejected) -> None:
        """A group that is refused for the second time in a row is left out of this round: what one item has against it
        must not keep all others from being read. A system that is merely out of reach says nothing about a group.
        """
        if isinstance(trouble, Stop) and not _is_refusal(trouble.outcome):
            return
        if (self.state.cursor or {}).get("stuck") == self.last:
            self.after = self.last
        else:
            self.stuck = self.last

    def _calls(self, secret: EndpointSecret) -> AuthorisedCalls:
        service, endpoint = self.service, self.endpoint
        limits = effective(self.connector.limits, endpoint.settings.get("rate"))
        calls = Calls(
            service.door,
            service.windows,
            endpoint.target or endpoint.id,
            limits,
            urgent=False,
            clock=service.clock,
            monotonic=service.monotonic,
            admitted=0,
        )
        return AuthorisedCalls(
            service.keep_token, self.connector, calls, lambda token: Access(secret, endpoint.settings, token)
        )

    def _group(self, group: Sequence[Watched], calls: AuthorisedCalls) -> None:
        """Ask for the items of these tickets, and judge each. Raises Stop, Rejected."""
        watched = {one.ticket: one for one in group}
        items = [item for one in group if (item := self._asked(one)) is not None]
        if not items:
            return
        answer = calls("read", lambda access: self.connector.read(items, access, self.service.clock()))
        try:
            said = {} if answer is None or self._is_none(answer) else self._told(answer, items)
        except Rejected:
            if len(items) > 1:  # nobody can tell whose fault it is
                raise
            self._cannot_read(items[0], watched[items[0].ticket].drift)
            return
        for item in items:
            self._settle(item, watched[item.ticket].drift, said.get(item.external_id or item.ticket))
        self.read += len(items)

    def _asked(self, watched: Watched) -> Item | None:
        """The item to ask for; None where there is nothing to ask. A ticket that is over is watched no more."""
        workspace, endpoint = self.endpoint.workspace, self.endpoint.id
        ticket = self.service.tickets.get(workspace, watched.ticket)
        if ticket is None or ticket.state in rules.OVER:
            self.service.watched.forget(workspace, endpoint, watched.ticket)
            return None
        item = self.service.items.get(workspace, watched.ticket, endpoint)
        return item if item.external_id or self._keeps_none else None

    @property
    def _keeps_none(self) -> bool:
        """Whether it is no system that keeps items which we made: then its own answer says which of its items it is."""
        return bool(self.endpoint.settings.get("status_url"))

    def _is_none(self, answer: Answer) -> bool:
        """Whether the one item that was asked for is not there."""
        status = answer.response.status if answer.response else 0
        gone = answer.outcome.code == ITEM_MISSING or status in (404, 410)
        return gone and self.connector.reads_at_once == 1

    def _told(self, answer: Answer, items: Sequence[Item]) -> dict[str, Said]:
        """What was said, by the item; raises Stop where nothing was."""
        if answer.outcome.verdict != DELIVERED or answer.response is None:
            raise Stop(answer.outcome)
        found = self.connector.seen(answer.response, items, self.endpoint.settings)
        if self._keeps_none:
            return {item.ticket: one for item, one in zip(items, found, strict=True)}
        return {one.external_id: one for one in found}

    def _cannot_read(self, item: Item, known: Drift | None) -> None:
        """One item's answer makes no sense: that is written down, and the others are read."""
        ticket = self.service.tickets.get(self.endpoint.workspace, item.ticket)
        if ticket is not None:
            at = self.service.clock()
            self._note(item, known, rules.difference(ticket, "", item.external_id or "", rules.UNREADABLE, at))
        self.read += 1

    def _settle(self, item: Item, known: Drift | None, said: Said | None) -> None:
        self._note(item, known, self._difference(item, said))

    def _note(self, item: Item, known: Drift | None, now: Drift | None) -> None:
        drift = rules.goes_on(known, now)
        self.differ += drift is not None
        if drift != known:
            self.service.watched.note(self.endpoint.workspace, self.endpoint.id, item.ticket, drift)

    def _difference(self, item: Item, said: Said | None) -> Drift | None:
        """Apply what is news, and tell what differs after that."""
        service, endpoint = self.service, self.endpoint
        now, code = service.clock(), ""
        if said is not None and said.status and self._is_news(item, said):
            applied = service.judge.found(endpoint, said, item.ticket, now)
            self.moved += len(applied.tickets)
            code = applied.codes[0]
        ticket = service.tickets.get(endpoint.workspace, item.ticket)
        if ticket is None or (said is not None and not said.status):
            return None
        if said is None:
            return None if self._keeps_none else rules.difference(ticket, "", item.external_id or "", ITEM_MISSING, now)
        if agrees(said.status, said.alike, ticket, endpoint.settings.get("status_map") or {}):
            return None
        return rules.difference(
            ticket, said.status, said.external_id, code or rules.not_written(item.sent, ticket), now
        )

    def _is_news(self, item: Item, said: Said) -> bool:
        service, endpoint = self.service, self.endpoint
        if said.echo:
            return False
        state_map = endpoint.settings.get("state_map") or {}
        return rules.is_news(
            said,
            service.tickets.external_item(endpoint.workspace, endpoint.id, said.external_id),
            shown=item.sent,
            written_at=item.updated_at,
            history=lambda: service.tickets.moves(endpoint.workspace, item.ticket),
            silent=[state for state in self.connector.silent if state not in state_map],
            endpoint=endpoint,
        )

    def _end(self, error: str | None, reached: datetime | None = None) -> PollState | None:
        def step(state: PollState) -> PollState | None:
            if state.lease != self.state.lease:
                return None
            stuck = {} if self.stuck is None else {"stuck": self.stuck}
            read = state.read({"after": self.after, **stuck}, self.moved, self.service.clock())
            return read.ended(error=error, reached=reached)

        return self.service.store.change(self.endpoint.workspace, self.endpoint.id, step)

    def _go_on(self, state: PollState, pause: float) -> None:
        """The rest of the items, in a message of its own."""
        named = {} if self.message.get("at") is None else {"at": state.next_at, "goes_on": True}
        body = {"kind": KIND, "workspace": self.endpoint.workspace, "endpoint": self.endpoint.id, **named}
        self.service.queue.send(body, delay=min(math.ceil(pause), LONGEST_DELAY))


def _is_refusal(outcome: Outcome) -> bool:
    """Whether the system has answered, and will answer alike next time."""
    return outcome.verdict != RETRY or outcome.code == UNREADABLE or (outcome.code or "").startswith("http_4")


def _arm(due: DueStore, endpoint: Endpoint, moment: datetime) -> str:
    """Put the run of ``moment`` where the sweep finds it; returns its name, for ``PollState.next_at``."""
    at = written(moment)
    body = {"kind": KIND, "workspace": endpoint.workspace, "endpoint": endpoint.id, "at": at}
    due.add(moment, QUEUE, body, key=f"{KIND}#{endpoint.id}")
    return at
