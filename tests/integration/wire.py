"""HTTP down to the bytes: what a library would mend, refuse or add on the way is sent here as it is given."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from infra.client import Answer

_TIMEOUT = 30.0


def request(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, *, framed: bool = True
) -> Answer:
    """One request on a connection of its own. Header values go as UTF-8.

    ``framed``: Content-Length is added. Without it the headers must say how long the body is, rightly or wrongly.
    Raises ConnectionError when the server hangs up without an answer.
    """
    parts = urlsplit(url)
    lines = [f"{method} {parts.path}{'?' + parts.query if parts.query else ''} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append("Connection: close")
    if framed and body is not None:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=_TIMEOUT) as connection:
        _send(connection, head + (body or b""))
        return _answer(connection, method)


def _send(connection: socket.socket, data: bytes) -> None:
    """A server that has seen enough hangs up while we still send; its answer is read all the same."""
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return


def _answer(connection: socket.socket, method: str) -> Answer:
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        raw = response.read()
    except (http.client.HTTPException, OSError) as error:
        raise ConnectionError(f"no answer: {type(error).__name__}") from None
    finally:
        response.close()
    try:
        decoded = json.loads(raw)
    except ValueError:
        decoded = None
    return Answer(response.status, decoded, {name.lower(): value for name, value in response.getheaders()})
