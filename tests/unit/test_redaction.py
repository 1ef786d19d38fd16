"""Redaction: personal data vanish however they are spelled, other numbers stay."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.text import redaction
from chalicelib.domain.text.folding import fold
from chalicelib.domain.text.redaction import TOKENS, find, names_identifier, redact

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("打我电话13800138000", "打我电话〔手机号〕"),
        ("@13800138000", "@〔手机号〕"),
        ("+86 138-0013-8000", "〔手机号〕"),
        ("(+86)138 0013 8000", "〔手机号〕"),
        ("0086１３８００１３８０００", "〔手机号〕"),
        ("8613800138000", "〔手机号〕"),
        ("138.0013.8000", "〔手机号〕"),
        ("1 3 8 0 0 1 3 8 0 0 0", "〔手机号〕"),
        ("一三八零零一三八零零零", "〔手机号〕"),
        ("幺三八〇〇幺三八〇〇〇一直打不通", "〔手机号〕一直打不通"),
        ("一三八，零零一三，八零零零", "〔手机号〕"),
        ("一3八0013八000", "〔手机号〕"),
        ("①③⑧⓪⓪①③⑧⓪⓪⓪", "〔手机号〕"),
        ("❶❸❽00❶❸❽000", "〔手机号〕"),
        ("1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣好", "〔手机号〕好"),
        ("1\u200b3\u200b8\u200b0\u200b0\u200b1\u200b3\u200b8\u200b0\u200b0\u200b0", "〔手机号〕"),
        ("周一13800138000", "周一〔手机号〕"),
        ("13800138000/13900139000", "〔手机号〕/〔手机号〕"),
        ("身份证11010519491231002X", "身份证〔身份证〕"),
        ("110105 19491231 002x", "〔身份证〕"),
        ("身份证号：110105491231002", "身份证号：〔身份证〕"),
        ("卡号6222021234567890123", "卡号〔银行卡〕"),
        ("4111 1111 1111 1111", "〔银行卡〕"),
        ("４１１１－１１１１－１１１１－１１１１", "〔银行卡〕"),
        ("京A·12345的货车", "〔车牌〕的货车"),
        ("车牌沪 A D12345", "车牌〔车牌〕"),
        ("京AD12345", "〔车牌〕"),
        ("粤Ｂ１２３４学", "〔车牌〕"),
        ("沪 A 1 2 3 4 5", "〔车牌〕"),
        ("abc＠qq．com", "〔邮箱〕"),
        ("写到 zhang.wei@example.com.cn。谢谢", "写到 〔邮箱〕。谢谢"),
        ("abc @ qq . com", "〔邮箱〕"),
        ("13800138000@139.com", "〔邮箱〕"),
        ("010-12345678转801", "〔座机〕转801"),
        ("电话：07551234567", "电话：〔座机〕"),
        ("微信号：abc_12345", "微信号：〔社交账号〕"),
        ("QQ 12345678", "QQ 〔社交账号〕"),
        ("token=EXAMPLE-SECRET-0000 AKIAIOSFODNN7EXAMPLE", "token=〔密钥〕 〔密钥〕"),
        ("密码：abc123", "密码：〔密钥〕"),
        ("验证码 482913 发给谁", "验证码 〔密钥〕 发给谁"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer 〔密钥〕"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "〔密钥〕"),
    ],
)
def test_personal_data_and_secrets_become_tokens(text: str, stored: str) -> None:
    assert redact(text) == stored


@pytest.mark.parametrize(
    "number",
    [
        *(
            "+44 20 7946 0958",
            "+44 (0)20 7946 0958",
            "00442079460958",
            "020 7946 0958",
            "07911 123456",
            "0161 496 0000",
        ),
        *(
            "+852 9123 4567",
            "(852) 91234567",
            "（８５２）９１２３４５６７",
            "00852-9123-4567",
            "＋８５２９１２３４５６７",
        ),
        *("+853 6612 3456", "(853)66123456", "+886 912 345 678", "0912-345-678", "(02)2345-6789"),
        *("+65 9123 4567", "0065 9123 4567", "+60 12-345 6789", "012-345 6789"),
        *("+1 415 555 2671", "+1 (212) 555-1234", "1-212-555-1234", "415-555-2671", "(415) 555-2671", "415.555.2671"),
        *("+49 1512 3456789", "+55 11 91234 5678", "+86 10 1234 5678", "+852\u200b9123\u20604567"),
    ],
)
def test_a_phone_of_elsewhere_vanishes_without_a_word_that_says_so(number: str) -> None:
    for text in ("Call me on {}, 3 days ago", "{}", "没人回，{}！", "(tel:{})", "Alex {} Lee"):
        stored = redact(text.format(number))
        assert digits_left(stored).replace("3", "", "3 days" in text) == "", stored
        assert any(token in stored for token in (redaction.PHONE, redaction.LANDLINE, redaction.MOBILE))


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("my number is 4155552671", "my number is 〔电话〕"),
        ("4155552671 is my mobile", "〔电话〕 is my mobile"),
        ("call 555-2671 please", "call 〔电话〕 please"),
        ("please text me on 91234567.", "please text me on 〔电话〕."),
        ("WhatsApp: 9123 4567", "WhatsApp: 〔电话〕"),
        ("my number is 415 555 2671", "my number is 〔电话〕"),
        ("打给我 91234567 吧", "打给我 〔电话〕 吧"),
        ("手机：６５４３２１０９", "手机：〔电话〕"),
        ("打我 六二三四五六七八", "打我 〔电话〕"),
        ("微信 9 1 2 3 4 5 6 7", "微信 〔电话〕"),
        ("62345678 打给我", "〔电话〕 打给我"),
        ("请致电 0912345678", "请致电 〔电话〕"),
    ],
)
def test_a_plain_number_vanishes_where_words_say_to_call_it(text: str, stored: str) -> None:
    assert redact(text) == stored


@pytest.mark.parametrize(
    "text",
    [
        *(
            "订单 12345678",
            "order 4155552671 is late",
            "order no. 415-555-2671",
            "编号 00441234567890",
            "订单号：415-555-2671",
        ),
        *("SKU 0912-345-678", "SKU-415-555-2671", "part 201-345-6789", "201-345-6789-12", "ISBN 978-7-5327-1234-5"),
        *("SF1234567890123", "运单 SF1234567890123 打给我", "flight CA1501, then MU5101", "room 1204 call 95588"),
        *("2026-11-22", "20261122", "电话 20261122 打的", "call me on 2026-11-22", "call me at 10:30 on 22-11-2026"),
        *(
            "call me on 11/22/2026",
            "10:30 12:00",
            "18:00 91234567",
            "12345678 元",
            "打电话赔 12345678 元",
            "致电 12345678 元",
        ),
        *(
            "iPhone 15 Pro Max 256 512 1024",
            "iphone 12345678",
            "256 512 1024",
            "210-297-1000mm",
            "价格 200-300-2000 元",
        ),
        *(
            "5-6-7",
            "电话 5-6-7",
            "3:2 2-1",
            "v10.15.7.12345",
            "call 192.168.100.100",
            "评分 9123 4567",
            "共 91234567 次",
        ),
        *("电话 400-820-8820", "call 800-820-8820", "1+12345678", "+12345678 积分", "+1,000,000,000", "C++ 12345678"),
        *(
            "0000012345",
            "00123456789",
            "(1) 2345678901",
            "(44) 3 个",
            "1 2 3 4 5 6 7 8",
            "the text 12345678",
            "0 0 8 1 1. 10 11 12",
        ),
        *(
            "手机 1999-2999",
            "手机 2999 3999 都有",
            "打电话 100 200 300 次",
            "290\n300\n4500",
            "booking 12345678 call me",
        ),
        *("取货码 234-567-8901", "order no. is 7654321 call me", "余额 1000000 联系我"),
    ],
)
def test_a_number_that_nobody_says_to_call_stays(text: str) -> None:
    assert redact(text) == text


PHONES: dict[str, list[str]] = yaml.safe_load((FIXTURES / "phones.yaml").read_text("utf-8"))


@pytest.mark.parametrize("line", PHONES["goes"])
def test_phones_of_the_table_vanish_and_nothing_beside_them(line: str) -> None:
    written = redact(line.replace("{", "").replace("}", ""))
    tokens = "|".join((redaction.MOBILE, redaction.LANDLINE, redaction.PHONE))
    assert re.sub(tokens, "{}", written) == re.sub(r"\{.+?\}", "{}", line)
    assert redact(written) == written


@pytest.mark.parametrize("line", PHONES["stays"])
def test_what_is_no_phone_in_the_table_stays(line: str) -> None:
    assert redact(line) == line


@pytest.mark.parametrize("tail", ["/8887", "/88887777", " / 67", "/1", "/8806房", "/888"])
def test_numbers_behind_slashes_are_looked_at_once(tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: Counter[int] = Counter()
    ascii_digits = redaction._Run.ascii_digits

    def watched(run: redaction._Run, start: int, most: int) -> int:
        looked[start] += 1
        return ascii_digits(run, start, most)

    monkeypatch.setattr(redaction._Run, "ascii_digits", watched)
    redact("010-88886666" + tail * 300)
    assert set(looked.values()) == {1}


def test_an_identifier_keeps_what_only_words_or_groups_name_a_phone() -> None:
    assert redact("0912-345-678", identifier=True) == "0912-345-678"
    assert redact("0085291234567", identifier=True) == "0085291234567"


@pytest.mark.parametrize(
    "piece", ["+", "+44 ", "(852) ", "00", "call ", "电话 1234567 ", "415-", "415-555-2671-", "打给我"]
)
def test_the_search_looks_no_further_than_a_label_reaches(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    written = redaction._Run.written

    def watched(run: redaction._Run, start: int) -> str:
        text = written(run, start)
        seen.append(len(text))
        return text

    monkeypatch.setattr(redaction._Run, "written", watched)
    redact(piece * 300)
    assert sum(seen) <= 40 * len(piece) * 300
    assert not seen or max(seen) <= 32


@pytest.mark.parametrize(
    "text",
    [
        "订单202611011234",
        "订单号 202611010012345678",
        "运单 YT8812345678901",
        "13 个，一共 138 块",
        "价格 13,800,138,000 元",
        "套餐13.50 28.00 199",
        "评分1、5、4、3、3、4、5、5、4、3、5",
        "2026-11-01 13:50:22",
        "192.168.100.100",
        "8888888888888888",
        "12345138001380001",
        "10086、12315、400-820-8820",
        "新mate60 pro 很好，新x30 500元",
        "密码是多少",
        "password: incorrect",
        "asia-pacific internationalisation",
        "一二三四五，上山打老虎",
    ],
)
def test_other_numbers_and_words_stay(text: str) -> None:
    assert redact(text) == text


def test_spans_count_code_points_of_the_original() -> None:
    text = "\U0001f621电话１３８００１３８０００！"
    (hit,) = find(text)
    assert (text[hit.start : hit.end], hit.token) == ("１３８００１３８０００", "〔手机号〕")


# ---------------------------------------------------------------- any spelling of a valid one, anywhere

WORDS = st.text(alphabet="我的电话是请回复快递很慢谢谢，。！ \n\U0001f600", max_size=12)
ONE_DIGIT = {
    "plain": "0123456789",
    "full-width": "０１２３４５６７８９",
    "chinese": "零一二三四五六七八九",
    "money": "零壹贰叁肆伍陆柒捌玖",
    "circled": "⓪①②③④⑤⑥⑦⑧⑨",
    "arabic": "٠١٢٣٤٥٦٧٨٩",
}


@st.composite
def spelled(draw: st.DrawFn, digits: str, *, separators: str, mixed_gaps: bool = True) -> str:
    """Digits in one or several scripts, with or without separators, perhaps with invisible characters in between."""
    scripts = draw(st.lists(st.sampled_from(sorted(ONE_DIGIT)), min_size=1, max_size=3))
    gaps = [""] if draw(st.booleans()) else ["", *draw(st.lists(st.sampled_from(separators), min_size=1, max_size=2))]
    if not mixed_gaps:
        gaps = gaps[:2]
    hidden = draw(st.sampled_from(["", "\u200b", "\ufe0f", "\u2060"]))
    parts = []
    for digit in digits:
        script = draw(st.sampled_from(scripts))
        parts.append(ONE_DIGIT[script][int(digit)] if digit.isdigit() else draw(st.sampled_from("Xxｘ")))
    return "".join(part + hidden + draw(st.sampled_from(gaps)) for part in parts[:-1]) + parts[-1]


@st.composite
def mobiles(draw: st.DrawFn) -> str:
    number = "1" + draw(st.sampled_from("3456789")) + draw(st.text("0123456789", min_size=9, max_size=9))
    prefix = draw(st.sampled_from(["", "+86", "86", "0086", "+86 ", "+86-", "(+86)", "0"]))
    return prefix + draw(spelled(number, separators=" -·_\u3000—"))


@st.composite
def id_cards(draw: st.DrawFn) -> str:
    born = draw(st.dates(date(1930, 1, 1), date(2020, 12, 31)))
    body = f"{draw(st.integers(110000, 659000))}{born:%Y%m%d}{draw(st.integers(0, 999)):03}"
    check = "10X98765432"[sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(body)) % 11]
    return draw(spelled(body + check, separators=" -\u3000"))


@st.composite
def bank_cards(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from(["62", "4", "51", "9558"])) + draw(st.text("0123456789", min_size=11, max_size=14))
    total = sum(int(digit) for digit in body[-2::-2])
    total += sum(2 * int(digit) - (9 if digit > "4" else 0) for digit in body[::-2])
    card = body + str(-total % 10)
    return draw(spelled(card, separators=" -\u3000", mixed_gaps=False))


def digits_left(text: str) -> str:
    values = {char: str(number) for script in ONE_DIGIT.values() for number, char in enumerate(script)}
    return "".join(values.get(char, char if char.isascii() and char.isdigit() else "") for char in fold(text).text)


@given(before=WORDS, number=mobiles(), after=WORDS)
@example(before="", number="+86 １３８００１３８０００", after="一")
def test_a_mobile_vanishes_in_any_spelling(before: str, number: str, after: str) -> None:
    stored = redact(before + number + after)
    assert redaction.MOBILE in stored or redaction.BANK_CARD in stored
    assert len(digits_left(stored)) < 3


@given(before=WORDS, number=id_cards(), after=WORDS)
def test_an_id_card_vanishes_in_any_spelling(before: str, number: str, after: str) -> None:
    stored = redact(before + number + after)
    assert any(token in stored for token in TOKENS)
    assert len(digits_left(stored)) < 3


@given(before=WORDS, number=bank_cards(), after=WORDS)
def test_a_bank_card_vanishes_in_any_spelling(before: str, number: str, after: str) -> None:
    stored = redact(before + number + after)
    assert any(token in stored for token in TOKENS)
    assert len(digits_left(stored)) < 8


PIECES = st.sampled_from(
    (
        *("13800138000", "138 0013 8000", "4111 1111 1111 1111", "11010519491231002X", "一三八", "零零一三八零零零"),
        *(
            "a@b.cn",
            "token=abc1",
            "密码:",
            "卡号",
            "电话",
            "QQ 12345",
            "京A12345",
            "+86",
            "010-",
            "+852 9123 4567",
            "415-555-2671",
            "852 9123 4567",
            "0012345678905",
            "/8887",
            "/",
            "订单",
            "call ",
            "打给我",
            "00",
            "44",
            "12345678",
            "12",
            "X",
        ),
        *(*TOKENS, " ", "-"),
    )
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=12).map("".join))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    stored = redact(text)
    assert redact(stored) == stored


@given(st.text(alphabet="0123456789", min_size=20, max_size=40))
def test_a_longer_number_than_any_card_stays(number: str) -> None:
    assert redact(f"单号{number}。") == f"单号{number}。"


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=12).map("".join))
def test_hits_are_ordered_and_apart(text: str) -> None:
    hits = find(text)
    assert all(0 <= hit.start < hit.end <= len(text) for hit in hits)
    assert all(one.end <= other.start for one, other in pairwise(hits))


ORDER = "8800012345679"  # passes Luhn by chance, as every tenth order number does


def test_an_identifier_is_no_bank_card() -> None:
    assert redact(ORDER) == "〔银行卡〕"
    assert redact(ORDER, identifier=True) == ORDER
    assert redact(f"订单号 {ORDER}") == f"订单号 {ORDER}"
    assert redact("订单号 4111 1111 1111 1111") == "订单号 〔银行卡〕"
    assert redact("0755-26123456", identifier=True) == "0755-26123456"


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("SO-13800138000", "SO-〔手机号〕"),
        ("zhang@example.com", "〔邮箱〕"),
        ("11010519491231002X", "〔身份证〕"),
        ("token=13800138000", "token=〔手机号〕"),
    ],
)
def test_what_is_proven_vanishes_from_an_identifier_too(value: str, stored: str) -> None:
    assert redact(value, identifier=True) == stored
    assert redact(stored, identifier=True) == stored


@pytest.mark.parametrize(
    "name", ["order_id", "orderNo", "SKU", "tracking-number", "id", "订单号", "运单编号", "物流单"]
)
def test_a_name_says_that_its_value_is_an_identifier(name: str) -> None:
    assert names_identifier(name)


@pytest.mark.parametrize(
    "name",
    [
        "note",
        "phone_number",
        "cardNo",
        "bank_account_no",
        "paid",
        "kinds",
        "api_key",
        "卡号",
        "手机号",
        "银行账号",
        "备注",
        "",
    ],
)
def test_other_names_do_not(name: str) -> None:
    assert not names_identifier(name)
