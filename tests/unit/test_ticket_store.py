"""What a ticket costs where it is written, and in which order its rows are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.cases.sla import Timed
from chalicelib.domain.cases.ticket import Move, Ticket, history_line
from chalicelib.domain.time.clocks import Clocks
from chalicelib.storage.cases import ticket_rows as rows
from chalicelib.storage.cases.open_cases import OpenCases, open_case_row
from chalicelib.storage.cases.tickets import LOOK_AFTER, TicketStore
from chalicelib.storage.due import DueRow
from chalicelib.storage.table import Row, bind
from tests.builders import AT, WORKSPACE, ticket

CUSTOMERS = ticket(customer="cu_one")
OPENED_AT = "2026-11-21T08:00:00.000Z"
FIRST_ALARM = f"clock#{CUSTOMERS.id}#{OPENED_AT}"
OPENED = Move(1, "", "open", "echoloop", AT, reason="builtin-unhappy", owner="u_li", departments=("logistics",))
MOVED = replace(CUSTOMERS, version=2, state="accepted", change="moved", first=OPENED)
LINE = history_line(CUSTOMERS, MOVED, actor="u_li", reason=None)


class Table:
    """A botocore client that keeps what it is asked, as operation and sort keys, and answers out of ``items``."""

    _request_signer = None

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.items: list[dict[str, Any]] = []
        self.put: list[dict[str, Any]] = []
        self.asked_if: dict[str, list[str]] = {}  # sort key → the values of the condition of what was deleted
        self.taken = ""  # the error of every write that has a condition

    def _make_api_call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "Query":
            found = self._between(*(value["S"] for value in request["ExpressionAttributeValues"].values()))
            self.asked.append((operation,))
            return {"Items": found, "Count": len(found), "ScannedCount": len(found)}
        if operation == "BatchGetItem":
            keys = request["RequestItems"]["table"]["Keys"]
            self.asked.append((operation, str(len(keys))))
            found = [one for one in self.items if {name: one[name] for name in ("pk", "sk")} in keys]
            return {"Responses": {"table": found}, "UnprocessedKeys": {}}
        rows_ = [request] if "TransactItems" not in request else [only(one) for one in request["TransactItems"]]
        self.asked.append((operation, *((one.get("Item") or one["Key"])["sk"]["S"] for one in rows_)))
        if operation == "GetItem":
            found = [one for one in self.items if one["sk"] == request["Key"]["sk"]]
            return {"Item": found[0]} if found else {}
        self.put += [one["Item"] for one in rows_ if "Item" in one]
        if operation == "DeleteItem" and "ConditionExpression" in request:
            values = request["ExpressionAttributeValues"].values()
            self.asked_if[request["Key"]["sk"]["S"]] = [value["S"] for value in values if "S" in value]
        if self.taken and "ConditionExpression" in request:
            raise ClientError({"Error": {"Code": self.taken, "Message": ""}}, operation)
        return {}

    def _between(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        return [one for one in self.items if one["pk"]["S"] == pk and one["sk"]["S"].startswith(prefix)]


def first_alarm(table: Table) -> Any:
    """What the first row that was put tells whoever is called by it."""
    return DueRow.from_raw_data(table.put[0]).doc


def only(write: dict[str, Any]) -> dict[str, Any]:
    """What is put or deleted by one item of a transaction."""
    (request,) = write.values()
    return dict(request)


@pytest.fixture
def table() -> Iterator[Table]:
    before, client = Row.Meta.table_name, Row.shared_client
    made = Table()
    bind("table", made)
    yield made
    Row.Meta.table_name, Row.shared_client = before, client


def timed(marked: tuple[str, ...] = ()) -> TicketStore:
    """A store whose every ticket has an alarm in an hour."""

    def time(one: Ticket, _: Sequence[Move]) -> Timed:
        alarm = AT + timedelta(hours=1)
        return Timed(replace(one, clocks=Clocks("medium", None, 1, alarm=alarm)), alarm=alarm, marked=marked)

    return TicketStore(time)


def test_an_opening_is_one_row_after_those_that_lead_to_it(table: Table) -> None:
    assert timed().create(replace(CUSTOMERS, owner="u_li"), OPENED)
    assert table.asked == [
        ("PutItem", FIRST_ALARM),
        ("PutItem", f"{OPENED_AT}#{CUSTOMERS.id}"),
        ("PutItem", CUSTOMERS.id),
        ("PutItem", "TK"),
    ]


def test_the_first_alarm_names_the_rows_that_come_after_it(table: Table) -> None:
    timed().create(replace(CUSTOMERS, owner="u_li"), OPENED)
    assert first_alarm(table) == {
        "kind": "clock",
        "workspace": WORKSPACE,
        "ticket": CUSTOMERS.id,
        "at": (AT + timedelta(hours=1)).isoformat(),
        "opening": {"customer": "cu_one", "owner": "u_li", "at": AT.isoformat()},
    }


def test_an_opening_without_a_clock_is_looked_at_all_the_same(table: Table) -> None:
    assert TicketStore().create(CUSTOMERS, OPENED)
    assert [sk for _, sk in table.asked] == [FIRST_ALARM, f"{OPENED_AT}#{CUSTOMERS.id}", "TK"]
    assert table.put[0]["pk"]["S"].startswith("DUE#2026-11-21T09:00#")
    assert first_alarm(table)["at"] == (AT + LOOK_AFTER).isoformat()


def test_an_opening_that_nothing_leads_to_has_only_the_alarm_of_its_clock(table: Table) -> None:
    assert TicketStore().create(replace(CUSTOMERS, customer=None), OPENED)
    assert table.asked == [("PutItem", "TK")]


def test_what_an_opening_left_is_forgotten_and_nothing_of_another_one(table: Table) -> None:
    opening = {"customer": "cu_one", "owner": "u_li", "at": AT.isoformat()}
    TicketStore().forget(WORKSPACE, CUSTOMERS.id, opening)
    assert table.asked == [("DeleteItem", f"{OPENED_AT}#{CUSTOMERS.id}"), ("DeleteItem", CUSTOMERS.id)]
    assert table.asked_if == {CUSTOMERS.id: [OPENED_AT]}, "the owner's row is the same for every opening"


def test_what_another_opening_has_written_again_stays(table: Table) -> None:
    table.taken = "ConditionalCheckFailedException"
    TicketStore().forget(WORKSPACE, CUSTOMERS.id, {"customer": None, "owner": "u_li", "at": AT.isoformat()})
    assert table.asked == [("DeleteItem", CUSTOMERS.id)]


def test_where_another_opening_came_to_the_ticket_only_the_dead_ones_customer_is_forgotten(table: Table) -> None:
    dead = {"customer": "cu_two", "owner": "u_li", "at": (AT - timedelta(seconds=5)).isoformat()}
    TicketStore().forget(WORKSPACE, CUSTOMERS.id, dead, replace(CUSTOMERS, owner="u_li"))
    assert table.asked == [("DeleteItem", f"2026-11-21T07:59:55.000Z#{CUSTOMERS.id}")]


def test_nothing_of_the_opening_that_came_to_its_ticket_is_forgotten(table: Table) -> None:
    opening = {"customer": "cu_one", "owner": "u_li", "at": AT.isoformat()}
    TicketStore().forget(WORKSPACE, CUSTOMERS.id, opening, replace(CUSTOMERS, owner="u_li"))
    assert table.asked == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"parent": "tk_whole"}, {"customer": None, "owner": "u_li"}),
        ({"owner": None}, {"customer": "cu_one", "owner": None}),
    ],
    ids=["a part is no case of its customer's own", "nobody has it yet"],
)
def test_the_first_alarm_names_no_row_that_is_not_written(
    table: Table, changes: dict[str, Any], named: dict[str, str | None]
) -> None:
    timed().create(replace(CUSTOMERS, **{"owner": "u_li", **changes}), OPENED)
    assert first_alarm(table)["opening"] == {**named, "at": AT.isoformat()}


def test_a_part_is_two_rows(table: Table) -> None:
    assert timed().create(replace(CUSTOMERS, parent="tk_whole"), OPENED)
    assert table.asked == [("PutItem", f"clock#{CUSTOMERS.id}"), ("PutItem", "TK")]


@pytest.mark.parametrize("taken", ["ConditionalCheckFailedException", "TransactionConflictException"])
def test_an_opening_that_came_too_late_says_so(table: Table, taken: str) -> None:
    table.taken = taken
    assert not timed().create(CUSTOMERS, OPENED)


def test_a_deadline_that_waits_for_a_year_waits_together_with_its_ticket(table: Table) -> None:
    assert timed(("CN#2027",)).create(replace(CUSTOMERS, customer=None), OPENED)
    (_, (operation, *together)) = table.asked
    assert (operation, together) == ("TransactWriteItems", ["TK", f"CN#2027#{WORKSPACE}#{CUSTOMERS.id}"])


def test_a_change_is_ticket_and_line_together_after_its_alarm(table: Table) -> None:
    assert timed().update(MOVED, (LINE,), expected_version=1)
    assert table.asked == [
        ("PutItem", f"clock#{CUSTOMERS.id}"),
        ("TransactWriteItems", "TK", "MOVE#000002"),
    ]


@pytest.mark.parametrize("line", [OPENED, Move(1, "", "open", "echoloop", AT)])
def test_a_ticket_keeps_the_line_that_it_was_opened_with(line: Move) -> None:
    kept = replace(MOVED, first=line)
    assert rows.ticket_of(rows.TicketRow.from_raw_data(rows.ticket_row(kept).serialize())) == kept


def test_a_history_begins_with_the_ticket_itself(table: Table) -> None:
    table.items = [
        rows.ticket_row(MOVED).serialize(),
        rows.move_row(WORKSPACE, MOVED.id, LINE).serialize(),
    ]
    assert TicketStore().moves(WORKSPACE, MOVED.id) == (OPENED, LINE)


def test_a_history_of_before_is_read_as_it_lies(table: Table) -> None:
    table.items = [rows.move_row(WORKSPACE, MOVED.id, line).serialize() for line in (OPENED, LINE)]
    assert TicketStore().moves(WORKSPACE, MOVED.id) == (OPENED, LINE)
    assert table.asked == [("Query",)]


def test_of_a_ticket_that_there_is_not_there_is_no_history(table: Table) -> None:
    assert TicketStore().moves(WORKSPACE, "tk_none") == ()


def test_a_ticket_that_is_just_being_opened_is_neither_counted_nor_forgotten(table: Table) -> None:
    mine, other = (ticket(id=name, owner="u_li") for name in ("tk_mine", "tk_other"))
    gone = ticket(id="tk_gone", owner="u_li")
    table.items = [row.serialize() for one in (mine, other, gone) if (row := open_case_row(one))]
    table.items += [rows.ticket_row(one).serialize() for one in (mine, replace(other, owner="u_wang"))]
    assert OpenCases().count(WORKSPACE, "u_li") == 1
    assert table.asked == [("Query",), ("BatchGetItem", "3"), ("DeleteItem", "tk_other")]


def test_a_divided_case_is_its_owners_and_is_not_counted(table: Table) -> None:
    whole = ticket(id="tk_whole", owner="u_li", parts=("care", "logistics"))
    row = open_case_row(whole)
    assert row is not None
    table.items = [row.serialize(), rows.ticket_row(whole).serialize()]
    assert OpenCases().count(WORKSPACE, "u_li") == 0
    table.items = [row.serialize(), rows.ticket_row(whole).serialize()]
    found, ended = OpenCases().page(WORKSPACE, "u_li", after="", limit=2)
    assert ([one.id for one in found], ended) == (["tk_whole"], None)


def test_a_page_of_open_cases_says_where_it_ended(table: Table) -> None:
    mine, others = ticket(id="tk_1", owner="u_li"), ticket(id="tk_2", owner="u_li")
    table.items = [row.serialize() for one in (mine, others) if (row := open_case_row(one))]
    table.items += [rows.ticket_row(one).serialize() for one in (mine, replace(others, owner="u_wang"))]
    found, ended = OpenCases().page(WORKSPACE, "u_li", after="", limit=2)
    assert ([one.id for one in found], ended) == (["tk_1"], "tk_2")
    assert table.asked[-1] == ("DeleteItem", "tk_2")


def test_a_case_that_two_openings_named_is_shown_once(table: Table) -> None:
    again = replace(CUSTOMERS, opened_at=AT + timedelta(seconds=1))
    table.items = [rows.customer_case_row(one).serialize() for one in (CUSTOMERS, again)]
    table.items.append(rows.ticket_row(CUSTOMERS).serialize())
    assert [one.id for one in TicketStore().of_customer(WORKSPACE, "cu_one", limit=5)] == [CUSTOMERS.id]
    assert table.asked == [("Query",), ("BatchGetItem", "1")]


def test_a_case_is_not_shown_to_whom_an_opening_that_came_too_late_took_it_for(table: Table) -> None:
    taken_for = replace(CUSTOMERS, customer="cu_two")
    table.items = [rows.customer_case_row(one).serialize() for one in (CUSTOMERS, taken_for)]
    table.items.append(rows.ticket_row(CUSTOMERS).serialize())
    assert TicketStore().of_customer(WORKSPACE, "cu_two", limit=5) == []
    assert [one.id for one in TicketStore().of_customer(WORKSPACE, "cu_one", limit=5)] == [CUSTOMERS.id]
