"""HubSpot: one ticket object for each ticket of ours, known by a unique property that holds our id.

There is no idempotency key. So a create whose outcome is unknown is looked for first; where the search index lags
behind, the unique property refuses the second one, and the next look finds it. Events come back in arrays, of every
account that the app is installed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
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

MAX_SUBJECT: Final = 255  # characters
MAX_CONTENT: Final = 30_000  # idem, and of every other property that is filled in
INDEX_LAG: Final = 30.0  # seconds until the search knows what was written
WAITS: Final[Mapping[str, float]] = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0, "DAILY": 3_600.0}
ECHO_SOURCES: Final = ("INTEGRATION", "API")  # what changed an object, where it was a program
EVENTS_AT_ONCE: Final = 1_000  # of one request, ten times what the platform names

# The stages of the pipeline that every account begins with: new, waiting on contact, waiting on us, closed.
STAGES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("triage", "open", "reopened"), "1"),
    "waiting_customer": "2",
    **dict.fromkeys(("accepted", "in_progress"), "3"),
    **dict.fromkeys(("resolved", "verifying", "closed", "merged", "rejected"), "4"),
}
PRIORITIES: Final[Mapping[str, str]] = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH", "critical": "HIGH"}

_TICKETS: Final = "/crm/v3/objects/tickets"
_STAGE: Final = "hs_pipeline_stage"
_CHANGED: Final = "hs_lastmodifieddate"
_OBJECT_TYPE: Final = "0-5"  # a ticket, in events that are named for no object
_PROPERTY: Final = re.compile(r"[a-z][a-z0-9_]{0,99}")
_CATEGORY: Final = re.compile(r"[A-Z][A-Z0-9_]{0,59}")
_TAKEN: Final = "CONFLICTING_UNIQUE_VALUE"


class HubSpotBack:
    """The newest signature that a request carries counts: v3, whose time is signed too, else v2 or v1."""

    methods: tuple[str, ...] = ("POST",)
    content_types: tuple[str, ...] = ("application/json",)

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        newest = call.headers.get("x-hubspot-signature-v3")
        offered = newest if newest is not None else call.headers.get("x-hubspot-signature")
        if not offered:
            raise crypto.missing()
        version = "v3" if newest is not None else call.headers.get("x-hubspot-signature-version", "v1").strip().lower()
        timestamp = call.headers.get("x-hubspot-request-timestamp", "")
        if version == "v3":
            crypto.check_seconds(timestamp, now, per_second=1000)
        fits = [crypto.same(_expected(version, one, call, timestamp), offered) for one in in_force(secret, now)]
        if not any(fits):
            raise crypto.refused()
        return words.opened(call)

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002
        return None

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:  # noqa: ARG002
        """The changes of stage, the oldest first: the platform keeps no order inside an array."""
        events = words.decoded(opened.payload)
        if not isinstance(events, list) or len(events) > EVENTS_AT_ONCE:
            raise Invalid(f"The body is not an array of at most {EVENTS_AT_ONCE} events.", pointer="")
        told = [_said(event, at, settings) for at, event in enumerate(events) if _is_ours(event, at, settings)]
        return sorted(told, key=lambda said: said.occurred_at or datetime.max.replace(tzinfo=timezone.utc))

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:  # noqa: ARG002
        return None


class HubSpot:
    """A private app's token opens the API; its client secret proves the events."""

    name = "hubspot"
    kind = "state"
    has_idempotency = False
    key_life: float | None = None
    searches = True
    search_lag = INDEX_LAG
    reads_at_once = 100  # of one batch
    silent: tuple[str, ...] = ()
    chat = False
    signs = False
    credential: str | None = "access_token"
    limits: tuple[Limit, ...] = (Limit(100, 10.0),)  # of the smallest plan
    fields: tuple[Field, ...] = (
        Field("ticket_property", default="echoloop_ticket_id"),
        Field("pipeline", default="0"),
        *words.MAPS,
        Field("contact_association", "number", default=0, sure="recalled"),
        Field("portal_id"),
        Field("echo_sources", "list", default=list(ECHO_SOURCES), sure="recalled", longest=10),
    )
    credential_fields: tuple[Field, ...] = (Field("access_token", required=True),)
    callback: CallbackReader | None = HubSpotBack()

    def validate_settings(self, settings: Mapping[str, Any]) -> None:
        base.validate_common(self, settings)
        words.check(settings)
        for name in (_property(settings), *(settings.get("templates") or {})):
            if not _PROPERTY.fullmatch(name):
                raise Invalid(
                    "A property's internal name is lower-case letters, digits and underscores.",
                    code="settings_invalid",
                    pointer="/settings/ticket_property" if name == _property(settings) else "/settings/templates",
                )

    def authorise(self, access: base.Access, now: datetime) -> HttpRequest | None:  # noqa: ARG002
        return None

    def token(self, response: HttpResponse, now: datetime) -> base.Token | Outcome:  # noqa: ARG002
        return self.outcome(response)

    def find(self, message: Message, access: base.Access) -> HttpRequest | None:
        name = _property(access.settings)
        body = {
            "filterGroups": [
                {"filters": [{"propertyName": name, "operator": "EQ", "value": words.ticket_of(message).id}]},
            ],
            "properties": [name],
            "limit": 1,
        }
        return _call("POST", f"{_TICKETS}/search", body, access)

    def found(self, response: HttpResponse) -> str | None:
        results = base.answer_of(response).get("results")
        first = results[0] if isinstance(results, list) and results else None
        return _id_of(first) if isinstance(first, dict) else None

    def create(self, message: Message, access: base.Access) -> HttpRequest:
        settings = access.settings
        properties = {**_properties(message, settings), _property(settings): words.ticket_of(message).id}
        body: dict[str, Any] = {"properties": properties}
        contact, kind = message.customer.get("id", ""), settings.get("contact_association")
        if kind and contact.isascii() and contact.isdigit():
            link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": int(kind)}
            body["associations"] = [{"to": {"id": contact}, "types": [link]}]
        return _call("POST", _TICKETS, body, access)

    def created(self, response: HttpResponse, message: Message) -> str | None:  # noqa: ARG002
        return _id_of(base.answer_of(response))

    def update(self, message: Message, external_id: str, access: base.Access) -> HttpRequest | None:
        path = f"{_TICKETS}/{crypto.percent(external_id)}"
        return _call("PATCH", path, {"properties": _properties(message, access.settings)}, access)

    def read(self, items: Sequence[Item], access: base.Access, now: datetime) -> HttpRequest:  # noqa: ARG002
        body = {"properties": [_STAGE, _CHANGED], "inputs": [{"id": item.external_id} for item in items]}
        return _call("POST", f"{_TICKETS}/batch/read", body, access)

    def seen(self, response: HttpResponse, items: Sequence[Item], settings: Mapping[str, Any]) -> Sequence[Said]:  # noqa: ARG002
        """What was deleted there is left out, and named among the answer's errors."""
        told = base.listed(base.answer_of(response), "results")
        return [said for one in told if (said := _read(one, settings)) is not None]

    def outcome(self, response: HttpResponse) -> Outcome:
        answer, status = base.answer_of(response), response.status
        if status == 429:
            policy = answer.get("policyName")
            return Outcome(RETRY, "rate_limited", WAITS.get(policy) if isinstance(policy, str) else None)
        if status == 423:
            return Outcome(RETRY, "http_423")
        if status == 409 or (status == 400 and _is_taken(answer)):
            return Outcome(RETRY, base.KEY_CONFLICT, INDEX_LAG)
        by_status = base.outcome_of_status(response, permanent=True)
        if by_status.verdict == DELIVERED and not ({"id", "results"} & answer.keys()):
            return Outcome(RETRY, UNREADABLE)
        category = answer.get("category")
        if by_status.verdict == FAILED and isinstance(category, str) and _CATEGORY.fullmatch(category):
            return Outcome(FAILED, category.lower())
        return by_status


_: type[base.StateConnector] = HubSpot
_readable: type[base.Readable] = HubSpot


def _properties(message: Message, settings: Mapping[str, Any]) -> dict[str, Any]:
    """All but our id, which is written once: what we need ourselves wins over a template, but for words."""
    ticket, lang = words.ticket_of(message), base.lang_of(settings)
    texts = {
        "subject": cards.headline(message, lang, MAX_SUBJECT),
        "content": cards.plain_text(message, lang, MAX_CONTENT),
        **words.filled(message, settings, lang),
    }
    properties = {
        name: _value(value, MAX_SUBJECT if name == "subject" else MAX_CONTENT) for name, value in texts.items()
    }
    properties.pop(_property(settings), None)
    return {
        **properties,
        "hs_pipeline": str(settings.get("pipeline") or "0"),
        _STAGE: words.of_state(ticket, settings, STAGES),
        "hs_ticket_priority": words.of_severity(ticket, settings, PRIORITIES),
    }


def _value(value: Any, longest: int) -> Any:
    """Several choices are one text here, divided by semicolons."""
    if isinstance(value, list):
        return ";".join(map(str, value))
    return cards.clip(value, longest) if isinstance(value, str) else value


def _property(settings: Mapping[str, Any]) -> str:
    return str(settings.get("ticket_property") or "echoloop_ticket_id")


def _call(method: str, path: str, body: Mapping[str, Any], access: base.Access) -> HttpRequest:
    secret = access.secret
    headers = {
        **secret.headers,
        "Content-Type": "application/json; charset=utf-8",
        "Authorization": f"Bearer {secret.credentials.get('access_token', '')}",
    }
    return HttpRequest(method, secret.url.rstrip("/") + path, headers, base.json_bytes(body))


def _id_of(item: Mapping[str, Any]) -> str | None:
    external_id = item.get("id")
    return external_id if is_identifier(external_id) else None


def _is_taken(answer: Mapping[str, Any]) -> bool:
    """Whether a 400 says that another object has our unique value already."""
    errors = answer.get("errors")
    told = errors if isinstance(errors, list) else []
    return any(isinstance(one, dict) and one.get("code") == _TAKEN for one in told)


def _expected(version: str, secret: str, call: Call, timestamp: str) -> str:
    """The signature; empty, which fits nothing, for a version that there is not."""
    if version == "v3":
        return crypto.hubspot_v3(secret, call.method, call.uri, call.body, timestamp)
    if version == "v2":
        return crypto.hubspot_v2(secret, call.method, call.uri, call.body)
    return crypto.hubspot_v1(secret, call.body) if version == "v1" else ""


def _is_ours(event: Any, at: int, settings: Mapping[str, Any]) -> bool:
    """Whether it is the change of a ticket's stage in the endpoint's own account. Raises Invalid for no event."""
    if not isinstance(event, dict):
        raise Invalid("The event is not an object.", pointer=f"/{at}")
    portal = settings.get("portal_id")
    if portal and str(event.get("portalId")) != str(portal):
        return False
    kind = event.get("subscriptionType")
    named = kind == "ticket.propertyChange"
    generic = kind == "object.propertyChange" and event.get("objectTypeId") == _OBJECT_TYPE
    return (named or generic) and event.get("propertyName") == _STAGE


def _said(event: Mapping[str, Any], at: int, settings: Mapping[str, Any]) -> Said:
    item, stage = event.get("objectId"), event.get("propertyValue")
    if isinstance(item, bool) or not isinstance(item, int | str) or not is_identifier(str(item)):
        raise Invalid("objectId is neither a number nor text.", pointer=f"/{at}/objectId")
    if not is_identifier(stage):
        raise Invalid("propertyValue is not text.", pointer=f"/{at}/propertyValue")
    millis = event.get("occurredAt")
    if isinstance(millis, bool) or not isinstance(millis, int) or not 0 < millis < 10**14:
        raise Invalid("occurredAt is not a time in milliseconds.", pointer=f"/{at}/occurredAt")
    sources = settings.get("echo_sources")
    return Said(
        status=words.back(stage, settings, STAGES),
        external_id=str(item),
        occurred_at=datetime.fromtimestamp(millis / 1000, timezone.utc),
        delivery=_identity(event),
        echo=event.get("changeSource") in (ECHO_SOURCES if sources is None else sources),
        alike=words.alike(stage, settings, STAGES),
    )


def _read(item: Mapping[str, Any], settings: Mapping[str, Any]) -> Said | None:
    """How one object of a batch stands; None for one without a stage."""
    properties, external_id = item.get("properties"), _id_of(item)
    stage = properties.get(_STAGE) if isinstance(properties, Mapping) else None
    if external_id is None or not is_identifier(stage) or not isinstance(properties, Mapping):
        return None
    return Said(
        status=words.back(stage, settings, STAGES),
        external_id=external_id,
        occurred_at=words.moment(properties.get(_CHANGED)),
        alike=words.alike(stage, settings, STAGES),
    )


def _identity(event: Mapping[str, Any]) -> str:
    """What stays the same when an event is sent again: ``attemptNumber`` does not, and ``eventId`` alone may repeat."""
    return digest(
        "hubspot", *(str(event.get(name)) for name in ("eventId", "subscriptionId", "objectId", "occurredAt"))
    )
