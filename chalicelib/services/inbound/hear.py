"""Hear: from a webhook's bytes to one message on the inbox.

The order of the checks is fixed, cheap and unforgeable first: size, connection and token, media type, signature
over the raw bytes, then (canonical only) decoding and schema. Nothing is parsed before it has proved where it comes
from, and an unknown connection, a foreign one and a wrong token are answered alike.

One exception: while a platform has yet to show its secret, what comes in is kept, marked, and never counts by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain import ids
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.inbound.upload import key_of
from chalicelib.domain.text.strict_json import check_size
from chalicelib.domain.voice.voice import Canonical
from chalicelib.domain.workspaces.credentials import token_matches, valid_at
from chalicelib.domain.workspaces.directory import ConnectionSecret
from chalicelib.errors import MethodNotAllowed, Parked, Unauthorized, UnsupportedMedia

UNPROVED: Final = "secret_missing"
SETTLED: Final = 5.0  # seconds: a check that fails on an older record is tried once more on a fresh one


class SecretReader(Protocol):
    def get(self, record_id: str, *, within: float = ...) -> ConnectionSecret | None:
        """The connection's record, read at most ``within`` seconds ago; None when there is none. Raises Retryable."""


class HookSource(Protocol):
    """What a hook asks of a source, see ``sources/base.py``."""

    @property
    def key_made_by(self) -> str: ...

    @property
    def strict(self) -> bool: ...

    @property
    def content_types(self) -> Sequence[str]: ...

    @property
    def probes(self) -> Sequence[str]: ...

    @property
    def kept_headers(self) -> Sequence[str]: ...

    @property
    def kept_query(self) -> Sequence[str]: ...

    def verify(self, arrival: Arrival, secrets: Sequence[str]) -> None: ...

    def opened(self, arrival: Arrival, secrets: Sequence[str]) -> Arrival: ...

    def decode(self, raw: bytes) -> Any: ...

    def is_file(self, arrival: Arrival) -> bool: ...

    def ignores(self, payload: Any) -> bool: ...

    def thin(self, payload: Any) -> bool: ...

    def delivery_id(self, arrival: Arrival, payload: Any) -> str | None: ...

    def response_key(self, payload: Any, pointer: str | None) -> str: ...

    def parse(self, arrival: Arrival, mapping: Mapping[str, Any]) -> Canonical: ...


class InboxPort(Protocol):
    def put(self, envelope: Envelope) -> None:
        """Durable when it returns. Raises Retryable."""


class FilesPort(Protocol):
    def put(self, key: str, raw: bytes, content_type: str) -> None:
        """Durable when it returns. Raises Retryable."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer to a hook. ``status``: accepted | ignored; ``id``: of the feedback, or of the upload for a file."""

    id: str
    status: str
    workspace: str
    connection: str
    source: str


@dataclass(frozen=True, slots=True)
class Hear:
    """``fetches`` takes what the vendor's API must tell the whole of first, ``files`` what holds many voices."""

    secrets: SecretReader
    source: Callable[[str], HookSource]
    inbox: InboxPort
    fetches: InboxPort
    files: FilesPort
    clock: Callable[[], datetime]

    def post(
        self, connection: str, token: str, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Heard:
        """Take one body in. Header names in lower case.

        Raises TooLarge, Unauthorized, UnsupportedMedia, for a strict source Malformed and Invalid; Retryable when
        we are the ones in trouble.
        """
        check_size(raw)
        record = self._opened(connection, token)
        if record is None:
            raise Unauthorized("The signature is not valid.", code="signature_invalid")
        now = self.clock()
        # Milliseconds are all that the inbox keeps, and reading later must see the same moment.
        arrival = Arrival(raw, now.replace(microsecond=now.microsecond // 1000 * 1000), headers, query)
        source = self.source(record.source)
        if source.strict:
            _check_media(arrival, source.content_types)
        waits = self._waits_for_secret(source, record)
        arrival = arrival if waits else self._proved(source, arrival, record)
        if source.is_file(arrival):
            upload = ids.timed_id("up", arrival.received_at)
            self.files.put(key_of(record.workspace, record.id, upload), arrival.raw, arrival.content_type)
            return Heard(upload, "accepted", record.workspace, record.id, record.source)
        payload, feedback, event = self._keys(source, arrival, record)
        status = "ignored" if source.ignores(payload) else "accepted"
        if status == "accepted":
            envelope = _envelope(record, source, arrival, feedback, event)
            if waits:
                self.inbox.put(replace(envelope, unread=UNPROVED))
            else:
                (self.fetches if record.fetch or source.thin(payload) else self.inbox).put(envelope)
        return Heard(feedback, status, record.workspace, record.id, record.source)

    def probe(self, connection: str, token: str, method: str) -> None:
        """Answer a platform that tries the URL out. Raises MethodNotAllowed, also for whoever has no token."""
        record = self._opened(connection, token)
        if record is None or method not in self.source(record.source).probes:
            raise MethodNotAllowed("This URL takes POST.", allowed=("POST",))

    def _opened(self, connection: str, token: str) -> ConnectionSecret | None:
        """The connection's record if the token opens it."""
        record = self.secrets.get(connection)
        if _opens(token, record):
            return record
        record = self.secrets.get(connection, within=SETTLED)
        return record if _opens(token, record) else None

    def _waits_for_secret(self, source: HookSource, record: ConnectionSecret) -> bool:
        """Whether the platform has yet to show its secret: until a person enters it, what comes in is kept unread.

        Refusing it would lose what is never sent again, and with it the webhook where the platform tries the URL out
        before it makes one. Nothing of it counts: it is parked, and only a person can have it read all the same.
        """
        if source.key_made_by != "vendor_later" or record.secrets:
            return False
        fresh = self.secrets.get(record.id, within=SETTLED)
        return fresh is not None and not fresh.secrets

    def _proved(self, source: HookSource, arrival: Arrival, record: ConnectionSecret) -> Arrival:
        """The arrival, proved, and opened where the platform sealed it. Raises Unauthorized."""
        now = arrival.received_at.timestamp()
        accepted = valid_at(record.secrets, now)
        try:
            source.verify(arrival, accepted)
        except Unauthorized:
            fresh = self.secrets.get(record.id, within=SETTLED)
            known = () if fresh is None else valid_at(fresh.secrets, now)
            # Without a secret a source that need not sign checks nothing: a record deleted meanwhile must not end so.
            if not known or known == accepted:
                raise
            source.verify(arrival, known)
            accepted = known
        return source.opened(arrival, accepted)

    def _keys(self, source: HookSource, arrival: Arrival, record: ConnectionSecret) -> tuple[Any, str, str]:
        """The payload where the hook can read it, the feedback's id and the event's key."""
        payload = source.decode(arrival.raw)
        event = ids.event_key(record.id, source.delivery_id(arrival, payload), arrival.raw)
        try:
            if source.strict and source.ignores(payload):
                return payload, ids.parked_id(event), event
            if source.strict:
                response = source.parse(arrival, {}).response_key
            else:
                response = source.response_key(payload, record.response_id)
        except Parked:
            return payload, ids.parked_id(event), event
        return payload, ids.feedback_id(record.workspace, record.id, response), event


def _opens(token: str, record: ConnectionSecret | None) -> bool:
    """In constant time, and in the same time for a connection that there is not."""
    return token_matches(token, "" if record is None else record.token_hash)


def _check_media(arrival: Arrival, allowed: Sequence[str]) -> None:
    if arrival.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("The body must not be compressed.", code="unsupported_encoding")
    media, _, parameters = arrival.content_type.partition(";")
    if media.strip().lower() not in allowed:
        raise UnsupportedMedia(f"The content type must be {allowed[0]}.")
    for parameter in filter(None, (part.strip().lower() for part in parameters.split(";"))):
        if parameter.startswith("charset=") and parameter.removeprefix("charset=").strip('"') != "utf-8":
            raise UnsupportedMedia("The character set must be UTF-8.")


def _envelope(record: ConnectionSecret, source: HookSource, arrival: Arrival, feedback: str, event: str) -> Envelope:
    """Only the headers and parameters that reading needs go on: the others hold proofs and addresses."""
    kept = ("content-type", *source.kept_headers)
    return Envelope(
        workspace=record.workspace,
        connection=record.id,
        source=record.source,
        feedback_id=feedback,
        event_key=event,
        arrival=Arrival(
            arrival.raw,
            arrival.received_at,
            {name: arrival.headers[name] for name in kept if name in arrival.headers},
            {name: arrival.query[name] for name in source.kept_query if name in arrival.query},
        ),
    )
