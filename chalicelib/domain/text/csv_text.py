"""A table as text, read a window of bytes at a time: what it is written in, where each row ends, what its cells say.

Rows are cut before they are decoded. In UTF-8 and GB18030 no byte of a longer character is a quote, a separator or a
line feed, so bytes are cut as if they were Latin-1; UTF-16 is cut as it is decoded. A row whose bytes are no text is
then one bad row, and where it ends is known to the byte, so that a later run can go on there.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 524_288  # bytes that are looked at together; no row is longer
MAX_COLUMNS: Final = 200
MAX_NAME: Final = 200  # characters of a column's name
SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}

# Codes of a file that cannot be read at all, and of a row.
NOT_CSV: Final = "not_csv"
FILE_EMPTY: Final = "file_empty"
ENCODING_UNKNOWN: Final = "encoding_unknown"
HEADER_UNREADABLE: Final = "header_unreadable"
HEADER_REPEATED: Final = "header_repeated"
TOO_MANY_COLUMNS: Final = "too_many_columns"
ROW_UNREADABLE: Final = "row_unreadable"
ROW_NOT_TEXT: Final = "row_not_text"
ROW_TOO_MANY_CELLS: Final = "row_too_many_cells"
QUOTE_NOT_CLOSED: Final = "quote_not_closed"

_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_OTHER_FILES: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b")  # workbooks, old and new; PDF; gzip
_QUOTED: Final = re.compile(r'"[^"]*"')


class Unreadable(Exception):
    """The file, or with ``row`` one row of it, cannot be read. ``code`` says why; no word of it is repeated."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written. ``encoding`` is one of Python's names, ``start`` the byte after the byte order mark."""

    encoding: str
    separator: str
    start: int

    @property
    def _is_wide(self) -> bool:
        return self.encoding.startswith("utf-16")

    def units(self, raw: bytes) -> str:
        """The bytes as what rows are cut in. Half a character at the end is left out."""
        if not self._is_wide:
            return raw.decode("latin-1")
        whole = raw[: len(raw) // 2 * 2]
        text = whole.decode(self.encoding, "surrogatepass")
        return text[:-1] if text and "\ud800" <= text[-1] <= "\udbff" else text

    def size(self, units: str) -> int:
        """How many bytes they stand for."""
        return len(units.encode(self.encoding, "surrogatepass")) if self._is_wide else len(units)

    def words(self, units: str) -> str:
        """What they say. Raises Unreadable (``row_not_text``)."""
        if units.isascii():
            return units
        raw = units.encode(self.encoding, "surrogatepass") if self._is_wide else units.encode("latin-1")
        try:
            return raw.decode(self.encoding)
        except UnicodeDecodeError:
            raise Unreadable(ROW_NOT_TEXT) from None


@dataclass(frozen=True, slots=True)
class Record:
    """One row, cut. ``end``: units from the beginning of the window to its end. ``fault``: why it has no cells."""

    cells: Sequence[str]
    end: int
    fault: str | None = None


def layout(head: bytes, *, whole: bool, encoding: str | None = None, separator: str | None = None) -> Layout:
    """How the file that begins with ``head`` is written; ``whole``: there is no more of it.

    A byte order mark is sure; then what is given counts (``utf-8``, ``utf-16`` or ``gb18030``; a value of SEPARATORS),
    else what fits. Raises Unreadable: ``not_csv``, ``file_empty``, ``encoding_unknown``.
    """
    if head.startswith(_OTHER_FILES):
        raise Unreadable(NOT_CSV)
    mark, named = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", ""))
    found = named or _given(encoding) or _fitting(head, whole=whole)
    if not found.startswith("utf-16") and b"\0" in head:
        raise Unreadable(NOT_CSV)
    plain = Layout(found, ",", len(mark))
    first = plain.units(head[len(mark) :]).partition("\n")[0]
    if not head[len(mark) :].strip():
        raise Unreadable(FILE_EMPTY)
    return Layout(found, separator or _separator(first), len(mark))


def _given(encoding: str | None) -> str:
    return "utf-16-le" if encoding == "utf-16" else encoding or ""


def _fitting(head: bytes, *, whole: bool) -> str:
    """UTF-8 where the bytes are that, which no other text is by chance; else what Chinese spreadsheets write."""
    for name in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(name)().decode(head, final=whole)
        except UnicodeDecodeError:
            continue
        return name
    raise Unreadable(ENCODING_UNKNOWN)


def _separator(line: str) -> str:
    bare = _QUOTED.sub("", line)
    return max(SEPARATORS.values(), key=bare.count)


def columns(layout_: Layout, record: Record) -> tuple[str, ...]:
    """The names in the first row, without empty ones at the end. Raises Unreadable."""
    if record.fault is not None:
        raise Unreadable(HEADER_UNREADABLE)
    try:
        names = [layout_.words(cell).strip() for cell in record.cells]
    except Unreadable:
        raise Unreadable(HEADER_UNREADABLE) from None
    while names and not names[-1]:
        names.pop()
    told = [name for name in names if name]
    if not told or any(len(name) > MAX_NAME for name in told):
        raise Unreadable(HEADER_UNREADABLE)
    if len(names) > MAX_COLUMNS:
        raise Unreadable(TOO_MANY_COLUMNS)
    if len(set(told)) != len(told):
        raise Unreadable(HEADER_REPEATED)
    return tuple(names)


def row(layout_: Layout, names: Sequence[str], record: Record) -> dict[str, str]:
    """Column → what its cell says; empty cells are left out, so a short row is one whose last cells are empty.

    Raises Unreadable with the row's code.
    """
    if record.fault is not None:
        raise Unreadable(record.fault)
    cells = [layout_.words(cell) for cell in record.cells]
    if any(cell.strip() for cell in cells[len(names) :]):
        raise Unreadable(ROW_TOO_MANY_CELLS)
    return {name: cell for name, cell in zip(names, cells, strict=False) if name and cell.strip()}


class _Lines:
    """The lines of a window with their ends, counted as they are taken."""

    def __init__(self, units: str) -> None:
        self._units = units
        self.end = 0  # units taken so far
        self.ran_dry = False  # a row asked for a line after the last one
        self.open_end = False  # the last line taken has no line feed

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.end == len(self._units):
            self.ran_dry = True
            raise StopIteration
        start, feed = self.end, self._units.find("\n", self.end)
        self.end = len(self._units) if feed < 0 else feed + 1
        self.open_end = feed < 0
        return self._units[start : self.end]


def records(units: str, separator: str, *, last: bool) -> Iterator[Record]:
    """The whole rows of a window that begins with one; what may go on in the next window is left. Linear.

    ``last``: the file ends with the window. An empty line is a row without cells.
    """
    csv.field_size_limit(WINDOW)
    lines = _Lines(units)
    reader = csv.reader(lines, delimiter=separator)
    while True:
        lines.ran_dry = False
        fault = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells, fault = [], ROW_UNREADABLE
        if not last and (lines.ran_dry or lines.open_end):
            return
        if lines.ran_dry:
            fault = QUOTE_NOT_CLOSED
        yield Record(() if fault else cells, lines.end, fault)
