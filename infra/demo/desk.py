"""A small OA desk: receives signed tickets, shows them to a person, and calls back with the answer.

It stands for the company's own OA in the demo. ``python -m infra.demo.desk --state DIR --port N``.
The folder holds ``endpoint.json`` ({"secret", "callback_url"}), written by the demo once the endpoint exists,
and ``tickets.json``, the desk's own memory.
"""

from __future__ import annotations

import argparse
import contextlib
import html
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
from urllib.parse import parse_qs, urlsplit

from chalicelib.domain import standard_webhooks
from chalicelib.errors import Unauthorized

MAX_BODY = 64 * 1024
ANSWERS = ("accepted", "in_progress", "resolved", "rejected")

WORDS: Mapping[str, Mapping[str, str]] = {
    "zh-CN": {
        "title": "OA 工单台",
        "lead": "回响推送来的工单。接单、处理，结果会回传。",
        "empty": "还没有工单。",
        "state": "状态",
        "open": "待接单",
        "reopened": "重新打开",
        "closed": "已关闭",
        "critical": "紧急",
        "high": "高",
        "medium": "中",
        "low": "低",
        "accepted": "接单",
        "in_progress": "处理中",
        "resolved": "已解决",
        "rejected": "不受理",
        "root_cause": "根本原因",
        "action": "处理措施",
        "said": "客户说",
        "sent": "已回传",
        "failed": "回传失败",
        "other": "English",
    },
    "en": {
        "title": "OA desk",
        "lead": "Tickets pushed by Echoloop. Take one, deal with it, and the answer is called back.",
        "empty": "No tickets yet.",
        "state": "State",
        "open": "open",
        "reopened": "reopened",
        "closed": "closed",
        "critical": "critical",
        "high": "high",
        "medium": "medium",
        "low": "low",
        "accepted": "Accept",
        "in_progress": "In progress",
        "resolved": "Resolved",
        "rejected": "Reject",
        "root_cause": "Root cause",
        "action": "Action taken",
        "said": "The customer said",
        "sent": "Called back",
        "failed": "The call back failed",
        "other": "中文",
    },
}

STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:46rem;margin:0 auto;
padding:1rem}header{display:flex;justify-content:space-between;align-items:baseline;gap:1rem}h1{font-size:1.3rem}
article{border:1px solid #8886;border-left:6px solid #888;border-radius:6px;padding:.6rem .9rem;margin:.8rem 0}
article.critical{border-left-color:#c1121f}article.high{border-left-color:#e07a1f}article.medium{border-left-color:#d4a514}
h2{font-size:1.05rem;margin:.1rem 0}blockquote{margin:.4rem 0;padding-left:.7rem;border-left:3px solid #8886}
.meta{color:#777;font-size:.85rem}.tag{display:inline-block;border:1px solid #8888;border-radius:1rem;padding:0 .6rem;
font-size:.85rem;margin:.1rem .2rem 0 0}form{display:flex;flex-wrap:wrap;gap:.4rem;margin-top:.5rem}
input{flex:1 1 40%;min-width:8rem}button{cursor:pointer}
input,button{font:inherit;padding:.35rem .6rem;border:1px solid #8888;border-radius:6px}
"""


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


def page(desk: Desk, lang: str) -> str:
    """The desk as one HTML page. Everything that came from outside is escaped."""
    words = WORDS[lang]
    other = "en" if lang == "zh-CN" else "zh-CN"
    cards = "".join(_card(ticket_id, entry, words, lang) for ticket_id, entry in desk.tickets())
    return (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{words['title']}</title><style>{STYLE}</style><header><h1>{words['title']}</h1>"
        f'<a href="/?lang={other}">{words["other"]}</a></header><p>{words["lead"]}</p>'
        f"{cards or '<p>' + words['empty'] + '</p>'}</html>"
    )


def _card(ticket_id: str, entry: Mapping[str, Any], words: Mapping[str, str], lang: str) -> str:
    ticket, feedback = entry["data"]["ticket"], entry["data"].get("feedback", {})
    safe = html.escape
    texts = "".join(f"<blockquote>{safe(str(text.get('text', '')))}</blockquote>" for text in feedback.get("texts", ()))
    tags = "".join(
        f'<span class="tag">{safe(str(tag.get("topic", "")))} · {safe(str(tag.get("polarity", "")))}</span>'
        for tag in feedback.get("tags", ())
    )
    last = entry.get("last")
    sent = f" · {words['sent' if last['ok'] else 'failed']}: {words[last['status']]}" if last else ""
    buttons = "".join(f'<button name="status" value="{name}">{words[name]}</button>' for name in ANSWERS)
    return (
        f'<article class="{safe(str(ticket["severity"]))}" id="{safe(ticket_id)}"><h2>{safe(str(ticket["title"]))}</h2>'
        f'<p class="meta">{safe(entry["external_id"])} · {safe(str(ticket.get("unit") or "-"))} · '
        f"{_word(words, ticket['severity'])} · {words['state']}: {_word(words, ticket['state'])}{sent}</p>"
        f"<p class=meta>{words['said']}</p>{texts}{tags}"
        f'<form method="post" action="/answer?lang={lang}">'
        f'<input type="hidden" name="ticket" value="{safe(ticket_id)}">'
        f'<input name="root_cause" maxlength="200" placeholder="{words["root_cause"]}">'
        f'<input name="action" maxlength="200" placeholder="{words["action"]}">{buttons}</form></article>'
    )


def _word(words: Mapping[str, str], name: object) -> str:
    """A word of ours in the reader's language; what we do not know is shown as it came."""
    return html.escape(words.get(str(name), str(name)))


class Handler(BaseHTTPRequestHandler):
    """GET / shows the desk, POST /hook takes events, POST /answer is the form."""

    desk: Desk
    server_version = "desk"

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/":
            self._send(HTTPStatus.OK, page(self.desk, self._lang()), "text/html; charset=utf-8")
        elif self.path == "/tickets.json":
            listed = [{"id": key, **entry} for key, entry in self.desk.tickets()]
            self._send(HTTPStatus.OK, json.dumps(listed, ensure_ascii=False), "application/json")
        else:
            self._send(HTTPStatus.NOT_FOUND, "not found", "text/plain")

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY:
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large", "text/plain")
            return
        body = self.rfile.read(length)
        route = urlsplit(self.path).path
        if route == "/hook":
            self._hook(body)
        elif route == "/answer" and self._same_site():
            self._answer(parse_qs(body.decode("utf-8", "replace")))
        else:
            self._send(HTTPStatus.NOT_FOUND, "not found", "text/plain")

    def _hook(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            standard_webhooks.verify([self.desk.endpoint()["secret"]], headers, body, datetime.now(timezone.utc))
            self.desk.receive(headers["webhook-id"], json.loads(body))
        except (Unauthorized, FileNotFoundError):
            self._send(HTTPStatus.UNAUTHORIZED, "signature", "text/plain")
            return
        self._send(HTTPStatus.OK, '{"ok":true}', "application/json")

    def _answer(self, form: Mapping[str, list[str]]) -> None:
        def value(name: str) -> str:
            return form.get(name, [""])[0].strip()

        if value("status") in ANSWERS and value("ticket") in dict(self.desk.tickets()):
            self.desk.answer(value("ticket"), value("status"), value("root_cause"), value("action"))
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header(
            "location", f"/?lang={self._lang()}#{value('ticket') if value('ticket').isidentifier() else ''}"
        )
        self.send_header("content-length", "0")
        self.end_headers()

    def _same_site(self) -> bool:
        """A page elsewhere in the browser must not press the desk's buttons."""
        origin = self.headers.get("origin")
        return origin is None or urlsplit(origin).netloc == self.headers.get("host")

    def _lang(self) -> str:
        asked = parse_qs(urlsplit(self.path).query).get("lang", ["zh-CN"])[0]
        return asked if asked in WORDS else "zh-CN"

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


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """A desk listening on loopback; the caller runs ``serve_forever``."""
    handler = type("DeskHandler", (Handler,), {"desk": Desk(folder)})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


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
