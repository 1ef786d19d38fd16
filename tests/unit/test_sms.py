"""Parts of a text message, and shortening one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.alerts import sms

FAMILY = "👨‍👩‍👧"  # three people joined into one sign
FLAG = "🇨🇳"
THUMB = "👍🏽"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("好" * 70, 1),
        ("好" * 71, 2),
        ("好" * 134, 2),
        ("好" * 135, 3),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 159 + "好", 3),  # one Chinese character turns the whole text into UCS-2
        ("€" * 80, 1),  # two septets each
        ("€" * 81, 2),
        ("😀" * 35, 1),  # two units each
        ("😀" * 36, 2),
        ("😀" * 66, 2),  # 33 to a part: the 67th unit stays empty
        ("😀" * 67, 3),
        ("a" * 152 + "€" + "a" * 151, 2),  # the escape does not fit into the first part's last septet
        ("a" * 152 + "€" + "a" * 152, 3),  # so 306 septets take three parts
    ],
)
def test_parts_are_counted_as_carriers_bill_them(text: str, expected: int) -> None:
    assert sms.parts(text) == expected


def test_a_text_that_fits_is_left_alone() -> None:
    assert sms.shorten("好" * 134, 2) == "好" * 134


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("好" * 71, 1, "好" * 69 + "…"),
        ("a" * 161, 1, "a" * 157 + "..."),
        ("好" * 65 + FAMILY + "尾" * 9, 1, "好" * 65 + "…"),  # the sign takes 8 units: all of it or nothing
        ("好" * 68 + FLAG + "尾", 1, "好" * 68 + "…"),
        ("好" * 68 + THUMB + "尾", 1, "好" * 68 + "…"),
        ("好" * 68 + "e\u0301" + "尾尾", 1, "好" * 68 + "…"),
        ("好" * 60 + " " * 20, 1, "好" * 60 + "…"),
    ],
)
def test_a_long_text_ends_between_what_a_reader_sees_as_characters(text: str, most: int, expected: str) -> None:
    assert sms.shorten(text, most) == expected


@given(st.text(max_size=400), st.integers(1, 4))
def test_a_shortened_text_fits_and_keeps_the_beginning(text: str, most: int) -> None:
    short = sms.shorten(text, most)
    assert sms.parts(short) <= most
    kept = short.removesuffix("…") if short.endswith("…") else short.removesuffix("...")
    assert short == text or text.startswith(kept)


@given(st.text(max_size=400), st.text(max_size=5))
def test_more_text_never_costs_less_in_the_same_alphabet(text: str, more: str) -> None:
    wide = "好"  # keeps both in UCS-2
    assert sms.parts(wide + text) <= sms.parts(wide + text + more)
