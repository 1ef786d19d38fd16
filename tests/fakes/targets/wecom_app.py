"""WeCom's app messages in memory, as strict as contracts §2.1 and WeCom's pages 90236 and 94888 say they are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib.domain.outbound.exchange import HttpRequest, HttpResponse
from tests.fixtures.connectors.wecom_app.profile import PROFILE

SENT = {"touser", "toparty", "totag", "agentid", "msgtype", "template_card"}
CHANGED = {"userids", "partyids", "tagids", "agentid", "response_code"}
CARD = {"card_type", "main_title", "sub_title_text", "horizontal_content_list", "button_list", "card_action", "task_id"}


class Target:
    """``items``: ticket → message; its ``id`` loses the code once it is spent. All errors are HTTP 200."""

    def __init__(
        self,
        settings: Mapping[str, Any] = PROFILE.settings,
        credentials: Mapping[str, str] = PROFILE.credentials,
    ) -> None:
        self.settings = settings
        self.users = {*settings["default_assignees"], *settings.get("assignees", {}).values()}
        self.credentials = credentials
        self.items: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, str] = {}  # response_code that is not spent → ticket
        self.messages: dict[str, dict[str, Any]] = {}  # ticket → message, whoever has withdrawn it
        self.tasks: set[str] = set()
        self.token = ""
        self.tokens = 0
        self.throttled = 0

    def answer(self, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if (request.method, parts.path) == ("GET", "/cgi-bin/gettoken"):
            return self._token(query)
        if request.method != "POST":
            return _error(43002, "require POST method")
        if not self.token or query.get("access_token") != self.token:
            return _error(40014, "invalid access_token")
        if self.throttled:
            self.throttled -= 1
            return _error(45009, "api freq out of limit")  # contracts, "at a glance": wait a minute
        body = json.loads(request.body)
        if parts.path == "/cgi-bin/message/send":
            return self._send(body)
        if parts.path == "/cgi-bin/message/update_template_card":
            return self._change(body)
        return HttpResponse(404, {}, b"")

    def _token(self, query: Mapping[str, str]) -> HttpResponse:
        if query.get("corpid") != self.credentials["corp_id"]:
            return _error(40013, "invalid corpid")
        if query.get("corpsecret") != self.credentials["corp_secret"]:
            return _error(40001, "invalid credential")
        self.tokens += 1
        self.token = f"CANARY-token-{self.tokens}"
        return _json({"errcode": 0, "errmsg": "ok", "access_token": self.token, "expires_in": 7200})

    def _send(self, body: Any) -> HttpResponse:
        """Page 90236. Neither a key nor a search: the same call twice sends two messages, but for its task_id."""
        if not body.keys() <= SENT or body.get("msgtype") != "template_card":
            return _error(40008, "invalid message type")
        if body.get("agentid") != self.settings["agent_id"]:
            return _error(40056, "invalid agentid")
        if not set(body["touser"].split("|")) & self.users and not body["toparty"] and not body["totag"]:
            return _error(81013, "user & party & tag all invalid")
        card = body["template_card"]
        task = card.get("task_id", "")
        if not _is_card(card) or not re.fullmatch(r"[A-Za-z0-9_@-]{1,128}", task):
            return _error(40058, "invalid template_card")
        if task in self.tasks:  # page 90236: a task_id counts once in an app
            return _error(40058, "task_id duplicate")
        self.tasks.add(task)
        number = len(self.tasks)
        ticket, word = re.sub(r"-[0-9]+$", "", task), _state(card)
        code = f"code-{number}"
        self.codes[code] = ticket
        item = {"id": f"msg-{number} {code}", "status": word, "history": [word]}
        self.items[ticket] = self.messages[ticket] = item
        return _json({"errcode": 0, "errmsg": "ok", "invaliduser": "", "msgid": f"msg-{number}", "response_code": code})

    def _change(self, body: Any) -> HttpResponse:
        """Page 94888: a code counts once. Whether a withdrawn message is told apart is not written: it is not here."""
        if body.get("response_code") not in self.codes:
            return _error(42050, "response_code expired or used")
        rest = body.keys() - CHANGED
        if rest not in ({"button"}, {"template_card"}) or body.get("agentid") != self.settings["agent_id"]:
            return _error(40058, "invalid parameter")
        if "template_card" in rest and not _is_card(body["template_card"]):
            return _error(40058, "invalid template_card")
        ticket = self.codes.pop(body["response_code"])
        item = self.items.setdefault(ticket, self.messages[ticket])
        item["id"] = item["id"].split(" ")[0]
        item["status"] = body["button"]["replace_name"] if "button" in rest else _state(body["template_card"])
        item["history"].append(item["status"])
        return _json({"errcode": 0, "errmsg": "ok", "invaliduser": []})


def _is_card(card: Any) -> bool:
    """Page 90236: a card with buttons, one to six of them, each key at most 1,024 bytes."""
    if not isinstance(card, dict) or not card.keys() <= CARD or card.get("card_type") != "button_interaction":
        return False
    buttons = card.get("button_list", ())
    if not 1 <= len(buttons) <= 6 or len(card["horizontal_content_list"]) > 6:
        return False
    return all(one.keys() == {"text", "style", "key"} and len(one["key"].encode()) <= 1_024 for one in buttons)


def _state(card: Mapping[str, Any]) -> str:
    """What a reader sees as the ticket's state."""
    return next(one["value"] for one in card["horizontal_content_list"] if one["keyname"] == "状态")


def _json(value: Any) -> HttpResponse:
    return HttpResponse(200, {"content-type": "application/json"}, json.dumps(value, ensure_ascii=False).encode())


def _error(code: int, message: str) -> HttpResponse:
    return _json({"errcode": code, "errmsg": message})
