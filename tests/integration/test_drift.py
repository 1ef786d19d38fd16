"""Two ways on the packaged stack: what was done in another system without a webhook is found, and nothing goes back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.domain.outbound import standard_webhooks
from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from chalicelib.domain.outbound.reconciliation import Drift
from chalicelib.storage.outbound.watched import WatchedStore
from infra import client
from tests.contract.profiles import profile
from tests.fakes.targets.served import Served, served
from tests.fakes.targets.zendesk import Target
from tests.integration import wire
from tests.integration.counting import counted
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine


class StatusPage:
    """A company's own OA: it takes our events, and tells how a ticket stands to whoever asks with our signature."""

    def __init__(self) -> None:
        self.secret = ""
        self.told: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return HttpResponse(204)
        standard_webhooks.verify([self.secret], request.headers, b"", datetime.now(timezone.utc))
        ticket = request.url.rpartition("/")[2]
        self.asked.append(ticket)
        found = self.told.get(ticket)
        return HttpResponse(404) if found is None else HttpResponse(200, {}, json.dumps(found).encode())


def opened_ticket(world: World) -> str:
    connection = world.connect("canonical")
    heard = world.heard(connection["hook_url"], client.canonical(voice(customer=None), connection["secret"]))
    return str(world.settled(heard, "ticketed")["ticket"])


def zendesk(world: World, system: Served) -> Any:
    known = profile("zendesk")
    wanted = {
        "name": "Zendesk",
        "workspace": world.workspace,
        "connector": "zendesk",
        "url": system.url,
        "events": ["ticket.opened", "ticket.updated", "ticket.resolved", "ticket.reopened"],
        "credentials": dict(known.credentials),
    }
    return world.api.made("/v1/endpoints", wanted)


def ticket_in(world: World, ticket: str, state: str) -> Any:
    def probe() -> Any:
        found = world.api.call("GET", f"/v1/tickets/{ticket}").json
        return found if found["state"] == state else None

    return wait_for(probe, f"the ticket {state}")


def drift(world: World, endpoint: str) -> Any:
    answer = world.api.call("GET", f"/v1/drift?workspace={world.workspace}&endpoint={endpoint}")
    assert answer.status == 200, answer.json
    (found,) = answer.json["endpoints"]
    return found


def check(world: World, endpoint: str) -> Any:
    """Ask now, and wait until a round that began after that has read everything."""
    before = drift(world, endpoint)["reached_at"]
    asked = world.api.call("POST", "/v1/drift/check", {"workspace": world.workspace, "endpoint": endpoint})
    assert (asked.status, asked.json) == (202, {"status": "queued", "endpoints": [endpoint]})

    def read() -> Any:
        found = drift(world, endpoint)
        return found if found["error"] or found["reached_at"] not in (None, before) else None

    return wait_for(read, "the round of the poll")


def test_an_item_that_was_closed_over_there_without_a_webhook_closes_its_ticket_within_one_poll(world: World) -> None:
    with served(Target()) as system:
        endpoint = zendesk(world, system)["id"]
        ticket = opened_ticket(world)
        wait_for(lambda: system.target.items.get(ticket), "the item")
        armed = drift(world, endpoint)
        assert (armed["readable"], armed["reached_at"], armed["items"]) == (True, None, [])
        assert world.stack.drain(30), "still under way"

        system.target.by_hand(ticket, "solved")
        due = {"kind": "reconcile", "workspace": world.workspace, "endpoint": endpoint, "at": armed["next_at"]}
        queue = world.stack.facts["queues"]["deliveries"]
        world.stack.clients("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(due))
        resolved = ticket_in(world, ticket, "resolved")
        assert [step["to"] for step in resolved["history"]][:3] == ["open", "accepted", "resolved"]
        assert resolved["history"][2]["actor"] == endpoint
        assert resolved["incomplete"] is True
        wait_for(lambda: drift(world, endpoint)["next_at"] != armed["next_at"], "the next poll armed")

        # Our own words do not come back: neither what we wrote of it, nor what was there before.
        moved = world.api.call(
            "POST",
            f"/v1/tickets/{ticket}/transitions",
            {"to": "reopened", "version": resolved["version"], "reason": "not done"},
        )
        assert moved.status == 200, moved.json
        assert world.stack.drain(30), "still under way"
        assert system.target.items[ticket]["status"] == "open"
        assert check(world, endpoint)["items"] == []
        assert ticket_in(world, ticket, "reopened")["version"] == moved.json["version"]

        system.target.by_hand(ticket, "archived by a macro")
        (item,) = check(world, endpoint)["items"]
        assert (item["ticket"], item["ours"], item["theirs"]) == (ticket, "reopened", "archived by a macro")
        assert (item["winner"], item["code"]) == ("nobody", "unknown_state")
        assert set(item["why"]) == {"zh-CN", "en"}

        del system.target.items[ticket]
        (gone,) = check(world, endpoint)["items"]
        assert (gone["winner"], gone["code"], gone["theirs"]) == ("ours", "item_missing", "")


def test_a_systems_status_page_is_asked_and_a_callback_older_than_what_it_told_changes_nothing(world: World) -> None:
    now = datetime.now(timezone.utc).replace(microsecond=0)
    with served(StatusPage()) as system:
        wanted = {
            "name": "OA",
            "workspace": world.workspace,
            "connector": "standard_webhooks",
            "url": system.url + "/hook",
            "events": ["ticket.opened"],
            "settings": {"status_url": "/items/{ticket_id}", "reconcile_minutes": 0},
        }
        endpoint = world.api.made("/v1/endpoints", wanted)
        system.target.secret = endpoint["secret"]
        ticket = opened_ticket(world)
        assert world.stack.drain(30), "still under way"

        told = {"external_id": "OA-7", "status": "in_progress", "version": 5}
        assert check(world, endpoint["id"])["items"] == []  # it does not know the ticket: it has nothing to compare
        system.target.told[ticket] = told
        assert check(world, endpoint["id"])["items"] == []
        moved = ticket_in(world, ticket, "in_progress")
        assert system.target.asked == [ticket, ticket]

        def call(version: int, at: datetime) -> Any:
            data = {"ticket_id": ticket, "external_id": "OA-7", "status": "waiting_customer", "version": version}
            body = json.dumps({"type": "ticket.status_changed", "data": data}).encode()
            stamp, name = int(at.timestamp()), f"m-{version}"
            signature = standard_webhooks.sign(endpoint["secret"], name, stamp, body)
            named = {"webhook-id": name, "webhook-timestamp": str(stamp), "webhook-signature": signature}
            return wire.request("POST", endpoint["callback_url"], {"content-type": "application/json", **named}, body)

        older, newer = call(4, now), call(6, now)
        assert (older.status, older.json["status"], older.json["code"]) == (200, "ignored", "stale")
        assert older.json["ticket"]["version"] == moved["version"]
        assert (newer.status, newer.json["status"]) == (200, "applied")
        replayed = call(6, now - timedelta(minutes=5, seconds=2))
        assert (replayed.status, replayed.json["code"]) == (401, "timestamp_out_of_window")
        assert ticket_in(world, ticket, "waiting_customer")["version"] == newer.json["ticket"]["version"]

        assert [one["code"] for one in check(world, endpoint["id"])["items"]] == ["older"]  # its page lags behind
        assert world.api.call("DELETE", f"/v1/endpoints/{endpoint['id']}").status == 200
        assert world.api.call("GET", f"/v1/drift?endpoint={endpoint['id']}").status == 404
        rows = {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": f"XW#{world.workspace}#{endpoint['id']}"}},
        }
        left = world.stack.clients("dynamodb").query(TableName=world.stack.facts["table"], **rows)
        assert left["Count"] == 0


def test_what_cannot_be_asked_says_so_and_foreign_endpoints_look_unknown(world: World, oa: Any) -> None:
    robot = world.endpoint(oa, connector="feishu", events=["ticket.opened"], url=oa.url)
    assert drift(world, robot["id"])["readable"] is False
    assert drift(world, robot["id"])["next_at"] is None
    refused = world.api.call(
        "PATCH", f"/v1/endpoints/{robot['id']}", {"settings": {"reconcile_minutes": 15}, "workspace": world.workspace}
    )
    assert (refused.status, refused.json["code"], refused.json["pointer"]) == (
        422,
        "settings_invalid",
        "/settings/reconcile_minutes",
    )
    for path in ("/v1/drift?endpoint=ep_other", "/v1/drift?workspace=another"):
        assert world.api.call("GET", path).status == 404
    nothing = world.api.call("POST", "/v1/drift/check", {"endpoint": robot["id"]})
    assert (nothing.status, nothing.json["endpoints"]) == (202, [])


def test_a_report_reads_what_differs_however_many_items_there_are(stack: Any) -> None:
    store, workspace, at = WatchedStore(), f"ws-{uuid4().hex[:12]}", datetime.now(timezone.utc)

    def drift(ticket: str) -> Drift:
        return Drift("theirs_is_older", "open", "closed", f"OA-{ticket}", at, at)

    def report(after: str = "") -> tuple[list[tuple[str, Drift | None]], bool]:
        found, more = store.drifting(workspace, "ep_one", after=after, limit=2)
        return [(one.ticket, one.drift) for one in found], more

    with counted(stack) as table:
        for number in range(30):
            store.add(workspace, "ep_one", f"tk_{number:02}")
        for ticket in ("tk_25", "tk_03", "tk_17"):
            store.note(workspace, "ep_one", ticket, drift(ticket))
        store.note(workspace, "ep_two", "tk_01", drift("tk_01"))
        table.begin()
        assert report() == ([("tk_03", drift("tk_03")), ("tk_17", drift("tk_17"))], True)
        assert table.seen == (["Query", "BatchGetItem"], 3)
        assert report(after="tk_17") == ([("tk_25", drift("tk_25"))], False)
        store.note(workspace, "ep_one", "tk_17", None)
        store.forget(workspace, "ep_one", "tk_03")
        assert report() == ([("tk_25", drift("tk_25"))], False)
        assert len(store.page(workspace, "ep_one", limit=50)) == 29
