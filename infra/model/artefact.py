"""Write what ``chalicelib.understanding.weights`` reads. Trainers hand in plain ``{gram: weight}`` tables; grams of all
of them are united into one gram table, weights are quantised to int8 with one scale per column.

For topics ``train.py`` calls ``infra.model.topics.train(sets: Sets, documents: Weights) -> Parts``; ``documents`` holds
the document columns of this build, for features that need the log-odds of the whole text. It returns for instance
``Parts(columns=[ColumnPart("clause", …)], tables=[TablePart("topics/ecommerce", …)])``; all parts are written together.
"""

from __future__ import annotations

import hashlib
import json
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from chalicelib.understanding.turns import FILE
from infra.model.trie import pack


@dataclass(frozen=True, slots=True)
class ColumnPart:
    """One weight per gram. ``extra``: JSON values of the part's own (bias, calibration …). ``scale``: the step to
    quantise with, where several columns are added up in whole steps; 0 takes the one that fits the largest weight."""

    name: str
    weights: Mapping[str, float]
    extra: Mapping[str, Any] = field(default_factory=dict)
    scale: float = 0.0


@dataclass(frozen=True, slots=True)
class TablePart:
    """Several weights per gram: gram → {column number: weight}. Columns are names, at most 255."""

    name: str
    columns: Sequence[str]
    weights: Mapping[str, Mapping[int, float]]
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """What one trainer hands in."""

    columns: Sequence[ColumnPart] = ()
    tables: Sequence[TablePart] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)  # goes into Weights.extra under the trainer's own key


LEVELS: Final = 127  # int8, symmetric


def quantise(weights: Mapping[str, float], scale: float) -> dict[str, int]:
    """gram → weight in steps of ``scale``, clipped to int8; grams that round to zero are left out."""
    steps = {gram: max(-LEVELS, min(LEVELS, round(weight / scale))) for gram, weight in weights.items()}
    return {gram: step for gram, step in steps.items() if step}


def scale_of(weights: Iterable[float]) -> float:
    """The step that lets the largest weight fit, as the short decimal that the artefact stores."""
    return float(f"{max(map(abs, weights), default=0.0) / LEVELS or 1.0:.4g}")


def write(
    folder: Path,
    parts: Sequence[Parts],
    extra: Mapping[str, Any],
    date: str,
    trees: Mapping[str, Any] | None = None,
) -> str:
    """Write the files and answer the version, ``date`` and a digest of their content: same parts, same bytes.
    ``trees``: what ``turns.train`` answers; None leaves reviews that turn to the second stage."""
    columns = [_Column.of(part) for trained in parts for part in trained.columns]
    tables = [_Table.of(part) for trained in parts for part in trained.tables]
    grams = _ordered(columns, tables)
    numbers = bytearray()
    head: dict[str, Any] = {
        "columns": {one.name: one.place(grams, numbers) for one in columns},
        "tables": {one.name: one.place(grams, numbers) for one in tables},
        "extra": {**extra, **{key: value for trained in parts for key, value in trained.extra.items()}},
    }
    content = "\n".join(grams).encode() + bytes(numbers) + _json(head) + (_json(trees) if trees else b"")
    digest = hashlib.sha256(content).hexdigest()[:8]
    version = f"{date}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "grams.bin").write_bytes(pack(grams))
    (folder / "columns.bin").write_bytes(bytes(numbers))
    (folder / "model.json").write_bytes(_json({"version": version, **head}))
    (folder / FILE).unlink(missing_ok=True)
    if trees:
        (folder / FILE).write_bytes(_json(trees))
    return version


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _ordered(columns: Sequence[_Column], tables: Sequence[_Table]) -> list[str]:
    """All grams: those of tables first, so that pointers end where tables do; then by code point, which packs well."""
    in_tables = {gram for table in tables for gram in table.steps}
    rest = {gram for column in columns for gram in column.steps} - in_tables
    return sorted(in_tables) + sorted(rest)


def _append(numbers: bytearray, kind: str, values: Iterable[int]) -> dict[str, Any]:
    start = len(numbers)
    packed = array(kind, values)
    if sys.byteorder == "big":
        packed.byteswap()
    numbers += packed.tobytes()
    return {"type": kind, "start": start, "end": len(numbers)}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column in whole steps."""

    name: str
    steps: Mapping[str, int]
    scale: float
    extra: Mapping[str, Any]

    @classmethod
    def of(cls, part: ColumnPart) -> _Column:
        scale = part.scale or scale_of(part.weights.values())
        return cls(part.name, quantise(part.weights, scale), scale, part.extra)

    def place(self, grams: Sequence[str], numbers: bytearray) -> dict[str, Any]:
        """Append the values, the unknown gram's zero first."""
        values = _append(numbers, "b", [0, *(self.steps.get(gram, 0) for gram in grams)])
        return {"values": values, "scale": self.scale, "extra": self.extra}


@dataclass(frozen=True, slots=True)
class _Table:
    """A table in whole steps: gram → its (column number, step), ascending."""

    name: str
    columns: tuple[str, ...]
    scales: tuple[float, ...]
    steps: Mapping[str, Sequence[tuple[int, int]]]
    extra: Mapping[str, Any]

    @classmethod
    def of(cls, part: TablePart) -> _Table:
        by_column: list[dict[str, float]] = [{} for _ in part.columns]
        for gram, weights in part.weights.items():
            for number, weight in weights.items():
                by_column[number][gram] = weight
        scales = tuple(scale_of(weights.values()) for weights in by_column)
        steps: dict[str, list[tuple[int, int]]] = {}
        for number, column in enumerate(by_column):
            for gram, step in quantise(column, scales[number]).items():
                steps.setdefault(gram, []).append((number, step))
        return cls(part.name, tuple(part.columns), scales, steps, part.extra)

    def place(self, grams: Sequence[str], numbers: bytearray) -> dict[str, Any]:
        """Append pointers, places and values; rows past the last gram of the table get no pointer."""
        last = max((row for row, gram in enumerate(grams, 1) if gram in self.steps), default=0)
        entries = [(), *(self.steps.get(gram, ()) for gram in grams[:last])]
        pointers = [0, *accumulate(len(entry) for entry in entries)]
        return {
            "columns": list(self.columns),
            "scales": list(self.scales),
            "pointers": _append(numbers, "I", pointers),
            "places": _append(numbers, "B", [number for entry in entries for number, _ in entry]),
            "values": _append(numbers, "b", [step for entry in entries for _, step in entry]),
            "extra": self.extra,
        }
