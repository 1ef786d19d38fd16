"""HubSpot's tickets, and the events of their stages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import crypto
from chalicelib.connectors.callbacks import Call, Said
from chalicelib.connectors.hubspot import MAX_CONTENT, MAX_SUBJECT, HubSpot, HubSpotBack
from chalicelib.domain.outbound.exchange import DELIVERED, FAILED, RETRY, HttpResponse, Outcome
from chalicelib.domain.outbound.item import Access
from chalicelib.domain.voice.understanding import Text
from chalicelib.errors import Invalid, Unauthorized
from tests.builders import AT, feedback, ticket
from tests.builders_items import about, access, call
from tests.contract.profiles import profile
from tests.fakes.targets.hubspot import Target

CORPORA = Path(__file__).parents[1] / "fixtures/corpora"
VECTORS = [
    one
    for one in json.loads((CORPORA / "signature_vectors.json").read_bytes())["vectors"]
    if one["name"].startswith("HubSpot")
]
CONNECTOR, BACK = HubSpot(), HubSpotBack()
SECRET = str(profile("hubspot").secret)


def created(target: Target, way_in: Access, **changes: Any) -> str:
    said = about(**changes)
    answer = target.answer(CONNECTOR.create(said, way_in))
    assert CONNECTOR.outcome(answer) == Outcome(DELIVERED)
    external_id = CONNECTOR.created(answer, said)
    assert external_id is not None
    return external_id


def looked_for(target: Target, way_in: Access) -> str | None:
    request = CONNECTOR.find(about(), way_in)
    assert request is not None
    answer = target.answer(request)
    assert CONNECTOR.outcome(answer) == Outcome(DELIVERED)
    return CONNECTOR.found(answer)


def test_a_ticket_becomes_one_object_that_follows_it_to_its_end() -> None:
    target, way_in = Target(), access("hubspot")
    external_id = created(target, way_in)
    for version, state in enumerate(("accepted", "waiting_customer", "resolved", "closed"), start=2):
        request = CONNECTOR.update(about(state, version), external_id, way_in)
        assert request is not None
        assert request.method == "PATCH"
        assert CONNECTOR.outcome(target.answer(request)) == Outcome(DELIVERED)
    (item,) = target.items.values()
    assert item["history"] == ["1", "3", "2", "4", "4"]
    assert item["fields"]["hs_ticket_priority"] == "HIGH"
    assert "包裹破损" in item["fields"]["content"]


def test_what_was_created_is_found_by_our_own_id() -> None:
    target, way_in = Target(), access("hubspot")
    assert looked_for(target, way_in) is None
    assert created(target, way_in) == looked_for(target, way_in)


def test_where_the_search_lags_behind_the_unique_property_refuses_a_second_one() -> None:
    target, way_in = Target(), access("hubspot")
    external_id = created(target, way_in)
    target.lag = 1
    assert looked_for(target, way_in) is None
    outcome = CONNECTOR.outcome(target.answer(CONNECTOR.create(about(), way_in)))
    assert outcome == Outcome(RETRY, "key_conflict", 30.0)
    target.lag = 0
    assert looked_for(target, way_in) == external_id
    assert len(target.items) == 1


def test_an_update_does_not_write_our_id_again() -> None:
    way_in = access("hubspot", templates={"echoloop_ticket_id": "x", "subject": "{title}"})
    request = CONNECTOR.update(about(), "1", way_in)
    assert request is not None
    properties = json.loads(request.body)["properties"]
    assert "echoloop_ticket_id" not in properties
    assert properties["subject"] == ticket().title
    assert json.loads(CONNECTOR.create(about(), way_in).body)["properties"]["echoloop_ticket_id"] == ticket().id


def test_the_longest_words_fit() -> None:
    voice = feedback(texts=tuple(Text("差" * 20_000) for _ in range(5)))
    case = ticket(title="长" * 2_000)
    own = {"region": ["a", "b"], "extra": "{words}"}
    request = CONNECTOR.create(about(ticket=case, feedback=voice), access("hubspot", templates=own))
    properties = json.loads(request.body)["properties"]
    assert len(properties["subject"]) == MAX_SUBJECT
    assert len(properties["content"]) <= MAX_CONTENT
    assert properties["region"] == "a;b"


def test_a_contact_is_associated_where_its_id_is_one() -> None:
    def links(customer: str, **settings: Any) -> Any:
        request = CONNECTOR.create(about(customer={"id": customer}), access("hubspot", **settings))
        assert CONNECTOR.outcome(Target().answer(request)) == Outcome(DELIVERED)
        return json.loads(request.body).get("associations")

    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 16}
    assert links("123", contact_association=16) == [{"to": {"id": "123"}, "types": [kind]}]
    assert links("123") is None
    assert links("CUST-1", contact_association=16) is None


def test_what_the_account_refuses_is_final() -> None:
    assert CONNECTOR.outcome(
        Target(credentials={"access_token": "x"}).answer(CONNECTOR.create(about(), access("hubspot")))
    ) == Outcome(FAILED, "invalid_authentication")
    for settings in ({"pipeline": "9"}, {"templates": {"nowhere": "x"}}, {"priority_map": {"high": "TOP"}}):
        answer = Target().answer(CONNECTOR.create(about(), access("hubspot", **settings)))
        assert CONNECTOR.outcome(answer) == Outcome(FAILED, "validation_error")
    gone = CONNECTOR.update(about(), "404", access("hubspot"))
    assert gone is not None
    assert Target().answer(gone).status == 404


def test_the_fake_counts_calls_as_the_platform_does() -> None:
    clock = iter([0.0] * 101 + [10.1])
    target, way_in = Target(clock=lambda: next(clock)), access("hubspot")
    request = CONNECTOR.find(about(), way_in)
    assert request is not None
    outcomes = [CONNECTOR.outcome(target.answer(request)) for _ in range(102)]
    assert [at for at, one in enumerate(outcomes) if one == Outcome(RETRY, "rate_limited", 10.0)] == [100]


def test_a_locked_object_is_tried_again() -> None:
    target = Target()
    target.locked = True
    assert CONNECTOR.outcome(target.answer(CONNECTOR.create(about(), access("hubspot")))) == Outcome(RETRY, "http_423")


@pytest.mark.parametrize("body", [b"{}", b'{"id":7}', b'{"id":""}', b"[", b'{"results":[]}'])
def test_an_answer_without_an_id_confirms_nothing(body: bytes) -> None:
    assert CONNECTOR.created(HttpResponse(201, {}, body), about()) is None
    assert CONNECTOR.found(HttpResponse(200, {}, body)) is None


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"ticket_property": "Ticket Id"}, "/settings/ticket_property"),
        ({"templates": {"A B": "x"}}, "/settings/templates"),
    ],
)
def test_a_name_that_no_property_has_is_refused(settings: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid, match="lower-case letters, digits and underscores") as refusal:
        CONNECTOR.validate_settings(settings)
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", pointer)


# --- the way back -----------------------------------------------------------------------------------------------


def event(**changes: Any) -> dict[str, Any]:
    """A person has moved our object to the stage "waiting on us"."""
    return {
        "eventId": 1, "subscriptionId": 7, "portalId": 62515, "appId": 5, "objectId": 42, "attemptNumber": 0,
        "occurredAt": int(AT.timestamp() * 1000), "subscriptionType": "ticket.propertyChange",
        "propertyName": "hs_pipeline_stage", "propertyValue": "3", "changeSource": "CRM_UI", **changes,
    }  # fmt: skip


def signed(body: bytes, version: str = "v3", secret: str = SECRET, age: float = 0.0) -> Call:
    sent = call(body)
    millis = str(int((AT.timestamp() - age) * 1000))
    if version == "v3":
        signature = crypto.hubspot_v3(secret, "POST", sent.uri, body, millis)
        headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": millis}
    else:
        signed_over = secret.encode() + (f"POST{sent.uri}".encode() if version == "v2" else b"") + body
        headers = {"x-hubspot-signature": sha256(signed_over).hexdigest(), "x-hubspot-signature-version": version}
    return replace(sent, headers={**sent.headers, **headers})


def heard(*events: Any, **settings: Any) -> list[Said]:
    opened = BACK.prove(signed(json.dumps(events).encode()), access("hubspot").secret, AT)
    return list(BACK.read(opened, settings, AT))


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_every_version_of_the_signature_is_taken(version: str) -> None:
    body = json.dumps([event()]).encode()
    (said,) = BACK.read(BACK.prove(signed(body, version), access("hubspot").secret, AT), {}, AT)
    assert (said.status, said.external_id, said.occurred_at, said.echo) == ("in_progress", "42", AT, False)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_vendors_own_vectors_fit(vector: dict[str, Any]) -> None:
    values = vector["inputs"]
    secret = replace(access("hubspot").secret, secret=values["client_secret"])
    sent = Call(values.get("method", "POST"), values.get("url", ""), {}, {}, values["body"].encode())
    now = AT
    if "timestamp_ms" in values:
        now = datetime.fromtimestamp(int(values["timestamp_ms"]) / 1000, timezone.utc)
        headers = {
            "x-hubspot-signature-v3": vector["expected"],
            "x-hubspot-request-timestamp": values["timestamp_ms"],
        }
    else:
        version = "v2" if "url" in values else "v1"
        headers = {"x-hubspot-signature": vector["expected"], "x-hubspot-signature-version": version}
    assert BACK.prove(replace(sent, headers=headers), secret, now)
    with pytest.raises(Unauthorized, match="No signature fits"):
        BACK.prove(replace(sent, headers=headers, body=sent.body + b"x"), secret, now)


def test_a_newer_signature_that_does_not_fit_is_not_made_good_by_an_older_one() -> None:
    body = json.dumps([event()]).encode()
    both = {**signed(body, "v1").headers, **signed(body, secret="wrong").headers}
    with pytest.raises(Unauthorized, match="No signature fits"):
        BACK.prove(call(body, both), access("hubspot").secret, AT)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (call(b"[]"), "signature_missing"),
        (signed(b"[]", secret="wrong"), "signature_invalid"),
        (signed(b"[]", "v1", secret="wrong"), "signature_invalid"),
        (replace(signed(b"[]"), uri="https://elsewhere.example.org/v1/callbacks/ep_one"), "signature_invalid"),
        (replace(signed(b"[]"), method="PUT"), "signature_invalid"),
        (signed(b"[]", age=301), "timestamp_out_of_window"),
        (signed(b"[]", "v9"), "signature_invalid"),
        (call(b"[]", {"x-hubspot-signature-v3": "x"}), "signature_missing"),
        (call(b"[]", {"x-hubspot-signature-v3": ""}), "signature_missing"),
    ],
)
def test_events_without_their_proof_are_refused(sent: Call, code: str) -> None:
    with pytest.raises(Unauthorized) as refusal:
        BACK.prove(sent, access("hubspot").secret, AT)
    assert refusal.value.code == code
    assert "CANARY" not in refusal.value.message


def test_an_array_is_read_in_the_order_of_what_happened() -> None:
    later = int((AT + timedelta(seconds=5)).timestamp() * 1000)
    told = heard(event(eventId=2, propertyValue="4", occurredAt=later), event())
    assert [said.status for said in told] == ["in_progress", "resolved"]


def test_a_second_attempt_is_the_same_delivery() -> None:
    first, second = heard(event(), event(attemptNumber=3))
    assert first.delivery == second.delivery
    others = [{"eventId": 2}, {"subscriptionId": 8}, {"objectId": 43}, {"occurredAt": 1_700_000_000_000}]
    assert len({heard(event(**other))[0].delivery for other in others} | {first.delivery}) == 5


@pytest.mark.parametrize("source", ["INTEGRATION", "API"])
def test_our_own_write_comes_back_as_an_echo(source: str) -> None:
    assert heard(event(changeSource=source))[0].echo
    assert not heard(event(changeSource=source), echo_sources=["OTHER"])[0].echo
    assert heard(event(changeSource="OTHER"), echo_sources=["OTHER"])[0].echo


@pytest.mark.parametrize(
    "changes",
    [
        {"subscriptionType": "ticket.creation"},
        {"subscriptionType": "contact.propertyChange"},
        {"subscriptionType": "object.propertyChange", "objectTypeId": "0-1"},
        {"propertyName": "subject"},
        {"portalId": 1},
    ],
)
def test_what_says_nothing_of_our_tickets_is_passed_over(changes: dict[str, Any]) -> None:
    assert heard(event(**changes), portal_id="62515") == []


def test_the_events_of_the_newer_form_are_understood() -> None:
    (said,) = heard(event(subscriptionType="object.propertyChange", objectTypeId="0-5"), portal_id="62515")
    assert said.status == "in_progress"


def test_stages_of_ones_own_are_understood() -> None:
    states = {"in_progress": "901", "resolved": "902"}
    assert [heard(event(propertyValue=stage), state_map=states)[0].status for stage in ("901", "902", "903")] == [
        "in_progress", "resolved", "903"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{}", ""),
        (b"[1]", "/0"),
        (json.dumps([event(), event(objectId=None)]).encode(), "/1/objectId"),
        (json.dumps([event(objectId=True)]).encode(), "/0/objectId"),
        (json.dumps([event(propertyValue=None)]).encode(), "/0/propertyValue"),
        (json.dumps([event(occurredAt="now")]).encode(), "/0/occurredAt"),
        (json.dumps([event(occurredAt=10**15)]).encode(), "/0/occurredAt"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", ""),
    ],
)
def test_proven_events_that_are_none_are_invalid(body: bytes, pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        BACK.read(BACK.prove(signed(body), access("hubspot").secret, AT), {}, AT)
    assert (refusal.value.code, refusal.value.pointer) == ("schema_violation", pointer)


@given(st.binary(max_size=60), st.dictionaries(st.sampled_from([
    "x-hubspot-signature", "x-hubspot-signature-v3", "x-hubspot-signature-version", "x-hubspot-request-timestamp",
]), st.text(max_size=30)))  # fmt: skip
def test_whatever_comes_is_refused_in_one_way(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        BACK.prove(call(body, headers), access("hubspot").secret, AT)
