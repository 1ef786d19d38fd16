"""Train the trees that read reviews which turn (``chalicelib.understanding.turns``).

They learn from train rows with a turn: what the first stage says of each clause comes from models that had not seen the
row, what the topic table says from the build's own table, which learned from other sets. Their scores are calibrated on
rows that they had not seen, pack by pack, and brought to the scale of the second stage, so that serving calibrates both
with one curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from chalicelib.understanding import turns
from chalicelib.understanding.clauses import split
from chalicelib.understanding.lanes import GENERAL
from chalicelib.understanding.polarity import FEATURES, PolarityModel
from chalicelib.understanding.sentiment import Feelings
from chalicelib.understanding.weights import Weights
from infra.model import calibrate
from infra.model.polarity import RECIPE, Corpus, Unseen
from infra.model.polarity import Recipe as Documents

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the trees are grown with, chosen by cross-validation on train rows. Five hundred trees of several seeds read
    reviews that turn no better than these, trees that may only rise with a feature worse."""

    rounds: int = 80
    rate: float = 0.15
    leaves: int = 8
    strength: float = 10.0  # L2
    least: int = 30  # rows of a leaf
    share: float = 0.3  # of the features, tried at each split
    bins: int = 63
    folds: int = 5


TREES: Final = Recipe()
DIGITS: Final = 4  # of what trees learn from: no split hangs on the last bits of a sum
_STEPS: Final = 10**DIGITS


@dataclass(frozen=True, slots=True)
class _Rows:
    """Reviews that turn, as the trees take them; ``pack`` is a place in the packs."""

    values: Array
    good: Array
    pack: Array


def train(
    corpus: Corpus, unseen: Unseen, weights: Weights, documents: Documents = RECIPE, recipe: Recipe = TREES
) -> dict[str, Any] | None:
    """What ``turns.json`` holds; None when no set of whole reviews of a pack trained. ``weights``: of this build, with
    the topic tables; ``unseen``: what models that had not seen a text say of it."""
    packs = sorted({domain.pack for domain in documents.domains if domain.pack is not None})
    rows = _rows(corpus, unseen, weights, packs, documents)
    if rows is None:
        return None
    model = _grown(rows.values, rows.good, recipe)
    score = _unseen(rows, recipe)
    known = weights.columns[GENERAL].extra["packs"]
    curves = {}
    for place, pack in enumerate(packs):
        mine = rows.pack == place
        if mine.any():
            curves[pack] = _scaled(calibrate.curve(score[mine], rows.good[mine]), known.get(pack, known[""])["curve"])
    trees = _trees(model)
    first = rows.values[:1]
    bias = model.decision_function(first)[0] - turns.walk(trees, first[0].tolist())
    content = {"packs": packs, "bias": round(float(bias), 5), "curve": curves, "trees": trees}
    return {**content, "features": turns.names(FEATURES)}


def _rows(corpus: Corpus, unseen: Unseen, weights: Weights, packs: Sequence[str], documents: Documents) -> _Rows | None:
    models = {pack: PolarityModel(weights, [pack]) for pack in packs}
    feelings = Feelings()
    found: list[tuple[list[float], float, int]] = []
    for number, text in enumerate(corpus.texts):
        pack = documents.domains[corpus.domain[number]].pack
        clauses = split(text)
        if pack is None or not clauses:
            continue
        model, scan = models[pack], weights.scan(text)
        opinions, _ = feelings.find(text, clauses)
        heard = model.heard(scan, clauses, opinions)
        heard.scores = unseen.scores[number]
        at = turns.turn(text, heard.clauses)
        if at is None:
            continue
        plain = unseen.features[number].tolist()
        row = turns.row(model.second(plain), plain, turns.features(heard, at), packs.index(pack))
        found.append((row, corpus.good[number], packs.index(pack)))
    if not found:
        return None
    values, good, pack_of = zip(*found, strict=True)
    return _Rows(np.round(np.array(values), DIGITS), np.array(good), np.array(pack_of))


def _grown(values: Array, good: Array, recipe: Recipe) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=recipe.rounds,
        learning_rate=recipe.rate,
        max_leaf_nodes=recipe.leaves,
        l2_regularization=recipe.strength,
        min_samples_leaf=recipe.least,
        max_features=recipe.share,
        max_bins=recipe.bins,
        random_state=0,
        early_stopping=False,
    ).fit(values, good > 0.5)


def _unseen(rows: _Rows, recipe: Recipe) -> Array:
    """Scores of the rows by trees that had not seen them."""
    fold = np.random.RandomState(11).permutation(len(rows.good)) % recipe.folds
    score = np.zeros(len(rows.good))
    for number in range(recipe.folds):
        held = fold == number
        score[held] = _grown(rows.values[~held], rows.good[~held], recipe).decision_function(rows.values[held])
    return score


def _scaled(curve: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> list[list[float]]:
    """Knots (score, value) such that ``other`` makes of the value what ``curve`` makes of the score."""
    values, calibrated = (np.array(side) for side in zip(*other, strict=True))
    rising = calibrated + 1e-9 * np.arange(len(calibrated))  # equal ones can be told apart
    return [[score, round(float(np.interp(log_odds, rising, values)), 4)] for score, log_odds in curve]


def _trees(model: HistGradientBoostingClassifier) -> list[Any]:
    """Nested lists, see ``chalicelib.understanding.turns``. There is no public way to the trees.

    A split stands half a step above what was learned, so that a value goes the way that it goes when it is rounded."""
    return [_node(grown.nodes, 0) for (grown,) in model._predictors]


def _node(nodes: Array, place: int) -> Any:
    one = nodes[place]
    if one["is_leaf"]:
        return round(float(one["value"]), 5)
    low, high = (_node(nodes, int(one[side])) for side in ("left", "right"))
    split_at = (math.floor(float(one["num_threshold"]) * _STEPS + 1e-6) + 0.5) / _STEPS
    return [int(one["feature_idx"]), round(split_at, DIGITS + 1), low, high]
