"""Rows of the directory: what goes in comes out, and no key is stored."""

from __future__ import annotations

import json
from dataclasses import replace

from chalicelib.domain.workspaces.api_keys import key_hash
from chalicelib.domain.workspaces.directory import ApiKey, Connection, Endpoint, Subscription
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.storage.table import Row
from chalicelib.storage.workspaces import directory_rows as rows
from chalicelib.storage.workspaces.directory import api_key_items
from chalicelib.storage.workspaces.directory_rows import (
    ApiKeyRow,
    ConnectionRow,
    EndpointRow,
    RuleRow,
    SubscriptionRow,
)


def stored(row: Row) -> Row:
    """The row after a way through DynamoDB's own form."""
    return type(row).from_raw_data(json.loads(json.dumps(row.serialize(), default=_bytes), object_hook=_unbytes))


def _bytes(value: bytes) -> dict[str, str]:
    return {"hex": value.hex()}


def _unbytes(value: dict[str, str]) -> object:
    return bytes.fromhex(value["hex"]) if set(value) == {"hex"} else value


def test_a_connection_comes_back_as_it_was() -> None:
    mapping = {"response_id": "/id", "texts": [{"path": "/词", "question": "原因"}]}
    made = Connection("acme", "cn_1", "门店", "jinshuju", "paused", mapping, "2026-11-21T08:00:00Z")
    made = replace(made, settings={"refetch": True, "poll_minutes": 10}, credentials=("api_key", "api_secret"))

    row = stored(rows.connection_row(made))

    assert isinstance(row, ConnectionRow)
    assert rows.connection_of(row) == made
    assert (row.pk, row.sk) == ("WS#acme", "CONNECTION#cn_1")


def test_a_row_from_before_settings_and_credentials_has_none() -> None:
    connection = stored(rows.connection_row(Connection("acme", "cn_1", "x", "jinshuju")))
    endpoint = stored(rows.endpoint_row(Endpoint("acme", "ep_1", "x", "feishu", "open.feishu.cn")))

    assert not {"settings", "credentials"} & connection.serialize().keys()
    assert "credentials" not in endpoint.serialize()
    assert isinstance(connection, ConnectionRow)
    assert isinstance(endpoint, EndpointRow)
    assert rows.connection_of(connection) == Connection("acme", "cn_1", "x", "jinshuju")
    assert rows.endpoint_of(endpoint).credentials == ()


def test_an_endpoint_comes_back_as_it_was_with_what_the_stream_reads_on_top() -> None:
    made = Endpoint(
        "acme",
        "ep_1",
        "OA",
        "feishu",
        "open.feishu.cn",
        events=("ticket.opened", "alert.raised"),
        state="disabled",
        settings={"filter": {"units": ["SH"]}, "rate": 5},
        target="t" * 26,
        failing_since="2026-11-21T08:00:00Z",
        created_at="2026-11-01T00:00:00Z",
        credentials=("app_id",),
    )

    row = rows.endpoint_row(made)

    assert rows.endpoint_of(stored(row)) == made  # type: ignore[arg-type]
    raw = row.serialize()
    assert {name: raw[name]["S"] for name in ("workspace", "id", "state")} == {
        "workspace": "acme",
        "id": "ep_1",
        "state": "disabled",
    }


def test_a_rule_comes_back_as_it_was() -> None:
    made = Rule("r", {"all": []}, ("ticket", "alert"), 7, "high", "logistics", 60, enabled=False)
    row = RuleRow("WS#acme", "RULE#r", name="r", version=7, deleted=False, doc=rows.rule_doc(made))

    assert rows.rule_of(stored(row)) == made  # type: ignore[arg-type]
    assert isinstance(rows.rule_of(row).version, int)


def test_a_subscription_comes_back_as_it_was() -> None:
    made = Subscription("acme", "sb_1", "high", "email", "ops@example.com", ("arn:1", "arn:2"))
    row = stored(rows.subscription_row(made))

    assert isinstance(row, SubscriptionRow)
    assert rows.subscription_of(row) == made


def test_a_key_is_found_by_its_hash_and_by_its_id() -> None:
    made = ApiKey("ky_1", "acme", "store", unit="SH/001", operator=False)

    by_hash, entry = rows.api_key_rows(made, "0" * 64)

    assert rows.api_key_of(stored(by_hash)) == made  # type: ignore[arg-type]
    assert (by_hash.pk, entry.pk, entry.sk) == ("KEY#" + "0" * 64, "WS#acme", "KEY#ky_1")


def test_the_items_of_a_first_key_hold_its_hash_only() -> None:
    plaintext, items = api_key_items("demo", "admin", operator=True)

    assert plaintext not in json.dumps(items)
    first = ApiKeyRow.from_raw_data(items[0])
    assert first.pk == f"KEY#{key_hash(plaintext)}"
    assert rows.api_key_of(first) == ApiKey(first.id, "demo", "admin", operator=True)
    assert items[1]["key_hash"]["S"] == key_hash(plaintext)


def test_an_unbound_row_kind_is_told_apart_by_its_sort_key() -> None:
    prefixes = (rows.CONNECTION_PREFIX, rows.ENDPOINT_PREFIX, rows.RULE_PREFIX, rows.SUBSCRIPTION_PREFIX, "KEY#")

    assert not any(one != other and one.startswith(other) for one in prefixes for other in prefixes)
    assert isinstance(rows.endpoint_row(Endpoint("w", "e", "n", "c", "h")), EndpointRow)
