"""The hand-written voices of every trade: of the tags and sides that were right, few may be lost."""

from __future__ import annotations

import pytest

from chalicelib.domain.voice.understanding import Text
from chalicelib.understanding import shipped, weights
from chalicelib.understanding.reader import Reader
from infra.model.voices import NOTHING, Voice, score, text_of, total, voices

PACKS = ("catering", "ecommerce", "auto", "hotel", "retail", "banking", "airline")
# By pack, of the voices that the words were mended from: least share of expected tags found, of tags given that are
# right, and of good and bad voices read so.
LEAST = {
    "catering": (0.74, 0.75, 0.93),
    "ecommerce": (0.65, 0.69, 0.87),
    "auto": (0.50, 0.67, 0.93),
    "hotel": (0.71, 0.72, 0.87),
    "retail": (0.63, 0.69, 0.88),
    "banking": (0.61, 0.70, 0.91),
    "airline": (0.71, 0.71, 0.91),
}


@pytest.mark.parametrize("pack", PACKS)
def test_what_a_coder_tags_is_found_as_often_as_it_was(pack: str) -> None:
    reader = Reader(shipped.load(pack), weights.load())
    known = [voice for voice in voices() if voice.part == "known" and voice.pack == pack]
    found = total(score(voice, reader.read(text_of(voice), explains=False)) for voice in known)
    shares = (found.found / found.expected, found.right / found.given, found.agreed / found.sided)
    assert all(share >= least for share, least in zip(shares, LEAST[pack], strict=True)), (pack, shares)


@pytest.mark.parametrize("pack", PACKS)
def test_every_tag_that_is_expected_is_one_of_the_pack(pack: str) -> None:
    nodes = shipped.load(pack).by_id
    expected = {node for voice in voices() if voice.pack == pack for said in voice.says for node, _ in said}
    assert expected - set(nodes) == set()


def test_a_score_counts_what_is_expected_given_and_right() -> None:
    voice = Voice(
        "known", "hotel", "", (frozenset({("room.bed", "negative")}), frozenset({("price", "negative")})), True
    )
    read = Reader(shipped.load("hotel")).read([Text("床太硬，早餐很好")])
    assert score(voice, read)._replace(agreed=0, sided=0) == NOTHING._replace(expected=2, found=1, given=2, right=1)
