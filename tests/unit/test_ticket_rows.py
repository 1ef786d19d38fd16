"""Rows of tickets: everything that goes in comes out, and the top level holds what conditions and indexes need."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.cases.case import Link, Note, Verdict, lot_of
from chalicelib.domain.cases.playbook import Chosen
from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.outbound.callback import ExternalItem
from chalicelib.errors import Invalid
from chalicelib.storage import cursor as cursors
from chalicelib.storage.cases import case_rows
from chalicelib.storage.cases import ticket_rows as rows
from chalicelib.storage.cases.case_rows import LinkRow, NoteRow, VerdictRow
from chalicelib.storage.cases.tickets import TicketStore
from tests.builders import AT, WORKSPACE, reason, ticket

FULL: dict[str, Any] = {
    "version": 7,
    "state": "merged",
    "former_state": "accepted",
    "owner": "ky_1",
    "root_cause": "纸箱太薄",
    "action": "重发",
    "incomplete": True,
    "verification": "no_answer",
    "due_at": AT + timedelta(days=1),
    "reopened": 2,
    "bounced": 1,
    "updated_at": AT + timedelta(microseconds=1),
    "change": "moved",
    "reasons": (reason(), reason("vip", version=3, severity="high", lapsed=True)),
    "departments": ("logistics", "客服"),
    "assigned": True,
    "customer": "cu_one",
    "parts": ("logistics", "客服"),
    "unopened": ("客服",),
    "red_lines": ("injury",),
    "closed_at": AT,
    "topics": ("a", "b.c"),
    "complained": False,
    "titles": {"zh-CN": "评分 1/5：破损", "en": "rating 1/5: damaged"},
    "playbook": Chosen("a", "own-1~2"),
    "set_aside": (None,),
}


@pytest.mark.parametrize(
    "one",
    [
        ticket(),
        ticket(**FULL),
        ticket(set_aside=(Chosen("b", "own-1"),)),
        ticket(unit=None, touchpoint=None, departments=()),
    ],
)
def test_a_ticket_survives_the_table(one: Ticket) -> None:
    stored = rows.ticket_row(one).serialize()
    found = rows.ticket_of(rows.TicketRow.from_raw_data(stored))
    assert (found, found.titles) == (one, one.titles)


def test_a_row_of_before_playbooks_is_read() -> None:
    row = rows.ticket_row(ticket())
    row.doc = {name: value for name, value in row.doc.items() if name != "playbook"}
    assert rows.ticket_of(row) == ticket()


def test_a_row_of_before_the_time_of_closing_was_kept_keeps_the_month_that_it_was_closed_in() -> None:
    row = rows.ticket_row(ticket(state="closed", updated_at=AT))
    row.doc = {name: value for name, value in row.doc.items() if name != "closed_at"}
    closed = rows.ticket_of(row)
    confirmed = replace(closed, verification="satisfied", version=2, updated_at=AT + timedelta(days=40))
    read_again = rows.ticket_of(rows.ticket_row(confirmed))
    assert (closed.closed_at, read_again.closed_at) == (AT, AT)
    assert (lot_of(closed).month, lot_of(read_again).month) == ("2026-11", "2026-11")


def test_the_top_level_holds_what_the_stream_and_the_index_need() -> None:
    stored = rows.ticket_row(ticket(**FULL)).serialize()
    assert set(stored) >= {"workspace", "id", "version", "state", "severity", "unit", "touchpoint", "departments"}
    assert set(stored) >= {"feedback", "verification", "incomplete", "change", *rows.LISTED}
    assert stored["list_sk"] == {"S": f"2026-11-21T08:00:00.000Z#{ticket().id}"}
    assert "纸箱" not in str({name: value for name, value in stored.items() if name != "doc"})


@pytest.mark.parametrize(
    "move",
    [
        Move(1, "", "open", "echoloop", AT),
        Move(2, "open", "accepted", "ep_1/李四", AT, reason="备注", implied=True, root_cause="x", action="y"),
        Move(3, "accepted", "open", "ky_1", AT, owner="李四", departments=("logistics",)),
        Move(4, "open", "open", "ky_1", AT, departments=()),
    ],
)
def test_a_line_of_history_survives_the_table(move: Move) -> None:
    row = rows.move_row(WORKSPACE, "tk_1", move)
    assert row.sk == f"MOVE#{move.version:06d}"
    assert rows.move_of(rows.MoveRow.from_raw_data(row.serialize())) == move


@pytest.mark.parametrize("version", [None, 0, 10**37])
def test_an_item_of_an_oa_survives_the_table(version: int | None) -> None:
    item = ExternalItem(WORKSPACE, "ep_1", "OA-九#1", "tk_1", AT, version)
    row = rows.external_item_row(item)
    assert rows.external_item_of(rows.ExternalItemRow.from_raw_data(row.serialize())) == item


def test_stamps_differ_where_knowledge_differs() -> None:
    items = [
        ExternalItem(WORKSPACE, "ep_1", "OA-1", "tk_1", at, version)
        for at in (AT, AT + timedelta(microseconds=1))
        for version in (None, 0, 1)
    ]
    assert len({rows.external_stamp(item) for item in items}) == len(items)


@pytest.mark.parametrize(
    "position", [None, 7, "x", "2026-11-21T08:00:00.000Z#fb_x", "9999-99-99T99:99:99.999Z#tk_" + "a" * 26]
)
def test_a_made_up_position_is_refused_before_the_table_is_asked(position: Any) -> None:
    until = AT + timedelta(days=1)
    scope = "\n".join(("changed", WORKSPACE, "2026-11-21T08:00:00.000Z", "2026-11-22T08:00:00.000Z"))
    cursor = cursors.encode(scope, {"at": position} if position else {})
    with pytest.raises(Invalid, match=r"^The cursor was not given out for this list\.$") as refusal:
        TicketStore().changed(WORKSPACE, AT, until, cursor=cursor)
    assert refusal.value.code == "invalid_cursor"


def test_a_case_of_a_customer_is_told_by_its_key_alone() -> None:
    row = rows.customer_case_row(ticket(customer="cu_one"))
    assert (row.pk, row.sk) == (f"CU#{WORKSPACE}#cu_one", f"2026-11-21T08:00:00.000Z#{ticket().id}")
    assert set(row.serialize()) == {"pk", "sk"}
    with pytest.raises(ValueError, match=r"^The ticket names no customer\.$"):
        rows.customer_case_row(ticket(customer=None))


def test_what_lies_beside_a_ticket_survives_the_table() -> None:
    note = Note("nt_1", "ky_1", AT, "打过电话", ("https://files.example.com/1",))
    link = Link(WORKSPACE, "tk_1", "tk_2", "duplicate_of", "ky_1", AT)
    verdict = Verdict("failed", "ky_1", AT, 7, "没有回电")
    rows_ = (case_rows.note_row(WORKSPACE, "tk_1", note), case_rows.verdict_row(WORKSPACE, "tk_1", verdict))

    assert case_rows.note_of(NoteRow.from_raw_data(rows_[0].serialize())) == note
    assert case_rows.verdict_of(VerdictRow.from_raw_data(rows_[1].serialize())) == verdict
    for side in (link, link.reversed()):
        assert case_rows.link_of(LinkRow.from_raw_data(case_rows.link_row(side).serialize())) == side
    assert link.reversed() == Link(WORKSPACE, "tk_2", "tk_1", "has_duplicate", "ky_1", AT)
    assert "电" not in repr(note) + repr(verdict)
