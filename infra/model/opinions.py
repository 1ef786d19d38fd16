"""Train the polarity of clauses: gold opinions of labelled sets → the last two columns of a topic table.

Polarity is learned from the stretch around each gold opinion. The pack's own set weighs most; clauses of other sets
fill in the words that it lacks. What serving hears besides the grams (the document column, the lexicon) is heard here
by the serving code itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, diags, hstack, vstack
from sklearn.linear_model import LogisticRegression

from chalicelib.domain.text.folding import fold
from chalicelib.understanding import shipped
from chalicelib.understanding.clauses import Clause, split
from chalicelib.understanding.evidence import OWN, Room
from chalicelib.understanding.frame import Frame
from chalicelib.understanding.lanes import root
from chalicelib.understanding.polarity import PolarityModel
from chalicelib.understanding.reader import Lexicon, Sight
from chalicelib.understanding.topics import FEATURES, NEGATIVE, NEUTRAL, features, named
from chalicelib.understanding.weights import Weights
from infra.model.sets import Sets

Array = np.ndarray[Any, np.dtype[Any]]
Rows = dict[str, dict[int, float]]  # gram → column → weight, as a TablePart has it
_LONGEST: Final = 3  # characters of a gram: longer ones did not help
RESTAURANTS: Final = "zhang_rest_triplets"
HELPERS: Final = (RESTAURANTS, *(f"absa_{name}" for name in ("camera", "car", "hair", "mooc", "notebook", "phone")))
_PARTS: Final = 8  # fewer make models that had less to learn from, and so too modest
HELP: Final = 0.3  # weight of a helping set's opinion
SAMPLE: Final = 10.0  # weight of a pack's own test sentence
_DOCUMENT: Final = FEATURES.index("document")
_SIGN: Final = {"negative": -1, "neutral": 0, "positive": 1}
_LEAST: Final = 3  # stretches that must hold a gram


@dataclass(frozen=True, slots=True)
class Recipe:
    """``own``: weight of an opinion of the pack's own set; ``whole``: of the grams of all clauses that name its
    topic or none; ``grams``: kept for each of the two columns; ``rarer``: log-odds by which neutral is rarer in what
    customers tell a company than in the set."""

    own: float = 10.0
    whole: float = 0.0
    strength: float = 0.3
    grams: int = 7_000
    samples: float = SAMPLE  # weight of a test sentence of the pack
    rarer: float = 0.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """``text[start:end]`` speaks with ``sign`` of the head at place ``head`` (None: of anything). ``node``: number of
    the node that it is about, where that is known."""

    text: str
    start: int
    end: int
    sign: int
    head: int | None = None
    node: int | None = None


@dataclass
class Ears:
    """What the shipped parts say of a stretch: the inputs of ``topics.features``, as serving computes them.

    ``head_of``: node number → place of the head that governs it; ``subject_of``: → what it is about, see
    ``topics.subjects``.
    """

    weights: Weights
    lexicon: Lexicon
    model: PolarityModel
    head_of: Sequence[int | None] = ()
    subject_of: Sequence[int | None] = ()
    general: PolarityModel = field(init=False)

    def __post_init__(self) -> None:
        self.general = PolarityModel(self.weights, ())

    def hear(self, stretches: Sequence[Stretch]) -> Heard:
        """The stretches with a row of ``FEATURES`` for each."""
        sights = [self.lexicon.look(one.text) for one in stretches]
        found = np.array([self._one(one, sight) for one, sight in zip(stretches, sights, strict=True)])
        beside = [around(one, sight, self.subject_of) for one, sight in zip(stretches, sights, strict=True)]
        return Heard(stretches, found.reshape(len(stretches), len(FEATURES)), beside)

    def _one(self, one: Stretch, sight: Sight) -> list[float]:
        scan = self.weights.scan(one.text)
        document = self.model.read(scan, sight.clauses, sight.said.opinions)
        stretch = self.general.stretch(scan, one.start, one.end)
        opinion, own = self._opinion(one, sight)
        words = one.text[one.start : one.end]
        return features(document, stretch, opinion, words, own=own, length=len(one.text))

    def _opinion(self, one: Stretch, sight: Sight) -> tuple[float | None, float]:
        """The lexicon's word on the topic in the stretch, and the same where the topic's own words say it (else 0);
        where the lexicon does not name the topic, its strongest opinion."""
        hits = [hit for hit in sight.hits if one.start <= hit.place < one.end and self._about(one, hit.owner)]
        if hits:
            room = Room(sight.text, sight.clauses, sight.said, sight.hits)
            seen = max((room.evidence(hit) for hit in hits), key=lambda found: abs(found.weight or 0))
            return seen.weight, (seen.weight or 0.0) if seen.how == OWN else 0.0
        inside = [opinion for opinion in sight.said.opinions if one.start <= opinion.start and opinion.end <= one.end]
        return max((opinion.weight for opinion in inside), key=abs, default=None), 0.0

    def _about(self, one: Stretch, owner: int) -> bool:
        if one.node is not None:
            return owner == one.node
        return one.head is not None and self.head_of[owner] == one.head


def around(one: Stretch, sight: Sight, subject_of: Sequence[int | None]) -> list[Clause]:
    """The other clauses that name the stretch's topic or none; none at all where nobody knows the topic."""
    subject = one.head if one.node is None else subject_of[one.node]
    if subject is None:
        return []
    subjects = named(sight.hits, subject_of)
    return [
        clause
        for number, clause in enumerate(sight.clauses)
        if (clause.end <= one.start or clause.start >= one.end) and subject in subjects.get(number, (subject,))
    ]


@dataclass(frozen=True, slots=True)
class Heard:
    """Stretches and what is heard of them besides their grams: a row of ``FEATURES`` for each, and ``around`` them the
    other clauses that speak for their topic."""

    stretches: Sequence[Stretch]
    features: Array
    around: Sequence[Sequence[Clause]]

    def headless(self) -> Heard:
        """The same of no head."""
        return Heard([replace(one, head=None, node=None) for one in self.stretches], self.features, self.around)


def together(parts: Sequence[Heard]) -> Heard:
    """All of them in one."""
    return Heard(
        [one for some in parts for one in some.stretches],
        np.vstack([some.features for some in parts]),
        [one for some in parts for one in some.around],
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Opinions that count alike. ``neutral``: they teach what neutral is; sets differ in that."""

    heard: Heard
    weight: float
    neutral: bool


def general(weights: Weights) -> Ears:
    """Ears for stretches of no pack."""
    return Ears(weights, Lexicon(shipped.load()), PolarityModel(weights, ()))


def of_helper(sets: Sets, name: str) -> list[Stretch]:
    """Opinions of one of ``HELPERS``: every second restaurant opinion, all of the small sets."""
    return list(_restaurants(sets) if name == RESTAURANTS else _terms(sets, name))


def _restaurants(sets: Sets) -> Iterator[Stretch]:
    for row in sets.train(RESTAURANTS):
        tokens = [fold(token).text for token in row["tok"]]
        ends = np.concatenate([[0], np.cumsum([len(token) for token in tokens])]).tolist()
        text = "".join(tokens)
        clauses = split(text)
        for *places, sign in row["q"][::2]:
            if min(places) >= 0:
                start, end = ends[min(places)], ends[min(max(places) + 1, len(tokens))]
                yield Stretch(text, *widened(clauses, start, end), int(sign))


def _terms(sets: Sets, name: str) -> Iterator[Stretch]:
    for row in sets.train(name):
        before, mark, after = row["t"].partition("$T$")
        if mark:
            start, term = len(fold(before).text), fold(row["term"]).text
            text = fold(before).text + term + fold(after).text
            low, high = widened(split(text), start, start + len(term))
            yield Stretch(text, low, high, {"Positive": 1, "Negative": -1}.get(row["y"], 0))


def of_samples(frame: Frame, lexicon: Lexicon, head_of: Sequence[int | None]) -> list[Stretch]:
    """A pack's own test sentences: the first clause that names the topic or one below it; of the whole, that speaks."""
    found: list[Stretch] = []
    for number, node in enumerate(frame.nodes):
        for sample in node.samples:
            sight = lexicon.look(fold(sample.text).text)
            below = [hit for hit in sight.hits if f"{frame.nodes[hit.owner].id}.".startswith(f"{node.id}.")]
            places: list[tuple[int, int | None]] = [(hit.clause, hit.owner) for hit in below[:1]]
            if not below and node.overall:
                places = [(one.clause, None) for one in sight.said.opinions[:1]]
            for at, owner in places if sample.expects in _SIGN else ():
                clause = sight.clauses[at]
                found.append(
                    Stretch(sight.text, clause.start, clause.end, _SIGN[sample.expects], head_of[number], owner)
                )
    return found


def widened(clauses: Sequence[Clause], start: int, end: int) -> tuple[int, int]:
    """The span out to the ends of the clauses that it touches."""
    touched = [clause for clause in clauses if clause.start < end and clause.end > start]
    return min([start, *(one.start for one in touched)]), max([end, *(one.end for one in touched)])


def _grams(text: str) -> set[str]:
    size = len(text)
    return {text[at : at + length] for length in range(1, _LONGEST + 1) for at in range(size - length + 1)}


def vocabulary(texts: Sequence[str], least: int) -> dict[str, int]:
    """Grams that ``least`` texts hold → column, in order."""
    seen = Counter(gram for text in texts for gram in _grams(text))
    return {gram: place for place, gram in enumerate(sorted(gram for gram, n in seen.items() if n >= least))}


def matrix(stretches: Sequence[str], columns: dict[str, int], *, rooted: bool = True) -> csr_matrix:
    """Grams of each stretch, over the root of its length where ``rooted``."""
    rows = [sorted(columns[gram] for gram in _grams(text) if gram in columns) for text in stretches]
    indices = np.array([place for row in rows for place in row], dtype=np.int32)
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    counted = csr_matrix((np.ones(len(indices)), indices, ends), shape=(len(stretches), len(columns)))
    return (diags(np.array([root(len(text)) for text in stretches])) @ counted).tocsr() if rooted else counted


def regress(rows: csr_matrix, truth: Array, strength: float, weights: Array | None = None) -> tuple[Array, float]:
    """Coefficients and intercept; a class that is not there at all gets a plain no."""
    if truth.sum() < 2 or truth.all():
        return np.zeros(rows.shape[1]), -6.0
    model = LogisticRegression(C=strength, solver="liblinear", max_iter=300, random_state=0)
    model.fit(rows, truth, sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])


def best(worth: Array, most: int) -> Array:
    """Places of the ``most`` largest values above zero, ascending."""
    order = np.argsort(-np.round(worth, 9), kind="stable")[:most]
    return np.sort(order[worth[order] > 0])


@dataclass(frozen=True, slots=True)
class _Opinions:
    """Gold stretches as rows: grams, ``FEATURES`` and head, with signs and weights."""

    grams: csr_matrix
    others: csr_matrix
    sign: Array
    weight: Array
    neutral: bool


def _opinions(group: Group, columns: dict[str, int], *, heads: int, share: float) -> _Opinions:
    stretches, features = group.heard.stretches, group.heard.features
    grams = matrix([one.text[one.start : one.end] for one in stretches], columns)
    if share:
        spans = [
            [(one.start, one.end), *((clause.start, clause.end) for clause in beside)]
            for one, beside in zip(stretches, group.heard.around, strict=True)
        ]
        lengths = np.array([sum(end - start for start, end in some) for some in spans])
        grams = (grams + share * _together([one.text for one in stretches], spans, lengths, columns)).tocsr()
        features = features.copy()
        features[:, _DOCUMENT] *= lengths / np.array([len(one.text) for one in stretches])
    about = np.zeros((len(stretches), heads))
    for place, one in enumerate(stretches):
        if one.head is not None:
            about[place, one.head] = 1
    others = csr_matrix(np.hstack([features, about]))
    sign = np.array([one.sign for one in stretches])
    return _Opinions(grams, others, sign, np.full(len(stretches), group.weight), group.neutral)


def _together(
    texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], lengths: Array, columns: dict[str, int]
) -> csr_matrix:
    """Grams of all spans of a text, counted once in each, over the root of their length together."""
    parts = [text[start:end] for text, some in zip(texts, spans, strict=True) for start, end in some]
    ends = np.concatenate([[0], np.cumsum([len(some) for some in spans])])
    sums = csr_matrix((np.ones(len(parts)), np.arange(len(parts)), ends), shape=(len(texts), len(parts)))
    roots = diags(np.array([root(length) for length in lengths]))
    return (roots @ sums @ matrix(parts, columns, rooted=False)).tocsr()


def _polarity(given: Sequence[_Opinions], recipe: Recipe, heads: int) -> dict[str, tuple[Array, Any]]:
    """For each of the two columns the weights of the grams and the rest for ``extra``. The neutral one is learned from
    the groups that may teach it."""
    found = {}
    for name in (NEGATIVE, NEUTRAL):
        groups = [one for one in given if name == NEGATIVE or one.neutral]
        chosen = [one.sign != 0 if name == NEGATIVE else np.ones(len(one.sign), dtype=bool) for one in groups]
        rows = vstack([hstack([one.grams[rows], one.others[rows]]) for one, rows in zip(groups, chosen, strict=True)])
        sign = np.concatenate([one.sign[rows] for one, rows in zip(groups, chosen, strict=True)])
        weight = np.concatenate([one.weight[rows] for one, rows in zip(groups, chosen, strict=True)])
        truth = sign < 0 if name == NEGATIVE else sign == 0
        measured = np.arange(len(truth)) < chosen[0].sum()
        found[name] = _kept(rows.tocsr(), truth, weight, measured, recipe=recipe, heads=heads)
    return found


def _tempered(rows: csr_matrix, truth: Array, weight: Array, measured: Array, strength: float) -> tuple[float, float]:
    """Slope and offset that make the log-odds of the ``measured`` rows honest where they were not trained on: folds
    of neighbouring rows, all other rows always train."""
    last = int(measured.sum())
    part = np.where(measured, np.arange(len(truth)) * _PARTS // max(1, last), -1)
    scores = np.zeros(len(truth))
    for number in range(_PARTS):
        held = part == number
        if not held.any():
            return 1.0, 0.0
        model, bias = regress(rows[~held], truth[~held], strength, weight[~held])
        scores[held] = rows[held] @ model + bias
    slope, offset = regress(csr_matrix(scores[measured][:, None]), truth[measured], 100.0)
    return (float(slope[0]), offset) if slope[0] > 0 else (1.0, 0.0)


def _kept(
    rows: csr_matrix, truth: Array, weight: Array, measured: Array, *, recipe: Recipe, heads: int
) -> tuple[Array, dict[str, Any]]:
    """Fit, keep the grams that move most, fit again, and make it honest."""
    grams = rows.shape[1] - len(FEATURES) - heads
    first, _ = regress(rows, truth, recipe.strength, weight)
    often = np.asarray(abs(rows[:, :grams]).sum(0)).ravel()
    kept = best(first[:grams] ** 2 * often, recipe.grams)
    columns = np.concatenate([kept, np.arange(grams, rows.shape[1])])
    second, bias = regress(rows[:, columns], truth, recipe.strength, weight)
    slope, offset = _tempered(rows[:, columns], truth, weight, measured, recipe.strength)
    second, bias = slope * second, slope * bias + offset
    weights = np.zeros(grams)
    weights[kept] = second[: len(kept)]
    rest = second[len(kept) :]
    return weights, {
        "bias": round(bias, 4),
        "features": rounded(rest[: len(FEATURES)]),
        "heads": rounded(rest[len(FEATURES) :]),
    }


def rounded(values: Array) -> list[float]:
    return [round(float(value), 4) for value in values]


def add_columns(table: Rows, groups: Sequence[Group], recipe: Recipe, *, heads: int, first: int) -> dict[str, Any]:
    """Put both columns into ``table``, from number ``first`` on; what serving needs besides, for ``extra``."""
    spoken = [one.text[one.start : one.end] for group in groups for one in group.heard.stretches]
    columns = vocabulary(spoken, _LEAST)
    given = [_opinions(group, columns, heads=heads, share=recipe.whole) for group in groups]
    names = list(columns)
    extra: dict[str, Any] = {"whole_polarity": recipe.whole}
    for number, (name, (weights, rest)) in enumerate(_polarity(given, recipe, heads).items(), first):
        extra[name.removeprefix("~")] = rest
        for place in np.flatnonzero(weights):
            table.setdefault(names[place], {})[number] = float(weights[place])
    extra["neutral"]["bias"] = round(extra["neutral"]["bias"] - recipe.rarer, 4)
    return extra
