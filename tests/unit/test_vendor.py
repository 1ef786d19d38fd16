"""A vendor's API as a connection may use it: what leaves, what an answer means, how long a turn is waited for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.domain.outbound.exchange import EgressError, HttpResponse
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.workspaces.directory import Connection, VendorSecret
from chalicelib.errors import Gone, Parked, Retryable
from chalicelib.services.inbound.vendor import PATIENCE, VendorApis, VendorClient
from chalicelib.sources.jinshuju import Jinshuju
from tests.fakes.fetches import FakeDoor, FakeVendorSecrets, FakeWindows

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
CREDENTIALS = {"api_key": "CANARY-key", "api_secret": "CANARY-secret"}


@dataclass
class Side:
    """Our side of the API; time passes only where somebody waits."""

    door: FakeDoor
    windows: FakeWindows = field(default_factory=FakeWindows)
    secrets: FakeVendorSecrets = field(default_factory=FakeVendorSecrets)
    now: datetime = NOW
    waits: list[float] = field(default_factory=list)

    def seconds(self) -> float:
        return self.now.timestamp()

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)

    def client(self, *, waited: bool = False, **settings: Any) -> VendorClient:
        self.secrets.records.setdefault("cn_1", VendorSecret("acme", "cn_1", "jinshuju", CREDENTIALS))
        apis = VendorApis(
            door=self.door,
            windows=self.windows,
            secrets=self.secrets,
            clock=lambda: self.now,
            pause=self.pause,
            monotonic=self.seconds,
        )
        return apis(Connection("acme", "cn_1", "shop", "jinshuju", settings=settings), Jinshuju(), waited=waited)


def side(*answers: HttpResponse | Exception) -> Side:
    return Side(FakeDoor(list(answers) or [HttpResponse(200, body=b"{}")]))


def test_a_call_is_authorised_and_asks_for_json() -> None:
    ours = side(HttpResponse(200, body='{"name": "门店"}'.encode()))

    assert ours.client().get("/api/v1/forms/A", {"next": "5 1"}) == {"name": "门店"}

    ((method, url, headers, body),) = ours.door.calls
    assert (method, url, body) == ("GET", "https://jinshuju.net/api/v1/forms/A?next=5+1", b"")
    assert headers == {"Accept": "application/json", "Authorization": "Basic Q0FOQVJZLWtleTpDQU5BUlktc2VjcmV0"}


def test_a_body_is_sent_as_compact_json() -> None:
    ours = side()
    ours.client().post("/x", {"a": "门"})
    ((method, _, headers, body),) = ours.door.calls
    assert (method, headers["Content-Type"], body) == ("POST", "application/json", '{"a":"门"}'.encode())


@pytest.mark.parametrize("host", ["survey.example.com", "https://survey.example.com/"])
def test_a_connection_may_name_another_host(host: str) -> None:
    ours = side()
    ours.client(api_host=host).get("/x")
    assert ours.door.calls[0][1] == "https://survey.example.com/x"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "vendor_refused"),
        (422, "vendor_refused"),
        (401, "vendor_refused_credentials"),
        (403, "vendor_refused_credentials"),
        (302, "vendor_refused"),
    ],
)
def test_a_refusal_is_final_and_has_a_stable_code(status: int, code: str) -> None:
    with pytest.raises(Parked) as caught:
        side(HttpResponse(status, body=b"CANARY")).client().get("/x")
    assert (type(caught.value), caught.value.code, "CANARY" in str(caught.value)) == (Parked, code, False)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_gone(status: int) -> None:
    with pytest.raises(Gone) as caught:
        side(HttpResponse(status)).client().get("/x")
    assert caught.value.code == "vendor_gone"


@pytest.mark.parametrize(
    ("status", "code"), [(429, "vendor_limit"), (408, "vendor_limit"), (500, "vendor_unavailable")]
)
def test_a_limit_and_a_fault_are_tried_again_after_what_the_vendor_asks_for(status: int, code: str) -> None:
    with pytest.raises(Retryable) as caught:
        side(HttpResponse(status, {"retry-after": "77"})).client().get("/x")
    assert (caught.value.code, caught.value.after) == (code, 77.0)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": NaN}', b'{"a": 1e999}', b"[" * 100_000])
def test_an_answer_that_is_no_json_is_tried_again(body: bytes) -> None:
    with pytest.raises(Retryable) as caught:
        side(HttpResponse(200, body=body)).client().get("/x")
    assert caught.value.code == "vendor_unreadable"


def test_an_answer_that_is_too_large_is_final() -> None:
    with pytest.raises(Parked) as caught:
        side(HttpResponse(200, body=b"{}", truncated=True)).client().get("/x")
    assert caught.value.code == "vendor_answer_too_large"


def test_no_answer_is_tried_again_but_an_address_that_is_not_allowed() -> None:
    with pytest.raises(EgressError):
        side(EgressError("x", code="timeout", sent=True)).client().get("/x")
    with pytest.raises(Parked) as caught:
        side(EgressError("x", code="url_not_allowed", sent=False)).client().get("/x")
    assert caught.value.code == "url_not_allowed"


@pytest.mark.parametrize("path", ["/api/v1/forms/../me", "/api/./x", "/api/..", "@evil.example/x", ".evil.example/x"])
def test_an_id_cannot_lead_to_another_place(path: str) -> None:
    ours = side()
    with pytest.raises(Parked) as caught:
        ours.client().get(path)
    assert (caught.value.code, ours.door.calls) == ("vendor_bad_id", [])


def test_without_credentials_nothing_is_called() -> None:
    ours = side()
    ours.secrets.records["cn_1"] = VendorSecret("acme", "cn_1", "jinshuju", {"api_key": "k"})
    with pytest.raises(Parked) as caught:
        ours.client()
    assert (caught.value.code, ours.door.calls) == ("credentials_missing", [])


def test_a_turn_is_waited_for_and_the_limit_holds() -> None:
    ours = side()
    (limit,) = Jinshuju.api_limits
    client = ours.client()
    sent = []
    for _ in range(3 * limit.count):
        client.get("/x")
        sent.append(ours.now.timestamp())
    assert ours.waits
    for first, last in zip(sent, sent[limit.count :], strict=False):
        assert last - first > limit.seconds


def test_two_connections_with_one_key_share_the_limit() -> None:
    ours = side()
    ours.client().get("/x")
    ours.client(api_host="https://jinshuju.net").get("/x")
    assert len(ours.windows.logs) == 1
    ours.client(api_host="other.example.com").get("/x")
    assert len(ours.windows.logs) == 2


def test_a_long_wait_is_left_to_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jinshuju, "api_limits", (Limit(1, PATIENCE + 5, guard=0.0),))
    ours = side()
    client = ours.client()
    client.get("/x")
    with pytest.raises(Retryable) as caught:
        client.get("/x")
    assert (caught.value.code, ours.waits) == ("vendor_limit", [])
    assert caught.value.after is not None
    assert caught.value.after > PATIENCE


def test_all_who_were_sent_away_have_their_turn_once_they_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were each sent behind the others anew, nobody would be let in before the last one gave up."""
    monkeypatch.setattr(Jinshuju, "api_limits", (Limit(5, 60.0, guard=0.0),))
    ours = side()
    come = [(0.0, n, False) for n in range(200)]  # seconds, who, whether it was told to come
    while come:
        come.sort()
        at, who, waited = come.pop(0)
        ours.now = max(ours.now, NOW + timedelta(seconds=at))
        client = ours.client(waited=waited)
        try:
            client.get("/x")
        except Retryable as error:
            come.append((ours.now.timestamp() - NOW.timestamp() + (error.after or 0.0), who, True))
        assert ours.now < NOW + timedelta(hours=2), "200 calls at 5 a minute are 40 minutes"
    assert len(ours.door.calls) == 200


def test_what_a_message_asks_further_is_part_of_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jinshuju, "api_limits", (Limit(3, 60.0, guard=0.0),))
    ours = side()
    client = ours.client(waited=True)
    client.get("/x")
    (name,) = ours.windows.logs
    ours.windows.logs[name] = replace(ours.windows.logs[name], promised=NOW.timestamp() + 900)
    client.get("/x")
    with pytest.raises(Retryable, match="using up"):
        ours.client().get("/x")


def test_who_shares_a_key_asks_no_sooner_than_the_vendor_wants() -> None:
    ours = side(HttpResponse(429, {"retry-after": "300"}), HttpResponse(200, body=b"{}"))
    with pytest.raises(Retryable):
        ours.client().get("/x")
    with pytest.raises(Retryable) as caught:
        ours.client().get("/x")
    assert (caught.value.code, len(ours.door.calls)) == ("vendor_limit", 1)
    assert (caught.value.after or 0) >= 300
    ours.now += timedelta(seconds=301)
    assert ours.client(waited=True).get("/x") == {}


def test_no_repr_shows_a_credential() -> None:
    client = side().client(api_host="https://x.example.com/CANARY-path")
    assert "CANARY" not in repr(client)
    assert "Basic" not in repr(client)
