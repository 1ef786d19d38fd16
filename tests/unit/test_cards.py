"""What a chat room is shown, and that a customer's words do nothing in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors.cards import build, clip, harmless
from chalicelib.domain.understanding import Text, Understanding
from tests.builders import feedback, message, tag, ticket

FAMILY = "👨‍👩‍👧"
FLAG = "🇨🇳"
ACTIVE = re.compile(r"[<>\[\]*`#&_|~\\!{}\x00-\x1f\u202a-\u202e\u2066-\u2069]|[@＠](?!\u200d)|://|www\.[a-z]")


@given(st.text(max_size=200))
def test_no_text_keeps_a_character_that_a_chat_client_acts_on(text: str) -> None:
    assert ACTIVE.search(harmless(text)) is None


@given(st.text(max_size=200))
def test_doing_it_twice_changes_nothing(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@所有人 服务太差", "@\u200d所有人 服务太差"),
        ("<@all>", "＜@\u200dall＞"),
        ("[点我领奖](https://evil.test)", "［点我领奖］(https:\u200b//evil.\u200btest)"),
        ("```\n\n**已处理** 工单已关闭", "｀｀｀ ＊＊已处理＊＊ 工单已关闭"),
        ("&lt;b&gt;&amp;", "＆lt;b＆gt;＆amp;"),
        ("3.5 分，很好。", "3.5 分，很好。"),
        ("ok\r\n2026-01-01 ERROR", "ok 2026-01-01 ERROR"),
        ("a\u202eb\ud800", "ab\ufffd"),
        (f"谢谢 {FAMILY}", f"谢谢 {FAMILY}"),
    ],
)
def test_what_is_left_reads_the_same(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text(max_size=100), st.integers(0, 60))
def test_a_cut_is_never_longer_than_allowed(text: str, length: int) -> None:
    assert len(clip(text, length)) <= length


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [
        ("一二三四五", 5, "一二三四五"),
        ("一二三四五", 4, "一二三…"),
        (f"好{FAMILY}坏", 4, "好…"),
        (f"{FLAG}{FLAG}x", 4, f"{FLAG}…"),
        ("e\u0301e\u0301e\u0301", 5, "e\u0301e\u0301…"),
        ("👍🏽👍🏽x", 4, "👍🏽…"),
        ("一二", 0, ""),
    ],
)
def test_a_cut_never_splits_what_is_seen_as_one_character(text: str, length: int, shown: str) -> None:
    assert clip(text, length) == shown


def test_a_card_says_what_it_is_about_in_both_languages() -> None:
    voice = feedback(texts=(Text("包裹破损，客服没有回应"),), understanding=Understanding(tags=(tag(start=0, end=4),)))
    names = {"zh-CN": "物流·破损", "en": "Damage"}
    said = message(ticket=ticket(), feedback=voice, customer={"id": "CUST-1"}, topic_name=lambda _, lang: names[lang])

    card = build(said, "zh-CN")
    assert card.title.startswith("新工单 · ")
    assert card.quotes == ("包裹破损，客服没有回应",)
    assert card.tags == ("物流·破损 负面 “包裹破损”",)
    assert card.link == "https://echoloop.example.org/t/" + ticket().id
    facts = dict(card.facts)
    assert facts["客户"] == "CUST-1"
    assert facts["评分"] == "NPS 3/10"
    assert facts["状态"] == "待受理"

    english = build(said, "en")
    assert english.title.startswith("New ticket · ")
    assert english.tags == ("Damage negative “包裹破损”",)
    assert dict(english.facts)["State"] == "open"


def test_staff_words_are_not_quoted_and_cut_words_name_the_ticket() -> None:
    voice = feedback(texts=(Text("您好", speaker="staff"), Text("一" * 50)), understanding=Understanding())
    card = build(message(ticket=ticket(), feedback=voice), "zh-CN", 20)
    assert card.quotes == ("一" * 19 + "…", "（全文见工单）")
    assert build(message(ticket=ticket(), feedback=voice), "zh-CN", 0).quotes == ("（全文见工单）",)


def test_an_alert_without_a_ticket_has_no_link() -> None:
    detail = {"alert_id": "al_1", "rule": "builtin-red-line", "severity": "critical", "named": 3, "swallowed": 2}
    card = build(message(type="alert.raised", detail=detail), "zh-CN")
    assert (card.title, card.severity, card.link, card.quotes) == ("预警", "critical", "", ())
    facts = dict(card.facts)
    assert (facts["规则"], facts["涉及反馈"], facts["冷却期内合并"]) == ("builtin-red-line", "3", "2")


def test_a_tag_whose_text_was_cut_away_shows_no_evidence() -> None:
    voice = feedback(texts=(), understanding=Understanding(tags=(tag(),)))
    assert build(message(feedback=voice), "en").tags == ("logistics.\u200bdamage negative",)
