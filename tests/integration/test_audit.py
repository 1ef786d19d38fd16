"""The closed tickets of a month on the real engine: in which order, how many, and what a page of them reads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.domain.cases.case import Lot, drawn
from chalicelib.storage.cases.lots import LotRow, LotStore
from tests.integration.counting import Counting, counted

pytestmark = pytest.mark.engine

MONTH = "2026-11"
STORES = ("SH/001", "SH/002", "BJ/001", None)


@pytest.fixture
def client(stack: Any) -> Iterator[Counting]:
    with counted(stack) as made:
        yield made


@pytest.fixture
def workspace() -> str:
    return f"ws-{uuid4().hex[:12]}"


def lots(workspace: str, count: int) -> list[Lot]:
    return [Lot(workspace, f"tk_{number}", 4, MONTH, STORES[number % len(STORES)]) for number in range(count)]


def keep(some: list[Lot]) -> None:
    """All at once, as the workers do."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(LotStore().keep, some))


def listed(workspace: str, most: int, *, unit: str | None = None, limit: int = 3) -> list[str]:
    """All pages, one after the other."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        ids, cursor = LotStore().page(workspace, MONTH, most=most, unit=unit, limit=limit, cursor=cursor)
        assert len(ids) <= limit
        found += ids
        if cursor is None:
            return found


def test_pages_have_each_of_the_first_once_in_the_order_of_their_places(client: Counting, workspace: str) -> None:
    some = lots(workspace, 24)
    keep(some)
    in_order = sorted(some, key=lambda one: one.place)

    for most in (0, 2, 3, 7, 24, 30):
        assert listed(workspace, most) == [one.ticket for one in in_order[:most]]
    below = [one.ticket for one in in_order[:13] if str(one.unit).startswith("SH/")]
    assert listed(workspace, 13, unit="SH", limit=2) == below
    assert listed(workspace, 24, unit="S") == []
    assert LotStore().closed(workspace, MONTH, [None, "SH", "SH/002", "S"]) == [24, 12, 6, 0]
    assert LotStore().closed(workspace, "2026-10", [None, None]) == [0, 0]


def test_a_ticket_stands_where_its_latest_version_says_and_counts_once(client: Counting, workspace: str) -> None:
    (one,) = lots(workspace, 1)
    store = LotStore()

    def stands() -> tuple[list[int], list[str]]:
        return store.closed(workspace, MONTH, [None, "SH/001", "BJ"]), listed(workspace, 5)

    for version, month, unit, expected in (
        (4, MONTH, "SH/001", ([1, 1, 0], ["tk_0"])),
        (4, MONTH, "SH/001", ([1, 1, 0], ["tk_0"])),
        (6, MONTH, "BJ/001", ([1, 0, 1], ["tk_0"])),
        (5, None, "SH/001", ([1, 0, 1], ["tk_0"])),  # late: said before what is known
        (7, None, "BJ/001", ([0, 0, 0], [])),
        (9, "2026-12", "BJ/001", ([0, 0, 0], [])),
        (8, MONTH, "SH/001", ([0, 0, 0], [])),
    ):
        store.keep(replace(one, version=version, month=month, unit=unit))
        assert stands() == expected
    assert store.closed(workspace, "2026-12", [None, "BJ"]) == [1, 1]


def test_a_page_reads_the_same_of_few_and_of_many(client: Counting, workspace: str) -> None:
    def reads(there: str) -> tuple[list[str], int]:
        client.begin()
        (closed,) = LotStore().closed(there, MONTH, [None])
        LotStore().page(there, MONTH, most=drawn(closed), unit=None, limit=2, cursor=None)
        return client.seen

    few, many = f"{workspace}-few", f"{workspace}-many"
    keep(lots(few, 60))
    keep(lots(many, 160))
    assert (len(list(LotRow.query(f"LO#{many}#{MONTH}"))), reads(few)) == (160, (["BatchGetItem", "Query"], 3))
    assert reads(many) == reads(few)


def test_a_unit_deeper_than_is_counted_counts_with_those_above_it(client: Counting, workspace: str) -> None:
    deep = "/".join("a" * 100)
    LotStore().keep(Lot(workspace, "tk_0", 1, MONTH, deep))
    assert LotStore().closed(workspace, MONTH, [None, "a", "/".join("a" * 20), deep]) == [1, 1, 1, 1]
    assert listed(workspace, 1, unit=deep) == ["tk_0"]
