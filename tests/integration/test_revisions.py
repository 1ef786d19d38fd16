"""What a customer says after their case was put away, over HTTP: worse words take it up again."""

from __future__ import annotations

from typing import Any

import pytest

from infra import client
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

WORSE = [{"text": "孩子被玻璃划伤了，送医院", "speaker": "customer"}]


def test_worse_words_take_up_a_case_that_was_put_away_and_the_one_that_has_a_duplicate(world: World, oa: Oa) -> None:
    world.endpoint(oa)
    connection = world.connect("canonical")
    customer = {"id": "CUST-worse"}

    def say(body: dict[str, Any]) -> str:
        return world.heard(connection["hook_url"], client.canonical(body, connection["secret"]))

    def do(ticket: str, what: str, **body: Any) -> Any:
        answer = world.api.call("POST", f"/v1/tickets/{ticket}/{what}", {"version": shown(ticket)["version"], **body})
        assert answer.status == 200, answer.json
        return answer.json

    def shown(ticket: str) -> Any:
        return world.api.call("GET", f"/v1/tickets/{ticket}").json

    said = [voice(customer=customer, texts=[]) for _ in range(3)]
    rejected, main, merged = (world.settled(one, "ticketed")["ticket"] for one in [say(one) for one in said])
    bare = world.api.call("POST", f"/v1/tickets/{rejected}/transitions", {"to": "rejected", "version": 1})
    assert (bare.status, bare.json["code"]) == (422, "no_reason")
    do(rejected, "transitions", to="rejected", reason="no comment given")
    do(merged, "duplicate", of=main, reason="told twice")
    do(main, "transitions", to="rejected", reason="no comment given")

    for one in (said[0], said[2]):
        for _ in range(2):
            say({**one, "type": "feedback.updated", "texts": WORSE})

    for ticket in (rejected, main):
        again = wait_for(lambda ticket=ticket: (one := shown(ticket))["state"] == "reopened" and one, "it taken up")
        assert (again["severity"], again["history"][-1]["actor"]) == ("critical", "customer")
        clock = again["clocks"]["resolution"]
        assert (clock["due_at"] is None, clock["met_at"]) == (False, None)
    wait_for(lambda: len(oa.of("ticket.reopened")) == 2, "both told")
    assert wait_for(lambda: shown(merged)["severity"] == "critical", "the duplicate brought up")
    assert shown(merged)["state"] == "merged"
    assert [line["to"] for line in shown(rejected)["history"]].count("reopened") == 1

    due = shown(main)["due_at"]
    do(merged, "duplicate/undo", reason="another customer")
    alone, other = shown(main), shown(merged)
    assert (alone["severity"], alone["state"], alone["due_at"] > due) == ("medium", "reopened", True)
    assert (other["severity"], other["state"], alone["links"]) == ("critical", "open", [])
