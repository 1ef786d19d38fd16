"""A vendor's callback on the packaged stack: answered at once, applied behind the answer, and once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.storage import keys
from chalicelib.storage.outbound.callbacks import KEPT, CallbackMemory
from chalicelib.storage.table import Row, bind
from infra import client
from infra.client import Answer
from tests.integration import wire
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

SECRET = "the-signing-secret-of-a-webhook=="


def zendesk(url: str, body: Mapping[str, Any], at: str) -> Answer:
    """A trigger's call, as Zendesk signs it."""
    raw = json.dumps(body).encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), at.encode() + raw, hashlib.sha256).digest()).decode()
    named = {"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": at}
    return wire.request("POST", url, {"content-type": "application/json", **named}, raw)


def test_a_vendors_callback_moves_the_ticket_once_behind_its_answer(world: World) -> None:
    connection = world.connect("canonical")
    heard = world.heard(connection["hook_url"], client.canonical(voice(), connection["secret"]))
    ticket_id = world.settled(heard, "ticketed")["ticket"]
    wanted = {
        "name": "Zendesk",
        "connector": "zendesk",
        "url": "http://127.0.0.1:9",
        "secret": SECRET,
        "events": ["ticket.reopened"],
        "credentials": {"email": "a@example.com", "api_token": "t"},
    }
    endpoint = world.api.made("/v1/endpoints", wanted)
    at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"ticket_id": "35436", "external_id": ticket_id, "status": "open"}

    answers = [zendesk(endpoint["callback_url"], body, at) for _ in range(3)]
    late = zendesk(endpoint["callback_url"], body, "2026-01-01T00:00:00Z")
    probed = wire.request("GET", endpoint["callback_url"], {}, None)

    assert [(one.status, one.json) for one in answers] == [(200, {"status": "accepted", "code": "ok"})] * 3
    assert (late.status, late.json["code"]) == (401, "timestamp_out_of_window")
    assert (probed.status, probed.json["code"]) == (401, "signature_missing")

    def moved() -> Any:
        found = world.api.call("GET", f"/v1/tickets/{ticket_id}").json
        return found if found["state"] == "in_progress" else None

    wait_for(moved, "the ticket in progress")
    assert world.stack.drain(30), "still under way"
    assert [step["to"] for step in moved()["history"]] == ["open", "accepted", "in_progress"]

    unknown = zendesk(endpoint["callback_url"], {"ticket_id": "1", "status": "solved"}, at)
    assert (unknown.status, unknown.json["status"]) == (200, "accepted")
    wait_for(lambda: _waiting(world) or None, "the item that nobody knows looked up later again")


def _waiting(world: World) -> int:
    """Messages of the callbacks queue that are not to be handed out yet."""
    url, name = world.stack.facts["queues"]["callbacks"], "ApproximateNumberOfMessagesDelayed"
    answer = world.stack.clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def test_a_delivery_is_remembered_for_its_endpoint_and_for_a_while(stack: Any) -> None:
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    now, workspace, delivery = datetime.now(timezone.utc), f"ws-{uuid4().hex[:12]}", "d" * 5_000
    try:
        memory = CallbackMemory(lambda: now)
        assert not memory.knows(workspace, "ep_1", delivery)
        memory.remember(workspace, "ep_1", delivery)
        assert memory.knows(workspace, "ep_1", delivery)
        assert not memory.knows(workspace, "ep_2", delivery)
        assert not CallbackMemory(lambda: now + KEPT + timedelta(seconds=1)).knows(workspace, "ep_1", delivery)
        assert len(keys.callback_heard(workspace, "ep_1", "x" * 26)[1]) < 1_024
    finally:
        Row.Meta.table_name, Row.shared_client = before, shared
