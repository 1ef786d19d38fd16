"""Every pack, as people write it: its own sentences pass, its topics are complete, its ids are those of the others."""

from __future__ import annotations

from functools import lru_cache
from random import Random

import pytest

from chalicelib.domain.voice.understanding import Text
from chalicelib.understanding import shipped, weights
from chalicelib.understanding.compose import compose, failures
from chalicelib.understanding.frame import Frame
from chalicelib.understanding.frame_file import RED_LINE_KINDS
from chalicelib.understanding.reader import Reader
from chalicelib.understanding.scripts import letters, mostly_han
from infra.model import packs

SEVEN = ("airline", "auto", "banking", "catering", "ecommerce", "hotel", "retail")
# Topics that a composed frame has once, whoever names them: a pack that means something else takes another word.
SHARED = {"logistics", "product", "service", "price", "environment", "aftersales", "promotion", "app", "overall"}


@lru_cache
def pack(name: str) -> Frame:
    return packs.read(packs.SOURCES / f"{name}.yaml")


def test_the_seven_packs_are_there() -> None:
    assert packs.sources() == SEVEN
    assert shipped.packs() == SEVEN


@pytest.mark.parametrize("model", [False, True], ids=["lexicon alone", "with the model"])
@pytest.mark.parametrize("name", SEVEN)
def test_a_pack_reads_its_own_sentences(name: str, model: bool) -> None:
    frame = pack(name)
    reader = Reader(frame, weights.load() if model else None)
    assert [f"{name}.yaml:{failure}" for failure in failures(frame, reader)] == []


@pytest.mark.parametrize("name", SEVEN)
def test_a_voice_that_complains_of_three_things_keeps_nearly_all(name: str) -> None:
    """Sentences of the pack joined by commas: what is said plainly is not lost because something else is said, too."""
    frame, draw = pack(name), Random(5)
    said = {node.id: [one.text for one in node.samples if one.expects == "negative"] for node in frame.leaves}
    chinese = {node: [text for text in texts if mostly_han(letters(text))] for node, texts in said.items()}
    reader, kept, lost = Reader(frame, weights.load()), 0, []
    for _ in range(100):
        topics = draw.sample(sorted(node for node, texts in chinese.items() if texts), 3)
        text = ",".join(draw.choice(chinese[topic]).strip("。!") for topic in topics)
        found = {tag.topic for tag in reader.read([Text(text)], explains=False).tags}
        missed = [topic for topic in topics if topic not in found]
        kept += 3 - len(missed)
        lost += [(text, missed)] if missed else []
    assert kept >= 285, lost


@pytest.mark.parametrize("name", SEVEN)
def test_a_pack_is_wide_enough_and_says_whose_and_where(name: str) -> None:
    frame = pack(name)
    assert 25 <= len(frame.leaves) <= 60
    assert all(node.department and node.stage for node in frame.nodes)
    assert frame.overall is not None
    assert frame.overall.id == "overall"
    assert {line.kind for line in frame.red_lines} == set(RED_LINE_KINDS)


@pytest.mark.parametrize("name", SEVEN)
def test_every_topic_of_a_pack_is_known_by_words_of_both_languages(name: str) -> None:
    for node in pack(name).leaves:
        latin = {term.text.isascii() for term in node.terms}
        assert latin == {True, False}, f"{name}: {node.id}"


def test_all_packs_compose_into_one_frame() -> None:
    frame = compose([shipped.load(name) for name in SEVEN])
    assert frame.packs == SEVEN
    tops = {node.id for node in frame.nodes if node.parent is None}
    assert tops >= SHARED
    assert len(frame.by_id) == len(frame.nodes)
    assert sum(node.overall for node in frame.nodes) == 1
