"""Train the document polarity: sets → columns of grams, the second stage and the calibration.

One logistic regression over all sets. Every gram has a general weight and, for each domain, one of its own on top,
fitted jointly (Daumé 2007, "Frustratingly easy domain adaptation"); both are scaled beforehand by how differently good
and bad texts use the gram (Wang and Manning 2012, the naive Bayes log-count ratio). Then the grams that move no scores
are dropped and the rest is fitted again. What the second stage and the calibration learn from are scores of texts that
the first stage had not seen.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, diags, hstack

from chalicelib.domain.text.folding import fold
from chalicelib.understanding import weights as shipped
from chalicelib.understanding.clauses import split
from chalicelib.understanding.grams import LONGEST, SMOOTH
from chalicelib.understanding.lanes import GENERAL
from chalicelib.understanding.polarity import FEATURES, PolarityModel
from chalicelib.understanding.sentiment import Feelings
from infra.model import artefact, calibrate, linear
from infra.model.artefact import ColumnPart, Parts
from infra.model.counts import Counts, count
from infra.model.sets import Sets

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Domain:
    """``own``: how far a pack may differ from the general weights; ``pack`` None: it only helps the general ones."""

    name: str
    pack: str | None
    own: float
    weight: float = 1.0  # of each of its texts


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a build is made with. ``strength`` and every ``own`` of a pack were chosen by three-fold cross-validation on
    train rows; the weight of the helping sets and the numbers of grams are by hand, for load time and size."""

    least: tuple[int, ...] = (3, 3, 4, 5)  # texts that must hold a gram of 1, 2, 3, 4 characters
    strength: float = 5.0
    general_grams: int = 60_000
    own_grams: int = 20_000
    first_steps: int = 50
    second_steps: int = 80
    folds: int = 3
    domains: tuple[Domain, ...] = (
        Domain("waimai", "catering", 1.0),
        Domain("hotel", "hotel", 2.0),
        Domain("shop", "ecommerce", 0.5),
        Domain("zhang_rest_triplets", None, 1.0, 0.3),
        Domain("absa", None, 1.0, 0.3),
    )


RECIPE: Final = Recipe()
_SECOND_STRENGTH: Final = 0.05
_SHORTEST: Final = 1  # per cent of a pack's texts are so short that they say nothing of texts of that length


@dataclass(frozen=True, slots=True)
class Corpus:
    """Folded texts; ``good`` 1.0 or 0.0; ``domain`` is a place in the recipe's domains."""

    texts: Sequence[str]
    good: Array
    domain: Array


@dataclass(frozen=True, slots=True)
class Unseen:
    """What models that had not seen a text say of it: its ``FEATURES``, and the log-odds of each clause looked at."""

    features: Array
    scores: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Trained:
    """The document columns, with second stage and calibration in the general one's ``extra``."""

    parts: Parts
    unseen: Unseen


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights per gram: the general ones, and what is added to them in each domain."""

    general: Array
    own: Sequence[Array]
    intercept: float


def read(sets: Sets, recipe: Recipe = RECIPE) -> Corpus:
    """All labelled documents that the recipe asks for, in the sets' order. Raises ValueError when there are none."""
    rows = [
        (fold(text).text, good, place)
        for place, domain in enumerate(recipe.domains)
        for text, good in _documents(sets, domain.name)
    ]
    if not rows:
        raise ValueError("no set of the folder may train document polarity")
    texts, good, domain = zip(*rows, strict=True)
    return Corpus(texts, np.array(good, dtype=np.float64), np.array(domain))


def _documents(sets: Sets, name: str) -> Iterator[tuple[str, int]]:
    if name == "zhang_rest_triplets":  # a review whose opinions all point one way is taken for one of that polarity
        for row in sets.train(name):
            said = {one[4] for one in row["q"]}
            if len(said) == 1 and 0 not in said:
                yield row["t"], int(said == {1})
    elif name == "absa":
        for part in ("camera", "car", "hair", "mooc", "notebook", "phone"):
            for row in sets.train(f"absa_{part}"):
                if row["y"] in ("Positive", "Negative"):
                    yield row["t"].replace("$T$", row["term"]), int(row["y"] == "Positive")
    else:
        for row in sets.train(name):
            yield row["t"], int(row["y"])


def train(corpus: Corpus, recipe: Recipe = RECIPE) -> Trained:
    """Columns, second stage, calibration."""
    counts = count(corpus.texts, recipe.least)
    features = np.zeros((len(corpus.texts), len(FEATURES)))
    scores: list[Sequence[float]] = [()] * len(corpus.texts)
    for held in _folds(corpus, recipe):
        for place, found, said in _read(corpus, counts, held, recipe):
            features[place], scores[place] = found, said
    fitted = fit(corpus, counts, np.ones(len(corpus.texts), dtype=bool), recipe)
    columns = _columns(fitted, counts, recipe)
    parts = Parts([_with_settings(columns[0], _settings(features, corpus, recipe)), *columns[1:]])
    return Trained(parts, Unseen(features, scores))


def _folds(corpus: Corpus, recipe: Recipe) -> Iterator[Array]:
    """Masks of what each fold holds back; the same ones on every run."""
    at = np.random.RandomState(7).permutation(len(corpus.texts)) % recipe.folds
    for number in range(recipe.folds):
        yield at == number


def _read(
    corpus: Corpus, counts: Counts, held: Array, recipe: Recipe
) -> Iterator[tuple[int, list[float], Sequence[float]]]:
    """(place, features of the second stage, log-odds of its clauses) of each held-back text, read by the serving code
    from an artefact of the rest."""
    columns = _columns(fit(corpus, counts, ~held, recipe), counts, recipe)
    blank = {"second": [0.0] * len(FEATURES), "intercept": 0.0, "curve": [[0.0, 0.0]]}
    with tempfile.TemporaryDirectory() as folder:
        first = _with_settings(columns[0], {"": blank})
        artefact.write(Path(folder), [Parts([first, *columns[1:]])], {}, "fold")
        weights = shipped.read(Path(folder))
    models = [PolarityModel(weights, [domain.pack] if domain.pack else []) for domain in recipe.domains]
    feelings = Feelings()
    for place in np.flatnonzero(held).tolist():
        text = corpus.texts[place]
        clauses = split(text)
        opinions, _ = feelings.find(text, clauses)
        model, scan = models[corpus.domain[place]], weights.scan(text)
        heard = model.heard(scan, clauses, opinions)
        yield place, model.features(scan, clauses, opinions), heard.scores


def fit(corpus: Corpus, counts: Counts, chosen: Array, recipe: Recipe) -> Fitted:
    """Fit on the ``chosen`` texts, drop the grams that matter least, fit again."""
    rows, domain, good = counts.rows[chosen], corpus.domain[chosen], corpus.good[chosen]
    root = 1.0 / np.sqrt(counts.lengths[chosen] * LONGEST + SMOOTH)
    scaled = (diags(root.astype(np.float32)) @ rows).tocsr()
    ratios = [_ratio(rows, good)] + [_ratio(rows[domain == k], good[domain == k]) for k in range(len(recipe.domains))]
    used = [(domain == place).astype(np.float32) * one.own for place, one in enumerate(recipe.domains)]
    weight = np.array([one.weight for one in recipe.domains])[domain]
    everything = np.arange(rows.shape[1])
    kept = [everything] * (1 + len(used))
    for steps in (recipe.first_steps, recipe.second_steps):
        blocks = [scaled[:, kept[0]] @ diags(ratios[0][kept[0]])]
        for place, mine in enumerate(used, 1):
            blocks.append(diags(mine) @ scaled[:, kept[place]] @ diags(ratios[place][kept[place]]))
        found, intercept = linear.fit(hstack(blocks).tocsr(), good, recipe.strength, weight, steps)
        fitted = _unscaled(found, intercept, kept, ratios, recipe)
        if steps is recipe.first_steps:
            kept = _kept(fitted, _often(rows, domain, recipe), recipe)
    return fitted


def _often(rows: csr_matrix, domain: Array, recipe: Recipe) -> list[Array]:
    """For each domain how many texts hold each gram, weighted as the fit weighs them."""
    held = [np.asarray(rows[domain == place].sum(0)).ravel() for place in range(len(recipe.domains))]
    return [texts * one.weight for texts, one in zip(held, recipe.domains, strict=True)]


def _ratio(rows: csr_matrix, good: Array) -> Array:
    """|naive Bayes log-count ratio| of each gram, with one added to every count."""
    positive = 1.0 + np.asarray(rows[good > 0.5].sum(0)).ravel()
    negative = 1.0 + np.asarray(rows[good <= 0.5].sum(0)).ravel()
    ratio: Array = np.abs(np.log(positive / positive.sum()) - np.log(negative / negative.sum()))
    return ratio.astype(np.float32)


def _unscaled(found: Array, intercept: float, kept: Sequence[Array], ratios: Sequence[Array], recipe: Recipe) -> Fitted:
    sizes = np.cumsum([len(one) for one in kept])[:-1]
    by_block = np.split(found, sizes)
    scale = [1.0, *(domain.own for domain in recipe.domains)]
    full = []
    for block, places, ratio, own in zip(by_block, kept, ratios, scale, strict=True):
        weights = np.zeros(len(ratio))
        weights[places] = block * ratio[places] * own
        full.append(weights)
    return Fitted(full[0], full[1:], intercept)


def _kept(fitted: Fitted, often: Sequence[Array], recipe: Recipe) -> list[Array]:
    """Grams worth a general weight, and for each domain those worth one of its own: weight² × texts that hold it."""
    worth = np.zeros(len(fitted.general))
    for own, texts in zip(fitted.own, often, strict=True):
        worth += (fitted.general + own) ** 2 * texts
    general = _best(worth, recipe.general_grams)
    kept = [general]
    for own, texts in zip(fitted.own, often, strict=True):
        mine = np.zeros(len(own))
        mine[general] = (own**2 * texts)[general]
        kept.append(_best(mine, recipe.own_grams))
    return kept


def _best(worth: Array, most: int) -> Array:
    """Places of the largest values above zero, ascending."""
    order = np.argsort(-np.round(worth, 9), kind="stable")[:most]
    return np.sort(order[worth[order] > 0])


def _columns(fitted: Fitted, counts: Counts, recipe: Recipe) -> list[ColumnPart]:
    packs = [
        (domain.pack, own) for domain, own in zip(recipe.domains, fitted.own, strict=True) if domain.pack and own.any()
    ]
    scale = artefact.scale_of(np.concatenate([fitted.general, *(own for _, own in packs)]))
    general = ColumnPart(GENERAL, _table(counts, fitted.general), {"bias": round(fitted.intercept, 6)}, scale)
    return [general, *(ColumnPart(f"{GENERAL}/{pack}", _table(counts, own), {}, scale) for pack, own in packs)]


def _table(counts: Counts, weights: Array) -> dict[str, float]:
    return {counts.grams[place]: float(weights[place]) for place in np.flatnonzero(weights)}


def _with_settings(column: ColumnPart, packs: Mapping[str, Any]) -> ColumnPart:
    return ColumnPart(column.name, column.weights, {**column.extra, "packs": packs}, column.scale)


def _settings(features: Array, corpus: Corpus, recipe: Recipe) -> dict[str, Any]:
    """Second stage and calibration, for each pack and ("") for texts of none."""
    packs = [recipe.domains[place].pack for place in corpus.domain]
    known = np.array([pack is not None for pack in packs])
    wanted = {"": known if known.any() else ~known}  # an open build has no set of whole reviews of a pack
    for pack in sorted({pack for pack in packs if pack is not None}):
        wanted[pack] = np.array([one == pack for one in packs])
    settings = {pack: second_stage(features[mine], corpus.good[mine]) for pack, mine in wanted.items()}
    lengths = np.array([len(text) for text in corpus.texts])
    for pack, mine in wanted.items():
        if pack:
            settings[pack]["shortest"] = int(np.percentile(lengths[mine], _SHORTEST, method="lower"))
    return settings


def second_stage(features: Array, good: Array) -> dict[str, Any]:
    """A logistic regression over ``FEATURES`` and the calibration of its scores."""
    spread = features.std(0) + 1e-6
    rows = csr_matrix((features / spread).astype(np.float32))
    found, intercept = linear.fit(rows, good, _SECOND_STRENGTH, np.ones(len(good)), 200)
    weights = [round(float(one), 5) for one in found / spread]
    score = features @ np.array(weights) + round(intercept, 5)
    return {"second": weights, "intercept": round(intercept, 5), "curve": calibrate.curve(score, good)}
