"""Every entry of the SSRF corpus, at save and at delivery. A refused delivery opens no socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from chalicelib.connectors.registry import CONNECTORS, load
from chalicelib.domain.outbound.egress_policy import ALLOWED_VERDICTS, MAX_URL, PUBLIC_PORTS, RESERVED_SUFFIXES, Policy
from chalicelib.domain.outbound.exchange import DELIVERED, EgressError
from chalicelib.egress import Door
from chalicelib.errors import Invalid
from tests.fakes.servers import Server, answering, serving, trusting

CORPUS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "fixtures/corpora/ssrf_urls.json").read_bytes())
URLS: list[dict[str, Any]] = CORPUS["urls"]
PUBLIC = ["93.184.215.14"]


class Resolver:
    """Answers ``dns[n]`` on the n-th lookup; the last one stays."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self._answers = list(answers) or [PUBLIC]
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int, _left: float) -> Sequence[str]:
        self.asked.append(host)
        return self._answers[min(len(self.asked), len(self._answers)) - 1]


class Spy:
    """Counts connections, and lets them through to ``connect`` when there is one."""

    def __init__(self, connect: Callable[[str, int, float], socket.socket] | None = None) -> None:
        self.addresses: list[str] = []
        self._connect = connect

    def __call__(self, address: str, port: int, left: float) -> socket.socket:
        self.addresses.append(address)
        assert self._connect is not None, "a socket was opened"
        return self._connect(address, port, left)


def policy_of(entry: dict[str, Any]) -> Policy:
    rules = {**CORPUS["policy"], **entry.get("policy_overrides", {})}
    return Policy(rules["egress_allow_cidrs"], self_hosts=rules["self_hosts"])


def having(verdict: str, stage: str | None = None) -> list[Any]:
    found = [one for one in URLS if one["verdict"] == verdict and stage in (None, one["stage"])]
    assert found
    return [pytest.param(one, id=one["id"]) for one in found]


@pytest.fixture(scope="module")
def certificate() -> Any:
    names = {Policy(["10.20.0.0/16"]).check_url(one["url"]).host for one in URLS if one["stage"] == "delivery"}
    return serving(sorted(names))


def test_the_policy_of_the_corpus_is_ours() -> None:
    rules = CORPUS["policy"]
    assert (tuple(rules["ports"]), rules["max_url_length"]) == (PUBLIC_PORTS, MAX_URL)
    assert tuple(rules["reserved_suffixes"]) == RESERVED_SUFFIXES


@pytest.mark.parametrize("entry", having("deny", "config"))
def test_refused_when_saved(entry: dict[str, Any]) -> None:
    spy = Spy()
    door = Door(policy_of(entry), resolve=Resolver(entry.get("dns", [])), connect=spy)

    with pytest.raises(Invalid, match="The URL is not allowed") as refusal:
        door.check(entry["url"])

    assert refusal.value.code == "url_not_allowed"
    assert refusal.value.message == f"The URL is not allowed: {entry['reason']}."
    assert spy.addresses == []


@pytest.mark.parametrize("entry", having("deny", "config"))
def test_refused_when_delivered_without_a_socket(entry: dict[str, Any]) -> None:
    spy = Spy()
    door = Door(policy_of(entry), resolve=Resolver(entry.get("dns", [])), connect=spy)

    with pytest.raises(EgressError) as refusal:
        door.send("POST", entry["url"], {}, b"{}")

    # A name without an address is our trouble or the name server's: tried again, and no reason to disable.
    assert refusal.value.code == ("dns" if entry["reason"] == "no_address" else "url_not_allowed")
    assert not refusal.value.sent
    assert spy.addresses == []


@pytest.mark.parametrize("entry", [one for one in having("deny", "delivery") if "redirect" not in one.values[0]])
def test_what_was_public_when_saved_is_vetted_again_when_delivered(entry: dict[str, Any]) -> None:
    spy = Spy()
    door = Door(policy_of(entry), resolve=Resolver(entry["dns"]), connect=spy)
    door.check(entry["url"])

    with pytest.raises(EgressError) as refusal:
        door.send("POST", entry["url"], {}, b"{}")

    assert (refusal.value.code, refusal.value.sent) == ("url_not_allowed", False)
    assert spy.addresses == []


@pytest.mark.parametrize("entry", [one for one in having("deny", "delivery") if "redirect" in one.values[0]])
def test_a_redirect_is_an_answer_and_a_failure(entry: dict[str, Any], certificate: Any) -> None:
    redirect = entry["redirect"]
    behaviour = answering(f"{redirect['status']} Moved", headers=[f"Location: {redirect['location']}"])
    resolver = Resolver(entry["dns"])
    with Server(behaviour, certificate) as server:
        spy = Spy(server.connect)
        door = Door(policy_of(entry), resolve=resolver, connect=spy, context=trusting())
        door.check(entry["url"])
        response = door.send("POST", entry["url"], {}, b"{}")

    assert response.status == redirect["status"]
    assert len(spy.addresses) == len(server.heard.requests) == 1
    for name in CONNECTORS:
        assert load(name).outcome(response).code == "redirect_not_followed"
        assert load(name).outcome(response).verdict != DELIVERED


@pytest.mark.parametrize("entry", having("allow"))
def test_allowed_and_sent_to_the_vetted_address_under_its_name(entry: dict[str, Any], certificate: Any) -> None:
    resolver = Resolver(entry["dns"])
    with Server(answering(), certificate) as server:
        spy = Spy(server.connect)
        door = Door(policy_of(entry), resolve=resolver, connect=spy, context=trusting())
        target = door.check(entry["url"])
        response = door.send("POST", entry["url"], {}, b"{}")

    assert response.status == 200
    assert len(resolver.asked) == 2, "one lookup when saved, one when delivered"
    assert spy.addresses == [entry["dns"][-1][0]]
    assert server.heard.names == [target.host]
    head = server.heard.requests[0].decode().split("\r\n")
    assert head[0] == f"POST {target.path} HTTP/1.1"
    assert f"Host: {target.host}" in head


@pytest.mark.parametrize("entry", [pytest.param(one, id=one["ip"]) for one in CORPUS["ip_verdicts"]])
def test_every_address_gets_its_verdict(entry: dict[str, str]) -> None:
    verdict = Policy().verdict(entry["ip"])

    assert verdict == entry["reason"]
    assert (verdict in ALLOWED_VERDICTS) == (entry["verdict"] == "allow")
