"""A card's button on the engine: its link opens the page with the customer's words, and a code works on the ticket."""

from __future__ import annotations

from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from infra import client
from tests.fakes.oa import Oa
from tests.integration.world import World, voice, wait_for

pytestmark = pytest.mark.engine

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_the_link_that_was_sent_opens_the_ticket_and_a_person_takes_it(world: World, oa: Oa) -> None:
    world.endpoint(oa)
    connection = world.connect("canonical")
    heard = world.heard(connection["hook_url"], client.canonical(voice(), connection["secret"]))
    ticket = world.settled(heard, "ticketed")["ticket"]
    sent = wait_for(lambda: [one for one in oa.events if one["type"] == "ticket.opened"], "the OA heard of the ticket")
    url = sent[0]["data"]["ticket"]["url"]

    with urlopen(url + "?lang=en", timeout=30) as answer:  # noqa: S310 - our own, on loopback
        page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    broken = client.send("GET", url[:-1] + ("a" if url[-1] != "a" else "b"))
    made = world.api.call("POST", f"/v1/tickets/{ticket}/codes", {"person": "u_li"}).json
    near = made["code"][:-1] + ("2" if made["code"][-1] != "2" else "3")
    *wrong, right = (
        client.send("POST", url, urlencode({"do": "accept", "version": "1", "code": code}).encode(), FORM)
        for code in ("WRONG", *[near] * 6, made["code"])
    )

    assert (broken.status, {one.status for one in wrong}) == (404, {403})
    assert "<mark>" in page
    assert "包裹破损，客服没有回应" in page.replace("<mark>", "").replace("</mark>", "")
    assert "default-src 'none'" in policy
    assert right.status == 200, "no wrong code has locked it, and they are sent back to the page"
    told = world.api.call("GET", f"/v1/tickets/{ticket}").json
    assert (told["state"], told["owner"], told["history"][-1]["actor"]) == ("accepted", "u_li", "u_li")
    assert client.send("GET", made["url"]).status == 200
