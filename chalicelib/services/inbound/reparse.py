"""Read parked content again: after a mapping was mended, or when a paused connection is resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from chalicelib.domain.reading.listing import FeedbackPage, FeedbackQuery
from chalicelib.domain.time.moments import rfc3339
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.directory import Connection
from chalicelib.errors import Conflict
from chalicelib.services.ports import Clock, Queue

PAUSED: Final = "connection_paused"
PAGE: Final = 100
KEPT: Final = timedelta(days=30)  # how long parked content is
PATIENCE: Final = timedelta(seconds=15)  # the gateway gives up on an answer after 29 s


class ParkedFeedback(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...

    def raw_body(self, workspace: str, feedback_id: str) -> bytes | None:
        """The sealed inbox message of a parked feedback; None when it has expired."""


class BodyVault(Protocol):
    def open_body(self, workspace: str, sealed: bytes) -> bytes: ...


class FeedbackLists(Protocol):
    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage: ...


@dataclass(frozen=True, slots=True)
class Resumed:
    """How many parked voices are on their way again; ``more``: time ran out before all were, so ask again."""

    count: int
    more: bool


@dataclass(frozen=True, slots=True)
class Reparse:
    """What was parked goes to the inbox again, under the id that its row has."""

    store: ParkedFeedback
    lists: FeedbackLists
    vault: BodyVault
    inbox: Queue
    clock: Clock

    def one(self, workspace: str, feedback_id: str) -> None:
        """Put the parked content on the inbox again, also what no proof came with: whoever asks for it vouches for it.

        Raises NotFound, Conflict ``not_parked`` or ``body_expired``, Retryable.
        """
        feedback = self.store.get(workspace, feedback_id)
        if feedback is None:
            raise nowhere()
        if not self._send(feedback):
            if feedback.state != "parked":
                raise Conflict("This feedback is not parked.", code="not_parked")
            raise Conflict("The parked content has expired.", code="body_expired")

    def connection(self, connection: Connection) -> Resumed:
        """All that a pause of this connection has parked."""
        stop_at, count, workspace = self.clock() + PATIENCE, 0, connection.workspace
        for feedback_id in self._parked(connection):
            if self.clock() >= stop_at:
                return Resumed(count, more=True)
            feedback = self.store.get(workspace, feedback_id)
            count += feedback is not None and feedback.parked_reason == PAUSED and self._send(feedback)
        return Resumed(count, more=False)

    def _parked(self, connection: Connection) -> Iterator[str]:
        """Ids, newest first, as far back as there can be a body to read."""
        since = max(self.clock() - KEPT, rfc3339(connection.created_at))
        query = FeedbackQuery(connection.workspace, since=since, state="parked", connection=connection.id)
        cursor: str | None = None
        while True:
            page = self.lists.page(query, limit=PAGE, cursor=cursor)
            yield from (item.id for item in page.items if item.parked_reason == PAUSED)
            cursor = page.cursor
            if cursor is None:
                return

    def _send(self, feedback: Feedback) -> bool:
        sealed = self.store.raw_body(feedback.workspace, feedback.id) if feedback.state == "parked" else None
        if sealed is None:
            return False
        message = json.loads(self.vault.open_body(feedback.workspace, sealed))
        self.inbox.send({**message, "paused": False, "reparse": True, "unread": None})
        return True
