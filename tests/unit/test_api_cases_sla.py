"""Promises and deadlines through the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders_admin import OURS, THEIRS, Office, composed
from tests.fakes.gateway import Answer

SLA = "/v1/sla"
UPDATES = "/v1/tickets/{ticket_id}/updates"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def wanted(**changes: Any) -> dict[str, Any]:
    return {
        "version": 0,
        "touchpoints": ["checkout"],
        "severities": {
            "critical": {"first_response": 15, "next_update": 60, "resolution": 240, "mot": {"resolution": 120.5}},
            "low": {"resolution": 2880},
        },
        "quiet": {"from": "22:00", "to": "08:30"},
        **changes,
    }


def put(office: Office, body: Any = None, **how: Any) -> Answer:
    return office.call("PUT", SLA, body or wanted(), **how)


def test_what_ships_is_shown_until_somebody_promises_something_else(office: Office) -> None:
    shown = office.call("GET", SLA, key=office.new_key("store", unit="cn/sh/001")).json
    assert (shown["version"], shown["reminder"], shown["quiet"], shown["touchpoints"]) == (0, 0.8, None, [])
    assert shown["severities"]["critical"] == {
        "first_response": 30,
        "next_update": 120,
        "resolution": 540,
        "mot": {"first_response": 15, "next_update": 60, "resolution": 270},
    }


def test_promises_come_into_force_and_are_shown_as_they_were_given(office: Office) -> None:
    answer = put(office)
    assert (answer.status, answer.json["version"]) == (200, 1), answer.body
    shown = office.call("GET", SLA).json
    assert shown == answer.json
    assert shown["quiet"] == {"from": "22:00", "to": "08:30", "critical": False}
    assert shown["severities"]["critical"]["mot"] == {"first_response": None, "next_update": None, "resolution": 120.5}
    assert put(office, wanted(version=1)).json["version"] == 1, "equal content is no new version"


def test_only_the_version_that_is_named_is_replaced(office: Office) -> None:
    put(office)
    for refused in (put(office), put(office, wanted(version=2))):
        assert (refused.status, refused.code) == (409, "version_conflict")
        assert refused.json["detail"] == "The promises have another version by now."
    office.promises.lose = 1
    assert put(office, wanted(version=1, reminder=0.5)).code == "version_conflict"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"severities": {"low": {"first_response": 30, "resolution": 20}}}, "/severities/low"),
        ({"severities": {"low": {"resolution": 20, "mot": {"resolution": 21}}}}, "/severities/low"),
        ({"severities": {"low": {"resolution": 0}}}, "/severities/low/resolution"),
        ({"severities": {"low": {"resolution": 600_000}}}, "/severities/low/resolution"),
        ({"severities": {"grave": {"resolution": 20}}}, "/severities/grave/[key]"),
        ({"reminder": 1.0}, "/reminder"),
        ({"quiet": {"from": "08:00", "to": "08:00"}}, "/quiet"),
        ({"quiet": {"from": "24:00", "to": "08:00"}}, "/quiet/from"),
        ({"touchpoints": ["checkout", "checkout"]}, "/touchpoints"),
    ],
)
def test_promises_that_contradict_themselves_are_refused(office: Office, changes: dict[str, Any], pointer: str) -> None:
    answer = put(office, wanted(**changes))
    assert (answer.status, answer.code, answer.json["pointer"]) == (422, "schema_violation", pointer)
    assert office.promises.rows == {}


def test_only_an_admin_promises_and_only_for_their_own(office: Office) -> None:
    assert put(office, key=office.new_key("analyst")).status == 403
    assert put(office, query={"workspace": THEIRS}).status == 404
    assert office.call("GET", SLA, key=office.new_key("integration")).status == 403


@pytest.mark.parametrize(
    ("since", "minutes", "due", "years"),
    [
        ("2026-02-13T08:30:00Z", "480", "2026-02-14T07:30:00Z", []),
        ("2026-12-01T01:00:00Z", "2400", "2026-12-07T05:00:00Z", []),
        ("2026-12-28T01:00:00Z", "2400", None, [2027]),
    ],
)
def test_a_deadline_is_counted_in_the_units_open_time_and_provisional_in_a_year_to_come(
    office: Office, since: str, minutes: str, due: str | None, years: list[int]
) -> None:
    answer = office.call("GET", f"{SLA}/deadline", query={"since": since, "minutes": minutes})
    assert answer.status == 200, answer.body
    assert (answer.json["provisional"], answer.json["unpublished"]) == (bool(years), years)
    assert due is None or answer.json["due_at"] == due


@pytest.mark.parametrize("minutes", ["", "-1", "1e3", "600000", "5 "])
def test_minutes_that_are_none_are_refused(office: Office, minutes: str) -> None:
    answer = office.call("GET", f"{SLA}/deadline", query={"minutes": minutes})
    assert (answer.status, answer.code, answer.json["pointer"]) == (422, "invalid_query", "/minutes")


def test_a_shop_asks_for_itself_alone(office: Office) -> None:
    shop = office.new_key("store", unit="cn/sh/001")
    asked = {"minutes": "5", "unit": "cn/bj/001"}
    assert office.call("GET", f"{SLA}/deadline", query=asked, key=shop).status == 404


def test_the_customer_who_was_told_is_a_line_of_the_history(office: Office) -> None:
    one = office.ticket(state="in_progress")
    answer = office.call("POST", UPDATES, {"version": 1, "reason": "rang 13987254361"}, path={"ticket_id": one.id})
    assert (answer.status, answer.json["version"], answer.json["state"]) == (200, 2, "in_progress"), answer.body
    (line,) = office.tickets.moves(OURS, one.id)
    assert (line.before, line.after) == ("in_progress", "in_progress")
    assert line.reason is not None
    assert "13987254361" not in line.reason
    late = office.call("POST", UPDATES, {"version": 1}, path={"ticket_id": one.id})
    assert (late.status, late.code) == (409, "version_conflict")


def test_what_is_over_promises_no_update(office: Office) -> None:
    one = office.ticket(state="closed")
    answer = office.call("POST", UPDATES, {"version": 1}, path={"ticket_id": one.id})
    assert (answer.status, answer.code) == (409, "not_open")
    assert answer.json["detail"] == "A ticket that is closed promises no update."
    assert office.call("POST", UPDATES, {"version": 1}, path={"ticket_id": "tk_none"}).status == 404
