"""Deliveries and the targets' logs on the real engine: what holds when several workers are at one row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.outbound.delivery import Delivery
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.errors import Invalid, Retryable
from chalicelib.storage.outbound.deliveries import CONFLICT_TRIES, CONTENDED, DeliveryStore, TargetWindows
from chalicelib.storage.table import Row, bind
from tests.integration.counting import counted

pytestmark = pytest.mark.engine

NOW = datetime.now(timezone.utc).replace(microsecond=0)


@pytest.fixture(autouse=True)
def table(stack: Any) -> Iterator[None]:
    """The rows on the stack's table, and afterwards as they were."""
    before, client = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    yield
    Row.Meta.table_name, Row.shared_client = before, client


@pytest.fixture
def store() -> DeliveryStore:
    return DeliveryStore(lambda: NOW)


@pytest.fixture
def made(store: DeliveryStore) -> Delivery:
    """A delivery that waits."""
    delivery = Delivery(
        workspace=f"ws-{uuid4().hex[:12]}",
        id="dl-tk_one-ep_one-1",
        endpoint="ep_one",
        subject="tk_one",
        sequence=1,
        mark="",
        event_type="ticket.opened",
        state="waiting",
        created_at=NOW,
        updated_at=NOW,
    )
    assert store.create(delivery)
    return delivery


def again(delivery: Delivery) -> Delivery:
    """A change of plan that also puts it on its endpoint's list."""
    return replace(delivery, version=delivery.version + 1, code="http_500", lagging=True)


def test_of_many_workers_one_has_the_lease_and_its_attempt_counts(store: DeliveryStore, made: Delivery) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: store.lease(made, NOW + timedelta(seconds=60)), range(8)))
    assert sum(token is not None for token in tokens) == 1
    stored = store.get(made.workspace, made.id)
    assert stored is not None
    assert (stored.state, stored.attempts) == ("sending", 1)


def test_of_many_changes_one_is_made_and_no_other_is_told_so(store: DeliveryStore, made: Delivery) -> None:
    def change(_: int) -> bool | None:
        try:
            return store.change(made, again(made))
        except Retryable:
            return None

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(change, range(8)))
    assert outcomes.count(True) == 1
    assert store.lagging(made.workspace, "ep_one") == [made.id]


def conflicts(times: int) -> Callable[..., dict[str, Any]]:
    """``transact_write_items`` that meets another transaction so many times."""
    client = Row.shared_client
    left = iter(range(times))

    def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "TransactWriteItems" and next(left, None) is not None:
            reasons = [{"Code": "TransactionConflict", "Message": "x"}, {"Code": "None"}]
            answer: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": "x"}, "CancellationReasons": reasons
            }  # fmt: skip
            raise ClientError(answer, operation)
        return plain(operation, request)

    plain = client._make_api_call
    return call


def test_another_transaction_in_the_way_is_no_lost_race(
    store: DeliveryStore, made: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken for one, the worker would drop the message, and nothing would ever wake the delivery again."""
    monkeypatch.setattr(Row.shared_client, "_make_api_call", conflicts(CONFLICT_TRIES - 1))
    assert store.change(made, again(made))
    monkeypatch.setattr(Row.shared_client, "_make_api_call", conflicts(CONFLICT_TRIES))
    ended = replace(again(made), version=3, state="delivered", lagging=False)
    with pytest.raises(Retryable, match="changed by others"):
        store.change(again(made), ended)


def test_twenty_leave_in_a_minute_and_no_twenty_first() -> None:
    target, limits = uuid4().hex, (Limit(20, 60.0),)
    windows = TargetWindows()
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda n: windows.take(target, limits, NOW.timestamp() + n % 7), range(60)))
    left = waits.count(0.0)
    while left < 20 and CONTENDED in waits:  # races that were given up come back
        waits = [windows.take(target, limits, NOW.timestamp() + 7, waited=True) for _ in range(20)]
        left += waits.count(0.0)
    assert left == 20
    assert windows.take(target, limits, NOW.timestamp() + 60, waited=True) > 0


def test_a_target_that_has_closed_lets_nobody_through_before_its_time() -> None:
    target, limits, now = uuid4().hex, (Limit(20, 60.0),), NOW.timestamp()
    windows = TargetWindows()
    assert windows.take(target, limits, now) == 0
    windows.close(target, now, now + 600)
    windows.close(target, now, now + 300)
    assert windows.take(target, limits, now + 1, urgent=True) == 599
    assert windows.take(target, limits, now + 1) >= 599
    assert windows.take(target, limits, now + 600, waited=True) == 0


def test_who_waits_for_a_robot_is_listed_in_order_once_and_until_struck_off(store: DeliveryStore) -> None:
    workspace = f"ws-{uuid4().hex[:12]}"
    places = [f"{grade}#2026-11-22T08:00:00.000Z#dl-al_{n}-ep_one-1" for n, grade in enumerate([2, 1, 4, 1])]
    for place in [*places, *places]:
        store.join_crowd(workspace, "ep_one", place)
    assert store.crowd(workspace, "ep_one") == sorted(places)
    assert store.crowd(workspace, "ep_one", after=sorted(places)[0], limit=2) == sorted(places)[1:3]
    assert store.crowd(workspace, "ep_two") == store.crowd("other", "ep_one") == []
    store.leave_crowd(workspace, "ep_one", places[:3])
    store.leave_crowd(workspace, "ep_one", places[:3])
    assert store.crowd(workspace, "ep_one") == places[3:]


def test_the_deliveries_of_a_ticket_are_read_by_its_key_newest_first(
    store: DeliveryStore, made: Delivery, stack: Any
) -> None:
    def deliver(ticket: str, endpoint: str, sequence: int, **changes: Any) -> str:
        one = replace(
            made,
            id=f"dl-{ticket}-{endpoint}-{sequence}",
            subject=ticket,
            endpoint=endpoint,
            sequence=sequence,
            created_at=NOW + timedelta(seconds=sequence),
            **changes,
        )
        assert store.create(one)
        return one.id

    ours = [
        deliver("tk_one", "ep_two", 1),
        deliver("tk_one", "ep_one", 2, state="done"),
        deliver("tk_one", "ep_two", 3),
        deliver("tk_one", "ep_one", 4),
    ]
    for number in range(25):
        deliver(f"tk_one{number}", "ep_one", 5 + number)

    def listed(**asked: Any) -> list[str]:
        """All pages of two, one after the other."""
        found: list[str] = []
        cursor: str | None = None
        while True:
            some, cursor = store.page(made.workspace, **asked, limit=2, cursor=cursor)
            found += [one.id for one in some]
            if cursor is None:
                return found

    first, second, third, fourth = ours
    with counted(stack) as client:
        assert listed(ticket="tk_one") == [fourth, third, second, first, made.id]
        assert (set(client.calls), len(client.calls), client.rows) == ({"Query"}, 3, 15)
        client.begin()
        assert listed(ticket="tk_one", endpoint="ep_two") == [third, first]
        assert client.seen == (["Query"], 2)
    assert listed(ticket="tk_one", state="done") == [second]
    assert listed(ticket="tk_one", since=NOW + timedelta(seconds=2), until=NOW + timedelta(seconds=4)) == [
        third,
        second,
    ]
    assert listed(ticket="tk_two") == []
    _, cursor = store.page(made.workspace, ticket="tk_one", limit=2)
    with pytest.raises(Invalid, match=r"^The cursor was not given out for this list\.$") as refusal:
        store.page(made.workspace, ticket="tk_one1", limit=2, cursor=cursor)
    assert refusal.value.code == "invalid_cursor"
