"""What the API takes about feedback, corrections and code frames."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from chalicelib.domain.reading.frame_state import LONGEST_OVERLAY, MOST_PACKS
from chalicelib.lambdas.api.schemas import (
    Body,
    Identity,
    ListQuery,
    Moment,
    Name,
    Note,
    Query,
    Topic,
    Unit,
    Word,
    ordered,
    unique,
)

Channel = Literal["survey", "review", "hotline", "chat", "social", "store_qr", "badge", "email", "app"]
ScoreKind = Literal["nps", "csat", "ces", "rating"]
Intent = Literal["complaint", "praise", "suggestion", "question", "churn_threat", "thanks"]
FeedbackState = Literal["parked", "new", "answered", "ticketed", "linked", "closed"]


class CloseReason(Body):
    reason: Note


class AnswerGiven(Body):
    """``reason``: how the customer was answered, and with what."""

    reason: Note


class Mark(BaseModel):
    """One tag: the words ``start``:``end`` of ``texts[text].text``, in code points, and what they speak about."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    topic: Topic
    polarity: Literal["negative", "neutral", "positive"]
    text: int = Field(default=0, ge=0, le=1000)
    start: int = Field(ge=0, le=1_000_000)
    end: int = Field(ge=1, le=1_000_000)


class Correction(Body):
    """``revision`` and ``reading`` are what the person saw; ``tags`` is the whole right list.

    Red lines and intents stay as they were unless they are given.
    """

    revision: int = Field(ge=1, le=2**53)
    reading: int = Field(ge=1, le=2**31)
    tags: list[Mark] = Field(max_length=50)
    red_lines: Annotated[list[Word], AfterValidator(unique)] | None = Field(default=None, max_length=20)
    intents: Annotated[list[Intent], AfterValidator(unique)] | None = None
    note: Note | None = Field(default=None, repr=False)


class Verdict(Body):
    """``right``: the tags are right as they are. Name revision and reading to be sure to mean the ones you saw."""

    verdict: Literal["right"]
    revision: int | None = Field(default=None, ge=1, le=2**53)
    reading: int | None = Field(default=None, ge=1, le=2**31)
    note: Note | None = Field(default=None, repr=False)


class TriedText(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    text: str = Field(repr=False)
    question: str | None = Field(default=None, repr=False)
    speaker: Literal["customer", "staff"] | None = None


class TriedScore(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    kind: Literal["nps", "csat", "ces", "rating"]
    value: int | float
    scale: list[int | float] | None = Field(default=None, min_length=2, max_length=2)
    polarity: Literal["higher", "lower"] | None = None


class Try(Body):
    """A voice that is read and decided but not kept. ``text`` is short for one customer's text.

    ``proposal``: by the frame that it proposes rather than the one in force.
    """

    text: str | None = Field(default=None, repr=False)
    texts: list[TriedText] | None = Field(default=None, max_length=200)
    scores: list[TriedScore] | None = Field(default=None, max_length=50)
    unit: Unit | None = None
    touchpoint: Name | None = None
    channel: Channel | None = None
    lang: Name | None = None
    proposal: Identity | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Try:
        if (self.text is None) == (self.texts is None):
            raise ValueError("Either text or texts is needed.")
        return self

    def voice(self) -> dict[str, Any]:
        """The fields of a canonical body."""
        given = self.model_dump(exclude_none=True, exclude={"workspace", "proposal", "text"})
        return given if self.text is None else {**given, "texts": [{"text": self.text}]}


class ProposalNew(Body):
    """``overlay`` is YAML: left out, the one in force stays; empty, it goes. ``learn``: true learns from corrections,
    false drops what was learned, left out keeps it.
    """

    packs: Annotated[list[Word], AfterValidator(unique)] = Field(min_length=1, max_length=MOST_PACKS)
    overlay: str | None = Field(default=None, max_length=LONGEST_OVERLAY, repr=False)
    learn: bool | None = None


class FeedbackQuery(ListQuery):
    since: Moment | None = None
    until: Moment | None = None
    unit: Unit | None = None
    topic: Topic | None = None
    state: FeedbackState | None = None

    @model_validator(mode="after")
    def _in_order(self) -> FeedbackQuery:
        return ordered(self)


class CorrectionQuery(ListQuery):
    since: Moment | None = None


class NeedsQuery(Query):
    """``kind`` is the score that is set against the topics; scales of one kind are not told apart."""

    since: Moment | None = None
    until: Moment | None = None
    unit: Unit | None = None
    channel: Channel | None = None
    kind: ScoreKind = "nps"

    @model_validator(mode="after")
    def _in_order(self) -> NeedsQuery:
        return ordered(self)


class UnattendedQuery(ListQuery):
    since: Moment | None = None
    until: Moment | None = None
    unit: Unit | None = None

    @model_validator(mode="after")
    def _in_order(self) -> UnattendedQuery:
        return ordered(self)
