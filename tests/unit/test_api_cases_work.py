"""Working on a case through the API: hands, notes, links, the customer's other cases, audits, unattended voices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.domain.cases.case import MOST_LINKS, Link, drawn, lot_of
from chalicelib.domain.cases.ticket import Move, opened
from chalicelib.domain.events import ticket_events
from chalicelib.domain.ids import customer_key
from chalicelib.domain.workspaces.organisation import Department, Organisation, Person, Post
from chalicelib.storage import images
from chalicelib.storage.cases.case_rows import link_row, note_row, verdict_row
from chalicelib.wiring import workspaces
from tests import builders
from tests.builders_admin import NOW, OURS, THEIRS, Office, composed
from tests.fakes.gateway import Answer

TICKET = "/v1/tickets/{ticket_id}"
CANARY = "CANARY-note"
CUSTOMER = customer_key(OURS, "CUST-1")


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def do(office: Office, what: str, body: Any, *, ticket: str = f"tk_{OURS}", key: str | None = None) -> Answer:
    return office.call("POST", f"{TICKET}/{what}", body, path={"ticket_id": ticket}, key=key)


def shown(office: Office, ticket: str = f"tk_{OURS}", key: str | None = None) -> Any:
    return office.call("GET", TICKET, path={"ticket_id": ticket}, key=key).json


# --- hands --------------------------------------------------------------------------------------------------------


def test_a_case_goes_through_hands_and_the_ticket_tells_it(office: Office) -> None:
    first = office.ticket(departments=("logistics",))
    office.tickets.lines[OURS, first.id, 1] = Move(1, "", "open", "echoloop", NOW, departments=("logistics",))
    office.now += timedelta(minutes=30)
    claimed = do(office, "claim", {"version": 1, "owner": "李四"}).json
    office.now += timedelta(minutes=30)
    handed = do(office, "reassign", {"version": 2, "department": "service", "reason": "见 13987254361"}).json
    office.now += timedelta(minutes=10)

    told = shown(office)

    assert (claimed["state"], claimed["owner"]) == ("accepted", "李四")
    assert (handed["state"], handed["owner"], handed["departments"], handed["bounces"]) == (
        "open",
        None,
        ["service"],
        1,
    )
    assert told["history"][2]["reason"] == "见 〔手机号〕"
    assert told["history"][2]["handed"] == {
        "from": {"owner": "李四", "departments": ["logistics"]},
        "to": {"owner": None, "departments": ["service"]},
    }
    assert told["history"][0]["handed"] is None
    assert told["queues"] == {"logistics": 3600, "service": 600}


def test_who_claims_without_a_name_is_the_key(office: Office) -> None:
    office.ticket()
    store = office.new_key("store", unit="SH/001")
    taken = do(office, "claim", {"version": 1}, key=store).json
    again = do(office, "claim", {"version": 2}, key=store).json
    other = do(office, "claim", {"version": 2})

    assert taken["owner"].startswith("ky_")
    assert again["version"] == 2
    assert (other.status, other.code) == (409, "already_claimed")


@pytest.mark.parametrize(
    ("what", "body", "status", "code"),
    [
        ("claim", {"version": 2}, 409, "version_conflict"),
        ("claim", {"version": 1, "owner": ""}, 422, "schema_violation"),
        ("reassign", {"version": 2, "department": "service", "reason": "r"}, 409, "version_conflict"),
        ("reassign", {"version": 1, "reason": "r"}, 422, "schema_violation"),
        ("reassign", {"version": 1, "department": "service"}, 422, "schema_violation"),
        ("reassign", {"version": 1, "department": "service", "reason": "  "}, 422, "no_reason"),
        ("reassign", {"version": 1, "department": "logistics", "reason": "r"}, 422, "nothing_changes"),
        ("resolution", {"version": 2, "action": "a"}, 409, "version_conflict"),
        ("audit", {"verdict": "passed"}, 409, "not_closed"),
        ("audit", {"verdict": "fine"}, 422, "schema_violation"),
        ("notes", {}, 422, "note_empty"),
        ("notes", {"text": " "}, 422, "note_empty"),
        ("notes", {"attachments": ["http://files.example.com/a"]}, 422, "schema_violation"),
        ("notes", {"attachments": ["javascript:alert(1)"]}, 422, "schema_violation"),
        ("notes", {"attachments": ["https://user:word@files.example.com/a"]}, 422, "schema_violation"),
        ("notes", {"attachments": ["https://files.example.com/a b"]}, 422, "schema_violation"),
        ("notes", {"attachments": ["https://"]}, 422, "schema_violation"),
        ("links", {"ticket": f"tk_{OURS}", "kind": "related"}, 422, "links_itself"),
        ("links", {"ticket": "tk_unknown", "kind": "related"}, 404, "not_found"),
        ("links", {"ticket": f"tk_{THEIRS}", "kind": "related"}, 404, "not_found"),
        ("links", {"ticket": f"tk_{OURS}", "kind": "parent"}, 422, "schema_violation"),
    ],
)
def test_what_makes_no_sense_changes_nothing(office: Office, what: str, body: Any, status: int, code: str) -> None:
    before = office.ticket(departments=("logistics",))
    office.ticket(THEIRS)

    answer = do(office, what, body)

    assert (answer.status, answer.code) == (status, code)
    assert office.tickets.rows[OURS, before.id] == before
    assert (office.cases.written, office.cases.sides, office.cases.judged) == ({}, {}, {})


def test_an_illegal_claim_names_the_legal_moves(office: Office) -> None:
    office.ticket(state="resolved")

    claim = do(office, "claim", {"version": 1})
    handover = do(office, "reassign", {"version": 1, "owner": "li", "reason": "r"})

    for answer in (claim, handover):
        assert (answer.status, answer.code, answer.json["allowed"]) == (
            409,
            "illegal_move",
            ["verifying", "reopened"],
        )


@pytest.mark.parametrize("what", ["claim", "reassign", "resolution"])
def test_somebody_faster_is_a_conflict(office: Office, what: str) -> None:
    office.ticket()
    office.tickets.lose = 1
    body = {"version": 1, "department": "service", "reason": "r"} if what == "reassign" else {"version": 1}

    answer = do(office, what, {**body, "action": "a"} if what == "resolution" else body)

    assert (answer.status, answer.code) == (409, "version_conflict")


def test_what_an_oa_resolved_without_words_is_closed_only_with_them(office: Office) -> None:
    office.ticket(state="verifying", incomplete=True)
    refused = do(office, "transitions", {"to": "closed", "version": 1})
    half = do(office, "resolution", {"version": 1, "root_cause": "thin carton"}).json
    whole = do(office, "resolution", {"version": 2, "action": "sent another"}).json
    again = do(office, "resolution", {"version": 3, "action": "sent another"}).json
    closed = do(office, "transitions", {"to": "closed", "version": 3}).json

    assert (refused.status, refused.code) == (422, "resolution_incomplete")
    assert (half["incomplete"], whole["incomplete"], again["version"]) == (True, False, 3)
    assert (closed["state"], closed["closed_at"]) == ("closed", "2026-11-21T08:00:00Z")


class Answerable:
    """One person is answerable for care; any name will do."""

    def organisation(self, workspace: str) -> Organisation:
        return Organisation()

    def __call__(self, workspace: str, departments: Any, unit: str | None) -> str | None:
        return "wang" if (workspace, tuple(departments), unit) == (OURS, ("care",), "SH/001") else None


def test_a_department_gets_a_case_with_its_answerable_person(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspaces, "find_owner", Answerable)
    office.ticket(departments=("logistics",))
    owners = [
        do(office, "reassign", {"version": version, "department": name, "reason": "r"}).json["owner"]
        for version, name in ((1, "care"), (2, "service"))
    ]
    named = do(office, "reassign", {"version": 3, "department": "care", "owner": "li", "reason": "r"}).json["owner"]

    assert (owners, named) == (["wang", None], "li")


OFFICE = Organisation(
    version=1,
    departments=(Department("legal"),),
    people=(Person("ann", posts=(Post("*", "care"),)), Person("eve", "Eve")),
)


def test_who_claims_for_themselves_is_the_person_that_works_with_the_key(office: Office) -> None:
    held, other = office.new_key("store", unit="SH"), office.new_key("store", unit="SH")
    mine = next(one.id for one in office.directory.keys.values() if one.role == "store")
    office.organisations.put(OURS, Organisation(version=1, people=(Person("ann", key=mine),)), by="ky_1", at=NOW)
    office.ticket()
    office.ticket(id="tk_2")

    taken = do(office, "claim", {"version": 1}, key=held).json
    again = do(office, "claim", {"version": 2, "owner": "ann"}, key=held).json
    stranger = do(office, "claim", {"version": 1}, ticket="tk_2", key=other)

    assert (taken["owner"], again["version"]) == ("ann", 2)
    assert (stranger.status, stranger.code, stranger.json["pointer"]) == (422, "no_owner", "/owner")
    assert stranger.json["detail"] == "The organisation names nobody for this key: say whose it is."
    assert office.tickets.rows[OURS, "tk_2"].owner is None
    assert office.tickets.lines[OURS, taken["id"], 2].actor == mine


@pytest.mark.parametrize(
    ("what", "given", "code", "pointer", "detail"),
    [
        ("claim", {"owner": "zoe"}, "unknown_person", "/owner", "The organisation has no such person."),
        ("claim", {"owner": "Eve"}, "unknown_person", "/owner", "The organisation has no such person."),
        ("reassign", {"owner": "zoe"}, "unknown_person", "/owner", "The organisation has no such person."),
        ("reassign", {"department": "wine"}, "unknown_department", "/department", "There is no such department."),
    ],
)
def test_a_name_that_the_organisation_does_not_know_is_refused(
    office: Office, what: str, given: Any, code: str, pointer: str, detail: str
) -> None:
    office.organisations.put(OURS, OFFICE, by="ky_1", at=NOW)
    before = office.ticket(departments=("logistics",))
    reason = {"reason": "r"} if what == "reassign" else {}

    answer = do(office, what, {"version": 1, **given, **reason})

    assert (answer.status, answer.code, answer.json["pointer"], answer.json["detail"]) == (422, code, pointer, detail)
    assert office.tickets.rows[OURS, before.id] == before


@pytest.mark.parametrize("department", ["legal", "care", "customer_service"])
def test_a_department_is_known_by_the_organisation_or_by_the_code_frame(office: Office, department: str) -> None:
    office.organisations.put(OURS, OFFICE, by="ky_1", at=NOW)
    office.ticket(departments=("logistics",))

    answer = do(office, "reassign", {"version": 1, "department": department, "owner": "eve", "reason": "r"})

    assert (answer.status, answer.json["departments"], answer.json["owner"]) == (200, [department], "eve")


@pytest.mark.parametrize("name", ["13800138000", "ann@example.com"])
@pytest.mark.parametrize("what", ["claim", "reassign"])
def test_a_number_or_an_address_is_nobodys_name(office: Office, what: str, name: str) -> None:
    office.ticket()
    answer = do(office, what, {"version": 1, "owner": name, **({"reason": "r"} if what == "reassign" else {})})
    assert (answer.status, answer.code, answer.json["pointer"]) == (422, "schema_violation", "/owner")
    assert answer.json["detail"] == "A name or an id is needed, not a number or an address."


# --- roles --------------------------------------------------------------------------------------------------------

WORK = {
    "claim": {"version": 1},
    "reassign": {"version": 1, "department": "service", "reason": "r"},
    "resolution": {"version": 1, "action": "a"},
    "notes": {"text": "n"},
    "links": {"ticket": "tk_other", "kind": "related"},
    "audit": {"verdict": "passed"},
}


@pytest.mark.parametrize("what", WORK)
def test_an_analyst_and_a_machine_work_on_nothing(office: Office, what: str) -> None:
    office.ticket()
    for role in ("analyst", "integration"):
        answer = do(office, what, WORK[what], key=office.new_key(role))
        assert (answer.status, answer.code) == (403, "forbidden")


@pytest.mark.parametrize("what", WORK)
def test_a_shop_works_on_its_own_cases_only(office: Office, what: str) -> None:
    state = "closed" if what == "audit" else "open"
    for name, unit in (("tk_in", "SH/001"), ("tk_out", "BJ/001"), ("tk_other", "SH/001")):
        office.ticket(id=name, unit=unit, state=state)
    held = office.new_key("region" if what == "audit" else "store", unit="SH" if what == "audit" else "SH/001")

    inside, outside, unknown = (
        do(office, what, WORK[what], ticket=one, key=held) for one in ("tk_in", "tk_out", "tk_unknown")
    )

    assert inside.status in (200, 201)
    assert (outside.status, outside.code) == (404, "not_found")
    assert outside.body == unknown.body


def test_a_shop_does_not_judge_itself(office: Office) -> None:
    office.ticket(state="closed")
    answer = do(office, "audit", {"verdict": "passed"}, key=office.new_key("store", unit="SH/001"))
    assert (answer.status, answer.code) == (403, "forbidden")


# --- notes --------------------------------------------------------------------------------------------------------


def test_a_note_is_kept_redacted_and_read_by_colleagues(office: Office) -> None:
    office.ticket()
    link = "https://files.example.com/photo.jpg?sig=1"
    made = do(office, "notes", {"text": f"{CANARY} 13987254361", "attachments": [link]}).json
    office.now += timedelta(minutes=1)
    do(office, "notes", {"attachments": [link]})

    path = {"ticket_id": f"tk_{OURS}"}
    found = office.call("GET", TICKET + "/notes", path=path, key=office.new_key("analyst")).json["items"]

    assert (made["text"], made["attachments"], made["at"]) == (f"{CANARY} 〔手机号〕", [link], "2026-11-21T08:00:00Z")
    assert [one["text"] for one in found] == [made["text"], ""]
    assert office.call("GET", TICKET + "/notes", path=path, key=office.new_key("store", unit="BJ")).status == 404
    first = office.call("GET", TICKET + "/notes", path=path, query={"limit": "1"}).json
    second = office.call("GET", TICKET + "/notes", path=path, query={"limit": "1", "cursor": first["cursor"]}).json
    assert (first["items"] + second["items"], second["cursor"]) == (found, None)


def test_a_note_never_leaves(office: Office, capfd: pytest.CaptureFixture[str]) -> None:
    """It is no version of the ticket, its row is none that the stream tells of, and no message or log has it."""
    before = office.ticket()
    do(office, "notes", {"text": CANARY})
    ((note,), _) = office.cases.notes(OURS, before.id)

    assert office.tickets.rows[OURS, before.id] == before
    assert CANARY not in json.dumps([event.as_detail() for event in ticket_events(before)])
    assert list(images.changes([{"dynamodb": _stream(note_row(OURS, before.id, note))}])) == []
    assert office.sqs.bodies() == []
    assert CANARY not in repr(note) + capfd.readouterr().out + json.dumps(shown(office))


def test_what_sends_cannot_read_a_note() -> None:
    """Only the API's own modules know of the store: nothing that renders, delivers or publishes imports it."""
    root = Path(wiring.__file__).parents[1]
    words = ("storage.cases.cases", "storage.cases.case_rows", "case_store", "case_file")
    users = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        if any(word in file.read_text("utf-8") for word in words)
    }
    assert users == {
        "wiring/stores.py",
        "wiring/cases.py",
        "wiring/page.py",  # links alone
        "wiring/verification.py",  # for what a customer says too late
        "storage/cases/cases.py",
        "lambdas/api/cases/routes.py",
        "services/cases/mark_duplicate.py",  # links alone
    }


def test_nothing_that_lies_beside_a_ticket_is_told_by_the_stream(office: Office) -> None:
    office.ticket(state="closed")
    office.ticket(id="tk_two")
    do(office, "links", {"ticket": "tk_two", "kind": "duplicate"})
    do(office, "audit", {"verdict": "failed", "note": CANARY})
    rows = [link_row(one) for one in office.cases.sides.values()]
    rows += [verdict_row(OURS, name, one) for (_, name), one in office.cases.judged.items()]

    assert len(rows) == 3
    assert list(images.changes([{"dynamodb": _stream(row)} for row in rows])) == []


def _stream(row: Any) -> dict[str, Any]:
    image = row.serialize()
    return {"Keys": {"pk": image["pk"], "sk": image["sk"]}, "NewImage": image, "ApproximateCreationDateTime": 0}


# --- links --------------------------------------------------------------------------------------------------------


def test_a_duplicate_is_shown_on_both_moved_on_neither_and_undone_from_either(office: Office) -> None:
    one, two = office.ticket(), office.ticket(id="tk_two")
    made = do(office, "links", {"ticket": two.id, "kind": "duplicate"}).json
    again = do(office, "links", {"ticket": two.id, "kind": "duplicate"})
    otherwise = do(office, "links", {"ticket": two.id, "kind": "related"})
    seen = [[(link["ticket"], link["kind"]) for link in shown(office, name)["links"]] for name in (one.id, two.id)]

    path = {"ticket_id": two.id, "other_id": one.id}
    undone = office.call("DELETE", TICKET + "/links/{other_id}", path=path)
    twice = office.call("DELETE", TICKET + "/links/{other_id}", path=path)

    assert (made["ticket"], made["kind"], again.json) == (two.id, "duplicate_of", made)
    assert (otherwise.status, otherwise.code) == (409, "already_linked")
    assert seen == [[(two.id, "duplicate_of")], [(one.id, "has_duplicate")]]
    assert undone.json == {"id": one.id, "deleted": True}
    assert (twice.status, twice.code) == (404, "not_found")
    assert office.cases.sides == {}
    assert [office.tickets.rows[OURS, name] for name in (one.id, two.id)] == [one, two]


def test_a_link_into_another_subtree_is_not_there_for_a_shop(office: Office) -> None:
    office.ticket()
    office.ticket(id="tk_far", unit="BJ/001")
    do(office, "links", {"ticket": "tk_far", "kind": "related"})
    shop = office.new_key("store", unit="SH/001")

    path = {"ticket_id": f"tk_{OURS}", "other_id": "tk_far"}
    undo = office.call("DELETE", TICKET + "/links/{other_id}", path=path, key=shop)
    new = do(office, "links", {"ticket": "tk_far", "kind": "related"}, key=shop)

    assert [len(shown(office, key=held)["links"]) for held in (None, shop)] == [1, 0]
    assert (undo.status, new.status) == (404, 404)
    assert undo.body == new.body
    assert len(office.cases.sides) == 2


def test_links_have_an_end_and_a_race_one_winner(office: Office) -> None:
    one, two = office.ticket(), office.ticket(id="tk_two")
    for number in range(MOST_LINKS):
        office.cases.link(Link(OURS, two.id, f"tk_{number}", "related", "ky", NOW))
    full = do(office, "links", {"ticket": two.id, "kind": "related"})
    path = {"ticket_id": one.id, "other_id": two.id}
    office.cases.sides.clear()
    do(office, "links", {"ticket": two.id, "kind": "related"})
    office.cases.lose = 1
    raced = office.call("DELETE", TICKET + "/links/{other_id}", path=path)

    assert (full.status, full.code) == (409, "too_many")
    assert (raced.status, raced.code) == (409, "stale")
    assert len(office.cases.sides) == 2


# --- the customer -------------------------------------------------------------------------------------------------


def test_the_customers_other_cases_are_in_view(office: Office) -> None:
    office.ticket(customer=CUSTOMER)
    later = NOW + timedelta(hours=1)
    office.ticket(id="tk_later", customer=CUSTOMER, opened_at=later, unit="BJ/001", title="again")
    office.ticket(
        id="tk_past",
        customer=CUSTOMER,
        state="closed",
        verification="satisfied",
        opened_at=NOW - timedelta(days=9),
    )
    office.ticket(id="tk_somebody", customer=customer_key(OURS, "CUST-2"))
    office.ticket(THEIRS, id="tk_theirs", customer=CUSTOMER)

    whole = shown(office)["customer"]
    in_shop = shown(office, key=office.new_key("store", unit="SH/001"))["customer"]

    assert [(one["id"], one["title"]) for one in whole["open"]] == [("tk_later", "again")]
    assert (whole["heard"], whole["last_heard_at"]) == (3, "2026-11-21T09:00:00Z")
    (past,) = whole["earlier"]
    assert (past["id"], past["state"], past["verification"]) == ("tk_past", "closed", "satisfied")
    assert in_shop == {"open": [], "earlier": [past], "heard": 2, "last_heard_at": "2026-11-21T08:00:00Z"}


def test_whose_case_it_is_is_known_from_the_first_and_by_no_name(office: Office) -> None:
    one = opened(builders.feedback(workspace=OURS, customer_ref="CUST-1"), "title", NOW).ticket
    nobodys = opened(builders.feedback(customer_ref=None), "title", NOW).ticket
    office.ticket()

    assert (one.customer, nobodys.customer) == (CUSTOMER, None)
    assert "CUST" not in CUSTOMER
    assert customer_key(THEIRS, "CUST-1") != CUSTOMER
    assert shown(office)["customer"] is None


# --- the audit ----------------------------------------------------------------------------------------------------


def test_one_in_twenty_is_drawn_rounded_up() -> None:
    assert [drawn(closed) for closed in (0, 1, 20, 21, 100, 399)] == [0, 1, 1, 2, 5, 20]


def test_the_place_of_a_lot_is_its_own_in_each_month_and_workspace() -> None:
    one = lot_of(builders.ticket(workspace=OURS, state="closed", closed_at=NOW))
    others = (replace(one, month="2026-10"), replace(one, workspace=THEIRS), replace(one, ticket="tk_other"))
    assert one.place == replace(one, version=9, unit="BJ/001").place
    assert len({one.place, *(other.place for other in others)}) == 4


@pytest.mark.parametrize(
    ("at", "month"),
    [
        ("2026-11-30T23:59:59.999999+00:00", "2026-11"),
        ("2026-12-01T00:00:00+00:00", "2026-12"),
        ("2027-01-01T07:59:59+08:00", "2026-12"),
        ("2027-01-01T08:00:00+08:00", "2027-01"),
    ],
)
def test_a_month_ends_where_the_next_begins(at: str, month: str) -> None:
    moment = datetime.fromisoformat(at)
    assert lot_of(builders.ticket(state="closed", closed_at=moment)).month == month
    assert lot_of(builders.ticket(state="reopened", closed_at=moment)).month is None


def test_a_months_closed_tickets_are_audited(office: Office) -> None:
    for number in range(41):
        unit = "SH/001" if number % 2 else "BJ/001"
        office.ticket(id=f"tk_{number}", state="closed", closed_at=NOW, unit=unit)
    office.ticket(id="tk_october", state="closed", closed_at=NOW - timedelta(days=30))
    query = {"month": "2026-11"}

    found = office.call("GET", "/v1/audit", query=query).json
    first = found["items"][0]
    judged = do(office, "audit", {"verdict": "failed", "note": "见 13987254361"}, ticket=first["id"]).json
    after = office.call("GET", "/v1/audit", query=query, key=office.new_key("analyst")).json
    shop = office.call("GET", "/v1/audit", query=query, key=office.new_key("region", unit="SH")).json

    assert (found["month"], found["closed"], len(found["items"])) == ("2026-11", 41, 3)
    assert [one["audit"] for one in found["items"]] == [None, None, None]
    assert (judged["verdict"], judged["note"], judged["version"]) == ("failed", "见 〔手机号〕", 1)
    assert [one["audit"] for one in after["items"]] == [judged, None, None]
    assert [one["id"] for one in shop["items"]] == [one["id"] for one in after["items"] if one["unit"] == "SH/001"]


def test_the_sample_comes_in_pages(office: Office) -> None:
    for number in range(41):
        office.ticket(id=f"tk_{number}", state="closed", closed_at=NOW)
    query = {"month": "2026-11"}
    whole = office.call("GET", "/v1/audit", query=query).json
    do(office, "audit", {"verdict": "passed"}, ticket=whole["items"][2]["id"])

    first = office.call("GET", "/v1/audit", query={**query, "limit": "2"}).json
    second = office.call("GET", "/v1/audit", query={**query, "limit": "2", "cursor": first["cursor"]}).json

    assert whole["cursor"] is None
    assert [one["id"] for one in first["items"] + second["items"]] == [one["id"] for one in whole["items"]]
    assert [(len(page["items"]), page["closed"], page["month"]) for page in (first, second)] == [
        (2, 41, "2026-11"),
        (1, 41, "2026-11"),
    ]
    assert (second["items"][0]["audit"]["verdict"], second["cursor"]) == ("passed", None)


def test_what_was_opened_again_is_not_shown_although_its_lot_is_still_there(office: Office) -> None:
    for number in range(2):
        closed = office.ticket(id=f"tk_{number}", state="closed", closed_at=NOW)
        office.lots.late[closed.id] = lot_of(closed)
    (before,) = office.call("GET", "/v1/audit", query={"month": "2026-11"}).json["items"]

    office.ticket(id=before["id"], state="reopened", version=2)
    after = office.call("GET", "/v1/audit", query={"month": "2026-11"}).json

    assert (after["items"], after["closed"], after["cursor"]) == ([], 2, None)


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ({"limit": "0"}, "invalid_query", "/limit"),
        ({"limit": "101"}, "invalid_query", "/limit"),
        ({"cursor": ""}, "invalid_cursor", "/cursor"),
        ({"cursor": "AAAA"}, "invalid_cursor", "/cursor"),
    ],
)
def test_a_page_of_the_sample_that_makes_no_sense_is_refused(
    office: Office, query: dict[str, str], code: str, pointer: str
) -> None:
    answer = office.call("GET", "/v1/audit", query={"month": "2026-11", **query})
    assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)


def test_a_cursor_of_another_months_sample_is_refused(office: Office) -> None:
    for number in range(41):
        office.ticket(id=f"tk_{number}", state="closed", closed_at=NOW)
    cursor = office.call("GET", "/v1/audit", query={"month": "2026-11", "limit": "1"}).json["cursor"]
    answer = office.call("GET", "/v1/audit", query={"month": "2026-10", "cursor": cursor})
    assert (answer.status, answer.code) == (422, "invalid_cursor")
    assert answer.json["detail"] == "The cursor was not given out for this list."


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "26-11", "2026-11-01"])
def test_what_is_no_month_is_refused(office: Office, month: str) -> None:
    answer = office.call("GET", "/v1/audit", query={"month": month})
    assert (answer.status, answer.code, answer.json["pointer"]) == (422, "invalid_query", "/month")


# --- voices that nobody has dealt with ----------------------------------------------------------------------------


def test_what_nobody_has_dealt_with_for_a_day_is_listed(office: Office) -> None:
    long_ago = NOW - timedelta(hours=25)
    for state in ("new", "parked", "answered", "ticketed", "linked", "closed"):
        office.feedback(id=f"fb_{state}", state=state, received_at=long_ago)
    office.feedback(id="fb_fresh", received_at=NOW - timedelta(hours=23))
    office.feedback(id="fb_far", received_at=long_ago, unit="BJ/001")
    office.feedback(THEIRS, id="fb_theirs", received_at=long_ago)

    def listed(key: str | None = None) -> list[str]:
        return [one["id"] for one in office.call("GET", "/v1/unattended", key=key).json["items"]]

    assert listed() == ["fb_far", "fb_new", "fb_parked"]
    assert listed(office.new_key("store", unit="SH/001")) == ["fb_new", "fb_parked"]
    assert office.call("GET", "/v1/unattended", key=office.new_key("integration")).status == 403


def close(office: Office, feedback: str, reason: str = "praise, nothing to do", key: str | None = None) -> Answer:
    resource = "/v1/feedback/{feedback_id}/close"
    return office.call("POST", resource, {"reason": reason}, path={"feedback_id": feedback}, key=key)


def test_a_voice_is_closed_once_with_its_reason(office: Office) -> None:
    office.feedback(id="fb_quiet", awaiting=frozenset())

    closed = close(office, "fb_quiet", "谢谢，13987254361").json
    again = close(office, "fb_quiet")

    assert closed["state"] == "closed"
    assert closed["closing"]["reason"] == "谢谢，〔手机号〕"
    assert closed["closing"]["at"] == "2026-11-21T08:00:00Z"
    assert (again.status, again.code) == (409, "not_open")


def test_a_voice_whose_customer_was_answered_says_so_and_waits_for_nobody(office: Office) -> None:
    office.feedback(id="fb_quiet", awaiting=frozenset(), received_at=NOW - timedelta(hours=25))
    resource, path = "/v1/feedback/{feedback_id}/answer", {"feedback_id": "fb_quiet"}

    silent = office.call("POST", resource, {"reason": " "}, path=path)
    waits = office.call("GET", "/v1/unattended").json["items"]
    answered = office.call("POST", resource, {"reason": "给 13987254361 回了电话"}, path=path).json
    again = office.call("POST", resource, {"reason": "once more"}, path=path)

    assert (silent.status, silent.code, len(waits)) == (422, "no_reason", 1)
    assert (answered["state"], answered["closing"]["reason"]) == ("answered", "给 〔手机号〕 回了电话")
    assert (again.status, again.code) == (409, "not_open")
    assert office.call("GET", "/v1/unattended").json["items"] == []


def test_what_waits_for_its_ticket_or_changes_meanwhile_is_not_closed(office: Office) -> None:
    office.feedback(id="fb_waits")
    office.feedback(id="fb_quiet", awaiting=frozenset())
    waits = close(office, "fb_waits")
    empty = close(office, "fb_quiet", "  ")
    office.shelf.lose = 1
    late = close(office, "fb_quiet")

    assert (waits.status, waits.code) == (409, "not_open")
    assert (empty.status, empty.code) == (422, "no_reason")
    assert (late.status, late.code) == (409, "stale")
    assert office.shelf.rows[OURS, "fb_quiet"].state == "new"


def test_a_shop_closes_its_own_voices_and_an_analyst_none(office: Office) -> None:
    office.feedback(id="fb_out", awaiting=frozenset(), unit="BJ/001")
    shop = office.new_key("store", unit="SH/001")

    outside, unknown = close(office, "fb_out", key=shop), close(office, "fb_unknown", key=shop)

    assert (outside.status, outside.body) == (404, unknown.body)
    assert close(office, "fb_out", key=office.new_key("analyst")).code == "forbidden"
