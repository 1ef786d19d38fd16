"""What the API shows of feedback, its tags, and what a voice would become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from chalicelib.domain.cases.playbook import spoken
from chalicelib.domain.events import wanted_actions
from chalicelib.domain.reading.correction import Correction, training_rows
from chalicelib.domain.reading.listing import FeedbackSummary
from chalicelib.domain.reading.needs import NAMES, Need, Shift
from chalicelib.domain.voice.feedback import Closing, Decision, Feedback
from chalicelib.domain.voice.understanding import Tag, Text, Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.lambdas.api.cases.shows import path
from chalicelib.lambdas.api.shows import Json, moment

if TYPE_CHECKING:
    from chalicelib.connectors.cards import Card
    from chalicelib.services.reading.read_needs import Needs
    from chalicelib.services.reading.try_reading import Tried


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
        "mapping_missed": one.mapping_missed,
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
        "caveats": [dict(one) for one in tally.caveats()],
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
        "reason": dict(one.reason),
    }


def _shift(one: Shift | None) -> Json | None:
    return None if one is None else {name: round(getattr(one, name), 3) for name in ("value", "low", "high")}


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
