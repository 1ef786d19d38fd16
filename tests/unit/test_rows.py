"""The table of grams: packed and unpacked it is the same table, whatever order it is asked in."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.understanding.grams import LONGEST, UNKNOWN, Scan
from chalicelib.understanding.rows import Rows, pack

GRAM = st.text(alphabet="好吃1 ,😀", min_size=1, max_size=4)
GRAMS = st.lists(GRAM, unique=True)


@given(GRAMS, st.randoms(use_true_random=False))
def test_every_gram_has_the_row_of_its_place(grams: list[str], random: Random) -> None:
    rows = Rows(pack(grams))
    asked = random.sample(grams, len(grams))
    assert {gram: rows[gram] for gram in asked} == {gram: row for row, gram in enumerate(grams, 1)}


@given(GRAMS, GRAM)
def test_the_number_of_grams_does_not_depend_on_what_is_unpacked(grams: list[str], text: str) -> None:
    rows = Rows(pack(grams))
    assert len(rows) == len(grams)
    Scan(text, rows)
    assert len(rows) == len(grams)


@given(GRAMS, st.text(alphabet="好吃1 ,😀x\n", max_size=12))
def test_a_text_finds_all_of_its_grams(grams: list[str], text: str) -> None:
    whole = {gram: row for row, gram in enumerate(grams, 1)}
    found = [
        [whole.get(text[at : at + size], UNKNOWN) for at in range(len(text) - size + 1)]
        for size in range(1, LONGEST + 1)
    ]
    assert Scan(text, Rows(pack(grams))).sizes == found


def test_only_what_a_text_begins_grams_with_is_unpacked() -> None:
    rows = Rows(pack(["好", "好吃得", "差"]))
    Scan("好", rows)
    assert dict(rows.tails) == {"好": {"": 1, "吃得": 2}}


def test_an_unknown_gram_has_no_row() -> None:
    with pytest.raises(KeyError):
        Rows(pack(["好"]))["坏"]


@pytest.mark.parametrize("gram", ["", "好\t", "\n"])
def test_a_gram_that_would_break_the_lines_is_refused(gram: str) -> None:
    with pytest.raises(ValueError, match=r"^Row 2 is no gram that can be packed\.$"):
        pack(["好", gram])
