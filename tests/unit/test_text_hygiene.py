"""Unfit characters: replaced in words, refused in identifiers."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.text.hygiene import clean, is_identifier, visible

anything = st.text(alphabet=st.characters(codec=None), max_size=60)


@given(anything)
def test_cleaned_text_can_be_sent_anywhere(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert len(cleaned) == len(text), "evidence spans count characters"
    assert clean(cleaned) == cleaned
    for character in cleaned:
        assert unicodedata.category(character) != "Cs"
        assert unicodedata.category(character) != "Cc" or character in "\t\n\r"
        assert ord(character) & 0xFFFE != 0xFFFE


@pytest.mark.parametrize(
    "kept", ["包裹破损\r\n\t好", "👍🏽", "𠮷野家", "a\u2066b", "ok\U000e0069", "Z\u0301", "\u2028"]
)
def test_real_words_stay_as_they_are(kept: str) -> None:
    assert clean(kept) == kept


@pytest.mark.parametrize(
    "unfit", [0x00, 0x0B, 0x1B, 0x7F, 0x85, 0xD800, 0xDFFF, 0xFFFE, 0xFDD0, 0x10FFFF], ids=lambda code: f"U+{code:04X}"
)
def test_an_unfit_character_becomes_the_replacement(unfit: int) -> None:
    assert clean(f"a{chr(unfit)}b") == "a\ufffdb"


@pytest.mark.parametrize("good", ["R-1", "订单 7", "a" * 256, "ABC/1#2"])
def test_plain_identifiers_pass(good: str) -> None:
    assert is_identifier(good)


@pytest.mark.parametrize(
    "bad",
    ["", " ", " a", "a\n", "a" * 257, "a\x00b", "a\ud800", "a\u200bb", "\u202ea", "a\u2028b", None, 7, ["a"], True],
)
def test_what_cannot_be_seen_or_is_no_text_is_no_identifier(bad: object) -> None:
    assert not is_identifier(bad)


@given(anything)
def test_the_visible_part_is_an_identifier_or_nothing(text: str) -> None:
    seen = visible(text)
    assert seen == "" or is_identifier(seen[:256].strip())
