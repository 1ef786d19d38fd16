"""飞书应用 Feishu / Lark app: one interactive card for each ticket, with buttons that move it, kept up to date.

The app sends a card to one chat or person under a ``uuid``, of which Feishu delivers one message within an hour, and
changes that very card later. A press comes back signed; HTTP 200 is no success, ``code`` 0 is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from chalicelib.connectors import base, cards, crypto, duty
from chalicelib.connectors.callbacks import Call, CallbackReader, Opened, Reply, Said
from chalicelib.connectors.cards import Card
from chalicelib.connectors.feishu import COLOURS
from chalicelib.domain.ids import digest
from chalicelib.domain.outbound.exchange import (
    FAILED,
    RETRY,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
)
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.text import strict_json
from chalicelib.domain.text.hygiene import is_identifier
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid, Malformed, TooLarge

MAX_CARD: Final = 28_000  # bytes of a card; Feishu takes 30 KB with everything around it
MAX_TITLE: Final = 120  # characters
KEY_LIFE: Final = 3_600.0  # seconds that Feishu knows a uuid
CHANGES: Final = timedelta(days=14)  # how long a card may be changed
TOKEN_LIFE: Final = 7_200  # seconds, where the answer names none
TEMPLATES: Final = ("title", "body")
RECEIVERS: Final = ("chat_id", "open_id", "user_id", "union_id", "email")
PRESSED: Final = "card.action.trigger"
WORDS: Final[Mapping[str, str]] = {step: step for step in duty.STEPS}

_TOKEN_CODES: Final = (99991661, 99991663, 99991664, 99991668, 99991671)
_RATE_CODES: Final = (99991400, 11232, 230020)
_BUSY_CODES: Final = (99991401, 230049)
_GONE_CODES: Final = (230011, 230110)  # taken back, deleted
_TOAST: Final = base.json_bytes(
    {
        "toast": {
            "type": "success",
            "content": "已收到",
            "i18n": {"zh_cn": "已收到", "en_us": "Received"},
        }
    }
)


class FeishuCards:
    """Presses on cards, new (``card.action.trigger``) and old, and the URL check.

    A new one is signed under the Encrypt Key, so without that key none is taken: the verification token alone, which
    stands in every body, proves nothing. The old one is signed with SHA-1 under the verification token.
    """

    methods: tuple[str, ...] = ("POST",)
    content_types: tuple[str, ...] = ("application/json",)

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        key, token = (secret.credentials.get(name, "") for name in ("encrypt_key", "verification_token"))
        payload = _object(call.body)
        if "encrypt" in payload:
            if not key or not isinstance(payload["encrypt"], str):
                raise crypto.refused()
            payload = _object(crypto.feishu_decrypt(key, payload["encrypt"]))
        if payload.get("type") == "url_verification":  # comes before signatures are set up
            if not crypto.same(token, _text(payload.get("token"))):
                raise crypto.refused()
            return Opened(payload)
        _check_signature(call, key, token, payload, now)
        # An old press has no identity of its own: the same signature twice is a replay.
        return Opened({**payload, "signature": call.headers["x-lark-signature"]} if _is_old(payload) else payload)

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002
        if opened.payload.get("type") != "url_verification":
            return None
        return Reply(body=base.json_bytes({"challenge": _text(opened.payload.get("challenge"))}))

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:  # noqa: ARG002
        """One press, or nothing: other events of the same app are no concern of ours."""
        header, event = _part(opened.payload, "header"), _part(opened.payload, "event")
        if not _is_old(opened.payload) and header.get("event_type") != PRESSED:
            return ()
        pressed = event or opened.payload  # an old press stands at the top
        value = _part(_part(pressed, "action"), "value")
        ticket, word = value.get("ticket"), value.get("step")
        status = duty.heard(word, settings, WORDS) if isinstance(word, str) else None
        if status is None:
            return ()
        message_id = _part(pressed, "context").get("open_message_id") or pressed.get("open_message_id")
        if not is_identifier(message_id):
            raise Invalid("open_message_id is not 1 to 256 printable characters.", pointer="/event/context")
        if not is_identifier(ticket):
            raise Invalid("The button names no ticket.", pointer="/event/action/value/ticket")
        return (
            Said(
                status,
                message_id,
                ticket_id=ticket,
                occurred_at=_moment(header.get("create_time")),
                delivery=_text(header.get("event_id")) or _text(opened.payload.get("signature")) or None,
                actor=_actor(pressed),
            ),
        )

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002
        """A short notice over the card; it changes when the ticket has."""
        return Reply(body=b"{}" if _is_old(opened.payload) else _TOAST)


class FeishuApp:
    """The customer's words go in as ``plain_text``, which knows no markdown and no mentions."""

    name = "feishu_app"
    kind = "state"
    has_idempotency = True
    key_life: float | None = KEY_LIFE
    searches = False
    search_lag = 0.0
    chat = True
    signs = False
    credential: str | None = "app_id"
    limits: tuple[Limit, ...] = (Limit(5, 1.0), Limit(1_000, 60.0))
    fields: tuple[Field, ...] = (
        Field("receiver_type", "choice", choices=RECEIVERS, default="chat_id"),
        duty.DEFAULT_ASSIGNEES,
        duty.ASSIGNEES,
        Field("templates", "map", longest=len(TEMPLATES)),
        Field("buttons", "flag", default=True),
        Field("codes", "flag", default=True),
    )
    credential_fields: tuple[Field, ...] = (
        Field("app_id", required=True),
        Field("app_secret", required=True),
        Field("encrypt_key"),
        Field("verification_token"),
    )
    callback: CallbackReader | None = FeishuCards()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        duty.check(settings)
        duty.check_templates(settings, TEMPLATES)

    def authorise(self, access: base.Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        secret = access.secret
        body = {name: secret.credentials.get(name, "") for name in ("app_id", "app_secret")}
        url = secret.url.rstrip("/") + "/open-apis/auth/v3/tenant_access_token/internal"
        return base.json_request(url, secret, {}, base.json_bytes(body))

    def token(self, response: HttpResponse, now: datetime) -> base.Token | Outcome:
        answer = base.answer_of(response)
        value, life = answer.get("tenant_access_token"), base.whole(answer.get("expire"))
        if base.whole(answer.get("code")) == 0 and isinstance(value, str) and value:
            return base.Token(value, base.token_end(now, life, TOKEN_LIFE))
        return self.outcome(response)

    def find(self, message: Message, access: base.Access) -> HttpRequest | None:  # noqa: ARG002
        return None

    def found(self, response: HttpResponse) -> str | None:  # noqa: ARG002
        return None

    def create(self, message: Message, access: base.Access) -> HttpRequest:
        """To the first of the ticket's assignees: Feishu sends one message to one receiver."""
        kind = access.settings.get("receiver_type") or RECEIVERS[0]
        body = {
            "receive_id": next(iter(duty.assignees(message, access.settings)), ""),
            "msg_type": "interactive",
            "content": _content(message, access),
            "uuid": message_key(access.secret, duty.item_key(duty.ticket_of(message), access.generation)),
        }
        return call("POST", f"?receive_id_type={kind}", access, body)

    def created(self, response: HttpResponse, message: Message) -> str | None:  # noqa: ARG002
        found = _part(base.answer_of(response), "data").get("message_id")
        return found if is_identifier(found) else None

    def update(self, message: Message, external_id: str, access: base.Access) -> HttpRequest | None:
        if message.now - duty.ticket_of(message).opened_at >= CHANGES:
            return None
        return call("PATCH", f"/{quote(external_id, safe='')}", access, {"content": _content(message, access)})

    def outcome(self, response: HttpResponse) -> Outcome:
        code = base.whole(base.answer_of(response).get("code"))
        if code in _TOKEN_CODES or response.status == 401:
            return Outcome(RETRY, base.TOKEN_EXPIRED)
        if code in _RATE_CODES or response.status == 429:
            return Outcome(RETRY, "rate_limited", _reset(response))
        if code in _BUSY_CODES:
            return Outcome(RETRY, "busy")
        if code in _GONE_CODES:
            return Outcome(FAILED, base.ITEM_MISSING)
        return base.outcome_of_code(response, "code", code)


_: type[base.StateConnector] = FeishuApp


def message_key(secret: EndpointSecret, item: str) -> str:
    """The ``uuid`` of a card, at most 50 characters: the same for every attempt to send this item here."""
    return digest("feishu_app", secret.workspace, secret.id, item)[:50]


def call(method: str, path: str, access: base.Access, body: Mapping[str, Any]) -> HttpRequest:
    """A call about messages in the app's name."""
    secret = access.secret
    headers = {
        **secret.headers,
        "Content-Type": "application/json; charset=utf-8",
        "Authorization": f"Bearer {access.token or ''}",
    }
    url = secret.url.rstrip("/") + "/open-apis/im/v1/messages" + path
    return HttpRequest(method, url, headers, base.json_bytes(body))


def _reset(response: HttpResponse) -> float | None:
    """Seconds until Feishu takes calls again, by its own header."""
    seconds = base.whole(response.headers.get("x-ogw-ratelimit-reset"))
    return float(seconds) if seconds and seconds > 0 else None


# The card


def _content(message: Message, access: base.Access) -> str:
    """The card as the JSON text that Feishu wants it as."""
    lang = base.lang_of(access.settings)

    def render(card: Card) -> str:
        return base.json_bytes(_card(card, message, access, lang)).decode()

    return cards.fit(message, lang, render, lambda text: len(base.json_bytes(text)), MAX_CARD)


def _card(card: Card, message: Message, access: base.Access, lang: str) -> dict[str, Any]:
    settings = access.settings
    own_body = (settings.get("templates") or {}).get("body")
    texts = [duty.shown("body", message, settings, 2_000, cards.plain_text)] if own_body else list(card.lines)
    elements: list[dict[str, Any]] = [{"tag": "div", "text": _plain(text)} for text in texts]
    buttons = _buttons(message, access, lang)
    if buttons:
        elements.append({"tag": "action", "actions": buttons})
    title = duty.shown("title", message, settings, MAX_TITLE, cards.headline)
    return {
        "config": {"wide_screen_mode": True, "update_multi": True},
        "header": {"title": _plain(title), "template": _colour(message)},
        "elements": elements,
    }


def _buttons(message: Message, access: base.Access, lang: str) -> list[dict[str, Any]]:
    """What may be pressed now, and the way to our page. A press nobody could prove is not offered."""
    ticket, given = duty.ticket_of(message), access.secret.credentials
    presses = access.settings.get("buttons", True) and given.get("encrypt_key") and given.get("verification_token")
    buttons: list[dict[str, Any]] = [
        {
            "tag": "button",
            "text": _plain(duty.label(step, lang)),
            "type": "primary" if place == 0 else "default",
            "value": {"ticket": ticket.id, "step": step},
        }
        for place, step in enumerate(duty.steps(ticket) if presses else ())
    ]
    if message.link:
        label = _plain(duty.label("open_ticket", lang))
        buttons.append({"tag": "button", "text": label, "type": "default", "url": message.link})
    return buttons


def _colour(message: Message) -> str:
    """The severity's, and green once it is over."""
    ticket = duty.ticket_of(message)
    return "green" if ticket.state in duty.OVER else COLOURS.get(ticket.severity, "grey")


def _plain(content: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": content}


# What comes back


def _check_signature(call: Call, key: str, token: str, payload: Mapping[str, Any], now: datetime) -> None:
    """``X-Lark-Signature`` over the raw body, its time, and the token in the body. Raises Unauthorized."""
    offered = call.headers.get("x-lark-signature")
    timestamp = call.headers.get("x-lark-request-timestamp")
    nonce = call.headers.get("x-lark-request-nonce")
    if not (offered and timestamp and nonce):
        raise crypto.missing()
    if _is_old(payload):
        fits = bool(token) and crypto.same(crypto.sha1_hex(timestamp, nonce, token, call.body), offered)
    else:
        fits = bool(key) and crypto.same(crypto.feishu_signature(timestamp, nonce, key, call.body), offered)
        fits = fits and crypto.same(token, _text(_part(payload, "header").get("token")))
    if not fits:
        raise crypto.refused()
    crypto.check_seconds(timestamp, now)


def _is_old(payload: Mapping[str, Any]) -> bool:
    """Whether it is a press in the older form, which has no envelope."""
    return "header" not in payload and "open_message_id" in payload


def _object(raw: bytes) -> Mapping[str, Any]:
    """The JSON object in the bytes. Raises Unauthorized: it is read before anything is proved."""
    try:
        value = strict_json.decode(raw)
    except (Malformed, TooLarge):
        raise crypto.refused() from None
    if not isinstance(value, dict):
        raise crypto.refused()
    return value


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _moment(created: object) -> datetime | None:
    """Feishu writes microseconds for presses and milliseconds for events."""
    digits = created if isinstance(created, str) else ""
    return duty.moment(digits, 1_000_000 if len(digits) >= 16 else 1_000)


def _actor(pressed: Mapping[str, Any]) -> str | None:
    operator = _part(pressed, "operator") or pressed
    found = operator.get("user_id") or operator.get("open_id")
    return found if is_identifier(found) else None
