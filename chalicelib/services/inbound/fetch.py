"""Fetch: what an event did not tell is read through the vendor's API, then goes to the inbox like any other voice.

Nothing is lost: what the API refuses is parked as it came, with the reason; what it does not tell yet is asked for
again, ever more slowly, for a day.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain import ids
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.text.strict_json import MAX_BYTES
from chalicelib.domain.time.moments import whole
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.errors import Gone, Parked, Retryable
from chalicelib.services.inbound.vendor import UNKNOWN_ANSWER, ApiSource, compact
from chalicelib.services.ports import Clock, Queue

FETCHED: Final = "fetched"
DELAYED: Final = "delayed"
PARKED: Final = "parked"
PASSED: Final = "passed"  # to the inbox as it came: enrich knows why

LAG: Final = timedelta(minutes=30)  # how long an API may not know what its own event tells of
PATIENCE: Final = timedelta(hours=24)  # of asking again
FIRST_WAIT: Final = 5.0  # seconds; doubles up to
LONGEST_WAIT: Final = 900.0  # seconds, what a queue can hold back
LAGS: Final = "vendor_lags"
TOO_LARGE: Final = "payload_too_large"
JSON_TYPE: Final = {"content-type": "application/json"}

# What reading an answer of an unknown shape comes to.
SHAPE_ERRORS: Final = (LookupError, TypeError, ValueError, AttributeError)


class FetchSource(ApiSource, Protocol):
    """What fetching asks of a source, see ``sources/base.py``."""

    @property
    def fetches(self) -> bool: ...

    @property
    def mapping(self) -> Mapping[str, Any]: ...

    def decode(self, raw: bytes) -> Any: ...

    def response_key(self, payload: Any, pointer: str | None) -> str: ...

    def fetch(self, payload: Any, api: Any, settings: Mapping[str, Any]) -> Mapping[str, Any]: ...

    def gone(self, payload: Any) -> Mapping[str, Any] | None: ...


class Connections(Protocol):
    def connection(self, workspace: str, connection_id: str) -> Connection | None: ...


class Api(Protocol):
    def __call__(self, connection: Connection, source: ApiSource, *, waited: bool = ...) -> Any:
        """A client for one message. See services/inbound/vendor.py."""


class InboxPort(Protocol):
    def put(self, envelope: Envelope) -> None:
        """Durable when it returns. Raises Retryable."""


@dataclass(frozen=True, slots=True)
class _Tries:
    """What a message remembers of having waited."""

    count: int
    since: datetime  # when it was first taken
    not_before: datetime

    @classmethod
    def of(cls, message: Mapping[str, Any], now: datetime) -> _Tries:
        kept = message.get("tries")
        if kept is None:
            return cls(0, now, now)
        return cls(kept["count"], datetime.fromisoformat(kept["since"]), datetime.fromisoformat(kept["not_before"]))

    def again(self, not_before: datetime) -> dict[str, Any]:
        return {"count": self.count + 1, "since": self.since.isoformat(), "not_before": not_before.isoformat()}


@dataclass(frozen=True, slots=True)
class Fetch:
    """``api`` makes the client of a connection, ``luck`` is 0…1 for the jitter, ``queue`` is the one it is fed by."""

    directory: Connections
    source: Callable[[str], FetchSource]
    api: Api
    inbox: InboxPort
    queue: Queue
    clock: Clock
    luck: Callable[[], float]

    def __call__(self, message: Mapping[str, Any]) -> str:
        """Take one event: FETCHED, DELAYED, PARKED or PASSED. Raises KeyError or ValueError for what no hook wrote."""
        now, envelope = self.clock(), Envelope.from_message(message)
        tries = _Tries.of(message, now)
        if tries.not_before > now:
            return self._send(message, tries.not_before - now)
        connection = self.directory.connection(envelope.workspace, envelope.connection)
        source = self.source(envelope.source)
        if connection is None or not source.fetches or (connection.state == "paused" and not envelope.reparse):
            self.inbox.put(envelope)
            return PASSED
        try:
            payload = self._whole(envelope, connection, source, tries, now - tries.since)
            whole_envelope = fetched(envelope, connection, source, payload)
        except Retryable as error:
            return self._later(message, envelope, tries, error)
        except Parked as error:
            return self._park(envelope, error.code)
        self.inbox.put(whole_envelope)
        return FETCHED

    def _whole(
        self, envelope: Envelope, connection: Connection, source: FetchSource, tries: _Tries, waited: timedelta
    ) -> Mapping[str, Any]:
        """The payload that the event tells of. Raises Retryable, Parked."""
        payload = source.decode(envelope.arrival.raw)
        if payload is None:
            raise Parked("The event cannot be read.", code="unknown_shape")
        try:
            client = self.api(connection, source, waited=tries.count > 0)
            return source.fetch(payload, client, connection.settings)
        except Gone as error:
            if waited < LAG:
                raise Retryable("The API does not know it yet.", code=LAGS) from None
            taken_back = source.gone(payload)
            if taken_back is None:
                raise error from None
            return taken_back
        except SHAPE_ERRORS:
            # Without the cause: its text may quote the answer.
            raise Parked("The API's answer has an unknown shape.", code=UNKNOWN_ANSWER) from None

    def _later(self, message: Mapping[str, Any], envelope: Envelope, tries: _Tries, error: Retryable) -> str:
        now = self.clock()
        if now - tries.since >= PATIENCE:
            return self._park(envelope, error.code)
        wait = min(FIRST_WAIT * 2 ** min(tries.count, 10), LONGEST_WAIT) * (0.75 + self.luck() / 4)
        delay = timedelta(seconds=max(wait, min(error.after or 0.0, PATIENCE.total_seconds())))
        return self._send({**message, "tries": tries.again(now + delay)}, delay)

    def _send(self, message: Mapping[str, Any], delay: timedelta) -> str:
        """Back on the queue. What must wait longer than a queue can hold it back is looked at in between."""
        self.queue.send(message, delay=min(math.ceil(delay.total_seconds()), int(LONGEST_WAIT)))
        return DELAYED

    def _park(self, envelope: Envelope, code: str) -> str:
        self.inbox.put(replace(envelope, unread=code))
        return PARKED


def fetched(envelope: Envelope, connection: Connection, source: FetchSource, payload: Mapping[str, Any]) -> Envelope:
    """The event with the whole payload for its body. Raises Parked (``payload_too_large``).

    It is received when the event was. Its key is the body's own: under the platform's id of the event, a later reading
    of the same response would be taken for a forgery. ``pushed`` keeps the event's, by which a row that was parked for
    it is found; so is what a person has parsed again by its id.
    """
    raw = compact(payload)
    if len(raw) > MAX_BYTES:
        raise Parked("The response is too large.", code=TOO_LARGE)
    event = ids.event_key(connection.id, None, raw)
    return replace(
        envelope,
        feedback_id=envelope.feedback_id if envelope.reparse else feedback_of(connection, source, raw, event),
        event_key=event,
        arrival=Arrival(raw, envelope.arrival.received_at, JSON_TYPE, {}),
        fetched=True,
        pushed=envelope.pushed or envelope.event_key,
    )


def found(connection: Connection, source: FetchSource, payload: Mapping[str, Any], now: datetime) -> Envelope:
    """What a poll found, as if the platform had pushed it. What is too large is parked under its own id."""
    raw = compact(payload)
    event = ids.event_key(connection.id, None, raw)
    too_large = len(raw) > MAX_BYTES
    return Envelope(
        workspace=connection.workspace,
        connection=connection.id,
        source=connection.source,
        feedback_id=feedback_of(connection, source, raw, event),
        event_key=event,
        arrival=Arrival(b"{}" if too_large else raw, whole(now), JSON_TYPE, {}),
        fetched=True,
        unread=TOO_LARGE if too_large else None,
    )


def feedback_of(connection: Connection, source: FetchSource, raw: bytes, event: str) -> str:
    """The feedback that a body is about, as the hook names it."""
    pointer = {**source.mapping, **connection.mapping}.get("response_id")
    try:
        response = source.response_key(source.decode(raw), pointer if isinstance(pointer, str) else None)
    except Parked:
        return ids.parked_id(event)
    return ids.feedback_id(connection.workspace, connection.id, response)
