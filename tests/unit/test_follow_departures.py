"""Somebody leaves the organisation: their open tickets and issues go on, and where nobody is next, that is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.domain.cases.handover import handed_on
from chalicelib.domain.cases.ticket import SETTLED, Ticket
from chalicelib.domain.events import ticket_events
from chalicelib.domain.workspaces.organisation import Organisation, Person, Post
from chalicelib.errors import Retryable
from chalicelib.services.cases.find_owner import FindOwner
from chalicelib.services.cases.follow_departures import MOST, PAGE, FollowDepartures
from tests.builders import AT, WORKSPACE, ticket
from tests.builders_issues import issue
from tests.fakes.issues import FakeIssues
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.tickets import FakeClock, FakeDue, FakeTickets

ANN = Person("ann", posts=(Post("*", "logistics"),))
BEN = Person("ben", posts=(Post("*", "logistics"),))
MESSAGE = {"kind": "departures", "workspace": WORKSPACE, "version": 2}


@dataclass
class Rows:
    """As storage/cases/open_cases.py over tickets in memory; ``asked`` counts the pages."""

    tickets: FakeTickets
    asked: list[str] = field(default_factory=list)

    def of(self, owner: str) -> list[Ticket]:
        return [one for one in self.tickets.rows.values() if one.owner == owner and one.state not in SETTLED]

    def page(self, workspace: str, owner: str, *, after: str, limit: int) -> tuple[Sequence[Ticket], str | None]:
        assert workspace == WORKSPACE
        self.asked.append(owner)
        found = sorted((one for one in self.of(owner) if one.id > after), key=lambda one: one.id)[:limit]
        return found, found[-1].id if len(found) == limit else None


class World:
    """Ann has gone with the second version of the organisation; ``people`` are those who are left."""

    def __init__(self, *people: Person, **more: Any) -> None:
        self.tickets, self.issues, self.due = FakeTickets(), FakeIssues(), FakeDue()
        self.versions, self.clock = FakeOrganisations(), FakeClock(AT)
        self.rows = Rows(self.tickets)
        self.versions.put(WORKSPACE, Organisation(version=1, people=(ANN, *people)), by="ky_one", at=AT)
        self.versions.put(WORKSPACE, Organisation(version=2, people=people, **more), by="ky_one", at=AT)
        find = FindOwner(self.versions, self.clock)
        self.follow = FollowDepartures(
            tickets=self.tickets,
            open_cases=self.rows,
            issues=self.issues,
            versions=self.versions,
            organisation=find.organisation,
            load=lambda _, owner: len(self.rows.of(owner)),
            due=self.due,
            clock=self.clock,
        )

    def ticket(self, name: str = "tk_one", **changes: Any) -> Ticket:
        one = ticket(id=name, **{"owner": "ann", "departments": ("logistics",), **changes})
        self.tickets.rows[WORKSPACE, name] = one
        return one

    def now(self, name: str = "tk_one") -> Ticket:
        return self.tickets.rows[WORKSPACE, name]


@pytest.mark.parametrize(
    ("state", "after"),
    [("open", "open"), ("accepted", "open"), ("in_progress", "open"), ("waiting_customer", "waiting_customer")],
)
def test_the_next_in_line_has_the_ticket_and_accepts_it_anew_and_it_is_no_bounce(state: str, after: str) -> None:
    world = World(BEN)
    world.ticket(state=state)

    assert [world.follow(MESSAGE) for _ in range(2)] == ["handed_on"] * 2

    one = world.now()
    assert (one.owner, one.state, one.version, one.bounced, one.departments) == ("ben", after, 2, 0, ("logistics",))
    line = world.tickets.lines[WORKSPACE, "tk_one", 2]
    assert (line.actor, line.owner, line.reason) == (
        "echoloop",
        "ben",
        "ann is no longer in the organisation: to ben",
    )
    assert [(event.type, event.detail["owner"]) for event in ticket_events(one)] == [("ticket.updated", "ben")]


def test_what_is_settled_or_somebody_elses_stays() -> None:
    world = World(BEN)
    before = [
        world.ticket("tk_1", state="resolved"),
        world.ticket("tk_2", owner="ben"),
        world.ticket("tk_3", owner="x"),
    ]
    world.follow(MESSAGE)
    assert list(world.tickets.rows.values()) == before


def test_each_goes_to_whoever_has_room() -> None:
    world = World(BEN, Person("eve", posts=(Post("*", "logistics"),)), most_open=2)
    for number in range(3):
        world.ticket(f"tk_{number}")
    world.follow(MESSAGE)
    assert [one.owner for _, one in sorted(world.tickets.rows.items())] == ["ben", "ben", "eve"]


def test_where_there_is_nobody_it_stays_and_is_told_until_a_later_version_has_somebody() -> None:
    world = World()
    world.ticket()
    assert (world.follow(MESSAGE), world.now().owner) == ("handed_on", "ann")
    assert world.versions.leavers(WORKSPACE) == ["ann"]

    world.versions.put(WORKSPACE, Organisation(version=3, people=(BEN,)), by="ky_one", at=AT)
    world.follow({**MESSAGE, "version": 3})

    assert (world.now().owner, world.versions.leavers(WORKSPACE)) == ("ben", [])


def test_who_comes_back_keeps_what_they_have() -> None:
    world = World()
    world.ticket()
    world.follow(MESSAGE)
    world.versions.put(WORKSPACE, Organisation(version=3, people=(ANN, BEN)), by="ky_one", at=AT)
    assert [world.follow({**MESSAGE, "version": one}) for one in (3, 2)] == ["nobody_gone"] * 2
    assert (world.now().owner, world.versions.leavers(WORKSPACE)) == ("ann", [])


def test_many_are_handed_on_a_part_at_a_time() -> None:
    world = World(BEN)
    for number in range(MOST + PAGE):
        world.ticket(f"tk_{number:04}")
    assert world.follow(MESSAGE) == "more"
    assert len(world.rows.of("ben")) == MOST
    (item,) = world.due.rows.values()
    assert (item.queue, world.follow(item.body), len(world.rows.of("ann"))) == ("cases", "handed_on", 0)


def test_many_people_are_looked_at_a_part_at_a_time() -> None:
    world = World(BEN)
    many = tuple(Person(f"p{number:03}") for number in range(MOST + 1))
    world.versions.put(WORKSPACE, Organisation(version=3, people=(BEN, *many)), by="ky_one", at=AT)
    world.versions.put(WORKSPACE, Organisation(version=4, people=(BEN,)), by="ky_one", at=AT)
    world.ticket(owner=many[-1].id)
    assert (world.follow({**MESSAGE, "version": 4}), world.now().owner) == ("more", many[-1].id)
    (item,) = world.due.rows.values()
    assert (world.follow(item.body), world.now().owner) == ("handed_on", "ben")


def test_a_run_that_died_half_way_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(BEN)
    for number in range(5):
        world.ticket(f"tk_{number}")
    write, written = world.tickets.update, []

    def dies(*one: Any, **more: Any) -> bool:
        if len(written) == 2:
            raise Retryable("The table is overloaded.", code="throttled")
        written.append(one)
        return write(*one, **more)

    monkeypatch.setattr(world.tickets, "update", dies)
    with pytest.raises(Retryable, match=r"^The table is overloaded\.$") as refused:
        world.follow(MESSAGE)
    assert (refused.value.code, len(world.rows.of("ben"))) == ("throttled", 2)
    monkeypatch.undo()
    assert world.follow(MESSAGE) == "handed_on"
    assert {(one.owner, one.version) for one in world.tickets.rows.values()} == {("ben", 2)}


def test_a_ticket_that_somebody_changes_is_looked_at_again_and_at_last_the_message_is() -> None:
    world = World(BEN)
    world.ticket()
    world.tickets.lose = 2
    assert (world.follow(MESSAGE), world.now().owner) == ("handed_on", "ben")
    world.ticket()
    world.tickets.lose = 100
    with pytest.raises(Retryable, match=r"^The ticket keeps changing\.$") as refused:
        world.follow(MESSAGE)
    assert refused.value.code == "contended"


def test_issues_that_are_not_settled_go_on_too() -> None:
    world = World(BEN)
    for name, changes in {"is_one": {}, "is_two": {"state": "closed"}, "is_three": {"owner": "ben"}}.items():
        one = issue(id=name, **{"owner": "ann", "departments": ("logistics",), **changes})
        world.issues.rows[WORKSPACE, name] = one
    world.follow(MESSAGE)
    world.follow(MESSAGE)
    owners = {name: (one.owner, one.version) for (_, name), one in world.issues.rows.items()}
    assert owners == {"is_one": ("ben", 2), "is_two": ("ann", 1), "is_three": ("ben", 1)}
    assert world.issues.lines[WORKSPACE, "is_one", 2].reason == "ann is no longer in the organisation: to ben"


def test_an_issue_for_which_there_is_nobody_goes_on_with_a_later_version_that_has_somebody() -> None:
    world = World()
    world.issues.rows[WORKSPACE, "is_one"] = issue(owner="ann", departments=("logistics",))
    world.follow(MESSAGE)
    assert (world.issues.rows[WORKSPACE, "is_one"].owner, world.versions.leavers(WORKSPACE)) == ("ann", ["ann"])

    world.versions.put(WORKSPACE, Organisation(version=3, people=(BEN,)), by="ky_one", at=AT)
    world.follow({**MESSAGE, "version": 3})

    assert (world.issues.rows[WORKSPACE, "is_one"].owner, world.versions.leavers(WORKSPACE)) == ("ben", [])


def test_an_issue_that_was_taken_up_again_after_its_owner_was_gone_goes_on_with_the_next_version() -> None:
    world = World(BEN)
    world.issues.rows[WORKSPACE, "is_one"] = one = issue(owner="ann", departments=("logistics",), state="closed")
    world.follow(MESSAGE)
    assert world.issues.rows[WORKSPACE, "is_one"] == one
    world.issues.rows[WORKSPACE, "is_one"] = replace(one, state="reopened")
    world.versions.put(WORKSPACE, Organisation(version=3, people=(BEN,)), by="ky_one", at=AT)
    assert world.follow({**MESSAGE, "version": 3}) == "handed_on"
    assert world.issues.rows[WORKSPACE, "is_one"].owner == "ben"


def test_an_issue_that_was_merged_is_not_left_behind() -> None:
    """Nobody works on it, as on a ticket that was merged."""
    world = World()
    world.issues.rows[WORKSPACE, "is_one"] = issue(owner="ann", state="merged", former_state="open")
    world.follow(MESSAGE)
    assert (world.versions.leavers(WORKSPACE), world.issues.has_open(WORKSPACE, "ann")) == ([], False)


def test_an_issue_of_a_key_stays() -> None:
    world = World(BEN)
    world.issues.rows[WORKSPACE, "is_one"] = one = issue(owner="ky_shop", departments=("logistics",))
    world.follow(MESSAGE)
    assert world.issues.rows[WORKSPACE, "is_one"] == one


def test_whose_issues_stay_is_not_forgotten_by_the_message_that_goes_on_with_their_tickets() -> None:
    world = World(BEN)
    world.issues.rows[WORKSPACE, "is_one"] = issue(owner="ann", departments=("quality",))  # whom nobody has
    for number in range(MOST + PAGE):
        world.ticket(f"tk_{number:04}")
    assert world.follow(MESSAGE) == "more"
    (item,) = world.due.rows.values()
    assert (world.follow(json.loads(json.dumps(item.body))), world.versions.leavers(WORKSPACE)) == (
        "handed_on",
        ["ann"],
    )


def test_an_issue_that_changes_meanwhile_has_the_message_tried_again() -> None:
    world = World(BEN)
    world.issues.rows[WORKSPACE, "is_one"] = issue(owner="ann", departments=("logistics",))
    world.issues.lose = 1
    with pytest.raises(Retryable, match=r"^The issue keeps changing\.$") as refused:
        world.follow(MESSAGE)
    assert refused.value.code == "contended"


def told(one: Ticket, kind: str = "ticket.reopened") -> dict[str, Any]:
    return {"type": kind, "workspace": WORKSPACE, "ticket_id": one.id, "owner": one.owner}


def test_what_is_taken_up_again_after_its_owner_was_gone_goes_on() -> None:
    world = World(BEN)
    one = world.ticket(state="reopened")
    assert [world.follow.follow(told(one)) for _ in range(2)] == ["handed_on", None]
    assert (world.now().owner, world.now().state) == ("ben", "reopened")
    lonely = World()
    assert (lonely.follow.follow(told(lonely.ticket(state="reopened"))), lonely.versions.leavers(WORKSPACE)) == (
        "nobody_next",
        ["ann"],
    )


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"owner": "ben"}, "ticket.updated"),
        ({"owner": None}, "ticket.updated"),
        ({"owner": "ky_shop"}, "ticket.updated"),
        ({"state": "closed"}, "ticket.updated"),
        ({}, "ticket.opened"),
    ],
)
def test_every_other_change_is_nothing_to_it(changes: dict[str, Any], kind: str) -> None:
    world = World(BEN)
    one = world.ticket(**changes)
    assert (world.follow.follow(told(one, kind)), world.now()) == (None, one)


def test_whoever_is_new_is_known_although_what_was_read_of_the_organisation_is_a_little_old() -> None:
    world = World(BEN)
    world.follow.follow(told(world.ticket(owner="ben")))  # the second version is remembered
    eve = Person("eve", posts=(Post("*", "care"),))
    world.versions.put(WORKSPACE, Organisation(version=3, people=(BEN, eve)), by="ky_one", at=AT)
    one = world.ticket(owner="eve", state="accepted")
    assert (world.follow.follow(told(one, "ticket.updated")), world.now()) == (None, one)


def test_without_an_organisation_any_name_will_do() -> None:
    world = World(BEN)
    world.versions = FakeOrganisations()
    find = FindOwner(world.versions, world.clock)
    follow = replace(world.follow, versions=world.versions, organisation=find.organisation)
    assert follow.follow(told(world.ticket(state="reopened"))) is None


def test_the_line_of_history_is_of_hands() -> None:
    step = handed_on(ticket(owner="ann", state="accepted"), "ben", at=AT)
    assert [(line.before, line.after, line.owner) for line in step.moves] == [("accepted", "open", "ben")]
