"""What corrections teach a workspace: its own cases get better, everything else stays as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.correction import Correction, Mark, marks
from chalicelib.domain.folding import fold
from chalicelib.domain.understanding import Tag, Text
from chalicelib.understanding import shipped
from chalicelib.understanding.clauses import split
from chalicelib.understanding.delta import LARGEST, Delta, features, probability
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
    return Correction(
        workspace="acme",
        id="co_1",
        feedback="fb_1",
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
