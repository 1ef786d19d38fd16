"""The ports that several services share. A port that one service alone needs stands in that service's file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.events import Event
from chalicelib.domain.issues.issue import Issue, IssueStep
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import Connection, Endpoint
from chalicelib.domain.workspaces.rules import Rule

Clock = Callable[[], datetime]  # aware, UTC


class Queue(Protocol):
    """One SQS queue."""

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:
        """Put one JSON message; ``delay`` in seconds, at most 900. Raises Retryable."""


class Bus(Protocol):
    """The custom event bus."""

    def publish(self, events: Sequence[Event]) -> None:
        """Put all events; raises Retryable when one entry was refused, for the caller to send all again."""


class SmsGateway(Protocol):
    """A way to phones. There are three, and all are billed by the part before anything leaves, from one budget a day.

    ``sns`` (messaging/notifications.py) takes free text for a workspace's subscribers and is called by ``alert``, which
    has no way out of AWS. ``aliyun_sms`` and ``tencent_sms`` are connectors: ``deliver`` sends a registered template
    and its variables to the receivers of an endpoint, through the one HTTP door.
    """

    @property
    def name(self) -> str:
        """As in the list of connectors; ``sns`` is in none."""

    def parts(self, text: str) -> int:
        """Parts that one phone is billed for ``text``, as this carrier counts."""


class SmsBudget(Protocol):
    """What a workspace may spend on SMS a day, whichever way they go; ``storage.alerts.alerts.AlertStore`` keeps it."""

    def spend(self, workspace: str, parts: int, *, limit: int, at: datetime) -> bool:
        """Take ``parts`` from the day's ``limit``; False, and nothing taken, without room."""

    def refund(self, workspace: str, parts: int, *, at: datetime) -> None:
        """Give back what was taken at the same instant, when nothing was sent."""


class FeedbackReader(Protocol):
    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        """The current revision, strongly consistent; None when there is none or it has expired."""

    def action_done(self, feedback: Feedback, action: str, *, at: datetime, ticket: str | None = None) -> bool:
        """Remove ``action`` from ``awaiting``, conditional on this revision and reading.

        The last one out sets ``acted_at``. False when the feedback has moved on. ``ticket`` is remembered and makes
        the state ``ticketed``.
        """


class Directory(Protocol):
    """What people configure, always read fresh: once per batch, not once per record."""

    def connection(self, workspace: str, connection_id: str) -> Connection | None: ...

    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None: ...

    def endpoints(self, workspace: str) -> Sequence[Endpoint]: ...

    def rules(self, workspace: str) -> Sequence[Rule]:
        """Built-in rules overlaid by the workspace's own of the same name; disabled ones left out."""


class TicketStore(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...

    def create(self, ticket: Ticket, move: Move) -> bool:
        """Write ticket and first history line together; False when the ticket exists."""

    def update(self, ticket: Ticket, moves: Iterable[Move], *, expected_version: int) -> bool:
        """Write the new state and its history lines; False when somebody else was faster."""


class IssueStore(Protocol):
    """``storage.issues.issues.IssueStore`` keeps them."""

    def get(self, workspace: str, issue_id: str) -> Issue | None: ...

    def create(self, step: IssueStep) -> bool:
        """Write issue and first history line in one transaction; False when the issue exists."""

    def update(self, *steps: IssueStep) -> bool:
        """Write new states and their lines, all or none; False when somebody else was faster with one of them."""


class DueStore(Protocol):
    """Waits longer than fifteen minutes: the sweep re-queues them at their minute."""

    def add(self, at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> None:
        """``queue`` is one of tickets | alerts | deliveries | rollups | fetches; ``key`` makes the row idempotent."""
