"""What operations read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.alerts import alert, alert_text, sms
from chalicelib.domain.alerts.alert import AlertKey, Mention
from chalicelib.domain.alerts.alert_text import Letter

AT = datetime(2026, 11, 21, 8, tzinfo=timezone.utc)
KEY = AlertKey("ws", "builtin-red-line", "logistics.damage", "SH-001")
NAMES = {"zh-CN": "物流 / 破损", "en": "Logistics / damage"}
BASE = "https://voice.example"


def letter(*mentions: Mention, key: AlertKey = KEY, trigger: str | None = None, **changes: object) -> Letter:
    waiting = mentions or (Mention("fb_1", "critical", 30, red_line=True),)
    message = alert.compose(key, waiting, 1, AT, trigger=trigger or waiting[0].subject)
    return replace(Letter(message, topic=NAMES, base_url=BASE), **changes)  # type: ignore[arg-type]


def test_the_first_line_says_what_where_and_how_bad() -> None:
    subject, body = alert_text.email(letter())
    assert subject == "[Echoloop] CRITICAL red line logistics.damage SH-001 (1)"
    assert body.splitlines()[0] == "[紧急] 红线：物流 / 破损 · SH-001，反馈 1 条"
    assert "[CRITICAL] red line: Logistics / damage · SH-001, 1 × feedback" in body.splitlines()


def test_an_email_says_it_in_both_languages_and_lists_the_ids_once() -> None:
    _, body = alert_text.email(letter(Mention("fb_1", "high", 30), Mention("fb_2", "critical", 30)))
    chinese, english, ids = body.split("\n\n")
    assert "本条列出 2 项（紧急 1，高 1），其中 1 项是冷却期间累积的" in chinese
    assert "Names 2 (critical 1, high 1); 1 of them came during the cool-down" in english
    assert ids.splitlines() == [f"- fb_2 {BASE}/v1/feedback/fb_2", f"- fb_1 {BASE}/v1/feedback/fb_1"]
    assert alert_text.email(letter(), lang="en")[1].startswith("[CRITICAL] red line")


def test_a_summary_calls_itself_one() -> None:
    summary = letter(trigger="nobody")
    assert alert_text.headline(summary, "zh-CN").startswith("[紧急] 汇总 红线：")
    assert alert_text.headline(summary, "en").startswith("[CRITICAL] summary, red line: ")


def test_the_link_goes_to_the_ticket_when_there_is_one() -> None:
    ticketed = Mention("fb_1", "high", 30, ticket="tk_1")
    _, body = alert_text.email(letter(ticketed, pages={"tk_1": "tk_1.acme.1.signed"}))
    assert body.endswith(f"- fb_1 tk_1 {BASE}/t/tk_1.acme.1.signed")
    assert alert_text.email(letter(ticketed))[1].endswith("- fb_1 tk_1"), "no page, no link"


def test_a_long_list_is_ids_alone_and_complete() -> None:
    mentions = [Mention(f"fb_{number:026d}", "high", 30, ticket=f"tk_{number:026d}") for number in range(2000)]
    _, body = alert_text.email(letter(*mentions))
    assert all(mention.subject in body for mention in mentions)
    assert "https://" not in body
    assert len(body.encode()) < 262_144


def test_without_a_base_url_topic_or_unit_there_are_no_empty_places() -> None:
    bare = letter(key=AlertKey("ws", "vip", "-", "-"), base_url="", topic={})
    _, body = alert_text.email(bare)
    assert body.splitlines()[0] == "[紧急] vip，反馈 1 条"
    assert "主题：（无）" in body
    assert "Unit: (none)" in body
    assert "http" not in body


def test_a_used_up_sms_budget_is_told_in_both_languages() -> None:
    _, body = alert_text.email(letter(sms_limit=200))
    assert "今日短信额度（200 条）已用完：本告警只发邮件。" in body
    assert "Today's SMS budget (200 parts) is used up: this alert went by e-mail only." in body
    assert "SMS" not in alert_text.email(letter())[1]


def test_a_notice_tells_what_happened_to_the_endpoint() -> None:
    key = AlertKey("ws", alert.NOTICE_RULE, "ep_1", "-")
    gone = Mention("ev_1", "high", 3600, what="endpoint.disabled", code="gone")
    failed = Mention("dl-tk_1-ep_1-1", "high", 3600, what="delivery.failed", code="timeout")
    subject, body = alert_text.email(letter(gone, failed, key=key, topic={}))
    assert subject == "[Echoloop] HIGH endpoint trouble ep_1 (2)"
    assert body.splitlines()[0] == "[高] 汇总 接口故障：ep_1，投递失败 1 条，接口已停用 1 条"
    assert body.splitlines()[-2:] == ["- dl-tk_1-ep_1-1 timeout", "- ev_1 gone"]


def test_the_sms_is_short_and_carries_the_link_when_it_fits() -> None:
    text = alert_text.short(letter())
    assert text == f"【回响】[紧急] 红线：物流 / 破损 · SH-001，反馈 1 条 fb_1 {BASE}/v1/feedback/fb_1"
    far = alert_text.short(letter(base_url="https://" + "long." * 20 + "example"))
    assert far == "【回响】[紧急] 红线：物流 / 破损 · SH-001，反馈 1 条 fb_1"
    assert alert_text.short(letter(), lang="en").startswith("Echoloop [CRITICAL] red line")


@pytest.mark.parametrize("char", ["\n", "\r", "\x00", "\u2028", "\u202e", "\t"])
def test_names_that_others_chose_stay_on_one_line(char: str) -> None:
    key = AlertKey("ws", f"vip{char}rule", "-", f"SH{char}001")
    _, body = alert_text.email(letter(key=key))
    assert body.splitlines()[0] == "[紧急] vip rule：SH 001，反馈 1 条"


@given(rule=st.text(min_size=1, max_size=200), topic=st.text(max_size=200), unit=st.text(max_size=200))
def test_any_names_give_a_subject_that_sns_takes_and_an_sms_of_two_parts(rule: str, topic: str, unit: str) -> None:
    message = letter(key=AlertKey("ws", rule, topic, unit), topic={})
    subject, body = alert_text.email(message)
    assert subject.isascii()
    assert subject.isprintable()
    assert 0 < len(subject) < 100
    assert len(body.splitlines()) == 15
    for lang in alert_text.LANGUAGES:
        assert 1 <= sms.parts(alert_text.short(message, lang=lang)) <= 2
