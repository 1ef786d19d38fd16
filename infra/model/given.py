"""Polarity given the clause: where gold opinions stand, and what the product says of the stretch around each.

The stretch is made of the clauses that the gold span touches, span and clauses whole; the model sees the rest of the
text as it does when it reads for itself. Which topic the opinion is about is given where the set says so.
A pack that hears all clauses of a topic together hears the stretch alone: nobody says what the other clauses are about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.domain.text.folding import fold
from chalicelib.domain.voice.understanding import Text
from chalicelib.understanding import shipped
from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.polarity import PolarityModel
from chalicelib.understanding.reader import Lexicon
from chalicelib.understanding.topics import TopicModel
from infra.model import labels as label_files
from infra.model import metrics
from infra.model.measures import PACK_OF, Probe, Row, Table, figure
from infra.model.metrics import Interval
from infra.model.read import SIGN, positive

NOTHING: Final = "_"  # zhijiang's mark for an aspect or an opinion that is not spoken
TERM: Final = "$T$"  # where the term of an absa row stands


@dataclass(frozen=True, slots=True)
class Opinion:
    """A gold opinion: where it stands, its sign, and the node that it is about if the set says so."""

    text: str
    start: int
    end: int
    sign: int
    node: str | None = None


class ClauseJudge:
    """What a pack's reader says of a given stretch."""

    def __init__(self, probe: Probe, pack: str) -> None:
        frame = shipped.load(pack)
        self._weights = probe.weights
        self._reader = probe.reader(pack)
        self._topics = None if probe.weights is None else TopicModel.for_frame(probe.weights, frame)
        self._documents = None if probe.weights is None else PolarityModel(probe.weights, frame.packs)
        self._lexicon = Lexicon(frame)
        self._anything = frame.overall.id if frame.overall else frame.nodes[0].id

    def sign(self, opinion: Opinion) -> int:
        """-1, 0 or 1. A pack without a topic model reads the stretch as a voice of its own, and knows no 0."""
        sight = self._lexicon.look(fold(opinion.text).text)
        start, end = (len(fold(opinion.text[:place]).text) for place in (opinion.start, opinion.end))
        touched = [clause for clause in sight.clauses if clause.start < end and clause.end > start]
        low, high = min([start, *(one.start for one in touched)]), max([end, *(one.end for one in touched)])
        if self._weights is None or self._topics is None or self._documents is None:
            return 1 if positive(self._reader.read([Text(sight.text[low:high])])) >= 0.5 else -1
        scan, opinions = self._weights.scan(sight.text), sight.said.opinions
        inside = [one.weight for one in opinions if low <= one.start and one.end <= high]
        log_odds, neutral = self._topics.polarity(
            scan,
            Clause(low, high, "hard"),
            opinion.node or self._anything,
            max(inside, key=abs, default=None),
            self._documents.read(scan, sight.clauses, opinions),
        )
        return 0 if neutral >= 0.5 else 1 if log_odds >= 0 else -1


def polarity(probe: Probe) -> Table:
    """Negative opinions of zhijiang, and accuracy on the other sets that mark their opinions."""
    figures = []
    for name, opinions in SOURCES.items():
        gold = [one for row in probe.rows(name) for one in opinions(row)]
        if not gold:
            continue
        judge = ClauseJudge(probe, PACK_OF[name])
        found = [judge.sign(one) for one in gold]
        signs = [one.sign for one in gold]
        negative = _f1(signs, found, {-1})
        figures += [
            figure(f"{name} negative given the clause", f"{name}, negative opinions, F1", negative),
            figure(f"{name} given the clause", f"{name}, not neutral, accuracy", _accuracy(signs, found)),
        ]
    return Table(
        "2b. Polarity given the clause",
        figures,
        ["The stretch is the clauses that the gold span touches. Accuracy: opinions that are good or bad."],
    )


def _f1(gold: Sequence[int], found: Sequence[int], wanted: set[int]) -> Interval:
    rows = ([frozenset({one} & wanted) for one in signs] for signs in (gold, found))
    return metrics.Sets(*rows).micro()


def _accuracy(gold: Sequence[int], found: Sequence[int]) -> Interval:
    """A 0 where the set says good or bad is wrong."""
    right = [one == other for one, other in zip(gold, found, strict=True) if one]
    return metrics.share(sum(right), len(right))


def _zhijiang(row: Row) -> Iterator[Opinion]:
    """Words without places: the aspect and the opinion that stand closest together."""
    heads = label_files.load("zhijiang").heads
    for aspect, opinion, label, sign in row["q"]:
        places = [_places(row["t"], words) for words in (aspect, opinion) if words != NOTHING]
        if not places or not all(places):
            continue
        if len(places) == 1:
            start, end = places[0][0]
        else:
            spans = [(min(one[0], other[0]), max(one[1], other[1])) for one in places[0] for other in places[1]]
            start, end = min(spans, key=lambda span: span[1] - span[0])
        yield Opinion(row["t"], start, end, sign, heads[label])


def _places(text: str, words: str) -> list[tuple[int, int]]:
    found, at = [], text.find(words)
    while at >= 0:
        found.append((at, at + len(words)))
        at = text.find(words, at + 1)
    return found


def _triplets(row: Row) -> Iterator[Opinion]:
    """Places are those of ``tok``, both ends in; -1 where the aspect or the opinion is not spoken."""
    text, ends = "".join(row["tok"]), [0]
    for token in row["tok"]:
        ends.append(ends[-1] + len(token))
    for *places, sign in row["q"]:
        spoken = [place for place in places if place >= 0]
        if spoken:
            yield Opinion(text, ends[min(spoken)], ends[max(spoken) + 1], sign)


def _term(row: Row) -> Iterator[Opinion]:
    start = row["t"].find(TERM)
    if start >= 0:
        text = row["t"].replace(TERM, row["term"], 1)
        yield Opinion(text, start, start + len(row["term"]), SIGN[row["y"].lower()])


SOURCES: Final[Mapping[str, Callable[[Row], Iterator[Opinion]]]] = {
    "zhijiang": _zhijiang,
    "zhang_rest_triplets": _triplets,
    **{f"absa_{name}": _term for name in ("camera", "car", "hair", "mooc", "notebook", "phone")},
}
