"""Rows stay readable: a dictionary that was ever used is never edited."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.packing import DICTIONARIES, pack, unpack

# Rows packed with a dictionary are read with the same bytes for years: add a number, never change one.
WRITTEN = {1: "530114a93f058337f7d3a89b154079beb6b973751e8e5aa23b9b8f05fc81fac4"}

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_is_packed_comes_back(value: Any) -> None:
    assert unpack(pack(value)) == value


def test_a_dictionary_never_changes() -> None:
    assert {number: hashlib.sha256(words).hexdigest() for number, words in DICTIONARIES.items()} == WRITTEN


def test_a_typical_voice_takes_less_than_half_of_its_json() -> None:
    tag = ["logistics.damage", "negative", 0, 0, 4, 0.9, ["破损"], "pain", "lexicon", "2026.11.1"]
    voice = {"texts": [["包裹破损，客服没有回应", "原因", "customer"]], "tags": [tag, tag], "source": "canonical"}
    assert len(pack(voice)) < len(str(voice).encode()) / 2


@pytest.mark.parametrize("damaged", [b"", b"\x00", b"\xff{}", b"\x01\xff\xff\xff"])
def test_bytes_of_somebody_else_are_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"unknown dictionary|damaged"):
        unpack(damaged)
