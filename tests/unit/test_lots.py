"""What is done where other tickets of the month are being closed at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.cases.case import Lot
from chalicelib.errors import Retryable
from chalicelib.storage.cases.lots import LotStore
from chalicelib.storage.table import Row, bind

LOT = Lot("acme", "tk_one", 4, "2026-11", "SH/001")


class Busy:
    """A botocore client whose first ``conflicts`` transactions are cancelled by others."""

    _request_signer = None

    def __init__(self, conflicts: int) -> None:
        self.conflicts = conflicts
        self.asked: list[str] = []
        self.written: list[tuple[str, str]] = []

    def _make_api_call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(operation)
        if operation == "GetItem":
            return {}
        if self.asked.count(operation) <= self.conflicts:
            error = {"Error": {"Code": "TransactionCanceledException", "Message": ""}}
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}, {"Code": "None"}, {"Code": "None"}]
            raise ClientError({**error, "CancellationReasons": reasons}, operation)  # type: ignore[typeddict-item]
        for item in request["TransactItems"]:
            ((verb, one),) = item.items()
            key = one.get("Item") or one["Key"]
            self.written.append((verb, f"{key['pk']['S']}/{key['sk']['S']}"))
        return {}


@pytest.fixture
def busy() -> Iterator[Any]:
    before, client = Row.Meta.table_name, Row.shared_client

    def made(conflicts: int) -> Busy:
        one = Busy(conflicts)
        bind("table", one)
        return one

    yield made
    Row.Meta.table_name, Row.shared_client = before, client


def test_a_lot_is_written_with_its_counts_in_one_transaction_when_the_others_are_done(busy: Any) -> None:
    client = busy(4)
    LotStore().keep(LOT)
    assert client.asked == ["GetItem", "TransactWriteItems"] * 5
    assert client.written == [
        ("Put", "TK#acme#tk_one/LOT"),
        ("Put", f"LO#acme#2026-11/{LOT.place}#tk_one"),
        ("Update", "LC#acme#2026-11/7#"),
        ("Update", "LC#acme#2026-11/7#SH"),
        ("Update", "LC#acme#2026-11/7#SH/001"),
    ]


def test_where_the_others_are_never_done_it_is_tried_again_later(busy: Any) -> None:
    client = busy(99)
    with pytest.raises(Retryable, match=r"^Other tickets are being closed\.$") as refusal:
        LotStore().keep(LOT)
    assert (refusal.value.code, len(client.asked), client.written) == ("contended", 10, [])
