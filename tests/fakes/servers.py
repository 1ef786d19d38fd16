"""Receivers that misbehave, on loopback: each behaviour is a function of one accepted connection."""

from __future__ import annotations

import contextlib
import gzip
import ipaddress
import socket
import ssl
import struct
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TICK = 0.02  # seconds between two drips


@dataclass
class Heard:
    """What a server saw."""

    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)  # SNI of each TLS connection


Behaviour = Callable[[socket.socket, threading.Event], None]


class Server:
    """Accepts until it is closed; ``stop`` wakes a behaviour that drips."""

    def __init__(self, behave: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self.heard = Heard()
        self._behave = behave
        self._context = context
        self._stop = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        if context is not None:
            context.sni_callback = lambda _sock, name, _context: self.heard.names.append(name)
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def connect(self, _address: str, _port: int, left: float) -> socket.socket:
        """``egress.Connect``: whatever address was vetted, it is this server that answers."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=left)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        if self._context is None:
            return self._answer(connection)
        with self._context.wrap_socket(connection, server_side=True) as secure:
            return self._answer(secure)

    def _answer(self, connection: socket.socket) -> None:
        self.heard.requests.append(read_request(connection))
        self._behave(connection, self._stop)


def read_request(connection: socket.socket) -> bytes:
    """Headers and as much body as they announce."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65_536)
        if not chunk:
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < (lengths[0] if lengths else 0):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def answering(status: str = "200 OK", body: bytes = b"", headers: Sequence[str] = ()) -> Behaviour:
    """A plain answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def raw(data: bytes) -> Behaviour:
    """These bytes, then the end."""

    def behave(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(data)

    return behave


def huge(total: int) -> Behaviour:
    """A body of ``total`` bytes, as fast as it is taken."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n".encode())
        block = b"x" * 65_536
        for _ in range(total // len(block)):
            if stop.is_set():
                return
            connection.sendall(block)

    return behave


def dripping(head: bytes, drop: bytes) -> Behaviour:
    """``head``, then ``drop`` again and again without end."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head)
        while not stop.wait(TICK):
            connection.sendall(drop)

    return behave


def flooding(head: bytes, drop: bytes) -> Behaviour:
    """The same without a pause."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head)
        while not stop.is_set():
            connection.sendall(drop)

    return behave


def silent(_connection: socket.socket, stop: threading.Event) -> None:
    """Takes the request and never answers."""
    stop.wait(5)


def resetting(data: bytes) -> Behaviour:
    """These bytes, then a reset."""

    def behave(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(data)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def gzip_bomb(size: int) -> bytes:
    """Zeros, packed."""
    return gzip.compress(bytes(size), 9)


# --- TLS --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Echoloop test authority")])
    builder = _certificate(name, name, key.public_key()).add_extension(x509.BasicConstraints(True, None), True)
    return builder.sign(key, hashes.SHA256()), key


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int = 2
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=5))
        .not_valid_after(now + timedelta(days=days))
    )


def trusting() -> ssl.SSLContext:
    """A client's context that trusts the test authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=_authority()[0].public_bytes(serialization.Encoding.PEM).decode())
    return context


def serving(names: Sequence[str], *, self_signed: bool = False, days: int = 2, old: bool = False) -> ssl.SSLContext:
    """A server's context for these names or addresses. ``days`` below zero: expired; ``old``: TLS 1.0 only."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    authority, authority_key = _authority()
    issuer, signer = (subject, key) if self_signed else (authority.subject, authority_key)
    builder = _certificate(subject, issuer, key.public_key(), days=days)
    certificate = builder.add_extension(x509.SubjectAlternativeName(list(_alternatives(names))), False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
    if old:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1
    return context


def _alternatives(names: Sequence[str]) -> Iterator[x509.GeneralName]:
    for name in names:
        try:
            yield x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            yield x509.DNSName(name)
