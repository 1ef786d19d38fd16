"""What is particular to Qualtrics; what all sources have in common is in the contract suite."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.voice.voice import Canonical, Score
from chalicelib.errors import Gone, Invalid, Parked, Unauthorized
from chalicelib.sources import qualtrics
from chalicelib.sources.base import Found
from tests.fakes.vendor import ScriptedApi

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
EVENTS, WORKFLOW = qualtrics.Qualtrics(), qualtrics.QualtricsWorkflow()
KEY = "cem-shared-key"
SURVEY, RESPONSE = "SV_8cemDemo0000001", "R_3cemDemo0000001"
PATH = f"/API/v3/surveys/{SURVEY}"
EXPORT = f"{PATH}/export-responses"
SINCE = "2026-11-20T00:00:00Z"


def message(**more: Any) -> str:
    return json.dumps({"Status": "Complete", "SurveyID": SURVEY, "ResponseID": RESPONSE, **more})


def event(text: str, key: str = KEY, **more: str) -> bytes:
    fields = {"Topic": f"demo.surveyengine.completedResponse.{SURVEY}", "MSG": text}
    return urlencode({**fields, "HMAC": qualtrics.signature(text.encode(), key), **more}).encode()


def recorded(response: str = RESPONSE, labels: Any = None, **values: Any) -> dict[str, Any]:
    return {
        "responseId": response,
        "values": {"recordedDate": "2026-11-01T08:01:40Z", "endDate": "2026-11-01T08:01:38Z", **values},
        "labels": labels or {},
    }


def whole(labels: Any = None, **values: Any) -> dict[str, Any]:
    return {"survey_id": SURVEY, "response": recorded(labels=labels, **values)}


def parse(payload: Any, mapping: dict[str, Any] | None = None, source: Any = EVENTS) -> Canonical:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    voice: Canonical = source.parse(Arrival(raw, NOW), mapping or {})
    return voice


def refused(raw: bytes, keys: list[str] | None = None) -> str:
    with pytest.raises(Unauthorized) as unauthorized:
        EVENTS.verify(Arrival(raw, NOW), [KEY] if keys is None else keys)
    return unauthorized.value.code


class TestProof:
    def test_the_published_vector(self) -> None:
        text = (
            '{"Status":"Complete","SurveyID":"SV_1AmkKSDmoZ4XlQx","ResponseID":"R_0B7IcnXszjEUHLP",'
            '"CompletedDate":"2019-06-25 07:58:25","BrandID":"sapdevelopment"}'
        )
        assert qualtrics.signature(text.encode(), "kyma4ever") == (
            "c2c585a404c239aa3063b462cc33551d3ed3ed2de0899f58d456fc0ef7ebef6f"
            "3c3af44957989bd0592603e41edde9528f7d9ed09ee128bf719aa12f46e5c598"
        )

    def test_the_signature_covers_the_decoded_message(self) -> None:
        EVENTS.verify(Arrival(event(message(Note="a b+c&d 门店")), NOW), ["another", KEY])

    def test_without_message_or_signature_there_is_no_proof(self) -> None:
        assert refused(b"") == "signature_missing"
        assert refused(urlencode({"MSG": message()}).encode()) == "signature_missing"
        assert refused(urlencode({"HMAC": qualtrics.signature(b"", KEY)}).encode()) == "signature_missing"
        assert refused(urlencode({"Status": "Complete", "ResponseID": RESPONSE}).encode()) == "signature_missing"

    def test_a_wrong_signature_is_refused(self) -> None:
        assert refused(event(message(), "another")) == "signature_invalid"
        assert refused(event(message()), []) == "signature_invalid"
        assert refused(event(message(), HMAC="é")) == "signature_invalid"

    def test_of_two_messages_none_counts(self) -> None:
        assert refused(event(message()) + b"&MSG=%7B%7D") == "signature_missing"

    def test_a_known_event_inside_of_json_proves_nothing(self) -> None:
        forged = whole(QID1=0, QID1_NPS_GROUP=1)
        raw = json.dumps({**forged, "x": "&" + event(message()).decode() + "&y="}).encode()
        assert refused(raw) == "signature_missing"

    @given(raw=st.binary(max_size=60) | st.text(alphabet='MSGHAC=&%+ {}"', max_size=60).map(str.encode))
    def test_garbage_is_refused(self, raw: bytes) -> None:
        assert refused(raw) in ("signature_missing", "signature_invalid")


class TestEvent:
    def test_it_holds_ids_only(self) -> None:
        payload = EVENTS.decode(event(message()))
        assert EVENTS.thin(payload)
        assert EVENTS.response_key(payload, None) == RESPONSE
        with pytest.raises(Parked, match="must be read by API") as parked:
            parse(event(message()))
        assert parked.value.code == "thin_event"

    def test_all_topics_of_a_response_lead_to_the_same_feedback(self) -> None:
        keys = {
            EVENTS.response_key(EVENTS.decode(event(message(), Topic=f"demo.surveyengine.{name}.{SURVEY}")), None)
            for name in ("partialResponse", "completedResponse")
        }
        assert keys == {EVENTS.response_key(whole(), None)} == {RESPONSE}

    def test_a_sealed_message_is_no_event(self) -> None:
        assert EVENTS.decode(event("c2VhbGVk")) is None
        assert not EVENTS.thin(None)

    def test_the_identity_of_a_response_is_not_mapped(self) -> None:
        for source in (EVENTS, WORKFLOW):
            with pytest.raises(Invalid, match="names its responses itself") as invalid:
                source.check_mapping({"response_id": "/x"})
            assert invalid.value.pointer == "/mapping/response_id"


class TestWhole:
    def test_an_nps_that_is_none_does_not_keep_the_words_from_being_read(self) -> None:
        voice = parse(whole(QID1="-99", QID1_NPS_GROUP=0, QID2_TEXT="late"))
        assert (voice.scores, [text.text for text in voice.texts]) == ((), ["-99", "late"])

    def test_only_the_group_tells_an_nps(self) -> None:
        voice = parse(whole(QID1=3, QID1_NPS_GROUP=1, QID2=9))
        assert (voice.scores, voice.attributes) == ((Score("nps", 3.0, 0.0, 10.0),), {"QID2": "9"})

    def test_what_stands_beside_a_question_is_no_answer(self) -> None:
        beside = {"QID3_DO": "1|2", "QID3_DO_1": 1, "QID4_PAGE_SUBMIT": 3.5, "QID5_FILE_NAME": "CANARY.png"}
        assert parse(whole(**beside)).attributes == {}

    def test_words_in_loops_and_forms_are_words(self) -> None:
        voice = parse(whole(**{"1_QID5_TEXT": "one", "QID6_2": "two"}))
        assert [text.text for text in voice.texts] == ["one", "two"]

    def test_a_response_that_was_not_finished_says_so(self) -> None:
        assert parse(whole(finished=0)).attributes == {"finished": "false"}
        assert parse(whole(finished=1)).attributes == {}

    def test_a_customers_own_id_wins_over_the_reference(self) -> None:
        assert parse(whole(externalDataReference="E", customer_id="C")).customer.id == "C"
        assert parse(whole(externalDataReference="E")).customer.id == "E"

    @given(
        values=st.dictionaries(
            st.sampled_from(["QID1", "QID1_NPS_GROUP", "QID2_TEXT", "status", "userLanguage", "lang", "finished", "x"]),
            st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.lists(st.text(max_size=3), max_size=2),
        ),
        labels=st.dictionaries(st.sampled_from(["QID1", "status", "x"]), st.text(max_size=4) | st.lists(st.integers())),
    )
    def test_values_of_any_shape_are_read_or_parked(self, values: dict[str, Any], labels: dict[str, Any]) -> None:
        try:
            voice = parse(whole(labels, **values))
        except Parked:
            return
        assert voice.response_key == RESPONSE


class TestFetch:
    api = staticmethod(
        lambda: ScriptedApi({f"GET {PATH}/responses/{RESPONSE}": {"result": recorded(QID2_TEXT="words")}})
    )

    def test_the_response_is_read_by_its_ids(self) -> None:
        payload = EVENTS.fetch(EVENTS.decode(event(message())), self.api(), {})
        assert EVENTS.thin(payload) is False
        assert EVENTS.response_key(payload, None) == RESPONSE
        assert [text.text for text in parse(payload).texts] == ["words"]
        assert EVENTS.fetch(payload, self.api(), {}) == payload

    def test_a_task_can_be_confirmed_the_same_way(self) -> None:
        typed = WORKFLOW.decode(urlencode({"survey_id": SURVEY, "response_id": RESPONSE, "nps": "0"}).encode())
        payload = WORKFLOW.fetch(typed, self.api(), {})
        assert WORKFLOW.response_key(payload, None) == WORKFLOW.response_key(typed, None) == RESPONSE
        assert parse(payload, source=WORKFLOW).scores == ()

    def test_what_the_api_does_not_know_yet_is_asked_for_again(self) -> None:
        with pytest.raises(Gone):
            EVENTS.fetch(EVENTS.decode(event(message())), ScriptedApi(), {})
        assert EVENTS.gone({}) is None, "a wrong host looks the same and must erase nothing"

    @pytest.mark.parametrize("odd", ["../../users", "SV_", "", 7, None])
    def test_an_id_that_is_none_is_not_asked_for(self, odd: Any) -> None:
        api = ScriptedApi()
        for payload in ({"MSG": {"SurveyID": odd, "ResponseID": RESPONSE}}, {"survey_id": SURVEY, "response_id": odd}):
            with pytest.raises(Parked, match="The event names no"):
                EVENTS.fetch(payload, api, {})
        assert api.asked == []

    def test_an_answer_of_another_shape_is_parked(self) -> None:
        api = ScriptedApi({f"GET {PATH}/responses/{RESPONSE}": {"result": []}})
        with pytest.raises(Parked, match="holds no response") as parked:
            EVENTS.fetch(EVENTS.decode(event(message())), api, {})
        assert parked.value.code == "unknown_shape"

    def test_the_token_opens_the_api(self) -> None:
        assert EVENTS.api_headers({"api_token": "t"}) == {"x-api-token": "t"}


class TestPoll:
    settings: dict[str, Any] = {"surveys": [SURVEY, "SV_second00000001", "no survey"], "poll_since": SINCE}  # noqa: RUF012

    def round(self, api: ScriptedApi, cursor: Any = None, now: datetime = NOW) -> tuple[list[Any], Any]:
        """All steps of one poll: what it found and where it stands."""
        found: list[Any] = []
        for _ in range(10):
            step: Found = EVENTS.poll(json.loads(json.dumps(cursor)), api, self.settings, now)
            found, cursor = [*found, *step.payloads], step.cursor
            if not step.more:
                return found, cursor
        raise AssertionError("the round does not end")

    def started(self) -> tuple[ScriptedApi, Any]:
        api = ScriptedApi({f"POST {EXPORT}": {"result": {"progressId": "ES_1", "status": "inProgress"}}})
        found, cursor = self.round(api)
        assert found == []
        return api, cursor

    def test_the_first_round_asks_for_a_day_from_the_beginning(self) -> None:
        api, cursor = self.started()
        assert api.asked[0][2] == {
            "format": "json",
            "compress": False,
            "startDate": SINCE,
            "endDate": "2026-11-21T00:00:00Z",
        }
        assert cursor["surveys"][SURVEY]["progress"] == "ES_1"
        assert len(api.asked) == 2, "the survey that the API does not know is passed over"

    def test_the_next_one_takes_what_is_ready_and_goes_on_from_there(self) -> None:
        api, cursor = self.started()
        api.answers[f"GET {EXPORT}/ES_1"] = {"result": {"status": "complete", "fileId": "f-1", "percentComplete": 100}}
        api.answers[f"GET {EXPORT}/f-1/file"] = {
            "responses": [recorded("R_one", displayedFields="x"), recorded("R_two")]
        }
        found, cursor = self.round(api, cursor)
        assert [EVENTS.response_key(payload, None) for payload in found] == ["R_one", "R_two"]
        assert parse(found[0]).revision_at == datetime(2026, 11, 1, 8, 1, 40, tzinfo=timezone.utc)
        assert cursor["surveys"][SURVEY] == {"since": "2026-11-21T00:00:00Z"}
        self.round(api, cursor)
        assert api.asked[-2][2]["startDate"] == "2026-11-21T00:00:00Z"
        assert api.asked[-2][2]["endDate"] == "2026-11-21T08:00:00Z"

    def test_what_was_polled_equals_what_was_fetched(self) -> None:
        api, cursor = self.started()
        api.answers[f"GET {EXPORT}/ES_1"] = {"result": {"status": "complete", "fileId": "f-1"}}
        api.answers[f"GET {EXPORT}/f-1/file"] = {"responses": [{**recorded(QID2_TEXT="words"), "displayedValues": {}}]}
        found, _ = self.round(api, cursor)
        assert found == [EVENTS.fetch(EVENTS.decode(event(message())), TestFetch.api(), {})]

    def test_an_export_that_is_not_ready_is_waited_for(self) -> None:
        api, cursor = self.started()
        api.answers[f"GET {EXPORT}/ES_1"] = {"result": {"status": "inProgress", "percentComplete": 40}}
        assert self.round(api, cursor)[1]["surveys"][SURVEY] == cursor["surveys"][SURVEY]

    @pytest.mark.parametrize("answer", [None, {"result": {"status": "failed"}}])
    def test_an_export_that_failed_or_is_gone_is_asked_for_again(self, answer: Any) -> None:
        api, cursor = self.started()
        if answer:
            api.answers[f"GET {EXPORT}/ES_1"] = answer
        assert self.round(api, cursor)[1]["surveys"][SURVEY] == {"since": SINCE}

    def test_a_day_whose_file_is_too_large_is_exported_in_parts(self) -> None:
        def too_large(_: Any) -> Any:
            raise Parked("The answer is too large.", code="vendor_answer_too_large")

        api, cursor = self.started()
        api.answers[f"GET {EXPORT}/ES_1"] = {"result": {"status": "complete", "fileId": "f-1"}}
        api.answers[f"GET {EXPORT}/f-1/file"] = too_large
        ends = []
        for _ in range(4):
            _, cursor = self.round(api, cursor)
            _, cursor = self.round(api, cursor)
            ends.append(cursor["surveys"][SURVEY]["until"])
        hours = ["06:00:00", "01:30:00", "00:22:30", "00:05:37.500"]
        assert ends == [f"2026-11-20T{hour}Z" for hour in hours]
        with pytest.raises(Parked, match="too large"):
            self.round(api, cursor)
        api.answers[f"GET {EXPORT}/f-1/file"] = {"responses": [recorded("R_one")]}
        found, cursor = self.round(api, cursor)
        assert len(found) == 1
        assert cursor["surveys"][SURVEY] == {"since": ends[-1], "span": 337.5}

    def test_the_last_minutes_are_looked_at_twice(self) -> None:
        now = NOW
        assert qualtrics._next_since(now - timedelta(days=1), now, now) == "2026-11-21T07:45:00Z"
        assert qualtrics._next_since(now - timedelta(minutes=5), now, now) == "2026-11-21T07:55:00Z"

    def test_nothing_is_asked_for_before_the_beginning(self) -> None:
        api = ScriptedApi()
        found, cursor = self.round(api, now=datetime(2026, 11, 19, tzinfo=timezone.utc))
        assert (found, api.asked) == ([], [])
        assert cursor["surveys"][SURVEY] == {"since": SINCE}

    def test_without_surveys_there_is_nothing_to_ask(self) -> None:
        assert EVENTS.poll(None, ScriptedApi(), {"poll_since": SINCE}, NOW) == Found(
            (), {"surveys": {}, "turn": 0}, False
        )

    def test_an_id_of_an_export_that_is_none_is_not_followed(self) -> None:
        api = ScriptedApi({f"POST {EXPORT}": {"result": {"progressId": "../../users"}}})
        with pytest.raises(Parked, match="names no export") as parked:
            self.round(api)
        assert parked.value.code == "unknown_shape"


class TestWorkflow:
    def task(self, **fields: str) -> bytes:
        return urlencode({"response_id": RESPONSE, "survey_id": SURVEY, **fields}).encode()

    def test_json_and_form_say_the_same(self) -> None:
        fields = {"nps": "3", "comment": "late", "customer_id": "C-1", "product": "tea"}
        as_json = json.dumps({"response_id": RESPONSE, "survey_id": SURVEY, **fields}).encode()
        assert parse(as_json, source=WORKFLOW) == parse(self.task(**fields), source=WORKFLOW)

    def test_piped_text_that_was_not_filled_is_nothing(self) -> None:
        raw = self.task(nps="${q://QID1/ChoiceNumericEntryValue}", customer_id="${e://Field/customer_id}", comment=" ")
        voice = parse(raw, source=WORKFLOW)
        assert (voice.scores, voice.texts, voice.customer.id) == ((), (), None)

    def test_a_local_time_gets_the_settings_offset(self) -> None:
        raw = self.task(recorded_at="2026-11-01 16:01:40")
        assert parse(raw, source=WORKFLOW).occurred_at == datetime(2026, 11, 1, 8, 1, 40, tzinfo=timezone.utc)
        voice = parse(raw, {"settings": {"utc_offset": 0}}, source=WORKFLOW)
        assert voice.occurred_at == datetime(2026, 11, 1, 16, 1, 40, tzinfo=timezone.utc)

    @pytest.mark.parametrize("odd", ["yesterday", "1999-01-01 00:00:00", "2027-11-01 00:00:00", ""])
    def test_a_time_that_cannot_be_is_now(self, odd: str) -> None:
        assert parse(self.task(recorded_at=odd), source=WORKFLOW).occurred_at == NOW

    def test_a_secret_counts_where_there_is_one(self) -> None:
        WORKFLOW.verify(Arrival(b"", NOW), [])
        WORKFLOW.verify(Arrival(b"", NOW, {"x-echoloop-token": KEY}), ["another", KEY])
        for headers, code in (({}, "signature_missing"), ({"x-echoloop-token": "é"}, "signature_invalid")):
            with pytest.raises(Unauthorized) as unauthorized:
                WORKFLOW.verify(Arrival(b"", NOW, headers), [KEY])
            assert unauthorized.value.code == code

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            (b"", "unknown_shape"),
            (b"<r/>", "unknown_shape"),
            (b"response_id=%ff", "invalid_encoding"),
            (b'{"comment":"he said "no""}', "malformed_json"),
            (b"nps=3", "mapping_missing_response_id"),
        ],
    )
    def test_what_cannot_be_read_is_parked_with_its_reason(self, raw: bytes, code: str) -> None:
        with pytest.raises(Parked, match=r"^[A-Z].*\.$") as parked:
            parse(raw, source=WORKFLOW)
        assert parked.value.code == code

    @given(
        names=st.dictionaries(
            st.sampled_from(["response_id", "nps", "comment", "unit", "email", "recorded_at", "q"]),
            st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
        )
    )
    def test_names_of_any_value_are_read_or_parked(self, names: dict[str, Any]) -> None:
        try:
            voice = parse(names, source=WORKFLOW)
        except Parked:
            return
        assert voice.response_key
