"""One message for many that wait for a robot's limit: nobody is left out, the gravest come first, nothing is lost."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import bundles as cards
from chalicelib.connectors.registry import CONNECTORS, load_bundler
from chalicelib.domain.outbound import bundle
from chalicelib.domain.outbound.delivery import Delivery
from chalicelib.domain.outbound.exchange import HttpResponse, Message
from tests.builders import AT, endpoint, endpoint_secret, message, ticket
from tests.contract.profiles import profile
from tests.fakes.deliveries import Crash, World
from tests.fakes.robot import MOST, Robot

FREELY = 18  # messages of a minute that anybody may take; two are kept for red lines
SEVERITIES = ("low", "medium", "high", "critical")
BUNDLERS = [name for name in CONNECTORS if load_bundler(name) is not None]


def room(*endpoints: Any, **changes: Any) -> tuple[World, Robot]:
    """A group robot, and the endpoints that name it."""
    world = World(*(endpoints or (endpoint(connector="dingtalk", **changes),)))
    robot = Robot(lambda: world.clock().timestamp())
    world.deliver = replace(world.deliver, door=robot)
    return world, robot


def alerts(world: World, number: int, *, severity: Callable[[int], str] = lambda _: "high", first: int = 0) -> None:
    for n in range(first, first + number):
        world.publish(world.event("alert.raised", alert_id=f"al_{n}", severity=severity(n), rule="r", unit="SH"))


def every(number: int, then: Callable[[], None]) -> Callable[[str], None]:
    """A tick that does something at every step of that number, but not while it does it."""
    steps, busy = Counter[str](), False

    def tick(_: str) -> None:
        nonlocal busy
        steps["made"] += 1
        if steps["made"] % number == 0 and not busy:
            busy = True
            try:
                then()
            finally:
                busy = False

    return tick


# --- the promise ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interleaved", [2, 7])
def test_500_alerts_in_ten_seconds_to_a_robot_in_two_endpoints_are_all_named(interleaved: int) -> None:
    pair = [endpoint(id=f"ep_{one}", connector="dingtalk", target="the-robot") for one in "ab"]
    world, robot = room(*pair)
    tick = every(interleaved, world.one_more)
    world.store.tick = world.windows.tick = tick
    for second in range(10):
        alerts(world, 50, severity=lambda n: SEVERITIES[n * 7 % 40 // 10], first=50 * second)
        world.run(1)
    world.run()

    assert robot.busiest <= MOST
    assert (robot.penalties, robot.errors) == (0, [])
    assert set(world.states().values()) == {"delivered"}
    times_named = Counter(one for named in robot.named for one in named)
    assert times_named == {f"al_{n}": 2 for n in range(500)}, "each alert is named once for each endpoint"
    assert robot.messages[-1][0] - robot.messages[0][0] <= 3 * 62
    for rows in (world.store.rows.values(),):
        heads = {one.code.removeprefix("digest:") for one in rows if one.code}
        assert heads <= {one.id for one in rows}
        assert len(heads) == world.metrics.count("Digests")


def test_red_lines_are_named_first_wherever_they_came() -> None:
    world, robot = room()
    alerts(world, 300, severity=lambda n: "critical" if n >= 270 else SEVERITIES[n % 3])
    world.run()
    order = [world.store.rows[f"dl-{one}-ep_one-1"].detail["severity"] for named in robot.named[20:] for one in named]
    assert len(order) == 280
    assert order == sorted(order, key=SEVERITIES.index, reverse=True)


def test_a_red_line_does_not_wait_behind_a_crowd_that_fills_a_message() -> None:
    """Whoever gets the place names the gravest; too far behind them itself, it goes on waiting."""
    world, robot = room()
    alerts(world, 21, severity=lambda _: "low")
    world.run(30)
    alerts(world, 120, severity=lambda _: "critical", first=100)
    world.run()
    assert all("al_20" not in named for named in robot.named[:-1])
    assert "al_20" in robot.named[-1]
    assert Counter(one for named in robot.named for one in named).most_common(1)[0][1] == 1
    assert set(world.states().values()) == {"delivered"}


@pytest.mark.parametrize("red", [{"severity": "critical"}, {"severity": "high", "red_line": True}])
def test_a_red_line_finds_a_place_at_once_although_others_have_used_up_the_minute(red: dict[str, Any]) -> None:
    world, robot = room()
    alerts(world, 40, severity=lambda _: "high")
    world.run(5)
    world.publish(world.event("alert.raised", alert_id="al_900", rule="r", unit="SH", **red))
    world.run(1)
    assert robot.named[-1] == ["al_900"]
    world.run()
    assert (robot.penalties, set(world.states().values())) == (0, {"delivered"})
    assert robot.busiest <= MOST


def test_a_single_one_that_waited_is_a_message_like_any_other() -> None:
    world, robot = room()
    alerts(world, FREELY + 1)
    world.run()
    assert len(robot.messages) == FREELY + 1
    assert [one.code for one in world.store.rows.values()] == [""] * (FREELY + 1)
    assert world.store.waiting == set()
    assert "Digests" not in world.metrics


def test_after_a_crowd_was_named_nobody_waits_for_places_that_it_had_been_promised() -> None:
    world, robot = room()
    alerts(world, 500)
    world.run(200)
    alerts(world, 1, first=900)
    world.run(1)
    assert robot.named[-1] == ["al_900"]


def test_how_much_one_bundle_reads_does_not_grow_with_the_crowd() -> None:
    world, _ = room()
    alerts(world, 600)
    world.run(60)
    asked: list[int] = []
    store = world.store
    lane, crowd = store.lane, store.crowd
    calls = Counter[str]()

    def counted_lane(*about: str) -> Any:
        calls["lane"] += 1
        return lane(*about)

    def seen_crowd(*about: str, after: str = "", limit: int = 100) -> Any:
        asked.append(limit)
        return crowd(*about, after=after, limit=limit)

    store.lane, store.crowd = counted_lane, seen_crowd  # type: ignore[method-assign]
    leader = next(one for one in world.store.rows.values() if one.state == "waiting")
    world.clock.forward(10)
    calls.clear()
    world.deliver.handle("acme", leader.id, leader.version, waited=True)
    assert asked == [bundle.READ]
    assert calls["lane"] <= 1 + bundle.MOST + 1 + bundle.MOST, "itself, those named and the next; who waits behind them"


# --- what goes wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", range(1, 160, 5))
def test_a_worker_killed_at_any_step_of_a_bundle_loses_nobody(nth: int) -> None:
    world, robot = room(settings={"rate": 2})
    alerts(world, 12)
    steps = Counter[str]()

    def tick(_: str) -> None:
        steps["made"] += 1
        if steps["made"] == nth:
            raise Crash

    world.run(1)
    robot_send = robot.send

    def send(*about: Any, **extra: Any) -> HttpResponse:
        tick("before")
        answer = robot_send(*about, **extra)
        tick("after")
        return answer

    world.deliver = replace(world.deliver, door=type("Wire", (), {"send": staticmethod(send)})())
    world.store.tick = world.windows.tick = tick
    world.run()
    assert set(world.states().values()) == {"delivered"}
    named = Counter(one for shown in robot.named for one in shown)
    assert set(named) == {f"al_{n}" for n in range(12)}
    assert max(named.values()) <= 1 + world.crashes
    assert world.crashes == (steps["made"] >= nth)
    assert not [one for one in robot.calls if sum(one <= at < one + 60 for at in robot.calls) > 2]


def test_a_worker_that_died_with_a_bundle_leaves_it_to_people_where_the_endpoint_says_so() -> None:
    world, robot = room(settings={"rate": 1, "on_ambiguous": "park"})
    alerts(world, 4)
    world.run(1)

    def send(*about: Any, **extra: Any) -> HttpResponse:
        robot.send(*about, **extra)
        world.deliver = replace(world.deliver, door=robot)
        raise Crash

    world.deliver = replace(world.deliver, door=type("Wire", (), {"send": staticmethod(send)})())
    world.run()
    assert sorted(world.states().values()) == ["delivered", "uncertain", "uncertain", "uncertain"]
    assert {one.code for one in world.store.rows.values() if one.state == "uncertain"} == {"sender_lost"}
    assert len(robot.messages) == 2


def test_what_a_busy_robot_did_not_take_is_named_later_and_each_has_the_try_in_its_log() -> None:
    world, robot = room()
    alerts(world, 30)
    robot.then = lambda n: HttpResponse(200, {}, b'{"errcode":-1,"errmsg":"busy"}') if n == FREELY + 1 else None
    world.run()
    assert set(world.states().values()) == {"delivered"}
    assert {one for named in robot.named for one in named} == {f"al_{n}" for n in range(30)}
    twice = [one for one in world.store.rows.values() if one.attempts == 2]
    assert len(twice) == 30 - FREELY
    for one in twice:
        assert next(made.code for made in world.store.attempts("acme", one.id)) == "busy"


def test_what_is_refused_together_goes_out_one_by_one() -> None:
    """The robot may ask for a word that a card has and a bundle has not, or mind what one of them says."""
    world, robot = room()
    alerts(world, 30)
    refusal = HttpResponse(200, {}, b'{"errcode":310000,"errmsg":"keywords not in content"}')
    robot.then = lambda n: refusal if n == FREELY + 1 else None
    world.run()
    assert set(world.states().values()) == {"delivered"}
    assert [len(named) for named in robot.named] == [1] * 30
    assert robot.busiest <= MOST


def test_five_bundles_at_a_robot_that_hangs_fit_the_functions_time() -> None:
    """A single card may take the door's ten seconds; around a bundle's call up to fifty deliveries are written."""
    world, robot = room()
    allowed: list[float | None] = []

    class Slow:
        def send(self, *request: Any, within: float | None = None) -> HttpResponse:
            allowed.append(within)
            return robot.send(*request)

    world.deliver = replace(world.deliver, door=Slow())
    alerts(world, 40)
    world.run()
    assert [len(named) for named in robot.named[FREELY:]] == [40 - FREELY]
    assert allowed == [None] * FREELY + [6.0]


def test_a_robot_that_has_shut_us_out_is_asked_by_nobody_before_its_time() -> None:
    world, robot = room()
    robot.then = lambda n: HttpResponse(200, {}, b'{"errcode":130101,"errmsg":"send too fast"}') if n == 1 else None
    alerts(world, 1)
    world.run(1)
    alerts(world, 40, first=1)
    world.run()
    began = robot.calls[0]
    assert [at for at in robot.calls[1:] if at < began + 600] == []
    assert set(world.states().values()) == {"delivered"}


def test_who_is_paused_or_deleted_meanwhile_is_not_named() -> None:
    world, robot = room()
    alerts(world, 40)
    world.run(5)
    world.directory.known["ep_one"] = replace(world.directory.known["ep_one"], state="paused")
    world.run(200)
    assert len(robot.messages) == FREELY
    assert sorted(Counter(world.states().values()).items()) == [("delivered", FREELY), ("held", 40 - FREELY)]
    world.directory.known["ep_one"] = replace(world.directory.known["ep_one"], state="active")
    world.redeliver.release("acme", "ep_one")
    world.run()
    assert {one for named in robot.named for one in named} == {f"al_{n}" for n in range(40)}


def test_a_bundle_names_one_event_of_a_ticket_and_the_next_follows_it() -> None:
    world, robot = room()
    alerts(world, FREELY)
    world.run(1)
    world.publish(*(world.event("ticket.opened", ticket_id=f"tk_{n}") for n in range(5)))
    world.publish(*(world.event("ticket.updated", 2, ticket_id=f"tk_{n}") for n in range(5)))
    world.run()
    rows = world.store.rows
    assert {one.state for one in rows.values()} == {"delivered"}
    for n in range(5):
        opened, updated = rows[f"dl-tk_{n}-ep_one-1"], rows[f"dl-tk_{n}-ep_one-2"]
        assert opened.updated_at <= updated.updated_at
    texts = [text for _, text in robot.messages[FREELY:]]
    assert sum(text.count("https://echoloop.example.org/t/tk_0") for text in texts) >= 1
    assert "包裹" not in "".join(texts), "a bundle has none of the customer's words"


# --- order ------------------------------------------------------------------------------------------------------


def waiting(**changes: Any) -> Delivery:
    made = Delivery("acme", "dl-al_1-ep_one-1", "ep_one", "al_1", 1, "", "alert.raised", "waiting", AT, AT)
    return replace(made, **changes)


@given(st.lists(st.tuples(st.sampled_from(SEVERITIES), st.booleans(), st.integers(0, 10**6)), min_size=2, max_size=8))
def test_places_are_in_the_order_of_gravity_and_age(those: list[tuple[str, bool, int]]) -> None:
    made = [
        waiting(
            id=f"dl-al_{n}-ep_one-1",
            detail={"severity": severity, "red_line": red_line},
            created_at=AT + timedelta(milliseconds=age),
        )
        for n, (severity, red_line, age) in enumerate(those)
    ]
    ordered = sorted(made, key=bundle.position)
    ranks = [
        (not one.detail["red_line"] and 3 - SEVERITIES.index(one.detail["severity"]) + 1, one.created_at)
        for one in ordered
    ]
    assert ranks == sorted(ranks)
    assert [bundle.id_at(bundle.position(one)) for one in made] == [one.id for one in made]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, True),
        ({"next_at": AT}, True),
        ({"next_at": AT + timedelta(seconds=1)}, False),
        ({"state": "sending"}, False),
        ({"state": "held"}, False),
        ({"state": "delivered"}, False),
        ({"code": bundle.REFUSED}, False),
    ],
)
def test_named_is_who_waits_for_nothing_else(changes: dict[str, Any], named: bool) -> None:
    assert bundle.may_be_named(waiting(**changes), AT) is named


# --- what it looks like -----------------------------------------------------------------------------------------


def alert_message(n: int, **detail: Any) -> Message:
    told = {"alert_id": f"al_{n}", "rule": "builtin-unhappy", "unit": "SH-001", "severity": "high", **detail}
    return message(type="alert.raised", delivery_id=f"dl-al_{n}-ep_one-1", detail=told, ticket=None, feedback=None)


def ticket_message(n: int, **changes: Any) -> Message:
    return message(ticket=ticket(id=f"tk_{n}", **changes), base_url="https://echoloop.example.org")


def rendered(name: str, messages: list[Message], **settings: Any) -> tuple[Any, int]:
    bundler, known = load_bundler(name), profile(name)
    assert bundler is not None
    request, named = bundler.bundle(messages, endpoint_secret(url=known.url, secret=known.secret), settings)
    assert known.measure(request) <= known.limit
    return request, named


@pytest.mark.parametrize("name", BUNDLERS)
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_each_is_named_with_how_grave_what_where_and_its_page_or_else_its_id(name: str, lang: str) -> None:
    those = [ticket_message(1, severity="critical", title="包裹破损", unit="SH/001"), alert_message(2)]
    request, named = rendered(name, those, lang=lang)
    text = json.dumps(json.loads(request.body), ensure_ascii=False)
    assert named == 2
    for told in ("包裹破损", "SH/001", "tk_1", "https://echoloop.example.org/t/tk_1", "SH-001", "al_2"):
        assert told in text
    assert ("紧急 1" if lang == "zh-CN" else "critical 1") in text
    assert ("2 条消息合并发送" if lang == "zh-CN" else "2 messages in one") in text
    assert text.index("tk_1") < text.index("SH-001")


@pytest.mark.parametrize("name", BUNDLERS)
def test_as_many_as_fit_are_named_and_one_more_would_not(name: str) -> None:
    long = [ticket_message(n, title="破损" * 300, unit="华东区/上海/" + "门店" * 40) for n in range(120)]
    request, named = rendered(name, long)
    assert 5 <= named < 120
    assert f"tk_{named - 1}" in request.body.decode()
    assert not re.search(rf"tk_{named}\b", request.body.decode())
    fewer, count = rendered(name, long[: named // 2])
    assert count == named // 2
    assert len(fewer.body) < len(request.body)


@pytest.mark.parametrize("name", BUNDLERS)
def test_what_a_title_says_acts_on_nobody(name: str) -> None:
    hostile = "@all <at id=all></at> [x](https://evil.example) **b** # h\n- li `c` \u202e"
    request, _ = rendered(name, [ticket_message(1, title=hostile, unit=hostile), alert_message(2, rule=hostile)])
    text = json.dumps(json.loads(request.body), ensure_ascii=False)
    assert not re.search(r"@(?!\u200d)", text)
    for bad in ("<at", "](https://evil", "**b**", "`c`", "\u202e", "evil.example"):
        assert bad not in text


@pytest.mark.parametrize("name", BUNDLERS)
def test_a_bundle_is_signed_as_a_message_is(name: str) -> None:
    bundler, known = load_bundler(name), profile(name)
    assert bundler is not None
    secret = endpoint_secret(url=known.url, secret="CANARY-SEC")
    signed = bundler.bundle([alert_message(1)] * 2, secret, {})[0]
    plain = bundler.bundle([alert_message(1)] * 2, replace(secret, secret=None), {})[0]
    assert (signed.url, signed.body) != (plain.url, plain.body) or known.secret is None
    assert "CANARY-SEC" not in signed.url + signed.body.decode()
    assert signed.headers["Content-Type"].startswith("application/json")


def test_the_card_has_the_highest_severity_and_counts_what_is_grave() -> None:
    card = cards.build(
        [alert_message(n, severity=one) for n, one in enumerate(["low", "critical", "high", "high"])], "en"
    )
    assert card.severity == "critical"
    assert card.title == "4 messages in one · critical 1 · high 2"
