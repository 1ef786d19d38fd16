"""From a bus event to a delivered, held, failed or cancelled delivery; hours and days run in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cases.playbook import Chosen
from chalicelib.domain.outbound.delivery import SCHEDULE
from chalicelib.domain.outbound.exchange import EgressError, HttpResponse
from chalicelib.errors import Conflict, NotFound
from tests.builders import AT, endpoint, endpoint_secret, feedback, playbook
from tests.fakes.deliveries import Crash, World

DAY = 86_400.0


def status(code: int, **headers: str) -> Callable[[int], HttpResponse]:
    return lambda _: HttpResponse(code, {name.replace("_", "-"): value for name, value in headers.items()})


def failing_until(number: int, code: int = 500) -> Callable[[int], HttpResponse]:
    return lambda n: HttpResponse(200 if n >= number else code)


def no_answer(code: str, *, sent: bool) -> Callable[[int], HttpResponse]:
    def answer(_: int) -> HttpResponse:
        raise EgressError("no answer", code=code, sent=sent)

    return answer


def robot(name: str = "dingtalk", **changes: Any) -> Any:
    return endpoint(connector=name, **changes)


# --- from an event to deliveries --------------------------------------------------------------------------------


def test_an_event_is_delivered_once_however_often_it_comes() -> None:
    world = World()
    for _ in range(4):
        world.publish(world.event())
    world.run()

    assert world.target.ids == ["dl-tk_one-ep_one-1"]
    assert world.only.state == "delivered"
    assert world.metrics == ["Delivered"]


def test_what_a_ticket_says_to_do_goes_with_it() -> None:
    world = World()
    kept = Chosen("logistics.speed", "ecommerce-1")
    opened = world.event()
    world.tickets["tk_one"] = replace(world.tickets["tk_one"], playbook=kept)
    known = {("acme", kept): playbook()}
    world.deliver = replace(world.deliver, playbook=lambda workspace, chosen: known.get((workspace, chosen)))
    world.publish(opened)
    world.run()
    _, _, body = world.target.received[0]
    assert body["data"]["playbook"]["question"] == "收到了吗？"


def test_a_robot_says_what_the_organisation_calls_the_unit_and_what_its_readers_call_the_ticket() -> None:
    world = World(robot(settings={"lang": "en"}), secret=endpoint_secret(url="https://oapi.dingtalk.com/robot/send"))
    titles = {"zh-CN": "NPS 3/10 贬损者：破损", "en": "NPS 3/10 detractor: damage"}
    world.deliver = replace(world.deliver, unit_name=lambda workspace, unit: f"{workspace}: {unit} Shop")
    told = world.event(unit="SH-001")
    world.tickets["tk_one"] = replace(world.tickets["tk_one"], titles=titles)
    world.publish(told)
    world.run()
    _, _, body = world.target.received[0]
    assert "NPS 3/10 detractor: damage · acme: SH-001 Shop" in json.dumps(body, ensure_ascii=False)


def test_every_endpoint_that_asked_gets_it_and_no_other() -> None:
    world = World(
        endpoint(id="ep_a"),
        endpoint(id="ep_b", settings={"filter": {"min_severity": "high"}}),
        endpoint(id="ep_c", events=("alert.raised",)),
        endpoint(id="ep_e", workspace="other"),
        endpoint(id="ep_f", settings={"filter": {"units": ["SH-001"]}}),
    )
    world.publish(world.event(unit="SH-001"))
    world.run()
    assert sorted(world.states()) == ["dl-tk_one-ep_a-1", "dl-tk_one-ep_f-1"]


def test_what_is_sent_is_what_is_true_now() -> None:
    world = World()
    opened = world.event()
    world.tickets["tk_one"] = replace(world.tickets["tk_one"], version=3, state="accepted")
    world.publish(opened)
    world.run()
    _, _, body = world.target.received[0]
    assert (body["type"], body["sequence"]) == ("ticket.opened", 1)
    assert (body["data"]["ticket"]["version"], body["data"]["ticket"]["state"]) == (3, "accepted")


def test_a_delivery_without_its_ticket_is_cancelled() -> None:
    world = World()
    world.publish(world.event())
    world.tickets.clear()
    world.run()
    assert (world.only.state, world.only.code) == ("cancelled", "subject_gone")
    assert world.target.received == []


# --- contact data -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        (None, {"id": "CUST-1"}),
        ("none", {"id": "CUST-1"}),
        ("masked", {"id": "CUST-1", "name": "张**", "phone": "*******8000"}),
        ("full", {"id": "CUST-1", "name": "张小三", "phone": "13800138000"}),
    ],
)
def test_contact_data_leaves_as_the_endpoint_is_allowed(policy: str | None, shown: dict[str, str]) -> None:
    world = World(endpoint(settings={"contact": policy} if policy else {}))
    world.voice = feedback(customer_ref="CUST-1", subject="sb_one", contact=b"sealed")
    world.contacts["sb_one"] = {"id": "CUST-1", "name": "张小三", "phone": "13800138000"}
    world.publish(world.event())
    world.run()
    assert world.target.received[0][2]["data"]["customer"] == shown


def test_a_shredded_contact_leaves_the_reference() -> None:
    world = World(endpoint(settings={"contact": "full"}))
    world.voice = feedback(customer_ref="CUST-1", subject="sb_gone", contact=b"sealed")
    world.publish(world.event())
    world.run()
    assert world.target.received[0][2]["data"]["customer"] == {"id": "CUST-1"}


# --- retries ----------------------------------------------------------------------------------------------------


def test_the_schedule_is_kept_and_the_id_stays() -> None:
    world = World()
    world.target.answer = failing_until(7)
    world.publish(world.event())
    world.run()

    assert world.target.seconds == [0, *_sums(SCHEDULE[:6])]
    assert set(world.target.ids) == {"dl-tk_one-ep_one-1"}
    assert world.only.state == "delivered"
    assert [one.code for one in world.store.attempts("acme", world.only.id)] == ["http_500"] * 6 + ["delivered"]
    assert world.store.listed == set()


def _sums(waits: tuple[int, ...]) -> list[float]:
    return [float(sum(waits[: n + 1])) for n in range(len(waits))]


def test_after_the_last_try_it_is_held_and_not_dropped() -> None:
    world = World()
    world.target.answer = status(500)
    world.publish(world.event())
    world.run()

    assert len(world.target.received) == 1 + len(SCHEDULE)
    assert (world.only.state, world.only.code, world.only.attempts) == ("held", "http_500", 8)
    assert world.metrics == ["DeliveriesRetried"] * 7 + ["DeliveriesHeld"]
    assert world.waiting == 0
    assert world.directory.known["ep_one"].state == "active"


def test_a_red_line_is_tried_again_sooner() -> None:
    world = World()
    world.target.answer = failing_until(4)
    world.publish(world.event(severity="critical"))
    world.run()
    assert world.target.seconds == [0, 1, 6, 36]


@pytest.mark.parametrize(
    ("hint", "second"),
    [("7", 7), ("999999999", 3_600), ("-5", 5), ("nan", 5), ("Wed, 21 Oct 2015 07:28:00 GMT", 5), ("2", 5)],
)
def test_retry_after_is_honoured_within_bounds(hint: str, second: float) -> None:
    world = World()
    world.target.answer = lambda n: HttpResponse(200) if n > 1 else HttpResponse(429, {"retry-after": hint})
    world.publish(world.event())
    world.run()
    assert world.target.seconds == [0, second]


def test_a_robots_own_wait_beats_the_schedule() -> None:
    world = World(robot())
    answers = [b'{"errcode":130101}', b'{"errcode":0}']
    world.target.answer = lambda n: HttpResponse(200, {}, answers[n - 1])
    world.publish(world.event())
    world.run()
    assert world.target.seconds == [0, 600]


def test_a_final_refusal_fails_and_lets_the_next_one_go() -> None:
    world = World(robot())
    answers = [b'{"errcode":310000}', b'{"errcode":0}']
    world.target.answer = lambda n: HttpResponse(200, {}, answers[n - 1])
    world.publish(world.event(), world.event("ticket.updated", 2))
    world.run()
    assert world.states() == {"dl-tk_one-ep_one-1": "failed", "dl-tk_one-ep_one-2": "delivered"}
    assert world.store.rows["dl-tk_one-ep_one-1"].code == "errcode_310000"


def test_a_refusal_of_credentials_that_were_just_changed_is_not_final() -> None:
    world = World(robot())
    world.cached = replace(endpoint_secret(), secret="the one before")
    answers = [b'{"errcode":310000}', b'{"errcode":0}']

    def answer(n: int) -> HttpResponse:
        world.cached = None  # forgotten in time for the second call
        return HttpResponse(200, {}, answers[n - 1])

    world.target.answer = answer
    world.publish(world.event())
    world.run()
    assert (world.only.state, world.target.seconds) == ("delivered", [0, 5])


@pytest.mark.parametrize("sent", [True, False])
def test_no_answer_is_tried_again_and_an_ambiguous_one_is_flagged(sent: bool) -> None:
    world = World()
    silent = no_answer("timeout", sent=sent)
    world.target.answer = lambda n: HttpResponse(200) if n > 1 else silent(n)
    world.publish(world.event())
    world.run()
    first, second = world.store.attempts("acme", world.only.id)
    assert (first.code, first.status, first.ambiguous) == ("timeout", None, sent)
    assert (second.code, second.status, second.ambiguous) == ("delivered", 200, False)
    assert len(set(world.target.ids)) == 1


def test_missing_credentials_hold_it() -> None:
    world = World()
    world.secret = None
    world.publish(world.event())
    world.run()
    assert (world.only.state, world.only.code) == ("held", "credentials_missing")


def test_a_secret_that_cannot_sign_fails_it() -> None:
    world = World()
    assert world.secret is not None
    world.secret = replace(world.secret, secret=None)
    world.publish(world.event())
    world.run()
    assert (world.only.state, world.only.code) == ("failed", "secret_missing")


def test_the_log_of_attempts_shows_no_credential_and_no_words() -> None:
    world = World()
    echo = json.dumps(
        {"message": "CANARY-URL whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw 包裹破损，客服没有回应", "code": 7}
    )
    world.target.answer = lambda _: HttpResponse(400, {}, echo.encode())
    world.publish(world.event())
    world.run(60)
    (first, *_) = world.store.attempts("acme", world.only.id)
    assert json.loads(first.answer)["code"] == 7
    for canary in ("CANARY", "whsec_", "包裹破损"):
        assert canary not in repr(world.store.log)
        assert canary not in first.answer


# --- a target that is gone --------------------------------------------------------------------------------------


def test_gone_disables_once_and_holds_what_waits() -> None:
    world = World()
    world.target.answer = status(410)
    world.publish(world.event(), world.event(ticket_id="tk_two"), world.event(ticket_id="tk_three"))
    world.run()

    assert world.directory.changes == [("ep_one", "disabled", "gone")]
    assert set(world.states().values()) == {"held"}
    assert {one.code for one in world.store.rows.values()} == {"endpoint_disabled"}
    assert len(world.target.received) == 1
    assert world.metrics.count("EndpointsDisabled") == 1


def test_five_days_without_success_disable_once() -> None:
    world = World()
    world.target.answer = status(500)
    for day in range(7):
        world.publish(world.event(ticket_id=f"tk_{day}"))
        world.run(DAY)
    world.run()

    assert world.directory.changes == [("ep_one", "disabled", "failing_five_days")]
    assert world.target.seconds[-1] >= 5 * DAY
    assert set(world.states().values()) == {"held"}
    assert world.target.seconds[-1] < 6 * DAY


def test_one_success_starts_the_five_days_anew() -> None:
    world = World()
    for day in range(12):
        world.target.answer = status(200 if day == 4 else 500)
        world.publish(world.event(ticket_id=f"tk_{day}"))
        world.run(DAY)
        if day == 4:
            assert world.directory.known["ep_one"].failing_since is None
        if day == 8:
            assert world.directory.changes == []
    assert world.directory.changes == [("ep_one", "disabled", "failing_five_days")]


def test_our_own_name_service_never_disables_anybody() -> None:
    world = World()
    world.target.answer = no_answer("dns", sent=False)
    for day in range(7):
        world.publish(world.event(ticket_id=f"tk_{day}"))
        world.run(DAY)
    assert world.directory.changes == []
    assert world.directory.known["ep_one"].failing_since is None


def test_what_happens_while_an_endpoint_is_disabled_is_held_for_it() -> None:
    world = World(endpoint(state="disabled"))
    world.publish(world.event(), world.event("ticket.updated", 2))
    world.run()
    assert {(one.state, one.code) for one in world.store.rows.values()} == {("held", "endpoint_disabled")}

    world.directory.set_endpoint_state("acme", "ep_one", "active")
    assert world.redeliver.release("acme", "ep_one") == 2
    world.run()
    assert world.target.sequences == [1, 2]


WHEN = "2026-11-21T08:00:00.000Z"


def trouble(event_type: str, endpoint_id: str, **detail: str) -> dict[str, Any]:
    return {"type": event_type, "workspace": "acme", "occurred_at": WHEN, "endpoint_id": endpoint_id, **detail}


def test_trouble_with_one_endpoint_is_told_to_another_that_asked_and_never_to_itself() -> None:
    asked = ("delivery.failed", "endpoint.disabled")
    world = World(endpoint(id="ep_bad", events=asked), endpoint(id="ep_ops", events=asked))
    world.event()  # there is a ticket
    world.publish(
        trouble("delivery.failed", "ep_bad", id="ev_1", delivery_id="dl-1", ticket_id="tk_one", code="http_500"),
        trouble("delivery.failed", "ep_bad", id="ev_2", delivery_id="dl-2", ticket_id="tk_one", code="http_500"),
        trouble("endpoint.disabled", "ep_bad", id="ev_3", reason="gone"),
    )
    world.run()
    assert set(world.states()) == {"dl-ev_1-ep_ops-1", "dl-ev_2-ep_ops-1", "dl-ev_3-ep_ops-1"}
    assert [body["data"]["trouble"] for _, _, body in world.target.received] == [
        {"endpoint_id": "ep_bad", "delivery_id": "dl-1", "code": "http_500"},
        {"endpoint_id": "ep_bad", "delivery_id": "dl-2", "code": "http_500"},
        {"endpoint_id": "ep_bad", "reason": "gone"},
    ]
    assert world.target.received[0][2]["data"]["ticket"]["id"] == "tk_one"


# --- what may have arrived --------------------------------------------------------------------------------------

PARKS = {"on_ambiguous": "park"}


@pytest.mark.parametrize(
    "answer",
    [
        no_answer("timeout", sent=True),
        status(502),
        lambda _: HttpResponse(200, {}, b"<html>not the robot</html>"),
    ],
)
def test_a_robot_that_may_have_heard_is_told_again_unless_a_person_is_to_decide(
    answer: Callable[[int], HttpResponse],
) -> None:
    for settings_, state, calls in (({}, "delivered", 2), (PARKS, "uncertain", 1)):
        world = World(robot(settings=settings_))
        world.target.answer = lambda n: answer(n) if n == 1 else HttpResponse(200, {}, b'{"errcode":0}')
        world.publish(world.event())
        world.run()
        assert (world.only.state, len(world.target.received)) == (state, calls)
        assert world.store.attempts("acme", world.only.id)[0].ambiguous


@pytest.mark.parametrize(
    "answer", [no_answer("connection", sent=False), lambda _: HttpResponse(200, {}, b'{"errcode":-1}'), status(429)]
)
def test_what_has_not_arrived_is_no_question(answer: Callable[[int], HttpResponse]) -> None:
    world = World(robot(settings=PARKS))
    world.target.answer = lambda n: answer(n) if n == 1 else HttpResponse(200, {}, b'{"errcode":0}')
    world.publish(world.event())
    world.run()
    assert world.only.state == "delivered"
    assert not world.store.attempts("acme", world.only.id)[0].ambiguous


def test_a_target_with_a_key_is_told_again_whatever_the_setting() -> None:
    world = World(endpoint(settings=PARKS))
    world.target.answer = failing_until(2)
    world.publish(world.event())
    world.run()
    assert (world.only.state, len(world.target.received)) == ("delivered", 2)


def test_what_is_uncertain_keeps_nobody_waiting_and_goes_out_again_by_hand_alone() -> None:
    world = World(robot(settings=PARKS))
    world.target.answer = lambda n: HttpResponse(504) if n == 1 else HttpResponse(200, {}, b'{"errcode":0}')
    world.publish(world.event(), world.event("ticket.updated", 2))
    world.run()
    assert list(world.states().values()) == ["uncertain", "delivered"]
    assert world.metrics == ["DeliveriesHeld", "Delivered"]

    assert world.redeliver.release("acme", "ep_one") == 0
    assert world.redeliver.replay_range("acme", AT, AT + timedelta(days=1)) == (0, None)
    world.redeliver.replay("acme", "dl-tk_one-ep_one-1")
    world.run()
    assert set(world.states().values()) == {"delivered"}
    assert len(world.target.received) == 3


@pytest.mark.parametrize(("settings_", "state", "calls"), [({}, "delivered", 2), (PARKS, "uncertain", 1)])
def test_a_worker_that_died_while_it_sent_leaves_the_same_question(
    settings_: dict[str, str], state: str, calls: int
) -> None:
    world = World(robot(settings=settings_))
    world.target.answer = lambda _: HttpResponse(200, {}, b'{"errcode":0}')
    deaths = iter([True])

    def tick(step: str) -> None:
        if step == "after post" and next(deaths, False):
            raise Crash

    world.target.tick = tick
    world.publish(world.event())
    world.run()
    assert (world.only.state, len(world.target.received), world.only.attempts) == (state, calls, calls)
    assert [one.number for one in world.store.attempts("acme", world.only.id)] == ([2] if calls == 2 else [])


def test_a_worker_that_dies_every_time_does_not_go_on_for_ever() -> None:
    world = World()

    def tick(step: str) -> None:
        if step == "after post":
            raise Crash

    world.target.tick = tick
    world.publish(world.event())
    world.run(30 * DAY)
    assert len(world.target.received) == 1 + len(SCHEDULE)
    assert (world.only.state, world.only.code) == ("held", "sender_lost")


# --- order ------------------------------------------------------------------------------------------------------


def test_a_later_event_of_a_ticket_waits_for_an_earlier_one() -> None:
    world = World()
    world.target.answer = failing_until(4)
    world.publish(*(world.event("ticket.updated", n) for n in (1, 2, 3)))
    world.run()
    assert world.target.sequences == [1, 1, 1, 1, 2, 3]
    assert set(world.states().values()) == {"delivered"}


def test_other_tickets_do_not_wait() -> None:
    world = World()
    world.target.answer = lambda n: HttpResponse(500 if world.target.received[n - 1][2]["sequence"] == 1 else 200)
    world.publish(world.event(), world.event("ticket.updated", 2, ticket_id="tk_two"))
    world.run(60)
    assert world.states()["dl-tk_two-ep_one-2"] == "delivered"


def test_events_that_come_in_the_wrong_order_leave_in_the_right_one() -> None:
    world = World()
    world.publish(world.event("ticket.resolved", 3), world.event("ticket.updated", 2), world.event("ticket.opened", 1))
    world.run()
    assert world.target.sequences == [1, 2, 3]


def test_closed_and_verified_of_one_version_both_leave() -> None:
    world = World(endpoint(events=("ticket.closed", "ticket.verified")))
    world.publish(world.event("ticket.verified", 5), world.event("ticket.closed", 5))
    world.run()
    assert [body["type"] for _, _, body in world.target.received] == ["ticket.closed", "ticket.verified"]
    assert len(set(world.target.ids)) == 2


def test_what_waits_behind_a_held_one_goes_on_when_it_is_replayed() -> None:
    world = World()
    world.target.answer = status(500)
    world.publish(world.event(), world.event("ticket.updated", 2))
    world.run()
    assert list(world.states().values()) == ["held", "waiting"]

    world.target.answer = status(200)
    world.redeliver.replay("acme", "dl-tk_one-ep_one-1")
    world.run()
    assert set(world.states().values()) == {"delivered"}
    assert world.target.sequences[-2:] == [1, 2]


# --- paused, resumed, deleted -----------------------------------------------------------------------------------


def test_a_paused_endpoint_holds_and_a_resumed_one_gets_everything() -> None:
    world = World(endpoint(state="paused"))
    for n in range(250):
        world.publish(world.event(ticket_id=f"tk_{n}"))
    world.run()
    assert world.target.received == []
    assert {(one.state, one.code) for one in world.store.rows.values()} == {("held", "endpoint_paused")}

    world.directory.set_endpoint_state("acme", "ep_one", "active")
    assert world.redeliver.release("acme", "ep_one") == 250
    world.run()
    assert set(world.states().values()) == {"delivered"}
    assert len(set(world.target.ids)) == 250 == len(world.target.ids)
    assert world.redeliver.release("acme", "ep_one") == 0


def test_what_an_api_call_has_no_time_for_is_released_by_the_worker() -> None:
    world = World(endpoint(state="paused"))
    for n in range(1_100):
        world.publish(world.event(ticket_id=f"tk_{n}"))
    world.run()
    world.directory.set_endpoint_state("acme", "ep_one", "active")
    assert world.redeliver.release("acme", "ep_one") == 500
    world.run()
    assert set(world.states().values()) == {"delivered"}


def test_pausing_during_retries_holds_at_the_next_one_and_starts_the_schedule_anew() -> None:
    world = World()
    world.target.answer = status(500)
    world.publish(world.event())
    world.run(60)
    world.directory.set_endpoint_state("acme", "ep_one", "paused")
    world.run()
    assert (world.only.state, world.only.attempts) == ("held", 2)

    world.directory.set_endpoint_state("acme", "ep_one", "active")
    world.redeliver.release("acme", "ep_one")
    world.run()
    assert (world.only.state, world.only.attempts) == ("held", 2 + 8)
    assert [one.number for one in world.store.attempts("acme", world.only.id)] == list(range(1, 11))


def between(world: World, happening: Callable[[], object]) -> None:
    """Have it happen between the worker's look at the endpoint and its next change of a plan."""
    once = iter([happening])

    def tick(step: str) -> None:
        if step == "change" and (now := next(once, None)):
            now()

    world.store.tick = tick


def test_what_is_held_while_its_endpoint_is_resumed_does_not_stay_held() -> None:
    world = World(endpoint(state="paused"))

    def resume() -> None:
        world.directory.set_endpoint_state("acme", "ep_one", "active")
        assert world.redeliver.release("acme", "ep_one") == 0, "it is not among the held ones yet"

    between(world, resume)
    world.publish(world.event())
    world.run()
    assert world.only.state == "delivered"
    assert len(world.target.received) == 1


def test_what_is_held_while_its_endpoint_is_deleted_is_cancelled() -> None:
    world = World(endpoint(state="paused"))
    between(world, world.directory.known.clear)
    world.publish(world.event())
    world.run()
    assert (world.only.state, world.only.code) == ("cancelled", "endpoint_deleted")


def test_what_is_being_sent_while_its_endpoint_is_deleted_is_cancelled_and_does_not_wait_for_its_next_try() -> None:
    world = World()

    def refuse(_: int) -> HttpResponse:
        world.directory.known.clear()
        return HttpResponse(503)

    world.target.answer = refuse
    world.publish(world.event())
    world.run(1)
    assert (world.only.state, world.only.code) == ("cancelled", "endpoint_deleted")
    assert world.store.listed == set()


def test_a_worker_that_died_before_it_looked_again_is_made_good_by_its_message() -> None:
    world = World(endpoint(state="paused"))
    world.publish(world.event())
    world.run()
    world.directory.known["ep_one"] = endpoint()  # resumed in that very moment
    world.handle({"kind": "deliver", "workspace": "acme", "delivery_id": world.only.id, "version": 1})
    world.run()
    assert world.only.state == "delivered"


def test_a_deleted_endpoint_cancels_what_waits() -> None:
    world = World()
    world.target.answer = status(500)
    world.publish(world.event(), world.event("ticket.updated", 2), world.event(ticket_id="tk_two"))
    world.run(60)

    assert world.redeliver.cancel("acme", "ep_one") == 2
    del world.directory.known["ep_one"]
    world.run()
    sent = len(world.target.received)
    assert set(world.states().values()) == {"cancelled"}
    assert {one.code for one in world.store.rows.values()} == {"endpoint_deleted"}
    world.run(DAY)
    assert len(world.target.received) == sent
    assert world.store.listed == set()


def test_an_expired_delivery_is_struck_off_the_list() -> None:
    world = World(endpoint(state="paused"))
    world.publish(world.event())
    world.run()
    world.store.rows.clear()
    assert world.redeliver.release("acme", "ep_one") == 0
    assert world.store.listed == set()


# --- replay -----------------------------------------------------------------------------------------------------


def test_a_replay_has_the_same_id_and_goes_on_counting() -> None:
    world = World()
    world.publish(world.event())
    world.run()
    world.redeliver.replay("acme", world.only.id)
    assert world.only.state == "waiting"
    world.run()
    assert world.target.ids == ["dl-tk_one-ep_one-1"] * 2
    assert (world.only.state, world.only.attempts) == ("delivered", 2)


def test_an_unknown_delivery_cannot_be_replayed() -> None:
    world = World()
    world.publish(world.event())
    world.run()
    for workspace, identity in (("other", world.only.id), ("acme", "dl-tk_x-ep_one-1"), ("acme", "x")):
        with pytest.raises(NotFound, match="no such delivery"):
            world.redeliver.replay(workspace, identity)


def test_what_is_being_sent_cannot_be_replayed() -> None:
    world = World()
    world.publish(world.event())
    world.run()
    sending = replace(world.only, state="sending", lease_until=world.clock() + timedelta(seconds=30))
    world.store.rows[sending.id] = sending
    with pytest.raises(Conflict, match="being sent") as refusal:
        world.redeliver.replay("acme", sending.id)
    assert refusal.value.code == "delivery_in_progress"


def test_a_range_is_replayed_to_targets_that_drop_what_they_know() -> None:
    world = World(endpoint(id="ep_a"), endpoint(id="ep_b", connector="wecom"))
    world.publish(world.event(), world.event(ticket_id="tk_two"))
    world.target.answer = lambda _: HttpResponse(200, {}, b'{"errcode":0}')
    world.run()
    assert set(world.states().values()) == {"delivered"}

    assert world.redeliver.replay_range("acme", AT, AT + timedelta(days=1)) == (2, None)
    assert world.redeliver.replay_range("acme", AT, AT + timedelta(days=1), endpoint="ep_b") == (0, None)
    assert world.redeliver.replay_range("acme", AT - timedelta(days=1), AT) == (0, None)
    world.run()
    assert len(world.target.received) == 6


# --- alerts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [False, True])
def test_an_alert_has_the_words_of_its_voice_and_the_page_of_a_ticket_that_may_not_be_there_yet(gone: bool) -> None:
    world = World(robot())
    world.target.answer = lambda _: HttpResponse(200, {}, b'{"errcode":0}')
    world.voice = None if gone else feedback()
    led = {"feedback_id": "fb_one", "opens_ticket": "tk_new", "rule": "builtin-red-line", "unit": None, "named": 1}
    world.publish(world.event("alert.raised", touchpoint="after_sales", **led))
    world.run()
    ((_, _, body),) = world.target.received
    shown = json.dumps(body, ensure_ascii=False)
    assert "售后" in shown
    assert "https://echoloop.example.org/t/tk_new" in shown
    assert ("客服没有回应" in shown) is not gone
    assert "dl-" not in shown


# --- rate limits ------------------------------------------------------------------------------------------------


def test_what_waits_for_a_limit_leaves_one_behind_the_other_and_waiting_is_no_attempt() -> None:
    world = World(endpoint(settings={"rate": 20}))
    for n in range(100):
        world.publish(world.event("alert.raised", alert_id=f"al_{n}", severity="critical" if n == 90 else "high"))
    world.run()

    sent = world.target.seconds
    assert len(sent) == 100
    assert max(sum(1 for other in sent if one <= other <= one + 59.9) for one in sent) == 20
    assert set(world.states().values()) == {"delivered"}
    assert {one.attempts for one in world.store.rows.values()} == {1}, "waiting for a slot is no attempt"
    assert sent[-1] <= 100 / 20 * 62 * 1.1, "it drains about as fast as it may"
    assert world.store.waiting == set(), "what is no chat robot gets no digest"


def test_a_red_line_does_not_queue_behind_what_was_turned_away() -> None:
    world = World(robot())
    world.target.answer = lambda _: HttpResponse(200, {}, b'{"errcode":0}')
    for n in range(200):
        world.publish(world.event("alert.raised", alert_id=f"al_{n}"))
    world.run(1)
    world.publish(world.event("alert.raised", alert_id="al_red", severity="critical"))
    world.run(64)
    assert world.states()["dl-al_red-ep_one-1"] == "delivered"


def test_two_endpoints_on_one_credential_share_its_limit() -> None:
    world = World(robot(id="ep_a", target="same"), robot(id="ep_b", target="same"), robot(id="ep_c", target="own"))
    world.target.answer = lambda _: HttpResponse(200, {}, b'{"errcode":0}')
    for n in range(20):
        world.publish(world.event("alert.raised", alert_id=f"al_{n}"))
    world.run(1)
    delivered = [one.endpoint for one in world.store.rows.values() if one.state == "delivered"]
    assert delivered.count("ep_a") + delivered.count("ep_b") == 18, "two of twenty are kept for red lines"
    assert delivered.count("ep_c") == 18


def test_an_endpoint_without_a_rate_writes_no_window() -> None:
    world = World()
    world.publish(world.event())
    world.run()
    assert world.windows.windows == {}


# --- workers that die, messages that come twice -----------------------------------------------------------------


def crash_at(nth: int) -> Callable[[str], None]:
    steps = iter(range(1, 10_000))

    def tick(_: str) -> None:
        if next(steps) == nth:
            raise Crash

    return tick


@pytest.mark.parametrize("nth", range(1, 10))
def test_a_fan_out_killed_at_any_step_loses_nothing(nth: int) -> None:
    world = World(endpoint(id="ep_a"), endpoint(id="ep_b"))
    world.store.tick = crash_at(nth)
    world.publish(world.event(), world.event("ticket.updated", 2))
    world.run()
    assert set(world.states().values()) == {"delivered"}
    assert len(world.states()) == 4
    assert sorted(set(world.target.ids)) == sorted(world.states())
    assert world.crashes == 1


@pytest.mark.parametrize("nth", range(1, 24))
def test_a_worker_killed_at_any_step_loses_nothing_and_a_keyed_target_sees_one(nth: int) -> None:
    world = World()
    world.target.answer = failing_until(2)
    for event in (world.event(), world.event("ticket.updated", 2), world.event("ticket.resolved", 3)):
        world.handle({"detail": event})
    world.store.tick = world.target.tick = crash_at(nth)
    world.run()

    assert set(world.states().values()) == {"delivered"}
    assert len(world.states()) == 3
    assert list(dict.fromkeys(world.target.sequences)) == [1, 2, 3], "in order"
    assert world.target.sequences == sorted(world.target.sequences)
    assert world.crashes == 1
    assert world.waiting == 0


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_release_killed_at_any_step_and_repeated_loses_nothing(nth: int) -> None:
    world = World(endpoint(state="paused"))
    world.publish(*(world.event(ticket_id=f"tk_{n}") for n in range(3)))
    world.run()
    world.directory.set_endpoint_state("acme", "ep_one", "active")
    world.store.tick = crash_at(nth)
    try:
        world.redeliver.release("acme", "ep_one")
    except Crash:
        world.redeliver.release("acme", "ep_one")
    world.store.tick = lambda _: None
    world.run()
    assert set(world.states().values()) == {"delivered"}
    assert len(world.target.ids) == len(set(world.target.ids)) == 3


def test_two_copies_of_a_message_make_one_call_even_if_both_run_at_once() -> None:
    world = World()
    world.publish(world.event())
    world.run()
    world.redeliver.replay("acme", world.only.id)
    body = {"kind": "deliver", "workspace": "acme", "delivery_id": world.only.id, "version": world.only.version}

    def second_worker(_: int) -> HttpResponse:
        world.target.answer = status(200)
        world.handle(body)
        return HttpResponse(200)

    world.target.answer = second_worker
    world.handle(body)
    world.run()
    assert len(world.target.received) == 2, "the first delivery and its replay"
    assert world.only.state == "delivered"


def test_a_message_that_meets_a_dead_workers_lease_comes_back_when_it_is_over() -> None:
    """It may be the last copy: the dead worker's own message is the same one."""
    world = World()
    world.fan_out.handle(world.event())
    assert world.store.lease(world.only, AT + timedelta(seconds=60))
    world.run(10)
    assert (world.target.received, world.waiting) == ([], 1)
    world.run()
    assert world.only.state == "delivered"
    assert world.target.seconds == [61]


def test_a_worker_that_lost_its_lease_writes_nothing() -> None:
    world = World()
    world.publish(world.event())

    def slow(n: int) -> HttpResponse:
        if n == 1:
            world.clock.forward(120)
            world.handle({"kind": "deliver", "workspace": "acme", "delivery_id": world.only.id, "version": 1})
            return HttpResponse(500)
        return HttpResponse(200)

    world.target.answer = slow
    world.run()
    assert world.only.state == "delivered"
    assert world.metrics == ["Delivered"]


def test_a_message_of_an_older_plan_is_dropped() -> None:
    world = World()
    world.target.answer = status(500)
    world.publish(world.event())
    world.run(1)
    world.handle({"kind": "deliver", "workspace": "acme", "delivery_id": world.only.id, "version": 1})
    assert len(world.target.received) == 1


def test_an_early_message_does_not_shorten_the_wait() -> None:
    world = World()
    world.target.answer = status(500)
    world.publish(world.event())
    world.run(1)
    version = world.only.version
    world.handle({"kind": "deliver", "workspace": "acme", "delivery_id": world.only.id, "version": version})
    world.run(100)
    assert world.target.seconds == [0, 5]


def test_a_message_of_a_plan_that_never_came_to_be_gives_up() -> None:
    world = World()
    world.publish(world.event())
    world.run()
    world.handle({"kind": "deliver", "workspace": "acme", "delivery_id": world.only.id, "version": 99})
    world.run()
    assert world.waiting == 0
    assert len(world.target.received) == 1


@pytest.mark.parametrize("identity", ["", "x", "dl-tk_none-ep_one-1"])
def test_a_message_about_nothing_is_dropped(identity: str) -> None:
    world = World()
    assert world.deliver.handle("acme", identity, 1) == ()


@given(
    st.permutations([("ticket.opened", 1), ("ticket.updated", 2), ("ticket.updated", 3), ("ticket.resolved", 4)]),
    st.lists(st.sampled_from([200, 200, 500, 503, 429, 0]), max_size=10),
    st.integers(0, 60),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_every_event_arrives_once_in_order(
    events: list[tuple[str, int]], answers: list[int], crash: int, copies: int
) -> None:
    world = World()

    def answer(n: int) -> HttpResponse:
        code = answers[n - 1] if n <= len(answers) else 200
        if code == 0:
            raise EgressError("no answer", code="timeout", sent=True)
        return HttpResponse(code)

    world.target.answer = answer
    world.store.tick = world.target.tick = crash_at(crash)
    for _ in range(copies):
        world.publish(*(world.event(*one) for one in events))
    world.run()

    world.store.tick = world.target.tick = lambda _: None  # who replays is no worker
    for held in [one for one in world.store.rows.values() if one.state == "held"]:
        world.redeliver.replay("acme", held.id)
    world.run()
    assert set(world.states().values()) == {"delivered"}
    assert sorted(set(world.target.sequences)) == [1, 2, 3, 4]
    if crash == 0:
        assert world.target.sequences == sorted(world.target.sequences)
