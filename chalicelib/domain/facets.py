"""The part of a feedback that lists show and rollups count: no words, no person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.events import wanted_actions
from chalicelib.domain.feedback import Feedback


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
    )


def has_topic(facets: Facets, topic: str) -> bool:
    """Whether one tag is on ``topic`` or below it in the code frame."""
    return any(name == topic or name.startswith(topic + ".") for name, _ in facets.topics)
