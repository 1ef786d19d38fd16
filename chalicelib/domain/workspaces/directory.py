"""What people configure: connections (voices in), endpoints (tasks out), subscriptions, keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured instance of a source. Its token and secrets live in SSM, never here."""

    workspace: str
    id: str
    name: str
    source: str
    state: str = "active"  # active | paused
    mapping: Mapping[str, Any] = field(default_factory=dict)
    created_at: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)  # the source's own, and refetch, poll_minutes, poll_since
    credentials: tuple[str, ...] = ()  # names of those that are set; they themselves are a VendorSecret


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One configured instance of a connector. URL, secret and headers live in SSM; ``host`` is all that is shown."""

    workspace: str
    id: str
    name: str
    connector: str
    host: str
    events: tuple[str, ...] = ()
    state: str = "active"  # active | paused | disabled
    settings: Mapping[str, Any] = field(default_factory=dict)  # domain/workspaces/fields.py and the connector's own
    target: str = ""  # hash of host + credential: what a rate limit counts
    failing_since: str | None = None  # first failure since the last success
    created_at: str = ""
    credentials: tuple[str, ...] = ()  # names of those that are set; they themselves are in the EndpointSecret


@dataclass(frozen=True, slots=True)
class ConnectionSecret:
    """The hook's own record, one SSM parameter: all that a hook needs in one cached read."""

    workspace: str
    id: str
    source: str
    token_hash: str  # SHA-256, hex
    secrets: tuple[tuple[str, float | None], ...] = field(default=(), repr=False)  # (secret, valid until epoch or None)
    response_id: str | None = None  # the mapping's JSON pointer, so that the answer can name the feedback
    fetch: bool = False  # whether every event is read again through the vendor's API before it counts


@dataclass(frozen=True, slots=True)
class EndpointSecret:
    """The endpoint's credentials, one SSM parameter."""

    workspace: str
    id: str
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    previous_secret: str | None = field(default=None, repr=False)
    previous_valid_until: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)  # what the connector asks for, by name
    connector: str = ""  # so that a callback is proved without reading the endpoint


@dataclass(frozen=True, slots=True)
class VendorSecret:
    """What opens a vendor's API for one connection, one SSM parameter: ``api`` writes it, ``fetch`` alone reads it."""

    workspace: str
    id: str  # the connection's
    source: str
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A person who is woken: one address on one severity and all higher ones."""

    workspace: str
    id: str
    severity: str
    protocol: str  # email | sms
    address: str = field(repr=False)
    arns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who calls the API. ``operator`` keys may name any workspace; ``unit`` limits region and store to a subtree."""

    id: str
    workspace: str
    role: str
    unit: str | None = None
    operator: bool = False
    revoked: bool = False
