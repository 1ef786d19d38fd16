"""钉钉 custom robot: markdown or an action card. Its errors are HTTP 200 with an ``errcode``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from chalicelib.connectors import base, bundles
from chalicelib.connectors.bundles import BundleCard
from chalicelib.connectors.cards import Card, fit
from chalicelib.domain.outbound.exchange import RETRY, HttpRequest, HttpResponse, Message, Outcome
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field

MAX_BODY: Final = 20_000  # bytes
PENALTY: Final = 600.0  # seconds that a robot is blocked for once it was over its limit; asking sooner prolongs it
_RATE_CODES: Final = (130101, 302033, 410100)
_BUSY: Final = -1
_AMBIGUOUS: Final = 300001  # "token is not exist" in some places, too many calls in others


class DingTalk:
    """No ``at`` is ever sent: nobody is mentioned by what a customer wrote."""

    name = "dingtalk"
    kind = "event"
    has_idempotency = False
    chat = True
    signs = False
    credential: str | None = "access_token"
    limits: tuple[Limit, ...] = (Limit(20, 60.0),)
    fields: tuple[Field, ...] = ()
    credential_fields: tuple[Field, ...] = ()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)

    def bundle(
        self, messages: Sequence[Message], secret: EndpointSecret, settings: Mapping[str, Any]
    ) -> tuple[HttpRequest, int]:
        body, named = bundles.fit(
            messages, base.lang_of(settings), lambda card: base.json_bytes(_bundle(card)), len, MAX_BODY
        )
        return base.json_request(_signed(secret, messages[0].now), secret, {}, body), named

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest:
        body = fit(message, base.lang_of(settings), lambda card: base.json_bytes(_body(card)), len, MAX_BODY)
        return base.json_request(_signed(secret, message.now), secret, {}, body)

    def outcome(self, response: HttpResponse) -> Outcome:
        answer = base.answer_of(response)
        code = base.whole(answer.get("errcode"))
        if code in _RATE_CODES or base.whole(answer.get("status")) == 1111:
            return Outcome(RETRY, "rate_limited", PENALTY)
        if code == _AMBIGUOUS and "token" not in str(answer.get("errmsg", "")).lower():
            return Outcome(RETRY, "rate_limited", PENALTY)
        if code == _BUSY:
            return Outcome(RETRY, "busy")
        return base.outcome_of_code(response, "errcode", code)


_: type[base.Connector] = DingTalk


def _signed(secret: EndpointSecret, now: datetime) -> str:
    """The robot's URL, with time and signature where it has a signing key."""
    if not secret.secret:
        return secret.url
    millis = int(now.timestamp() * 1000)
    joint = "&" if "?" in secret.url else "?"
    return f"{secret.url}{joint}timestamp={millis}&sign={sign(secret.secret, millis)}"


def sign(secret: str, timestamp_ms: int) -> str:
    """Base64 HMAC-SHA256 of "time (ms), line feed, secret" under the whole secret, percent-encoded once."""
    message = f"{timestamp_ms}\n{secret}".encode()
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return quote(base64.b64encode(digest).decode("ascii"), safe="")


def _body(card: Card) -> dict[str, Any]:
    text = _markdown(card)
    if not card.link:
        return {"msgtype": "markdown", "markdown": {"title": card.title, "text": text}}
    return {
        "msgtype": "actionCard",
        "actionCard": {"title": card.title, "text": text, "singleTitle": card.link_label, "singleURL": card.link},
    }


def _markdown(card: Card) -> str:
    first, others = card.lines[:1], card.lines[1:]  # the words, or where nobody spoke the facts
    return "\n\n".join([f"### {card.title}", *(f"> {line}" for line in first), *others])


def _bundle(card: BundleCard) -> dict[str, Any]:
    lines = (f"- {line.text}" + (f" [{card.link_label}]({line.link})" if line.link else "") for line in card.lines)
    text = "\n".join([f"### {card.title}", "", *lines])
    return {"msgtype": "markdown", "markdown": {"title": card.title, "text": text}}
