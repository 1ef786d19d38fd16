"""How often customers complained of what an issue is about, day by day: from the counted hours, no voice is read.

Units are counted one after the other, and a count that has come to its bound goes on where it was: so an organisation
may have as many as it likes. A batch of messages has time for some counts of that bound and not for ten, so they share
a bound of seconds too; the first of them always comes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.issues.effect import Claim, Group, Tally
from chalicelib.domain.issues.issue import Issue, IssueLink, Scope
from chalicelib.domain.reading.rollup import hour_of
from chalicelib.domain.vocabulary import NO_UNIT
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR
from chalicelib.domain.workspaces.organisation import Organisation

MOST_LINKED: Final = 100  # tickets whose units are looked up where there is no organisation

Hours = Iterable[tuple[str, Mapping[str, Any]]]


class Buckets(Protocol):
    def span(self, workspace: str, unit: str, first: str, last: str) -> Hours:
        """The counted UTC hours of a unit, ``2026-11-21T08``, both included."""


class Exposures(Protocol):
    def of(self, workspace: str, unit: str, first: date, last: date) -> Mapping[date, float]:
        """The known days of a unit, both included."""


class Links(Protocol):
    def links(self, workspace: str, issue_id: str, *, limit: int = 100) -> tuple[Sequence[IssueLink], str | None]: ...


class Tickets(Protocol):
    def get(self, workspace: str, ticket_id: str) -> Ticket | None: ...


class Bound(NamedTuple):
    """What is read at one time, one unit more at most: units are a read or two of some weeks, hours take their time."""

    reads: int
    hours: int


# A part of a count takes some 3 of the 15 seconds of a batch, a person who asks waits some of 29.
A_PART: Final = Bound(reads=100, hours=10_000)
A_BATCH: Final = 8  # seconds after which a batch counts no further unit: what it has beside counts needs the rest
AT_ONCE: Final = Bound(reads=600, hours=100_000)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a fix counts, and where it is compared with."""

    treated: tuple[str, ...]
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How far units are counted, as they are on ``today`` of the workspace, whenever the count goes on.

    ``after``: the last one of them by name; None: all are. ``controls``: None where there are none.
    """

    today: date
    after: str | None = ""
    treated: Tally = field(default_factory=Tally)
    controls: Tally | None = None

    @property
    def groups(self) -> tuple[Group, Group | None]:
        return self.treated.group(), None if self.controls is None else self.controls.group()

    def with_unit(
        self, unit: str, events: Mapping[date, int], exposure: Mapping[date, float], *, treated: bool
    ) -> Count:
        if treated:
            return replace(self, after=unit, treated=self.treated.plus(events, exposure))
        return replace(self, after=unit, controls=(self.controls or Tally()).plus(events, exposure))


@dataclass(frozen=True, slots=True)
class CountComplaints:
    """A complaint is a voice's negative mention of a topic of the scope or below one. Days are each unit's own.

    ``has_time`` is asked before each unit; where it is over, the unit is left to the next message.
    """

    buckets: Buckets
    exposures: Exposures
    organisation: Callable[[str], Organisation]
    links: Links
    tickets: Tickets
    has_time: Callable[[], bool] = lambda: True

    def zone(self, workspace: str) -> ZoneInfo:
        """The workspace's time zone."""
        return self.organisation(workspace).zone

    def places(self, issue: Issue, claim: Claim) -> Places:
        """The units of a claim."""
        organisation = self.organisation(issue.workspace)
        scope = tuple(_in_scope(organisation, issue.scope, self._known(organisation, issue)))
        named = frozenset(claim.units)
        treated = dict.fromkeys(one for one in scope if not named or _below(organisation, one, named))
        if claim.controls is not None:
            pool = (*scope, *organisation.by_unit)
            apart = frozenset(claim.controls)
            controls = [one for one in pool if _below(organisation, one, apart)]
        elif claim.units:
            controls = list(scope)
        else:
            controls = list(_siblings(organisation, treated))
        return Places(tuple(treated), tuple(one for one in dict.fromkeys(controls) if one not in treated))

    def count(
        self, issue: Issue, places: Places, days: tuple[date, date], so_far: Count, most: Bound, *, exposed: bool = True
    ) -> Count:
        """Complaints, and exposures where they are asked for, from the first to the last of ``days``: of all units
        behind ``so_far``, or of as many of them as ``most`` and the time allow. Raises Retryable.
        """
        organisation = self.organisation(issue.workspace)
        treated = frozenset(places.treated)
        reads = hours = 0
        for unit in sorted(one for one in (*places.treated, *places.controls) if one > (so_far.after or "")):
            if reads >= most.reads or hours >= most.hours or not self.has_time():
                return so_far
            events, heard = self._events(issue, unit, _zone(organisation, unit), *days)
            known = self.exposures.of(issue.workspace, unit, *days) if exposed else {}
            so_far = so_far.with_unit(unit, events, known, treated=unit in treated)
            reads, hours = reads + 1 + exposed, hours + heard
        return replace(so_far, after=None)

    def _events(self, issue: Issue, unit: str, zone: ZoneInfo, first: date, last: date) -> tuple[dict[date, int], int]:
        """Complaints of one unit by day, and how many counted hours that took."""
        start = datetime.combine(first, time(), zone)
        end = datetime.combine(last + timedelta(days=1), time(), zone) - timedelta(seconds=1)
        found: dict[date, int] = {}
        heard = 0
        for hour, counts in self.buckets.span(issue.workspace, unit, hour_of(start), hour_of(end)):
            heard += 1
            complaints = _complaints(counts, issue.scope.topics)
            if complaints:
                day = datetime.fromisoformat(hour + ":00:00+00:00").astimezone(zone).date()
                found[day] = found.get(day, 0) + complaints
        return {day: count for day, count in found.items() if first <= day <= last}, heard

    def _known(self, organisation: Organisation, issue: Issue) -> Iterator[str]:
        """Units that there are: of the organisation; without one, those of the issue's tickets."""
        yield from organisation.by_unit
        yield from issue.scope.units
        if not organisation.by_unit:
            for link in self.links.links(issue.workspace, issue.id, limit=MOST_LINKED)[0]:
                ticket = self.tickets.get(issue.workspace, link.subject)
                if ticket is not None and ticket.unit:
                    yield ticket.unit
        if not (issue.scope.units or issue.scope.unit_kind):
            yield NO_UNIT


def as_message(count: Count) -> dict[str, Any]:
    """How far a count has come, for the message that goes on with it."""
    controls = None if count.controls is None else _packed(count.controls)
    today = count.today.isoformat()
    return {"today": today, "after": count.after, "treated": _packed(count.treated), "controls": controls}


def from_message(told: Mapping[str, Any]) -> Count:
    """The way back."""
    controls = None if told["controls"] is None else _unpacked(told["controls"])
    return Count(date.fromisoformat(told["today"]), told["after"], _unpacked(told["treated"]), controls)


def _packed(tally: Tally) -> dict[str, Any]:
    def by_day(numbers: Mapping[date, float]) -> dict[str, float]:
        return {day.isoformat(): number for day, number in numbers.items()}

    return {
        "events": by_day(tally.events),
        "exposure": None if tally.exposure is None else by_day(tally.exposure),
    }


def _unpacked(told: Mapping[str, Any]) -> Tally:
    events = {date.fromisoformat(day): int(number) for day, number in told["events"].items()}
    if told["exposure"] is None:
        return Tally(events)
    return Tally(events, {date.fromisoformat(day): float(number) for day, number in told["exposure"].items()})


def _in_scope(organisation: Organisation, scope: Scope, known: Iterable[str]) -> Iterator[str]:
    roots = frozenset(scope.units)
    for unit in dict.fromkeys(known):
        kind = organisation.by_unit[unit].kind if unit in organisation.by_unit else None
        if (not roots or _below(organisation, unit, roots)) and scope.unit_kind in (None, kind):
            yield unit


def _below(organisation: Organisation, unit: str, roots: Collection[str]) -> bool:
    """Whether a unit is one of ``roots`` or below one. What it costs does not grow with a set of them."""
    if any(level in roots for level in organisation.line(unit)):
        return True
    return any(unit[:at] in roots for at, char in enumerate(unit) if char == UNIT_SEPARATOR)


def _siblings(organisation: Organisation, treated: Collection[str]) -> Iterator[str]:
    """Other units of the kinds that were treated, under none that was."""
    kinds = {organisation.by_unit[one].kind for one in treated if one in organisation.by_unit} - {""}
    for unit in organisation.units:
        if unit.kind in kinds and not _below(organisation, unit.id, treated):
            yield unit.id


def _zone(organisation: Organisation, unit: str) -> ZoneInfo:
    return organisation.business_time(unit if unit != NO_UNIT else None, {}).zone


def _complaints(counts: Mapping[str, Any], topics: Sequence[str]) -> int:
    """Negative mentions in one counted hour; no topics are all of them."""
    return sum(
        int(polarities.get("negative", 0))
        for topic, polarities in counts.get("topics", {}).items()
        if not topics or any(topic == one or topic.startswith(one + ".") for one in topics)
    )
