"""企业微信 group robot: markdown of at most 4,096 bytes. The key in its URL is the whole credential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from chalicelib.connectors import base, bundles
from chalicelib.connectors.bundles import BundleCard
from chalicelib.connectors.cards import Card, fit
from chalicelib.domain.outbound.exchange import RETRY, HttpRequest, HttpResponse, Message, Outcome
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field

MAX_CONTENT: Final = 4_096  # bytes of UTF-8
RATE_WAIT: Final = 60.0  # seconds
_RATE_CODE: Final = 45009
_BUSY: Final = -1
_COLOURS: Final = {"low": "comment", "medium": "info", "high": "warning", "critical": "warning"}


class WeCom:
    """Its markdown knows no escape sign, so what a customer wrote comes in full-width twins."""

    name = "wecom"
    kind = "event"
    has_idempotency = False
    chat = True
    signs = False
    credential: str | None = "key"
    limits: tuple[Limit, ...] = (Limit(20, 60.0),)
    fields: tuple[Field, ...] = ()
    credential_fields: tuple[Field, ...] = ()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)

    def bundle(
        self, messages: Sequence[Message], secret: EndpointSecret, settings: Mapping[str, Any]
    ) -> tuple[HttpRequest, int]:
        content, named = bundles.fit(
            messages, base.lang_of(settings), _bundle, lambda text: len(text.encode()), MAX_CONTENT
        )
        body = base.json_bytes({"msgtype": "markdown", "markdown": {"content": content}})
        return base.json_request(secret.url, secret, {}, body), named

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest:
        content = fit(message, base.lang_of(settings), _markdown, lambda text: len(text.encode()), MAX_CONTENT)
        body = base.json_bytes({"msgtype": "markdown", "markdown": {"content": content}})
        return base.json_request(secret.url, secret, {}, body)

    def outcome(self, response: HttpResponse) -> Outcome:
        code = base.whole(base.answer_of(response).get("errcode"))
        if code == _RATE_CODE:
            return Outcome(RETRY, "rate_limited", RATE_WAIT)
        if code == _BUSY:
            return Outcome(RETRY, "busy")
        return base.outcome_of_code(response, "errcode", code)


_: type[base.Connector] = WeCom


def _markdown(card: Card) -> str:
    colour = _COLOURS.get(card.severity, "comment")
    lines = [f'## <font color="{colour}">{card.title}</font>']
    lines += [f"> {line}" for line in card.lines]
    if card.link:
        lines.append(f"[{card.link_label}]({card.link})")
    return "\n".join(lines)


def _bundle(card: BundleCard) -> str:
    lines = [f'## <font color="{_COLOURS.get(card.severity, "comment")}">{card.title}</font>']
    lines += [f"> {line.text}" + (f" [{card.link_label}]({line.link})" if line.link else "") for line in card.lines]
    return "\n".join(lines)
