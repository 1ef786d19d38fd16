"""How a voice sounds: what says nothing, and what is shouted."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.understanding import mood
from chalicelib.understanding.mood import empty

FILLED = st.from_regex(mood._EMPTY, fullmatch=True)


@given(FILLED | st.text("还行好吧哈12,。!_¼²٣ 　aAk\n", max_size=12))
def test_a_look_at_the_first_letter_never_hides_what_says_nothing(text: str) -> None:
    assert mood._may_be_filled(text) or re.fullmatch(mood._EMPTY, text) is None


@pytest.mark.parametrize(
    "text", ["", "!!!", "10", "哈哈哈哈", "没什么", "凑够十个字", "默认好评", "嗯嗯,好的", "n/a", "aaaa"]
)
def test_what_fills_a_box_says_nothing(text: str) -> None:
    assert empty(text)


@pytest.mark.parametrize(
    "text", ["好", "还行。", "一般", "可以!", "谢谢", "收到了", "ok", "好吃", "不知道怎么退货", "aab"]
)
def test_a_plain_verdict_says_something(text: str) -> None:
    assert not empty(text)


@pytest.mark.parametrize("text", ["太差了", "等死了", "好吃极了", "气死我了", "差!!", "差!", "差!\n", "太让人不放心了"])
def test_this_is_shouted(text: str) -> None:
    assert mood._exclaimed(text)


@pytest.mark.parametrize("text", ["差", "差!你好", "太差", "太\n差了", "太让人觉得不放心了", "气得要命", "死的"])
def test_this_is_not_shouted(text: str) -> None:
    assert not mood._exclaimed(text)
