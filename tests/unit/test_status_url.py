"""A system of the company's own is asked how a ticket stands: where, with which proof, and what is an answer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.connectors.registry import ConnectorCatalogue, load_readable
from chalicelib.connectors.standard_webhooks import StandardWebhooks
from chalicelib.domain.outbound import standard_webhooks
from chalicelib.domain.outbound.exchange import HttpResponse
from chalicelib.domain.outbound.item import Access, Item
from chalicelib.errors import Invalid
from tests.builders import endpoint_secret

NOW = datetime(2026, 11, 21, 8, tzinfo=timezone.utc)
ITEM = Item("acme", "tk_one", "ep_one")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def asked(status_url: str, **secret: Any) -> Any:
    record = endpoint_secret(url="https://oa.example.com:8443/hook?key=k", secret=SECRET, **secret)
    return StandardWebhooks().read([ITEM], Access(record, {"status_url": status_url}), NOW)


def told(body: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (said,) = StandardWebhooks().seen(HttpResponse(200, {}, raw), [ITEM], {})
    return said


@pytest.mark.parametrize("template", ["/items/{ticket_id}", "https://oa.example.com:8443/items/{ticket_id}"])
def test_it_is_asked_at_the_endpoints_own_place_under_a_signature_that_names_the_ticket(template: str) -> None:
    request = asked(template, headers={"X-Gateway": "CANARY"})
    assert (request.method, request.url, request.body) == ("GET", "https://oa.example.com:8443/items/tk_one", b"")
    assert request.headers["X-Gateway"] == "CANARY"
    assert "tk_one" in request.headers["webhook-id"]
    standard_webhooks.verify([SECRET], request.headers, b"", NOW)
    with pytest.raises(Exception, match="too far from now"):
        standard_webhooks.verify([SECRET], request.headers, b"", NOW + timedelta(seconds=301))


@pytest.mark.parametrize(
    "foreign",
    ["https://evil.example/{ticket_id}", "https://oa.example.com/{ticket_id}", "http://oa.example.com:8443/{ticket_id}",
     "//evil.example/{ticket_id}"],
)  # fmt: skip
def test_credentials_are_taken_to_no_other_place(foreign: str) -> None:
    with pytest.raises(Invalid, match="another host") as refusal:
        asked(foreign)
    assert refusal.value.code == "status_url_foreign"


@pytest.mark.parametrize("template", ["/items", "items/{ticket_id}", "ftp://oa.example.com/{ticket_id}"])
def test_a_template_without_the_ticket_or_a_place_is_refused(template: str) -> None:
    with pytest.raises(Invalid, match="A path or URL with") as refusal:
        ConnectorCatalogue().check_settings("standard_webhooks", {"status_url": template})
    assert (refusal.value.code, refusal.value.pointer) == ("settings_invalid", "/settings/status_url")


def test_only_an_endpoint_that_says_where_is_asked() -> None:
    assert load_readable("standard_webhooks", {}) is None
    assert load_readable("standard_webhooks", {"status_url": "/{ticket_id}"}) is not None
    assert load_readable("feishu_app", {}) is None
    with pytest.raises(Invalid, match="cannot be asked") as refusal:
        ConnectorCatalogue().check_settings("feishu", {"reconcile_minutes": 15})
    assert refusal.value.pointer == "/settings/reconcile_minutes"
    with pytest.raises(Invalid, match="0 is off, else at least 5"):
        ConnectorCatalogue().check_settings("zendesk", {"reconcile_minutes": 4})


def test_an_answer_is_a_callback_whole_or_its_data_alone() -> None:
    data = {"external_id": "OA-7", "status": "resolved", "version": 3, "root_cause": "why"}
    for body in (data, {"type": "ticket.status_changed", "data": {**data, "ticket_id": "tk_one"}}):
        said = told(body)
        assert (said.ticket_id, said.external_id, said.status, said.version) == ("tk_one", "OA-7", "resolved", 3)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", {"data": 1}, {"ticket_id": "tk_two", "external_id": "x", "status": "open", "version": 1},
     {"external_id": "x", "status": "open"}],
)  # fmt: skip
def test_what_is_no_answer_about_the_ticket_is_refused_by_its_code(body: Any) -> None:
    from chalicelib.errors import Rejected

    with pytest.raises(Rejected):
        told(body)
