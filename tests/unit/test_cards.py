"""What people are shown, and that nobody's words do anything in it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors import cards
from chalicelib.connectors.cards import build, clip, harmless, headline, plain_text
from chalicelib.connectors.harmless import CLOSE, OPEN, excerpt, tail
from chalicelib.domain.vocabulary import NO_UNIT
from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.understanding.called import readable
from tests import card_cases
from tests.builders import feedback, message, tag, ticket
from tests.card_cases import ALERTS, CASES, LANGUAGES, NAMES, NOW, about

FAMILY = "👨‍👩‍👧"
FLAG = "🇨🇳"
ACTIVE = re.compile(r"[<>\[\]*`#&_|~\\!{}\x00-\x1f\u202a-\u202e\u2066-\u2069]|[@＠](?!\u200d)|://|www\.[a-z]")
BUTTON = re.compile(r"^(\[ |\[查看工单\]|\[Open the ticket\]|https://)")


# --- as a person sees them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("target", card_cases.TARGETS)
def test_every_card_reads_as_it_was_agreed(target: str, lang: str) -> None:
    """``python -m tests.card_cases`` writes the files anew."""
    assert card_cases.shown(target, lang) == card_cases.path(target, lang).read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("target", card_cases.SEEN)
def test_at_most_five_lines_stand_before_the_button(target: str, lang: str, case: str) -> None:
    lines = card_cases.lines(target, CASES[case](), lang)
    buttons = [place for place, line in enumerate(lines) if BUTTON.match(line)]
    assert 2 <= buttons[0] <= 5
    assert all("\n" not in line for line in lines)


@pytest.mark.parametrize(
    ("lang", "said", "shown"),
    [
        ("zh-CN", {}, "还缺: 根本原因、采取的措施"),
        ("en", {}, "Still missing: root cause, what was done"),
        ("en", {"action": "sent another"}, "Still missing: root cause"),
        ("en", {"action": "sent another", "root_cause": "thin carton", "incomplete": False}, ""),
    ],
)
def test_a_card_says_what_a_resolution_lacks(lang: str, said: dict[str, str], shown: str) -> None:
    resolved = about(type="ticket.resolved", ticket={"state": "resolved", "incomplete": True, **said})
    lines = plain_text(resolved, lang, 4_000).splitlines()
    assert [line for line in lines if line.startswith(("还缺", "Still missing"))] == ([shown] if shown else [])


@pytest.mark.parametrize(
    ("lang", "unopened", "shown"),
    [
        ("zh-CN", ("care", "depot"), "时限: 子工单未开出：care、depot"),
        ("en", ("care", "depot"), "Promise: no ticket could be opened for care, depot"),
        ("en", (), ""),  # it was opened after all
    ],
)
def test_an_escalation_says_which_part_has_no_ticket(lang: str, unopened: tuple[str, ...], shown: str) -> None:
    told = about(type="ticket.escalated", ticket={"unopened": unopened}, detail={"reason": "part_missing"})
    lines = plain_text(told, lang, 4_000).splitlines()
    assert [line for line in lines if line.startswith(("时限", "Promise"))] == ([shown] if shown else [])


# --- the first line ---------------------------------------------------------------------------------------------


def test_the_first_line_answers_what_where_and_by_when() -> None:
    said = about(ticket={"title": "包裹破损"})
    assert build(said, "zh-CN").title == "【紧急】包裹破损 · 上海一店 · 今天 18:00 前"
    assert build(said, "en").title == "CRITICAL · 包裹破损 · 上海一店 · by 18:00 today"
    late = replace(said, now=NOW + timedelta(hours=5), time_zone="Europe/Berlin")
    assert build(late, "zh-CN").title.endswith(" · 已超时 3 小时")
    assert build(replace(late, now=NOW), "zh-CN").title.endswith(" · 今天 11:00 前")


def test_a_card_calls_the_ticket_as_its_reader_does() -> None:
    titles = {"zh-CN": "NPS 2/10 贬损者：配送时效", "en": "NPS 2/10 detractor: delivery speed"}
    for stored in titles.values():
        said = about(ticket={"title": stored, "titles": titles, "unit": None, "touchpoint": None, "due_at": None})
        assert build(said, "zh-CN").title == "【紧急】NPS 2/10 贬损者：配送时效"
        assert build(said, "en").title == "CRITICAL · NPS 2/10 detractor: delivery speed"
        assert headline(said, "en", 100) == "CRITICAL · NPS 2/10 detractor: delivery speed"


@pytest.mark.parametrize("ticketed", [True, False])
def test_a_card_names_the_unit_as_the_organisation_does(ticketed: bool) -> None:
    said = about(ticket={"title": "包裹破损", "unit": "cn/sh/001"}) if ticketed else ALERTS[next(iter(ALERTS))]()
    named = replace(said, unit_name="<浦东一店>")
    for text in (build(named, "zh-CN").title, headline(named, "zh-CN", 100), plain_text(named, "zh-CN", 2_000)):
        assert harmless("<浦东一店>") in text
        assert cards.unit_id(said) not in text
    assert cards.unit_id(named) == cards.unit_id(said) != ""


def test_what_is_news_is_said_and_what_is_settled_has_no_deadline() -> None:
    closed = about(type="ticket.closed", ticket={"title": "包裹破损", "state": "closed"})
    assert build(closed, "zh-CN").title == "【紧急】工单已关闭：包裹破损 · 上海一店"
    assert headline(closed, "zh-CN", 100) == "【紧急】包裹破损 · 上海一店 · 已关闭"
    assert headline(replace(closed, type="ticket.opened"), "zh-CN", 100) == headline(closed, "zh-CN", 100)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_stays_says_the_same_whenever_it_is_written(lang: str) -> None:
    """A create that is repeated must be the same request, and "today" is wrong tomorrow."""
    now, later = about(), about(now=NOW + timedelta(days=3))
    assert plain_text(now, lang, 2_000) == plain_text(later, lang, 2_000)
    assert headline(now, lang, 100) == headline(later, lang, 100)
    assert build(now, lang).title != build(later, lang).title


def test_a_short_line_names_the_topic_rather_than_the_score() -> None:
    said = about(ticket={"topics": ("logistics.damage", "service.response")})
    assert headline(said, "zh-CN", 40) == "【紧急】包裹破损、客服无回应 · 上海一店 · 11月21日 18:00 前"
    assert headline(said, "zh-CN", 36) == "【紧急】包裹破损、客服… · 上海一店 · 11月21日 18:00 前"
    assert headline(said, "en", 36) == "Damaged… · 上海一店 · by 18:00 on 21 Nov"


def test_of_a_path_of_units_the_end_is_kept() -> None:
    said = about(ticket={"title": "包裹破损" * 9, "unit": "集团/华东大区/上海市/浦东新区/上海一店", "topics": ()})
    assert " · …上海一店 · " in headline(said, "zh-CN", 40)


names = st.text(max_size=200)


@given(names, names, st.sampled_from(LANGUAGES), st.integers(40, 200))
def test_the_first_line_is_always_complete(title: str, unit: str, lang: str, limit: int) -> None:
    said = about(ticket={"title": title, "unit": unit, "topics": ()})
    line = headline(said, lang, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert line.endswith("11月21日 18:00 前" if lang == "zh-CN" else "by 18:00 on 21 Nov")
    assert len(build(said, lang).title) <= cards.TITLE
    assert build(said, lang).title.endswith("今天 18:00 前" if lang == "zh-CN" else "by 18:00 today")
    if harmless(title):
        assert harmless(title)[:3].rstrip() in line
    if harmless(unit) and unit != NO_UNIT:
        assert harmless(readable(unit))[-2:].strip() in line or "…" in line


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_unit_is_named_by_no_sign(lang: str) -> None:
    said, nowhere = (about(ticket={"title": "包裹破损", "unit": unit}) for unit in (NO_UNIT, None))
    assert build(said, lang) == build(nowhere, lang)
    assert headline(said, lang, 100) == headline(nowhere, lang, 100)


# --- words ------------------------------------------------------------------------------------------------------


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
        ("去 领奖.com 或 领奖.中国", "去 领奖.\u200bcom 或 领奖.\u200b中国"),
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
    assert len(tail(text, length)) <= length


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


def test_the_end_of_a_text_is_cut_as_carefully() -> None:
    assert tail("一二三四五", 3) == "…四五"
    assert tail(f"一{FLAG}二", 3) == "…二"
    assert tail("一二", 0) == ""


# --- evidence ---------------------------------------------------------------------------------------------------


def test_the_words_that_a_topic_was_read_from_are_marked_where_they_stand() -> None:
    assert build(about("杯子包裹破损，退款"), "zh-CN").quotes == ("杯子〖包裹破损〗，退款",)


def test_a_long_text_is_shown_from_its_evidence() -> None:
    card = build(about("好" * 500 + "包裹破损" + "坏" * 500), "zh-CN", 60)
    assert card.quotes[0].startswith("…" + "好" * 15)
    assert "〖包裹破损〗" in card.quotes[0]
    assert card.quotes[0].endswith("坏…")
    assert card.cut == "（全文见工单）"


def test_marks_that_a_customer_types_are_no_marks() -> None:
    assert build(about("〖假〗 包裹破损"), "zh-CN").quotes == ("［假］ 〖包裹破损〗",)


spans = st.lists(st.tuples(st.integers(-5, 300), st.integers(-5, 300)), max_size=5)


@given(st.text(max_size=200), spans, st.integers(16, 120))
def test_an_excerpt_keeps_to_its_budget_and_its_marks_to_pairs(
    text: str, marked: list[tuple[int, int]], budget: int
) -> None:
    shown, cut = excerpt(text, marked, budget)
    assert len(shown) <= budget
    assert [char for char in shown if char in OPEN + CLOSE] == [OPEN, CLOSE] * shown.count(OPEN)
    assert ACTIVE.search(shown) is None
    assert cut or shown.translate({ord(OPEN): None, ord(CLOSE): None}).replace(" ", "") == harmless(
        text.replace(OPEN, "［").replace(CLOSE, "］")
    ).replace(" ", "")


def test_overlapping_evidence_is_marked_once() -> None:
    assert excerpt("包裹破损客服", [(0, 3), (2, 4), (4, 4), (9, 12)], 50) == ("〖包裹破损〗客服", False)


# --- the rest ---------------------------------------------------------------------------------------------------


def test_staff_words_are_not_quoted_and_cut_words_name_the_ticket() -> None:
    voice = feedback(texts=(Text("您好", speaker="staff"), Text("一" * 50)), understanding=Understanding())
    card = build(message(ticket=ticket(), feedback=voice), "zh-CN", 20)
    assert (card.quotes, card.cut) == (("一" * 19 + "…",), "（全文见工单）")
    assert card.lines[0] == f"“{'一' * 19}…”（全文见工单）"
    none = build(message(ticket=ticket(), feedback=voice), "zh-CN", 0)
    assert (none.quotes, none.lines[0]) == ((), "（全文见工单）")


def test_answers_to_several_questions_stand_on_one_line_and_share_the_budget() -> None:
    voice = feedback(texts=(Text("太慢"), Text(" "), Text("一" * 100)), understanding=Understanding())
    card = build(message(ticket=ticket(), feedback=voice), "zh-CN", 60)
    assert card.quotes == ("太慢", "一" * 57 + "…")
    assert card.lines[0].startswith("“太慢 ／ 一一")


def test_a_card_says_what_it_is_about_in_both_languages() -> None:
    facts, english = (dict(build(about(), lang).facts) for lang in LANGUAGES)
    assert (facts["客户"], facts["评分"], facts["状态"]) == ("CUST-1", "NPS 3/10", "待受理")
    assert (english["Customer"], english["State"]) == ("CUST-1", "open")
    assert build(about(), "en").tags[0] == "Damaged parcel negative “包裹破损”"
    assert build(about(), "zh-CN").link == "https://echoloop.example.org/t/" + ticket().id


def test_more_than_was_counted_is_shown_as_more() -> None:
    week = message(type="loop.week", detail=card_cases.WEEK, now=NOW)
    seven = {"complete": False, "counts": [{"name": None, "count": 7, "complete": False}]}
    shown = [
        dict(build(one, "en").facts)
        for one in (
            week,
            replace(week, detail={**week.detail, **seven}),
            message(type="digest.ready", detail={**card_cases.DIGEST, "kind": "departments", **seven}, now=NOW),
        )
    ]
    assert [one.get("Ticketed", one.get("New tickets")) for one in shown] == ["7", "7+", "7+"]
    assert shown[1]["Heard"] == "31"


def test_history_tells_what_did_not_hold_and_nothing_of_a_new_case() -> None:
    assert build(about(), "zh-CN").history == ()
    again = about(type="ticket.updated", ticket={"version": 4, "reopened": 1, "verification": "no_answer"})
    assert build(again, "zh-CN").history == ("11月21日 16:00 开单", "重新打开 1 次", "客户回访未答复")


def test_two_steps_of_a_playbook_and_its_limit_and_nothing_without_one() -> None:
    assert build(about(), "zh-CN").playbook == ()
    shown = build(about(playbook=card_cases.PLAYBOOK), "zh-CN").playbook
    assert shown == ("1. 2 小时内致电致歉", "2. 当天补发", "补偿上限 50 元")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_words_of_a_playbook_act_as_little_as_a_customers(lang: str) -> None:
    hostile = {"zh-CN": "<@all> [x](https://evil.test)\n# 标题", "en": "**bold** `x`"}
    book = replace(card_cases.PLAYBOOK, steps=(hostile, hostile), compensation=hostile)
    lines = build(about(playbook=book), lang).lines
    assert ACTIVE.search(lines[-1]) is None


@pytest.mark.parametrize("place", ["title", "unit", "touchpoint", "departments", "topic", "customer"])
@given(words=st.text(alphabet="@<>[]()*#`&_! \n.a全/:\u202e", min_size=1, max_size=60))
def test_nothing_that_anybody_named_acts(place: str, words: str) -> None:
    changes = {"departments": (words,)} if place == "departments" else {place: words}
    said = about(ticket=changes if place in ("title", "unit", "touchpoint", "departments") else {})
    if place == "topic":
        said = replace(said, topic_name=lambda _topic, _lang: words)
    if place == "customer":
        said = replace(said, customer={"name": words})
    card = build(said, "zh-CN")
    shown = [line.replace(ticket().id, "") for line in (card.title, *card.lines, *card.tags)]
    assert all(ACTIVE.search(line) is None for line in shown)


def test_an_alert_without_a_ticket_has_no_link() -> None:
    card = build(ALERTS["alert"](), "zh-CN")
    assert (card.title, card.severity, card.link, card.quotes) == (
        "【紧急】预警 红线 包裹破损 · 华东/上海/一店 · 3 条反馈（其中 2 条合并）", "critical", "", ()
    )  # fmt: skip
    facts = dict(card.facts)
    assert (facts["规则"], facts["涉及反馈"], facts["冷却期内合并"]) == ("红线", "3", "2")


LED = "alert on a voice that opens a ticket"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_alert_says_what_where_and_how_many_then_the_words_and_links_to_the_ticket(lang: str) -> None:
    card = build(ALERTS[LED](), lang)
    assert "华东/上海/一店" in card.title
    assert NAMES["logistics.damage"][LANGUAGES.index(lang)] in card.title
    assert "包裹破损" in card.quotes[0]
    assert card.link == "https://echoloop.example.org/t/tk_1"


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("case", [*CASES, *ALERTS])
def test_no_card_shows_the_id_of_a_delivery_or_of_what_its_link_leads_to(case: str, lang: str) -> None:
    told = {**CASES, **ALERTS}[case]()
    card, text = build(told, lang), plain_text(told, lang, 5_000)
    shown = "\n".join([card.title, *card.lines, text.replace(card.link, "") if card.link else text])
    assert told.delivery_id not in shown
    assert told.delivery_id.replace("_", "＿") not in shown
    assert not told.ticket or told.ticket.id not in shown


def test_without_a_page_of_ours_the_id_is_shown_as_it_can_be_copied() -> None:
    assert dict(build(about(base_url=""), "en").facts)["Id"] == ticket().id
    assert dict(build(ALERTS["alert"](), "en").facts)["Id"] == "al_1"


@pytest.mark.parametrize(
    ("lang", "touchpoint", "departments"),
    [("zh-CN", "售后", "售后部、night shift team"), ("en", "After-sales", "After-sales, night shift team")],
)
def test_departments_and_touchpoints_are_called_by_their_names(lang: str, touchpoint: str, departments: str) -> None:
    told = about(ticket={"unit": "pudong_2", "touchpoint": "after_sales",
                         "departments": ("after_sales", "night_shift_team")})  # fmt: skip
    values = [value for _, value in build(told, lang).facts]
    assert {touchpoint, departments, "pudong 2"} <= set(values)


def test_a_department_that_a_workspace_named_with_markup_stays_harmless() -> None:
    told = about(ticket={"departments": ("**<at>**", "a_[x](y)")})
    assert ("Departments", "＊＊＜at＞＊＊, a ［x］(y)") in build(told, "en").facts


@pytest.mark.parametrize(
    ("named", "swallowed", "said"),
    [(1, 0, "1 voice"), (3, 0, "3 voices"), (1, 1, "1 voice"), (3, 2, "3 voices (2 merged)")],
)
def test_an_alert_says_how_many_voices_it_names(named: int, swallowed: int, said: str) -> None:
    told = message(type="alert.raised", detail={"rule": "r", "named": named, "swallowed": swallowed})
    assert build(told, "en").title.endswith(f" · {said}")


def test_a_tag_whose_text_was_cut_away_shows_no_evidence() -> None:
    voice = feedback(texts=(), understanding=Understanding(tags=(tag(),)))
    assert build(message(feedback=voice), "en").tags == ("logistics.\u200bdamage negative",)


def test_fewer_words_make_no_card_longer() -> None:
    sizes = [sum(map(len, build(about("包裹破损" * 400), "zh-CN", words).lines)) for words in cards.WORD_BUDGETS]
    assert all(more >= less for more, less in pairwise(sizes))
