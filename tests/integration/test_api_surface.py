"""A walk over every route of the management API from outside: what it answers, and the code and words of each no."""

from __future__ import annotations

import time
from typing import Any, Final

import pytest

from infra import client
from infra.client import Answer, Api
from tests.fakes.oa import Oa
from tests.integration.world import World, new_world, voice, wait_for

pytestmark = pytest.mark.engine

NOWHERE: Final = (404, "not_found", "There is no such thing here.")
SINCE: Final = "2025-01-01T00:00:00Z"


FEEDBACK_FIELDS = "Known: workspace, limit, cursor, since, until, unit, topic, state."


def no(answer: Answer) -> tuple[int, str, str]:
    """Status, code and words of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == answer.status
    return answer.status, answer.json["code"], answer.json["detail"]


def hear(world: World, connection: Any, **changes: Any) -> Any:
    """One voice that has its ticket."""
    return world.settled(
        world.heard(connection["hook_url"], client.canonical(voice(**changes), connection["secret"])), "ticketed"
    )


def key_of(world: World, role: str, unit: str | None = None) -> tuple[str, Api]:
    made = world.api.made("/v1/keys", {"role": role, **({"unit": unit} if unit else {})})
    assert (made["role"], made["unit"], made["workspace"]) == (role, unit, world.workspace)
    return made["id"], Api(world.stack.api_url, made["key"])


@pytest.fixture
def ticket(world: World) -> Any:
    """An open ticket of somebody whose number we know."""
    connection = world.connect("canonical")
    customer = {"id": "CUST-1", "name": "王小明", "phone": "13812345678"}
    return world.api.call("GET", f"/v1/tickets/{hear(world, connection, customer=customer)['ticket']}").json


# --- health and the document ----------------------------------------------------------------------------------------


TWIN = ("duplicate", "duplicate/undo")


def test_health_and_the_document_need_no_key(stack: Any) -> None:
    base = stack.api_url
    assert client.send("GET", f"{base}/v1/health").json["status"] == "ok"
    document = client.send("GET", f"{base}/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert document["servers"][0]["url"] == base
    routes = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert {route for route in routes if route[1].startswith("/v1/tickets/")} == {
        ("GET", "/v1/tickets/{ticket_id}"),
        ("POST", "/v1/tickets/{ticket_id}/transitions"),
        ("POST", "/v1/tickets/{ticket_id}/contact"),
        *(
            ("POST", f"/v1/tickets/{{ticket_id}}/{what}")
            for what in ("claim", "reassign", "resolution", "audit", "codes", "updates", "verification", *TWIN)
        ),
        *((method, "/v1/tickets/{ticket_id}/notes") for method in ("GET", "POST")),
        ("POST", "/v1/tickets/{ticket_id}/links"),
        ("DELETE", "/v1/tickets/{ticket_id}/links/{other_id}"),
    }


def test_every_route_of_the_document_that_needs_a_key_refuses_a_wrong_one(stack: Any) -> None:
    document = client.send("GET", f"{stack.api_url}/openapi.json").json
    stranger = Api(stack.api_url, "ek_" + "A" * 43)
    refused = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation.get("security") == []:
                continue
            there = path.replace("{", "").replace("}", "")
            answer = stranger.call(method.upper(), there, {} if method in ("post", "put", "patch") else None)
            expected = (401, "unauthorized", "A valid key is needed: Authorization: Bearer ek_…")
            assert no(answer) == expected, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            refused += 1
    assert refused >= 30


# --- connections ----------------------------------------------------------------------------------------------------


def test_a_connection_is_made_listed_changed_rotated_and_deleted(world: World) -> None:
    made = world.connect("canonical")
    path = f"/v1/connections/{made['id']}"
    shown = world.api.call("GET", path).json
    assert shown.pop("polling") is None
    assert {**shown, "hook_url": made["hook_url"], "secret": made["secret"]} == made
    assert world.api.call("GET", "/v1/connections").json["items"] == [shown]
    changed = world.api.call("PATCH", path, {"name": "Shops"}).json
    assert (changed["name"], changed["reparsed"], changed["more"]) == ("Shops", 0, False)

    rotated = world.api.call("POST", f"{path}/rotate", {}).json
    assert set(rotated) == {"secret", "previous_valid_until"}
    for secret in (made["secret"], rotated["secret"]):
        world.heard(made["hook_url"], client.canonical(voice(), secret))

    assert world.api.call("DELETE", path).json == {"id": made["id"], "deleted": True}
    for method, there in (("GET", path), ("DELETE", path), ("POST", f"{path}/rotate")):
        assert no(world.api.call(method, there, {} if method == "POST" else None)) == NOWHERE
    assert no(world.api.call("PATCH", path, {"name": "x"})) == NOWHERE


@pytest.mark.parametrize(
    ("body", "expected", "pointer"),
    [
        ({"source": "canonical"}, (422, "schema_violation", "A required field is missing."), "/name"),
        (
            {"name": "n", "source": "canonical", "surprise": 1},
            (
                422,
                "schema_violation",
                "There is a field that is not known here. "
                "Known: workspace, name, source, secret, mapping, settings, credentials.",
            ),
            "/surprise",
        ),
        (
            {"name": "n", "source": "jinshuju", "secret": "a-secret-of-ours"},
            (422, "schema_violation", "This platform signs nothing, its URL is the proof."),
            "/secret",
        ),
    ],
)
def test_a_connection_that_cannot_be(world: World, body: Any, expected: Any, pointer: str) -> None:
    answer = world.api.call("POST", "/v1/connections", body)
    assert (no(answer), answer.json.get("pointer")) == (expected, pointer)


def test_a_source_that_signs_nothing_has_no_secret_to_rotate(world: World) -> None:
    made = world.connect("jinshuju")
    assert made["secret"] is None
    answer = world.api.call("POST", f"/v1/connections/{made['id']}/rotate", {})
    assert no(answer) == (409, "no_secret", "This source signs nothing: make a new connection instead.")


# --- endpoints ------------------------------------------------------------------------------------------------------


def test_an_endpoint_is_made_changed_rotated_and_deleted_and_shows_no_credential(world: World, oa: Oa) -> None:
    url = oa.url + "?token=CANARY"
    made = world.endpoint(oa, url=url, settings={"headers": {"X-Token": "CANARY"}, "rate": 60})
    path = f"/v1/endpoints/{made['id']}"
    assert made["callback_url"].endswith(f"/v1/callbacks/{made['id']}")
    shown = world.api.call("GET", path).json
    assert shown["host"] == oa.url.split("/")[2]
    assert shown["settings"] == {"contact": "none", "rate": 60, "headers": {"X-Token": "***"}}
    changed = world.api.call("PATCH", path, {"name": "OA 2", "events": ["alert.raised"], "settings": {"rate": 30}})
    assert (changed.json["name"], changed.json["events"]) == ("OA 2", ["alert.raised"])
    assert changed.json["settings"] == {"contact": "none", "rate": 30, "headers": {"X-Token": "***"}}
    rotated = world.api.call("POST", f"{path}/rotate", {}).json
    assert rotated["secret"] != made["secret"]
    listed = world.api.call("GET", "/v1/endpoints").json
    assert "CANARY" not in str([shown, changed.json, listed])
    assert world.api.call("DELETE", path).json == {"id": made["id"], "deleted": True, "cancelled": 0}
    assert no(world.api.call("GET", path)) == NOWHERE
    assert no(world.api.call("PATCH", path, {"name": "x"})) == NOWHERE


def test_what_is_held_while_paused_is_sent_when_resumed(world: World, oa: Oa) -> None:
    path = f"/v1/endpoints/{world.endpoint(oa)['id']}"
    assert world.api.call("PATCH", path, {"state": "paused"}).json["state"] == "paused"
    hear(world, world.connect("canonical"))
    held = wait_for(
        lambda: world.api.call("GET", "/v1/deliveries", query={"state": "held"}).json["items"], "the held delivery"
    )
    assert held[0]["code"] == "endpoint_paused"
    assert oa.requests == []

    assert world.api.call("PATCH", path, {"state": "active"}).json["released"] == 1

    wait_for(lambda: oa.of("ticket.opened"), "ticket.opened after the pause")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"connector": "fax"}, (422, "unknown_connector", "There is no such connector.")),
        ({"events": []}, (422, "schema_violation", "Too few entries.")),
        ({"events": ["ticket.opened", "ticket.opened"]}, (422, "schema_violation", "A value is named twice.")),
        ({"url": "http://10.0.0.1/hook"}, (422, "url_not_allowed", "The URL is not allowed: ip_literal.")),
        (
            {"connector": "feishu", "settings": {"contact": "full"}},
            (422, "contact_not_allowed", "A chat robot's room may not see contact data in full."),
        ),
    ],
)
def test_an_endpoint_that_cannot_be(world: World, oa: Oa, changes: Any, expected: Any) -> None:
    body = {"name": "n", "connector": "standard_webhooks", "url": oa.url, "events": ["ticket.opened"], **changes}
    assert no(world.api.call("POST", "/v1/endpoints", body)) == expected
    assert world.api.call("GET", "/v1/endpoints").json["items"] == []


# --- rules, subscriptions, keys -------------------------------------------------------------------------------------


def test_a_rule_replaces_a_built_in_one_until_it_is_deleted(world: World) -> None:
    built_in = {rule["name"]: rule for rule in world.api.call("GET", "/v1/rules").json["items"]}
    assert {name: rule["builtin"] for name, rule in built_in.items()} == {
        "builtin-red-line": True,
        "builtin-unhappy": True,
    }
    body = {"when": {"tag": {"topic": "logistics", "polarity": "negative"}}, "then": ["ticket"], "severity": "high"}
    ours = world.api.call("PUT", "/v1/rules/builtin-unhappy", body).json
    assert (ours["severity"], ours["builtin"]) == ("high", False)
    assert ours["version"] > built_in["builtin-unhappy"]["version"]
    assert world.api.call("POST", "/v1/rules", {**body, "name": "second"}).status == 200
    assert len(world.api.call("GET", "/v1/rules").json["items"]) == 3

    gone = world.api.call("DELETE", "/v1/rules/builtin-unhappy")

    assert gone.json == {"name": "builtin-unhappy", "deleted": True}
    again = {rule["name"]: rule for rule in world.api.call("GET", "/v1/rules").json["items"]}
    assert again["builtin-unhappy"]["builtin"] is True
    assert no(world.api.call("DELETE", "/v1/rules/never-there")) == NOWHERE


@pytest.mark.parametrize(
    "when",
    [
        {"field": "score.nps", "op": "matches", "value": ".*"},
        {"field": "shoe_size", "op": "eq", "value": 1},
        {"field": "score.nps", "op": "lte", "value": "six"},
        {"all": []},
    ],
)
def test_a_rule_that_cannot_be(world: World, when: Any) -> None:
    answer = world.api.call("PUT", "/v1/rules/mine", {"when": when, "then": ["ticket"]})
    assert (answer.status, answer.json["code"]) == (422, "rule_invalid")
    assert answer.json["detail"] not in ("", None)
    assert len(world.api.call("GET", "/v1/rules").json["items"]) == 2


def test_a_subscription_needs_an_address_and_ends_once(world: World) -> None:
    wanted = {"severity": "high", "protocol": "email", "address": f"{world.workspace}@example.com"}
    made = world.api.made("/v1/subscriptions", wanted)
    assert "example.com" not in str(made)
    for address, words in (("nobody", "e-mail address"), ("a@b@c.example", "e-mail address")):
        answer = world.api.call("POST", "/v1/subscriptions", {**wanted, "address": address})
        assert no(answer) == (422, "schema_violation", f"The address must be an {words}.")
    answer = world.api.call("POST", "/v1/subscriptions", {**wanted, "protocol": "sms", "address": "13800000000"})
    assert no(answer)[2] == "The address must be a phone number such as +8613800000000."
    masked = {**made, "address": f"{world.workspace[0]}***@example.com"}
    assert world.api.call("GET", "/v1/subscriptions").json == {"items": [masked], "cursor": None}
    path = f"/v1/subscriptions/{made['id']}"
    assert world.api.call("DELETE", path).json == {"id": made["id"], "deleted": True}
    assert no(world.api.call("DELETE", path)) == NOWHERE


def test_a_revoked_key_opens_nothing(world: World) -> None:
    key_id, theirs = key_of(world, "analyst")
    assert theirs.call("GET", "/v1/connections").status == 200
    assert world.api.call("DELETE", f"/v1/keys/{key_id}").json == {"id": key_id, "deleted": True}
    listed = world.api.call("GET", "/v1/keys")
    told = {one["id"]: (one["role"], one["unit"], one["revoked"]) for one in listed.json["items"]}
    assert told[key_id] == ("analyst", None, True)
    assert "key" not in listed.json["items"][0]
    assert no(theirs.call("GET", "/v1/connections"))[:2] == (401, "unauthorized")
    assert no(world.api.call("DELETE", f"/v1/keys/{key_id}")) == NOWHERE


@pytest.mark.parametrize(("role", "unit"), [("region", None), ("admin", "SH")])
def test_a_unit_goes_with_the_roles_that_need_one(world: World, role: str, unit: str | None) -> None:
    answer = world.api.call("POST", "/v1/keys", {"role": role, **({"unit": unit} if unit else {})})
    words = "The roles region and store need a unit, the others have none."
    assert no(answer) == (422, "schema_violation", words)


ROLES: Final = {  # role → what it may do of: read configuration, change it, read cases, read deliveries
    "admin": (200, 200, 200, 200),
    "analyst": (200, 403, 200, 200),
    "region": (403, 403, 200, 403),
    "store": (403, 403, 200, 403),
    "integration": (403, 403, 403, 200),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_is_for(world: World, role: str) -> None:
    _, api = key_of(world, role, "SH" if role in ("region", "store") else None)
    rule = {"when": {"field": "class", "op": "eq", "value": "detractor"}, "then": ["ticket"]}
    answers = (
        api.call("GET", "/v1/endpoints"),
        api.call("PUT", "/v1/rules/mine", rule),
        api.call("GET", "/v1/feedback"),
        api.call("GET", "/v1/deliveries"),
    )
    assert tuple(answer.status for answer in answers) == ROLES[role]
    for answer in answers:
        if answer.status == 403:
            assert no(answer) == (403, "forbidden", "The role of this key does not allow this.")


def test_a_region_sees_its_subtree_and_a_store_its_shop(world: World) -> None:
    connection = world.connect("canonical")
    found = {unit: hear(world, connection, unit=unit) for unit in ("SH/001", "SH/002", "BJ/001")}
    for role, unit, sees in (("region", "SH", {"SH/001", "SH/002"}), ("store", "SH/001", {"SH/001"})):
        _, api = key_of(world, role, unit)
        listed = api.pages("/v1/feedback", {"since": SINCE})
        assert {one["unit"] for one in listed} == sees
        assert {one["unit"] for one in api.pages("/v1/tickets", {})} == sees
        foreign = found["BJ/001"]
        assert no(api.call("GET", f"/v1/feedback/{foreign['id']}")) == NOWHERE
        assert no(api.call("GET", f"/v1/tickets/{foreign['ticket']}")) == NOWHERE
        move = {"to": "accepted", "version": 1}
        assert no(api.call("POST", f"/v1/tickets/{foreign['ticket']}/transitions", move)) == NOWHERE
        assert no(api.call("GET", "/v1/feedback", query={"unit": "BJ"})) == NOWHERE
        mine = found["SH/001"]
        moved = api.call("POST", f"/v1/tickets/{mine['ticket']}/transitions", {"to": "accepted", "version": 1})
        assert moved.status == (200 if role == "region" else 409)


def test_a_foreign_workspace_looks_like_none(world: World) -> None:
    theirs = new_world(world.stack)
    connection, endpoint_id = theirs.connect("canonical"), "ep_aaaaaaaaaaaaaaaaaaaaaaaaaa"
    assert no(world.api.call("GET", f"/v1/connections/{connection['id']}")) == NOWHERE
    assert no(world.api.call("GET", f"/v1/endpoints/{endpoint_id}")) == NOWHERE
    assert no(world.api.call("GET", "/v1/feedback", query={"workspace": theirs.workspace})) == NOWHERE
    body = {"name": "n", "source": "canonical", "workspace": theirs.workspace}
    assert no(world.api.call("POST", "/v1/connections", body)) == NOWHERE


# --- feedback -------------------------------------------------------------------------------------------------------


def test_feedback_is_filtered_and_paged(world: World) -> None:
    connection = world.connect("canonical")
    unhappy = [hear(world, connection, unit=unit)["id"] for unit in ("SH/001", "SH/002", "BJ/001")]
    calm = voice(scores=[{"kind": "nps", "value": 10, "scale": [0, 10]}], texts=[{"text": "物流很快"}])
    happy = world.heard(connection["hook_url"], client.canonical(calm, connection["secret"]))
    wait_for(lambda: world.feedback(happy), "the happy voice")

    def ids(**query: str) -> list[str]:
        return [one["id"] for one in world.api.pages("/v1/feedback", {"since": SINCE, **query})]

    assert ids() == [happy, *reversed(unhappy)], "newest first"
    assert set(ids(unit="SH")) == {*unhappy[:2], happy}
    assert set(ids(state="ticketed")) == set(unhappy)
    topics = {tag["topic"] for tag in world.feedback(unhappy[0])["tags"]}
    assert topics
    assert set(unhappy) <= set(ids(topic=min(topics)))
    assert ids(until=SINCE) == []
    assert ids(since="2099-01-01") == []

    pages, cursor = [], None
    while True:
        query = {"since": SINCE, "limit": 1, **({"cursor": cursor} if cursor else {})}
        page = world.api.call("GET", "/v1/feedback", query=query).json
        assert len(page["items"]) <= 1
        pages += [one["id"] for one in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert pages == ids()

    found = world.api.call("GET", "/v1/needs").json
    assert (found["voices"], found["scored"], found["channels"]) == (4, 4, {"survey": 4})
    assert topics <= {need["topic"] for need in found["topics"]}
    assert {need["verdict"] for need in found["topics"]} == {"undecided"}
    assert world.api.call("GET", "/v1/needs", query={"unit": "BJ"}).json["voices"] == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"limit": "0"}, (422, "invalid_query", "The number is too small.")),
        ({"limit": "101"}, (422, "invalid_query", "The number is too large.")),
        ({"limit": "ten"}, (422, "invalid_query", "A whole number is needed.")),
        ({"state": "happy"}, (422, "invalid_query", "The value is not one of those allowed.")),
        ({"limit": "1000"}, (422, "invalid_query", "The number is too large.")),
        ({"colour": "red"}, (422, "invalid_query", "There is a field that is not known here. " + FEEDBACK_FIELDS)),
        ({"since": "yesterday"}, (422, "invalid_query", "An RFC 3339 time with a zone, or a date, is needed.")),
        ({"since": "2026-02-01", "until": "2026-01-01"}, (422, "invalid_query", "since is after until.")),
        ({"cursor": "made-up"}, (422, "invalid_cursor", "The cursor was not given out for this list.")),
    ],
)
def test_a_list_that_cannot_be(world: World, query: dict[str, str], expected: Any) -> None:
    assert no(world.api.call("GET", "/v1/feedback", query=query)) == expected


def test_tickets_are_narrowed_by_severity_unit_and_time(world: World) -> None:
    heard = hear(world, world.connect("canonical"), unit="SH/7")
    (case,) = world.tickets()

    def listed(**query: str) -> list[str]:
        return [one["id"] for one in world.api.call("GET", "/v1/tickets", query=query).json["items"]]

    assert heard["ticket"] == case["id"]
    assert listed(unit="SH", since=SINCE, severity=case["severity"]) == [case["id"]]
    for other in ({"unit": "S"}, {"until": SINCE}, {"severity": "low" if case["severity"] != "low" else "high"}):
        assert listed(**other) == [], other
    wrong = world.api.call("GET", "/v1/tickets", query={"since": "2026-02-01", "until": "2026-01-01"})
    assert no(wrong) == (422, "invalid_query", "since is after until.")


def test_only_what_is_parked_is_parsed_again(world: World) -> None:
    feedback = hear(world, world.connect("canonical"))
    path = f"/v1/feedback/{feedback['id']}/reparse"
    assert no(world.api.call("POST", path, {})) == (409, "not_parked", "This feedback is not parked.")
    assert no(world.api.call("POST", "/v1/feedback/fb_never/reparse", {})) == NOWHERE
    assert no(world.api.call("GET", "/v1/feedback/fb_never")) == NOWHERE


# --- tickets --------------------------------------------------------------------------------------------------------


def test_a_ticket_goes_its_way_and_its_history_tells_it(world: World, ticket: Any) -> None:
    path = f"/v1/tickets/{ticket['id']}"
    assert (ticket["state"], ticket["version"]) == ("open", 1)

    def move(to: str, version: int, **more: str) -> Answer:
        return world.api.call("POST", f"{path}/transitions", {"to": to, "version": version, **more})

    skipped = move("verifying", 1)
    assert (skipped.status, skipped.json["code"]) == (409, "illegal_move")
    assert sorted(skipped.json["allowed"]) == ["accepted", "merged", "rejected"]
    unknown = move("lost", 1)
    assert (unknown.status, unknown.json["code"]) == (422, "unknown_state")
    accepted = move("accepted", 1, reason="mine").json
    assert (accepted["state"], accepted["version"]) == ("accepted", 2)
    late = move("in_progress", 1)
    assert no(late) == (409, "version_conflict", "The ticket is at another version by now.")
    assert move("in_progress", 2).status == 200
    unsaid = move("resolved", 3)
    assert (unsaid.status, unsaid.json["code"]) == (422, "resolution_incomplete")
    resolved = move("resolved", 3, root_cause="packaging", action="sent again").json
    assert (resolved["root_cause"], resolved["action"]) == ("packaging", "sent again")
    assert move("verifying", 4).status == 200

    history = world.api.call("GET", path).json["history"]
    assert [step["to"] for step in history] == ["open", "accepted", "in_progress", "resolved", "verifying"]
    assert [step["version"] for step in history] == [1, 2, 3, 4, 5]
    assert history[1]["reason"] == "mine"
    assert no(world.api.call("GET", "/v1/tickets/tk_never")) == NOWHERE


def test_tickets_are_listed_by_state_and_department(world: World, ticket: Any) -> None:
    def ids(**query: str) -> list[str]:
        return [one["id"] for one in world.api.pages("/v1/tickets", query)]

    assert ids() == ids(state="open") == [ticket["id"]]
    assert ids(state="closed") == ids(department="nobody") == ids(owner="nobody") == []
    answer = world.api.call("GET", "/v1/tickets", query={"state": "lost"})
    assert no(answer) == (422, "invalid_query", "The value is not one of those allowed.")


def test_a_contact_is_shown_to_whom_it_concerns_and_the_look_is_kept(world: World, ticket: Any) -> None:
    path = f"/v1/tickets/{ticket['id']}/contact"
    unsaid = world.api.call("POST", path, {})
    assert (no(unsaid), unsaid.json["pointer"]) == (
        (422, "schema_violation", "A required field is missing."),
        "/reason",
    )
    _, region = key_of(world, "region", "SH")
    stranger = region.call("POST", path, {"reason": "curious"})
    assert no(stranger) == (403, "forbidden", "Only the ticket's owner or an admin may see this.")
    _, analyst = key_of(world, "analyst")
    assert no(analyst.call("POST", path, {"reason": "curious"}))[:2] == (403, "forbidden")
    assert _looks(world) == []

    shown = world.api.call("POST", path, {"reason": "to call back"}).json

    assert shown == {"ticket": ticket["id"], "customer": {"name": "王小明", "phone": "13812345678"}}
    assert len(_looks(world)) == 1
    anonymous = hear(world, world.connect("canonical"), customer=None)
    answer = world.api.call("POST", f"/v1/tickets/{anonymous['ticket']}/contact", {"reason": "to call back"})
    assert no(answer) == (404, "no_contact", "No contact data is kept for this ticket.")


def _looks(world: World) -> list[Any]:
    """The audit rows of a workspace, straight from the table: there is no route that shows them yet."""
    found: list[Any] = world.stack.clients("dynamodb").query(
        TableName=world.stack.facts["table"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"AU#{world.workspace}"}},
    )["Items"]
    return found


# --- deliveries and replays -----------------------------------------------------------------------------------------


def test_a_delivery_is_listed_shown_with_its_attempts_and_sent_again(world: World, oa: Oa) -> None:
    endpoint = world.endpoint(oa)
    feedback = hear(world, world.connect("canonical"))
    wait_for(lambda: oa.of("ticket.opened"), "ticket.opened")

    def listed(**query: str) -> list[Any]:
        return world.api.pages("/v1/deliveries", query)

    wait_for(lambda: listed(state="delivered"), "the delivery's end")
    (one,) = listed(ticket=feedback["ticket"])
    assert [one] == listed(endpoint=endpoint["id"])
    assert listed(state="failed") == listed(ticket="tk_other") == []
    shown = world.api.call("GET", f"/v1/deliveries/{one['id']}").json
    assert [(attempt["number"], attempt["status"], attempt["code"]) for attempt in shown["attempts"]] == [
        (1, 200, "delivered")
    ]

    assert world.api.call("POST", f"/v1/deliveries/{one['id']}/replay", {}).json["status"] == "queued"

    wait_for(lambda: oa.repeats[one["id"]] == 1, "the same webhook-id again")
    assert len(oa.of("ticket.opened")) == 1
    gone = world.api.call("POST", "/v1/deliveries/dl-a-b-1/replay", {})
    assert no(gone) == (404, "not_found", "There is no such delivery.")
    assert no(world.api.call("GET", "/v1/deliveries/dl-a-b-1")) == NOWHERE


def test_a_time_range_is_replayed(world: World, oa: Oa) -> None:
    world.endpoint(oa)
    hear(world, world.connect("canonical"))
    wait_for(lambda: oa.of("ticket.opened"), "ticket.opened")
    wait_for(lambda: world.api.pages("/v1/deliveries", {"state": "delivered"}), "the delivery's end")
    yesterday, tomorrow = (time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86_400)) for days in (-1, 1))
    body = {"since": yesterday, "until": tomorrow}

    assert world.api.call("POST", "/v1/replay", {**body, "what": "events"}).json["sent"] == 1
    assert world.api.call("POST", "/v1/replay", {**body, "what": "parked"}).json == {"sent": 0, "cursor": None}
    assert world.api.call("POST", "/v1/replay", {**body, "what": "deliveries"}).json == {"sent": 1, "cursor": None}

    wait_for(lambda: sum(oa.repeats.values()) >= 1, "the repeated delivery")
    assert len(oa.of("ticket.opened")) == 1
    assert len(world.tickets()) == 1
    wrong = world.api.call("POST", "/v1/replay", {**body, "what": "everything"})
    assert no(wrong) == (422, "schema_violation", "The value is not one of those allowed.")
    backwards = world.api.call("POST", "/v1/replay", {"since": tomorrow, "until": yesterday, "what": "events"})
    assert no(backwards) == (422, "schema_violation", "since is after until.")


# --- how a body is read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "raw", "expected"),
    [
        ({"content-type": "text/plain"}, b"{}", (415, "unsupported_media_type", "The body must be application/json.")),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            b"{}",
            (415, "unsupported_media_type", "Compressed bodies are not taken."),
        ),
        ({"content-type": "application/json"}, b"[]", (422, "schema_violation", "The body must be a JSON object.")),
    ],
)
def test_a_body_that_is_not_taken(world: World, headers: dict[str, str], raw: bytes, expected: Any) -> None:
    url = f"{world.stack.api_url}/v1/connections"
    answer = client.send("POST", url, raw, {**headers, "authorization": f"Bearer {world.api.key}"})
    assert no(answer) == expected


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/nothing"), ("DELETE", "/v1/tickets"), ("GET", "/v1/tickets/a%2Fb")]
)
@pytest.mark.parametrize("keyed", [False, True])
def test_what_the_gateway_answers_itself_is_a_problem_document_too(
    world: World, method: str, path: str, keyed: bool
) -> None:
    headers = {"authorization": f"Bearer {world.api.key}"} if keyed else {}
    answer = client.send(method, f"{world.stack.api_url}{path}", headers=headers)
    assert no(answer) == (404, "gateway", "There is no such path, or not with this method.")
    fields = {name.lower(): value for name, value in answer.headers.items()}
    assert fields["content-type"] == "application/problem+json"
    assert set(answer.json) == {"type", "title", "status", "code", "detail"}


def test_a_head_of_what_takes_none_has_no_answer_of_another_kind(stack: Any) -> None:
    answer = client.send("HEAD", f"{stack.api_url}/v/nothing")
    assert (answer.status, answer.json) == (404, None)
