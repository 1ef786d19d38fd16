"""How often customers complained of what an issue is about, day by day: from the counted hours, no voice is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from chalicelib.domain.cases.ticket import Ticket
from chalicelib.domain.issues.effect import Claim, Group
from chalicelib.domain.issues.issue import Issue, IssueLink, Scope
from chalicelib.domain.reading.rollup import hour_of
from chalicelib.domain.vocabulary import NO_UNIT
from chalicelib.domain.workspaces.access import UNIT_SEPARATOR
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Invalid

MOST_UNITS: Final = 300  # of one issue: each is a read or two of some weeks
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


@dataclass(frozen=True, slots=True)
class Places:
    """Where a fix counts, and where it is compared with."""

    treated: tuple[str, ...]
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CountComplaints:
    """A complaint is a voice's negative mention of a topic of the scope or below one. Days are each unit's own."""

    buckets: Buckets
    exposures: Exposures
    organisation: Callable[[str], Organisation]
    links: Links
    tickets: Tickets

    def zone(self, workspace: str) -> ZoneInfo:
        """The workspace's time zone."""
        return self.organisation(workspace).zone

    def places(self, issue: Issue, claim: Claim) -> Places:
        """The units of a claim. Raises Invalid (``scope_too_wide``)."""
        organisation = self.organisation(issue.workspace)
        scope = tuple(_in_scope(organisation, issue.scope, self._known(organisation, issue)))
        treated = [one for one in scope if not claim.units or _below(organisation, one, claim.units)]
        if claim.controls is not None:
            pool = (*scope, *organisation.by_unit)
            controls = [one for one in pool if _below(organisation, one, claim.controls)]
        elif claim.units:
            controls = list(scope)
        else:
            controls = list(_siblings(organisation, treated))
        apart = tuple(one for one in dict.fromkeys(controls) if one not in treated)
        if len(treated) + len(apart) > MOST_UNITS:
            raise Invalid(f"At most {MOST_UNITS} units can be compared.", code="scope_too_wide", pointer="/units")
        return Places(tuple(treated), apart)

    def groups(self, issue: Issue, claim: Claim, first: date, last: date) -> tuple[Group, Group | None]:
        """Complaints and exposures of the treated units and of the controls, None where there are none.

        Raises Invalid (``scope_too_wide``), Retryable.
        """
        places = self.places(issue, claim)
        treated = self.group(issue, places.treated, first, last)
        return treated, self.group(issue, places.controls, first, last) if places.controls else None

    def group(self, issue: Issue, units: Sequence[str], first: date, last: date) -> Group:
        """The sum over units. Exposure counts on the days on which it is known of every unit that had complaints."""
        organisation = self.organisation(issue.workspace)
        events: dict[date, int] = {}
        known: list[Mapping[date, float]] = []
        for unit in units:
            heard = self._events(issue, unit, _zone(organisation, unit), first, last)
            exposed = self.exposures.of(issue.workspace, unit, first, last)
            if heard or exposed:
                known.append(exposed)
            for day, count in heard.items():
                events[day] = events.get(day, 0) + count
        days = set(known[0]).intersection(*known[1:]) if known else set()
        return Group(events, {day: sum(one[day] for one in known) for day in days})

    def _events(self, issue: Issue, unit: str, zone: ZoneInfo, first: date, last: date) -> dict[date, int]:
        start = datetime.combine(first, time(), zone)
        end = datetime.combine(last + timedelta(days=1), time(), zone) - timedelta(seconds=1)
        found: dict[date, int] = {}
        for hour, counts in self.buckets.span(issue.workspace, unit, hour_of(start), hour_of(end)):
            complaints = _complaints(counts, issue.scope.topics)
            if complaints:
                day = datetime.fromisoformat(hour + ":00:00+00:00").astimezone(zone).date()
                found[day] = found.get(day, 0) + complaints
        return {day: count for day, count in found.items() if first <= day <= last}

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


def _in_scope(organisation: Organisation, scope: Scope, known: Iterable[str]) -> Iterator[str]:
    for unit in dict.fromkeys(known):
        kind = organisation.by_unit[unit].kind if unit in organisation.by_unit else None
        if (not scope.units or _below(organisation, unit, scope.units)) and scope.unit_kind in (None, kind):
            yield unit


def _below(organisation: Organisation, unit: str, roots: Sequence[str]) -> bool:
    """Whether a unit is one of ``roots`` or below one."""
    if any(level in roots for level in organisation.line(unit)):
        return True
    return any(unit.startswith(root + UNIT_SEPARATOR) for root in roots)


def _siblings(organisation: Organisation, treated: Sequence[str]) -> Iterator[str]:
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
