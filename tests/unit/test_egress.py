"""The HTTP door against receivers that misbehave. Deadlines are short; no assertion looks at a clock."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chalicelib import egress
from chalicelib.domain.outbound.egress_policy import Policy
from chalicelib.domain.outbound.exchange import EgressError, HttpResponse
from chalicelib.egress import BODY_CAP, Door, system_resolve, tls_context
from chalicelib.errors import Invalid
from tests.fakes import servers
from tests.fakes.servers import Behaviour, Server, answering, dripping, flooding, raw, resetting, serving, trusting

OPEN = Policy(["127.0.0.0/8"], loopback_allowed=True)
SHORT = 0.3  # seconds, for receivers that do not come to an end
OK = b"HTTP/1.1 200 OK\r\n"
CANARY = "CANARY-TOKEN"


def call(behaviour: Behaviour, *, deadline: float = 5.0, headers: dict[str, str] | None = None) -> HttpResponse:
    with Server(behaviour) as server:
        door = Door(OPEN, deadline=deadline)
        return door.send("POST", f"http://127.0.0.1:{server.port}/hook?key={CANARY}", headers or {}, b'{"a":1}')


def failure(behaviour: Behaviour, *, deadline: float = 5.0) -> EgressError:
    with pytest.raises(EgressError) as raised:
        call(behaviour, deadline=deadline)
    return raised.value


def test_an_answer_is_read_whole() -> None:
    response = call(answering("200 OK", b'{"errcode":0}', ["X-Request-Id: 7"]))
    assert (response.status, response.body, response.truncated) == (200, b'{"errcode":0}', False)
    assert response.headers["x-request-id"] == "7"


def test_any_status_is_an_answer() -> None:
    assert call(answering("410 Gone")).status == 410
    assert call(answering("503 Busy", headers=["Retry-After: 7"])).headers["retry-after"] == "7"


def test_what_is_sent() -> None:
    with Server(answering()) as server:
        Door(OPEN).send("POST", f"http://127.0.0.1:{server.port}/h?k=1", {"X-Key": "v"}, b"hello")
    head, _, body = server.heard.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /h?k=1 HTTP/1.1"
    assert {"Content-Length: 5", "X-Key: v", "Accept-Encoding: identity", "User-Agent: Echoloop/1"} <= set(lines)
    assert body == b"hello"


def test_a_header_field_is_sent_once_however_it_is_spelled() -> None:
    """An endpoint's own header field gives way to the connector's, in lower case as well."""
    with Server(answering()) as server:
        headers = {"authorization": "theirs", "X-Key": "v", "Authorization": "ours", "user-agent": "mine"}
        Door(OPEN).send("GET", f"http://127.0.0.1:{server.port}/h", headers, b"")
    lines = server.heard.requests[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
    named = [line for line in lines if line.lower().startswith(("authorization:", "user-agent:", "x-key:"))]
    assert sorted(named) == ["Authorization: ours", "X-Key: v", "user-agent: mine"]


def test_ou_011_a_body_without_end_is_read_up_to_the_cap() -> None:
    response = call(servers.huge(1 << 30))
    assert (len(response.body), response.truncated) == (BODY_CAP, True)


def test_a_body_that_ends_with_its_connection_is_read_to_its_end() -> None:
    large = b"x" * 40_000  # more than what is read ahead with the headers
    assert call(answering("200 OK", large, ["Connection: close"])).body == large
    assert call(servers.raw(b"HTTP/1.0 200 OK\r\n\r\n" + large)).body == large


def test_a_door_may_read_more_than_usual() -> None:
    with Server(answering("200 OK", b"x" * 100_000)) as server:
        door = Door(OPEN, body_cap=90_000)
        response = door.send("GET", f"http://127.0.0.1:{server.port}/", {}, b"")
    assert (len(response.body), response.truncated) == (90_000, True)


def test_ou_012_a_dripping_body_ends_at_the_deadline() -> None:
    error = failure(dripping(OK + b"Content-Length: 100000\r\n\r\n", b"x"), deadline=SHORT)
    assert (error.code, error.sent) == ("timeout", True)


def test_a_caller_with_less_time_than_the_door_is_given_no_more() -> None:
    with Server(servers.silent) as server, pytest.raises(EgressError) as refusal:
        Door(OPEN, deadline=60).send("GET", f"http://127.0.0.1:{server.port}/", {}, b"", within=SHORT)
    assert (refusal.value.code, refusal.value.sent) == ("timeout", True)


def test_ou_013_headers_that_drip_end_at_the_deadline() -> None:
    error = failure(dripping(OK + b"X-Drip: ", b"x"), deadline=SHORT)
    assert (error.code, error.sent) == ("timeout", True)


@pytest.mark.parametrize("drop", [b"X-More: y\r\n", b"x" * 8192])
def test_headers_that_never_end_are_no_http(drop: bytes) -> None:
    assert failure(flooding(OK + b"X-Flood: ", drop)).code == "protocol"


def test_continue_answers_without_end_are_bounded() -> None:
    assert failure(flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 512)).code == "protocol"


def test_an_answer_that_never_comes_is_ambiguous() -> None:
    error = failure(servers.silent, deadline=SHORT)
    assert (error.code, error.sent) == ("timeout", True)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_ou_015_a_gzip_bomb_is_not_inflated_past_the_cap(encoding: str) -> None:
    bomb = servers.gzip_bomb(1 << 25)
    response = call(answering("200 OK", bomb, [f"Content-Encoding: {encoding}"]))
    assert (response.status, len(response.body), response.truncated) == (200, BODY_CAP, True)


def test_a_small_gzip_is_read_and_a_broken_one_left_as_it_is() -> None:
    packed = gzip.compress(b'{"code":0}')
    assert call(answering("200 OK", packed, ["Content-Encoding: gzip"])).body == b'{"code":0}'
    assert call(answering("200 OK", b"not gzip", ["Content-Encoding: gzip"])).body == b"not gzip"


def test_a_chunked_answer_is_read() -> None:
    chunks = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert call(raw(chunks)).body == b"abcde"


@pytest.mark.parametrize(
    "behaviour",
    [
        resetting(OK + b"Content-Length: 100\r\n\r\n0123456789"),
        raw(OK + b"Content-Length: 100\r\n\r\n0123456789"),
        raw(b""),
        resetting(b""),
    ],
    ids=["reset", "short", "nothing", "reset at once"],
)
def test_ou_016_a_connection_that_breaks_is_ambiguous(behaviour: Behaviour) -> None:
    error = failure(behaviour)
    assert (error.code, error.sent) == ("connection", True)


@pytest.mark.parametrize("answer", [b"hello", b"HTTP/1.1 abc\r\n\r\n", b"\x16\x03\x01\x00\x05"])
def test_ou_021_what_is_no_http_is_a_protocol_failure(answer: bytes) -> None:
    error = failure(raw(answer + b"\r\n"))
    assert (error.code, error.sent) == ("protocol", True)


def test_ou_043_no_cookie_is_ever_sent_back() -> None:
    with Server(answering(headers=["Set-Cookie: a=b"])) as server:
        door = Door(OPEN)
        for _ in range(2):
            door.send("POST", f"http://127.0.0.1:{server.port}/", {}, b"")
    assert len(server.heard.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.heard.requests)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(EgressError) as raised:
        Door(OPEN).send("POST", f"http://127.0.0.1:{port}/", {}, b"")
    assert (raised.value.code, raised.value.sent) == ("connection", False)


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert call(answering()).status == 200


def test_a_header_with_a_line_break_is_not_sent() -> None:
    with pytest.raises(EgressError) as raised:
        call(answering(), headers={"X-A": "a\r\nX-B: b"})
    assert raised.value.code == "protocol"


# --- TLS --------------------------------------------------------------------------------------------------------


def secure_call(context: ssl.SSLContext) -> HttpResponse:
    with Server(answering(), context) as server:
        door = Door(
            Policy(), resolve=lambda *_: ["93.184.215.14"], connect=server.connect, context=trusting(), deadline=5
        )
        return door.send("POST", "https://crm.example.com/hook", {}, b"{}")


def test_a_certificate_for_the_name_is_taken() -> None:
    assert secure_call(serving(["crm.example.com"])).status == 200


@pytest.mark.parametrize(
    "context",
    [
        pytest.param(lambda: serving(["crm.example.com"], self_signed=True), id="OU-017 self-signed"),
        pytest.param(lambda: serving(["crm.example.com"], days=-1), id="expired"),
        pytest.param(lambda: serving(["other.example.com", "93.184.215.14"]), id="for another name"),
        pytest.param(lambda: serving(["crm.example.com"], old=True), id="OU-020 TLS 1.0"),
    ],
)
def test_other_certificates_and_old_tls_are_refused(context: Callable[[], ssl.SSLContext]) -> None:
    with pytest.raises(EgressError) as raised:
        secure_call(context())
    assert (raised.value.code, raised.value.sent) == ("tls", False)


def test_our_own_context_verifies_and_is_new_enough() -> None:
    context = tls_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_there_is_no_switch_that_turns_verification_off() -> None:
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lax.check_hostname = False
    with pytest.raises(ValueError, match="must verify"):
        Door(Policy(), context=lax)


# --- lookup and connect -----------------------------------------------------------------------------------------


class Dialler:
    """Refuses every address but the last."""

    def __init__(self, server: Server, good: str) -> None:
        self._server, self._good = server, good
        self.tried: list[str] = []

    def __call__(self, address: str, port: int, left: float) -> socket.socket:
        self.tried.append(address)
        if address != self._good:
            raise OSError("network unreachable")
        return self._server.connect(address, port, left)


def test_the_next_vetted_address_is_tried_when_one_does_not_answer() -> None:
    with Server(answering(), serving(["crm.example.com"])) as server:
        dialler = Dialler(server, "93.184.215.14")
        answers = ["2606:4700:4700::1111", "93.184.215.14"]
        door = Door(Policy(), resolve=lambda *_: answers, connect=dialler, context=trusting())
        assert door.send("POST", "https://crm.example.com/", {}, b"").status == 200
    assert dialler.tried == answers


def refusing(*_: Any) -> Sequence[str]:
    raise OSError("SERVFAIL")


def test_a_lookup_that_fails_is_ours_and_opens_no_socket() -> None:
    for resolve in (refusing, lambda *_: []):
        door = Door(Policy(), resolve=resolve, connect=pytest.fail)
        with pytest.raises(EgressError) as raised:
            door.send("POST", "https://crm.example.com/", {}, b"")
        assert (raised.value.code, raised.value.sent) == ("dns", False)


def test_a_lookup_is_waited_for_no_longer_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(egress.socket, "getaddrinfo", lambda *_, **__: released.wait(5) and [])
    with pytest.raises(TimeoutError, match="took too long"):
        system_resolve("crm.example.com", 443, 0.01)
    released.set()
    assert system_resolve("crm.example.com", 443, 5) == []


def test_who_saves_a_url_waits_for_its_name_no_longer_than_three_seconds() -> None:
    waits: list[float] = []

    def resolve(_host: str, _port: int, left: float) -> list[str]:
        waits.append(left)
        raise TimeoutError

    door = Door(Policy(), resolve=resolve, connect=pytest.fail)
    with pytest.raises(Invalid, match="no_address") as refusal:
        door.check("https://crm.example.com/")
    assert refusal.value.code == "url_not_allowed"
    with pytest.raises(EgressError):
        door.send("POST", "https://crm.example.com/", {}, b"")
    assert waits[0] == 3.0 < waits[1]


def test_the_system_resolver_gives_each_address_once() -> None:
    assert system_resolve("127.0.0.1", 80, 5) == ["127.0.0.1"]
    with pytest.raises(socket.gaierror):
        system_resolve("no-such-name.invalid", 443, 5)


def test_neither_error_nor_reprs_show_the_url_or_the_answer() -> None:
    error = failure(raw(b"hello " + CANARY.encode() + b"\r\n"))
    assert CANARY not in f"{error!r} {error} {error.__cause__!r} {error.__context__!r}"
    assert CANARY not in repr(call(answering("200 OK", CANARY.encode())))
