"""Howxm: it says itself what its questions are; what it does not say is not guessed."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.voice.voice import Canonical
from chalicelib.errors import Parked
from chalicelib.services.reading.enrich import DUPLICATE, STORED
from chalicelib.sources import registry
from tests.builders_voices import way_in

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
NPS = {"code": "f1", "label": "推荐", "type": "NpsField"}
WHY = {"code": "f2", "label": "原因", "type": "TextArea"}


def entry(questions: Any = (NPS, WHY), answers: Any = None, **changes: Any) -> dict[str, Any]:
    return {
        "event_type": "entry_submitted",
        "campaign": {"id": "c-1", "fields": questions},
        "entry": {
            **{"serial_number": 1, "created_at": "2026-11-01T08:01:40Z"},
            "fields": {"f1": 3, "f2": "破损"} if answers is None else answers,
        },
        **changes,
    }


def parse(payload: Any, mapping: dict[str, Any] | None = None) -> Canonical:
    return registry.load("howxm").parse(Arrival(json.dumps(payload).encode(), NOW), mapping or {})


def question(kind: str, **parts: Any) -> list[dict[str, Any]]:
    return [{"code": "f1", "label": "题目", "type": kind, **parts}]


def test_it_works_without_a_mapping_and_its_comment_comes_later() -> None:
    way = way_in("howxm", NOW)
    bodies = [entry(answers={"f1": 3}), entry(), entry(answers={"f1": 3})]
    outcomes = [way.send(json.dumps(body).encode()) for body in bodies]
    assert [outcome.what for outcome in outcomes if outcome] == [STORED, STORED, DUPLICATE]
    feedback = way.only()
    assert (feedback.revision, feedback.classes, feedback.texts[0].text) == (2, {"nps": "detractor"}, "破损")


def test_its_one_retry_is_the_same_delivery() -> None:
    way = way_in("howxm", NOW)
    raw = json.dumps(entry()).encode()
    assert [outcome.what for outcome in (way.send(raw), way.send(raw)) if outcome] == [STORED, DUPLICATE]


def test_the_serial_number_of_another_campaign_is_another_response() -> None:
    keys = {parse(entry(campaign={"id": campaign})).response_key for campaign in ("a", "b")}
    assert keys == {"a:1", "b:1"}


@pytest.mark.parametrize("kind", ["TextArea", "TextField", "LongText"])
def test_words_are_texts_with_their_question(kind: str) -> None:
    voice = parse(entry(question(kind), {"f1": "破损"}))
    assert [(text.text, text.question) for text in voice.texts] == [("破损", "题目")]


@pytest.mark.parametrize(
    ("choices", "value", "shown"),
    [
        (None, "物流", "物流"),
        (["物流"], ["物流", "客服"], "物流、客服"),
        ([{"code": "a", "label": "物流"}], ["a", "b"], "物流、b"),
        ([{"code": "a", "label": "物流"}], "a", "物流"),
        ([{"code": 1, "label": "物流"}], [1, 2], "物流、2"),
        ([{"code": ["a"], "label": "x"}, 7], "a", "a"),
        (None, 4, "4"),
        (None, True, "true"),
    ],
)
def test_everything_else_is_an_attribute_in_words(choices: Any, value: Any, shown: str) -> None:
    voice = parse(entry(question("CheckBox", choices=choices), {"f1": value}))
    assert (voice.attributes, voice.scores, voice.texts) == ({"题目": shown}, (), ())


@pytest.mark.parametrize("name", ["f1", "题目"])
def test_the_mapping_names_a_scale_by_code_or_label(name: str) -> None:
    mapping = {"fields": {name: {"kind": "csat", "scale": [1, 5]}}}
    assert parse(entry(question("StarField"), {"f1": "2"}), mapping).scores[0].value == 2


@pytest.mark.parametrize("score", [0, 10, "0"])
def test_both_ends_of_an_nps_count(score: Any) -> None:
    assert [one.value for one in parse(entry(answers={"f1": score})).scores] == [float(score)]


@pytest.mark.parametrize("score", [11, "未作答"])
def test_an_nps_that_is_none_does_not_keep_the_words_from_being_read(score: Any) -> None:
    voice = parse(entry(answers={"f1": score, "f2": "破损"}))
    assert (voice.scores, voice.attributes, voice.texts[0].text) == ((), {"推荐": str(score)}, "破损")


def test_a_time_without_a_zone_is_that_of_the_setting() -> None:
    local = entry()
    local["entry"]["created_at"] = "2026-11-01 16:01:40"
    assert parse(local).occurred_at == parse(entry()).occurred_at
    assert parse(local, {"settings": {"utc_offset": 7}}).occurred_at.hour == 9


@pytest.mark.parametrize("empty", [None, ""])
def test_an_nps_that_was_not_answered_is_no_score(empty: Any) -> None:
    assert parse(entry(answers={"f1": empty, "f2": "破损"})).scores == ()


def test_answers_come_as_asked_and_undescribed_ones_last() -> None:
    questions = [{"code": code, "label": code, "type": "TextArea"} for code in ("b", "a")]
    voice = parse(entry(questions, {"z": "spare", "a": "two", "b": "one"}))
    assert [text.text for text in voice.texts] == ["one", "two"]
    assert voice.attributes == {"z": "spare"}


@pytest.mark.parametrize("event", ["campaign_closed", None, 7])
def test_another_event_is_parked(event: Any) -> None:
    with pytest.raises(Parked, match="carries no entry") as parked:
        parse(entry(event_type=event))
    assert parked.value.code == "unknown_operation"


@pytest.mark.parametrize("changes", [{"campaign": {}}, {"campaign": None}, {"entry": {}}, {"entry": []}])
def test_without_its_ids_it_is_parked(changes: dict[str, Any]) -> None:
    with pytest.raises(Parked, match="no response id") as parked:
        parse(entry(**changes))
    assert parked.value.code == "mapping_missing_response_id"


@given(
    questions=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["code", "label", "type", "choices"]), inner, max_size=4)
        ),
        max_leaves=20,
    ),
    answers=st.dictionaries(
        st.text(max_size=3), st.none() | st.integers() | st.text() | st.lists(st.integers() | st.text(), max_size=3)
    ),
)
def test_questions_of_any_shape_become_a_voice_or_are_parked(questions: Any, answers: Any) -> None:
    try:
        voice = parse(entry(questions, answers))
    except Parked:
        return
    assert voice.response_key == "c-1:1"
