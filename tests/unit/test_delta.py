"""What corrections teach a workspace: its own cases get better, everything else stays as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.reading.correction import Correction, Mark, marks
from chalicelib.domain.text.folding import fold
from chalicelib.domain.voice.understanding import Tag, Text, need_hint
from chalicelib.understanding import delta as deltas
from chalicelib.understanding import shipped
from chalicelib.understanding.clauses import split
from chalicelib.understanding.delta import LARGEST, Delta, by_clause, features, probability
from chalicelib.understanding.learn import learn
from chalicelib.understanding.reader import Reader
from tests.builders import AT

FRAME = shipped.load()
NONE = Delta({}, {})
# Words that only this workspace knows: its loyalty scheme, and a machine that everybody calls by its nickname.
SCHEME = ["蓝豆又清零了", "蓝豆怎么清零了", "我的蓝豆清零了", "攒的蓝豆都清零了", "蓝豆被清零", "年底蓝豆就清零"]
OTHERS = ["物流太慢", "客服态度很好", "质量不错，价格也实惠", "包装破损", "the parcel was damaged", "还没拆开看", ""]


@cache
def reader() -> Reader:
    return Reader(FRAME)


def read(text: str, delta: Delta | None = None) -> list[Tag]:
    tags = list(reader().read([Text(text)]).tags)
    folded = fold(text)
    clauses = split(folded.text)
    return delta.revise(folded, clauses, tags, 0, FRAME, version="m-1~d") if delta and clauses else tags


def correction(text: str, *right: Mark) -> Correction:
    """Of a feedback of its own."""
    return Correction(
        workspace="acme",
        id="co_1",
        feedback="fb_" + text,
        revision=1,
        reading=1,
        verdict="corrected",
        by="ky_1",
        at=AT,
        frame_version="1",
        model_version="0",
        old=(),
        new=right,
        texts=(Text(text),),
    )


def left_alone(text: str) -> Correction:
    """A verdict that the reading is right."""
    return correction(text, *marks(read(text)))


@cache
def taught() -> Delta:
    scheme = [correction(text, Mark("promotion.rules", "negative", 0, 0, len(text))) for text in SCHEME]
    return learn([*scheme, *(left_alone(text) for text in OTHERS if text)], None, FRAME)


def said(tags: list[Tag]) -> list[tuple[str, str, int, int]]:
    return [(tag.topic, tag.polarity, tag.start, tag.end) for tag in tags]


def test_the_corrected_cases_are_read_right() -> None:
    for text in SCHEME:
        assert ("promotion.rules", "negative") in [one[:2] for one in said(read(text, taught()))], text


def test_a_sentence_that_nobody_corrected_but_that_says_the_same_is_read_right_too() -> None:
    new = "快递很快，可是蓝豆居然清零了"

    (only,) = [tag for tag in read(new, taught()) if tag.topic == "promotion.rules"]

    assert (only.polarity, only.producer) == ("negative", "model")
    assert "蓝豆" in new[only.start : only.end]
    assert only.grams
    assert all(new[gram.start : gram.end] in new[only.start : only.end] for gram in only.grams)
    assert only.version == "m-1~d"


def test_what_was_right_stays_as_it_was() -> None:
    for text in OTHERS:
        assert read(text, taught()) == read(text), text


def test_a_topic_that_analysts_take_away_goes() -> None:
    texts = ["物流中心的展览真大", "参观了物流中心的展览", "物流中心的展览值得看", "物流中心的展览很新"]
    before = [tag.topic for text in texts for tag in read(text)]
    assert any(topic.startswith("logistics") for topic in before)
    delta = learn([correction(text) for text in texts], None, FRAME)

    assert [tag for text in texts for tag in read(text, delta) if tag.topic.startswith("logistics")] == []
    assert said(read("物流太慢", delta)) == said(read("物流太慢"))


def test_a_polarity_that_analysts_turn_is_turned() -> None:
    texts = ["价格便宜得离谱", "这价格便宜得离谱", "便宜得离谱的价格", "价格真的便宜得离谱"]
    assert {tag.polarity for text in texts for tag in read(text)} == {"positive"}
    right = [
        replace(left_alone(text), new=tuple(mark._replace(polarity="negative") for mark in marks(read(text))))
        for text in texts
    ]
    delta = learn(right, None, FRAME)

    assert {tag.polarity for text in texts for tag in read(text, delta)} == {"negative"}
    assert said(read("价格实惠", delta)) == said(read("价格实惠"))


def test_the_same_corrections_teach_the_same_to_the_last_bit() -> None:
    again = learn([left_alone(text) for text in SCHEME], None, FRAME)

    assert again.to_document() == learn([left_alone(text) for text in SCHEME], None, FRAME).to_document()
    assert Delta.from_document(json.loads(json.dumps(taught().to_document()))).version == taught().version
    assert taught().version != NONE.version


def test_one_sighting_of_a_word_teaches_nothing() -> None:
    only = correction("蓝豆又清零了", Mark("promotion.rules", "negative", 0, 0, 6))

    assert learn([only], None, FRAME).version == NONE.version


def test_a_topic_that_the_frame_does_not_have_teaches_nothing() -> None:
    gone = [correction(text, Mark("no.such", "negative", 0, 0, 2)) for text in SCHEME]

    assert "no.such" not in json.dumps(learn(gone, None, FRAME).to_document())


def test_a_delta_stays_small_however_much_was_corrected() -> None:
    letters = [chr(0x4E00 + number) for number in range(1500)]
    texts = ["".join(letters[at : at + 30]) for at in range(0, 1400, 5)]
    delta = learn([correction(text, Mark("product", "negative", 0, 0, 30)) for text in texts], None, FRAME)

    assert 0 < len(json.dumps(delta.to_document(), ensure_ascii=False).encode()) <= LARGEST


@given(st.text(max_size=60), st.floats(0.01, 0.99))
def test_every_span_it_gives_lies_in_the_text_and_every_confidence_is_a_probability(text: str, sure: float) -> None:
    folded = fold(text)
    clauses = split(folded.text)
    tags = [Tag("logistics", "neutral", 0, 0, len(text), sure)] if text and clauses else []
    delta = Delta(dict.fromkeys(features(folded.text), 3.0), {g: {"price": 9.0} for g in features(folded.text)})

    for tag in delta.revise(folded, clauses, tags, 0, FRAME, version="m-1~d"):
        assert 0 <= tag.start < tag.end <= len(text)
        assert 0 <= tag.confidence <= 1
        assert tag.polarity in ("negative", "neutral", "positive")
    assert NONE.revise(folded, clauses, tags, 0, FRAME, version="m-1~d") == tags


def test_latin_words_are_taken_whole() -> None:
    assert features("app闪退 again") == ["app", "again", "闪退"]
    assert probability(0) == 0.5


def test_a_reader_reads_with_what_its_workspace_taught() -> None:
    own = Reader(FRAME, delta=taught())

    understanding = own.read([Text("蓝豆又清零了")])

    assert [(tag.topic, tag.polarity) for tag in understanding.tags] == [("promotion.rules", "negative")]
    assert understanding.departments == (FRAME.by_id["promotion.rules"].department,)
    assert understanding.model_version.endswith("~" + taught().version)
    assert own.read([Text("物流太慢")]).tags == reader().read([Text("物流太慢")]).tags


# --- what a reading costs -------------------------------------------------------------------------------------------


class Counted(list[Any]):
    """A list that counts how often one of its members is asked for, and how often it is gone through."""

    asked = 0
    walked = 0

    def __getitem__(self, at: Any) -> Any:
        self.asked += 1
        return super().__getitem__(at)

    def __iter__(self) -> Iterator[Any]:
        self.walked += 1
        return super().__iter__()


def brute(spans: Sequence[tuple[int, int]], start: int, end: int) -> int:
    shared = [min(end, last) - max(start, first) for first, last in spans]
    return shared.index(max(shared))


@given(st.text("好a,。 但", max_size=40), st.integers(0, 40), st.integers(1, 12))
def test_the_clause_of_a_span_is_the_first_that_shares_most_with_it(text: str, start: int, length: int) -> None:
    folded = fold(text)
    clauses = split(folded.text)
    if clauses:
        spans = [folded.span(clause.start, clause.end) for clause in clauses]
        thing = Tag("product", "neutral", 0, start, start + length, 1.0)
        (found,) = [at for at, here in enumerate(by_clause(folded, clauses, [thing])) if here]
        assert found == brute(spans, start, start + length)


@pytest.mark.parametrize("clauses", [10, 1000, 100_000])
def test_a_span_looks_at_few_of_many_clauses(clauses: int) -> None:
    starts, ends = Counted(range(0, 2 * clauses, 2)), Counted(range(1, 2 * clauses, 2))

    assert deltas._place(starts, ends, clauses, clauses + 1) == clauses // 2
    assert starts.asked + ends.asked <= 2 * clauses.bit_length() + 6


def test_many_tags_of_many_clauses_are_gone_through_once() -> None:
    folded = fold("好," * 500)
    clauses = split(folded.text)
    tags = Counted(Tag("product", "positive", 0, 2 * at, 2 * at + 1, 0.9) for at in range(500))

    assert Delta({"不好": 1.0}, {}).revise(folded, clauses, tags, 0, FRAME, version="m-1~d") == list(tags)
    assert tags.walked <= 2  # the revision's and the comparison's


# --- which corrections teach ----------------------------------------------------------------------------------------


def test_one_feedback_corrected_twice_is_one_sighting() -> None:
    text = "蓝豆又清零了"
    first = correction(text, Mark("promotion.rules", "negative", 0, 0, 6))
    again = [replace(first, reading=2), replace(first, revision=2)]

    assert learn([first, *again], None, FRAME).version == NONE.version


def test_of_two_corrections_of_a_revision_the_later_one_teaches() -> None:
    wrong = [correction(text, Mark("price", "positive", 0, 0, len(text))) for text in SCHEME]
    right = [
        replace(correction(text, Mark("promotion.rules", "negative", 0, 0, len(text))), reading=2) for text in SCHEME
    ]

    assert learn([*wrong, *right], None, FRAME).to_document() == learn(right, None, FRAME).to_document()
    assert learn([*right, *wrong], None, FRAME).to_document() == learn(wrong, None, FRAME).to_document()


# --- what a voice needs ---------------------------------------------------------------------------------------------


def revised(tag: Tag, delta: Delta, text: str = "蓝豆") -> list[Tag]:
    folded = fold(text)
    return delta.revise(folded, split(folded.text), [tag], 0, FRAME, version="m-1~d")


@pytest.mark.parametrize(
    ("topic", "polarity", "hint", "shift", "expected"),
    [
        ("promotion.gift", "negative", "pain", 6.0, ("positive", "delight")),
        ("promotion.gift", "positive", "delight", -6.0, ("negative", "pain")),
        ("price", "positive", "undecided", -6.0, ("negative", "itch")),
        ("price", "negative", "itch", 6.0, ("positive", "undecided")),  # the hint was the topic's
        ("logistics", "neutral", "itch", 6.0, ("positive", "itch")),  # a wish stays one
        ("logistics", "neutral", "itch", -6.0, ("negative", "pain")),
    ],
)
def test_a_tag_whose_polarity_turns_gets_the_hint_of_the_new_one(
    topic: str, polarity: str, hint: str, shift: float, expected: tuple[str, str]
) -> None:
    (found,) = revised(Tag(topic, polarity, 0, 0, 2, 0.9, need_hint=hint), Delta({"蓝豆": shift}, {}))

    assert (found.polarity, found.need_hint) == expected


@pytest.mark.parametrize(
    ("topic", "beside", "shift", "expected"),
    [
        ("price", "undecided", -6.0, ("negative", "itch")),
        ("product.quality", "undecided", -6.0, ("negative", "pain")),
        ("promotion.gift", "undecided", 6.0, ("positive", "delight")),
        ("product.quality", "itch", 0.0, ("neutral", "itch")),
    ],
)
def test_a_tag_that_is_added_gets_the_hint_of_its_topic_and_of_a_wish_beside_it(
    topic: str, beside: str, shift: float, expected: tuple[str, str]
) -> None:
    other = Tag("logistics", "neutral", 0, 0, 2, 0.9, need_hint=beside)
    found = revised(other, Delta({"蓝豆": shift}, {"蓝豆": {topic: 6.0}}))

    assert [(tag.polarity, tag.need_hint) for tag in found if tag.topic == topic] == [expected]


def test_the_hint_is_the_readers() -> None:
    for text in (*OTHERS, "希望物流快一点", "建议便宜点", "赠品很好"):
        for tag in read(text):
            assert tag.need_hint == need_hint(tag.polarity, FRAME.by_id[tag.topic].need, wished=tag.wished), tag
