"""The table of grams: packed and unpacked it is the same table, whatever order it is asked in."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.text.folding import fold
from chalicelib.understanding.grams import LONGEST, UNKNOWN, Scan
from chalicelib.understanding.rows import Rows, pack

GRAM = st.text(alphabet="好吃1 ,😀", min_size=1, max_size=4)
GRAMS = st.lists(GRAM, unique=True)


@given(GRAMS, st.randoms(use_true_random=False))
def test_every_gram_has_the_row_of_its_place(grams: list[str], random: Random) -> None:
    rows = Rows(pack(grams))
    asked = random.sample(grams, len(grams))
    found = {gram: Scan(gram, rows).sizes[len(gram) - 1] for gram in asked}
    assert found == {gram: [row] for row, gram in enumerate(grams, 1)}


@given(GRAMS, GRAM)
def test_the_number_of_grams_does_not_depend_on_what_is_unpacked(grams: list[str], text: str) -> None:
    rows = Rows(pack(grams))
    assert rows.size == len(grams)
    Scan(text, rows)
    assert rows.size == len(grams)


@given(GRAMS, st.text(alphabet="好吃1 ,😀x\n", max_size=12))
def test_a_text_finds_all_of_its_grams(grams: list[str], text: str) -> None:
    whole = {gram: row for row, gram in enumerate(grams, 1)}
    found = [
        [whole.get(text[at : at + size], UNKNOWN) for at in range(len(text) - size + 1)]
        for size in range(1, LONGEST + 1)
    ]
    assert Scan(text, Rows(pack(grams))).sizes == found


def test_only_what_a_text_begins_grams_with_is_unpacked() -> None:
    rows = Rows(pack(["好", "好吃得", "好看的", "差"]))
    Scan("好", rows)
    assert (rows, rows.longer) == ({"好": (1, {"吃": (UNKNOWN, "好吃"), "看": (UNKNOWN, "好看")})}, {})
    Scan("好吃", rows)
    assert rows.longer == {"好吃": {"得": (2, {})}}


def test_an_unknown_gram_has_no_row() -> None:
    assert Scan("坏", Rows(pack(["好", "坏人"]))).sizes == [[UNKNOWN], [], [], []]


@given(GRAMS, st.text(alphabet="好吃1 ,😀x", max_size=12))
def test_a_text_is_read_alike_with_and_without_its_folded_characters(grams: list[str], text: str) -> None:
    rows, folded = Rows(pack(grams)), fold(text)
    assert Scan(folded.text, rows, folded.chars).sizes == Scan(folded.text, rows).sizes


@pytest.mark.parametrize("gram", ["", "好\t", "\n"])
def test_a_gram_that_would_break_the_lines_is_refused(gram: str) -> None:
    with pytest.raises(ValueError, match=r"^Row 2 is no gram that can be packed\.$"):
        pack(["好", gram])
