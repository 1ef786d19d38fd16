"""A Feishu app of the demo's company: it keeps the cards that it is sent, and its shop manager presses their buttons.

It stands for Feishu's servers and for the chat on the manager's phone. As strict as Feishu's pages where the demo gets:
a token for the app's own id and secret, one message for one ``uuid``, HTTP 400 with a code for what is wrong. A press
goes back as Feishu sends it, encrypted under the Encrypt Key and signed; encryption and signature are written here from
Feishu's pages and share no code with the product.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from infra import client

MESSAGES = "/open-apis/im/v1/messages"
TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"  # noqa: S105 - a path
CHAT = "oc_demo_shop_sh001"
MANAGER = "ou_demo_shop_manager"
TOKEN_LIFE = 7_200  # seconds
MAX_CARD = 30_000  # bytes

Json = dict[str, Any]
Answer = tuple[int, Json]  # HTTP status and body


class App:
    """``folder`` holds ``endpoint.json``, whose part ``feishu`` is the app's, and ``feishu.json``, its memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._messages: dict[str, Json] = {}
        self._sent: dict[str, str] = {}  # uuid → message
        self._whispers: dict[str, str] = {}  # uuid → text
        self._tokens: dict[str, float] = {}  # token → the end of its life, in Unix seconds
        with contextlib.suppress(FileNotFoundError, ValueError):
            saved = json.loads((folder / "feishu.json").read_text("utf-8"))
            self._messages, self._sent = saved["messages"], saved["sent"]
            self._whispers = saved["whispers"]

    def messages(self) -> list[tuple[str, Json]]:
        """A copy of the chat, the newest first."""
        with self._lock:
            copied: dict[str, Json] = json.loads(json.dumps(self._messages))
        return list(reversed(copied.items()))

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> Answer:
        """What Feishu answers to one call of its API; ``path`` has the query."""
        parts = urlsplit(path)
        try:
            given = json.loads(body)
        except ValueError:
            return _error(9499, "Bad Request")
        if (method, parts.path) == ("POST", TOKEN):
            return self._token(given)
        with self._lock:
            if self._tokens.get(authorization.removeprefix("Bearer "), 0) < time.time():
                return _error(99991663, "Invalid access token for authorization.")
            if (method, parts.path) == ("POST", MESSAGES):
                return self._send(parse_qs(parts.query), given)
            if method == "PATCH" and parts.path.startswith(f"{MESSAGES}/"):
                return self._change(parts.path.removeprefix(f"{MESSAGES}/"), given)
        return 404, {"code": 404, "msg": "not found"}

    def press(self, message_id: str, step: str) -> bool:
        """The manager presses the button of that step; True when it was taken. False too when there is no such one."""
        with self._lock:
            message = self._messages.get(message_id)
            shown = buttons(message["card"]) if message else []
        pressed = [one for one in shown if one.get("value", {}).get("step") == step]
        if message is None or not pressed:
            return False
        app = self._credentials()
        done = _call_back(app, _pressed(app, message_id, pressed[0]["value"]))
        with self._lock:
            message["last"] = {"step": step, "ok": done}
            self._save()
        return done

    def _token(self, given: Any) -> Answer:
        app = self._credentials()
        if given != {name: app[name] for name in ("app_id", "app_secret")}:
            return 200, {"code": 10014, "msg": "app secret invalid"}
        token = "t-" + secrets.token_hex(12)
        with self._lock:
            self._tokens[token] = time.time() + TOKEN_LIFE
        return 200, {"code": 0, "msg": "ok", "tenant_access_token": token, "expire": TOKEN_LIFE}

    def _send(self, query: Mapping[str, list[str]], given: Any) -> Answer:
        if query.get("receive_id_type") == ["open_id"] and given.get("receive_id") == MANAGER:
            return self._whisper(given)
        if query.get("receive_id_type") != ["chat_id"] or given.get("receive_id") != CHAT:
            return _error(230002, "The bot can not be outside the group.")
        card = _card(given.get("content"))
        if card is None or given.get("msg_type") != "interactive" or not 0 < len(given.get("uuid", "")) <= 50:
            return _error(230001, "Your request contains an invalid request parameter.")
        if given["uuid"] not in self._sent:
            message_id = "om_" + secrets.token_hex(16)
            self._sent[given["uuid"]] = message_id
            self._messages[message_id] = {"card": card, "changes": 0}
            self._save()
        return 200, {"code": 0, "msg": "success", "data": {"message_id": self._sent[given["uuid"]]}}

    def _whisper(self, given: Any) -> Answer:
        """A text to the shop manager alone, which nobody in the chat sees."""
        text = json.loads(given.get("content", "{}")).get("text")
        if given.get("msg_type") != "text" or not isinstance(text, str) or not 0 < len(given.get("uuid", "")) <= 50:
            return _error(230001, "Your request contains an invalid request parameter.")
        self._whispers.setdefault(given["uuid"], text)
        self._save()
        return 200, {"code": 0, "msg": "success", "data": {"message_id": "om_" + given["uuid"][:32]}}

    def whispers(self) -> list[str]:
        """What was told to the manager alone, the newest last."""
        with self._lock:
            return list(self._whispers.values())

    def _change(self, message_id: str, given: Any) -> Answer:
        message, card = self._messages.get(message_id), _card(given.get("content"))
        if message is None:
            return _error(230011, "The message is recalled.")
        if card is None:
            return _error(230099, "Failed to create card content.")
        message.update(card=card, changes=message["changes"] + 1)
        self._save()
        return 200, {"code": 0, "msg": "success", "data": {}}

    def _credentials(self) -> dict[str, str]:
        """Raises FileNotFoundError until the demo has written them."""
        loaded: dict[str, str] = json.loads((self._folder / "endpoint.json").read_text("utf-8"))["feishu"]
        return loaded

    def _save(self) -> None:
        text = json.dumps(
            {"messages": self._messages, "sent": self._sent, "whispers": self._whispers}, ensure_ascii=False
        )
        (self._folder / "feishu.json").write_text(text, "utf-8")


def buttons(card: Mapping[str, Any]) -> list[Json]:
    """Every button of a card."""
    return [button for part in card["elements"] if part["tag"] == "action" for button in part["actions"]]


def ticket_of(card: Mapping[str, Any]) -> str:
    """The ticket that the card's buttons move; empty where none is left to press."""
    return next((str(one["value"]["ticket"]) for one in buttons(card) if "value" in one), "")


def seal(encrypt_key: str, plain: bytes) -> str:
    """Base64 of IV and AES-256-CBC with PKCS7, under the SHA-256 of the Encrypt Key."""
    vector, padder = secrets.token_bytes(16), PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(hashlib.sha256(encrypt_key.encode()).digest()), modes.CBC(vector)).encryptor()
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return base64.b64encode(vector + sealed).decode("ascii")


def signed(encrypt_key: str, event: Mapping[str, Any]) -> client.Signed:
    """``X-Lark-Signature``: SHA-256 over time (s), nonce, Encrypt Key and the raw body."""
    body = json.dumps({"encrypt": seal(encrypt_key, json.dumps(event, ensure_ascii=False).encode())}).encode()
    timestamp, nonce = str(int(time.time())), secrets.token_hex(8)
    signature = hashlib.sha256(f"{timestamp}{nonce}{encrypt_key}".encode() + body).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-lark-request-timestamp": timestamp,
        "x-lark-request-nonce": nonce,
        "x-lark-signature": signature,
    }
    return client.Signed(body, headers)


def _pressed(app: Mapping[str, str], message_id: str, value: Mapping[str, Any]) -> Json:
    header = {
        "event_id": secrets.token_hex(16),
        "token": app["verification_token"],
        "create_time": str(time.time_ns() // 1_000),
        "event_type": "card.action.trigger",
        "tenant_key": "demo",
        "app_id": app["app_id"],
    }
    event = {
        "operator": {"open_id": MANAGER, "tenant_key": "demo"},
        "token": "c-" + secrets.token_hex(16),
        "action": {"value": dict(value), "tag": "button"},
        "host": "im_message",
        "context": {"open_message_id": message_id, "open_chat_id": CHAT},
    }
    return {"schema": "2.0", "header": header, "event": event}


def _call_back(app: Mapping[str, str], event: Mapping[str, Any]) -> bool:
    """Feishu shows what comes back as a short notice, so there must be one."""
    try:
        answer = signed(app["encrypt_key"], event).post(app["callback_url"])
    except OSError:
        return False
    return answer.status == 200 and isinstance(answer.json, dict) and "toast" in answer.json


def _card(content: Any) -> Json | None:
    """The card in the text that holds it, None where it is none that Feishu would show."""
    if not isinstance(content, str) or len(content.encode()) > MAX_CARD:
        return None
    with contextlib.suppress(ValueError):
        card = json.loads(content)
        if isinstance(card, dict) and {"header", "elements"} <= card.keys():
            return card
    return None


def _error(code: int, message: str) -> Answer:
    return 400, {"code": code, "msg": message}
