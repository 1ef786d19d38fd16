"""Rules and subscriptions through the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.services.workspaces import manage_rules
from tests.builders_admin import OURS, Office, composed

RULE = "/v1/rules/{name}"
UNHAPPY = {"field": "score.nps", "op": "lte", "value": 6}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def put(office: Office, name: str = "late-parcel", **changes: Any) -> Any:
    return office.call("PUT", RULE, {"when": UNHAPPY, "then": ["ticket"], **changes}, path={"name": name})


def test_each_change_is_a_version_and_a_deleted_rule_goes_on_counting(office: Office) -> None:
    versions = [put(office).json["version"], put(office, severity="high").json["version"]]
    assert office.call("DELETE", RULE, path={"name": "late-parcel"}).status == 200
    assert office.call("DELETE", RULE, path={"name": "late-parcel"}).status == 404

    assert [*versions, put(office).json["version"]] == [1, 2, 4]


def test_built_in_rules_are_listed_replaced_by_name_and_come_back(office: Office) -> None:
    def listed() -> dict[str, tuple[bool, bool, int]]:
        items = office.call("GET", "/v1/rules").json["items"]
        return {one["name"]: (one["builtin"], one["enabled"], one["version"]) for one in items}

    assert listed() == {
        "builtin-red-line": (True, True, 1),
        "builtin-unhappy": (True, True, 1),
    }
    assert put(office, "builtin-unhappy", enabled=False).json["version"] == 2
    assert listed()["builtin-unhappy"] == (False, False, 2)
    assert [rule.name for rule in office.directory.rules(OURS)] == ["builtin-red-line"]
    office.call("DELETE", RULE, path={"name": "builtin-unhappy"})
    assert listed()["builtin-unhappy"] == (True, True, 1)


def test_a_workspace_has_room_for_so_many_rules_and_an_old_one_can_still_be_changed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manage_rules, "MAX_RULES", 2)
    assert [put(office, name).status for name in ("one", "two", "one")] == [200, 200, 200]

    refused = put(office, "three")

    assert (refused.status, refused.code) == (409, "too_many")
    assert refused.json["detail"] == "A workspace has room for 2 of these."


def test_post_takes_the_name_in_the_body(office: Office) -> None:
    answer = office.call("POST", "/v1/rules", {"name": "by-post", "when": UNHAPPY, "then": ["alert"]})

    assert (answer.status, answer.json["name"], answer.json["version"]) == (200, "by-post", 1)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"when": {"field": "text", "op": "matches", "value": "(.*)*x"}}, "rule_invalid", "/when/op"),
        ({"when": {"field": "password", "op": "eq", "value": 1}}, "rule_invalid", "/when/field"),
        ({"pattern": "(.*)*x"}, "rule_invalid", ""),
        ({"then": []}, "schema_violation", "/then"),
        ({"then": ["fire"]}, "schema_violation", "/then/0"),
        ({"cooldown_s": 0}, "schema_violation", "/cooldown_s"),
        ({"cooldown_s": 315_360_000}, "schema_violation", "/cooldown_s"),
        ({"severity": "apocalyptic"}, "schema_violation", "/severity"),
        ({"enabled": "yes"}, "schema_violation", "/enabled"),
        ({"window_s": 0}, "schema_violation", "/window_s"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_refused(
    office: Office, changes: dict[str, Any], code: str, pointer: str
) -> None:
    answer = put(office, **changes)

    assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)
    assert office.directory.own_rules(OURS) == []


def test_a_number_that_no_machine_holds_is_refused_before_the_rule_is_read(office: Office) -> None:
    raw = b'{"when":{"field":"score.nps","op":"lte","value":%s},"then":["ticket"]}'

    for number in (b"1e999", b"3.00000000000000000000001"):
        answer = office.call("PUT", RULE, raw % number, path={"name": "x"})
        assert (answer.status, answer.code) == (400, "number_out_of_range")


def test_half_a_character_is_no_text(office: Office) -> None:
    raw = b'{"when":{"field":"text","op":"contains","value":"\\ud800"},"then":["ticket"]}'

    answer = office.call("PUT", RULE, raw, path={"name": "x"})

    assert (answer.status, answer.code) == (400, "invalid_encoding")


def test_a_name_that_is_none_is_refused(office: Office) -> None:
    answer = put(office, "规则 #1")

    assert (answer.status, answer.code, answer.json["pointer"]) == (422, "rule_invalid", "/name")


@pytest.mark.parametrize(
    ("headers", "raw", "status", "code"),
    [
        ({"content-type": "text/plain"}, b"{}", 415, "unsupported_media_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"a=1", 415, "unsupported_media_type"),
        ({"content-encoding": "gzip"}, b"\x1f\x8b", 415, "unsupported_media_type"),
        ({}, b"[1]", 422, "schema_violation"),
        ({}, b"null", 422, "schema_violation"),
        ({}, b"{", 400, "malformed_json"),
        ({}, b'{"a":1,"a":2}', 400, "duplicate_key"),
        ({}, b"[" * 64 + b"]" * 64, 400, "json_too_deep"),
        ({}, b'{"a":"\xff"}', 400, "invalid_encoding"),
        ({}, b" " * 262_145, 413, "payload_too_large"),
    ],
)
def test_a_body_that_is_no_request_is_refused(
    office: Office, headers: dict[str, str], raw: bytes, status: int, code: str
) -> None:
    answer = office.call("POST", "/v1/rules", raw, headers=headers)

    assert (answer.status, answer.code) == (status, code)


def test_a_subscription_is_made_and_its_address_is_not_repeated(office: Office) -> None:
    body = {"severity": "high", "protocol": "sms", "address": "+8613800138000"}

    made = office.call("POST", "/v1/subscriptions", body)

    assert made.status == 201
    assert "13800138000" not in made.body
    assert office.sns.subscribed == [(OURS, "high", "sms", "+8613800138000")]
    gone = office.call("DELETE", "/v1/subscriptions/{subscription_id}", path={"subscription_id": made.json["id"]})
    assert gone.status == 200
    assert office.sns.removed == ["arn:high"]


def test_subscriptions_are_listed_with_masked_addresses(office: Office) -> None:
    wanted = {"sms": "+8613800138000", "email": "ops@example.com"}
    made = [
        office.call("POST", "/v1/subscriptions", {"severity": "high", "protocol": protocol, "address": address}).json
        for protocol, address in wanted.items()
    ]

    items = office.call("GET", "/v1/subscriptions").json["items"]

    masked = {"sms": "*********8000", "email": "o***@example.com"}
    assert items == [{**one, "address": masked[one["protocol"]]} for one in made]
    lost = items[0]["id"]
    assert office.call("DELETE", "/v1/subscriptions/{subscription_id}", path={"subscription_id": lost}).status == 200
    assert [one["id"] for one in office.call("GET", "/v1/subscriptions").json["items"]] == [made[1]["id"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "13800138000"},
        {"protocol": "email"},
        {"protocol": "http"},
        {"severity": "none"},
        {"address": "a" * 300},
    ],
)
def test_an_address_that_nobody_has_is_refused(office: Office, changes: dict[str, str]) -> None:
    body = {"severity": "high", "protocol": "sms", "address": "+8613800138000", **changes}

    answer = office.call("POST", "/v1/subscriptions", body)

    assert (answer.status, answer.code) == (422, "schema_violation")
    assert office.sns.subscribed == []
