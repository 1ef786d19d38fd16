"""The deliveries side of the product in memory: a table, queues that know time, a target that keeps a ledger."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.connectors.registry import load, load_bundler, load_gateway, load_keeper
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.outbound.delivery import Attempt, Delivery
from chalicelib.domain.outbound.exchange import HttpResponse
from chalicelib.domain.outbound.ratelimit import Limit, Window, admit
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret
from chalicelib.services.alerts.spend_sms import SpendSms
from chalicelib.services.outbound.bundle import Bundle
from chalicelib.services.outbound.deliver import Deliver
from chalicelib.services.outbound.delivery_plan import DeliveryPlan
from chalicelib.services.outbound.fan_out import FanOut
from chalicelib.services.outbound.keep_token import KeepToken
from chalicelib.services.outbound.redeliver import Redeliver
from chalicelib.services.outbound.synchronise import Synchronise
from tests.builders import AT, endpoint, endpoint_secret, feedback, ticket
from tests.fakes.items import FakeItems, FakeTokens

VISIBILITY = 360.0  # seconds until a message comes back whose worker died


class Crash(BaseException):
    """The worker is killed: nothing after it runs."""


@dataclass
class Clock:
    now: datetime = AT

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class FakeBudget:
    """The day's SMS parts of each workspace."""

    spent: dict[tuple[str, str], int] = field(default_factory=dict)

    def spend(self, workspace: str, parts: int, *, limit: int, at: datetime) -> bool:
        day = (workspace, at.date().isoformat())
        if self.spent.get(day, 0) + parts > limit:
            return False
        self.spent[day] = self.spent.get(day, 0) + parts
        return True

    def refund(self, workspace: str, parts: int, *, at: datetime) -> None:
        self.spent[workspace, at.date().isoformat()] -= parts


@dataclass
class FakeDeliveryStore:
    """``storage.outbound.deliveries.DeliveryStore``: the same conditions on a dictionary."""

    clock: Callable[[], datetime]
    rows: dict[str, Delivery] = field(default_factory=dict)
    leases: dict[str, str] = field(default_factory=dict)
    log: dict[str, dict[int, Attempt]] = field(default_factory=dict)
    listed: set[tuple[str, str]] = field(default_factory=set)  # (endpoint, delivery id)
    waiting: set[tuple[str, str]] = field(default_factory=set)  # (endpoint, place)
    tick: Callable[[str], None] = lambda _: None
    _tokens: Any = field(default_factory=itertools.count)

    def create(self, delivery: Delivery) -> bool:
        self.tick("create")
        return self.rows.setdefault(delivery.id, delivery) is delivery

    def get(self, workspace: str, delivery_id: str) -> Delivery | None:
        found = self.rows.get(delivery_id)
        return found if found is not None and found.workspace == workspace else None

    def lane(self, workspace: str, subject: str, endpoint: str) -> list[Delivery]:
        mine = [
            one
            for one in self.rows.values()
            if (one.workspace, one.subject, one.endpoint) == (workspace, subject, endpoint)
        ]
        return sorted(mine, key=lambda one: one.order)

    def lease(self, delivery: Delivery, until: datetime) -> str | None:
        self.tick("lease")
        row = self.rows[delivery.id]
        if row.version != delivery.version or not (row.state == "waiting" or self._lease_is_over(row)):
            return None
        token = f"lease-{next(self._tokens)}"
        self.rows[row.id] = replace(row, state="sending", lease_until=until, attempts=delivery.attempts + 1)
        self.leases[row.id] = token
        return token

    def change(self, before: Delivery, after: Delivery, *, lease: str | None = None) -> bool:
        self.tick("change")
        row = self.rows[before.id]
        mine = self.leases.get(row.id) == lease if lease else row.state != "sending" or self._lease_is_over(row)
        if row.version != before.version or not mine:
            return False
        self.rows[row.id] = replace(after, lease_until=None)
        self.leases.pop(row.id, None)
        (self.listed.add if after.lagging else self.listed.discard)((row.endpoint, row.id))
        return True

    def add_attempt(self, delivery: Delivery, attempt: Attempt) -> None:
        self.tick("attempt")
        self.log.setdefault(delivery.id, {})[attempt.number] = attempt

    def attempts(self, _workspace: str, delivery_id: str) -> list[Attempt]:
        return [attempt for _, attempt in sorted(self.log.get(delivery_id, {}).items())]

    def lagging(self, _workspace: str, endpoint: str, *, after: str = "", limit: int = 100) -> list[str]:
        return sorted(one for at, one in self.listed if at == endpoint and one > after)[:limit]

    def forget_lagging(self, _workspace: str, endpoint: str, delivery_id: str) -> None:
        self.listed.discard((endpoint, delivery_id))

    def join_crowd(self, _workspace: str, endpoint: str, place: str) -> None:
        self.tick("join")
        self.waiting.add((endpoint, place))

    def crowd(self, _workspace: str, endpoint: str, *, after: str = "", limit: int = 100) -> list[str]:
        return sorted(one for at, one in self.waiting if at == endpoint and one > after)[:limit]

    def leave_crowd(self, _workspace: str, endpoint: str, places: Sequence[str]) -> None:
        self.tick("leave")
        self.waiting -= {(endpoint, place) for place in places}

    def page(self, workspace: str, **asked: Any) -> tuple[list[Delivery], str | None]:
        """One page: everything that fits the filters."""
        found = [
            one
            for one in self.rows.values()
            if one.workspace == workspace
            and asked.get("endpoint") in (None, one.endpoint)
            and asked.get("state") in (None, one.state)
            and asked["since"] <= one.created_at < asked["until"]
        ]
        return sorted(found, key=lambda one: one.created_at, reverse=True), None

    def _lease_is_over(self, row: Delivery) -> bool:
        return row.state == "sending" and row.lease_until is not None and row.lease_until < self.clock()


@dataclass
class FakeWindows:
    windows: dict[str, Window] = field(default_factory=dict)
    tick: Callable[[str], None] = lambda _: None

    def take(
        self, target: str, limits: Sequence[Limit], now: float, *, waited: bool, urgent: bool, together: bool = False
    ) -> float:
        self.tick("take window")
        window = self.windows.get(target, Window())
        admission = admit(window, limits, now, waited=waited, urgent=urgent, together=together)
        self.windows[target] = admission.window
        return admission.wait

    def close(self, target: str, _now: float, until: float) -> None:
        self.tick("close window")
        window = self.windows.get(target, Window())
        self.windows[target] = replace(window, closed=max(until, window.closed))


@dataclass
class FakeEndpoints:
    """The part of the directory that deliveries use."""

    known: dict[str, Endpoint]
    changes: list[tuple[str, str, str | None]] = field(default_factory=list)

    def endpoints(self, workspace: str) -> list[Endpoint]:
        return [one for one in self.known.values() if one.workspace == workspace]

    def endpoint(self, _workspace: str, endpoint_id: str) -> Endpoint | None:
        return self.known.get(endpoint_id)

    def set_endpoint_state(self, _workspace: str, endpoint_id: str, state: str, reason: str | None = None) -> bool:
        if self.known[endpoint_id].state == state:
            return False
        since = None if state == "active" else self.known[endpoint_id].failing_since
        self.known[endpoint_id] = replace(self.known[endpoint_id], state=state, failing_since=since)
        self.changes.append((endpoint_id, state, reason))
        return True

    def note_failure(self, _workspace: str, endpoint_id: str, at: str) -> str | None:
        if endpoint_id not in self.known:
            return None
        since = self.known[endpoint_id].failing_since or at
        self.known[endpoint_id] = replace(self.known[endpoint_id], failing_since=since)
        return since

    def note_success(self, _workspace: str, endpoint_id: str) -> None:
        self.known[endpoint_id] = replace(self.known[endpoint_id], failing_since=None)


@dataclass
class FakeTarget:
    """``answer`` is called for each request with its number, from 1; it returns a response or raises."""

    clock: Callable[[], datetime]
    answer: Callable[[int], HttpResponse] = lambda _: HttpResponse(200)
    received: list[tuple[datetime, Mapping[str, str], Any]] = field(default_factory=list)
    tick: Callable[[str], None] = lambda _: None

    def send(
        self, _method: str, _url: str, headers: Mapping[str, str], body: bytes, *, within: float | None = None
    ) -> HttpResponse:
        self.tick("before post")
        self.received.append((self.clock(), headers, json.loads(body)))
        response = self.answer(len(self.received))
        self.tick("after post")
        return response

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, headers, _ in self.received]

    @property
    def sequences(self) -> list[int]:
        return [body["sequence"] for _, _, body in self.received]

    @property
    def seconds(self) -> list[float]:
        return [(at - AT).total_seconds() for at, _, _ in self.received]


class World:
    """Everything wired up. ``run`` plays the queue and the due rows forward in time."""

    def __init__(
        self,
        *endpoints: Endpoint,
        secret: EndpointSecret | None = None,
        door: Any = None,
        keeper: Callable[[str], Any] = load_keeper,
    ) -> None:
        self.clock = Clock()
        self.store = FakeDeliveryStore(self.clock)
        self.directory = FakeEndpoints({one.id: one for one in endpoints or (endpoint(),)})
        self.target = FakeTarget(self.clock)
        self.secret: EndpointSecret | None = secret or endpoint_secret()
        self.cached: EndpointSecret | None = None  # what a worker still remembers, where it is not what is true
        self.tickets: dict[str, Ticket] = {}
        self.voice: Feedback | None = feedback()
        self.contacts: dict[str, dict[str, str]] = {}
        self.metrics: list[str] = []
        self.crashes = 0
        self._messages: list[tuple[datetime, int, dict[str, Any]]] = []
        self._numbers = itertools.count()
        plan = DeliveryPlan(store=self.store, queue=self, due=self, clock=self.clock)
        self.fan_out = FanOut(endpoints=self.directory.endpoints, plan=plan)
        self.windows = FakeWindows()
        self.items = FakeItems()
        self.tokens = FakeTokens()
        self.budget = FakeBudget()
        self.deliver = Deliver(
            plan=plan,
            windows=self.windows,
            directory=self.directory,
            secrets=_Secrets(lambda: self.secret, lambda: self.cached),
            tickets=_Owned(self.tickets.get),
            voices=_Owned(lambda _: self.voice),
            vault=_Vault(self.contacts),
            connector=lambda name: keeper(name) or load(name),
            keeper=keeper,
            bundler=load_bundler,
            bundle=Bundle(plan),
            synchronise=Synchronise(
                items=self.items,
                keep_token=KeepToken(self.tokens, self.clock),
                windows=self.windows,
                door=door or self.target,
                clock=self.clock,
                monotonic=lambda: 0.0,
            ),
            sms=SpendSms(self.budget, load_gateway, 200, self.clock),
            door=self.target,
            topic_names=lambda _: lambda topic, _lang: topic,
            luck=lambda: 0.5,
            monotonic=lambda: 0.0,
            base_url="https://echoloop.example.org",
        )
        self.redeliver = Redeliver(
            plan=plan,
            lists=self.store,
            knows_repeats=lambda _, one: (
                (
                    keeper(self.directory.known[one].connector) or load(self.directory.known[one].connector)
                ).has_idempotency
            ),
        )

    # --- queue and due rows -----------------------------------------------------------------------------------

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:
        assert 0 <= delay <= 900, "SQS delays no longer"
        self.store.tick("send")
        self._put(self.clock() + timedelta(seconds=delay), body)

    def add(self, at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> None:
        assert queue == "deliveries"
        assert key
        self.store.tick("due")
        self._put(at, body)

    def _put(self, at: datetime, body: Mapping[str, Any]) -> None:
        heapq.heappush(self._messages, (at, next(self._numbers), json.loads(json.dumps(body))))

    @property
    def waiting(self) -> int:
        return len(self._messages)

    def event(self, event_type: str = "ticket.opened", sequence: int = 1, **detail: Any) -> dict[str, Any]:
        """A bus event about one ticket, which exists; ``alert.raised`` about an alert."""
        about: dict[str, Any] = {"alert_id": "al_one"}
        if event_type.startswith("ticket."):
            subject = detail.get("ticket_id", "tk_one")
            self.tickets.setdefault(subject, ticket(id=subject))
            about = {"ticket_id": subject, "feedback_id": "fb_one"}
        return {
            "type": event_type,
            "workspace": "acme",
            "id": "ev_one",
            "occurred_at": "2026-11-21T08:00:00.000Z",
            "sequence": sequence,
            "severity": "medium",
            **about,
            **detail,
        }

    def publish(self, *events: Mapping[str, Any]) -> None:
        """EventBridge to the queue: once more than needed."""
        for one in events:
            self._put(self.clock(), {"detail": one})

    # --- the worker -------------------------------------------------------------------------------------------

    def run(self, seconds: float = 10**7, *, at_most: int = 20_000) -> None:
        """Handle what falls due within ``seconds``, in the order of time."""
        until = self.clock() + timedelta(seconds=seconds)
        while self._messages and self._messages[0][0] <= until:
            at, _, body = heapq.heappop(self._messages)
            self.clock.now = max(self.clock.now, at)
            try:
                self.handle(body)
            except Crash:
                self.crashes += 1
                self._put(self.clock() + timedelta(seconds=VISIBILITY), body)
            at_most -= 1
            assert at_most > 0, "messages beget messages without end"
        self.clock.now = max(self.clock.now, until) if seconds < 10**7 else self.clock.now

    def one_more(self) -> None:
        """Another worker handles a message that is due now, in the middle of what this one does."""
        if self._messages and self._messages[0][0] <= self.clock():
            self.handle(heapq.heappop(self._messages)[2])

    def handle(self, body: Mapping[str, Any]) -> None:
        """What lambdas/deliver.py does with one message."""
        kind = body.get("kind")
        if kind is None:
            self.fan_out.handle(body["detail"])
        elif kind == "deliver":
            self.metrics += self.deliver.handle(
                body["workspace"],
                body["delivery_id"],
                body["version"],
                waited=body.get("waited", False),
                looks=body.get("looks", 0),
            )
        else:
            act = {"release": self.redeliver.release, "cancel": self.redeliver.cancel}[kind]
            act(body["workspace"], body["endpoint_id"], after=body["after"])

    @property
    def only(self) -> Delivery:
        (delivery,) = self.store.rows.values()
        return delivery

    def states(self) -> dict[str, str]:
        return {one.id: one.state for one in self.store.rows.values()}


@dataclass
class _Secrets:
    true: Callable[[], EndpointSecret | None]
    cached: Callable[[], EndpointSecret | None]

    def get(self, _record_id: str, *, within: float = 60.0) -> EndpointSecret | None:
        return self.true() if within <= 5 else self.cached() or self.true()


@dataclass
class _Owned:
    find: Callable[[str], Any]

    def get(self, _workspace: str, identity: str) -> Any:
        return self.find(identity)


@dataclass
class _Vault:
    contacts: Mapping[str, Mapping[str, str]]

    def open_contact(self, _workspace: str, subject: str, _sealed: bytes) -> Mapping[str, str] | None:
        return self.contacts.get(subject)
