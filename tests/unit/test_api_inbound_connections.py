"""Connections through the API: what is shown once, what is never shown, and what a change sets in motion."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.workspaces.credentials import token_hash
from chalicelib.services.inbound import manage_connections
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


@pytest.mark.parametrize("secret", ["a-push-key", None])
def test_a_platform_that_may_sign_is_checked_where_its_secret_is_given(office: Office, secret: str | None) -> None:
    body = wanted(source="wenjuanxing", mapping={"texts": [{"path": "/q2"}]})
    made = office.call("POST", "/v1/connections", body if secret is None else {**body, "secret": secret})

    assert (made.status, made.json["secret"]) == (201, secret)
    record = office.connection_secrets.get(made.json["id"])
    assert record is not None
    assert record.secrets == (() if secret is None else ((secret, None),))


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
        ({"colour": "red"}, "schema_violation", "/colour"),
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


@pytest.mark.parametrize("source", ["surveymonkey", "wenjuanxing_form"])
def test_a_secret_that_only_the_platform_can_make_is_asked_for(office: Office, source: str) -> None:
    refused = office.call("POST", "/v1/connections", wanted(source=source))

    assert (refused.status, refused.code, refused.json["pointer"]) == (422, "secret_missing", "/secret")
    assert refused.json["detail"] == "The platform makes this secret: enter what it shows."
    assert office.ssm.values == {}


def test_a_secret_that_the_platform_shows_late_is_entered_late(office: Office) -> None:
    made = office.call("POST", "/v1/connections", wanted(source="formbricks"))
    assert (made.status, made.json["secret"]) == (201, None)
    path = {"connection_id": made.json["id"]}

    made_up = office.call("POST", ONE + "/rotate", {}, path=path)
    other_form = office.call("POST", ONE + "/rotate", {"secret": "not-base64!"}, path=path)
    entered = office.call("POST", ONE + "/rotate", {"secret": SECRET}, path=path)

    assert (made_up.status, made_up.code, made_up.json["pointer"]) == (422, "secret_missing", "/secret")
    assert (other_form.status, other_form.code) == (422, "secret_invalid")
    assert (entered.status, entered.json["secret"]) == (200, SECRET)
    record = office.connection_secrets.get(made.json["id"])
    assert record is not None
    assert record.secrets == ((SECRET, None),)


def test_a_key_that_the_platform_gave_later_is_checked_from_then_on(office: Office) -> None:
    made = office.connection(source="wenjuanxing")
    path = {"connection_id": made.id}

    assert office.call("POST", ONE + "/rotate", {}, path=path).code == "secret_missing"
    assert office.call("POST", ONE + "/rotate", {"secret": "a-push-key"}, path=path).status == 200
    record = office.connection_secrets.get(made.id)
    assert record is not None
    assert record.secrets[0] == ("a-push-key", None)


def test_a_secret_of_ones_own_can_be_put_in_force(office: Office) -> None:
    made = office.connection()
    own = "whsec_" + "Q" * 43 + "="

    answer = office.call("POST", ONE + "/rotate", {"secret": own}, path={"connection_id": made.id})

    assert (answer.status, answer.json["secret"]) == (200, own)
    record = office.connection_secrets.get(made.id)
    assert record is not None
    assert [secret for secret, _ in record.secrets] == [own, SECRET]


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


def polled(**changes: Any) -> dict[str, Any]:
    """A connection that may be polled."""
    settings = {"form": "ABC123", "poll_minutes": 15, **changes}
    return wanted(source="jinshuju", settings=settings, credentials={"api_key": "k", "api_secret": "s"})


def test_a_connection_with_a_poller_is_armed_when_it_is_made_and_shows_how_far_it_is(office: Office) -> None:
    made = office.call("POST", "/v1/connections", polled())

    ((queue, message),) = office.due.rows.values()
    assert (queue, message["kind"], message["connection"]) == ("fetches", "poll", made.json["id"])
    shown = office.call("GET", ONE, path={"connection_id": made.json["id"]}).json["polling"]
    assert shown == {
        "every_minutes": 15,
        "next_at": message["at"],
        "ran_at": None,
        "reached_at": None,
        "error": None,
        "found": 0,
    }


def test_a_connection_without_a_poller_shows_none(office: Office) -> None:
    made = office.call("POST", "/v1/connections", polled(poll_minutes=0))
    assert office.call("GET", ONE, path={"connection_id": made.json["id"]}).json["polling"] is None
    assert (office.due.rows, office.polls.states) == ({}, {})


@pytest.mark.parametrize(
    "change", [{"settings": {"poll_minutes": 0}}, {"settings": {"poll_minutes": None}}, {"state": "paused"}]
)
def test_a_poller_is_switched_off_and_on_with_its_connection(office: Office, change: dict[str, Any]) -> None:
    path = {"connection_id": office.call("POST", "/v1/connections", polled()).json["id"]}

    assert office.call("PATCH", ONE, change, path=path).status == 200
    (state,) = office.polls.states.values()
    assert state.next_at is None
    assert office.call("GET", ONE, path=path).json["polling"] is None

    office.due.taken()
    on = {"state": "active", "settings": {"poll_minutes": 60}}
    assert office.call("PATCH", ONE, on, path=path).status == 200
    (message,) = office.due.taken()
    assert office.call("GET", ONE, path=path).json["polling"]["next_at"] == message["at"]


def test_a_deleted_connection_leaves_no_poller(office: Office) -> None:
    path = {"connection_id": office.call("POST", "/v1/connections", polled()).json["id"]}
    assert office.call("DELETE", ONE, path=path).status == 200
    assert office.polls.states == {}


def test_the_hook_learns_that_every_event_is_fetched(office: Office) -> None:
    made = office.call("POST", "/v1/connections", polled(refetch=True))
    record = office.connection_secrets.get(made.json["id"])
    assert record is not None
    assert record.fetch is True

    path = {"connection_id": made.json["id"]}
    assert office.call("PATCH", ONE, {"settings": {"refetch": False}}, path=path).status == 200
    record = office.connection_secrets.get(made.json["id"], within=0)
    assert record is not None
    assert record.fetch is False
