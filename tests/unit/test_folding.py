"""Folding: what hides a word is undone, and every place leads back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.text.folding import fold
from chalicelib.domain.text.traditional import SIMPLIFIED, TRADITIONAL


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ＡＢＣ１２３", "abc123"),
        ("起\u200b诉", "起诉"),
        ("起\U000e0041诉", "起诉"),
        ("好\ufe0f", "好"),
        ("1\ufe0f\u20e3", "1"),
        ("Z\u0301\u0301\u0301", "z"),
        ("㈱", "(株)"),
        ("①", "1"),
        ("\U00020bb7野家", "\U00020bb7野家"),
        ("質量沒有說的好", "质量没有说的好"),
        ("著名", "著名"),
        ("\U0001f44d\U0001f3fb", "\U0001f44d"),
        ("质 量　很 好", "质量很好"),
        ("很好 很快 不错", "很好 很快 不错"),
        ("好 贵", "好 贵"),
        ("Don’t", "don't"),
        ("‘好’", "‘好’"),
    ],
)
def test_what_hides_a_word_is_undone(written: str, folded: str) -> None:
    assert fold(written).text == folded


def test_a_span_slices_the_original_with_the_invisible_character_inside() -> None:
    text = "我要起\u200b诉"
    folded = fold(text)
    at = folded.text.index("起诉")
    start, end = folded.span(at, at + 2)
    assert text[start:end] == "起\u200b诉"


@given(st.text())
def test_folding_twice_is_folding_once_and_every_place_exists(text: str) -> None:
    folded = fold(text)
    assert fold(folded.text).text == folded.text
    assert len(folded.index) == len(folded.text)
    assert all(0 <= place < len(text) for place in folded.index)
    assert list(folded.index) == sorted(folded.index)


@given(st.text(min_size=1))
def test_each_folded_character_comes_from_the_one_it_points_at(text: str) -> None:
    folded = fold(text)
    for place, char in enumerate(folded.text):
        origin = text[folded.index[place]]
        assert char in fold(origin).text or (char, origin) == ("'", "’")


def test_the_two_columns_of_the_traditional_table_match() -> None:
    assert len(TRADITIONAL) == len(SIMPLIFIED) == len(set(TRADITIONAL))
    assert not set(TRADITIONAL) & set(SIMPLIFIED)


def test_a_span_over_closed_up_characters_holds_their_blanks() -> None:
    folded = fold("，质 量 很 好")
    assert folded.span(1, 5) == (1, 8)


def test_words_that_are_parted_by_blanks_stay_parted() -> None:
    assert fold("我说质 量 很 好").text == "我说质 量 很 好"
