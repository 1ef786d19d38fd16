"""A person's move: one legal step against the version that was seen."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.cases.ticket import MOVES
from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.services.cases.move_ticket import MoveTicket
from tests.builders import AT, WORKSPACE, ticket
from tests.fakes.tickets import FakeClock, FakeTickets

ID = ticket().id


@pytest.fixture
def tickets() -> FakeTickets:
    return FakeTickets(rows={(WORKSPACE, ID): ticket()})


@pytest.fixture
def service(tickets: FakeTickets) -> MoveTicket:
    return MoveTicket(tickets=tickets, clock=FakeClock(AT))


def ask(service: MoveTicket, to: str, version: int = 1, **given: Any) -> Any:
    return service(WORKSPACE, ID, to=to, version=version, actor="ky_1", **given)


def test_a_legal_move_is_written_with_actor_and_reason(service: MoveTicket, tickets: FakeTickets) -> None:
    moved = ask(service, "accepted", reason=" mine\u0000 ")
    assert (moved.state, moved.version) == ("accepted", 2)
    assert tickets.rows[WORKSPACE, ID] == moved
    (line,) = tickets.moves(WORKSPACE, ID)
    assert (line.actor, line.reason, line.implied) == ("ky_1", "mine\ufffd", False)


def test_a_move_that_speaks_for_itself_has_its_reason_too(service: MoveTicket, tickets: FakeTickets) -> None:
    ask(service, "accepted")
    ask(service, "in_progress", 2)
    assert [line.reason for line in tickets.moves(WORKSPACE, ID)] == ["taken on", "work has begun"]


def test_a_number_that_a_colleague_quotes_is_not_kept(service: MoveTicket, tickets: FakeTickets) -> None:
    moved = ask(service, "accepted", reason="回电 13987254361", root_cause="见 13987254361")
    (line,) = tickets.moves(WORKSPACE, ID)
    assert (line.reason, moved.root_cause) == ("回电 〔手机号〕", "见 〔手机号〕")


@pytest.mark.parametrize("reason", [None, "", " \n"])
def test_a_case_is_not_rejected_without_a_reason(service: MoveTicket, tickets: FakeTickets, reason: str | None) -> None:
    with pytest.raises(Invalid, match=r"^Rejecting a case needs a reason\.$") as refusal:
        ask(service, "rejected", reason=reason)
    assert (refusal.value.code, refusal.value.pointer, tickets.lines) == ("no_reason", "/reason", {})
    assert ask(service, "rejected", reason="he called by mistake").state == "rejected"


def test_the_whole_way_to_closed(service: MoveTicket, tickets: FakeTickets) -> None:
    ask(service, "accepted", 1)
    resolved = ask(service, "resolved", 2, root_cause="carton too thin", action="sent a new one")
    assert (resolved.incomplete, resolved.root_cause) == (False, "carton too thin")
    ask(service, "verifying", 3)
    assert ask(service, "closed", 4).version == 5


def test_an_illegal_move_names_the_legal_ones(service: MoveTicket, tickets: FakeTickets) -> None:
    with pytest.raises(Conflict, match=r"^A ticket that is open cannot become resolved\.$") as refusal:
        ask(service, "resolved", root_cause="a", action="b")
    assert (refusal.value.code, refusal.value.allowed) == ("illegal_move", MOVES["open"])
    assert tickets.lines == {}


def test_another_version_is_a_conflict(service: MoveTicket) -> None:
    with pytest.raises(Conflict, match=r"^The ticket is at another version by now\.$") as refusal:
        ask(service, "accepted", version=2)
    assert (refusal.value.code, refusal.value.pointer) == ("version_conflict", "/version")


def test_somebody_faster_is_a_conflict_too(service: MoveTicket, tickets: FakeTickets) -> None:
    tickets.lose = 1
    with pytest.raises(Conflict) as refusal:
        ask(service, "accepted")
    assert refusal.value.code == "version_conflict"


@pytest.mark.parametrize("given", [{}, {"root_cause": "a"}, {"action": "b"}, {"root_cause": " ", "action": "b"}])
def test_resolved_needs_root_cause_and_action(service: MoveTicket, tickets: FakeTickets, given: dict[str, str]) -> None:
    ask(service, "accepted")
    with pytest.raises(Invalid, match=r"^Root cause and action are needed before a ticket is resolved\.$") as refusal:
        ask(service, "resolved", 2, **given)
    assert refusal.value.code == "resolution_incomplete"
    assert tickets.rows[WORKSPACE, ID].state == "accepted"


def test_an_unknown_ticket_and_a_foreign_one_look_alike(service: MoveTicket) -> None:
    answers = []
    for workspace, ticket_id in ((WORKSPACE, "tk_unknown"), ("other", ID)):
        with pytest.raises(NotFound) as refusal:
            service(workspace, ticket_id, to="accepted", version=1, actor="ky_1")
        answers.append((refusal.value.code, refusal.value.message))
    assert answers[0] == answers[1] == ("not_found", "There is no such thing here.")
