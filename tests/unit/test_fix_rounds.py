"""From a declared fix to its verdict, and back when the complaints are: counted hours in, moves of the issue out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.domain.events import ticket_events
from chalicelib.domain.issues.effect import Claim, Group, Kept, Span
from chalicelib.domain.issues.issue import Issue, IssueLink, Scope
from chalicelib.domain.workspaces.organisation import Organisation, Unit
from chalicelib.errors import Conflict, Invalid, NotFound, Rejected, Retryable
from chalicelib.services.issues import judge_effect
from chalicelib.services.issues.count_complaints import (
    A_BATCH,
    A_PART,
    AT_ONCE,
    Bound,
    Count,
    CountComplaints,
    as_message,
    from_message,
)
from chalicelib.services.issues.declare_fixed import DeclareFixed
from chalicelib.services.issues.judge_effect import JudgeEffect
from chalicelib.services.issues.watch_recurrence import WatchRecurrence
from chalicelib.storage.issues.effects import _doc, _kept
from tests.builders import WORKSPACE, ticket
from tests.builders_issues import issue
from tests.fakes.effects import FakeEffects, FakeExposures, FakeHours
from tests.fakes.fetches import FakeDue
from tests.fakes.issues import FakeIssues
from tests.fakes.tickets import FakeTickets

ON = date(2026, 8, 1)
OPENED = datetime(2026, 7, 10, 2, tzinfo=timezone.utc)
TOPIC = "logistics.damage"
UNITS = (
    Unit("cn"),
    Unit("cn/1", kind="shop"),
    Unit("cn/2", kind="shop"),
    Unit("cn/3", kind="shop", time_zone="America/New_York"),
)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=timezone.utc)  # 12:00 in Shanghai


@dataclass
class World:
    """A workspace in Shanghai with an issue about damaged parcels that is being fixed."""

    office: Organisation = field(default_factory=lambda: Organisation(version=1, units=UNITS))
    issues: FakeIssues = field(default_factory=FakeIssues)
    claims: FakeEffects = field(default_factory=FakeEffects)
    exposures: FakeExposures = field(default_factory=FakeExposures)
    hours: FakeHours = field(default_factory=FakeHours)
    tickets: FakeTickets = field(default_factory=FakeTickets)
    due: FakeDue = field(default_factory=FakeDue)
    now: datetime = field(default_factory=lambda: noon(ON))

    def __post_init__(self) -> None:
        self.put(opened_at=OPENED, first_seen=OPENED)
        self.complaints = CountComplaints(
            self.hours, self.exposures, lambda workspace: self.office, self.issues, self.tickets
        )
        self.judge = JudgeEffect(self.issues, self.claims, self.complaints, self.due, lambda: self.now)
        self.declare = DeclareFixed(self.issues, self.claims, self.complaints, self.judge, lambda: self.now)
        self.watch = WatchRecurrence(
            self.issues,
            self.claims,
            self.complaints,
            self.tickets,
            self.due,
            lambda: self.now,
            lambda workspace, topic: self.claims.watching(workspace, topic, self.now),
        )

    def put(self, **changes: Any) -> Issue:
        values = {"state": "fixing", "version": 4, "scope": Scope((TOPIC,)), "workspace": WORKSPACE}
        made = issue(**{**values, **changes})
        self.issues.rows[WORKSPACE, made.id] = made
        return made

    @property
    def issue(self) -> Issue:
        (found,) = self.issues.rows.values()
        return found

    def complain(self, first: int, days: int, count: int, unit: str = "cn/1", topic: str = TOPIC) -> None:
        """``count`` complaints on each of ``days`` days, from so many days after the fix."""
        self.hours.daily(WORKSPACE, unit, topic, noon(ON + timedelta(days=first)), days, count)

    def fixed(self, **changes: Any) -> Kept:
        made = Claim(**{"on": ON, "reopened": 0, "by": "ky_one", "at": self.now, **changes})
        return self.declare(WORKSPACE, self.issue.id, made, version=self.issue.version)[1]

    def next(self) -> str:
        """What the next due row comes to, at its minute."""
        ((at, key), (queue, body)) = min(self.due.rows.items())
        del self.due.rows[at, key]
        assert queue == "cases"
        self.now = at
        handlers: dict[str, Callable[[Any], str]] = {"effect": self.judge, "recurrence": self.watch}
        return handlers[body["kind"]](body)

    def last_line(self) -> Any:
        return self.issues.moves(WORKSPACE, self.issue.id)[-1]

    def ticket_opened(self, **changes: Any) -> str | None:
        made = ticket(workspace=WORKSPACE, **{"topics": (TOPIC,), **changes})
        self.tickets.rows[WORKSPACE, made.id] = made
        return self.watch.follow(ticket_events(made)[0].as_detail())


@pytest.fixture
def world() -> World:
    return World()


def counted(world: World, claim: Claim, first: date, last: date) -> tuple[Group, Group | None]:
    """Complaints and exposures of the treated units and of the controls."""
    places = world.complaints.places(world.issue, claim)
    return world.complaints.count(world.issue, places, (first, last), Count(last), AT_ONCE).groups


def die(*args: Any, **kwargs: Any) -> None:
    raise Retryable("The table did not take the request.", code="table_unavailable")


def accepted(world: World) -> None:
    world.complain(-90, 90, 2)
    world.complain(0, 32, 1)
    world.fixed()
    assert world.next() == "accepted"


class TestDeclaring:
    def test_moves_the_issue_says_the_terms_and_plans_the_day_of_the_verdict(self, world: World) -> None:
        world.complain(-90, 90, 2)
        kept = world.fixed(guard_days=5)
        assert world.issue.state == "fixed"
        assert world.last_line().numbers == {
            "on": "2026-08-01",
            "expected": 0.5,
            "margin": 0.2,
            "guard_days": 5,
            "baseline_days": 28,
        }
        assert kept.claim.peaks == (Span(date(2026, 7, 3), date(2026, 7, 10)),)
        ((at, _),) = world.due.rows
        assert at.isoformat() == "2026-09-04T04:00:00+08:00", "five days, four weeks, one to settle; Shanghai's morning"

    @pytest.mark.parametrize(
        ("changes", "code", "said"),
        [
            ({"on": ON + timedelta(days=1)}, "fix_in_future", "What is to be fixed is not fixed yet."),
            ({"on": ON - timedelta(days=181)}, "fix_too_old", "A fix is declared within 180 days."),
            ({"margin": 0.6}, "margin_over_expected", "More is agreed than is expected."),
        ],
    )
    def test_terms_that_cannot_be_are_refused(
        self, world: World, changes: dict[str, Any], code: str, said: str
    ) -> None:
        with pytest.raises(Invalid, match=said) as refused:
            world.fixed(**changes)
        assert refused.value.code == code
        assert (world.issue.state, world.claims.rows, world.due.rows) == ("fixing", {}, {})

    def test_another_version_or_state_is_refused(self, world: World) -> None:
        made = Claim(on=ON, reopened=0, by="ky_one", at=world.now)
        cases: list[tuple[Callable[[], object], type[Rejected], str]] = [
            (lambda: world.declare(WORKSPACE, world.issue.id, made, version=3), Conflict, "version_conflict"),
            (lambda: world.declare(WORKSPACE, "is_none", made, version=4), NotFound, "not_found"),
        ]
        for declare, kind, code in cases:
            with pytest.raises(kind) as refused:
                declare()
            assert refused.value.code == code
        world.issues.lose = 1
        with pytest.raises(Conflict, match="another version by now"):
            world.fixed()
        world.put(state="open")
        with pytest.raises(Conflict, match="cannot become fixed") as illegal:
            world.fixed()
        assert "accepted" in illegal.value.allowed
        assert world.claims.rows == {}

    def test_terms_are_not_set_anew_when_numbers_are_in_but_a_lost_claim_is_made_up_for(self, world: World) -> None:
        world.fixed()
        with pytest.raises(Conflict, match="declared fixed already") as refused:
            world.fixed(margin=0)
        assert refused.value.code == "already_claimed"
        world.claims.rows.clear()  # it died between the move and the claim
        assert world.fixed().claim.margin == 0.2

    @pytest.mark.parametrize(("before", "verdict", "state"), [(2, "accepted", "closed"), (0, "too_early", "fixed")])
    def test_what_can_be_told_at_once_is_judged_at_once(
        self, world: World, before: int, verdict: str, state: str
    ) -> None:
        world.complain(-90, 90, before)
        world.now = noon(ON + timedelta(days=60))
        world.fixed()
        assert world.next() == verdict
        assert (world.issue.state, world.due.rows) == (state, {})
        assert world.claims.rows[WORKSPACE, world.issue.id].numbers is not None

    def test_a_claim_that_was_kept_is_judged_whatever_broke(self, world: World) -> None:
        world.complain(-90, 90, 2)
        put, world.claims.put = world.claims.put, die  # type: ignore[method-assign]
        with pytest.raises(Retryable):
            world.fixed()
        world.claims.put = put  # type: ignore[method-assign]
        assert world.issue.state == "fixed"
        world.fixed()
        add, world.due.add = world.due.add, die  # type: ignore[method-assign]
        world.put(state="fixing", reopened=1, version=7)
        with pytest.raises(Retryable):
            world.fixed()
        assert world.claims.rows[WORKSPACE, world.issue.id].claim.reopened == 0, "no claim that nobody would judge"
        world.due.add = add  # type: ignore[method-assign]
        assert world.fixed().claim.reopened == 1

    def test_what_brought_it_back_is_left_out_of_the_next_baseline(self, world: World) -> None:
        accepted(world)
        world.complain(40, 3, 9)
        world.now = noon(ON + timedelta(days=42))
        world.ticket_opened()
        assert world.next() == "returned"
        back = world.now.date()
        world.put(version=world.issue.version, state="fixing", reopened=1, opened_at=OPENED, first_seen=OPENED)
        world.now = noon(ON + timedelta(days=60))
        peaks = world.fixed(on=ON + timedelta(days=60)).claim.peaks
        assert [peak.last for peak in peaks] == [date(2026, 7, 10), back]
        assert peaks[1].first <= back - timedelta(days=6)


class TestTheVerdict:
    def test_an_accepted_fix_closes_the_issue_with_the_numbers(self, world: World) -> None:
        accepted(world)
        line = world.last_line()
        assert (line.before, line.after, line.actor) == ("fixed", "closed", "echoloop")
        assert (line.numbers["before"]["complaints"], line.numbers["after"]["complaints"]) == (56, 28)
        assert line.reason == "投诉率确有下降，且达到约定幅度 / The rate is lower, by the agreed margin at least."
        kept = world.claims.rows[WORKSPACE, world.issue.id]
        assert kept.numbers == line.numbers
        assert kept.level is not None
        assert (kept.level.events, kept.level.days, kept.level.since) == (28, 28, ON + timedelta(days=31))
        assert world.due.rows == {}

    def test_one_that_does_nothing_reopens_it_with_the_numbers(self, world: World) -> None:
        world.complain(-90, 190, 2)
        world.fixed()
        assert world.next() == "not_accepted"
        assert (world.issue.state, world.issue.reopened) == ("reopened", 1)
        assert (world.last_line().numbers["reason"], world.last_line().numbers["ratio"]) == ("not_lower", 1.0)
        assert world.claims.watches == {}

    def test_one_that_cannot_be_told_stays_fixed_and_has_the_numbers_as_evidence_once(self, world: World) -> None:
        for number in range(-90, 300, 9):
            world.complain(number, 1, 1)
        world.fixed()
        before = len(world.issue.evidence)
        assert world.next() == "too_early"
        assert world.issue.state == "fixed"
        assert world.issue.evidence[-1].numbers["reason"] == "thin"
        assert world.judge({"workspace": WORKSPACE, "issue": world.issue.id, "reopened": 0}) == "too_early"
        assert (len(world.issue.evidence), world.due.rows) == (before + 1, {})

    def test_a_message_of_another_round_or_of_a_decided_issue_is_stale(self, world: World) -> None:
        world.complain(-90, 90, 2)
        world.fixed()
        message = {"workspace": WORKSPACE, "issue": world.issue.id, "reopened": 0}
        assert world.judge({**message, "reopened": 1}) == "stale"
        assert world.judge({**message, "issue": "is_none"}) == "stale"
        assert world.next() == "accepted"
        assert world.judge(message) == "stale"
        assert len(world.issues.moves(WORKSPACE, world.issue.id)) == 2

    def test_a_lost_race_is_tried_again_and_ends_the_same(self, world: World) -> None:
        world.complain(-90, 90, 2)
        world.fixed()
        world.now += timedelta(days=60)
        message = {"workspace": WORKSPACE, "issue": world.issue.id, "reopened": 0}
        world.issues.lose = 1
        with pytest.raises(Retryable, match="The issue keeps changing"):
            world.judge(message)
        assert world.judge(message) == "accepted"
        assert world.issue.state == "closed"

    def test_a_message_before_its_day_waits_for_it(self, world: World) -> None:
        world.complain(-90, 90, 2)
        world.fixed()
        (row,) = world.due.rows
        body = world.due.rows.pop(row)[1]
        assert world.judge(body) == "too_early"
        assert list(world.due.rows) == [row]

    def test_the_numbers_are_live_until_they_are_judged_and_then_stay(self, world: World) -> None:
        world.complain(-90, 90, 2)
        world.fixed()
        assert world.declare.read(WORKSPACE, world.issue.id)[2]["days_more"] == 32
        world.now += timedelta(days=30)
        assert world.declare.read(WORKSPACE, world.issue.id)[2]["days_more"] == 2
        world.next()
        judged = world.declare.read(WORKSPACE, world.issue.id)[2]
        world.complain(10, 5, 50)
        assert world.declare.read(WORKSPACE, world.issue.id)[2] == judged
        with pytest.raises(NotFound):
            world.declare.read(WORKSPACE, "is_none")


class TestWhatComesBack:
    def test_tickets_of_an_hour_are_one_look_and_complaints_that_return_reopen_it(self, world: World) -> None:
        accepted(world)
        world.now = noon(ON + timedelta(days=42))
        assert world.ticket_opened() == "watched"
        assert world.ticket_opened(id="tk_two", topics=(TOPIC + ".crushed",)) == "watched"
        assert len(world.due.rows) == 1
        assert world.next() == "holds"
        assert timedelta() < world.now - noon(ON + timedelta(days=42)) <= timedelta(hours=1)
        world.complain(40, 3, 9)
        world.now = noon(ON + timedelta(days=42)) + timedelta(hours=3)
        world.ticket_opened()
        assert world.next() == "returned"
        assert (world.issue.state, world.issue.reopened) == ("reopened", 1)
        assert world.last_line().numbers["complaints"] == 27
        assert world.last_line().reason == "27 / 7"
        assert world.ticket_opened() is None, "it is watched no more"

    def test_other_topics_parts_of_cases_and_other_events_are_nothing_to_it(self, world: World) -> None:
        accepted(world)
        assert world.ticket_opened(topics=("product.taste",)) is None
        assert world.ticket_opened(parent="tk_whole") is None
        detail = {"type": "ticket.updated", "workspace": WORKSPACE, "ticket_id": "tk_x"}
        assert world.watch.follow(detail) is None
        assert world.watch.follow({**detail, "type": "ticket.opened"}) is None

    def test_an_issue_about_everything_is_watched_by_every_ticket(self, world: World) -> None:
        world.put(scope=Scope(), opened_at=OPENED, first_seen=OPENED)
        accepted(world)
        assert world.ticket_opened(topics=()) == "watched"

    def test_praise_of_what_was_fixed_brings_nothing_back(self, world: World) -> None:
        accepted(world)
        assert world.ticket_opened(complained=False) is None

    def test_what_somebody_has_reopened_meanwhile_is_stale_and_a_lost_race_tried_again(self, world: World) -> None:
        accepted(world)
        world.complain(40, 3, 9)
        world.now = noon(ON + timedelta(days=42))
        message = {"workspace": WORKSPACE, "issue": world.issue.id}
        world.issues.lose = 1
        with pytest.raises(Retryable, match="The issue keeps changing"):
            world.watch(message)
        closed = world.issue
        world.issues.rows[WORKSPACE, closed.id] = replace(closed, state="reopened")
        assert world.watch(message) == "stale"

    def test_a_year_later_nobody_watches(self, world: World) -> None:
        accepted(world)
        world.now += timedelta(days=366)
        assert world.ticket_opened() is None


class TestWhatIsCounted:
    DAY = ON - timedelta(days=10)

    def count(self, world: World, **changes: Any) -> tuple[dict[date, int], dict[date, int] | None]:
        made = Claim(**{"on": ON, "reopened": 0, "by": "ky_one", "at": world.now, **changes})
        treated, controls = counted(world, made, self.DAY, self.DAY)
        return dict(treated.events), None if controls is None else dict(controls.events)

    def test_complaints_of_the_topic_and_below_it_and_no_other_or_kind_words(self, world: World) -> None:
        for topic in (TOPIC, TOPIC + ".crushed", "logistics.damaged", "logistics"):
            world.complain(-10, 1, 1, topic=topic)
        world.complain(-11, 1, 7)
        world.complain(-9, 1, 7)
        assert self.count(world) == ({self.DAY: 2}, None)

    def test_days_are_those_of_the_unit(self, world: World) -> None:
        evening = noon(self.DAY) + timedelta(hours=13)  # the next day in Shanghai, still the same in New York
        for unit in ("cn/1", "cn/3"):
            world.hours.heard(WORKSPACE, unit, evening, TOPIC)
        assert self.count(world) == ({self.DAY: 1}, None)

    def test_voices_of_no_unit_belong_to_an_issue_of_no_place_only(self, world: World) -> None:
        world.complain(-10, 1, 1, unit="-")
        world.complain(-10, 1, 2, unit="cn/2")
        assert self.count(world) == ({self.DAY: 3}, None)
        world.put(scope=Scope((TOPIC,), unit_kind="shop"))
        assert self.count(world) == ({self.DAY: 2}, None)
        world.put(scope=Scope((TOPIC,), units=("cn",)))
        assert self.count(world) == ({self.DAY: 2}, None)

    def test_controls_are_the_rest_of_the_scope_else_units_of_the_same_kind(self, world: World) -> None:
        for number, unit in enumerate(("cn/1", "cn/2", "cn/3"), start=1):
            world.complain(-10, 1, number, unit=unit)
        assert self.count(world, units=("cn/1",)) == ({self.DAY: 1}, {self.DAY: 5})
        assert self.count(world, units=("cn/1",), controls=("cn/3",)) == ({self.DAY: 1}, {self.DAY: 3})
        assert self.count(world, units=("cn/1",), controls=()) == ({self.DAY: 1}, None)
        world.put(scope=Scope((TOPIC,), units=("cn/2",)))
        assert self.count(world) == ({self.DAY: 2}, {self.DAY: 4})
        world.put(scope=Scope((TOPIC,), unit_kind="shop"))
        assert self.count(world) == ({self.DAY: 6}, None)

    def test_without_an_organisation_the_units_are_those_of_its_tickets(self, world: World) -> None:
        world.office = Organisation()
        world.complain(-10, 1, 4, unit="SH/001")
        assert self.count(world)[0] == {}
        world.tickets.rows[WORKSPACE, "tk_1"] = ticket(workspace=WORKSPACE, id="tk_1", unit="SH/001")
        for subject in ("tk_1", "tk_gone"):
            world.issues.link(IssueLink(WORKSPACE, world.issue.id, subject, "ky_one", OPENED))
        assert self.count(world)[0] == {self.DAY: 4}

    def test_exposure_counts_where_it_is_known_of_every_unit_that_says_anything(self, world: World) -> None:
        made = Claim(on=ON, reopened=0, by="ky_one", at=world.now, controls=())
        for unit in ("cn/1", "cn/2"):
            world.complain(-10, 2, 1, unit=unit)
            world.exposures.rows[WORKSPACE, unit, self.DAY] = 50
        world.exposures.rows[WORKSPACE, "cn/1", self.DAY + timedelta(days=1)] = 50
        found, _ = counted(world, made, self.DAY, self.DAY + timedelta(days=1))
        assert found.exposure == {self.DAY: 100}

    def test_a_look_reads_each_unit_once_and_only_on_its_day(self, world: World) -> None:
        accepted(world)
        declared_and_judged = 2 * (len(UNITS) + 1)
        assert world.hours.asked == declared_and_judged


class Slow:
    """The seconds that a batch has spent on units, on a function with a third of a core."""

    A_UNIT = 0.06

    def __init__(self, hours: FakeHours) -> None:
        self.hours, self.began = hours, hours.asked

    @property
    def spent(self) -> float:
        return (self.hours.asked - self.began) * self.A_UNIT

    def has_time(self) -> bool:
        return self.spent < A_BATCH


class TestManyUnits:
    """An organisation of thousands of shops: what a message reads does not grow with them."""

    MANY = 3_000
    PARTS = -(-2 * (MANY + 1) // A_PART.reads)  # two reads a unit, and those of voices of no unit

    def grow(self, world: World, count: int = MANY) -> None:
        world.office = Organisation(version=1, units=tuple(Unit(f"u{number:05}") for number in range(count)))

    def parts(self, world: World) -> list[tuple[str, int]]:
        """What each message comes to until none says that it is counting, and what it read."""
        found = []
        while not found or found[-1][0] == "counting":
            before = world.hours.asked
            found.append((world.next(), world.hours.asked - before))
        return found

    def test_an_organisation_that_outgrew_its_claim_gets_its_verdict_in_parts(self, world: World) -> None:
        self.grow(world, 10)
        world.complain(-90, 90, 2, unit="u00003")
        world.complain(0, 32, 1, unit="u00003")
        world.fixed()
        self.grow(world)
        *before, (verdict, _) = found = self.parts(world)
        assert (verdict, len(found), sum(reads for _, reads in found)) == ("accepted", self.PARTS, self.MANY + 1)
        assert {told for told, _ in before} == {"counting"}
        assert max(reads for _, reads in found) == A_PART.reads / 2
        assert (world.last_line().numbers["before"]["complaints"], world.issue.state) == (56, "closed")

    def test_a_fix_at_many_units_is_declared_and_planned_when_they_are_counted(self, world: World) -> None:
        self.grow(world, 400)
        for unit in ("u00000", "u00300", "-"):
            world.complain(-90, 90, 1, unit=unit)
        world.fixed()
        assert (world.issue.state, world.hours.asked) == ("fixed", 0)
        _, kept, told = world.declare.read(WORKSPACE, world.issue.id)
        assert (told["reason"], told["verdict_on"], kept.looked_at, world.hours.asked) == ("counting", None, None, 0)

        assert self.parts(world)[-1][0] == "too_early"
        at, asked = world.now, world.hours.asked
        world.now += timedelta(days=3)
        _, kept, told = world.declare.read(WORKSPACE, world.issue.id)
        assert (told["reason"], told["before"]["complaints"], kept.looked_at) == ("waiting", 84, at)
        planned = date.fromisoformat(told["verdict_on"])
        assert (told["days_more"], world.hours.asked) == ((planned - world.now.date()).days, asked)
        ((due, _),) = world.due.rows
        assert due.date() + timedelta(days=1) >= planned

        assert self.parts(world)[-1][0] == "accepted"
        _, kept, told = world.declare.read(WORKSPACE, world.issue.id)
        assert (told["reason"], kept.looked_at, kept.judged_at) == ("lower", None, world.now)

    def test_what_is_counted_in_parts_is_what_is_counted_at_once(self, world: World) -> None:
        world.put(scope=Scope((TOPIC,), units=("cn/1", "cn/2", "cn/3", "cn/4", "cn/5")))
        made = Claim(on=ON, reopened=0, by="ky_one", at=world.now, units=("cn/1", "cn/3", "cn/5"))
        for number, unit in enumerate(("cn/1", "cn/2", "cn/3", "cn/5")):
            world.complain(-10 + number, 5, number + 1, unit=unit)
            for day in range(-10, 0):
                if day % 4 != number:
                    world.exposures.rows[WORKSPACE, unit, ON + timedelta(days=day)] = 10.5 + number
        world.exposures.rows[WORKSPACE, "cn/4", ON - timedelta(days=5)] = 7
        days = (ON - timedelta(days=10), ON - timedelta(days=1))
        places, count = world.complaints.places(world.issue, made), Count(ON)
        passed = []
        while count.after is not None:
            told = json.loads(json.dumps(as_message(count)))
            count = world.complaints.count(world.issue, places, days, from_message(told), Bound(1, 1))
            passed.append(count.after)
        assert passed == ["cn/1", "cn/2", "cn/3", "cn/4", None]
        at_once = counted(world, made, *days)
        assert count.groups == at_once
        assert at_once[1] is not None
        assert (len(at_once[0].exposure), len(at_once[1].exposure)) == (2, 1)

    def test_busy_units_are_counted_in_smaller_parts_and_not_while_somebody_waits(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.complain(-90, 90, 2)
        world.complain(-90, 90, 2, unit="cn/2")
        monkeypatch.setattr(judge_effect, "AT_ONCE", Bound(600, 20))
        monkeypatch.setattr(judge_effect, "A_PART", Bound(100, 20))
        world.fixed()
        assert world.declare.read(WORKSPACE, world.issue.id)[2]["reason"] == "counting"
        assert [told for told, _ in self.parts(world)] == ["counting", "counting", "too_early"]
        assert world.declare.read(WORKSPACE, world.issue.id)[2]["before"]["complaints"] == 112

    def test_ten_counts_in_a_batch_share_its_time_and_each_comes_to_its_verdict(self, world: World) -> None:
        self.grow(world, 120)
        world.complain(-90, 90, 2, unit="u00003")
        world.complain(0, 32, 1, unit="u00003")
        world.issues.rows.clear()
        for number in range(10):
            made = world.put(id=f"is_{number}", opened_at=OPENED, first_seen=OPENED)
            claim = Claim(on=ON, reopened=0, by="ky_one", at=world.now)
            world.declare(WORKSPACE, made.id, claim, version=made.version)
        spent, told = [], []
        while world.due.rows:
            batch, clock = sorted(world.due.rows.items())[:10], Slow(world.hours)
            judge = replace(world.judge, complaints=replace(world.complaints, has_time=clock.has_time))
            for (at, key), (_, body) in batch:
                del world.due.rows[at, key]
                world.now = at
                told.append(judge(body))
            spent.append(clock.spent)
        assert max(spent) <= A_BATCH + Slow.A_UNIT
        assert sorted(one for one in told if one != "counting") == ["accepted"] * 10
        assert sum(spent) == pytest.approx(10 * 121 * Slow.A_UNIT), "each unit of each issue is counted once"

    def test_a_part_that_is_done_twice_leads_to_one_next_part_and_one_verdict(self, world: World) -> None:
        self.grow(world, 120)
        world.complain(-90, 90, 2, unit="u00003")
        world.fixed()
        ((at, _), (_, first)) = world.due.rows.popitem()
        world.now = at
        assert [world.judge(first), world.judge(first), len(world.due.rows)] == ["counting", "counting", 1]
        ((_, (_, second)),) = world.due.rows.items()
        world.due.rows.clear()
        world.judge(second)
        ((_, (_, last)),) = world.due.rows.items()
        world.due.rows.clear()
        assert [world.judge(last), world.judge(last)] == ["accepted", "stale"]

    def test_days_are_those_of_when_the_count_began(self, world: World) -> None:
        self.grow(world, 60)
        world.complain(-90, 90, 2, unit="u00003")
        world.fixed()
        planned = min(world.due.rows)[0]
        assert world.next() == "counting"
        world.now += timedelta(days=30)
        world.complain(32, 20, 9, unit="u00059")
        ((_, (_, message)),) = world.due.rows.items()
        assert world.judge(message) == "accepted"
        assert world.last_line().numbers["after"]["complaints"] == 0
        assert world.claims.rows[WORKSPACE, world.issue.id].judged_at == planned + timedelta(days=30)

    def test_what_comes_back_to_many_units_is_counted_in_parts_of_one_read_a_unit(self, world: World) -> None:
        self.grow(world, 10)
        world.complain(-90, 90, 2, unit="u00003")
        world.complain(0, 32, 1, unit="u00003")
        world.fixed()
        world.next()
        self.grow(world)
        world.now = noon(ON + timedelta(days=60))
        world.complain(54, 7, 9, unit="u02000")
        assert world.ticket_opened() == "watched"
        found = self.parts(world)
        assert (found[-1][0], len(found), max(reads for _, reads in found)) == ("returned", 31, A_PART.reads)
        assert (world.issue.state, world.last_line().numbers["complaints"]) == ("reopened", 63)


def test_what_is_kept_comes_back_as_it_was(world: World) -> None:
    accepted(world)
    kept = world.claims.rows[WORKSPACE, world.issue.id]
    assert _kept(_doc(kept)) == kept
    looked = replace(kept, judged_at=None, looked_at=OPENED)
    assert _kept(_doc(looked)) == looked
    assert _kept({name: value for name, value in _doc(kept).items() if name != "looked_at"}) == kept, "of before"
    bare = Kept(replace(kept.claim, controls=("a",), units=("b", "c"), peaks=()))
    assert _kept(_doc(bare)) == bare


def test_a_closed_issue_is_watched_by_what_its_accepted_fix_has_left_for_a_year(world: World) -> None:
    assert not world.watch.watches(world.issue)
    accepted(world)
    closed = world.issue
    assert world.watch.watches(closed)
    assert not world.watch.watches(replace(closed, reopened=1)), "another round"
    assert not world.watch.watches(replace(closed, state="declined"))
    world.now += timedelta(days=365)
    assert not world.watch.watches(closed)


def test_what_came_last_is_counted_before_it_is_looked_for(world: World) -> None:
    accepted(world)
    world.now = noon(ON + timedelta(days=40))
    for minute in range(0, 60, 7):
        world.now = world.now.replace(minute=minute)
        world.due.rows.clear()
        world.ticket_opened(id=f"tk_{minute}")
        ((at, _),) = world.due.rows
        assert timedelta(minutes=5) <= at - world.now < timedelta(minutes=65)
