"""Endpoints through the API: credentials go in and do not come out, and waiting deliveries follow the state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.connectors.registry import CONNECTORS, load_keeper
from chalicelib.domain.outbound.item import Access
from chalicelib.lambdas.api.alerts.schemas import SubscriptionNew
from chalicelib.lambdas.api.outbound import schemas
from chalicelib.services.outbound import manage_endpoints
from tests.builders_admin import OURS, SECRET, THEIRS, Office, composed
from tests.builders_items import about
from tests.contract.profiles import profile

ONE = "/v1/endpoints/{endpoint_id}"


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def wanted(**changes: Any) -> dict[str, Any]:
    return {
        "name": "OA 工单",
        "connector": "standard_webhooks",
        "url": "https://oa.example.com/hook?token=CANARY",
        "events": ["ticket.opened", "ticket.updated"],
        **changes,
    }


def test_a_workspace_has_room_for_so_many_endpoints(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manage_endpoints, "MAX_ENDPOINTS", 1)
    assert office.call("POST", "/v1/endpoints", wanted()).status == 201

    refused = office.call("POST", "/v1/endpoints", wanted())

    assert (refused.status, refused.code) == (409, "too_many")
    assert refused.json["detail"] == "A workspace has room for 1 of these."
    assert len(office.call("GET", "/v1/endpoints").json["items"]) == 1


def test_a_new_endpoint_shows_its_secret_once_and_its_url_as_the_host(office: Office) -> None:
    headers = {"Authorization": "CANARY Bearer", "X-Team": "cx"}

    made = office.call("POST", "/v1/endpoints", wanted(settings={"headers": headers, "rate": 60}))

    assert made.status == 201
    assert made.json["callback_url"].endswith(f"/api/v1/callbacks/{made.json['id']}")
    assert made.json["host"] == "oa.example.com"
    record = office.endpoint_secrets.get(made.json["id"])
    assert record is not None
    assert (record.workspace, record.url, record.secret, dict(record.headers)) == (
        OURS,
        "https://oa.example.com/hook?token=CANARY",
        made.json["secret"],
        headers,
    )
    shown = office.call("GET", ONE, path={"endpoint_id": made.json["id"]})
    assert shown.json["settings"] == {
        "contact": "none",
        "rate": 60,
        "headers": {"Authorization": "***", "X-Team": "***"},
    }
    assert "CANARY" not in shown.body + made.body
    assert made.json["secret"] not in shown.body
    stored = office.directory.endpoint(OURS, made.json["id"])
    assert stored is not None
    assert "headers" not in stored.settings
    assert len(stored.target) == 26


def test_a_robot_keeps_the_secret_that_its_vendor_made(office: Office) -> None:
    with_secret = office.call("POST", "/v1/endpoints", wanted(connector="dingtalk", secret="SEC0123456789"))
    without = office.call("POST", "/v1/endpoints", wanted(connector="wecom"))

    assert (with_secret.json["secret"], without.json["secret"]) == ("SEC0123456789", None)
    refused = office.call("POST", ONE + "/rotate", path={"endpoint_id": with_secret.json["id"]})
    assert (refused.status, refused.code) == (409, "no_secret")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"connector": "jira"}, "unknown_connector", "/connector"),
        ({"events": []}, "schema_violation", "/events"),
        ({"events": ["ticket.opened", "ticket.opened"]}, "schema_violation", "/events"),
        ({"events": ["ticket.exploded"]}, "schema_violation", "/events/0"),
        ({"secret": "short"}, "schema_violation", "/secret"),
        ({"secret": "whsec_????????"}, "secret_invalid", "/secret"),
        ({"settings": {"rate": 0}}, "schema_violation", "/settings/rate"),
        ({"settings": {"contact": "all"}}, "schema_violation", "/settings/contact"),
        ({"settings": {"status_map": {"done": "finished"}}}, "schema_violation", "/settings/status_map"),
        ({"settings": {"canary": 1}}, "settings_invalid", "/settings"),
        ({"settings": {"filter": {"units": "SH"}}}, "schema_violation", "/settings/filter/units"),
        ({"settings": {"headers": {"X-A": "a\r\nHost: evil"}}}, "schema_violation", "/settings/headers"),
        ({"settings": {"headers": {"X A": "b"}}}, "schema_violation", "/settings/headers"),
        ({"settings": {"headers": {"Host": "b"}}}, "schema_violation", "/settings/headers"),
        ({"connector": "feishu", "settings": {"contact": "full"}}, "contact_not_allowed", "/settings/contact"),
        ({"url": "https://169.254.169.254/latest"}, "url_not_allowed", "/url"),
        ({"url": "http://oa.example.com/"}, "url_not_allowed", "/url"),
        ({"url": "https://abc.execute-api.eu-west-1.amazonaws.com/api/v1/hooks/x/y"}, "url_not_allowed", "/url"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(
    office: Office, changes: dict[str, Any], code: str, pointer: str
) -> None:
    answer = office.call("POST", "/v1/endpoints", wanted(**changes))

    assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)
    assert "canary" not in answer.body.lower()
    assert office.ssm.values == {}
    assert office.directory.endpoints(OURS) == []


def test_a_name_that_leads_inside_is_refused(office: Office) -> None:
    office.addresses = {"oa.example.com": ["8.8.8.8", "10.0.0.7"], "gone.example.com": []}

    inside = office.call("POST", "/v1/endpoints", wanted())
    nowhere = office.call("POST", "/v1/endpoints", wanted(url="https://gone.example.com/"))

    assert (inside.status, inside.code) == (422, "url_not_allowed")
    assert (nowhere.status, nowhere.code) == (422, "url_not_allowed")


def test_a_forbidden_address_is_named_whatever_else_is_wrong(office: Office) -> None:
    answer = office.call("POST", "/v1/endpoints", {"url": "https://127.0.0.1/"})
    harmless = office.call("POST", "/v1/endpoints", {"url": "https://oa.example.com/"})

    assert (answer.status, answer.code) == (422, "url_not_allowed")
    assert (harmless.status, harmless.code) == (422, "schema_violation")


def test_settings_are_replaced_name_by_name(office: Office) -> None:
    made = office.endpoint(settings={"contact": "masked", "rate": 60})

    answer = office.call("PATCH", ONE, {"settings": {"rate": 20, "lang": "en"}}, path={"endpoint_id": made.id})

    assert answer.status == 200
    assert answer.json["settings"] == {
        "contact": "masked",
        "rate": 20,
        "lang": "en",
        "headers": {"Authorization": "***"},
    }


def test_a_new_url_changes_host_and_target_and_keeps_the_rest(office: Office) -> None:
    made = office.endpoint()

    answer = office.call("PATCH", ONE, {"url": "https://other.example.com/x"}, path={"endpoint_id": made.id})

    assert answer.json["host"] == "other.example.com"
    record = office.endpoint_secrets.get(made.id)
    assert record is not None
    assert (record.url, record.secret, len(record.headers)) == ("https://other.example.com/x", SECRET, 1)
    stored = office.directory.endpoint(OURS, made.id)
    assert stored is not None
    assert stored.target not in ("", made.target)


def test_a_forbidden_new_url_changes_nothing(office: Office) -> None:
    made = office.endpoint()

    answer = office.call(
        "PATCH", ONE, {"name": "new", "url": "https://10.0.0.1/", "state": "paused"}, path={"endpoint_id": made.id}
    )

    assert (answer.status, answer.code) == (422, "url_not_allowed")
    assert office.directory.endpoint(OURS, made.id) == made


def test_a_forbidden_header_field_cannot_be_patched_in(office: Office) -> None:
    made = office.endpoint()
    before = dict(office.ssm.values)

    answer = office.call("PATCH", ONE, {"settings": {"headers": {"Host": "evil"}}}, path={"endpoint_id": made.id})

    assert (answer.status, answer.code, answer.json["pointer"]) == (422, "schema_violation", "/settings/headers")
    assert office.ssm.values == before


def test_no_repr_of_a_body_shows_a_credential() -> None:
    given = wanted(
        url="https://oa.example.com/CANARY", secret="CANARY-SECRET", settings={"headers": {"X-Key": "CANARY"}}
    )
    change = {name: given[name] for name in ("url", "secret", "settings")}
    bodies = [schemas.EndpointNew.model_validate(given), schemas.EndpointChange.model_validate(change)]
    address = {"severity": "low", "protocol": "sms", "address": "+86CANARY"}
    assert "CANARY" not in repr([*bodies, SubscriptionNew.model_validate(address)])


def test_becoming_active_forgets_the_failures_and_releases_what_was_held(office: Office) -> None:
    made = office.endpoint(state="disabled", failing_since="2026-11-16T08:00:00Z")
    held = office.delivery(state="held")

    answer = office.call("PATCH", ONE, {"state": "active"}, path={"endpoint_id": made.id})

    assert (answer.json["state"], answer.json["failing_since"], answer.json["released"]) == ("active", None, 1)
    assert office.deliveries.rows[OURS, held.id].state == "waiting"


def test_pausing_releases_nothing(office: Office) -> None:
    made = office.endpoint()
    office.delivery(state="held")

    answer = office.call("PATCH", ONE, {"state": "paused"}, path={"endpoint_id": made.id})

    assert (answer.json["state"], answer.json["released"]) == ("paused", 0)
    assert office.deliveries.asked == []


def test_a_deleted_endpoint_cancels_what_waits_and_can_be_called_no_more(office: Office) -> None:
    made = office.endpoint()
    for number in range(100):
        office.delivery(id=f"dl-tk_1-{made.id}-{number}", endpoint=made.id, state="waiting")
    office.delivery(id="dl-tk_1-ep_x-1", endpoint="ep_x", state="waiting")

    answer = office.call("DELETE", ONE, path={"endpoint_id": made.id})

    assert (answer.status, answer.json) == (200, {"id": made.id, "deleted": True, "cancelled": 100})
    assert office.ssm.values == {}
    states = [one.state for one in office.deliveries.rows.values()]
    assert (states.count("cancelled"), states.count("waiting")) == (100, 1)


def test_what_begins_to_wait_during_a_delete_is_cancelled_too(office: Office) -> None:
    made = office.endpoint()
    delete = office.directory.delete_endpoint

    def slow(workspace: str, endpoint_id: str) -> bool:
        office.delivery(state="waiting")
        return delete(workspace, endpoint_id)

    office.directory.delete_endpoint = slow  # type: ignore[method-assign]

    assert office.call("DELETE", ONE, path={"endpoint_id": made.id}).json["cancelled"] == 1


def test_rotation_keeps_the_former_secret_for_a_day_and_is_limited(office: Office) -> None:
    made = office.endpoint()
    path = {"endpoint_id": made.id}

    answers = [office.call("POST", ONE + "/rotate", {}, path=path) for _ in range(11)]

    assert [answer.status for answer in answers] == [200] * 10 + [429]
    record = office.endpoint_secrets.get(made.id)
    assert record is not None
    assert (record.secret, record.previous_secret) == (answers[9].json["secret"], answers[8].json["secret"])
    assert record.previous_valid_until == (office.now + timedelta(hours=24)).timestamp()


def test_the_list_shows_hosts_of_this_workspace_only(office: Office) -> None:
    office.endpoint(OURS)
    office.endpoint(THEIRS, host="globex.example.com")

    answer = office.call("GET", "/v1/endpoints")

    assert [one["host"] for one in answer.json["items"]] == ["oa.example.com"]
    assert "CANARY" not in answer.body


def test_the_rate_limit_of_a_system_of_record_goes_by_its_credential(office: Office) -> None:
    known = profile("jiandaoyun")
    body = wanted(
        connector="jiandaoyun",
        url=known.url,
        events=["ticket.opened"],
        settings=dict(known.settings),
        credentials=dict(known.credentials),
    )
    made = office.call("POST", "/v1/endpoints", body).json
    before = office.directory.endpoint(OURS, made["id"])
    changed = office.call(
        "PATCH",
        "/v1/endpoints/{endpoint_id}",
        {"credentials": {"api_key": "another"}},
        path={"endpoint_id": made["id"]},
    )
    after = office.directory.endpoint(OURS, made["id"])
    assert (changed.status, changed.json["host"]) == (200, made["host"])
    assert before is not None
    assert after is not None
    assert before.target != after.target


def test_an_endpoint_whose_credentials_are_gone_cannot_be_given_new_ones(office: Office) -> None:
    made = office.endpoint()
    office.ssm.values.clear()

    answer = office.call("PATCH", ONE, {"url": "https://other.example.com/"}, path={"endpoint_id": made.id})

    assert (answer.status, answer.code) == (404, "not_found")


def test_our_own_trouble_is_a_503_and_names_no_cause(office: Office) -> None:
    made = office.endpoint()
    office.ssm.down = True

    answer = office.call("GET", ONE, path={"endpoint_id": made.id})

    assert (answer.status, answer.code) == (503, "temporarily_unavailable")
    assert "CANARY" not in answer.body


@pytest.mark.parametrize("name", [one for one in CONNECTORS if load_keeper(one)])
def test_an_administrator_sets_a_system_of_record_up_and_changes_what_opens_it(name: str, office: Office) -> None:
    """With the guide and this API alone: made, given the vendor's secret later, given new credentials, rotated."""
    known, keeper = profile(name), load_keeper(name)
    assert keeper is not None
    body = wanted(
        connector=name,
        url=known.url,
        events=["ticket.opened"],
        settings=dict(known.settings),
        credentials=dict(known.credentials),
    )
    made = office.call("POST", "/v1/endpoints", body)
    assert made.status == 201, made.body
    assert not [one for one in known.credentials.values() if one in made.body], "a credential is shown"
    path = {"endpoint_id": made.json["id"]}
    newer = {one: f"new-{given}" for one, given in known.credentials.items()}
    secret = known.secret or "the-vendors-own-secret"
    changed = office.call("PATCH", ONE, {"credentials": newer, "secret": secret}, path=path)
    assert (changed.status, sorted(changed.json["credentials"])) == (200, sorted(newer))
    record, row = office.endpoint_secrets.get(path["endpoint_id"]), office.directory.endpoint(OURS, path["endpoint_id"])
    assert record is not None
    assert row is not None
    assert (dict(record.credentials), record.secret, record.connector) == (newer, secret, name)
    assert keeper.create(about(), Access(record, row.settings, "t")).url.startswith(known.url.rstrip("/"))
    rotated = office.call("POST", ONE + "/rotate", {}, path=path)
    assert (rotated.status, rotated.json.get("code")) == ((200, None) if keeper.signs else (409, "no_secret"))
