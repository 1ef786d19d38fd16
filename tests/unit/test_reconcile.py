"""Every system that can be asked: a change made there by hand is found, and nothing of ours comes back as one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import Any

import pytest

from chalicelib.connectors.registry import CONNECTORS, load_keeper, load_readable
from chalicelib.domain.cases.ticket import Resolution, opened, walk
from chalicelib.domain.outbound.exchange import EgressError, HttpRequest, HttpResponse
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.outbound.reconciliation import Drift
from chalicelib.services.outbound.apply_callback import ApplyCallback
from chalicelib.services.outbound.keep_token import KeepToken
from chalicelib.services.outbound.reconcile import MOST_SHOWN, QUEUE, Drifts, Reconcile, WatchAgain
from tests.builders import endpoint, endpoint_secret, feedback
from tests.contract.profiles import profile
from tests.fakes.deliveries import FakeEndpoints, FakeWindows, World
from tests.fakes.fetches import FakePollStore
from tests.fakes.tickets import FakeDue, FakeMemory, FakeQueue, FakeTickets
from tests.fakes.watched import FakeWatched

KEEPERS = sorted(name for name in CONNECTORS if load_keeper(name) and load_readable(name, {}))
# Their word for a thing that is done, as an agent would choose it.
DONE = {
    "zendesk": "solved",
    "hubspot": "4",
    "salesforce": "Closed",
    "jiandaoyun": "已完成",
    "dingtalk_todo": "done",
    "dingtalk_approval": "COMPLETED",
}
EVENTS = ("ticket.opened", "ticket.updated", "ticket.resolved", "ticket.reopened")


@dataclass
class Wire:
    target: Any
    broken: str = ""
    calls: int = 0

    def send(self, method: str, url: str, headers: Any, body: bytes, *, within: float | None = None) -> HttpResponse:
        self.calls += 1
        if self.broken:
            raise EgressError("no answer", code=self.broken, sent=True)
        answer: HttpResponse = self.target.answer(HttpRequest(method, url, headers, body))
        return answer


@dataclass
class Secrets:
    record: Any

    def get(self, record_id: str) -> Any:
        return self.record


@dataclass
class Both:
    """One endpoint, its system and one ticket, with what writes to it and what reads it."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = profile(self.name)
        self.target = import_module(f"tests.fakes.targets.{self.name}").Target()
        self.wire = Wire(self.target)
        secret = endpoint_secret(url=known.url, secret=known.secret, credentials=dict(known.credentials))
        self.endpoint = endpoint(connector=self.name, events=EVENTS, settings={**known.settings, **self.settings})
        self.world = World(self.endpoint, secret=secret, door=self.wire)
        self.world.clock.now = datetime.now(timezone.utc)
        self.tickets, self.watched, self.store = FakeTickets(), FakeWatched(), FakePollStore()
        self.due, self.queue = FakeDue(), FakeQueue()
        object.__setattr__(self.world.deliver.synchronise, "watch", self.watched.add)
        directory, clock = FakeEndpoints({"ep_one": self.endpoint}), self.world.clock
        judge = ApplyCallback(
            directory, self.tickets, self.world.items, FakeMemory(), lambda _: None, self.queue, clock, pytest.fail
        )
        self.drifts = Drifts(directory, self.store, self.watched, self.due, self.queue, load_readable, clock)
        self.reconcile = Reconcile(
            directory, Secrets(secret), self.store, self.watched, self.world.items, self.tickets, judge, load_readable,
            KeepToken(self.world.tokens, clock), FakeWindows(), self.wire, self.due, self.queue, clock, lambda: 0.0,
        )  # fmt: skip
        step = opened(feedback(), "title", clock())
        ticket = replace(step.ticket, id="tk_one")
        self.tickets.create(ticket, step.moves[0])
        self.tell()

    @property
    def ticket(self) -> Any:
        return self.tickets.rows["acme", "tk_one"]

    @property
    def drift(self) -> Any:
        return self.watched.rows.get(("acme", "ep_one", "tk_one"))

    def tell(self) -> None:
        """The item is brought to the ticket's state."""
        self.world.tickets["tk_one"] = self.ticket
        self.world.publish(self.world.event("ticket.opened", self.ticket.version))
        self.world.run(1_000)

    def move(self, *states: str) -> None:
        """A person moves the ticket here."""
        before = self.ticket
        step = walk(before, states, actor="u", at=self.world.clock(), given=Resolution("why", "what"))
        assert self.tickets.update(step.ticket, step.moves, expected_version=before.version)

    def ask(self) -> Any:
        self.world.clock.forward(60)
        return self.reconcile({"kind": "reconcile", "workspace": "acme", "endpoint": "ep_one"})


@pytest.fixture(params=KEEPERS)
def both(request: pytest.FixtureRequest) -> Both:
    return Both(str(request.param))


def test_there_are_systems_that_can_be_asked() -> None:
    assert set(KEEPERS) == set(DONE)


def test_what_was_done_there_by_hand_resolves_the_ticket_once(both: Both) -> None:
    both.target.by_hand("tk_one", DONE[both.name])
    first = both.ask()
    assert (first.read, first.moved, first.differ, first.error) == (1, 1, 0, None)
    assert both.ticket.state == "resolved"
    assert both.ticket.incomplete
    again = both.ask()
    assert (again.read, again.moved, again.differ) == (1, 0, 0)
    assert both.ticket.version == len(both.tickets.moves("acme", "tk_one"))


def test_an_item_as_we_wrote_it_says_nothing_new_however_far_the_ticket_has_come(both: Both) -> None:
    assert (both.ask().moved, both.drift) == (0, None)
    for states in (("accepted",), ("in_progress",), ("resolved",), ("reopened",)):
        both.move(*states)
        here = both.ticket
        assert both.ask().moved == 0, "an item that shows an older version of the ticket took it back"
        both.tell()
        assert both.ask().moved == 0
        assert both.ticket == here


def test_a_case_given_back_here_is_not_taken_up_again_by_our_own_old_word(both: Both) -> None:
    both.move("accepted")
    both.tell()
    both.move("open")
    both.tell()
    here = both.ticket
    assert both.ask().moved == 0
    assert both.ticket == here


def test_what_was_done_there_before_the_case_was_reopened_here_does_not_resolve_it_again(both: Both) -> None:
    both.target.by_hand("tk_one", DONE[both.name])
    both.ask()
    both.move("reopened")
    reopened = both.ticket
    assert both.ask().moved == 0
    assert both.ticket == reopened
    assert (both.drift.winner, both.drift.ours) == ("ours", "reopened")
    assert both.drift.code in ("not_told", "not_shown")
    since = both.drift.since
    both.ask()
    assert both.drift.since == since


def test_an_item_that_was_deleted_there_is_a_drift_and_the_ticket_goes_on(both: Both) -> None:
    del both.target.items["tk_one"]
    assert both.ask().differ == 1
    assert (both.drift.code, both.drift.winner, both.drift.theirs) == ("item_missing", "ours", "")
    assert both.ticket.state == "open"


def test_a_ticket_that_is_over_is_asked_for_no_more_until_it_is_reopened(both: Both) -> None:
    both.move("accepted", "resolved", "verifying", "closed")
    calls = both.wire.calls
    assert both.ask().read == 0
    assert both.wire.calls == calls
    assert both.watched.rows == {}
    again = WatchAgain(both.world.items, both.watched, both.drifts.directory, load_readable)
    assert again({"type": "ticket.updated", "workspace": "acme", "ticket_id": "tk_one"}) is None
    assert again({"type": "ticket.reopened", "workspace": "acme", "ticket_id": "tk_one"}) == "watched"
    assert list(both.watched.rows) == [("acme", "ep_one", "tk_one")]


def test_a_record_that_tells_its_ticket_as_no_text_is_none_of_ours() -> None:
    both, answer = Both("salesforce"), b'{"records": [{"Echoloop_Ticket_Id__c": ["tk_one"]}]}'
    connector = load_readable("salesforce", both.endpoint.settings)
    assert connector is not None
    settings = {**both.endpoint.settings, "external_id_field": "Echoloop_Ticket_Id__c"}
    item = both.world.items.get("acme", "tk_one", "ep_one")
    assert connector.seen(HttpResponse(200, {}, answer), [item], settings) == []


@pytest.mark.parametrize(
    ("changes", "watched"),
    [
        ({"connector": "standard_webhooks", "settings": {"status_url": "/items/{ticket_id}"}}, True),
        ({"connector": "standard_webhooks", "settings": {}}, False),
        ({"connector": "feishu_app", "settings": {}}, False),
    ],
)
def test_a_reopened_ticket_is_asked_for_where_somebody_can_answer(changes: Any, watched: bool) -> None:
    both = Both("zendesk")
    both.watched.rows.clear()
    one = replace(both.endpoint, **changes, id="ep_two")
    again = WatchAgain(both.world.items, both.watched, FakeEndpoints({"ep_two": one}), load_readable)
    again({"type": "ticket.reopened", "workspace": "acme", "ticket_id": "tk_one"})
    assert list(both.watched.rows) == ([("acme", "ep_two", "tk_one")] if watched else [])


# --- the chain of polls -----------------------------------------------------------------------------------------


def armed() -> tuple[Both, dict[str, Any]]:
    both = Both("zendesk")
    both.drifts.arm(both.endpoint)
    (row,) = both.due.rows.values()
    assert row.queue == QUEUE
    return both, dict(row.body)


def test_a_run_arms_the_next_one_first_and_a_stale_message_does_nothing() -> None:
    both, message = armed()
    both.wire.broken = "timeout"
    both.world.clock.forward(900)
    failed = both.reconcile(message)
    assert (failed.error, failed.is_news) == ("timeout", True)
    state = both.store.get("acme", "ep_one")
    assert state is not None
    assert state.error == "timeout"
    assert state.next_at != message["at"]
    assert state.reached_at is None
    assert len(both.due.rows) == 2
    assert both.reconcile(message).error is None, "the run that was is asked for again"
    following = both.reconcile({**message, "at": state.next_at})
    assert (following.error, following.is_news) == ("timeout", False)


def test_the_interval_is_the_endpoints_and_none_switches_it_off() -> None:
    both, message = armed()
    at = datetime.fromisoformat(message["at"])
    assert timedelta(minutes=14) < at - both.world.clock() <= timedelta(minutes=15)
    for one in (replace(both.endpoint, settings={"reconcile_minutes": 0}), replace(both.endpoint, state="paused")):
        both.drifts.arm(one)
        state = both.store.get("acme", "ep_one")
        assert state is not None
        assert state.next_at is None
        both.drifts.arm(both.endpoint)


def test_more_items_than_one_run_reads_are_read_by_messages_of_their_own() -> None:
    both = Both("dingtalk_todo")
    for number in range(12):
        both.watched.add("acme", "ep_one", f"tk_{number:02d}")  # they have no item yet: nothing is asked
    both.ask()
    rounds = 1
    while both.queue.sent:
        both.reconcile(both.queue.sent.pop())
        rounds += 1
    assert rounds == 3
    state = both.store.get("acme", "ep_one")
    assert state is not None
    assert (state.cursor, state.lease) == ({"after": ""}, None)
    assert state.reached_at is not None


def test_a_limit_that_is_reached_ends_the_run_without_an_error_and_goes_on_later() -> None:
    both = Both("zendesk")

    class Full(FakeWindows):
        def take(self, target: str, limits: Any, now: float, **flags: Any) -> float:
            assert limits == (Limit(200, 60.0, guard=0.0),)
            return 30.0

    object.__setattr__(both.reconcile, "windows", Full())
    assert both.ask().error is None
    assert both.wire.calls == 1, "the create alone"
    assert [one["kind"] for one in both.queue.sent] == ["reconcile"]


class Puzzling:
    """Answers to some tickets with what nobody can read, and to others with a refusal."""

    def __init__(self, **words: bytes | int) -> None:
        self.words, self.asked = words, list[str]()

    def answer(self, request: HttpRequest) -> HttpResponse:
        ticket = request.url.rpartition("/")[2]
        self.asked.append(ticket)
        word = self.words[ticket]
        return HttpResponse(word, {}, b"") if isinstance(word, int) else HttpResponse(200, {}, word)


def of_the_companys_own(**words: bytes | int) -> tuple[Both, Puzzling]:
    """An endpoint with a status page, which tells of ``words`` by their tickets."""
    both = Both("zendesk")
    own = replace(both.endpoint, connector="standard_webhooks", settings={"status_url": "/items/{ticket_id}"})
    object.__setattr__(both.reconcile, "directory", FakeEndpoints({"ep_one": own}))
    object.__setattr__(both.reconcile, "secrets", Secrets(endpoint_secret(url="https://oa.example.com/hook")))
    both.wire.target = page = Puzzling(**words)
    both.watched.rows.clear()
    for name in words:
        both.tickets.rows["acme", name] = replace(both.ticket, id=name)
        both.watched.add("acme", "ep_one", name)
    return both, page


SAID = b'{"external_id": "OA-7", "status": "in_progress", "version": 5}'


def test_an_item_that_cannot_be_read_is_a_drift_of_its_own_and_keeps_no_other_from_being_read() -> None:
    both, page = of_the_companys_own(tk_a=b"<html>", tk_b=SAID)
    first = both.ask()
    assert (first.read, first.moved, first.differ, first.error) == (2, 1, 1, None)
    assert both.tickets.rows["acme", "tk_b"].state == "in_progress"
    drift = both.watched.rows["acme", "ep_one", "tk_a"]
    assert drift is not None
    assert (drift.code, drift.winner) == ("unreadable", "nobody")
    assert page.asked == ["tk_a", "tk_b"]


def test_an_item_that_is_refused_again_and_again_is_left_out_so_that_the_others_are_read() -> None:
    both, page = of_the_companys_own(tk_a=403, tk_b=SAID)
    assert [both.ask().error for _ in range(3)] == ["http_403", "http_403", None]
    assert page.asked == ["tk_a", "tk_a", "tk_b"]
    assert both.tickets.rows["acme", "tk_b"].state == "in_progress"


def test_a_system_that_is_out_of_reach_has_nothing_left_out() -> None:
    both, page = of_the_companys_own(tk_a=503, tk_b=SAID)
    assert {both.ask().error for _ in range(4)} == {"http_503"}
    assert page.asked == ["tk_a"] * 4


def test_a_report_that_says_more_goes_on_after_its_last_ticket() -> None:
    both = Both("zendesk")
    one = Drift("older", "open", "x", "7", both.world.clock(), both.world.clock())
    both.watched.rows = {("acme", "ep_one", f"tk_{number:03d}"): one for number in range(MOST_SHOWN + 2)}
    (first,) = both.drifts.report("acme", "ep_one")
    (rest,) = both.drifts.report("acme", "ep_one", after=first.items[-1].ticket)
    assert (len(first.items), first.more, len(rest.items), rest.more) == (MOST_SHOWN, True, 2, False)
