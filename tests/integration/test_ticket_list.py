"""What a page of tickets that few of many fit reads, on the real engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.issues.issue import opened as issue_opened
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.services.cases.read_tickets import ReadTickets
from chalicelib.storage import keys
from chalicelib.storage.cases.ticket_rows import TicketRow
from chalicelib.storage.cases.tickets import TicketStore
from chalicelib.storage.issues.issue_rows import IssueRow
from chalicelib.storage.issues.issues import IssueStore
from chalicelib.storage.outbound.items import ItemStore
from tests.builders import AT, ticket
from tests.builders_issues import issue
from tests.integration.counting import counted

pytestmark = pytest.mark.engine
ADMIN = ApiKey("ky_1", "any", "admin")
GRAVE = {"severity": "critical"}
LACKING = {"severity": "high", "incomplete": True}


def opened(workspace: str, name: str, minute: int, **facts: Any) -> Ticket:
    """A ticket of the workspace, in the table."""
    at = AT + timedelta(minutes=minute)
    given = {"workspace": workspace, "id": f"tk_{name:a<26}", "opened_at": at, "updated_at": at, "customer": None}
    one = ticket(**{**given, **facts})
    assert TicketStore().create(one, Move(1, "", "open", "echoloop", at))
    return one


def listed(workspace: str, limit: int, **asked: Any) -> list[list[str]]:
    """The ids of each page, as an admin's key sees them."""
    read = ReadTickets(TicketStore(), ItemStore(), lambda: AT)
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        given = {"state": None, "owner": None, "department": None, **asked, "limit": limit, "cursor": cursor}
        some, cursor = read.page(ADMIN, workspace, **given)
        pages.append([one.id for one in some])
        if cursor is None:
            return pages


def numbered(number: int) -> str:
    return f"x{'abcdefghij'[number % 10]}{'klmn'[number // 10]}"


def as_before(one: Ticket, facets: str) -> None:
    """Its row as it was written before the index knew how severe a ticket is."""
    TicketRow(*keys.ticket(one.workspace, one.id)).update([TicketRow.facets.set(facets)])


def test_the_tickets_of_a_shop_are_found_among_many_of_others_in_one_page(stack: Any) -> None:
    workspace = f"ws-{uuid4().hex[:12]}"
    with counted(stack) as table:
        oldest = opened(workspace, "one", 0, unit="SH/001").id
        old = opened(workspace, "two", 1, unit="SH").id
        new = opened(workspace, "three", 90, unit="SH/001/till").id
        for number in range(40):
            opened(workspace, numbered(number), 10 + number, unit=("BJ/001", "SH2", None)[number % 3])
        before = opened(workspace, "before", 80, unit="SH/002").id
        TicketRow(*keys.ticket(workspace, before)).update([TicketRow.facets.remove()])
        as_before(opened(workspace, "elsewhere", 81, unit="BJ/001"), "BJ/001")
        as_before(opened(workspace, "known", 82, unit="SH/003"), "SH/003")
        odd = opened(workspace, "odd", 83, unit="X|SH").id
        table.begin()
        assert listed(workspace, 10, unit="SH") == [[new, f"tk_{'known':a<26}", before, old, oldest]]
        assert table.calls == ["Query", "BatchGetItem"]
        assert listed(workspace, 2, unit="SH/001") == [[new], [oldest]], "the row of before is looked at, and left out"
        assert listed(workspace, 10, unit="S") == [[]]
        assert listed(workspace, 10, unit="X|SH") == [[odd]]
        assert [len(page) for page in listed(workspace, 20)] == [20, 20, 7]


def test_the_few_grave_or_incomplete_tickets_of_many_fill_one_page(stack: Any) -> None:
    workspace = f"ws-{uuid4().hex[:12]}"

    with counted(stack) as table:
        oldest = opened(workspace, "one", 0, unit="SH/001", **GRAVE).id
        lacking = opened(workspace, "two", 1, unit="SH", **LACKING).id
        for number in range(40):
            opened(workspace, numbered(number), 10 + number, unit="SH/001", severity=("low", "high")[number % 2])
        newest = opened(workspace, "three", 90, unit=None, **GRAVE).id
        before = opened(workspace, "before", 80, unit="SH/002", **GRAVE)
        as_before(before, "SH/002")
        mild = opened(workspace, "mild", 81, unit="SH/002", severity="low")
        as_before(mild, "SH/002")
        for asked, expected in (
            ({"severity": "critical"}, [newest, before.id, oldest]),
            ({"severity": "critical", "unit": "SH"}, [before.id, oldest]),
            ({"incomplete": True}, [lacking]),
            ({"incomplete": True, "severity": "high", "unit": "SH"}, [lacking]),
            ({"incomplete": True, "severity": "critical"}, []),
        ):
            table.begin()
            assert listed(workspace, 10, **asked) == [expected]
            assert table.calls == ["Query", "BatchGetItem"]
        assert listed(workspace, 2, severity="critical") == [[newest], [before.id, oldest]], "mild is looked at"


def test_the_few_issues_of_a_level_fill_one_page(stack: Any) -> None:
    workspace, store = f"ws-{uuid4().hex[:12]}", IssueStore()

    def made(name: str, minute: int, level: str) -> str:
        at = AT + timedelta(minutes=minute)
        one = issue(workspace=workspace, id=f"is_{name:a<26}", level=level, opened_at=at, updated_at=at)
        assert store.create(issue_opened(one, actor="ky_1"))
        return one.id

    with counted(stack) as table:
        old, new = made("one", 0, "L3"), made("two", 60, "L3")
        for number in range(20):
            made(numbered(number), 10 + number, ("L1", "L2")[number % 2])
        before, other = made("before", 50, "L3"), made("other", 51, "L1")
        for one in (before, other):
            IssueRow(*keys.issue(workspace, one)).update([IssueRow.facets.remove()])
        table.begin()
        found, cursor = store.page(workspace, level="L3", limit=10)
        assert ([one.id for one in found], cursor) == ([new, before, old], None)
        assert table.calls == ["Query", "BatchGetItem"]
        assert len(store.page(workspace, limit=50)[0]) == 24
