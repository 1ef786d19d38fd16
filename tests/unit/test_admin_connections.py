"""Connections through the API: what is shown once, what is never shown, and what a change sets in motion."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.credentials import token_hash
from chalicelib.services import manage_connections
from tests.builders_admin import MAPPING, OURS, SECRET, THEIRS, Office, composed

ONE = "/v1/connections/{connection_id}"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def wanted(**changes: Any) -> dict[str, Any]:
    return {"name": "门店问卷", "source": "canonical", **changes}


def test_a_workspace_has_room_for_so_many_connections(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manage_connections, "MAX_CONNECTIONS", 1)
    assert office.call("POST", "/v1/connections", wanted()).status == 201

    refused = office.call("POST", "/v1/connections", wanted())

    assert (refused.status, refused.code) == (409, "too_many")
    assert refused.json["detail"] == "A workspace has room for 1 of these."
    assert len(office.call("GET", "/v1/connections").json["items"]) == 1


def test_a_new_connection_shows_its_hook_url_and_secret_once(office: Office) -> None:
    made = office.call("POST", "/v1/connections", wanted())

    assert made.status == 201
    token = made.json["hook_url"].rpartition("/")[2]
    assert made.json["hook_url"].startswith(
        f"https://abc.execute-api.eu-west-1.amazonaws.com/api/v1/hooks/{made.json['id']}/"
    )
    assert len(token) == 43
    record = office.connection_secrets.get(made.json["id"])
    assert record is not None
    assert (record.workspace, record.source) == (OURS, "canonical")
    assert record.token_hash == token_hash(token)
    assert record.secrets == ((made.json["secret"], None),)
    again = office.call("GET", ONE, path={"connection_id": made.json["id"]})
    assert token not in again.body
    assert made.json["secret"] not in again.body


def test_a_platform_that_signs_nothing_gets_no_secret(office: Office) -> None:
    made = office.call("POST", "/v1/connections", wanted(source="jinshuju", mapping=MAPPING))

    assert (made.status, made.json["secret"]) == (201, None)
    record = office.connection_secrets.get(made.json["id"])
    assert record is not None
    assert record.secrets == ()
    assert record.response_id == "/id"


def test_a_secret_that_cannot_be_used_is_refused_and_nothing_is_kept(office: Office) -> None:
    bad = office.call("POST", "/v1/connections", wanted(secret="not-base64!"))
    spare = office.call("POST", "/v1/connections", wanted(source="jinshuju", secret="12345678"))

    assert (bad.status, bad.code, bad.json["pointer"]) == (422, "secret_invalid", "/secret")
    assert (spare.status, spare.code, spare.json["pointer"]) == (422, "schema_violation", "/secret")
    assert office.directory.connections(OURS) == []
    assert office.ssm.values == {}


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"source": "surveyhorse"}, "unknown_source", "/source"),
        ({"name": ""}, "schema_violation", "/name"),
        ({"name": "a\x00b"}, "schema_violation", "/name"),
        ({"name": 7}, "schema_violation", "/name"),
        ({"colour": "red"}, "schema_violation", ""),
        ({"workspace": "A#B"}, "schema_violation", "/workspace"),
        ({"mapping": {"scores": "all"}}, "schema_violation", "/mapping/scores"),
        ({"mapping": {"canary-name": 1}}, "schema_violation", "/mapping"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not_repeated(
    office: Office, changes: dict[str, Any], code: str, pointer: str
) -> None:
    answer = office.call("POST", "/v1/connections", wanted(**changes))

    assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)
    assert "canary" not in answer.body
    assert "surveyhorse" not in answer.body
    assert office.ssm.values == {}


def test_the_list_holds_the_workspace_only(office: Office) -> None:
    office.connection(OURS)
    office.connection(THEIRS)

    listed = office.call("GET", "/v1/connections")

    assert [one["id"] for one in listed.json["items"]] == [f"cn_{OURS}"]


def test_pausing_leaves_the_hooks_record_alone(office: Office) -> None:
    made = office.connection()

    answer = office.call("PATCH", ONE, {"state": "paused"}, path={"connection_id": made.id})

    assert (answer.status, answer.json["state"], answer.json["reparsed"]) == (200, "paused", 0)
    record = office.connection_secrets.get(made.id)
    assert record is not None
    assert record.secrets == ((SECRET, None),)


def test_resuming_reads_what_the_pause_has_parked_and_nothing_else(office: Office) -> None:
    made = office.connection(state="paused")
    office.parked(id="fb_a", parked_reason="connection_paused", connection=made.id)
    office.parked(id="fb_b", parked_reason="mapping_empty", connection=made.id)
    office.parked(id="fb_c", parked_reason="connection_paused", connection="cn_other")
    office.parked(THEIRS, id="fb_d", parked_reason="connection_paused", connection=made.id)
    office.parked(id="fb_e", parked_reason="connection_paused", connection=made.id, sealed=False)

    answer = office.call("PATCH", ONE, {"state": "active"}, path={"connection_id": made.id})

    assert (answer.status, answer.json["reparsed"], answer.json["more"]) == (200, 1, False)
    assert [(one["feedback_id"], one["reparse"]) for one in office.sqs.bodies()] == [("fb_a", True)]


def test_resuming_stops_in_time_to_answer_and_says_that_there_is_more(office: Office) -> None:
    made = office.connection(state="paused")
    for number in range(5):
        office.parked(id=f"fb_{number}", parked_reason="connection_paused", connection=made.id)
    read = office.shelf.get

    def slow(*at: str) -> Any:
        office.now += timedelta(seconds=6)
        return read(*at)

    office.shelf.get = slow  # type: ignore[method-assign]

    answer = office.call("PATCH", ONE, {"state": "active"}, path={"connection_id": made.id})

    assert (answer.json["reparsed"], answer.json["more"]) == (3, True)
    assert len(office.sqs.sent) == 3


def test_a_mended_mapping_reaches_the_hook(office: Office) -> None:
    made = office.connection(source="jinshuju")

    answer = office.call("PATCH", ONE, {"mapping": MAPPING}, path={"connection_id": made.id})

    assert answer.json["mapping"] == MAPPING
    record = office.connection_secrets.get(made.id)
    assert record is not None
    assert record.response_id == "/id"


def test_the_former_secret_counts_for_a_day_and_older_ones_end(office: Office) -> None:
    made = office.connection()
    path = {"connection_id": made.id}

    first = office.call("POST", ONE + "/rotate", {}, path=path)
    second = office.call("POST", ONE + "/rotate", {}, path=path)

    assert (first.status, second.status) == (200, 200)
    until = (office.now + timedelta(hours=24)).timestamp()
    record = office.connection_secrets.get(made.id)
    assert record is not None
    assert record.secrets == ((second.json["secret"], None), (first.json["secret"], until))
    assert second.json["previous_valid_until"] == "2026-11-22T08:00:00Z"


def test_the_eleventh_rotation_of_a_day_is_refused_and_the_next_day_s_is_not(office: Office) -> None:
    made = office.connection()
    path = {"connection_id": made.id}
    answers = [office.call("POST", ONE + "/rotate", path=path) for _ in range(11)]

    assert [answer.status for answer in answers] == [200] * 10 + [429]
    assert answers[-1].code == "rotation_limit"
    assert int(answers[-1].headers["Retry-After"]) > 0
    record = office.connection_secrets.get(made.id)
    assert record is not None
    assert record.secrets[0] == (answers[9].json["secret"], None)
    assert len(record.secrets) == 2
    office.now += timedelta(days=1)
    assert office.call("POST", ONE + "/rotate", path=path).status == 200


def test_a_source_that_signs_nothing_has_no_secret_to_rotate(office: Office) -> None:
    made = office.connection(source="jinshuju")

    answer = office.call("POST", ONE + "/rotate", path={"connection_id": made.id})

    assert (answer.status, answer.code) == (409, "no_secret")


def test_a_deleted_connection_is_gone_with_its_secrets(office: Office) -> None:
    made = office.connection()
    path = {"connection_id": made.id}

    answer = office.call("DELETE", ONE, path=path)

    assert (answer.status, answer.json) == (200, {"id": made.id, "deleted": True})
    assert office.ssm.values == {}
    assert office.call("GET", ONE, path=path).status == 404
    assert office.call("DELETE", ONE, path=path).status == 404


def test_an_id_that_cannot_be_one_is_nowhere(office: Office) -> None:
    for strange in ("../x", "a#b", "a" * 200, "%2e%2e", "连接"):
        answer = office.call("GET", ONE, path={"connection_id": strange})
        assert (answer.status, answer.code) == (404, "not_found")


def test_an_operator_key_may_name_any_workspace_and_others_may_not(office: Office) -> None:
    operator = office.new_key(operator=True)

    theirs = office.call("POST", "/v1/connections", wanted(workspace=THEIRS), key=operator)
    refused = office.call("POST", "/v1/connections", wanted(workspace=THEIRS))

    assert (theirs.status, theirs.json["workspace"]) == (201, THEIRS)
    assert (refused.status, refused.code) == (404, "not_found")
    in_query = office.call("GET", "/v1/connections", key=operator, query={"workspace": THEIRS})
    assert [one["id"] for one in in_query.json["items"]] == [theirs.json["id"]]


def test_a_body_and_a_query_may_not_name_different_workspaces(office: Office) -> None:
    operator = office.new_key(operator=True)

    answer = office.call("POST", "/v1/connections", wanted(workspace=THEIRS), key=operator, query={"workspace": OURS})

    assert (answer.status, answer.code, answer.json["pointer"]) == (422, "schema_violation", "/workspace")
