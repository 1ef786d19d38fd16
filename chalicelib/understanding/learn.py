"""Learn a workspace's delta from what its analysts put right: logistic regression on top of the reader's own verdicts.

Pure Python and deterministic: the corrections are taken in the order in which they were given, the epochs are few and
fixed, and the result is rounded. What a person left as it was counts too: it holds the common words where they are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from chalicelib.domain.reading.correction import Correction, Mark
from chalicelib.domain.text.folding import fold
from chalicelib.domain.voice.understanding import Tag
from chalicelib.understanding.clauses import split
from chalicelib.understanding.delta import (
    LARGEST,
    UNSEEN,
    Delta,
    by_clause,
    features,
    feeling,
    log_odds,
    moved,
    probability,
)
from chalicelib.understanding.frame import Frame
from chalicelib.understanding.reader import Reader
from chalicelib.understanding.weights import Weights

EPOCHS: Final = 12
RATE: Final = 1.0  # what one step moves the log-odds of its own clause by, times how wrong it was
LEAST_SEEN: Final = 2  # corrected feedbacks that a gram stands in
_FADE: Final = 0.01  # L2: what a shift loses with each step that uses it
_SMALLEST: Final = 0.02  # shifts below it are not kept
_WRONG: Final = 0.25  # a probability closer to the truth than this needs no lesson
_NEARLY: Final = 0.1  # the same where neither good nor bad is right
_TARGET: Final = {"negative": 0.0, "neutral": 0.5, "positive": 1.0}


class Lesson(NamedTuple):
    """One clause: its grams, topic → log-odds before, the right topics, and the polarity's log-odds with its target."""

    grams: tuple[str, ...]
    believed: dict[str, float]
    right: frozenset[str]
    polarity: tuple[tuple[float, float], ...]


def learn(corrections: Iterable[Correction], weights: Weights | None, frame: Frame) -> Delta:
    """The delta of these corrections over the reader of ``weights`` and ``frame``, at most ``LARGEST`` bytes as JSON.

    Corrections in the order in which they were given. Topics that the frame no longer has teach nothing, nor does a
    correction that a later one of the same revision put right.
    """
    reader = Reader(frame, weights)
    lessons: list[Lesson] = []
    grams: dict[str, set[str]] = {}  # by feedback
    for correction in _standing(corrections):
        own = list(_lessons(correction, reader))
        lessons += own
        grams.setdefault(correction.feedback, set()).update(gram for lesson in own for gram in lesson.grams)
    seen = Counter(gram for said in grams.values() for gram in said)
    common = {gram for gram, count in seen.items() if count >= LEAST_SEEN}
    polarity: dict[str, float] = {}
    topics: dict[str, dict[str, float]] = {}
    for _ in range(EPOCHS):
        for lesson in lessons:
            _step(moved(lesson.grams, polarity, topics), lesson, common, polarity, topics)
    return _smallest(polarity, topics)


def _standing(corrections: Iterable[Correction]) -> list[Correction]:
    """The last of each (feedback, revision), in the order given."""
    last: dict[tuple[str, int], Correction] = {}
    for correction in corrections:
        key = correction.feedback, correction.revision
        last.pop(key, None)
        last[key] = correction
    return list(last.values())


def _lessons(correction: Correction, reader: Reader) -> Iterator[Lesson]:
    read: dict[int, list[Tag]] = {}
    for tag in reader.read(correction.texts, explains=False).tags:
        read.setdefault(tag.text, []).append(tag)
    right: dict[int, list[Mark]] = {}
    for mark in correction.new:
        if mark.topic in reader.frame.by_id:
            right.setdefault(mark.text, []).append(mark)
    for number, text in enumerate(correction.texts):
        folded = fold(text.text)
        clauses = split(folded.text) if text.speaker == "customer" else []
        before = by_clause(folded, clauses, read.get(number, ()) if clauses else ())
        wanted = by_clause(folded, clauses, right.get(number, ()) if clauses else ())
        for clause, here, given in zip(clauses, before, wanted, strict=True):
            yield _lesson(features(folded.text[clause.start : clause.end]), here, given)


def _lesson(grams: Sequence[str], here: Sequence[Tag], given: Sequence[Mark]) -> Lesson:
    felt = {tag.topic: feeling(tag) for tag in here}
    mean = sum(felt.values()) / len(felt) if felt else 0.0
    return Lesson(
        grams=tuple(grams),
        believed={tag.topic: log_odds(tag.confidence) for tag in here},
        right=frozenset(mark.topic for mark in given),
        polarity=tuple((felt.get(mark.topic, mean), _TARGET[mark.polarity]) for mark in given),
    )


def _step(
    shifts: tuple[float, dict[str, float]],
    lesson: Lesson,
    common: set[str],
    polarity: dict[str, float],
    topics: dict[str, dict[str, float]],
) -> None:
    """One step of descent for one clause."""
    felt, moved_topics = shifts
    grams = [gram for gram in lesson.grams if gram in common]
    if not grams:
        return
    step = RATE / len(lesson.grams) ** 0.5
    wrong = [_error(before + felt, target) for before, target in lesson.polarity]
    if any(wrong):
        for gram in grams:
            polarity[gram] = polarity.get(gram, 0.0) * (1 - _FADE) + step * sum(wrong) / len(wrong)
    for topic in sorted({*lesson.believed, *lesson.right, *moved_topics}):
        odds = lesson.believed.get(topic, UNSEEN) + moved_topics.get(topic, 0.0)
        error = _error(odds, float(topic in lesson.right))
        for gram in grams if error else ():
            known = topics.setdefault(gram, {})
            known[topic] = known.get(topic, 0.0) * (1 - _FADE) + step * error


def _error(odds: float, target: float) -> float:
    """How far a verdict is from the truth; 0 when it is right and sure enough: then it teaches nothing."""
    error = target - probability(odds)
    return error if abs(error) > (_NEARLY if target == _TARGET["neutral"] else _WRONG) else 0.0


def _smallest(polarity: dict[str, float], topics: dict[str, dict[str, float]]) -> Delta:
    """The strongest shifts, as many as a delta may hold."""
    entries = [(abs(shift), gram, "", shift) for gram, shift in polarity.items()]
    entries += [(abs(shift), gram, topic, shift) for gram, moved in topics.items() for topic, shift in moved.items()]
    entries = sorted((entry for entry in entries if entry[0] >= _SMALLEST), key=lambda entry: (-entry[0], entry[1:3]))
    while True:
        delta = _of(entries)
        size = len(json.dumps(delta.to_document(), ensure_ascii=False).encode())
        if size <= LARGEST:
            return delta
        entries = entries[: int(len(entries) * LARGEST / size * 0.98)]


def _of(entries: Sequence[tuple[float, str, str, float]]) -> Delta:
    polarity: dict[str, float] = {}
    topics: dict[str, dict[str, float]] = {}
    for _, gram, topic, shift in entries:
        if topic:
            topics.setdefault(gram, {})[topic] = round(shift, 2)
        else:
            polarity[gram] = round(shift, 2)
    return Delta(polarity, topics)
