"""What one workspace's corrections taught, on top of the general weights: small shifts of log-odds by n-gram.

A delta speaks about tags, whatever made them: it moves how sure a topic or its polarity is, takes a tag away, or adds
one, clause by clause. A gram counts with ``1 / √n`` in a clause of ``n`` grams, so a clause that shares one word with a
corrected one is hardly moved and one that says the same is moved as far as that was. ``learn`` makes deltas.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from chalicelib.domain.ids import digest
from chalicelib.domain.text.folding import Folded
from chalicelib.domain.voice.understanding import Gram, Tag, need_hint
from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.frame import Frame, Node

UNSEEN: Final = -3.0  # log-odds of a topic that nothing found in a clause
CERTAIN: Final = 3.0  # log-odds that a machine's verdict counts for at most: a person can outweigh it
BOUND: Final = 6.0  # log-odds that a clause is moved at most
FELT: Final = 1.0  # a smaller shift changes nothing
PLAIN: Final = 0.5  # log-odds of positive nearer to 0 are neither good nor bad
LARGEST: Final = 100_000  # bytes of a delta as JSON
_SCALE: Final = 100  # shifts are kept to a hundredth
_SHOWN: Final = 3  # grams of evidence
_SIZES: Final = (2, 3, 4)  # characters of a gram; Latin words are taken whole
_LATIN: Final = re.compile(r"[a-z0-9']+")
_NOTHING: Final[Mapping[str, float]] = {}
_POLAR: Final = {"negative": -1.5, "neutral": 0.0, "positive": 1.5}


class Spanned(Protocol):
    """A stretch of the stored text: a tag, a mark."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


One = TypeVar("One", bound=Spanned)


def features(clause: str) -> list[str]:
    """The grams of a folded clause, each once, in order."""
    words = _LATIN.findall(clause)
    rest = _LATIN.sub(" ", clause)
    stretches = [part for part in rest.split() if part]
    grams = (part[at : at + size] for part in stretches for size in _SIZES for at in range(len(part) - size + 1))
    return list(dict.fromkeys((*words, *grams)))


def moved(
    grams: Sequence[str], polarity: Mapping[str, float], topics: Mapping[str, Mapping[str, float]]
) -> tuple[float, dict[str, float]]:
    """What a clause of these grams is moved by, see ``Delta``."""
    share = 1 / math.sqrt(len(grams)) if grams else 0.0
    found: dict[str, float] = {}
    for gram in grams:
        for node, shift in topics.get(gram, _NOTHING).items():
            found[node] = found.get(node, 0.0) + shift * share
    felt = sum(polarity.get(gram, 0.0) for gram in grams) * share
    return _bounded(felt), {node: _bounded(shift) for node, shift in found.items()}


class Delta:
    """``polarity``: gram → shift of the log-odds of positive; ``topics``: gram → node id → shift of its log-odds."""

    __slots__ = ("polarity", "topics", "version")

    def __init__(self, polarity: Mapping[str, float], topics: Mapping[str, Mapping[str, float]]) -> None:
        self.polarity, self.topics = polarity, topics
        self.version = digest("delta", json.dumps(self.to_document(), sort_keys=True), length=8)

    def to_document(self) -> dict[str, Any]:
        """As plain data: whole hundredths."""
        return {
            "polarity": {gram: round(shift * _SCALE) for gram, shift in self.polarity.items()},
            "topics": {
                gram: {node: round(shift * _SCALE) for node, shift in moved.items()}
                for gram, moved in self.topics.items()
            },
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Delta:
        """What ``to_document`` gave."""
        return cls(
            {gram: shift / _SCALE for gram, shift in document["polarity"].items()},
            {
                gram: {node: shift / _SCALE for node, shift in moved.items()}
                for gram, moved in document["topics"].items()
            },
        )

    def shifts(self, grams: Sequence[str]) -> tuple[float, dict[str, float]]:
        """What a clause of these grams is moved by: the log-odds of positive, and of each topic."""
        return moved(grams, self.polarity, self.topics)

    def document(self, text: str, clauses: Sequence[Clause]) -> float:
        """What the log-odds of the whole folded text are moved by: the mean of its clauses."""
        felt = [self.shifts(features(text[clause.start : clause.end]))[0] for clause in clauses]
        return sum(shift for shift in felt if abs(shift) >= FELT) / len(felt) if felt else 0.0

    def revise(
        self, folded: Folded, clauses: Sequence[Clause], tags: Sequence[Tag], number: int, frame: Frame, *, version: str
    ) -> list[Tag]:
        """The tags of text ``number`` as this workspace reads it, by place; those of clauses it never saw untouched.

        Linear in the text, as long as the tags lie each in a few clauses.
        ``version``: of the model with this delta on it; what was moved says so.
        """
        revised: list[Tag] = []
        for clause, here in zip(clauses, by_clause(folded, clauses, tags), strict=True):
            start, end = folded.span(clause.start, clause.end)
            said = {tag.topic for tag in here}
            wished = any(tag.wished for tag in here)
            grams = features(folded.text[clause.start : clause.end])
            polarity, topics = self.shifts(grams)
            moves = [(_moved(tag, polarity, topics.get(tag.topic, 0.0), version), tag) for tag in here]
            kept = [_hinted(one, tag, frame) for one, tag in moves if one]
            new = [
                _added(frame.by_id[node], (UNSEEN + shift, _feeling(here) + polarity), wished=wished)._replace(
                    text=number,
                    start=start,
                    end=end,
                    version=version,
                    grams=self._evidence(node, folded, clause, grams),
                )
                for node, shift in sorted(topics.items())
                if UNSEEN + shift > 0 and node in frame.by_id and node not in said
            ]
            revised += [*kept, *new]
        return sorted(revised, key=lambda tag: (tag.start, tag.end, tag.topic))

    def _evidence(self, node: str, folded: Folded, clause: Clause, grams: Sequence[str]) -> tuple[Gram, ...]:
        """The grams of the clause that spoke loudest for the topic."""
        text = folded.text
        found = [(self.topics.get(gram, {}).get(node, 0.0), gram) for gram in grams]
        strongest = sorted((weight, gram) for weight, gram in found if weight > 0)[-_SHOWN:]
        spots = [(text.find(gram, clause.start, clause.end), gram, weight) for weight, gram in reversed(strongest)]
        return tuple(Gram(*folded.span(at, at + len(gram)), weight) for at, gram, weight in spots)


def _moved(tag: Tag, polarity: float, topic: float, version: str) -> Tag | None:
    """The tag after its shifts; None when it is no longer believed."""
    if abs(polarity) < FELT and abs(topic) < FELT:
        return tag
    believed = log_odds(tag.confidence) + (topic if abs(topic) >= FELT else 0.0)
    if topic <= -FELT and believed < 0:
        return None
    score, named = feeling(tag), tag.polarity
    if abs(polarity) >= FELT:
        score += polarity
        named = _named(score, tag.polarity)
    sure = probability(believed) if named == tag.polarity else min(probability(believed), probability(abs(score)))
    return tag._replace(polarity=named, score=score, confidence=sure, producer="model", version=version)


def _hinted(tag: Tag, before: Tag, frame: Frame) -> Tag:
    """The tag with the hint of its polarity, where that turned."""
    if tag.polarity == before.polarity:
        return tag
    return tag._replace(need_hint=need_hint(tag.polarity, frame.by_id[tag.topic].need, wished=before.wished))


def _added(node: Node, odds: tuple[float, float], *, wished: bool) -> Tag:
    """A tag that only the corrections know of, not yet in its place. ``odds``: of the topic, and of positive."""
    topic, score = odds
    polarity = "neutral" if abs(score) < PLAIN else "positive" if score > 0 else "negative"
    hint = need_hint(polarity, node.need, wished=wished)
    return Tag(node.id, polarity, 0, 0, 0, probability(topic), need_hint=hint, producer="model", score=score)


def by_clause(folded: Folded, clauses: Sequence[Clause], things: Iterable[One]) -> list[list[One]]:
    """For each clause what lies in it for the most part, in the order given."""
    spans = [folded.span(clause.start, clause.end) for clause in clauses]
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    found: list[list[One]] = [[] for _ in clauses]
    for one in things:
        found[_place(starts, ends, one.start, one.end)].append(one)
    return found


def _place(starts: Sequence[int], ends: Sequence[int], start: int, end: int) -> int:
    """The first of the clauses that share most with the span, or lie nearest. Clauses are in order and do not overlap.

    Looks only at those that the span touches and at its neighbours.
    """
    after = bisect_right(ends, start)  # the first clause that ends behind the span's start
    last = min(len(starts), max(after + 1, bisect_left(starts, end)))
    return max(range(max(0, after - 1), last), key=lambda at: min(end, ends[at]) - max(start, starts[at]))


def feeling(tag: Tag) -> float:
    """Log-odds of positive of a tag, as far as a person can outweigh it."""
    score = tag.score or _POLAR[tag.polarity]
    if tag.polarity == "neutral":
        return 0.0
    return max(-CERTAIN, min(CERTAIN, score))


def log_odds(confidence: float) -> float:
    """Of a probability, as far as a person can outweigh it."""
    inside = min(max(confidence, 1e-6), 1 - 1e-6)
    return max(-CERTAIN, min(CERTAIN, math.log(inside / (1 - inside))))


def probability(odds: float) -> float:
    """Of log-odds."""
    return 1 / (1 + math.exp(-odds))


def _feeling(tags: Sequence[Tag]) -> float:
    """What the rest of a clause feels like."""
    return sum(map(feeling, tags)) / len(tags) if tags else 0.0


def _named(score: float, before: str) -> str:
    if abs(score) < PLAIN:
        return "neutral"
    if before == "neutral" and abs(score) < 2 * PLAIN:
        return before
    return "positive" if score > 0 else "negative"


def _bounded(shift: float) -> float:
    return max(-BOUND, min(BOUND, shift))
