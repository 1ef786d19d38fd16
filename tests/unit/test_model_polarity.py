"""Training the document polarity on a small made-up set: deterministic, readable again, calibrated and right."""

import gzip
import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.understanding import weights
from chalicelib.understanding.clauses import split
from chalicelib.understanding.polarity import FEATURES, PolarityModel
from chalicelib.understanding.rows import Rows
from chalicelib.understanding.weights import Weights
from infra.model import artefact, calibrate, polarity
from infra.model.artefact import ColumnPart, Parts, TablePart
from infra.model.counts import count
from infra.model.polarity import Corpus
from infra.model.sets import Sets
from infra.model.trie import pack

RECIPE = replace(
    polarity.RECIPE, least=(1, 2, 2, 2), general_grams=400, own_grams=100, first_steps=10, second_steps=15, folds=2
)
SUBJECTS = ("物流", "味道", "房间", "客服", "包装", "价格", "屏幕", "早餐")
GOOD = ("很好", "不错", "挺满意的", "非常快", "很喜欢")
BAD = ("太慢了", "很差", "不满意", "不好", "坏了")


def corpus(rows: int = 240) -> Corpus:
    """Reviews of one or two clauses in three domains; a good one says "但" and something bad now and then."""
    chosen = random.Random(3)
    texts, good, domain = [], [], []
    for number in range(rows):
        kind = number % 2
        words = GOOD if kind else BAD
        text = ",".join(chosen.choice(SUBJECTS) + chosen.choice(words) for _ in range(chosen.randint(1, 3)))
        if kind and chosen.random() < 0.2:
            text += ",但是" + chosen.choice(SUBJECTS) + chosen.choice(BAD)
        texts.append(text)
        good.append(kind)
        domain.append(number % 3)
    return Corpus(texts, np.array(good, dtype=np.float64), np.array(domain))


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    artefact.write(folder, [polarity.train(corpus(), RECIPE).parts], {}, "2026.11")
    return folder


@pytest.fixture(scope="module")
def trained(learned: Path) -> Weights:
    return weights.read(learned)


def _probability(trained: Weights, text: str, *packs: str) -> float:
    model = PolarityModel(trained, packs)
    return model.probability(model.judge(trained.scan(text), split(text))[1])


def test_the_same_texts_give_the_same_bytes(learned: Path, tmp_path: Path) -> None:
    artefact.write(tmp_path, [polarity.train(corpus(), RECIPE).parts], {}, "2026.11")
    for file in ("model.json", "grams.bin", "columns.bin"):
        assert (tmp_path / file).read_bytes() == (learned / file).read_bytes()


@pytest.mark.parametrize("packs", [("catering",), ("hotel",), ("ecommerce",), ("banking",), ()])
def test_what_was_learned_reads_new_sentences(trained: Weights, packs: tuple[str, ...]) -> None:
    assert _probability(trained, "早餐不错,价格很好", *packs) > 0.8
    assert _probability(trained, "早餐很差,价格太慢了", *packs) < 0.2


def test_a_pack_without_columns_of_its_own_reads_by_the_general_ones(trained: Weights) -> None:
    assert PolarityModel(trained, ("banking", "hotel")).pack == "hotel"
    assert PolarityModel(trained, ("banking",)).pack is None


def test_an_empty_text_is_read(trained: Weights) -> None:
    assert 0 < _probability(trained, "") < 1


def test_a_gram_says_by_itself_which_way_it_pulls_the_loudest_first(trained: Weights) -> None:
    text = "不满意,挺满"
    found = list(PolarityModel(trained, ("catering",)).loudest(trained.scan(text), 0, len(text)))
    weights = {text[start:end]: weight for start, end, weight in found}
    assert weights["不满意"] < 0 < weights["挺满"]
    assert [abs(weight) for *_, weight in found] == sorted(map(abs, weights.values()), reverse=True)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_probability_never_falls_as_the_score_rises(one: float, other: float) -> None:
    model = PolarityModel(_curved([[-2.0, -3.0], [-1.0, -0.5], [0.5, -0.5], [4.0, 2.5]]), ())
    low, high = sorted((one, other))
    assert 0 < model.probability(low) <= model.probability(high) < 1


def _curved(curve: list[list[float]]) -> Weights:
    settings = {"": {"second": [0.0] * len(FEATURES), "intercept": 0.0, "curve": curve}}
    column = weights.Column("document", [0], 1.0, {"bias": 0.0, "packs": settings})
    return Weights("2026.11-0", Rows(pack([])), {"document": column}, {}, {})


def test_the_curve_gives_back_the_share_of_good_ones() -> None:
    score = np.linspace(-3, 3, 6000)
    good = (np.random.RandomState(1).rand(6000) < 1 / (1 + np.exp(-2 * score))).astype(np.float64)
    curve = calibrate.curve(score, good)
    assert all(left < right and low <= high for (left, low), (right, high) in pairwise(curve))
    middle = [(knot, odds) for knot, odds in curve if abs(knot) < 1.2]
    assert middle
    assert all(abs(odds - 2 * knot) < 0.6 for knot, odds in middle)


def test_counting_finds_the_grams_that_enough_texts_hold() -> None:
    counts = count(["好吃好吃", "不好吃", "a😀b"], [1, 2, 2, 2])
    held = [{counts.grams[place] for place in counts.rows[row].indices} for row in range(3)]
    assert held == [{"好", "吃", "好吃"}, {"不", "好", "吃", "好吃"}, {"a", "😀", "b"}]
    assert counts.lengths.tolist() == [4, 3, 3]


@given(st.dictionaries(st.text(alphabet="好坏快慢", min_size=1, max_size=4), st.floats(-9, 9), min_size=1))
def test_quantising_loses_at_most_half_a_step(table: dict[str, float]) -> None:
    scale = artefact.scale_of(table.values())
    steps = artefact.quantise(table, scale)
    assert all(abs(steps.get(gram, 0) * scale - weight) <= scale * 0.52 for gram, weight in table.items())


def _weights(table: weights.Table, row: int) -> dict[str, float]:
    """The weights of a row, by column."""
    entries = range(*table.pointers[row : row + 2]) if row + 1 < len(table.pointers) else range(0)
    return {table.columns[table.places[at]]: table.values[at] * table.scales[table.places[at]] for at in entries}


def test_columns_and_tables_are_read_back_as_written(tmp_path: Path) -> None:
    table = TablePart("topics", ("price", "speed"), {"贵": {0: 2.0}, "快": {1: -1.0, 0: 0.5}}, {"threshold": 0.5})
    column = ColumnPart("clause", {"好": 1.0, "贵": -2.0}, {"bias": 0.25})
    version = artefact.write(tmp_path, [Parts([column], [table], {"topics": 1})], {"sets": {}}, "2026.11")
    found = weights.read(tmp_path)
    assert found.version == version
    assert version.startswith("2026.11-")
    assert found.extra == {"sets": {}, "topics": 1}
    clause, topics = found.columns["clause"], found.tables["topics"]
    good, dear, quick = (found.scan(gram).sizes[0][0] for gram in ("好", "贵", "快"))
    read = [clause.values[row] * clause.scale for row in (good, dear, quick)]
    assert read == pytest.approx([1.0, -2.0, 0.0], abs=0.02)
    assert clause.extra == {"bias": 0.25}
    assert _weights(topics, dear) == pytest.approx({"price": 2.0}, abs=0.02)
    assert _weights(topics, quick) == pytest.approx({"price": 0.5, "speed": -1.0}, abs=0.02)
    assert _weights(topics, good) == {}
    assert found.tables["topics"].extra == {"threshold": 0.5}


def test_another_content_is_another_version(tmp_path: Path) -> None:
    versions = [
        artefact.write(tmp_path, [Parts([ColumnPart("clause", {"好": 1.0}, {"bias": bias})])], {}, "d")
        for bias in (0, 1)
    ]
    assert versions[0] != versions[1]


def test_texts_of_no_pack_give_a_model_that_every_pack_reads_by(tmp_path: Path) -> None:
    made = corpus(120)
    helpers = Corpus(made.texts, made.good, np.full(120, 3))
    artefact.write(tmp_path, [polarity.train(helpers, RECIPE).parts], {}, "2026.11")
    found = weights.read(tmp_path)
    assert sorted(found.columns) == ["document"]
    assert _probability(found, "早餐不错,价格很好", "catering") > _probability(found, "早餐很差,价格太慢了", "catering")


def test_a_folder_without_sets_trains_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no set of the folder may train document polarity"):
        polarity.read(Sets(tmp_path))


def test_reviews_are_read_from_every_kind_of_set(tmp_path: Path) -> None:
    rows = {
        "waimai": [{"t": "好吃", "y": 1}],
        "zhang_rest_triplets": [
            {"t": "菜好", "q": [[0, 1, 1, 2, 1]]},
            {"t": "菜好人差", "q": [[0, 1, 1, 2, 1], [2, 3, 3, 4, -1]]},
        ],
        "absa_phone": [{"t": "$T$差", "term": "屏幕", "y": "Negative"}, {"t": "$T$", "term": "屏幕", "y": "Neutral"}],
    }
    for name, lines in rows.items():
        content = "\n".join(json.dumps({**line, "split": "train"}) for line in lines).encode()
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(content))
    found = polarity.read(Sets(tmp_path))
    assert list(zip(found.texts, found.good.tolist(), strict=True)) == [("好吃", 1.0), ("菜好", 1.0), ("屏幕差", 0.0)]
