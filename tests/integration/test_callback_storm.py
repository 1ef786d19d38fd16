"""Many callbacks of many tickets at once, in any order and three times each, on the real table.

``CALLBACKS`` is the number of tickets; ``make soak`` runs it at the size that is promised.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.domain.cases.ticket import opened
from chalicelib.domain.outbound.calls import Opened, Said
from chalicelib.errors import Conflict, NotFound
from chalicelib.services.outbound.apply_callback import ApplyCallback
from chalicelib.storage.cases.tickets import TicketStore
from chalicelib.storage.outbound.callbacks import CallbackMemory
from chalicelib.storage.outbound.items import ItemStore
from chalicelib.storage.table import Row, bind
from tests.builders import endpoint, feedback
from tests.fakes.deliveries import FakeEndpoints
from tests.fakes.tickets import FakeQueue

pytestmark = pytest.mark.engine

TICKETS = int(os.environ.get("CALLBACKS", "100"))
VERSIONS, COPIES, THREADS = 10, 3, 8
NOW = datetime.now(timezone.utc).replace(microsecond=0)


class Reader:
    """The payload is the one thing that was said."""

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:
        return (Said(**opened.payload),)


@pytest.fixture
def workspace(stack: Any) -> Iterator[str]:
    """A fresh one, on a table of its own: nothing listens to it, so that nobody else changes its tickets."""
    before, made = Row.Meta.table_name, Row.shared_client
    client, name = stack.clients("dynamodb"), f"storm-{uuid4().hex[:12]}"
    known = client.describe_table(TableName=stack.facts["table"])["Table"]
    indexes = [
        {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
        for index in known["GlobalSecondaryIndexes"]
    ]
    client.create_table(
        TableName=name,
        KeySchema=known["KeySchema"],
        AttributeDefinitions=known["AttributeDefinitions"],
        GlobalSecondaryIndexes=indexes,
        BillingMode="PAY_PER_REQUEST",
    )
    bind(name, client)
    yield f"ws-{uuid4().hex[:12]}"
    Row.Meta.table_name, Row.shared_client = before, made
    client.delete_table(TableName=name)


def status_of(version: int) -> str:
    return "waiting_customer" if version % 2 else "in_progress"


def test_of_all_that_is_said_the_newest_stands_and_no_change_is_lost(workspace: str) -> None:
    store, luck = TicketStore(), random.Random(11)
    directory = FakeEndpoints({"ep_one": endpoint(workspace=workspace)})
    apply = ApplyCallback(
        directory,
        store,
        ItemStore(),
        CallbackMemory(lambda: NOW),
        lambda _: Reader(),
        FakeQueue(),
        lambda: NOW,
        pytest.fail,
    )
    step = opened(feedback(workspace=workspace), "title", NOW)
    ids = [f"tk_{number}" for number in range(TICKETS)]
    for one in ids:
        assert store.create(replace(step.ticket, id=one, customer=None), step.moves[0])
    told = [(one, f"OA-{one}", version) for one in ids for version in range(1, VERSIONS + 1)] * COPIES
    # Of other people's items: one that stands for another ticket by now, and tickets that there are not.
    foreign = [(ids[1], f"OA-{ids[0]}", VERSIONS + 5), ("tk_nobody", "OA-x", 1)] * COPIES
    luck.shuffle(told)

    def say(one: tuple[str, str, int]) -> str:
        ticket, external_id, version = one
        payload = {"ticket_id": ticket, "external_id": external_id, "status": status_of(version), "version": version}
        try:
            return apply.verdict(workspace, "ep_one", Opened(payload), NOW).code
        except (Conflict, NotFound) as refusal:
            return refusal.code

    with ThreadPoolExecutor(THREADS) as pool:
        codes = Counter(pool.map(say, told))
        refused = Counter(pool.map(say, foreign))

    assert refused == {"external_id_mismatch": COPIES, "not_found": COPIES}
    assert set(codes) <= {"ok", "echo", "duplicate", "stale"}
    assert codes["ok"] >= TICKETS
    moved = 0
    for one in ids:
        ticket, lines = store.get(workspace, one), store.moves(workspace, one)
        item = store.external_item(workspace, "ep_one", f"OA-{one}")
        assert ticket is not None
        assert item is not None
        assert (ticket.state, item.version) == (status_of(VERSIONS), VERSIONS)
        assert [line.version for line in lines] == list(range(1, ticket.version + 1)), "a gap in the history"
        assert [line.before for line in lines[1:]] == [line.after for line in lines[:-1]]
        moved += sum(not line.implied for line in lines[1:])
    assert moved == codes["ok"], "a change that was answered for is missing, or was written twice"
