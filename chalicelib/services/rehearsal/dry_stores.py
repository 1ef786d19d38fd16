"""Stores that forget, for a world in memory: each keeps the promises of the real one, for one voice after another."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.alerts import sms
from chalicelib.domain.alerts.alert import IDLE, SMS, Alert, AlertKey, Cooldown, Mention
from chalicelib.domain.cases.ticket import SETTLED, Move, Ticket
from chalicelib.domain.outbound.delivery import Delivery
from chalicelib.domain.reading.dry_run import (
    ALERT_UNITS,
    DELIVERY_UNITS,
    MENTION_UNITS,
    NOBODY,
    TICKET_CHANGE_UNITS,
    TICKET_OPENING_UNITS,
    Tally,
)
from chalicelib.domain.vocabulary import severity_rank
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.workspaces.directory import Endpoint, Subscription
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.observability import Line
from chalicelib.services.cases.timed_tickets import TimedTickets

_CAUSES: Final = ("prior", "seen", "learned")  # edges that lead to a cause
_METRICS: Final[Mapping[str, str]] = {
    "AlertsSent": "alerts",
    "AlertsSwallowed": "alerts_swallowed",
    "SmsParts": "sms_parts",
    "SpendGuarded": "sms_refused",
}


@dataclass
class Frozen:
    """The clock: it stands at what is being done, and goes on from there to the next."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def forward(self, to: datetime) -> None:
        self.at = max(self.at, to)


class Counted(Line):
    """What workers log, as counts; it is never written."""

    def __init__(self, tally: Tally) -> None:
        super().__init__("dry_run")
        self._tally = tally

    def count(self, name: str, by: int = 1) -> None:
        self._tally.add(_METRICS[name], by)


class Voices:
    """The one voice that is being heard."""

    current: Feedback

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:  # noqa: ARG002 - FeedbackReader
        return self.current if self.current.id == feedback_id else None

    def action_done(self, feedback: Feedback, action: str, *, at: datetime, ticket: str | None = None) -> bool:  # noqa: ARG002
        self.current = replace(
            self.current, awaiting=self.current.awaiting - {action}, ticket=ticket or self.current.ticket
        )
        return feedback.id == self.current.id


class Tickets:
    """Tickets of the voice that is being heard, with the alarms of the one that is lived. Also StrikeClock's due rows.

    ``told`` hears every new version.
    """

    def __init__(self, time: TimedTickets, told: Callable[[Ticket], None], tally: Tally) -> None:
        self._time, self._tell, self._tally = time, told, tally
        self.rows: dict[str, Ticket] = {}
        self._fresh: list[str] = []
        self._alarms: dict[str, list[datetime]] = {}
        self._lived, self._worked = "", True

    @property
    def alarm(self) -> datetime | None:
        return min(self._alarms[self._lived], default=None)

    def pop(self) -> datetime:
        alarms = self._alarms[self._lived]
        at = min(alarms)
        alarms.remove(at)
        return at

    def opened(self) -> list[Ticket]:
        """What was opened since it was last asked."""
        fresh, self._fresh = self._fresh, []
        return [self.rows[one] for one in fresh]

    def begin(self, ticket: Ticket, *, worked: bool) -> None:
        self._lived, self._worked = ticket.id, worked
        if not worked:
            self._tally.add("unworked")

    def end(self, ticket: Ticket) -> None:
        del self.rows[ticket.id], self._alarms[ticket.id]

    def get(self, workspace: str, ticket_id: str) -> Ticket | None:  # noqa: ARG002 - TicketStore
        return self.rows.get(ticket_id)

    def create(self, ticket: Ticket, move: Move) -> bool:
        if ticket.id in self.rows:
            return False
        self._fresh.append(ticket.id)
        self._count_opened(ticket)
        self._write(ticket, (move,), TICKET_OPENING_UNITS)
        return True

    def update(self, ticket: Ticket, moves: Iterable[Move], *, expected_version: int) -> bool:
        before = self.rows[ticket.id]
        if before.version != expected_version:
            return False
        self._write(ticket, tuple(moves), TICKET_CHANGE_UNITS)
        self._count_clocks(before, self.rows[ticket.id])
        return True

    def add(self, at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> None:  # noqa: ARG002 - DueStore
        self._alarms[body["ticket"]].append(at)

    def _write(self, ticket: Ticket, moves: tuple[Move, ...], units: int) -> None:
        timed = self._time(ticket, moves)
        self.rows[ticket.id] = timed.ticket
        alarms = self._alarms.setdefault(ticket.id, [])
        if timed.alarm is not None:
            alarms.append(timed.alarm)
        self._tally.add("write_units", units)
        self._tell(timed.ticket)

    def _count_opened(self, ticket: Ticket) -> None:
        tally = self._tally
        if ticket.parent is None:
            tally.add("tickets")
            tally.add(ticket.severity, group="severity")
        else:
            tally.add("parts")
        if ticket.parts:
            return
        cause = next((edge.end for edge in ticket.path if edge.reason in _CAUSES), NOBODY)
        tally.add(next(iter(ticket.departments), NOBODY), group="department")
        tally.add(ticket.owner or NOBODY, group="owner")
        tally.add(f"{ticket.playbook.id}@{ticket.playbook.version}" if ticket.playbook else NOBODY, group="playbook")
        tally.add(cause, group="cause")

    def _count_clocks(self, before: Ticket, after: Ticket) -> None:
        found = {
            "reminders": int(after.change == "reminded"),
            "breaches": _breached(after) - _breached(before),
            "escalations": int(after.change == "escalated"),
        }
        for name, number in found.items():
            if number > 0:
                self._tally.add(name, number)
                if not self._worked and name != "escalations":
                    self._tally.add(f"unworked_{name}", number)


def _breached(ticket: Ticket) -> int:
    clocks = ticket.clocks.named().values() if ticket.clocks else ()
    return sum(clock.breached_at is not None for clock in clocks)


class Load:
    """How many open tickets somebody has: of those alone who may have so many and no more.

    Kept by ticket: the moments at which it was settled and taken up again, by turns.
    """

    def __init__(
        self, memory: Mapping[str, Mapping[str, Sequence[str]]], organisation: Organisation, clock: Frozen
    ) -> None:
        self._organisation, self._clock = organisation, clock
        self._held = {
            person: {one: list(turns) for one, turns in tickets.items()} for person, tickets in memory.items()
        }

    def __call__(self, person: str) -> int:
        now = self._clock().isoformat()
        known = self._held.get(person, {})
        self._held[person] = {one: turns for one, turns in known.items() if len(turns) % 2 == 0 or turns[-1] > now}
        return sum(sum(at <= now for at in turns) % 2 == 0 for turns in self._held[person].values())

    def opened(self, ticket: Ticket) -> None:
        person = self._organisation.by_person.get(ticket.owner) if ticket.owner else None
        if person is not None and not ticket.parts and (person.most_open or self._organisation.most_open):
            self._held.setdefault(person.id, {}).setdefault(ticket.id, [])

    def changed(self, ticket: Ticket, at: datetime) -> None:
        turns = self._held.get(ticket.owner or "", {}).get(ticket.id)
        if turns is not None and (ticket.state in SETTLED) != (len(turns) % 2 == 1):
            turns.append(at.isoformat())

    @property
    def memory(self) -> dict[str, dict[str, list[str]]]:
        for person in list(self._held):
            self(person)
        return {person: held for person, held in self._held.items() if held}


class Alerts:
    """Alert keys with what waits, the day's SMS parts, and wake-ups: what SendAlert calls store, queue and due rows."""

    def __init__(self, memory: Mapping[str, Any], clock: Frozen, raised: Callable[[Alert], None], tally: Tally) -> None:
        self._clock, self._raised, self._tally = clock, raised, tally
        self._keys: dict[str, tuple[AlertKey, Cooldown]] = {}
        self._waiting: dict[str, dict[str, Mention]] = {}
        for key, state, waiting in memory.get("keys", ()):
            one = AlertKey(*key)
            self._keys[one.id] = (one, Cooldown(*state))
            self._waiting[one.id] = {mention["subject"]: Mention(**mention) for mention in waiting}
        self._wakes: list[tuple[float, int, dict[str, Any]]] = [
            (at, place, dict(body)) for place, (at, body) in enumerate(memory.get("wakes", ()))
        ]
        self._placed = len(self._wakes)
        self._spent: dict[str, int] = dict(memory.get("spent", {}))

    @property
    def memory(self) -> dict[str, Any]:
        """Without wake-ups of an older version, and without keys at which nothing happens."""
        wakes = [(at, body) for at, _, body in sorted(self._wakes) if self._version(body) == body.get("version")]
        live = {body["key"] for _, body in wakes}
        keys = [
            (
                (key.workspace, key.rule, key.topic, key.unit),
                tuple(asdict(state).values()),
                [asdict(one) for one in self._waiting.get(name, {}).values()],
            )
            for name, (key, state) in self._keys.items()
            if name in live or self._waiting.get(name) or state.state != IDLE
        ]
        today = self._clock().date().isoformat()
        return {"keys": keys, "wakes": wakes, "spent": {day: n for day, n in self._spent.items() if day >= today}}

    def next(self, to: datetime) -> tuple[datetime, dict[str, Any]] | None:
        """The wake-up that is first due by a moment, taken out."""
        if not self._wakes or self._wakes[0][0] > to.timestamp():
            return None
        at, _, body = heapq.heappop(self._wakes)
        return datetime.fromtimestamp(at, to.tzinfo), body

    def _version(self, body: Mapping[str, Any]) -> int | None:
        found = self._keys.get(body.get("key", ""))
        return found[1].version if found else None

    # --- queue and due rows

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:
        self.add(self._clock() + timedelta(seconds=delay), "", body, key="")

    def add(self, at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> None:  # noqa: ARG002 - DueStore
        heapq.heappush(self._wakes, (at.timestamp(), self._placed, dict(body)))
        self._placed += 1

    # --- what waits

    def admit(self, key: AlertKey, mention: Mention, *, at: datetime) -> AlertKey | None:  # noqa: ARG002 - Admission
        """Each voice is heard once: whatever asks was named for no rule before."""
        self._waiting.setdefault(key.id, {})[mention.subject] = mention
        self._tally.add("write_units", MENTION_UNITS)
        return key

    def waiting(self, key: AlertKey, *, at: datetime, most: int) -> Sequence[Mention]:  # noqa: ARG002 - KeyStore
        return [one for _, one in sorted(self._waiting.get(key.id, {}).items())][:most]

    def forget(self, key: AlertKey, mentions: Iterable[Mention]) -> None:
        for mention in mentions:
            self._waiting[key.id].pop(mention.subject, None)

    # --- the key

    def arrive(self, key: AlertKey, *, red_line: bool, at: datetime) -> Cooldown:  # noqa: ARG002 - KeyStore
        _, known = self._keys.get(key.id, (key, Cooldown()))
        current = replace(known, arrivals=known.arrivals + 1, red_lines=known.red_lines + red_line)
        self._keys[key.id] = (key, current)
        return current

    def load(self, workspace: str, key_id: str) -> tuple[AlertKey, Cooldown] | None:  # noqa: ARG002 - KeyStore
        return self._keys.get(key_id)

    def change(
        self,
        key: AlertKey,
        before: Cooldown,
        after: Cooldown,
        *,
        at: datetime,  # noqa: ARG002 - KeyStore
        unchanged: str | None = None,  # noqa: ARG002 - nobody else is at it
    ) -> bool:
        current = self._keys[key.id][1]
        if current.version != before.version:
            return False
        self._keys[key.id] = (key, replace(current, state=after.state, version=after.version, until=after.until))
        return True

    def record(self, alert: Alert) -> None:
        self._tally.add("write_units", ALERT_UNITS)
        self._raised(alert)

    # --- the budget

    def spend(self, workspace: str, parts: int, *, limit: int, at: datetime) -> bool:  # noqa: ARG002 - SmsBudget
        day = at.date().isoformat()
        if self._spent.get(day, 0) + parts > limit:
            return False
        self._spent[day] = self._spent.get(day, 0) + parts
        return True

    def refund(self, workspace: str, parts: int, *, at: datetime) -> None:  # noqa: ARG002 - SmsBudget
        self._spent[at.date().isoformat()] -= parts


class Notifier:
    """Counts who would have been woken."""

    name = "sns"

    def __init__(self, known: Sequence[Subscription], tally: Tally) -> None:
        self._known, self._tally = known, tally

    def parts(self, text: str) -> int:
        return sms.parts(text)

    def publish(self, workspace: str, severity: str, protocol: str, text: str, *, subject: str | None = None) -> None:  # noqa: ARG002
        for one in self._known:
            if one.protocol == protocol and severity_rank(one.severity) <= severity_rank(severity):
                self._tally.add("sms" if protocol == SMS else "emails")
                self._tally.add(one.id, group="subscription")


@dataclass(frozen=True, slots=True)
class Subscribers:
    known: Sequence[Subscription]

    def subscriptions(self, workspace: str) -> Sequence[Subscription]:  # noqa: ARG002 - of one workspace
        return self.known


@dataclass(frozen=True, slots=True)
class Endpoints:
    known: Sequence[Endpoint]

    def endpoints(self, workspace: str) -> Sequence[Endpoint]:  # noqa: ARG002 - of one workspace
        return self.known


class Nothing:
    """A queue, and due rows, from which nothing ever comes: no delivery is made."""

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None: ...

    def add(self, at: datetime, queue: str, body: Mapping[str, Any], *, key: str) -> None: ...


class Deliveries:
    """Counts what would have been sent. Each event happens once here, so each of its deliveries is new."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def create(self, delivery: Delivery) -> bool:
        self._tally.add("messages")
        self._tally.add(delivery.endpoint, group="endpoint")
        self._tally.add("write_units", DELIVERY_UNITS)
        return True
