"""Salesforce: one record, a Case unless the settings say otherwise, for each ticket.

The ticket's id stands in a unique external-id field, so creating is an upsert and may be repeated. Errors are a JSON
array; an update answers with nothing at all. What comes back is Standard Webhooks, sent by a Flow of the customer's
own; it repeats the mark that our last write left, which tells an echo from a person's change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from chalicelib.connectors import base, cards, crypto, words
from chalicelib.connectors.callbacks import Call, CallbackReader, Opened, Reply, Said, in_force
from chalicelib.domain.outbound import callback, standard_webhooks
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
from chalicelib.domain.outbound.item import Item
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.domain.text.hygiene import is_identifier
from chalicelib.domain.workspaces.directory import EndpointSecret
from chalicelib.domain.workspaces.fields import Field
from chalicelib.errors import Invalid

VERSION: Final = "v61.0"
MAX_SUBJECT: Final = 255  # characters
MAX_DESCRIPTION: Final = 32_000  # idem, and of every other field that is filled in
TOKEN_LIFE: Final = timedelta(minutes=15)  # the answer names none; the shortest that an organisation can set
QUOTA_WAIT: Final = 900.0  # seconds: the quota is of 24 hours and frees itself bit by bit

STATES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("triage", "open", "reopened"), "New"),
    **dict.fromkeys(("accepted", "in_progress", "waiting_customer"), "Working"),
    **dict.fromkeys(("resolved", "verifying", "closed", "merged", "rejected"), "Closed"),
}
PRIORITIES: Final[Mapping[str, str]] = {"low": "Low", "medium": "Medium", "high": "High", "critical": "High"}

_LATER: Final[Mapping[str, Outcome]] = {
    "INVALID_SESSION_ID": Outcome(RETRY, base.TOKEN_EXPIRED),
    "REQUEST_LIMIT_EXCEEDED": Outcome(RETRY, "rate_limited", QUOTA_WAIT),
    "UNABLE_TO_LOCK_ROW": Outcome(RETRY, "unable_to_lock_row"),
    "SERVER_UNAVAILABLE": Outcome(RETRY, "server_unavailable"),
}
_CHANGED: Final = "LastModifiedDate"
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_VERSION: Final = re.compile(r"v[0-9]{2,3}\.0")
_ERROR: Final = re.compile(r"[A-Z][A-Z0-9_]{0,59}")
_OAUTH_LATER: Final = ("temporarily_unavailable", "server_error")
_OAUTH_ERROR: Final = re.compile(r"[a-z][a-z_]{0,39}")
_CONTACT: Final = re.compile(r"003[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")


class SalesforceBack:
    """Standard Webhooks: ``ticket.status_changed`` with ``mark``, the content of the version field, beside the data."""

    methods: tuple[str, ...] = ("POST",)
    content_types: tuple[str, ...] = ("application/json",)

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        standard_webhooks.verify(in_force(secret, now), call.headers, call.body, now)
        return words.opened(call, call.headers.get("webhook-id"))

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002
        return None

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:
        body = words.decoded(opened.payload)
        said = callback.read(body, now)
        return (
            Said(
                status=words.back(said.status, settings, STATES),
                external_id=said.external_id,
                ticket_id=said.ticket,
                version=said.version,
                occurred_at=said.occurred_at,
                delivery=opened.payload.get("delivery"),
                echo=words.is_own(body["data"].get("mark"), said.status),
                alike=words.alike(said.status, settings, STATES),
                note=said.note,
                root_cause=said.given.root_cause,
                action=said.given.action,
                actor=said.actor,
            ),
        )

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002
        return None


class Salesforce:
    """The server-to-server flow with client credentials; the organisation's own domain is the endpoint's URL."""

    name = "salesforce"
    kind = "state"
    has_idempotency = True
    key_life: float | None = None
    searches = False
    search_lag = 0.0
    reads_at_once = 50  # their ids stand in the URL
    silent: tuple[str, ...] = ()
    chat = False
    signs = True
    credential: str | None = None
    limits: tuple[Limit, ...] = ()
    fields: tuple[Field, ...] = (
        Field("external_id_field", required=True),
        Field("version_field"),
        Field("object", default="Case"),
        Field("api_version", default=VERSION, sure="recalled"),
        Field("status_field", default="Status", sure="recalled"),
        Field("priority_field", default="Priority", sure="recalled"),
        Field("subject_field", default="Subject", sure="recalled"),
        Field("description_field", default="Description", sure="recalled"),
        Field("origin", default="Web", sure="recalled"),
        Field("link_contact", "flag", default=False, sure="recalled"),
        *words.MAPS,
    )
    credential_fields: tuple[Field, ...] = (Field("client_id", required=True), Field("client_secret", required=True))
    callback: CallbackReader | None = SalesforceBack()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        words.check(settings)
        for field in self.fields:
            value = settings.get(field.name)
            if value and (field.name == "object" or field.name.endswith("_field")) and not _NAME.fullmatch(str(value)):
                raise _unfit("This is no API name of an object or a field.", field.name)
        if settings.get("api_version") and not _VERSION.fullmatch(str(settings["api_version"])):
            raise _unfit("An API version looks like v61.0.", "api_version")

    def authorise(self, access: base.Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        secret = access.secret
        form = {name: secret.credentials.get(name, "") for name in ("client_id", "client_secret")}
        body = urlencode({"grant_type": "client_credentials", **form}).encode()
        headers = {**secret.headers, "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        return HttpRequest("POST", f"{secret.url.rstrip('/')}/services/oauth2/token", headers, body)

    def token(self, response: HttpResponse, now: datetime) -> base.Token | Outcome:
        answer = base.answer_of(response)
        value, error = answer.get("access_token"), answer.get("error")
        if 200 <= response.status < 300:
            if isinstance(value, str) and value.isascii() and value.isprintable() and value:
                return base.Token(value, now + TOKEN_LIFE)
            return Outcome(RETRY, UNREADABLE)
        by_status = base.outcome_of_status(response, permanent=True)
        if isinstance(error, str) and _OAUTH_ERROR.fullmatch(error):
            if error in _OAUTH_LATER:
                return Outcome(RETRY, f"oauth_{error}")
            return Outcome(FAILED, f"oauth_{error}") if by_status.verdict == FAILED else by_status
        return by_status

    def find(self, message: Message, access: base.Access) -> HttpRequest | None:  # noqa: ARG002
        return None

    def found(self, response: HttpResponse) -> str | None:  # noqa: ARG002
        return None

    def create(self, message: Message, access: base.Access) -> HttpRequest:
        """An upsert: the id stands in the path alone, the body may not repeat it."""
        return _patch(_by_ticket(message, access), _record(message, access.settings, new=True), access)

    def created(self, response: HttpResponse, message: Message) -> str | None:
        """The record's id. An upsert that found the record may answer with nothing: then the ticket's id does."""
        if response.status == 204 and message.ticket is not None:
            return message.ticket.id
        external_id = base.answer_of(response).get("id")
        return external_id if is_identifier(external_id) else None

    def update(self, message: Message, external_id: str, access: base.Access) -> HttpRequest | None:
        """By the record's own id: one that was deleted over there is not made again."""
        known = external_id != words.ticket_of(message).id
        path = f"{_object(access.settings)}/{crypto.percent(external_id)}" if known else _by_ticket(message, access)
        return _patch(path, _record(message, access.settings, new=False), access)

    def read(self, items: Sequence[Item], access: base.Access, now: datetime) -> HttpRequest:  # noqa: ARG002
        """By the ticket's id: an upsert need not have told the record's own."""
        settings = access.settings
        names = ["Id", settings["external_id_field"], _field(settings, "status_field"), _CHANGED]
        names += [settings["version_field"]] if settings.get("version_field") else []
        wanted = ",".join(f"'{item.ticket}'" for item in items)
        query = f"SELECT {','.join(names)} FROM {_field(settings, 'object')} WHERE {names[1]} IN ({wanted})"  # noqa: S608 - API names, and ids of ours
        path = f"/services/data/{_field(settings, 'api_version')}/query?{urlencode({'q': query})}"
        return _request("GET", path, b"", access)

    def seen(self, response: HttpResponse, items: Sequence[Item], settings: Mapping[str, Any]) -> Sequence[Said]:
        ids = {item.ticket: item.external_id or "" for item in items}
        field, records = settings["external_id_field"], base.listed(base.answer_of(response), "records")
        return [_read(one, ids[told], settings) for one in records if (told := str(one.get(field))) in ids]

    def outcome(self, response: HttpResponse) -> Outcome:
        code = _error_of(response)
        if code in _LATER:
            return _LATER[code]
        if response.status == 401 and not code:
            return Outcome(RETRY, base.TOKEN_EXPIRED)
        if response.status == 300:  # several records have the value: the field is not unique
            return Outcome(FAILED, "external_id_not_unique")
        if code and response.status < 500:
            return Outcome(FAILED, code.lower())
        by_status = base.outcome_of_status(response, permanent=True)
        answer = base.answer_of(response)
        told = response.status == 204 or answer.get("success") is True or isinstance(answer.get("records"), list)
        return Outcome(RETRY, UNREADABLE) if by_status.verdict == DELIVERED and not told else by_status


_: type[base.StateConnector] = Salesforce
_readable: type[base.Readable] = Salesforce


def _record(message: Message, settings: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """The fields and their values; what we need ourselves wins over a template of the same field, but for words."""
    ticket, lang = words.ticket_of(message), base.lang_of(settings)
    word = words.of_state(ticket, settings, STATES)
    subject, description = _field(settings, "subject_field"), _field(settings, "description_field")
    texts = {
        subject: cards.headline(message, lang, MAX_SUBJECT),
        description: cards.plain_text(message, lang, MAX_DESCRIPTION),
        **words.filled(message, settings, lang),
    }
    room = {subject: MAX_SUBJECT}
    record = {
        name: cards.clip(value, room.get(name, MAX_DESCRIPTION)) if isinstance(value, str) else value
        for name, value in texts.items()
    }
    record[_field(settings, "status_field")] = word
    record[_field(settings, "priority_field")] = words.of_severity(ticket, settings, PRIORITIES)
    if settings.get("version_field"):
        record[settings["version_field"]] = words.mark(ticket, word)
    contact = message.customer.get("id", "")
    if settings.get("link_contact") and _CONTACT.fullmatch(contact):
        record["ContactId"] = contact
    origin = settings.get("origin", _DEFAULTS["origin"])
    return {**record, **({"Origin": origin} if new and origin else {})}


_DEFAULTS: Final[Mapping[str, Any]] = {field.name: field.default for field in Salesforce.fields}


def _field(settings: Mapping[str, Any], name: str) -> str:
    return str(settings.get(name) or _DEFAULTS[name])


def _object(settings: Mapping[str, Any]) -> str:
    return f"/services/data/{_field(settings, 'api_version')}/sobjects/{_field(settings, 'object')}"


def _by_ticket(message: Message, access: base.Access) -> str:
    settings = access.settings
    return f"{_object(settings)}/{settings['external_id_field']}/{crypto.percent(words.ticket_of(message).id)}"


def _read(record: Mapping[str, Any], external_id: str, settings: Mapping[str, Any]) -> Said:
    """How a record of a query's answer stands."""
    word = record.get(_field(settings, "status_field"))
    word = word if is_identifier(word) else ""
    return Said(
        status=words.back(word, settings, STATES) if word else "",
        external_id=external_id,
        occurred_at=words.moment(record.get(_CHANGED)),
        echo=words.is_own(record.get(str(settings.get("version_field"))), word),
        alike=words.alike(word, settings, STATES),
    )


def _patch(path: str, record: Mapping[str, Any], access: base.Access) -> HttpRequest:
    return _request("PATCH", path, base.json_bytes(record), access)


def _request(method: str, path: str, body: bytes, access: base.Access) -> HttpRequest:
    secret = access.secret
    headers = {
        **secret.headers,
        "Content-Type": "application/json; charset=utf-8",
        "Authorization": f"Bearer {access.token or ''}",
    }
    return HttpRequest(method, secret.url.rstrip("/") + path, headers, body)


def _error_of(response: HttpResponse) -> str:
    """The code of the first error, in an array or in an answer that says ``success: false``; empty where none is."""
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        return ""
    if isinstance(value, dict) and value.get("success") is False:
        value = value.get("errors")
    first = value[0] if isinstance(value, list) and value else None
    if not isinstance(first, dict):
        return ""
    code = first.get("errorCode") or first.get("statusCode")
    return code if isinstance(code, str) and _ERROR.fullmatch(code) else "error_unnamed"


def _unfit(message: str, name: str) -> Invalid:
    return Invalid(message, code="settings_invalid", pointer=f"/settings/{name}")
