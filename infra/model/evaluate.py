"""``make eval DATA=folder SPLIT=dev|test``: every table of what the product must show, from the shipped artefact.

    python -m infra.model.evaluate --data folder [--split dev] [--tables topics,given] [--lexicon] [--record]

Reads every ``*.jsonl.gz`` of the folder and takes the rows of the split; a set that nothing learns from is measured
whole, and so is a row that names no split. Sets that the product has no labels for are named and left out; a set with
a row that lacks what a table needs is left out of that table, and its notes say so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from chalicelib.understanding import weights as artefact
from chalicelib.understanding.weights import Weights
from infra.model import given, measures, peers
from infra.model.measures import PACK_OF, Figure, Lacks, Probe, Table

ROOT: Final = Path(__file__).resolve().parents[2]
RECORD: Final = Path(__file__).with_name("EVAL.md")
BEGIN: Final = "<!-- figures: make eval -->"
END: Final = "<!-- end of figures -->"
HEAD: Final = "| measured | value | {spread} | n | floor → aim | |"
VERDICTS: Final = ("| aim |", "| met |", "| below |")
RULE: Final = "| --- | --- | --- | --- | --- | --- |"
TABLES: Final[Mapping[str, Callable[[Probe], Table]]] = {
    "polarity": measures.polarity,
    "topics": measures.topics,
    "given": given.polarity,
    "slices": measures.slices,
    "calibration": measures.calibration,
    "others": measures.others,
    "trades": measures.trades,
    "speed": peers.speed,
}


QUALITY: Final = tuple(name for name in TABLES if name != "speed")


def measure(data: Path, split: str, weights: Weights | None, names: Sequence[str] = QUALITY) -> list[Table]:
    """The tables of ``names`` as read with ``weights``; None reads by the lexicon alone."""
    probe = Probe(data, split, weights)
    return [_without_broken(name, probe) for name in names]


def _without_broken(name: str, probe: Probe) -> Table:
    """The table without the sets whose rows lack what it needs; its notes name them."""
    probe.left_out, notes = set(), list[str]()
    while True:
        try:
            table = TABLES[name](probe)
        except Lacks as broken:
            notes.append(f"Left out: {broken.name}, a row of it has no {broken.member!r}.")
            if broken.name in probe.left_out:  # the table reads it some other way
                return Table(name, [], notes)
            probe.left_out.add(broken.name)
        else:
            return replace(table, notes=[*table.notes, *notes])


def unmeasured(data: Path) -> list[str]:
    """Sets of the folder that no table uses."""
    return sorted({path.name.removesuffix(".jsonl.gz") for path in data.glob("*.jsonl.gz")} - PACK_OF.keys())


def printed(table: Table) -> Iterator[str]:
    """A table as lines of text."""
    yield table.title
    yield f"  {'':48} {'value':>7}  {table.spread:15} {'n':>6}  floor → aim"
    for one in table.figures:
        interval = f"[{_number(one.found.low)}, {_number(one.found.high)}]"
        promise = f"{_bars(one)}  {one.verdict}" if one.verdict else ""
        yield f"  {one.title:48} {_number(one.found.value):>7}  {interval:15} {one.found.n:>6}  {promise}".rstrip()
    yield from (f"  {note}" for note in table.notes)


def markdown(table: Table) -> Iterator[str]:
    """A table in Markdown, its notes below it."""
    yield from (f"## {table.title}", "", HEAD.format(spread=table.spread), RULE)
    yield from map(_row, table.figures)
    yield from ("", *(f"{note}" for note in table.notes), "")


def record(tables: Sequence[Table], split: str, version: str) -> str:
    """All tables as the file that is committed beside the model."""
    head = (
        f"# What the shipped reader gets right\n\nModel `{version}`, {split} rows. Written by `make eval … RECORD=1`.\n"
    )
    return "\n".join([head, *(line for table in tables for line in markdown(table))]).rstrip() + "\n"


def with_promises(readme: str, recorded: str) -> str:
    """The README with the rows of ``recorded`` of which something is promised between its two marks."""
    rows = [line for line in recorded.splitlines() if line.startswith("| ") and line.endswith(VERDICTS)]
    kept = [HEAD.format(spread="interval"), RULE, *rows]
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([before + BEGIN, *kept, END + after])


def _row(one: Figure) -> str:
    interval = f"{_number(one.found.low)} - {_number(one.found.high)}"
    cells = (one.title, _number(one.found.value), interval, str(one.found.n), _bars(one), one.verdict)
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def _bars(one: Figure) -> str:
    if one.floor is None or one.aim is None:
        return ""
    return f"≤ {_number(one.floor)}" if one.falls else f"{_number(one.floor)} → {_number(one.aim)}"


def as_json(tables: Sequence[Table], split: str, version: str) -> dict[str, Any]:
    """What ``.local/eval.json`` holds."""
    return {
        "split": split,
        "model_version": version,
        "tables": [
            {
                "title": table.title,
                "notes": list(table.notes),
                "figures": [
                    {
                        "id": one.id,
                        "title": one.title,
                        "value": one.found.value,
                        "low": one.found.low,
                        "high": one.found.high,
                        "n": one.found.n,
                        "floor": one.floor,
                        "aim": one.aim,
                        "verdict": one.verdict,
                    }
                    for one in table.figures
                ],
            }
            for table in tables
        ],
    }


def main(arguments: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m infra.model.evaluate")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--tables", default=",".join(TABLES), help="some of " + ", ".join(TABLES))
    parser.add_argument("--record", action="store_true", help="write EVAL.md and the README's figures")
    parser.add_argument("--lexicon", action="store_true", help="read without the model")
    parser.add_argument("--out", type=Path, default=Path(".local/eval.json"))
    asked = parser.parse_args(arguments)
    if not any(asked.data.glob("*.jsonl.gz")):
        print(f"There is no *.jsonl.gz in {asked.data}.", file=sys.stderr)
        return 2
    weights = None if asked.lexicon else artefact.load()
    names = [name for name in asked.tables.split(",") if weights or name != "speed"]
    version = weights.version if weights else "lexicon"
    tables = measure(asked.data, asked.split, weights, names)
    for table in tables:
        print("\n".join(printed(table)), end="\n\n")
    print("Sets without labels of ours: " + (", ".join(unmeasured(asked.data)) or "none"))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(
        json.dumps(as_json(tables, asked.split, version), ensure_ascii=False, indent=1) + "\n", "utf-8"
    )
    if asked.record:
        recorded, readme = record(tables, asked.split, version), ROOT / "README.md"
        RECORD.write_text(recorded, "utf-8")
        readme.write_text(with_promises(readme.read_text("utf-8"), recorded), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
