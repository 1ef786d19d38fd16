"""Issues and insights through the API: defined, accepted by somebody with a say, promoted, merged, decided, linked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.changes import RowChange, events_of
from chalicelib.domain.issues.issue import ACCEPTED, LEVELS, IssueLink
from chalicelib.domain.outbound.delivery import sequence_of, subject_of
from chalicelib.domain.workspaces.organisation import Person
from chalicelib.errors import Rejected
from chalicelib.services.cases.find_owner import FindOwner
from chalicelib.services.issues.link_cases import LinkCases
from chalicelib.services.issues.manage_issues import ManageIssues
from chalicelib.storage import images
from chalicelib.storage.issues.issue_rows import issue_row
from tests.builders import AT, WORKSPACE
from tests.builders_admin import NOW, OURS, Office, composed
from tests.builders_issues import OFFICE, FakeVoices, issue
from tests.fakes.gateway import Answer
from tests.fakes.issues import FakeIssues
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.tickets import FakeClock, FakeDue, FakeTickets

ISSUES = "/v1/issues"
ISSUE = "/v1/issues/{issue_id}"
ONE = f"is_{OURS}"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def staffed(office: Office) -> tuple[str, str]:
    """Keys of somebody without and of somebody with a say in ``packaging``."""
    li, wang = office.new_key("analyst"), office.new_key("region", unit="SH")
    known = {key.role: key.id for key in office.directory.keys.values()}
    people = tuple(replace(one, key=known["analyst" if one.id == "li" else "region"]) for one in OFFICE.people)
    office.organisations.put(OURS, replace(OFFICE, people=people), by="ky_one", at=NOW)
    return li, wang


def do(office: Office, what: str, body: Any, *, issue_id: str = ONE, key: str | None = None) -> Answer:
    return office.call("POST", f"{ISSUE}/{what}", body, path={"issue_id": issue_id}, key=key)


def shown(office: Office, issue_id: str = ONE, key: str | None = None) -> Any:
    return office.call("GET", ISSUE, path={"issue_id": issue_id}, key=key).json


# --- definition ---------------------------------------------------------------------------------------------------


def test_an_issue_is_opened_defined_and_shown(office: Office) -> None:
    made = office.call("POST", ISSUES, {"title": "外卖洒漏 13987254361", "level": "L2", "owner": "li"}).json
    facts = {
        "version": 1,
        "definition": "Soup spills on more than 1 in 50 deliveries",
        "process": "packaging",
        "scope": {"topics": ["delivery.spill"], "unit_kind": "shop", "first": "2026-11-01"},
        "evidence": [{"text": "call 13987254361", "link": "https://files.example.com/1"}],
    }
    path = {"issue_id": made["id"]}
    changed = office.call("PATCH", ISSUE, facts, path=path).json
    again = office.call("PATCH", ISSUE, {"version": 2, "scope": {"first": None, "units": ["SH/001"]}}, path=path).json

    assert (made["state"], made["version"], made["origin"]) == ("triage", 1, "person")
    assert made["title"] == "外卖洒漏 〔手机号〕"
    assert changed["scope"]["first"] == "2026-11-01"
    assert again["scope"] == {
        "topics": ["delivery.spill"],
        "units": ["SH/001"],
        "unit_kind": "shop",
        "touchpoints": [],
        "first": None,
        "last": None,
    }
    assert (again["evidence"][0]["text"], again["version"]) == ("call 〔手机号〕", 3)
    told = shown(office, made["id"])
    assert [(line["version"], line["from"], line["to"]) for line in told["history"]] == [
        (1, None, "triage"),
        (2, "triage", "triage"),
        (3, "triage", "triage"),
    ]
    assert office.call("GET", ISSUES, query={"level": "L2", "owner": "li"}).json["items"][0]["id"] == made["id"]
    assert office.call("GET", ISSUES, query={"state": "open"}).json["items"] == []


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"version": 1, "title": " "}, "words_missing", "/title"),
        ({"version": 1, "title": None}, "words_missing", "/title"),
        ({"version": 1, "owner": "nobody"}, "unknown_person", "/owner"),
        ({"version": 1, "analyst": "nobody"}, "unknown_person", "/analyst"),
        ({"version": 1, "evidence": [{}]}, "words_missing", "/evidence"),
        ({"version": 1, "scope": {"first": "2026-13-01"}}, "schema_violation", "/scope/first"),
        ({"version": 1, "scope": {"first": "2026-12-01", "last": "2026-11-01"}}, "schema_violation", "/scope"),
        ({"version": 1, "state": "open"}, "schema_violation", "/state"),
        ({"version": 2, "title": "x"}, "version_conflict", "/version"),
    ],
)
def test_what_does_not_fit_changes_nothing(office: Office, body: Any, code: str, pointer: str) -> None:
    staffed(office)
    before = office.issue()
    refused = office.call("PATCH", ISSUE, body, path={"issue_id": ONE})
    assert (refused.code, refused.json["pointer"]) == (code, pointer)
    assert office.issues.rows[OURS, ONE] == before


def test_evidence_is_not_endless(office: Office) -> None:
    office.issue()
    path = {"issue_id": ONE}
    long = [{"text": "证" * 2000}] * 15
    assert [office.call("PATCH", ISSUE, {"version": n, "evidence": long}, path=path).status for n in (1, 2)] == [
        200
    ] * 2
    refused = office.call("PATCH", ISSUE, {"version": 3, "evidence": [{"text": "证"}]}, path=path)
    assert (refused.status, refused.code) == (409, "too_many")
    assert refused.json["detail"] == "There is too much evidence on this issue."


# --- moves and authority ------------------------------------------------------------------------------------------


def test_a_person_without_a_say_in_the_process_cannot_accept_an_l3(office: Office) -> None:
    li, wang = staffed(office)
    office.issue(state="open", level="L3", executive="wang")

    refused = do(office, "transitions", {"to": "accepted", "version": 1}, key=li)
    admin = do(office, "transitions", {"to": "accepted", "version": 1})
    accepted = do(office, "transitions", {"to": "accepted", "version": 1}, key=wang)

    assert (refused.status, refused.code) == (403, "no_authority")
    assert refused.json["detail"] == "Who accepts an L3 issue needs a say in its process."
    assert (admin.status, admin.code) == (403, "no_authority")  # a key is no authority: a person has it
    assert (accepted.status, accepted.json["state"], accepted.json["owner"]) == (200, "accepted", "wang")


WAYS_ROUND = {
    "PATCH": ("", {"process": "logistics"}),
    "null": ("", {"process": None}),
    "promote": ("promote", {"to": "L1", "reason": "it is small"}),
    "merge": ("merge", {"into": "is_two"}),
}


def send(office: Office, way: str, *, version: int = 1, key: str | None = None) -> Answer:
    what, body = WAYS_ROUND[way]
    if what:
        return do(office, what, {**body, "version": version}, key=key)
    return office.call("PATCH", ISSUE, {**body, "version": version}, path={"issue_id": ONE}, key=key)


@pytest.mark.parametrize("way", WAYS_ROUND)
@pytest.mark.parametrize("state", ["triage", "open", "reopened"])
def test_there_is_no_way_round_the_say_in_a_process(office: Office, way: str, state: str) -> None:
    li, _ = staffed(office)
    (key,) = [key.id for key in office.directory.keys.values() if key.role == "analyst"]
    zhao = Person("zhao", authority=("logistics",), key=key)  # has a say, and not in this
    office.organisations.put(OURS, replace(OFFICE, people=(*OFFICE.people[1:], zhao)), by="ky_one", at=NOW)
    before = office.issue(state=state)
    office.issue(id="is_two", process="logistics")

    refused = send(office, way, key=li)
    assert (refused.status, refused.code) == (403, "no_authority")
    assert refused.json["detail"] == (
        "This takes the issue out of the say of those who may change packaging: one of them does it, or an admin."
    )
    assert (office.issues.rows[OURS, ONE], office.due.rows) == (before, {})


@pytest.mark.parametrize("way", WAYS_ROUND)
@pytest.mark.parametrize("who", ["wang", "admin"])
def test_a_wrong_process_is_put_right_by_whom_it_binds_or_by_an_admin(office: Office, way: str, who: str) -> None:
    _, wang = staffed(office)
    office.issue(state="open")
    office.issue(id="is_two", process="logistics")
    put_right = send(office, way, key=wang if who == "wang" else None)
    assert (put_right.status, put_right.json["version"]) == (200, 2)
    assert shown(office)["history"][-1]["version"] == 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=9), max_size=9))
def test_whatever_somebody_without_a_say_tries_nothing_of_the_issue_is_accepted(tried: list[int]) -> None:
    shelf, due, clock = FakeIssues(), FakeDue(), FakeClock(AT)
    organisations = FakeOrganisations()
    zhao = Person("zhao", authority=("logistics",), key="ky_zhao")
    organisations.put(WORKSPACE, replace(OFFICE, people=(zhao,)), by="ky_one", at=AT)
    links = LinkCases(shelf, FakeTickets(), FakeVoices(), due, clock)
    service = ManageIssues(shelf, links, FindOwner(organisations, clock), clock)
    for number, more in enumerate(({}, {}, {"process": "logistics"}, {"process": "logistics", "level": "L1"})):
        one = issue(id=f"is_{number}", state="open", executive="wang", **more)
        shelf.rows[WORKSPACE, one.id] = one

    def version(name: str) -> dict[str, Any]:
        return {"version": shelf.rows[WORKSPACE, name].version, "actor": "ky_zhao"}

    def every(name: str) -> list[Callable[[], object]]:
        said = {**version(name), "reason": "r"}
        return [
            lambda: service.change(WORKSPACE, name, {"process": "logistics"}, **version(name)),
            lambda: service.change(WORKSPACE, name, {"process": None}, **version(name)),
            *(partial(service.promote, WORKSPACE, name, level, **said) for level in LEVELS),
            *(partial(service.merge, WORKSPACE, name, f"is_{number}", **said) for number in (1, 2, 3)),
            lambda: service.split(WORKSPACE, name, **version(name)),
            lambda: service.decide(WORKSPACE, name, "act", **said),
        ]

    for number in tried:
        for name in ("is_0", "is_1"):
            with suppress(Rejected):
                every(name)[number]()
    for name in ("is_0", "is_1"):
        bound = shelf.rows[WORKSPACE, name]
        assert (bound.process, bound.level != "L1", bound.state in ACCEPTED) == ("packaging", True, False)
        assert bound.merged_into in (None, "is_1")


def test_a_merged_issue_is_decided_with_what_it_was_merged_into(office: Office) -> None:
    _, wang = staffed(office)
    office.issue(state="fixing")
    office.issue(id="is_two")
    assert do(office, "merge", {"into": "is_two", "version": 1}, key=wang).status == 200
    for decision in ("act", "study", "decline"):
        refused = do(office, "decision", {"decision": decision, "version": 2, "reason": "r"}, key=wang)
        assert (refused.status, refused.code, refused.json["pointer"]) == (422, "merge_by_name", "/decision")
        assert refused.json["detail"] == "Issues are merged and split by name."
    assert shown(office)["state"] == "merged"


def test_an_issue_that_names_no_process_is_named_by_anybody_and_then_binds(office: Office) -> None:
    li, wang = staffed(office)
    office.issue(state="open", process=None)
    path = {"issue_id": ONE}
    unnamed = do(office, "transitions", {"to": "accepted", "version": 1}, key=wang)
    assert (unnamed.status, unnamed.code) == (422, "process_missing")
    assert office.call("PATCH", ISSUE, {"version": 1, "process": "packaging"}, path=path, key=li).status == 200
    assert office.call("PATCH", ISSUE, {"version": 2, "process": "x"}, path=path, key=li).code == "no_authority"
    assert office.call("PATCH", ISSUE, {"version": 2, "process": "packaging"}, path=path, key=li).status == 200
    assert do(office, "transitions", {"to": "accepted", "version": 2}, key=wang).json["state"] == "accepted"


@pytest.mark.parametrize(
    ("changes", "move", "status", "code"),
    [
        ({"definition": None}, {"to": "open"}, 422, "definition_missing"),
        ({}, {"to": "fixing"}, 409, "illegal_move"),
        ({}, {"to": "declined"}, 422, "no_reason"),
        ({}, {"to": "merged"}, 422, "merge_by_name"),
        ({"state": "fixing"}, {"to": "fixed"}, 422, "date_missing"),
        ({"state": "open", "plan": None}, {"to": "accepted"}, 422, "study_missing"),
        ({"version": 2}, {"to": "open"}, 409, "version_conflict"),
    ],
)
def test_an_illegal_move_is_refused_with_its_code(
    office: Office, changes: Any, move: Any, status: int, code: str
) -> None:
    _, wang = staffed(office)
    office.issue(**changes)
    refused = do(office, "transitions", {"version": 1, **move}, key=wang)
    assert (refused.status, refused.code) == (status, code)
    if code == "illegal_move":
        assert refused.json["allowed"] == ["open", "declined", "merged"]


@pytest.mark.parametrize(("choice", "end"), [("act", "fixing"), ("study", "studying"), ("decline", "declined")])
def test_a_decision_takes_the_issue_where_it_leads_and_is_kept_with_its_reason(
    office: Office, choice: str, end: str
) -> None:
    li, wang = staffed(office)
    office.issue()
    body = {"decision": choice, "version": 1, "reason": "it costs us 3 % of orders"}
    refused = do(office, "decision", body, key=li) if choice != "decline" else None
    decided = do(office, "decision", body, key=wang).json

    assert refused is None or refused.code == "no_authority"
    assert (decided["state"], decided["decision"]["decision"]) == (end, choice)
    told = shown(office)["history"]
    assert [line["implied"] for line in told] == [True] * (len(told) - 1) + [False]
    assert [line["version"] for line in told] == list(range(2, decided["version"] + 1))
    assert do(office, "decision", {**body, "version": decided["version"], "reason": " "}, key=wang).code == "no_reason"


def test_another_level_opens_an_accepted_issue_again_and_is_told_to_its_cases(office: Office) -> None:
    office.issue(state="fixing")
    up = do(office, "promote", {"to": "L3", "version": 1, "reason": "it is the carrier's contract"}).json
    assert (up["level"], up["state"], up["version"]) == ("L3", "open", 2)
    assert [(queue, body["kind"]) for queue, body in office.due.rows.values()] == [("cases", "issue_level")]
    assert do(office, "promote", {"to": "L3", "version": 2, "reason": "again"}).code == "same_level"


# --- merge and links ----------------------------------------------------------------------------------------------


def test_merge_and_split_through_the_api(office: Office) -> None:
    one, two = office.issue(state="open"), office.issue(id="is_two")
    merged = do(office, "merge", {"into": "is_two", "version": 1, "reason": "the same thing"}).json
    stuck = do(office, "transitions", {"to": "open", "version": 2})
    absorbed = shown(office, "is_two")["absorbed"]
    back = do(office, "split", {"version": 2}).json

    assert (merged["state"], merged["merged_into"], absorbed) == ("merged", "is_two", [ONE])
    assert stuck.code == "merge_by_name"
    assert (back["state"], back["version"]) == ("open", 3)
    for before in (one, two):
        after = office.issues.rows[OURS, before.id]
        assert replace(after, version=1, updated_at=NOW, change="opened") == replace(before, updated_at=NOW)
    assert do(office, "split", {"version": 3}).code == "not_merged"
    assert do(office, "merge", {"into": ONE, "version": 3}).code == "merges_itself"
    assert do(office, "merge", {"into": "is_nowhere", "version": 3}).code == "not_found"


def test_cases_and_voices_become_part_of_an_issue_and_go_again(office: Office) -> None:
    office.issue()
    office.feedback(state="ticketed", ticket=f"tk_{OURS}")
    office.feedback(id="fb_alone", state="new", awaiting=frozenset())
    office.ticket()
    linked = do(office, "links", {"tickets": [f"tk_{OURS}"], "feedback": ["fb_alone"]}).json

    (ticket,) = office.call("GET", "/v1/tickets").json["items"]
    assert [one["id"] for one in linked["items"]] == [f"tk_{OURS}", "fb_alone"]
    assert (ticket["issue"], ticket["level"]) == (ONE, "L2")
    states = {one.id: one.state for one in office.shelf.rows.values()}
    assert states == {f"fb_{OURS}": "ticketed", "fb_alone": "linked"}  # what has a ticket is spoken for by that
    assert sorted(one["id"] for one in shown(office)["cases"]) == ["fb_alone", f"tk_{OURS}"]

    for case in (f"tk_{OURS}", "fb_alone"):
        path = {"issue_id": ONE, "case_id": case}
        assert office.call("DELETE", f"{ISSUE}/links/{{case_id}}", path=path).json == {"id": case, "deleted": True}
    assert (shown(office)["cases"], office.tickets.rows[OURS, f"tk_{OURS}"].level) == ([], "L1")
    assert {one.id: one.state for one in office.shelf.rows.values()} == {f"fb_{OURS}": "ticketed", "fb_alone": "new"}


def test_a_ticket_is_part_of_one_issue_and_has_to_be_seen(office: Office) -> None:
    office.issue()
    office.issue(id="is_two")
    office.feedback(state="ticketed", ticket=f"tk_{OURS}")
    office.ticket()
    abroad = office.new_key("region", unit="BJ")
    assert do(office, "links", {"tickets": [f"tk_{OURS}"]}, key=abroad).status == 404
    assert do(office, "links", {"tickets": [f"tk_{OURS}"]}).status == 200
    assert shown(office, key=abroad)["cases"] == []
    refused = do(office, "links", {"tickets": [f"tk_{OURS}"]}, issue_id="is_two")
    assert (refused.status, refused.code) == (409, "already_linked")
    assert do(office, "links", {}).code == "schema_violation"
    office.parked()
    unread = do(office, "links", {"feedback": [f"fb_parked_{OURS}"]})
    assert (unread.code, unread.json["detail"]) == ("not_open", "There is nothing to read in this feedback.")


def test_cases_of_a_merged_issue_are_shown_with_what_it_was_merged_into(office: Office) -> None:
    office.issue()
    office.issue(id="is_two")
    office.feedback(state="ticketed", ticket=f"tk_{OURS}")
    office.ticket()
    do(office, "links", {"tickets": [f"tk_{OURS}"]})
    do(office, "merge", {"into": "is_two", "version": 1})
    assert [(one["id"], one["issue"]) for one in shown(office, "is_two")["cases"]] == [(f"tk_{OURS}", ONE)]


def test_the_cases_of_an_issue_are_read_page_by_page_by_whoever_sees_them(office: Office) -> None:
    made = office.issue()
    for number in range(103):
        office.issues.link(IssueLink(OURS, made.id, f"fb_{number:03d}", "ky_one", NOW))
    office.feedback(id="fb_101", unit="SH/001")

    def page(**asked: Any) -> Any:
        return office.call("GET", f"{ISSUE}/links", path={"issue_id": ONE}, **asked).json

    first = page(query={"limit": "100"})
    rest = page(query={"limit": "100", "cursor": first["cursor"]})
    assert (len(shown(office)["cases"]), shown(office)["more"]) == (100, True)
    assert [one["id"] for one in first["items"] + rest["items"]] == [f"fb_{number:03d}" for number in range(103)]
    assert rest["cursor"] is None
    shop = office.new_key("store", unit="SH/001")
    seen = page(query={"limit": "100", "cursor": first["cursor"]}, key=shop)
    assert ([one["id"] for one in seen["items"]], page(key=shop)["items"]) == (["fb_101"], [])


def test_a_hundred_cases_are_all_of_them(office: Office) -> None:
    made = office.issue()
    for number in range(100):
        office.issues.link(IssueLink(OURS, made.id, f"fb_{number:03d}", "ky_one", NOW))
    assert (len(shown(office)["cases"]), shown(office)["more"]) == (100, False)


def test_a_crash_while_an_issue_goes_to_another_level_leaves_no_case_behind(office: Office) -> None:
    office.issue(state="open")
    office.issues.lose = 1
    assert do(office, "promote", {"to": "L3", "version": 1, "reason": "all shops"}).code == "version_conflict"
    ((queue, body),) = office.due.rows.values()
    assert (queue, body["kind"]) == ("cases", "issue_level"), "it is asked for before the issue is moved"


@pytest.mark.parametrize("what", ["transitions", "decision", "promote", "merge", "split", "links"])
def test_a_shop_reads_issues_and_does_not_work_on_them(office: Office, what: str) -> None:
    office.issue()
    shop = office.new_key("store", unit="SH/001")
    assert shown(office, key=shop)["id"] == ONE
    assert do(office, what, {}, key=shop).code == "forbidden"


# --- what the bus is told -----------------------------------------------------------------------------------------


def test_the_bus_is_told_of_every_version_and_of_no_words() -> None:
    opened_ = issue(change="opened")
    later = replace(opened_, version=2, state="open", change="moved")

    def told(old: Any, new: Any) -> Any:
        image = {name: value for one in (new,) for name, value in issue_row(one).serialize().items()}
        before = issue_row(old).serialize() if old else None
        stream = {"Keys": {"pk": image["pk"], "sk": image["sk"]}, "NewImage": image, "ApproximateCreationDateTime": 1.0}
        record = {"dynamodb": {**stream, **({"OldImage": before} if before else {})}}
        (change,) = images.changes([record])
        assert isinstance(change, RowChange)
        return events_of(change, lambda *_: True)

    (first,) = told(None, opened_)
    (second,) = told(opened_, later)
    assert (first.type, second.type) == ("issue.opened", "issue.updated")
    assert first.id != second.id
    assert (subject_of(second.as_detail()), sequence_of(second.as_detail())) == ("is_one", 2)
    assert second.detail == {
        "issue_id": "is_one",
        "state": "open",
        "level": "L2",
        "topics": ["logistics.damage"],
        "topic": "logistics.damage",
        "unit": None,
        "unit_kind": "shop",
        "departments": ["logistics"],
        "owner": None,
        "issue_version": 2,
        "sequence": 2,
        "severity": "high",
    }
    assert told(later, replace(later, title="other words")) == ()


# --- the policy ---------------------------------------------------------------------------------------------------


def test_what_makes_an_issue_is_shown_and_replaced(office: Office) -> None:
    shipped = office.call("GET", "/v1/issue-policy").json
    assert shipped == {"version": 0, "count": 5, "days": 30, "bounces": 3, "critical": 2, "analyst": None}
    put = office.call("PUT", "/v1/issue-policy", {"version": 0, "count": 8}).json
    assert (put["version"], put["count"]) == (1, 8)
    assert office.call("GET", "/v1/issue-policy").json == put
    assert office.call("PUT", "/v1/issue-policy", {"version": 0, "count": 9}).code == "version_conflict"
    assert office.call("PUT", "/v1/issue-policy", {"version": 1, "count": 1}).code == "schema_violation"
    assert office.call("PUT", "/v1/issue-policy", {"version": 1}, key=office.new_key("analyst")).code == "forbidden"


# --- insights -----------------------------------------------------------------------------------------------------


def test_an_insight_is_put_away_only_with_an_owner_and_a_decision(office: Office) -> None:
    office.issue()
    made = office.call("POST", "/v1/insights", {"title": "Rain doubles spills", "evidence": ["chart 7"]}).json
    path, where = {"insight_id": made["id"]}, "/v1/insights/{insight_id}"

    def post(what: str, **body: Any) -> Answer:
        return office.call("POST", f"{where}/{what}", body, path=path)

    assert (post("archive", version=1).status, post("archive", version=1).code) == (409, "owner_missing")
    assert post("owner", version=1, owner="li").json["owner"] == "li"
    assert post("archive", version=2).code == "decision_missing"
    assert post("decision", version=2, decision="act", reason=" ").code == "no_reason"
    assert post("decision", version=2, decision="act", reason="r", issue="is_nowhere").code == "not_found"
    decided = post("decision", version=2, decision="study", reason="three shops first", issue=ONE).json
    assert (decided["state"], decided["issue"], decided["decision"]["reason"]) == ("decided", ONE, "three shops first")
    assert post("archive", version=2).code == "version_conflict"
    assert post("archive", version=3).json["state"] == "archived"
    assert post("owner", version=4, owner="wang").code == "archived"
    assert office.call("GET", where, path=path).json["version"] == 4
    for query, found in (({}, [made["id"]]), ({"state": "archived"}, [made["id"]]), ({"state": "open"}, [])):
        assert [one["id"] for one in office.call("GET", "/v1/insights", query=query).json["items"]] == found
