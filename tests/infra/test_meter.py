"""How the bench names what units go to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.meter import rows_of


def key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


@pytest.mark.parametrize(
    ("operation", "arguments", "named"),
    [
        ("GetItem", {"Key": key("TK#acme#tk_1", "TK")}, "TK TK"),
        ("PutItem", {"Item": key("CU#acme#cu_1", "2026-11-21T08:00:00.000Z#tk_1")}, "CU"),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"Item": key("TK#a#b", "TK")}}, {"Delete": {"Key": key("OC#a#b", "tk_1")}}]},
            "TK TK + OC",
        ),
        ("BatchGetItem", {"RequestItems": {"t": {"Keys": [key("TK#a#b", "TK"), key("TK#a#c", "TK")]}}}, "TK TK"),
        ("Query", {"ExpressionAttributeValues": {":0": {"S": "TK#a#b"}, ":1": {"S": "MOVE#"}}}, "TK MOVE"),
        ("Query", {"IndexName": "bucket", "ExpressionAttributeValues": {":0": {"S": "acme#SH"}}}, "bucket acme"),
    ],
)
def test_a_call_is_named_by_the_kinds_of_its_rows(operation: str, arguments: dict[str, Any], named: str) -> None:
    assert rows_of(operation, arguments) == named
