"""CARD.md, the model card: what the shipped weights learned from, what they reach, where they are bad. Written by
``make model``; nothing in it comes from the clock, so that the same data give the same card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from chalicelib.understanding import weights as shipped
from infra.model import evaluate
from infra.model.sets import LICENCES, NONE, Sets

CARD: Final = Path(__file__).with_name("CARD.md")
OPEN_TABLE: Final = "## What a build from openly licensed sets alone reaches"
_BAD_AT: Final = """\
- **Books and cars.** People praise a book by retelling it and speak of cars in comparisons; both are measured below.
- **但是, 不过, 就是.** A review that turns is read right less often than one that does not, short takeaway reviews
  least of all: which half counts is often not said.
- **Sarcasm** is known only by its set phrases; irony in plain words is read as praise.
- **English.** No openly licensed English polarity set was at hand: a text without Chinese characters is read by the
  hand lexicon alone.
- **Domains never seen.** On products nobody labelled expect what eprstmt shows, or less where words differ as much
  as in books.
- **Neutral documents.** The document polarity knows good and bad; only clauses have a neutral.
"""


def write(sets: Sets, folder: Path, size: tuple[int, int], card: Path = CARD) -> None:
    """Write the card of the build in ``folder``; of an open build only its own chapter, at the end of the card."""
    weights = shipped.read(folder)
    measured = evaluate.measure(sets.folder, "dev", weights, evaluate.QUALITY)
    tables = [line for table in measured for line in _deeper(evaluate.markdown(table))]
    before, _, open_build = card.read_text(encoding="utf-8").partition(OPEN_TABLE) if card.exists() else ("", "", "")
    if sets.open_only:
        open_build = "\n".join(["", "", f"Learned from {_names(sets.used())}.", "", *tables, ""])
    else:
        before = "\n".join(_card(sets, weights.version, len(weights.rows), size, tables)) + "\n"
    open_build = open_build or "\n\nNot built yet: `make model DATA=folder LICENCES=open`.\n"
    card.write_text(before + OPEN_TABLE + open_build, encoding="utf-8")


def _card(sets: Sets, version: str, grams: int, size: tuple[int, int], tables: Sequence[str]) -> Iterator[str]:
    used = sets.used()
    yield "# Model card"
    yield ""
    yield f"**Learned from sets that state no licence: {_names(name for name in used if not LICENCES[name].open)}.**"
    yield "They are scraped reviews and contest data. None of their rows is in this repository; the weights are what"
    yield "was learned from them. Whoever wants none of it builds with `LICENCES=open`: the last table shows what that"
    yield "reaches."
    yield ""
    yield f"Version {version} · {grams:,} character n-grams · {size[0] / 1e6:.2f} MB, {size[1] / 1e6:.2f} MB zipped ·"
    yield "int8 weights · written by `make model`, the same data give the same bytes"
    yield ""
    yield "## Learned from"
    yield ""
    yield "Train rows only; no row of a dev or test half, nor of a set that is only measured."
    yield ""
    yield "| set | rows | licence | used for | from |"
    yield "| --- | --- | --- | --- | --- |"
    for name, rows in sorted(used.items(), key=lambda item: (not LICENCES[item[0]].terms.startswith(NONE), item[0])):
        one = LICENCES[name]
        yield f"| {name} | {rows:,} | {one.terms} | {one.role} | {one.source} |"
    yield ""
    yield "## Left out of training, and why"
    yield ""
    yield "| set | licence | why |"
    yield "| --- | --- | --- |"
    yield from (f"| {name} | {one.terms} | {one.role} |" for name, one in LICENCES.items() if not one.trains)
    yield ""
    yield "## What it is bad at"
    yield ""
    yield _BAD_AT
    yield "## What it reaches"
    yield ""
    yield "Dev halves (of eprstmt, which nothing learned from, its 320 rows), with 95 % intervals, from this artefact."
    yield ""
    yield from tables
    yield ""


def _deeper(lines: Iterable[str]) -> Iterator[str]:
    """Headings one level down: here they stand inside a chapter."""
    return (f"#{line}" if line.startswith("#") else line for line in lines)


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
