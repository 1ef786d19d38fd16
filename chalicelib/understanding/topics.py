"""Topics of a clause by the model, where a pack has one: calibrated confidence per (clause, node), and how the clause
feels about it.

The model knows *heads*: nodes with labelled data, mostly parents. A head governs itself and what hangs below it
(``governs``): on a governed node the head's verdict decides, the lexicon only says which descendant it is. A frame
whose packs have no heads still gets the polarity of its clauses here; its topics stay with the lexicon.

Scores are log-odds, linear in the grams of the clause, in those of the whole text at a lower weight, and in what the
lexicon hit: which heads in this clause, which elsewhere in the text. Grams weigh less in a longer stretch, by the root
of its length, where the table asks for it (``rooted``).

Where a text is seldom about more than one thing, its heads are *rivals*: the best clause and columns of their own for
the whole text speak for a head, and then its lead over the strongest other head counts, too (``contest``).

How a clause feels about its topic is heard from the clause and, where the table asks for it, from the clauses of the
text that name the same topic or none: what is said of other topics is not (``Air``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import exp, sqrt
from operator import add
from typing import Any, Final

from chalicelib.understanding import lanes
from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.frame import Frame
from chalicelib.understanding.grams import LONGEST, SMOOTH, Scan
from chalicelib.understanding.lanes import GENERAL, HEADS, root
from chalicelib.understanding.line import weighed
from chalicelib.understanding.terms import Hit
from chalicelib.understanding.weights import Table, Weights

NEGATIVE, NEUTRAL = "~negative", "~neutral"  # the last two columns of every table
WHOLE: Final = "~whole "  # before a head: what the grams of the whole text say of it
_KEPT: Final = 256  # answers to which heads are named where
LIMIT: Final = 8.0  # log-odds of polarity are kept within
FEATURES: Final = (
    "document", "stretch", "opinion", "bad", "good", "doubt", "asks", "compares", "own", "named", "brief",
)  # fmt: skip
_BRIEF: Final = 10.0  # characters of a text that says one thing
_COMPARES: Final = ("比", "不如", "没有", "一样", "差不多")


def features(
    document: float, stretch: float, opinion: float | None, words: str, *, own: float = 0.0, length: int = 0
) -> list[float]:
    """What else the polarity of a clause is read from, in the order of ``FEATURES``: log-odds of the text and of the
    clause by the document column, the lexicon's opinion, and how the clause is put (``words``, folded); ``own``: that
    opinion where words that name the topic have it, else 0; ``length`` of the text."""
    weight = opinion or 0.0
    stretch = _within(4.0, stretch)
    return [
        _within(4.0, document),
        stretch,
        _within(2.0, weight),
        1.0 if weight < 0 else 0.0,
        1.0 if weight > 0 else 0.0,
        4.0 - abs(stretch),
        1.0 if "?" in words or "吗" in words else 0.0,
        1.0 if any(map(words.__contains__, _COMPARES)) else 0.0,
        _within(2.0, own),
        1.0 if own else 0.0,
        _BRIEF / length if length > _BRIEF else 1.0,
    ]


def strongest_other(scores: Sequence[float]) -> list[float]:
    """For each of two scores or more the highest of the others."""
    second, first = sorted(scores)[-2:]
    return [second if score == first else first for score in scores]


def _within(bound: float, value: float) -> float:
    """``value``, kept between ± ``bound``."""
    return bound if value > bound else -bound if value < -bound else value


def subjects(frame: Frame, head_of: Sequence[int | None]) -> tuple[int | None, ...]:
    """What each node of a frame is about: the place of its head (``head_of``, by node) or, below zero, a number of its
    own where it has none. None: of the whole, which no clause is turned away for."""
    return tuple(
        None if node.overall else head if head is not None else -1 - number
        for number, (node, head) in enumerate(zip(frame.nodes, head_of, strict=True))
    )


def named(hits: Sequence[Hit], subject_of: Sequence[int | None]) -> dict[int, set[int]]:
    """Clause number → what the lexicon's hits there are about; clauses that name nothing are left out."""
    found: dict[int, set[int]] = {}
    for hit in hits:
        if (subject := subject_of[hit.owner]) is not None:
            found.setdefault(hit.clause, set()).add(subject)
    return found


class Air:
    """How bad and how neutral the clauses of a text sound together: those that name a topic or none."""

    def __init__(self, clauses: Sequence[Clause], subjects: Mapping[int, set[int]], sounds: Sequence[Sounds]) -> None:
        self._named = {clause.start: subjects.get(number, set()) for number, clause in enumerate(clauses)}
        self._sums: dict[int | None, Sounds] = {}  # of the clauses that name it; None: of those that name nothing
        for number, heard in enumerate(sounds):
            for subject in subjects.get(number, (None,)):
                self._sums[subject] = heard.plus(self._sums.get(subject, SILENCE))

    def around(self, clause: Clause, heard: Sounds, subject: int | None) -> Sounds:
        """``heard`` of a clause with the clauses that name ``subject`` or nothing."""
        found = self._sums.get(None, SILENCE)
        if subject is not None:
            found = found.plus(self._sums.get(subject, SILENCE))
        here = self._named[clause.start]
        return found.plus(heard) if here and subject not in here else found  # else it is among them


class Sounds:
    """Sums over stretches: of the weights of the two columns of polarity, not yet over any root, and of characters."""

    __slots__ = ("bad", "doubt", "length")

    def __init__(self, bad: float, doubt: float, length: int) -> None:
        self.bad, self.doubt, self.length = bad, doubt, length

    def plus(self, other: Sounds) -> Sounds:
        """Both together."""
        return Sounds(self.bad + other.bad, self.doubt + other.doubt, self.length + other.length)


SILENCE: Final = Sounds(0.0, 0.0, 0)


class TopicModel:
    """The topic model of the first pack of a frame that has one."""

    def __init__(self, weights: Weights, frame: Frame, table: Table) -> None:
        self._lanes = lanes.for_packs(weights, frame.packs)
        self._document = weights.columns.get(GENERAL)
        extra = table.extra
        self.heads: tuple[str, ...] = tuple(name for name in table.columns if not name.startswith("~"))
        self._scales = [*table.scales[: len(self.heads)]]
        self._rooted: bool = bool(self.heads) and extra["rooted"]
        self._of_texts = table.scales[len(self.heads) : -2]
        self.rivals = bool(self._of_texts)  # whether a text is seldom about more than one of its heads
        self._whole = [extra["whole"] * scale for scale in self._scales] if self.heads else []
        self._places = {head: place for place, head in enumerate(self.heads)}
        # A head that the workspace retired is no topic any more; what hung below it is the lexicon's.
        self._present = [head in frame.by_id for head in self.heads]
        self._governs: dict[str, str | None] = {
            node: head if head in frame.by_id else None for node, head in extra["governs"].items()
        }
        self._extra: Any = extra
        self._floor = -extra["plain"]  # below the threshold, where plain words ("物流慢") still name their head
        self._negative, self._neutral = _Line(extra["negative"]), _Line(extra["neutral"])
        self._named_moves = lru_cache(maxsize=_KEPT)(self._moves)
        self._head_of = tuple(self._places.get(self.governs(node.id) or "") for node in frame.nodes)
        self._subject_of = subjects(frame, self._head_of)
        self._subjects = {node.id: subject for node, subject in zip(frame.nodes, self._subject_of, strict=True)}

    @classmethod
    def for_frame(cls, weights: Weights, frame: Frame) -> TopicModel | None:
        """None when the artefact has no table for any pack of the frame, and no general one."""
        table = lanes.for_packs(weights, frame.packs).table
        return cls(weights, frame, table) if table is not None else None

    def governs(self, node: str) -> str | None:
        """The head (a node id) whose verdict decides on ``node``; None: the lexicon decides alone."""
        if node not in self._governs:
            parent = node.rpartition(".")[0]
            self._governs[node] = self.governs(parent) if parent else None
        return self._governs[node]

    def scores(self, scan: Scan, clauses: Sequence[Clause], hits: Sequence[Hit]) -> list[list[float]]:
        """Log-odds per clause and head; but for rivals, whose thresholds come later, a head is there from 0 on."""
        if not self.heads:
            return [[] for _ in clauses]
        extra = self._extra
        base = self._plus(extra["bias"], scan, (0, len(scan.text)), whole=True)
        named = self._named(clauses, hits)
        everywhere = frozenset().union(*named)
        single = len(clauses) == 1
        before: dict[frozenset[int], list[float]] = {}  # heads named in a clause → its scores but for its own grams
        found: list[list[float]] = []
        for clause, here in zip(clauses, map(frozenset, named), strict=True):
            if here not in before:
                moves: list[float] = self._named_moves(here, everywhere - here, single)
                before[here] = [score + move for score, move in zip(base, moves, strict=True)]
            found.append(self._plus(before[here], scan, (clause.start, clause.end), whole=False))
        return found

    def _moves(self, here: frozenset[int], elsewhere: frozenset[int], single: bool) -> list[float]:
        """What it adds to the scores which heads the lexicon names in a clause and in the rest of the text."""
        extra = self._extra
        rows = [extra["here"][place] for place in sorted(here)]
        rows += [extra["elsewhere"][place] for place in sorted(elsewhere)]
        if not here:
            rows.append(extra["nothing"])
        if single:
            rows.append(extra["single"])
        return list(map(sum, zip(*rows, strict=True))) if rows else [0.0] * len(self.heads)

    def read(self, scan: Scan, clauses: Sequence[Clause], hits: Sequence[Hit]) -> dict[tuple[int, str], float]:
        """(clause number, head) → calibrated confidence that the text speaks about the head there: pairs above the
        head's threshold, and a little below it where words that have a polarity of their own name the head.
        ``hits`` are the lexicon's, their ``owner`` a place in ``frame.nodes``."""
        scores = self.scores(scan, clauses, hits)
        plain = {(hit.clause, self._head_of[hit.owner]) for hit in hits if hit.term.polarity is not None}
        if self.rivals and scores:
            return self._of_rivals(scan, scores, plain)
        found: dict[tuple[int, str], float] = {}
        for number, score in enumerate(scores):
            if not score or max(score) < self._floor:
                continue
            for place, value in enumerate(score):
                if value >= self._floor and self._present[place] and (value >= 0 or (number, place) in plain):
                    found[number, self.heads[place]] = self._confidence(value)
        return found

    def _of_rivals(
        self, scan: Scan, scores: Sequence[Sequence[float]], plain: set[tuple[int, int | None]]
    ) -> dict[tuple[int, str], float]:
        """``read`` where the heads of a text are rivals: in its best clause, and wherever plain words name it."""
        best = [max(column) for column in zip(*scores, strict=True)]
        speaks = list(map(add, best, self._whole_text(scan)))
        found: dict[tuple[int, str], float] = {}
        for place, (score, other) in enumerate(zip(speaks, strongest_other(speaks), strict=True)):
            own, lead, bias = self._extra["contest"][place]
            value = own * score + lead * (score - other) + bias
            if value >= self._floor and self._present[place]:
                for number, clause in enumerate(scores):
                    if (value >= 0 and clause[place] == best[place]) or (number, place) in plain:
                        found[number, self.heads[place]] = self._confidence(value)
        return found

    def _whole_text(self, scan: Scan) -> list[float]:
        """Log-odds per head by the columns of whole texts."""
        heads, length = len(self.heads), len(scan.text)
        sums = self._lanes.sums(scan, 0, length)[HEADS + heads : HEADS + 2 * heads]
        factor = root(length)
        return [
            bias + factor * scale * total
            for bias, scale, total in zip(self._extra["texts"], self._of_texts, sums, strict=True)
        ]

    def _confidence(self, value: float) -> float:
        slope, offset = self._extra["curve"]
        return 1 / (1 + exp(-(slope * min(value, LIMIT) + offset)))

    def air(self, scan: Scan, clauses: Sequence[Clause], hits: Sequence[Hit]) -> Air | None:
        """What the clauses of a text sound like together; None where each is heard alone."""
        if not self._extra["whole_polarity"]:
            return None
        return Air(clauses, named(hits, self._subject_of), [self._sounds(scan, clause) for clause in clauses])

    def _sounds(self, scan: Scan, clause: Clause) -> Sounds:
        length = clause.end - clause.start
        bad, doubt = self._lanes.feelings(scan, clause.start, clause.end)
        return Sounds(bad / root(length), doubt / root(length), length)

    def polarity(
        self,
        scan: Scan,
        clause: Clause,
        node: str,
        opinion: float | None,
        document: float,
        *,
        own: float = 0.0,
        air: Air | None = None,
    ) -> tuple[float, float]:
        """(log-odds of positive against negative, probability of neutral) of ``node`` in ``clause``.

        ``opinion``: weight of the lexicon's opinion on it (below zero bad), None when it found none; ``document``:
        log-odds of positive of the whole text; ``own``: the opinion where words that name the topic have it, else 0;
        ``air``: of the text that ``clause`` is one of; None: the clause is heard alone.
        """
        bad, doubt = self._lanes.feelings(scan, clause.start, clause.end)
        share = self._extra["whole_polarity"]
        if share:
            around = self._sounds(scan, clause)
            if air is not None:
                around = air.around(clause, around, self._subjects.get(node))
            factor = share * root(around.length)
            bad, doubt = bad + factor * around.bad, doubt + factor * around.doubt
            document *= around.length / len(scan.text)
        words = scan.text[clause.start : clause.end]
        stretch = self._stretch(scan, clause)
        seen = features(document, stretch, opinion, words, own=own, length=len(scan.text))
        head = self._places.get(self.governs(node) or "")
        log_odds = -self._negative.total(bad, seen, head)
        neutral = self._neutral.total(doubt, seen, head)
        return _within(LIMIT, log_odds), 1 / (1 + exp(-_within(LIMIT, neutral)))

    def _plus(self, scores: list[float], scan: Scan, stretch: tuple[int, int], *, whole: bool) -> list[float]:
        """The scores of the heads and what the grams of a stretch add to them."""
        start, end = stretch
        sums = self._lanes.sums(scan, start, end)
        scales = self._whole if whole else self._scales
        factor = root(end - start) if self._rooted else 1.0
        return [score + factor * scales[place] * sums[HEADS + place] for place, score in enumerate(scores)]

    def _named(self, clauses: Sequence[Clause], hits: Sequence[Hit]) -> list[set[int]]:
        """Places of the heads that the lexicon hit, by clause."""
        named: list[set[int]] = [set() for _ in clauses]
        for hit in hits:
            head = self._head_of[hit.owner]
            if head is not None:
                named[hit.clause].add(head)
        return named

    def _stretch(self, scan: Scan, clause: Clause) -> float:
        """Log-odds of positive of the clause by the document column, as ``polarity.PolarityModel.stretch``."""
        if self._document is None:
            return 0.0
        length = clause.end - clause.start
        total = self._lanes.sums(scan, clause.start, clause.end)[lanes.ALL]
        return float(self._document.extra["bias"]) + self._document.scale * total / sqrt(length * LONGEST + SMOOTH)


class _Line:
    """One logistic regression over the grams of a stretch and ``FEATURES``, with a bias for each head."""

    __slots__ = ("_bias", "_features", "_heads")

    def __init__(self, part: Mapping[str, Any]) -> None:
        self._bias: float = part["bias"]
        self._features: list[float] = part["features"]
        self._heads: list[float] = part["heads"]

    def total(self, grams: float, seen: list[float], head: int | None) -> float:
        """Log-odds; ``grams``: what the grams say."""
        total = self._bias + grams + weighed(self._features, seen)
        return total + self._heads[head] if head is not None else total
