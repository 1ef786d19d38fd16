"""Fixes and exposure through the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.issues.issue import Scope
from chalicelib.domain.workspaces.organisation import Organisation, Unit
from chalicelib.services.issues.count_complaints import A_BATCH
from chalicelib.wiring import issues
from tests.builders_admin import NOW, OURS, Office, composed
from tests.fakes.gateway import Answer

FIXED = "/v1/issues/{issue_id}/fixed"
EFFECT = "/v1/issues/{issue_id}/effect"
EXPOSURE = "/v1/exposure"
ISSUE = {"issue_id": f"is_{OURS}"}
TODAY = NOW.date()


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        made.issue(state="fixing", version=4, scope=Scope(("logistics.damage",)), opened_at=NOW - timedelta(days=20))
        made.hours.daily(OURS, "-", "logistics.damage", NOW - timedelta(days=90), 90, 2)
        yield made


def declare(office: Office, **body: Any) -> Answer:
    wanted = {"version": 4, "on": TODAY.isoformat(), **body}
    return office.call("POST", FIXED, {name: value for name, value in wanted.items() if value is not None}, path=ISSUE)


def test_a_batch_has_its_seconds_to_count_in_from_when_it_begins(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(issues, "monotonic", lambda: now[0])
    first, of_people = issues.count_in_a_batch(), issues.count_complaints()
    now[0] += A_BATCH
    second = issues.count_in_a_batch()
    assert [one.has_time() for one in (first, second, of_people)] == [False, True, True]


class TestFixes:
    def test_a_fix_is_declared_and_answered_with_when_it_can_be_told(self, office: Office) -> None:
        answer = declare(office, guard_days=2)
        assert answer.status == 200, answer.body
        effect = answer.json["effect"]
        assert (answer.json["state"], answer.json["version"]) == ("fixed", 5)
        assert (effect["verdict"], effect["days_more"], effect["judged_at"]) == ("too_early", 31, None)
        assert effect["before"] == {"complaints": 56, "exposure": 28.0, "rate": 2.0}
        assert effect["called"] == {"zh-CN": "为时尚早", "en": "Too early to tell"}
        assert effect["claim"]["guard_days"] == 2
        assert effect["claim"]["excluded"] != []
        assert [one["en"].split(":")[0].split(",")[0] for one in effect["caveats"]] == [
            "Counts only",
            "Before and after only",
        ]
        assert office.call("GET", EFFECT, path=ISSUE).json == effect

    def test_a_fix_at_many_units_says_that_it_is_being_counted_and_then_of_when_its_numbers_are(
        self, office: Office
    ) -> None:
        units = tuple(Unit(f"u{number}") for number in range(301))
        office.organisations.put(OURS, Organisation(version=1, units=units), by="ky", at=NOW)
        effect = declare(office).json["effect"]
        assert (effect["verdict"], effect["reason"], effect["verdict_on"], effect["before"]) == (
            *("too_early", "counting"),
            *(None, None),
        )
        assert effect["text"]["zh-CN"] == "门店较多，正在后台分批统计，请稍后再看"
        assert (effect["caveats"], effect["counted_at"], office.hours.asked) == ([], None, 0)
        assert office.call("GET", EFFECT, path=ISSUE).json == effect

        while office.due.rows:
            ((_, (_, message)),) = office.due.rows.items()
            office.due.rows.clear()
            if issues.judge_effect(issues.count_complaints())(message) != "counting":
                break
        effect = office.call("GET", EFFECT, path=ISSUE).json
        assert (effect["reason"], effect["before"]["complaints"], effect["days_more"]) == ("waiting", 56, 32)
        assert effect["counted_at"] == NOW.isoformat()

    def test_touchpoints_that_are_not_told_apart_are_said(self, office: Office) -> None:
        scope = Scope(("logistics.damage",), touchpoints=("delivery",))
        office.issue(state="fixing", version=4, scope=scope, opened_at=NOW - timedelta(days=20))
        caveats = declare(office).json["effect"]["caveats"]
        assert caveats[-1]["zh-CN"] == "按主题计数，未按触点区分"

    def test_what_cannot_be_is_refused_with_its_place(self, office: Office) -> None:
        cases = [
            ({"on": (TODAY + timedelta(days=1)).isoformat()}, 422, "fix_in_future", "/on"),
            ({"on": "2026-02-30"}, 422, "schema_violation", "/on"),
            ({"on": 20261121}, 422, "schema_violation", "/on"),
            ({"expected": 0.3, "margin": 0.4}, 422, "margin_over_expected", "/margin"),
            ({"expected": 1}, 422, "schema_violation", "/expected"),
            ({"baseline_days": 6}, 422, "schema_violation", "/baseline_days"),
            ({"units": ["a", "a"]}, 422, "schema_violation", "/units"),
            ({"version": 3}, 409, "version_conflict", None),
        ]
        for body, status, code, pointer in cases:
            answer = declare(office, **body)
            assert (answer.status, answer.code, answer.json.get("pointer")) == (status, code, pointer), body
        assert office.issues.rows[OURS, f"is_{OURS}"].version == 4

    def test_it_is_declared_once_and_only_where_it_is_being_fixed(self, office: Office) -> None:
        declare(office)
        again = declare(office, version=5)
        assert (again.status, again.code) == (409, "already_claimed")
        assert again.json["detail"] == "It is declared fixed already."
        office.issue(state="open", version=4)
        early = declare(office)
        assert (early.status, early.code) == (409, "illegal_move")
        assert early.json["allowed"] == ["accepted", "declined", "merged"]

    def test_there_is_no_effect_before_a_claim_and_shops_do_not_see_one(self, office: Office) -> None:
        none = office.call("GET", EFFECT, path=ISSUE)
        assert (none.status, none.code) == (404, "not_declared_fixed")
        assert none.json["detail"] == "The issue was not declared fixed yet."
        nowhere = office.call("GET", EFFECT, path={"issue_id": "is_nowhere"})
        assert (nowhere.status, nowhere.code) == (404, "not_found")
        store = office.new_key("store", unit="SH/001")
        assert office.call("GET", EFFECT, path=ISSUE, key=store).status == 403
        assert office.call("POST", FIXED, {}, path=ISSUE, key=store).status == 403


class TestExposure:
    def put(self, office: Office, *items: Any) -> Answer:
        return office.call("PUT", EXPOSURE, {"items": list(items)})

    def test_days_are_kept_replaced_and_shown_in_order(self, office: Office) -> None:
        later = {"unit": "SH/001", "day": "2026-11-03", "count": 12.5}
        earlier = {"unit": "SH/001", "day": "2026-11-02", "count": 0}
        other = {"unit": "SH/002", "day": "2026-11-02", "count": 9}
        assert self.put(office, later, earlier, other).json == {"kept": 3}
        assert self.put(office, {**later, "count": 13}).json == {"kept": 1}
        shown = office.call("GET", EXPOSURE, query={"unit": "SH/001"}).json["items"]
        assert shown == [earlier, {**later, "count": 13.0}]
        query = {"unit": "SH/001", "since": "2026-11-03", "until": "2026-11-03"}
        assert len(office.call("GET", EXPOSURE, query=query).json["items"]) == 1

    def test_the_verdict_is_by_business_where_it_is_known(self, office: Office) -> None:
        days = [TODAY - timedelta(days=number) for number in range(1, 90)]
        self.put(office, *({"unit": "-", "day": day.isoformat(), "count": 100} for day in days))
        effect = declare(office, on=(TODAY - timedelta(days=5)).isoformat()).json["effect"]
        assert (effect["basis"], effect["before"]["rate"], effect["after"]["exposure"]) == ("exposure", 0.02, 200.0)

    def test_what_cannot_be_is_refused_with_its_place(self, office: Office) -> None:
        good = {"unit": "SH/001", "day": "2026-11-02", "count": 1}
        cases = [
            ([good, good], "day_twice", "/items/1", "A day is named twice."),
            ([{**good, "day": "2027-01-01"}], "day_in_future", "/items/0/day", "The day is not over."),
            ([{**good, "count": -1}], "schema_violation", "/items/0/count", "The number is too small."),
            (
                [{**good, "more": 1}],
                "schema_violation",
                "/items/0/more",
                "There is a field that is not known here. Known: unit, day, count.",
            ),
            ([], "schema_violation", "/items", "Too few entries."),
        ]
        for items, code, pointer, said in cases:
            answer = self.put(office, *items)
            assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)
            assert answer.json["detail"] == said
        assert office.exposures.rows == {}

    def test_a_list_is_of_one_unit_and_not_endless(self, office: Office) -> None:
        assert office.call("GET", EXPOSURE).code == "invalid_query"
        long = {"unit": "SH/001", "since": "2024-01-01", "until": "2026-01-01"}
        assert office.call("GET", EXPOSURE, query=long).code == "range_too_long"
        backwards = {"unit": "SH/001", "since": "2026-01-02", "until": "2026-01-01"}
        assert office.call("GET", EXPOSURE, query=backwards).code == "invalid_query"
        analyst = office.new_key("analyst")
        assert office.call("PUT", EXPOSURE, {"items": []}, key=analyst).status == 403
