"""What a workspace promises for a case, by its severity and whether it was at a moment of truth. Pure.

First response: until somebody is in touch with the customer (``in_progress``, ``waiting_customer`` or ``resolved``, or
told them how things stand).
Next update: from one word to the customer to the next, while the case is worked on. Resolution: until it is resolved.
The updates of a case that was divided are promised with its parts.
Only waiting for the customer stops a clock; whoever has the case, and however often it changes hands, does not. A case
that is taken up again starts anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from chalicelib.domain.cases.ticket import SETTLED, SYSTEM, Move, Step, Ticket, history_line
from chalicelib.domain.time import clocks as counting
from chalicelib.domain.time.calendar import BusinessTime
from chalicelib.domain.time.clocks import CLOCKS, Clock, Clocks, Pace, Strike
from chalicelib.domain.vocabulary import SEVERITIES

MOST_MINUTES: Final = 366 * 24 * 60  # of one promise
MOT_MARK: Final = "+mot"
QUIET_EXEMPT: Final = "critical"
_WAITING: Final = "waiting_customer"
_RESPONDED: Final = frozenset({"in_progress", _WAITING, "resolved"})
_MINUTE: Final = timedelta(minutes=1)

Targets = Mapping[str, float]  # clock → business minutes; a clock that is not named is not kept


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Minutes of the unit's day from which, and until which, nobody is told; over midnight where the end is earlier."""

    start: int
    end: int
    critical: bool = False  # whether they hold for critical cases too

    @property
    def begins(self) -> str:
        """``21:00``."""
        return f"{self.start // 60:02d}:{self.start % 60:02d}"

    @property
    def ends(self) -> str:
        """``08:00``."""
        return f"{self.end // 60:02d}:{self.end % 60:02d}"

    def over(self, at: datetime, zone: ZoneInfo) -> datetime:
        """``at`` where it is not quiet then, else the end of the quiet hours."""
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        over_midnight = self.end <= self.start
        if not (self.start <= minute or minute < self.end if over_midnight else self.start <= minute < self.end):
            return at
        day = local.date() + timedelta(days=1) if over_midnight and minute >= self.start else local.date()
        end = datetime.combine(day, time(self.end // 60, self.end % 60), zone)
        # The clock may show the end twice, or jump over it: quiet until it is past for good.
        return max(end.replace(fold=fold).astimezone(timezone.utc) for fold in (0, 1))


@dataclass(frozen=True, slots=True)
class Policy:
    """One version; 0 is the one that ships. ``rows``: ``critical`` or ``critical+mot`` → promises.

    A severity without a row of its own for moments of truth has its plain one there.
    """

    version: int = 0
    rows: Mapping[str, Targets] = field(default_factory=dict)
    touchpoints: tuple[str, ...] = ()  # the moments of truth
    reminder: float = 0.8  # share of a promise after which its owner is reminded
    quiet: QuietHours | None = None

    def row(self, severity: str, touchpoint: str | None) -> str:
        """The name of the row that holds for a case."""
        strict = severity + MOT_MARK
        return strict if touchpoint in self.touchpoints and strict in self.rows else severity

    def targets(self, row: str) -> dict[str, timedelta]:
        return {name: minutes * _MINUTE for name, minutes in self.rows.get(row, {}).items()}


def _shipped() -> Policy:
    """In an office of nine hours: critical within the day, high in two, medium in four, low in eight."""
    plain = {
        "critical": (30, 120, 540),
        "high": (120, 540, 1080),
        "medium": (240, 1080, 2160),
        "low": (540, 2160, 4320),
    }
    rows: dict[str, Targets] = {}
    for severity in SEVERITIES:
        rows[severity] = dict(zip(CLOCKS, plain[severity], strict=True))
        rows[severity + MOT_MARK] = {name: minutes // 2 for name, minutes in rows[severity].items()}
    return Policy(rows=rows)


SHIPPED: Final = _shipped()


@dataclass(frozen=True, slots=True)
class Office:
    """What a workspace's clocks go by: its policy, and when each unit works."""

    policy: Policy
    time: Callable[[str | None], BusinessTime]  # unit → its time

    def pace(self, unit: str | None) -> Pace:
        return Pace(self.time(unit), self.policy.reminder)

    def quiet(self, ticket: Ticket) -> Callable[[datetime], datetime]:
        """A moment → when somebody may be told of this case."""
        hours = self.policy.quiet
        if hours is None or (ticket.severity == QUIET_EXEMPT and not hours.critical):
            return lambda at: at
        zone = self.time(ticket.unit).zone
        return lambda at: hours.over(at, zone)


@dataclass(frozen=True, slots=True)
class Timed:
    """A ticket as it is to be written, and what goes with it: the next alarm, and years that a deadline waits for."""

    ticket: Ticket
    alarm: datetime | None = None  # None: the one that is written already is right, or none is needed
    marked: tuple[str, ...] = ()


def timed(ticket: Ticket, moves: Sequence[Move], office: Office) -> Timed:
    """The ticket with its clocks after these lines of its history. ``ticket.clocks`` are those of before them.

    A ticket of before there were clocks gets some when it is taken up again. The same write has the same end.
    """
    known = ticket.clocks
    before = known
    for line in moves:
        known = _after_line(known, line, ticket, office)
    if known is None:
        return Timed(ticket)
    known = _moved(known, ticket, office)
    marks = () if ticket.state in SETTLED else _marks(known, office.time(ticket.unit))
    strike = next(iter(pending(known, ticket, office)), None)
    alarm = strike.at if strike else None
    armed = before.alarm if before else None
    settled = replace(known, alarm=alarm, marks=marks)
    resolution = settled.resolution
    had = before.marks if before else ()
    return Timed(
        replace(ticket, clocks=settled, due_at=resolution.due_at if resolution else None),
        alarm if alarm != armed else None,
        tuple(one for one in marks if one not in had),
    )


def pending(clocks: Clocks, ticket: Ticket, office: Office) -> list[Strike]:
    """What the clocks of a ticket will ask for, soonest first; nothing where nothing is left to do."""
    if ticket.state in SETTLED:
        return []
    return counting.strikes(clocks, office.quiet(ticket), ticket.updated_at)


def struck(ticket: Ticket, strike: Strike, now: datetime, *, tell: bool, above: str | None) -> Step:
    """The ticket one version later. ``above``: who is told of a breach, beside its owner, who stays answerable."""
    clocks = ticket.clocks
    clock = clocks.named().get(strike.clock) if clocks else None
    if clocks is None or clock is None:
        raise ValueError("the ticket has no such clock")
    telling = strike.what != counting.BREACH or tell
    after = counting.struck(clock, strike.what, now, tell=tell)
    change = "timed" if not telling else "reminded" if strike.what == counting.REMIND else "escalated"
    told = (above,) if above is not None and change == "escalated" else ()
    newer = replace(
        ticket,
        version=ticket.version + 1,
        updated_at=now,
        change=change,
        about=strike.clock,
        escalated_to=(*ticket.escalated_to, *told),
        clocks=clocks.having({strike.clock: after}),
    )
    return Step(newer, (history_line(ticket, newer, actor=SYSTEM, reason=_said(strike, clock, change, above)),))


def updated(ticket: Ticket, office: Office, *, actor: str, at: datetime, reason: str | None) -> Step:
    """The customer was told how things stand: they have had their first response, and the next update is promised anew,
    unless it is they who are waited for. For a case that is worked on.
    """
    clocks = ticket.clocks
    if clocks is not None:
        allowed = _next_update(ticket, clocks, office)
        running: dict[str, Clock | None] = {}
        if clocks.first_response is not None:
            running["first_response"] = counting.met(clocks.first_response, at)
        if allowed and ticket.state != _WAITING:
            running["next_update"] = counting.begun(allowed, office.pace(ticket.unit), at)
        clocks = clocks.having(running)
    newer = replace(ticket, version=ticket.version + 1, updated_at=at, change="updated", clocks=clocks)
    return Step(newer, (history_line(ticket, newer, actor=actor, reason=reason),))


def recounted(ticket: Ticket, office: Office, source: str, at: datetime) -> Step | None:
    """The ticket with its provisional deadlines by the calendar as it is now; None when none of them rests on it.

    ``source`` names the calendar in the line of the history.
    """
    clocks = ticket.clocks
    if clocks is None or ticket.state in SETTLED:
        return None
    pace = office.pace(ticket.unit)
    changed = {name: (clock, counting.recounted(clock, pace)) for name, clock in clocks.named().items()}
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    if not changed:
        return None
    said = "; ".join(f"{name} {_day(old)} -> {_day(new)}" for name, (old, new) in changed.items())
    newer = replace(
        ticket,
        version=ticket.version + 1,
        updated_at=at,
        change="updated",
        clocks=clocks.having({name: new for name, (_, new) in changed.items()}),
    )
    reason = f"deadlines counted again by {source}: {said}"
    return Step(newer, (history_line(ticket, newer, actor=SYSTEM, reason=reason),))


def _after_line(clocks: Clocks | None, line: Move, ticket: Ticket, office: Office) -> Clocks | None:
    """The clocks after one line of the history."""
    if not line.before or (line.after == "reopened" != line.before):
        return _begun(clocks, ticket, office, line.at)
    if clocks is None or line.before == line.after:
        return clocks
    pace = office.pace(clocks.unit)
    first, update, resolution = clocks.first_response, clocks.next_update, clocks.resolution
    if line.after in _RESPONDED:
        first = counting.met(first, line.at) if first else None
        allowed = _next_update(ticket, clocks, office) if line.after == "in_progress" else None
        update = counting.begun(allowed, pace, line.at) if allowed else None
    if resolution is not None:
        resolution = counting.resumed(resolution, pace, line.at)
        if line.after == _WAITING:
            resolution = counting.paused(resolution, pace, line.at)
        elif line.after == "resolved":
            resolution = counting.met(resolution, line.at)
    return replace(clocks, first_response=first, next_update=update, resolution=resolution)


def _next_update(ticket: Ticket, clocks: Clocks, office: Office) -> timedelta | None:
    """What is promised from one word to the customer to the next; None where nothing is, or the parts promise it."""
    return None if ticket.parts else office.policy.targets(clocks.row).get("next_update")


def _begun(before: Clocks | None, ticket: Ticket, office: Office, at: datetime) -> Clocks:
    row = office.policy.row(ticket.severity, ticket.touchpoint)
    targets, pace = office.policy.targets(row), office.pace(ticket.unit)
    promised = [name for name in CLOCKS if name in targets and name != "next_update"]
    running: dict[str, Clock | None] = {name: counting.begun(targets[name], pace, at) for name in promised}
    fresh = Clocks(row, ticket.unit, office.policy.version).having(running)
    return replace(fresh, alarm=before.alarm, marks=before.marks) if before else fresh


def _moved(clocks: Clocks, ticket: Ticket, office: Office) -> Clocks:
    """The clocks by the row and the unit that the ticket has now; as they were where neither has changed."""
    row = office.policy.row(ticket.severity, ticket.touchpoint)
    if (clocks.row, clocks.unit) == (row, ticket.unit) or ticket.state in SETTLED:
        return clocks
    old, new = office.pace(clocks.unit), office.pace(ticket.unit)
    targets = office.policy.targets(row)
    at = ticket.updated_at
    running: dict[str, Clock | None] = {}
    for name, clock in clocks.named().items():
        allowed = targets.get(name)
        running[name] = counting.moved(clock, allowed, old, new, at) if allowed is not None else None
    if clocks.resolution is None and "resolution" in targets:
        running["resolution"] = counting.begun(targets["resolution"], new, at)
    return replace(clocks, row=row, unit=ticket.unit, policy=office.policy.version).having(running)


def _marks(clocks: Clocks, time_: BusinessTime) -> tuple[str, ...]:
    country = time_.calendar.country if time_.calendar else ""
    years = {year for clock in clocks.named().values() if clock.is_running for year in clock.unpublished}
    return tuple(f"{country}#{year}" for year in sorted(years))


def _said(strike: Strike, clock: Clock, change: str, above: str | None) -> str:
    """The reason in the history."""
    due = f"{strike.clock}, due {_day(clock)}"
    if change == "reminded":
        return f"reminder: {due}"
    if change == "timed":
        return f"breach: {due}; quiet hours, told later"
    return f"breach: {due}; told {above}" if above else f"breach: {due}"


def _day(clock: Clock) -> str:
    return clock.due_at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%MZ") if clock.due_at else "never"
