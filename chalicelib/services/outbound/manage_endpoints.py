"""Endpoints: where tasks go out. The URL, the secret and the header fields are credentials and kept apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.ids import random_id
from chalicelib.domain.outbound.custom_headers import check_headers
from chalicelib.domain.outbound.egress_policy import Target
from chalicelib.domain.time.moments import written
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.directory import Endpoint, EndpointSecret
from chalicelib.domain.workspaces.fields import given
from chalicelib.domain.workspaces.limits import MAX_ENDPOINTS, room_for_one_more
from chalicelib.errors import Conflict
from chalicelib.services.inbound.manage_connections import Rotated, rotation_limit
from chalicelib.services.ports import Clock

DEFAULTS: Final[Mapping[str, Any]] = {"contact": "none"}


class EndpointStore(Protocol):
    def put_endpoint(self, endpoint: Endpoint) -> None: ...

    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None: ...

    def endpoints(self, workspace: str) -> Sequence[Endpoint]: ...

    def update_endpoint(
        self,
        workspace: str,
        endpoint_id: str,
        *,
        name: str | None = None,
        events: Sequence[str] | None = None,
        settings: Mapping[str, Any] | None = None,
        host: str | None = None,
        target: str | None = None,
        credentials: Sequence[str] | None = None,
    ) -> Endpoint | None: ...

    def set_endpoint_state(self, workspace: str, endpoint_id: str, state: str, reason: str | None = None) -> bool: ...

    def delete_endpoint(self, workspace: str, endpoint_id: str) -> bool: ...

    def note_endpoint_rotation(self, workspace: str, endpoint_id: str, day: str) -> bool: ...


class EndpointSecretStore(Protocol):
    def put(self, record: EndpointSecret) -> None: ...

    def get(self, record_id: str, *, within: float) -> EndpointSecret | None: ...

    def rotate(self, record_id: str, now: datetime) -> tuple[str, datetime]: ...

    def delete(self, record_id: str) -> None: ...


class ConnectorCatalogue(Protocol):
    """What the management needs to know of the connectors."""

    def first_secret(self, connector: str, given: str | None) -> str | None:
        """The secret to start with: the one given, one made up, or none. Raises Invalid (an unknown connector too)."""

    def makes_secrets(self, connector: str) -> bool:
        """Whether the secret is ours to choose: a robot's is made by its vendor."""

    def check_settings(self, connector: str, settings: Mapping[str, Any]) -> None:
        """Raises Invalid for settings that this connector does not take."""

    def check_credentials(self, connector: str, credentials: Mapping[str, str]) -> None:
        """Raises Invalid (``credentials_invalid``) for credentials that this connector does not take."""

    def check_events(self, connector: str, events: Sequence[str]) -> None:
        """Raises Invalid (``event_not_taken``) for an event that this connector has nothing to do with."""

    def target(self, connector: str, target: Target, credentials: Mapping[str, str]) -> str:
        """What the rate limit counts: a hash of host and credential."""


class WaitingDeliveries(Protocol):
    """What waits for an endpoint."""

    def cancel(self, workspace: str, endpoint_id: str) -> int:
        """End all that waits; returns how many."""

    def release(self, workspace: str, endpoint_id: str) -> int:
        """Send what was held; returns how many."""


class Polls(Protocol):
    """Asking an endpoint's system how its items stand. See services/outbound/reconcile.py."""

    def arm(self, endpoint: Endpoint) -> None:
        """On or off, as the endpoint's state and settings say."""

    def forget(self, workspace: str, endpoint_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What is shown once."""

    endpoint: Endpoint
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What a caller wants different; None stays as it is.

    Of ``settings`` and ``credentials`` the given names are replaced, null takes one back.
    """

    name: str | None = None
    state: str | None = None
    url: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    events: Sequence[str] | None = None
    settings: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    credentials: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What of new credentials stands on the endpoint's own row; None stays as it is."""

    host: str | None = None
    target: str | None = None
    credentials: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class ManageEndpoints:
    """``check_url`` looks the name up, too, and raises Invalid (``url_not_allowed``)."""

    store: EndpointStore
    secrets: EndpointSecretStore
    connectors: ConnectorCatalogue
    deliveries: WaitingDeliveries
    check_url: Callable[[str], Target]
    clock: Clock
    polls: Polls
    weekly: Callable[[Endpoint], None] = lambda _: None  # has the weeks told that an endpoint asks for

    def create(
        self,
        workspace: str,
        *,
        name: str,
        connector: str,
        url: str,
        secret: str | None,
        events: Sequence[str],
        settings: Mapping[str, Any],
        headers: Mapping[str, str],
        credentials: Mapping[str, Any],
    ) -> NewEndpoint:
        """Raises Invalid, Conflict (``too_many``). The credentials first: what is listed can be called."""
        room_for_one_more(len(self.store.endpoints(workspace)), MAX_ENDPOINTS)
        effective, credentials = {**DEFAULTS, **given(settings)}, given(credentials)
        target = self.check_url(url)
        first = self.connectors.first_secret(connector, secret)
        self.connectors.check_events(connector, events)
        self.connectors.check_settings(connector, effective)
        self.connectors.check_credentials(connector, credentials)
        check_headers(headers)
        endpoint = Endpoint(
            workspace,
            random_id("ep"),
            name,
            connector,
            target.shown,
            events=tuple(events),
            settings=effective,
            target=self.connectors.target(connector, target, credentials),
            created_at=written(self.clock()),
            credentials=tuple(sorted(credentials)),
        )
        record = EndpointSecret(workspace, endpoint.id, url, first, connector=connector)
        self.secrets.put(replace(record, headers=dict(headers), credentials=credentials))
        self.store.put_endpoint(endpoint)
        self.polls.arm(endpoint)
        self.weekly(endpoint)
        return NewEndpoint(endpoint, first)

    def get(self, workspace: str, endpoint_id: str) -> Endpoint:
        endpoint = self.store.endpoint(workspace, endpoint_id)
        if endpoint is None:
            raise nowhere()
        return endpoint

    def header_names(self, endpoint_id: str) -> Sequence[str]:
        """Names of the header fields that are set; the values are never shown."""
        record = self.secrets.get(endpoint_id, within=0)
        return sorted(record.headers) if record else ()

    def list(self, workspace: str) -> Sequence[Endpoint]:
        return sorted(self.store.endpoints(workspace), key=lambda one: (one.created_at, one.id))

    def change(self, workspace: str, endpoint_id: str, wanted: EndpointChange) -> tuple[Endpoint, int]:
        """The endpoint as it is now, and how many held deliveries are on their way again.

        Becoming active releases what was held every time it is asked for: a call that broke off is repeated.
        """
        before = self.get(workspace, endpoint_id)
        settings = None if wanted.settings is None else {**DEFAULTS, **given({**before.settings, **wanted.settings})}
        if settings is not None:
            self.connectors.check_settings(before.connector, settings)
        if wanted.events is not None:
            self.connectors.check_events(before.connector, wanted.events)
        kept = self._change_credentials(before, wanted)
        after = before
        if not all(one is None for one in (wanted.name, wanted.events, settings, kept)):
            after = self._updated(before, wanted, settings, kept or _Kept())
            self.weekly(after)
        if wanted.state is None:
            if settings is not None:
                self.polls.arm(after)
            return after, 0
        self.store.set_endpoint_state(workspace, endpoint_id, wanted.state)
        released = self.deliveries.release(workspace, endpoint_id) if wanted.state == "active" else 0
        after = self.get(workspace, endpoint_id)
        self.polls.arm(after)
        return after, released

    def rotate(self, workspace: str, endpoint_id: str) -> Rotated:
        """A new secret; for a day we sign with both, and take callbacks signed with either.

        Raises TooMany (``rotation_limit``) after ten in a day, Conflict where the vendor makes the secret.
        """
        endpoint = self.get(workspace, endpoint_id)
        if not self.connectors.makes_secrets(endpoint.connector):
            raise Conflict("The vendor makes this secret: send the new one with PATCH.", code="no_secret")
        now = self.clock()
        if not self.store.note_endpoint_rotation(workspace, endpoint_id, now.strftime("%Y-%m-%d")):
            raise rotation_limit()
        secret, until = self.secrets.rotate(endpoint_id, now)
        return Rotated(secret, written(until))

    def delete(self, workspace: str, endpoint_id: str) -> int:
        """Remove the endpoint and cancel what waits for it; returns how many deliveries that were.

        The credentials go first: nothing is sent after the answer. The row goes after a first round of cancelling,
        so that a call that broke off can be repeated, and before a second one for what came in between.
        """
        self.get(workspace, endpoint_id)
        self.secrets.delete(endpoint_id)
        cancelled = self.deliveries.cancel(workspace, endpoint_id)
        self.store.delete_endpoint(workspace, endpoint_id)
        self.polls.forget(workspace, endpoint_id)
        return cancelled + self.deliveries.cancel(workspace, endpoint_id)

    def _updated(
        self, before: Endpoint, wanted: EndpointChange, settings: Mapping[str, Any] | None, kept: _Kept
    ) -> Endpoint:
        after = self.store.update_endpoint(
            before.workspace,
            before.id,
            name=wanted.name,
            events=wanted.events,
            settings=settings,
            host=kept.host,
            target=kept.target,
            credentials=kept.credentials,
        )
        if after is None:
            raise nowhere()
        return after

    def _change_credentials(self, endpoint: Endpoint, wanted: EndpointChange) -> _Kept | None:
        """Check and keep a new URL, secret, header fields or credentials; None where none is given."""
        if all(one is None for one in (wanted.url, wanted.secret, wanted.headers, wanted.credentials)):
            return None
        if wanted.headers is not None:
            check_headers(wanted.headers)
        target = self.check_url(wanted.url) if wanted.url is not None else None
        record = self.secrets.get(endpoint.id, within=0)
        if record is None:
            raise nowhere()
        if wanted.url is not None:
            record = replace(record, url=wanted.url)
        if wanted.headers is not None:
            record = replace(record, headers=dict(wanted.headers))
        if wanted.secret is not None:
            record = replace(record, secret=self.connectors.first_secret(endpoint.connector, wanted.secret))
        if wanted.credentials is not None:
            record = replace(record, credentials=given({**record.credentials, **wanted.credentials}))
            self.connectors.check_credentials(endpoint.connector, record.credentials)
        if wanted.credentials is not None and target is None:
            target = self.check_url(record.url)  # new credentials at the same place: the rate limit counts both
        self.secrets.put(record)
        if target is None:
            return _Kept()
        return _Kept(
            target.shown,
            self.connectors.target(endpoint.connector, target, record.credentials),
            None if wanted.credentials is None else sorted(record.credentials),
        )
