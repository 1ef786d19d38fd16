"""A customer is asked once whether a resolution holds, the first answer decides, and silence is no consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chalicelib.domain.cases import verification
from chalicelib.domain.cases.ticket import CUSTOMER, SYSTEM, Resolution, Ticket, completed, walk
from chalicelib.domain.cases.verification import LIFETIME, MOST_NOTES, QUESTION, Ask, Rules
from chalicelib.domain.ids import child_ticket_id
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.errors import Conflict, Invalid, NotFound, Retryable
from chalicelib.services.cases.follow_parts import WholeCases
from chalicelib.services.page.page_links import PageLinks
from chalicelib.services.verification.answer_links import PURPOSE, AnswerLinks
from chalicelib.services.verification.ask_customer import AskCustomer, Leave
from chalicelib.services.verification.take_answer import TakeAnswer, Taken
from tests import builders
from tests.builders import AT, WORKSPACE
from tests.builders_admin import FakeVault
from tests.fakes.cases import FakeCases
from tests.fakes.fetches import FakeDue
from tests.fakes.tickets import FakeClock, FakeTickets

ID = builders.ticket().id
DONE = Resolution("thin carton", "sent another")
ASKING = builders.endpoint(events=("verification.asked",))
DAY = timedelta(days=1)


class World:
    """One case that is ``resolved`` by hand; ``follow`` tells of its change, ``sleep`` lets due rows come."""

    def __init__(self, *endpoints: Endpoint, rules: Rules | None = None, **changes: Any) -> None:
        self.clock, self.tickets, self.cases, self.due = FakeClock(AT), FakeTickets(), FakeCases(), FakeDue()
        self.listeners = list(endpoints)
        self.known = rules or Rules()
        self.voice: Feedback | None = builders.feedback(customer_ref="CUST-1")
        self.leave = Leave(given=True)
        self.claims: list[str] = []
        self.put(replace(builders.ticket(state="in_progress"), **changes))
        self.asking = AskCustomer(
            self.tickets, self, self, lambda _: self.known, self.due, self.clock, take_leave=self._take_leave
        )
        self.taking = TakeAnswer(self.tickets, self.cases, lambda _: self.known, self.clock)

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        return self.voice

    def endpoints(self, workspace: str) -> list[Endpoint]:
        return self.listeners

    def _take_leave(self, ticket: Ticket, claim: str) -> Leave:
        self.claims.append(claim)
        return self.leave

    @property
    def ticket(self) -> Ticket:
        return self.tickets.rows[WORKSPACE, ID]

    def put(self, ticket: Ticket) -> None:
        self.tickets.rows[WORKSPACE, ID] = ticket

    def move(self, *states: str, given: Resolution = DONE) -> None:
        step = walk(self.ticket, states, actor="ky_one", at=self.clock(), given=given)
        assert self.tickets.update(step.ticket, step.moves, expected_version=self.ticket.version)

    def follow(self) -> str | None:
        return self.asking.follow({"workspace": WORKSPACE, "ticket_id": ID, "state": self.ticket.state})

    def resolved(self, given: Resolution = DONE) -> str | None:
        self.move("resolved", given=given)
        return self.follow()

    def sleep(self, wait: timedelta) -> list[str]:
        """What the due rows of that time came to, in order, each handled twice as a queue may do."""
        until, told = self.clock.now + wait, []
        while True:
            rows = sorted(key for key in self.due.rows if key[0] + timedelta(minutes=1) <= until)
            if not rows:
                break
            minute, _ = rows[0]
            queue, body = self.due.rows.pop(rows[0])
            assert queue == "cases"
            self.clock.now = max(self.clock.now, minute + timedelta(minutes=1))
            told.append(self.asking.wake(body))
            self.asking.wake(body)
        self.clock.now = until
        return told

    def answer(self, answer: str, **more: Any) -> Taken:
        return self.taking(WORKSPACE, ID, answer, **{"via": "page", **more})

    @property
    def notes(self) -> list[str]:
        return [one.text for one in self.cases.written.get((WORKSPACE, ID), [])]


class Listening(World):
    """An endpoint asks the customer for us."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(ASKING, **changes)


def lines(world: World) -> list[tuple[str, str, str | None]]:
    return [(one.after, one.actor, one.reason) for one in world.tickets.moves(WORKSPACE, ID)]


# --- asking -------------------------------------------------------------------------------------------------------


def test_a_resolved_case_asks_its_customer_once() -> None:
    world = Listening()
    assert (world.resolved(), world.follow(), world.follow()) == ("asked", "waiting", "waiting")
    ticket = world.ticket
    assert (ticket.state, ticket.change, ticket.asked_at) == ("verifying", "asked", AT)
    assert ticket.answer_by == AT + 3 * DAY
    assert lines(world)[-1] == ("verifying", SYSTEM, "verification.asked")
    assert world.claims == [f"verification-{ID}-0"]
    assert len(world.due.rows) == 1


def test_without_an_answer_it_is_closed_and_nobody_is_called_satisfied() -> None:
    world = Listening()
    world.resolved()
    world.follow()
    assert world.sleep(3 * DAY - timedelta(minutes=1)) == []
    assert world.sleep(timedelta(minutes=3)) == ["no_answer"]
    assert (world.ticket.state, world.ticket.verification) == ("closed", "no_answer")
    assert lines(world)[-1] == ("closed", SYSTEM, "no_answer")


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("nobody_listens", {"listeners": []}),
        ("nobody_listens", {"listeners": [builders.endpoint(events=("ticket.opened",))]}),
        ("nobody_listens", {"listeners": [replace(ASKING, state="paused")]}),
        ("nobody_listens", {"listeners": [replace(ASKING, settings={"filter": {"departments": ["nobody"]}})]}),
        ("nobody_to_ask", {"voice": None}),
        ("nobody_to_ask", {"voice": builders.feedback(customer_ref=None, contact=None)}),
        ("disabled", {"known": Rules(enabled=False)}),
        ("no_leave", {"leave": Leave(given=False)}),
    ],
)
def test_where_nobody_can_be_asked_it_waits_as_long_and_is_closed_as_not_asked(
    why: str, changes: dict[str, Any]
) -> None:
    world = Listening()
    for name, value in changes.items():
        setattr(world, name, value)
    assert world.resolved() == why
    assert (world.ticket.state, world.ticket.asked_at) == ("resolved", None)
    assert world.sleep(3 * DAY + timedelta(minutes=2)) == ["not_asked"]
    assert (world.ticket.state, world.ticket.verification) == ("closed", "not_asked")
    assert [after for after, *_ in lines(world)][-2:] == ["verifying", "closed"]


def test_a_customer_who_may_be_asked_only_later_is_asked_then() -> None:
    world = Listening()
    world.leave = Leave(given=False, next_at=AT + timedelta(hours=10))
    assert world.resolved() == "no_leave"
    world.leave = Leave(given=True)
    assert world.sleep(timedelta(hours=11)) == ["asked"]
    assert set(world.claims) == {f"verification-{ID}-0"}


def test_leave_that_comes_too_late_closes_it_in_time() -> None:
    world = Listening()
    world.leave = Leave(given=False, next_at=AT + 9 * DAY)
    world.resolved()
    assert world.sleep(3 * DAY + timedelta(minutes=2)) == ["not_asked"]


def test_what_lacks_its_root_cause_is_completed_first() -> None:
    world = Listening()
    assert world.resolved(given=Resolution()) == "incomplete"
    assert world.due.rows == {}
    step = completed(world.ticket, DONE, actor="ky_one", at=AT)
    assert step is not None
    world.tickets.update(step.ticket, step.moves, expected_version=world.ticket.version)
    assert world.follow() == "asked"


def test_a_part_of_a_case_asks_nobody() -> None:
    world = Listening(parent="tk_whole")
    assert world.resolved() == "part"


@pytest.mark.parametrize("state", ["open", "accepted", "closed", "reopened"])
def test_other_changes_are_nothing_to_it(state: str) -> None:
    world = Listening()
    assert world.asking.follow({"workspace": WORKSPACE, "ticket_id": ID, "state": state}) is None
    assert world.asking.follow({"workspace": WORKSPACE, "ticket_id": ID, "state": "resolved"}) == "moved_on"
    assert world.asking.follow({"workspace": WORKSPACE, "ticket_id": "tk_none", "state": "resolved"}) == "gone"


def test_a_person_who_asks_by_hand_has_as_long() -> None:
    world = World()
    world.move("resolved", "verifying")
    assert world.follow() == "waiting"
    assert world.sleep(4 * DAY) == ["no_answer"]


def test_the_row_of_an_earlier_resolution_is_stale() -> None:
    world = Listening()
    world.resolved()
    world.follow()
    world.answer("not_solved")
    world.move("in_progress", "resolved")
    world.clock.forward(days=2)
    assert world.follow() == "asked"
    assert world.sleep(2 * DAY) == ["stale"]
    assert world.ticket.state == "verifying"


def test_who_keeps_losing_comes_again() -> None:
    world = Listening()
    world.move("resolved")
    world.tickets.lose = 99
    with pytest.raises(Retryable, match="The ticket keeps changing") as error:
        world.follow()
    assert error.value.code == "contended"


def test_closing_by_hand_what_was_asked_is_no_satisfaction() -> None:
    world = Listening()
    world.resolved()
    world.move("closed")
    assert world.ticket.verification == "no_answer"


# --- answering ----------------------------------------------------------------------------------------------------


def test_solved_closes_the_case_as_satisfied() -> None:
    world = Listening()
    world.resolved()
    taken = world.answer("solved", words="谢谢，我的手机 13987254361")
    assert (taken.code, taken.ticket) == ("ok", world.ticket)
    assert (world.ticket.state, world.ticket.verification) == ("closed", "satisfied")
    assert (world.ticket.answered_at, world.ticket.change) == (AT, "moved")
    assert lines(world)[-1] == ("closed", CUSTOMER, "solved, page")
    assert world.notes == ["谢谢，我的手机 〔手机号〕"]
    assert world.cases.written[WORKSPACE, ID][0].by == CUSTOMER


def test_not_solved_takes_the_case_up_again() -> None:
    world = Listening()
    world.resolved()
    world.answer("not_solved", via="ep_one")
    ticket = world.ticket
    assert (ticket.state, ticket.verification, ticket.reopened) == ("reopened", "unsatisfied", 1)
    assert (ticket.root_cause, ticket.asked_at) == (None, None)
    assert lines(world)[-1] == ("reopened", CUSTOMER, "not_solved, ep_one")
    world.move("in_progress", "resolved")
    assert world.ticket.verification == "not_asked", "the new resolution has not been asked about"


@pytest.mark.parametrize("answer", ["solved", "not_solved"])
def test_the_same_answer_again_is_no_news(answer: str) -> None:
    world = Listening()
    world.resolved()
    first = world.answer(answer, number=0)
    world.clock.forward(days=20)
    again = world.answer(answer, number=0, words="once more")
    assert (again.code, again.ticket) == ("duplicate", first.ticket)
    world.answer(answer, words="once more")
    assert world.notes == ["once more"], "the same words once"


def test_whoever_has_the_link_writes_over_no_words_of_the_customer_and_fills_no_ticket() -> None:
    world = Listening()
    world.resolved()
    world.answer("solved", words="the customer's")
    for number in range(20):
        world.answer("solved", words=f"a stranger's {number}")
        world.taking.keep_late(WORKSPACE, ID, f"late {number}")

    assert world.notes[0] == "the customer's"
    assert len(world.notes) == 2 * MOST_NOTES
    ids = [one.id for one in world.cases.written[WORKSPACE, ID] if not one.text.startswith("late")]
    assert ids == sorted(ids), "in the order in which they were said"


def test_a_changed_answer_reopens_within_its_days_and_never_closes() -> None:
    world = Listening()
    world.resolved()
    world.answer("solved")
    world.clock.forward(days=6, hours=23)
    assert world.answer("not_solved", number=0).ticket.state == "reopened"
    with pytest.raises(Conflict, match="said that it is not solved") as error:
        world.answer("solved", number=0)
    assert error.value.code == "already_answered"


def test_after_those_days_the_case_stays_closed() -> None:
    world = Listening()
    world.resolved()
    world.answer("solved")
    world.clock.forward(days=7)
    with pytest.raises(Conflict, match="not open any more") as error:
        world.answer("not_solved")
    assert error.value.code == "answer_late"


def test_a_late_word_of_a_silent_customer_still_counts() -> None:
    world = Listening()
    world.resolved()
    world.follow()
    world.sleep(4 * DAY)
    late = world.answer("solved").ticket
    assert (late.state, late.verification, late.change) == ("closed", "satisfied", "verified")
    assert lines(world)[-1] == ("closed", CUSTOMER, "solved, page")


def test_an_answer_about_an_earlier_resolution_is_none_about_this_one() -> None:
    world = Listening()
    world.resolved()
    world.answer("not_solved", number=0)
    world.move("in_progress", "resolved")
    for answer in ("solved", "not_solved"):
        with pytest.raises(Conflict, match="not open any more") as error:
            world.answer(answer, number=0)
        assert error.value.code == "answer_late"
    assert world.answer("solved", number=1).code == "ok"


def test_a_case_that_nobody_calls_solved_has_no_answer() -> None:
    world = Listening()
    with pytest.raises(Conflict, match="Nobody has said") as error:
        world.answer("solved")
    assert error.value.code == "nothing_to_verify"
    with pytest.raises(Invalid, match="solved or not_solved") as unknown:
        world.answer("maybe")
    assert unknown.value.code == "unknown_answer"
    with pytest.raises(NotFound, match="no such thing"):
        world.taking(WORKSPACE, "tk_none", "solved", via="page")


def test_a_satisfied_customer_waits_for_no_paperwork_of_ours() -> None:
    world = Listening()
    world.resolved(given=Resolution())
    world.move("verifying", given=Resolution())
    world.answer("solved")
    assert (world.ticket.state, world.ticket.verification) == ("verifying", "satisfied")
    assert world.follow() == "incomplete"
    step = completed(world.ticket, DONE, actor="ky_one", at=AT)
    assert step is not None
    world.tickets.update(step.ticket, step.moves, expected_version=world.ticket.version)
    assert world.follow() == "closed"
    assert (world.ticket.state, world.ticket.verification) == ("closed", "satisfied")


def reopened_part(**changes: Any) -> tuple[Listening, Ticket]:
    """A case that waits for its customer, of which a part was taken up a moment ago."""
    world = Listening(parts=("logistics",))
    part = builders.ticket(id=child_ticket_id(WORKSPACE, "fb_one", "logistics"), parent=ID, **changes)
    world.tickets.rows[WORKSPACE, part.id] = part
    cases = WholeCases(world.tickets, world.clock)
    world.asking, world.taking = replace(world.asking, tickets=cases), replace(world.taking, tickets=cases)
    world.resolved()
    world.follow()
    return world, part


def test_a_customer_who_is_satisfied_while_a_part_is_taken_up_is_heard_and_the_case_closed_when_the_part_is_done() -> (
    None
):
    world, part = reopened_part(state="reopened")
    taken = world.answer("solved", words="谢谢")
    assert (taken.code, taken.ticket.state, taken.ticket.verification) == ("ok", "verifying", "satisfied")
    assert (world.answer("solved").code, world.notes) == ("duplicate", ["谢谢"])
    assert lines(world)[-1] == ("verifying", CUSTOMER, "solved, page")
    assert world.follow() == "parts_open"
    step = walk(part, ("in_progress", "resolved"), actor="ky_one", at=AT, given=DONE)
    assert world.tickets.update(step.ticket, step.moves, expected_version=part.version)
    assert world.sleep(timedelta(minutes=10))[0] == "closed"
    assert (world.ticket.state, world.ticket.verification) == ("closed", "satisfied")
    assert world.tickets.rows[WORKSPACE, part.id].verification == "satisfied"


def test_a_wait_that_ends_while_a_part_is_taken_up_is_looked_at_again() -> None:
    world, part = reopened_part(state="reopened")
    assert world.sleep(3 * DAY + timedelta(minutes=2)) == ["parts_open"]
    assert world.ticket.state == "verifying"
    step = walk(part, ("in_progress", "resolved"), actor="ky_one", at=AT, given=DONE)
    assert world.tickets.update(step.ticket, step.moves, expected_version=part.version)
    assert world.sleep(timedelta(minutes=10)) == ["no_answer"]


def test_what_is_kept_of_it_survives_the_table() -> None:
    from chalicelib.storage.cases.ticket_rows import ticket_of, ticket_row

    world = Listening()
    world.resolved()
    assert ticket_of(ticket_row(world.ticket)) == world.ticket


# --- the question -------------------------------------------------------------------------------------------------


def questions(now: list[datetime], rules: Rules | None = None) -> AnswerLinks:
    links = PageLinks(FakeVault(), lambda: now[0], purpose=PURPOSE, lifetime=LIFETIME)
    return AnswerLinks(links, lambda _: rules or Rules(), "https://cx.example.com")


def test_the_question_is_the_playbooks_in_the_customers_language_and_the_same_for_every_attempt() -> None:
    now, world = [AT], Listening(workspace="acme")
    world.resolved()
    links = questions(now)
    ask = links.ask(world.ticket, replace(builders.feedback(), lang="en"), builders.playbook())
    assert isinstance(ask, Ask)
    assert (ask.question, ask.lang, ask.answer_by) == (builders.playbook().question, "en", AT + 3 * DAY)
    now[0] += timedelta(hours=30)
    assert links.ask(world.ticket, replace(builders.feedback(), lang="en"), builders.playbook()) == ask
    assert links.read(ask.url.rpartition("/")[2]) == ("acme", ID, 0)
    assert ask.url not in repr(ask)


def test_without_a_playbook_the_workspace_or_we_ask() -> None:
    own = {"zh-CN": "好了吗？", "en": "All good?"}
    assert verification.question_of(None, Rules(question=own)) == own
    assert verification.question_of(None, Rules()) == QUESTION
    assert verification.language_of(None) == "zh-CN"


def test_a_question_that_is_not_open_is_not_sent() -> None:
    world = Listening()
    world.resolved()
    links = questions([AT])
    for changed in ({"state": "closed"}, {"asked_at": None}):
        assert links.ask(replace(world.ticket, **changed), None, None) is None


def test_a_link_to_the_ticket_answers_nothing_and_ends() -> None:
    now = [AT]
    links, page = questions(now), PageLinks(FakeVault(), lambda: now[0])
    with pytest.raises(NotFound, match="no such thing"):
        links.read(page.make("acme", f"{ID}-0", AT))
    mine = links.make(builders.ticket(workspace="acme"), AT)
    now[0] += LIFETIME
    with pytest.raises(NotFound, match="no such thing"):
        links.read(mine)


# --- whatever comes in whatever order -----------------------------------------------------------------------------


class Verified(RuleBasedStateMachine):
    """Owners, customers, clocks and copies of messages at one case."""

    @initialize(listens=st.booleans())
    def begin(self, listens: bool) -> None:
        self.world = Listening() if listens else World()
        self.asked: dict[int, datetime] = {}
        self.said: dict[int, str] = {}  # the last answer that counted, by resolution

    @rule(given=st.sampled_from([DONE, Resolution()]))
    def resolve(self, given: Resolution) -> None:
        state = self.world.ticket.state
        way = {"in_progress": ("resolved",), "reopened": ("in_progress", "resolved")}.get(state)
        if way:
            self.world.move(*way, given=given)

    @rule()
    def complete(self) -> None:
        step = completed(self.world.ticket, DONE, actor="ky_one", at=self.world.clock())
        if step:
            self.world.tickets.update(step.ticket, step.moves, expected_version=self.world.ticket.version)

    @rule(copies=st.integers(1, 3))
    def told(self, copies: int) -> None:
        for _ in range(copies):
            self.world.follow()

    @rule(hours=st.integers(1, 100))
    def later(self, hours: int) -> None:
        self.world.sleep(timedelta(hours=hours))

    @rule(answer=st.sampled_from(verification.ANSWERS), late=st.integers(0, 2))
    def answered(self, answer: str, late: int) -> None:
        """Through the link of this resolution or an older one."""
        before = self.world.ticket
        number = max(before.reopened - late, 0)
        try:
            taken = self.world.answer(answer, number=number)
        except Conflict:
            assert self.world.ticket == before
            return
        if taken.code == "ok":
            assert self.said.get(number) != "not_solved", "nothing counts after it"
            assert (number in self.said) <= (answer == "not_solved"), "a changed answer only reopens"
            self.said[number] = answer

    @rule()
    def taken_up(self) -> None:
        if self.world.ticket.state in ("resolved", "verifying", "closed"):
            self.world.move("reopened")

    @invariant()
    def is_true(self) -> None:
        ticket = self.world.ticket
        if ticket.asked_at is not None:
            assert self.asked.setdefault(ticket.reopened, ticket.asked_at) == ticket.asked_at, "asked once"
        if ticket.verification == "satisfied":
            assert self.said[ticket.reopened] == "solved"
        if ticket.verification == "unsatisfied":
            assert self.said[ticket.reopened - 1] == "not_solved"
        if ticket.state == "closed":
            assert not ticket.incomplete
            assert (ticket.verification == "satisfied") == (self.said.get(ticket.reopened) == "solved")
        versions = [one.version for one in self.world.tickets.moves(WORKSPACE, ID)]
        assert versions == list(range(2, ticket.version + 1)), "history without gaps"

    def teardown(self) -> None:
        """Nothing that is resolved and complete waits for ever."""
        if not hasattr(self, "world"):
            return
        self.world.follow()
        self.world.follow()
        self.world.sleep(5 * DAY)
        ticket = self.world.ticket
        assert ticket.incomplete or ticket.state in ("closed", "in_progress", "reopened"), ticket.state


Verified.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestVerified = Verified.TestCase
