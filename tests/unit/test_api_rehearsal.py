"""Dry runs through the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.reading.dry_run import GROUPS, TOTALS
from chalicelib.wiring import rehearsal
from tests.builders_admin import OURS, THEIRS, Office, composed
from tests.fakes.gateway import Answer

RUNS = "/v1/dry-runs"
ONE = "/v1/dry-runs/{run_id}"
WATCH = {"name": "watch", "when": {"tag": {"topic": "logistics"}}, "then": ["ticket", "alert"], "severity": "high"}
MOON = {**WATCH, "name": "moon", "when": {"field": "moon", "op": "eq", "value": 1}}
ORGANISATION = {
    "version": 0,
    "time_zone": "Asia/Shanghai",
    "people": {"li": {"name": "Li", "posts": ["*:logistics"], "channels": {"phone": "13800000001"}}},
}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def tried(office: Office, change: Any, **more: Any) -> Answer:
    how = {name: more.pop(name) for name in ("key",) if name in more}
    return office.call("POST", RUNS, {"change": change, **more}, **how)


def test_a_change_of_everything_is_taken_and_shown_with_its_counts(office: Office) -> None:
    endpoint = office.endpoint()
    change = {
        "rules": {"put": [WATCH]},
        "sla": {"version": 0, "severities": {"low": {"resolution": 60}}},
        "causes": {"version": 0},
        "organisation": ORGANISATION,
        "frame": {"packs": ["ecommerce", "hotel"]},
        "endpoints": [{"id": endpoint.id, "events": ["ticket.opened"], "filter": {"departments": ["logistics"]}}],
    }
    answer = tried(office, change, days=7, key=office.new_key("analyst"))
    assert (answer.status, answer.json["state"], answer.json["days"]) == (202, "running", 7), answer.body
    assert answer.json["change"] == {
        "put": ["watch"],
        "delete": [],
        "endpoints": [endpoint.id],
        "sla": True,
        "causes": True,
        "organisation": True,
        "frame": True,
    }
    (asked,) = [body for body in office.sqs.bodies() if body.get("kind") == "dry_run"]
    assert rehearsal.go_through()(asked) == 0, "nothing was heard here"
    shown = office.call("GET", ONE, path={"run_id": answer.json["id"]}).json
    assert (shown["state"], shown["reason"], shown["finished_at"]) == ("done", None, shown["until"])
    for column in ("now", "then", "difference"):
        assert shown[column] == {"total": dict.fromkeys(TOTALS, 0), **{group: {} for group in GROUPS}}
    assert {"contact_limits", "what_follows_from_issues"} <= set(shown["left_out"])
    (line,) = office.call("GET", RUNS).json["items"]
    assert line == {
        name: value for name, value in shown.items() if name not in ("change", "now", "then", "difference", "left_out")
    }


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"change": {}}, "nothing_to_try", "/change"),
        ({"days": 91, "change": {"rules": {"put": [WATCH]}}}, "schema_violation", "/days"),
        ({"days": 7}, "schema_violation", "/change"),
        ({"change": {"rules": {"delete": ["none"]}}}, "unknown_rule", "/change/rules/delete/0"),
        ({"change": {"rules": {"put": [WATCH, MOON]}}}, "rule_invalid", "/change/rules/put/1/when/field"),
        ({"change": {"endpoints": [{"id": "ep_none"}]}}, "unknown_endpoint", "/change/endpoints/0/id"),
        ({"change": {"organisation": {"version": 0, "moon": 1}}}, "organisation_invalid", "/change/organisation"),
        ({"change": {"rules": {"put": [WATCH], "delete": ["watch"]}}}, "schema_violation", "/change/rules"),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_is_refused_where_it_stands(office: Office, body: Any, code: str, pointer: str) -> None:
    answer = office.call("POST", RUNS, body)
    assert (answer.status, answer.code, answer.json.get("pointer")) == (422, code, pointer), answer.body
    assert not office.dry_runs.rows


def test_roles_and_workspaces_keep_what_is_theirs(office: Office) -> None:
    made = tried(office, {"rules": {"put": [WATCH]}}).json
    assert tried(office, {"rules": {"put": [WATCH]}}, key=office.new_key("store", unit="cn")).status == 403
    foreign = office.new_key(workspace=THEIRS)
    assert office.call("GET", ONE, path={"run_id": made["id"]}, key=foreign).status == 404
    assert office.call("GET", RUNS, key=foreign).json["items"] == []
    assert made["workspace"] == OURS


def test_a_workspace_runs_few_at_a_time(office: Office) -> None:
    answers = [tried(office, {"rules": {"put": [WATCH]}}) for _ in range(4)]
    assert [one.status for one in answers] == [202, 202, 202, 409]
    assert answers[-1].code == "too_many"
