"""The main job from outside: a signed webhook in, the OA's signed request out, on the packaged template."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from typing import Any

import pytest

from infra import client
from infra.demo.senders import Run
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

RUN = Run("20261122", datetime.now(timezone.utc))  # of the demo, whose bodies these are


def body_of(source: str) -> Any:
    if source == "canonical":
        return voice()
    return RUN.body(source)


def sign(source: str, body: Any, connection: Any) -> client.Signed:
    if source == "jinshuju":
        return client.jinshuju(body)
    return getattr(client, source)(body, connection["secret"])


@pytest.mark.parametrize("source", ["canonical", "typeform", "jinshuju", "jiandaoyun"])
def test_each_source_opens_exactly_one_ticket_at_the_oa_however_often_it_is_sent(
    world: World, oa: Oa, source: str
) -> None:
    connection = world.connect(source)
    world.endpoint(oa)
    webhook = sign(source, body_of(source), connection)

    feedback = world.settled(world.heard(connection["hook_url"], webhook), "ticketed")
    wait_for(lambda: oa.of("ticket.opened"), "ticket.opened at the OA")
    for _ in range(3):
        world.heard(connection["hook_url"], webhook)
    last = world.settled(world.heard(connection["hook_url"], sign(source, _other(source), connection)), "ticketed")
    wait_for(lambda: len(oa.of("ticket.opened")) == 2, "the ticket of the voice sent after the repeats")

    opened = oa.of("ticket.opened")
    assert [event["data"]["feedback"]["id"] for event in opened] == [feedback["id"], last["id"]]
    assert all(request["verified"] for request in oa.requests), "a request whose signature does not verify"
    assert len(world.all_feedback()) == 2
    assert len(world.tickets()) == 2
    assert world.feedback(feedback["id"]) == feedback, "a repeated delivery changed the feedback"


def _other(source: str) -> Any:
    """The same platform's next response."""
    body = copy.deepcopy(body_of(source))
    if source == "typeform":
        body["event_id"], body["form_response"]["token"] = "other-event", "other-token"
    elif source == "jinshuju":
        body["entry"]["serial_number"] = 2
    elif source == "jiandaoyun":
        body["data"]["_id"] = "66e0demo0000000000000002"
    return body


@pytest.mark.parametrize("source", ["canonical", "typeform", "jinshuju", "jiandaoyun"])
def test_a_wrong_token_is_refused_and_leaves_nothing_behind(world: World, source: str) -> None:
    connection = world.connect(source)
    webhook = sign(source, body_of(source), connection)

    answer = webhook.post(connection["hook_url"][:-4] + "AAAA")

    assert (answer.status, answer.json["code"]) == (401, "signature_invalid")
    assert world.all_feedback() == []


@pytest.mark.parametrize("source", ["canonical", "typeform", "jiandaoyun"])
def test_one_changed_byte_is_refused_and_leaves_nothing_behind(world: World, source: str) -> None:
    connection = world.connect(source)
    webhook = sign(source, body_of(source), connection)
    changed = client.Signed(webhook.body.replace(b"3", b"9", 1), webhook.headers, webhook.query)
    assert changed.body != webhook.body

    answer = changed.post(connection["hook_url"])

    assert (answer.status, answer.json["code"]) == (401, "signature_invalid")
    assert world.all_feedback() == []


def test_three_rules_one_edited_between_score_and_comment_make_one_ticket_with_three_reasons(
    world: World, oa: Oa
) -> None:
    connection = world.connect("canonical")
    world.endpoint(oa)
    for name in ("rule-a", "rule-b"):
        when = {"field": "score.nps", "op": "lte", "value": 6}
        answer = world.api.call(
            "PUT", f"/v1/rules/{name}", {"workspace": world.workspace, "when": when, "then": ["ticket"]}
        )
        assert answer.status in (200, 201), answer.json
    score_only = voice(texts=None, revision=1)
    feedback_id = world.heard(connection["hook_url"], client.canonical(score_only, connection["secret"]))
    world.settled(feedback_id, "ticketed")
    edited = {
        "workspace": world.workspace,
        "when": {"field": "score.nps", "op": "lte", "value": 5},
        "then": ["ticket"],
        "severity": "high",
    }
    assert world.api.call("PUT", "/v1/rules/rule-b", edited).status == 200

    with_comment = voice(id=score_only["id"], occurred_at=score_only["occurred_at"], revision=2)
    world.heard(connection["hook_url"], client.canonical(with_comment, connection["secret"]))

    ticket = wait_for(
        lambda: next((one for one in world.tickets() if one["severity"] == "high"), None), "the updated ticket"
    )
    whole = world.api.call("GET", f"/v1/tickets/{ticket['id']}").json
    assert len(world.tickets()) == 1
    assert sorted(reason["rule"] for reason in whole["reasons"]) == ["builtin-unhappy", "rule-a", "rule-b"]
    assert {reason["rule"]: reason["version"] for reason in whole["reasons"]}["rule-b"] == 2
    wait_for(lambda: oa.of("ticket.updated"), "ticket.updated at the OA")
    assert len(oa.of("ticket.opened")) == 1


def test_a_ticket_hears_that_nothing_asks_for_it_any_more_and_stays_open(world: World) -> None:
    connection = world.connect("canonical")
    unhappy = voice(texts=None, revision=1)
    feedback_id = world.heard(connection["hook_url"], client.canonical(unhappy, connection["secret"]))
    ticket_id = world.settled(feedback_id, "ticketed")["ticket"]
    happy = {**unhappy, "revision": 2, "scores": [{"kind": "nps", "value": 10, "scale": [0, 10]}]}

    world.heard(connection["hook_url"], client.canonical(happy, connection["secret"]))

    def lapsed() -> Any:
        ticket = world.api.call("GET", f"/v1/tickets/{ticket_id}").json
        return ticket if all(reason["lapsed"] for reason in ticket["reasons"]) else None

    assert wait_for(lapsed, "the ticket's reasons lapsed")["state"] == "open"


def test_the_oas_callback_resolves_the_ticket(world: World, oa: Oa) -> None:
    connection = world.connect("canonical")
    endpoint = world.endpoint(oa)
    world.heard(connection["hook_url"], client.canonical(voice(), connection["secret"]))
    opened = wait_for(lambda: oa.of("ticket.opened"), "ticket.opened at the OA")[0]
    ticket_id = opened["data"]["ticket"]["id"]
    message = {
        "type": "ticket.status_changed",
        "data": {
            "ticket_id": ticket_id,
            "external_id": "OA-1",
            "status": "resolved",
            "version": 1,
            "root_cause": "packaging",
            "action": "sent again",
            "note": "",
            "actor": "wang",
            "occurred_at": "2026-11-21T08:00:00Z",
        },
    }

    answer = client.canonical(message, endpoint["secret"]).post(endpoint["callback_url"])

    assert (answer.status, answer.json["status"]) == (200, "applied"), answer.json
    ticket = world.api.call("GET", f"/v1/tickets/{ticket_id}").json
    assert ticket["state"] == "resolved"
    assert [step["to"] for step in ticket["history"]] == ["open", "accepted", "resolved"]
    resolved = wait_for(lambda: oa.of("ticket.resolved"), "ticket.resolved at the OA")[0]
    assert resolved["sequence"] > opened["sequence"]


def test_a_forged_callback_changes_nothing(world: World, oa: Oa) -> None:
    connection = world.connect("canonical")
    endpoint = world.endpoint(oa)
    world.heard(connection["hook_url"], client.canonical(voice(), connection["secret"]))
    opened = wait_for(lambda: oa.of("ticket.opened"), "ticket.opened at the OA")[0]
    forged = client.canonical({"type": "ticket.status_changed", "data": {}}, "whsec_" + "A" * 32)

    answer = forged.post(endpoint["callback_url"])

    assert (answer.status, answer.json["code"]) == (401, "signature_invalid")
    ticket = world.api.call("GET", f"/v1/tickets/{opened['data']['ticket']['id']}").json
    assert (ticket["state"], ticket["version"]) == ("open", 1)


def test_a_body_without_a_response_id_is_parked_and_read_again_once_the_mapping_is_mended(world: World) -> None:
    broken = {
        "response_id": "/entry/no_such_field",
        "scores": [{"path": "/entry/field_1", "kind": "nps", "scale": [0, 10]}],
    }
    connection = world.connect("jinshuju", mapping=broken)
    feedback_id = world.heard(connection["hook_url"], client.jinshuju(body_of("jinshuju")))
    parked = world.settled(feedback_id, "parked")
    assert parked["parked_reason"] == "mapping_missing_response_id"
    mended = {**broken, "response_id": "/entry/serial_number"}
    assert world.api.call("PATCH", f"/v1/connections/{connection['id']}", {"mapping": mended}).status == 200

    assert world.api.call("POST", f"/v1/feedback/{feedback_id}/reparse").status == 202

    wait_for(world.tickets, "the ticket of the mended feedback")
    states = sorted(item["state"] for item in world.all_feedback())
    assert states in (["closed", "ticketed"], ["ticketed"])


def test_a_mapping_that_finds_nothing_loses_no_word(world: World) -> None:
    """Of two parked voices one is read again because somebody asks for it, the other because it is sent again."""
    wrong = {"scores": [{"path": "/entry/field_99", "kind": "nps"}], "texts": [{"path": "/entry/nope"}]}
    connection = world.connect("jinshuju", mapping=wrong)
    again = client.jinshuju(_other("jinshuju"))
    asked_for = world.heard(connection["hook_url"], client.jinshuju(body_of("jinshuju")))
    sent_again = world.heard(connection["hook_url"], again)
    parked = [world.settled(one, "parked") for one in (asked_for, sent_again)]
    assert [one["parked_reason"] for one in parked] == ["mapping_finds_nothing"] * 2
    good = {"scores": [{"path": "/entry/field_1", "kind": "nps"}], "texts": [{"path": "/entry/field_3"}]}
    assert world.api.call("PATCH", f"/v1/connections/{connection['id']}", {"mapping": good}).status == 200

    assert world.api.call("POST", f"/v1/feedback/{asked_for}/reparse").status == 202
    assert world.heard(connection["hook_url"], again) == sent_again

    read = [world.settled(one, "ticketed") for one in (asked_for, sent_again)]
    assert all(one["texts"] and one["scores"] for one in read)


def test_a_paused_connection_keeps_what_it_hears_and_reads_it_when_resumed(world: World) -> None:
    connection = world.connect("canonical")
    path = f"/v1/connections/{connection['id']}"
    assert world.api.call("PATCH", path, {"state": "paused"}).status == 200
    webhook = client.canonical(voice(), connection["secret"])

    def parked() -> Any:
        # The hook caches its record for up to 60 s; a voice heard before it notices is read at once.
        found = world.feedback(world.heard(connection["hook_url"], webhook))
        return found if found and found["state"] == "parked" else None

    feedback = wait_for(parked, "the voice parked", timeout=90)
    assert feedback["parked_reason"] == "connection_paused"

    assert world.api.call("PATCH", path, {"state": "active"}).status == 200

    world.settled(feedback["id"], "ticketed")


def test_contact_data_is_redacted_before_it_is_stored_and_never_leaves_by_default(world: World, oa: Oa) -> None:
    connection = world.connect("canonical")
    world.endpoint(oa)
    body = voice(
        customer={"id": "13812345678", "name": "王小明", "phone": "13812345678", "email": "wang@example.com"},
        texts=[{"text": "包裹破损，打我电话 １３８ 1234 5678 or +44 20 7946 0958", "speaker": "customer"}],
    )
    feedback_id = world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))

    feedback = world.settled(feedback_id, "ticketed")
    opened = wait_for(lambda: oa.of("ticket.opened"), "ticket.opened at the OA")[0]

    assert feedback["texts"][0]["text"] == "包裹破损，打我电话 〔手机号〕 or 〔电话〕"
    shown = json.dumps([feedback, opened], ensure_ascii=False)
    assert "13812345678" not in shown
    assert "7946" not in shown
    ticket = f"/v1/tickets/{feedback['ticket']}"
    titles = [world.api.call("GET", ticket, query={"lang": lang}).json["title"] for lang in ("zh-CN", "en")]
    assert "贬损者" in titles[0]
    assert "detractor" in titles[1]
    assert opened["data"]["ticket"]["title"] == titles[0]
    assert "王小明" not in shown
    assert "wang@example.com" not in shown
    assert set(opened["data"]["customer"]) == {"id"}
