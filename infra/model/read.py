"""Read JSON lines ``{"t": text}`` and write what the product makes of each, so that anybody can measure it.

    python -m infra.model.read --pack ecommerce [--labels zhijiang] [--lexicon] < rows.jsonl > readings.jsonl

One line out for one line in, in order and at once: ``{"polarity": probability of positive, "confidence", "tags":
[{node, polarity, start, end, confidence}]}``; ``start`` and ``end`` count code points of ``t``. ``--labels SET`` adds
``labels: [[label, polarity]]`` in the words of a labelled set, polarity -1, 0 or 1. A line that cannot be read, or a
text with nothing in it, gets the same members, empty, and ``error``. A reader that closes the pipe ends it quietly.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final, TextIO

from chalicelib.domain.voice.understanding import Tag, Text, Understanding
from chalicelib.understanding import shipped, weights
from chalicelib.understanding.reader import Reader
from infra.model import labels as label_files
from infra.model.labels import Labels

SIGN: Final = {"negative": -1, "neutral": 0, "positive": 1}
UNREAD: Final = 0.5  # the probability of positive where there is nothing to read: a coin, of confidence 0
CLOSED: Final = 141  # exit status when nobody reads on: what a shell gives for SIGPIPE


def reader_of(pack: str, *, lexicon: bool = False) -> Reader:
    """A reader of a shipped pack, with the shipped weights or by its lexicon alone. Raises ValueError."""
    return Reader(shipped.load(pack), None if lexicon else weights.load())


def labelled(tags: Iterable[Tag], labels: Labels) -> list[tuple[str, int]]:
    """The tags in a set's own words, each (label, polarity) once and in order of place."""
    return labels.said((tag.topic, SIGN[tag.polarity]) for tag in tags)


def positive(understanding: Understanding) -> float:
    """The probability that the voice is positive."""
    return UNREAD if understanding.polarity is None else understanding.polarity


def answers(lines: Iterable[bytes], reader: Reader, labels: Labels | None) -> Iterator[dict[str, Any]]:
    """What to write for each line. Never raises for what stands in one."""
    for number, line in enumerate(lines):
        text, error = _text(line, "utf-8" if number else "utf-8-sig")
        understanding = reader.read([Text(text)], explains=False)
        answer: dict[str, Any] = {
            "polarity": round(positive(understanding), 4),
            "confidence": round(understanding.confidence, 4),
            "tags": [_shown(tag) for tag in understanding.tags],
        }
        if labels is not None:
            answer["labels"] = labelled(understanding.tags, labels)
        yield answer if error is None else {**answer, "error": error}


def _text(line: bytes, encoding: str) -> tuple[str, str | None]:
    """(text, what is wrong); the text is empty when anything is."""
    try:
        row = json.loads(line.decode(encoding))
    except (ValueError, RecursionError):
        return "", "The line is not JSON in UTF-8."
    text = row.get("t") if isinstance(row, dict) else None
    if not isinstance(text, str):
        return "", 'The line is not an object with a text "t".'
    return (text, None) if text.strip() else ("", "The text is empty.")


def _shown(tag: Tag) -> dict[str, Any]:
    return {
        "node": tag.topic,
        "polarity": tag.polarity,
        "start": tag.start,
        "end": tag.end,
        "confidence": round(tag.confidence, 4),
    }


def labels_of(name: str, pack: str) -> Labels:
    """The words of a labelled set for a pack. Raises OSError, and ValueError when they are another pack's."""
    if not name:
        raise ValueError("--labels needs the name of a set: a file in chalicelib/packs/labels.")
    labels = label_files.load(name)
    if labels.pack != pack:
        raise ValueError(f"{name}.yaml has labels for the pack {labels.pack}, not for {pack}.")
    return labels


def run(arguments: list[str], source: BinaryIO, target: TextIO) -> int:
    """The command. 2 and a line on standard error for a pack or labels that are not there."""
    parser = argparse.ArgumentParser(prog="python -m infra.model.read", description="JSON lines in, readings out.")
    parser.add_argument("--pack", required=True, help="a pack in chalicelib/packs")
    parser.add_argument("--labels", help="add the words of this labelled set: a file in chalicelib/packs/labels")
    parser.add_argument("--lexicon", action="store_true", help="read without the model")
    asked = parser.parse_args(arguments)
    try:
        labels = None if asked.labels is None else labels_of(asked.labels, asked.pack)
        reader = reader_of(asked.pack, lexicon=asked.lexicon)
    except (OSError, ValueError) as error:
        print(f"python -m infra.model.read: {error}", file=sys.stderr)
        return 2
    for answer in answers(source, reader, labels):
        target.write(json.dumps(answer, ensure_ascii=False) + "\n")
        target.flush()
    return 0


def main() -> int:
    """``run`` between standard input and output, in UTF-8 wherever it runs."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        return run(sys.argv[1:], sys.stdin.buffer, sys.stdout)
    except BrokenPipeError:
        # What is left in the buffer goes nowhere, or the interpreter would complain of it when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED


if __name__ == "__main__":
    sys.exit(main())
