"""A fake system of record on loopback, for those who reach it over HTTP."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse

# As our requests spell them: the fakes read header fields by these names.
_NAMES = {name.lower(): name for name in ("Authorization", "Content-Type", "Idempotency-Key")}


@dataclass
class Served:
    """Where the fake is, one call at a time."""

    target: Any
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: HttpRequest) -> HttpResponse:
        with self.lock:
            response: HttpResponse = self.target.answer(request)
        return response


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # whoever asked was killed
            super().handle_error(request, client_address)


@contextmanager
def served(target: Any) -> Iterator[Served]:
    """``target`` on a free loopback port."""
    running = Served(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {_NAMES.get(name.lower(), name): value for name, value in self.headers.items()}
            answer = running.answer(HttpRequest(self.command, self.path, headers, body))
            with suppress(ConnectionError):  # whoever asked was killed meanwhile
                self._say(answer)

        def _say(self, answer: HttpResponse) -> None:
            self.send_response(answer.status)
            self.send_header("content-length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
            self.wfile.flush()

        def log_message(self, *args: object) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH"):
        setattr(Handler, f"do_{method}", Handler._take)
    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    running.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
