"""What tests of systems of record share: a ticket in any state, the way in, and a call that comes back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.connectors.callbacks import Call
from chalicelib.domain.outbound.exchange import Message
from chalicelib.domain.outbound.item import Access
from tests.builders import endpoint_secret, feedback, message, ticket
from tests.contract.profiles import profile

CALLBACK_URI = "https://echoloop.example.org/v1/callbacks/ep_one"


def access(name: str, token: str | None = None, **settings: Any) -> Access:
    """The way in as the connector's profile has it; ``settings`` are laid over the profile's."""
    known = profile(name)
    secret = endpoint_secret(url=known.url, secret=known.secret, credentials=dict(known.credentials))
    return Access(secret, {**known.settings, **settings}, token)


def about(state: str = "open", version: int = 1, **changes: Any) -> Message:
    """A message about the one ticket in this state."""
    kinds = {"closed": "ticket.closed", "resolved": "ticket.resolved"}
    kind = kinds.get(state, "ticket.opened" if version == 1 else "ticket.updated")
    case = ticket(state=state, version=version, severity=changes.pop("severity", "high"))
    return replace(message(type=kind, ticket=case, feedback=feedback()), **changes)


def call(body: bytes, headers: dict[str, str] | None = None, query: dict[str, str] | None = None) -> Call:
    return Call("POST", CALLBACK_URI, {"content-type": "application/json", **(headers or {})}, query or {}, body)
