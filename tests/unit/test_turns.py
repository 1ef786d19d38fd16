"""Reviews that turn: where the turn is, what is seen of its sides, and the trees that weigh them."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.understanding import shipped, turns, weights
from chalicelib.understanding.clauses import split
from chalicelib.understanding.line import between
from chalicelib.understanding.polarity import FEATURES, PolarityModel
from chalicelib.understanding.reader import Lexicon
from chalicelib.understanding.turns import Heard, Turns
from infra.model import turns as training
from infra.model.polarity import RECIPE, Corpus, Unseen

LEXICON = Lexicon(shipped.load("catering"))
MODEL = PolarityModel(weights.load(), ["catering"])
NAMES = turns.names(FEATURES)


def heard(text: str, model: PolarityModel = MODEL) -> Heard:
    sight = LEXICON.look(text)
    return model.heard(weights.load().scan(text), sight.clauses, sight.said.opinions)


def seen(text: str) -> dict[str, float]:
    """What the trees look at, by name."""
    said = heard(text)
    at = turns.turn(text, said.clauses)
    assert at is not None
    sides = turns.features(said, at)
    return dict(zip(NAMES, turns.row(0.0, [0.0] * len(FEATURES), sides, 0), strict=True))


def whole(text: str, model: PolarityModel = MODEL) -> tuple[float, float]:
    """(what the second stage says, what is made of it)."""
    sight, scan = LEXICON.look(text), weights.load().scan(text)
    return model.judge(scan, sight.clauses, sight.said.opinions)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("味道好,但是送得慢", "但是送得慢"),
        ("味道好,但是慢,不过量大", "不过量大"),
        ("这个味道就是好", "就是好"),
        ("味道好,送得慢", None),
        ("", None),
    ],
)
def test_a_review_turns_where_its_last_contrast_opens_or_a_word_says_so(text: str, at: str | None) -> None:
    found = turns.turn(text, split(text))
    assert (None if found is None else text[found:]) == at


def test_the_sides_are_seen_apart() -> None:
    found = seen("味道很好,很满意,但是送得太慢,难吃")
    assert (found["before.clauses"], found["after.clauses"], found["whole.clauses"]) == (2, 2, 4)
    assert found["before.good"] > 0 == found["before.bad"]
    assert found["after.good"] == 0 > found["after.bad"]
    assert found["before.mean"] > 0 > found["after.mean"]
    assert (found["但"], found["就是"]) == (1, 0)


def test_a_review_that_turns_at_once_has_nothing_before() -> None:
    found = seen("但是送得太慢")
    assert {value for name, value in found.items() if name.startswith("before.")} == {0}


@given(st.text(alphabet="好吃慢但是不过就，,。!?太0a", max_size=60))
def test_whatever_turns_is_seen_in_full(text: str) -> None:
    sight = LEXICON.look(text)
    if sight.clauses and turns.turn(text, sight.clauses) is not None:
        found = seen(text)
        assert len(found) == len(NAMES) == len(set(NAMES))
        assert all(map(math.isfinite, found.values()))


@pytest.mark.parametrize("text", ["味道很好,送得很快", "送得太慢了", "", "!!!"])
def test_a_review_without_a_turn_is_left_to_the_second_stage(text: str) -> None:
    before, after = whole(text)
    assert before == after


def test_only_packs_that_the_trees_learned_from_use_them() -> None:
    text = "房间不错,早餐也丰富,但是前台态度太差,再也不来"
    known, unknown = (PolarityModel(weights.load(), [pack]) for pack in ("hotel", "banking"))
    assert whole(text, known)[0] != whole(text, known)[1]
    assert whole(text, unknown)[0] == whole(text, unknown)[1]


def test_what_the_review_ends_with_decides_more_than_the_same_words_before_a_turn() -> None:
    assert whole("送得太慢,但是味道很好")[1] > whole("味道很好,但是送得太慢")[1] + 0.2
    good_end, bad_end = "送得太慢,但是味道很好,下次还来", "味道很好,但是送得太慢,再也不来了"
    assert whole(good_end)[1] > 0 > whole(bad_end)[1]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=2))
def test_a_tree_is_gone_down_to_its_leaf(values: list[float]) -> None:
    trees = [[0, 1.0, -0.5, [1, 0.0, 0.25, 2.0]], 0.125]
    leaf = -0.5 if values[0] <= 1 else 0.25 if values[1] <= 0 else 2.0
    assert turns.walk(trees, values) == leaf + 0.125


def test_a_file_of_trees_is_read_when_it_is_asked(tmp_path: Path) -> None:
    file = tmp_path / turns.FILE
    found = Turns(str(file))
    content = {"packs": ["catering"], "bias": 1.0, "curve": {"catering": [[0.0, 0.0], [2.0, 6.0]]}, "trees": [0.5]}
    file.write_text(json.dumps(content), "utf-8")
    assert (found.know("catering"), found.know("hotel")) == (True, False)
    assert found.log_odds(0.0, [], [], "catering") == pytest.approx(4.5)


# --- training -------------------------------------------------------------------------------------------------------

RECIPE_OF_TREES = replace(training.TREES, rounds=10, least=5)


def corpus(rows: int = 240) -> Corpus:
    """Reviews that turn, in two packs; the side after the turn decides."""
    texts, good = [], []
    for number in range(rows):
        sides = ("味道很好", "送得太慢")
        ends = number % 2
        texts.append(f"{sides[1 - ends]},但是{sides[ends]}{'啊' * (number % 5)}")
        good.append(1.0 - ends)
    return Corpus(texts, np.array(good), np.arange(rows) % 4 // 2)


def unseen(texts: Corpus) -> Unseen:
    scores = [heard(text).scores for text in texts.texts]
    return Unseen(np.zeros((len(scores), len(FEATURES))), scores)


def test_trees_learn_which_side_counts_and_the_same_rows_grow_the_same_trees(tmp_path: Path) -> None:
    texts = corpus()
    grown, again = (training.train(texts, unseen(texts), weights.load(), RECIPE, RECIPE_OF_TREES) for _ in range(2))
    assert grown is not None
    assert grown == again
    assert sorted(grown["curve"]) == ["catering", "hotel"]
    file = tmp_path / turns.FILE
    file.write_text(json.dumps(grown), "utf-8")
    said = heard("味道很好,但是送得太慢"), heard("送得太慢,但是味道很好")
    bad, good = (
        Turns(str(file)).log_odds(0.0, [0.0] * len(FEATURES), turns.features(one, one.clauses[1].start), "catering")
        for one in said
    )
    assert bad < 0 < good


def test_exported_trees_say_what_the_grown_ones_say() -> None:
    values = np.random.RandomState(5).randn(300, 6)
    values[:, 0] = np.round(values[:, 0])  # some values are many rows'
    learned = np.round(values, training.DIGITS)
    model = training._grown(learned, (values[:, 0] * values[:, 1] > 0).astype(float), RECIPE_OF_TREES)
    trees = training._trees(model)
    apart = model.decision_function(learned) - [turns.walk(trees, row.tolist()) for row in values]
    assert apart.max() - apart.min() < 1e-3  # by the bias alone


def test_no_reviews_of_a_pack_grow_no_trees() -> None:
    texts = Corpus(["味道很好,但是慢"], np.array([1.0]), np.array([3]))
    assert training.train(texts, unseen(texts), weights.load()) is None


def test_a_score_is_brought_to_the_scale_that_the_second_curve_calibrates() -> None:
    curve, other = [[-1.0, -2.0], [0.0, 0.5], [1.0, 2.0]], [[-4.0, -3.0], [0.0, -1.0], [1.0, -1.0], [5.0, 3.0]]
    found = training._scaled(curve, other)
    assert [score for score, _ in found] == [-1.0, 0.0, 1.0]
    assert [between(other, value) for _, value in found] == pytest.approx([-2.0, 0.5, 2.0], abs=1e-3)
    assert all(low <= high for (_, low), (_, high) in pairwise(found))
