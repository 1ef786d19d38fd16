"""A case of several departments: which parts it has, and that whole and parts stay together whatever comes when."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cases.case import Link
from chalicelib.domain.cases.handover import handed_on, reassigned
from chalicelib.domain.cases.parts import (
    FINISHED,
    PUT_AWAY,
    Standing,
    adds_nothing,
    at_rest,
    by_department,
    children_of,
    follow,
    parts_of,
)
from chalicelib.domain.cases.playbook import RED_LINE, Chosen, Playbooks
from chalicelib.domain.cases.sla import SHIPPED, Office, Policy, QuietHours, timed
from chalicelib.domain.cases.ticket import (
    SETTLED,
    STATES,
    SYSTEM,
    Move,
    Resolution,
    Step,
    Ticket,
    brought_up,
    legal_moves,
    lifted,
    path,
    taken_back,
    walk,
)
from chalicelib.domain.events import feedback_event, ticket_events
from chalicelib.domain.ids import child_ticket_id, ticket_id
from chalicelib.domain.outbound.delivery import wants
from chalicelib.domain.time.calendar import BusinessTime
from chalicelib.domain.time.opening_hours import hours
from chalicelib.domain.voice.feedback import Decision, Feedback
from chalicelib.domain.voice.understanding import Tag, Understanding
from chalicelib.domain.workspaces.directory import ApiKey, Endpoint
from chalicelib.domain.workspaces.organisation import Organisation, Person, Post
from chalicelib.domain.workspaces.rules import BUILTIN, Rule, decide
from chalicelib.errors import Conflict, Invalid, NotFound, Parked, Retryable
from chalicelib.services.cases.case_file import CaseFile
from chalicelib.services.cases.follow_bounces import FollowBounces
from chalicelib.services.cases.follow_parts import FollowParts, LookForParts, WholeCases, children
from chalicelib.services.cases.mark_duplicate import MarkDuplicate
from chalicelib.services.cases.move_ticket import MoveTicket
from chalicelib.services.cases.open_ticket import OpenTicket
from tests import builders
from tests.builders import AT, WORKSPACE, endpoint, feedback, reason, tag, ticket
from tests.fakes.cases import FakeCases
from tests.fakes.tickets import FakeClock, FakeDue, FakeFeedback, FakeTickets

WHOLE = ticket_id(WORKSPACE, "fb_one")
LOGISTICS, SERVICE = (child_ticket_id(WORKSPACE, "fb_one", one) for one in ("logistics", "customer_service"))
OF: dict[str, str] = {
    "logistics.damage": "logistics",
    "logistics.speed": "logistics",
    "service.response": "customer_service",
    "product.quality": "quality",
    f"{RED_LINE}food_poisoning": "quality",
}


class Frame:
    """What a frame says, with a playbook for everything about parcels."""

    def name(self, topic: str, lang: str) -> str:
        return topic

    def playbooks(self) -> Playbooks:
        return Playbooks([builders.playbook(id="logistics", version="ecommerce-1")])

    def department(self, about: str) -> str | None:
        return OF.get(about)


def said(*topics: str, red: tuple[str, ...] = (), polarity: str = "negative", **changes: Any) -> Feedback:
    """A voice about these topics, as read and routed."""
    tags: tuple[Tag, ...] = tuple(tag(topic, polarity=polarity) for topic in topics)
    whose = [OF[f"{RED_LINE}{kind}"] for kind in red] + [OF[topic] for topic in topics if topic in OF]
    understanding = Understanding(tags=tags, red_lines=red, departments=tuple(dict.fromkeys(whose)))
    read = feedback(understanding=understanding, **changes)
    return read if "decision" in changes else replace(read, decision=decide(BUILTIN, rated(read)))


def rated(one: Feedback) -> Feedback:
    return replace(one, classes={"nps": "detractor"})


@dataclass
class Looked(FakeTickets):
    """``looked``: what was read, in order."""

    looked: list[str] = field(default_factory=list)

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        self.looked.append(ticket_id)
        return super().get(workspace, ticket_id)

    def moves(self, workspace: str, ticket_id: str) -> tuple[Move, ...]:
        self.looked.append(f"{ticket_id} history")
        return super().moves(workspace, ticket_id)


@dataclass
class Refusing(FakeTickets):
    """``refused``: tickets that cannot be opened, however often it is tried."""

    refused: set[str] = field(default_factory=set)

    def create(self, ticket: Ticket, move: Move) -> bool:
        if ticket.id in self.refused:
            raise ValueError("the table refuses this row")
        return super().create(ticket, move)


class Overtaken(FakeTickets):
    """``meanwhile`` runs once, before the first history is read: another worker hears of the same case."""

    def __init__(self, tickets: FakeTickets, meanwhile: Callable[[], object]) -> None:
        super().__init__(tickets.rows, tickets.lines)
        self.meanwhile: Callable[[], object] | None = meanwhile

    def moves(self, workspace: str, ticket_id: str) -> tuple[Move, ...]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return super().moves(workspace, ticket_id)


class Desk:
    """Tickets with all that moves them, and every event that was told and not yet heard."""

    def __init__(self) -> None:
        self.rows, self.tickets, self.clock, self.due = FakeFeedback(), Refusing(), FakeClock(AT), FakeDue()
        self.open_ticket = OpenTicket(
            feedback=self.rows,
            tickets=self.tickets,
            frames=lambda _: Frame(),
            clock=self.clock,
            owner=lambda _, departments, unit: f"{departments[0]}@{unit}",
            rules=lambda _: BUILTIN,
            due=self.due,
        )
        self.follow = FollowParts(self.tickets, self.clock)
        self.quiet: QuietHours | None = None
        self.look = LookForParts(self.tickets, self.office, self.due, self.clock)

    def office(self, _: str) -> Office:
        return Office(Policy(quiet=self.quiet), lambda _: BusinessTime(ZoneInfo("UTC"), hours("daily 24h")))

    def hear(self, one: Feedback) -> str:
        self.rows.add(one)
        return self.open_ticket({"detail": feedback_event(one).as_detail()})

    def get(self, identity: str) -> Ticket:
        return self.tickets.rows[WORKSPACE, identity]

    def states(self) -> dict[str, str]:
        return {one.part or "": one.state for one in self.tickets.rows.values()}

    def move(self, identity: str, *states: str, actor: str = "ky_li", **given: str) -> Ticket:
        self.clock.forward(minutes=1)
        before = self.get(identity)
        step = walk(before, states, actor=actor, at=self.clock(), given=Resolution(**given))
        assert self.tickets.update(step.ticket, step.moves, expected_version=before.version)
        return step.ticket

    def resolve(self, identity: str, cause: str = "thin carton", action: str = "sent another") -> Ticket:
        way = path(self.get(identity).state, "resolved") or ()
        return self.move(identity, *way, root_cause=cause, action=action)

    def settle(self, times: int = 20) -> None:
        """Tell the follower of every ticket until nothing follows any more."""
        for _ in range(times):
            self.clock.forward(seconds=1)
            if "parts_moved" not in [self.tell(one) for one in list(self.tickets.rows.values())]:
                return
        pytest.fail("whole and parts move each other without end")

    def tell(self, one: Ticket) -> str | None:
        return self.follow(ticket_events(one)[0].as_detail())

    def count(self) -> list[str]:
        """What is read from here on."""
        looked: list[str] = []
        self.tickets = Looked(self.tickets.rows, self.tickets.lines, looked=looked)
        self.follow = FollowParts(self.tickets, self.clock)
        self.open_ticket = replace(self.open_ticket, tickets=self.tickets)
        return looked


@pytest.fixture
def desk() -> Desk:
    return Desk()


TWO = ("logistics.damage", "service.response", "logistics.speed")


@pytest.fixture
def divided(desk: Desk) -> Desk:
    """Three complaints in one text for two departments."""
    assert desk.hear(said(*TWO)) == "opened"
    return desk


# --- which parts there are ----------------------------------------------------------------------------------------


def test_three_complaints_for_two_departments_make_a_case_with_two_parts(divided: Desk) -> None:
    whole, logistics, service = (divided.get(one) for one in (WHOLE, LOGISTICS, SERVICE))
    assert len(divided.tickets.rows) == 3
    assert (whole.parts, whole.parent, children_of(whole)) == (
        ("logistics", "customer_service"),
        None,
        (LOGISTICS, SERVICE),
    )
    assert (logistics.parent, logistics.part, logistics.topics, logistics.departments, logistics.owner) == (
        WHOLE,
        "logistics",
        ("logistics.damage", "logistics.speed"),
        ("logistics",),
        "logistics@SH-001",
    )
    assert (service.topics, service.owner, service.playbook) == (
        ("service.response",),
        "customer_service@SH-001",
        None,
    )
    assert (logistics.playbook, logistics.title) == (
        Chosen("logistics", "ecommerce-1"),
        "NPS 3/10 贬损者：logistics.damage、logistics.speed",
    )
    assert divided.rows.rows[WORKSPACE, "fb_one"].ticket == WHOLE


def test_a_red_line_makes_its_own_part_critical_and_no_other(desk: Desk) -> None:
    desk.hear(said("logistics.damage", red=("food_poisoning",)))
    quality = desk.get(child_ticket_id(WORKSPACE, "fb_one", "quality"))
    assert (quality.severity, desk.get(WHOLE).severity, desk.get(LOGISTICS).severity) == (
        "critical",
        "critical",
        "medium",
    )
    assert [why.rule for why in desk.get(LOGISTICS).reasons] == ["builtin-unhappy"]


def test_rules_that_no_part_meets_alone_count_for_all() -> None:
    both = Rule(
        "both",
        {"all": [{"tag": {"topic": "logistics"}}, {"tag": {"topic": "service"}}]},
        ("ticket",),
        severity="high",
    )
    whole = said(*TWO)
    whole = replace(whole, decision=decide([both], whole))
    found = by_department(whole, OF.get, [both])
    assert {one: part.decision.actions["ticket"] for one, part in found.items()} == {
        "logistics": (reason("both", severity="high"),),
        "customer_service": (reason("both", severity="high"),),
    }


def test_a_rule_that_is_no_more_counts_for_every_part() -> None:
    voice = said(*TWO)
    asked = {"ticket": (reason(), reason("gone", severity="high"))}
    found = by_department(replace(voice, decision=Decision(asked)), OF.get, BUILTIN)
    assert [why.rule for why in found["logistics"].decision.actions["ticket"]] == ["builtin-unhappy", "gone"]


def test_what_is_nobodys_goes_with_the_first_part() -> None:
    found = by_department(said("unknown.topic", *TWO), OF.get, BUILTIN)
    assert [one.topic for one in found["logistics"].understanding.tags] == [
        "logistics.damage",
        "logistics.speed",
        "unknown.topic",
    ]


def test_one_department_is_one_ticket(desk: Desk) -> None:
    desk.hear(said("logistics.damage", "logistics.speed"))
    assert (list(desk.tickets.rows), desk.get(WHOLE).parts) == ([(WORKSPACE, WHOLE)], ())


def test_praise_is_no_part(desk: Desk) -> None:
    mixed = said("logistics.damage", "service.response")
    tags = (mixed.understanding.tags[0], mixed.understanding.tags[1]._replace(polarity="positive"))
    desk.hear(replace(mixed, understanding=mixed.understanding._replace(tags=tags)))
    assert desk.get(WHOLE).parts == ()


def test_a_department_that_a_rule_gives_keeps_the_case_whole(desk: Desk) -> None:
    theirs = Rule("vip", {"field": "unit", "op": "eq", "value": "SH-001"}, ("ticket",), department="care")
    read = said(*TWO)
    desk.hear(replace(read, decision=decide([theirs], read)))
    assert (desk.get(WHOLE).parts, len(desk.tickets.rows)) == ((), 1)


def test_a_case_that_a_person_gave_to_a_department_is_not_divided() -> None:
    assert parts_of(ticket(assigned=True), said(*TWO, revision=2), ("a", "b")) == ()


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, ("a", "b")),
        ({"owner": "u_li"}, ("a", "b")),
        ({"state": "accepted", "owner": "u_li"}, ()),
        ({"state": "resolved"}, ()),
        ({"state": "resolved", "parts": ("a", "c"), "severity": "critical"}, ("a", "c")),
        ({"state": "resolved", "parts": ("a", "c"), "severity": "low"}, ("a", "c", "b")),
        ({"state": "accepted", "owner": "u_li", "parts": ("a", "c")}, ("a", "c", "b")),
        ({"revision": 2}, ()),
    ],
)
def test_what_is_said_anew_divides_a_case_that_nobody_has_accepted(
    changes: dict[str, Any], parts: tuple[str, ...]
) -> None:
    assert parts_of(ticket(**changes), said(*TWO, revision=2), ("a", "b")) == parts


def test_a_replay_writes_nothing(divided: Desk) -> None:
    before = (dict(divided.tickets.rows), dict(divided.tickets.lines), divided.rows.writes)
    assert [divided.open_ticket({"detail": feedback_event(said(*TWO)).as_detail()}) for _ in range(3)] == [
        "unchanged"
    ] * 3
    assert (divided.tickets.rows, divided.tickets.lines, divided.rows.writes) == before


def test_what_a_crash_left_out_is_made_when_the_message_comes_again(divided: Desk) -> None:
    del divided.tickets.rows[WORKSPACE, SERVICE], divided.tickets.lines[WORKSPACE, SERVICE, 1]
    assert divided.hear(said(*TWO)) == "updated"
    assert divided.get(SERVICE).parent == WHOLE


def test_a_department_that_is_no_longer_complained_of_is_marked_and_stays(divided: Desk) -> None:
    divided.hear(said("service.response", revision=2))
    gone = divided.get(LOGISTICS)
    assert ([why.lapsed for why in gone.reasons], gone.state, gone.version) == ([True], "open", 2)
    assert divided.tickets.moves(WORKSPACE, LOGISTICS)[-1].reason == "revision 2, reading 1: no longer complained of"
    assert divided.get(WHOLE).parts == ("logistics", "customer_service")
    divided.hear(said(*TWO, revision=3))
    assert [why.lapsed for why in divided.get(LOGISTICS).reasons] == [False]


def test_another_department_joins_a_case_that_was_divided(divided: Desk) -> None:
    divided.hear(said(*TWO, "product.quality", revision=2))
    assert divided.get(child_ticket_id(WORKSPACE, "fb_one", "quality")).parent == WHOLE


def test_older_words_never_overwrite_a_part(divided: Desk) -> None:
    divided.hear(said("logistics.damage", "service.response", revision=3))
    before = divided.get(LOGISTICS)
    divided.hear(said("logistics.speed", "service.response", revision=2))
    divided.hear(said("service.response", revision=2))
    assert divided.get(LOGISTICS) == before


# --- how they move together ---------------------------------------------------------------------------------------


def test_the_last_part_that_is_settled_resolves_the_case_with_what_the_parts_say(divided: Desk) -> None:
    divided.resolve(LOGISTICS, "thin carton", "sent another")
    divided.settle()
    assert divided.get(WHOLE).state == "in_progress"
    divided.resolve(SERVICE, "nobody was there", "called back")
    divided.settle()
    whole = divided.get(WHOLE)
    assert (whole.state, whole.incomplete, whole.root_cause, whole.action) == (
        "resolved",
        False,
        "logistics: thin carton\ncustomer_service: nobody was there",
        "logistics: sent another\ncustomer_service: called back",
    )
    lines = divided.tickets.moves(WORKSPACE, WHOLE)
    assert [(line.after, line.actor, line.implied) for line in lines[1:]] == [
        ("accepted", SYSTEM, True),
        ("in_progress", SYSTEM, False),
        ("resolved", SYSTEM, False),
    ]


def test_the_whole_is_in_touch_with_the_customer_as_its_parts_are_and_waits_when_all_of_them_do(divided: Desk) -> None:
    def whole_after(identity: str, *states: str) -> str:
        divided.move(identity, *states)
        divided.settle()
        return divided.get(WHOLE).state

    assert whole_after(LOGISTICS, "accepted") == "open", "to accept is no word to the customer"
    assert whole_after(LOGISTICS, "in_progress") == "in_progress"
    assert whole_after(LOGISTICS, "waiting_customer") == "in_progress", "another part is waited for as well"
    assert whole_after(SERVICE, "accepted", "waiting_customer") == "waiting_customer"
    assert whole_after(SERVICE, "in_progress") == "in_progress"
    assert {line.reason for line in divided.tickets.moves(WORKSPACE, WHOLE)[1:]} == {"as far as its parts"}
    assert whole_after(WHOLE, "open") == "open", "what a person does with the whole stays"
    assert whole_after(LOGISTICS, "in_progress") == "in_progress", "until a part moves again"


def test_a_whole_that_is_reopened_late_because_of_a_part_is_as_far_as_it(divided: Desk) -> None:
    for one in (LOGISTICS, SERVICE):
        divided.resolve(one)
    divided.settle()
    divided.move(SERVICE, "reopened", "in_progress")
    divided.settle()
    assert divided.states() == {"": "in_progress", "logistics": "resolved", "customer_service": "in_progress"}


def test_a_case_without_a_part_that_was_done_is_left_to_people(divided: Desk) -> None:
    for one in (LOGISTICS, SERVICE):
        divided.move(one, "rejected")
    divided.settle()
    assert divided.get(WHOLE).state == "open"


def test_resolving_the_case_resolves_what_is_open_below(divided: Desk) -> None:
    divided.move(SERVICE, "rejected")
    divided.resolve(WHOLE, "thin carton", "sent another")
    divided.settle()
    assert divided.states() == {"": "resolved", "logistics": "resolved", "customer_service": "rejected"}
    part = divided.get(LOGISTICS)
    assert (part.root_cause, part.action, part.incomplete) == ("thin carton", "sent another", False)
    lines = divided.tickets.moves(WORKSPACE, LOGISTICS)[1:]
    assert [(line.implied, line.actor, line.reason) for line in lines] == [(True, "ky_li", "with the whole case")] * 2


def test_a_part_that_is_opened_a_moment_after_the_case_was_resolved_is_resolved_with_it(divided: Desk) -> None:
    """It was on its way: the whole is written before its parts are."""
    del divided.tickets.rows[WORKSPACE, SERVICE], divided.tickets.lines[WORKSPACE, SERVICE, 1]
    divided.resolve(WHOLE)
    divided.clock.forward(seconds=1)
    divided.hear(said(*TWO))
    divided.settle()
    assert divided.states() == {"": "resolved", "logistics": "resolved", "customer_service": "resolved"}
    assert "reopened" not in [line.after for line in divided.tickets.moves(WORKSPACE, WHOLE)]


def test_the_cause_that_is_chosen_for_the_case_is_that_of_the_part_about_the_same(divided: Desk) -> None:
    way = path("open", "resolved") or ()
    divided.move(WHOLE, *way, root_cause="thin carton", action="sent another", cause="thin_carton")
    divided.settle()
    assert (divided.get(LOGISTICS).cause, divided.get(SERVICE).cause) == ("thin_carton", None)
    assert divided.get(SERVICE).root_cause == "thin carton"


def test_a_part_that_is_taken_up_again_takes_the_case_up_and_leaves_the_others(divided: Desk) -> None:
    for one in (LOGISTICS, SERVICE):
        divided.resolve(one)
    divided.settle()
    divided.move(SERVICE, "reopened")
    divided.settle()
    assert divided.states() == {"": "reopened", "logistics": "resolved", "customer_service": "reopened"}
    assert divided.tickets.moves(WORKSPACE, WHOLE)[-1].reason == f"taken up again: {SERVICE}"
    divided.resolve(SERVICE)
    divided.settle()
    assert divided.get(WHOLE).state == "resolved"


def test_a_customer_who_is_not_satisfied_takes_up_every_part_that_was_done(divided: Desk) -> None:
    divided.move(SERVICE, "rejected")
    divided.resolve(LOGISTICS)
    divided.settle()
    divided.move(WHOLE, "verifying", "reopened", actor="customer")
    divided.settle()
    assert divided.states() == {"": "reopened", "logistics": "reopened", "customer_service": "rejected"}
    assert divided.tickets.moves(WORKSPACE, LOGISTICS)[-1].actor == "customer"


def test_worse_words_take_up_a_closed_case_with_what_was_done_and_open_the_part_that_they_need(divided: Desk) -> None:
    divided.move(SERVICE, "rejected")
    divided.resolve(LOGISTICS)
    divided.settle()
    divided.move(LOGISTICS, "verifying", "closed")
    divided.move(WHOLE, "verifying", "closed")
    divided.settle()
    worse = said(*TWO, red=("food_poisoning",), revision=2, ticket=WHOLE)
    assert divided.hear(worse) == "updated"
    divided.settle()
    again = {"": "reopened", "logistics": "reopened", "customer_service": "rejected", "quality": "open"}
    assert divided.states() == again
    assert divided.get(child_ticket_id(WORKSPACE, "fb_one", "quality")).severity == "critical"
    assert divided.hear(worse) == "unchanged"
    divided.settle()
    assert divided.states() == again


def test_worse_words_without_a_part_to_do_are_not_resolved_by_parts_that_are_done(divided: Desk) -> None:
    for one in (LOGISTICS, SERVICE):
        divided.resolve(one)
    divided.settle()
    asked = {"ticket": (reason(severity="critical"),)}
    divided.hear(said(revision=2, ticket=WHOLE, decision=Decision(asked, "critical", ("logistics",))))
    divided.settle()
    assert divided.states() == {"": "reopened", "logistics": "reopened", "customer_service": "reopened"}


def test_what_was_done_after_the_customers_word_stands(divided: Desk) -> None:
    for one in (LOGISTICS, SERVICE):
        divided.resolve(one)
    divided.settle()
    divided.move(WHOLE, "reopened", actor="customer")
    divided.settle()
    divided.resolve(SERVICE, "nobody was there", "called back")
    divided.settle()
    assert divided.states() == {"": "in_progress", "logistics": "reopened", "customer_service": "resolved"}


def test_an_event_of_a_resolution_that_was_undone_resolves_nothing_again(divided: Desk) -> None:
    late = divided.resolve(WHOLE)
    divided.settle()
    divided.move(LOGISTICS, "reopened")
    assert divided.tell(late) == "parts_moved"  # the case is taken up again, by what it finds now
    assert divided.states() == {"": "reopened", "logistics": "reopened", "customer_service": "resolved"}
    assert divided.tell(late) == "parts_agree"


def test_parts_without_root_cause_leave_the_case_incomplete_until_it_is_said(divided: Desk) -> None:
    for one in (LOGISTICS, SERVICE):
        divided.move(one, "accepted", "resolved", actor="ep_oa")
    divided.settle()
    assert (divided.get(WHOLE).state, divided.get(WHOLE).incomplete) == ("resolved", True)
    from chalicelib.domain.cases.ticket import completed

    step = completed(divided.get(WHOLE), Resolution("a", "b"), actor="ky_li", at=divided.clock())
    assert step is not None
    divided.tickets.update(step.ticket, step.moves, expected_version=step.ticket.version - 1)
    divided.settle()
    assert [(one.incomplete, one.root_cause, one.action) for one in divided.tickets.rows.values()] == [
        (False, "a", "b")
    ] * 3


def test_one_part_without_root_cause_leaves_the_case_incomplete(divided: Desk) -> None:
    divided.resolve(LOGISTICS)
    divided.move(SERVICE, "accepted", "resolved", actor="ep_oa")
    divided.settle()
    whole = divided.get(WHOLE)
    assert (whole.state, whole.incomplete, whole.root_cause) == ("resolved", True, None)


def test_parts_that_are_completed_complete_the_case(divided: Desk) -> None:
    from chalicelib.domain.cases.ticket import completed

    for one in (LOGISTICS, SERVICE):
        divided.move(one, "accepted", "resolved", actor="ep_oa")
    divided.settle()
    for one in (LOGISTICS, SERVICE):
        step = completed(divided.get(one), Resolution(one, "b"), actor="ky_li", at=divided.clock())
        assert step is not None
        divided.tickets.update(step.ticket, step.moves, expected_version=step.ticket.version - 1)
    divided.settle()
    whole = divided.get(WHOLE)
    assert (whole.incomplete, whole.action) == (False, "b")
    assert whole.root_cause == f"logistics: {LOGISTICS}\ncustomer_service: {SERVICE}"


def test_a_ticket_that_is_whole_has_nothing_to_follow() -> None:
    desk = Desk()
    desk.hear(said("logistics.damage"))
    assert desk.tell(desk.get(WHOLE)) is None


def test_a_lost_race_is_tried_again(divided: Desk) -> None:
    told = divided.resolve(WHOLE)
    divided.tickets.lose = 1
    with pytest.raises(Retryable) as refused:
        divided.tell(told)
    assert (refused.value.code, refused.value.message) == ("contended", "The case keeps changing.")


def gone(one: Ticket, at: datetime) -> Step:
    """Its owner has left the organisation."""
    return handed_on(one, "u_next", at=at)


def handed(one: Ticket, at: datetime) -> Step:
    """A colleague gives it to somebody else."""
    return reassigned(one, department=None, owner="u_next", actor="ky_li", at=at, reason="she knows them")


@pytest.mark.parametrize("hand_on", [gone, handed])
@pytest.mark.parametrize("standing", [(), ("accepted",), ("accepted", "in_progress"), ("accepted", "waiting_customer")])
@pytest.mark.parametrize("moment", ["before it", "before it is heard of", "while it is followed", "after"])
def test_whenever_a_part_is_handed_on_it_is_never_left_open_below_a_case_that_is_resolved(
    divided: Desk, hand_on: Callable[[Ticket, datetime], Step], standing: tuple[str, ...], moment: str
) -> None:
    divided.move(LOGISTICS, *standing)

    def hands_it_on() -> None:
        divided.clock.forward(seconds=1)
        before = divided.get(LOGISTICS)
        if before.state not in SETTLED:  # as whoever does it asks
            step = hand_on(before, divided.clock())
            assert divided.tickets.update(step.ticket, step.moves, expected_version=before.version)

    if moment == "before it":
        hands_it_on()
    resolved = divided.resolve(WHOLE)
    if moment == "before it is heard of":
        hands_it_on()
    elif moment == "while it is followed":
        slower = FollowParts(Overtaken(divided.tickets, hands_it_on), divided.clock)
        with pytest.raises(Retryable, match="keeps changing"):
            slower(ticket_events(resolved)[0].as_detail())
    elif moment == "after":
        divided.tell(resolved)
        hands_it_on()
    divided.settle()

    together = {"": "resolved", "logistics": "resolved", "customer_service": "resolved"}
    again = {"": "reopened", "logistics": "open", "customer_service": "open"}
    is_given_back = hand_on is handed and moment in ("before it is heard of", "while it is followed")
    is_taken = standing and standing[-1] != "waiting_customer"  # else its state is as it was
    assert divided.states() == (again if is_given_back and is_taken else together)


# --- closing ------------------------------------------------------------------------------------------------------


def test_parts_that_another_worker_resolved_a_moment_ago_are_not_taken_for_taken_up(divided: Desk) -> None:
    resolved = divided.resolve(WHOLE)
    divided.clock.forward(seconds=1)
    slower = FollowParts(Overtaken(divided.tickets, lambda: divided.tell(resolved)), divided.clock)
    with pytest.raises(Retryable, match="keeps changing"):
        slower(ticket_events(resolved)[0].as_detail())
    assert divided.states() == {"": "resolved", "logistics": "resolved", "customer_service": "resolved"}


def test_a_case_is_closed_after_its_parts(divided: Desk) -> None:
    move = MoveTicket(tickets=divided.tickets, clock=divided.clock)
    divided.resolve(WHOLE)
    divided.settle()
    whole = divided.move(WHOLE, "verifying")
    divided.move(SERVICE, "reopened", "in_progress")  # the part that is taken up takes the case up
    with pytest.raises(Conflict) as refused:
        move(WORKSPACE, WHOLE, to="closed", version=whole.version, actor="ky_li")
    assert (refused.value.code, refused.value.message) == (
        "children_open",
        f"Parts of this case are not closed: {SERVICE} (in_progress).",
    )
    assert (divided.get(WHOLE).state, divided.get(LOGISTICS).state) == ("reopened", "resolved")


def test_a_person_who_closes_a_case_closes_what_is_resolved_below_it_at_once(divided: Desk) -> None:
    move = MoveTicket(tickets=divided.tickets, clock=divided.clock)
    divided.resolve(WHOLE)  # nobody has followed it yet
    whole = divided.move(WHOLE, "verifying")
    assert move(WORKSPACE, WHOLE, to="closed", version=whole.version, actor="ky_li").state == "closed"
    for one in (LOGISTICS, SERVICE):
        assert divided.get(one).state == "closed"
        assert all(line.implied for line in divided.tickets.moves(WORKSPACE, one)[1:])
    before = dict(divided.tickets.rows)
    divided.settle()
    assert divided.tickets.rows == before


@pytest.mark.parametrize("to", ["rejected", "merged"])
def test_a_case_is_not_put_away_over_the_heads_of_its_departments(divided: Desk, to: str) -> None:
    move = MoveTicket(tickets=divided.tickets, clock=divided.clock)
    with pytest.raises(Conflict) as refused:
        move(WORKSPACE, WHOLE, to=to, version=1, actor="ky_li", reason="no case")
    assert refused.value.code == "children_open"
    assert f"{LOGISTICS} (open)" in refused.value.message


def test_the_customers_answer_closes_the_parts_and_then_the_case(divided: Desk) -> None:
    divided.resolve(WHOLE)
    divided.settle()
    divided.move(SERVICE, "verifying", "closed")  # by hand, before anybody was asked
    whole = divided.move(WHOLE, "verifying")
    step = walk(replace(whole, verification="satisfied"), ("closed",), actor="customer", at=AT, given=Resolution())
    cases = WholeCases(divided.tickets, divided.clock)
    assert cases.update(step.ticket, step.moves, expected_version=whole.version)
    assert {one.state for one in divided.tickets.rows.values()} == {"closed"}
    assert {one.verification for one in divided.tickets.rows.values()} == {"satisfied"}
    assert divided.tickets.moves(WORKSPACE, LOGISTICS)[-1].actor == "customer"
    before = dict(divided.tickets.rows)
    divided.settle()
    assert divided.tickets.rows == before


def test_an_answer_does_not_close_a_case_with_a_part_at_work(divided: Desk) -> None:
    divided.resolve(WHOLE)
    divided.settle()
    divided.move(SERVICE, "reopened")
    whole = divided.move(WHOLE, "verifying")
    step = walk(whole, ("closed",), actor="customer", at=AT, given=Resolution())
    with pytest.raises(Conflict) as refused:
        WholeCases(divided.tickets, divided.clock).update(step.ticket, step.moves, expected_version=whole.version)
    assert (refused.value.code, refused.value.message) == (
        "children_open",
        f"Parts of this case are not closed: {SERVICE} (reopened).",
    )
    assert divided.get(WHOLE).state == "verifying"


def test_a_part_that_lacks_its_root_cause_is_not_closed_by_an_answer(divided: Desk) -> None:
    divided.resolve(LOGISTICS)
    divided.move(SERVICE, "accepted", "resolved", actor="ep_oa")
    whole = divided.move(WHOLE, "accepted", "resolved", "verifying", root_cause="a", action="b")
    step = walk(whole, ("closed",), actor="customer", at=AT, given=Resolution())
    with pytest.raises(Conflict) as refused:
        WholeCases(divided.tickets, divided.clock).update(step.ticket, step.moves, expected_version=whole.version)
    assert (refused.value.code, refused.value.message) == (
        "children_open",
        f"Parts of this case are not closed: {SERVICE} (resolved).",
    )


def test_a_case_that_was_closed_without_its_parts_has_them_closed(divided: Desk) -> None:
    divided.resolve(WHOLE)
    divided.settle()
    divided.move(WHOLE, "verifying", "closed")
    divided.settle()
    assert set(divided.states().values()) == {"closed"}


def test_a_part_that_was_changed_meanwhile_stops_the_closing(divided: Desk) -> None:
    divided.resolve(WHOLE)
    divided.settle()
    whole = divided.move(WHOLE, "verifying")
    step = walk(whole, ("closed",), actor="customer", at=AT, given=Resolution())
    divided.tickets.lose = 1
    cases = WholeCases(divided.tickets, divided.clock)
    assert not cases.update(step.ticket, step.moves, expected_version=whole.version)
    assert divided.get(WHOLE).state == "verifying"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32), steps=st.integers(min_value=1, max_value=25))
def test_whatever_happens_in_whatever_order_whole_and_parts_agree_in_the_end(seed: int, steps: int) -> None:
    """People move tickets as they may; events come late, twice and in any order."""
    luck = random.Random(seed)
    desk = Desk()
    desk.hear(said(*TWO))
    told: list[Ticket] = []
    for _ in range(steps):
        one = luck.choice([WHOLE, LOGISTICS, SERVICE])
        to = luck.choice(legal_moves(desk.get(one)) or ("",))
        below = children(desk.tickets, desk.get(one))
        if to and (to not in PUT_AWAY or all(child.state in PUT_AWAY for child in below)):
            given = {"root_cause": "a", "action": "b"} if to in ("resolved", "closed") else {}
            told.append(desk.move(one, to, **given))
        for late in luck.sample(told, k=min(len(told), luck.randrange(3))):
            desk.tell(late)
    desk.settle()
    whole, below = desk.get(WHOLE), children(desk.tickets, desk.get(WHOLE))
    states = {child.state for child in below}
    if whole.state in FINISHED:
        assert states <= SETTLED
    if whole.state == "closed":
        assert states <= PUT_AWAY
    if states <= SETTLED and states & FINISHED:
        assert whole.state in SETTLED
    for identity in (WHOLE, LOGISTICS, SERVICE):
        versions = [line.version for line in desk.tickets.moves(WORKSPACE, identity)]
        assert versions == list(range(1, desk.get(identity).version + 1))


# --- a part that could not be opened ------------------------------------------------------------------------------


@pytest.fixture
def half(desk: Desk) -> Desk:
    """A case of two departments, for one of which no ticket can be opened: the message died as often as it came."""
    desk.tickets.refused = {SERVICE}
    for _ in range(8):
        with pytest.raises(ValueError, match="refuses"):
            desk.hear(said(*TWO))
    assert desk.states() == {"": "open", "logistics": "open"}
    return desk


def looked(desk: Desk) -> str:
    """What comes of it when the case's parts are looked for."""
    ((at, _), item), *_ = sorted(desk.due.rows.items())
    desk.due.rows.clear()
    desk.clock.now = max(desk.clock.now, at)
    return desk.look(item.body)


def test_whoever_has_the_whole_is_told_once_of_a_part_that_could_not_be_opened(half: Desk) -> None:
    ((at, _), item) = next(iter(half.due.rows.items()))
    assert (at, item.queue, item.body) == (
        AT + timedelta(hours=1),
        "cases",
        {"kind": "parts", "workspace": WORKSPACE, "ticket": WHOLE},
    )
    assert [looked(half), half.look(item.body)] == ["told", "all_there"]

    whole = half.get(WHOLE)
    assert (whole.unopened, whole.version, whole.state) == (("customer_service",), 2, "open")
    (event,) = ticket_events(whole)
    assert (event.type, event.detail["reason"], event.detail["owner"]) == (
        "ticket.escalated",
        "part_missing",
        "logistics@SH-001",
    )
    (line,) = half.tickets.moves(WORKSPACE, WHOLE)[1:]
    assert line.reason == "no ticket could be opened for customer_service: told logistics@SH-001"


def test_the_history_says_so_where_nobody_has_the_case(half: Desk) -> None:
    half.tickets.rows[WORKSPACE, WHOLE] = replace(half.get(WHOLE), owner=None)
    assert looked(half) == "told"
    assert half.tickets.moves(WORKSPACE, WHOLE)[-1].reason == (
        "no ticket could be opened for customer_service: nobody has the case"
    )


def test_a_case_with_all_its_parts_tells_nobody(divided: Desk) -> None:
    assert looked(divided) == "all_there"
    assert divided.get(WHOLE).version == 1


def test_a_case_that_is_divided_later_is_looked_at_an_hour_after_that(desk: Desk) -> None:
    desk.hear(said("logistics.damage"))
    assert desk.due.rows == {}, "a case of one department has no parts to miss"
    desk.clock.forward(hours=9)
    desk.tickets.refused = {SERVICE}
    with pytest.raises(ValueError, match="refuses"):
        desk.hear(said(*TWO, revision=2))
    assert [at for at, _ in desk.due.rows] == [AT + timedelta(hours=10)]
    assert looked(desk) == "told"


def test_in_quiet_hours_nobody_is_told_before_they_are_over(half: Desk) -> None:
    half.quiet = QuietHours(start=AT.hour * 60, end=(AT.hour + 3) % 24 * 60)
    assert (looked(half), half.get(WHOLE).version) == ("deferred", 1)
    assert (looked(half), half.clock.now.hour) == ("told", AT.hour + 3)


@pytest.mark.parametrize("state", ["closed", "merged", "rejected"])
def test_of_a_case_that_was_put_away_nobody_is_told(half: Desk, state: str) -> None:
    half.tickets.rows[WORKSPACE, WHOLE] = replace(half.get(WHOLE), state=state)
    assert (looked(half), half.get(WHOLE).version) == ("gone", 1)
    assert half.look({"kind": "parts", "workspace": WORKSPACE, "ticket": "tk_none"}) == "gone"


def test_a_look_that_names_no_ticket_is_parked_and_one_that_loses_a_race_comes_again(half: Desk) -> None:
    with pytest.raises(Parked) as parked:
        half.look({"kind": "parts", "workspace": WORKSPACE})
    assert (parked.value.code, parked.value.message) == ("message_invalid", "The message names no ticket.")
    half.tickets.lose = 1
    with pytest.raises(Retryable) as contended:
        looked(half)
    assert (contended.value.code, contended.value.message) == ("contended", "The case keeps changing.")


@pytest.mark.parametrize("told", [False, True])
def test_the_parts_that_there_are_do_not_resolve_a_case_that_lacks_one(half: Desk, told: bool) -> None:
    if told:
        looked(half)
    half.resolve(LOGISTICS)
    half.settle()
    assert half.states() == {"": "in_progress", "logistics": "resolved"}


def test_what_is_stored_opens_the_part_as_soon_as_it_can_be_and_the_case_goes_on(half: Desk) -> None:
    assert half.rows.rows[WORKSPACE, "fb_one"].awaiting == {"ticket"}, "so the sweep sends it again, every hour"
    looked(half)
    half.resolve(LOGISTICS)
    half.settle()
    half.tickets.refused = set()
    assert half.hear(said(*TWO)) == "updated"
    half.settle()
    assert half.get(WHOLE).unopened == ()
    reasons = [line.reason for line in half.tickets.moves(WORKSPACE, WHOLE)]
    assert "the ticket for customer_service was opened after all" in reasons
    half.resolve(SERVICE)
    half.settle()
    assert set(half.states().values()) == {"resolved"}


def test_a_part_that_comes_after_the_whole_was_resolved_is_resolved_with_it(half: Desk) -> None:
    looked(half)
    half.resolve(WHOLE)
    half.settle()
    half.tickets.refused = set()
    half.hear(said(*TWO))
    half.settle()
    assert (half.get(SERVICE).state, half.get(WHOLE).state, half.get(WHOLE).unopened) == ("resolved", "resolved", ())


def test_a_case_is_not_closed_over_a_part_without_a_ticket_before_somebody_was_told(half: Desk) -> None:
    half.resolve(WHOLE)
    half.settle()
    whole = half.move(WHOLE, "verifying")
    close = MoveTicket(half.tickets, half.clock)
    with pytest.raises(Conflict) as refused:
        close(WORKSPACE, WHOLE, to="closed", version=whole.version, actor="ky_li")
    assert (refused.value.code, refused.value.message) == (
        "children_open",
        "Parts of this case are not closed: customer_service (no ticket yet).",
    )
    told = half.get(WHOLE)
    assert (told.state, told.unopened, told.version) == ("verifying", ("customer_service",), whole.version + 1)
    closed = close(WORKSPACE, WHOLE, to="closed", version=told.version, actor="ky_li")
    assert (closed.state, half.get(LOGISTICS).state) == ("closed", "closed")


@pytest.mark.parametrize("to", ["rejected", "merged"])
def test_nor_is_it_put_away_otherwise(half: Desk, to: str) -> None:
    half.move(LOGISTICS, "rejected")
    move = MoveTicket(half.tickets, half.clock)
    with pytest.raises(Conflict) as refused:
        move(WORKSPACE, WHOLE, to=to, version=1, actor="ky_li", reason="no case")
    assert refused.value.code == "children_open"
    assert move(WORKSPACE, WHOLE, to=to, version=2, actor="ky_li", reason="no case").state == to


def test_a_refusal_stands_where_telling_it_loses_a_race(half: Desk) -> None:
    half.move(LOGISTICS, "rejected")
    half.tickets.lose = 1
    move = MoveTicket(half.tickets, half.clock)
    with pytest.raises(Conflict) as refused:
        move(WORKSPACE, WHOLE, to="rejected", version=1, actor="ky_li", reason="no case")
    assert (refused.value.code, half.get(WHOLE).version) == ("children_open", 1)


def test_a_customers_answer_closes_it_after_somebody_was_told(half: Desk) -> None:
    half.resolve(WHOLE)
    half.settle()
    cases = WholeCases(half.tickets, half.clock)

    def close() -> bool:
        step = walk(half.get(WHOLE), ("closed",), actor="customer", at=AT, given=Resolution())
        return cases.update(step.ticket, step.moves, expected_version=half.get(WHOLE).version)

    half.move(WHOLE, "verifying")
    with pytest.raises(Conflict) as refused:
        close()
    assert (refused.value.code, half.get(LOGISTICS).state) == ("children_open", "resolved")
    assert ticket_events(half.get(WHOLE))[0].type == "ticket.escalated"
    assert close()


# --- what is not read ---------------------------------------------------------------------------------------------


def standing(state: str, minutes: int = 0, actor: str = SYSTEM, **changes: Any) -> Standing:
    """A ticket that somebody brought to ``state`` so many minutes after it was opened, having been elsewhere before."""
    one = ticket(state=state, version=3, **changes)
    at = AT + timedelta(minutes=minutes)
    return Standing(one, (Move(2, "open", "reopened", actor, AT), Move(3, "reopened", state, actor, at)))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(STATES), st.lists(st.sampled_from(STATES), max_size=3), st.data())
def test_at_rest_nothing_follows_whatever_the_histories_say(whole: str, below: list[str], data: st.DataObject) -> None:
    minutes, actors = st.integers(min_value=0, max_value=3), st.sampled_from([SYSTEM, "ky_li", "customer"])
    parent = standing(whole, data.draw(minutes), data.draw(actors), incomplete=data.draw(st.booleans()))
    parts = [standing(one, data.draw(minutes), data.draw(actors), id=f"tk_{n}") for n, one in enumerate(below)]
    if at_rest(parent.ticket, [one.ticket for one in parts]):
        assert follow(parent, parts, AT + timedelta(hours=1)) == ()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(STATES), max_size=3), st.data())
def test_a_part_that_is_just_opened_brings_nothing_about_by_itself(below: list[str], data: st.DataObject) -> None:
    minutes, actors = st.integers(min_value=0, max_value=3), st.sampled_from([SYSTEM, "ky_li", "customer"])
    parent = standing("open", data.draw(minutes), data.draw(actors))
    assert adds_nothing(parent.ticket)
    parts = [standing(one, data.draw(minutes), data.draw(actors), id=f"tk_{n}") for n, one in enumerate(below)]
    if follow(parent, parts, AT) == ():
        new = Standing(ticket(id="tk_new"), (Move(1, "", "open", SYSTEM, AT + timedelta(minutes=5)),))
        assert follow(parent, [*parts, new], AT) == ()


def test_the_parts_of_a_case_that_is_opened_now_are_not_looked_for(desk: Desk) -> None:
    looked = desk.count()
    assert desk.hear(said(*TWO)) == "opened"
    assert looked == [WHOLE]
    assert desk.open_ticket({"detail": feedback_event(said(*TWO)).as_detail()}) == "unchanged"
    assert looked == [WHOLE, WHOLE, LOGISTICS, SERVICE]


def test_a_whole_and_its_parts_that_are_just_opened_cost_a_look_a_part(divided: Desk) -> None:
    looked = divided.count()
    assert [divided.tell(divided.get(one)) for one in (WHOLE, LOGISTICS, SERVICE)] == [None, *["parts_agree"] * 2]
    assert looked == [WHOLE, WHOLE]


def test_what_changes_without_being_moved_costs_a_look_at_each_and_no_history(divided: Desk) -> None:
    divided.move(LOGISTICS, "accepted")
    looked = divided.count()
    assert divided.tell(divided.get(LOGISTICS)) == "parts_agree"
    assert looked == [WHOLE, LOGISTICS, SERVICE]


def test_histories_are_read_once_somebody_has_done_something(divided: Desk) -> None:
    divided.move(LOGISTICS, "accepted", "in_progress")
    looked = divided.count()
    assert divided.tell(divided.get(LOGISTICS)) == "parts_moved"
    family = [WHOLE, LOGISTICS, SERVICE]
    assert looked == [*family, *(f"{one} history" for one in family)]


# --- who is told --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint_settings", "single", "whole", "part"),
    [
        ({}, True, True, False),
        ({"split": "case"}, True, True, False),
        ({"split": "departments"}, True, False, True),
        ({"filter": {"departments": ["logistics"]}}, True, False, True),
        ({"filter": {"departments": ["logistics"]}, "split": "case"}, True, True, False),
        ({"filter": {"units": ["SH-001"]}}, True, True, False),
    ],
)
def test_an_endpoint_gets_the_case_or_the_parts(
    endpoint_settings: dict[str, Any], single: bool, whole: bool, part: bool
) -> None:
    one: Endpoint = endpoint(settings=endpoint_settings)
    tickets = (ticket(), ticket(parts=("logistics", "care")), ticket(parent="tk_whole", part="logistics"))
    told = [event.as_detail() for each in tickets for event in ticket_events(each)]
    assert [wants(one, "ticket.opened", detail) for detail in told] == [single, whole, part]
    question = replace(one, events=("verification.asked",))
    assert [wants(question, "verification.asked", detail) for detail in told] == [True] * 3


# --- bounces ------------------------------------------------------------------------------------------------------

OFFICE = Organisation(
    version=1,
    people=(
        Person("u_li", posts=(Post("*", "logistics"),), superior="u_boss"),
        Person("u_boss", superior="u_chief"),
        Person("u_chief"),
    ),
)


def bounced(times: int, **changes: Any) -> tuple[FakeTickets, FollowBounces, dict[str, Any]]:
    tickets = FakeTickets()
    one = ticket(bounced=times, owner="u_li", change="moved", **changes)
    tickets.rows[WORKSPACE, one.id] = one
    follow = FollowBounces(tickets, lambda _: OFFICE, FakeClock(AT + timedelta(hours=1)))
    return tickets, follow, ticket_events(one)[0].as_detail()


def test_the_third_bounce_goes_to_the_superior_once(  # and the fourth to the next one above
) -> None:
    tickets, follow, told = bounced(3)
    assert [follow(told) for _ in range(3)] == ["went_up", None, None]
    up = tickets.rows[WORKSPACE, WHOLE]
    assert (up.owner, up.version, up.state, up.escalated_to) == ("u_boss", 2, "open", ("u_boss",))
    (event,) = ticket_events(up)
    assert (event.type, event.detail["reason"], event.detail["owner"]) == ("ticket.escalated", "bounced", "u_boss")
    assert tickets.lines[WORKSPACE, WHOLE, 2].reason == "bounced 3 times: to u_boss"
    tickets.rows[WORKSPACE, WHOLE] = replace(up, bounced=4)
    assert (follow(told), tickets.rows[WORKSPACE, WHOLE].owner) == ("went_up", "u_chief")
    assert tickets.rows[WORKSPACE, WHOLE].escalated_to == ("u_boss", "u_chief")


@pytest.mark.parametrize("changes", [{"times": 2}, {"times": 3, "state": "resolved"}, {"times": 3, "bounce_told": 3}])
def test_fewer_bounces_and_settled_cases_stay(changes: dict[str, Any]) -> None:
    tickets, follow, told = bounced(**changes)
    before = dict(tickets.rows)
    assert (follow(told), tickets.rows) == (None, before)


def test_without_anybody_above_the_bounce_is_told_all_the_same() -> None:
    tickets, follow, told = bounced(3)
    follow = replace(follow, organisation=lambda _: Organisation())
    assert (follow(told), tickets.rows[WORKSPACE, WHOLE].owner) == ("nobody_above", "u_li")
    assert (tickets.rows[WORKSPACE, WHOLE].change, tickets.rows[WORKSPACE, WHOLE].escalated_to) == ("escalated", ())
    assert tickets.lines[WORKSPACE, WHOLE, 2].reason == "bounced 3 times: nobody stands above"


def test_a_bounce_of_a_ticket_that_changes_is_tried_again() -> None:
    tickets, follow, told = bounced(3)
    tickets.lose = 1
    with pytest.raises(Retryable) as refused:
        follow(told)
    assert (refused.value.code, refused.value.message) == ("contended", "The ticket keeps changing.")


# --- duplicates ---------------------------------------------------------------------------------------------------


class Twins:
    """Two cases of which one may be the other's duplicate."""

    def __init__(self) -> None:
        self.tickets, self.cases, self.clock = FakeTickets(), FakeCases(), FakeClock(AT + timedelta(hours=1))
        self.key = ApiKey("ky_li", WORKSPACE, "admin")
        for number in (1, 2):
            one = ticket(id=f"tk_{number}", owner="u_li")
            self.tickets.rows[WORKSPACE, one.id] = one
        move = MoveTicket(tickets=self.tickets, clock=self.clock)
        self.service = MarkDuplicate(self.tickets, CaseFile(self.tickets, self.cases, self.clock), move)

    def get(self, number: int) -> Ticket:
        return self.tickets.rows[WORKSPACE, f"tk_{number}"]

    def mark(self, number: int = 1, of: str = "tk_2", words: str = "told twice", version: int | None = None) -> Ticket:
        one = self.get(number)
        return self.service.mark(self.key, one, of, version=version or one.version, reason=words)

    def undo(self, number: int = 1, words: str = "another parcel") -> Ticket:
        one = self.get(number)
        return self.service.undo(self.key, one, version=one.version, reason=words)


@pytest.fixture
def twins() -> Twins:
    return Twins()


def test_merge_then_split_leaves_both_as_they_were(twins: Twins) -> None:
    first, second, links = twins.get(1), twins.get(2), twins.cases.links(WORKSPACE, "tk_1")
    merged = twins.mark()
    assert (merged.state, merged.former_state, twins.get(2)) == ("merged", "open", second)
    assert [(one.other, one.kind) for one in twins.cases.links(WORKSPACE, "tk_2")] == [("tk_1", "has_duplicate")]
    back = twins.undo()
    assert replace(back, version=1, updated_at=first.updated_at, change=first.change) == first
    assert (back.version, twins.get(2), list(twins.cases.links(WORKSPACE, "tk_1"))) == (3, second, list(links))
    assert [line.reason for line in twins.tickets.moves(WORKSPACE, "tk_1")] == ["told twice", "another parcel"]


def test_other_links_survive_a_split(twins: Twins) -> None:
    twins.tickets.rows[WORKSPACE, "tk_3"] = replace(twins.get(1), id="tk_3")
    twins.service.file.link(twins.key, twins.get(1), "tk_3", "related")
    twins.mark()
    twins.undo()
    assert [(one.other, one.kind) for one in twins.cases.links(WORKSPACE, "tk_1")] == [("tk_3", "related")]


def test_no_link_says_duplicate_of_a_case_that_is_none_whoever_takes_it_out(twins: Twins) -> None:
    twins.tickets.rows[WORKSPACE, "tk_1"] = replace(twins.get(1), unit="SH/001")
    twins.tickets.rows[WORKSPACE, "tk_2"] = replace(twins.get(2), unit="BJ/001")
    twins.mark()
    twins.key = ApiKey("ky_shop", WORKSPACE, "store", unit="SH/001")
    twins.undo()
    assert list(twins.cases.links(WORKSPACE, "tk_1")) == []


def test_a_case_with_open_parts_is_no_duplicate_and_gets_no_link(divided: Desk) -> None:
    cases, move = FakeCases(), MoveTicket(tickets=divided.tickets, clock=divided.clock)
    service = MarkDuplicate(divided.tickets, CaseFile(divided.tickets, cases, divided.clock), move)
    with pytest.raises(Conflict) as refused:
        service.mark(ApiKey("ky_li", WORKSPACE, "admin"), divided.get(WHOLE), LOGISTICS, version=1, reason="twice")
    assert (refused.value.code, cases.sides) == ("children_open", {})


def test_what_a_key_does_not_see_is_not_there_to_be_repeated(twins: Twins) -> None:
    twins.mark(2, of="tk_1")
    twins.key = ApiKey("ky_li", WORKSPACE, "region", unit="BJ")
    with pytest.raises(NotFound) as refused:
        twins.mark(1, of="tk_2")
    assert (refused.value.code, refused.value.message) == ("not_found", str(refused.value))


def test_a_crash_after_the_link_is_finished_by_the_same_call(twins: Twins) -> None:
    twins.service.file.link(twins.key, twins.get(1), "tk_2", "duplicate_of")
    assert twins.mark().state == "merged"
    assert len(twins.cases.links(WORKSPACE, "tk_1")) == 1


@pytest.mark.parametrize(
    ("call", "error", "code"),
    [
        (lambda one: one.mark(of="tk_1"), Invalid, "links_itself"),
        (lambda one: one.mark(of="tk_none"), NotFound, "not_found"),
        (lambda one: one.mark(words=" "), Invalid, "no_reason"),
        (lambda one: one.mark(version=9), Conflict, "version_conflict"),
        (lambda one: one.undo(), Conflict, "not_merged"),
        (lambda one: one.undo(words=""), Invalid, "no_reason"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    twins: Twins, call: Any, error: type[Exception], code: str
) -> None:
    before = dict(twins.tickets.rows)
    with pytest.raises(error) as refused:
        call(twins)
    assert getattr(refused.value, "code", "") == code
    assert str(refused.value).endswith(".")
    assert (twins.tickets.rows, list(twins.cases.links(WORKSPACE, "tk_1"))) == (before, [])


def test_a_duplicate_has_no_duplicates_and_work_that_has_begun_is_none(twins: Twins) -> None:
    twins.mark()
    with pytest.raises(Conflict) as chained:
        twins.mark(2, of="tk_1")
    assert (chained.value.code, chained.value.message) == ("of_a_duplicate", "That ticket is a duplicate itself.")
    twins.undo()
    twins.tickets.rows[WORKSPACE, "tk_1"] = replace(twins.get(1), state="accepted")
    with pytest.raises(Conflict) as begun:
        twins.mark()
    assert (begun.value.code, list(twins.cases.links(WORKSPACE, "tk_1"))) == ("illegal_move", [])


OWN, GRAVE = Chosen("logistics", "ecommerce-1"), Chosen("red_line:injury", "ecommerce-1")


class Lifted(Twins):
    """The first case is merged into the second one, which is worked on, and its words became worse."""

    def __init__(self) -> None:
        super().__init__()
        self.put(2, state="accepted", playbook=OWN)
        self.mark()
        self.lift()

    def put(self, number: int, **changes: Any) -> Ticket:
        known = self.tickets.rows.get((WORKSPACE, f"tk_{number}"))
        version = known.version if known else 1
        one = replace(ticket(id=f"tk_{number}", owner="u_li", version=version), **changes)
        self.tickets.rows[WORKSPACE, one.id] = one
        return one

    def lift(self, main: int = 2, by: int = 1, **changes: Any) -> Ticket:
        worse = {"revision": self.get(by).revision + 1, "severity": "critical", "playbook": GRAVE, **changes}
        duplicate = self.tickets.rows[WORKSPACE, f"tk_{by}"] = replace(self.get(by), **worse)
        step = lifted(self.get(main), duplicate, self.clock())
        assert step is not None
        assert self.tickets.update(step.ticket, step.moves, expected_version=self.get(main).version)
        return step.ticket


@pytest.fixture
def raised() -> Lifted:
    return Lifted()


def test_what_a_case_has_from_a_duplicate_alone_goes_back_when_it_is_none(raised: Lifted) -> None:
    lifted_to = raised.get(2)
    assert (lifted_to.severity, lifted_to.playbook) == ("critical", GRAVE)
    assert raised.undo().state == "open"
    after, line = raised.get(2), raised.tickets.moves(WORKSPACE, "tk_2")[-1]
    assert (after.severity, after.playbook, after.reasons, after.state) == ("medium", OWN, (reason(),), "accepted")
    assert (line.actor, line.reason, line.version) == ("ky_li", "no duplicate: tk_1: medium", lifted_to.version + 1)
    assert [event.type for event in ticket_events(after)] == ["ticket.updated"]


def test_its_deadlines_are_again_those_of_its_own_severity(raised: Lifted) -> None:
    office = Office(SHIPPED, lambda _: BusinessTime(ZoneInfo("UTC"), hours("daily 24h")))
    first = Move(1, "", "open", SYSTEM, AT)
    plain = timed(ticket(id="tk_9"), (first,), office).ticket
    step = lifted(plain, raised.get(1), AT)
    assert step is not None
    grave = timed(step.ticket, step.moves, office).ticket
    back = taken_back(grave, ["tk_1"], actor="ky_li", at=AT + timedelta(minutes=5))
    assert back is not None
    again = timed(back.ticket, back.moves, office).ticket
    assert grave.due_at is not None
    assert plain.due_at is not None
    assert (grave.due_at < plain.due_at, again.due_at) == (True, plain.due_at)


def test_what_another_duplicate_said_and_what_it_says_itself_stays(raised: Lifted) -> None:
    raised.put(3)
    raised.mark(3, of="tk_2")
    raised.lift(by=3, severity="high")
    raised.undo(1)
    assert (raised.get(2).severity, raised.get(2).playbook) == ("high", GRAVE)
    raised.put(2, **{"reasons": (*raised.get(2).reasons, reason("own", severity="critical"))})
    raised.lift(by=3)
    raised.undo(3)
    assert raised.get(2).severity == "critical"
    assert [one.rule for one in raised.get(2).reasons] == ["builtin-unhappy", "own"]


def test_a_case_whose_own_reasons_have_lapsed_is_what_it_was_for_them(raised: Lifted) -> None:
    raised.put(2, severity="high", reasons=(reason(severity="high", lapsed=True),))
    raised.lift()
    raised.undo()
    assert raised.get(2).severity == "high"


def test_a_case_that_a_duplicate_took_up_stays_with_whoever_has_it(raised: Lifted) -> None:
    raised.put(2, state="closed")
    assert raised.lift().state == "reopened"
    raised.undo()
    assert (raised.get(2).state, raised.get(2).severity, raised.get(2).owner) == ("reopened", "medium", "u_li")


def test_what_came_through_a_case_goes_with_it(raised: Lifted) -> None:
    """The first is merged into the third, that into the second: what the first gave the second is the third's."""
    raised.put(2, state="accepted", playbook=OWN)
    raised.undo()
    raised.put(3, playbook=OWN)
    raised.mark(1, of="tk_3")
    raised.mark(3, of="tk_2")
    raised.lift(main=2, by=1)
    back = raised.undo(3)
    assert (raised.get(2).severity, raised.get(2).playbook) == ("medium", OWN)
    assert (back, back.state, back.severity, back.playbook) == (raised.get(3), "open", "critical", GRAVE)
    raised.undo(1)
    assert (raised.get(3).severity, raised.get(3).playbook, raised.get(1).severity) == ("medium", OWN, "critical")


@pytest.fixture
def chained(raised: Lifted) -> Lifted:
    """The first and the fourth are merged into the third, that into the second: it has worse words of the first."""
    raised.undo()
    raised.put(3, playbook=OWN)
    raised.put(4)
    raised.mark(1, of="tk_3")
    raised.mark(4, of="tk_3")
    raised.mark(3, of="tk_2")
    raised.lift(main=2, by=1)
    return raised


def test_what_came_through_a_case_is_not_lost_where_the_case_changes_while_it_is_taken_out(chained: Lifted) -> None:
    unlink = chained.cases.unlink

    def meanwhile(link: Link) -> bool:
        chained.tickets.rows[WORKSPACE, "tk_3"] = replace(chained.get(3), version=chained.get(3).version + 1)
        return unlink(link)

    chained.cases.unlink = meanwhile  # type: ignore[method-assign]
    with pytest.raises(Conflict) as refused:
        chained.undo(3)
    assert (refused.value.code, chained.get(3).state) == ("version_conflict", "merged")
    back = chained.undo(3)
    assert (back.state, back.severity, back.playbook, chained.get(2).severity) == ("open", "critical", GRAVE, "medium")


def test_what_came_through_a_case_is_not_lost_where_somebody_changes_its_links_meanwhile(chained: Lifted) -> None:
    chained.cases.lose = 1
    with pytest.raises(Conflict) as refused:
        chained.undo(3)
    assert refused.value.code == "stale"
    back = chained.undo(3)
    assert (back.state, back.severity, chained.get(2).severity) == ("open", "critical", "medium")


def test_worse_words_of_its_duplicate_that_come_while_a_case_is_taken_out_are_that_cases(chained: Lifted) -> None:
    unlink = chained.cases.unlink

    def meanwhile(link: Link) -> bool:
        chained.lift(main=2, by=4)
        return unlink(link)

    chained.cases.unlink = meanwhile  # type: ignore[method-assign]
    back = chained.undo(3)
    assert [one.rule for one in chained.get(2).reasons] == ["builtin-unhappy"]
    assert [one.rule for one in back.reasons] == ["builtin-unhappy", "duplicate:tk_1", "duplicate:tk_4"]


def test_what_to_do_is_what_the_duplicates_say_that_are_left(raised: Lifted) -> None:
    late = Chosen("late", "ecommerce-1")
    raised.undo()
    raised.mark()
    raised.put(3)
    raised.mark(3, of="tk_2")
    raised.lift(by=3, severity="high", playbook=late)
    raised.lift(by=1)
    raised.undo(1)
    assert (raised.get(2).severity, raised.get(2).playbook) == ("high", late)
    raised.undo(3)
    assert (raised.get(2).severity, raised.get(2).playbook, raised.get(2).set_aside) == ("medium", OWN, ())


def test_what_to_do_is_its_own_again_where_the_duplicates_that_are_left_say_nothing_of_it(raised: Lifted) -> None:
    raised.put(3)
    raised.mark(3, of="tk_2")
    raised.lift(by=3, severity="high", playbook=None)
    raised.undo(1)
    assert (raised.get(2).severity, raised.get(2).playbook, raised.get(2).set_aside) == ("high", OWN, ())


def test_worse_words_that_come_while_it_is_taken_out_leave_nothing_behind(raised: Lifted) -> None:
    unlink = raised.cases.unlink

    def meanwhile(link: Link) -> bool:
        raised.lift()
        return unlink(link)

    raised.cases.unlink = meanwhile  # type: ignore[method-assign]
    raised.undo()
    assert (raised.get(2).severity, raised.get(2).reasons) == ("medium", (reason(),))


def test_a_duplicate_that_changed_meanwhile_is_refused_and_the_same_call_goes_on(raised: Lifted) -> None:
    with pytest.raises(Conflict) as refused:
        raised.service.undo(raised.key, raised.get(1), version=1, reason="another parcel")
    assert (refused.value.code, raised.get(2).severity) == ("version_conflict", "critical")
    raised.tickets.lose = 100
    with pytest.raises(Retryable) as busy:
        raised.undo()
    assert (busy.value.code, busy.value.message) == ("contended", "The case keeps changing.")
    raised.tickets.lose = 0
    assert (raised.undo().state, raised.get(2).severity) == ("open", "medium")


def test_its_own_words_choose_what_to_do_about_it_and_nothing_is_put_back_over_that(raised: Lifted) -> None:
    own = brought_up(raised.get(2), feedback(revision=2, unit="SH-002"), "title", AT, OWN)
    assert own is not None
    back = taken_back(own.ticket, ["tk_1"], actor="ky_li", at=AT)
    assert back is not None
    assert (own.ticket.set_aside, back.ticket.playbook) == ((), OWN)


def test_decisions_of_before_say_that_no_rule_gave_a_department() -> None:
    assert Decision().ruled is False
