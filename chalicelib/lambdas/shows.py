"""What the API shows of a thing: domain in, JSON out. No secret, token, URL or contact has a place here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.delivery import Attempt, Delivery
from chalicelib.domain.directory import Connection, Endpoint
from chalicelib.domain.feedback import Feedback, Tag
from chalicelib.domain.listing import FeedbackSummary
from chalicelib.domain.moments import written
from chalicelib.domain.rules import Rule
from chalicelib.domain.ticket import Move, Ticket
from chalicelib.domain.voice import Score, Text

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
        "created_at": one.created_at,
    }


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
        "failing_since": one.failing_since,
        "created_at": one.created_at,
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
        "tags": [_tag(tag, one.texts) for tag in understanding.tags],
        "red_lines": list(understanding.red_lines),
        "intent": understanding.intent,
        "severity": decision.severity,
        "departments": list(decision.departments),
        "actions": [name for name, reasons in decision.actions.items() if any(not one.lapsed for one in reasons)],
        "reasons": [
            {
                "action": action,
                "rule": reason.rule,
                "version": reason.version,
                "severity": reason.severity,
                "lapsed": reason.lapsed,
            }
            for action, reasons in decision.actions.items()
            for reason in reasons
        ],
        "attributes": dict(one.attributes),
        "attachments": list(one.attachments),
        "awaiting": sorted(one.awaiting),
        "heard_at": moment(one.heard_at),
        "understood_at": moment(one.understood_at),
        "acted_at": moment(one.acted_at),
        "ticket": one.ticket,
        "sanitised": one.sanitised,
        "late": one.late,
        "deleted": one.deleted,
        "revisions": [_voice(revision) for revision in revisions],
    }


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
        "topics": list(one.topics),
        "owner": one.owner,
        "root_cause": one.root_cause,
        "action": one.action,
        "incomplete": one.incomplete,
        "verification": one.verification,
        "due_at": moment(one.due_at),
        "opened_at": moment(one.opened_at),
        "updated_at": moment(one.updated_at),
        "reasons": [
            {"rule": why.rule, "version": why.version, "severity": why.severity, "lapsed": why.lapsed}
            for why in one.reasons
        ],
    }


def move(one: Move) -> Json:
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
    }


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
        "texts": [{"text": text.text, "question": text.question, "speaker": text.speaker} for text in one.texts],
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
    return {
        "topic": tag.topic,
        "polarity": tag.polarity,
        "text": tag.text,
        "start": tag.start,
        "end": tag.end,
        "evidence": texts[tag.text].text[tag.start : tag.end] if tag.text < len(texts) else None,
        "confidence": tag.confidence,
        "need_hint": tag.need_hint,
        "producer": tag.producer,
        "version": tag.version,
    }
