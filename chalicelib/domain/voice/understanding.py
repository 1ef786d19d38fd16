"""What a reader takes and gives: texts in, their understanding out.

Tuples in a module of their own, so that a reader's cold start does not pay for the rest of a stored voice.
A text is a customer's: its repr never shows it. No postponed annotations: a NamedTuple would compile each of them.
"""

from typing import NamedTuple


class Text(NamedTuple):
    """One answer or turn. Only ``customer`` texts are tagged; staff turns are kept and never scored."""

    text: str
    question: str | None = None
    speaker: str = "customer"

    def __repr__(self) -> str:
        return f"Text(speaker={self.speaker!r})"


class Gram(NamedTuple):
    """A stretch of ``texts[tag.text].text`` (code points) that the model weighed; below zero it spoke for bad."""

    start: int
    end: int
    weight: float


class Tag(NamedTuple):
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

    @property
    def wished(self) -> bool:
        """Whether its words are known to wish for something; a bad word's hint is the topic's and does not say."""
        return self.need_hint == "itch" and self.polarity != "negative"


def need_hint(polarity: str, need: str, *, wished: bool) -> str:
    """痛点, 痒点 or 悦点 of one voice, a hint: what a topic is takes many voices. ``need``: what it tends to be."""
    if polarity == "negative":
        return "itch" if need == "itch" else "pain"
    if wished:
        return "itch"
    return "delight" if polarity == "positive" and need == "delight" else "undecided"


class Understanding(NamedTuple):
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
