"""Connections: where voices come in. Their token and secrets are shown once and kept apart from the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.ids import random_id
from chalicelib.domain.time.moments import written
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.credentials import new_secret, new_token, token_hash
from chalicelib.domain.workspaces.directory import Connection, ConnectionSecret, VendorSecret
from chalicelib.domain.workspaces.fields import given
from chalicelib.domain.workspaces.limits import MAX_CONNECTIONS, room_for_one_more
from chalicelib.errors import Conflict, Invalid, TooMany
from chalicelib.services.inbound.reparse import Resumed
from chalicelib.services.ports import Clock

ROTATION_WAIT: Final = 24 * 3600  # seconds, for Retry-After
NOTHING: Final = Resumed(0, more=False)


class ConnectionStore(Protocol):
    def put_connection(self, connection: Connection) -> None: ...

    def connection(self, workspace: str, connection_id: str) -> Connection | None: ...

    def connections(self, workspace: str) -> Sequence[Connection]: ...

    def update_connection(
        self,
        workspace: str,
        connection_id: str,
        *,
        name: str | None = None,
        state: str | None = None,
        mapping: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        credentials: Sequence[str] | None = None,
    ) -> Connection | None: ...

    def delete_connection(self, workspace: str, connection_id: str) -> bool: ...

    def note_connection_rotation(self, workspace: str, connection_id: str, day: str) -> bool: ...


class ConnectionSecretStore(Protocol):
    def put(self, record: ConnectionSecret) -> None: ...

    def get(self, record_id: str, *, within: float) -> ConnectionSecret | None: ...

    def rotate(self, record_id: str, now: datetime, *, secret: str | None = None) -> tuple[str, datetime]:
        """The new secret, ``secret`` or one made up, and until when the one before counts. Older ones end at once."""

    def delete(self, record_id: str) -> None: ...


class VendorSecretStore(Protocol):
    """Written and never read here: what answers the internet cannot give a vendor's credentials away."""

    def put(self, record: VendorSecret) -> None: ...

    def delete(self, record_id: str) -> None: ...


class Polls(Protocol):
    """See ``services/inbound/poll.py``. Each raises Retryable."""

    def arm(self, connection: Connection) -> None:
        """Have the connection polled as its settings say, or no more."""

    def forget(self, workspace: str, connection_id: str) -> None: ...


class SourceCatalogue(Protocol):
    """What the management needs to know of the sources. Each raises Invalid for a source that there is not."""

    def signs(self, source: str) -> bool:
        """Whether the platform signs."""

    def may_sign(self, source: str) -> bool:
        """Whether a secret counts beside the URL, where a person sets one."""

    def secret_from(self, source: str) -> str:
        """Who makes the secret. One of the vendor's is never made up here: nothing would fit it.

        ``us``; ``vendor``: a connection cannot do without; ``vendor_later``: the vendor shows it when the webhook is
        there, so it is entered by ``rotate``, and what is heard before is parked.
        """

    def check_mapping(self, source: str, mapping: Mapping[str, Any]) -> None:
        """Raises Invalid for a mapping that could never be read."""

    def check_secret(self, source: str, secret: str) -> None:
        """Raises Invalid for a secret that the source cannot use."""

    def check_settings(self, source: str, settings: Mapping[str, Any]) -> None:
        """Raises Invalid (``settings_invalid``) for settings that the source does not take."""

    def check_credentials(self, source: str, credentials: Mapping[str, str]) -> None:
        """Raises Invalid (``credentials_invalid``) for credentials that the source does not take."""

    def response_pointer(self, source: str, mapping: Mapping[str, Any]) -> str | None:
        """JSON pointer to the response key, for the hook to name the feedback that it answers."""


@dataclass(frozen=True, slots=True)
class NewConnection:
    """What is shown once."""

    connection: Connection
    token: str = field(repr=False)
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """What a caller wants different; None stays as it is.

    Of ``settings`` the given names are replaced, null takes one back. ``credentials`` are all there are from then on.
    """

    name: str | None = None
    state: str | None = None
    mapping: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] | None = None
    credentials: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Rotated:
    """A secret that is shown once, and until when the one before it counts (RFC 3339)."""

    secret: str = field(repr=False)
    previous_valid_until: str


@dataclass(frozen=True, slots=True)
class ManageConnections:
    """``resume`` parses again what a pause has parked."""

    store: ConnectionStore
    secrets: ConnectionSecretStore
    vendor_secrets: VendorSecretStore
    polls: Polls
    sources: SourceCatalogue
    resume: Callable[[Connection], Resumed]
    clock: Clock

    def create(
        self,
        workspace: str,
        *,
        name: str,
        source: str,
        secret: str | None,
        mapping: Mapping[str, Any],
        settings: Mapping[str, Any],
        credentials: Mapping[str, Any],
    ) -> NewConnection:
        """Raises Invalid, Conflict (``too_many``). The secrets' records first: what is listed can be called."""
        self.sources.check_mapping(source, mapping)
        settings, credentials = given(settings), given(credentials)
        self.sources.check_settings(source, settings)
        self.sources.check_credentials(source, credentials)
        room_for_one_more(len(self.store.connections(workspace)), MAX_CONNECTIONS)
        first = self._first_secret(source, secret)
        token = new_token()
        connection = Connection(
            workspace,
            random_id("cn"),
            name,
            source,
            mapping=mapping,
            created_at=written(self.clock()),
            settings=settings,
            credentials=tuple(sorted(credentials)),
        )
        self.secrets.put(
            ConnectionSecret(
                workspace,
                connection.id,
                source,
                token_hash(token),
                () if first is None else ((first, None),),
                self.sources.response_pointer(source, mapping),
                fetch=bool(settings.get("refetch")),
            )
        )
        if credentials:
            self.vendor_secrets.put(VendorSecret(workspace, connection.id, source, credentials))
        self.store.put_connection(connection)
        if settings.get("poll_minutes"):
            self.polls.arm(connection)
        return NewConnection(connection, token, first)

    def get(self, workspace: str, connection_id: str) -> Connection:
        connection = self.store.connection(workspace, connection_id)
        if connection is None:
            raise nowhere()
        return connection

    def list(self, workspace: str) -> Sequence[Connection]:
        return sorted(self.store.connections(workspace), key=lambda one: (one.created_at, one.id))

    def change(self, workspace: str, connection_id: str, wanted: ConnectionChange) -> tuple[Connection, Resumed]:
        """The connection as it is now, and the parked voices that are parsed again.

        Resuming does that every time it is asked for, not only on the change: a call that broke off is repeated.
        """
        before = self.get(workspace, connection_id)
        if wanted == ConnectionChange():
            return before, NOTHING
        if wanted.mapping is not None:
            self.sources.check_mapping(before.source, wanted.mapping)
        settings = None if wanted.settings is None else given({**before.settings, **wanted.settings})
        if settings is not None:
            self.sources.check_settings(before.source, settings)
        after = self.store.update_connection(
            workspace,
            connection_id,
            name=wanted.name,
            state=wanted.state,
            mapping=wanted.mapping,
            settings=settings,
            credentials=self._changed_credentials(before, wanted.credentials),
        )
        if after is None:
            raise nowhere()
        self._tell_the_hook(after)
        if before.settings.get("poll_minutes") or after.settings.get("poll_minutes"):
            self.polls.arm(after)
        return after, self.resume(after) if wanted.state == "active" else NOTHING

    def rotate(self, workspace: str, connection_id: str, secret: str | None = None) -> Rotated:
        """A new secret, the given one or one made up; the one before it stays valid for a day, older ones end at once.

        Raises TooMany (``rotation_limit``) after ten in a day, Conflict where the platform signs nothing, Invalid
        (``secret_missing`` where the platform makes it, ``secret_invalid``).
        """
        connection = self.get(workspace, connection_id)
        signs, may_sign = self.sources.signs(connection.source), self.sources.may_sign(connection.source)
        if not signs and not may_sign:
            raise Conflict("This source signs nothing: make a new connection instead.", code="no_secret")
        if secret is not None:
            self.sources.check_secret(connection.source, secret)
        elif self.sources.secret_from(connection.source) != "us":
            raise secret_missing()
        now = self.clock()
        if not self.store.note_connection_rotation(workspace, connection_id, now.strftime("%Y-%m-%d")):
            raise rotation_limit()
        secret, until = self.secrets.rotate(connection_id, now, secret=secret)
        return Rotated(secret, written(until))

    def delete(self, workspace: str, connection_id: str) -> None:
        """What it heard stays. The secret's record goes first, so that no hook outlives its connection."""
        self.get(workspace, connection_id)
        self.secrets.delete(connection_id)
        self.vendor_secrets.delete(connection_id)
        self.store.delete_connection(workspace, connection_id)
        self.polls.forget(workspace, connection_id)

    def _changed_credentials(self, before: Connection, wanted: Mapping[str, Any] | None) -> Sequence[str] | None:
        """Keep what is wanted in place of what there was; its names, None where nothing is to change."""
        if wanted is None:
            return None
        credentials = given(wanted)
        self.sources.check_credentials(before.source, credentials)
        if credentials:
            self.vendor_secrets.put(VendorSecret(before.workspace, before.id, before.source, credentials))
        else:
            self.vendor_secrets.delete(before.id)
        return sorted(credentials)

    def _first_secret(self, source: str, given: str | None) -> str | None:
        if not self.sources.signs(source) and (given is None or not self.sources.may_sign(source)):
            if given is not None:
                raise Invalid("This platform signs nothing, its URL is the proof.", pointer="/secret")
            return None
        if given is not None:
            self.sources.check_secret(source, given)
            return given
        whose = self.sources.secret_from(source)
        if whose == "vendor":
            raise secret_missing()
        return new_secret() if whose == "us" else None

    def _tell_the_hook(self, connection: Connection) -> None:
        record = self.secrets.get(connection.id, within=0)
        if record is None:
            return
        pointer = self.sources.response_pointer(connection.source, connection.mapping)
        known = replace(record, response_id=pointer, fetch=bool(connection.settings.get("refetch")))
        if known != record:
            self.secrets.put(known)


def secret_missing() -> Invalid:
    return Invalid("The platform makes this secret: enter what it shows.", code="secret_missing", pointer="/secret")


def rotation_limit() -> TooMany:
    return TooMany("Ten rotations a day are enough.", code="rotation_limit", retry_after=ROTATION_WAIT)
