"""What is particular to SurveyMonkey; what all sources have in common is in the contract suite."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import ids
from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.voice.voice import Canonical, Score
from chalicelib.errors import Gone, Invalid, Parked
from chalicelib.sources import surveymonkey
from chalicelib.sources.base import Found
from tests.builders import WORKSPACE
from tests.fakes.vendor import ScriptedApi
from tests.unit.test_enrich import CONNECTION, Room

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
MONKEY = surveymonkey.SurveyMonkey()
DETAILS = "GET /v3/surveys/123/responses/555/details"
SURVEY = "GET /v3/surveys/123/details"
BULK = "GET /v3/surveys/123/responses/bulk"
SINCE = "2026-11-20T00:00:00Z"


def event(kind: str = "response_completed", **more: Any) -> dict[str, Any]:
    resources = {"survey_id": "123", "respondent_id": "555"}
    return {"event_type": kind, "event_id": "1", "object_id": "555", "resources": resources, **more}


def answered(*answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "555",
        "survey_id": "123",
        "response_status": "completed",
        "collection_mode": "default",
        "date_created": "2026-11-01T08:00:00+00:00",
        "date_modified": "2026-11-01T08:01:00+00:00",
        "pages": [{"id": "1", "questions": [{"id": "2", "answers": list(answers)}]}],
        **more,
    }


def asked(family: str = "matrix", subtype: str = "rating", **more: Any) -> dict[str, Any]:
    question = {"id": "2", "family": family, "subtype": subtype, "headings": [{"heading": "<b>Q</b>"}], **more}
    return {"pages": [{"id": "1", "questions": [question]}]}


def choices(*made: tuple[str, int | None]) -> dict[str, Any]:
    return {
        "choices": [{"id": str(number), "text": text, "weight": weight} for number, (text, weight) in enumerate(made)]
    }


def whole(survey: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    return MONKEY.fetch(event(), ScriptedApi({DETAILS: response, SURVEY: survey}), {})  # type: ignore[return-value]


def parse(payload: Any, mapping: dict[str, Any] | None = None) -> Canonical:
    return MONKEY.parse(Arrival(json.dumps(payload).encode(), NOW), mapping or {})


def scored(made: dict[str, Any], chosen: int, rule: dict[str, Any] | None = None, **more: Any) -> Canonical:
    payload = whole(asked(answers=made, **more), answered({"row_id": "9", "choice_id": str(chosen)}))
    return parse(payload, {"fields": {"2": rule}} if rule else {})


def test_the_signature_is_the_documented_one() -> None:
    body = b'{"name":"CEM","event_type":"response_completed","event_id":"10000000001","object_id":"55501"}'
    assert surveymonkey.signature(body, "cem_client_id&cem_client_secret") == "rHBDrmoy3M8tOvheeum7qMkdyJA="


@pytest.mark.parametrize("secret", ["cem_client_id", "&cem_client_secret", "cem_client_id&", "a&b"])
def test_a_secret_is_both_halves(secret: str) -> None:
    MONKEY.check_secret("cem_client_id&cem_client_secret")
    with pytest.raises(Invalid) as invalid:
        MONKEY.check_secret(secret)
    assert (invalid.value.code, invalid.value.pointer) == ("secret_invalid", "/secret")


class TestEvent:
    @pytest.mark.parametrize("kind", ["created", "updated", "completed", "disqualified", "overquota"])
    def test_whatever_happened_to_a_response_it_is_read(self, kind: str) -> None:
        payload = event(f"response_{kind}")
        assert MONKEY.thin(payload)
        assert not MONKEY.ignores(payload)
        with pytest.raises(Parked, match="must be read by API") as parked:
            parse(payload)
        assert parked.value.code == "thin_event"

    def test_events_of_surveys_and_collectors_are_no_voices(self) -> None:
        assert MONKEY.ignores(event("collector_updated"))
        assert MONKEY.ignores(event("survey_deleted"))
        assert not MONKEY.ignores({"response": {}})

    def test_a_deletion_is_newer_than_every_edit(self) -> None:
        gone = parse(event("response_deleted", event_datetime="2026-11-03T08:00:00.5+00:00"))
        assert (gone.deleted, gone.response_key) == (True, "555")
        assert gone.revision_at == datetime(2026, 11, 3, 8, 0, 0, 500_000, tzinfo=timezone.utc)
        assert parse(event("response_deleted")).revision_at == NOW

    def test_a_deletion_without_a_readable_time_takes_the_words_away_all_the_same(self) -> None:
        gone = parse(event("response_deleted", event_datetime="yesterday"))
        assert (gone.deleted, gone.revision_at) == (True, NOW)

    def test_ids_may_be_numbers(self) -> None:
        payload = event(object_id=555, resources={"survey_id": 123})
        api = ScriptedApi({DETAILS: answered(), SURVEY: asked()})
        assert MONKEY.fetch(payload, api, {})["response"]["id"] == "555"

    def test_the_identity_of_a_response_is_not_mapped(self) -> None:
        with pytest.raises(Invalid, match="names its responses itself") as invalid:
            MONKEY.check_mapping({"response_id": "/x"})
        assert invalid.value.pointer == "/mapping/response_id"


class TestScores:
    nps = tuple(("" if step else "No - 0", -100 if step < 7 else 0 if step < 9 else 100) for step in range(11))

    @pytest.mark.parametrize("chosen", [0, 3, 10])
    def test_an_nps_is_known_by_its_weights_and_counted_by_place(self, chosen: int) -> None:
        assert scored(choices(*self.nps), chosen).scores == (Score("nps", float(chosen), 0.0, 10.0),)

    @pytest.mark.parametrize("rule", [None, {"kind": "csat", "scale": [1, 11]}])
    def test_the_comment_beside_a_score_is_the_customers_words(self, rule: Any) -> None:
        made = {**choices(*self.nps), "other": {"id": "77", "is_answer_choice": False}}
        given_ = answered({"row_id": "9", "choice_id": "3"}, {"other_id": "77", "text": "等了太久"})
        voice = parse(whole(asked(answers=made), given_), {"fields": {"2": rule}} if rule else {})
        assert [one.value for one in voice.scores] == [3.0]
        assert [(text.text, text.question) for text in voice.texts] == [("等了太久", "Q")]

    def test_eleven_numbers_without_those_weights_are_a_rating(self) -> None:
        made = choices(*((str(step), None) for step in range(11)))
        assert scored(made, 4).scores == (Score("rating", 4.0, 0.0, 10.0),)
        assert scored(made, 4, {"kind": "nps"}).scores == (Score("nps", 4.0, 0.0, 10.0),)

    def test_stars_count_by_weight(self) -> None:
        made = choices(*(("", weight) for weight in range(1, 6)))
        assert scored(made, 1, display_options={"display_type": "emoji"}).scores == (Score("rating", 2.0, 1.0, 5.0),)

    @pytest.mark.parametrize(
        "made",
        [
            [("bad", 1), ("fair", 2), ("good", 3)],
            [("5", 1), ("10", 2), ("15", 3)],
            [("2", 1), ("3", 2)],
            [("1", 1)],
            [("1-2", 1), ("3-4", 2)],
            [("", None), ("", None)],
        ],
    )
    def test_a_scale_that_nobody_names_is_no_score(self, made: list[Any]) -> None:
        voice = scored(choices(*made), 0)
        assert voice.scores == ()
        assert voice.attributes == ({"Q": made[0][0]} if made[0][0] else {})

    def test_a_rating_in_words_counts_by_weight_once_it_is_named(self) -> None:
        rule = {"kind": "csat", "scale": [1, 3]}
        assert scored(choices(("bad", 1), ("fair", 2), ("good", 3)), 1, rule).scores == (Score("csat", 2.0, 1.0, 3.0),)

    def test_not_applicable_is_no_score(self) -> None:
        made = choices(("1", 1), ("2", 2), ("N/A", 0))
        made["choices"][2]["is_na"] = True
        voice = scored(made, 2)
        assert (voice.scores, voice.attributes) == ((), {"Q": "N/A"})


class TestWords:
    def test_headings_lose_their_format(self) -> None:
        voice = parse(whole(asked("open_ended", "essay"), answered({"text": "late"})))
        assert [text[:2] for text in voice.texts] == [("late", "Q")]

    def test_of_a_question_that_is_gone_only_words_are_read(self) -> None:
        voice = parse(whole({"pages": []}, answered({"text": "late"}, {"choice_id": "7"})))
        assert [text[:2] for text in voice.texts] == [("late", None)]
        assert voice.attributes == {}

    def test_addresses_are_not_read(self) -> None:
        rows = {"rows": [{"id": "1", "type": "address", "text": "Address"}, {"id": "2", "type": "phone"}]}
        given_ = answered({"row_id": "1", "text": "CANARY Street"}, {"row_id": "2", "text": "13800138000"})
        voice = parse(whole(asked("demographic", "international", answers=rows), given_))
        assert (voice.texts, voice.attributes, voice.customer.phone) == ((), {}, "13800138000")

    def test_files_are_attached(self) -> None:
        voice = parse(whole(asked("open_ended", "single"), answered({"download_url": "https://x.example/f.png"})))
        assert voice.attachments == ("https://x.example/f.png",)

    @pytest.mark.parametrize(
        ("more", "attributes"),
        [
            ({"response_status": "partial"}, {"finished": "false"}),
            ({"response_status": "disqualified"}, {"status": "disqualified"}),
            ({"collection_mode": "preview"}, {"collection_mode": "preview"}),
            ({}, {}),
        ],
    )
    def test_how_it_was_given_is_kept_where_it_is_unusual(self, more: Any, attributes: dict[str, str]) -> None:
        assert parse(whole(asked(), answered(**more))).attributes == attributes


def test_pages_deletion_and_late_readings_end_as_one_feedback() -> None:
    room = Room(source=MONKEY)  # type: ignore[arg-type]
    survey = asked("open_ended", "essay")
    first = whole(survey, answered(response_status="partial", custom_variables={"unit": "BJ-1"}))
    second = whole(survey, answered({"text": "包裹破损"}, date_modified="2026-11-01T08:02:00+00:00"))
    gone = event("response_deleted", event_datetime="2026-11-01T09:00:00+00:00")

    def take(payload: Any) -> None:
        raw = json.dumps(payload).encode()
        arrival = Arrival(raw, NOW)
        key = ids.feedback_id(WORKSPACE, CONNECTION, MONKEY.response_key(payload, None))
        delivery = ids.event_key(CONNECTION, MONKEY.delivery_id(arrival, payload), raw)
        room.take(Envelope(WORKSPACE, CONNECTION, "surveymonkey", key, delivery, arrival))

    for payload in (second, first, second):
        take(payload)
    assert [text.text for text in room.only().texts] == ["包裹破损"]
    for payload in (gone, first, second, gone):
        take(payload)
    assert (room.only().deleted, room.only().texts) == (True, ())


class TestFetch:
    def test_a_removal_stays_one_where_every_event_is_fetched(self) -> None:
        api = ScriptedApi()
        assert parse(MONKEY.fetch(event("response_deleted"), api, {})).deleted
        assert api.asked == [], "the API does not know it any more"

    def test_only_what_is_read_is_kept(self) -> None:
        survey = asked("open_ended", "essay")
        survey["pages"][0]["questions"].append({"id": "77", "family": "presentation"})
        payload = whole(survey, {**answered({"text": "x"}), "ip_address": "203.0.113.7"})
        assert list(payload["questions"]) == ["2"]
        assert "203.0.113.7" not in json.dumps(payload)

    def test_its_own_result_can_be_fetched_again(self) -> None:
        api = ScriptedApi({DETAILS: answered({"text": "x"}), SURVEY: asked("open_ended", "essay")})
        once = MONKEY.fetch(event(), api, {})
        assert MONKEY.fetch(once, api, {}) == once
        assert not MONKEY.thin(once)
        assert MONKEY.response_key(once, None) == MONKEY.response_key(event(), None)

    @pytest.mark.parametrize("odd", ["../1", "", None, True, 7.5, "1" * 25])
    def test_an_id_that_is_none_is_not_asked_for(self, odd: Any) -> None:
        api = ScriptedApi()
        for payload in (event(object_id=odd), event(resources={"survey_id": odd})):
            with pytest.raises(Parked, match="names no response") as parked:
                MONKEY.fetch(payload, api, {})
            assert parked.value.code == "mapping_bad_response_id"
        assert api.asked == []

    def test_what_the_api_does_not_know_is_the_callers_to_judge(self) -> None:
        with pytest.raises(Gone):
            MONKEY.fetch(event(), ScriptedApi(), {})
        assert MONKEY.gone(event()) is None, "a token of another account looks the same and must erase nothing"

    def test_an_answer_of_another_shape_is_parked(self) -> None:
        with pytest.raises(Parked, match="holds no response") as parked:
            MONKEY.fetch(event(), ScriptedApi({DETAILS: {"error": {}}, SURVEY: {}}), {})
        assert parked.value.code == "unknown_shape"

    def test_the_token_opens_the_api(self) -> None:
        assert MONKEY.api_headers({"access_token": "t"}) == {"authorization": "Bearer t"}


class Vendor:
    """Responses in the order of their modification, as the API pages through them."""

    def __init__(self, *seconds: int) -> None:
        begin = datetime(2026, 11, 20, tzinfo=timezone.utc)
        self.responses = [
            answered(id=str(number), date_modified=(begin + timedelta(seconds=at)).isoformat())
            for number, at in enumerate(sorted(seconds))
        ]
        self.api = ScriptedApi({BULK: self.page, SURVEY: asked()})

    def page(self, query: dict[str, str]) -> Any:
        since = query["start_modified_at"]
        later = [one for one in self.responses if one["date_modified"] > since]
        first = (int(query["page"]) - 1) * int(query["per_page"])
        return {"data": later[first : first + int(query["per_page"])]}

    def round(self, cursor: Any, now: datetime = NOW) -> tuple[list[str], Any]:
        found: list[str] = []
        wanted = {"surveys": ["123", "404", "none"], "poll_since": SINCE}
        for _ in range(60):
            step: Found = MONKEY.poll(json.loads(json.dumps(cursor)), self.api, wanted, now)
            found, cursor = [*found, *(payload["response"]["id"] for payload in step.payloads)], step.cursor
            if not step.more:
                return found, cursor
        raise AssertionError("the round does not end")


class TestPoll:
    @settings(max_examples=30)
    @given(seconds=st.lists(st.integers(1, 300), max_size=450))
    def test_every_response_is_found_and_nothing_is_left_for_the_next_round(self, seconds: list[int]) -> None:
        vendor = Vendor(*seconds)
        found, cursor = vendor.round(None)
        assert set(found) == {one["id"] for one in vendor.responses}
        again, _ = vendor.round(cursor)
        assert len(again) <= seconds.count(max(seconds, default=0))

    def test_more_responses_in_one_second_than_a_page_holds_are_all_found(self) -> None:
        found, _ = Vendor(*[5] * 250).round(None)
        assert len(set(found)) == 250

    def test_the_last_minutes_are_looked_at_twice(self) -> None:
        vendor = Vendor(600)
        now = datetime(2026, 11, 20, 0, 12, tzinfo=timezone.utc)
        found, cursor = vendor.round(None, now)
        assert found == ["0"]
        assert cursor["surveys"]["123"] == {"since": SINCE}

    def test_what_was_polled_equals_what_was_fetched(self) -> None:
        vendor = Vendor(5)
        step = MONKEY.poll(None, vendor.api, {"surveys": ["123"], "poll_since": SINCE}, NOW)
        vendor.api.answers["GET /v3/surveys/123/responses/0/details"] = {**vendor.responses[0], "metadata": {"x": 1}}
        assert list(step.payloads) == [MONKEY.fetch(event(object_id="0"), vendor.api, {})]

    def test_it_asks_in_the_order_of_modification(self) -> None:
        vendor = Vendor(5)
        vendor.round(None)
        assert vendor.api.asked[0] == (
            "GET",
            "/v3/surveys/123/responses/bulk",
            {
                "start_modified_at": "2026-11-20T00:00:00+00:00",
                "sort_by": "date_modified",
                "sort_order": "ASC",
                "per_page": "100",
                "page": "1",
            },
        )


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["1", "text", "weight", "na"]), inner),
    max_leaves=6,
)


@given(
    answer=st.dictionaries(st.sampled_from(["row_id", "choice_id", "col_id", "text", "download_url"]), JUNK),
    known=st.dictionaries(st.sampled_from(["family", "subtype", "heading", "choices", "rows", "display"]), JUNK),
    record=st.dictionaries(st.sampled_from(["custom_value", "custom_variables", "response_status"]), JUNK),
)
def test_answers_of_any_shape_are_read_or_parked(answer: Any, known: Any, record: Any) -> None:
    try:
        voice = parse({"response": answered(answer, **record), "questions": {"2": known}})
    except Parked:
        return
    assert voice.response_key == "555"
