"""The way back from Zendesk: a webhook that a trigger calls, or that takes ticket events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.connectors import crypto, words
from chalicelib.connectors.callbacks import Call, CallbackReader, Opened, Reply, Said, in_force
from chalicelib.domain import moments, strict_json
from chalicelib.domain.directory import EndpointSecret
from chalicelib.errors import Invalid

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
        occurred_at=_moment(time or told.get("updated_at")) or _moment(proven["at"]),
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


def _moment(value: object) -> datetime | None:
    try:
        return moments.loose(value)
    except ValueError:
        return None
