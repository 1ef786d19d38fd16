"""One item a ticket, however attempts end: keys, searches, persons; limits, deadlines and tokens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.outbound.exchange import (
    DELIVERED,
    FAILED,
    RETRY,
    EgressError,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
)
from chalicelib.domain.outbound.item import CREATE, FIND, REPEAT, UNCERTAIN, Access, Item, Mark, Token, usable_id, way
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.errors import Invalid
from chalicelib.wiring import base, outbound, stores
from tests.builders import AT, endpoint, ticket
from tests.fakes.deliveries import Crash, World

SEARCH_LAG = 60.0
KEY_LIFE = 3_600.0


@dataclass
class Keeper:
    """A connector for a system that speaks plain JSON, with the ways to tell a repetition that a test wants."""

    has_idempotency: bool = False
    searches: bool = False
    tokens: bool = False
    key_life: float | None = KEY_LIFE
    search_lag: float = SEARCH_LAG
    limits: tuple[Limit, ...] = ()
    changes: bool = True  # whether there is anything to update
    kind = "state"

    def authorise(self, access: Access, now: datetime) -> HttpRequest | None:
        return HttpRequest("POST", "https://x/token", {}, b"{}") if self.tokens else None

    def token(self, response: HttpResponse, now: datetime) -> Token | Outcome:
        if response.status != 200:
            return self.outcome(response)
        answer = json.loads(response.body)
        return Token(answer["token"], now + timedelta(seconds=answer["life"]))

    def find(self, message: Message, access: Access) -> HttpRequest | None:
        assert message.ticket is not None
        return _request("GET", f"/items?ticket={message.ticket.id}", {}, access)

    def found(self, response: HttpResponse) -> str | None:
        found: str | None = json.loads(response.body)["id"]
        return found

    def create(self, message: Message, access: Access) -> HttpRequest:
        assert message.ticket is not None
        if message.ticket.title == "unfit":
            raise Invalid("unfit", code="settings_invalid")
        key = f"{message.ticket.id}-{access.generation}"
        return _request(
            "POST", "/items", {"ticket": message.ticket.id, "key": key, "v": message.ticket.version}, access
        )

    def created(self, response: HttpResponse, message: Message) -> str | None:
        found: str | None = json.loads(response.body).get("id")
        return found

    def update(self, message: Message, external_id: str, access: Access) -> HttpRequest | None:
        assert message.ticket is not None
        return _request("PUT", f"/items/{external_id}", {"v": message.ticket.version}, access) if self.changes else None

    def outcome(self, response: HttpResponse) -> Outcome:
        codes = {401: (RETRY, "token_expired"), 409: (RETRY, "key_conflict"), 429: (RETRY, "rate_limited")}
        if response.status in codes:
            return Outcome(*codes[response.status])
        if response.status >= 500:
            return Outcome(RETRY, f"http_{response.status}")
        return Outcome(DELIVERED) if response.status < 300 else Outcome(FAILED, f"http_{response.status}")


def _request(method: str, path: str, body: Mapping[str, Any], access: Access) -> HttpRequest:
    return HttpRequest(method, "https://x" + path, {"authorization": access.token or ""}, json.dumps(body).encode())


@dataclass
class System:
    """What the keeper talks to. ``faults``: (method, its number) → what happens instead, or besides."""

    keeper: Keeper
    clock: Callable[[], datetime]
    faults: dict[tuple[str, int], str] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)  # id → ticket, v
    keys: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, float, Any]] = field(default_factory=list)  # (step, seconds since the start, body)
    valid: str = ""
    life: float = 3_600.0
    within: list[float] = field(default_factory=list)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, within: float | None = None
    ) -> HttpResponse:
        path = urlsplit(url).path
        step = "token" if path == "/token" else {"GET": "find", "POST": "create", "PUT": "update"}[method]
        said = json.loads(body)
        self.calls.append((step, (self.clock() - AT).total_seconds(), said))
        self.within.append(within or 0.0)
        fault = self.faults.get((step, sum(one == step for one, _, _ in self.calls)), "")
        if fault == "mute" and step != "create":
            fault = "lost"
        if fault == "unreached":
            raise EgressError("no answer", code="timeout", sent=True)
        if fault == "refused":
            raise EgressError("no answer", code="connection", sent=False)
        if fault.isdigit():
            return HttpResponse(int(fault), {}, b"{}")
        response = self._answer(step, path, headers, said, url)
        if fault == "lost":
            raise EgressError("no answer", code="timeout", sent=True)
        return HttpResponse(response.status, {}, b"{}") if fault == "mute" else response

    def _answer(self, step: str, path: str, headers: Mapping[str, str], said: Any, url: str) -> HttpResponse:
        if step == "token":
            self.valid = f"token-{len(self.calls)}"
            return _json({"token": self.valid, "life": self.life})
        if self.keeper.tokens and headers["authorization"] != self.valid:
            return HttpResponse(401, {}, b"{}")
        if step == "find":
            wanted = url.rpartition("=")[2]
            return _json({"id": next((name for name, one in self.items.items() if one["ticket"] == wanted), None)})
        if step == "create":
            return _json({"id": self._made(said)})
        item = self.items.get(path.rpartition("/")[2])
        if item is None:
            return HttpResponse(404, {}, b"{}")
        item["v"] = said["v"]
        return _json({"id": path.rpartition("/")[2]})

    def _made(self, said: Any) -> str:
        if self.keeper.has_idempotency and said["key"] in self.keys:
            return self.keys[said["key"]]
        name = f"item-{len(self.items) + 1}"
        self.items[name] = {"ticket": said["ticket"], "v": said["v"]}
        self.keys[said["key"]] = name
        return name

    @property
    def steps(self) -> list[str]:
        return [step for step, _, _ in self.calls]


def _json(value: Any) -> HttpResponse:
    return HttpResponse(200, {}, json.dumps(value).encode())


class Case:
    """A world with one endpoint at a system of the keeper's kind."""

    def __init__(self, keeper: Keeper, faults: dict[tuple[str, int], str] | None = None, **setting: Any) -> None:
        self.keeper = keeper
        self.world = World(
            endpoint(events=("ticket.opened", "ticket.updated"), settings=setting), keeper=lambda _: keeper, door=self
        )
        self.system = System(keeper, self.world.clock, dict(faults or {}))

    def send(self, *args: Any, **more: Any) -> HttpResponse:
        return self.system.send(*args, **more)

    def tell(self, version: int, **changes: Any) -> None:
        told = self.world.event("ticket.opened" if version == 1 else "ticket.updated", version)
        self.world.tickets["tk_one"] = ticket(id="tk_one", version=version, **changes)
        self.world.publish(told)

    def told(self, version: int, seconds: float = 10**7) -> Case:
        self.tell(version)
        self.world.run(seconds)
        return self

    def delivery(self, version: int) -> Any:
        return self.world.store.rows[f"dl-tk_one-ep_one-{version}"]

    def attempts(self, version: int = 1) -> list[Any]:
        return self.world.store.attempts("acme", f"dl-tk_one-ep_one-{version}")

    @property
    def item(self) -> Item:
        return self.world.items.get("acme", "tk_one", "ep_one")


# --- the way of an item without an id ---------------------------------------------------------------------------


MARK = Mark("a", 1, AT, AT)


@pytest.mark.parametrize(
    ("keeper", "mark", "version", "wanted"),
    [
        (Keeper(), None, 1, CREATE),
        (Keeper(), MARK, 1, UNCERTAIN),
        (Keeper(searches=True), MARK, 1, FIND),
        (Keeper(has_idempotency=True), MARK, 1, REPEAT),
        (Keeper(has_idempotency=True), MARK, 2, REPEAT),
        (Keeper(has_idempotency=True, searches=True), MARK, 1, REPEAT),
        (Keeper(has_idempotency=True, searches=True), MARK, 2, FIND),
        (Keeper(has_idempotency=True), replace(MARK, spent=True), 1, UNCERTAIN),
        (Keeper(has_idempotency=True, searches=True), replace(MARK, spent=True), 1, FIND),
        (Keeper(has_idempotency=True, key_life=60.0), MARK, 1, UNCERTAIN),
        (Keeper(has_idempotency=True, key_life=61.0), MARK, 1, REPEAT),
        (Keeper(has_idempotency=True, key_life=None), MARK, 1, REPEAT),
    ],
)
def test_what_becomes_of_a_create_of_unknown_end(keeper: Keeper, mark: Mark | None, version: int, wanted: str) -> None:
    item = Item("acme", "tk_one", "ep_one", creating=mark)
    assert way(item, version, keeper, AT + timedelta(seconds=60)) == wanted


@pytest.mark.parametrize("answered", [None, "", "x" * 257, "a\nb", "a\x00"])
def test_what_is_no_id_is_not_kept(answered: str | None) -> None:
    assert usable_id(answered) is None


def test_an_id_is_kept_as_it_is() -> None:
    assert usable_id("500000000000001AAA") == "500000000000001AAA"


# --- the plain way ----------------------------------------------------------------------------------------------


def test_an_item_that_comes_back_with_a_long_history_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr("chalicelib.egress.Door", lambda _, **given: made.append(given))
    for room, name in ((stores, "item_store"), (base, "vault"), (base, "egress_policy")):
        monkeypatch.setattr(room, name, lambda: None)
    monkeypatch.setattr(base, "settings", lambda: SimpleNamespace(delivery_lease=60))
    outbound._synchronise.__wrapped__()
    assert made == [{"body_cap": 1_048_576}]


def test_a_ticket_is_created_once_and_then_updated() -> None:
    case = Case(Keeper()).told(1).told(2)
    assert case.system.steps == ["create", "update"]
    assert case.system.items == {"item-1": {"ticket": "tk_one", "v": 2}}
    assert (case.item.external_id, case.item.sent, case.item.state) == ("item-1", 2, "made")
    assert case.world.items.ticket_of_item("acme", "ep_one", "item-1") == "tk_one"
    assert case.world.metrics == ["Delivered", "Delivered"]


def test_a_system_with_nothing_to_change_is_not_called_for_an_update() -> None:
    case = Case(Keeper(changes=False)).told(1).told(2)
    assert case.system.steps == ["create"]
    assert (case.delivery(2).state, case.delivery(2).code) == ("delivered", "nothing_to_change")


def test_what_was_sent_already_costs_no_call_and_no_attempt() -> None:
    case = Case(Keeper(limits=(Limit(1, 60.0),)))
    case.tell(1)
    case.tell(2)
    case.world.run()
    assert case.system.steps == ["create"]
    assert (case.delivery(2).code, case.delivery(2).attempts) == ("already_sent", 0)


def test_a_refused_create_is_final_and_leaves_no_mark() -> None:
    case = Case(Keeper(), {("create", 1): "422"}).told(1)
    assert (case.delivery(1).state, case.delivery(1).code) == ("failed", "http_422")
    assert case.item.state == "none"
    case.told(2)
    assert case.delivery(2).state == "delivered"


def test_settings_that_do_not_fit_fail_the_delivery_without_a_call() -> None:
    case = Case(Keeper())
    case.tell(1, title="unfit")
    case.world.run()
    assert (case.delivery(1).state, case.delivery(1).code) == ("failed", "settings_invalid")
    assert case.system.calls == []
    assert case.attempts() == []


@pytest.mark.parametrize("fault", ["refused", "429"])
def test_a_create_that_surely_did_not_arrive_is_simply_made_again(fault: str) -> None:
    case = Case(Keeper(), {("create", 1): fault}).told(1)
    assert (case.delivery(1).state, len(case.system.items)) == ("delivered", 1)
    assert [one.ambiguous for one in case.attempts()] == [False, False]


# --- a create of unknown end ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost", "unreached", "503", "mute"])
def test_a_key_is_used_again(fault: str) -> None:
    case = Case(Keeper(has_idempotency=True), {("create", 1): fault}).told(1)
    assert case.system.steps == ["create", "create"]
    assert len({said["key"] for _, _, said in case.system.calls}) == 1
    assert len(case.system.items) == 1
    assert (case.delivery(1).state, case.item.state) == ("delivered", "made")


@pytest.mark.parametrize(("fault", "creates"), [("lost", 1), ("unreached", 2)])
def test_an_item_is_looked_for_before_it_is_made_again_and_not_too_soon(fault: str, creates: int) -> None:
    case = Case(Keeper(searches=True), {("create", 1): fault}).told(1)
    assert case.system.steps == ["create", "find", "create"][: creates + 1]
    assert case.system.calls[1][1] >= SEARCH_LAG
    assert (len(case.system.items), case.delivery(1).state) == (1, "delivered")


def test_a_search_that_says_by_an_error_that_there_is_none_is_an_answer() -> None:
    class Terse(Keeper):
        def outcome(self, response: HttpResponse) -> Outcome:
            return Outcome(FAILED, "item_missing") if response.status == 418 else super().outcome(response)

    case = Case(Terse(searches=True), {("create", 1): "unreached", ("find", 1): "418"}).told(1)
    assert case.system.steps == ["create", "find", "create"]
    assert (case.delivery(1).state, case.item.state) == ("delivered", "made")


def test_what_was_found_is_brought_to_the_newest_state() -> None:
    case = Case(Keeper(searches=True), {("create", 1): "lost"})
    case.told(1, seconds=2)
    case.told(2)
    assert case.system.steps == ["create", "find", "update"]
    assert case.system.items == {"item-1": {"ticket": "tk_one", "v": 2}}


def test_waiting_for_the_search_to_know_counts_as_no_try() -> None:
    case = Case(Keeper(searches=True), {("create", 1): "lost"}).told(1)
    assert case.delivery(1).attempts - case.delivery(1).base == 2
    assert [one.code for one in case.attempts()] == ["timeout", "already_sent"]


def test_without_a_key_or_a_search_a_person_decides() -> None:
    case = Case(Keeper(), {("create", 1): "unreached"}).told(1).told(2)
    assert (case.delivery(1).state, case.delivery(1).code) == ("uncertain", "timeout")
    assert (case.delivery(2).state, case.delivery(2).code) == ("uncertain", "create_uncertain")
    assert case.system.steps == ["create"]
    assert case.item.state == "uncertain"

    case.world.redeliver.replay("acme", case.delivery(2).id)
    case.world.run()
    assert (case.delivery(2).state, case.item.state) == ("delivered", "made")
    assert case.system.items == {"item-1": {"ticket": "tk_one", "v": 2}}


def test_a_replay_of_something_else_does_not_decide_what_is_uncertain() -> None:
    case = Case(Keeper(), {("create", 1): "unreached"})
    case.world.directory.set_endpoint_state("acme", "ep_one", "active")
    case.told(1)
    case.tell(2)
    case.world.redeliver.replay_range("acme", AT - timedelta(days=1), AT + timedelta(days=1))
    case.world.run()
    assert case.system.steps == ["create"]


def test_a_person_who_sends_it_again_is_asked_again_when_that_ends_the_same_way() -> None:
    case = Case(Keeper(), {("create", 1): "lost", ("create", 2): "unreached"}).told(1)
    case.world.redeliver.replay("acme", case.delivery(1).id)
    case.world.run()
    assert (case.delivery(1).state, case.item.state) == ("uncertain", "uncertain")
    assert case.system.steps == ["create", "create"]


def test_a_worker_killed_during_a_persons_replay_does_not_create_twice() -> None:
    case = Case(Keeper(), {("create", 1): "unreached"}).told(1)
    case.world.redeliver.replay("acme", case.delivery(1).id)
    ticks = iter(range(1, 1000))

    def kill_at_the_link(what: str) -> None:
        if what == "link item" and next(ticks) == 1:
            raise Crash

    case.world.items.tick = kill_at_the_link
    case.world.run()
    assert case.world.crashes == 1
    assert (case.delivery(1).state, case.item.state) == ("uncertain", "uncertain")
    assert case.system.steps == ["create", "create"]


def test_a_key_that_is_too_old_is_not_trusted() -> None:
    faults = {("create", number): "503" for number in range(1, 50)}
    case = Case(Keeper(has_idempotency=True), faults).told(1)
    assert (case.delivery(1).state, case.item.state) == ("uncertain", "uncertain")
    assert max(at for _, at, _ in case.system.calls) < KEY_LIFE


def test_a_key_that_the_system_took_another_request_under_is_not_used_again() -> None:
    case = Case(Keeper(has_idempotency=True, searches=True), {("create", 1): "lost", ("create", 2): "409"}).told(1)
    assert case.system.steps == ["create", "create", "find"]
    assert (len(case.system.items), case.delivery(1).state) == (1, "delivered")


def test_a_person_gets_past_a_key_that_the_system_refuses() -> None:
    case = Case(Keeper(has_idempotency=True), {("create", 1): "409"}).told(1)
    assert (case.delivery(1).state, case.delivery(1).code) == ("uncertain", "key_conflict")
    case.world.redeliver.replay("acme", case.delivery(1).id)
    case.world.run()
    assert [said["key"] for _, _, said in case.system.calls] == ["tk_one-0", "tk_one-1"]
    assert (case.delivery(1).state, case.item.state) == ("delivered", "made")


def test_a_later_refusal_does_not_unsay_an_earlier_create_of_unknown_end() -> None:
    case = Case(Keeper(has_idempotency=True), {("create", 1): "lost", ("create", 2): "422"}).told(1)
    assert (case.delivery(1).state, case.item.state) == ("failed", "creating")
    case.told(2)
    assert (len(case.system.items), case.delivery(2).state) == (1, "delivered")


def test_a_repeated_create_that_brings_back_an_older_item_is_followed_by_an_update() -> None:
    case = Case(Keeper(has_idempotency=True), {("create", 1): "lost"})
    case.told(1, seconds=2)
    case.told(2)
    assert case.system.steps == ["create", "create", "update"]
    assert (case.system.items, case.item.sent) == ({"item-1": {"ticket": "tk_one", "v": 2}}, 2)


# --- updates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost", "unreached", "503", "429", "refused"])
def test_an_update_is_repeated_until_it_is_confirmed(fault: str) -> None:
    case = Case(Keeper(), {("update", 1): fault}).told(1).told(2)
    assert case.system.steps == ["create", "update", "update"]
    assert (case.item.sent, case.delivery(2).state) == (2, "delivered")


def test_a_deleted_item_stays_deleted_by_default() -> None:
    case = Case(Keeper()).told(1)
    case.system.items.clear()
    case.told(2)
    assert (case.delivery(2).state, case.delivery(2).code, case.item.state) == ("failed", "item_missing", "missing")
    assert case.system.steps == ["create", "update"]


@pytest.mark.parametrize("status", ["404", "410"])
def test_a_deleted_item_is_made_anew_where_the_endpoint_says_so(status: str) -> None:
    case = Case(Keeper(has_idempotency=True), {("update", 1): status}, on_missing="recreate").told(1)
    case.system.items.clear()
    case.told(2)
    assert case.system.steps == ["create", "update", "create"]
    assert [said["key"] for step, _, said in case.system.calls if step == "create"] == ["tk_one-0", "tk_one-1"]
    assert (case.delivery(2).state, case.item.generation, case.item.state) == ("delivered", 1, "made")
    assert case.world.directory.known["ep_one"].state == "active"


def test_an_address_that_answers_404_to_everything_makes_no_item_forgotten() -> None:
    faults = {("update", 1): "404", ("create", 2): "404"}
    case = Case(Keeper(has_idempotency=True), faults, on_missing="recreate").told(1).told(2)
    assert (case.delivery(2).state, case.delivery(2).code, case.item.state) == ("failed", "http_404", "missing")
    case.told(3)
    assert case.system.steps == ["create", "update", "create", "update"]
    assert (case.delivery(3).state, case.item.state, len(case.system.items)) == ("delivered", "made", 1)


# --- limits, deadline, others -----------------------------------------------------------------------------------


def test_each_call_of_an_attempt_counts_towards_the_limit() -> None:
    limit = Limit(1, 60.0, guard=0.0)
    case = Case(Keeper(tokens=True, searches=True, limits=(limit,)), {("create", 1): "unreached"}).told(1)
    assert case.system.steps == ["token", "create", "find", "create"]
    moments = [at for _, at, _ in case.system.calls]
    assert all(later - sooner > 60 for sooner, later in pairwise(moments))
    assert case.delivery(1).state == "delivered"
    assert case.delivery(1).attempts - case.delivery(1).base <= 2, "waiting for a free place counted as a try"


def test_all_calls_of_an_attempt_share_one_deadline() -> None:
    case = Case(Keeper(tokens=True))
    seconds = iter([0.0, 0.0, 0.0, 4.0, 4.0, 4.0, 4.0, *[4.0] * 20])
    synchronise = replace(case.world.deliver.synchronise, monotonic=lambda: next(seconds))
    case.world.deliver = replace(case.world.deliver, synchronise=synchronise)
    case.told(1)
    assert case.system.steps == ["token", "create"]
    assert case.system.within == [10.0, 6.0]


def test_a_call_does_not_begin_where_too_little_time_is_left() -> None:
    case = Case(Keeper(tokens=True))
    seconds = iter([0.0, 0.0, 0.0, 9.0])
    synchronise = replace(case.world.deliver.synchronise, monotonic=lambda: next(seconds, 9.0))
    case.world.deliver = replace(case.world.deliver, synchronise=synchronise)
    case.told(1, seconds=2)
    assert case.system.steps == ["token"]
    assert (case.delivery(1).state, case.delivery(1).code) == ("waiting", "out_of_time")
    assert case.item.state == "none"


def test_an_item_that_another_attempt_is_at_is_left_to_it() -> None:
    case = Case(Keeper())
    case.world.items.take("acme", "tk_one", "ep_one", attempt="other", now=AT, until=AT + timedelta(seconds=30))
    case.told(1)
    assert case.system.calls[0][1] > 30
    assert (case.delivery(1).state, case.delivery(1).attempts - case.delivery(1).base) == ("delivered", 1)


def test_an_attempt_that_lost_its_item_sends_no_create() -> None:
    case = Case(Keeper())

    def lose(what: str) -> None:
        if what == "put item" and not case.system.calls:
            case.world.items.leases.clear()

    case.world.items.tick = lose
    case.told(1, seconds=2)
    assert case.system.calls == []
    assert case.delivery(1).code == "item_busy"


def test_credentials_and_tokens_are_in_no_log() -> None:
    case = Case(Keeper(tokens=True), {("create", 1): "503"})
    assert case.world.secret is not None
    case.world.secret = replace(case.world.secret, credentials={"api_token": "CANARY-CREDENTIAL"})
    case.told(1)
    kept = repr(case.world.store.log) + repr(case.item) + repr(case.world.tokens.kept)
    assert "CANARY" not in kept
    assert case.system.valid not in kept
    assert [[call.step for call in one.calls] for one in case.attempts()] == [["token", "create"]]


# --- tokens -----------------------------------------------------------------------------------------------------


def test_a_token_is_fetched_once_and_used_until_shortly_before_its_end() -> None:
    case = Case(Keeper(tokens=True)).told(1, seconds=60).told(2, seconds=3_000).told(3, seconds=430)
    assert case.system.steps.count("token") == 1
    case.told(4, seconds=60)
    assert case.system.steps.count("token") == 2
    assert case.system.calls[-2][1] < 3_600


def test_a_token_that_was_dropped_is_replaced_at_once_and_once() -> None:
    case = Case(Keeper(tokens=True)).told(1, seconds=60)
    case.system.valid = "another"
    case.told(2)
    assert case.system.steps == ["token", "create", "update", "token", "update"]
    assert (len(case.attempts(2)), case.delivery(2).state) == (1, "delivered")


def test_a_system_that_takes_no_token_is_asked_again_later() -> None:
    case = Case(Keeper(tokens=True), {("create", 1): "401", ("create", 2): "401"}).told(1, seconds=2)
    assert case.system.steps == ["token", "create", "token", "create"]
    assert (case.delivery(1).state, case.delivery(1).code, case.item.state) == ("waiting", "token_expired", "none")


def test_a_worker_waits_for_the_token_that_another_is_fetching() -> None:
    case = Case(Keeper(tokens=True))
    case.world.tokens.leases["acme", "ep_one"] = AT + timedelta(seconds=15)
    case.told(1)
    assert case.system.calls[0][1] > 15
    assert (case.delivery(1).state, case.delivery(1).attempts - case.delivery(1).base) == ("delivered", 1)
    assert case.system.steps == ["token", "create"]


def test_a_token_in_force_is_used_while_another_worker_fetches_the_next() -> None:
    case = Case(Keeper(tokens=True)).told(1, seconds=3_550)
    case.world.tokens.leases["acme", "ep_one"] = case.world.clock() + timedelta(seconds=15)
    case.told(2, seconds=1)
    assert case.system.steps == ["token", "create", "update"]


def test_a_token_in_force_is_used_when_the_next_cannot_be_had() -> None:
    case = Case(Keeper(tokens=True), {("token", 2): "503"}).told(1, seconds=3_550).told(2, seconds=2)
    assert case.system.steps == ["token", "create", "token", "update"]
    assert case.world.tokens.leases == {}


def test_other_credentials_open_nothing_with_the_old_token() -> None:
    case = Case(Keeper(tokens=True)).told(1, seconds=60)
    assert case.world.secret is not None
    case.world.secret = replace(case.world.secret, credentials={"api_key": "new"})
    case.told(2)
    assert case.system.steps == ["token", "create", "token", "update"]


def test_a_narrow_limit_does_not_keep_a_dropped_token_in_use_for_ever() -> None:
    """The one call a minute is spent on being refused: the next one must be for the token."""
    case = Case(Keeper(tokens=True, limits=(Limit(1, 60.0, guard=0.0),))).told(1)
    case.system.valid = "another"
    case.told(2)
    assert case.system.steps == ["token", "create", "update", "token", "update"]
    assert case.delivery(2).state == "delivered"


def test_a_token_that_another_worker_fetched_in_between_is_not_fetched_again() -> None:
    case = Case(Keeper(tokens=True))

    def overtake(what: str) -> None:
        if what == "lease token" and not case.world.tokens.kept:
            other = Case(Keeper(tokens=True))
            other.told(1)
            case.world.tokens.kept.update(other.world.tokens.kept)
            case.system.valid = other.system.valid

    case.world.tokens.tick = overtake
    case.told(1)
    assert case.system.steps == ["create"]
    assert (case.delivery(1).state, case.world.tokens.leases) == ("delivered", {})


@pytest.mark.parametrize("answered", [Outcome(DELIVERED), Token("a\nb", AT + timedelta(days=1)), Token("令牌", AT)])
def test_an_answer_without_a_usable_token_delivers_nothing(answered: Token | Outcome) -> None:
    class Odd(Keeper):
        def token(self, response: HttpResponse, now: datetime) -> Token | Outcome:
            return answered

    case = Case(Odd(tokens=True)).told(1, seconds=2)
    assert (case.system.steps, case.item.state) == (["token"], "none")
    assert (case.delivery(1).state, case.delivery(1).code) == ("waiting", "answer_unreadable")
    assert case.world.tokens.leases == {}


def test_a_person_need_not_decide_again_because_the_item_was_busy() -> None:
    case = Case(Keeper(), {("create", 1): "unreached"}).told(1)
    assert case.delivery(1).state == "uncertain"
    now = case.world.clock()
    case.world.items.take("acme", "tk_one", "ep_one", attempt="other", now=now, until=now + timedelta(seconds=30))
    case.world.redeliver.replay("acme", "dl-tk_one-ep_one-1")
    case.world.run()
    assert (case.delivery(1).state, case.system.steps) == ("delivered", ["create", "create"])


def test_a_refused_token_request_is_final_and_lets_others_try() -> None:
    case = Case(Keeper(tokens=True), {("token", 1): "400"}).told(1)
    assert (case.delivery(1).state, case.delivery(1).code, case.item.state) == ("failed", "http_400", "none")
    assert case.world.tokens.leases == {}


@given(life=st.integers(1, 10**6))
def test_a_token_is_always_replaced_before_its_end(life: int) -> None:
    token = Token("t", AT + timedelta(seconds=life))
    assert AT < token.refresh_at(AT) < token.expires_at


# --- anything may fail, any worker may die ----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    keeper=st.builds(Keeper, has_idempotency=st.booleans(), searches=st.booleans(), tokens=st.booleans()),
    faults=st.dictionaries(
        st.tuples(st.sampled_from(["token", "find", "create", "update"]), st.integers(1, 4)),
        st.sampled_from(["lost", "unreached", "refused", "503", "429", "mute", "401"]),
        max_size=5,
    ),
    kills=st.sets(st.integers(1, 80), max_size=3),
)
def test_no_story_makes_a_duplicate(keeper: Keeper, faults: dict[tuple[str, int], str], kills: set[int]) -> None:
    case = Case(keeper, faults)
    ticks = iter(range(1, 10**6))

    def tick(_: str) -> None:
        if next(ticks) in kills:
            raise Crash

    for port in (case.world.store, case.world.items, case.world.tokens, case.world.windows):
        port.tick = tick
    for version in (1, 2, 3):
        case.told(version, seconds=700)
    case.world.run()

    assert len(case.system.items) <= 1
    states = {case.delivery(version).state for version in (1, 2, 3)}
    assert states <= {"delivered", "uncertain", "failed"}
    if keeper.searches:
        assert states == {"delivered"}
    if states == {"delivered"}:
        assert [one["v"] for one in case.system.items.values()] == [3]
