"""What closing a ticket, and opening it again, means for the audit of its month."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.events import ticket_events
from chalicelib.services.cases.follow_closing import FollowClosing
from tests.builders import AT, WORKSPACE, ticket
from tests.fakes.lots import FakeLots

CLOSED = ticket(state="closed", change="moved", version=4, closed_at=AT, unit="SH/001")


def follow(now: Ticket | None, told: Ticket) -> tuple[str | None, list[Any]]:
    """What the last event of ``told`` comes to while the ticket is as it is ``now``."""
    lots = FakeLots()
    if now is not None:
        lots.tickets.rows[WORKSPACE, now.id] = now
    code = FollowClosing(lots, lots.tickets)(ticket_events(told)[-1].as_detail())
    return code, [(one.ticket, one.version, one.month, one.unit) for one in lots.kept]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 4},
        {"version": 5, "change": "verified", "verification": "satisfied"},
        {"version": 5, "change": "revised"},
    ],
    ids=["closed", "confirmed afterwards", "revised"],
)
def test_what_is_closed_has_its_lot_in_the_month_of_its_closing(change: dict[str, Any]) -> None:
    told = ticket(**{"state": "closed", "change": "moved", "closed_at": AT, "unit": "SH/001", **change})
    assert follow(told, told) == ("lot", [(told.id, change["version"], "2026-11", "SH/001")])


def test_what_is_opened_again_has_none_whichever_event_comes_first() -> None:
    again = ticket(state="reopened", change="moved", version=5, unit="SH/001")
    working = ticket(state="in_progress", change="moved", version=7, unit="SH/001")
    assert follow(again, again) == ("no_lot", [(again.id, 5, None, "SH/001")])
    assert follow(working, again) == ("no_lot", [(again.id, 7, None, "SH/001")])
    assert follow(again, CLOSED) == ("no_lot", [(again.id, 5, None, "SH/001")])


@pytest.mark.parametrize("state", ["open", "resolved", "verifying"])
def test_what_is_neither_closed_nor_opened_again_is_no_matter_of_the_audit(state: str) -> None:
    told = ticket(state=state, change="moved", version=2)
    assert follow(told, told) == (None, [])


def test_a_ticket_that_is_gone_has_no_lot() -> None:
    assert follow(None, CLOSED) == (None, [])
