"""What Zendesk sends back: a trigger's body or a ticket event, signed over its time and its bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest

from chalicelib.connectors.zendesk import ZendeskCallback
from chalicelib.domain.outbound.calls import Call, Said
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.errors import Rejected, Unauthorized, UnsupportedMedia
from chalicelib.services.outbound.hear_callback import HearCallback
from tests.fakes.tickets import FakeQueue

NOW: Final = datetime(2026, 11, 1, 8, tzinfo=timezone.utc)
SECRET: Final = EndpointSecret("acme", "ep_z", "https://x.zendesk.com", secret="dGhpcw==", connector="zendesk")
READER: Final = ZendeskCallback()
TRIGGER: Final = {"ticket_id": "35436", "external_id": "tk_1", "status": "Solved", "updated_at": "2026-11-01T07:59:58Z"}


def call(body: bytes, *, key: str = "dGhpcw==", at: str = "2026-11-01T08:00:00Z", **headers: str) -> Call:
    """The secret is the key as it stands: it looks like base64 and is not decoded."""
    signature = base64.b64encode(hmac.new(key.encode(), at.encode() + body, hashlib.sha256).digest()).decode()
    named = {"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": at}
    sent = {**named, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Call("POST", "https://us/cb", {name: one for name, one in sent.items() if one}, {}, body)


def said(body: Any, **settings: Any) -> tuple[Said, ...]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    waited = json.loads(json.dumps(READER.prove(call(raw), SECRET, NOW).payload))
    return tuple(READER.read(type(READER.prove(call(raw), SECRET, NOW))(waited), settings, NOW))


def test_a_triggers_body_names_their_ticket_and_ours() -> None:
    (one,) = said({**TRIGGER, "note": "已换货", "actor": "李四"})
    assert (one.status, one.external_id, one.ticket_id) == ("resolved", "35436", "tk_1")
    assert (one.note, one.actor) == ("已换货", "李四")
    assert one.occurred_at == NOW - timedelta(seconds=2)


def test_an_event_is_told_by_its_own_identity() -> None:
    event = {
        "type": "zen:event-type:ticket.status_changed",
        "id": "ev-1",
        "time": "2026-11-01T07:59:57.5Z",
        "detail": {"id": 35436, "status": "PENDING", "external_id": None},
    }
    (one,) = said(event)
    assert (one.status, one.external_id, one.ticket_id, one.delivery) == ("waiting_customer", "35436", None, "ev-1")
    assert one.occurred_at == NOW - timedelta(seconds=2.5)


@pytest.mark.parametrize("body", [b"", b"  ", {"type": "zen:event-type:user.created", "detail": {"id": "1"}}])
def test_what_is_of_no_ticket_says_nothing(body: Any) -> None:
    assert said(body) == ()


@pytest.mark.parametrize(
    ("word", "settings", "status"),
    [
        ("open", {}, "in_progress"),
        ("hold", {}, "in_progress"),
        ("closed", {}, "resolved"),
        ("new", {}, ""),
        ("solved", {"status_map": {"solved": "verifying"}}, "solved"),
        ("custom", {}, "custom"),
        ("hold", {"state_map": {"waiting_customer": "hold"}}, "waiting_customer"),
    ],
)
def test_a_word_is_mapped_unless_the_endpoint_maps_it(word: str, settings: dict[str, Any], status: str) -> None:
    assert said({**TRIGGER, "status": word}, **settings)[0].status == status


def test_an_external_id_that_is_not_ours_is_left_to_our_record_of_items() -> None:
    assert said({**TRIGGER, "external_id": "CRM-7"})[0].ticket_id is None


def test_a_body_without_its_own_time_is_ordered_by_the_signed_one() -> None:
    (one,) = said({"ticket_id": 1, "status": "open"})
    assert (one.occurred_at, one.external_id) == (NOW, "1")


def test_two_calls_are_told_apart_by_their_signatures_and_a_replay_is_not() -> None:
    raw = json.dumps(TRIGGER).encode()
    later = READER.prove(call(raw, at="2026-11-01T08:00:01Z"), SECRET, NOW)
    first, again = (READER.read(READER.prove(call(raw), SECRET, NOW), {}, NOW)[0].delivery for _ in range(2))
    assert first == again != READER.read(later, {}, NOW)[0].delivery


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (call(b"{}", x_zendesk_webhook_signature=""), "signature_missing"),
        (call(b"{}", x_zendesk_webhook_signature_timestamp=""), "signature_missing"),
        (call(b"{}", key="another"), "signature_invalid"),
        (call(b"{}", x_zendesk_webhook_signature="ü"), "signature_invalid"),
        (call(b"{}", at="2026-11-01T07:54:59Z"), "timestamp_out_of_window"),
        (call(b"{}", at="2026-11-01T08:05:01Z"), "timestamp_out_of_window"),
        (call(b"{}", at="yesterday"), "timestamp_invalid"),
    ],
)
def test_what_is_not_proven_is_refused_with_its_code(sent: Call, code: str) -> None:
    with pytest.raises(Unauthorized) as refusal:
        READER.prove(sent, SECRET, NOW)
    assert refusal.value.code == code


def test_the_time_is_signed_with_the_body() -> None:
    old = call(b"{}", at="2026-11-01T07:00:00Z", x_zendesk_webhook_signature_timestamp="2026-11-01T08:00:00Z")
    with pytest.raises(Unauthorized, match=r"^No signature fits\.$"):
        READER.prove(old, SECRET, NOW)


@pytest.mark.parametrize(
    "raw", [b"{broken", b"[]", b'{"type":"zen:event-type:ticket.x","detail":[]}', b'"text"', b"\xff"]
)
def test_a_signed_body_that_is_none_is_refused_when_it_is_read(raw: bytes) -> None:
    opened = READER.prove(call(raw), SECRET, NOW)
    with pytest.raises(Rejected):
        READER.read(opened, {}, NOW)


def test_a_change_by_the_agent_in_whose_name_we_write_is_an_echo() -> None:
    ours = replace(SECRET, credentials={"email": "Bot@Example.com", "api_token": "CANARY"})

    def heard(by: str, secret: EndpointSecret = ours) -> bool:
        opened = READER.prove(call(json.dumps({**TRIGGER, "by": by}).encode()), secret, NOW)
        assert "example.com" not in json.dumps({**opened.payload, "text": ""}).lower(), "a credential in the queue"
        return READER.read(opened, {}, NOW)[0].echo

    assert heard("bot@example.com ")
    assert not heard("li.si@example.com")
    assert not heard("")
    assert not heard("", SECRET), "no agent known is nobody's echo"


def test_a_call_without_a_body_may_lack_a_content_type() -> None:
    """A vendor that is refused may switch the webhook off."""
    queue = FakeQueue()

    @dataclass
    class Secrets:
        def get(self, record_id: str, *, within: float) -> EndpointSecret:
            return SECRET

    door = HearCallback(Secrets(), {"zendesk": READER}.get, lambda: pytest.fail("nobody waits"), queue, lambda: NOW)
    assert door("ep_z", call(b"")).reply.status == 200
    with pytest.raises(UnsupportedMedia, match="The body must be"):
        door("ep_z", call(b"{}"))
