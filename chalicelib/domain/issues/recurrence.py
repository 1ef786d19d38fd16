"""When single cases are one problem: they recur, nobody could solve one of them, or they were grave. Pure.

What counts together are tickets of one topic at one kind of unit that are part of no issue yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from chalicelib.domain.cases.ticket import Ticket, title_in
from chalicelib.domain.issues.issue import (
    MOST_EVIDENCE,
    ON_ITS_LEVEL,
    SYSTEM,
    Evidence,
    Issue,
    IssueStep,
    Scope,
    opened,
    promoted,
    recurring_id,
)

KEPT: Final = timedelta(days=90)  # after its opening a ticket counts no more, whatever a policy says

# Kinds of units as people call them; an organisation may use any other word.
_KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "shop": {"zh-CN": "门店", "en": "shop"},
    "store": {"zh-CN": "门店", "en": "store"},
    "branch": {"zh-CN": "网点", "en": "branch"},
    "kiosk": {"zh-CN": "售货亭", "en": "kiosk"},
    "counter": {"zh-CN": "专柜", "en": "counter"},
    "restaurant": {"zh-CN": "餐厅", "en": "restaurant"},
    "hotel": {"zh-CN": "酒店", "en": "hotel"},
    "warehouse": {"zh-CN": "仓库", "en": "warehouse"},
    "region": {"zh-CN": "区域", "en": "region"},
    "city": {"zh-CN": "城市", "en": "city"},
}


@dataclass(frozen=True, slots=True)
class IssuePolicy:
    """What makes an issue of single tickets. ``analyst`` studies it; nobody named: who owns it."""

    version: int = 0
    count: int = 5  # L1 tickets of one topic and kind of unit …
    days: int = 30  # … within so many days
    bounces: int = 3  # of one ticket
    critical: int = 2  # tickets of critical severity within the same days
    analyst: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """One ticket that counts."""

    at: datetime
    ticket: str
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """Why there is an issue (``Issue.origin``), the tickets that say so, oldest first, and what was counted."""

    origin: str
    tickets: tuple[str, ...]
    first: datetime
    numbers: Mapping[str, Any]


class Case(Protocol):
    """What of a ticket may be a cause."""

    @property
    def id(self) -> str: ...

    @property
    def opened_at(self) -> datetime: ...

    @property
    def bounced(self) -> int: ...


def cause_of(ticket: Case, found: Sequence[Occurrence], policy: IssuePolicy) -> Cause | None:
    """Why ``ticket`` is more than one case; None when it is not. ``found`` has the ticket itself where it counts.

    The order in which tickets are heard of does not matter: the whole of the first span that is full counts.
    """
    for origin, kept, least in (
        ("recurrence", sorted(found), policy.count),
        ("severity", sorted(one for one in found if one.critical), policy.critical),
    ):
        span = _full(kept, ticket.id, least, timedelta(days=policy.days))
        if span:
            numbers = {"tickets": len(span), "days": policy.days, "first": _day(span[0].at), "last": _day(span[-1].at)}
            return Cause(origin, tuple(one.ticket for one in span), span[0].at, numbers)
    if ticket.bounced >= policy.bounces:
        return Cause("bounces", (ticket.id,), ticket.opened_at, {"bounces": ticket.bounced})
    return None


def _full(found: Sequence[Occurrence], ticket: str, least: int, days: timedelta) -> Sequence[Occurrence]:
    """The occurrences of the first span of ``days`` that holds ``least`` of them and the ticket; none without one."""
    for first in found:
        span = [one for one in found if first.at <= one.at <= first.at + days]
        if len(span) >= least and any(one.ticket == ticket for one in span):
            return span
    return ()


def opened_by(
    ticket: Ticket,
    topic: str,
    unit_kind: str,
    cause: Cause,
    *,
    name: Mapping[str, str],
    owner: str | None,
    analyst: str | None,
    at: datetime,
) -> IssueStep:
    """The L2 issue of a cause, in triage until somebody defines it, who says what process has to change: a guess of
    ours would bind them. ``name``: language → name of the topic.
    """
    subject = topic or ticket.id
    zh, en = (_titled(name[lang] if topic else title_in(ticket, lang), unit_kind, lang) for lang in ("zh-CN", "en"))
    issue = Issue(
        workspace=ticket.workspace,
        id=recurring_id(ticket.workspace, subject, unit_kind),
        version=1,
        state="triage",
        level="L2",
        title=zh if zh == en else f"{zh} / {en}",
        opened_at=at,
        updated_at=at,
        first_seen=cause.first,
        scope=Scope(topics=(topic,) if topic else (), unit_kind=unit_kind or None, first=cause.first.date()),
        evidence=(evidence(cause, at),),
        owner=owner,
        analyst=analyst or owner,
        departments=ticket.departments[:1],
        origin=cause.origin,
    )
    return opened(issue, actor=SYSTEM, reason=cause.origin, numbers=cause.numbers)


def _titled(about: str, unit_kind: str, lang: str) -> str:
    """``unit_kind`` by its name, where it is one of the usual ones; the organisation's own word where it is not."""
    kind = _KINDS.get(unit_kind.lower(), {}).get(lang, unit_kind)
    return f"{about} · {kind}" if kind else about


def can_be_raised(issue: Issue) -> bool:
    """Whether cases may bring an issue from L1 to L2 by themselves: once, as whoever takes it down again knows why."""
    return (
        issue.level == "L1"
        and issue.state not in ON_ITS_LEVEL
        and len(issue.evidence) < MOST_EVIDENCE
        and not any("origin" in one.numbers for one in issue.evidence)
    )


def raised_by(issue: Issue, cause: Cause, *, analyst: str | None, at: datetime) -> IssueStep:
    """An L1 issue on L2, with what was counted as evidence and, where nobody is, somebody to study it."""
    known = replace(
        issue,
        evidence=(*issue.evidence, evidence(cause, at)),
        analyst=issue.analyst or analyst or issue.owner,
        process=issue.process or next(iter(issue.departments), None),
    )
    return promoted(known, "L2", actor=SYSTEM, at=at, reason=cause.origin, numbers=cause.numbers)


def evidence(cause: Cause, at: datetime) -> Evidence:
    """What was counted, as evidence."""
    return Evidence(by=SYSTEM, at=at, numbers={"origin": cause.origin, **cause.numbers})


def _day(at: datetime) -> str:
    return at.date().isoformat()
