"""Items in other people's systems on the real engine: who is at them, what is written together, and the whole way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.domain.outbound.item import Item, KeptToken, Mark, Token
from chalicelib.storage import keys
from chalicelib.storage.outbound.items import ItemStore, TokenRow, TokenStore
from chalicelib.storage.table import Row, bind
from chalicelib.storage.vault import Vault
from infra import client
from tests.contract.profiles import profile
from tests.fakes.targets.served import served
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

NOW = datetime.now(timezone.utc).replace(microsecond=0)
SOON = NOW + timedelta(seconds=30)


@pytest.fixture
def workspace(stack: Any) -> Iterator[str]:
    """A fresh one, with the rows on the stack's table, and afterwards as they were."""
    before, made = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    yield f"ws-{uuid4().hex[:12]}"
    Row.Meta.table_name, Row.shared_client = before, made


def take(workspace: str, attempt: str, *, now: datetime = NOW) -> Item | None:
    return ItemStore().take(workspace, "tk_one", "ep_one", attempt=attempt, now=now, until=now + timedelta(seconds=30))


def test_of_many_attempts_one_has_the_item_until_it_lets_go(workspace: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda number: take(workspace, f"attempt-{number}"), range(8)))
    (mine,) = [(f"attempt-{number}", item) for number, item in enumerate(taken) if item is not None]
    assert ItemStore().put(replace(mine[1], sent=1), attempt="another", release=True) is False
    assert take(workspace, "late") is None
    assert ItemStore().put(replace(mine[1], sent=1), attempt=mine[0], release=True) is True
    assert take(workspace, "late") == Item(workspace, "tk_one", "ep_one", sent=1)


def test_a_lease_that_is_over_is_no_longer_its_attempts(workspace: str) -> None:
    item = take(workspace, "first")
    assert item is not None
    assert take(workspace, "second", now=NOW + timedelta(seconds=31)) == item
    assert ItemStore().put(item, attempt="first", release=False) is False


def test_an_item_comes_back_as_it_was_written_and_with_its_way_back(workspace: str) -> None:
    store = ItemStore()
    item = take(workspace, "a")
    assert item is not None
    marked = replace(item, creating=Mark("a", 2, NOW, SOON, spent=True), uncertain=True, generation=1, updated_at=NOW)
    assert store.put(marked, attempt="a", release=False)
    assert store.get(workspace, "tk_one", "ep_one") == marked
    assert store.ticket_of_item(workspace, "ep_one", "35436") is None

    made = replace(marked, creating=None, uncertain=False, external_id="35436", sent=2)
    assert store.link(made, attempt="another", release=True) is False
    assert store.ticket_of_item(workspace, "ep_one", "35436") is None
    assert store.link(made, attempt="a", release=True) is True
    assert store.of_ticket(workspace, "tk_one") == [made]
    assert store.ticket_of_item(workspace, "ep_one", "35436") == "tk_one"
    assert store.ticket_of_item("other", "ep_one", "35436") is None
    assert [store.ticket_of_item(workspace, "ep_one", bad) for bad in ("", "x" * 2_000)] == [None, None]


def test_a_token_is_sealed_and_one_worker_at_a_time_fetches_the_next(workspace: str, stack: Any) -> None:
    kms = stack.clients("kms")
    store = TokenStore(Vault(kms, kms.create_key()["KeyMetadata"]["KeyId"]))
    with ThreadPoolExecutor(4) as pool:
        leases = list(pool.map(lambda _: store.lease(workspace, "ep_one", now=NOW, until=SOON), range(4)))
    assert leases.count(True) == 1
    assert store.get(workspace, "ep_one") is None

    kept = KeptToken(Token("CANARY-token", NOW + timedelta(hours=1)), SOON, "digest")
    store.put(workspace, "ep_one", kept)
    assert store.get(workspace, "ep_one") == kept
    assert b"CANARY" not in TokenRow.get(*keys.endpoint_token(workspace, "ep_one")).value
    assert store.lease(workspace, "ep_one", now=NOW, until=SOON)
    store.release(workspace, "ep_one")
    assert store.lease(workspace, "ep_one", now=NOW, until=SOON)
    assert store.get(workspace, "ep_one") == kept


# --- the whole way ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["zendesk", "salesforce"])
def test_a_signed_webhook_becomes_an_item_and_what_follows_updates_it(world: World, name: str) -> None:
    known = profile(name)
    connection = world.connect("canonical")
    with served(import_module(f"tests.fakes.targets.{name}").Target()) as system:
        endpoint = world.api.made(
            "/v1/endpoints",
            {
                "name": "the company's own",
                "workspace": world.workspace,
                "connector": name,
                "url": system.url,
                "events": ["ticket.opened", "ticket.updated", "ticket.closed"],
                "settings": dict(known.settings),
                "credentials": dict(known.credentials),
            },
        )
        # Without a customer nothing of the workspace was sealed before the first token is.
        said = voice(customer=None, texts=None, revision=1)
        feedback = world.settled(
            world.heard(connection["hook_url"], client.canonical(said, connection["secret"])), "ticketed"
        )
        ticket_id = feedback["ticket"]
        made = wait_for(lambda: _item(world, ticket_id, 1), "the item of the opened ticket")
        assert (made["endpoint"], made["state"]) == (endpoint["id"], "made")

        world.heard(
            connection["hook_url"],
            client.canonical(voice(id=said["id"], occurred_at=said["occurred_at"], customer=None, revision=2),
                             connection["secret"]),
        )  # fmt: skip
        shown = wait_for(lambda: _item(world, ticket_id, 2), "the item of the updated ticket")

    assert shown["external_id"] == made["external_id"] == str(system.target.items[ticket_id]["id"])
    deliveries = world.api.pages("/v1/deliveries", {"workspace": world.workspace, "ticket": ticket_id})
    assert {one["state"] for one in deliveries} == {"delivered"}
    first = next(one for one in deliveries if one["event_type"] == "ticket.opened")
    attempts = world.api.call("GET", f"/v1/deliveries/{first['id']}").json["attempts"]
    steps = ["token", "create"] if name == "salesforce" else ["create"]
    assert [(call["step"], call["code"]) for call in attempts[-1]["calls"]] == [(step, "delivered") for step in steps]
    assert not [one for one in known.credentials.values() if one in repr(attempts)]


def _item(world: World, ticket_id: str, version: int) -> Any:
    """The ticket's only item, once it shows that version."""
    items = world.api.call("GET", f"/v1/tickets/{ticket_id}").json["items"]
    return next((one for one in items if (one["sent_version"] or 0) >= version), None)


def test_a_system_of_record_takes_events_of_tickets_only(world: World) -> None:
    known = profile("zendesk")
    wanted = {
        "name": "x",
        "workspace": world.workspace,
        "connector": "zendesk",
        "url": "http://127.0.0.1:9",
        "events": ["ticket.opened", "alert.raised"],
        "credentials": dict(known.credentials),
    }
    refused = world.api.call("POST", "/v1/endpoints", wanted)
    assert (refused.status, refused.json["code"], refused.json["pointer"]) == (422, "event_not_taken", "/events/1")
    made = world.api.made("/v1/endpoints", {**wanted, "events": ["ticket.opened"]})
    changed = world.api.call(
        "PATCH", f"/v1/endpoints/{made['id']}", {"workspace": world.workspace, "events": ["feedback.scored"]}
    )
    assert (changed.status, changed.json["code"]) == (422, "event_not_taken")
