"""Poll: what a platform dropped or never sent is found by asking. One run at a time for each connection.

A run arms the next one first, then reads page after page: a page is on the inbox before the cursor moves, so a run
that dies reads it again, and reading again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.ids import random_id
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.inbound.polling import PollState, interval
from chalicelib.domain.time.moments import rfc3339, written
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.errors import Parked, Retryable
from chalicelib.services.inbound.fetch import SHAPE_ERRORS, Api, Connections, FetchSource, found
from chalicelib.services.inbound.vendor import UNKNOWN_ANSWER
from chalicelib.services.ports import Clock, DueStore, Queue

KIND: Final = "poll"
QUEUE: Final = "fetches"
PAGES: Final = 20  # in one run
NO_PROGRESS: Final = "vendor_pages_without_end"
LONGEST_PAUSE: Final = 86_400.0  # seconds that a vendor may ask for
LONGEST: Final = 25.0  # seconds after which no new page is begun: one may wait 20 for its turn and 10 for its answer


class PollSource(FetchSource, Protocol):
    """What polling asks of a source, see ``sources/base.py``."""

    @property
    def polls(self) -> bool: ...

    def poll(self, cursor: Mapping[str, Any] | None, api: Any, settings: Mapping[str, Any], now: datetime) -> Any: ...


class PageInbox(Protocol):
    def put_all(self, envelopes: Sequence[Envelope]) -> None:
        """Durable when it returns: thousands in a few calls, for an export may hold as many. Raises Retryable."""


class PollStore(Protocol):
    """See ``storage/inbound/polls.py``."""

    def get(self, workspace: str, connection_id: str) -> PollState | None: ...

    def change(
        self, workspace: str, connection_id: str, step: Callable[[PollState], PollState | None]
    ) -> PollState | None: ...

    def forget(self, workspace: str, connection_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Polled:
    """What one run did. ``error``: the code of what ended it; ``is_news``: the run before did not end with it."""

    count: int = 0
    error: str | None = None
    is_news: bool = False


@dataclass(frozen=True, slots=True)
class ArmPolls:
    """Switches pollers on and off. ``source`` loads a source by name."""

    store: PollStore
    due: DueStore
    source: Callable[[str], PollSource]
    clock: Clock

    def arm(self, connection: Connection) -> None:
        """Have the connection polled in a minute or two, and from then on; or no more. Raises Retryable."""
        workspace, connection_id = connection.workspace, connection.id
        if interval(connection) is None or not self.source(connection.source).polls:
            self.store.change(workspace, connection_id, lambda state: state.armed(None) if state.version else None)
            return
        at = arm(self.due, connection, self.clock())
        since = connection.settings.get("poll_since")
        self.store.change(workspace, connection_id, lambda state: state.beginning(since).armed(at))

    def state(self, workspace: str, connection_id: str) -> PollState | None:
        return self.store.get(workspace, connection_id)

    def forget(self, workspace: str, connection_id: str) -> None:
        self.store.forget(workspace, connection_id)


@dataclass(frozen=True, slots=True)
class Poll:
    """``api`` makes the client of a connection; ``queue`` is the one it is fed by; ``monotonic`` counts seconds."""

    directory: Connections
    store: PollStore
    due: DueStore
    source: Callable[[str], PollSource]
    api: Api
    inbox: PageInbox
    queue: Queue
    clock: Clock
    monotonic: Callable[[], float]

    def __call__(self, message: Mapping[str, Any]) -> Polled:
        """One run, if it is the one that is due. What the vendor does ends a run and is not raised.

        Raises Retryable for our own trouble, KeyError for what nobody here sends.
        """
        workspace, connection_id, at = message["workspace"], message["connection"], message["at"]
        connection = self.directory.connection(workspace, connection_id)
        wait = interval(connection)
        state = self.store.get(workspace, connection_id)
        if connection is None or wait is None or state is None or state.next_at != at:
            return Polled()
        following = at
        if not message.get("goes_on"):
            following = arm(self.due, connection, self.clock() + wait)
        lease = random_id("pl")
        taken = self.store.change(workspace, connection_id, lambda state: state.due(at, following, lease, self.clock()))
        if taken is None or taken.lease != lease:
            return Polled()
        return self._run(connection, taken, error_before=state.error)

    def _run(self, connection: Connection, state: PollState, *, error_before: str | None) -> Polled:
        began, stop_at, before = self.clock(), self.monotonic() + LONGEST, state.found
        lease = str(state.lease)
        try:
            state, more = self._read(connection, state, stop_at)
            ended = self._end(connection, lease, reached=None if more else began)
            if more and ended is not None and ended.next_at is not None:
                self.queue.send(_message(connection, ended.next_at, goes_on=True))
            return Polled(state.found - before)
        except _Ended as trouble:
            self._end(connection, lease, error=trouble.code, later=self._asked_for(connection, state, trouble.after))
            return Polled(trouble.state.found - before, trouble.code, trouble.code != error_before)

    def _read(self, connection: Connection, state: PollState, stop_at: float) -> tuple[PollState, bool]:
        """Page after page; whether there are more than one run reads. Raises _Ended."""
        lease, source = state.lease, self.source(connection.source)
        settings = {"poll_since": connection.created_at, **connection.settings}
        client = None
        if not _is_moment(settings["poll_since"]):
            raise _Ended("settings_invalid", state)
        for _ in range(PAGES):
            try:
                client = client or self.api(connection, source, waited=True)
                page = source.poll(state.cursor, client, settings, self.clock())
            except (Retryable, Parked) as error:
                raise _Ended(error.code, state, error.after if isinstance(error, Retryable) else None) from None
            except SHAPE_ERRORS:
                raise _Ended(UNKNOWN_ANSWER, state) from None
            self.inbox.put_all([found(connection, source, payload, self.clock()) for payload in page.payloads])
            step = _page_read(lease, page.cursor, len(page.payloads), self.clock())
            after = self.store.change(connection.workspace, connection.id, step)
            if after is None:  # the lease ran out, and another run goes on from the page before
                raise _Ended("lease_lost", state)
            if page.more and page.cursor == state.cursor:  # it would be read again and again
                raise _Ended(NO_PROGRESS, after)
            state = after
            if not page.more:
                return state, False
            if self.monotonic() >= stop_at:
                break
        return state, True

    def _asked_for(self, connection: Connection, state: PollState, after: float | None) -> tuple[str, str] | None:
        """The run that was armed and the later one in its place, where the vendor asks for more patience than that."""
        moment = self.clock() + timedelta(seconds=min(after or 0.0, LONGEST_PAUSE))
        if state.next_at is None or moment <= rfc3339(state.next_at):
            return None
        return state.next_at, arm(self.due, connection, moment)

    def _end(
        self,
        connection: Connection,
        lease: str,
        *,
        error: str | None = None,
        reached: datetime | None = None,
        later: tuple[str, str] | None = None,
    ) -> PollState | None:
        def step(state: PollState) -> PollState | None:
            if state.lease != lease:
                return None
            ended = state.ended(error=error, reached=reached)
            return ended.armed(later[1]) if later and state.next_at == later[0] else ended

        return self.store.change(connection.workspace, connection.id, step)


class _Ended(Exception):
    """A run is over before its time."""

    def __init__(self, code: str, state: PollState, after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.state = state
        self.after = after  # seconds that the vendor asks for


def _is_moment(text: str) -> bool:
    try:
        rfc3339(text)
    except ValueError:
        return False
    return True


def arm(due: DueStore, connection: Connection, moment: datetime) -> str:
    """Put the run of ``moment`` where the sweep finds it; returns its name, for ``PollState.next_at``."""
    at = written(moment)
    due.add(moment, QUEUE, _message(connection, at), key=f"{KIND}#{connection.id}")
    return at


def _message(connection: Connection, at: str, *, goes_on: bool = False) -> dict[str, Any]:
    """``goes_on``: the run before had no time for all pages; the next one is armed already."""
    message = {"kind": KIND, "workspace": connection.workspace, "connection": connection.id, "at": at}
    return {**message, "goes_on": True} if goes_on else message


def _page_read(
    lease: str | None, cursor: Mapping[str, Any], count: int, now: datetime
) -> Callable[[PollState], PollState | None]:
    def step(state: PollState) -> PollState | None:
        return state.read(cursor, count, now) if state.lease == lease else None

    return step
