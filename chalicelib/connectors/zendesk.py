"""Zendesk Support: one ticket there for each ticket here, created under an ``Idempotency-Key``.

What was said is the first comment, kept from the requester unless the endpoint says otherwise. An update changes
fields and adds no comment, so that repeating one changes nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.connectors import base, cards, templates, words
from chalicelib.connectors.callbacks import CallbackReader
from chalicelib.connectors.zendesk_callback import STATES, ZendeskCallback
from chalicelib.domain.fields import Field
from chalicelib.domain.ids import digest
from chalicelib.domain.outbound import DELIVERED, RETRY, UNREADABLE, HttpRequest, HttpResponse, Message, Outcome
from chalicelib.domain.ratelimit import Limit
from chalicelib.errors import Invalid

MAX_SUBJECT: Final = 150  # characters; what an agent's list shows
MAX_BODY: Final = 30_000  # characters of the comment
TAG: Final = "echoloop"
_TICKETS: Final = "/api/v2/tickets"
_CUSTOM: Final = re.compile(r"[0-9]{1,18}")  # the id of a custom field

PRIORITIES: Final[Mapping[str, str]] = {"low": "low", "medium": "normal", "high": "high", "critical": "urgent"}


class Zendesk:
    """The key is the ticket's and not the attempt's: a repeated create is answered with what the first one made."""

    name = "zendesk"
    kind = "state"
    has_idempotency = True
    key_life: float | None = 3_600.0  # half of what the vendor is said to remember a key for
    searches = False
    search_lag = 0.0
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

    def outcome(self, response: HttpResponse) -> Outcome:
        answer = base.answer_of(response)
        if response.status in (400, 409, 422) and "idempoten" in str(answer.get("error", "")).lower():
            return Outcome(RETRY, base.KEY_CONFLICT)
        if response.status == 409:  # two changes met there
            return Outcome(RETRY, "http_409")
        by_status = base.outcome_of_status(response, permanent=True)
        if by_status.verdict == DELIVERED and not isinstance(answer.get("ticket"), Mapping):
            return Outcome(RETRY, UNREADABLE)
        return by_status


_: type[base.StateConnector] = Zendesk


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
    method: str, path: str, item: Mapping[str, Any], access: base.Access, headers: Mapping[str, str]
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
        base.json_bytes({"ticket": item}),
    )
