"""The ticket of a message is read once, and again as soon as somebody writes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from chalicelib.domain.ticket import Ticket, history_line
from chalicelib.services.cases.one_look import OneLook
from tests.builders import WORKSPACE, ticket
from tests.fakes.tickets import FakeTickets

DETAIL = {"type": "ticket.updated", "workspace": WORKSPACE, "ticket_id": "tk_one"}


@dataclass
class Counted(FakeTickets):
    """``looks``: which tickets were read, in order."""

    looks: list[str] = field(default_factory=list)

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        self.looks.append(ticket_id)
        return super().get(workspace, ticket_id)

    def put(self, **changes: object) -> Ticket:
        made = ticket(**{"id": "tk_one", **changes})
        self.rows[WORKSPACE, made.id] = made
        return made


@pytest.fixture
def tickets() -> Counted:
    store = Counted()
    store.put()
    store.put(id="tk_two")
    return store


@pytest.fixture
def look(tickets: Counted) -> OneLook:
    made = OneLook(tickets)
    made.begin(DETAIL)
    return made


def test_all_who_follow_find_what_the_first_one_found(tickets: Counted, look: OneLook) -> None:
    first = look.get(WORKSPACE, "tk_one")
    tickets.put(version=2)
    assert look.get(WORKSPACE, "tk_one") == first
    assert tickets.looks == ["tk_one"]


def test_another_message_looks_again(tickets: Counted, look: OneLook) -> None:
    look.get(WORKSPACE, "tk_one")
    newer = tickets.put(version=2)
    look.begin(DETAIL)
    assert look.get(WORKSPACE, "tk_one") == newer


def test_every_other_ticket_is_looked_at_whenever_it_is_asked_for(tickets: Counted, look: OneLook) -> None:
    for workspace, name in ((WORKSPACE, "tk_two"), (WORKSPACE, "tk_two"), ("other", "tk_one"), ("other", "tk_one")):
        look.get(workspace, name)
    assert tickets.looks == ["tk_two", "tk_two", "tk_one", "tk_one"]


def test_without_a_ticket_in_the_message_nothing_is_kept(tickets: Counted, look: OneLook) -> None:
    look.begin({"kind": "clock", "workspace": WORKSPACE, "ticket": "tk_one"})
    for _ in range(2):
        look.get(WORKSPACE, "tk_one")
    assert tickets.looks == ["tk_one", "tk_one"]


@pytest.mark.parametrize("lost", [False, True])
def test_whoever_writes_has_it_looked_at_again_whether_it_came_about_or_not(
    tickets: Counted, look: OneLook, *, lost: bool
) -> None:
    before = look.get(WORKSPACE, "tk_one")
    assert before is not None
    after = replace(before, version=2, state="accepted")
    line = history_line(before, after, actor="ky_li", reason=None)
    if lost:
        tickets.put(version=2, state="rejected")
    assert look.update(after, (line,), expected_version=1) is not lost
    found = look.get(WORKSPACE, "tk_one")
    assert found is not None
    assert (found.version, found.state) == (2, "rejected" if lost else "accepted")
    assert tickets.looks == ["tk_one", "tk_one"]
    assert look.moves(WORKSPACE, "tk_one") == tickets.moves(WORKSPACE, "tk_one")


def test_one_that_there_was_not_is_looked_for_again(tickets: Counted, look: OneLook) -> None:
    new = ticket(id="tk_new")
    look.begin({**DETAIL, "ticket_id": "tk_new"})
    assert look.get(WORKSPACE, "tk_new") is None
    assert look.create(new, history_line(new, new, actor="echoloop", reason=None))
    assert look.get(WORKSPACE, "tk_new") == new
