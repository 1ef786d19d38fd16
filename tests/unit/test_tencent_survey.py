"""Tencent Survey: its event's order, what answers become by their type, and requests that hold none."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.voice.voice import Canonical, Customer
from chalicelib.errors import Parked
from chalicelib.services.reading.enrich import DUPLICATE, PARKED, STORED
from chalicelib.sources import registry
from tests.builders_voices import way_in

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
TENCENT = registry.load("tencent_survey")


def question(kind: str, **parts: Any) -> dict[str, Any]:
    return {"id": "q-1", "type": kind, **parts}


def event(*questions: Any, action: str = "answer.create", minute: int = 0, **parts: Any) -> dict[str, Any]:
    """An event about answer 7, of its own id for each action and minute."""
    answer = {"survey_id": 1, "answer_id": 7, "ended_at": "2026-11-01 16:01:40", **parts}
    pages = [{"id": "p-1", "questions": list(questions)}]
    at = f"2026-11-01 17:{minute:02d}:00"
    shown = {"id": f"{action}-{minute}", "object": "Answer", "action": action, "created_at": at}
    return {**shown, "payload": {"answer": pages, **answer}}


def parse(payload: Any, mapping: dict[str, Any] | None = None, **settings: Any) -> Canonical:
    return TENCENT.parse(Arrival(json.dumps(payload).encode(), NOW), {**(mapping or {}), "settings": settings})


def words(text: str) -> dict[str, Any]:
    return question("text", text=text)


class TestOrder:
    def send(self, *events: dict[str, Any]) -> tuple[list[str], Any]:
        way = way_in("tencent_survey", NOW)
        outcomes = [way.send(json.dumps(one).encode()) for one in events]
        return [outcome.what for outcome in outcomes if outcome], way.only()

    def test_a_retry_is_known_by_the_events_id(self) -> None:
        done, feedback = self.send(event(words("破损")), event(words("破损")))
        assert (done, feedback.revision) == ([STORED, DUPLICATE], 1)

    @pytest.mark.parametrize("late", [False, True])
    def test_the_latest_edit_stands_in_whatever_order_they_come(self, late: bool) -> None:
        events = [event(words("破损")), event(words("破损，已补发"), action="answer.update", minute=9)]
        done, feedback = self.send(*(reversed(events) if late else events))
        assert done == [STORED, STORED]
        assert (feedback.revision, feedback.texts[0].text) == (2, "破损，已补发")

    @pytest.mark.parametrize("first", [True, False])
    def test_a_deletion_takes_the_words_away_for_good(self, first: bool) -> None:
        events = [event(words("破损"), action="answer.update", minute=9), event(action="answer.delete")]
        _, feedback = self.send(*(reversed(events) if first else events))
        assert (feedback.deleted, feedback.texts, feedback.state) == (True, (), "closed")

    def test_a_deletion_counts_from_its_arrival_or_later(self) -> None:
        assert parse(event(action="answer.delete")).revision_at == NOW
        ahead = {**event(action="answer.delete"), "created_at": "2026-11-21 16:00:30"}
        assert parse(ahead).revision_at == NOW.replace(second=30)

    def test_another_surveys_answer_of_that_number_is_another_response(self) -> None:
        keys = {parse(event(words("x"), survey_id=survey)).response_key for survey in (1, 2)}
        assert keys == {"1:7", "2:7"}


class TestNoAnswer:
    @pytest.mark.parametrize(
        "changes",
        [{"object": "Webhook", "action": None}, {"action": "webhook.test"}, {"action": "survey.update"}],
    )
    def test_what_is_about_something_else_is_answered_and_not_kept(self, changes: dict[str, str]) -> None:
        way = way_in("tencent_survey", NOW)
        assert way.send(json.dumps({**event(), **changes}).encode()) is None
        assert way.answers[0].status == "ignored"

    @pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"object":"Answer"}', b'{"id":"x","payload":{}}'])
    def test_a_test_request_that_does_not_say_so_is_accepted_and_seen(self, raw: bytes) -> None:
        way = way_in("tencent_survey", NOW)
        outcome = way.send(raw)
        assert outcome is not None
        assert (way.answers[0].status, outcome.what) == ("accepted", PARKED)

    @pytest.mark.parametrize("action", ["answer.audit", None, 7])
    def test_an_unknown_action_is_parked(self, action: Any) -> None:
        with pytest.raises(Parked, match="carries no answer") as parked:
            parse({**event(), "action": action})
        assert parked.value.code == "unknown_operation"

    @pytest.mark.parametrize("about", ["Webhook", 7])
    def test_an_answer_of_something_else_is_kept_for_a_person_to_see(self, about: Any) -> None:
        payload = {**event(), "object": about}
        assert not TENCENT.ignores(payload)
        with pytest.raises(Parked, match="carries no answer"):
            parse(payload)

    @pytest.mark.parametrize("about", [{"object": "answer"}, {}])
    def test_what_its_action_names_an_answer_is_read(self, about: dict[str, str]) -> None:
        payload = event(words("好"))
        del payload["object"]
        assert [text.text for text in parse({**payload, **about}).texts] == ["好"]

    def test_a_deletion_without_a_readable_time_takes_the_words_away_all_the_same(self) -> None:
        gone = parse({**event(action="answer.delete", ended_at="0000-00-00 00:00:00"), "created_at": "now"})
        assert (gone.deleted, gone.occurred_at, gone.revision_at) == (True, NOW, NOW)

    @pytest.mark.parametrize("missing", ["survey_id", "answer_id"])
    def test_without_its_ids_it_is_parked(self, missing: str) -> None:
        payload = event()
        del payload["payload"][missing]
        with pytest.raises(Parked, match="no response id") as parked:
            parse(payload)
        assert parked.value.code == "mapping_missing_response_id"

    @pytest.mark.parametrize(("found", "known"), [("e1", "e1"), ("", None), ("x" * 257, None), (7, None), (None, None)])
    def test_a_deliverys_id_is_a_short_text(self, found: Any, known: str | None) -> None:
        assert TENCENT.delivery_id(Arrival(b"", NOW), {"id": found}) == known


class TestAnswers:
    @pytest.mark.parametrize("checked", [1, True, "1"])
    def test_only_what_was_chosen_counts(self, checked: Any) -> None:
        options = [{"checked": 0, "text": "好"}, {"checked": checked, "text": "差"}, {"text": "一般"}]
        assert parse(event(question("radio", title="感受", options=options))).attributes == {"感受": "差"}

    @pytest.mark.parametrize("said", ["10", 10, "0", 0])
    def test_an_nps_is_one_by_its_type(self, said: Any) -> None:
        scores = parse(event(question("nps", text=said))).scores
        assert [(one.kind, one.value) for one in scores] == [("nps", float(said))]

    def test_an_nps_that_was_chosen_among_options_is_one_too(self) -> None:
        options = [{"checked": 1, "text": "3"}]
        assert parse(event(question("nps", options=options))).scores[0].value == 3

    @pytest.mark.parametrize("said", ["11", "-1", "十", "３", "2.5"])
    def test_an_nps_that_is_no_such_number_stays_an_attribute(self, said: str) -> None:
        voice = parse(event(question("nps", title="推荐", text=said)))
        assert (voice.scores, voice.attributes) == ((), {"推荐": said})

    def test_a_scale_that_nobody_named_stays_an_attribute(self) -> None:
        voice = parse(event(question("star", title="客服", text="4")))
        assert (voice.scores, voice.attributes) == ((), {"客服": "4"})

    @pytest.mark.parametrize("name", ["q-1", "客服"])
    def test_the_mapping_names_a_scale_by_id_or_title(self, name: str) -> None:
        voice = parse(
            event(question("star", title="客服", text="4")), {"fields": {name: {"kind": "rating", "scale": [1, 5]}}}
        )
        assert [(one.kind, one.value, one.high) for one in voice.scores] == [("rating", 4.0, 5.0)]

    def test_words_on_a_named_scale_without_a_number_are_parked(self) -> None:
        options = [{"checked": 1, "text": "差"}]
        rules = {"fields": {"q-1": {"kind": "csat", "scale": [1, 5]}}}
        with pytest.raises(Parked, match="not a number") as parked:
            parse(event(question("radio", options=options)), rules)
        assert parked.value.code == "mapping_score_not_a_number"
        assert parse(event(question("radio", options=options)), rules, option_values={"差": 1}).scores[0].value == 1

    def test_an_unanswered_question_on_a_named_scale_is_no_score(self) -> None:
        voice = parse(event(question("radio", options=[])), {"fields": {"q-1": {"kind": "csat", "scale": [1, 5]}}})
        assert voice.scores == ()

    @pytest.mark.parametrize("blank", ["包装也破了", {"id": "b", "text": "包装也破了"}])
    def test_what_was_filled_in_beside_an_option_is_the_customers_words(self, blank: Any) -> None:
        options = [{"checked": 1, "text": "其他"}]
        voice = parse(event(question("checkbox", title="问题", options=options, blanks=[blank])))
        assert [(text.text, text.question) for text in voice.texts] == [("包装也破了", "问题")]

    def test_the_platforms_openid_is_the_customer_where_the_link_names_none(self) -> None:
        voice = parse(event(third_party_user={"openid": "wx-1", "nickname": "林"}))
        assert voice.customer == Customer(id="wx-1", name="林")

    def test_local_times_are_those_of_the_setting(self) -> None:
        at = parse(event(words("x")), utc_offset=0).occurred_at
        assert at == datetime(2026, 11, 1, 16, 1, 40, tzinfo=timezone.utc)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["id", "type", "title", "text", "options", "checked", "blanks", "questions"]),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=25,
        )
    )
    def test_pages_of_any_shape_become_a_voice_or_are_parked(self, pages: Any) -> None:
        try:
            voice = parse(event(answer=pages), {"fields": {"": {"kind": "nps"}}})
        except Parked:
            return
        assert voice.response_key == "1:7"
