"""The e-commerce pack reads its own test sentences."""

from __future__ import annotations

import pytest

from chalicelib.domain.voice import Text
from chalicelib.understanding import shipped
from chalicelib.understanding.frame import Node, RedLine, Sample
from chalicelib.understanding.frame_file import RED_LINE_KINDS
from chalicelib.understanding.reader import Reader

FRAME = shipped.load()
READER = Reader(FRAME)


@pytest.mark.parametrize(
    ("node", "sample"),
    [pytest.param(node, one, id=f"{node.id}:{one.line}:{one.text}") for node in FRAME.nodes for one in node.samples],
)
def test_a_topic_reads_its_sentence(node: Node, sample: Sample) -> None:
    tags = READER.read([Text(sample.text)]).tags
    polarities = {tag.polarity for tag in tags if tag.topic == node.id or tag.topic.startswith(f"{node.id}.")}
    if sample.expects == "none":
        assert not polarities
    else:
        assert sample.expects in polarities


@pytest.mark.parametrize(
    ("line", "sample"),
    [pytest.param(line, one, id=f"{line.kind}:{one.text}") for line in FRAME.red_lines for one in line.samples],
)
def test_a_red_line_is_seen_and_its_near_miss_is_none(line: RedLine, sample: Sample) -> None:
    crossed = READER.read([Text(sample.text)]).red_lines
    assert (line.kind in crossed) if sample.expects == "hit" else not crossed


def test_every_red_line_kind_is_there_in_both_languages() -> None:
    assert {line.kind for line in FRAME.red_lines} == set(RED_LINE_KINDS)
    for line in FRAME.red_lines:
        assert any(term.text.isascii() and term.text.isalpha() for term in line.terms)


def test_the_frame_is_wide_enough_and_says_whose_and_where() -> None:
    assert 25 <= len(FRAME.leaves) <= 40
    assert all(node.department and node.stage for node in FRAME.nodes)
    assert FRAME.overall is not None
