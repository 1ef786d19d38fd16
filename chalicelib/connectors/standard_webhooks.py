"""Any system that speaks Standard Webhooks 1.0: signed JSON events, the id stable over retries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

from chalicelib.connectors import base
from chalicelib.connectors.callbacks import Call, CallbackReader, Opened, Reply, Said, in_force
from chalicelib.connectors.cards import clip
from chalicelib.domain.cases import playbook
from chalicelib.domain.cases.graph import Told
from chalicelib.domain.cases.playbook import LANGUAGES, Playbook
from chalicelib.domain.cases.ticket import Ticket, title_in
from chalicelib.domain.cases.verification import Ask
from chalicelib.domain.events import rfc3339
from chalicelib.domain.outbound import callback, standard_webhooks
from chalicelib.domain.outbound.exchange import UNREADABLE, HttpRequest, HttpResponse, Message, Outcome
from chalicelib.domain.outbound.item import Item
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.text import strict_json
from chalicelib.domain.vocabulary import TROUBLE_EVENTS
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Tag
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid

# What proves callbacks where the two directions do not share a secret: ``whpk_…``, or two of them during a rotation.
CALLBACK_KEY: Final = "callback_key"
_TICKET: Final = "{ticket_id}"  # stands for it in ``status_url``
MAX_BODY: Final = 20_000  # bytes; the specification asks for less than 20 KB


@dataclass(frozen=True, slots=True)
class _Room:
    """How much of a feedback goes in."""

    words: int  # characters of all texts together
    texts: int
    tags: int
    playbook: bool = True  # its texts, not only which one it is


# Tried in turn; the last one fits whatever a ticket and a feedback hold.
_ROOMS: Final = (
    _Room(20_000, 50, 50),
    _Room(6_000, 50, 50),
    _Room(3_000, 30, 30),
    _Room(1_000, 10, 20),
    _Room(300, 5, 5),
    _Room(300, 5, 5, playbook=False),
)

# What an event carries besides the ticket, the feedback and the envelope.
_ALERT_FIELDS: Final = ("alert_id", "rule", "severity", "unit", "topic", "named", "swallowed")
_ISSUE_FIELDS: Final = ("issue_id", "issue_version", "state", "level", "topics", "unit", "unit_kind", "departments",
                        "owner")  # fmt: skip
_COUNTED: Final[Mapping[str, str]] = {"loop.week": "loop", "digest.ready": "digest"}
_COUNTED_FIELDS: Final = (
    *("digest_id", "kind", "week", "since", "until", "unit", "numbers", "complete", "issues", "counts"),
)
_TROUBLE_FIELDS: Final = ("endpoint_id", "delivery_id", "reason", "code")


class StandardCallback:
    """Our own form of a callback, signed as Standard Webhooks. The sender hears what it came to."""

    methods: tuple[str, ...] = ("POST",)
    content_types: tuple[str, ...] = ("application/json",)
    tells_verdict = True

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        # Not even decoded: what JSON it is not is told to a proven sender only.
        keys = secret.credentials.get(CALLBACK_KEY, "").split() or in_force(secret, now)
        standard_webhooks.verify(keys, call.headers, call.body, now)
        return Opened(call.body)

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002 - the protocol's
        return None

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:  # noqa: ARG002 - the protocol's
        body = strict_json.decode(opened.payload)
        return (callback.read_answer(body) or callback.as_said(callback.read(body, now)),)

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002 - the protocol's
        return None


_back: type[CallbackReader] = StandardCallback


class StandardWebhooks:
    """Two signatures while a secret is rotated, so the receiver may change over at its own time."""

    name = "standard_webhooks"
    kind = "event"
    has_idempotency = True
    chat = False
    signs = True
    credential: str | None = None
    limits: tuple[Limit, ...] = ()
    fields: tuple[Field, ...] = (Field("status_url", longest=500),)
    reads_at_once = 1
    silent: tuple[str, ...] = ()
    credential_fields: tuple[Field, ...] = (Field(CALLBACK_KEY),)
    callback: CallbackReader | None = StandardCallback()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        template = settings.get("status_url")
        if template and (_TICKET not in template or not template.startswith(("/", "https://", "http://"))):
            raise Invalid(
                f"A path or URL with {_TICKET} in it.", code="settings_invalid", pointer="/settings/status_url"
            )

    def render(self, message: Message, secret: EndpointSecret, settings: Mapping[str, Any]) -> HttpRequest:
        if not secret.secret:
            raise Invalid("The endpoint has no signing secret.", code="secret_missing")
        body = _fit(message, str(settings.get("lang") or LANGUAGES[0]))
        timestamp = int(message.now.timestamp())
        signatures = [
            standard_webhooks.sign(one, message.delivery_id, timestamp, body) for one in in_force(secret, message.now)
        ]
        headers = {
            "webhook-id": message.delivery_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }
        return base.json_request(secret.url, secret, headers, body)

    def authorise(self, access: base.Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        return None

    def token(self, response: HttpResponse, now: datetime) -> base.Token | Outcome:  # noqa: ARG002
        return self.outcome(response)

    def read(self, items: Sequence[Item], access: base.Access, now: datetime) -> HttpRequest:
        """A signed GET. Its ``webhook-id`` names the ticket, for the URL itself is not under the signature."""
        (item,), secret = items, access.secret
        if not secret.secret:
            raise Invalid("The endpoint has no signing secret.", code="secret_missing")
        url = urljoin(secret.url, str(access.settings["status_url"]).replace(_TICKET, quote(item.ticket, safe="")))
        if _origin(url) != _origin(secret.url):  # the header fields that go along are credentials of that place
            raise Invalid("The status URL is of another host than the endpoint's.", code="status_url_foreign")
        timestamp = int(now.timestamp())
        msg_id = f"status-{item.ticket}-{timestamp}"
        signatures = [standard_webhooks.sign(one, msg_id, timestamp, b"") for one in in_force(secret, now)]
        named = {
            "webhook-id": msg_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }
        return HttpRequest("GET", url, {**secret.headers, "Accept": "application/json", **named}, b"")

    def seen(self, response: HttpResponse, items: Sequence[Item], settings: Mapping[str, Any]) -> Sequence[Said]:  # noqa: ARG002
        """The answer is a callback: whole, or its ``data`` alone. It may leave out which ticket it is of."""
        (item,), answer = items, strict_json.decode(response.body)
        data = answer.get("data", answer) if isinstance(answer, dict) else None
        if not isinstance(data, dict) or data.get("ticket_id", item.ticket) != item.ticket:
            raise Invalid("The answer is not about the ticket that was asked for.", code=UNREADABLE)
        told = {"type": callback.TYPE, "data": {**data, "ticket_id": item.ticket}}
        return (callback.as_said(callback.read(told, None)),)

    def outcome(self, response: HttpResponse) -> Outcome:
        return base.outcome_of_status(response, permanent=False)


_: type[base.Connector] = StandardWebhooks
_readable: type[base.Readable] = StandardWebhooks


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _fit(message: Message, lang: str) -> bytes:
    """The body with as many of the words as fit."""
    for room in _ROOMS:
        body = base.json_bytes(
            {
                "type": message.type,
                "timestamp": message.occurred_at,
                "sequence": message.sequence,
                "data": _data(message, room, lang),
            }
        )
        if len(body) < MAX_BODY:
            break
    return body


def _data(message: Message, room: _Room, lang: str) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if message.ticket:
        data["ticket"] = _ticket(message.ticket, message.link, lang)
    if message.ask:
        data["verification"] = _ask(message.ask)
    if message.type == "alert.raised":
        alert = {name: message.detail[name] for name in _ALERT_FIELDS if name in message.detail}
        data["alert"] = {"id": alert.pop("alert_id", None), **alert}
    if message.detail.get("issue_id"):
        data["issue"] = {name: message.detail[name] for name in _ISSUE_FIELDS if name in message.detail}
    if message.type in _COUNTED:
        data[_COUNTED[message.type]] = {
            name: message.detail[name] for name in _COUNTED_FIELDS if name in message.detail
        }
    if message.type in TROUBLE_EVENTS:
        data["trouble"] = {name: message.detail[name] for name in _TROUBLE_FIELDS if message.detail.get(name)}
    if message.feedback:
        data["feedback"] = _feedback(message.feedback, room)
        data["customer"] = dict(message.customer)
    if message.path:
        data["path"] = [_edge(one, lang, whole=room.playbook) for one in message.path]
    data["playbook"] = _playbook(message.playbook, lang, whole=room.playbook) if message.playbook else {}
    return data


def _playbook(one: Playbook, lang: str, *, whole: bool) -> dict[str, Any]:
    shown = playbook.spoken(one, lang)
    return shown if whole else {name: shown[name] for name in ("id", "version", "title")}


def _edge(one: Told, lang: str, *, whole: bool) -> dict[str, Any]:
    ends = {"from": {"kind": one.kinds.start, "id": one.start}, "to": {"kind": one.kinds.end, "id": one.end}}
    shown = {"from": ends["from"] | {"name": one.names[0][lang]}, "to": ends["to"] | {"name": one.names[1][lang]}}
    return {**(shown if whole else ends), "reason": one.reason, **({"why": one.why[lang]} if whole else {})}


def _ticket(ticket: Ticket, link: str, lang: str) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "version": ticket.version,
        "state": ticket.state,
        "severity": ticket.severity,
        "title": clip(title_in(ticket, lang), 200),
        "unit": ticket.unit,
        "touchpoint": ticket.touchpoint,
        "departments": [clip(name, 60) for name in ticket.departments[:20]],
        "level": ticket.level,
        "issue": ticket.issue,
        "parent": ticket.parent,
        "parts": [clip(name, 60) for name in ticket.parts[:20]],
        "reasons": [
            {"rule": reason.rule, "version": reason.version, "severity": reason.severity, "lapsed": reason.lapsed}
            for reason in ticket.reasons[:20]
        ],
        "due_at": rfc3339(ticket.due_at) if ticket.due_at else None,
        "url": link or None,
    }


def _ask(ask: Ask) -> dict[str, Any]:
    """What the customer is asked, in their language and in each; ``url`` is where they answer."""
    return {
        "question": playbook.said(ask.question, ask.lang),
        "lang": ask.lang,
        "questions": dict(ask.question),
        "answer_by": rfc3339(ask.answer_by),
        "url": ask.url or None,
    }


def _feedback(feedback: Feedback, room: _Room) -> dict[str, Any]:
    texts, truncated = _texts(feedback, room)
    return {
        "id": feedback.id,
        "revision": feedback.revision,
        "occurred_at": rfc3339(feedback.occurred_at),
        "channel": feedback.channel,
        "lang": feedback.lang,
        "scores": [
            {"kind": score.kind, "value": score.value, "scale": [score.low, score.high],
             "class": feedback.classes.get(score.kind)}
            for score in feedback.scores[:20]
        ],
        "texts": texts,
        "truncated": truncated,
        "tags": [
            _tag(tag) for tag in sorted(feedback.understanding.tags, key=lambda tag: -tag.confidence)[: room.tags]
        ],
        "red_lines": list(feedback.understanding.red_lines),
    }  # fmt: skip


def _tag(tag: Tag) -> dict[str, Any]:
    return {
        "topic": clip(tag.topic, 100),
        "polarity": tag.polarity,
        "text": tag.text,
        "start": tag.start,
        "end": tag.end,
        "confidence": round(tag.confidence, 3),
    }


def _texts(feedback: Feedback, room: _Room) -> tuple[list[dict[str, Any]], bool]:
    """Words in order while there is room, and whether something was left out. Places stay as the tags name them."""
    texts: list[dict[str, Any]] = []
    left = room.words
    truncated = len(feedback.texts) > room.texts
    for text in feedback.texts[: room.texts]:
        shown = clip(text.text, left)
        left -= len(shown)
        truncated = truncated or shown != text.text
        texts.append({"question": clip(text.question or "", 100) or None, "text": shown, "speaker": text.speaker})
    return texts, truncated
