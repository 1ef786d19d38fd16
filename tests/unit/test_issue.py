"""Issues: what any life of one comes to, who may accept it, and two that become one and come apart again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.issues import issue as rules
from chalicelib.domain.issues.issue import (
    ACCEPTED,
    DECISIONS,
    LEVELS,
    MOVES,
    STATES,
    Decision,
    Evidence,
    Issue,
    IssueLink,
    Scope,
    changed,
    legal_moves,
    merged,
    moved,
    promoted,
    require_authority,
    require_leave,
    split,
    way_to,
)
from chalicelib.errors import Conflict, Forbidden, Invalid
from chalicelib.lambdas.api.issues import schemas
from chalicelib.storage.issues import issue_rows as rows
from tests.builders import AT
from tests.builders_issues import issue

LATER = AT + timedelta(hours=1)
FULL = issue(
    state="merged",
    former_state="studying",
    merged_into="is_two",
    evidence=(
        Evidence("ky_1", AT, "见附件", "https://example.com/1"),
        Evidence("echoloop", AT, numbers={"tickets": 5}),
    ),
    scope=Scope(("a", "b.c"), ("SH/001",), "shop", ("delivery",), AT.date(), LATER.date()),
    decision=Decision("study", "ky_1", AT, "why"),
    settled_at=AT,
    absorbed=("is_three",),
    owner="wang",
    executive="wang",
    origin="recurrence",
    reopened=2,
    change="moved",
)


def go(one: Issue, *states: str, **more: Any) -> Issue:
    for state in states:
        one = moved(one, state, actor="ky_1", at=LATER, **more).issue
    return one


def bytes_of(one: Issue) -> Any:
    """What is stored of an issue but its version and when that was."""
    kept = replace(one, version=0, updated_at=AT, change="")
    stored = rows.issue_row(kept).serialize()
    return sorted((name, repr(value)) for name, value in stored.items())


# --- moves --------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(STATES), max_size=12), st.sampled_from(LEVELS))
def test_every_version_has_its_line_and_no_illegal_move_is_made(way: list[str], level: str) -> None:
    one, lines = issue(level=level, executive="wang"), 0
    for to in way:
        legal = legal_moves(one)
        if to not in legal:
            with pytest.raises(Conflict, match="cannot become") as refusal:
                moved(one, to, actor="ky_1", at=LATER)
            assert (refusal.value.code, refusal.value.allowed) == ("illegal_move", legal)
            continue
        step = moved(one, to, actor="ky_1", at=LATER)
        assert [(line.version, line.before, line.after) for line in step.moves] == [(one.version + 1, one.state, to)]
        one, lines = step.issue, lines + 1
    assert one.version == 1 + lines
    assert (one.settled_at is not None) == (one.state in ("closed", "declined"))


def test_without_a_definition_it_does_not_leave_triage() -> None:
    with pytest.raises(Invalid, match=r"^An issue leaves triage with a definition only\.$") as refusal:
        go(issue(definition=None), "open")
    assert (refusal.value.code, refusal.value.status, refusal.value.pointer) == (
        "definition_missing",
        422,
        "/definition",
    )
    assert go(issue(definition=None), "declined").state == "declined"


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"process": None}, "process_missing", "Which process has to change is not said yet."),
        ({"plan": None}, "study_missing", "An L2 issue is accepted with a plan and an analyst."),
        ({"analyst": None}, "study_missing", "An L2 issue is accepted with a plan and an analyst."),
        ({"level": "L3"}, "executive_missing", "An L3 issue is accepted with an executive owner."),
    ],
)
def test_it_is_accepted_with_what_its_level_asks_for(changes: Any, code: str, message: str) -> None:
    one = issue(state="open", **changes)
    with pytest.raises(Invalid) as refusal:
        go(one, "accepted")
    assert (refusal.value.code, refusal.value.message) == (code, message)
    assert go(replace(one, level="L1"), "accepted").state == "accepted"


@pytest.mark.parametrize(("level", "may"), [("L1", True), ("L2", False), ("L3", False)])
def test_an_l2_or_l3_is_accepted_by_somebody_with_a_say_in_its_process_only(level: str, may: bool) -> None:
    one = issue(level=level)
    require_authority(one, "accepted", ("packaging",))
    require_authority(one, "declined", ())
    if may:
        require_authority(one, "accepted", ())
        return
    with pytest.raises(Forbidden, match=f"^Who accepts an {level} issue needs a say in its process\\.$") as refusal:
        require_authority(one, "accepted", ("logistics",))
    assert (refusal.value.code, refusal.value.status) == ("no_authority", 403)
    unnamed = replace(one, state="open", process=None)
    require_authority(unnamed, "accepted", ())
    with pytest.raises(Invalid) as refused:  # what is missing is said, and not that it is not allowed
        go(unnamed, "accepted")
    assert refused.value.code == "process_missing"


LEAVING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another process": ({}, {"process": "logistics"}),
    "no process": ({}, {"process": None}),
    "another process on L1": ({"level": "L1"}, {"level": "L1", "process": "logistics"}),
    "down to L1": ({}, {"level": "L1"}),
    "down from L3 to L1": ({"level": "L3"}, {"level": "L1"}),
    "into one of another process": ({}, {"id": "is_two", "process": "logistics"}),
    "into one that names none": ({}, {"id": "is_two", "process": None}),
    "into one on L1": ({}, {"id": "is_two", "level": "L1"}),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("way", LEAVING)
def test_nobody_without_a_say_takes_an_issue_out_of_the_say_of_others(state: str, way: str) -> None:
    before, after = (issue(**{"state": state, **changes}) for changes in LEAVING[way])
    require_leave(before, after, ("packaging",))
    with pytest.raises(Forbidden) as refused:
        require_leave(before, after, ("logistics",))
    assert (refused.value.status, refused.value.code, refused.value.message) == (
        403,
        "no_authority",
        "This takes the issue out of the say of those who may change packaging: one of them does it, or an admin.",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"process": None}, {"process": "logistics"}),
        ({"process": None}, {"process": None, "level": "L1"}),
        ({"level": "L1"}, {"level": "L2"}),
        ({"level": "L3"}, {"level": "L2"}),
        ({}, {"plan": "Weigh two hundred", "owner": "li"}),
        ({}, {"id": "is_two"}),
        ({"level": "L1"}, {"id": "is_two", "level": "L1"}),
    ],
)
def test_what_leaves_the_say_in_a_process_where_it_is_asks_for_none(before: Any, after: Any) -> None:
    require_leave(issue(**before), issue(**after), ())


DECIDED = {
    "act": ("triage", "open", "accepted", "studying", "fixing", "reopened"),
    "study": ("triage", "open", "accepted", "studying", "fixing", "reopened"),
    "decline": ("triage", "open", "accepted", "studying", "fixing", "reopened", "declined"),
}


@pytest.mark.parametrize("choice", DECISIONS)
@pytest.mark.parametrize("state", STATES)
def test_a_decision_leads_where_it_says_or_is_refused(choice: str, state: str) -> None:
    one = issue(state=state, former_state="open" if state == "merged" else None)
    if state in DECIDED[choice]:
        assert go(one, *way_to(one, choice)).state == DECISIONS[choice]
        return
    with pytest.raises(Conflict, match="cannot become") as refusal:
        go(one, *way_to(one, choice))
    assert refusal.value.allowed == legal_moves(one)


def test_what_it_was_accepted_with_is_not_taken_from_it() -> None:
    taken = issue(state="studying")
    for change in ({"process": "logistics"}, {"plan": None}, {"analyst": None}):
        with pytest.raises(Conflict, match=r"^It was accepted with this: it goes back to open first\.$") as refusal:
            changed(taken, replace(taken, **change), actor="ky_1", at=LATER)
        assert (refusal.value.code, refusal.value.allowed) == ("accepted", ("open",))
    step = changed(taken, replace(taken, plan="Weigh two hundred"), actor="ky_1", at=LATER)
    assert step is not None
    assert (step.issue.version, step.issue.state, step.issue.change) == (2, "studying", "updated")
    assert changed(taken, taken, actor="ky_1", at=LATER) is None


def test_what_it_was_accepted_with_is_not_taken_from_it_while_it_is_merged() -> None:
    away = merged(issue(id="is_a", state="studying"), issue(id="is_b"), actor="ky_1", at=LATER)[0].issue
    for change in ({"process": "logistics"}, {"plan": None}, {"analyst": None}):
        with pytest.raises(Conflict, match=r"^It was accepted with this: it goes back to open first\.$") as refusal:
            changed(away, replace(away, **change), actor="ky_1", at=LATER)
        assert refusal.value.code == "accepted"
    with pytest.raises(Invalid) as undefined:
        changed(away, replace(away, definition=None), actor="ky_1", at=LATER)
    assert undefined.value.code == "definition_missing"
    asleep = merged(issue(id="is_a", state="open"), issue(id="is_b"), actor="ky_1", at=LATER)[0].issue
    assert changed(asleep, replace(asleep, process="logistics"), actor="ky_1", at=LATER) is not None


@pytest.mark.parametrize("state", [one for one in STATES if one not in ("closed", "declined", "merged", "fixed")])
def test_another_level_asks_for_other_authority(state: str) -> None:
    step = promoted(issue(state=state), "L3", actor="ky_1", at=LATER, reason="it is the carrier's contract")
    assert (step.issue.level, step.moves[0].level) == ("L3", "L3")
    assert step.issue.state == ("open" if state in ACCEPTED else state)


@pytest.mark.parametrize(
    ("level", "state", "code"),
    [("L2", "open", "same_level"), *(("L3", one, "illegal_move") for one in ("fixed", "closed"))],
)
def test_a_level_that_changes_nothing_or_comes_too_late_is_refused(level: str, state: str, code: str) -> None:
    with pytest.raises(Conflict, match="level") as refusal:
        promoted(issue(state=state), level, actor="ky_1", at=LATER, reason="r")
    assert refusal.value.code == code


def test_a_defined_issue_stays_defined_once_it_has_left_triage() -> None:
    with pytest.raises(Invalid, match=r"^An issue leaves triage with a definition only\.$") as refusal:
        changed(issue(state="open"), issue(state="open", definition=None), actor="ky_1", at=LATER)
    assert refusal.value.code == "definition_missing"
    assert changed(issue(), issue(definition=None), actor="ky_1", at=LATER) is not None


# --- two that are one ---------------------------------------------------------------------------------------------

MERGEABLE = [one for one in STATES if "merged" in MOVES[one]]
TAKING = [one for one in STATES if one not in ("closed", "declined", "merged")]


@given(st.sampled_from(MERGEABLE), st.sampled_from(TAKING), st.booleans())
def test_merge_then_split_restores_both_sides_to_the_byte(state: str, into: str, others: bool) -> None:
    one = replace(FULL, id="is_a", state=state, former_state=None, merged_into=None, settled_at=None)
    two = issue(id="is_b", state=into, absorbed=("is_c",) if others else ())

    gone, fuller = merged(one, two, actor="ky_1", at=LATER, reason="the same")
    back, lighter = split(gone.issue, fuller.issue, actor="ky_2", at=LATER)

    assert (gone.issue.state, gone.issue.merged_into, fuller.issue.absorbed[-1]) == ("merged", "is_b", "is_a")
    assert bytes_of(back.issue) == bytes_of(one)
    assert bytes_of(lighter.issue) == bytes_of(two)
    assert (back.issue.version, lighter.issue.version) == (one.version + 2, two.version + 2)
    assert [line.version for step in (gone, back) for line in step.moves] == [one.version + 1, one.version + 2]


def test_what_happens_to_the_other_while_they_are_one_outlasts_the_split() -> None:
    gone, fuller = merged(issue(id="is_a"), issue(id="is_b"), actor="ky_1", at=LATER)
    worked = go(fuller.issue, "open", "accepted")
    back, lighter = split(gone.issue, worked, actor="ky_1", at=LATER)
    assert (back.issue.state, lighter.issue.state, lighter.issue.absorbed) == ("triage", "accepted", ())


@pytest.mark.parametrize(
    ("one", "into", "code"),
    [
        (issue(), issue(), "merges_itself"),
        (issue(), issue(id="is_b", state="merged"), "illegal_move"),
        (issue(), issue(id="is_b", state="closed"), "illegal_move"),
        (issue(state="fixed"), issue(id="is_b"), "illegal_move"),
        (issue(), issue(id="is_b", absorbed=tuple(f"is_{n}" for n in range(rules.MOST_ABSORBED))), "too_many"),
    ],
)
def test_what_cannot_be_one_is_not_merged(one: Issue, into: Issue, code: str) -> None:
    with pytest.raises(Conflict, match="merged") as refusal:
        merged(one, into, actor="ky_1", at=LATER)
    assert refusal.value.code == code


def test_only_what_was_merged_is_split() -> None:
    with pytest.raises(Conflict, match=r"^This issue is not merged into another\.$") as refusal:
        split(issue(), issue(id="is_b"), actor="ky_1", at=LATER)
    assert refusal.value.code == "not_merged"


# --- rows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", [issue(), FULL, issue(scope=Scope(), definition=None, departments=())])
def test_an_issue_survives_the_table(one: Issue) -> None:
    stored = rows.issue_row(one).serialize()
    assert rows.issue_of(rows.IssueRow.from_raw_data(stored)) == one


def test_lines_and_links_survive_the_table() -> None:
    line = moved(issue(), "open", actor="ky_1", at=LATER, reason="r", numbers={"tickets": 5}).moves[0]
    link = IssueLink("acme", "is_one", "tk_one", "ky_1", LATER, undone=True)
    assert rows.move_of(rows.IssueMoveRow.from_raw_data(rows.move_row("acme", "is_one", line).serialize())) == line
    assert rows.link_of(rows.IssueLinkRow.from_raw_data(rows.link_row(link).serialize())) == link


def test_no_words_of_colleagues_stand_in_a_repr() -> None:
    shown = repr(replace(FULL, title="CANARY-1", definition="CANARY-2", plan="CANARY-3"))
    assert not [word for word in ("CANARY", "见附件", "why", "https") if word in shown]


@pytest.mark.parametrize(
    ("spelt_out", "words"),
    [
        (schemas.IssueState, STATES),
        (schemas.IssueLevel, LEVELS),
        (schemas.Choice, tuple(DECISIONS)),
    ],
)
def test_words_spelt_out_for_the_type_checker_are_those_of_the_domain(spelt_out: Any, words: tuple[str, ...]) -> None:
    assert get_args(spelt_out) == words
