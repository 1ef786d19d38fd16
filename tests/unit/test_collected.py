"""What self-describing platforms share: no answer is lost because another has its name, or for its type."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inbound import mapping as limits
from chalicelib.domain.text.hygiene import is_identifier
from chalicelib.sources import registry
from chalicelib.sources.base import tombstone
from chalicelib.sources.collected import Collected, fitting

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)


def test_questions_of_one_name_keep_an_answer_each() -> None:
    found = Collected({})
    for value in ("物流", "客服", "物流", "价格"):
        found.attribute("原因", value)
    assert found.attributes == {"原因": "物流", "原因 2": "客服", "原因 3": "价格"}


def test_names_that_differ_after_the_cut_keep_an_answer_each() -> None:
    found = Collected({})
    for end in ("a", "b"):
        found.attribute("x" * limits.MAX_NAME + end, end)
    assert list(found.attributes.values()) == ["a", "b"]
    assert all(len(name) <= limits.MAX_NAME and is_identifier(name) for name in found.attributes)


@pytest.mark.parametrize(
    ("value", "shown"),
    [([1, "b", None, 2.5], "1、b、2.5"), (Decimal("12345678901234567.25"), "12345678901234567.25"), (False, "false")],
)
def test_numbers_count_like_words(value: Any, shown: str) -> None:
    found = Collected({})
    found.attribute("q", value)
    assert found.attributes == {"q": shown}


def test_a_number_in_place_of_words_is_their_text() -> None:
    found = Collected({})
    odd: tuple[Any, ...] = (110, Decimal("1.5"), True, None, ["x"], {})
    for value in odd:
        found.text(value)
    assert [text.text for text in found.texts] == ["110", "1.5"]


@pytest.mark.parametrize("count", [limits.MAX_ATTRIBUTES, limits.MAX_ATTRIBUTES + 1])
def test_a_voice_that_has_no_room_for_everything_says_so(count: int) -> None:
    found = Collected({})
    for number in range(count):
        found.attribute(f"q{number}", "x")
    assert len(found.attributes) == limits.MAX_ATTRIBUTES
    assert found.voice("r", NOW).sanitised == (count > limits.MAX_ATTRIBUTES)


def test_a_value_that_is_cut_off_says_so() -> None:
    found = Collected({})
    found.attribute("q", "x" * (limits.MAX_ATTRIBUTE + 1))
    assert (len(found.attributes["q"]), found.sanitised) == (limits.MAX_ATTRIBUTE, True)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())))
def test_a_guessed_rule_never_parks(value: Any) -> None:
    rule = fitting({"kind": "nps"}, value)
    found = Collected({})
    found.number(rule, "q", value)
    assert all(0 <= one.value <= 10 for one in found.scores)


@pytest.mark.parametrize("time", ["0000-00-00", "", None, [], 7, "2999-01-01T00:00:00Z"])
def test_a_deletion_is_never_parked_for_its_times(time: Any) -> None:
    gone = tombstone("r", {"at": time}, {"occurred_at": "/at", "revision_at": "/at"}, NOW)
    assert (gone.deleted, gone.occurred_at, gone.revision_at) == (True, NOW, NOW)


def test_a_removal_of_jiandaoyun_without_a_readable_time_is_one() -> None:
    from chalicelib.domain.inbound.arrival import Arrival

    raw = b'{"op":"data_remove","data":{"_id":"a","createTime":"?","deleteTime":"?"}}'
    assert registry.load("jiandaoyun").parse(Arrival(raw, NOW), {}).deleted
