"""Who receives a ticket, and what a vendor's times and words say."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import duty
from chalicelib.errors import Invalid
from tests.builders import message, ticket
from tests.builders_items import about


def test_every_department_that_is_named_receives_it_and_nobody_twice() -> None:
    said = message(ticket=ticket(departments=("care", "shop", "legal")))
    settings = {"assignees": {"care": "a", "shop": ["b", "a", ""]}, "default_assignees": ["z"]}
    assert duty.assignees(said, settings) == ("a", "b")


@pytest.mark.parametrize("departments", [(), ("legal",)])
def test_the_default_receives_what_nobody_is_named_for(departments: tuple[str, ...]) -> None:
    said = message(ticket=ticket(departments=departments))
    assert duty.assignees(said, {"assignees": {"care": "a"}, "default_assignees": ["z"]}) == ("z",)
    assert duty.assignees(said, {}) == ()


def test_whom_a_ticket_went_up_to_follows_it_where_the_endpoint_names_them() -> None:
    said = message(ticket=ticket(departments=("care",), escalated_to=("li.na", "zhang.san")))
    settings = {"assignees": {"care": "a", "zhang.san": ["b", "c"]}}
    assert (duty.told(said, settings), duty.assignees(said, settings)) == (("b", "c"), ("a",))
    assert duty.told(message(ticket=ticket()), settings) == ()


def test_no_more_than_a_hundred_receive_one_ticket() -> None:
    many = [f"u{number}" for number in range(150)]
    assert duty.assignees(about(), {"default_assignees": many}) == tuple(many[:100])


def test_what_is_no_ticket_has_no_item() -> None:
    with pytest.raises(Invalid, match="Only a ticket has an item") as refusal:
        duty.ticket_of(message())
    assert refusal.value.code == "ticket_missing"


@pytest.mark.parametrize("word", ["agree", "accepted", ""])
def test_a_word_is_reported_where_the_endpoint_maps_it_and_else_by_our_own(word: str) -> None:
    assert duty.heard(word, {"status_map": {word: "open"}}, {}) == word
    assert duty.heard(word, {}, {word: "resolved"}) == "resolved"
    assert duty.heard(word, {}, {}) is None


def test_times_come_as_numbers_or_digits() -> None:
    at = datetime(2026, 11, 22, tzinfo=timezone.utc)
    assert duty.moment(1795305600000, 1000) == duty.moment("1795305600", 1) == at
    assert duty.moment("1795305600000000", 1_000_000) == at


@given(value=st.text() | st.integers() | st.booleans() | st.none() | st.floats() | st.lists(st.integers()))
def test_any_time_is_one_or_none(value: object) -> None:
    assert duty.moment(value, 1000) is None or duty.moment(value, 1000).tzinfo is timezone.utc  # type: ignore[union-attr]
