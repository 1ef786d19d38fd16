"""The week in one answer, what is told of it, and digests: through the API and the messages that clocks send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from chalicelib.domain.cases.parts import children_of
from chalicelib.domain.cases.ticket import Move
from chalicelib.domain.events import ticket_events
from chalicelib.domain.reports.loop import NUMBERS
from chalicelib.domain.workspaces.organisation import Organisation, Unit
from chalicelib.errors import Parked
from chalicelib.services.reports import read_loop
from chalicelib.services.reports.follow_loop import FollowLoop
from chalicelib.wiring import reports
from tests.builders_admin import NOW, OURS, THEIRS, Office, composed

LOOP, COUNTED, DIGESTS, DIGEST = "/v1/loop", "/v1/loop/feedback", "/v1/digests", "/v1/digests/{digest_id}"
HOUR = timedelta(hours=1)
WEEK = "2026-W47"  # that of NOW, a Saturday; it runs
MONDAY = datetime(2026, 11, 16, tzinfo=timezone(timedelta(hours=8)))


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def hear(office: Office, name: str, *, at: datetime = MONDAY, unit: str = "SH/001", **changes: Any) -> None:
    office.feedback(id=f"fb_{name}", received_at=at, unit=unit, **changes)


def open_ticket(office: Office, name: str, **changes: Any) -> Any:
    return office.ticket(id=f"tk_{name}", feedback=f"fb_{name}", **{"opened_at": MONDAY, "updated_at": NOW, **changes})


def follow(office: Office, one: Any) -> list[str | None]:
    """What the follower makes of all events of a ticket's newest version, each told twice."""
    tell = FollowLoop(office.book, office.tickets)
    return [tell(event.as_detail()) for event in ticket_events(one) for _ in range(2)][::2]


def listed(office: Office, path: str, **how: Any) -> list[str]:
    """Ids of the voices behind a link, page after page."""
    parts, found, cursor = urlsplit(path), [], None
    while True:
        query = {**dict(parse_qsl(parts.query)), "limit": "1", **({"cursor": cursor} if cursor else {})}
        page = office.call("GET", parts.path, query=query, **how).json
        found += [one["id"] for one in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            return sorted(found)


def week(office: Office, **query: str) -> Any:
    answer = office.call("GET", LOOP, query={"week": WEEK, **query})
    assert answer.status == 200, answer.body
    return answer.json


def busy(office: Office) -> None:
    """Five voices of the week, at two shops, and one of the week before whose case came back in this one."""
    hear(office, "a", state="ticketed")
    hear(office, "b", at=MONDAY + 167 * HOUR + 59 * HOUR / 60, state="new")
    hear(office, "c", state="closed", unit="BJ/007")
    hear(office, "d", state="ticketed", unit="SH/0011")
    hear(office, "e", state="parked")
    hear(office, "before", at=MONDAY - timedelta(milliseconds=1), state="ticketed")
    hear(office, "after", at=MONDAY + 168 * HOUR)
    office.feedback(THEIRS, id="fb_theirs", received_at=MONDAY)
    open_ticket(office, "a", issue=f"is_{OURS}")
    open_ticket(office, "d", unit="SH/0011", state="closed", closed_at=MONDAY + 5 * HOUR)
    open_ticket(office, "before", opened_at=MONDAY - HOUR)
    office.issue(opened_at=MONDAY - 99 * HOUR, level="L2", owner="li")


# --- the answer -------------------------------------------------------------------------------------------------------


def test_a_week_counts_what_came_and_what_became_of_it(office: Office) -> None:
    busy(office)
    shown = week(office)
    assert {name: one["count"] for name, one in shown["numbers"].items()} == {
        "heard": 5,
        "answered": 3,
        "ticketed": 2,
        "verified": 0,
        "reopened": 0,
        "bounced": 0,
    }
    assert (shown["since"], shown["until"]) == ("2026-11-15T16:00:00Z", "2026-11-22T16:00:00Z")
    assert shown["times"]["closing"] == {"hours": 5.0, "cases": 2, "still_open": 1}
    assert shown["complete"]
    (problem,) = shown["issues"]
    assert (problem["id"], problem["owner"], problem["verdict"]) == (f"is_{OURS}", "li", None)
    assert problem["cases"]["count"] == 1
    assert listed(office, problem["cases"]["feedback"]) == ["fb_a"]


def test_each_number_lists_exactly_the_voices_that_it_counts(office: Office) -> None:
    busy(office)
    numbers = week(office)["numbers"]
    assert listed(office, numbers["heard"]["feedback"]) == ["fb_a", "fb_b", "fb_c", "fb_d", "fb_e"]
    assert listed(office, numbers["answered"]["feedback"]) == ["fb_a", "fb_c", "fb_d"]
    assert listed(office, numbers["ticketed"]["feedback"]) == ["fb_a", "fb_d"]
    assert {name: len(listed(office, one["feedback"])) for name, one in numbers.items()} == {
        name: one["count"] for name, one in numbers.items()
    }


def test_a_unit_has_what_lies_below_it_and_a_shops_key_sees_no_other(office: Office) -> None:
    busy(office)
    assert {name: week(office, unit="SH/001")["numbers"][name]["count"] for name in NUMBERS[:3]} == {
        "heard": 3,
        "answered": 1,
        "ticketed": 1,
    }
    key = office.new_key("store", unit="SH/001")
    mine = office.call("GET", LOOP, key=key, query={"week": WEEK}).json
    assert (mine["unit"], mine["numbers"]["heard"]["count"]) == ("SH/001", 3)
    assert listed(office, mine["numbers"]["ticketed"]["feedback"], key=key) == ["fb_a"]
    whole = week(office)["numbers"]["heard"]["feedback"]
    assert listed(office, whole, key=key) == ["fb_a", "fb_b", "fb_e"]
    assert office.call("GET", LOOP, key=key, query={"unit": "BJ/007"}).status == 404


def test_the_last_week_that_is_over_is_shown_by_itself(office: Office) -> None:
    assert office.call("GET", LOOP).json["week"] == "2026-W46"


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ({"week": "2026-W48"}, "week_out_of_range", "/week"),
        ({"week": "2021-W01"}, "week_out_of_range", "/week"),
        ({"week": "2026-W54"}, "unknown_week", "/week"),
        ({"week": "W47"}, "invalid_query", "/week"),
    ],
)
def test_a_week_that_cannot_be_counted_is_refused(office: Office, query: Any, code: str, pointer: str) -> None:
    answer = office.call("GET", LOOP, query=query)
    assert (answer.status, answer.code) == (422, code)
    assert pointer in str(answer.json)


@pytest.mark.parametrize(
    ("number", "name"), [("verified", "topic"), ("heard", "department"), ("heard", "issue"), ("bounced", "issue")]
)
def test_a_filter_that_a_number_has_not_is_refused(office: Office, number: str, name: str) -> None:
    query = {"number": number, "since": "2026-11-16", "until": "2026-11-17", name: "logistics"}
    answer = office.call("GET", COUNTED, query=query)
    assert (answer.status, answer.code, answer.json["pointer"]) == (422, "not_counted", f"/{name}")
    assert answer.json["detail"] == f"This number is not told by {name}."


def test_the_cases_of_what_was_merged_into_an_issue_count_as_its_own(office: Office) -> None:
    hear(office, "a")
    open_ticket(office, "a", issue="is_small")
    office.issue(id="is_small", state="merged", merged_into="is_whole")
    office.issue(id="is_whole", opened_at=MONDAY - 99 * HOUR, absorbed=("is_small",))
    (problem,) = week(office)["issues"]
    assert (problem["id"], problem["cases"]["count"]) == ("is_whole", 1)
    assert listed(office, problem["cases"]["feedback"]) == ["fb_a"]


def test_an_old_issue_with_cases_is_found_behind_hundreds_of_newer_ones(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_loop, "MOST_ISSUES", 1)
    monkeypatch.setattr(read_loop, "PAGE", 1)
    hear(office, "a")
    open_ticket(office, "a", issue="is_old")
    office.issue(id="is_old", opened_at=MONDAY - 999 * HOUR)
    office.issue(id="is_new", opened_at=MONDAY - HOUR)
    assert [one["id"] for one in week(office)["issues"]] == ["is_old", "is_new"]


# --- what happened in the week ----------------------------------------------------------------------------------------


def test_what_happens_to_tickets_counts_each_voice_once_whenever_it_came(office: Office) -> None:
    busy(office)
    one = open_ticket(office, "before", state="closed", verification="satisfied", change="moved", version=7)
    again = replace(one, state="reopened", verification="unsatisfied", version=8)
    later = replace(again, version=12, updated_at=NOW + HOUR)
    part = replace(again, id="tk_part", parent="tk_before")
    assert follow(office, one) == [None, "verified"]
    assert [follow(office, each) for each in (again, later, part)] == [["reopened"]] * 3
    numbers = week(office)["numbers"]
    assert (numbers["verified"]["count"], numbers["reopened"]["count"]) == (1, 1)
    assert listed(office, numbers["reopened"]["feedback"]) == ["fb_before"]


def test_bounces_are_read_from_the_history_by_whichever_event_comes(office: Office) -> None:
    hear(office, "a")
    one = open_ticket(office, "a", state="open", bounced=1, version=3, change="updated")
    moves = [("", "open", NOW - 3 * HOUR), ("open", "accepted", NOW - 2 * HOUR), ("accepted", "open", NOW - HOUR)]
    for version, (before, after, at) in enumerate(moves, start=1):
        office.tickets.lines[OURS, one.id, version] = Move(version, before, after, "ky", at, departments=("logistics",))
    assert follow(office, one) == ["bounced"]
    assert follow(office, replace(one, version=4)) == ["bounced"], "a later event finds it too, and doubles nothing"
    number = week(office)["numbers"]["bounced"]
    assert (number["count"], listed(office, number["feedback"])) == (1, ["fb_a"])
    assert [row.at for row in office.book.rows.values()] == [NOW - HOUR]
    assert follow(office, replace(one, id="tk_gone")) == [None]
    assert follow(office, replace(one, state="accepted", version=4)) == [None]


# --- Monday -----------------------------------------------------------------------------------------------------------


def message(**changes: Any) -> dict[str, Any]:
    return {"kind": "loop", "workspace": OURS, "unit": None, "week": WEEK, **changes}


def armed(office: Office) -> dict[tuple[str | None, str], datetime]:
    """(unit or digest, week) → minute of the due rows."""
    return {(body.get("unit"), body["week"]): at for (at, _), (_, body) in office.due.rows.items() if "week" in body}


def test_whoever_listens_is_told_on_monday_at_nine_of_each_place(office: Office) -> None:
    units = (Unit("de/b1", time_zone="Europe/Berlin"), Unit("SH/001"))
    office.organisations.put(OURS, Organisation(version=1, units=units), by="ky", at=NOW)
    body = {
        "name": "desk",
        "connector": "standard_webhooks",
        "url": "https://oa.example.com/hook",
        "events": ["loop.week"],
        "settings": {"filter": {"units": ["de/b1", "SH/001"]}},
    }
    made = office.call("POST", "/v1/endpoints", body)
    assert made.status == 201, made.body
    assert armed(office) == {
        ("de/b1", WEEK): datetime(2026, 11, 23, 8, tzinfo=timezone.utc),
        ("SH/001", WEEK): datetime(2026, 11, 23, 1, tzinfo=timezone.utc),
    }
    path = {"endpoint_id": made.json["id"]}
    office.call("PATCH", "/v1/endpoints/{endpoint_id}", {"settings": {"filter": None}}, path=path)
    assert armed(office)[None, WEEK] == datetime(2026, 11, 23, 1, tzinfo=timezone.utc)


def test_a_week_is_told_once_and_the_next_one_is_armed(office: Office) -> None:
    busy(office)
    office.endpoint(events=("loop.week",))
    office.now = MONDAY + 7 * 24 * HOUR + 9 * HOUR
    send = reports.send_week()
    assert [send(message()) for _ in range(3)] == ["told", "known", "known"]
    (told,) = office.tellings.rows.values()
    assert told.detail["numbers"]["heard"]["count"] == 5
    assert listed(office, told.detail["numbers"]["heard"]["feedback"]) == ["fb_a", "fb_b", "fb_c", "fb_d", "fb_e"]
    assert [one["issue_id"] for one in told.detail["issues"]] == [f"is_{OURS}"]
    assert "title" not in str(told.detail), "colleagues' words stay here"
    assert armed(office) == {(None, "2026-W48"): datetime(2026, 11, 30, 1, tzinfo=timezone.utc)}


def test_a_place_whose_clock_was_changed_is_told_at_nine_of_its_new_one(office: Office) -> None:
    office.endpoint(events=("loop.week",))
    hear(office, "a", at=MONDAY + 99 * HOUR)
    reports.arm_weeks().arm(OURS, None)
    ((_, shanghai),) = office.due.rows.values()
    office.due.rows.clear()
    office.organisations.put(OURS, Organisation(version=1, time_zone="America/New_York"), by="ky", at=NOW)
    office.now = datetime(2026, 11, 23, 1, 0, 30, tzinfo=timezone.utc)  # Sunday evening over there
    assert (reports.send_week()(shanghai), office.tellings.rows) == ("moved", {})
    ((due, _), (_, there)) = next(iter(office.due.rows.items()))
    assert (due, there["week"]) == (datetime(2026, 11, 23, 14, tzinfo=timezone.utc), WEEK)
    office.now = due
    assert [reports.send_week()(one) for one in (there, shanghai)] == ["told", "moved"]


def test_a_silent_week_is_told_to_nobody_and_the_chain_goes_on_while_somebody_listens(office: Office) -> None:
    made = office.endpoint(events=("loop.week",))
    office.now = MONDAY + 7 * 24 * HOUR + 9 * HOUR
    assert reports.send_week()(message()) == "nothing_heard"
    assert list(armed(office)) == [(None, "2026-W48")]
    office.due.rows.clear()
    assert reports.send_week()(message(unit="SH/001")) == "nobody_asked"
    office.directory.delete_endpoint(OURS, made.id)
    assert reports.send_week()(message()) == "nobody_asked"
    assert (armed(office), office.tellings.rows) == ({}, {})


@pytest.mark.parametrize("broken", [{"week": "soon"}, {"unit": None, "week": "2026-W54"}, {"at": 5}, {"at": "soon"}])
def test_a_message_of_no_week_is_put_aside(office: Office, broken: Mapping[str, Any]) -> None:
    with pytest.raises(Parked, match=r"^The message names no week\.$") as parked:
        reports.send_week()(message(**broken))
    assert parked.value.code == "message_invalid"
    with pytest.raises(Parked, match=r"^The message names no week\.$"):
        reports.send_week()({"kind": "loop"})


# --- digests ----------------------------------------------------------------------------------------------------------


def subscribe(office: Office, **body: Any) -> Any:
    answer = office.call("POST", DIGESTS, {"endpoint": f"ep_{OURS}", "every": "day", **body})
    assert answer.status == 201, answer.body
    return answer.json


def slot(office: Office, digest: Any, at: datetime) -> str:
    body = {"kind": "digest", "workspace": OURS, "digest": digest["id"], "slot": at.isoformat()}
    return reports.send_digest()(body)


def counts(office: Office) -> list[tuple[str | None, int]]:
    told = list(office.tellings.rows.values())[-1]
    return [(one["name"], one["count"]) for one in told.detail["counts"]]


def test_a_digest_is_subscribed_listed_and_removed(office: Office) -> None:
    office.endpoint()
    made = subscribe(office, topics=["logistics"], unit="SH/001", at="08:30", every="week")
    assert (made["kind"], made["at"], made["every"]) == ("topics", "08:30", "week")
    assert office.call("GET", DIGESTS).json["items"] == [made]
    (minute, _), (queue, body) = next(iter(office.due.rows.items()))
    assert (minute, queue, body["digest"]) == (datetime(2026, 11, 23, 0, 30, tzinfo=timezone.utc), "cases", made["id"])
    for status in (200, 404):
        assert office.call("DELETE", DIGEST, path={"digest_id": made["id"]}).status == status
    assert office.call("GET", DIGESTS).json["items"] == []
    assert slot(office, made, minute) == "gone"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"topics": ["a"], "departments": ["b"]}, "schema_violation"),
        ({}, "schema_violation"),
        ({"topics": []}, "schema_violation"),
        ({"unit": "SH", "at": "24:00"}, "schema_violation"),
        ({"unit": "SH", "every": "hour"}, "schema_violation"),
    ],
)
def test_a_digest_that_cannot_be_is_refused(office: Office, body: Any, code: str) -> None:
    office.endpoint()
    answer = office.call("POST", DIGESTS, {"endpoint": f"ep_{OURS}", "every": "day", **body})
    assert (answer.status, answer.code) == (422, code)
    nowhere = office.call("POST", DIGESTS, {"endpoint": "ep_nowhere", "every": "day", "unit": "SH"})
    assert (nowhere.status, nowhere.code) == (404, "not_found")


def test_what_keeps_tickets_takes_no_digests(office: Office) -> None:
    office.endpoint(connector="zendesk")
    answer = office.call("POST", DIGESTS, {"endpoint": f"ep_{OURS}", "every": "day", "unit": "SH"})
    assert (answer.status, answer.code) == (422, "event_not_taken")
    assert answer.json["detail"] == "This connector takes events of tickets only."


def test_topics_count_what_came_since_the_last_slot_and_nothing_new_sends_nothing(office: Office) -> None:
    office.endpoint()
    nine = MONDAY + 33 * HOUR
    hear(office, "new", at=nine - HOUR)
    hear(office, "old", at=nine - 25 * HOUR)
    made = subscribe(office, topics=["logistics.damage", "service"])
    assert [slot(office, made, nine) for _ in range(2)] == ["told", "known"]
    assert counts(office) == [("logistics.damage", 1)]
    told = list(office.tellings.rows.values())[-1]
    assert (told.type, told.detail["endpoint_id"]) == ("digest.ready", f"ep_{OURS}")
    assert listed(office, told.detail["counts"][0]["feedback"]) == ["fb_new"]
    assert slot(office, made, nine + 48 * HOUR) == "nothing_new"
    assert len(office.tellings.rows) == 1


def test_a_department_is_told_of_its_new_tickets_and_of_its_part_of_a_divided_case(office: Office) -> None:
    office.endpoint()
    nine = MONDAY + 33 * HOUR
    hear(office, "a")
    both = ("logistics", "service")
    open_ticket(office, "a", opened_at=nine - HOUR, departments=both, parts=both)
    open_ticket(office, "a", opened_at=nine - HOUR, departments=both, parts=both)
    office.ticket(id="tk_part", feedback="fb_a", opened_at=nine - HOUR, departments=("service",), parent="tk_a")
    made = subscribe(office, departments=["service", "stores"])
    assert slot(office, made, nine) == "told"
    assert counts(office) == [("service", 1)]
    told = list(office.tellings.rows.values())[-1]
    assert listed(office, told.detail["counts"][0]["feedback"]) == ["fb_a"]


def test_a_case_whose_parts_came_to_one_department_is_listed_once(office: Office) -> None:
    office.endpoint()
    at = {"opened_at": MONDAY}
    both = ("logistics", "service")
    for name in ("a", "b"):
        hear(office, name)
        whole = open_ticket(office, name, departments=both, parts=both)
        for part, child in zip(both, children_of(whole), strict=True):
            there = "stores" if name == "a" else "service"
            office.ticket(id=child, feedback=f"fb_{name}", parent=whole.id, part=part, departments=(there,), **at)
    made = subscribe(office, departments=["stores", "service"])
    assert slot(office, made, MONDAY + HOUR) == "told"
    assert counts(office) == [("stores", 1), ("service", 1)]
    told = list(office.tellings.rows.values())[-1].detail["counts"]
    assert [listed(office, one["feedback"]) for one in told] == [["fb_a"], ["fb_b"]]


def test_the_week_of_a_unit_looks_at_no_tickets_of_others(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_loop, "MOST_TICKETS", 2)
    monkeypatch.setattr(read_loop, "PAGE", 1)
    for name, unit in (("a", "BJ/001"), ("b", "BJ/002"), ("c", "BJ/001"), ("d", "SH/001")):
        open_ticket(office, name, unit=unit)
    shown = {unit: week(office, unit=unit) for unit in ("SH", "BJ")}
    assert [(one["complete"], one["numbers"]["ticketed"]["count"]) for one in shown.values()] == [(True, 1), (False, 2)]


def test_more_tickets_than_are_looked_at_are_said_to_be_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_loop, "MOST_TICKETS", 1)
    monkeypatch.setattr(read_loop, "PAGE", 1)
    office.endpoint(events=("loop.week",))
    for name in ("a", "b"):
        hear(office, name)
        open_ticket(office, name, departments=("service",))
    made = subscribe(office, departments=["service"])
    assert slot(office, made, MONDAY + HOUR) == "told"
    (count,) = list(office.tellings.rows.values())[-1].detail["counts"]
    assert (count["count"], count["complete"]) == (1, False)
    assert len(listed(office, count["feedback"])) == 2
    office.now = MONDAY + 7 * 24 * HOUR + 9 * HOUR
    assert reports.send_week()(message()) == "told"
    assert not list(office.tellings.rows.values())[-1].detail["complete"]


def test_a_digest_that_comes_late_or_by_another_clock_begins_where_the_last_one_ended(office: Office) -> None:
    office.endpoint()
    nine = MONDAY + 33 * HOUR
    for day in range(3):
        hear(office, f"day_{day}", at=nine + timedelta(days=day, hours=-1))
    made = subscribe(office, unit="SH/001")
    office.due.rows.clear()
    office.now = nine + timedelta(days=2, hours=5)
    first = {"kind": "digest", "workspace": OURS, "digest": made["id"], "slot": nine.isoformat()}
    assert reports.send_digest()(first) == "told"
    for zone in ("Asia/Shanghai", "America/New_York"):
        office.organisations.put(OURS, Organisation(version=1, time_zone=zone), by="ky", at=NOW)
        ((_, body),) = office.due.rows.values()
        office.due.rows.clear()
        assert [reports.send_digest()(body) for _ in range(2)] == ["told", "known"]
    told = [one.detail for one in office.tellings.rows.values()]
    assert [(before["until"], after["since"]) for before, after in pairwise(told)] == [
        (after["since"], after["since"]) for after in told[1:]
    ]
    assert [one["counts"][0]["count"] for one in told] == [1, 1, 1]


def test_the_unanswered_of_a_day_are_told_when_they_are_a_day_old(office: Office) -> None:
    office.endpoint()
    nine = MONDAY + 57 * HOUR
    office.now = nine
    hear(office, "forgotten", at=nine - 25 * HOUR, state="new")
    hear(office, "seen_to", at=nine - 25 * HOUR, state="closed")
    hear(office, "fresh", at=nine - HOUR, state="new")
    made = subscribe(office, unanswered=True)
    assert slot(office, made, nine) == "told"
    assert counts(office) == [(None, 1)]
    told = list(office.tellings.rows.values())[-1]
    assert listed(office, told.detail["counts"][0]["feedback"]) == ["fb_forgotten"]


def test_a_digest_whose_endpoint_is_gone_ends(office: Office) -> None:
    one = office.endpoint()
    made = subscribe(office, unit="SH/001")
    office.due.rows.clear()
    office.directory.delete_endpoint(OURS, one.id)
    assert slot(office, made, NOW) == "gone"
    assert office.due.rows == {}
    with pytest.raises(Parked, match=r"^The message names no slot of a digest\.$") as parked:
        reports.send_digest()({"kind": "digest", "workspace": OURS, "digest": made["id"], "slot": 5})
    assert parked.value.code == "message_invalid"
