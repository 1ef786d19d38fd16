"""Working on a case, over HTTP on the engine: what only the real table can say of hands, notes, links and lists."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest

from chalicelib.storage.table import Row, bind
from infra import client
from tests.builders import feedback as built
from tests.fakes.oa import Oa
from tests.integration.world import World, new_world, voice, wait_for

pytestmark = pytest.mark.engine

CANARY: Final = "CANARY-note"


def tickets_of(world: World, connection: Any, units: tuple[str, ...]) -> list[str]:
    """The tickets of one new voice of the same customer in each unit, all about the parcel."""
    voices = [voice(unit=unit, texts=[{"text": "包裹破损", "speaker": "customer"}]) for unit in units]
    heard = [world.heard(connection["hook_url"], client.canonical(one, connection["secret"])) for one in voices]
    return [world.settled(one, "ticketed")["ticket"] for one in heard]


def test_two_cases_of_a_customer_are_worked_on(world: World, oa: Oa) -> None:
    world.endpoint(oa)
    connection = world.connect("canonical")
    first, second = tickets_of(world, connection, ("SH/001", "SH/002"))
    path = f"/v1/tickets/{first}"

    def do(what: str, **body: Any) -> Any:
        answer = world.api.call("POST", f"{path}/{what}", body)
        assert answer.status in (200, 201), answer.json
        return answer.json

    do("claim", version=1, owner="李四")
    do("notes", text=f"{CANARY} 13987254361", attachments=["https://files.example.com/1"])
    do("links", ticket=second, kind="duplicate")
    do("reassign", version=2, department="care", reason="not ours")
    do("claim", version=3)
    for version, state in ((4, "resolved"), (5, "verifying"), (6, "closed")):
        do("transitions", to=state, version=version, root_cause="thin carton", action="sent another")
    verdict = do("audit", verdict="passed")

    told, other = (world.api.call("GET", f"/v1/tickets/{one}").json for one in (first, second))
    assert [line["version"] for line in told["history"]] == list(range(1, 8))
    assert told["history"][2]["handed"]["to"] == {"owner": None, "departments": ["care"]}
    assert (told["bounces"], told["departments"], list(told["queues"])[-1]) == (1, ["care"], "care")
    assert [(link["ticket"], link["kind"]) for link in other["links"]] == [(first, "has_duplicate")]
    assert [case["id"] for case in told["customer"]["open"]] == [second]
    assert (other["customer"]["open"], other["customer"]["heard"], other["state"]) == ([], 2, "open")

    month = told["closed_at"][:7]
    audit = wait_for(
        lambda: next(iter(world.api.call("GET", "/v1/audit", query={"month": month}).json["items"]), None), "the sample"
    )
    assert (audit["id"], audit["audit"]) == (first, verdict)
    do("notes", text="again")
    one = world.api.call("GET", f"{path}/notes", query={"limit": "1"}).json
    rest = world.api.call("GET", f"{path}/notes", query={"limit": "1", "cursor": one["cursor"]}).json
    assert [note["text"] for note in one["items"] + rest["items"]] == [f"{CANARY} 〔手机号〕", "again"]
    assert rest["cursor"] is None
    undone = world.api.call("DELETE", f"/v1/tickets/{second}/links/{first}")
    assert (undone.status, world.api.call("GET", path).json["links"]) == (200, [])
    wait_for(lambda: [event for event in oa.events if event["type"] == "ticket.closed"], "the OA heard of the closing")
    assert all(CANARY.encode() not in request["body"] for request in oa.requests)


def test_what_lay_for_a_day_is_listed_until_it_is_closed(world: World, stack: Any) -> None:
    from chalicelib.domain.voice.feedback import Decision
    from chalicelib.storage.voice.feedback import FeedbackStore

    now = datetime.now(timezone.utc)
    store = FeedbackStore(keep_days=90, clock=lambda: now)
    before, shared = Row.Meta.table_name, Row.shared_client
    bind(stack.facts["table"], stack.clients("dynamodb"))
    try:
        for name, age in (("fb_old", 25), ("fb_told", 26), ("fb_new", 23)):
            at = now - timedelta(hours=age)
            quiet = {"decision": Decision(), "awaiting": frozenset(), "awaiting_since": None, "unit": "SH/001"}
            store.create(built(workspace=world.workspace, id=name, received_at=at, occurred_at=at, **quiet))
    finally:
        Row.Meta.table_name, Row.shared_client = before, shared

    def listed() -> list[str]:
        return [one["id"] for one in world.api.call("GET", "/v1/unattended").json["items"]]

    wait_for(lambda: sorted(listed()) == ["fb_old", "fb_told"], "the voices of yesterday")
    answered = world.api.call("POST", "/v1/feedback/fb_told/answer", {"reason": "called back"}).json
    assert (answered["state"], answered["closing"]["reason"]) == ("answered", "called back")
    foreign = new_world(stack).api.call("POST", "/v1/feedback/fb_old/close", {"reason": "theirs"})
    closed = world.api.call("POST", "/v1/feedback/fb_old/close", {"reason": "praise"})
    again = world.api.call("POST", "/v1/feedback/fb_old/close", {"reason": "praise"})
    assert (foreign.status, closed.status, again.status) == (404, 200, 409)
    assert (closed.json["state"], closed.json["closing"]["reason"]) == ("closed", "praise")
    wait_for(lambda: listed() == [], "the list without it")
