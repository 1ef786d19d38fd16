"""Train the topics of clauses: sets → one table per pack, and a general one with the polarity of clauses alone.

A head is learned from clauses: where a set says which words carry the topic, their clause is the example; where it only
labels the text, the clauses in which the lexicon hits the topic are, else all of the text's. A text has a head when its
best clause does, so thresholds and calibration come from texts that the fold's model had not seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, hstack

from chalicelib.domain.text.folding import fold
from chalicelib.understanding.clauses import Clause
from chalicelib.understanding.frame import Frame
from chalicelib.understanding.lanes import TABLE
from chalicelib.understanding.polarity import PolarityModel
from chalicelib.understanding.reader import Lexicon
from chalicelib.understanding.scripts import letters, mostly_han
from chalicelib.understanding.topics import NEGATIVE, NEUTRAL, WHOLE, strongest_other, subjects
from chalicelib.understanding.weights import Weights
from infra.model import labels as label_files
from infra.model import opinions, packs
from infra.model.artefact import Parts, TablePart
from infra.model.labels import Labels
from infra.model.opinions import Ears, Group, Heard, Rows, Stretch, best, matrix, regress, rounded, vocabulary, widened
from infra.model.sets import Sets

Array = np.ndarray[Any, np.dtype[Any]]
_FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Rivals:
    """How the columns of whole texts are made, which speak beside the best clause where heads are rivals."""

    strength: float = 0.3  # of the regressions
    grams: int = 4_000  # kept for each head
    samples: float = 10.0  # weight of a test sentence of the pack


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one pack's table is made. Chosen by five-fold cross-validation on train rows."""

    set: str
    strength: float = 0.5  # of the regressions
    least: int = 2  # texts that must hold a gram
    whole: float = 0.3  # weight of the whole text's grams
    hit: float = 1.5  # weight of a lexicon feature
    grams: int = 1_000  # kept for each head
    rooted: bool = True  # grams over the root of the stretch's length
    examples: int = 60  # texts that a head needs; rarer ones stay with the lexicon
    samples: float = 3.0  # weight of a test sentence of the pack
    plain: float = 2.0  # log-odds below the threshold down to which words with a polarity of their own name their head
    lends: bool = True  # its opinions also teach the general table
    kin: str | None = None  # a helping set of the same trade, which teaches what neutral is, too
    rivals: Rivals | None = None  # how the heads of a text are weighed against each other; None: each for itself
    polarity: opinions.Recipe = field(default_factory=opinions.Recipe)


RECIPES: Final = (
    Recipe("zhijiang"),
    Recipe(
        "bdci_car",
        strength=0.1,
        whole=0.5,
        hit=1.0,
        grams=8_000,
        rooted=False,
        samples=3.5,
        lends=False,  # forum posts: two of three are neutral
        rivals=Rivals(),  # a post is about one thing, seldom two
        kin="absa_car",
        polarity=opinions.Recipe(own=1.0, whole=1.0, strength=0.05, grams=5_000, samples=8.0, rarer=0.4),
    ),
)


@dataclass(frozen=True, slots=True)
class Voice:
    """A labelled text as the trainer sees it. ``named``: heads that the lexicon hits, by clause; ``truth``: head →
    polarities; ``said``: head → clause numbers in which the set says that it stands; ``opinions``: gold stretches."""

    text: str
    clauses: Sequence[Clause]
    named: Sequence[frozenset[int]]
    truth: dict[int, set[int]]
    said: dict[int, set[int]]
    opinions: Sequence[Stretch]
    doubtful: frozenset[int] = frozenset()  # heads of which nobody knows whether the text has them
    sample: bool = False  # a test sentence of the pack


def train(sets: Sets, weights: Weights) -> Parts:
    """Tables of every pack whose set may train, and the general one. ``weights``: the document columns."""
    helpers = _helpers(sets, weights)
    everything = [*helpers.values()]
    tables = []
    for recipe in RECIPES:
        words = _often(label_files.load(recipe.set), sets.train(recipe.set), recipe.examples)
        frame = packs.read(packs.SOURCES / f"{words.pack}.yaml")
        lexicon = Lexicon(frame)
        nodes = [node.id for node in frame.nodes]
        voices = [_voice(row, words, nodes, lexicon) for row in sets.train(recipe.set)]
        if not voices:
            continue
        governed, heads = words.governed(nodes), list(words.heads.values())
        head_of = [heads.index(governed[node]) if node in governed else None for node in nodes]
        ears = Ears(weights, lexicon, PolarityModel(weights, frame.packs), head_of, subjects(frame, head_of))
        own = ears.hear([one for voice in voices for one in voice.opinions])
        mine = ears.hear(opinions.of_samples(frame, lexicon, head_of))
        sentences = _sentences(frame, lexicon, head_of, len(heads))
        groups = [
            Group(own, recipe.polarity.own, neutral=True),
            Group(mine, recipe.polarity.samples, neutral=True),
            *_helping(helpers, recipe),
        ]
        tables.append(_table(recipe, words, voices, sentences, groups))
        everything += [own] if recipe.lends else []
    if everything:
        tables.append(_general(everything, [_samples(name, weights) for name in packs.sources()]))
    return Parts(tables=tables)


def _helpers(sets: Sets, weights: Weights) -> dict[str, Heard]:
    """The helping sets that may train, by name."""
    found = {name: opinions.of_helper(sets, name) for name in opinions.HELPERS}
    return {name: opinions.general(weights).hear(stretches) for name, stretches in found.items() if stretches}


def _helping(helpers: dict[str, Heard], recipe: Recipe) -> list[Group]:
    """The helping sets as groups: the one of the same trade apart from the others."""
    kin, others = helpers.get(recipe.kin or ""), [heard for name, heard in helpers.items() if name != recipe.kin]
    return [
        *([Group(kin, opinions.HELP, neutral=True)] if kin else []),
        *([Group(opinions.together(others), opinions.HELP, neutral=False)] if others else []),
    ]


def _samples(pack: str, weights: Weights) -> Heard:
    """The test sentences of a pack, heard without heads."""
    frame = packs.read(packs.SOURCES / f"{pack}.yaml")
    lexicon = Lexicon(frame)
    nobody = [None] * len(frame.nodes)
    return Ears(weights, lexicon, PolarityModel(weights, frame.packs), nobody, subjects(frame, nobody)).hear(
        opinions.of_samples(frame, lexicon, nobody)
    )


def _often(words: Labels, rows: Sequence[dict[str, Any]], least: int) -> Labels:
    """The label file with only those heads that ``least`` texts have."""
    seen = Counter(label for row in rows for label in {label for label, _ in row["labels"]})
    heads = {label: head for label, head in words.heads.items() if seen[label] >= least}
    return replace(
        words, heads=heads, nodes={node: label if label in heads else None for node, label in words.nodes.items()}
    )


# --- reading the sets -----------------------------------------------------------------------------------------------


def _voice(row: dict[str, Any], words: Labels, nodes: Sequence[str], lexicon: Lexicon) -> Voice:
    text = fold(row["t"]).text
    sight = lexicon.look(text)
    heads = list(words.heads.values())
    governed = words.governed(nodes)
    named: list[set[int]] = [set() for _ in sight.clauses]
    for hit in sight.hits:
        if (head := governed.get(nodes[hit.owner])) is not None:
            named[hit.clause].add(heads.index(head))
    truth: dict[int, set[int]] = {}
    for label, sign in (pair for pair in row["labels"] if pair[0] in words.heads):
        truth.setdefault(heads.index(words.heads[label]), set()).add(int(sign))
    opinions = list(_spoken(row, text, sight.clauses, words, heads) if "q" in row else ())
    said: dict[int, set[int]] = {}
    for one in opinions:
        inside = {n for n, clause in enumerate(sight.clauses) if clause.start < one.end and clause.end > one.start}
        if one.head is not None:
            said.setdefault(one.head, set()).update(inside)
    if "q" not in row:
        opinions = list(_guessed(text, sight.clauses, named, truth))
    return Voice(text, sight.clauses, [frozenset(one) for one in named], truth, said, opinions)


def _spoken(
    row: dict[str, Any], text: str, clauses: Sequence[Clause], words: Labels, heads: Sequence[str]
) -> Iterator[Stretch]:
    """The stretch around each gold opinion that has a place; one said twice takes its next place."""
    used: set[tuple[int, str]] = set()
    for *said, label, sign in row["q"]:
        aspect, opinion = (fold(words_).text for words_ in said)
        at = text.find(aspect) if aspect != "_" else -1
        places = [place for place in range(len(text)) if opinion != "_" and text.startswith(opinion, place)]
        free = [place for place in places if (place, opinion) not in used] or places
        spans = [(at, at + len(aspect))] if at >= 0 else []
        if free:
            place = min(free, key=lambda one: abs(one - at) if at >= 0 else one)
            used.add((place, opinion))
            spans.append((place, place + len(opinion)))
        if spans:
            low, high = min(start for start, _ in spans), max(end for _, end in spans)
            head = heads.index(words.heads[label]) if label in words.heads else None
            yield Stretch(text, *widened(clauses, low, high), int(sign), head)


def _guessed(
    text: str, clauses: Sequence[Clause], named: Sequence[set[int]], truth: dict[int, set[int]]
) -> Iterator[Stretch]:
    """For sets that label texts only: the first clause that names the topic, else the whole text."""
    for head, signs in truth.items():
        clause = next((one for one, here in zip(clauses, named, strict=True) if head in here), None)
        start, end = (clause.start, clause.end) if clause else (0, len(text))
        for sign in sorted(signs):
            yield Stretch(text, start, end, sign, head)


def _sentences(frame: Frame, lexicon: Lexicon, head_of: Sequence[int | None], heads: int) -> list[Voice]:
    """A pack's own Chinese test sentences as voices. One at or below a head has the head, a near miss of the head
    itself has it not; of all other heads nobody knows."""
    found = []
    places = {node.id: place for place, node in enumerate(frame.nodes)}
    for node, head in zip(frame.nodes, head_of, strict=True):
        if head is None:
            continue
        itself = node.parent is None or head_of[places[node.parent]] != head
        for sample in node.samples:
            sight = lexicon.look(fold(sample.text).text)
            if not mostly_han(letters(sight.text)) or (sample.expects == "none" and not itself):
                continue
            named: list[set[int]] = [set() for _ in sight.clauses]
            for hit in sight.hits:
                if (place := head_of[hit.owner]) is not None:
                    named[hit.clause].add(place)
            truth = {} if sample.expects == "none" else {head: {0}}
            others = frozenset(range(heads)) - {head}
            found.append(Voice(sight.text, sight.clauses, [*map(frozenset, named)], truth, {}, (), others, sample=True))
    return found


# --- topics ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Examples:
    """The clauses of a set, or its whole texts, as rows: grams, lexicon features, the text of each, and per head 1 yes,
    0 no, -1 unsure."""

    grams: csr_matrix
    lexicon: csr_matrix
    owner: Array
    truth: Array
    weight: Array

    def rows(self) -> csr_matrix:
        """Grams, then lexicon features."""
        return hstack([self.grams, self.lexicon]).tocsr()

    def best(self, score: Array) -> Array:
        """Per text the best of its rows; every text has one."""
        starts = np.concatenate([[0], np.flatnonzero(np.diff(self.owner)) + 1])
        return np.maximum.reduceat(score, starts, axis=0)


def clauses_of(voices: Sequence[Voice], heads: int, columns: dict[str, int], recipe: Recipe) -> _Examples:
    owner = np.array([number for number, voice in enumerate(voices) for _ in voice.clauses])
    stretches = [voice.text[one.start : one.end] for voice in voices for one in voice.clauses]
    whole = matrix([voice.text for voice in voices], columns, rooted=recipe.rooted)
    grams = (matrix(stretches, columns, rooted=recipe.rooted) + recipe.whole * whole[owner]).tocsr()
    lexicon = np.zeros((len(owner), 2 * heads + 2))
    truth = np.zeros((len(owner), heads), dtype=np.int8)
    at = 0
    for voice in voices:
        everywhere = frozenset().union(*voice.named)
        for number, here in enumerate(voice.named):
            lexicon[at, sorted(here)] = 1
            lexicon[at, [heads + place for place in sorted(everywhere - here)]] = 1
            lexicon[at, 2 * heads] = not here
            lexicon[at, 2 * heads + 1] = len(voice.clauses) == 1
            truth[at, sorted(voice.doubtful)] = -1
            for head in voice.truth:
                truth[at, head] = _example(voice, number, head)
            at += 1
    weight = np.array([recipe.samples if voice.sample else 1.0 for voice in voices])[owner]
    return _Examples(grams, csr_matrix(recipe.hit * lexicon), owner, truth, weight)


def _example(voice: Voice, number: int, head: int) -> int:
    """Whether clause ``number`` is an example of a head of its text: 1, 0, or -1 for nobody knows."""
    if head in voice.said:
        return int(number in voice.said[head])
    if head in voice.named[number]:
        return 1
    return -1 if any(head in here for here in voice.named) else 1


def _fit(clauses: _Examples, chosen: Array, recipe: Recipe | Rivals) -> tuple[Array, Array]:
    """Fit each head on the ``chosen`` rows, keep the grams that move it most, fit again. Weights of grams (mostly
    zero) and lexicon features, and biases; rows of which nobody knows are left out."""
    size, heads = clauses.grams.shape[1], clauses.truth.shape[1]
    rows = clauses.rows()[chosen]
    often = np.asarray(rows[:, :size].sum(0)).ravel()
    weights, bias = np.zeros((heads, rows.shape[1])), np.zeros(heads)
    for head in range(heads):
        truth = clauses.truth[chosen, head]
        known, yes = rows[truth >= 0], truth[truth >= 0] == 1
        weight = clauses.weight[chosen][truth >= 0]
        first, _ = regress(known, yes, recipe.strength, weight)
        kept = np.concatenate([best(first[:size] ** 2 * often, recipe.grams), np.arange(size, rows.shape[1])])
        weights[head, kept], bias[head] = regress(known[:, kept], yes, recipe.strength, weight)
    return weights, bias


def folds(size: int) -> Array:
    """The fold of each text; the same on every run."""
    return np.random.RandomState(7).permutation(size) % _FOLDS


def unseen(clauses: _Examples, recipe: Recipe | Rivals) -> Array:
    """Scores per text and head, of its best row, by models that had not seen the text."""
    rows = clauses.rows()
    fold_of = folds(int(clauses.owner[-1]) + 1)[clauses.owner]
    scores = np.zeros(clauses.truth.shape)
    for number in range(_FOLDS):
        held = fold_of == number
        weights, bias = _fit(clauses, ~held, recipe)
        scores[held] = rows[held] @ weights.T + bias
    return clauses.best(scores)


def _texts_of(voices: Sequence[Voice], heads: int, columns: dict[str, int], recipe: Rivals) -> _Examples:
    """Whole texts as rows: their grams alone."""
    truth = np.zeros((len(voices), heads), dtype=np.int8)
    for at, voice in enumerate(voices):
        truth[at, sorted(voice.doubtful)] = -1
        truth[at, sorted(voice.truth)] = 1
    weight = np.array([recipe.samples if voice.sample else 1.0 for voice in voices])
    grams = matrix([voice.text for voice in voices], columns)
    return _Examples(grams, csr_matrix((len(voices), 0)), np.arange(len(voices)), truth, weight)


def _contest(score: Array, truth: Array) -> list[list[float]]:
    """Per head what its score counts for, what its lead over the strongest other head counts for, and a bias."""
    leads = _leads(score)
    found = []
    for head in range(truth.shape[1]):
        rows = csr_matrix(np.column_stack([score[:, head], leads[:, head]]))
        (own, lead), bias = regress(rows, truth[:, head], 1.0)
        found.append([own, lead, bias])
    return found


def _leads(score: Array) -> Array:
    others: Array = np.array([strongest_other(row) for row in score.tolist()])
    return np.subtract(score, others)


def _contested(score: Array, contest: Sequence[Sequence[float]]) -> Array:
    own, lead, bias = np.array(contest).T
    found: Array = own * score + lead * _leads(score) + bias
    return found


def _unseen_contest(score: Array, truth: Array) -> Array:
    """Log-odds per text and head after a contest that had not seen the text."""
    fold_of = folds(len(score))
    found = np.zeros(score.shape)
    for number in range(_FOLDS):
        held = fold_of == number
        found[held] = _contested(score[held], _contest(score[~held], truth[~held]))
    return found


def thresholds(score: Array, truth: Array) -> Array:
    """Per head between the threshold that is best for all heads together and its own best one; the fewer examples a
    head has, the closer to the common one."""
    grid = np.linspace(-2.5, 1.5, 81)
    common = max(grid, key=lambda one: _f1(score >= one, truth))
    found = np.full(truth.shape[1], common)
    for head in range(truth.shape[1]):
        own = max(grid, key=lambda one: (_f1(score[:, [head]] >= one, truth[:, [head]]), -abs(one - common)))
        trust = truth[:, head].sum() / (truth[:, head].sum() + _TRUST)
        found[head] = common + trust * (own - common)
    return found


_TRUST: Final = 100.0  # examples at which a head's own threshold counts half


def _f1(found: Array, truth: Array) -> float:
    """Micro-F1."""
    return float(2 * (found & truth).sum() / max(1, found.sum() + truth.sum()))


def _curve(score: Array, truth: Array) -> list[float]:
    """Slope and offset of the confidence of what stands above its threshold (Platt 1999)."""
    above = score >= 0
    slope, offset = regress(csr_matrix(np.minimum(score[above], 8.0)[:, None]), truth[above], 10.0)
    return [round(float(slope[0]), 4), round(offset, 4)]


# --- tables ---------------------------------------------------------------------------------------------------------


def _table(
    recipe: Recipe, words: Labels, voices: Sequence[Voice], sentences: Sequence[Voice], groups: Sequence[Group]
) -> TablePart:
    heads = list(words.heads.values())
    everyone = [*voices, *sentences]
    columns = vocabulary([voice.text for voice in everyone], recipe.least)
    truth = np.array([[head in voice.truth for head in range(len(heads))] for voice in voices])
    table: Rows = {}
    clauses = clauses_of(everyone, len(heads), columns, recipe)
    score, bias, extra = unseen(clauses, recipe)[: len(voices)], *_heads(table, list(columns), clauses, recipe)
    named = list(heads)
    if recipe.rivals is None or len(heads) == 1:
        limits = thresholds(score, truth)
        extra["bias"] = rounded(bias - limits)
    else:
        texts = _texts_of(everyone, len(heads), columns, recipe.rivals)
        whole, whole_bias = _fit(texts, _all(texts), recipe.rivals)
        _put(table, list(columns), whole, len(heads))
        named += [WHOLE + head for head in heads]
        together = score + unseen(texts, recipe.rivals)[: len(voices)]
        score = _unseen_contest(together, truth)
        limits = thresholds(score, truth)
        contest = [
            rounded(np.array([own, lead, offset - limit]))
            for (own, lead, offset), limit in zip(_contest(together, truth), limits, strict=True)
        ]
        extra |= {"bias": rounded(bias), "texts": rounded(whole_bias), "contest": contest}
    extra |= {
        "governs": {node: words.heads.get(label or "") for node, label in words.nodes.items()},
        "whole": recipe.whole,
        "rooted": recipe.rooted,
        "curve": _curve((score - limits).ravel(), truth.ravel()),
        "plain": recipe.plain,
        **opinions.add_columns(table, groups, recipe.polarity, heads=len(heads), first=len(named)),
    }
    return TablePart(f"{TABLE}/{words.pack}", [*named, NEGATIVE, NEUTRAL], table, extra)


def _heads(table: Rows, names: Sequence[str], clauses: _Examples, recipe: Recipe) -> tuple[Array, dict[str, Any]]:
    """Put the heads' columns into ``table``; their biases, and what the lexicon's features weigh, for ``extra``."""
    weights, bias = _fit(clauses, _all(clauses), recipe)
    heads = len(bias)
    _put(table, names, weights[:, : len(names)], 0)
    by_lexicon = [rounded(row) for row in weights[:, len(names) :].T * recipe.hit]
    return bias, {
        "here": by_lexicon[:heads],
        "elsewhere": by_lexicon[heads : 2 * heads],
        "nothing": by_lexicon[2 * heads],
        "single": by_lexicon[2 * heads + 1],
    }


def _put(table: Rows, names: Sequence[str], weights: Array, first: int) -> None:
    """Weights per head and gram as columns of ``table`` from number ``first`` on."""
    for head, column in zip(*np.nonzero(weights), strict=True):
        table.setdefault(names[column], {})[first + int(head)] = float(weights[head, column])


def _all(examples: _Examples) -> Array:
    return np.ones(len(examples.owner), dtype=bool)


def _general(heard: Sequence[Heard], sampled: Sequence[Heard]) -> TablePart:
    """For packs without heads: the polarity of clauses alone."""
    table: Rows = {}
    recipe = opinions.Recipe(own=1.0)
    groups = [
        Group(opinions.together([one.headless() for one in some]), weight, neutral=True)
        for some, weight in ((heard, recipe.own), (sampled, recipe.samples))
    ]
    extra: dict[str, Any] = {
        "governs": {},
        "rooted": True,
        "plain": 0.0,
        "curve": [1.0, 0.0],
        **opinions.add_columns(table, groups, recipe, heads=0, first=0),
    }
    return TablePart(TABLE, [NEGATIVE, NEUTRAL], table, extra)
