"""``make model DATA=folder [LICENCES=open]``: train, prune, calibrate, write the artefact and its card.

    python -m infra.model.train --data folder [--licences open] [--out folder]

The same data give the same bytes: one thread, fixed folds, nothing from the clock. ``LICENCES=open`` learns from openly
licensed sets alone and writes to ``.local/model-open``; the shipped artefact and the card stay as they are, but for the
card's table of what such a build reaches.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tempfile
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits

from chalicelib.understanding import weights as shipped
from chalicelib.understanding.weights import ARTEFACT
from infra.model import artefact, card, polarity, topics, turns
from infra.model.sets import Sets

ROOT: Final = Path(__file__).resolve().parents[2]
OPEN: Final = ROOT / ".local" / "model-open"


def build(sets: Sets, folder: Path) -> str:
    """Train everything from ``sets`` and write it to ``folder``; answers the version.

    Raises ValueError when no set may train."""
    with threadpool_limits(1):
        corpus = polarity.read(sets)
        documents = polarity.train(corpus)
        with tempfile.TemporaryDirectory() as temporary:
            artefact.write(Path(temporary), [documents.parts], {}, "documents")
            parts = [documents.parts, topics.train(sets, shipped.read(Path(temporary)))]
            artefact.write(Path(temporary), parts, {}, "topics")
            trees = turns.train(corpus, documents.unseen, shipped.read(Path(temporary)))
    return artefact.write(folder, parts, {"sets": sets.used()}, sets.date(), trees)


def size(folder: Path) -> tuple[int, int]:
    """Bytes of the artefact as it lies there, and about what it takes in a zip."""
    files = [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in (".txt", ".bin", ".json")]
    return sum(map(len, files)), sum(len(gzip.compress(file, mtime=0)) for file in files)


def main(arguments: list[str]) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="make model", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of NAME.jsonl.gz")
    parser.add_argument("--licences", choices=("all", "open"), default="all")
    parser.add_argument("--out", type=Path, help="default: the shipped artefact, or .local/model-open")
    given = parser.parse_args(arguments)
    sets = Sets(given.data, open_only=given.licences == "open")
    folder = given.out or (OPEN if sets.open_only else Path(ARTEFACT))
    version = build(sets, folder)
    print(f"{version}: {size(folder)[0]:,} bytes, {size(folder)[1]:,} zipped, in {folder}")
    if given.out is None:
        card.write(sets, folder, size(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
