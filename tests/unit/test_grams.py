"""The features of the model: n-grams found where they stand, the same in training and serving."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.understanding.grams import UNKNOWN, Scan, every
from chalicelib.understanding.rows import Rows
from infra.model.trie import pack

TEXTS = st.text(alphabet="好吃不慢,😀a", max_size=30)


def _known(text: str) -> dict[str, int]:
    """Every other gram of a text, numbered from 1."""
    return {gram: row for row, gram in enumerate(sorted(every(text))[::2], 1)}


def _scan(text: str, known: dict[str, int]) -> Scan:
    return Scan(text, Rows(pack(tuple(known))))


@given(TEXTS, TEXTS, st.integers(0, 30), st.integers(0, 30))
def test_a_stretch_holds_the_grams_that_lie_wholly_inside_it(text: str, known: str, start: int, end: int) -> None:
    rows = _known(known + text)
    end = min(end, len(text))
    naive = {rows[gram] for gram in every(text[start:end]) if gram in rows} if start < end else set()
    assert _scan(text, rows).within(start, end) - {UNKNOWN} == naive


@given(TEXTS)
def test_every_place_has_the_row_of_the_gram_that_begins_there(text: str) -> None:
    rows = _known(text)
    for size, found in enumerate(_scan(text, rows).sizes, 1):
        grams = [text[at : at + size] for at in range(len(text) - size + 1)]
        assert list(found)[: len(grams)] == [rows.get(gram, UNKNOWN) for gram in grams]


def test_a_text_shorter_than_a_gram_holds_only_shorter_ones() -> None:
    assert every("好") == {"好"}
    assert _scan("", {"好": 1}).within(0, 0) == set()
