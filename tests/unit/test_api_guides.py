"""Guides, settings and credentials through the API: shown to whoever has a key, never a value of a credential."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.connectors.registry import CONNECTORS
from chalicelib.domain.vocabulary import ROLES
from chalicelib.domain.workspaces.fields import Field
from chalicelib.sources import registry as sources
from chalicelib.sources.registry import SOURCES
from tests.builders_admin import OURS, Office, composed
from tests.fakes.gateway import Answer

URL = "https://oa.example.com/hook"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that asks for a setting and two credentials."""
    source = type(sources.load("jinshuju"))
    monkeypatch.setattr(source, "fields", (Field("form"), Field("depth", "number", most=5)))
    monkeypatch.setattr(source, "credential_fields", (Field("api_key", required=True), Field("api_secret")))


def stored(office: Office, folder: str, thing: str) -> dict[str, Any]:
    return dict(json.loads(office.ssm.values[f"/echoloop/test/{folder}/{thing}"]))


def connect(office: Office, **body: Any) -> Answer:
    return office.call("POST", "/v1/connections", {"name": "Shops", "source": "jinshuju", **body})


def attach(office: Office, **body: Any) -> Answer:
    wanted = {"name": "OA", "connector": "standard_webhooks", "url": URL, "events": ["ticket.opened"], **body}
    return office.call("POST", "/v1/endpoints", wanted)


# --- guides -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_whoever_has_a_key_may_read_them(office: Office, role: str) -> None:
    unit = {"unit": "SH"} if role in ("region", "store") else {}
    key = office.new_key(role, **unit)
    for path, names in (("sources", SOURCES), ("connectors", CONNECTORS)):
        answer = office.call("GET", f"/v1/{path}", key=key)
        assert (answer.status, [one["name"] for one in answer.json["items"]]) == (200, list(names))
    assert office.call("GET", "/v1/sources", key="").status == 401


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_told_whole(office: Office, name: str) -> None:
    answer = office.call("GET", "/v1/sources/{source}", path={"source": name})
    assert answer.status == 200
    one = sources.load(name)
    assert answer.json["proof"] == one.proof
    assert (answer.json["secret_from"] is None) == (answer.json["secret"] is None)
    assert answer.json["hook"]["methods"] == ["POST", *one.probes]
    assert [field["name"] for field in answer.json["fields"]] == [field.name for field in one.fields]
    assert all(set(step) == {"zh-CN", "en"} for step in answer.json["steps"])


@pytest.mark.parametrize("name", CONNECTORS)
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_a_connector_is_told_in_one_language_where_one_is_asked_for(office: Office, name: str, lang: str) -> None:
    at = {"connector": name}
    whole, alone = (
        office.call("GET", "/v1/connectors/{connector}", path=at, query=query).json for query in ({}, {"lang": lang})
    )
    assert alone["title"] == whole["title"][lang]
    assert alone["steps"] == [step[lang] for step in whole["steps"]]
    assert alone["url"] == {part: text[lang] for part, text in whole["url"].items()}
    fields = [one for part in ("fields", "common_fields", "credential_fields") for one in alone[part]]
    assert all(isinstance(one["label"], str) and isinstance(one["help"], str) for one in fields)
    assert "time_zone" in [one["name"] for one in alone["common_fields"]]


def test_what_there_is_not_is_nowhere_and_an_unknown_language_is_refused(office: Office) -> None:
    for path, name in (("sources/{source}", "source"), ("connectors/{connector}", "connector")):
        for unknown in ("fax", "../common", "feishu.yaml"):
            answer = office.call("GET", f"/v1/{path}", path={name: unknown})
            assert (answer.status, answer.code) == (404, "not_found")
    answer = office.call("GET", "/v1/sources", query={"lang": "fr"})
    assert (answer.status, answer.code) == (422, "invalid_query")


# --- a connection's settings and credentials --------------------------------------------------------------------


@pytest.mark.usefixtures("asking")
def test_a_connection_shows_its_settings_and_the_names_of_its_credentials(office: Office) -> None:
    credentials = {"api_key": "CANARY-key", "api_secret": None}
    made = connect(office, settings={"form": "f1", "depth": None}, credentials=credentials)
    assert (made.status, made.json["settings"], made.json["credentials"]) == (201, {"form": "f1"}, ["api_key"])
    assert stored(office, "vendors", made.json["id"]) == {
        "workspace": OURS,
        "id": made.json["id"],
        "source": "jinshuju",
        "credentials": {"api_key": "CANARY-key"},
    }
    shown = office.call("GET", "/v1/connections/{connection_id}", path={"connection_id": made.json["id"]})
    assert (shown.json["settings"], shown.json["credentials"]) == ({"form": "f1"}, ["api_key"])
    assert "CANARY" not in made.body + shown.body


@pytest.mark.usefixtures("asking")
def test_of_settings_the_given_names_are_replaced_and_credentials_as_a_whole(office: Office) -> None:
    made = connect(office, settings={"form": "f1"}, credentials={"api_key": "one", "api_secret": "two"})
    at = {"path": {"connection_id": made.json["id"]}}
    change: dict[str, Any] = {"settings": {"depth": 3}, "credentials": {"api_key": "three"}}
    after = office.call("PATCH", "/v1/connections/{connection_id}", change, **at)
    assert (after.json["settings"], after.json["credentials"]) == ({"form": "f1", "depth": 3}, ["api_key"])
    assert stored(office, "vendors", made.json["id"])["credentials"] == {"api_key": "three"}
    after = office.call("PATCH", "/v1/connections/{connection_id}", {"settings": {"form": None}}, **at)
    assert (after.json["settings"], after.json["credentials"]) == ({"depth": 3}, ["api_key"])


@pytest.mark.usefixtures("asking")
def test_the_api_never_reads_a_vendors_credentials_and_deletes_them_with_the_connection(office: Office) -> None:
    made = connect(office, credentials={"api_key": "CANARY"})
    at = {"path": {"connection_id": made.json["id"]}}
    office.call("PATCH", "/v1/connections/{connection_id}", {"credentials": {"api_key": "x"}, "name": "y"}, **at)
    office.call("GET", "/v1/connections/{connection_id}", **at)
    office.call("DELETE", "/v1/connections/{connection_id}", **at)
    vendors = [(verb, name) for verb, name in office.ssm.calls if "/vendors/" in name]
    assert {verb for verb, _ in vendors} == {"PutParameter", "DeleteParameter"}
    assert not [name for name in office.ssm.values if made.json["id"] in name]


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"settings": {"canary": 1}, "credentials": {"api_key": "k"}}, "settings_invalid", "/settings"),
        ({"settings": {"depth": 9}, "credentials": {"api_key": "k"}}, "settings_invalid", "/settings/depth"),
        ({"settings": {"rate": 9}, "credentials": {"api_key": "k"}}, "settings_invalid", "/settings"),
        ({}, "credentials_invalid", "/credentials/api_key"),
        ({"credentials": {"api_key": "k", "other": "CANARY"}}, "credentials_invalid", "/credentials"),
        ({"credentials": {"api_key": "CANARY\r\nx"}}, "credentials_invalid", "/credentials/api_key"),
        ({"credentials": {"api_key": 5}}, "schema_violation", "/credentials/api_key"),
        ({"settings": "x"}, "schema_violation", "/settings"),
    ],
)
def test_what_a_source_does_not_take_is_named_and_nothing_is_kept(
    office: Office, body: dict[str, Any], code: str, pointer: str
) -> None:
    answer = connect(office, **body)
    assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)
    assert "CANARY" not in answer.body
    assert office.ssm.values == {}
    assert office.directory.connections(OURS) == []


# --- an endpoint's ----------------------------------------------------------------------------------------------


def test_an_endpoint_shows_the_names_of_its_credentials_and_keeps_those_that_are_not_named(office: Office) -> None:
    made = attach(office, credentials={"callback_key": "whpk_CANARY"}, settings={"time_zone": "Europe/Berlin"})
    assert (made.status, made.json["credentials"]) == (201, ["callback_key"])
    assert made.json["settings"] == {"contact": "none", "time_zone": "Europe/Berlin"}
    assert "CANARY" not in made.body
    at = {"path": {"endpoint_id": made.json["id"]}}
    after = office.call("PATCH", "/v1/endpoints/{endpoint_id}", {"url": URL + "/new"}, **at)
    assert after.json["credentials"] == ["callback_key"]
    assert stored(office, "endpoints", made.json["id"])["credentials"] == {"callback_key": "whpk_CANARY"}
    after = office.call("PATCH", "/v1/endpoints/{endpoint_id}", {"credentials": {"callback_key": None}}, **at)
    assert after.json["credentials"] == []
    assert stored(office, "endpoints", made.json["id"])["credentials"] == {}
    after = office.call("PATCH", "/v1/endpoints/{endpoint_id}", {"settings": {"time_zone": None}}, **at)
    assert after.json["settings"] == {"contact": "none"}


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"credentials": {"other": "CANARY"}}, "credentials_invalid", "/credentials"),
        ({"settings": {"time_zone": "Mars/Olympus"}}, "settings_invalid", "/settings/time_zone"),
        ({"settings": {"refetch": True}}, "settings_invalid", "/settings"),
        ({"connector": "zendesk"}, "credentials_invalid", "/credentials/email"),
        ({"connector": "zendesk", "events": ["alert.raised"]}, "event_not_taken", "/events/0"),
    ],
)
def test_what_a_connector_does_not_take_is_named_and_nothing_is_kept(
    office: Office, body: dict[str, Any], code: str, pointer: str
) -> None:
    answer = attach(office, **body)
    assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)
    assert "CANARY" not in answer.body
    assert office.ssm.values == {}


def test_a_change_that_is_refused_changes_nothing(office: Office) -> None:
    made = attach(office, credentials={"callback_key": "whpk_one"})
    before = dict(office.ssm.values)
    at = {"path": {"endpoint_id": made.json["id"]}}
    for change, code in (
        ({"credentials": {"other": "x"}, "url": URL + "/new"}, "credentials_invalid"),
        ({"settings": {"time_zone": "x"}, "credentials": {"callback_key": "y"}}, "settings_invalid"),
    ):
        answer = office.call("PATCH", "/v1/endpoints/{endpoint_id}", change, **at)
        assert (answer.status, answer.code) == (422, code)
        assert office.ssm.values == before
