"""What an item shows is news or our own write come back: the cases that a random walk seldom meets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.cases.ticket import Move
from chalicelib.domain.outbound.callback import ExternalItem
from chalicelib.domain.outbound.calls import Said
from chalicelib.domain.outbound.reconciliation import difference, is_news
from tests.builders import AT, endpoint, ticket

ALL = ("ticket.opened", "ticket.updated", "ticket.resolved", "ticket.reopened", "ticket.closed")


def minute(number: int) -> Any:
    return AT + timedelta(minutes=number)


def history(*states: str) -> list[Move]:
    """One version a state, ten minutes apart."""
    before = ("", *states)
    return [
        Move(version, was, now, minute(10 * version), "u")
        for version, (was, now) in enumerate(zip(before, states, strict=False), start=1)
    ]


def heard(status: str, at: int, version: int) -> ExternalItem:
    """They told us ``status`` in a minute, which made that version of the ticket."""
    return ExternalItem("acme", "ep_one", "OA-1", "tk", minute(at), status=status, ticket_version=version)


def news(status: str, known: ExternalItem | None, *states: str, shown: int, written: int, **changes: Any) -> bool:
    """Whether an item with that status is news, our last write being of version ``shown`` in minute ``written``."""
    given = {"silent": (), "endpoint": endpoint(events=ALL), **changes}
    said = Said(status, "OA-1")
    return is_news(said, known, shown=shown, written_at=minute(written), history=lambda: history(*states), **given)


def test_what_we_wrote_last_is_no_news_and_what_we_never_wrote_is() -> None:
    assert not news("open", None, "open", shown=1, written=10)
    assert news("resolved", None, "open", shown=1, written=10)


def test_a_write_under_way_may_have_come_further() -> None:
    assert not news("accepted", None, "open", "accepted", "in_progress", shown=1, written=10)
    untold = endpoint(events=("ticket.opened",))
    assert news("accepted", None, "open", "accepted", "in_progress", shown=1, written=10, endpoint=untold)


def test_a_word_of_theirs_that_they_take_back_is_news_though_we_wrote_it_once() -> None:
    known = heard("in_progress", at=25, version=3)
    assert news("open", known, "open", "accepted", "in_progress", shown=1, written=10)


def test_a_word_that_was_told_late_and_that_our_write_had_replaced_counts_no_more() -> None:
    """What stands there is what we wrote after it."""
    known = heard("in_progress", at=5, version=3)
    assert not news("open", known, "open", "accepted", "in_progress", shown=1, written=10)


@pytest.mark.parametrize("silent", [("waiting_customer",), ()])
def test_a_word_that_they_said_is_not_said_again_by_standing_there(silent: tuple[str, ...]) -> None:
    """Whether or not we would have written it ourselves, and though people went on here meanwhile."""
    known = heard("waiting_customer", at=25, version=3)
    states = ("open", "in_progress", "waiting_customer", "in_progress")
    assert not news("waiting_customer", known, *states, shown=1, written=10, silent=silent)


def test_a_word_of_theirs_is_kept_clean_and_no_longer_than_a_status_may_be() -> None:
    found = difference(ticket(), "done\u202e\x00" + "x" * 500_000, "OA-1", "never heard of", AT)
    assert (found.code, len(found.theirs), found.theirs[:5]) == ("older", 256, "donex")
