"""Slack incoming webhook: a message of blocks. Success is HTTP 200 with the text ``ok``; errors are plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from chalicelib.connectors import base, bundles
from chalicelib.connectors.bundles import BundleCard
from chalicelib.connectors.cards import Card, fit
from chalicelib.domain.outbound.exchange import (
    DELIVERED,
    FAILED,
    RETRY,
    UNREADABLE,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
)
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field

MAX_BLOCKS: Final = 50
MAX_SECTION: Final = 3_000  # characters
_REFUSALS: Final = (
    "invalid_payload",
    "no_text",
    "action_prohibited",
    "invalid_token",
    "no_service",
    "channel_not_found",
)
_ESCAPED: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Slack:
    """All words go in as ``plain_text``, which knows no markup and no mentions; only the notification is mrkdwn."""

    name = "slack"
    kind = "event"
    has_idempotency = False
    chat = True
    signs = False
    credential: str | None = ""  # the path is
    limits: tuple[Limit, ...] = (Limit(1, 1.0, guard=0.0),)  # over it Slack says when to come back, and blocks nobody
    fields: tuple[Field, ...] = ()
    credential_fields: tuple[Field, ...] = ()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)

    def bundle(
        self, messages: Sequence[Message], secret: EndpointSecret, settings: Mapping[str, Any]
    ) -> tuple[HttpRequest, int]:
        body, named = bundles.fit(
            messages, base.lang_of(settings), _bundle, lambda told: len(told["blocks"]), MAX_BLOCKS
        )
        return base.json_request(secret.url, secret, {}, base.json_bytes(body)), named

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest:
        body = fit(message, base.lang_of(settings), _body, _longest, MAX_SECTION)
        return base.json_request(secret.url, secret, {}, base.json_bytes(body))

    def outcome(self, response: HttpResponse) -> Outcome:
        by_status = base.outcome_of_status(response, permanent=True)
        told = response.body.decode("utf-8", "replace").strip()
        if by_status.verdict == DELIVERED and (response.status, told) != (200, "ok"):
            return Outcome(RETRY, UNREADABLE)
        if by_status.verdict == FAILED and told in _REFUSALS:
            return Outcome(FAILED, told)
        return by_status


_: type[base.Connector] = Slack


def _message(title: str, blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``text`` is what a notification shows: mrkdwn, in which three signs are escaped."""
    header = {"type": "header", "text": _plain(title)}
    return {"text": title.translate(_ESCAPED), "blocks": [header, *blocks]}


def _body(card: Card) -> dict[str, Any]:
    blocks = [_section(line) for line in card.lines]
    if card.link:
        blocks.append({"type": "actions", "elements": [_button(card.link_label, card.link)]})
    return _message(card.title, blocks)


def _longest(body: Mapping[str, Any]) -> int:
    """Characters of its longest text."""
    return max(len(block["text"]["text"]) for block in body["blocks"] if "text" in block)


def _bundle(card: BundleCard) -> dict[str, Any]:
    blocks = []
    for line in card.lines:
        block = _section(line.text)
        if line.link:
            block["accessory"] = _button(card.link_label, line.link)
        blocks.append(block)
    return _message(card.title, blocks)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text)}


def _button(label: str, url: str) -> dict[str, Any]:
    return {"type": "button", "text": _plain(label), "url": url}


def _plain(text: str) -> dict[str, Any]:
    """No ``:name:`` in it becomes a picture."""
    return {"type": "plain_text", "text": text, "emoji": False}
