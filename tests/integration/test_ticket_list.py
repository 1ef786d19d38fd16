"""What a page of a unit's tickets reads, on the real engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.domain.cases.ticket import Move
from chalicelib.storage import keys
from chalicelib.storage.cases.ticket_rows import TicketRow
from chalicelib.storage.cases.tickets import TicketStore
from tests.builders import AT, ticket
from tests.integration.counting import counted

pytestmark = pytest.mark.engine


def test_the_tickets_of_a_shop_are_found_among_many_of_others_in_one_page(stack: Any) -> None:
    workspace, store = f"ws-{uuid4().hex[:12]}", TicketStore()

    def opened(name: str, minute: int, unit: str | None) -> str:
        at = AT + timedelta(minutes=minute)
        one = ticket(workspace=workspace, id=f"tk_{name:a<26}", unit=unit, opened_at=at, updated_at=at, customer=None)
        assert store.create(one, Move(1, "", "open", "echoloop", at))
        return one.id

    def listed(limit: int, **asked: Any) -> list[list[str]]:
        """The ids of each page."""
        pages: list[list[str]] = []
        cursor: str | None = None
        while True:
            some, cursor = store.page(workspace, **asked, limit=limit, cursor=cursor)
            pages.append([one.id for one in some])
            if cursor is None:
                return pages

    with counted(stack) as table:
        oldest, old, new = opened("one", 0, "SH/001"), opened("two", 1, "SH"), opened("three", 90, "SH/001/till")
        for number in range(40):
            opened(
                f"x{'abcdefghij'[number % 10]}{'klmn'[number // 10]}", 10 + number, ("BJ/001", "SH2", None)[number % 3]
            )
        before = opened("before", 80, "SH/002")
        TicketRow(*keys.ticket(workspace, before)).update([TicketRow.facets.remove()])
        table.begin()
        assert listed(10, unit="SH") == [[new, before, old, oldest]]
        assert table.calls == ["Query", "BatchGetItem"]
        assert listed(2, unit="SH/001") == [[new], [oldest]], "the row of before is looked at, and left out"
        assert listed(10, unit="S") == [[]]
        assert [len(page) for page in listed(20)] == [20, 20, 4]
