"""A change that is tried on what was heard already: what it would have done, beside what is in force. Pure.

``running`` → ``done``, or ``failed``: what it is compared with was changed meanwhile, too much waits at one time, or it
is not over after a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.cases.graph import Causes
from chalicelib.domain.cases.sla import Policy
from chalicelib.domain.ids import digest
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.domain.workspaces.rules import Rule, effective_rules

RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
STATES: Final = (RUNNING, DONE, FAILED)
KIND: Final = "dry_run"  # of its messages
PAGE: Final = 50  # voices of one message
MOST_DAYS: Final = 90
CHANGED: Final = "configuration_changed"  # why a run fails
TOO_MUCH: Final = "too_much_waits"
STALLED: Final = "stalled"
LONGEST: Final = timedelta(days=1)  # of a run: one whose message was put aside is held by nobody for ever

TOTAL: Final = "total"
NOBODY: Final = "-"  # where a ticket has no owner, no department, no playbook, no cause
# What is counted by name. Of whole cases: severity; of what somebody works on, so of parts and not of their whole:
# department, owner, playbook, cause. Of messages: endpoint, person, subscription. Of issues: their topic. Of codes and
# notices, whom they are for (told) and the channel that they go over.
GROUPS: Final = (
    "severity",
    "department",
    "owner",
    "playbook",
    "cause",
    "endpoint",
    "person",
    "subscription",
    "issue",
    "told",
    "channel",
)
TOTALS: Final = (
    "feedback",
    "tickets",
    "parts",
    "followups",
    "alerts",
    "alerts_swallowed",
    "messages",
    "emails",
    "sms",
    "sms_parts",
    "sms_refused",
    "reminders",
    "breaches",
    "escalations",
    "unworked",
    "unworked_reminders",
    "unworked_breaches",
    "issues",
    "questions",
    "codes",
    "notices",
    "write_units",
)
# What no count has in it.
LEFT_OUT: Final = (
    "contact_limits",  # every customer may be asked: what else they were asked meanwhile is not known
    "earlier_issues",  # there is none at the start, and nobody settles one
    "handed_back",  # so no case becomes an issue by it
    "what_follows_from_issues",  # issue.opened, tickets that become part of one
    "what_follows_from_questions",  # verification.asked, answers, cases that are closed without one
    "resolutions_without_words",  # whoever is told what is missing, and the code for it
    "notes",
    "parts_of_endpoint_sms",  # codes by SMS as well
)

# DynamoDB write units, by the rows that each thing puts: a row of up to 1 KB is one, twice that in a transaction, one
# more where it stands in an index. An estimate that says what grows, not a bill.
TICKET_OPENING_UNITS: Final = 4  # one put with the first line in it, the index, the alarm, a row that leads to it
TICKET_CHANGE_UNITS: Final = 6  # ticket and line of history in one transaction, the index, the alarm
MENTION_UNITS: Final = 6  # an admission, the arrival, and its end
ALERT_UNITS: Final = 4  # claimed, cooling, the message, the day's parts
DELIVERY_UNITS: Final = 4  # made, leased, attempt, ended

Counts = Mapping[str, Mapping[str, int]]


class Tally:
    """Counts that are being made: group → name → number."""

    def __init__(self, counts: Counts | None = None) -> None:
        self._groups = {group: Counter((counts or {}).get(group, {})) for group in (TOTAL, *GROUPS)}

    def add(self, name: str, by: int = 1, *, group: str = TOTAL) -> None:
        """Raises KeyError for a total, or a group, that is not declared."""
        if group == TOTAL and name not in TOTALS:
            raise KeyError(name)
        self._groups[group][name] += by

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Without what is nought."""
        return {
            group: {name: number for name, number in sorted(counted.items()) if number}
            for group, counted in self._groups.items()
        }


def difference(now: Counts, then: Counts) -> dict[str, dict[str, int]]:
    """How much more there is ``then``, by group and name; what is the same is left out."""
    groups = {}
    for group in (TOTAL, *GROUPS):
        before, after = now.get(group, {}), then.get(group, {})
        moved = {name: after.get(name, 0) - before.get(name, 0) for name in sorted({*before, *after})}
        groups[group] = {name: by for name, by in moved.items() if by}
    return groups


@dataclass(frozen=True, slots=True)
class FrameChange:
    """Another code frame, and so other topics and playbooks. ``overlay`` as in a proposal."""

    packs: tuple[str, ...]
    overlay: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What an endpoint would get; None leaves as it is."""

    id: str
    events: tuple[str, ...] | None = None
    filter: Mapping[str, Any] | None = None
    split: str | None = None

    def of(self, endpoint: Endpoint) -> Endpoint:
        given = {"filter": self.filter, "split": self.split}
        settings = {**endpoint.settings, **{name: value for name, value in given.items() if value is not None}}
        return replace(endpoint, events=endpoint.events if self.events is None else self.events, settings=settings)


@dataclass(frozen=True, slots=True)
class Change:
    """What is tried. Each part takes the place of the whole that is in force, but for rules and endpoints by name."""

    put: tuple[Rule, ...] = ()
    delete: tuple[str, ...] = ()
    sla: Policy | None = None
    causes: Causes | None = None
    organisation: Organisation | None = None
    frame: FrameChange | None = None
    endpoints: tuple[EndpointChange, ...] = ()

    def rules(self, own: Iterable[Rule]) -> tuple[Rule, ...]:
        """The rules in force, were it made; a rule that is put has the version that it would get."""
        known = {rule.name: rule for rule in own}
        for rule in self.put:
            before = known.get(rule.name)
            known[rule.name] = replace(rule, version=before.version + 1 if before else rule.version)
        return effective_rules(rule for name, rule in known.items() if name not in self.delete)

    def reached(self, endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
        """The endpoints, were it made."""
        changes = {one.id: one for one in self.endpoints}
        return tuple(changes[one.id].of(one) if one.id in changes else one for one in endpoints)

    def framed(self, active: FrameState) -> FrameState:
        """The code frame, were it made."""
        if self.frame is None:
            return active
        return replace(active, number=active.number + 1, packs=self.frame.packs, overlay=self.frame.overlay)


@dataclass(frozen=True, slots=True)
class DryRun:
    """One run and how far it has come. Voices that arrived at ``since`` ≤ time < ``until`` are replayed.

    ``page`` counts pages done, ``position`` is where the next begins, ``memory`` what either world remembers between
    two pages. ``basis`` is what it is compared with; once that has changed, there is nothing to compare.
    """

    workspace: str
    id: str
    by: str
    days: int
    since: datetime
    until: datetime
    change: Change
    basis: str
    state: str = RUNNING
    reason: str = ""
    page: int = 0
    position: str | None = None
    now: Counts = field(default_factory=dict)
    then: Counts = field(default_factory=dict)
    memory: tuple[Mapping[str, Any], Mapping[str, Any]] = field(default=({}, {}), repr=False)
    finished_at: datetime | None = None


def message(one: DryRun) -> dict[str, Any]:
    """What the queue of readings is told: which page is next."""
    return {"kind": KIND, "workspace": one.workspace, "dry_run": one.id, "page": one.page}


def ended(one: DryRun, at: datetime, *, reason: str = "") -> DryRun:
    """The run at its end; it remembers nothing but its counts."""
    return replace(one, state=FAILED if reason else DONE, reason=reason, finished_at=at, memory=({}, {}), position=None)


def standing(one: DryRun, now: datetime) -> DryRun:
    """The run as it is to be seen: one that runs for too long has failed, whatever its row says."""
    over = one.until + LONGEST
    return ended(one, over, reason=STALLED) if one.state == RUNNING and over <= now else one


def basis(rules: Iterable[Rule], endpoints: Iterable[Endpoint], *versions: str) -> str:
    """What a change is compared with, as one name. ``versions`` name all else that decides."""
    ruled = sorted(f"{rule.name}:{rule.version}" for rule in rules)
    sent = sorted(f"{one.id}:{one.events}:{sorted(one.settings.items(), key=str)}" for one in endpoints)
    return digest("dry-run", *versions, "rules", *ruled, "endpoints", *sent)
