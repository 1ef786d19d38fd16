"""What stands outside Echoloop: a caller of its API, and survey platforms that sign what they send.

The signatures are written here from the platforms' documents and share no code with the product.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, decoded body (None when it is no JSON) and headers of one answer."""

    status: int
    json: Any
    headers: Mapping[str, str] = field(default_factory=dict)


def send(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, timeout: float = 30
) -> Answer:
    """One HTTP call; an HTTP error status is an answer, a broken connection raises OSError."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return _answer(response.status, response.read(), response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.read(), error.headers)


def _answer(status: int, raw: bytes, headers: Any) -> Answer:
    try:
        decoded = json.loads(raw)
    except ValueError:
        decoded = None
    return Answer(status, decoded, {name.lower(): value for name, value in headers.items()})


@dataclass(frozen=True, slots=True)
class Api:
    """The management API with one key."""

    base: str
    key: str = field(repr=False)

    def call(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Answer:
        """One call; ``body`` is sent as JSON."""
        url = self.base + path + ("?" + urlencode(query) if query else "")
        raw = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"authorization": f"Bearer {self.key}"}
        if raw is not None:
            headers["content-type"] = "application/json"
        return send(method, url, raw, headers)

    def made(self, path: str, body: Any) -> Any:
        """POST that must answer 201; returns the body."""
        answer = self.call("POST", path, body)
        if answer.status != 201:
            raise RuntimeError(f"POST {path} answered {answer.status}: {answer.json}")
        return answer.json

    def pages(self, path: str, query: Mapping[str, Any]) -> list[Any]:
        """Every item of a list, page by page."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            answer = self.call("GET", path, query={**query, "limit": 100} | ({"cursor": cursor} if cursor else {}))
            if answer.status != 200:
                raise RuntimeError(f"GET {path} answered {answer.status}: {answer.json}")
            items += answer.json["items"]
            cursor = answer.json.get("cursor")
            if not cursor:
                return items


@dataclass(frozen=True, slots=True)
class Signed:
    """A webhook ready to be posted: the same object posted twice is a platform's retry."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""

    def post(self, hook_url: str) -> Answer:
        return send("POST", hook_url + self.query, self.body, self.headers)


def _json(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()


def canonical(payload: Any, secret: str, *, message_id: str | None = None, at: int | None = None) -> Signed:
    """Standard Webhooks 1.0: ``v1,`` + base64 HMAC-SHA256 over ``id.timestamp.body``."""
    body, message_id, at = _json(payload), message_id or "msg_" + secrets.token_hex(12), at or int(time.time())
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{message_id}.{at}.".encode() + body, "sha256")
    return Signed(
        body,
        {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(at),
            "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        },
    )


def typeform(payload: Any, secret: str) -> Signed:
    """``Typeform-Signature: sha256=`` + base64 HMAC-SHA256 of the body."""
    body = _json(payload)
    mac = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return Signed(body, {"content-type": "application/json", "typeform-signature": "sha256=" + mac})


def jinshuju(payload: Any) -> Signed:
    """Jinshuju signs nothing: the token in the URL is the proof."""
    return Signed(_json(payload), {"content-type": "application/json", "x-requested-by": "jinshuju"})


def jiandaoyun(payload: Any, secret: str, *, deliver_id: str | None = None) -> Signed:
    """``X-JDY-Signature``: hex SHA-1 of ``nonce:body:secret:timestamp``."""
    body, nonce, at = _json(payload), secrets.token_hex(4), str(int(time.time()))
    plain = b":".join((nonce.encode(), body, secret.encode(), at.encode()))
    return Signed(
        body,
        {
            "content-type": "application/json",
            "x-jdy-signature": hashlib.sha1(plain, usedforsecurity=False).hexdigest(),
            "x-jdy-deliverid": deliver_id or secrets.token_hex(12),
        },
        f"?nonce={nonce}&timestamp={at}",
    )


def wenjuanxing(payload: Mapping[str, Any], push_key: str) -> Signed:
    """The field ``sign``: hex SHA-1 of survey, index and push key. It covers no answer: the secret URL is proof too."""
    plain = f"{payload['activity']}{payload['index']}{push_key}".encode()
    sign = hashlib.sha1(plain, usedforsecurity=False).hexdigest()
    return unsigned({**payload, "sign": sign})


def tally(payload: Any, secret: str) -> Signed:
    """``Tally-Signature``: base64 HMAC-SHA256 of the body."""
    body = _json(payload)
    mac = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return Signed(body, {"content-type": "application/json", "tally-signature": mac})


def unsigned(payload: Any) -> Signed:
    """Of a platform that signs nothing: the token in the URL is the proof."""
    return Signed(_json(payload), {"content-type": "application/json"})
