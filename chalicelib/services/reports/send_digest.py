"""What is new for a digest, and its event; nothing where nothing is new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from chalicelib.domain.reading.listing import UNATTENDED, FeedbackQuery
from chalicelib.domain.reports import briefing as briefings
from chalicelib.domain.reports import loop
from chalicelib.domain.reports.briefing import EVENT, Briefing, Count
from chalicelib.domain.reports.loop import Span, Telling
from chalicelib.domain.time.moments import rfc3339, written
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Parked
from chalicelib.services.ports import Clock, DueStore
from chalicelib.services.reports.send_week import Tellings

KIND: Final = "digest"
QUEUE: Final = "cases"


class Briefings(Protocol):
    def get(self, workspace: str, briefing_id: str) -> Briefing | None: ...


class Endpoints(Protocol):
    def endpoint(self, workspace: str, endpoint_id: str) -> Endpoint | None: ...


class Lines(Protocol):
    def count(self, query: FeedbackQuery) -> int: ...


class Tickets(Protocol):
    def ticketed(self, span: Span) -> tuple[int, bool]:
        """How many voices tickets were opened for, and whether these are all."""


@dataclass(frozen=True, slots=True)
class ArmDigest:
    """One alarm a digest: its next slot."""

    organisation: Callable[[str], Organisation]
    due: DueStore

    def __call__(self, one: Briefing, after: datetime, *, since: datetime | None = None) -> None:
        """Have it looked at at its next slot: what came from ``since`` on is new then. Again changes nothing."""
        slot = briefings.next_slot(one, after, self.zone(one))
        body = {"kind": KIND, "workspace": one.workspace, "digest": one.id, "slot": slot.isoformat()}
        if since is not None:
            body["since"] = since.isoformat()
        self.due.add(slot, QUEUE, body, key=f"{KIND}#{one.id}")

    def zone(self, one: Briefing) -> ZoneInfo:
        return self.organisation(one.workspace).business_time(one.unit, {}).zone


@dataclass(frozen=True, slots=True)
class SendDigest:
    """Called by a due row: ``{"workspace", "digest", "slot", "since"?}``. The next one is armed first, as for weeks.

    Each slot begins where the one before it ended, so nothing is left out or told twice when slots come late, or when
    the clock of the place is changed: one that comes days late has those after it come at once, one by one.
    """

    briefings: Briefings
    directory: Endpoints
    lines: Lines
    tickets: Tickets
    tellings: Tellings
    arm: ArmDigest
    clock: Clock

    def __call__(self, message: Mapping[str, Any]) -> str:
        """``told`` | ``known`` (it was) | ``nothing_new`` | ``gone``, with which the chain ends.

        Raises Parked (``message_invalid``), Retryable.
        """
        try:
            workspace, digest, slot = str(message["workspace"]), str(message["digest"]), rfc3339(message["slot"])
            since = rfc3339(message["since"]) if "since" in message else None
        except (KeyError, TypeError, ValueError):
            raise Parked("The message names no slot of a digest.", code="message_invalid") from None
        one = self.briefings.get(workspace, digest)
        if one is None or self.directory.endpoint(workspace, one.endpoint) is None:
            return "gone"
        self.arm(one, slot, since=slot)
        span = Span(workspace, since or briefings.before(one, slot, self.arm.zone(one)), slot, one.unit)
        counts = [count for count in self._counts(one, span) if count.count]
        if not counts:
            return "nothing_new"
        told = Telling(EVENT, workspace, f"digest#{one.id}", written(slot), detail(one, span, counts))
        return "told" if self.tellings.tell(told, self.clock()) else "known"

    def _counts(self, one: Briefing, span: Span) -> list[Count]:
        if one.kind == "departments":
            return [self._of_department(replace(span, department=name)) for name in one.departments]
        query = FeedbackQuery(span.workspace, span.since, span.until, span.unit)
        if one.kind == "unanswered":
            waits = replace(span, since=span.since - UNATTENDED, until=span.until - UNATTENDED)
            query = replace(query, since=waits.since, until=waits.until, unattended=True)
            return [Count(None, self.lines.count(query), _unattended(waits))]
        if one.kind == "unit":
            return [Count(None, self.lines.count(query), loop.link(span, "heard"))]
        return [
            Count(topic, self.lines.count(replace(query, topic=topic)), loop.link(span, "heard", topic=topic))
            for topic in one.topics
        ]

    def _of_department(self, span: Span) -> Count:
        count, complete = self.tickets.ticketed(span)
        return Count(span.department, count, loop.link(span, "ticketed"), complete)


def detail(one: Briefing, span: Span, counts: list[Count]) -> dict[str, Any]:
    """What the bus is told of a digest: counts, links, ids."""
    return {
        "endpoint_id": one.endpoint,
        "digest_id": one.id,
        "kind": one.kind,
        "since": written(span.since),
        "until": written(span.until),
        "unit": span.unit,
        "severity": "low",
        "counts": [
            {"name": count.name, "count": count.count, "complete": count.complete, "feedback": count.link}
            for count in counts
        ],
    }


def _unattended(span: Span) -> str:
    asked = {"workspace": span.workspace, "since": written(span.since), "until": written(span.until)}
    return f"/v1/unattended?{urlencode({**asked, **({'unit': span.unit} if span.unit else {})})}"
