"""What DingTalk's todo and approval share: the app's token, its error answers, and its encrypted events.

The newer API answers errors with HTTP 4xx or 5xx and ``{"code", "message", "requestid"}``, the older one behind the
same gateway with HTTP 200 and an ``errcode``.
"""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from chalicelib.connectors import base, crypto
from chalicelib.connectors.callbacks import Call, Opened, Reply, Said
from chalicelib.domain.ids import digest
from chalicelib.domain.outbound.exchange import (
    DELIVERED,
    FAILED,
    RETRY,
    UNREADABLE,
    HttpRequest,
    HttpResponse,
    Outcome,
)
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.text import strict_json
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Malformed, TooLarge

TOKEN_LIFE: Final = 7_200  # seconds, where the answer names none
LIMITS: Final[tuple[Limit, ...]] = (Limit(20, 1.0),)
CREDENTIALS: Final[tuple[Field, ...]] = (
    Field("app_key", required=True),
    Field("app_secret", required=True),
    Field("event_token"),
    Field("event_aes_key"),
    Field("corp_id"),
)
CHECK_URL: Final = "check_url"

_TOKEN_CODES: Final = (40001, 40014, 42001)
_RATE_CODES: Final = (90002, 90018)
_BUSY: Final = -1
_WRAPPED: Final = 88  # the code that tells is ``sub_code``
_THROTTLED: Final = ("qpslimit", "throttl", "flowcontrol", "query.limit")
_LATER: Final = ("lockerror", "serviceunavailable", "systemerror")
_SHOWN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def request(method: str, path: str, access: base.Access, body: Mapping[str, Any] | None = None) -> HttpRequest:
    """A call in the app's name; the endpoint's own headers give way to ours."""
    secret = access.secret
    headers = {
        **secret.headers,
        "Content-Type": "application/json; charset=utf-8",
        "x-acs-dingtalk-access-token": access.token or "",
    }
    raw = b"" if body is None else base.json_bytes(body)
    return HttpRequest(method, secret.url.rstrip("/") + path, headers, raw)


def part(text: str) -> str:
    """One id as a part of a path or query."""
    return quote(text, safe="")


def ask_token(access: base.Access) -> HttpRequest:
    secret = access.secret
    body = {
        name: secret.credentials.get(given, "") for name, given in (("appKey", "app_key"), ("appSecret", "app_secret"))
    }
    return base.json_request(secret.url.rstrip("/") + "/v1.0/oauth2/accessToken", secret, {}, base.json_bytes(body))


def token_in(response: HttpResponse, now: datetime) -> base.Token | Outcome:
    answer = base.answer_of(response)
    value, life = answer.get("accessToken"), base.whole(answer.get("expireIn"))
    if isinstance(value, str) and value and response.status == 200:
        return base.Token(value, base.token_end(now, life, TOKEN_LIFE))
    return outcome(response)


def outcome(response: HttpResponse, *, success: Sequence[str] = ()) -> Outcome:
    """What an answer means. A success holds one of the names ``success``; a 2xx without is not DingTalk's answer."""
    answer = base.answer_of(response)
    old = base.whole(answer.get("errcode"))
    if old:
        return _old_outcome(base.whole(answer.get("sub_code")) or old if old == _WRAPPED else old)
    code = code_of(answer)
    later = _later(code, response.status)
    if later:
        return later
    by_status = base.outcome_of_status(response, permanent=True)
    if code and by_status.verdict in (FAILED, DELIVERED):
        return Outcome(FAILED, f"code_{code}")
    if by_status.verdict == DELIVERED and (answer.get("result") is False or answer.get("success") is False):
        return Outcome(FAILED, "refused")
    if by_status.verdict == DELIVERED and not any(answer.get(name) for name in success):
        return Outcome(RETRY, UNREADABLE)
    return by_status


def _later(code: str, status: int) -> Outcome | None:
    """What is worth another try by the newer API's words; its limits come with 403 as well."""
    if code == "InvalidAuthentication" or status == 401:
        return Outcome(RETRY, base.TOKEN_EXPIRED)
    word = code.lower()
    if any(part in word for part in _THROTTLED):
        return Outcome(RETRY, "rate_limited")
    if any(part in word for part in _LATER):
        return Outcome(RETRY, "busy" if status < 500 else f"http_{status}")
    return None


def code_of(answer: Mapping[str, Any]) -> str:
    """The vendor's error word, empty without one; only what may stand in a log."""
    code = answer.get("code")
    return code[:60] if isinstance(code, str) and set(code) <= _SHOWN else ""


def message_of(answer: Mapping[str, Any]) -> str:
    """The vendor's explanation, to look words up in and never to show."""
    return str(answer.get("message") or "").lower()


def _old_outcome(code: int) -> Outcome:
    if code in _TOKEN_CODES:
        return Outcome(RETRY, base.TOKEN_EXPIRED)
    if code in _RATE_CODES:
        return Outcome(RETRY, "rate_limited")
    if code == _BUSY:
        return Outcome(RETRY, "busy")
    return Outcome(FAILED, f"errcode_{code}")


class Events(ABC):
    """DingTalk's events: ``{"encrypt"}`` with a SHA-1 over the token, and an encrypted ``success`` as the answer.

    The answer counts for 1.5 seconds only, and whatever else is answered is sent again.
    """

    methods: tuple[str, ...] = ("POST",)
    content_types: tuple[str, ...] = ("application/json",)

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        given = secret.credentials
        encrypted = crypto.wx_envelope(call.body, call.query)
        crypto.wx_check(given.get("event_token", ""), call.query, encrypted, now, per_second=1000)
        payload, receiver = crypto.wx_decrypt(given.get("event_aes_key", ""), encrypted)
        # An app of the company's own is named by its key, or by the company's id in older ones.
        if not any(crypto.same(given.get(name, ""), receiver) for name in ("app_key", "corp_id")):
            raise crypto.refused()
        try:
            event = strict_json.decode(payload)
        except (Malformed, TooLarge):
            raise crypto.refused() from None
        if not isinstance(event, dict):
            raise crypto.refused()
        return Opened({"receiver": receiver, "event": event})

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:
        return self.reply(opened, secret, now) if opened.payload["event"].get("EventType") == CHECK_URL else None

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:  # noqa: ARG002
        return self.said(opened.payload["event"], settings)

    @abstractmethod
    def said(self, event: Mapping[str, Any], settings: Mapping[str, Any]) -> Sequence[Said]:
        """What one event says of items; empty where it is no concern of ours."""

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply:
        given = secret.credentials
        encrypted = crypto.wx_encrypt(given.get("event_aes_key", ""), b"success", opened.payload["receiver"])
        timestamp, nonce = str(int(now.timestamp() * 1000)), secrets.token_hex(8)
        answer = {
            "msg_signature": crypto.wx_signature(given.get("event_token", ""), timestamp, nonce, encrypted),
            "encrypt": encrypted,
            "timeStamp": timestamp,
            "nonce": nonce,
        }
        return Reply(body=json.dumps(answer).encode())


def event_id(event: Mapping[str, Any]) -> str:
    """The same on a retry: DingTalk's own, else the event itself, which is encrypted anew and says the same."""
    given = event.get("eventId") or event.get("BizId")
    return given if isinstance(given, str) and given else digest("dingtalk", json.dumps(event, sort_keys=True))
