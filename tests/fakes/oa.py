"""An OA that receives Standard Webhooks, verified by the reference library and not by our own code.

It honours the idempotency key: a ``webhook-id`` seen before is answered 200 and counted, and changes nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook


@dataclass
class Oa:
    """The ledger and the switches. ``secret`` is set once the endpoint exists."""

    url: str = ""
    secret: str = ""
    status: int = 200  # what every call is answered, 200 is acceptance
    answer: bytes = b'{"ok":true}'
    requests: list[dict[str, Any]] = field(default_factory=list)  # every call: headers, raw body, verified, status
    events: list[dict[str, Any]] = field(default_factory=list)  # accepted for the first time, with "received_at"
    repeats: Counter[str] = field(default_factory=Counter)  # webhook-id → calls beyond the first accepted one
    refuse_until: float = 0.0  # monotonic seconds
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Judge one call and return its HTTP status."""
        verified = self._verified(headers, body)
        status = 503 if time.monotonic() < self.refuse_until else self.status
        if not verified:
            status = 401
        with self.lock:
            self.requests.append({"headers": headers, "body": body, "verified": verified, "status": status})
            message_id = headers.get("webhook-id", "")
            if status == 200:
                if any(event["webhook-id"] == message_id for event in self.events):
                    self.repeats[message_id] += 1
                else:
                    received = {**json.loads(body), "webhook-id": message_id, "received_at": time.time()}
                    self.events.append(received)
        return status

    def _verified(self, headers: dict[str, str], body: bytes) -> bool:
        if not self.secret:
            return True
        try:
            Webhook(self.secret).verify(body, headers)
        except Exception:  # noqa: BLE001  (the reference library raises many types)
            return False
        return True

    def of(self, event_type: str) -> list[dict[str, Any]]:
        """Accepted events of one type, in order of arrival."""
        with self.lock:
            return [event for event in self.events if event["type"] == event_type]


@contextmanager
def running_oa() -> Iterator[Oa]:
    """An OA on a free loopback port."""
    oa = Oa()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status = oa.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("content-length", str(len(oa.answer)))
            self.end_headers()
            self.wfile.write(oa.answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    oa.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield oa
    finally:
        server.shutdown()
        server.server_close()
