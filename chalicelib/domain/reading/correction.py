"""A correction: the whole right list of tags that an analyst gives for one (revision, reading)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from chalicelib.domain.ids import digest
from chalicelib.domain.reading.reading import ANALYST, CodeFrame, departments
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.domain.voice.understanding import Tag, Text, Understanding, need_hint
from chalicelib.errors import Invalid

_NUMBERS: Final = {"negative": -1, "neutral": 0, "positive": 1}
RIGHT, CORRECTED = "right", "corrected"


class Mark(NamedTuple):
    """One tag as a person gives it: the topic, and the words of ``texts[text]`` (code points) that say so."""

    topic: str
    polarity: str
    text: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Correction:
    """Who put which reading right, when, from what to what. ``verdict``: corrected, or right as it was."""

    workspace: str
    id: str
    feedback: str
    revision: int  # that was corrected, with the reading; the reading after it shows the right tags
    reading: int
    verdict: str
    by: str  # id of the API key
    at: datetime
    frame_version: str
    model_version: str
    old: tuple[Mark, ...]
    new: tuple[Mark, ...]
    texts: tuple[Text, ...] = field(default=(), repr=False)  # redacted, of that revision
    note: str | None = field(default=None, repr=False)  # a colleague's words, redacted


def training_rows(correction: Correction) -> list[dict[str, Any]]:
    """One row for each text of the customer, in the shape of the labelled sets.

    ``t``: the text; ``q``: [words, "_", topic, -1 | 0 | 1], the second place being the opinion's, which a person does
    not mark apart; ``labels``: each [topic, -1 | 0 | 1] once; ``split`` is always ``train``.
    """
    rows = []
    for number, text in enumerate(correction.texts):
        if text.speaker != "customer":
            continue
        said = [mark for mark in correction.new if mark.text == number]
        opinions = [[text.text[m.start : m.end], "_", m.topic, _NUMBERS[m.polarity]] for m in said]
        labels = dict.fromkeys((mark.topic, _NUMBERS[mark.polarity]) for mark in said)
        rows.append({"t": text.text, "q": opinions, "labels": [list(one) for one in labels], "split": "train"})
    return rows


def correction_id(feedback: Feedback) -> str:
    """A reading is put right once at most, so it names its correction."""
    versions = (str(feedback.revision), str(feedback.reading))
    return "co_" + digest("correction", feedback.workspace, feedback.id, *versions)


def marks(tags: Sequence[Tag]) -> tuple[Mark, ...]:
    """The tags without what the machine thinks of them."""
    return tuple(Mark(tag.topic, tag.polarity, tag.text, tag.start, tag.end) for tag in tags)


def checked(given: Sequence[Mark], texts: Sequence[Text], frame: CodeFrame) -> tuple[Mark, ...]:
    """The marks by place. Raises Invalid at the first wrong one: ``unknown_topic``, ``span_invalid``, ``tag_twice``."""
    seen: set[tuple[str, int, int, int]] = set()
    for number, mark in enumerate(given):
        _check(mark, texts, frame, f"/tags/{number}")
        place = (mark.topic, mark.text, mark.start, mark.end)
        if place in seen:
            raise Invalid("One topic is given twice for the same words.", code="tag_twice", pointer=f"/tags/{number}")
        seen.add(place)
    return tuple(sorted(given, key=lambda mark: (mark.text, mark.start, mark.end, mark.topic)))


def _check(mark: Mark, texts: Sequence[Text], frame: CodeFrame, at: str) -> None:
    if mark.topic not in frame.by_id:
        raise Invalid("The workspace's code frame has no such topic.", code="unknown_topic", pointer=f"{at}/topic")
    if not 0 <= mark.text < len(texts) or texts[mark.text].speaker != "customer":
        raise Invalid("The customer says no such text.", code="span_invalid", pointer=f"{at}/text")
    if not 0 <= mark.start < mark.end <= len(texts[mark.text].text):
        raise Invalid("The words lie outside the text.", code="span_invalid", pointer=f"{at}/start")


def corrected(
    stored: Feedback,
    right: Sequence[Mark],
    frame: CodeFrame,
    *,
    red_lines: Sequence[str] | None = None,
    intents: Sequence[str] | None = None,
) -> Understanding:
    """The understanding of the next reading. Red lines and intents stay unless they are given.

    Evidence stays with a tag that was right already; departments follow from the new tags.
    Raises Invalid (``unknown_red_line``).
    """
    if red_lines is not None and not {line.kind for line in frame.red_lines}.issuperset(red_lines):
        raise Invalid("The workspace's code frame has no such red line.", code="unknown_red_line", pointer="/red_lines")
    known, identity = stored.understanding, correction_id(stored)
    before = dict(zip(marks(known.tags), known.tags, strict=True))
    tags = tuple(_signed(before.get(mark) or _new(mark, known.tags, frame), identity) for mark in right)
    crossed = known.red_lines if red_lines is None else tuple(dict.fromkeys(red_lines))
    return known._replace(
        tags=tags,
        red_lines=crossed,
        intents=known.intents if intents is None else tuple(dict.fromkeys(intents)),
        departments=departments(crossed, tags, frame),
        review=(),
        frame_version=frame.version,
        correction=identity,
    )


_SURE: Final = 4.0  # log-odds shown for a polarity that a person gave


def _signed(tag: Tag, identity: str) -> Tag:
    return tag._replace(producer=ANALYST, version=identity, confidence=1.0)


def _new(mark: Mark, before: Sequence[Tag], frame: CodeFrame) -> Tag:
    """A tag that no machine gave; its words still wish if they did."""
    wished = any(tag.wished for tag in before if _of_the_same(mark, tag))
    hint = need_hint(mark.polarity, frame.by_id[mark.topic].need, wished=wished)
    score = {"positive": _SURE, "negative": -_SURE}.get(mark.polarity, 0.0)
    return Tag(*mark, confidence=1.0, need_hint=hint, score=score)


def _of_the_same(mark: Mark, tag: Tag) -> bool:
    """Whether both speak of the same words, or of one topic in words that they share."""
    if mark.text != tag.text:
        return False
    meet = mark.start < tag.end and tag.start < mark.end
    return (mark.start, mark.end) == (tag.start, tag.end) or (mark.topic == tag.topic and meet)
