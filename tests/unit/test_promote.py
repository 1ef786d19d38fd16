"""Single cases become an issue: by recurrence, by bounces, by severity; in any order and any number of times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.events import ticket_events
from chalicelib.domain.issues.issue import merged, moved
from chalicelib.domain.issues.recurrence import IssuePolicy, Occurrence, cause_of
from chalicelib.errors import Conflict, Parked, Retryable
from chalicelib.services.issues.link_cases import PAGE
from tests.builders import AT, WORKSPACE, ticket
from tests.builders_issues import OFFICE, IssueWorld, issue

DAY = timedelta(days=1)
FIVE = "abcde"


def five(world: IssueWorld, **changes: Any) -> None:
    for number, name in enumerate(FIVE):
        world.opened(name, AT + 7 * number * DAY, unit=("SH/001", "SH/002")[number % 2], **changes)


def test_the_fifth_case_of_a_topic_at_a_kind_of_unit_within_thirty_days_makes_an_l2_issue() -> None:
    world = IssueWorld()
    five(world)
    outcomes = [world.hear(name) for name in FIVE]

    made = world.only()
    assert outcomes == [None] * 4 + ["issue_opened"]
    assert (made.level, made.state, made.origin, made.version) == ("L2", "triage", "recurrence", 1)
    assert (made.title, made.scope.topics, made.scope.unit_kind) == (
        "破损 · 门店 / Damage · shop",
        ("logistics.damage",),
        "shop",
    )
    assert (made.owner, made.analyst, made.process) == ("wang", "wang", None)  # people say what has to change
    assert (made.first_seen, made.evidence[0].numbers["tickets"]) == (AT, 5)
    assert world.issues.of(WORKSPACE, made.id) == [f"tk_{name}" for name in FIVE]
    for name in FIVE:
        linked = world.tickets.rows[WORKSPACE, f"tk_{name}"]
        assert (linked.issue, linked.level, linked.version) == (made.id, "L2", 2)
        assert world.tickets.moves(WORKSPACE, linked.id)[-1].reason == f"{made.id} L2"
        assert world.voices.rows[WORKSPACE, f"fb_{name}"].state == "ticketed"


def test_a_kind_of_unit_that_is_none_of_the_usual_ones_is_called_as_the_organisation_does() -> None:
    units = tuple(replace(one, kind="旗舰店") if one.kind else one for one in OFFICE.units)
    world = IssueWorld(organisation=replace(OFFICE, units=units))
    five(world)
    for name in FIVE:
        world.hear(name)
    assert world.only().title == "破损 · 旗舰店 / Damage · 旗舰店"


def test_praise_does_not_recur() -> None:
    world = IssueWorld()
    five(world, complained=False)
    assert [world.hear(name) for name in FIVE] == [None] * 5
    assert (world.issues.rows, world.recurrences.rows) == ({}, {})


def test_a_case_that_is_read_as_praise_meanwhile_counts_no_more() -> None:
    world = IssueWorld()
    five(world)
    for name in FIVE[:4]:
        world.hear(name)
    one = world.tickets.rows[WORKSPACE, f"tk_{FIVE[0]}"]
    world.tickets.rows[WORKSPACE, one.id] = replace(one, complained=False)
    assert (world.hear(FIVE[4]), world.issues.rows) == (None, {})


def test_the_policy_names_the_analyst_and_how_much_is_enough() -> None:
    world = IssueWorld(policy=IssuePolicy(count=2, days=7, analyst="li"))
    five(world)
    assert [world.hear(name) for name in "ab"] == [None, "issue_opened"]
    assert (world.only().analyst, world.only().owner) == ("li", "wang")


@settings(max_examples=40)
@given(st.permutations(list(FIVE) * 2), st.integers(0, 3))
def test_order_and_repeats_change_nothing(order: list[str], lost: int) -> None:
    world = IssueWorld()
    five(world)
    world.tickets.lose = lost
    for name in order:
        world.hear(name)

    made = world.only()
    assert (made.version, made.first_seen, made.evidence[0].numbers["tickets"]) == (1, AT, 5)
    assert world.issues.of(WORKSPACE, made.id) == [f"tk_{name}" for name in FIVE]
    assert [world.tickets.rows[WORKSPACE, f"tk_{name}"].version for name in FIVE] == [2] * 5
    assert not any(world.recurrences.rows.values())


@pytest.mark.parametrize("broken_at", range(1, 12))
def test_a_worker_that_dies_anywhere_leaves_what_the_next_one_mends(broken_at: int) -> None:
    world = IssueWorld()
    five(world)
    for name in FIVE[:4]:
        world.hear(name)
    count = 0

    def dying(call: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == broken_at:
                raise Retryable("The table did not take the request.", code="table_unavailable")
            return call(*args, **kwargs)

        return wrapped

    for store, name in (
        (world.issues, "create"),
        (world.issues, "link"),
        (world.tickets, "update"),
    ):
        setattr(store, name, dying(getattr(store, name)))
    with pytest.raises(Retryable):
        world.hear("e")
    world.hear("e")

    assert world.issues.of(WORKSPACE, world.only().id) == [f"tk_{name}" for name in FIVE]
    assert {world.tickets.rows[WORKSPACE, f"tk_{name}"].issue for name in FIVE} == {world.only().id}


@pytest.mark.parametrize(
    "other",
    [
        {"unit": "SH/K1"},
        {"unit": "SH/elsewhere"},
        {"topics": ("service.attitude",)},
        {"state": "rejected"},
        {"state": "merged"},
        {"issue": "is_other"},
        {"parent": "tk_whole"},
        {"opened_at": AT + 31 * DAY},
    ],
)
def test_what_is_not_the_same_does_not_count(other: dict[str, Any]) -> None:
    world = IssueWorld()
    five(world)
    world.opened("e", **{"at": AT, **other})
    assert [world.hear(name) for name in FIVE] == [None] * 5
    assert world.issues.rows == {}


def test_a_case_that_was_rejected_meanwhile_counts_no_more() -> None:
    world = IssueWorld()
    five(world)
    for name in FIVE[:4]:
        world.hear(name)
    world.opened("a", AT, state="rejected")
    assert world.hear("e") is None
    world.opened("f", AT + 29 * DAY)
    assert world.hear("f") == "issue_opened"
    assert world.issues.of(WORKSPACE, world.only().id) == [f"tk_{name}" for name in "bcdef"]


def test_later_cases_become_part_of_the_open_issue_one_by_one() -> None:
    world = IssueWorld()
    five(world)
    for name in FIVE:
        world.hear(name)
    before = world.recurrences.reads
    for number in range(20):
        world.opened(f"n{number}", AT + 40 * DAY)
        assert world.hear(f"n{number}") == "issue_linked"
    assert len(world.issues.of(WORKSPACE, world.only().id)) == 25
    assert world.recurrences.reads == before  # what is linked at once is not counted, whatever the issue's size


def test_what_is_linked_at_once_is_never_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = IssueWorld()
    five(world)
    for name in FIVE:
        world.hear(name)
    monkeypatch.setattr(world.recurrences, "note", lambda *_: pytest.fail("it needs no row"))
    world.opened("f", AT + DAY)
    assert world.hear("f") == "issue_linked"


def test_what_was_left_over_becomes_part_of_the_open_issue_with_the_next() -> None:
    world = IssueWorld()
    five(world)
    for name in FIVE:
        world.hear(name)
    left = world.opened("f", AT + DAY)
    world.recurrences.note(WORKSPACE, "logistics.damage", "shop", Occurrence(left.opened_at, left.id))
    world.opened("g", AT + 2 * DAY)
    assert world.hear("g") == "issue_linked"
    assert world.tickets.rows[WORKSPACE, "tk_f"].issue == world.only().id
    assert not any(world.recurrences.rows.values())


@pytest.mark.parametrize(
    ("change", "event"),
    [({"parent": "tk_whole"}, "ticket.opened"), ({"issue": "is_one", "level": "L2"}, "ticket.updated")],
)
def test_a_new_part_and_a_case_of_an_l2_issue_are_looked_at_no_further(
    change: dict[str, Any], event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = IssueWorld()
    one = replace(world.opened("a", **change), change=event.removeprefix("ticket."))
    for store, name in ((world.issues, "get"), (world.recurrences, "note"), (world.recurrences, "around")):
        monkeypatch.setattr(store, name, lambda *_: pytest.fail("there is nothing to look for"))
    if one.parent:
        monkeypatch.setattr(world.tickets, "get", lambda *_: pytest.fail("not even the part itself"))
    (told,) = ticket_events(one)
    assert told.type == event
    assert world.promote(told.as_detail()) is None


def test_a_case_of_a_merged_issue_becomes_part_of_what_it_was_merged_into() -> None:
    world = IssueWorld()
    five(world)
    for name in FIVE:
        world.hear(name)
    made, root = world.only(), issue(id="is_root", level="L3")
    world.issues.rows[WORKSPACE, root.id] = root
    assert world.issues.update(*merged(made, root, actor="ky_1", at=AT))
    world.opened("f", AT + 31 * DAY)
    assert world.hear("f") == "issue_linked"
    assert (world.tickets.rows[WORKSPACE, "tk_f"].issue, world.tickets.rows[WORKSPACE, "tk_f"].level) == (
        "is_root",
        "L3",
    )


@pytest.mark.parametrize(("bounced", "outcome"), [(2, None), (3, "issue_opened")])
@pytest.mark.parametrize("topics", [("logistics.damage",), ()])
def test_the_third_bounce_suggests_an_issue(bounced: int, outcome: str | None, topics: tuple[str, ...]) -> None:
    world = IssueWorld()
    world.opened("a", bounced=bounced, topics=topics)
    assert world.hear("a", "ticket.updated") == outcome
    assert [(one.origin, one.state) for one in world.issues.rows.values()] == (
        [("bounces", "triage")] if outcome else []
    )


def test_two_critical_cases_are_enough() -> None:
    world = IssueWorld()
    world.opened("a", severity="critical")
    world.opened("b", AT + 3 * DAY, severity="high")
    world.opened("c", AT + 5 * DAY, severity="critical")
    assert [world.hear(name) for name in "abc"] == [None, None, "issue_opened"]
    assert (world.only().origin, world.only().evidence[0].numbers["tickets"]) == ("severity", 2)


@pytest.mark.parametrize("event", ["ticket.resolved", "ticket.closed", "ticket.verified", "feedback.scored"])
def test_other_events_are_nothing_to_it(event: str) -> None:
    world = IssueWorld(policy=IssuePolicy(critical=1))
    world.opened("a", severity="critical")
    assert world.hear("a", event) is None
    assert world.recurrences.rows == {}


def test_a_settled_issue_comes_back_with_the_numbers_only_when_it_has_recurred_since() -> None:
    world = IssueWorld()
    five(world)
    for name in FIVE:
        world.hear(name)
    made = world.only()
    settled = moved(made, "declined", actor="ky_1", at=AT + 40 * DAY, reason="cheaper to refund").issue
    world.issues.rows[WORKSPACE, made.id] = settled
    for number in range(5):
        world.opened(f"n{number}", AT + (41 + number) * DAY)
    world.opened("old", AT + 39 * DAY)

    outcomes = [world.hear(name) for name in ("old", "n0", "n1", "n2", "n3", "n4")]

    line = world.issues.moves(WORKSPACE, made.id)[-1]
    assert outcomes == [None] * 5 + ["issue_reopened"]
    assert (world.only().state, world.only().reopened) == ("reopened", 1)
    assert (line.before, line.after, line.reason, line.numbers["tickets"]) == ("declined", "reopened", "recurrence", 5)
    assert len(world.issues.of(WORKSPACE, made.id)) == 10


def test_what_an_accepted_fix_has_left_brings_nothing_back_but_grave_cases_do() -> None:
    world = IssueWorld(watched=True)
    five(world)
    for name in FIVE:
        world.hear(name)
    made = world.only()
    world.issues.rows[WORKSPACE, made.id] = replace(made, state="closed", settled_at=AT + 40 * DAY)
    before = world.recurrences.reads
    for number in range(8):
        world.opened(f"n{number}", AT + (41 + number) * DAY)
        assert world.hear(f"n{number}") is None
    assert (world.recurrences.reads, any(world.recurrences.rows.values())) == (before, False)

    for number in range(2):
        world.opened(f"c{number}", AT + (50 + number) * DAY, severity="critical")
    assert [world.hear(f"c{number}") for number in range(2)] == [None, "issue_reopened"]
    assert world.issues.moves(WORKSPACE, made.id)[-1].reason == "severity"


# --- an issue that people made ------------------------------------------------------------------------------------


def linked_by_hand(world: IssueWorld, **changes: Any) -> list[str | None]:
    """Five cases that a person makes part of an L1 issue, each with its event."""
    values = {"level": "L1", "state": "accepted", "analyst": None, "process": None, "owner": "wang", **changes}
    world.issues.rows[WORKSPACE, "is_one"] = one = issue(**values)
    five(world)
    outcomes = []
    for name in FIVE:
        world.links.link(one, f"tk_{name}", by="ky_1")
        outcomes.append(world.hear(name, "ticket.updated"))
    return outcomes


def test_an_l1_issue_that_enough_cases_are_part_of_is_on_l2_with_its_evidence() -> None:
    world = IssueWorld()
    assert linked_by_hand(world) == [None] * 4 + ["issue_raised"]
    raised = world.only()
    line = world.issues.moves(WORKSPACE, raised.id)[-1]
    assert (raised.level, raised.state, raised.analyst, raised.process) == ("L2", "open", "wang", "logistics")
    assert (line.level, line.actor, line.reason, line.numbers["tickets"]) == ("L2", "echoloop", "recurrence", 5)
    assert raised.evidence[-1].numbers["origin"] == "recurrence"
    ((_, item),) = world.due.rows.items()
    assert world.links.level(item.body) == "issue_levelled"
    assert {world.tickets.rows[WORKSPACE, f"tk_{name}"].level for name in FIVE} == {"L2"}
    assert not any(world.recurrences.rows.values())
    assert world.hear("a", "ticket.updated") is None


def test_whoever_takes_an_issue_down_to_l1_again_is_not_overruled() -> None:
    world = IssueWorld()
    linked_by_hand(world)
    world.issues.rows[WORKSPACE, "is_one"] = replace(world.only(), level="L1")
    for number in range(9):
        world.opened(f"n{number}")
        world.links.link(world.only(), f"tk_n{number}", by="ky_1")
        assert world.hear(f"n{number}", "ticket.updated") is None


@pytest.mark.parametrize("changes", [{"state": "fixed"}, {"state": "declined"}, {"state": "merged"}, {"level": "L3"}])
def test_an_issue_that_stays_on_its_level_is_not_raised(changes: dict[str, Any]) -> None:
    assert linked_by_hand(IssueWorld(), **changes) == [None] * 5


def test_a_case_that_was_taken_out_does_not_raise_its_issue() -> None:
    world = IssueWorld(policy=IssuePolicy(count=6))
    linked_by_hand(world)
    world.links.unlink(world.only(), "tk_a", by="ky_1")
    world.opened("f", AT + 29 * DAY)
    world.links.link(world.only(), "tk_f", by="ky_1")
    assert world.hear("f", "ticket.updated") is None
    world.issues.lose = 1
    world.opened("g", AT + 29 * DAY)
    world.links.link(world.only(), "tk_g", by="ky_1")
    with pytest.raises(Retryable, match="The issue keeps changing"):
        world.hear("g", "ticket.updated")
    assert world.hear("g", "ticket.updated") == "issue_raised"


# --- links --------------------------------------------------------------------------------------------------------


def test_what_a_person_took_out_is_not_put_back_by_itself() -> None:
    world = IssueWorld()
    five(world)
    for name in FIVE:
        world.hear(name)
    made = world.only()
    world.links.unlink(made, "tk_a", by="ky_1")

    assert world.hear("a", "ticket.updated") is None
    freed = world.tickets.rows[WORKSPACE, "tk_a"]
    assert (freed.issue, freed.level, world.voices.rows[WORKSPACE, "fb_a"].state) == (None, "L1", "ticketed")
    world.links.link(made, "tk_a", by="ky_1")
    assert world.tickets.rows[WORKSPACE, "tk_a"].issue == made.id


def test_a_case_is_part_of_one_issue_only() -> None:
    world = IssueWorld()
    world.opened("a")
    world.links.link(issue(), "tk_a", by="ky_1")
    with pytest.raises(Conflict, match=r"^The ticket is part of another issue\.$") as refusal:
        world.links.link(issue(id="is_two"), "tk_a", by="ky_1")
    assert refusal.value.code == "already_linked"
    assert world.issues.of(WORKSPACE, "is_two") == []


def test_another_level_reaches_every_case_page_by_page() -> None:
    world = IssueWorld()
    names = [f"{number:03d}" for number in range(PAGE + 5)]
    one = issue(level="L1")
    for name in names:
        world.opened(name)
        world.links.link(one, f"tk_{name}", by="ky_1")
    world.issues.rows[WORKSPACE, one.id] = replace(one, level="L3")
    world.links.bring_to_level(one)

    rounds = 0
    while world.due.rows:
        (key, item) = next(iter(world.due.rows.items()))
        del world.due.rows[key]
        assert item.queue == "cases"
        assert world.links.level(item.body) == "issue_levelled"
        rounds += 1

    assert rounds == 2
    assert {world.tickets.rows[WORKSPACE, f"tk_{name}"].level for name in names} == {"L3"}
    assert world.links.level({"workspace": WORKSPACE, "issue": "is_gone"}) == "gone"
    with pytest.raises(Parked, match=r"^The message names no issue\.$"):
        world.links.level({"kind": "issue_level"})


# --- the rule itself ----------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 100), min_size=1, max_size=12), st.integers(1, 40), st.integers(2, 6))
def test_it_recurs_when_and_only_when_enough_lie_within_the_days_of_one_another(
    offsets: list[int], days: int, count: int
) -> None:
    found = [Occurrence(AT + offset * DAY, f"tk_{number}") for number, offset in enumerate(offsets)]
    mine = replace(ticket(), id="tk_0", opened_at=found[0].at)
    cause = cause_of(mine, found, IssuePolicy(count=count, days=days))
    starts = [offset for offset in offsets if offset <= offsets[0] <= offset + days]
    expected = any(sum(start <= offset <= start + days for offset in offsets) >= count for start in starts)
    assert (cause is not None) == expected
    if cause is not None:
        assert "tk_0" in cause.tickets
        assert len(cause.tickets) >= count
