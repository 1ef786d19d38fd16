"""Feishu's messages in memory, as strict as contracts §2.4 and Feishu's pages on messages say they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fixtures.connectors.feishu_app.profile import PROFILE

MESSAGES = "/open-apis/im/v1/messages"
RECEIVERS = ("open_id", "user_id", "union_id", "email", "chat_id")
PARTS = {"config", "header", "elements"}  # contracts §2.4: the card that bots send
MAX_CARD = 30_000  # bytes, the page on sending


class Target:
    """``items``: ticket → message. ``throttled``: how many of the next calls are over the app's limit."""

    def __init__(
        self,
        settings: Mapping[str, Any] = PROFILE.settings,
        credentials: Mapping[str, str] = PROFILE.credentials,
    ) -> None:
        self.receivers = {*settings["default_assignees"], *settings.get("assignees", {}).values()}
        self.credentials = credentials
        self.items: dict[str, dict[str, Any]] = {}
        self.sent: dict[str, str] = {}  # uuid → message, for an hour
        self.token = ""
        self.tokens = 0
        self.throttled = 0

    def answer(self, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(request.url)
        body = json.loads(request.body)
        if (request.method, parts.path) == ("POST", "/open-apis/auth/v3/tenant_access_token/internal"):
            return self._token(body)
        if not self.token or request.headers.get("Authorization") != f"Bearer {self.token}":
            return _json(400, {"code": 99991663, "msg": "Invalid access token for authorization."})
        if self.throttled:
            self.throttled -= 1  # contracts §2.4: HTTP 400 with 99991400 and a header that says how long
            return _json(
                400, {"code": 99991400, "msg": "request trigger frequency limit"}, {"x-ogw-ratelimit-reset": "2"}
            )
        if (request.method, parts.path) == ("POST", MESSAGES):
            return self._send(parse_qs(parts.query).get("receive_id_type", [""])[0], body)
        if request.method == "PATCH" and parts.path.startswith(f"{MESSAGES}/"):
            return self._change(parts.path.removeprefix(f"{MESSAGES}/"), body)
        return HttpResponse(404, {}, b"404 page not found")

    def _token(self, body: Any) -> HttpResponse:
        given = {name: self.credentials[name] for name in ("app_id", "app_secret")}
        if body != given:
            return _json(200, {"code": 10014, "msg": "app secret invalid"})  # HTTP 200, as most of its errors
        self.tokens += 1
        self.token = f"CANARY-token-{self.tokens}"
        return _json(200, {"code": 0, "msg": "ok", "tenant_access_token": self.token, "expire": 7200})

    def _send(self, kind: str, body: Any) -> HttpResponse:
        if kind not in RECEIVERS or body.keys() != {"receive_id", "msg_type", "content", "uuid"}:
            return _error(230001, "Your request contains an invalid request parameter.")
        if body["receive_id"] not in self.receivers:
            return _error(230002, "The bot can not be outside the group.")
        if body["msg_type"] != "interactive" or not 0 < len(body["uuid"]) <= 50:
            return _error(230001, "Your request contains an invalid request parameter.")
        card = self._card(body["content"])
        if card is None:
            return _error(230099, "Failed to create card content.")
        if body["uuid"] in self.sent:  # the page on sending: one message an hour under one uuid
            return _json(200, {"code": 0, "msg": "success", "data": {"message_id": self.sent[body["uuid"]]}})
        message = f"om_{len(self.sent) + 1:032d}"
        self.sent[body["uuid"]] = message
        self.items[_ticket(card)] = {"id": message, "card": card, "status": _state(card), "history": [_state(card)]}
        return _json(200, {"code": 0, "msg": "success", "data": {"message_id": message, "msg_type": "interactive"}})

    def _change(self, message: str, body: Any) -> HttpResponse:
        item = next((one for one in self.items.values() if one["id"] == message), None)
        if item is None:
            return _error(230011, "The message is recalled.")
        card = self._card(body["content"]) if body.keys() == {"content"} else None
        # The page on changing: both cards are shared ones.
        if card is None or not card["config"].get("update_multi") or not item["card"]["config"].get("update_multi"):
            return _error(230099, "Failed to create card content.")
        item.update(card=card, status=_state(card))
        item["history"].append(item["status"])
        return _json(200, {"code": 0, "msg": "success", "data": {}})

    def _card(self, content: Any) -> dict[str, Any] | None:
        """The card in the text that holds it, if it is one."""
        if not isinstance(content, str) or len(content.encode()) > MAX_CARD:
            return None
        card = json.loads(content)
        if not isinstance(card, dict) or card.keys() != PARTS:
            return None
        known = {"div": {"tag", "text"}, "action": {"tag", "actions"}}
        if any(one.keys() != known.get(one.get("tag")) for one in card["elements"]):
            return None
        for button in _buttons(card):
            # A button opens a link or sends a value.
            if not button.keys() <= {"tag", "text", "type", "value", "url"} or ("value" in button) == ("url" in button):
                return None
        return card


def _buttons(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [button for one in card["elements"] if one["tag"] == "action" for button in one["actions"]]


def _ticket(card: Mapping[str, Any]) -> str:
    """The ticket that the card's link leads to."""
    return str(next(button["url"].rsplit("/", 1)[1] for button in _buttons(card) if "url" in button))


def _state(card: Mapping[str, Any]) -> str:
    """What a reader sees as the ticket's state."""
    lines = [one["text"]["content"] for one in card["elements"] if one["tag"] == "div"]
    facts = next(line.split(" · ") for line in lines if line.startswith("状态 "))
    return str(facts[0].split(" ", 1)[1])


def _json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> HttpResponse:
    raw = json.dumps(value, ensure_ascii=False).encode()
    return HttpResponse(status, {"content-type": "application/json", **(headers or {})}, raw)


def _error(code: int, message: str) -> HttpResponse:
    return _json(400, {"code": code, "msg": message, "error": {"log_id": "L"}})
