"""Who is the customer in a conversation, and what of it is one stretch."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.mapping import SETTINGS
from chalicelib.domain.voice.voice import Canonical
from chalicelib.errors import Invalid
from chalicelib.sources.registry import Catalogue
from chalicelib.sources.transcript import Transcript

NOW = datetime(2026, 11, 21, 8, tzinfo=timezone.utc)
SOURCE = Transcript()


def body(*turns: Any, **changes: Any) -> dict[str, Any]:
    """A call, valid unless changed; a turn is (speaker, text) or a whole object."""
    return {
        "type": "transcript.completed",
        "id": "call-1",
        "occurred_at": "2026-11-01T08:00:00Z",
        "channel": "hotline",
        "turns": [
            turn if isinstance(turn, dict) else dict(zip(("speaker", "text"), turn, strict=True)) for turn in turns
        ],
        **changes,
    }


def read(document: dict[str, Any], **chosen: Any) -> Canonical:
    raw = json.dumps(document, ensure_ascii=False).encode()
    return SOURCE.parse(Arrival(raw, NOW), {SETTINGS: chosen})


def said(document: dict[str, Any], **chosen: Any) -> list[tuple[str, str]]:
    return [(text.speaker, text.text) for text in read(document, **chosen).texts]


@pytest.mark.parametrize("label", ["客户", "Customer", "CALLER", "顾客", "车主"])
def test_plain_labels_of_customers_are_known(label: str) -> None:
    assert said(body((label, "太慢"))) == [("customer", "太慢")]


@pytest.mark.parametrize("label", ["坐席", "Agent", "导购", "IVR", "speaker_0", "1", "路人"])
def test_staff_robots_and_strangers_are_never_the_customer(label: str) -> None:
    assert said(body((label, "太慢"), ("客户", "好"))) == [("staff", "太慢"), ("customer", "好")]


def test_the_setting_is_laid_over_what_labels_say_of_themselves() -> None:
    roles = {"AGENT": "customer", "客户": "staff"}
    assert said(body(("agent", "a"), ("客户", "b")), speakers=roles) == [("customer", "a"), ("staff", "b")]


def test_strangers_are_customers_only_where_the_setting_says_so() -> None:
    turns = body(("x", "a"), ("坐席", "b"))
    assert said(turns, unknown_speakers="customer") == [("customer", "a"), ("staff", "b")]


def test_two_strangers_are_two_texts() -> None:
    assert said(body(("x", "a"), ("y", "b"), ("Y", "c"))) == [("staff", "a"), ("staff", "b c")]


def turn(text: str, start: int | None = None, end: int | None = None, speaker: str = "客户", **more: Any) -> Any:
    told = {"start_ms": start, "end_ms": end}
    return {"speaker": speaker, "text": text, **{name: at for name, at in told.items() if at is not None}, **more}


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (turn("包裹破", 0, 900), turn("损了", 1_000, 1_500), "包裹破损了"),
        (turn("包裹破损", 0, 900), turn("很生气", 1_600, 2_000), "包裹破损 很生气"),
        (turn("包裹破损"), turn("很生气"), "包裹破损 很生气"),
        (turn("bat", 0, 900), turn("tery", 950, 1_500), "bat tery"),
        (turn("买了iPhone", 0, 900), turn("坏了", 950, 1_500), "买了iPhone 坏了"),
        (turn(" 好 ", 0, 900), turn("\n的 ", 950, 1_500), "好的"),
    ],
)
def test_fragments_are_joined_by_a_blank_at_most(first: Any, second: Any, joined: str) -> None:
    assert said(body(first, second)) == [("customer", joined)]


def test_turns_are_put_in_order_only_where_every_one_tells_its_time() -> None:
    late, early = turn("乙", 500, 600, "坐席"), turn("甲", 0, 100)
    assert [text for _, text in said(body(late, early))] == ["甲", "乙"]
    assert [text for _, text in said(body(late, early, turn("丙")))] == ["乙", "甲 丙"]


def test_interim_results_are_left_out() -> None:
    assert said(body(turn("我想", final=False), turn("我想退货", final=True))) == [("customer", "我想退货")]
    assert SOURCE.ignores({"type": "transcript.interim"})
    assert not SOURCE.ignores({"type": "transcript.completed"})
    assert not SOURCE.ignores(None)


def test_what_would_be_too_long_joined_goes_on_in_another_text() -> None:
    found = said(body(("客户", "长" * 15_000), ("客户", "话" * 15_000)))
    assert [(speaker, len(text)) for speaker, text in found] == [("customer", 15_000), ("customer", 15_000)]


@pytest.mark.parametrize(
    ("document", "pointer", "message"),
    [
        (body(("客户", "x"), type="feedback.created"), "/type", "transcript.completed"),
        (body(("客户", "x"), channel="survey"), "/channel", "hotline, badge"),
        (body(), "/turns", "at least one turn that is final"),
        (body(("客户", "  ")), "/turns", "at least one turn that is final"),
        (body(turn("x", final=False)), "/turns", "at least one turn that is final"),
        (body(turn("x", final="no")), "/turns/0/final", "true or false"),
        (body(turn("x", 5, 4)), "/turns/0/end_ms", "ends after it has begun"),
        (body(turn("x", -1)), "/turns/0/start_ms", "milliseconds"),
        (body(turn("x", True)), "/turns/0/start_ms", "milliseconds"),
        (body(turn("x", confidence=1.01)), "/turns/0/confidence", "between 0 and 1"),
        (body(turn("x", confidence=True)), "/turns/0/confidence", "between 0 and 1"),
        (body(turn("x", loudness=3)), "/turns/0", "takes only speaker"),
        (body(turn("x", speaker="")), "/turns/0/speaker", "printable"),
        (body(("客户", "x"), scores=[]), "", "takes only type"),
        (body(("客户", "x"), lang="中文"), "/lang", "language"),
        (body(*[(str(number), "x") for number in range(1_001)]), "/turns", "at most 1000 times"),
        (
            body(("客户", "x"), agent="A", attributes=dict.fromkeys(map(str, range(50)), "x")),
            "/attributes",
            "at most 50",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(document: dict[str, Any], pointer: str, message: str) -> None:
    with pytest.raises(Invalid, match=message) as refused:
        read(document)
    assert (refused.value.code, refused.value.pointer) == ("schema_violation", pointer)


def test_a_role_that_there_is_not_is_refused_when_it_is_set() -> None:
    Catalogue().check_settings("transcript", {"speakers": {"0": "staff"}, "unknown_speakers": "customer"})
    for role in ("boss", True, ["staff"]):
        with pytest.raises(Invalid, match="customer or staff") as refused:
            Catalogue().check_settings("transcript", {"speakers": {"0": role}})
        assert (refused.value.code, refused.value.pointer) == ("settings_invalid", "/settings/speakers")


WORDS = st.text(st.sampled_from("包裹坏了 ok."), max_size=6)
TURNS = st.lists(st.tuples(st.sampled_from(["客户", "坐席", "路人"]), WORDS), max_size=12)


@given(turns=TURNS)
@settings(max_examples=60, deadline=None)
def test_every_word_is_kept_once_in_order_and_none_changes_hands(turns: list[tuple[str, str]]) -> None:
    spoken = [(speaker, words) for speaker, words in turns if words.strip()]
    if not spoken:
        return
    found = said(body(*turns))
    assert "".join(text for _, text in found).replace(" ", "") == "".join(words for _, words in spoken).replace(" ", "")
    for role in ("customer", "staff"):
        own = "".join(words for speaker, words in spoken if (speaker == "客户") == (role == "customer"))
        assert "".join(text for speaker, text in found if speaker == role).replace(" ", "") == own.replace(" ", "")
