"""简道云 Jiandaoyun: one entry of a form for each ticket, and the form's data push on the way back.

A transaction id guards a batch's retries, but for an hour only, and a single entry's not at all. So a create whose
outcome is unknown is looked for by the ticket's id first. Every API error is an HTTP 400 with a ``code``. The push
carries the whole entry, so each write of ours leaves a mark that tells an echo from a person's change.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.connectors import base, cards, crypto, words
from chalicelib.connectors.callbacks import Call, CallbackReader, Opened, Reply, Said, in_force
from chalicelib.domain.ids import digest
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

RATE_LIMITED: Final = (8303, 8304)
BUSY: Final = (4012, 9007)  # a batch edit of the whole form is under way; a lock was not to be had
MISSING: Final = 4001
TAKEN: Final = 17026  # the transaction id is known
SEARCH_LAG: Final = 30.0  # seconds; three times as long as we wait for an answer, for none is documented
LONGEST_LIST: Final = 100  # entries of one answer
MAX_FIELD: Final = 4_000  # characters of one widget; the platform documents no limit
_DATA: Final = "/api/v5/app/entry/data/"
_NAMESPACE: Final = uuid.UUID("6f0b5a52-6a0c-5a86-9f53-0d6f5d5b8f1e")
_TOLD: Final = ("data_create", "data_update", "data_recover")

# An entry has one status; the work is over there once the ticket is resolved here.
STATES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("triage", "open", "reopened"), "待处理"),
    **dict.fromkeys(("accepted", "in_progress"), "处理中"),
    "waiting_customer": "等待客户",
    **dict.fromkeys(("resolved", "verifying", "closed", "merged", "rejected"), "已完成"),
}
PRIORITIES: Final[Mapping[str, str]] = {"low": "低", "medium": "中", "high": "高", "critical": "紧急"}


class JiandaoyunBack:
    """Data push: signed with a plain SHA-1 over ``nonce:body:secret:timestamp``."""

    methods: tuple[str, ...] = ("POST",)
    content_types: tuple[str, ...] = ("application/json",)

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        offered, timestamp = call.headers.get("x-jdy-signature"), call.query.get("timestamp")
        if not offered:
            raise crypto.missing()
        crypto.check_seconds(timestamp, now)
        nonce = call.query.get("nonce", "")
        fits = [
            crypto.same(signature(call.body, nonce, one, timestamp or ""), offered) for one in in_force(secret, now)
        ]
        if not any(fits):
            raise crypto.refused()
        return words.opened(call, call.headers.get("x-jdy-deliverid"))

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002
        return None

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:  # noqa: ARG002
        """At most one: a form's other operations, other forms' entries and removals say nothing of a ticket.

        Which ticket it is of, our own record tells: an entry that somebody copied holds the same ticket's id.
        """
        payload = words.decoded(opened.payload)
        if not isinstance(payload, dict):
            raise Invalid("The body is not an object.", pointer="")
        entry = payload.get("data")
        if payload.get("op") not in _TOLD or not isinstance(entry, Mapping) or _is_foreign(entry, settings):
            return ()
        external_id, word = entry.get("_id"), _word(entry.get(str(settings.get("status_field"))))
        if not is_identifier(external_id):
            raise Invalid("_id is not 1 to 256 printable characters.", pointer="/data/_id")
        if word is None:  # no status chosen
            return ()
        return (
            Said(
                status=words.back(word, settings, STATES),
                external_id=external_id,
                occurred_at=words.moment(entry.get("updateTime")),
                delivery=_delivery(opened.payload.get("delivery"), payload, entry),
                echo=words.is_own(entry.get(str(settings.get("version_field"))), word),
                alike=words.alike(word, settings, STATES),
            ),
        )

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002
        return None


class Jiandaoyun:
    """``create_through`` chooses the call: a batch of one is guarded, a single entry starts automations."""

    name = "jiandaoyun"
    kind = "state"
    has_idempotency = False
    key_life: float | None = None
    searches = True
    search_lag = SEARCH_LAG
    reads_at_once = 50  # half of what one list holds: an entry that somebody copied has our id, too
    silent: tuple[str, ...] = ()
    chat = False
    signs = False
    credential: str | None = "api_key"
    limits: tuple[Limit, ...] = (Limit(10, 1.0),)  # of a batch call, the stricter of the two
    fields: tuple[Field, ...] = (
        Field("app_id", required=True),
        Field("entry_id", required=True),
        Field("ticket_field", required=True),
        Field("status_field", required=True),
        Field("version_field", required=True),
        Field("priority_field"),
        *words.MAPS,
        Field("create_through", "choice", choices=("batch", "single"), default="batch", sure="seen"),
        Field("data_creator"),
        Field("start_workflow", "flag", default=False),
        Field("start_trigger", "flag", default=False),
    )
    credential_fields: tuple[Field, ...] = (Field("api_key", required=True),)
    callback: CallbackReader | None = JiandaoyunBack()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        words.check(settings)
        ours = [settings.get(name) for name in ("ticket_field", "status_field", "version_field", "priority_field")]
        named = [name for name in ours if name]
        if len(set(named)) < len(named):
            raise Invalid(
                "The ticket, status, version and priority need a field each.",
                code="settings_invalid",
                pointer="/settings/version_field",
            )

    def authorise(self, access: base.Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        return None

    def token(self, response: HttpResponse, now: datetime) -> base.Token | Outcome:  # noqa: ARG002
        return self.outcome(response)

    def find(self, message: Message, access: base.Access) -> HttpRequest | None:
        """The oldest entry with our id: one that somebody copied is younger."""
        name = access.settings["ticket_field"]
        return _list([name], "eq", [words.ticket_of(message).id], 1, access)

    def found(self, response: HttpResponse) -> str | None:
        entries = base.answer_of(response).get("data")
        first = entries[0] if isinstance(entries, list) and entries else None
        return _id_of(first)

    def create(self, message: Message, access: base.Access) -> HttpRequest:
        ticket, settings = words.ticket_of(message), access.settings
        entry = _entry(message, settings)
        batch = settings.get("create_through") != "single"
        body: dict[str, Any] = {
            **({"data_list": [entry]} if batch else {"data": entry}),
            "transaction_id": transaction_id(access, ticket.id),
            "is_start_workflow": bool(settings.get("start_workflow")),
        }
        if not batch:
            body["is_start_trigger"] = bool(settings.get("start_trigger"))
        if settings.get("data_creator"):
            body["data_creator"] = settings["data_creator"]
        return _call("batch_create" if batch else "create", body, access)

    def created(self, response: HttpResponse, message: Message) -> str | None:  # noqa: ARG002
        answer = base.answer_of(response)
        made = answer.get("success_ids")
        return _id_of({"_id": made[0]} if isinstance(made, list) and len(made) == 1 else answer.get("data"))

    def update(self, message: Message, external_id: str, access: base.Access) -> HttpRequest | None:
        body = {
            "data_id": external_id,
            "data": _entry(message, access.settings),
            "is_start_trigger": bool(access.settings.get("start_trigger")),
        }
        return _call("update", body, access)

    def read(self, items: Sequence[Item], access: base.Access, now: datetime) -> HttpRequest:  # noqa: ARG002
        names = [str(access.settings[name]) for name in ("ticket_field", "status_field", "version_field")]
        return _list(names, "in", [item.ticket for item in items], LONGEST_LIST, access)

    def seen(self, response: HttpResponse, items: Sequence[Item], settings: Mapping[str, Any]) -> Sequence[Said]:
        """Of the entries with our ids those that we made; one whose status nobody has chosen says nothing."""
        ours = {item.external_id for item in items}
        entries = base.listed(base.answer_of(response), "data")
        return [_read(one, settings) for one in entries if _id_of(one) in ours]

    def outcome(self, response: HttpResponse) -> Outcome:
        answer = base.answer_of(response)
        code = base.whole(answer.get("code"))
        if code and response.status < 500:
            return _outcome_of_code(code)
        by_status = base.outcome_of_status(response, permanent=True)
        if by_status.verdict == DELIVERED and not answer and response.body.strip() != b"{}":
            return Outcome(RETRY, UNREADABLE)
        return by_status


_: type[base.StateConnector] = Jiandaoyun
_readable: type[base.Readable] = Jiandaoyun


def signature(raw: bytes, nonce: str, secret: str, timestamp: str) -> str:
    """``X-JDY-Signature``, lower-case hex, over the raw bytes."""
    return crypto.sha1_hex(nonce, b":", raw, b":", secret, b":", timestamp)


def transaction_id(access: base.Access, ticket_id: str) -> str:
    """A UUID: the same for every attempt to create this ticket's entry, another once that was deleted over there."""
    secret = access.secret
    return str(uuid.uuid5(_NAMESPACE, f"{secret.workspace}/{secret.id}/{ticket_id}/{access.generation}"))


def _entry(message: Message, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The widgets and their values; what we need ourselves wins over a template of the same field."""
    ticket = words.ticket_of(message)
    word = words.of_state(ticket, settings, STATES)
    values = {
        **words.filled(message, settings, base.lang_of(settings)),
        settings["ticket_field"]: ticket.id,
        settings["status_field"]: word,
        settings["version_field"]: words.mark(ticket, word),
    }
    if settings.get("priority_field"):
        values[settings["priority_field"]] = words.of_severity(ticket, settings, PRIORITIES)
    return {
        name: {"value": cards.clip(value, MAX_FIELD) if isinstance(value, str) else value}
        for name, value in values.items()
    }


def _call(what: str, body: Mapping[str, Any], access: base.Access) -> HttpRequest:
    settings, secret = access.settings, access.secret
    headers = {"Authorization": f"Bearer {secret.credentials.get('api_key', '')}"}
    whole = {"app_id": settings["app_id"], "entry_id": settings["entry_id"], **body}
    return base.json_request(secret.url.rstrip("/") + _DATA + what, secret, headers, base.json_bytes(whole))


def _list(names: list[str], method: str, tickets: list[str], most: int, access: base.Access) -> HttpRequest:
    """Asks for the entries of tickets, the oldest first."""
    condition = {"field": access.settings["ticket_field"], "type": "text", "method": method, "value": tickets}
    return _call("list", {"fields": names, "filter": {"rel": "and", "cond": [condition]}, "limit": most}, access)


def _read(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> Said:
    word = _word(entry.get(str(settings.get("status_field")))) or ""
    return Said(
        status=words.back(word, settings, STATES) if word else "",
        external_id=_id_of(entry) or "",
        occurred_at=words.moment(entry.get("updateTime")),
        echo=words.is_own(entry.get(str(settings.get("version_field"))), word),
        alike=words.alike(word, settings, STATES),
    )


def _id_of(entry: object) -> str | None:
    external_id = entry.get("_id") if isinstance(entry, Mapping) else None
    return external_id if is_identifier(external_id) else None


def _outcome_of_code(code: int) -> Outcome:
    """What an error of the platform means; all but a few are final."""
    if code in RATE_LIMITED:
        return Outcome(RETRY, "rate_limited")
    if code in BUSY:
        return Outcome(RETRY, f"code_{code}")
    if code == TAKEN:
        return Outcome(RETRY, base.KEY_CONFLICT)
    return Outcome(FAILED, base.ITEM_MISSING if code == MISSING else f"code_{code}")


def _is_foreign(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether the entry says that it is of another form: one push URL may be set for several."""
    places = (("appId", "app_id"), ("entryId", "entry_id"))
    return any(entry.get(theirs) not in (None, settings.get(ours)) for theirs, ours in places)


def _word(value: object) -> str | None:
    """The status that is chosen: a text, or a list of one where the widget allows several."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if is_identifier(value) else None


def _delivery(pushed: str | None, payload: Mapping[str, Any], entry: Mapping[str, Any]) -> str | None:
    """The same on a retry. Whether the platform's own id is kept on one is not documented: the edit counts first."""
    edited = entry.get("updateTime")
    if isinstance(edited, str) and edited:
        return digest("jiandaoyun", str(payload.get("op")), str(entry.get("_id")), edited)
    return digest("jiandaoyun", pushed) if pushed else None
