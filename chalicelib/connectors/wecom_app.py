"""企业微信自建应用 WeCom app: one template card for each ticket, with buttons that move it.

WeCom lets a card be changed with a ``response_code`` only: once with the one that comes with sending, within 72 hours.
So an item's id is the message's with that code behind it, and without it once it is spent. What follows is told by the
next press. Its errors are HTTP 200 with an ``errcode``; neither a key nor a search tells a message that was sent.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from chalicelib.connectors import base, cards, crypto, duty
from chalicelib.connectors.callbacks import Call, CallbackReader, Opened, Reply, Said
from chalicelib.connectors.cards import Card
from chalicelib.domain.outbound.exchange import DELIVERED, RETRY, HttpRequest, HttpResponse, Message, Outcome
from chalicelib.domain.outbound.item import LONGEST_ID
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.text import strict_json
from chalicelib.domain.text.hygiene import is_identifier
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid, Malformed, TooLarge

MAX_MARKDOWN: Final = 2_048  # bytes
MAX_TITLE: Final = 36  # characters, as all that follow
MAX_WORDS: Final = 160
MAX_VALUE: Final = 30
MAX_LABEL: Final = 12
MAX_FACTS: Final = 3  # under the title and the words: five lines before the button
MAX_BUTTON: Final = 10
CHANGES: Final = timedelta(hours=72)
TOKEN_LIFE: Final = 7_200  # seconds, where the answer names none
RATE_WAIT: Final = 60.0  # seconds
TEMPLATES: Final = ("title", "body")
PRESSED: Final = "template_card_event"
WORDS: Final[Mapping[str, str]] = {step: step for step in duty.STEPS}

_TOKEN_CODES: Final = (40014, 42001)
_RATE_CODES: Final = (45009, 45033)
_BUSY: Final = -1
_UNTOUCHED: Final = ("triage", "open", "reopened")  # the one change is kept for when somebody took the case
_NOTHING: Final = "nothing"  # the step of a button that is there to be read
_RECEIVED: Final = ("已提交", "Sent")
_ECHO: Final = re.compile(rb"[0-9A-Za-z_-]{1,128}")  # digits so far


class WeComEvents:
    """The URL check (GET with ``echostr``) and presses on cards, encrypted, as XML or JSON."""

    methods: tuple[str, ...] = ("GET", "POST")
    content_types: tuple[str, ...] = ("text/xml", "application/xml", "application/json")

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        given = secret.credentials
        encrypted = call.query.get("echostr", "") if call.method == "GET" else crypto.wx_envelope(call.body, call.query)
        if not encrypted:
            raise crypto.missing()
        crypto.wx_check(given.get("callback_token", ""), call.query, encrypted, now)
        payload, receiver = crypto.wx_decrypt(given.get("callback_aes_key", ""), encrypted)
        if not crypto.same(given.get("corp_id", ""), receiver):
            raise crypto.refused()
        if call.method == "GET":
            return Opened({"echo": _echo(payload)})
        return Opened({"event": _event(payload), "xml": not call.body.lstrip().startswith(b"{")})

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002
        if "echo" not in opened.payload:
            return None
        return Reply(body=opened.payload["echo"].encode(), content_type="text/plain")

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:  # noqa: ARG002
        """One press, or nothing: other messages to the app are no concern of ours."""
        event = opened.payload["event"]
        if event.get("Event") != PRESSED:
            return ()
        step, _, ticket = _key(event)
        status = duty.heard(step, settings, WORDS)
        if status is None:
            return ()
        if not is_identifier(ticket):
            raise Invalid("The button names no ticket.", pointer="/EventKey")
        task, user, at = event.get("TaskId"), event.get("FromUserName"), event.get("CreateTime")
        return (
            Said(
                status,
                task if is_identifier(task) else ticket,
                ticket_id=ticket,
                occurred_at=duty.moment(at, 1),
                delivery=crypto.sha256_hex(f"{user}\n{at}\n{event.get('EventKey')}"),
                actor=user if is_identifier(user) else None,
            ),
        )

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:
        """Nothing, but for the last press: its buttons are put out at once."""
        event = opened.payload["event"]
        step, lang, _ = _key(event)
        if event.get("Event") != PRESSED or step != duty.STEPS[-1] or not opened.payload["xml"]:
            return Reply(content_type="text/plain")
        given, moment = secret.credentials, str(int(now.timestamp()))
        inner = _put_out(str(event.get("FromUserName") or ""), given.get("corp_id", ""), moment, lang).encode(
            "utf-8", "replace"
        )
        encrypted = crypto.wx_encrypt(given.get("callback_aes_key", ""), inner, given.get("corp_id", ""))
        nonce = secrets.token_hex(8)
        signature = crypto.wx_signature(given.get("callback_token", ""), moment, nonce, encrypted)
        body = (
            f"<xml><Encrypt>{encrypted}</Encrypt><MsgSignature>{signature}</MsgSignature>"
            f"<TimeStamp>{moment}</TimeStamp><Nonce>{nonce}</Nonce></xml>"
        )
        return Reply(body=body.encode(), content_type="text/xml")


class WeComApp:
    """Assignees are userIds; one that begins with ``party:`` or ``tag:`` is a department's or a tag's number.

    An app without a callback may not send a card that is pressed: it sends markdown, which stays as it is.
    """

    name = "wecom_app"
    kind = "state"
    has_idempotency = False
    key_life: float | None = None
    searches = False
    search_lag = 0.0
    chat = True
    signs = False
    credential: str | None = "corp_secret"
    limits: tuple[Limit, ...] = (Limit(30, 60.0), Limit(1_000, 3_600.0))
    fields: tuple[Field, ...] = (
        Field("agent_id", "number", required=True, least=0),
        duty.DEFAULT_ASSIGNEES,
        duty.ASSIGNEES,
        Field("templates", "map", longest=len(TEMPLATES)),
        Field("buttons", "flag", default=True),
        Field("codes", "flag", default=True),
        Field("card_updates", "flag", default=True, sure="seen"),
    )
    credential_fields: tuple[Field, ...] = (
        Field("corp_id", required=True),
        Field("corp_secret", required=True),
        Field("callback_token"),
        Field("callback_aes_key"),
    )
    callback: CallbackReader | None = WeComEvents()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        duty.check(settings)
        duty.check_templates(settings, TEMPLATES)

    def authorise(self, access: base.Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        given = access.secret.credentials
        query = urlencode({"corpid": given.get("corp_id", ""), "corpsecret": given.get("corp_secret", "")})
        url = f"{access.secret.url.rstrip('/')}/cgi-bin/gettoken?{query}"
        return HttpRequest("GET", url, dict(access.secret.headers), b"")

    def token(self, response: HttpResponse, now: datetime) -> base.Token | Outcome:
        answer = base.answer_of(response)
        value, life = answer.get("access_token"), base.whole(answer.get("expires_in"))
        if base.whole(answer.get("errcode")) == 0 and isinstance(value, str) and value:
            return base.Token(value, base.token_end(now, life, TOKEN_LIFE))
        return self.outcome(response)

    def find(self, message: Message, access: base.Access) -> HttpRequest | None:  # noqa: ARG002
        return None

    def found(self, response: HttpResponse) -> str | None:  # noqa: ARG002
        return None

    def create(self, message: Message, access: base.Access) -> HttpRequest:
        users, parties, tags = _people(message, access.settings)
        body: dict[str, Any] = {
            "touser": "|".join(users),
            "toparty": "|".join(parties),
            "totag": "|".join(tags),
            "agentid": int(access.settings["agent_id"]),
        }
        if _has_buttons(access):
            task = duty.item_key(duty.ticket_of(message), access.generation)
            body |= {"msgtype": "template_card", "template_card": {**_card(message, access), "task_id": task}}
        else:
            body |= {"msgtype": "markdown", "markdown": {"content": _markdown(message, access)}}
        return call("send", access, body)

    def created(self, response: HttpResponse, message: Message) -> str | None:
        answer = base.answer_of(response)
        sent, code = answer.get("msgid"), answer.get("response_code")
        item = sent if is_identifier(sent) else duty.ticket_of(message).id
        changeable = f"{item} {code}"
        return changeable if is_identifier(code) and len(changeable) <= LONGEST_ID else item

    def update(self, message: Message, external_id: str, access: base.Access) -> HttpRequest | None:
        ticket, (_, _, code) = duty.ticket_of(message), external_id.partition(" ")
        too_late = message.now - ticket.opened_at >= CHANGES
        if not code or too_late or ticket.state in _UNTOUCHED or not access.settings.get("card_updates", True):
            return None
        users, parties, tags = _people(message, access.settings)
        body: dict[str, Any] = {
            "userids": users,
            "partyids": [int(party) for party in parties],
            "tagids": [int(tag) for tag in tags],
            "agentid": int(access.settings["agent_id"]),
            "response_code": code,
        }
        if ticket.state in duty.OVER:
            word = cards.state_word(message, base.lang_of(access.settings))
            body["button"] = {"replace_name": cards.clip(word, MAX_BUTTON)}
        else:
            body["template_card"] = _card(message, access)
        return call("update_template_card", access, body)

    def renamed(self, external_id: str) -> str:
        """The item's id once it was changed: the code in it is spent."""
        return external_id.partition(" ")[0]

    def outcome(self, response: HttpResponse) -> Outcome:
        answer = base.answer_of(response)
        code = base.whole(answer.get("errcode"))
        if code in _TOKEN_CODES:
            return Outcome(RETRY, base.TOKEN_EXPIRED)
        if code in _RATE_CODES:
            return Outcome(RETRY, "rate_limited", RATE_WAIT)
        if code == _BUSY:
            return Outcome(RETRY, "busy")
        if code and "response_code" in str(answer.get("errmsg")):
            return Outcome(DELIVERED)  # the code is spent or too old: the card stays, and nothing changes that
        return base.outcome_of_code(response, "errcode", code)


_: type[base.StateConnector] = WeComApp


def call(what: str, access: base.Access, body: Mapping[str, Any]) -> HttpRequest:
    """A call about messages in the app's name."""
    query = urlencode({"access_token": access.token or ""})
    url = f"{access.secret.url.rstrip('/')}/cgi-bin/message/{what}?{query}"
    return base.json_request(url, access.secret, {}, base.json_bytes(body))


def _people(message: Message, settings: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """Users, departments and tags among the assignees."""
    users, parties, tags = [], [], []
    for one in duty.assignees(message, settings):
        kind, _, number = one.partition(":")
        if kind == "party" and number.isdecimal():
            parties.append(number)
        elif kind == "tag" and number.isdecimal():
            tags.append(number)
        else:
            users.append(one)
    return users, parties, tags


def _has_buttons(access: base.Access) -> bool:
    """Whether a press could be proved: WeCom refuses such cards from an app without a callback."""
    given = access.secret.credentials
    return bool(access.settings.get("buttons", True) and given.get("callback_token") and given.get("callback_aes_key"))


def _card(message: Message, access: base.Access) -> dict[str, Any]:
    """A card with buttons. WeCom shows plain text in all of it."""
    settings = access.settings
    lang = base.lang_of(settings)
    content = cards.build(message, lang, MAX_WORDS)
    body = " ".join(content.quotes)
    if (settings.get("templates") or {}).get("body"):
        body = duty.shown("body", message, settings, MAX_WORDS, cards.plain_text)
    card: dict[str, Any] = {
        "card_type": "button_interaction",
        "main_title": {"title": duty.shown("title", message, settings, MAX_TITLE, cards.headline)},
        "sub_title_text": cards.clip(body, MAX_WORDS),
        "horizontal_content_list": [
            {"keyname": cards.clip(label, MAX_LABEL), "value": cards.clip(value, MAX_VALUE)}
            for label, value in content.brief[:MAX_FACTS]
        ],
        "button_list": _buttons(message, lang),
    }
    if message.link:
        card["card_action"] = {"type": 1, "url": message.link}
    return card


def _buttons(message: Message, lang: str) -> list[dict[str, Any]]:
    """What may be pressed now. A card of this kind has a button at least: one that says how things are does nothing."""
    ticket = duty.ticket_of(message)
    offered = [(step, duty.label(step, lang)) for step in duty.steps(ticket)]
    return [
        {"text": cards.clip(text, MAX_BUTTON), "style": 1 if place == 0 else 2, "key": f"{step}:{lang}:{ticket.id}"}
        for place, (step, text) in enumerate(offered or [(_NOTHING, cards.state_word(message, lang))])
    ]


def _markdown(message: Message, access: base.Access) -> str:
    """WeCom's markdown knows no escape sign: what stands in a card is harmless already."""
    settings = access.settings
    lang = base.lang_of(settings)
    title = duty.shown("title", message, settings, MAX_TITLE, cards.headline)

    def render(card: Card) -> str:
        lines = [f"## {title}", *(f"> {line}" for line in card.lines)]
        return "\n".join([*lines, *([f"[{card.link_label}]({card.link})"] if card.link else [])])

    return cards.fit(message, lang, render, lambda text: len(text.encode()), MAX_MARKDOWN)


def _echo(payload: bytes) -> str:
    """The text of a URL check. Raises Unauthorized for anything else: what was encrypted for a POST stays closed."""
    found = _ECHO.fullmatch(payload)
    if found is None:
        raise crypto.refused()
    return found[0].decode("ascii")


def _event(payload: bytes) -> Mapping[str, Any]:
    """The event's fields by name. Raises Unauthorized: nobody but WeCom can have encrypted anything else."""
    try:
        value = strict_json.decode(payload) if payload.lstrip().startswith(b"{") else crypto.flat_xml(payload)
    except (Malformed, TooLarge, ValueError):
        raise crypto.refused() from None
    if not isinstance(value, dict):
        raise crypto.refused()
    return value


def _key(event: Mapping[str, Any]) -> tuple[str, str, str]:
    """Step, language and ticket of the button that was pressed, empty for somebody else's."""
    step, _, rest = str(event.get("EventKey") or "").partition(":")
    lang, _, ticket = rest.partition(":")
    return step, lang, ticket


def _put_out(user: str, corp: str, moment: str, lang: str) -> str:
    """The answer that leaves one button which cannot be pressed."""
    word = _RECEIVED[0] if lang == "zh-CN" else _RECEIVED[1]
    return (
        f"<xml><ToUserName>{escape(user)}</ToUserName><FromUserName>{escape(corp)}</FromUserName>"
        f"<CreateTime>{moment}</CreateTime><MsgType>update_button</MsgType>"
        f"<Button><ReplaceName>{word}</ReplaceName></Button></xml>"
    )
