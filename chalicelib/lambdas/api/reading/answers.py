"""What the API answers about feedback, its tags, and what a voice would become."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.lambdas.api.answers import Answer, InTwoLanguages
from chalicelib.lambdas.api.cases.answers import PathEdge, Playbook, ReasonLine
from chalicelib.lambdas.api.reading.schemas import FeedbackState
from chalicelib.lambdas.api.schemas import Severity


class ScoreLine(Answer):
    kind: Literal["nps", "csat", "ces", "rating"]
    value: float
    class_: str | None = Field(alias="class")


class Score(ScoreLine):
    scale: list[float]
    polarity: Literal["higher", "lower"]


class Text(Answer):
    """Redacted words."""

    text: str
    question: str | None
    speaker: Literal["customer", "staff"]


class Topic(Answer):
    topic: str
    polarity: Literal["negative", "neutral", "positive"]


class Gram(Answer):
    """Words that the model weighed, ``start``:``end`` of the text; below zero they spoke for bad."""

    text: str
    start: int
    end: int
    weight: float


class Tag(Topic):
    """``evidence`` is the slice ``start``:``end`` of ``texts[text].text``, in code points.

    ``confidence`` is calibrated: of the tags with 0.8, eight in ten are right. ``score``: log-odds of positive.
    ``terms`` are the frame's words that were found; ``need_hint`` is one voice's hint, not what the topic is.
    """

    text: int
    start: int
    end: int
    evidence: str | None
    confidence: float
    score: float
    terms: list[str]
    grams: list[Gram]
    need_hint: Literal["pain", "itch", "delight", "undecided"]
    producer: Literal["lexicon", "model", "analyst"]
    version: str


class Understood(Answer):
    """One reading. ``polarity``: probability that the whole voice is positive; ``confidence``: how sure that is.

    ``review``: why a person should look. ``correction``: the analyst's correction that the tags come from.
    """

    tags: list[Tag]
    red_lines: list[str]
    intents: list[str]
    polarity: float | None
    confidence: float
    actionability: Literal["response_needed", "suggestion", "no_response", "not_meaningful"] | None
    effort: Literal["high", "low"] | None
    emotion: int | None
    behaviour: list[Literal["return", "leave", "recommend", "dissuade"]]
    review: list[Literal["unsure_topic", "unsure_polarity", "sarcasm", "no_topic"]]
    frame_version: str
    model_version: str
    correction: str | None


class Reason(ReasonLine):
    action: Literal["ticket", "alert", "followup"]


class Shift(Answer):
    """How far a mention moves the mean score, with its interval at z = 2.24."""

    value: float
    low: float
    high: float


class Need(Answer):
    """One topic. ``n_negative``, ``n_positive``: voices that mention it only badly, only well; effects are null where
    there are too few to say anything."""

    topic: str
    names: dict[str, str]
    need: dict[str, str]
    n_negative: int
    n_positive: int
    n_none: int
    mentions: int
    penalty: Shift | None
    reward: Shift | None
    wish_share: float
    verdict: Literal["pain", "itch", "delight", "one_dimensional", "undecided"]
    reason: InTwoLanguages


class Needs(Answer):
    """``read_back_to``: the span holds more voices than are counted, this is the oldest that was; null: all were."""

    workspace: str
    since: str
    until: str
    unit: str | None
    kind: str
    channel: str | None
    voices: int
    scored: int
    channels: dict[str, int]
    read_back_to: str | None
    topics: list[Need]
    caveats: list[InTwoLanguages]


class FeedbackLine(Answer):
    id: str
    workspace: str
    connection: str
    state: FeedbackState
    parked_reason: str | None
    received_at: str
    occurred_at: str
    revision: int
    channel: str
    touchpoint: str | None
    unit: str | None
    severity: Severity
    scores: list[ScoreLine]
    topics: list[Topic]
    actions: list[str]


class Revision(Answer):
    revision: int
    reading: int
    occurred_at: str
    received_at: str
    scores: list[Score]
    texts: list[Text]


class CustomerId(Answer):
    id: str


class Closing(Answer):
    """Who closed a feedback without action, and why; or who answered its customer, and with what."""

    by: str
    at: str
    reason: str


class Feedback(Revision, Understood):
    """``mapping_missed``: its body lacked some places where the mapping looks for scores and texts."""

    id: str
    workspace: str
    connection: str
    source: str
    response_key: str | None
    state: FeedbackState
    parked_reason: str | None
    channel: str
    touchpoint: str | None
    unit: str | None
    lang: str | None
    customer: CustomerId | None
    classes: dict[str, str]
    intent: str | None
    severity: Severity
    departments: list[str]
    actions: list[str]
    reasons: list[Reason]
    attributes: dict[str, str]
    attachments: list[str]
    awaiting: list[str]
    heard_at: str | None
    understood_at: str | None
    acted_at: str | None
    ticket: str | None
    closing: Closing | None
    sanitised: bool
    mapping_missed: bool
    late: bool
    deleted: bool
    revisions: list[Revision]


class Waiting(Understood):
    """Feedback whose reading a person should look at."""

    id: str
    workspace: str
    revision: int
    reading: int
    received_at: str
    channel: str
    touchpoint: str | None
    unit: str | None
    severity: Severity
    scores: list[Score]
    texts: list[Text]


class CorrectionMark(Answer):
    id: str
    by: str
    at: str
    verdict: Literal["corrected", "right"]


class Reading(Understood):
    """``corrected_by``: what an analyst made of it; the reading after it shows that."""

    revision: int
    reading: int
    at: str | None
    severity: Severity
    departments: list[str]
    actions: list[str]
    corrected_by: CorrectionMark | None


class Readings(Answer):
    """Oldest first, the current one last."""

    id: str
    items: list[Reading]


class Mark(Topic):
    text: int
    start: int
    end: int


class TrainingRow(Answer):
    """One text as labelled sets have it. ``q``: [words, "_", topic, -1 | 0 | 1]; ``labels``: [topic, -1 | 0 | 1]."""

    t: str
    q: list[list[str | int]]
    labels: list[list[str | int]]
    split: Literal["train"]


class Correction(CorrectionMark):
    """``rows``: one for each text of the customer, for training."""

    workspace: str
    feedback: str
    revision: int
    reading: int
    frame_version: str
    model_version: str
    old: list[Mark]
    new: list[Mark]
    note: str | None
    rows: list[TrainingRow]


class Card(Answer):
    """What a chat robot would show of the ticket. ``facts``: [label, value]; in ``quotes`` evidence stands in 〖 〗."""

    title: str
    severity: Severity
    facts: list[list[str]]
    quotes: list[str]
    tags: list[str]


class TriedPart(Answer):
    """What one of several departments would get."""

    department: str
    title: str
    severity: Severity
    topics: list[str]
    playbook: Playbook | None


class Tried(Understood):
    """``texts`` are the words as they would be kept; spans count in them. ``owner``: the department it would go to.

    ``card`` and ``playbook`` are null when no rule asks for a ticket; ``parts`` is empty when one department has it.
    """

    texts: list[Text]
    scores: list[Score]
    lang: str | None
    severity: Severity
    departments: list[str]
    owner: str | None
    actions: list[str]
    rules: list[Reason]
    title: str | None
    card: Card | None
    playbook: Playbook | None
    path: list[PathEdge]
    parts: list[TriedPart]
