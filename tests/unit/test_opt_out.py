"""Which messages opt out, and that no sentence does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.contact.address import plain, spellings
from chalicelib.domain.contact.opt_out import opted_out_of, opts_out
from chalicelib.domain.voice.understanding import Text
from chalicelib.domain.voice.voice import Canonical, Customer
from tests import builders

WORDS = ("td", "退订", "退定", "取消订阅", "unsubscribe", "stop", "tuiding", "t", "r")
NOISE = st.text(alphabet=" \t\n　.。,，!！-–·…\u200b\ufeff\u2060\"“”'（）()", max_size=2)


def wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char


@st.composite
def spelled(draw: st.DrawFn) -> str:
    """An opt-out word with letters of any case and width, and blanks and signs between and around them."""
    letters = [
        draw(st.sampled_from((one, one.upper(), wide(one), wide(one.upper())))) for one in draw(st.sampled_from(WORDS))
    ]
    return draw(NOISE) + "".join(letter + draw(NOISE) for letter in letters)


@pytest.mark.parametrize(
    "text",
    ["TD", "td ", "T D", "ＴＤ", "退订", "退訂", "退 订", "T.D.", "回复TD", "回TD", "TD退订", "TDTD", "T退订",
     "退订谢谢", "请退订短信", "我要退订！", "请帮我退订", "退订此短信", "退订吧", "拒收",
     "R", "Please stop", "UNSUBSCRIBE!", "ⓉⒹ", "𝐓𝐃"],
)  # fmt: skip
def test_an_opt_out_is_known(text: str) -> None:
    assert opts_out(text)


@pytest.mark.parametrize(
    "text",
    ["", "!!", "std", "tr", "trt", "我要退订单", "我想退订酒店房间", "退订了还发", "不退订", "怎么退订？",
     "回复TD退订太麻烦", "TD-LTE 信号不好", "please stop calling after nine", "回复", "谢谢", "T恤不错",
     "1", "td" * 30, "退" * 500],
)  # fmt: skip
def test_a_sentence_is_none(text: str) -> None:
    assert not opts_out(text)


@given(spelled())
@settings(max_examples=150)
def test_blanks_signs_case_and_width_do_not_hide_it(text: str) -> None:
    assert opts_out(text)


@given(st.sampled_from(WORDS), st.text(alphabet="我想的单不好酒店客服mnopxyz23", min_size=1, max_size=8), st.booleans())
@settings(max_examples=150)
def test_whatever_more_is_said_makes_it_a_sentence(word: str, more: str, before: bool) -> None:
    assert not opts_out(more + word if before else word + more)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=12))
@settings(max_examples=150)
def test_any_text_is_judged_alike_in_full_width(text: str) -> None:
    assert opts_out("".join(map(wide, text))) == opts_out(text)


@pytest.mark.parametrize(
    "written", ["13800138000", "+86 138-0013-8000", "0086 13800138000", "８６１３８００１３８０００", " 138 0013 8000 "]
)
def test_one_number_is_one_person_however_it_is_written(written: str) -> None:
    assert plain(written) == "13800138000"
    assert spellings(written)[-1] == "13800138000"


def test_an_address_has_no_capitals_and_an_id_stays_as_it_is() -> None:
    assert spellings(" Wang@Example.COM ") == ("Wang@Example.COM", "wang@example.com")
    assert spellings("CUST-1") == ("CUST-1",)
    assert plain("+49 30 123456") == "+4930123456"


BY_PHONE, BY_MAIL = Customer(phone="13800138000"), Customer(email="wang@example.com")


def voice(*texts: str, channel: str = "survey", customer: Customer = BY_PHONE, **more: bool) -> Canonical:
    words = tuple(map(Text, texts))
    return Canonical("R-1", builders.AT, channel=channel, customer=customer, texts=words, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("heard", "channels"),
    [
        (voice("TD"), ("sms",)),
        (voice("退订", " ", "ＴＤ"), ("sms",)),
        (voice("TD", customer=Customer(id="CUST-1")), ("sms",)),
        (voice("退订", customer=BY_MAIL), ("email",)),
        (voice("unsubscribe", channel="email"), ("email",)),
        (voice("td", channel="chat"), ("wechat", "wecom")),
        (voice("TD", channel="review"), ()),
        (voice("T"), ()),
        (voice("TD", "包裹破损"), ()),
        (voice("我要退订单"), ()),
        (voice(), ()),
        (voice("TD", deleted=True), ()),
    ],
)
def test_a_voice_that_says_nothing_else_opts_out_of_the_channel_that_it_answers(
    heard: Canonical, channels: tuple[str, ...]
) -> None:
    assert opted_out_of(heard) == channels
