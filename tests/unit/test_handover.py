"""Who has a case, from claim to claim: the rules, and what any life of a ticket comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chalicelib.domain.cases.handover import Hands, claimed, handovers, reassigned, time_in_queue
from chalicelib.domain.cases.ticket import (
    MOVES,
    SETTLED,
    STATES,
    TAKEN,
    Move,
    Resolution,
    Ticket,
    brought_up,
    legal_moves,
    opened,
    walk,
)
from chalicelib.domain.reports.loop import bounces
from chalicelib.errors import Conflict, EcholoopError, Invalid
from tests.builders import AT, feedback, ticket

GIVEN = Resolution("thin carton", "sent another")


def hand(one: Ticket, at: datetime = AT, **to: Any) -> Any:
    return reassigned(one, **{"department": None, "owner": None, "actor": "ky_1", "at": at, "reason": "theirs", **to})


# --- claim --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["open", "reopened"])
def test_who_claims_has_accepted(state: str) -> None:
    step = claimed(ticket(state=state), "li", actor="ky_1", at=AT)
    assert step is not None
    assert (step.ticket.state, step.ticket.owner, step.ticket.version) == ("accepted", "li", 2)
    assert [(line.before, line.after, line.owner, line.actor) for line in step.moves] == [
        (state, "accepted", "li", "ky_1")
    ]


@pytest.mark.parametrize("state", ["accepted", "in_progress", "waiting_customer"])
def test_what_is_worked_on_is_claimed_where_it_stands(state: str) -> None:
    step = claimed(ticket(state=state), "li", actor="ky_1", at=AT)
    assert step is not None
    assert (step.ticket.state, step.ticket.owner, step.ticket.change) == (state, "li", "updated")
    assert claimed(step.ticket, "li", actor="ky_1", at=AT) is None
    with pytest.raises(Conflict, match=r"^Somebody else has taken this ticket\.$") as refusal:
        claimed(step.ticket, "wu", actor="ky_2", at=AT)
    assert refusal.value.code == "already_claimed"


def test_one_who_was_only_meant_for_it_is_no_obstacle() -> None:
    step = claimed(ticket(owner="meant"), "li", actor="ky_1", at=AT)
    assert step is not None
    assert step.ticket.owner == "li"


@pytest.mark.parametrize("state", [*sorted(SETTLED - {"merged"}), "triage"])
def test_what_nobody_can_take_is_refused_with_the_legal_moves(state: str) -> None:
    with pytest.raises(Conflict, match=rf"^A ticket that is {state} cannot become accepted\.$") as refusal:
        claimed(ticket(state=state), "li", actor="ky_1", at=AT)
    assert (refusal.value.code, refusal.value.allowed) == ("illegal_move", MOVES[state])


# --- reassign -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "owner", "to", "after", "bounced"),
    [
        ("open", None, {"department": "service"}, ("open", None, ("service",)), 1),
        ("accepted", "li", {"department": "service"}, ("open", None, ("service",)), 1),
        ("in_progress", "li", {"department": "service", "owner": "wu"}, ("open", "wu", ("service",)), 1),
        ("waiting_customer", "li", {"department": "service"}, ("waiting_customer", None, ("service",)), 1),
        ("accepted", "li", {"owner": "wu"}, ("open", "wu", ("logistics",)), 1),
        ("accepted", None, {"owner": "wu"}, ("accepted", "wu", ("logistics",)), 0),
        ("open", "li", {"owner": "wu"}, ("open", "wu", ("logistics",)), 0),
    ],
)
def test_a_handover(state: str, owner: str | None, to: Any, after: Any, bounced: int) -> None:
    step = hand(ticket(state=state, owner=owner, departments=("logistics",)), **to)
    made = step.ticket
    assert (made.state, made.owner, made.departments) == after
    assert (made.bounced, made.version) == (bounced, 2)
    assert [line.reason for line in step.moves] == ["theirs"]


def test_the_first_department_gets_a_case_for_itself_alone_and_who_had_taken_it_keeps_it() -> None:
    made = hand(ticket(state="accepted", owner="li", departments=("logistics", "care")), department="logistics").ticket
    assert (made.state, made.owner, made.departments) == ("accepted", "li", ("logistics",))
    assert (made.bounced, made.assigned) == (0, True)


@pytest.mark.parametrize("to", [{}, {"department": "logistics"}, {"owner": "li"}])
def test_a_handover_to_who_has_it_is_none(to: Any) -> None:
    with pytest.raises(Invalid, match=r"^It is with them already\.$") as refusal:
        hand(ticket(owner="li", departments=("logistics",)), **to)
    assert refusal.value.code == "nothing_changes"


@pytest.mark.parametrize("state", sorted(SETTLED))
def test_what_is_settled_is_not_handed_over(state: str) -> None:
    one = ticket(state=state, former_state="open")
    with pytest.raises(Conflict, match=rf"^A ticket that is {state} cannot be handed over\.$") as refusal:
        hand(one, department="service")
    assert (refusal.value.code, refusal.value.allowed) == ("illegal_move", legal_moves(one))


def test_a_department_that_a_person_chose_stays_when_the_words_are_read_anew() -> None:
    first = opened(feedback(), "title", AT).ticket
    handed = hand(first, department="service").ticket
    newer = brought_up(handed, feedback(revision=2, touchpoint="hotline"), "title", AT)
    assert newer is not None
    assert newer.ticket.departments == ("service",)


# --- the history --------------------------------------------------------------------------------------------------


def test_the_history_says_from_whom_to_whom() -> None:
    first = opened(feedback(), "title", AT)
    taken = claimed(first.ticket, "li", actor="ky_1", at=AT)
    assert taken is not None
    step = hand(taken.ticket, department="service")

    found = handovers([*first.moves, *taken.moves, *step.moves])

    departments = first.ticket.departments
    assert [(found[number].before, found[number].after) for number in sorted(found)] == [
        (Hands(None, departments), Hands("li", departments)),
        (Hands("li", departments), Hands(None, ("service",))),
    ]


def test_the_opening_names_the_rules_that_asked_for_it() -> None:
    (line,) = opened(feedback(), "title", AT).moves
    assert (line.actor, line.reason) == ("echoloop", "builtin-unhappy")


def line(version: int, hours: float, after: str, *departments: str) -> Move:
    at = AT + timedelta(hours=hours)
    return Move(version, "open", after, "ky_1", at, departments=departments or None)


def test_time_in_queue_leaves_out_what_waits_for_the_customer_and_what_is_settled() -> None:
    history = [
        line(1, 0, "open", "logistics"),
        line(2, 2, "open", "service", "logistics"),
        line(3, 3, "waiting_customer", "service", "logistics"),
        line(4, 5, "in_progress", "service"),
        line(5, 6.5, "resolved", "service"),
    ]
    assert time_in_queue(history, AT + timedelta(days=9)) == {"logistics": 3 * 3600, "service": int(2.5 * 3600)}


def test_time_in_queue_runs_on_until_now_and_takes_old_lines_as_it_is_told() -> None:
    history = [line(1, 0, "open"), line(2, 1, "accepted")]
    assert time_in_queue(history, AT + timedelta(hours=3), otherwise=("logistics",)) == {"logistics": 3 * 3600}
    assert time_in_queue([], AT) == {}
    assert time_in_queue(history[:1], AT - timedelta(hours=1), otherwise=("logistics",)) == {"logistics": 0}


# --- any life -----------------------------------------------------------------------------------------------------


class Life(RuleBasedStateMachine):
    """Moves, claims, handovers and late words in any order: what holds of every ticket and its history."""

    def __init__(self) -> None:
        super().__init__()
        step = opened(feedback(), "title", AT)
        self.ticket, self.history, self.now = step.ticket, list(step.moves), AT
        self.bounces = 0

    def _try(self, make: Any) -> Ticket | None:
        """The ticket before, when ``make`` was accepted; a refusal leaves everything as it is."""
        self.now += timedelta(minutes=1)
        before = self.ticket
        try:
            step = make()
        except EcholoopError:
            return None
        if step is None:
            return None
        self.ticket = step.ticket
        self.history += step.moves
        return before

    @rule(to=st.sampled_from(STATES))
    def move(self, to: str) -> None:
        legal = to in legal_moves(self.ticket)
        before = self._try(lambda: walk(self.ticket, (to,), actor="ky_1", at=self.now, given=GIVEN))
        assert (before is not None) == legal
        if before is not None and to == "open" and before.state in TAKEN:
            self.bounces += 1

    @rule(owner=st.sampled_from(["li", "wu"]))
    def claim(self, owner: str) -> None:
        before = self._try(lambda: claimed(self.ticket, owner, actor="ky_1", at=self.now))
        if before is not None:
            assert self.ticket.owner == owner
            assert self.ticket.state not in SETTLED

    @rule(department=st.sampled_from([None, "logistics", "service"]), owner=st.sampled_from([None, "li", "wu"]))
    def reassign(self, department: str | None, owner: str | None) -> None:
        before = self._try(lambda: hand(self.ticket, self.now, department=department, owner=owner))
        if before is None:
            return
        others = before.departments[:1] != self.ticket.departments[:1]
        worked_on = before.state in (*TAKEN, "waiting_customer") and before.owner not in (None, self.ticket.owner)
        self.bounces += others or worked_on
        assert before.state not in SETTLED

    @invariant()
    def versions_have_no_gap_and_the_last_line_is_the_ticket(self) -> None:
        assert [one.version for one in self.history] == list(range(1, self.ticket.version + 1))
        last = self.history[-1]
        assert (last.after, last.owner, last.departments) == (
            self.ticket.state,
            self.ticket.owner,
            self.ticket.departments,
        )
        assert all(one.actor and one.at for one in self.history)

    @invariant()
    def bounces_are_counted(self) -> None:
        assert self.ticket.bounced == self.bounces

    @invariant()
    def bounces_are_found_again_in_the_history(self) -> None:
        assert len(bounces(self.history)) == self.bounces

    @invariant()
    def the_queues_account_for_every_minute_that_was_not_settled(self) -> None:
        queues = time_in_queue(self.history, self.now)
        one_by_one = time_in_queue([replace(one, departments=("all",)) for one in self.history], self.now)
        assert sum(queues.values()) == sum(one_by_one.values()) <= (self.now - AT).total_seconds()

    @invariant()
    def only_what_is_closed_has_a_time_of_closing(self) -> None:
        assert (self.ticket.closed_at is not None) == (self.ticket.state == "closed")


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
