"""What a ticket looks like in Zendesk, and what its answers mean beyond the contract suite."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from chalicelib.connectors.registry import ConnectorCatalogue
from chalicelib.connectors.zendesk import Zendesk
from chalicelib.domain.outbound.egress_policy import Policy
from chalicelib.domain.outbound.exchange import HttpResponse, Message
from chalicelib.domain.outbound.item import Access
from chalicelib.errors import Invalid
from tests.builders import endpoint_secret, feedback, message, ticket
from tests.contract.profiles import profile

KNOWN = profile("zendesk")
ZENDESK = Zendesk()


def access(generation: int = 0, **settings: Any) -> Access:
    secret = endpoint_secret(url=KNOWN.url + "/", credentials=dict(KNOWN.credentials), headers={"x-team": "cx"})
    return Access(secret, settings, generation=generation)


def said(**changes: Any) -> Message:
    return message(ticket=ticket(**changes), feedback=feedback())


def created(message: Message, **settings: Any) -> dict[str, Any]:
    item: dict[str, Any] = json.loads(ZENDESK.create(message, access(**settings)).body)["ticket"]
    return item


def test_a_create_carries_the_whole_ticket_and_proves_who_asks() -> None:
    request = ZENDESK.create(said(severity="critical"), access())
    item = json.loads(request.body)["ticket"]
    assert (request.method, request.url) == ("POST", "https://example.zendesk.com/api/v2/tickets.json")
    pair = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
    assert pair == "agent@example.com/token:CANARY-api-token"
    assert request.headers["x-team"] == "cx"
    assert (item["priority"], item["external_id"], item["tags"]) == ("urgent", ticket().id, ["echoloop"])
    assert "包裹破损" in item["comment"]["body"]
    assert item["comment"]["public"] is False
    assert not {"requester", "status", "custom_fields"} & item.keys()


def test_the_key_is_of_the_ticket_and_changes_only_when_it_is_made_anew() -> None:
    keys = [
        ZENDESK.create(one, access(generation)).headers["Idempotency-Key"]
        for one, generation in ((said(), 0), (said(version=2, state="closed"), 0), (said(), 1), (said(id="tk_x"), 0))
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert all(len(key) <= 255 for key in keys)


@pytest.mark.parametrize(
    ("state", "theirs"),
    [("open", None), ("accepted", "open"), ("reopened", "open"), ("waiting_customer", "pending"), ("closed", "solved")],
)
def test_an_update_brings_the_status_and_adds_no_comment(state: str, theirs: str | None) -> None:
    request = ZENDESK.update(said(state=state), "35436", access())
    assert request is not None
    item = json.loads(request.body)["ticket"]
    assert (request.method, request.url) == ("PUT", "https://example.zendesk.com/api/v2/tickets/35436.json")
    assert item.get("status") == theirs
    assert "comment" not in item


def test_the_endpoint_has_words_fields_and_a_requester_of_its_own() -> None:
    item = created(
        said(),
        state_map={"open": "hold"},
        priority_map={"medium": "high"},
        templates={"subject": "{unit}", "body": "{words}", "360012345": "{ticket_id}"},
        requester_email="cx@example.com",
        tags=["a"],
        public_comment=True,
    )
    assert (item["status"], item["priority"], item["subject"], item["tags"]) == ("hold", "high", "SH-001", ["a"])
    assert item["comment"] == {"body": "包裹破损，客服没有回应", "public": True}
    assert item["custom_fields"] == [{"id": 360012345, "value": ticket().id}]
    assert item["requester"] == {"name": "cx", "email": "cx@example.com"}


@pytest.mark.parametrize("templates", [{"comment": "x"}, {"body": ["x"]}, {"subject": 3}, {"12a": "x"}, {"１２": "x"}])
def test_a_template_for_what_zendesk_does_not_have_is_refused(templates: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="subject or body") as refusal:
        ZENDESK.validate_settings({"templates": templates})
    (name,) = templates
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", f"/settings/templates/{name}")


@pytest.mark.parametrize("body", [b"{}", b'{"ticket":{"id":true}}', b'{"ticket":{"id":"7"}}', b'{"ticket":{"id":0}}'])
def test_an_answer_without_an_id_names_no_item(body: bytes) -> None:
    assert ZENDESK.created(HttpResponse(201, {}, body), said()) is None


def test_ids_of_many_digits_are_kept() -> None:
    assert ZENDESK.created(HttpResponse(201, {}, b'{"ticket":{"id":12345678901234}}'), said()) == "12345678901234"


def test_the_rate_is_an_accounts_and_elsewhere_a_credentials() -> None:
    catalogue = ConnectorCatalogue()
    one = Policy().check_url("https://one.zendesk.com/a")
    other = Policy().check_url("https://other.zendesk.com")
    assert catalogue.target("zendesk", one, {"api_token": "x"}) == catalogue.target("zendesk", one, {"api_token": "y"})
    assert catalogue.target("zendesk", one, {}) != catalogue.target("zendesk", other, {})
    api = Policy().check_url("https://api.jiandaoyun.com")
    assert catalogue.target("jiandaoyun", api, {"api_key": "x"}) != catalogue.target(
        "jiandaoyun", api, {"api_key": "y"}
    )
    assert catalogue.target("jiandaoyun", api, {"api_key": "x"}) == catalogue.target(
        "jiandaoyun", api, {"api_key": "x"}
    )


@pytest.mark.parametrize(
    ("connector", "settings", "pointer"),
    [
        ("zendesk", {"on_ambiguous": "resend"}, "/settings/on_ambiguous"),
        ("zendesk", {"on_missing": "ask"}, "/settings/on_missing"),
        ("feishu", {"on_missing": "recreate"}, "/settings/on_missing"),
    ],
)
def test_a_setting_that_means_nothing_here_is_refused(connector: str, settings: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        ConnectorCatalogue().check_settings(connector, settings)
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", pointer)


def test_what_becomes_of_a_deleted_item_is_the_endpoints_choice() -> None:
    ConnectorCatalogue().check_settings("zendesk", {"on_missing": "recreate"})
