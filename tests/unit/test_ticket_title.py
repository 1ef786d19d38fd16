"""Titles are made of our own words only."""

from __future__ import annotations

import pytest

from chalicelib.domain.cases.ticket_title import language, title, titles
from chalicelib.domain.voice.scoring import SCORE_CLASSES
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.understanding.frame_file import RED_LINE_KINDS
from tests.builders import feedback, tag


def names(topic: str, lang: str) -> str:
    return f"{topic}@{lang}"


@pytest.mark.parametrize(
    ("spoken", "understood", "lang"),
    [
        ("zh-TW", None, "zh-CN"),
        (None, None, "zh-CN"),
        ("en-GB", "zh", "en"),
        (None, "en", "en"),
        ("yue", None, "zh-CN"),
    ],
)
def test_the_title_is_chinese_unless_the_voice_is_not(spoken: str | None, understood: str | None, lang: str) -> None:
    assert language(feedback(lang=spoken, understanding=Understanding(lang=understood))) == lang


def test_the_worst_score_stands_in_the_title() -> None:
    scores = (Score("csat", 4, 1, 5), Score("nps", 1, 0, 10), Score("ces", 6.5, 1, 7, "higher"))
    one = feedback(scores=scores, classes={"nps": "detractor", "csat": "satisfied"}, understanding=Understanding())
    assert title(one, names, "zh-CN") == "NPS 1/10 贬损者"
    assert title(one, names, "en") == "NPS 1/10 detractor"


def test_on_a_scale_of_effort_a_high_value_is_the_worst() -> None:
    scores = (Score("rating", 3, 1, 5), Score("ces", 4.5, 1, 5, "lower"))
    one = feedback(scores=scores, classes={"ces": "hard"}, understanding=Understanding())
    assert title(one, names, "zh-CN") == "费力度 4.5/5 费力"


def test_at_most_three_topics_are_named() -> None:
    understanding = Understanding(tags=tuple(tag(topic) for topic in "abcd"))
    assert title(feedback(scores=(), understanding=understanding), names, "en") == "a@en, b@en, c@en"


def test_a_voice_without_scores_and_topics_has_a_title_too() -> None:
    silent = feedback(scores=(), understanding=Understanding(red_lines=("fraud",)))
    assert title(silent, names, "zh-CN") == "【红线·欺诈】顾客反馈待处理"
    assert title(silent, names, "en") == "[Red line: fraud] Customer feedback to handle"


def test_there_is_a_title_for_every_reader() -> None:
    voice = feedback(understanding=Understanding(tags=(tag("a"),), red_lines=("safety",)))
    assert titles(voice, names) == {
        "zh-CN": "【红线·安全】NPS 3/10 贬损者：a@zh-CN",
        "en": "[Red line: safety] NPS 3/10 detractor: a@en",
    }


@pytest.mark.parametrize("name", SCORE_CLASSES)
def test_every_class_has_a_chinese_word(name: str) -> None:
    one = feedback(classes={"nps": name}, understanding=Understanding())
    assert not title(one, names, "zh-CN").isascii()


def test_no_word_of_the_customer_is_in_a_title() -> None:
    one = feedback(scores=(), understanding=Understanding())
    assert "包裹" not in title(one, names, "zh-CN")


@pytest.mark.parametrize("kind", RED_LINE_KINDS)
def test_every_red_line_is_named_in_both_languages(kind: str) -> None:
    one = feedback(understanding=Understanding(red_lines=(kind,)))
    assert kind not in title(one, names, "zh-CN")
    assert "_" not in title(one, names, "en")
