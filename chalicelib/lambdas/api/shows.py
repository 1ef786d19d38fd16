"""What the API shows of a thing: domain in, JSON out. No secret, token, URL or contact has a place here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from chalicelib.domain.cases.case import Customer, Link, Note, Verdict
from chalicelib.domain.cases.handover import Handover, Hands, handovers
from chalicelib.domain.cases.playbook import spoken
from chalicelib.domain.cases.sla import MOT_MARK, Policy, QuietHours
from chalicelib.domain.cases.ticket import Move, Ticket
from chalicelib.domain.cases.verification import Rules
from chalicelib.domain.events import wanted_actions
from chalicelib.domain.inbound.polling import PollState, interval
from chalicelib.domain.inbound.upload import Upload
from chalicelib.domain.outbound.delivery import Attempt, Delivery
from chalicelib.domain.outbound.item import Item
from chalicelib.domain.outbound.reconciliation import WHY, Drift
from chalicelib.domain.reading.correction import Correction, training_rows
from chalicelib.domain.reading.listing import FeedbackSummary
from chalicelib.domain.reading.needs import NAMES, Need, Shift
from chalicelib.domain.time.clocks import CLOCKS, Clock, Clocks
from chalicelib.domain.time.moments import written
from chalicelib.domain.vocabulary import SEVERITIES
from chalicelib.domain.voice.feedback import Closing, Decision, Feedback
from chalicelib.domain.voice.understanding import Tag, Text, Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.domain.workspaces.directory import Connection, Endpoint
from chalicelib.domain.workspaces.rules import Rule

if TYPE_CHECKING:
    from chalicelib.connectors.cards import Card
    from chalicelib.services.cases.audit_tickets import Sample
    from chalicelib.services.inbound.manage_uploads import NewUpload
    from chalicelib.services.outbound.reconcile import EndpointDrift
    from chalicelib.services.reading.read_needs import Needs
    from chalicelib.services.reading.try_reading import Tried

if TYPE_CHECKING:
    from chalicelib.domain.time.calendar import Calendar, Counted, Year
    from chalicelib.domain.workspaces.organisation import Kept, Organisation
    from chalicelib.domain.workspaces.organisation_check import Checked
    from chalicelib.services.workspaces.manage_organisation import Answerable
    from chalicelib.services.workspaces.organisation_file import Document

if TYPE_CHECKING:
    from chalicelib.domain.cases.graph import Told
    from chalicelib.domain.cases.playbook import Playbook
    from chalicelib.domain.reading.frame_state import Activation, FrameState
    from chalicelib.domain.reading.proposal import Effect as FrameEffect
    from chalicelib.domain.reading.proposal import Proposal
    from chalicelib.understanding.frame import Frame

Json = dict[str, Any]
MASK: Final = "***"


def moment(at: datetime | None) -> str | None:
    return None if at is None else written(at)


def connection(one: Connection) -> Json:
    return {
        "id": one.id,
        "workspace": one.workspace,
        "name": one.name,
        "source": one.source,
        "state": one.state,
        "mapping": dict(one.mapping),
        "settings": dict(one.settings),
        "credentials": list(one.credentials),
        "created_at": one.created_at,
    }


def polling(one: Connection, state: PollState | None) -> Json | None:
    """None where the connection is not polled, or not any more."""
    wait = interval(one)
    if state is None or wait is None:
        return None
    return {
        "every_minutes": wait.total_seconds() / 60,
        "next_at": state.next_at,
        "ran_at": state.ran_at,
        "reached_at": state.reached_at,
        "error": state.error,
        "found": state.found,
    }


def upload_line(one: Upload) -> Json:
    return {
        "id": one.id,
        "filename": one.filename,
        "bytes": one.size,
        "state": one.state,
        "rows": one.rows,
        "accepted": one.accepted,
        "refused": one.refused,
        "error": one.error,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
    }


def upload(one: Upload) -> Json:
    """With what was wrong with which row; never what stands in it."""
    errors = [{"row": error.row, "code": error.code, "column": error.column} for error in one.errors]
    return {**upload_line(one), "errors": errors, "more_errors": one.more_errors}


def new_upload(made: NewUpload) -> Json:
    """With the URL that the file goes to, shown this once."""
    told = {"upload_url": made.url, "headers": made.headers, "expires_at": made.expires_at}
    return {**upload_line(made.upload), **told}


def endpoint(one: Endpoint, header_names: Sequence[str] = ()) -> Json:
    """The URL as its host only, the values of header fields masked."""
    settings = dict(one.settings)
    if header_names:
        settings["headers"] = dict.fromkeys(header_names, MASK)
    return {
        "id": one.id,
        "workspace": one.workspace,
        "name": one.name,
        "connector": one.connector,
        "host": one.host,
        "events": list(one.events),
        "state": one.state,
        "settings": settings,
        "credentials": list(one.credentials),
        "failing_since": one.failing_since,
        "created_at": one.created_at,
    }


def drifts(found: Sequence[EndpointDrift]) -> Json:
    return {"endpoints": [_endpoint_drift(one) for one in found]}


def _endpoint_drift(one: EndpointDrift) -> Json:
    state = one.state
    return {
        "endpoint": one.endpoint.id,
        "connector": one.endpoint.connector,
        "readable": one.readable,
        "next_at": state.next_at if state else None,
        "ran_at": state.ran_at if state else None,
        "reached_at": state.reached_at if state else None,
        "error": state.error if state else None,
        "items": [_drift(watched.ticket, watched.drift) for watched in one.items if watched.drift],
        "more": one.more,
    }


def _drift(ticket_id: str, drift: Drift) -> Json:
    winner, chinese, english = WHY[drift.code]
    return {
        "ticket": ticket_id,
        "external_id": drift.external_id,
        "ours": drift.ours,
        "theirs": drift.theirs,
        "since": written(drift.since),
        "seen_at": written(drift.seen_at),
        "winner": winner,
        "code": drift.code,
        "why": {"zh-CN": chinese, "en": english},
    }


def rule(one: Rule) -> Json:
    return {
        "name": one.name,
        "version": one.version,
        "when": one.when,
        "then": list(one.then),
        "severity": one.severity,
        "department": one.department,
        "cooldown_s": one.cooldown_s,
        "enabled": one.enabled,
        "builtin": one.builtin,
    }


def feedback(one: Feedback, revisions: Sequence[Feedback]) -> Json:
    """Everything that is kept of a voice but its contact."""
    understanding, decision = one.understanding, one.decision
    return {
        **_voice(one),
        **_understood(understanding, one.texts),
        "id": one.id,
        "workspace": one.workspace,
        "connection": one.connection,
        "source": one.source,
        "response_key": one.response_key or None,
        "state": one.state,
        "parked_reason": one.parked_reason,
        "channel": one.channel,
        "touchpoint": one.touchpoint,
        "unit": one.unit,
        "lang": one.lang or understanding.lang,
        "customer": None if one.customer_ref is None else {"id": one.customer_ref},
        "classes": dict(one.classes),
        "intent": understanding.intent,
        "severity": decision.severity,
        "departments": list(decision.departments),
        "actions": list(wanted_actions(decision)),
        "reasons": _reasons(decision),
        "attributes": dict(one.attributes),
        "attachments": list(one.attachments),
        "awaiting": sorted(one.awaiting),
        "heard_at": moment(one.heard_at),
        "understood_at": moment(one.understood_at),
        "acted_at": moment(one.acted_at),
        "ticket": one.ticket,
        "closing": _closing(one.closing) if one.closing else None,
        "sanitised": one.sanitised,
        "late": one.late,
        "deleted": one.deleted,
        "revisions": [_voice(revision) for revision in revisions],
    }


def _closing(one: Closing) -> Json:
    return {"by": one.by, "at": moment(one.at), "reason": one.reason}


def summary(one: FeedbackSummary) -> Json:
    """A line of the list: no words."""
    facets = one.facets
    return {
        "id": one.id,
        "workspace": one.workspace,
        "connection": one.connection,
        "state": one.state,
        "parked_reason": one.parked_reason,
        "received_at": moment(one.received_at),
        "occurred_at": moment(facets.occurred_at),
        "revision": facets.revision,
        "channel": facets.channel,
        "touchpoint": facets.touchpoint,
        "unit": facets.unit,
        "severity": facets.severity,
        "scores": [{"kind": score.kind, "value": score.value, "class": score.name} for score in facets.scores],
        "topics": [{"topic": topic, "polarity": polarity} for topic, polarity in facets.topics],
        "actions": list(facets.actions),
    }


def waiting(one: Feedback) -> Json:
    """A line of the review queue, with the words: they are what a person has to read."""
    return {
        **_understood(one.understanding, one.texts),
        "id": one.id,
        "workspace": one.workspace,
        "revision": one.revision,
        "reading": one.reading,
        "received_at": moment(one.received_at),
        "channel": one.channel,
        "touchpoint": one.touchpoint,
        "unit": one.unit,
        "severity": one.decision.severity,
        "scores": [_score(score, one.classes) for score in one.scores],
        "texts": _texts(one.texts),
    }


def readings(feedback_id: str, found: Sequence[Feedback], corrections: Sequence[Correction]) -> Json:
    """Every tagging of a feedback, and who put which right."""
    corrected = {(one.revision, one.reading): one for one in corrections}
    return {
        "id": feedback_id,
        "items": [_reading(one, corrected.get((one.revision, one.reading))) for one in found],
    }


def correction(one: Correction) -> Json:
    """With the rows that a training run reads."""
    return {
        **_corrected_by(one),
        "workspace": one.workspace,
        "feedback": one.feedback,
        "revision": one.revision,
        "reading": one.reading,
        "frame_version": one.frame_version,
        "model_version": one.model_version,
        "old": [mark._asdict() for mark in one.old],
        "new": [mark._asdict() for mark in one.new],
        "note": one.note,
        "rows": training_rows(one),
    }


def tried(one: Tried) -> Json:
    """What would become of a voice."""
    feedback, decision = one.feedback, one.feedback.decision
    return {
        **_understood(feedback.understanding, feedback.texts),
        "texts": _texts(feedback.texts),
        "scores": [_score(score, feedback.classes) for score in feedback.scores],
        "lang": feedback.lang or feedback.understanding.lang,
        "severity": decision.severity,
        "departments": list(decision.departments),
        "owner": decision.departments[0] if decision.departments else None,
        "actions": list(wanted_actions(decision)),
        "rules": _reasons(decision),
        "title": one.ticket.title if one.ticket else None,
        "card": _card(one.card) if one.card else None,
        "playbook": spoken(one.playbook, one.lang) if one.playbook else None,
        "path": path(one.path, one.lang),
        "parts": [
            {
                "department": part.ticket.part,
                "title": part.ticket.title,
                "severity": part.ticket.severity,
                "topics": list(part.ticket.topics),
                "playbook": spoken(part.playbook, one.lang) if part.playbook else None,
            }
            for part in one.parts
        ],
    }


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


def needs(found: Needs, name: Callable[[str, str], str]) -> Json:
    """``name`` gives what the frame calls a topic."""
    query, tally = found.query, found.tally
    return {
        "workspace": query.workspace,
        "since": moment(query.since),
        "until": moment(query.until),
        "unit": query.unit,
        "kind": found.kind,
        "channel": found.channel,
        "voices": tally.voices,
        "scored": tally.scored,
        "channels": dict(sorted(tally.channels.items())),
        "read_back_to": moment(found.read_back_to),
        "topics": [_need(one, name) for one in found.needs],
        "caveats": tally.caveats(),
    }


def _need(one: Need, name: Callable[[str, str], str]) -> Json:
    return {
        "topic": one.topic,
        "names": {lang: name(one.topic, lang) for lang in ("zh-CN", "en")},
        "need": dict(NAMES[one.verdict]),
        "n_negative": one.bad,
        "n_positive": one.well,
        "n_none": one.none,
        "mentions": one.mentions,
        "penalty": _shift(one.penalty),
        "reward": _shift(one.reward),
        "wish_share": round(one.wish_share, 3),
        "verdict": one.verdict,
        "reason": one.reason,
    }


def _shift(one: Shift | None) -> Json | None:
    return None if one is None else {name: round(getattr(one, name), 3) for name in ("value", "low", "high")}


def ticket(one: Ticket) -> Json:
    return {
        "id": one.id,
        "workspace": one.workspace,
        "feedback": one.feedback,
        "version": one.version,
        "state": one.state,
        "severity": one.severity,
        "title": one.title,
        "unit": one.unit,
        "touchpoint": one.touchpoint,
        "departments": list(one.departments),
        "parent": one.parent,
        "part": one.part,
        "parts": list(one.parts),
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


def verification(workspace: str, one: Rules) -> Json:
    return {
        "workspace": workspace,
        "version": one.version,
        "enabled": one.enabled,
        "wait_days": one.wait_days,
        "change_days": one.change_days,
        "question": dict(one.question) if one.question else None,
        "changed_at": moment(one.changed_at),
        "by": one.by,
    }


def children(parts: Sequence[Ticket]) -> list[Json]:
    """The parts of a case, one line each."""
    names = ("id", "part", "version", "state", "severity", "title", "owner", "verification")
    return [{**{name: getattr(one, name) for name in names}, "departments": list(one.departments)} for one in parts]


def customer(one: Customer | None) -> Json | None:
    """The customer's other cases, without their words but for the titles."""
    if one is None:
        return None
    return {
        "open": [_customers_case(case) for case in one.open],
        "earlier": [
            {**_customers_case(case), "verification": case.verification, "closed_at": moment(case.closed_at)}
            for case in one.earlier
        ],
        "heard": one.heard,
        "last_heard_at": moment(one.last_heard_at),
    }


def _customers_case(one: Ticket) -> Json:
    names = ("id", "state", "severity", "title", "unit")
    return {**{name: getattr(one, name) for name in names}, "opened_at": moment(one.opened_at)}


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


def delivery(one: Delivery) -> Json:
    """Where one event is on its way to one endpoint."""
    return {
        "id": one.id,
        "workspace": one.workspace,
        "endpoint": one.endpoint,
        "subject": one.subject,
        "sequence": one.sequence,
        "event_type": one.event_type,
        "state": one.state,
        "code": one.code or None,
        "tries": one.attempts,
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "next_at": moment(one.next_at),
    }


def attempt(one: Attempt) -> Json:
    """One call; its answer was masked when it was kept."""
    return {
        "number": one.number,
        "at": moment(one.at),
        "status": one.status,
        "code": one.code,
        "duration_ms": one.duration_ms,
        "answer": one.answer,
        "ambiguous": one.ambiguous,
        "calls": [
            {"step": call.step, "status": call.status, "code": call.code, "duration_ms": call.duration_ms}
            for call in one.calls
        ],
    }


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


def pack(name: str, frame: Frame) -> Json:
    """One pack, or what a workspace made of it, without its topics."""
    return {"name": name, "version": frame.version, "names": dict(frame.names), "topics": len(frame.nodes)}


def tree(frame: Frame) -> Json:
    """The topics of a frame as people see them: a tree, and the red lines beside it."""
    whole = frame.summary()
    return {name: whole[name] for name in ("tree", "retired", "red_lines")}


def frame_state(one: FrameState) -> Json:
    return {
        "workspace": one.workspace,
        "number": one.number,
        "packs": list(one.packs),
        "overlay": one.overlay or None,
        "learned": one.delta is not None,
        "settled": one.settled,
        "proposal": one.proposal,
        "activated_at": moment(one.activated_at),
        "by": one.by or None,
    }


def activation(one: Activation) -> Json:
    return {
        "proposal": one.proposal,
        "number": one.number,
        "packs": list(one.packs),
        "activated_at": moment(one.at),
        "by": one.by,
    }


def proposal(one: Proposal) -> Json:
    """``effect`` once it is measured; ``applied`` once it was activated, growing until the state is active."""
    is_measured, was_activated = one.measured_at is not None, one.activated_at is not None
    return {
        "id": one.id,
        "workspace": one.workspace,
        "number": one.number,
        "state": one.state,
        "packs": list(one.packs),
        "learned": one.delta is not None,
        "by": one.by,
        "created_at": moment(one.created_at),
        "as_of": moment(one.as_of),
        "effect": _frame_effect(one.effect) if is_measured else None,
        "measured_at": moment(one.measured_at),
        "activated_at": moment(one.activated_at),
        "activated_by": one.activated_by or None,
        "applied": _frame_effect(one.applied) if was_activated else None,
        "since_measured": _frame_effect(one.since_measured) if was_activated else None,
        "applied_at": moment(one.applied_at),
    }


def _frame_effect(one: FrameEffect) -> Json:
    return {
        "feedback": one.feedback,
        "retagged": one.retagged,
        "rerouted": one.rerouted,
        "opened": one.opened,
        "tags_added": one.tags_added,
        "tags_removed": one.tags_removed,
        "by_topic": {topic: {"added": more, "removed": less} for topic, (more, less) in one.by_topic.items()},
    }


def taken(made: Organisation, found: Checked) -> Json:
    """An organisation that came into force: how much of it there is, and how much is to be mended."""
    return {
        "version": made.version,
        "units": len(made.units),
        "departments": len(made.departments),
        "people": len(made.people),
        **_tally(found),
    }


def checked(found: Checked, document: Document | None) -> Json:
    """The worst findings, each in words; ``document`` knows the lines."""
    from chalicelib.domain.workspaces.organisation_check import SAYINGS
    from chalicelib.services.workspaces.manage_organisation import MOST_FINDINGS

    findings = [
        {
            "code": one.code,
            "level": "error" if one.is_error else "warning",
            "unit": one.unit,
            "department": one.department,
            "person": one.person,
            "topics": list(one.topics),
            "line": document.line(one.place) if document else None,
            "text": dict(SAYINGS[one.code]),
        }
        for one in found.findings[:MOST_FINDINGS]
    ]
    return {"sound": found.is_sound, **_tally(found), "findings": findings}


def _tally(found: Checked) -> Json:
    errors = sum(one.is_error for one in found.findings)
    return {
        "pairs": found.pairs,
        "proved": found.proved,
        "errors": errors,
        "warnings": len(found.findings) - errors,
    }


def answerable(found: Answerable, unit: str | None, topic: str | None) -> Json:
    """Who is answerable, and each step of the way there with its reason."""
    from chalicelib.domain.workspaces.organisation import said

    return {
        "organisation": found.organisation,
        "unit": unit,
        "topic": topic,
        "department": found.way.department,
        "at": moment(found.at),
        "owner": found.way.owner,
        "superior": found.superior.owner,
        "path": [
            {
                "from": edge.start,
                "to": edge.end,
                "reason": edge.reason,
                "text": {"zh-CN": said(edge, "zh-CN"), "en": said(edge, "en")},
            }
            for edge in found.way.edges
        ],
    }


def organisation_line(one: Kept) -> Json:
    return {"version": one.version, "at": moment(one.at), "by": one.by, "units": one.units, "people": one.people}


def calendar(one: Calendar, year: int, known: Year) -> Json:
    return {
        "country": one.country,
        "year": year,
        "published": known.published,
        "source": one.source,
        "weekend": sorted(day + 1 for day in one.weekend),
        "holidays": [
            {"date": holiday.day.isoformat(), "names": dict(holiday.names)}
            for holiday in sorted(known.holidays, key=lambda each: each.day)
        ],
        "workdays": [day.isoformat() for day in sorted(known.workdays)],
    }


def page(items: Sequence[Mapping[str, Any]], cursor: str | None) -> Json:
    return {"items": list(items), "cursor": cursor}


def _voice(one: Feedback) -> Json:
    """What differs between the revisions of one feedback."""
    return {
        "revision": one.revision,
        "reading": one.reading,
        "occurred_at": moment(one.occurred_at),
        "received_at": moment(one.received_at),
        "scores": [_score(score, one.classes) for score in one.scores],
        "texts": _texts(one.texts),
    }


def _texts(texts: Sequence[Text]) -> list[Json]:
    return [{"text": text.text, "question": text.question, "speaker": text.speaker} for text in texts]


def _understood(one: Understanding, texts: Sequence[Text]) -> Json:
    """One reading of these texts."""
    return {
        "tags": [_tag(tag, texts) for tag in one.tags],
        "red_lines": list(one.red_lines),
        "intents": list(one.intents),
        "polarity": one.polarity,
        "confidence": one.confidence,
        "actionability": one.actionability,
        "effort": one.effort,
        "emotion": one.emotion,
        "behaviour": list(one.behaviour),
        "review": list(one.review),
        "frame_version": one.frame_version,
        "model_version": one.model_version,
        "correction": one.correction,
    }


def _reasons(decision: Decision) -> list[Json]:
    return [
        {
            "action": action,
            "rule": reason.rule,
            "version": reason.version,
            "severity": reason.severity,
            "lapsed": reason.lapsed,
        }
        for action, reasons in decision.actions.items()
        for reason in reasons
    ]


def _reading(one: Feedback, correction: Correction | None) -> Json:
    return {
        **_understood(one.understanding, one.texts),
        "revision": one.revision,
        "reading": one.reading,
        "at": moment(one.understood_at),
        "severity": one.decision.severity,
        "departments": list(one.decision.departments),
        "actions": list(wanted_actions(one.decision)),
        "corrected_by": _corrected_by(correction) if correction else None,
    }


def _corrected_by(one: Correction) -> Json:
    return {"id": one.id, "by": one.by, "at": moment(one.at), "verdict": one.verdict}


def _card(one: Card) -> Json:
    return {
        "title": one.title,
        "severity": one.severity,
        "facts": [list(fact) for fact in one.facts],
        "quotes": list(one.quotes),
        "tags": list(one.tags),
    }


def _score(score: Score, classes: Mapping[str, str]) -> Json:
    return {
        "kind": score.kind,
        "value": score.value,
        "scale": [score.low, score.high],
        "polarity": score.polarity,
        "class": classes.get(score.kind),
    }


def _tag(tag: Tag, texts: Sequence[Text]) -> Json:
    """With its evidence: the words between ``start`` and ``end``, counted in code points."""
    said = texts[tag.text].text if tag.text < len(texts) else None
    return {
        "topic": tag.topic,
        "polarity": tag.polarity,
        "text": tag.text,
        "start": tag.start,
        "end": tag.end,
        "evidence": None if said is None else said[tag.start : tag.end],
        "confidence": tag.confidence,
        "score": tag.score,
        "terms": list(tag.terms),
        "grams": [{"text": (said or "")[gram.start : gram.end], **gram._asdict()} for gram in tag.grams],
        "need_hint": tag.need_hint,
        "producer": tag.producer,
        "version": tag.version,
    }
