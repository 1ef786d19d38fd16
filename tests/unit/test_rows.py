"""The table of grams: every gram is found in its row, and nothing else is."""

from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.understanding.grams import LONGEST, UNKNOWN, Scan
from chalicelib.understanding.rows import Rows
from infra.model import trie
from infra.model.trie import pack


def row(gram: str, rows: Rows) -> int:
    """The row of a whole text."""
    return Scan(gram, rows).sizes[len(gram) - 1][0]


GRAM = st.text(alphabet="好吃1 ,😀", min_size=1, max_size=4)
GRAMS = st.lists(GRAM, unique=True)


@given(GRAMS, st.randoms(use_true_random=False))
def test_every_gram_has_the_row_of_its_place(grams: list[str], random: Random) -> None:
    rows = Rows(pack(grams))
    asked = random.sample(grams, len(grams))
    assert {gram: row(gram, rows) for gram in asked} == {gram: number for number, gram in enumerate(grams, 1)}
    assert len(rows) == len(grams)


@given(GRAMS, st.text(alphabet="好吃1 ,😀x\n", max_size=12))
def test_a_text_finds_all_of_its_grams(grams: list[str], text: str) -> None:
    whole = {gram: number for number, gram in enumerate(grams, 1)}
    found = [
        [whole.get(text[at : at + size], UNKNOWN) if at + size <= len(text) else UNKNOWN for at in range(len(text))]
        for size in range(1, LONGEST + 1)
    ]
    assert Scan(text, Rows(pack(grams))).sizes == found


@given(GRAMS, GRAM)
def test_what_is_no_gram_has_no_row(grams: list[str], other: str) -> None:
    assume(other not in grams)
    assert row(other, Rows(pack(grams))) == UNKNOWN


def test_the_beginning_of_a_gram_is_none_itself() -> None:
    assert row("好吃", Rows(pack(["好吃得"]))) == UNKNOWN


def test_the_same_grams_are_the_same_bytes_and_little_of_them_is_left_empty() -> None:
    grams = [f"{first}{second}" for first in "好吃不慢差贵" for second in "得了的吗呢,。!"]
    packed = pack(grams)
    assert packed == pack(grams)
    assert len(packed) < 8 * 1.5 * len(grams)


@pytest.mark.parametrize("gram", ["", "\n", "好\n"])
def test_a_gram_that_would_break_the_lines_is_refused(gram: str) -> None:
    with pytest.raises(ValueError, match=r"^Row 2 is no gram that can be packed\.$"):
        pack(["好", gram])


def test_more_grams_than_there_are_numbers_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trie, "_FAR", 3)
    with pytest.raises(ValueError, match=r"^3 grams are too many for 21 bits\.$"):
        pack(["好", "吃", "差"])
