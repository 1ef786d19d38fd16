"""Over arbitrary text: spans and n-grams slice what is stored, with the model as without; nothing ever raises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.text.folding import fold
from chalicelib.domain.vocabulary import ACTIONABILITY, BEHAVIOURS, INTENTS, POLARITIES, PRODUCERS, REVIEW_REASONS
from chalicelib.domain.voice.understanding import Text
from chalicelib.understanding import shipped, weights
from chalicelib.understanding.reader import Reader

FRAME = shipped.load()
READERS = {"lexicon": Reader(FRAME), "model": Reader(FRAME, weights.load())}
PHRASES = st.sampled_from(
    (
        *(
            "物流",
            "质量",
            "客服",
            "ＡＰＰ",
            "delivery ",
            "太慢",
            "很好",
            "破损",
            "便宜",
            "起诉",
            "good ",
            "質量",
            "態度",
        ),
        *("不", "没有", "不是不", "not ", "希望", "如果", "比隔壁", "以前", "现在", "难道", "真是太好了", "呵呵", "吗"),
        *(
            "但是",
            "，",
            "。",
            " ",
            "“",
            "”",
            "\u200b",
            "\U0001f621",
            "👍🏽",
            "❤️",
            "e\u0301",
            "㈱",
            "等了三个小时",
            "然后",
        ),
    )
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VOICES = st.lists(st.one_of(PHRASES, TEXT), max_size=16).map("".join)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(VOICES, max_size=3))
def test_spans_grams_and_words_hold_for_any_text(name: str, texts: list[str]) -> None:
    understanding = READERS[name].read([Text(text) for text in texts])
    for tag in understanding.tags:
        stored = texts[tag.text]
        said = stored[tag.start : tag.end]
        assert said
        assert said == stored[slice(tag.start, tag.end)]
        for term in tag.terms:
            assert term in fold(said).text or fold(term).text.replace("没", "没有", 1) in fold(said).text
        assert tag.polarity in POLARITIES
        assert tag.producer in PRODUCERS
        assert 0 < tag.confidence <= 1
        assert len(tag.grams) <= 3
        reached = 0
        for gram in tag.grams:
            assert reached <= gram.start < gram.end <= len(stored)
            reached = gram.end
    assert set(understanding.intents) <= set(INTENTS)
    assert understanding.actionability in (None, *ACTIONABILITY)
    assert set(understanding.behaviour) <= set(BEHAVIOURS)
    assert set(understanding.review) <= set(REVIEW_REASONS)
    assert understanding.polarity is None or 0 <= understanding.polarity <= 1
    assert understanding.emotion in (None, 0, 1, 2, 3)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, deadline=None)
@given(one=VOICES, other=VOICES)
def test_a_sentence_has_the_same_tags_at_any_place_and_staff_have_none(name: str, one: str, other: str) -> None:
    reader = READERS[name]
    alone = [tag._replace(text=1) for tag in reader.read([Text(one)]).tags]
    together = reader.read([Text(other, question="原因"), Text(one), Text(other, speaker="staff")])
    assert [tag for tag in together.tags if tag.text == 1] == alone
    assert not [tag for tag in together.tags if tag.text == 2]
    assert reader.read([Text(one, speaker="staff")]).polarity is None
