"""A misspelt topic, department or unit is refused where it is written, and what was known once stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.workspaces.organisation import Department, Organisation, Unit
from chalicelib.domain.workspaces.rules import Rule
from tests.builders_admin import NOW, OURS, Office, composed
from tests.fakes.gateway import Answer

RULE, DIGESTS, EXPOSURE, RUNS = "/v1/rules/{name}", "/v1/digests", "/v1/exposure", "/v1/dry-runs"
TOPIC, DEPARTMENT, UNIT = (
    "The code frame has no such topic.",
    "There is no such department.",
    "The organisation has no such unit.",
)


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        made.endpoint()
        yield made


def organise(office: Office) -> None:
    """Two cities of one country, the country not among them, and a department that nobody has a post in."""
    units, departments = (Unit("cn/sh"), Unit("cn/bj")), (Department("night_shift"),)
    office.organisations.put(
        OURS, Organisation(version=1, triage="customer_service", units=units, departments=departments), by="ky", at=NOW
    )


def rule(office: Office, when: Any = None, **more: Any) -> Answer:
    when = when or {"tag": {"topic": "logistics"}}
    return office.call("PUT", RULE, {"when": when, "then": ["ticket"], **more}, path={"name": "mine"})


def digest(office: Office, **about: Any) -> Answer:
    return office.call("POST", DIGESTS, {"endpoint": f"ep_{OURS}", "every": "day", **about})


def exposure(office: Office, *units: str) -> Answer:
    items = [{"unit": unit, "day": NOW.date().isoformat(), "count": 9} for unit in units]
    return office.call("PUT", EXPOSURE, {"items": items})


def refused(answer: Answer) -> tuple[int, str, str, str]:
    return answer.status, answer.code, answer.json["pointer"], answer.json["detail"]


def test_a_rule_about_a_topic_that_the_frame_lacks_is_refused_wherever_it_stands(office: Office) -> None:
    nested = {"any": [{"tag": {"polarity": "negative"}}, {"not": {"all": [{"tag": {"topic": "nope.nope"}}]}}]}
    assert refused(rule(office, nested)) == (422, "unknown_topic", "/when/any/1/not/all/0/tag/topic", TOPIC)
    made = office.call("POST", "/v1/rules", {"name": "two", "when": {"tag": {"topic": "logistic"}}, "then": ["ticket"]})
    assert refused(made) == (422, "unknown_topic", "/when/tag/topic", TOPIC)
    assert rule(office, {"tag": {"topic": "logistics.damage"}}).status == 200
    assert rule(office, {"tag": {"topic": "logistics"}}).status == 200, "with all below it"


def test_a_rules_department_is_one_of_the_organisation_or_the_frame(office: Office) -> None:
    assert rule(office, department="anything").status == 200, "there is no organisation"
    organise(office)
    assert refused(rule(office, department="logistik")) == (422, "unknown_department", "/department", DEPARTMENT)
    for known in ("logistics", "customer_service", "night_shift"):
        assert rule(office, department=known).status == 200, known


def test_a_rule_goes_on_naming_what_it_named_when_it_was_put(office: Office) -> None:
    rule(office, {"tag": {"topic": "logistics.damage"}}, department="vip", enabled=False)
    organise(office)
    assert rule(office, {"tag": {"topic": "logistics.damage"}}, department="vip", severity="high").status == 200
    assert rule(office, {"tag": {"topic": "logistics.damage"}}, department="vap").code == "unknown_department"


def test_a_rule_outlives_the_topic_that_it_names(office: Office) -> None:
    gone = Rule("mine", {"tag": {"topic": "flight.delay"}}, ("ticket",))
    office.directory.put_rule(OURS, gone)
    assert rule(office, gone.when, enabled=False).status == 200
    assert rule(office, {"all": [gone.when, {"tag": {"topic": "flight"}}]}).code == "unknown_topic"


@pytest.mark.parametrize(("state", "status"), [("measuring", 200), ("measured", 200), ("retired", 422)])
def test_a_rule_may_name_what_a_proposed_frame_has_and_not_what_one_had(
    office: Office, state: str, status: int
) -> None:
    office.proposal(packs=("airline",), state=state)
    answer = rule(office, {"tag": {"topic": "flight"}})
    assert answer.status == status
    if status == 422:
        assert refused(answer) == (422, "unknown_topic", "/when/tag/topic", TOPIC)


@pytest.mark.parametrize(
    ("about", "code", "pointer", "said"),
    [
        ({"topics": ["logistics", "nope.topic"]}, "unknown_topic", "/topics/1", TOPIC),
        ({"departments": ["logistics", "nope"]}, "unknown_department", "/departments/1", DEPARTMENT),
        ({"unit": "nope/unit"}, "unknown_unit", "/unit", UNIT),
        ({"topics": ["logistics"], "unit": "cn/s"}, "unknown_unit", "/unit", UNIT),
    ],
)
def test_a_digest_about_nothing_is_refused(office: Office, about: Any, code: str, pointer: str, said: str) -> None:
    organise(office)
    assert refused(digest(office, **about)) == (422, code, pointer, said)
    assert office.call("GET", DIGESTS).json["items"] == []


def test_a_digest_is_about_what_lies_above_and_below_too(office: Office) -> None:
    assert digest(office, unit="anywhere").status == 201, "there is no organisation"
    organise(office)
    for about in ({"unit": "cn"}, {"unit": "cn/sh/001"}, {"topics": ["logistics"], "unit": "cn/bj"}):
        assert digest(office, **about).status == 201, about


def test_an_exposure_of_an_unknown_unit_keeps_nothing(office: Office) -> None:
    organise(office)
    assert refused(exposure(office, "cn/sh", "nope")) == (422, "unknown_unit", "/items/1/unit", UNIT)
    assert office.exposures.rows == {}
    assert exposure(office, "cn/sh", "cn/bj/7", "-").json == {"kept": 3}


def test_a_dry_run_knows_what_would_be_known_with_the_change(office: Office) -> None:
    def tried(**change: Any) -> Answer:
        return office.call("POST", RUNS, {"days": 1, "change": change})

    flights = {"put": [{"name": "mine", "when": {"tag": {"topic": "flight"}}, "then": ["ticket"]}]}
    assert refused(tried(rules=flights)) == (
        422,
        "unknown_topic",
        "/change/rules/put/0/when/tag/topic",
        TOPIC,
    )
    assert tried(rules=flights, frame={"packs": ["airline"]}).status == 202
