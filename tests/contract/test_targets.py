"""What every system of record must come to: one item a ticket, in the ticket's newest state, whatever happens between.

The registry drives it: a connector that keeps an item a ticket is tested by being listed, against the fake of its
vendor in ``tests/fakes/targets`` and through the real delivery and synchronisation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import pytest

from chalicelib.connectors.registry import CONNECTORS, load_keeper
from chalicelib.domain.outbound.exchange import DELIVERED, EgressError, HttpRequest, HttpResponse, Message
from chalicelib.domain.outbound.item import Access, KeptToken
from chalicelib.services.outbound.synchronise import StateConnector
from tests.builders import endpoint, endpoint_secret, ticket
from tests.contract.profiles import profile
from tests.fakes.deliveries import Crash, World

NAMES = sorted(name for name in CONNECTORS if load_keeper(name) is not None)
TICKET_EVENTS = ("ticket.opened", "ticket.updated", "ticket.resolved", "ticket.closed")
STORY = (("ticket.opened", "open"), ("ticket.updated", "in_progress"), ("ticket.closed", "closed"))
STEPS = 200  # more than any story here takes

Fault = Callable[[str, int], str]  # (step, which of its kind, from 1) → what happens to this call


def no_fault(_step: str, _number: int) -> str:
    return ""


class Spy:
    """The connector, with every request that it makes remembered by its step and ticket version."""

    def __init__(self, connector: StateConnector) -> None:
        self.connector = connector
        self.made: dict[tuple[str, str, bytes], tuple[str, int, Message | None]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connector, name)

    def _remembered(self, step: str, message: Message | None, request: HttpRequest | None) -> HttpRequest | None:
        if request is not None:
            version = message.ticket.version if message and message.ticket else 0
            self.made[request.method, request.url, request.body] = (step, version, message)
        return request

    def authorise(self, access: Access, now: Any) -> HttpRequest | None:
        return self._remembered("token", None, self.connector.authorise(access, now))

    def find(self, message: Message, access: Access) -> HttpRequest | None:
        return self._remembered("find", message, self.connector.find(message, access))

    def create(self, message: Message, access: Access) -> HttpRequest | None:
        return self._remembered("create", message, self.connector.create(message, access))

    def update(self, message: Message, external_id: str, access: Access) -> HttpRequest | None:
        return self._remembered("update", message, self.connector.update(message, external_id, access))


@dataclass
class Wire:
    """Between us and the fake: loses what ``fault`` says. ``ids``: of the items that creates were answered with.

    A fault is ``lost`` (done, and the answer lost), ``unreached`` (not done, and nobody can tell), ``refused`` (no
    connection), ``down`` (503, not done) or empty.
    """

    spy: Spy
    target: Any
    fault: Fault = no_fault
    tick: Callable[[str], None] = lambda _: None
    steps: list[tuple[str, int]] = field(default_factory=list)  # (step, ticket version) of what arrived
    ids: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, within: float | None = None
    ) -> HttpResponse:
        assert within is not None
        assert within > 0
        step, version, message = self.spy.made[method, url, body]
        self.counts[step] = self.counts.get(step, 0) + 1
        self.tick(f"before {step}")
        fault = self.fault(step, self.counts[step])
        if fault == "refused":
            raise EgressError("no answer", code="connection", sent=False)
        if fault == "unreached":
            raise EgressError("no answer", code="timeout", sent=True)
        if fault == "down":
            return HttpResponse(503, {}, b"")
        response: HttpResponse = self.target.answer(HttpRequest(method, url, headers, body))
        self._note(step, version, response, message)
        self.tick(f"after {step}")
        if fault == "lost":
            raise EgressError("no answer", code="timeout", sent=True)
        return response

    def _note(self, step: str, version: int, response: HttpResponse, message: Message | None) -> None:
        if step == "token" or self.spy.outcome(response).verdict == DELIVERED:
            self.steps.append((step, version))
            if step == "create" and message is not None:
                self.ids.add(self.spy.created(response, message) or "")


class Story:
    """One endpoint at one fake, and one ticket."""

    def __init__(self, name: str, fault: Fault = no_fault) -> None:
        known = profile(name)
        connector = load_keeper(name)
        assert connector is not None
        self.connector = connector
        self.target = import_module(f"tests.fakes.targets.{name}").Target()
        self.wire = Wire(Spy(connector), self.target, fault)
        self.world = World(
            endpoint(connector=name, events=TICKET_EVENTS, settings=dict(known.settings)),
            secret=endpoint_secret(url=known.url, secret=known.secret, credentials=dict(known.credentials)),
            door=self.wire,
            keeper=lambda _: self.wire.spy,
        )

    def tell(self, *versions: int) -> None:
        """The ticket comes to these versions of its story, one after the other, and each is told."""
        for version in versions:
            event_type, state = STORY[version - 1]
            told = self.world.event(event_type, version)
            self.world.tickets["tk_one"] = ticket(id="tk_one", version=version, state=state)
            self.world.publish(told)

    @property
    def item(self) -> Any:
        return self.world.items.get("acme", "tk_one", "ep_one")

    @property
    def states(self) -> list[str]:
        return [one.state for _, one in sorted(self.world.store.rows.items())]

    @property
    def codes(self) -> list[str]:
        return [one.code for _, one in sorted(self.world.store.rows.items())]

    @property
    def knows(self) -> bool:
        """Whether the system has a way to tell a repetition."""
        return self.connector.has_idempotency or self.connector.searches

    def killed_at(self, number: int) -> None:
        """Every port kills the worker at the tick of that number."""
        ticks = iter(range(1, 100_000))

        def tick(_: str) -> None:
            if next(ticks) == number:
                raise Crash

        for port in (self.wire, self.world.store, self.world.items, self.world.tokens, self.world.windows):
            port.tick = tick

    def assert_shows_the_newest(self) -> None:
        """One item, and it is the ticket's as it is now."""
        assert len(self.wire.ids) <= 1, "a duplicate"
        assert list(self.target.items) == ["tk_one"]
        assert self.item.state == "made"
        assert self.item.sent == self.world.tickets["tk_one"].version
        assert self.world.items.ticket_of_item("acme", "ep_one", self.item.external_id) == "tk_one"
        assert str(self.target.items["tk_one"]["id"]) == self.item.external_id


def nth(step: str, number: int, fault: str) -> Fault:
    return lambda at, count: fault if (at, count) == (step, number) else ""


def first(step: str, most: int, fault: str) -> Fault:
    return lambda at, count: fault if at == step and count <= most else ""


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_there_are_systems_of_record() -> None:
    assert NAMES


# --- create, update, close --------------------------------------------------------------------------------------


def test_create_update_and_close_reach_one_item(name: str) -> None:
    story = Story(name)
    words = []
    for version in (1, 2, 3):
        story.tell(version)
        story.world.run()
        words.append(story.target.items["tk_one"]["status"])
    story.assert_shows_the_newest()
    assert story.states == ["delivered"] * 3
    assert [version for step, version in story.wire.steps if step == "create"] == [1]
    if "update" in story.wire.counts:
        assert words[0] != words[2], "a closed ticket's item looks as it did when it was opened"
        updates = [version for step, version in story.wire.steps if step == "update"]
        assert updates == [2] if hasattr(story.connector, "renamed") else updates == [2, 3]  # WeCom: one change


def test_what_a_later_telling_has_brought_is_not_sent_again(name: str) -> None:
    story = Story(name)
    story.tell(1, 2, 3)
    story.world.run()
    story.assert_shows_the_newest()
    assert story.states == ["delivered"] * 3
    assert story.codes[1:] == ["already_sent"] * 2
    assert [step for step, _ in story.wire.steps if step != "token"] == ["create"]


@pytest.mark.parametrize("fault", ["down", "refused"])
def test_order_holds_although_the_system_fails_in_between(name: str, fault: str) -> None:
    story = Story(name, first("update", 2, fault))
    story.tell(1)
    story.world.run()
    story.tell(2)
    story.world.run(3)
    story.tell(3)
    story.world.run()
    story.assert_shows_the_newest()
    assert story.states == ["delivered"] * 3
    told = [version for step, version in story.wire.steps if step in ("create", "update")]
    assert told == sorted(told)


def test_each_call_and_what_it_came_to_is_kept_with_the_attempt(name: str) -> None:
    story = Story(name)
    story.tell(1)
    story.world.run()
    (attempt,) = story.world.store.attempts("acme", "dl-tk_one-ep_one-1")
    assert [call.step for call in attempt.calls] == [step for step, _ in story.wire.steps]
    assert attempt.calls[-1].step == "create"
    assert attempt.calls[-1].status == attempt.status
    kept = json.dumps([attempt.answer, attempt.code]) + repr(attempt)
    assert not [one for one in profile(name).credentials.values() if one in kept and "CANARY" in one]


# --- a create of unknown end ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost", "unreached", "down"])
def test_a_create_of_unknown_end_makes_one_item_or_waits_for_a_person(name: str, fault: str) -> None:
    story = Story(name, nth("create", 1, fault))
    story.tell(1)
    story.world.run()
    assert story.world.store.attempts("acme", "dl-tk_one-ep_one-1")[0].ambiguous
    if story.knows:
        story.assert_shows_the_newest()
        assert story.states == ["delivered"]
    else:
        assert (story.states, story.item.state) == (["uncertain"], "uncertain")
        assert story.wire.counts["create"] == 1


def test_what_follows_an_uncertain_create_is_uncertain_until_a_person_sends_it_again(name: str) -> None:
    story = Story(name, nth("create", 1, "unreached"))
    if story.knows:
        pytest.skip("this system can tell a repetition")
    story.tell(1)
    story.world.run()
    story.tell(2)
    story.world.run()
    assert story.states == ["uncertain", "uncertain"]
    assert story.wire.counts["create"] == 1

    story.world.redeliver.replay("acme", "dl-tk_one-ep_one-1")
    story.world.run()
    story.tell(3)
    story.world.run()
    story.assert_shows_the_newest()
    assert story.states == ["delivered", "uncertain", "delivered"]


def test_two_creates_of_unknown_end_make_one_item(name: str) -> None:
    story = Story(name, lambda step, number: {1: "lost", 2: "unreached"}.get(number, "") if step == "create" else "")
    story.tell(1)
    story.world.run()
    if story.knows:
        story.assert_shows_the_newest()
    else:
        assert story.item.state == "uncertain"
    assert len(story.wire.ids) <= 1


# --- tokens -----------------------------------------------------------------------------------------------------


def test_a_token_is_fetched_once_and_replaced_when_the_system_drops_it(name: str) -> None:
    story = Story(name)
    story.tell(1)
    story.world.run(60)
    if "token" not in story.wire.counts:
        pytest.skip("its credentials go along with every call")
    assert story.wire.counts["token"] == 1

    ((key, kept),) = story.world.tokens.kept.items()
    story.world.tokens.kept[key] = KeptToken(replace(kept.token, value="DROPPED"), kept.refresh_at, kept.opened_with)
    story.tell(2)
    story.world.run(60)
    story.assert_shows_the_newest()
    if "update" in story.wire.counts:
        assert story.wire.counts["token"] == 2
        assert len(story.world.store.attempts("acme", "dl-tk_one-ep_one-2")) == 1


# --- kills ------------------------------------------------------------------------------------------------------


def test_a_worker_killed_at_any_step_makes_no_duplicate(name: str) -> None:
    uncertain = 0
    for number in range(1, STEPS):
        story = Story(name)
        story.killed_at(number)
        story.tell(1)
        story.world.run()
        story.tell(2)
        story.world.run()
        story.tell(3)
        story.world.run()
        if not story.world.crashes:
            break
        assert len(story.wire.ids) <= 1, f"killed at {number}: a duplicate"
        if story.knows or "uncertain" not in story.states:
            story.assert_shows_the_newest()
            assert set(story.states) == {"delivered"}
        else:
            uncertain += 1
            assert set(story.states) <= {"delivered", "uncertain"}
    else:
        pytest.fail("the story does not end")
    assert uncertain == 0 if story.knows else uncertain > 0


# --- deleted there ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["fail", "recreate"])
def test_an_item_deleted_there_stays_deleted_or_is_made_anew_as_the_endpoint_says(name: str, policy: str) -> None:
    story = Story(name)
    one = story.world.directory.known["ep_one"]
    story.world.directory.known["ep_one"] = replace(one, settings={**one.settings, "on_missing": policy})
    story.tell(1)
    story.world.run()
    del story.target.items["tk_one"]
    story.wire.ids.clear()
    story.tell(2)
    story.world.run()
    if story.states[1] == "delivered" and policy == "fail":
        # An upsert, or a system with nothing to change.
        assert "tk_one" in story.target.items or "update" not in story.wire.counts
    elif policy == "fail":
        assert (story.states[1], story.codes[1], story.item.state) == ("failed", "item_missing", "missing")
        assert story.world.directory.known["ep_one"].state == "active"
    elif "update" in story.wire.counts:
        assert story.states[1] == "delivered"
        story.assert_shows_the_newest()
