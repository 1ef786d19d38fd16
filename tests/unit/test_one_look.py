"""The ticket of a message is read once, and again as soon as somebody writes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from chalicelib.domain.cases.ticket import Ticket, history_line
from chalicelib.domain.events import ticket_events
from chalicelib.errors import Conflict
from chalicelib.services.cases.follow_parts import FollowParts
from chalicelib.services.cases.one_look import Afresh, OneLook
from chalicelib.services.issues.link_cases import LinkCases
from chalicelib.services.issues.promote import Promote
from tests.builders import WORKSPACE, ticket
from tests.builders_issues import IssueWorld, issue
from tests.fakes.tickets import FakeTickets
from tests.unit.test_parts import TWO, WHOLE, Desk, said

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


def test_who_looks_afresh_finds_what_is_there_and_so_do_all_after_them(tickets: Counted, look: OneLook) -> None:
    look.get(WORKSPACE, "tk_one")
    newer = tickets.put(version=2)
    assert Afresh(look).get(WORKSPACE, "tk_one") == newer
    assert Afresh(look).get(WORKSPACE, "tk_two") is not None
    assert look.get(WORKSPACE, "tk_one") == newer
    assert tickets.looks == ["tk_one", "tk_one", "tk_two"]


def test_what_is_written_afresh_is_looked_at_again(tickets: Counted, look: OneLook) -> None:
    before = look.get(WORKSPACE, "tk_one")
    assert before is not None
    after = replace(before, version=2, state="accepted")
    line = history_line(before, after, actor="ky_li", reason=None)
    assert Afresh(look).update(after, (line,), expected_version=1)
    assert look.get(WORKSPACE, "tk_one") == after
    assert Afresh(look).moves(WORKSPACE, "tk_one") == (line,)
    assert not Afresh(look).create(after, line)


# --- what is written for a ticket without its version: somebody was faster between the first look and that one -------


def test_parts_are_not_resolved_with_a_whole_that_was_just_taken_up_again() -> None:
    desk = Desk()
    desk.hear(said(*TWO))
    desk.resolve(WHOLE)
    detail = ticket_events(desk.get(WHOLE))[0].as_detail()
    look = begun(desk.tickets, WHOLE)
    desk.move(WHOLE, "reopened")
    assert FollowParts(Afresh(look), desk.clock)(detail) == "parts_agree"
    desk.settle()
    assert desk.states() == {"": "reopened", "logistics": "open", "customer_service": "open"}


def promoting(world: IssueWorld, look: OneLook) -> Promote:
    links = LinkCases(world.issues, Afresh(look), world.voices, world.due, world.clock)
    return replace(world.promote, tickets=look, links=links)


def recurring(world: IssueWorld) -> Ticket:
    """The case that makes it as many as an issue needs."""
    for number in range(world.policy.count - 1):
        world.opened(f"n{number}")
        assert world.hear(f"n{number}") is None
    return world.opened("last")


def test_a_case_that_was_just_rejected_makes_no_issue() -> None:
    world = IssueWorld()
    last = recurring(world)
    look = begun(world.tickets, last.id)
    world.tickets.rows[WORKSPACE, last.id] = replace(last, state="rejected", version=2)
    assert promoting(world, look)({**DETAIL, "type": "ticket.opened", "ticket_id": last.id}) is None
    assert not world.issues.rows


def test_a_case_that_just_became_part_of_an_issue_makes_no_other() -> None:
    world = IssueWorld()
    last = recurring(world)
    look = begun(world.tickets, last.id)
    world.issues.rows[WORKSPACE, "is_one"] = issue()
    world.links.link(issue(), last.id, by="ky_li")
    assert promoting(world, look)({**DETAIL, "type": "ticket.opened", "ticket_id": last.id}) is None
    assert list(world.issues.rows) == [(WORKSPACE, "is_one")]


def test_a_case_that_just_became_part_of_an_issue_is_not_shown_under_another() -> None:
    world = IssueWorld()
    one = world.opened("a")
    first, second = issue(id="is_first"), issue(id="is_second")
    look = begun(world.tickets, one.id)
    world.links.link(first, one.id, by="ky_li")
    with pytest.raises(Conflict):
        promoting(world, look).links.link_by_itself(second, one.id)
    assert (world.issues.of(WORKSPACE, "is_first"), world.issues.of(WORKSPACE, "is_second")) == ([one.id], [])


def begun(tickets: FakeTickets, name: str) -> OneLook:
    """The look of a message about a ticket that one of its followers has had by now."""
    look = OneLook(tickets)
    look.begin({**DETAIL, "ticket_id": name})
    look.get(WORKSPACE, name)
    return look
