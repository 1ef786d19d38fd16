"""What passes between the deliver service, the connectors and the HTTP door.

URLs, headers and bodies here are credentials or a customer's words: no repr shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.cases.graph import Told
from chalicelib.domain.cases.playbook import Playbook
from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.cases.verification import Ask
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.fields import TIME_ZONE
from chalicelib.errors import Retryable

DELIVERED: Final = "delivered"
RETRY: Final = "retry"
FAILED: Final = "failed"
DISABLE: Final = "disable"
UNREADABLE: Final = "answer_unreadable"  # a success by its status alone


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One call, ready to be sent."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer. Header names are lower case; ``body`` holds at most 64 KiB, ``truncated``: there was more."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    truncated: bool = False


class EgressError(Retryable):
    """No answer. ``code``: timeout | connection | tls | protocol | dns | url_not_allowed.

    ``sent`` tells whether the target may have got the request: then the outcome is ambiguous.
    """

    code = "connection"

    def __init__(self, message: str, *, code: str, sent: bool) -> None:
        super().__init__(message, code=code)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer means. ``code`` is a stable word; ``after`` the wait in seconds that the target asked for."""

    verdict: str  # DELIVERED | RETRY | FAILED | DISABLE
    code: str = ""
    after: float | None = None


def is_ambiguous(outcome: Outcome, response: HttpResponse) -> bool:
    """Whether the target may have taken the request all the same: it broke, or its answer cannot be read."""
    return outcome.verdict == RETRY and (response.status >= 500 or outcome.code == UNREADABLE)


@dataclass(frozen=True, slots=True)
class Message:
    """One event for one endpoint, with what it is about as it is now."""

    delivery_id: str  # the idempotency key: stable over retries and replays
    type: str  # vocabulary.EVENT_TYPES
    sequence: int  # grows per subject, may skip
    occurred_at: str  # of the event, RFC 3339
    now: datetime  # of the attempt
    detail: Mapping[str, Any] = field(default_factory=dict)  # the thin bus event
    ticket: Ticket | None = None
    feedback: Feedback | None = None
    customer: Mapping[str, str] = field(default_factory=dict, repr=False)  # what the contact policy lets out
    base_url: str = ""  # of our own pages; empty: no link
    page: str = field(default="", repr=False)  # our page on the ticket, see domain/cases/page_link.py; empty: its id
    topic_name: Callable[[str, str], str] = field(default=lambda topic, _: topic, repr=False)  # (id, language) → name
    unit_name: str = ""  # what the organisation calls the unit; empty: it has no name for it
    time_zone: str = TIME_ZONE  # of whoever reads it, IANA
    playbook: Playbook | None = field(default=None, repr=False)  # what was agreed to do about it
    path: tuple[Told, ...] = field(default=(), repr=False)  # why, whose and what for: see domain/cases/graph.py
    code: str = field(default="", repr=False)  # of a message to one person alone, see services/page/send_code.py
    ask: Ask | None = None  # of ``verification.asked``: what the customer is to be asked

    @property
    def link(self) -> str:
        """Our own page on the ticket, of an alert on the one that its voice opens; empty where there is none."""
        page = self.page or (self.ticket.id if self.ticket else "")
        return f"{self.base_url}/t/{page}" if self.base_url and page else ""
