"""What the API shows of tickets and promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.domain.cases.case import Customer, Link, Note, Verdict
from chalicelib.domain.cases.handover import Handover, Hands, handovers
from chalicelib.domain.cases.playbook import spoken
from chalicelib.domain.cases.sla import MOT_MARK, Policy, QuietHours
from chalicelib.domain.cases.ticket import Move, Ticket, said_by_us, title_in
from chalicelib.domain.outbound.item import Item
from chalicelib.domain.time.clocks import CLOCKS, Clock, Clocks
from chalicelib.domain.vocabulary import SEVERITIES
from chalicelib.lambdas.api.shows import Json, moment, page

if TYPE_CHECKING:
    from chalicelib.domain.cases.graph import Told
    from chalicelib.domain.cases.playbook import Playbook
    from chalicelib.domain.time.calendar import Counted
    from chalicelib.services.cases.audit_tickets import Sample


def path(edges: Sequence[Told], lang: str | None) -> list[Json]:
    """The way of a ticket, each edge with its reason: texts in ``lang``, or in every language."""

    def say(text: Mapping[str, str]) -> Any:
        return text[lang] if lang else dict(text)

    return [
        {
            "from": {"kind": one.kinds.start, "id": one.start, "name": say(one.names[0])},
            "to": {"kind": one.kinds.end, "id": one.end, "name": say(one.names[1])},
            "reason": one.reason,
            "why": say(one.why),
        }
        for one in edges
    ]


def ticket(one: Ticket, lang: str | None = None) -> Json:
    """``lang``: of the title, which is else that of the voice."""
    return {
        "id": one.id,
        "workspace": one.workspace,
        "feedback": one.feedback,
        "version": one.version,
        "state": one.state,
        "severity": one.severity,
        "title": _title(one, lang),
        "unit": one.unit,
        "touchpoint": one.touchpoint,
        "departments": list(one.departments),
        "parent": one.parent,
        "part": one.part,
        "parts": list(one.parts),
        "unopened": list(one.unopened),
        "topics": list(one.topics),
        "owner": one.owner,
        "root_cause": one.root_cause,
        "action": one.action,
        "cause": one.cause,
        "incomplete": one.incomplete,
        "verification": one.verification,
        "level": one.level,
        "issue": one.issue,
        "asked_at": moment(one.asked_at),
        "answer_by": moment(one.answer_by),
        "answered_at": moment(one.answered_at),
        "bounces": one.bounced,
        "due_at": moment(one.due_at),
        "clocks": _clocks(one.clocks) if one.clocks else None,
        "escalated_to": list(one.escalated_to),
        "closed_at": moment(one.closed_at),
        "opened_at": moment(one.opened_at),
        "updated_at": moment(one.updated_at),
        "reasons": [
            {"rule": why.rule, "version": why.version, "severity": why.severity, "lapsed": why.lapsed}
            for why in one.reasons
        ],
    }


def _title(one: Ticket, lang: str | None) -> str:
    return title_in(one, lang) if lang else one.title


def _clocks(one: Clocks) -> Json:
    running = one.named()
    shown = {name: _clock(running[name]) if name in running else None for name in CLOCKS}
    return {"row": one.row, "policy": one.policy, **shown}


def _clock(one: Clock) -> Json:
    moments = ("due_at", "paused_at", "met_at", "reminded_at", "breached_at", "escalated_at")
    return {
        "minutes": _minutes(one.allowed),
        **{name: moment(getattr(one, name)) for name in moments},
        "left_minutes": _minutes(one.left) if one.paused_at else None,
        "provisional": bool(one.unpublished),
        "unpublished": list(one.unpublished),
    }


def _minutes(span: timedelta) -> float:
    return round(span.total_seconds() / 60, 1)


def sla(workspace: str, one: Policy) -> Json:
    severities = {
        name: {
            **_promises(one.rows[name]),
            "mot": _promises(one.rows[name + MOT_MARK]) if name + MOT_MARK in one.rows else None,
        }
        for name in SEVERITIES
        if name in one.rows
    }
    return {
        "workspace": workspace,
        "version": one.version,
        "reminder": one.reminder,
        "touchpoints": list(one.touchpoints),
        "severities": severities,
        "quiet": _quiet(one.quiet) if one.quiet else None,
    }


def _promises(targets: Mapping[str, float]) -> Json:
    return {name: targets.get(name) for name in CLOCKS}


def _quiet(one: QuietHours) -> Json:
    start, end = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in (one.start, one.end))
    return {"from": start, "to": end, "critical": one.critical}


def deadline(counted: Counted) -> Json:
    return {
        "due_at": moment(counted.at),
        "provisional": counted.is_provisional,
        "unpublished": list(counted.unpublished),
    }


def move(one: Move, handed: Handover | None = None) -> Json:
    return {
        "version": one.version,
        "from": one.before or None,
        "to": one.after,
        "actor": one.actor,
        "at": moment(one.at),
        "reason": one.reason,
        "why": said_by_us(one.reason),
        "implied": one.implied,
        "root_cause": one.root_cause,
        "action": one.action,
        "cause": one.cause,
        "handed": {"from": _hands(handed.before), "to": _hands(handed.after)} if handed else None,
    }


def _hands(one: Hands) -> Json:
    return {"owner": one.owner, "departments": list(one.departments)}


def history(moves: Sequence[Move]) -> list[Json]:
    """Every line, with from whom to whom it brought the ticket."""
    handed = handovers(moves)
    return [move(one, handed.get(one.version)) for one in moves]


def link(one: Link) -> Json:
    return {"ticket": one.other, "kind": one.kind, "by": one.by, "at": moment(one.at)}


def note(one: Note) -> Json:
    return {
        "id": one.id,
        "by": one.by,
        "at": moment(one.at),
        "text": one.text,
        "attachments": list(one.attachments),
    }


def children(parts: Sequence[Ticket], lang: str | None) -> list[Json]:
    """The parts of a case, one line each."""
    names = ("id", "part", "version", "state", "severity", "owner", "verification")
    return [
        {
            **{name: getattr(one, name) for name in names},
            "title": _title(one, lang),
            "departments": list(one.departments),
        }
        for one in parts
    ]


def customer(one: Customer | None, lang: str | None) -> Json | None:
    """The customer's other cases, without their words but for the titles."""
    if one is None:
        return None
    return {
        "open": [_customers_case(case, lang) for case in one.open],
        "earlier": [
            {**_customers_case(case, lang), "verification": case.verification, "closed_at": moment(case.closed_at)}
            for case in one.earlier
        ],
        "heard": one.heard,
        "last_heard_at": moment(one.last_heard_at),
    }


def _customers_case(one: Ticket, lang: str | None) -> Json:
    names = ("id", "state", "severity", "unit")
    return {
        **{name: getattr(one, name) for name in names},
        "title": _title(one, lang),
        "opened_at": moment(one.opened_at),
    }


def verdict(ticket_id: str, one: Verdict) -> Json:
    return {
        "ticket": ticket_id,
        "verdict": one.verdict,
        "by": one.by,
        "at": moment(one.at),
        "version": one.version,
        "note": one.note,
    }


def audit(month: str, found: Sample) -> Json:
    judged = {key: verdict(key, one) for key, one in found.verdicts.items()}
    items = [{**ticket(one), "audit": judged.get(one.id)} for one in found.drawn]
    return {"month": month, "closed": found.closed, **page(items, found.cursor)}


def item(one: Item) -> Json:
    """What a ticket became in one other system."""
    return {
        "endpoint": one.endpoint,
        "external_id": one.external_id,
        "sent_version": one.sent or None,
        "state": one.state,
        "updated_at": moment(one.updated_at),
    }


def playbook(one: Ticket, found: Playbook | None, lang: str | None) -> Json | None:
    """What to do about a ticket, as it is in force now; ``kept_version`` is that which the ticket came by."""
    if found is None or one.playbook is None:
        return None
    return {**spoken(found, lang), "kept_version": one.playbook.version}
