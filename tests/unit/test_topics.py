"""The topic model as served, on weights small enough to check by hand; and as trained, on sentences made up here."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.understanding import shipped
from chalicelib.understanding.clauses import Clause, split
from chalicelib.understanding.reader import Lexicon
from chalicelib.understanding.rows import Rows
from chalicelib.understanding.topics import (
    FEATURES,
    NEGATIVE,
    NEUTRAL,
    WHOLE,
    TopicModel,
    root,
    strongest_other,
    subjects,
)
from chalicelib.understanding.weights import Table, Weights
from infra.model import opinions, topics
from infra.model.trie import pack

GRAMS = ("快", "慢", "香")
HEADS = ("logistics", "product.smell")
FRAME = shipped.load("ecommerce")
LEXICON = Lexicon(FRAME)


def line(**members: Any) -> dict[str, Any]:
    return {"bias": 0.0, "features": [0.0] * len(FEATURES), "heads": [0.0, 0.0], **members}


def weights(name: str = "topics/ecommerce", **extra: Any) -> Weights:
    """快 and 慢 speak for logistics, 香 for smell; 慢 is bad."""
    members: Mapping[str, Any] = {
        "governs": {"logistics": "logistics", "logistics.packaging": None, "product.smell": "product.smell"},
        "bias": [-1.0, -1.0],
        "here": [[0.5, 0.0], [0.0, 0.5]],
        "elsewhere": [[0.0, -0.25], [-0.25, 0.0]],
        "nothing": [0.0, 0.0],
        "single": [0.0, 0.0],
        "whole": 0.0,
        "whole_polarity": 0.0,
        "rooted": False,
        "plain": 2.0,
        "curve": [1.0, 0.0],
        "negative": line(),
        "neutral": line(bias=-2.0),
        **extra,
    }
    arrays = ([0, 0, 1, 3, 4], [0, 0, 2, 1], [2, 2, 1, 2])
    table = Table(name, [*HEADS, NEGATIVE, NEUTRAL], [1.0, 1.0, 2.0, 1.0], arrays, members)
    return Weights("w1", Rows(pack(GRAMS)), {}, {name: table}, {})


def model(**extra: Any) -> TopicModel:
    found = TopicModel.for_frame(weights(**extra), FRAME)
    assert found is not None
    return found


def read(text: str, **extra: Any) -> dict[tuple[int, str], float]:
    known = weights(**extra)
    sight = LEXICON.look(text)
    found = TopicModel.for_frame(known, FRAME)
    assert found is not None
    return found.read(known.scan(text), sight.clauses, sight.hits)


def test_a_pack_without_a_table_takes_the_general_one_and_else_has_no_model() -> None:
    assert TopicModel.for_frame(weights("topics/auto"), FRAME) is None
    assert TopicModel.for_frame(weights("topics"), FRAME) is not None


def test_a_head_governs_what_hangs_below_it_unless_that_is_silent() -> None:
    governs = model().governs
    assert governs("logistics.speed") == "logistics"
    assert governs("logistics.packaging") is None
    assert governs("service.attitude") is None
    assert governs("logistics.speed.own_overlay") == "logistics"


def test_only_clauses_above_the_threshold_have_the_head_with_their_confidence() -> None:
    found = read("真快,闻着香")
    assert set(found) == {(0, "logistics"), (1, "product.smell")}
    # bias -1, gram 2, its own hit "真快" .5 and, in the other clause, what the text also names: -.25
    assert found[0, "logistics"] == pytest.approx(1 / (1 + np.exp(-(2 - 1 + 0.5 - 0.25))))
    assert read("没有什么") == {}


def test_plain_words_name_their_head_a_little_below_its_threshold() -> None:
    assert read("送货慢", bias=[-4.0, -1.0])[0, "logistics"] == pytest.approx(1 / (1 + np.exp(1.5)))
    assert read("送货慢", bias=[-6.0, -1.0]) == {}
    assert read("慢", bias=[-4.0, -1.0]) == {}


def rivals(text: str, *, plain: bool = False, **extra: Any) -> dict[tuple[int, str], float]:
    """Heads that compete: 快 speaks for logistics by its clause (2) and by the whole text (1), 香 for smell (2, 3)."""
    members = {"texts": [0.0, 0.0], "contest": [[1.0, 1.0, -1.0], [1.0, 1.0, -1.0]], "bias": [0.0, 0.0], **extra}
    nothing = {name: [[0.0, 0.0], [0.0, 0.0]] for name in ("here", "elsewhere")}
    whole = [WHOLE + head for head in HEADS]
    arrays = ([0, 0, 2, 2, 4], [0, 2, 1, 3], [2, 1, 2, 3])
    names, scales = [*HEADS, *whole, NEGATIVE, NEUTRAL], [1.0] * 6
    made = weights(**members, **nothing).tables["topics/ecommerce"].extra
    known = Weights("w1", Rows(pack(GRAMS)), {}, {"topics": Table("topics", names, scales, arrays, made)}, {})
    found = TopicModel.for_frame(known, FRAME)
    assert found is not None
    sight = LEXICON.look(text)
    return found.read(known.scan(text), sight.clauses, sight.hits if plain else [])


def test_of_rivals_each_head_stands_in_its_best_clause_alone() -> None:
    assert set(read("快,慢")) == {(0, "logistics"), (1, "logistics")}
    assert set(rivals("快,不")) == {(0, "logistics")}


def test_a_rival_is_judged_by_its_clause_its_text_and_its_lead() -> None:
    worth = 1 * root(3)  # of the whole text, three characters long
    assert rivals("快,不")[0, "logistics"] == pytest.approx(1 / (1 + np.exp(-(2 * (2 + worth) - 1))))


def test_a_head_whose_rival_leads_needs_more_to_be_there() -> None:
    assert set(rivals("快,香")) == {(1, "product.smell")}
    alone = [[1.0, 0.0, -1.0], [1.0, 0.0, -1.0]]
    assert set(rivals("快,香", contest=alone)) == {(0, "logistics"), (1, "product.smell")}


def test_a_rival_also_stands_where_plain_words_name_it() -> None:
    assert set(rivals("物流很快,送货慢", plain=True)) == {(0, "logistics"), (1, "logistics")}


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=6))
def test_the_strongest_other_is_the_highest_score_but_ones_own(scores: list[int]) -> None:
    assert strongest_other(scores) == [max(scores[:at] + scores[at + 1 :]) for at in range(len(scores))]


def test_the_whole_text_speaks_in_every_clause_at_its_own_weight() -> None:
    assert (1, "product.smell") not in read("香,好")
    assert (1, "product.smell") in read("香,好", whole=0.75)


def test_grams_weigh_less_in_a_longer_clause_where_the_table_says_so() -> None:
    text = "快" + "不" * 39
    scan, short, long = weights().scan(text), Clause(0, 1, "hard"), Clause(0, 40, "hard")
    for rooted, worth in ((False, (2.0, 2.0)), (True, (2 * root(2), 2 * root(40)))):
        scores = model(rooted=rooted, bias=[0.0, 0.0]).scores(scan, [short, long], [])
        assert [score[0] for score in scores] == pytest.approx(worth)
    assert root(10) == pytest.approx(3.2 / 10**0.5)


def test_polarity_is_log_odds_of_positive_and_the_probability_of_neutral() -> None:
    known = weights()
    bad, neutral = model().polarity(known.scan("慢"), Clause(0, 1, "hard"), "logistics", None, 0.0)
    assert bad == pytest.approx(-2.0 * root(1))
    assert neutral == pytest.approx(1 / (1 + np.exp(2)))


@pytest.mark.parametrize(("document", "sign"), [(3.0, 1), (-3.0, -1)])
def test_polarity_listens_to_the_whole_text(document: float, sign: int) -> None:
    heard = model(negative=line(features=[-1.0] + [0.0] * (len(FEATURES) - 1)))
    log_odds, _ = heard.polarity(weights().scan("好"), Clause(0, 1, "hard"), "overall", None, document)
    assert log_odds == pytest.approx(3.0 * sign)


def heard_of_logistics(text: str, document: float = 0.0, **extra: Any) -> float:
    """Log-odds that logistics is good in the first clause, where the text is heard half as loud as the clause."""
    scan, sight, told = weights().scan(text), LEXICON.look(text), model(whole_polarity=0.5, **extra)
    air = told.air(scan, sight.clauses, sight.hits)
    return told.polarity(scan, sight.clauses[0], "logistics", None, document, air=air)[0]


def test_polarity_hears_the_clauses_that_name_its_topic_or_none_and_no_others() -> None:
    assert heard_of_logistics("物流好,不慢") == pytest.approx(-root(3 + 2))
    assert heard_of_logistics("物流好,物流慢") == pytest.approx(-root(3 + 3))
    assert heard_of_logistics("物流好,香味慢") == 0.0
    # The clause itself speaks whatever the lexicon names in it, and once on its own besides.
    assert heard_of_logistics("香味慢,物流慢") == pytest.approx(-2.0 * root(3) - 2.0 * root(6))
    assert model().air(weights().scan("慢"), [Clause(0, 1, "hard")], []) is None


def test_the_document_counts_for_as_much_of_the_text_as_is_heard() -> None:
    listens = line(features=[-1.0] + [0.0] * (len(FEATURES) - 1))
    assert heard_of_logistics("物流好,香味好", -2.8, negative=listens) == pytest.approx(-2.8 * 3 / 7)
    assert heard_of_logistics("物流好,不好", -2.8, negative=listens) == pytest.approx(-2.8 * 5 / 6)


def test_what_is_said_of_the_whole_hears_only_clauses_without_a_topic() -> None:
    text, told = "不慢,物流慢", model(whole_polarity=0.5)
    scan, sight = weights().scan(text), LEXICON.look(text)
    air = told.air(scan, sight.clauses, sight.hits)
    log_odds, _ = told.polarity(scan, sight.clauses[0], "overall", None, 0.0, air=air)
    assert log_odds == pytest.approx(-3.0 * root(2))


def test_polarity_stays_within_bounds_whatever_is_heard() -> None:
    heard = model(negative=line(bias=1e9), neutral=line(bias=1e9))
    log_odds, neutral = heard.polarity(weights().scan("慢"), Clause(0, 1, "hard"), "logistics", -2.0, -99.0)
    assert (log_odds, 0.99 < neutral < 1) == (-8.0, True)


# --- training -------------------------------------------------------------------------------------------------------


def voices() -> list[topics.Voice]:
    """Sixty texts of one clause: "a…" speaks of head 0, "b…" of head 1; both well and badly."""
    found = []
    for number in range(60):
        head, sign = number % 2, 1 if number % 4 < 2 else -1
        text = f"{'ab'[head]}{'好坏'[sign < 0]}{'丙丁戊'[number % 3]}"
        stretch = topics.Stretch(text, 0, len(text), sign, head)
        found.append(topics.Voice(text, split(text), [frozenset()], {head: {sign}}, {head: {0}}, [stretch]))
    return found


def test_scores_of_texts_not_seen_part_the_heads_and_thresholds_lie_between() -> None:
    some = voices()
    recipe = replace(topics.RECIPES[0], strength=10.0)
    columns = topics.vocabulary([voice.text for voice in some], recipe.least)
    score = topics.unseen(topics.clauses_of(some, 2, columns, recipe), recipe)
    truth = np.array([[head in voice.truth for head in (0, 1)] for voice in some])
    limits = topics.thresholds(score, truth)
    assert ((score >= limits) == truth).all()


def test_of_rivals_the_lead_counts_where_texts_have_one_head_each() -> None:
    truth = np.array([[True, False], [False, True]] * 30)
    score = np.where(truth, 0.2, 0.0) + np.linspace(-2, 2, 60)[:, None]  # as high as the text is loud
    alone = topics.thresholds(score, truth)
    assert not ((score >= alone) == truth).all()
    contested = topics._unseen_contest(score, truth)
    assert ((contested >= topics.thresholds(contested, truth)) == truth).all()


def test_a_stretch_is_trained_with_the_clauses_that_serving_hears() -> None:
    subject_of = subjects(
        FRAME, [HEADS.index("logistics") if node.id.startswith("logistics") else None for node in FRAME.nodes]
    )
    text = "物流好,不慢,香味慢,物流慢"
    known, of_nothing = topics.Stretch(text, 0, 3, 1, 0), topics.Stretch(text, 0, 3, 1)
    sight = LEXICON.look(text)
    found = [text[one.start : one.end] for one in opinions.around(known, sight, subject_of)]
    assert found == ["不慢", "物流慢"]
    assert opinions.around(of_nothing, sight, subject_of) == []


def test_sets_that_may_not_train_make_no_table(tmp_path: Path) -> None:
    from infra.model.sets import Sets

    with gzip.open(tmp_path / "se16_phone.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps({"t": "屏幕很好", "labels": [["屏幕", 1]], "split": "train"}))
    assert topics.train(Sets(tmp_path), weights()).tables == []
