"""The one HTTP door, for sources and connectors: everything that leaves for somebody else's server passes here.

One lookup per call; every answer is vetted and the socket goes to a vetted address, with SNI, Host and the
certificate check on the name. No redirects, no proxies or cookies, no retries. One deadline covers lookup, connect,
handshake, headers and body. There is no switch that turns verification off.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException, IncompleteRead
from io import BufferedReader, RawIOBase
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError

from chalicelib.domain.outbound.egress_policy import Policy, Target
from chalicelib.domain.outbound.exchange import EgressError, HttpResponse
from chalicelib.errors import Invalid

DEADLINE: Final = 10.0  # seconds, for the whole call
LOOKUP_AT_SAVE: Final = 3.0  # seconds: somebody waits for the answer
BODY_CAP: Final = 65_536  # bytes of an answer that are read, inflated or not
WIRE_CAP: Final = 1_048_576  # bytes off the wire, headers and chunk framing included
ADDRESSES_TRIED: Final = 4
USER_AGENT: Final = "Echoloop/1"

Resolve = Callable[
    [str, int, float], Sequence[str]
]  # host, port, seconds left → addresses; OSError when there are none
Connect = Callable[[str, int, float], socket.socket]  # address, port, seconds left


def system_resolve(host: str, port: int, left: float) -> Sequence[str]:
    """The system's resolver, which knows no time limit: it runs aside and is waited for that long. Raises OSError."""
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([str(entry[4][0]) for entry in found])
        except OSError as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        answer = answers.get(timeout=max(left, 0.0))
    except queue.Empty:
        raise TimeoutError("The lookup took too long.") from None
    if isinstance(answer, OSError):
        raise answer
    return list(dict.fromkeys(answer))


def system_connect(address: str, port: int, left: float) -> socket.socket:
    """A TCP socket to a vetted address. Raises OSError."""
    return socket.create_connection((address, port), timeout=left)


def tls_context() -> ssl.SSLContext:
    """The system's authorities, TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Door:
    """Sends one request at a time. Thread-safe: it holds no connection.

    ``resolve``, ``connect`` and ``monotonic`` are there for tests; ``context`` for an operator's own authority.
    ``body_cap`` bytes of an answer are read.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        resolve: Resolve = system_resolve,
        connect: Connect = system_connect,
        context: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        deadline: float = DEADLINE,
        body_cap: int = BODY_CAP,
    ) -> None:
        if context is not None and (context.verify_mode != ssl.CERT_REQUIRED or not context.check_hostname):
            raise ValueError("The TLS context must verify.")
        self._policy = policy
        self._resolve = resolve
        self._connect = connect
        self._context = context
        self._monotonic = monotonic
        self._deadline = deadline
        self._body_cap = body_cap

    def check(self, url: str) -> Target:
        """What is asked when a URL is saved: is it one that we would call now? Opens no socket.

        Raises Invalid (``url_not_allowed``), also for a name whose address nobody tells in three seconds.
        """
        target = self._policy.check_url(url)
        if target.address is None:
            self._policy.check_addresses(target, self._look_up(target, min(self._deadline, LOOKUP_AT_SAVE)) or ())
        return target

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, within: float | None = None
    ) -> HttpResponse:
        """One call, one answer, whatever its status. Raises EgressError when there is none.

        ``within``: seconds, where the caller has less than the door's deadline left.
        """
        clock = _Clock(self._monotonic, self._deadline if within is None else min(within, self._deadline))
        target, addresses = self._vetted(url, clock)
        connection = self._connection(target, addresses, clock)
        sent, wire = False, None
        try:
            connection.connect()
            connection.sock = wire = _DeadlineSocket(connection.sock, clock, max(WIRE_CAP, 2 * self._body_cap))
            sent = True
            connection.request(
                method, target.path, body=body, headers=_once({"User-Agent": USER_AGENT, **headers}),
                preload_content=False, decode_content=False,
            )  # fmt: skip
            answer = _read(connection.getresponse(), self._body_cap)
            failure = None
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            failure = _code_of(error, clock)
        finally:
            connection.close()
            if wire is not None:
                wire.end()
        # Raised out here, so that no cause that spells out the URL hangs on it.
        if failure:
            raise EgressError("The target gave no answer.", code=failure, sent=sent)
        return answer

    def _vetted(self, url: str, clock: _Clock) -> tuple[Target, Sequence[str]]:
        """The one lookup of this call."""
        try:
            target = self._policy.check_url(url)
            if target.address is not None:
                return target, [str(target.address)]
            addresses = self._look_up(target, clock.left())
            if addresses:
                self._policy.check_addresses(target, addresses)
        except Invalid:
            raise EgressError("The URL is not allowed.", code="url_not_allowed", sent=False) from None
        if not addresses:
            raise EgressError("The name has no address.", code="dns", sent=False)
        return target, addresses

    def _look_up(self, target: Target, left: float) -> Sequence[str] | None:
        """None when the resolver gave no answer."""
        try:
            return self._resolve(target.host, target.port, left)
        except (OSError, UnicodeError):
            return None

    def _connection(self, target: Target, addresses: Sequence[str], clock: _Clock) -> HTTPConnection:
        def dial() -> socket.socket:
            return self._dial(addresses, target.port, clock)

        if target.scheme == "http":
            return _Plain(dial, target.host, target.port)
        if self._context is None:
            self._context = tls_context()
        return _Tls(dial, target.host, target.port, ssl_context=self._context)

    def _dial(self, addresses: Sequence[str], port: int, clock: _Clock) -> socket.socket:
        """The first of the vetted addresses that takes the connection."""
        trouble: OSError = OSError("no address")
        for address in addresses[:ADDRESSES_TRIED]:
            try:
                sock = self._connect(address, port, clock.left())
            except OSError as error:
                trouble = error
            else:
                sock.settimeout(clock.left())  # for the handshake, which counts it once
                return sock
        raise trouble


class _Clock:
    """What is left of one deadline."""

    def __init__(self, monotonic: Callable[[], float], seconds: float) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never zero: a socket takes zero for "do not block". Raises TimeoutError when none are."""
        left = self._end - self._monotonic()
        if left <= 0:
            raise TimeoutError("The deadline has passed.")
        return left

    @property
    def over(self) -> bool:
        return self._monotonic() >= self._end


class _Plain(HTTPConnection):
    """urllib3's connection with our dialling in place of its lookup."""

    def __init__(self, dial: Callable[[], socket.socket], host: str, port: int) -> None:
        super().__init__(host, port, timeout=None)
        self._dial = dial

    def _new_conn(self) -> socket.socket:
        return self._dial()


class _Tls(HTTPSConnection):
    """The same over TLS. The host stays the name: SNI and the certificate check go by it."""

    def __init__(self, dial: Callable[[], socket.socket], host: str, port: int, *, ssl_context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=None, ssl_context=ssl_context)
        self._dial = dial

    def _new_conn(self) -> socket.socket:
        return self._dial()


class _Reader(RawIOBase):
    """Reads from a socket, each read bounded by what is left of the deadline and of the wire cap."""

    def __init__(self, sock: Any, clock: _Clock, room: int) -> None:
        self._sock = sock
        self._clock = clock
        self._room = room

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._room <= 0:
            raise ProtocolError("The answer does not end.")
        self._sock.settimeout(self._clock.left())
        count: int = self._sock.recv_into(buffer)
        self._room -= count
        return count


class _DeadlineSocket:
    """As much of a socket as ``http.client`` needs, under one deadline.

    A plain socket timeout starts anew with every byte: a target that drips would hold us for hours.
    """

    def __init__(self, sock: Any, clock: _Clock, room: int) -> None:
        self._sock = sock
        self._clock = clock
        self._room = room  # bytes of the answer, headers included

    def sendall(self, data: Any) -> None:
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(self._clock.left())
            rest = rest[self._sock.send(rest) :]

    def makefile(self, _mode: str) -> BufferedReader:
        return BufferedReader(_Reader(self._sock, self._clock, self._room))

    def settimeout(self, seconds: float | None) -> None:
        """urllib3 sets its own, which is none: the deadline decides."""

    def shutdown(self, how: int) -> None:
        self._sock.shutdown(how)

    def close(self) -> None:
        """``http.client`` closes when it has the headers of an answer that ends with its connection: not yet read."""

    def end(self) -> None:
        self._sock.close()


def _once(headers: Mapping[str, str]) -> dict[str, str]:
    """Each header field once, however it is spelled: what comes later wins."""
    last = {name.lower(): name for name in headers}
    return {name: value for name, value in headers.items() if last[name.lower()] == name}


def _read(response: Any, cap: int) -> HttpResponse:
    """Status, headers and the first ``cap`` bytes. What comes after is left in the socket, which is closed."""
    chunks: list[bytes] = []
    room = cap + 1  # one more shows that there was more
    while room > 0 and (chunk := response.read(room, decode_content=False)):
        chunks.append(chunk)
        room -= len(chunk)
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = b"".join(chunks)
    truncated = len(body) > cap
    plain, more = _inflate(headers.get("content-encoding", ""), body[:cap], cap)
    return HttpResponse(response.status, headers, plain, truncated or more)


def _inflate(encoding: str, body: bytes, cap: int) -> tuple[bytes, bool]:
    """Undo a gzip that we did not ask for, never past the cap. What cannot be undone stays as it is."""
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        return body, False
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = inflater.decompress(body, cap)
    except zlib.error:
        return body, False
    return plain, bool(inflater.unconsumed_tail)


def _code_of(error: Exception, clock: _Clock) -> str:
    """One of the words of EgressError."""
    causes = _chain(error)
    if clock.over or any(isinstance(cause, TimeoutError) for cause in causes):
        return "timeout"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "tls"
    if any(isinstance(cause, (OSError, IncompleteRead)) for cause in causes):
        return "connection"
    return "protocol"


def _chain(error: BaseException) -> list[BaseException]:
    """The error and everything it was made of; urllib3 keeps some causes in ``args``."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) < 16:
        one = waiting.pop()
        if one is None or any(one is seen for seen in found):
            continue
        found.append(one)
        waiting.extend([one.__cause__, one.__context__])
        waiting.extend(arg for arg in one.args if isinstance(arg, BaseException))
    return found
