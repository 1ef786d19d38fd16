"""Cases of a Salesforce organisation, and the Flow that tells what became of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.connectors.callbacks import Call, Said
from chalicelib.connectors.salesforce import MAX_DESCRIPTION, MAX_SUBJECT, Salesforce, SalesforceBack
from chalicelib.domain.outbound import standard_webhooks
from chalicelib.domain.outbound.exchange import DELIVERED, FAILED, RETRY, HttpRequest, HttpResponse, Outcome
from chalicelib.domain.outbound.item import Access, Token
from chalicelib.domain.voice.understanding import Text
from chalicelib.errors import Invalid, Unauthorized
from tests.builders import AT, feedback, ticket
from tests.builders_items import about, access, call
from tests.contract.profiles import profile
from tests.fakes.targets.salesforce import Target

CONNECTOR, BACK = Salesforce(), SalesforceBack()
SETTINGS = profile("salesforce").settings
SECRET = str(profile("salesforce").secret)


def opened(target: Target, **settings: Any) -> Access:
    """The way in with a token that the organisation gave out."""
    way_in = access("salesforce", **settings)
    request = CONNECTOR.authorise(way_in, AT)
    assert request is not None
    token = CONNECTOR.token(target.answer(request), AT)
    assert isinstance(token, Token)
    assert token.expires_at == AT + timedelta(minutes=15)
    return replace(way_in, token=token.value)


def brought(target: Target, request: HttpRequest | None) -> Outcome:
    assert request is not None
    return CONNECTOR.outcome(target.answer(request))


def created(target: Target, way_in: Access, **changes: Any) -> str:
    said = about(**changes)
    answer = target.answer(CONNECTOR.create(said, way_in))
    assert CONNECTOR.outcome(answer).verdict == DELIVERED
    external_id = CONNECTOR.created(answer, said)
    assert external_id is not None
    return external_id


def test_a_ticket_becomes_one_case_that_follows_it_to_its_end() -> None:
    target = Target()
    way_in = opened(target)
    external_id = created(target, way_in)
    for version, state in enumerate(("in_progress", "resolved", "closed"), start=2):
        assert brought(target, CONNECTOR.update(about(state, version), external_id, way_in)).verdict == DELIVERED
    (case,) = target.items.values()
    assert case["history"] == ["New", "Working", "Closed", "Closed"]
    assert case["fields"]["CEM_Version__c"] == "4:Closed"
    assert (case["fields"]["Priority"], case["fields"]["Origin"]) == ("High", "Web")
    assert "包裹破损" in case["fields"]["Description"]


@pytest.mark.parametrize("speaks", [True, False])
def test_a_repeated_create_finds_the_case_and_brings_it_up(speaks: bool) -> None:
    """Older versions answer the second upsert with nothing at all: the ticket's id stands in for the case's."""
    target = Target(speaks_of_updates=speaks)
    way_in = opened(target)
    first, second = created(target, way_in), created(target, way_in, version=2, state="accepted")
    assert len(target.items) == 1
    assert second == (first if speaks else ticket().id)
    assert brought(target, CONNECTOR.update(about("closed", 3), second, way_in)).verdict == DELIVERED
    assert target.items[ticket().id]["history"] == ["New", "Working", "Closed"]


def test_an_ended_session_asks_for_a_new_token() -> None:
    target = Target()
    way_in = opened(target)
    target.expire()
    assert brought(target, CONNECTOR.create(about(), way_in)) == Outcome(RETRY, "token_expired")
    assert brought(target, CONNECTOR.create(about(), opened(target))).verdict == DELIVERED


def test_a_spent_quota_and_a_locked_row_are_tried_again() -> None:
    target = Target(quota=2)
    way_in = opened(target)
    external_id = created(target, way_in)
    target.locked.add(ticket().id)
    update = CONNECTOR.update(about("closed", 2), external_id, way_in)
    assert brought(target, update) == Outcome(RETRY, "unable_to_lock_row")
    assert brought(target, update) == Outcome(RETRY, "rate_limited", 900.0)


def test_a_deleted_case_is_not_made_again_by_an_update() -> None:
    target = Target()
    way_in = opened(target)
    external_id = created(target, way_in)
    target.items.clear()
    assert brought(target, CONNECTOR.update(about("closed", 2), external_id, way_in)) == Outcome(FAILED, "not_found")
    assert not target.items


def test_a_field_a_status_and_a_length_that_the_organisation_refuses_are_final() -> None:
    target = Target({**SETTINGS, "templates": {"Region__c": ""}})
    tries = {
        "invalid_field": {"templates": {"Nowhere__c": "x"}},
        "string_too_long": {"templates": {"Region__c": "x" * 300}},
        "field_custom_validation_exception": {"state_map": {"open": "Brandnew"}},
    }
    for code, settings in tries.items():
        way_in = opened(target, **settings)
        assert brought(target, CONNECTOR.create(about(), way_in)) == Outcome(FAILED, code)


def test_the_longest_words_fit() -> None:
    target = Target()
    way_in = opened(target)
    voice = feedback(texts=tuple(Text("差" * 20_000) for _ in range(5)))
    case = ticket(title="长" * 2_000, unit="店" * 200)
    request = CONNECTOR.create(about(ticket=case, feedback=voice), way_in)
    record = json.loads(request.body)
    assert (len(record["Subject"]), len(record["Description"]) <= MAX_DESCRIPTION) == (MAX_SUBJECT, True)
    assert brought(target, request).verdict == DELIVERED


def test_words_may_be_replaced_and_what_we_need_may_not() -> None:
    own = {"Subject": "{severity}: {title}", "Status": "mine", "CEM_Version__c": "mine"}
    record = json.loads(CONNECTOR.create(about(), access("salesforce", "t", templates=own, lang="en")).body)
    assert record["Subject"].startswith("high: NPS 3")
    assert (record["Status"], record["CEM_Version__c"]) == ("New", "1:New")


def test_a_contact_is_linked_where_its_id_is_one() -> None:
    def contact(customer: str, **settings: Any) -> str | None:
        request = CONNECTOR.create(about(customer={"id": customer}), access("salesforce", "t", **settings))
        linked: str | None = json.loads(request.body).get("ContactId")
        return linked

    assert contact("003000000000001AAA", link_contact=True) == "003000000000001AAA"
    assert contact("003000000000001AAA") is None
    assert contact("CUST-1001", link_contact=True) is None


def test_the_ticket_stands_in_the_path_alone() -> None:
    request = CONNECTOR.create(about(), access("salesforce", "t"))
    assert request.method == "PATCH"
    assert request.url.endswith(f"/services/data/v61.0/sobjects/Case/CEM_Ticket_Id__c/{ticket().id}")
    assert ticket().id not in json.loads(request.body).values()


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (HttpResponse(400, {}, b'{"error":"invalid_client"}'), Outcome(FAILED, "oauth_invalid_client")),
        (HttpResponse(400, {}, b'{"error":"Not A Word"}'), Outcome(FAILED, "http_400")),
        (HttpResponse(503, {}, b'{"error":"busy"}'), Outcome(RETRY, "http_503")),
        (HttpResponse(200, {}, b"{}"), Outcome(RETRY, "answer_unreadable")),
        (HttpResponse(200, {}, b'{"access_token":"a\\nb"}'), Outcome(RETRY, "answer_unreadable")),
    ],
)
def test_what_is_no_token_says_why(response: HttpResponse, outcome: Outcome) -> None:
    assert CONNECTOR.token(response, AT) == outcome


def test_wrong_credentials_give_no_token() -> None:
    target = Target(credentials={"client_id": "another", "client_secret": "one"})
    request = CONNECTOR.authorise(access("salesforce"), AT)
    assert request is not None
    assert CONNECTOR.token(target.answer(request), AT) == Outcome(FAILED, "oauth_invalid_client")


@pytest.mark.parametrize(
    ("settings", "pointer", "says"),
    [
        ({"object": "Case/../User"}, "/settings/object", "no API name"),
        ({"external_id_field": "a b"}, "/settings/external_id_field", "no API name"),
        ({"version_field": "1st"}, "/settings/version_field", "no API name"),
        ({"api_version": "61"}, "/settings/api_version", "looks like v61.0"),
        ({"state_map": {"done": "x"}}, "/settings/state_map/done", "state_map may name"),
    ],
)
def test_settings_that_no_organisation_could_have_are_refused(
    settings: dict[str, Any], pointer: str, says: str
) -> None:
    with pytest.raises(Invalid, match=says) as refusal:
        CONNECTOR.validate_settings({**SETTINGS, **settings})
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", pointer)


# --- the way back -----------------------------------------------------------------------------------------------


def told(status: str = "Working", **data: Any) -> bytes:
    """What the guide's Flow sends."""
    known = {"ticket_id": "tk_1", "external_id": "500A", "status": status, "occurred_at": "2026-11-21T08:00:00Z"}
    return json.dumps({"type": "ticket.status_changed", "data": {**known, **data}}).encode()


def signed(body: bytes, age: int = 0, secret: str = SECRET) -> Call:
    timestamp = int(AT.timestamp()) - age
    signature = standard_webhooks.sign(secret, "change-1", timestamp, body)
    headers = {"webhook-id": "change-1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}
    return call(body, headers)


def heard(body: bytes) -> Said:
    (said,) = BACK.read(BACK.prove(signed(body), access("salesforce").secret, AT), SETTINGS, AT)
    return said


def test_a_persons_change_is_told() -> None:
    said = heard(told("Closed", mark="3:Working", root_cause="late", action="refund", actor="Ann", note="ok"))
    assert (said.status, said.external_id, said.ticket_id, said.echo) == ("resolved", "500A", "tk_1", False)
    assert (said.occurred_at, said.delivery) == (AT, "change-1")
    assert (said.root_cause, said.action, said.actor, said.note) == ("late", "refund", "Ann", "ok")


def test_our_own_write_comes_back_as_an_echo() -> None:
    target = Target()
    way_in = opened(target)
    created(target, way_in)
    fields = target.items[ticket().id]["fields"]
    assert heard(told(fields["Status"], mark=fields["CEM_Version__c"])).echo
    assert not heard(told("Closed", mark=fields["CEM_Version__c"])).echo
    assert not heard(told(fields["Status"])).echo


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", "malformed_json"), (b"[]", "schema_violation"), (told(external_id=""), "schema_violation")],
)
def test_a_proven_body_that_says_nothing_is_invalid(body: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        heard(body)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (call(told()), "signature_missing"),
        (replace(signed(told()), body=told() + b" "), "signature_invalid"),
        (signed(told(), age=301), "timestamp_out_of_window"),
        (signed(told(), secret="whsec_" + "B" * 32), "signature_invalid"),
    ],
)
def test_a_callback_without_its_proof_is_refused(sent: Call, code: str) -> None:
    with pytest.raises(Unauthorized) as refusal:
        BACK.prove(sent, access("salesforce").secret, AT)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (429, "too_many_requests", Outcome(RETRY, "rate_limited")),
        (400, "temporarily_unavailable", Outcome(RETRY, "oauth_temporarily_unavailable")),
        (500, "server_error", Outcome(RETRY, "oauth_server_error")),
        (400, "invalid_grant", Outcome(FAILED, "oauth_invalid_grant")),
    ],
)
def test_a_token_that_cannot_be_had_just_now_is_asked_for_again(status: int, error: str, outcome: Outcome) -> None:
    answer = HttpResponse(status, {}, json.dumps({"error": error}).encode())
    assert CONNECTOR.token(answer, AT) == outcome
