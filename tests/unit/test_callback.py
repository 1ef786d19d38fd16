"""What an OA says back: reading it, and what it does to a ticket whatever the order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.domain.cases.ticket import MOVES, Move, Resolution, Ticket, legal_moves, move, opened
from chalicelib.domain.outbound.callback import Callback, ExternalItem, Verdict, judge, read
from chalicelib.errors import Conflict, Invalid
from tests.builders import AT, feedback, ticket

LATER = AT + timedelta(hours=1)
BODY: dict[str, Any] = {
    "type": "ticket.status_changed",
    "data": {
        "ticket_id": "tk_1",
        "external_id": "OA-9",
        "status": "resolved",
        "version": 3,
        "root_cause": "carton\u0000too thin",
        "action": "  sent a new one ",
        "note": " ",
        "actor": "张三",
        "occurred_at": "2026-11-21T16:00:00+08:00",
    },
}


def body(**changes: Any) -> dict[str, Any]:
    """``None`` leaves a field out."""
    data = {name: value for name, value in {**BODY["data"], **changes}.items() if value is not None}
    return {**BODY, "data": data}


def callback(status: str = "resolved", version: int | None = 1, **changes: Any) -> Callback:
    return Callback(**{"ticket": ticket().id, "external_id": "OA-9", "status": status, "version": version, **changes})


def judged(one: Callback, on: Ticket, known: ExternalItem | None = None, **status_map: str) -> Verdict:
    return judge(one, on, known, endpoint="ep_1", status_map=status_map, at=LATER)


# --- reading ------------------------------------------------------------------------------------------------------


def test_a_number_that_a_colleague_quotes_is_not_kept() -> None:
    words = dict.fromkeys(("root_cause", "action", "note", "actor"), "called 139-8725-4361")
    one = read(body(**words), LATER)
    assert {one.given.root_cause, one.given.action, one.note, one.actor} == {"called 〔手机号〕"}


def test_a_whole_callback_is_read() -> None:
    assert read(BODY, LATER) == Callback(
        ticket="tk_1",
        external_id="OA-9",
        status="resolved",
        version=3,
        occurred_at=AT,
        given=Resolution("carton\ufffdtoo thin", "sent a new one"),
        note=None,
        actor="张三",
    )


def test_only_the_ids_the_status_and_an_order_are_needed() -> None:
    bare = body(root_cause=None, action=None, note=None, actor=None, occurred_at=None)
    assert read(bare, LATER).version == 3
    timed = body(version=None)
    assert read(timed, LATER).occurred_at == AT


@pytest.mark.parametrize(
    ("broken", "pointer", "message"),
    [
        ([], "/type", "The type is not ticket.status_changed."),
        ({"type": "ticket.opened", "data": {}}, "/type", "The type is not ticket.status_changed."),
        ({"type": "ticket.status_changed", "data": []}, "/data", "The data is not an object."),
        (body(ticket_id=None), "/data/ticket_id", "ticket_id is not 1 to 256 printable characters."),
        (body(ticket_id=7), "/data/ticket_id", "ticket_id is not 1 to 256 printable characters."),
        (body(external_id="x" * 257), "/data/external_id", "external_id is not 1 to 256 printable characters."),
        (body(status="resolved\u0000"), "/data/status", "status is not 1 to 256 printable characters."),
        (body(version=-1), "/data/version", "version is not a whole number from 0."),
        (body(version=True), "/data/version", "version is not a whole number from 0."),
        (body(version=1.0), "/data/version", "version is not a whole number from 0."),
        (body(version=None, occurred_at=None), "/data/occurred_at", "occurred_at is not an RFC 3339 time."),
        (body(occurred_at="yesterday"), "/data/occurred_at", "occurred_at is not an RFC 3339 time."),
        (body(occurred_at=1700000000), "/data/occurred_at", "occurred_at is not an RFC 3339 time."),
        (body(note="x" * 4001), "/data/note", "note is not text of at most 4000 characters."),
        (body(root_cause=["x"]), "/data/root_cause", "root_cause is not text of at most 4000 characters."),
        (body(actor="x" * 101), "/data/actor", "actor is not text of at most 100 characters."),
    ],
)
def test_a_broken_field_is_refused_by_its_place(broken: Any, pointer: str, message: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read(broken, LATER)
    assert (refusal.value.code, refusal.value.pointer, refusal.value.message) == ("schema_violation", pointer, message)


def test_a_time_ahead_is_refused_only_where_it_would_decide_the_order() -> None:
    ahead = "2026-11-21T23:00:00Z"
    assert read(body(occurred_at=ahead), LATER).version == 3
    with pytest.raises(Invalid, match=r"^occurred_at lies in the future\.$") as refusal:
        read(body(occurred_at=ahead, version=None), LATER)
    assert refusal.value.pointer == "/data/occurred_at"


def test_no_words_of_a_callback_are_in_its_repr() -> None:
    assert "carton" not in repr(read(BODY, LATER))
    assert "张三" not in repr(read(BODY, LATER))


# --- applying -----------------------------------------------------------------------------------------------------


def test_a_jump_is_applied_along_the_legal_way() -> None:
    verdict = judged(callback(given=Resolution("a", "b"), actor="张三", note="done"), ticket())
    assert verdict.code == "ok"
    assert verdict.step is not None
    assert (verdict.step.ticket.state, verdict.step.ticket.version) == ("resolved", 3)
    assert [(line.after, line.implied, line.actor) for line in verdict.step.moves] == [
        ("accepted", True, "ep_1/张三"),
        ("resolved", False, "ep_1/张三"),
    ]
    assert verdict.item == ExternalItem("acme", "ep_1", "OA-9", ticket().id, LATER, 1, "resolved", 3)


@pytest.mark.parametrize(
    ("note", "reason"), [(None, "rejected in the OA of HQ"), ("no case of ours", "no case of ours")]
)
def test_a_rejection_without_a_word_names_the_system_as_its_reason(note: str | None, reason: str) -> None:
    said = replace(callback("不受理"), note=note)
    mapped = {"不受理": "rejected"}
    verdict = judge(said, ticket(), None, endpoint="ep_1", status_map=mapped, at=LATER, system="the OA of HQ")
    assert verdict.step is not None
    assert [(line.after, line.reason) for line in verdict.step.moves] == [("rejected", reason)]


def test_a_resolution_without_words_is_taken_and_marked() -> None:
    step = judged(callback(), ticket()).step
    assert step is not None
    assert step.ticket.incomplete


@pytest.mark.parametrize(
    ("status", "status_map", "state"),
    [
        ("已办结", {"已办结": "resolved"}, "resolved"),
        ("closed", {}, "resolved"),
        ("done", {"done": "closed"}, "resolved"),
        ("accepted", {"accepted": "in_progress"}, "in_progress"),
    ],
)
def test_an_oas_words_are_mapped_and_its_closed_means_resolved(
    status: str, status_map: dict[str, str], state: str
) -> None:
    step = judged(callback(status), ticket(), **status_map).step
    assert step is not None
    assert step.ticket.state == state


@pytest.mark.parametrize(("status", "status_map"), [("done", {}), ("x", {"x": "nonsense"}), ("RESOLVED", {})])
def test_a_status_that_is_not_mapped_is_refused(status: str, status_map: dict[str, str]) -> None:
    with pytest.raises(Invalid, match=r"^The status is not mapped to a ticket state\.$") as refusal:
        judged(callback(status), ticket(), **status_map)
    assert (refusal.value.code, refusal.value.pointer) == ("unknown_state", "/data/status")


@pytest.mark.parametrize("state", ["resolved", "verifying", "closed"])
def test_our_own_echo_changes_nothing_but_is_remembered(state: str) -> None:
    verdict = judged(callback("closed", 4), ticket(state=state))
    assert (verdict.code, verdict.step) == ("echo", None)
    assert verdict.item is not None
    assert verdict.item.version == 4


def test_an_echo_that_brings_the_missing_words_completes_the_ticket() -> None:
    verdict = judged(callback(given=Resolution("a", "b")), ticket(state="verifying", incomplete=True))
    assert verdict.step is not None
    assert (verdict.code, verdict.step.ticket.state, verdict.step.ticket.incomplete) == ("ok", "verifying", False)


@pytest.mark.parametrize(
    ("heard", "one", "code"),
    [
        ((3, AT), callback(version=3), "duplicate"),
        ((3, AT), callback(version=2), "stale"),
        ((3, AT), callback(version=2, occurred_at=LATER), "stale"),
        ((None, AT), callback(version=None, occurred_at=AT), "duplicate"),
        ((3, AT), callback(version=None, occurred_at=AT - timedelta(seconds=1)), "stale"),
        ((3, AT), callback(version=4, occurred_at=AT - timedelta(days=1)), "ok"),
        ((3, AT), callback(version=None, occurred_at=LATER), "ok"),
        ((None, AT), callback(version=0), "ok"),
    ],
)
def test_only_what_is_newer_is_applied(heard: tuple[int | None, Any], one: Callback, code: str) -> None:
    known = ExternalItem("acme", "ep_1", "OA-9", ticket().id, heard[1], heard[0])
    verdict = judged(one, ticket(), known)
    assert verdict.code == code
    assert (verdict.item is None) is (code != "ok")


def test_an_item_stands_for_one_ticket_only() -> None:
    known = ExternalItem("acme", "ep_1", "OA-9", "tk_other", AT, 1)
    with pytest.raises(Conflict, match=r"^This external id stands for another ticket\.$") as refusal:
        judged(callback(version=9), ticket(), known)
    assert refusal.value.code == "external_id_mismatch"


@pytest.mark.parametrize(("state", "status"), [("closed", "in_progress"), ("open", "triage"), ("merged", "resolved")])
def test_a_jump_without_a_way_names_the_legal_moves(state: str, status: str) -> None:
    one = ticket(state=state, former_state="open" if state == "merged" else None)
    with pytest.raises(Conflict, match=f"^A ticket that is {state} cannot become {status}\\.$") as refusal:
        judged(callback(status), one)
    assert (refusal.value.code, refusal.value.allowed) == ("illegal_move", legal_moves(one))


def test_a_merged_ticket_is_taken_up_by_its_former_state() -> None:
    step = judged(callback("accepted"), ticket(state="merged", former_state="accepted")).step
    assert step is not None
    assert step.ticket.state == "accepted"


# --- the whole life, in any order ---------------------------------------------------------------------------------

# Where an OA's own item may go: closing is ours, and merging it is not an OA's way of working.
_OA_MOVES = {
    state: [to for to in moves if to not in ("closed", "merged", "verifying")] for state, moves in MOVES.items()
}


class Life(RuleBasedStateMachine):
    """One ticket, an OA that works on its item, a network that repeats and reorders, a foreign endpoint, a person."""

    @initialize()
    def open(self) -> None:
        step = opened(feedback(), "title", AT)
        self.ticket, self.history = step.ticket, list(step.moves)
        self.items: dict[str, ExternalItem] = {}
        self.sent: list[Callback] = []
        self.oa_state, self.moved_by_hand = "open", False

    @rule(data=st.data())
    def oa_goes_on(self, data: st.DataObject) -> None:
        self.oa_state = data.draw(st.sampled_from(_OA_MOVES[self.oa_state]))
        self.sent.append(callback(self.oa_state, len(self.sent) + 1))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def network_delivers_any(self, data: st.DataObject) -> None:
        self.deliver(data.draw(st.sampled_from(self.sent)))

    @precondition(lambda self: self.sent)
    @rule()
    def network_delivers_the_newest(self) -> None:
        self.deliver(self.sent[-1])
        if not self.moved_by_hand:
            assert self.ticket.state == self.oa_state

    @rule(status=st.sampled_from(sorted(MOVES)))
    def foreign_item_speaks(self, status: str) -> None:
        """An item that stands for another ticket moves nothing here."""
        before = self.ticket
        known = ExternalItem("acme", "ep_2", "OA-9", "tk_other", AT, 1)
        with pytest.raises(Conflict):
            judge(callback(status, 99), self.ticket, known, endpoint="ep_2", status_map={}, at=LATER)
        assert self.ticket == before

    @precondition(lambda self: legal_moves(self.ticket))
    @rule(data=st.data())
    def person_moves(self, data: st.DataObject) -> None:
        to = data.draw(st.sampled_from(legal_moves(self.ticket)))
        if to == "closed" and self.ticket.incomplete:
            return
        before, self.ticket = self.ticket, move(self.ticket, to, LATER)
        self.history.append(Move(self.ticket.version, before.state, to, "ky_1", LATER))
        self.moved_by_hand = True

    def deliver(self, one: Callback) -> None:
        known = self.items.get("OA-9")
        try:
            verdict = judge(one, self.ticket, known, endpoint="ep_1", status_map={}, at=LATER)
        except Conflict:
            assert self.ticket.state in ("closed", "merged") or one.status == "triage"
            return
        if known is not None and one.version is not None and known.version is not None and one.version <= known.version:
            assert verdict == Verdict("duplicate" if one.version == known.version else "stale")
        if verdict.item is not None:
            self.items["OA-9"] = verdict.item
        if verdict.step is not None:
            self.ticket = verdict.step.ticket
            self.history.extend(verdict.step.moves)

    @invariant()
    def history_has_no_gap_and_only_legal_steps(self) -> None:
        assert [line.version for line in self.history] == list(range(1, self.ticket.version + 1))
        assert self.history[-1].after == self.ticket.state
        for earlier, later in zip(self.history, self.history[1:], strict=False):
            assert later.before == earlier.after
            assert later.before == "merged" or later.after in MOVES[later.before]

    @invariant()
    def only_a_resolved_case_can_be_incomplete(self) -> None:
        assert not self.ticket.incomplete or self.ticket.state in ("resolved", "verifying")


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_the_newest_version_wins_over_whatever_came_before() -> None:
    """Version 3 overtakes 1 and 2; nothing that comes after it moves the ticket."""
    one, known = ticket(), None
    for version, status in ((3, "resolved"), (1, "accepted"), (2, "in_progress"), (3, "resolved")):
        verdict = judged(callback(status, version), one, known)
        one = verdict.step.ticket if verdict.step else one
        known = verdict.item or known
    assert (one.state, one.version) == ("resolved", 3)
    assert known is not None
    assert replace(known, version=None) == ExternalItem("acme", "ep_1", "OA-9", one.id, LATER, None, "resolved", 3)
