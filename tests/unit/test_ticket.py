"""The life of a ticket: opening, following its feedback, moving, resolving."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from chalicelib.domain.cases.ticket import (
    MOVES,
    STANDING,
    STATES,
    Resolution,
    brought_up,
    completed,
    is_elsewhere,
    legal_moves,
    move,
    opened,
    path,
    walk,
    wants_ticket,
)
from chalicelib.domain.ids import ticket_id
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.errors import Conflict, Invalid
from tests.builders import AT, WORKSPACE, decision, feedback, reason, tag, ticket

LATER = AT + timedelta(hours=1)
NOTHING = Resolution()
SOLVED = Resolution("carton too thin", "sent a new one")


# --- opening and following ----------------------------------------------------------------------------------------


def test_a_ticket_is_opened_with_what_the_feedback_says() -> None:
    step = opened(feedback(), "title", AT)
    one = step.ticket
    assert (one.id, one.version, one.state, one.change) == (ticket_id(WORKSPACE, "fb_one"), 1, "open", "opened")
    assert (one.severity, one.departments, one.topics) == ("medium", ("logistics",), ("logistics.damage",))
    assert [(line.version, line.before, line.after, line.actor) for line in step.moves] == [(1, "", "open", "echoloop")]


def test_the_highest_severity_that_still_has_a_reason_counts() -> None:
    reasons = (reason("a", severity="high"), reason("b", severity="critical", lapsed=True), reason("c", severity="low"))
    assert opened(feedback(decision=decision(*reasons)), "title", AT).ticket.severity == "high"


def test_complaints_come_before_praise_among_the_topics() -> None:
    tags = (tag("taste", polarity="positive"), tag("delay"), tag("damage"), tag("delay"))
    assert opened(feedback(understanding=Understanding(tags=tags)), "t", AT).ticket.topics == ("delay", "damage")
    praise = Understanding(tags=tags[:1])
    made = opened(feedback(understanding=praise), "t", AT).ticket
    assert (made.topics, made.complaints) == (("taste",), ())


@pytest.mark.parametrize(
    ("polarities", "complaints"),
    [(("negative",), ("a",)), (("positive",), ()), (("neutral",), ()), (("positive", "negative"), ("b",)), ((), ())],
)
def test_only_what_is_complained_of_counts_as_a_complaint(
    polarities: tuple[str, ...], complaints: tuple[str, ...]
) -> None:
    tags = tuple(tag(name, polarity=one) for name, one in zip("ab", polarities, strict=False))
    praise = opened(feedback(understanding=Understanding(tags=(tag("a", polarity="positive"),))), "t", AT).ticket
    voice = feedback(understanding=Understanding(tags=tags), revision=2)
    assert opened(voice, "t", AT).ticket.complaints == complaints
    step = brought_up(praise, voice, "t", AT)
    assert (step.ticket if step else praise).complaints == complaints


@pytest.mark.parametrize(
    ("reasons", "wanted"),
    [((), False), ((reason(lapsed=True),), False), ((reason(lapsed=True), reason("b")), True)],
)
def test_a_ticket_is_wanted_while_one_reason_holds(reasons: tuple[object, ...], wanted: bool) -> None:
    assert wants_ticket(feedback(decision=decision(*reasons))) is wanted  # type: ignore[arg-type]


def test_what_shows_nothing_new_makes_no_version() -> None:
    one = opened(feedback(), "title", AT).ticket
    assert brought_up(one, feedback(), "title", LATER) is None
    assert brought_up(one, feedback(revision=2), "title", LATER) is None


def test_a_revision_brings_its_reasons_and_the_highest_severity() -> None:
    one = opened(feedback(), "title", AT).ticket
    newer = feedback(revision=2, decision=decision(reason(version=2), reason("vip", severity="high")))
    step = brought_up(one, newer, "new title", LATER)
    assert step is not None
    assert (step.ticket.version, step.ticket.change, step.ticket.updated_at) == (2, "updated", LATER)
    assert (step.ticket.severity, step.ticket.title, step.ticket.revision) == ("high", "new title", 2)
    assert step.ticket.reasons == (reason(version=2), reason("vip", severity="high"))
    assert [(line.version, line.before, line.after) for line in step.moves] == [(2, "open", "open")]


def test_a_reason_that_no_longer_matches_lapses_and_closes_nothing() -> None:
    one = opened(feedback(decision=decision(reason(severity="critical"), reason("b"))), "title", AT).ticket
    step = brought_up(one, feedback(reading=2, decision=decision()), "title", LATER)
    assert step is not None
    assert all(known.lapsed for known in step.ticket.reasons)
    assert (step.ticket.state, step.ticket.severity) == ("open", "critical")


def test_a_voice_that_was_deleted_leaves_its_case_with_the_shop_and_the_department() -> None:
    gone = feedback(revision=2, unit=None, touchpoint=None, decision=decision(departments=()), deleted=True)
    step = brought_up(ticket(owner="u_li"), gone, "title", LATER)
    assert step is not None
    kept = step.ticket
    assert (kept.unit, kept.touchpoint, kept.departments, kept.owner) == ("SH-001", "delivery", ("logistics",), "u_li")
    assert not is_elsewhere(ticket(owner="u_li"), kept)
    moved = brought_up(ticket(), feedback(revision=2, unit="SH-002"), "title", LATER)
    assert moved is not None
    assert moved.ticket.unit == "SH-002"


def test_an_older_reading_never_overwrites_a_newer_one() -> None:
    one = opened(feedback(revision=3, reading=2), "title", AT).ticket
    assert brought_up(one, feedback(revision=3, reading=1, unit="SH-002"), "title", LATER) is None
    assert brought_up(one, feedback(revision=2, reading=9, unit="SH-002"), "title", LATER) is None


# --- moving -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_only_the_moves_of_the_design_are_legal(state: str) -> None:
    one = ticket(state=state, former_state="accepted" if state == "merged" else None)
    legal = ("accepted",) if state == "merged" else MOVES[state]
    assert legal_moves(one) == legal
    for to in STATES:
        if to in legal:
            assert move(one, to, LATER).state == to
        else:
            with pytest.raises(Conflict, match=f"^A ticket that is {state} cannot become {to}\\.$") as refusal:
                move(one, to, LATER)
            assert (refusal.value.code, refusal.value.allowed) == ("illegal_move", legal)


def test_a_word_that_is_no_state_is_refused() -> None:
    with pytest.raises(Invalid, match=r"^There is no such ticket state\.$") as refusal:
        move(ticket(), "done", LATER)
    assert (refusal.value.code, refusal.value.pointer) == ("unknown_state", "/to")


def test_a_merge_is_undone_to_the_former_state() -> None:
    merged = move(ticket(state="triage"), "merged", LATER)
    back = move(merged, "triage", LATER)
    assert (back.state, back.former_state) == ("triage", None)


def test_every_state_on_the_way_has_its_line() -> None:
    step = walk(ticket(), ("accepted", "resolved"), actor="ep_1", at=LATER, given=SOLVED, reason="done")
    assert (step.ticket.version, step.ticket.state, step.ticket.incomplete) == (3, "resolved", False)
    told = [(line.version, line.before, line.after, line.implied, line.root_cause) for line in step.moves]
    assert told == [(2, "open", "accepted", True, None), (3, "accepted", "resolved", False, "carton too thin")]
    assert all(line.actor == "ep_1" and line.reason == "done" and line.at == LATER for line in step.moves)


@pytest.mark.parametrize("given", [NOTHING, Resolution(root_cause="x"), Resolution(action="x")])
def test_resolved_without_both_words_is_incomplete(given: Resolution) -> None:
    assert walk(ticket(state="accepted"), ("resolved",), actor="a", at=LATER, given=given).ticket.incomplete


def test_words_given_later_complete_a_resolution() -> None:
    one = ticket(state="resolved", incomplete=True, root_cause="carton too thin", version=3)
    step = completed(one, Resolution(action="sent a new one"), actor="a", at=LATER)
    assert step is not None
    assert (step.ticket.version, step.ticket.incomplete, step.ticket.change) == (4, False, "updated")
    assert step.moves[0].action == "sent a new one"
    assert completed(step.ticket, Resolution(action="sent a new one"), actor="a", at=LATER) is None
    assert completed(step.ticket, NOTHING, actor="a", at=LATER) is None


def test_an_incomplete_ticket_is_not_closed() -> None:
    one = ticket(state="verifying", incomplete=True)
    with pytest.raises(Invalid, match=r"^Root cause and action are needed before a ticket is closed\.$") as refusal:
        walk(one, ("closed",), actor="a", at=LATER, given=NOTHING)
    assert refusal.value.code == "resolution_incomplete"
    assert walk(one, ("closed",), actor="a", at=LATER, given=SOLVED).ticket.state == "closed"


def test_reopening_forgets_the_resolution_that_did_not_hold() -> None:
    closed = ticket(state="closed", root_cause="a", action="b", verification="satisfied")
    back = move(closed, "reopened", LATER)
    assert (back.root_cause, back.action, back.verification) == (None, None, "not_asked")


# --- jumping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "to", "way"),
    [
        ("open", "open", ()),
        ("open", "resolved", ("accepted", "resolved")),
        ("triage", "resolved", ("open", "accepted", "resolved")),
        ("accepted", "open", ("open",)),
        ("in_progress", "accepted", ("open", "accepted")),
        ("in_progress", "rejected", ("open", "rejected")),
        ("resolved", "in_progress", ("reopened", "in_progress")),
        ("reopened", "resolved", ("accepted", "resolved")),
        ("rejected", "accepted", ("reopened", "accepted")),
        ("accepted", "reopened", ("resolved", "reopened")),
        ("closed", "reopened", ("reopened",)),
        ("closed", "in_progress", None),
        ("merged", "open", None),
        ("open", "triage", None),
    ],
)
def test_a_jump_takes_the_most_natural_legal_way(before: str, to: str, way: tuple[str, ...] | None) -> None:
    assert path(before, to) == way


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("to", STATES)
def test_every_way_is_made_of_legal_moves_and_passes_no_end(before: str, to: str) -> None:
    way = path(before, to)
    if way is None:
        return
    assert all(after in MOVES[state] for state, after in pairwise((before, *way)))
    assert (before, *way)[-1] == to
    assert not {"merged", "rejected", "closed"} & set(way[:-1])


# --- what did not hold ------------------------------------------------------------------------------------------------


def test_a_ticket_counts_how_often_it_was_handed_back_and_reopened() -> None:
    states = ("accepted", "open", "accepted", "in_progress", "open", "accepted", "resolved", "reopened", "accepted")
    one = walk(ticket(), states, actor="a", at=LATER, given=SOLVED).ticket
    assert (one.bounced, one.reopened) == (2, 1)


def test_a_case_that_is_sorted_out_of_triage_was_not_handed_back() -> None:
    one = walk(ticket(state="triage"), ("open",), actor="a", at=LATER, given=NOTHING).ticket
    assert (one.bounced, one.reopened) == (0, 0)
    again = walk(ticket(state="merged", former_state="open"), ("open",), actor="a", at=LATER, given=NOTHING).ticket
    assert again.bounced == 0


def test_every_move_has_a_reason_also_where_nobody_gave_one() -> None:
    assert set(STANDING) == set(STATES)
    step = walk(ticket(), ("accepted", "resolved"), actor="ep_oa", at=LATER, given=SOLVED)
    assert [(line.implied, line.reason) for line in step.moves] == [(True, "taken on"), (False, "reported as resolved")]
    said = walk(ticket(), ("rejected",), actor="ky_1", at=LATER, given=NOTHING, reason="not ours")
    assert said.moves[0].reason == "not ours"
