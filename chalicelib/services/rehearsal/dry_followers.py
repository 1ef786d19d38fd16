"""What follows from cases, for a world in memory: issues that come up, questions to customers, codes for owners.

Issues are counted by the functions by which services/issues/promote.py counts, all else by the services themselves. No
case of the world is changed by it, and its messages have counts of their own: what follows in turn is left out.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.cases.page_link import Code
from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.issues.recurrence import IssuePolicy, Occurrence, cause_of
from chalicelib.domain.reading.dry_run import Tally
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.services.issues.promote import NO_CASE


@dataclass(frozen=True, slots=True)
class Single:
    """A case that is part of no issue yet, as far as it counts. Nobody hands one back here."""

    id: str
    opened_at: datetime
    critical: bool
    topics: tuple[str, ...]
    unit_kind: str
    bounced: int = 0

    @property
    def occurrence(self) -> Occurrence:
        return Occurrence(self.opened_at, self.id, critical=self.critical)


class Issues:
    """Issues that cases make by themselves. None is there at the start, and what has come up stays open.

    Each case is lived to its end at once, so its turns (no case any more, a case again) are kept until their moments.
    """

    def __init__(
        self, memory: Mapping[str, Any], policy: IssuePolicy, organisation: Organisation, tally: Tally
    ) -> None:
        self._policy, self._organisation, self._tally = policy, organisation, tally
        self._days = timedelta(days=policy.days)
        self._open = {(topic, unit_kind) for topic, unit_kind in memory.get("open", ())}
        self._single = {one.id: one for one in map(_single, memory.get("single", ()))}
        self._away = {one.id: one for one in map(_single, memory.get("away", ()))}
        self._turns: list[tuple[str, str, bool]] = [(at, name, gone) for at, name, gone in memory.get("turns", ())]
        self._gone: set[str] = set()

    def memory(self, now: datetime) -> dict[str, Any]:
        """Without cases so old that only one which is taken up again after as many days would count with them."""
        recent = (one for one in self._single.values() if one.opened_at >= now - 2 * self._days)
        return {
            "open": sorted(self._open),
            "single": [_packed(one) for one in recent],
            "away": [_packed(one) for one in self._away.values()],
            "turns": sorted(self._turns),
        }

    def opened(self, ticket: Ticket) -> None:
        """A case at its opening. A part of one does not count: nobody has handed it back."""
        if ticket.parent is None:
            unit = self._organisation.by_unit.get(ticket.unit or "")
            kind = unit.kind if unit else ""
            self._look(Single(ticket.id, ticket.opened_at, ticket.severity == "critical", ticket.complaints, kind))

    def changed(self, ticket: Ticket, at: datetime) -> None:
        """A version of a case that is lived, later than now."""
        gone = ticket.state in NO_CASE
        if gone != (ticket.id in self._gone):
            self._gone ^= {ticket.id}
            heapq.heappush(self._turns, (at.isoformat(), ticket.id, gone))

    def until(self, to: datetime) -> None:
        """What turns by a moment."""
        while self._turns and datetime.fromisoformat(self._turns[0][0]) <= to:
            _, name, gone = heapq.heappop(self._turns)
            before, after = (self._single, self._away) if gone else (self._away, self._single)
            one = before.pop(name, None)  # None: part of an issue, which it stays
            if one is not None:
                after[name] = one
                if not gone:
                    self._look(one)

    def _look(self, one: Single) -> None:
        self._single[one.id] = one
        any(self._is_part(one, topic) for topic in one.topics)

    def _is_part(self, one: Single, topic: str) -> bool:
        """Whether the case is part of the topic's issue by now; one that there was not is counted."""
        place = (topic, one.unit_kind)
        near = [other.occurrence for other in self._single.values() if self._counts_with(one, other, topic)]
        if place in self._open:
            linked: Iterable[str] = [occurrence.ticket for occurrence in near]
        else:
            cause = cause_of(one, near, self._policy)
            if cause is None:
                return False
            linked = (*cause.tickets, one.id)
            self._open.add(place)
            self._tally.add("issues")
            self._tally.add(topic, group="issue")
        for name in linked:
            self._single.pop(name, None)
        return True

    def _counts_with(self, one: Single, other: Single, topic: str) -> bool:
        alike = topic in other.topics and other.unit_kind == one.unit_kind
        return alike and abs(other.opened_at - one.opened_at) <= self._days


def _packed(one: Single) -> dict[str, Any]:
    return {**asdict(one), "opened_at": one.opened_at.isoformat()}


def _single(doc: Mapping[str, Any]) -> Single:
    return Single(**{**doc, "opened_at": datetime.fromisoformat(doc["opened_at"]), "topics": tuple(doc["topics"])})


@dataclass(slots=True)
class Questions:
    """The tickets of the world as ``AskCustomer`` sees them: a question is counted, once a resolution, and not kept."""

    find: Callable[[str, str], Ticket | None]
    tally: Tally
    _asked: set[tuple[str, int]] = field(default_factory=set)

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:
        return self.find(workspace, ticket_id)

    def create(self, ticket: Ticket, move: Move) -> bool:  # noqa: ARG002 - TicketStore
        return False

    def update(self, ticket: Ticket, moves: Iterable[Move], *, expected_version: int) -> bool:  # noqa: ARG002 - TicketStore
        question = (ticket.id, ticket.reopened)
        if ticket.change == "asked" and question not in self._asked:
            self._asked.add(question)
            self.tally.add("questions")
        return True


@dataclass(slots=True)
class Codes:
    """What ``SendCode`` calls codes, marks and queue. A message is counted and has arrived when it is sent.

    ``channel`` says over which one. There is no code's text here.
    """

    tally: Tally
    channel: Callable[[Mapping[str, Any]], str]
    _rows: dict[tuple[str, str], Code] = field(default_factory=dict)

    def mark(self, workspace: str, purpose: str, text: str) -> str:  # noqa: ARG002 - Marks
        return "a" * 26

    def knows(self, workspace: str) -> bool:  # noqa: ARG002 - Marks
        return True

    def all(self, workspace: str, ticket: str, at: datetime) -> Sequence[Code]:  # noqa: ARG002 - Codes
        return [one for (where, _), one in self._rows.items() if where == ticket and one.expires_at > at]

    def claim(self, workspace: str, ticket: str, code: Code, at: datetime) -> bool:  # noqa: ARG002 - Codes
        """One case after the other, so nobody else is faster."""
        self._rows[ticket, code.person] = code
        return True

    def lease(self, workspace: str, ticket: str, code: Code, now: datetime, until: datetime) -> bool:  # noqa: ARG002
        return True

    def release(self, workspace: str, ticket: str, code: Code) -> None: ...

    def told(self, workspace: str, ticket: str, code: Code) -> None:  # noqa: ARG002 - Codes
        self._rows[ticket, code.person] = replace(code, sent=True)

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:  # noqa: ARG002 - Queue
        person = str(body["person"])
        self.tally.add("notices" if body["above"] else "codes")
        self.tally.add(person, group="told")
        self.tally.add(self.channel(body), group="channel")
        row = f"{person}#above" if body["above"] else person
        self.told(str(body["workspace"]), str(body["ticket_id"]), self._rows[str(body["ticket_id"]), row])
