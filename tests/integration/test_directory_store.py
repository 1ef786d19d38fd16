"""The directory on the real engine: conditions and counters. The fake of the unit tests is held to the same."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.domain.workspaces.api_keys import key_hash
from chalicelib.domain.workspaces.directory import Connection, Endpoint, Subscription
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Retryable
from chalicelib.storage.cases.audit import AuditLog
from chalicelib.storage.table import Row, bind
from chalicelib.storage.workspaces.directory import DirectoryStore, api_key_items
from tests.fakes.directory import FakeDirectory

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def table(stack: Any) -> Iterator[None]:
    """The rows on the stack's table, and afterwards as they were."""
    before, client = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    yield
    Row.Meta.table_name, Row.shared_client = before, client


@pytest.fixture(params=[DirectoryStore, FakeDirectory])
def store(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.fixture
def workspace() -> str:
    return f"ws-{uuid4().hex[:12]}"


def test_a_connection_is_written_changed_and_removed(store: Any, workspace: str) -> None:
    made = Connection(workspace, "cn_1", "门店", "jinshuju", mapping={"response_id": "/id"}, created_at="2026-11-21")
    store.put_connection(made)

    assert store.connection(workspace, "cn_1") == made
    assert store.connection("other", "cn_1") is None
    paused = store.update_connection(workspace, "cn_1", state="paused")
    assert (paused.state, paused.mapping, paused.name) == ("paused", {"response_id": "/id"}, "门店")
    assert store.connections(workspace) == [paused]
    assert store.update_connection(workspace, "cn_2", state="paused") is None
    assert [store.delete_connection(workspace, "cn_1") for _ in range(2)] == [True, False]


def test_ten_rotations_a_day_and_no_more(store: Any, workspace: str) -> None:
    store.put_connection(Connection(workspace, "cn_1", "n", "canonical"))

    assert [store.note_connection_rotation(workspace, "cn_1", "2026-11-21") for _ in range(11)] == [True] * 10 + [False]
    assert store.note_connection_rotation(workspace, "cn_1", "2026-11-22")


def test_an_endpoint_is_disabled_once_and_forgets_its_failures_when_active(store: Any, workspace: str) -> None:
    store.put_endpoint(Endpoint(workspace, "ep_1", "n", "feishu", "open.feishu.cn", events=("ticket.opened",)))

    assert store.note_failure(workspace, "ep_1", "2026-11-21T08:00:00Z") == "2026-11-21T08:00:00Z"
    assert store.note_failure(workspace, "ep_1", "2026-11-22T08:00:00Z") == "2026-11-21T08:00:00Z"
    assert store.note_failure(workspace, "ep_2", "2026-11-22T08:00:00Z") is None
    assert [store.set_endpoint_state(workspace, "ep_1", "disabled", "gone") for _ in range(2)] == [True, False]
    assert store.endpoint(workspace, "ep_1").failing_since == "2026-11-21T08:00:00Z"
    assert store.set_endpoint_state(workspace, "ep_1", "active")
    assert store.endpoint(workspace, "ep_1").failing_since is None
    assert not store.set_endpoint_state(workspace, "ep_2", "paused")
    changed = store.update_endpoint(workspace, "ep_1", settings={"rate": 5}, events=["alert.raised"])
    assert (changed.settings, changed.events, changed.host) == ({"rate": 5}, ("alert.raised",), "open.feishu.cn")
    store.note_failure(workspace, "ep_1", "2026-11-23T08:00:00Z")
    for _ in range(2):
        store.note_success(workspace, "ep_1")
    assert store.endpoint(workspace, "ep_1").failing_since is None


def test_a_rule_counts_its_versions_through_its_removal(store: Any, workspace: str) -> None:
    rule = Rule("builtin-unhappy", {"field": "score.nps", "op": "lte", "value": 3}, ("ticket",))

    assert [store.put_rule(workspace, rule, above=1).version for _ in range(2)] == [2, 3]
    assert [one.version for one in store.rules(workspace) if one.name == rule.name] == [3]
    assert [store.delete_rule(workspace, rule.name) for _ in range(2)] == [True, False]
    assert store.own_rules(workspace) == []
    assert [one.version for one in store.rules(workspace) if one.name == rule.name] == [1]
    assert store.put_rule(workspace, rule).version == 5


def test_a_key_is_found_by_its_hash_and_revoked_once(store: Any, workspace: str) -> None:
    made, plaintext = store.create_key(workspace, "store", unit="SH/001")

    assert store.key_by_hash(key_hash(plaintext)) == made
    assert store.key_by_hash("0" * 64) is None
    assert not store.revoke_key("other", made.id)
    assert [store.revoke_key(workspace, made.id) for _ in range(2)] == [True, False]
    assert store.key_by_hash(key_hash(plaintext)).revoked


def test_a_list_holds_one_kind_of_one_workspace(store: Any, workspace: str) -> None:
    store.put_connection(Connection(workspace, "cn_1", "n", "canonical"))
    store.put_endpoint(Endpoint(workspace, "ep_1", "n", "feishu", "h"))
    store.put_subscription(Subscription(workspace, "sb_1", "high", "email", "ops@example.com", ("arn:1",)))
    store.create_key(workspace, "admin")

    assert [one.id for one in store.connections(workspace)] == ["cn_1"]
    assert [one.id for one in store.endpoints(workspace)] == ["ep_1"]
    assert [one.arns for one in store.subscriptions(workspace)] == [("arn:1",)]
    assert store.delete_subscription(workspace, "sb_1")
    assert store.subscription(workspace, "sb_1") is None


def test_racing_rotations_never_pass_the_limit(workspace: str) -> None:
    store = DirectoryStore()
    store.put_endpoint(Endpoint(workspace, "ep_1", "n", "feishu", "h"))

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: store.note_endpoint_rotation(workspace, "ep_1", "2026-11-21"), range(24)))

    assert sum(got) == 10


def test_a_seeded_key_is_a_key(stack: Any, workspace: str) -> None:
    plaintext, items = api_key_items(workspace, "admin", operator=True)
    for item in items:
        stack.clients("dynamodb").put_item(TableName=stack.facts["table"], Item=item)

    found = DirectoryStore().key_by_hash(key_hash(plaintext))

    assert found is not None
    assert (found.workspace, found.role, found.operator) == (workspace, "admin", True)
    assert DirectoryStore().revoke_key(workspace, found.id)


def test_a_table_that_is_not_there_is_trouble_that_passes(workspace: str) -> None:
    Row.Meta.table_name = "no-such-table"

    with pytest.raises(Retryable, match="did not take the request") as caught:
        DirectoryStore().connections(workspace)
    assert workspace not in repr(caught.value)


def test_every_look_leaves_its_own_row(stack: Any, workspace: str) -> None:
    at = datetime(2026, 11, 21, 8, tzinfo=timezone.utc)
    for later in range(2):
        AuditLog().revealed(
            workspace, at=at + timedelta(seconds=later), key="ky_1", ticket="tk_1", feedback="fb_1", reason="回电"
        )

    found = stack.clients("dynamodb").query(
        TableName=stack.facts["table"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"AU#{workspace}"}},
    )["Items"]
    assert [item["reason"]["S"] for item in found] == ["回电"] * 2
