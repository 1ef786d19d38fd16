"""Judge the hand-written hard cases (tests/fixtures/hard_cases.yaml) against a reader. Members of a case: see there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.understanding.reader import Reader

FILE: Final = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "hard_cases.yaml"
PACK: Final = "ecommerce"


class Case(NamedTuple):
    """One sentence with what must come out; ``why`` it does not, where the engine is known to be wrong."""

    kind: str
    text: str
    expects: Mapping[str, Any]
    why: str | None


def cases(file: Path = FILE) -> list[Case]:
    """All cases in the order of the file."""
    kinds = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [
        Case(kind, case.pop("text"), case, case.pop("why", None)) for kind, listed in kinds.items() for case in listed
    ]


def missed(case: Case, reader: Reader) -> list[str]:
    """What came out otherwise than the case expects; empty: right."""
    return list(_missed(case.expects, reader.read([Text(case.text)])))


def _missed(expects: Mapping[str, Any], read: Understanding) -> Iterator[str]:
    for topic, polarity in expects.get("topics", {}).items():
        found = {tag.polarity for tag in read.tags if _below(tag.topic, topic)}
        if polarity not in found or found - {polarity, "neutral"}:
            yield f"{topic} is {sorted(found)}, not {polarity}"
    for topic in expects.get("none", ()):
        if any(_below(tag.topic, topic) for tag in read.tags):
            yield f"{topic} is tagged"
    if "document" in expects:
        side = None if read.polarity is None else "positive" if read.polarity > 0.5 else "negative"
        if side != expects["document"]:
            yield f"the voice is {side} ({read.polarity}), not {expects['document']}"
    if expects.get("action", read.actionability) != read.actionability:
        yield f"the action is {read.actionability}, not {expects['action']}"
    if "intent" in expects and expects["intent"] not in read.intents:
        yield f"the intents are {list(read.intents)}, without {expects['intent']}"
    if "review" in expects and expects["review"] not in read.review:
        yield f"the review reasons are {list(read.review)}, without {expects['review']}"
    if expects.get("tags") == 0 and read.tags:
        yield f"tagged {[tag.topic for tag in read.tags]}"


def _below(topic: str, ancestor: str) -> bool:
    return any(topic == one or topic.startswith(f"{one}.") for one in ancestor.split("|"))
