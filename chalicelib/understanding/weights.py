"""The shipped model: one table gram → row, and columns of small integers beside it.

``artefact/`` holds four files that ``make model`` writes:
``grams.bin`` the table gram → row, as ``rows`` reads it (row 0 is the unknown gram and stands for none);
``columns.bin`` all numbers, little endian; ``model.json`` everything else: version, where each column and table lies in
``columns.bin``, their scales, and what each part keeps for itself (``extra``: biases, thresholds, calibration); and
``turns.json`` the trees that read reviews which turn.

A *column* has one weight per row (document polarity, clause polarity, pack deltas). A *table* has several, mostly zero,
and is kept sparse (topics of a pack). Weights are ``value * scale``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from chalicelib.understanding.grams import Scan
from chalicelib.understanding.rows import Rows
from chalicelib.understanding.turns import FILE, Turns

ARTEFACT: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "artefact")  # no pathlib: 3 ms to import


class Column:
    """One int8 value per row; a weight is ``scale × value``."""

    __slots__ = ("extra", "name", "scale", "values")

    def __init__(self, name: str, values: Sequence[int], scale: float, extra: Mapping[str, Any]) -> None:
        self.name, self.values, self.scale, self.extra = name, values, scale, extra


class Table:
    """Sparse rows: entries ``pointers[row]`` to ``pointers[row+1]`` of ``places`` (column number) and ``values``.
    Rows past the last pointer have none. ``columns`` are names, e.g. node ids; ``scales`` one per column."""

    __slots__ = ("columns", "extra", "name", "places", "pointers", "scales", "values")

    def __init__(
        self,
        name: str,
        columns: Sequence[str],
        scales: Sequence[float],
        arrays: tuple[Sequence[int], Sequence[int], Sequence[int]],
        extra: Mapping[str, Any],
    ) -> None:
        self.name, self.columns, self.scales, self.extra = name, tuple(columns), tuple(scales), extra
        self.pointers, self.places, self.values = arrays


class Weights:
    """What ``load`` reads."""

    __slots__ = ("columns", "extra", "rows", "tables", "turns", "version")

    def __init__(
        self,
        version: str,
        rows: Rows,
        columns: Mapping[str, Column],
        tables: Mapping[str, Table],
        extra: Mapping[str, Any],
        *,
        turns: Turns | None = None,
    ) -> None:
        self.turns = turns  # none where nothing was learned about them
        self.version, self.rows, self.columns, self.tables, self.extra = version, rows, columns, tables, extra

    def scan(self, folded_text: str) -> Scan:
        """The known grams of a folded text; once per text, shared by all columns and tables."""
        return Scan(folded_text, self.rows)


@lru_cache(maxsize=1)
def load() -> Weights:
    """The shipped weights, read once per process. Raises OSError when a file is missing."""
    return read(ARTEFACT)


def read(folder: str | os.PathLike[str]) -> Weights:
    """The weights of an artefact folder. Raises OSError when a file is missing."""
    head = json.loads(_content(folder, "model.json"))
    numbers = memoryview(_content(folder, "columns.bin"))
    rows = Rows(_content(folder, "grams.bin"))

    def numbers_of(place: Mapping[str, Any]) -> Sequence[int]:
        return numbers[place["start"] : place["end"]].cast(place["type"])

    columns = {
        name: Column(name, numbers_of(part["values"]), part["scale"], part["extra"])
        for name, part in head["columns"].items()
    }
    tables = {
        name: Table(
            name,
            part["columns"],
            part["scales"],
            (numbers_of(part["pointers"]), numbers_of(part["places"]), numbers_of(part["values"])),
            part["extra"],
        )
        for name, part in head["tables"].items()
    }
    turns = os.path.join(folder, FILE)
    trees = Turns(turns) if os.path.exists(turns) else None
    return Weights(head["version"], rows, columns, tables, head["extra"], turns=trees)


def _content(folder: str | os.PathLike[str], name: str) -> bytes:
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()
