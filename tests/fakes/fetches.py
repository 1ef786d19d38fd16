"""What fetching and polling stand on, in memory: queues, due rows, the pollers' states, a vendor's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.inbound.polling import PollState
from chalicelib.domain.outbound.exchange import HttpResponse
from chalicelib.domain.outbound.ratelimit import Limit, Window, admit
from chalicelib.domain.workspaces.directory import VendorSecret


@dataclass
class FakeQueue:
    sent: list[tuple[Mapping[str, Any], int]] = field(default_factory=list)  # body, delay in seconds

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:
        self.sent.append((body, delay))

    def taken(self) -> list[Mapping[str, Any]]:
        """All bodies; the queue is empty afterwards."""
        bodies = [body for body, _ in self.sent]
        self.sent.clear()
        return bodies


@dataclass
class FakeInbox:
    envelopes: list[Envelope] = field(default_factory=list)

    def put(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)

    def put_all(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            self.put(envelope)


@dataclass
class FakeDue:
    """Due rows: one for each minute and key, as in the table."""

    rows: dict[tuple[datetime, str], tuple[str, Mapping[str, Any]]] = field(default_factory=dict)

    def add(self, at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> None:
        self.rows[at.replace(second=0, microsecond=0), key] = (queue, body)

    def taken(self) -> list[Mapping[str, Any]]:
        """All bodies, the earliest first; the rows are gone afterwards."""
        bodies = [body for _, (_, body) in sorted(self.rows.items(), key=lambda row: row[0])]
        self.rows.clear()
        return bodies


@dataclass
class FakePollStore:
    """``between`` is called once, after the next read: the moment at which another worker gets in between."""

    states: dict[tuple[str, str], PollState] = field(default_factory=dict)
    between: Callable[[], None] | None = None

    def get(self, workspace: str, connection_id: str) -> PollState | None:
        return self.states.get((workspace, connection_id))

    def change(
        self, workspace: str, connection_id: str, step: Callable[[PollState], PollState | None]
    ) -> PollState | None:
        between, self.between = self.between, None
        if between is not None:
            between()
        before = self.get(workspace, connection_id) or PollState(workspace, connection_id)
        after = step(before)
        if after is not None:
            after = replace(after, version=before.version + 1)
            self.states[workspace, connection_id] = after
        return after

    def forget(self, workspace: str, connection_id: str) -> None:
        self.states.pop((workspace, connection_id), None)


@dataclass
class FakeVendorSecrets:
    records: dict[str, VendorSecret] = field(default_factory=dict)

    def get(self, record_id: str, *, within: float = 60.0) -> VendorSecret | None:
        return self.records.get(record_id)


@dataclass
class FakeWindows:
    """The real rule about the real log, kept in memory."""

    logs: dict[str, Window] = field(default_factory=dict)

    def take(self, target: str, limits: Sequence[Limit], now: float, *, waited: bool, urgent: bool) -> float:
        admission = admit(self.logs.get(target, Window()), limits, now, waited=waited, urgent=urgent)
        self.logs[target] = admission.window
        return admission.wait

    def close(self, target: str, _now: float, until: float) -> None:
        window = self.logs.get(target, Window())
        self.logs[target] = replace(window, closed=max(until, window.closed))


@dataclass
class FakeDoor:
    """Answers in turn; the last one for ever. An exception among them is raised."""

    answers: list[HttpResponse | Exception]
    calls: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        self.calls.append((method, url, headers, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer
