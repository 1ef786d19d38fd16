"""飞书 / Lark custom bot: an interactive card. HTTP 200 is no success; ``code`` 0 is."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.connectors import base, bundles
from chalicelib.connectors.bundles import BundleCard
from chalicelib.connectors.cards import Card, fit
from chalicelib.domain.outbound.exchange import RETRY, HttpRequest, HttpResponse, Message, Outcome
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field

MAX_BODY: Final = 20_000  # bytes
COLOURS: Final = {"low": "grey", "medium": "yellow", "high": "orange", "critical": "red"}
_RATE_CODES: Final = (11232, 99991400)


class Feishu:
    """The customer's words go in as ``plain_text``, which knows no markdown and no mentions."""

    name = "feishu"
    kind = "event"
    has_idempotency = False
    chat = True
    signs = False
    credential: str | None = ""  # the path is
    limits: tuple[Limit, ...] = (Limit(100, 60.0), Limit(5, 1.0))
    fields: tuple[Field, ...] = ()
    credential_fields: tuple[Field, ...] = ()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)

    def bundle(
        self, messages: Sequence[Message], secret: EndpointSecret, settings: Mapping[str, Any]
    ) -> tuple[HttpRequest, int]:
        envelope = _envelope(secret, messages[0].now)
        body, named = bundles.fit(
            messages,
            base.lang_of(settings),
            lambda card: base.json_bytes({**envelope, "card": _bundle(card)}),
            len,
            MAX_BODY,
        )
        return base.json_request(secret.url, secret, {}, body), named

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest:
        envelope = _envelope(secret, message.now)
        body = fit(
            message,
            base.lang_of(settings),
            lambda card: base.json_bytes({**envelope, "card": _card(card)}),
            len,
            MAX_BODY,
        )
        return base.json_request(secret.url, secret, {}, body)

    def outcome(self, response: HttpResponse) -> Outcome:
        answer = base.answer_of(response)
        code = base.whole(answer.get("code", answer.get("StatusCode")))
        if code in _RATE_CODES:
            return Outcome(RETRY, "rate_limited")
        return base.outcome_of_code(response, "code", code)


_: type[base.Connector] = Feishu


def _envelope(secret: EndpointSecret, now: datetime) -> dict[str, Any]:
    """What stands around a card: its kind, with time and signature where the robot has a signing key."""
    if not secret.secret:
        return {"msg_type": "interactive"}
    timestamp = int(now.timestamp())
    return {"timestamp": str(timestamp), "sign": sign(secret.secret, timestamp), "msg_type": "interactive"}


def sign(secret: str, timestamp: int) -> str:
    """Base64 HMAC-SHA256 of nothing, with time (s) and secret as the key: the reverse of DingTalk's."""
    key = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode("ascii")


def _card(card: Card) -> dict[str, Any]:
    elements = [_text(line) for line in card.lines]
    if card.link:
        button = {"tag": "button", "text": _plain(card.link_label), "type": "primary", "url": card.link}
        elements.append({"tag": "action", "actions": [button]})
    return {
        "config": {"wide_screen_mode": True},
        "header": {"title": _plain(card.title), "template": COLOURS.get(card.severity, "grey")},
        "elements": elements,
    }


def _text(content: str) -> dict[str, Any]:
    return {"tag": "div", "text": _plain(content)}


def _plain(content: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": content}


def _bundle(card: BundleCard) -> dict[str, Any]:
    elements = []
    for line in card.lines:
        element = _text(line.text)
        if line.link:
            button = {"tag": "button", "text": _plain(card.link_label), "type": "default", "url": line.link}
            element["extra"] = button
        elements.append(element)
    return {
        "config": {"wide_screen_mode": True},
        "header": {"title": _plain(card.title), "template": COLOURS.get(card.severity, "grey")},
        "elements": elements,
    }
