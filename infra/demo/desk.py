"""A small OA desk: receives signed tickets, shows them to a person, and calls back with the answer.

It stands for the company's own OA in the demo, and serves the two other places where Echoloop reaches people there: the
shop manager's Feishu (feishu.py) and a DingTalk group (room.py). ``python -m infra.demo.desk --state DIR --port N``.
The folder holds ``endpoint.json`` ({"secret", "callback_url", "feishu", "robot"}), written by the demo once the
endpoints exist, and ``tickets.json``, the desk's own memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from chalicelib.domain.outbound import standard_webhooks
from chalicelib.errors import Unauthorized
from infra.demo import page
from infra.demo.feishu import App
from infra.demo.room import Room

MAX_BODY = 64 * 1024
FEISHU, ROBOT = "/feishu", "/robot/send"  # where Feishu's API and DingTalk's robots are


class Desk:
    """The desk's memory: one entry per ticket, the newest sequence wins, a repeated message changes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._tickets: dict[str, dict[str, Any]] = {}
        self._seen: set[str] = set()
        with contextlib.suppress(FileNotFoundError, ValueError):
            saved = json.loads((folder / "tickets.json").read_text("utf-8"))
            self._tickets, self._seen = saved["tickets"], set(saved["seen"])

    def endpoint(self) -> dict[str, str]:
        """Secret and callback address; raises FileNotFoundError until the demo has written them."""
        loaded: dict[str, str] = json.loads((self._folder / "endpoint.json").read_text("utf-8"))
        return loaded

    def receive(self, message_id: str, body: Mapping[str, Any]) -> None:
        """Take one verified event."""
        data = body.get("data", {})
        ticket = data.get("ticket")
        with self._lock:
            if message_id in self._seen or not ticket:
                return
            self._seen.add(message_id)
            entry = self._tickets.setdefault(ticket["id"], {"sequence": 0, "answers": 0, "external_id": ""})
            entry["external_id"] = entry["external_id"] or f"OA-{len(self._tickets):04d}"
            if "verification" in data:
                entry["questions"] = [*entry.get("questions", ()), data["verification"]]
            if body.get("sequence", 0) > entry["sequence"]:
                entry.update(sequence=body["sequence"], type=body["type"], data=data)
            self._save()

    def answer(self, ticket_id: str, status: str, root_cause: str, action: str) -> bool:
        """Call back with what a person decided; True when Echoloop took it."""
        with self._lock:
            entry = self._tickets[ticket_id]
            entry["answers"] += 1
            version, external_id = entry["answers"], entry["external_id"]
        data = {
            "ticket_id": ticket_id,
            "external_id": external_id,
            "status": status,
            "version": version,
            "actor": "desk",
            "note": "",
            "occurred_at": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        data |= {name: value for name, value in (("root_cause", root_cause), ("action", action)) if value}
        done = self._call_back({"type": "ticket.status_changed", "data": data})
        with self._lock:
            entry["last"] = {"status": status, "ok": done}
            self._save()
        return done

    def _call_back(self, message: Mapping[str, Any]) -> bool:
        endpoint = self.endpoint()
        body = json.dumps(message, ensure_ascii=False).encode()
        message_id, timestamp = "msg_" + secrets.token_hex(12), int(time.time())
        request = urllib.request.Request(
            endpoint["callback_url"],
            data=body,
            headers={
                "content-type": "application/json",
                "webhook-id": message_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": standard_webhooks.sign(endpoint["secret"], message_id, timestamp, body),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except (urllib.error.URLError, TimeoutError):
            return False

    def tickets(self) -> list[tuple[str, dict[str, Any]]]:
        """A copy of everything on the desk, the most severe first."""
        order = ("critical", "high", "medium", "low")
        with self._lock:
            copied: dict[str, dict[str, Any]] = json.loads(json.dumps(self._tickets))
        return sorted(copied.items(), key=lambda item: order.index(item[1]["data"]["ticket"]["severity"]))

    def _save(self) -> None:
        text = json.dumps({"tickets": self._tickets, "seen": sorted(self._seen)}, ensure_ascii=False)
        (self._folder / "tickets.json").write_text(text, "utf-8")


class Handler(BaseHTTPRequestHandler):
    """The pages and forms of a person; POST /hook for the OA's events, Feishu's API and DingTalk's robot for theirs."""

    desk: Desk
    app: App
    room: Room
    server_version = "desk"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        place = next((name for name, own in page.PLACES.items() if own == path), None)
        if place:
            self._send(HTTPStatus.OK, self._page(place), "text/html; charset=utf-8")
        elif path in ("/tickets.json", "/chat.json", "/room.json", "/whispers.json"):
            self._send_json(HTTPStatus.OK, self._listed(path))
        else:
            self._send(HTTPStatus.NOT_FOUND, "not found", "text/plain")

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        parts = urlsplit(self.path)
        form = parse_qs(body.decode("utf-8", "replace"))
        if parts.path == "/hook":
            self._hook(body)
        elif parts.path.startswith(FEISHU + "/"):
            self._feishu(body)
        elif parts.path == ROBOT:
            self._send_json(HTTPStatus.OK, self.room.answer(dict(parse_qsl(parts.query)), body))
        elif parts.path == "/answer" and self._same_site():
            self._answer(form)
        elif parts.path == "/press" and self._same_site():
            self._press(form)
        else:
            self._send(HTTPStatus.NOT_FOUND, "not found", "text/plain")

    def do_PATCH(self) -> None:
        body = self._body()
        if body is not None:
            self._feishu(body)

    def _body(self) -> bytes | None:
        """What was sent; None when it is refused for its size."""
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY:
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large", "text/plain")
            return None
        return self.rfile.read(length)

    def _page(self, place: str) -> str:
        lang, tickets, messages, said = self._lang(), self.desk.tickets(), self.app.messages(), self.room.said()
        cards = {
            "oa": (page.oa_card(key, entry, lang) for key, entry in tickets),
            "feishu": (page.feishu_card(key, message, lang) for key, message in messages),
            "room": (page.room_card(message, lang) for message in said),
        }
        counts = {"oa": len(tickets), "feishu": len(messages), "room": len(said)}
        return page.shell(place, lang, counts, cards[place])

    def _listed(self, path: str) -> list[dict[str, Any]]:
        """What a place holds, for those who read it by HTTP."""
        if path == "/room.json":
            return self.room.said()
        if path == "/whispers.json":
            return [{"text": text} for text in self.app.whispers()]
        held = self.desk.tickets() if path == "/tickets.json" else self.app.messages()
        return [{"id": key, **entry} for key, entry in held]

    def _feishu(self, body: bytes) -> None:
        path = self.path.removeprefix(FEISHU)
        status, answer = self.app.answer(self.command, path, self.headers.get("authorization", ""), body)
        self._send_json(HTTPStatus(status), answer)

    def _hook(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            standard_webhooks.verify([self.desk.endpoint()["secret"]], headers, body, datetime.now(timezone.utc))
            self.desk.receive(headers["webhook-id"], json.loads(body))
        except (Unauthorized, FileNotFoundError):
            self._send(HTTPStatus.UNAUTHORIZED, "signature", "text/plain")
            return
        self._send_json(HTTPStatus.OK, {"ok": True})

    def _answer(self, form: Mapping[str, list[str]]) -> None:
        """What a person at the OA desk decided."""
        status, ticket = _value(form, "status"), _value(form, "ticket")
        if status in page.ANSWERS and ticket in dict(self.desk.tickets()):
            self.desk.answer(ticket, status, _value(form, "root_cause"), _value(form, "action"))
        self._back_to("oa", ticket)

    def _press(self, form: Mapping[str, list[str]]) -> None:
        """A button of a card; the app knows which ones there are."""
        message = _value(form, "message")
        self.app.press(message, _value(form, "step"))
        self._back_to("feishu", message)

    def _back_to(self, place: str, card: str) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        anchor = card if card.isidentifier() else ""
        self.send_header("location", f"{page.PLACES[place]}?lang={self._lang()}#{anchor}")
        self.send_header("content-length", "0")
        self.end_headers()

    def _same_site(self) -> bool:
        """A page elsewhere in the browser must not press the desk's buttons."""
        origin = self.headers.get("origin")
        return origin is None or urlsplit(origin).netloc == self.headers.get("host")

    def _lang(self) -> str:
        asked = parse_qs(urlsplit(self.path).query).get("lang", ["zh-CN"])[0]
        return asked if asked in page.WORDS else "zh-CN"

    def _send_json(self, status: HTTPStatus, value: Any) -> None:
        self._send(status, json.dumps(value, ensure_ascii=False), "application/json")

    def _send(self, status: HTTPStatus, body: str, content_type: str) -> None:
        raw = body.encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(raw)))
        self.send_header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: object) -> None:
        """Say nothing: the demo prints its own progress."""


def _value(form: Mapping[str, list[str]], name: str) -> str:
    return form.get(name, [""])[0].strip()


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """A desk listening on loopback; the caller runs ``serve_forever``."""
    memory = {"desk": Desk(folder), "app": App(folder), "room": Room(folder)}
    return ThreadingHTTPServer(("127.0.0.1", port), type("DeskHandler", (Handler,), memory))


def main() -> None:
    """Run a desk until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    options.state.mkdir(parents=True, exist_ok=True)
    serve(options.state, options.port).serve_forever()


if __name__ == "__main__":
    main()
