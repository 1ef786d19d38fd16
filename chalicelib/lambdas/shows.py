"""What the API shows of a thing: domain in, JSON out. No secret, token, URL or contact has a place here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from chalicelib.domain.correction import Correction, training_rows
from chalicelib.domain.delivery import Attempt, Delivery
from chalicelib.domain.directory import Connection, Endpoint
from chalicelib.domain.events import wanted_actions
from chalicelib.domain.feedback import Decision, Feedback
from chalicelib.domain.listing import FeedbackSummary
from chalicelib.domain.moments import written
from chalicelib.domain.needs import NAMES, Need, Shift
from chalicelib.domain.rules import Rule
from chalicelib.domain.ticket import Move, Ticket
from chalicelib.domain.understanding import Tag, Text, Understanding
from chalicelib.domain.voice import Score

if TYPE_CHECKING:
    from chalicelib.connectors.cards import Card
    from chalicelib.services.read_needs import Needs
    from chalicelib.services.try_reading import Tried

if TYPE_CHECKING:
    from chalicelib.domain.frame_state import Activation, FrameState
    from chalicelib.domain.proposal import Effect as FrameEffect
    from chalicelib.domain.proposal import Proposal
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
    }


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
