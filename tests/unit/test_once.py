"""What a text tells twice is tagged once."""

from __future__ import annotations

import pytest

from chalicelib.domain.text.folding import fold
from chalicelib.domain.voice.understanding import Tag, Text
from chalicelib.understanding import shipped, weights
from chalicelib.understanding.delta import Delta, features
from chalicelib.understanding.evidence import ALONE, CLOSE, UNSAID
from chalicelib.understanding.once import Told, once
from chalicelib.understanding.reader import Reader

HOTEL = Reader(shipped.load("hotel"), weights.load())


def told(topic: str, polarity: str, how: str = CLOSE, **changes: object) -> Told:
    tag = Tag(topic=topic, polarity=polarity, text=0, start=0, end=2, confidence=0.9)
    return Told(tag._replace(**changes), how, "")  # type: ignore[arg-type]


def kept(*tags: Told, whole: str | None = "overall") -> list[tuple[str, str]]:
    return [(tag.topic, tag.polarity) for tag in once(tags, whole)[0]]


def test_the_whole_does_not_repeat_the_verdict_on_a_topic() -> None:
    assert kept(told("room.bed", "negative"), told("overall", "negative", ALONE)) == [("room.bed", "negative")]


@pytest.mark.parametrize(
    "other",
    [
        told("room.bed", "positive"),
        told("room.bed", "negative", confidence=0.4),
    ],
    ids=["another verdict", "a doubtful one"],
)
def test_the_whole_is_heard_beside(other: Told) -> None:
    assert ("overall", "negative") in kept(other, told("overall", "negative", ALONE))


def test_words_that_name_the_whole_are_heard_whatever_the_topics_say() -> None:
    assert ("overall", "negative") in kept(told("room.bed", "negative"), told("overall", "negative", CLOSE))


def test_where_a_model_hears_the_whole_nothing_is_taken_from_it() -> None:
    assert len(kept(told("room.bed", "negative"), told("overall", "negative", ALONE), whole=None)) == 2
    assert len(kept(told("room.bed", "neutral"), told("overall", "neutral", ALONE), whole=None)) == 2


def test_the_whole_named_with_one_verdict_is_heard_with_the_other() -> None:
    assert len(kept(told("overall", "negative", CLOSE), told("overall", "positive", ALONE))) == 2


def test_a_mention_of_a_topic_stands_behind_a_verdict_on_it() -> None:
    assert kept(told("room.bed", "neutral", UNSAID), told("room.bed", "positive")) == [("room.bed", "positive")]


@pytest.mark.parametrize(
    ("mention", "verdict"),
    [
        (told("room.bed", "neutral", need_hint="itch"), told("room.bed", "negative")),
        (told("room.bed", "neutral"), told("room.bed", "negative", confidence=0.4)),
        (told("room.bed", "neutral"), told("room.size", "negative")),
    ],
    ids=["a wish", "a doubtful verdict", "another topic"],
)
def test_a_mention_is_kept_beside(mention: Told, verdict: Told) -> None:
    assert len(kept(mention, verdict)) == 2


def test_a_wish_for_the_whole_is_no_verdict_that_a_topic_repeats() -> None:
    wish = told("overall", "neutral", ALONE, need_hint="itch")
    assert len(kept(told("room.bed", "neutral"), wish)) == 2


def test_what_is_left_out_is_not_doubted_either() -> None:
    doubtful = Told(told("room.bed", "neutral", UNSAID).tag, UNSAID, "unsure_topic")
    assert once([doubtful, told("room.bed", "positive")], None)[1] == []
    assert once([doubtful], None)[1] == ["unsure_topic"]


def test_tags_come_by_their_place() -> None:
    assert kept(told("b", "positive", start=5, end=6), told("a", "positive")) == [("a", "positive"), ("b", "positive")]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("安静，睡得特别好", set()),
        ("窗户打不开，闷得慌", set()),
        ("安静，就是住得很不舒服", {"negative"}),
        ("住得很不舒服", {"negative"}),
    ],
)
def test_a_hotel_voice_has_a_verdict_on_the_whole_where_it_says_more_than_its_topics(
    text: str, whole: set[str]
) -> None:
    assert {tag.polarity for tag in HOTEL.read([Text(text)]).tags if tag.topic == "overall"} == whole


# ---------------------------------------------------------------- beside what analysts taught


def taught(text: str, polarity: float = 0.0, **topics: float) -> Reader:
    """A reader whose analysts put every clause of this text right."""
    grams = features(fold(text).text)
    moved = {topic.replace("__", "."): shift for topic, shift in topics.items()}
    delta = Delta(dict.fromkeys(grams, polarity) if polarity else {}, dict.fromkeys(grams, moved) if moved else {})
    return Reader(shipped.load("hotel"), weights.load(), delta)


def said(reader: Reader, text: str) -> list[tuple[str, str]]:
    return [(tag.topic, tag.polarity) for tag in reader.read([Text(text)]).tags]


CLOSED = "窗户打不开，闷得慌"


def test_the_whole_is_heard_where_analysts_took_away_the_topic_that_stood_for_it() -> None:
    reader = taught("窗户打不开", room__view=-4.0)
    assert said(reader, CLOSED) == [("overall", "negative")]
    assert reader.read([Text(CLOSED)]).departments == ("hotel_operations",)


def test_the_whole_is_heard_where_analysts_turned_the_topic_that_stood_for_it() -> None:
    assert said(taught("窗户打不开", 4.0), CLOSED) == [("room.view", "positive"), ("overall", "negative")]


def test_a_topic_that_analysts_taught_stands_for_the_whole() -> None:
    assert said(taught("窗户打不开", room__view=-4.0, room__bed=6.0), CLOSED) == [("room.bed", "negative")]


@pytest.mark.parametrize("text", [CLOSED, "安静，睡得特别好", "安静，就是住得很不舒服"])
def test_what_analysts_taught_of_other_words_changes_nothing(text: str) -> None:
    assert said(taught("早餐品种太少", 4.0, dining__breakfast=4.0), text) == said(HOTEL, text)
