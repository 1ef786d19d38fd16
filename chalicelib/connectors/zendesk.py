"""Zendesk Support: one ticket there for each ticket here, created under an ``Idempotency-Key``.

What was said is the first comment, kept from the requester unless the endpoint says otherwise. An update changes
fields and adds no comment, so that repeating one changes nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.connectors import base, cards, crypto, templates, words
from chalicelib.connectors.callbacks import Call, CallbackReader, Opened, Reply, Said, in_force
from chalicelib.domain.ids import digest
from chalicelib.domain.outbound.exchange import (
    DELIVERED,
    RETRY,
    UNREADABLE,
    HttpRequest,
    HttpResponse,
    Message,
    Outcome,
)
from chalicelib.domain.outbound.item import Item
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.text import strict_json
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid

MAX_SUBJECT: Final = 150  # characters; what an agent's list shows
MAX_BODY: Final = 30_000  # characters of the comment
TAG: Final = "echoloop"
_TICKETS: Final = "/api/v2/tickets"
_CUSTOM: Final = re.compile(r"[0-9]{1,18}")  # the id of a custom field

PRIORITIES: Final[Mapping[str, str]] = {"low": "low", "medium": "normal", "high": "high", "critical": "urgent"}

_TICKET_EVENTS: Final = "zen:event-type:ticket."
# Their status for each of our states. Empty: theirs is left alone, as an agent may have taken the ticket meanwhile.
STATES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("triage", "open"), ""),
    **dict.fromkeys(("accepted", "in_progress", "reopened"), "open"),
    "waiting_customer": "pending",
    **dict.fromkeys(("resolved", "verifying", "closed", "merged", "rejected"), "solved"),
}
# Our state for each of Zendesk's, where the endpoint's maps do not say otherwise. A new one is what our create makes.
_STATES: Final = {
    "new": "",
    "open": "in_progress",
    "pending": "waiting_customer",
    "hold": "in_progress",
    "solved": "resolved",
    "closed": "resolved",
}


class ZendeskCallback:
    """A webhook's call: the body of a trigger, which is ours to write, or a ticket event as Zendesk writes it."""

    methods: tuple[str, ...] = ("POST",)
    content_types: tuple[str, ...] = ("application/json",)

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        offered = call.headers.get("x-zendesk-webhook-signature")
        timestamp = call.headers.get("x-zendesk-webhook-signature-timestamp")
        if not offered or not timestamp:
            raise crypto.missing()
        signed = timestamp.encode("utf-8", "surrogatepass") + call.body
        expected = [crypto.hmac_base64(one, signed) for one in in_force(secret, now)]
        if not any(crypto.same(one, offered) for one in expected):
            raise crypto.refused()
        crypto.check_moment(timestamp, now)
        # A repetition is signed anew, so the same signature twice is a replay.
        payload = {"text": call.body.decode("utf-8", "replace"), "at": timestamp, "signature": offered}
        agent = secret.credentials.get("email", "")
        return Opened({**payload, "own": _fingerprint(agent) if agent else ""})  # a credential waits in no queue

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002 - the protocol's
        return None

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:  # noqa: ARG002 - the protocol's
        if not opened.payload["text"].strip():
            return ()
        body = strict_json.decode(opened.payload["text"].encode())
        if not isinstance(body, dict):
            raise Invalid("The body is not an object.")
        event = str(body.get("type") or "")
        if event and not event.startswith(_TICKET_EVENTS):
            return ()
        told = body.get("detail") if event else body
        if not isinstance(told, dict):
            raise Invalid("The detail is not an object.", pointer="/detail")
        return (_said(told, body.get("time"), body.get("id") if event else None, opened.payload, settings),)

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002 - the protocol's
        return None


_back: type[CallbackReader] = ZendeskCallback


def _said(
    told: Mapping[str, Any], time: object, event_id: object, proven: Mapping[str, str], settings: Mapping[str, Any]
) -> Said:
    """``told`` names the item ``ticket_id`` in a trigger's body and ``id`` in an event; ours is its ``external_id``."""
    word = _text(told, "status").lower()
    ours = _text(told, "external_id")
    return Said(
        status=_state(word, settings),
        external_id=_text(told, "ticket_id") or _text(told, "id"),
        ticket_id=ours if ours.startswith("tk_") else None,
        occurred_at=words.moment(time or told.get("updated_at")) or words.moment(proven["at"]),
        delivery=str(event_id or proven["signature"]),
        echo=_is_own(_text(told, "by"), proven.get("own", "")),
        alike=words.alike(word, settings, STATES) if word else (),
        note=_text(told, "note"),
        root_cause=_text(told, "root_cause"),
        action=_text(told, "action"),
        actor=_text(told, "actor"),
    )


def _is_own(changed_by: str, agent: str) -> bool:
    """Whether the change was made by the agent in whose name we write; a trigger's body names who made it."""
    return crypto.same(agent, _fingerprint(changed_by))


def _fingerprint(address: str) -> str:
    return crypto.sha256_hex(address.strip().lower())


def _state(word: str, settings: Mapping[str, Any]) -> str:
    """The endpoint's own maps first: ``status_map`` as it is, ``state_map`` read backwards."""
    told = words.back(word, settings, {})
    return told if told != word or word in (settings.get("status_map") or {}) else _STATES.get(word, word)


def _text(told: Mapping[str, Any], name: str) -> str:
    """Ids come as numbers or as texts, and a placeholder that Zendesk cannot fill as nothing."""
    value = told.get(name)
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


class Zendesk:
    """The key is the ticket's and not the attempt's: a repeated create is answered with what the first one made."""

    name = "zendesk"
    kind = "state"
    has_idempotency = True
    key_life: float | None = 3_600.0  # half of what the vendor is said to remember a key for
    searches = False
    search_lag = 0.0
    reads_at_once = 20  # a ticket comes whole, with its words: a hundred may be more than we read
    silent: tuple[str, ...] = ("triage", "open")
    chat = False
    signs = False
    credential: str | None = None  # limits are an account's, and the host is the account
    limits: tuple[Limit, ...] = (Limit(200, 60.0, guard=0.0),)  # of the smallest plan
    fields: tuple[Field, ...] = (
        *words.MAPS,
        Field("requester_name", longest=100),
        Field("requester_email", longest=200),
        Field("tags", "list", default=[TAG], longest=20),
        Field("public_comment", "flag", default=False, sure="recalled"),
    )
    credential_fields: tuple[Field, ...] = (Field("email", required=True), Field("api_token", required=True))
    callback: CallbackReader | None = ZendeskCallback()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        words.check(settings)
        for name, template in (settings.get("templates") or {}).items():
            fits = isinstance(template, str) if name in ("subject", "body") else _CUSTOM.fullmatch(name)
            if not fits:
                raise Invalid(
                    "A template fills subject or body with text, or a custom field by the number of its id.",
                    code="settings_invalid",
                    pointer=f"/settings/templates/{name}",
                )

    def authorise(self, access: base.Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        return None

    def token(self, response: HttpResponse, now: datetime) -> base.Token | Outcome:  # noqa: ARG002
        return self.outcome(response)

    def find(self, message: Message, access: base.Access) -> HttpRequest | None:  # noqa: ARG002
        return None

    def found(self, response: HttpResponse) -> str | None:  # noqa: ARG002
        return None

    def create(self, message: Message, access: base.Access) -> HttpRequest:
        settings, lang = access.settings, base.lang_of(access.settings)
        ticket = words.ticket_of(message)
        template = (settings.get("templates") or {}).get("body")
        said = templates.render(template, message, lang) if template else cards.plain_text(message, lang, MAX_BODY)
        item = {
            **_fields(message, settings),
            "comment": {"body": cards.clip(said, MAX_BODY), "public": bool(settings.get("public_comment"))},
            "external_id": ticket.id,
            "tags": list(settings.get("tags") or [TAG]),
            **_requester(settings),
        }
        key = digest("zendesk", access.secret.id, ticket.id, str(access.generation))
        return _request("POST", f"{_TICKETS}.json", item, access, {"Idempotency-Key": key})

    def created(self, response: HttpResponse, message: Message) -> str | None:  # noqa: ARG002
        item = base.answer_of(response).get("ticket")
        number = item.get("id") if isinstance(item, Mapping) else None
        return str(number) if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None

    def update(self, message: Message, external_id: str, access: base.Access) -> HttpRequest | None:
        return _request("PUT", f"{_TICKETS}/{external_id}.json", _fields(message, access.settings), access, {})

    def read(self, items: Sequence[Item], access: base.Access, now: datetime) -> HttpRequest:  # noqa: ARG002
        numbers = ",".join(item.external_id or "" for item in items)
        return _request("GET", f"{_TICKETS}/show_many.json?ids={numbers}", None, access, {})

    def seen(self, response: HttpResponse, items: Sequence[Item], settings: Mapping[str, Any]) -> Sequence[Said]:  # noqa: ARG002
        """What was deleted there is left out, or comes with a status of its own."""
        told = base.listed(base.answer_of(response), "tickets")
        words_of = [(one, _text(one, "status").lower()) for one in told]
        return [
            Said(
                status=_state(word, settings),
                external_id=_text(one, "id"),
                occurred_at=words.moment(one.get("updated_at")),
                alike=words.alike(word, settings, STATES),
            )
            for one, word in words_of
            if word not in ("", "deleted")
        ]

    def outcome(self, response: HttpResponse) -> Outcome:
        answer = base.answer_of(response)
        if response.status in (400, 409, 422) and "idempoten" in str(answer.get("error", "")).lower():
            return Outcome(RETRY, base.KEY_CONFLICT)
        if response.status == 409:  # two changes met there
            return Outcome(RETRY, "http_409")
        by_status = base.outcome_of_status(response, permanent=True)
        told = isinstance(answer.get("ticket"), Mapping) or isinstance(answer.get("tickets"), list)
        if by_status.verdict == DELIVERED and not told:
            return Outcome(RETRY, UNREADABLE)
        return by_status


_: type[base.StateConnector] = Zendesk
_readable: type[base.Readable] = Zendesk


def _fields(message: Message, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a create and an update have in common: subject, status, priority and the endpoint's custom fields."""
    ticket, lang = words.ticket_of(message), base.lang_of(settings)
    filled = words.filled(message, settings, lang)
    status = words.of_state(ticket, settings, STATES)
    custom = [{"id": int(name), "value": value} for name, value in filled.items() if _CUSTOM.fullmatch(name)]
    return {
        "subject": cards.clip(str(filled.get("subject") or cards.headline(message, lang, MAX_SUBJECT)), MAX_SUBJECT),
        "priority": words.of_severity(ticket, settings, PRIORITIES),
        **({"status": status} if status else {}),
        **({"custom_fields": custom} if custom else {}),
    }


def _requester(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Who asks, in Zendesk's words: never the customer, whom Zendesk would write to."""
    email = settings.get("requester_email")
    if not email:
        return {}
    return {"requester": {"name": settings.get("requester_name") or str(email).partition("@")[0], "email": email}}


def _request(
    method: str, path: str, item: Mapping[str, Any] | None, access: base.Access, headers: Mapping[str, str]
) -> HttpRequest:
    given = access.secret.credentials
    pair = base64.b64encode(f"{given.get('email', '')}/token:{given.get('api_token', '')}".encode()).decode("ascii")
    return HttpRequest(
        method,
        access.secret.url.rstrip("/") + path,
        {
            **access.secret.headers,
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": f"Basic {pair}",
            **headers,
        },
        b"" if item is None else base.json_bytes({"ticket": item}),
    )
