"""Rows stay readable: a dictionary that was ever used is never edited."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.packing import DICTIONARIES, pack, unpack

# Rows packed with a dictionary are read with the same bytes for years: add a number, never change one.
WRITTEN = {
    1: "530114a93f058337f7d3a89b154079beb6b973751e8e5aa23b9b8f05fc81fac4",
    2: "29c604a1fe2985e121c1daadea4814aaa8c45e8f08a0215e9f0bc63193911a18",
}

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
    voice = {"texts": [["包裹破损，客服没有回应", "原因", "customer"]], "t": [tag, tag], "source": "canonical"}
    assert len(pack(voice)) < len(str(voice).encode()) / 3


def test_what_an_older_dictionary_packed_is_still_read() -> None:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zdict=DICTIONARIES[1])
    packed = b"\x01" + deflate.compress(b'{"frame":"2026.11.1"}') + deflate.flush()

    assert unpack(packed) == {"frame": "2026.11.1"}


@pytest.mark.parametrize("damaged", [b"", b"\x00", b"\xff{}", b"\x01\xff\xff\xff"])
def test_bytes_of_somebody_else_are_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"unknown dictionary|damaged"):
        unpack(damaged)
