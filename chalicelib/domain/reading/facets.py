"""The part of a feedback that lists show and rollups count: no words, no person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.events import wanted_actions
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Understanding


@dataclass(frozen=True, slots=True)
class ScoreFacet:
    """One score and the class that it fell into, such as nps 3 → detractor."""

    kind: str
    value: float
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Facets:
    """What an index entry carries, so that a page or a recount never reads the feedback itself."""

    revision: int
    occurred_at: datetime
    channel: str
    severity: str
    touchpoint: str | None = None
    unit: str | None = None
    scores: tuple[ScoreFacet, ...] = ()
    topics: tuple[tuple[str, str], ...] = ()  # (topic, polarity), each pair once
    actions: tuple[str, ...] = ()  # that at least one rule still asks for
    wishes: tuple[str, ...] = ()  # the topics of which something is wished for


def facets_of(feedback: Feedback) -> Facets:
    """The facets of one revision and reading."""
    return Facets(
        revision=feedback.revision,
        occurred_at=feedback.occurred_at,
        channel=feedback.channel,
        severity=feedback.decision.severity,
        touchpoint=feedback.touchpoint,
        unit=feedback.unit,
        scores=tuple(
            ScoreFacet(score.kind, score.value, feedback.classes.get(score.kind)) for score in feedback.scores
        ),
        topics=tuple(dict.fromkeys((tag.topic, tag.polarity) for tag in feedback.understanding.tags)),
        actions=wanted_actions(feedback.decision),
        wishes=_wishes(feedback.understanding),
    )


def _wishes(understanding: Understanding) -> tuple[str, ...]:
    """Topics with a tag that hints at a wish. The bad word alone is none, whatever the topic tends to be."""
    suggests = "suggestion" in understanding.intents
    wished = (tag for tag in understanding.tags if tag.need_hint == "itch" and (suggests or tag.polarity != "negative"))
    return tuple(dict.fromkeys(tag.topic for tag in wished))


def has_topic(facets: Facets, topic: str) -> bool:
    """Whether one tag is on ``topic`` or below it in the code frame."""
    return any(name == topic or name.startswith(topic + ".") for name, _ in facets.topics)
