"""What is particular to Formbricks; what all sources have in common is in the contract suite."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import ids
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.voice.voice import Canonical, Score
from chalicelib.errors import Gone, Invalid, Parked
from chalicelib.sources.formbricks import Formbricks
from tests.builders import WORKSPACE
from tests.fakes.vendor import ScriptedApi
from tests.unit.test_enrich import CONNECTION, Room

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
FORMBRICKS = Formbricks()
MAPPING = {"scores": [{"path": "/data/data/nps", "kind": "nps"}], "texts": [{"path": "/data/data/why"}]}
RESPONSE = "GET /api/v1/management/responses/r1"
SURVEY = "GET /api/v1/management/surveys/s1"


def event(name: str = "responseFinished", answers: Any = None, **more: Any) -> dict[str, Any]:
    data = {
        "id": "r1",
        "surveyId": "s1",
        "createdAt": "2026-11-01T08:00:00.000Z",
        "updatedAt": "2026-11-01T08:01:00.000Z",
        "finished": True,
        "data": {"nps": 3} if answers is None else answers,
        **more,
    }
    return {"webhookId": "w", "event": name, "data": data}


def parse(payload: Any, mapping: dict[str, Any] | None = None) -> Canonical:
    return FORMBRICKS.parse(Arrival(json.dumps(payload).encode(), NOW), MAPPING if mapping is None else mapping)


def asked(*questions: dict[str, Any], **answers: Any) -> Canonical:
    return parse(event(answers=answers, survey={"questions": list(questions)}), {})


STORY = (
    event("responseCreated", {"nps": 2}, finished=False),
    event("responseUpdated", {"nps": 2, "why": "包裹破损"}, finished=False, updatedAt="2026-11-01T08:02:00.000Z"),
    event("responseFinished", {"nps": 1, "why": "包裹破损了"}, updatedAt="2026-11-01T08:03:00.000Z"),
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_all_events_of_a_response_end_as_one_feedback_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    room = Room(source=FORMBRICKS)  # type: ignore[arg-type]
    room.directory.update_connection(WORKSPACE, CONNECTION, mapping=MAPPING)
    key = ids.feedback_id(WORKSPACE, CONNECTION, "r1")
    for number in (*order, *order):
        raw = json.dumps(STORY[number]).encode()
        delivery = ids.event_key(CONNECTION, FORMBRICKS.delivery_id(Arrival(raw, NOW), STORY[number]), raw)
        room.take(Envelope(WORKSPACE, CONNECTION, "formbricks", key, delivery, Arrival(raw, NOW)))
    feedback = room.only()
    assert [score.value for score in feedback.scores] == [1.0]
    assert [text.text for text in feedback.texts] == ["包裹破损了"]
    assert "finished" not in feedback.attributes


def test_a_feedback_keeps_that_its_mapping_missed_a_place() -> None:
    room = Room(source=FORMBRICKS)  # type: ignore[arg-type]
    wrong = {**MAPPING, "texts": [{"path": "/data/data/wy"}]}
    room.directory.update_connection(WORKSPACE, CONNECTION, mapping=wrong)
    raw = json.dumps(STORY[2]).encode()
    key = ids.feedback_id(WORKSPACE, CONNECTION, "r1")
    room.take(Envelope(WORKSPACE, CONNECTION, "formbricks", key, "event", Arrival(raw, NOW)))
    feedback = room.only()
    assert (len(feedback.scores), feedback.texts, feedback.mapping_missed) == (1, (), True)


def test_the_same_answers_again_are_nothing_new() -> None:
    once, twice = parse(event("responseUpdated")), parse(event("responseFinished", webhookId="another"))
    assert once == twice


def test_a_push_without_a_mapping_waits_for_one() -> None:
    with pytest.raises(Parked, match="names no score and no text") as parked:
        parse(event(), {})
    assert parked.value.code == "mapping_empty"


def test_a_mapping_that_names_none_of_the_answers_waits_for_another() -> None:
    other = {"fields": {"another": {"kind": "nps"}}}
    with pytest.raises(Parked, match="where the mapping looks") as parked:
        parse(event(answers={"nps": 3, "why": "包裹破损了"}), other)
    assert parked.value.code == "mapping_finds_nothing"
    assert parse(event(answers={}), other).scores == ()
    assert parse(event(answers={"another": ""}), other).scores == ()


@pytest.mark.parametrize(
    "there", [{"ttc": {"topic": 900, "nps": 400, "_total": 1300}}, {"survey": {"questions": [{"id": "why"}]}}]
)
def test_a_question_that_was_left_empty_is_not_overlooked(there: dict[str, Any]) -> None:
    """It is not among the answers, but the times that were spent or the survey tell that it is there."""
    voice = parse(event(answers={"topic": ["Delivery"]}, **there))
    assert (voice.scores, voice.texts, voice.mapping_missed) == ((), (), True)
    with pytest.raises(Parked, match="where the mapping looks") as parked:
        parse(event(answers={"topic": ["Delivery"]}, ttc={"topic": 900, "_total": 900}))
    assert parked.value.code == "mapping_finds_nothing"


def test_fields_that_name_a_question_that_was_left_empty_are_right() -> None:
    fields = {"fields": {"nps": {"kind": "nps"}}}
    assert parse(event(answers={"topic": ["Delivery"]}, ttc={"nps": 400}), fields).scores == ()


def test_a_response_without_any_answer_is_an_empty_voice() -> None:
    voice = parse(event(answers={}))
    assert (voice.scores, voice.texts, voice.mapping_missed) == ((), (), False)


def test_what_the_mapping_does_not_name_is_not_read_without_its_question() -> None:
    voice = parse(event(answers={"nps": 3, "home": ["Some Street 1"], "mail": "x@example.com", "unit": "BJ-1"}))
    assert (voice.attributes, voice.unit) == ({}, "BJ-1")


@pytest.mark.parametrize(("highest", "scale"), [(3, 3.0), (7, 7.0), (10, 10.0)])
def test_a_rating_goes_as_far_as_its_question_says(highest: int, scale: float) -> None:
    voice = asked({"id": "q", "type": "rating", "range": highest, "headline": "Stars"}, q=2)
    assert voice.scores == (Score("rating", 2.0, 1.0, scale),)


@pytest.mark.parametrize("odd", [None, 2, 11, "5", True])
def test_a_rating_of_unknown_range_is_no_score(odd: Any) -> None:
    voice = asked({"id": "q", "type": "rating", "range": odd, "headline": "Stars"}, q=2)
    assert (voice.scores, voice.attributes) == ((), {"Stars": "2"})


def test_addresses_are_not_read() -> None:
    assert asked({"id": "q", "type": "address", "headline": "Home"}, q=["Some Street 1"]).attributes == {}


def test_the_default_language_is_none() -> None:
    assert parse(event(language="default")).lang is None
    assert parse(event(language="de")).lang == "de"


class TestSecret:
    def test_a_secret_of_the_platform_passes(self) -> None:
        FORMBRICKS.check_secret("whsec_" + "A" * 43 + "=")

    @pytest.mark.parametrize("secret", ["whsec_AAAA", "CANARY not base64", ""])
    def test_another_is_refused(self, secret: str) -> None:
        with pytest.raises(Invalid, match=r"^(A|The) secret") as refused:
            FORMBRICKS.check_secret(secret)
        assert (refused.value.code, refused.value.pointer) == ("secret_invalid", "/secret")
        assert "CANARY" not in str(refused.value)


class TestFetch:
    survey: dict[str, Any] = {  # noqa: RUF012 - never changed
        "id": "s1",
        "blocks": [
            {"elements": [{"id": "nps", "type": "nps", "headline": {"default": "Recommend?", "de": "Empfehlen?"}}]},
            {
                "elements": [
                    {
                        "id": "topic",
                        "type": "multipleChoiceSingle",
                        "headline": {"default": "Topic"},
                        "logic": ["x" * 1000],
                        "choices": [{"id": "c1", "label": {"default": "Price", "de": "Preis"}}],
                    }
                ]
            },
        ],
    }

    def api(self, answers: dict[str, Any]) -> ScriptedApi:
        response = event(answers=answers)["data"]
        return ScriptedApi({RESPONSE: {"data": response}, SURVEY: {"data": self.survey}})

    def test_the_response_comes_with_its_questions_and_needs_no_mapping(self) -> None:
        api = self.api({"nps": 3, "topic": "Preis"})
        whole = FORMBRICKS.fetch(event(), api, {})
        voice = parse(whole, {})
        assert (voice.scores, voice.attributes) == ((Score("nps", 3.0, 0.0, 10.0),), {"Topic": "Preis"})
        assert voice.revision_at == parse(event()).revision_at
        assert "logic" not in json.dumps(whole)
        assert api.paths == [RESPONSE, SURVEY]

    def test_older_releases_keep_questions_in_one_list(self) -> None:
        api = self.api({"why": "because"})
        api.answers[SURVEY] = {"data": {"questions": [{"id": "why", "type": "openText", "headline": "Why?"}]}}
        assert [text[:2] for text in parse(FORMBRICKS.fetch(event(), api, {}), {}).texts] == [("because", "Why?")]

    def test_its_own_result_can_be_fetched_again(self) -> None:
        whole = FORMBRICKS.fetch(event(), self.api({"nps": 3}), {})
        assert FORMBRICKS.fetch(whole, self.api({"nps": 3}), {}) == whole

    @pytest.mark.parametrize("odd", ["../x", "", 7, None, "a" * 65])
    def test_an_id_that_is_none_is_not_asked_for(self, odd: Any) -> None:
        api = ScriptedApi()
        with pytest.raises(Parked, match="no plain id") as parked:
            FORMBRICKS.fetch({"event": "responseFinished", "data": {"id": odd}}, api, {})
        assert parked.value.code == "mapping_bad_response_id"
        assert api.asked == []

    def test_a_response_that_is_gone_is_the_callers_to_judge(self) -> None:
        with pytest.raises(Gone):
            FORMBRICKS.fetch(event(), ScriptedApi(), {})

    @pytest.mark.parametrize("answer", [None, [], {"data": None}, {"data": []}])
    def test_an_answer_without_data_is_parked(self, answer: Any) -> None:
        with pytest.raises(Parked, match="holds no data") as parked:
            FORMBRICKS.fetch(event(), ScriptedApi({RESPONSE: answer}), {})
        assert parked.value.code == "unknown_shape"

    def test_the_key_opens_the_api(self) -> None:
        assert FORMBRICKS.api_headers({"api_key": "k"}) == {"x-api-key": "k"}


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
KINDS = ["openText", "contactInfo", "multipleChoiceMulti", "matrix", "fileUpload", "nps", "rating", "address", "date"]


@given(
    kind=st.sampled_from(KINDS) | JUNK,
    value=JUNK,
    more=st.dictionaries(st.sampled_from(["range", "headline", "choices", "inputType"]), JUNK),
)
def test_answers_of_any_shape_are_read_or_parked(kind: Any, value: Any, more: dict[str, Any]) -> None:
    try:
        voice = asked({"id": "q", "type": kind, **more}, q=value)
    except Parked:
        return
    assert voice.response_key == "r1"
