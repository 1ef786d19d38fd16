"""The APIs of survey platforms, strict about what they document. Each is a door in process, or a server on loopback."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chalicelib.domain.outbound.exchange import HttpResponse

BEIJING = timezone(timedelta(hours=8))


def answer(status: int, document: Any = None, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(status, dict(headers or {}), json.dumps(document, ensure_ascii=False).encode())


@dataclass
class Platform:
    """``trouble`` is answered first, one at a time; ``calls`` are those that came through it."""

    trouble: list[HttpResponse] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        if self.trouble:
            return self.trouble.pop(0)
        parts = urlsplit(url)
        self.calls.append(f"{method} {parts.path}")
        return self.called(method, parts.path, dict(parse_qsl(parts.query)), dict(headers), body)

    def called(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        raise NotImplementedError


@dataclass
class JinshujuApi(Platform):
    """API version 1 (contracts §1.11): basic auth, 50 rows a page, one form here."""

    form: str = "ABC123"
    form_name: str = "售后满意度"
    entries: list[dict[str, Any]] = field(default_factory=list)
    credentials: str = "key:secret"

    def called(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        # §1.11: HTTP basic authentication with API key and secret.
        if headers.get("Authorization") != "Basic " + base64.b64encode(self.credentials.encode()).decode():
            return answer(401, {"error": "unauthorized"})
        parts = path.split("/")
        if method != "GET" or parts[:4] != ["", "api", "v1", "forms"] or len(parts) < 5 or parts[4] != self.form:
            return answer(404, {"error": "not found"})
        if len(parts) == 5:
            return answer(200, {"name": self.form_name, "fields": []})
        if len(parts) == 7 and parts[5] == "entries":
            found = [entry for entry in self.entries if str(entry["serial_number"]) == parts[6]]
            if not found:
                return answer(404, {"error": "not found"})
            return answer(200, {"form": self.form, "form_name": self.form_name, "entry": found[0]})
        return self._page(query)

    def _page(self, query: Mapping[str, str]) -> HttpResponse:
        """§1.11: 50 rows a page; ``next`` begins the next one; ``created_at`` is Beijing time without a zone."""
        if set(query) - {"next", "created_at"}:
            return answer(422, {"error": "unknown parameter"})
        since = datetime.strptime(query["created_at"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
        rows = [entry for entry in self.entries if datetime.fromisoformat(entry["created_at"]) >= since]
        rows = [entry for entry in rows if entry["serial_number"] >= int(query.get("next", "0"))]
        following = rows[50]["serial_number"] if len(rows) > 50 else None
        return answer(200, {"total": len(self.entries), "count": len(rows[:50]), "data": rows[:50], "next": following})


@dataclass
class JiandaoyunApi(Platform):
    """API version 5 (contracts §1.12, §2.5): POST alone, Bearer, every refusal is a 400 with a code."""

    app_id: str = "app1"
    entry_id: str = "form1"
    entries: list[dict[str, Any]] = field(default_factory=list)
    key: str = "k-1"

    def called(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        if headers.get("Authorization") != f"Bearer {self.key}":
            return answer(400, {"code": 8301, "msg": "Invalid API key"})
        if method != "POST" or headers.get("Content-Type") != "application/json" or query:
            return answer(400, {"code": 1, "msg": "bad request"})  # §2.5: 1 is permanent
        asked = json.loads(body)
        if (asked.pop("app_id", None), asked.pop("entry_id", None)) != (self.app_id, self.entry_id):
            return answer(400, {"code": 1, "msg": "bad request"})
        if path == "/api/v5/app/entry/data/get":
            found = [entry for entry in self.entries if entry["_id"] == asked["data_id"]]
            return answer(200, {"data": found[0]}) if found else answer(400, {"code": 4001, "msg": "not found"})
        if path == "/api/v5/app/entry/data/list" and 1 <= asked.get("limit", 10) <= 100:
            # §2.5: always in the order of ids, after the one that is named.
            rows = sorted(self.entries, key=lambda entry: str(entry["_id"]))
            rows = [entry for entry in rows if entry["_id"] > asked.get("data_id", "")]
            return answer(200, {"data": rows[: asked.get("limit", 10)]})
        return answer(400, {"code": 1, "msg": "bad request"})

    def too_fast(self) -> None:
        """§2.5: the limit's code comes with status 400."""
        self.trouble.append(answer(400, {"code": 8303, "msg": "Rate limit"}))


@contextmanager
def serving(send: Callable[[str, str, Mapping[str, str], bytes], HttpResponse]) -> Iterator[str]:
    """The platform on loopback; its base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            headers = {name.title(): value for name, value in self.headers.items()}
            response = send(self.command, self.path, headers, self.rfile.read(length))
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
