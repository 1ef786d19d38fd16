"""Scores: each on its own scale, polarity respected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.voice import scoring
from chalicelib.domain.voice.voice import Score

SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7), "rating": (1, 5)}


def score(kind: str, value: float, **changes: object) -> Score:
    low, high = SCALES[kind]
    return Score(**{"kind": kind, "value": value, "low": low, "high": high, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        *(("nps", value, "detractor") for value in range(7)),
        *(("nps", value, "passive") for value in (7, 8)),
        *(("nps", value, "promoter") for value in (9, 10)),
        *(
            ("csat", value, word)
            for value, word in enumerate(["dissatisfied"] * 2 + ["neutral"] + ["satisfied"] * 2, 1)
        ),
        *(("ces", value, word) for value, word in enumerate(["hard"] * 3 + ["neutral"] + ["easy"] * 3, 1)),
        *(("rating", value, word) for value, word in enumerate(["poor", "poor", "fair", "good", "good"], 1)),
    ],
)
def test_classes_on_the_usual_scales(kind: str, value: int, expected: str) -> None:
    assert scoring.classes([score(kind, value)]) == {kind: expected}


def test_ces_1_counts_effort_so_a_high_value_is_bad() -> None:
    assert scoring.classes([score("ces", 5, high=5, polarity="lower")]) == {"ces": "hard"}
    assert scoring.feedback_class([score("ces", 5, high=5, polarity="lower")]) == "unhappy"
    assert scoring.feedback_class([score("ces", 1, high=5, polarity="lower")]) == "happy"


@pytest.mark.parametrize(
    ("kind", "value", "low", "high", "unhappy"),
    [
        ("csat", 40, 0, 100, True),
        ("csat", 41, 0, 100, False),
        ("rating", 2.5, 1, 5, True),
        ("rating", 3.0, 1, 5, False),
        ("csat", 4, 0, 10, True),
        ("csat", 5, 0, 10, False),
        ("nps", 6, 1, 10, True),
        ("nps", 7, 1, 10, False),
        ("nps", 60, 0, 100, True),
        ("nps", 61, 0, 100, False),
        ("rating", 0, 0, 1, True),
    ],
)
def test_unhappy_is_the_worst_two_fifths_or_six_of_ten(
    kind: str, value: float, low: float, high: float, unhappy: bool
) -> None:
    assert (scoring.feedback_class([Score(kind, value, low, high)]) == "unhappy") is unhappy


def test_the_worst_score_decides_for_the_voice() -> None:
    scores = [score("nps", 9), score("csat", 2), score("csat", 5)]
    assert scoring.classes(scores) == {"nps": "promoter", "csat": "dissatisfied"}
    assert scoring.feedback_class(scores) == "unhappy"
    assert scoring.feedback_class([score("nps", 9)]) == "happy"
    assert scoring.feedback_class([]) is None


def test_a_scale_without_extent_is_refused() -> None:
    with pytest.raises(ValueError, match="low end below its high end"):
        scoring.classes([Score("csat", 1, 5, 5)])


@given(st.sampled_from(sorted(SCALES)), st.floats(0, 1), st.floats(0, 1))
def test_a_better_value_never_gets_a_worse_class(kind: str, one: float, other: float) -> None:
    low, high = SCALES[kind]
    worse, better = sorted(low + share * (high - low) for share in (one, other))
    ranks = [
        ("unhappy", "neutral", "happy").index(scoring.feedback_class([score(kind, value)]) or "")
        for value in (worse, better)
    ]
    assert ranks == sorted(ranks)


@given(st.sampled_from(["csat", "ces", "rating"]), st.floats(0, 1))
def test_polarity_mirrors_the_scale(kind: str, share: float) -> None:
    low, high = SCALES[kind]
    value = low + share * (high - low)
    mirrored = score(kind, low + high - value, polarity="lower")
    assert abs(scoring.position(score(kind, value)) - scoring.position(mirrored)) < 1e-9
