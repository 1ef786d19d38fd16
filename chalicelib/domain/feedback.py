"""One voice as it is kept: read, scored, decided.

Text in these objects is a customer's: their reprs never show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from chalicelib.domain.voice import Score, Text


class Gram(NamedTuple):
    """A stretch of ``texts[tag.text].text`` (code points) that the model weighed; below zero it spoke for bad."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Tag:
    """Topic + sentiment + the span of ``texts[text].text`` (code points) that says so."""

    topic: str  # code frame node id, dotted path: "logistics.damage"
    polarity: str  # vocabulary.POLARITIES
    text: int  # index into Feedback.texts
    start: int
    end: int
    confidence: float  # calibrated probability that topic and polarity are right, 0..1
    terms: tuple[str, ...] = ()  # lexicon terms that fired (ours, not the customer's)
    need_hint: str = "undecided"
    producer: str = "lexicon"  # vocabulary.PRODUCERS
    version: str = "0"  # of what produced it: the frame, the model, or the analyst's correction
    score: float = 0.0  # log-odds of positive; below zero bad
    grams: tuple[Gram, ...] = ()  # the strongest, at most three


@dataclass(frozen=True, slots=True)
class Understanding:
    """One reading of one revision: what the texts and scores say."""

    tags: tuple[Tag, ...] = ()
    red_lines: tuple[str, ...] = ()  # kinds: safety, food_poisoning, injury, fraud, self_harm, legal_threat
    intents: tuple[str, ...] = ()  # vocabulary.INTENTS, the weightiest first
    lang: str | None = None
    departments: tuple[str, ...] = ()
    polarity: float | None = None  # calibrated probability that the whole voice is positive; None: nothing to read
    actionability: str | None = None  # vocabulary.ACTIONABILITY
    effort: str | None = None  # "high" | "low": what the customer says it took
    emotion: int | None = None  # strength of feeling, 0 none … 3 outrage or rapture
    behaviour: tuple[str, ...] = ()  # vocabulary.BEHAVIOURS that the customer states
    review: tuple[str, ...] = ()  # vocabulary.REVIEW_REASONS: why a person should look; empty: none
    frame_version: str = "0"
    model_version: str = "0"
    correction: str | None = None  # the analyst's correction or verdict that the tags come from

    @property
    def intent(self) -> str | None:
        """The weightiest intent."""
        return self.intents[0] if self.intents else None

    @property
    def confidence(self) -> float:
        """How sure the polarity is, 0.5 … 1; 0 when there was nothing to read."""
        return 0.0 if self.polarity is None else max(self.polarity, 1 - self.polarity)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule asked for an action. ``lapsed`` once the rule no longer matches; closes nothing."""

    rule: str
    version: int
    severity: str
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Outcome of the routing rules, stored on the feedback."""

    actions: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)  # action → reasons
    severity: str = "low"
    departments: tuple[str, ...] = ()
    cooldowns: Mapping[str, int] = field(default_factory=dict)  # alert rule → its own seconds, if it names any


@dataclass(frozen=True, slots=True)
class Feedback:
    """The stored voice. ``texts`` hold redacted words only."""

    workspace: str
    id: str
    connection: str
    source: str
    state: str  # vocabulary.FEEDBACK_STATES
    received_at: datetime
    occurred_at: datetime
    response_key: str = ""
    revision: int = 1  # counts what the customer sent
    reading: int = 1  # counts our taggings of the same words
    revision_order: str = ""  # sortable order key of this revision, see domain/revision.py
    content_hash: str = ""  # of the canonical content, equal content is a duplicate
    channel: str = "survey"
    touchpoint: str | None = None
    unit: str | None = None
    lang: str | None = None
    customer_ref: str | None = None  # customer id, or its HMAC when it is a phone or e-mail
    subject: str | None = None  # HMAC of the customer id: key of the salt that encrypts the contact
    contact: bytes | None = field(default=None, repr=False)  # AES-GCM ciphertext, see storage/vault.py
    scores: tuple[Score, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)  # score kind → class, e.g. nps → detractor
    texts: tuple[Text, ...] = ()
    understanding: Understanding = Understanding()
    decision: Decision = Decision()
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    attachments: tuple[str, ...] = field(default=(), repr=False)
    awaiting: frozenset[str] = frozenset()  # ⊆ {"ticket", "alert"}
    awaiting_since: datetime | None = None
    heard_at: datetime | None = None
    understood_at: datetime | None = None
    acted_at: datetime | None = None
    parked_reason: str | None = None
    seen: Mapping[str, str] = field(default_factory=dict)  # event key → sha256 of its raw body
    ticket: str | None = None
    sanitised: bool = False
    late: bool = False  # its bucket was frozen, so it counts in the hour it was received
    deleted: bool = False
