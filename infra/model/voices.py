"""Judge the hand-written voices of every trade (tests/fixtures/voices.yaml) against readers. Members: see there."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.understanding import confidence

FILE: Final = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "voices.yaml"
_POLARITY: Final = {"+": "positive", "-": "negative", "=": "neutral"}
Said = tuple[str, str]  # (node, polarity)


class Voice(NamedTuple):
    """``says``: what a careful coder tags, each with whatever would be as right; ``whole``: good, bad or neither."""

    part: str  # known | fresh
    pack: str
    text: str
    says: tuple[frozenset[Said], ...]
    whole: bool | None


class Score(NamedTuple):
    """Of some voices: expected tags and those found; tags given and those right; voices good or bad and those read so.

    Tags below ``confidence.LINE`` are not counted: they route nothing and ask for a person.
    """

    expected: int
    found: int
    given: int
    right: int
    sided: int
    agreed: int

    def plus(self, other: Score) -> Score:
        """Both together."""
        return Score(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


NOTHING: Final = Score(0, 0, 0, 0, 0, 0)


@cache
def voices(file: Path = FILE) -> tuple[Voice, ...]:
    """All voices in the order of the file."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return tuple(
        Voice(part, pack, one["text"], tuple(map(_alternatives, one["says"])), one.get("good"))
        for part, packs in content.items()
        for pack, listed in packs.items()
        for one in listed
    )


def _alternatives(said: str) -> frozenset[Said]:
    return frozenset((one[:-1], _POLARITY[one[-1]]) for one in said.split("|"))


def score(voice: Voice, read: Understanding) -> Score:
    """How one voice was read."""
    tags = {(tag.topic, tag.polarity) for tag in read.tags if tag.confidence >= confidence.LINE}
    right = frozenset[Said]().union(*voice.says)
    agreed = voice.whole is not None and read.polarity is not None and (read.polarity >= 0.5) == voice.whole
    return Score(
        expected=len(voice.says),
        found=sum(not alternatives.isdisjoint(tags) for alternatives in voice.says),
        given=len(tags),
        right=len(tags & right),
        sided=int(voice.whole is not None),
        agreed=int(agreed),
    )


def text_of(voice: Voice) -> list[Text]:
    """The voice as readers take it."""
    return [Text(voice.text)]


def total(scores: Iterable[Score]) -> Score:
    """All together."""
    found = NOTHING
    for one in scores:
        found = found.plus(one)
    return found
