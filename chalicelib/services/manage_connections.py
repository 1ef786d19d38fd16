"""Connections: where voices come in. Their token and secrets are shown once and kept apart from the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.access import nowhere
from chalicelib.domain.credentials import new_secret, new_token, token_hash
from chalicelib.domain.directory import Connection, ConnectionSecret
from chalicelib.domain.ids import random_id
from chalicelib.domain.limits import MAX_CONNECTIONS, room_for_one_more
from chalicelib.domain.moments import written
from chalicelib.errors import Conflict, Invalid, TooMany
from chalicelib.services.ports import Clock
from chalicelib.services.reparse import Resumed

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
    ) -> Connection | None: ...

    def delete_connection(self, workspace: str, connection_id: str) -> bool: ...

    def note_connection_rotation(self, workspace: str, connection_id: str, day: str) -> bool: ...


class ConnectionSecretStore(Protocol):
    def put(self, record: ConnectionSecret) -> None: ...

    def get(self, record_id: str, *, within: float) -> ConnectionSecret | None: ...

    def rotate(self, record_id: str, now: datetime) -> tuple[str, datetime]:
        """The new secret, and until when the one before it counts. Older ones end at once."""

    def delete(self, record_id: str) -> None: ...


class SourceCatalogue(Protocol):
    """What the management needs to know of the sources. Each raises Invalid for a source that there is not."""

    def signs(self, source: str) -> bool:
        """Whether the platform signs."""

    def check_mapping(self, source: str, mapping: Mapping[str, Any]) -> None:
        """Raises Invalid for a mapping that could never be read."""

    def check_secret(self, source: str, secret: str) -> None:
        """Raises Invalid for a secret that the source cannot use."""

    def response_pointer(self, source: str, mapping: Mapping[str, Any]) -> str | None:
        """JSON pointer to the response key, for the hook to name the feedback that it answers."""


@dataclass(frozen=True, slots=True)
class NewConnection:
    """What is shown once."""

    connection: Connection
    token: str = field(repr=False)
    secret: str | None = field(repr=False)


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
    sources: SourceCatalogue
    resume: Callable[[Connection], Resumed]
    clock: Clock

    def create(
        self, workspace: str, *, name: str, source: str, secret: str | None, mapping: Mapping[str, Any]
    ) -> NewConnection:
        """Raises Invalid, Conflict (``too_many``). The secret's record first: what is listed can be called."""
        self.sources.check_mapping(source, mapping)
        room_for_one_more(len(self.store.connections(workspace)), MAX_CONNECTIONS)
        first = self._first_secret(source, secret)
        token = new_token()
        connection = Connection(
            workspace, random_id("cn"), name, source, mapping=mapping, created_at=written(self.clock())
        )
        self.secrets.put(
            ConnectionSecret(
                workspace,
                connection.id,
                source,
                token_hash(token),
                () if first is None else ((first, None),),
                self.sources.response_pointer(source, mapping),
            )
        )
        self.store.put_connection(connection)
        return NewConnection(connection, token, first)

    def get(self, workspace: str, connection_id: str) -> Connection:
        connection = self.store.connection(workspace, connection_id)
        if connection is None:
            raise nowhere()
        return connection

    def list(self, workspace: str) -> Sequence[Connection]:
        return sorted(self.store.connections(workspace), key=lambda one: (one.created_at, one.id))

    def change(
        self,
        workspace: str,
        connection_id: str,
        *,
        name: str | None = None,
        state: str | None = None,
        mapping: Mapping[str, Any] | None = None,
    ) -> tuple[Connection, Resumed]:
        """The connection as it is now, and the parked voices that are parsed again.

        Resuming does that every time it is asked for, not only on the change: a call that broke off is repeated.
        """
        before = self.get(workspace, connection_id)
        if mapping is not None:
            self.sources.check_mapping(before.source, mapping)
        if name is None and state is None and mapping is None:
            return before, NOTHING
        after = self.store.update_connection(workspace, connection_id, name=name, state=state, mapping=mapping)
        if after is None:
            raise nowhere()
        self._tell_the_hook(after)
        return after, self.resume(after) if state == "active" else NOTHING

    def rotate(self, workspace: str, connection_id: str) -> Rotated:
        """A new secret; the one before it stays valid for a day, older ones end at once.

        Raises TooMany (``rotation_limit``) after ten in a day, Conflict where the platform signs nothing.
        """
        connection = self.get(workspace, connection_id)
        if not self.sources.signs(connection.source):
            raise Conflict("This source signs nothing: make a new connection instead.", code="no_secret")
        now = self.clock()
        if not self.store.note_connection_rotation(workspace, connection_id, now.strftime("%Y-%m-%d")):
            raise rotation_limit()
        secret, until = self.secrets.rotate(connection_id, now)
        return Rotated(secret, written(until))

    def delete(self, workspace: str, connection_id: str) -> None:
        """What it heard stays. The secret's record goes first, so that no hook outlives its connection."""
        self.get(workspace, connection_id)
        self.secrets.delete(connection_id)
        self.store.delete_connection(workspace, connection_id)

    def _first_secret(self, source: str, given: str | None) -> str | None:
        if not self.sources.signs(source):
            if given is not None:
                raise Invalid("This platform signs nothing, its URL is the proof.", pointer="/secret")
            return None
        if given is not None:
            self.sources.check_secret(source, given)
        return given or new_secret()

    def _tell_the_hook(self, connection: Connection) -> None:
        record = self.secrets.get(connection.id, within=0)
        if record is None:
            return
        pointer = self.sources.response_pointer(connection.source, connection.mapping)
        known = replace(record, response_id=pointer)
        if known != record:
            self.secrets.put(known)


def rotation_limit() -> TooMany:
    return TooMany("Ten rotations a day are enough.", code="rotation_limit", retry_after=ROTATION_WAIT)
