"""Cutting a table into rows: encodings, separators, quotes, and where each row ends to the byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.text import csv_text
from chalicelib.domain.text.csv_text import Layout, Record, Unreadable

CODECS = ("utf-8", "utf-8-sig", "gb18030", "utf-16")
TABLE = '编号,原因\r\n1,"好,\n很""好"""\r\n2,差\r\n'


def rows(raw: bytes, **how: Any) -> list[dict[str, str]]:
    """Every row of a whole file."""
    layout = csv_text.layout(raw, whole=True, **how)
    cut = csv_text.records(layout.units(raw[layout.start :]), layout.separator, last=True)
    names = csv_text.columns(layout, next(cut))
    return [csv_text.row(layout, names, record) for record in cut]


@pytest.mark.parametrize("codec", CODECS)
def test_every_encoding_says_the_same(codec: str) -> None:
    assert rows(TABLE.encode(codec)) == [{"编号": "1", "原因": '好,\n很"好"'}, {"编号": "2", "原因": "差"}]


def test_utf_16_without_a_mark_is_read_where_the_setting_says_so() -> None:
    assert rows(TABLE.encode("utf-16-le"), encoding="utf-16")[1] == {"编号": "2", "原因": "差"}


def test_a_mark_is_surer_than_a_setting() -> None:
    assert rows(TABLE.encode("utf-8-sig"), encoding="gb18030")[1] == {"编号": "2", "原因": "差"}


@pytest.mark.parametrize("separator", list(csv_text.SEPARATORS.values()))
def test_a_separator_is_what_the_first_row_has_most_of(separator: str) -> None:
    raw = separator.join(['"a,b;c\t,;\t."', "x", "y"]) + "\n" + separator.join("123")
    assert rows(raw.encode()) == [{"a,b;c\t,;\t.": "1", "x": "2", "y": "3"}]


def test_a_given_separator_counts() -> None:
    assert rows(b"a,b;c\n1,2;3", separator=";") == [{"a,b": "1,2", "c": "3"}]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "file_empty"),
        (b"\xef\xbb\xbf \r\n", "file_empty"),
        (b"PK\x03\x04rest of a workbook", "not_csv"),
        (b"\xd0\xcf\x11\xe0old workbook", "not_csv"),
        (b"a,b\n\0,1", "not_csv"),
        (b"a,b\n\xff\xff", "encoding_unknown"),
        (b",,\n1,2,3", "header_unreadable"),
        (b'a,"b\n1,2', "header_unreadable"),
        (b"a,b, a \n1,2,3", "header_repeated"),
        (b"x" * 201 + b"\n1", "header_unreadable"),
        (",".join(map(str, range(201))).encode(), "too_many_columns"),
        (b"a,b\rc,d", "header_unreadable"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_code(raw: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        rows(raw)
    assert (refused.value.code, str(refused.value)) == (code, code)


def cut(raw: bytes, encoding: str = "utf-8") -> tuple[Layout, list[Record]]:
    layout = Layout(encoding, ",", 0)
    return layout, list(csv_text.records(layout.units(raw), ",", last=True))


def test_rows_of_other_lengths_are_read_unless_a_cell_has_no_name() -> None:
    layout, found = cut(b"1\n1,2,,\n1,2,3\n\n")
    names = ("a", "b")
    assert csv_text.row(layout, names, found[0]) == {"a": "1"}
    assert csv_text.row(layout, names, found[1]) == {"a": "1", "b": "2"}
    with pytest.raises(Unreadable, match="row_too_many_cells"):
        csv_text.row(layout, names, found[2])
    assert csv_text.row(layout, names, found[3]) == {}


def test_columns_without_a_name_are_left_out() -> None:
    assert rows(b"a,,b,\n1,2,3,") == [{"a": "1", "b": "3"}]


@pytest.mark.parametrize(
    ("raw", "encoding"), [(b"a,\xff\nb,c", "utf-8"), (b"a\0,\0\x00\xd8\n\0b\0,\0c\0", "utf-16-le")]
)
def test_a_row_whose_bytes_are_no_text_is_one_bad_row(raw: bytes, encoding: str) -> None:
    layout, found = cut(raw, encoding)
    with pytest.raises(Unreadable, match="row_not_text"):
        csv_text.row(layout, ("x", "y"), found[0])
    assert csv_text.row(layout, ("x", "y"), found[1]) == {"x": "b", "y": "c"}


def test_a_carriage_return_alone_and_a_quote_that_never_ends_are_faults_of_their_row() -> None:
    _, found = cut(b'a\rb\n1,2\n3,"4\n5,6')
    assert [record.fault for record in found] == ["row_unreadable", None, "quote_not_closed"]


def test_what_may_go_on_in_the_next_window_is_left() -> None:
    for window in ("1,2\n3", '1,2\n"3\n', '1,2\n3,"4"', "1,2\n3\r"):
        (only,) = csv_text.records(window, ",", last=False)
        assert (only.cells, only.end) == (["1", "2"], 4)


CELLS = st.text(st.sampled_from('"\r\n,;\t a1你丂ß€😀㐀\ue000'), max_size=12)


@given(
    table=st.lists(st.lists(CELLS, min_size=2, max_size=5), min_size=1, max_size=12),
    codec=st.sampled_from(("utf-8", "gb18030", "utf-16-le", "utf-16-be")),
    window=st.integers(8, 200),
)
@settings(max_examples=60, deadline=None)
def test_any_table_is_read_alike_in_windows_of_any_size(table: list[list[str]], codec: str, window: int) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(table)
    raw = text.getvalue().encode(codec)
    layout = Layout(codec, ",", 0)
    found: list[list[str]] = []
    at, size = 0, window
    while at < len(raw):
        units = layout.units(raw[at : at + size])
        last = at + size >= len(raw)
        records = list(csv_text.records(units, ",", last=last))
        found += [[layout.words(cell) for cell in record.cells] for record in records]
        step = layout.size(units[: records[-1].end]) if records else 0
        at, size = at + step, window if step else size * 2
    assert found == table
    assert at == len(raw)


def refusal(call: Callable[[], object]) -> str | None:
    """The code with which a call refuses; None where it does not."""
    try:
        call()
    except Unreadable as error:
        return error.code
    return None


@given(raw=st.binary(max_size=300), codec=st.sampled_from(("utf-8", "gb18030", "utf-16-le")), last=st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_cut_or_refused(raw: bytes, codec: str, last: bool) -> None:
    assert refusal(lambda: csv_text.layout(raw, whole=last)) in (None, "not_csv", "file_empty", "encoding_unknown")
    layout = Layout(codec, ",", 0)
    units = layout.units(raw)
    ends = []
    for record in csv_text.records(units, ",", last=last):
        ends.append(record.end)
        found = refusal(lambda: csv_text.row(layout, ("a", "b"), record))  # noqa: B023 - called at once
        assert found is None or found.startswith(("row_", "quote_"))
    assert ends == sorted(set(ends))
    assert not last or not units or ends[-1] == len(units)
