"""Who gets in, and what each role may do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.workspaces.access import identity, sees_unit, visible_unit, workspace_of
from chalicelib.domain.workspaces.api_keys import LENGTH, key_hash, new_key
from chalicelib.domain.workspaces.directory import ApiKey
from chalicelib.errors import NotFound, Unauthorized
from chalicelib.services.workspaces.authenticate import Authenticate
from tests.builders_admin import OURS, THEIRS, Office, composed
from tests.fakes.directory import FakeDirectory

LIST = "/v1/connections"

# What a role may call, of one route for each kind of right.
RIGHTS = {
    ("GET", "/v1/connections"): {"admin", "analyst"},
    ("GET", "/v1/rules"): {"admin", "analyst"},
    ("GET", "/v1/feedback"): {"admin", "analyst", "region", "store"},
    ("GET", "/v1/needs"): {"admin", "analyst", "region", "store"},
    ("GET", "/v1/tickets"): {"admin", "analyst", "region", "store"},
    ("GET", "/v1/deliveries"): {"admin", "analyst", "integration"},
}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def key(role: str = "admin", **more: object) -> ApiKey:
    return ApiKey("ky_1", OURS, role, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer ek_short",
        "Basic dXNlcjpwYXNz",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        f"Bearer {'ek_' + 'A' * 43}",
        f"Bearer {'ek_' + 'A' * 43}, Bearer {'ek_' + 'B' * 43}",
        f"Bearer {'ek_' + 'é' * 43}",
    ],
)
def test_without_a_valid_key_the_answer_is_always_the_same(office: Office, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}

    answer = office.call("GET", LIST, key="", headers=headers)

    assert (answer.status, answer.code) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.body == office.call("GET", LIST, key="").body


def test_a_key_in_the_query_is_no_key(office: Office) -> None:
    assert office.call("GET", LIST, key="", query={"api_key": office.key}).status == 401


def test_a_revoked_key_is_refused_from_the_next_call_on(office: Office) -> None:
    made = office.call("POST", "/v1/keys", {"role": "analyst"}).json
    assert office.call("GET", LIST, key=made["key"]).status == 200

    assert office.call("DELETE", "/v1/keys/{key_id}", path={"key_id": made["id"]}).status == 200

    refused = office.call("GET", LIST, key=made["key"])
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.body == office.call("GET", LIST, key="").body


def test_only_the_hash_of_a_key_is_kept(office: Office) -> None:
    made = office.call("POST", "/v1/keys", {"role": "store", "unit": "SH/001"}).json

    assert len(made["key"]) == LENGTH
    assert key_hash(made["key"]) in office.directory.keys
    assert made["key"] not in repr(office.directory)


def test_keys_are_listed_without_their_secrets(office: Office) -> None:
    made = office.call("POST", "/v1/keys", {"role": "store", "unit": "SH/001"}).json
    office.call("DELETE", "/v1/keys/{key_id}", path={"key_id": made["id"]})
    office.new_key("admin", THEIRS)

    answer = office.call("GET", "/v1/keys")
    items = answer.json["items"]

    assert (answer.status, answer.json["cursor"]) == (200, None)
    told = {"id": made["id"], "workspace": OURS, "role": "store", "unit": "SH/001"}
    assert {**told, "operator": False, "revoked": True} in items
    assert [one["id"] for one in items] == sorted(
        key.id for key in office.directory.keys.values() if key.workspace == OURS
    )
    assert not any(text in answer.body for text in (made["key"], office.key, *office.directory.keys))


@pytest.mark.parametrize("role", ["analyst", "region", "store", "integration"])
@pytest.mark.parametrize("resource", ["/v1/keys", "/v1/subscriptions"])
def test_only_an_admin_sees_keys_and_who_is_woken(office: Office, role: str, resource: str) -> None:
    held = office.new_key(role, **({"unit": "SH"} if role in ("region", "store") else {}))
    answer = office.call("GET", resource, key=held)
    assert (answer.status, answer.code) == (403, "forbidden")
    assert answer.json["detail"] == office.call("POST", resource, {}, key=held).json["detail"]


def test_a_key_made_here_is_never_an_operators(office: Office) -> None:
    operator = office.new_key(operator=True)

    made = office.call("POST", "/v1/keys", {"role": "admin", "workspace": THEIRS}, key=operator).json
    smuggled = office.call("POST", "/v1/keys", {"role": "admin", "operator": True}, key=operator)

    assert office.call("GET", LIST, key=made["key"], query={"workspace": OURS}).status == 404
    assert (smuggled.status, smuggled.code) == (422, "schema_violation")


@pytest.mark.parametrize(
    "body", [{"role": "region"}, {"role": "store"}, {"role": "admin", "unit": "SH"}, {"role": "root"}, {}]
)
def test_a_key_has_a_known_role_and_a_unit_exactly_where_the_role_needs_one(
    office: Office, body: dict[str, str]
) -> None:
    before = len(office.directory.keys)

    answer = office.call("POST", "/v1/keys", body)

    assert (answer.status, answer.code) == (422, "schema_violation")
    assert len(office.directory.keys) == before


@pytest.mark.parametrize("role", ["admin", "analyst", "region", "store", "integration"])
def test_each_role_reads_what_it_may(office: Office, role: str) -> None:
    unit = {"unit": "SH"} if role in ("region", "store") else {}
    held = office.new_key(role, **unit)

    for (method, resource), roles in RIGHTS.items():
        answer = office.call(method, resource, key=held)
        assert answer.status == (200 if role in roles else 403), (resource, answer.body)


@pytest.mark.parametrize("role", ["analyst", "region", "store", "integration"])
def test_only_an_admin_changes_what_is_configured(office: Office, role: str) -> None:
    held = office.new_key(role, **({"unit": "SH"} if role in ("region", "store") else {}))

    for resource in ("/v1/connections", "/v1/endpoints", "/v1/rules", "/v1/subscriptions", "/v1/keys", "/v1/replay"):
        answer = office.call("POST", resource, {}, key=held)
        assert (answer.status, answer.code) == (403, "forbidden"), resource


def test_nothing_is_parsed_before_the_key_is_known(office: Office) -> None:
    answer = office.call("POST", "/v1/connections", b"{not json", key="", headers={"content-type": "text/xml"})

    assert answer.status == 401


@given(st.text(max_size=80))
def test_any_header_is_refused_with_the_one_error(text: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        Authenticate(FakeDirectory())(text)
    assert (caught.value.code, caught.value.status) == ("unauthorized", 401)
    assert str(caught.value) == "A valid key is needed: Authorization: Bearer ek_…"


def test_the_scheme_may_be_in_any_case() -> None:
    directory = FakeDirectory()
    made, plaintext = directory.create_key(OURS, "admin")

    assert Authenticate(directory)(f"bearer {plaintext}") == made


def test_two_keys_are_never_alike() -> None:
    assert len({new_key() for _ in range(100)}) == 100


def test_a_foreign_workspace_is_nowhere_but_for_an_operator() -> None:
    assert workspace_of(key(), None) == OURS
    assert workspace_of(key(), OURS) == OURS
    assert workspace_of(key(operator=True), THEIRS) == THEIRS
    with pytest.raises(NotFound, match="no such thing here"):
        workspace_of(key(), THEIRS)


def test_a_unit_sees_itself_and_what_is_below() -> None:
    held = key("region", unit="SH")

    assert [sees_unit(held, unit) for unit in ("SH", "SH/001", "SH/001/a", "SHX", "BJ", None, "")] == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert sees_unit(key("analyst"), None)
    assert not sees_unit(key("store"), "SH")


def test_a_list_is_narrowed_to_the_keys_unit() -> None:
    held = key("region", unit="SH")

    assert visible_unit(held, None) == "SH"
    assert visible_unit(held, "SH/001") == "SH/001"
    assert visible_unit(key(), None) is None
    with pytest.raises(NotFound, match="no such thing here"):
        visible_unit(held, "BJ")


@given(st.text(max_size=200))
def test_an_id_out_of_a_path_is_plain_or_nowhere(text: str) -> None:
    try:
        assert identity(text) == text
    except NotFound:
        return
    assert text.isascii()
    assert not set(text) & set("#/ %\n\x00")
