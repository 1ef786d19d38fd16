"""Reminders and breaches: each once, in time, whatever dies; and deadlines that are counted again."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from chalicelib.domain.cases.sla import Office, Policy, QuietHours
from chalicelib.domain.cases.ticket import Move, Resolution, Ticket, opened, walk
from chalicelib.domain.events import ticket_events
from chalicelib.domain.time.calendar import BusinessTime, Calendar, Year
from chalicelib.domain.time.opening_hours import hours
from chalicelib.domain.workspaces.organisation import EVERYWHERE, Organisation, Person, Post
from chalicelib.errors import Parked, Retryable
from chalicelib.services.cases.strike_clock import ATTEMPTS, PAGE, RecountDeadlines, StrikeClock
from chalicelib.services.cases.timed_tickets import RECENT, Offices, TimedTickets
from chalicelib.services.sweep import CALENDARS, CURSOR, Sweep
from tests.builders import AT, WORKSPACE, feedback
from tests.fakes.sla import FakeSla, FakeTimedTickets
from tests.fakes.tickets import FakeClock, FakeDue, FakeFeedback, FakeQueue

TICKETS: Final = int(os.environ.get("CLOCKS", "500"))
KILLS: Final = int(os.environ.get("KILLS", "3"))
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
BUSY: Final = range(85, 150)  # minutes in which something is due all the time
POLICY: Final = Policy(1, {"medium": {"resolution": 100}})


def person(name: str, superior: str | None = None, *posts: Post) -> Person:
    return Person(name, posts=posts, superior=superior)


LINE = Organisation(
    version=1,
    people=(
        person("clerk", "chief", Post("SH-001", "logistics")),
        person("chief", "boss"),
        person("boss", None, Post(EVERYWHERE, "logistics")),
    ),
)


@dataclass
class World:
    """Tickets whose unit is always open, with the sweep and the worker that follow their clocks."""

    policy: Policy = POLICY
    organisation: Organisation = LINE
    calendar: Calendar | None = None
    clock: FakeClock = field(default_factory=lambda: FakeClock(AT))
    queue: FakeQueue = field(default_factory=FakeQueue)
    due: FakeDue = field(default_factory=FakeDue)

    @cached_property
    def tickets(self) -> FakeTimedTickets:
        return FakeTimedTickets(time=TimedTickets(self.office, self.clock), due=self.due)

    def office(self, workspace: str) -> Office:
        return Office(self.policy, lambda _: BusinessTime(ZoneInfo("UTC"), hours("daily 24h"), self.calendar))

    @cached_property
    def strike(self) -> StrikeClock:
        return StrikeClock(self.tickets, self.office, lambda _: self.organisation, self.due, self.clock)

    @cached_property
    def sweep(self) -> Sweep:
        return Sweep(FakeFeedback(), self.due, _NoBuckets(), {"cases": self.queue}, self.clock)

    def open(self, number: int = 1, **changes: Any) -> Ticket:
        """A ticket that is opened now."""
        step = opened(feedback(id=f"fb_{number}"), "title", self.clock())
        one = replace(step.ticket, **{"owner": "clerk", **changes})
        assert self.tickets.create(one, step.moves[0])
        return self.ticket(one.id)

    def ticket(self, ticket_id: str) -> Ticket:
        return self.tickets.rows[WORKSPACE, ticket_id]

    def message(self, one: Ticket) -> dict[str, Any]:
        """The one that is armed."""
        assert one.clocks is not None
        assert one.clocks.alarm is not None
        return {"kind": "clock", "workspace": WORKSPACE, "ticket": one.id, "at": one.clocks.alarm.isoformat()}

    def at_alarm(self, one: Ticket) -> str:
        """What comes of it when its time has come."""
        message = self.message(self.ticket(one.id))
        self.clock.now = max(self.clock.now, datetime.fromisoformat(message["at"]))
        return self.strike(message)


class _NoBuckets:
    def of_hour(self, hour: str) -> list[Any]:
        return []


def reasons(world: World, one: Ticket) -> list[str]:
    return [str(line.reason) for line in world.tickets.moves(WORKSPACE, one.id)[1:]]


# --- one ticket ---------------------------------------------------------------------------------------------------


def test_the_owner_is_reminded_and_a_breach_goes_up_the_line() -> None:
    world = World()
    one = world.open()
    assert [world.at_alarm(one), world.at_alarm(one)] == ["reminded", "escalated"]
    assert reasons(world, one) == [
        "reminder: resolution, due 2026-11-21T09:40Z",
        "breach: resolution, due 2026-11-21T09:40Z; told chief",
    ]
    after = world.ticket(one.id)
    assert (after.owner, after.escalated_to, after.version) == ("clerk", ("chief",), 3)
    assert after.clocks is not None
    assert after.clocks.alarm is None


def test_a_replayed_message_finds_nothing_left_to_do() -> None:
    world = World()
    one = world.open()
    message = world.message(one)
    world.at_alarm(one)
    before = world.ticket(one.id)
    assert [world.strike(message) for _ in range(3)] == ["stale"] * 3
    assert world.ticket(one.id) == before


def test_a_message_about_what_was_done_meanwhile_is_dropped() -> None:
    world = World()
    one = world.open()
    message = world.message(one)
    step = walk(one, ("accepted", "resolved"), actor="p", at=AT, given=Resolution("why", "what"))
    assert world.tickets.update(step.ticket, step.moves, expected_version=1)
    world.clock.forward(hours=9)
    assert world.strike(message) == "stale"
    assert world.strike({**message, "ticket": "tk_none"}) == "gone"


def test_an_alarm_without_a_ticket_takes_away_what_its_opening_left() -> None:
    world, left = World(), []
    strike = replace(world.strike, forget=lambda *what: left.append(what))
    opening = {"customer": "cu_one", "owner": "clerk", "at": AT.isoformat()}
    message = {"kind": "clock", "workspace": WORKSPACE, "ticket": "tk_dead", "at": AT.isoformat(), "opening": opening}
    assert strike(message) == "gone"
    assert left == [(WORKSPACE, "tk_dead", opening, None)]


def test_an_alarm_of_a_ticket_that_another_opening_came_to_takes_away_what_its_own_left() -> None:
    world, left = World(), []
    strike = replace(world.strike, forget=lambda *what: left.append(what))
    one = world.open()
    world.tickets.lose = 2
    dead = {"customer": "cu_two", "owner": "chief", "at": (AT - MINUTE).isoformat()}
    message = {**world.message(one), "opening": dead}
    world.clock.now = datetime.fromisoformat(message["at"])
    assert strike(message) == "reminded"
    assert left == [(WORKSPACE, one.id, dead, one)], "once, however often the race for the ticket is lost"


def test_a_message_that_is_before_its_time_comes_again() -> None:
    world = World()
    with pytest.raises(Retryable, match=r"^The alarm is not due yet\.$") as refusal:
        world.strike(world.message(world.open()))
    assert refusal.value.code == "too_early"


@pytest.mark.parametrize("broken", [{}, {"workspace": "acme", "ticket": "tk", "at": "soon"}, {"at": None}])
def test_a_message_that_names_no_alarm_is_parked(broken: Mapping[str, Any]) -> None:
    with pytest.raises(Parked, match=r"^The message names no alarm of a ticket\.$") as refusal:
        World().strike(broken)
    assert refusal.value.code == "message_invalid"


def test_a_lost_race_is_run_again_and_one_without_end_goes_back_to_the_queue() -> None:
    world = World()
    one = world.open()
    world.tickets.lose = 2
    assert world.at_alarm(one) == "reminded"
    world.tickets.lose = ATTEMPTS
    with pytest.raises(Retryable, match=r"^The ticket keeps changing\.$") as refusal:
        world.at_alarm(one)
    assert refusal.value.code == "contended"


def test_every_breach_goes_one_further_up_the_owners_line_until_there_is_nobody() -> None:
    names = ("first_response", "resolution")
    world = World(policy=Policy(1, {"medium": dict(zip(names, (10, 20), strict=True))}))
    one = world.open()
    while world.ticket(one.id).clocks.alarm:  # type: ignore[union-attr]
        world.at_alarm(one)
    assert world.ticket(one.id).escalated_to == ("chief", "boss")
    alone = World(organisation=Organisation())
    other = alone.open(owner=None)
    assert [alone.at_alarm(other), alone.at_alarm(other)] == ["reminded", "escalated"]
    assert alone.ticket(other.id).escalated_to == ()


def test_what_nobody_owns_goes_to_whoever_is_above_the_one_who_is_answerable() -> None:
    world = World()
    one = world.open(owner=None, unit="SH-001", departments=("logistics",))
    world.at_alarm(one)
    world.at_alarm(one)
    assert world.ticket(one.id).escalated_to == ("chief",)


def test_quiet_hours_defer_what_is_told_and_not_the_breach() -> None:
    quiet = QuietHours(9 * 60, 12 * 60)  # from an hour after AT, by the unit's clock, for three hours
    world = World(policy=replace(POLICY, quiet=quiet))
    one = world.open()
    outcomes = [world.at_alarm(one), world.at_alarm(one)]
    assert outcomes == ["breached", "escalated"]
    resolution = world.ticket(one.id).clocks.resolution  # type: ignore[union-attr]
    assert resolution is not None
    assert (resolution.breached_at, resolution.escalated_at) == (AT + 100 * MINUTE, AT + 4 * HOUR)
    assert resolution.reminded_at is None, "a reminder after the breach is none"


def test_a_reminder_that_is_late_waits_for_the_end_of_quiet_hours_and_the_breach_does_not() -> None:
    quiet = QuietHours(9 * 60 + 25, 9 * 60 + 50)  # the reminder is due at 9:20, the breach at 9:40
    world = World(policy=replace(POLICY, quiet=quiet))
    one = world.open()
    message = world.message(one)
    world.clock.now = AT + 86 * MINUTE
    assert [world.strike(message), world.strike(message)] == ["deferred", "deferred"]
    assert world.ticket(one.id).version == 1
    (again,) = [item.body for (at, _), item in world.due.rows.items() if at == AT + 100 * MINUTE]
    world.clock.now = AT + 100 * MINUTE
    assert world.strike(again) == "breached"
    assert world.at_alarm(one) == "escalated"
    assert world.clock.now == AT + 110 * MINUTE
    soon = World(policy=replace(POLICY, quiet=QuietHours(9 * 60 + 25, 9 * 60 + 30)))
    other = soon.open()
    message = soon.message(other)
    soon.clock.now = AT + 86 * MINUTE
    assert soon.strike(message) == "deferred"
    (again,) = [item.body for (at, _), item in soon.due.rows.items() if at == AT + 90 * MINUTE]
    soon.clock.now = AT + 90 * MINUTE
    assert soon.strike(again) == "reminded"


def test_quiet_hours_that_come_after_the_alarm_was_written_lose_neither_the_reminder_nor_the_breach() -> None:
    world = World()
    one = world.open()  # to be reminded of at 9:20, due at 9:40
    message = world.message(one)
    world.policy = replace(POLICY, quiet=QuietHours(9 * 60, 9 * 60 + 30))
    world.clock.now = AT + 81 * MINUTE
    assert [world.strike(message), world.strike(message)] == ["deferred", "deferred"]
    (again,) = [item.body for (at, _), item in world.due.rows.items() if at == AT + 90 * MINUTE]
    world.clock.now = AT + 91 * MINUTE
    assert world.strike(again) == "reminded"
    assert world.at_alarm(one) == "escalated"


def test_a_breach_that_is_told_late_is_not_told_in_the_next_quiet_hours() -> None:
    world = World(policy=replace(POLICY, quiet=QuietHours(9 * 60 + 30, 10 * 60)))
    one = world.open()
    assert [world.at_alarm(one), world.at_alarm(one)] == ["reminded", "breached"]
    message = world.message(world.ticket(one.id))  # to be told at 10:00
    world.clock.now = AT + timedelta(days=1, minutes=100)
    assert world.strike(message) == "deferred"
    (again,) = [item.body for (at, _), item in world.due.rows.items() if at == AT + timedelta(days=1, hours=2)]
    world.clock.now = AT + timedelta(days=1, hours=2)
    assert world.strike(again) == "escalated"


# --- many tickets, a sweeper that dies ------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone, wherever it was."""


@dataclass
class Fuse:
    """Kills whoever comes to the step that it is set for."""

    left: int | None = None
    burnt: int = 0

    def step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                self.burnt += 1
                raise Killed


@dataclass
class MortalQueue(FakeQueue):
    fuse: Fuse = field(default_factory=Fuse)

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:
        self.fuse.step()
        super().send(body, delay=delay)
        self.fuse.step()


def run_minutes(world: World, count: int, fuse: Fuse, told: Counter[tuple[str, str]]) -> list[Mapping[str, Any]]:
    """``count`` minutes, of which some kill the sweep or the worker; what was not taken comes again."""
    rng = random.Random(count)
    inner, waiting = world.tickets._write, list[Mapping[str, Any]]()

    def write(ticket: Ticket, moves: Any) -> None:
        inner(ticket, moves)
        told.update((ticket.id, event.type) for event in ticket_events(ticket))
        fuse.step()  # it is written, and whoever wrote it never knows

    world.tickets._write = write  # type: ignore[method-assign]
    deaths = {BUSY[0] + len(BUSY) * number // KILLS for number in range(KILLS)}
    for minute in range(count):
        world.clock.now = AT + minute * MINUTE + timedelta(seconds=7)
        fuse.left = rng.randrange(10) if minute in deaths else fuse.left
        with suppress(Killed):
            world.sweep()
        waiting += world.queue.sent
        world.queue.sent.clear()
        rng.shuffle(waiting)
        waiting = _work(world, waiting, fuse, rng)
    return waiting


def _work(world: World, waiting: list[Mapping[str, Any]], fuse: Fuse, rng: random.Random) -> list[Mapping[str, Any]]:
    """Every message, some of them twice; after a kill the one at hand and the rest are there again."""
    left = list(waiting)
    while left:
        message = left[-1]
        try:
            fuse.step()
            world.strike(message)
            fuse.step()
        except Killed:
            return left
        if rng.random() < 0.9:  # else it is handed out once more
            left.pop()
    return []


def test_each_reminder_and_each_breach_happens_once_and_in_time_though_the_sweeper_is_killed() -> None:
    fuse = Fuse()
    world = World(queue=MortalQueue(fuse=fuse))
    rng = random.Random(TICKETS)
    for number in range(TICKETS):  # deadlines within one hour
        world.clock.now = AT + timedelta(seconds=rng.randrange(3600))
        world.open(number)
    world.due.positions[CURSOR] = (AT - MINUTE).isoformat()
    told: Counter[tuple[str, str]] = Counter()
    assert run_minutes(world, 165, fuse, told) == []
    assert fuse.burnt == KILLS
    assert world.due.rows == {}
    assert len(world.tickets.rows) == TICKETS
    for (_, ticket_id), one in world.tickets.rows.items():
        assert told[ticket_id, "ticket.reminded"] == told[ticket_id, "ticket.escalated"] == 1
        assert one.version == 3
        resolution = one.clocks.resolution  # type: ignore[union-attr]
        assert resolution is not None
        for at, done in ((resolution.remind_at, resolution.reminded_at), (resolution.due_at, resolution.escalated_at)):
            assert at is not None
            assert done is not None
            assert timedelta() <= done - at <= 3 * MINUTE, "two sweeps, and the minute that it is due in"
    assert sum(told.values()) == 2 * TICKETS


@pytest.mark.parametrize("stored", [10, 400])
def test_a_sweep_costs_what_is_due_and_not_what_is_stored(stored: int) -> None:
    world = World()
    due = [world.open(number) for number in range(5)]
    world.clock.now = AT + 79 * MINUTE
    for number in range(stored):
        world.open(1000 + number)
    world.due.positions[CURSOR] = (AT + 80 * MINUTE).isoformat()
    world.clock.now = AT + 81 * MINUTE
    before = world.tickets.reads
    swept = world.sweep()
    assert (swept.due, len(world.due.taken), world.tickets.reads - before) == (len(due), 4, 0)
    for message in world.queue.sent:
        world.strike(message)
    assert world.tickets.reads - before == 2 * len(due), "once to see what is due, once to see that nothing is left"


# --- policies and calendars -----------------------------------------------------------------------------------------


def test_the_policy_is_read_once_in_a_while_and_a_new_one_soon_holds() -> None:
    store, clock = FakeSla(), FakeClock(AT)
    offices = Offices(store, lambda _: Organisation(), lambda _: None, clock)
    assert offices(WORKSPACE).policy.version == 0
    store.rows[WORKSPACE] = POLICY
    assert (offices(WORKSPACE).policy.version, store.reads) == (0, 1)
    clock.now += RECENT
    assert (offices(WORKSPACE).policy, store.reads) == (POLICY, 2)


def test_a_units_time_is_by_the_calendar_of_its_country() -> None:
    cn = Calendar("CN", {2026: Year(published=True)})
    offices = Offices(FakeSla(), lambda _: Organisation(), {"CN": cn}.get, FakeClock(AT))
    assert offices(WORKSPACE).time(None).calendar == cn


def test_an_alarm_is_never_written_for_a_minute_that_is_over() -> None:
    world = World()
    one = opened(feedback(), "title", AT - 9 * HOUR)
    world.tickets.create(one.ticket, one.moves[0])
    ((minute, _),) = world.due.rows
    assert minute == AT + MINUTE


def years(last: int) -> Calendar:
    return Calendar("CN", {year: Year(published=True) for year in range(2024, last + 1)}, source=f"cn-{last}")


def provisional(count: int) -> tuple[World, RecountDeadlines]:
    """So many tickets whose deadline falls in 2027, when 2026 is the last year that is published."""
    start = datetime(2026, 12, 31, 23, tzinfo=timezone.utc)
    world = World(calendar=years(2026), clock=FakeClock(start))
    for number in range(count):
        world.open(number)
    service = RecountDeadlines(
        world.tickets, world.tickets.provisional, world.office, lambda _: world.calendar, world.due, world.clock
    )
    return world, service


def test_a_published_year_has_its_deadlines_counted_again_once_each() -> None:
    world, recount = provisional(3)
    assert (recount({}), world.tickets.provisional.asked) == ("unchanged", []), (
        "of what is not published nothing is read"
    )
    world.calendar = years(2027)
    assert (recount({}), recount({})) == ("recounted", "unchanged")
    assert world.tickets.provisional.rows == set()
    for (_, ticket_id), one in world.tickets.rows.items():
        assert one.version == 2
        assert one.clocks is not None
        assert one.clocks.resolution is not None
        assert one.clocks.resolution.unpublished == ()
        (line,) = reasons(world, world.ticket(ticket_id))
        assert line.startswith("deadlines counted again by cn-2027: resolution 2027-01-01T00:40Z -> 2027-01-01T00:40Z")


def test_more_than_a_page_goes_on_a_minute_later() -> None:
    world, recount = provisional(PAGE + 1)
    world.calendar = years(2027)
    assert recount({}) == "more"
    assert [item.body for item in world.due.rows.values() if item.key == "recount"] == [{"kind": "recount"}]
    assert (recount({}), len(world.tickets.provisional.rows)) == ("recounted", 0)


def test_a_ticket_that_is_gone_or_settled_is_only_forgotten() -> None:
    world, recount = provisional(2)
    first, second = list(world.tickets.rows)
    del world.tickets.rows[first]
    one = world.tickets.rows[second]
    step = walk(one, ("rejected",), actor="p", at=world.clock(), given=Resolution())
    world.tickets.update(step.ticket, step.moves, expected_version=1)
    world.calendar = years(2027)
    assert recount({}) == "recounted"
    assert (world.ticket(one.id).version, world.tickets.provisional.rows) == (2, set())


def test_a_recount_loses_races_and_gives_up_in_the_end() -> None:
    world, recount = provisional(1)
    world.calendar = years(2027)
    world.tickets.lose = ATTEMPTS
    with pytest.raises(Retryable, match=r"^The ticket keeps changing\.$"):
        recount({})
    world.tickets.lose = 2
    assert recount({}) == "recounted"


def test_provisional_deadlines_are_looked_at_once_a_day_and_when_other_calendars_have_come() -> None:
    world, release = World(), ["one"]
    sweep = replace(world.sweep, calendars=lambda: release[0])

    def looked(at: datetime) -> int:
        world.clock.now = at
        sweep()
        sent = [message for message in world.queue.sent if message == {"kind": "recount"}]
        world.queue.sent.clear()
        return len(sent)

    assert [looked(AT), looked(AT + MINUTE), looked(AT + HOUR)] == [1, 0, 0]
    release[0] = "a newer one"
    assert [looked(AT + HOUR + MINUTE), looked(AT + 2 * HOUR), looked(AT + 24 * HOUR)] == [1, 0, 1]
    assert world.due.position(CALENDARS) == f"{(AT + 24 * HOUR).isoformat()}#a newer one"


def test_the_first_line_of_a_ticket_begins_its_clocks() -> None:
    world = World()
    step = opened(feedback(), "title", AT)
    timed = TimedTickets(world.office, world.clock)(step.ticket, (Move(1, "", "open", "echoloop", AT),))
    assert timed.ticket.due_at == AT + 100 * MINUTE
