"""Parts of cases and duplicates through the API: what is listed where, and what is refused how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.ids import child_ticket_id
from tests.builders_admin import OURS, Office, composed

TICKET = "/v1/tickets/{ticket_id}"
WHOLE = f"tk_{OURS}"
PARTS = {one: child_ticket_id(OURS, f"fb_{OURS}", one) for one in ("logistics", "care")}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """With one case that is divided."""
    with composed(monkeypatch, Office()) as made:
        made.ticket(parts=tuple(PARTS))
        for department, identity in PARTS.items():
            made.ticket(id=identity, parent=WHOLE, part=department, departments=(department,))
        yield made


def listed(office: Office, key: str | None = None, **query: str) -> list[str]:
    return [one["id"] for one in office.call("GET", "/v1/tickets", key=key, query=query).json["items"]]


def test_a_case_shows_its_parts_and_a_part_its_case(office: Office) -> None:
    told = office.call("GET", TICKET, path={"ticket_id": WHOLE}).json
    assert [(one["id"], one["part"], one["state"]) for one in told["children"]] == [
        (identity, department, "open") for department, identity in PARTS.items()
    ]
    part = office.call("GET", TICKET, path={"ticket_id": PARTS["care"]}).json
    assert (part["parent"], part["part"], part["parts"], part["children"]) == (WHOLE, "care", [], [])


def test_parts_are_listed_by_their_parent(office: Office) -> None:
    assert listed(office, parent=WHOLE) == list(PARTS.values())
    assert listed(office, parent=WHOLE, department="care") == [PARTS["care"]]
    assert listed(office, parent=WHOLE, state="closed") == []
    assert listed(office, parent=PARTS["care"]) == []


def test_another_shops_case_has_no_parts_to_list(office: Office) -> None:
    held = office.new_key("store", unit="BJ/001")
    answer = office.call("GET", "/v1/tickets", key=held, query={"parent": WHOLE})
    assert (answer.status, answer.code) == (404, "not_found")


def test_a_case_is_not_put_away_before_its_parts(office: Office) -> None:
    body = {"to": "rejected", "version": 1, "reason": "no case"}
    answer = office.call("POST", f"{TICKET}/transitions", body, path={"ticket_id": WHOLE})
    assert (answer.status, answer.code) == (409, "children_open")
    assert answer.json["detail"] == (
        f"Parts of this case are not closed: {PARTS['logistics']} (open), {PARTS['care']} (open)."
    )


def mark(office: Office, what: str, **body: Any) -> Any:
    return office.call("POST", f"{TICKET}/{what}", body, path={"ticket_id": "tk_twin"})


def test_a_duplicate_is_marked_and_unmarked(office: Office) -> None:
    before = office.ticket(id="tk_twin")
    merged = mark(office, "duplicate", of=WHOLE, version=1, reason="told twice, call 13987254361")
    assert (merged.status, merged.json["state"], merged.json["version"]) == (200, "merged", 2)
    assert office.tickets.lines[OURS, "tk_twin", 2].reason == "told twice, call 〔手机号〕"
    again = mark(office, "duplicate", of=WHOLE, version=2, reason="told twice")
    assert (again.status, again.code) == (409, "illegal_move")
    back = mark(office, "duplicate/undo", version=2, reason="another parcel")
    assert (back.status, back.json["state"], back.json["departments"]) == (200, "open", list(before.departments))
    assert office.cases.sides == {}
    none = mark(office, "duplicate/undo", version=3, reason="another parcel")
    assert (none.status, none.code, none.json["detail"]) == (409, "not_merged", "This ticket is no duplicate.")


def test_analysts_read_and_mark_nothing(office: Office) -> None:
    office.ticket(id="tk_twin")
    held = office.new_key("analyst")
    body = {"of": WHOLE, "version": 1, "reason": "told twice"}
    answer = office.call("POST", f"{TICKET}/duplicate", body, path={"ticket_id": "tk_twin"}, key=held)
    assert (answer.status, answer.code) == (403, "forbidden")
    assert office.tickets.rows[OURS, "tk_twin"].state == "open"
