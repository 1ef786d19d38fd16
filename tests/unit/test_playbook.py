"""Which playbook holds for a case, and how it is put into words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cases.playbook import Allowance, Playbooks, choose, in_words, said, spoken
from chalicelib.domain.voice.understanding import Understanding
from tests.builders import feedback, playbook, tag

PARTS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4)
NAMES = {"zh-CN": "店长", "en": "Manager"}


def chosen(understanding: Understanding, *ids: str) -> str | None:
    found = choose(feedback(understanding=understanding), lambda: Playbooks(playbook(id=one) for one in ids))
    return found.id if found else None


@given(st.sets(PARTS.map(".".join)), PARTS)
def test_the_nearest_ancestor_with_a_playbook_wins(ids: set[str], parts: list[str]) -> None:
    above = [".".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
    expected = next((one for one in above if one in ids), None)
    found = Playbooks(playbook(id=one) for one in ids).of_topic(".".join(parts))
    assert (found.id if found else None) == expected


def test_a_topic_inherits_from_no_namesake() -> None:
    assert Playbooks([playbook(id="logistics.speed")]).of_topic("logistics.speedy") is None


def test_a_red_line_goes_before_every_topic() -> None:
    crossed = Understanding(tags=(tag(topic="product"),), red_lines=("fraud", "injury"))
    assert chosen(crossed, "product", "red_line:injury") == "red_line:injury"
    assert chosen(crossed, "product") == "product"


def test_complaints_count_in_the_order_of_the_title_and_praise_never() -> None:
    tags = (tag(topic="a", polarity="positive"), tag(topic="b"), tag(topic="c"))
    assert chosen(Understanding(tags=tags), "a", "b", "c") == "b"
    assert chosen(Understanding(tags=tags), "a", "c") == "c"
    assert chosen(Understanding(tags=tags), "a") is None
    assert chosen(Understanding(tags=(tag(topic="b", polarity="neutral"),)), "b") == "b"


def test_a_complaint_below_another_says_it_more_exactly() -> None:
    tags = (tag(topic="logistics"), tag(topic="product"), tag(topic="logistics.damage"))
    assert chosen(Understanding(tags=tags), "logistics", "logistics.damage", "product") == "logistics.damage"
    assert chosen(Understanding(tags=tags[:2]), "logistics", "logistics.damage", "product") == "logistics"


def test_nothing_is_looked_up_for_a_voice_without_a_complaint() -> None:
    def forbidden() -> Playbooks:
        raise AssertionError("There is nothing to choose by.")

    praise = feedback(understanding=Understanding(tags=(tag(polarity="positive"),)))
    assert choose(praise, forbidden) is None
    assert choose(feedback(understanding=Understanding()), forbidden) is None


@pytest.mark.parametrize(
    ("limit", "zh", "en"),
    [
        (Allowance("m", NAMES, 1500, "CNY"), "店长不超过 1500 元。", "Manager up to CNY 1,500."),
        (Allowance("m", NAMES, 2000, "miles"), "店长不超过 2000 里程。", "Manager up to 2,000 miles."),
        (Allowance("m", NAMES, 0), "不作补偿。", "No compensation."),
    ],
)
def test_limits_in_words(limit: Allowance, zh: str, en: str) -> None:
    assert in_words([limit], {}) == {"zh-CN": zh, "en": en}


def test_who_may_give_nothing_is_said_beside_who_may() -> None:
    limits = [Allowance("s", {"zh-CN": "店员", "en": "Assistant"}, 0), Allowance("m", NAMES, 5, "USD")]
    assert in_words(limits, {"zh-CN": "购物券。", "en": "Voucher."}) == {
        "zh-CN": "店员无权限；店长不超过 5 美元。购物券。",
        "en": "Assistant none; Manager up to USD 5. Voucher.",
    }


def test_one_language_or_all_of_them() -> None:
    one = playbook()
    assert spoken(one, "en")["steps"] == ["Step 1", "Step 2", "Step 3"]
    assert spoken(one, None)["title"] == {"zh-CN": "配送慢", "en": "Slow delivery"}
    limit = {"role": "agent", "name": "客服", "amount": 20, "currency": "CNY"}
    assert spoken(one, "zh-CN")["limits"] == [limit]
    assert [said({"en": "only"}, "zh-CN"), said({}, "en")] == ["only", ""]
