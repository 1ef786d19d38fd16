"""What a page of the voices behind a number reads, on the real engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.domain.reports.loop import Happening, Span
from chalicelib.errors import Invalid
from chalicelib.storage import cursor as cursors
from chalicelib.storage import keys
from chalicelib.storage.reports.loop import LoopBook
from tests.builders import AT
from tests.integration.counting import Counting, counted

pytestmark = pytest.mark.engine

BOOK = LoopBook(keep_days=36_500)
VOICES = 450


def told(minute: float, voice: str, **where: Any) -> Happening:
    """A customer's word on the ticket of a voice, ``minute`` minutes into the span."""
    at = AT + timedelta(minutes=minute)
    return Happening("reopened", f"tk_{voice:a<26}", int(minute) + 2, at, f"fb_{voice}", **where)


def noted(workspace: str, minute: int, voice: str, **where: Any) -> None:
    BOOK.note(workspace, told(minute, voice, **where))


def span(workspace: str, **asked: Any) -> Span:
    return Span(workspace, AT, AT + timedelta(days=1), **asked)


def paged(table: Counting, asked: Span, limit: int) -> tuple[list[list[str]], list[tuple[Sequence[str], int]]]:
    """The voices of each page, and what it asked the table: its calls, and the entries that they looked at."""
    pages: list[list[str]] = []
    costs: list[tuple[Sequence[str], int]] = []
    cursor: str | None = None
    while True:
        table.begin()
        found, cursor = BOOK.page(asked, "reopened", limit=limit, cursor=cursor)
        pages.append([one.removeprefix("fb_") for one in found])
        costs.append(table.seen)
        if cursor is None:
            return pages, costs


def test_a_page_goes_on_where_the_one_before_it_ended(stack: Any) -> None:
    workspace = f"ws-{uuid4().hex[:12]}"
    names = ["voice" + "".join("abcdefghij"[int(digit)] for digit in f"{number:03d}") for number in range(VOICES)]
    with counted(stack) as table:
        for number, name in enumerate(names):
            noted(workspace, number, name)
        pages, costs = paged(table, span(workspace), 100)
        assert pages == [names[at : at + 100] for at in range(0, VOICES, 100)]
        # Its own entries and one more; with one more call the table looks through those before, for its voices alone.
        assert costs == [
            (["Query"], 101),
            (["Query", "Query"], 101 + 100),
            (["Query", "Query"], 101 + 200),
            (["Query", "Query"], 101 + 300),
            (["Query", "Query"], 50 + 400),
        ]


def test_a_number_is_counted_in_as_few_calls_as_it_takes(stack: Any) -> None:
    workspace = f"ws-{uuid4().hex[:12]}"
    with counted(stack) as table:
        for number in range(250):
            noted(workspace, number / 10, f"voice{chr(97 + number % 20)}")
        table.begin()
        assert len(BOOK.voices(span(workspace), "reopened")) == 20
        assert table.seen == (["Query"], 250)


def test_a_voice_is_on_the_first_of_its_pages_alone(stack: Any) -> None:
    workspace = f"ws-{uuid4().hex[:12]}"
    with counted(stack) as table:
        for minute, name in enumerate(("one", "two", "one", "three", "two", "one", "four", "four")):
            noted(workspace, minute, name)
        assert paged(table, span(workspace), 2)[0] == [["one", "two"], ["three"], ["four"]]
        assert sorted(one for page in paged(table, span(workspace), 3)[0] for one in page) == [
            "four", "one", "three", "two"
        ]  # fmt: skip
        late = Span(workspace, AT + timedelta(minutes=2), AT + timedelta(days=1))
        assert paged(table, late, 9)[0] == [["one", "three", "two", "four"]], "what was before the span is on no page"


@pytest.mark.parametrize("hours", [-1, 24], ids=["before the span", "at its end"])
def test_a_made_up_position_outside_of_the_span_is_refused(stack: Any, hours: int) -> None:
    asked = span(f"ws-{uuid4().hex[:12]}")
    position = f"{keys.instant(AT + timedelta(hours=hours))}#tk_{'one':a<26}#000002"
    with counted(stack) as table, pytest.raises(Invalid, match=r"^The cursor was not given out for") as refusal:
        BOOK.page(asked, "reopened", limit=5, cursor=cursors.encode(repr((asked, "reopened")), {"at": position}))
    assert (refusal.value.code, table.calls) == ("invalid_cursor", [])


def test_where_a_voice_was_before_counts_within_the_unit_and_department_that_are_asked_for(stack: Any) -> None:
    workspace = f"ws-{uuid4().hex[:12]}"
    with counted(stack) as table:
        noted(workspace, 0, "zero", unit="SH/001", departments=("a",))
        noted(workspace, 1, "one", unit="BJ", departments=("b",))
        noted(workspace, 2, "one", unit="SH/002", departments=("a",))
        assert paged(table, span(workspace, unit="SH"), 1)[0] == [["zero"], ["one"]]
        assert paged(table, span(workspace, department="a"), 1)[0] == [["zero"], ["one"]]
