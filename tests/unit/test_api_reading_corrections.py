"""Corrections, readings, the review queue and tries through the API."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.events import feedback_event
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.voice.understanding import Gram, Text, Understanding
from chalicelib.domain.workspaces.api_keys import key_hash
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Conflict
from chalicelib.wiring import reading
from tests.builders import tag
from tests.builders_admin import NOW, OURS, Office, composed

CORRECT = "/v1/feedback/{feedback_id}/corrections"
REVIEW = "/v1/feedback/{feedback_id}/review"
READINGS = "/v1/feedback/{feedback_id}/readings"
OURS_FB = {"feedback_id": f"fb_{OURS}"}
# "包裹破损，客服没有回应"
RIGHT = {"topic": "service", "polarity": "negative", "text": 0, "start": 5, "end": 11}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        made.feedback()
        yield made


def body(*tags: Any, **changes: Any) -> dict[str, Any]:
    return {"revision": 1, "reading": 1, "tags": list(tags), **changes}


def doubtful(office: Office, **changes: Any) -> None:
    office.feedback(understanding=Understanding(tags=(tag(confidence=0.4),), review=("unsure_topic",)), **changes)


class TestCorrecting:
    def test_an_analyst_puts_a_reading_right(self, office: Office) -> None:
        key = office.new_key("analyst")
        office.now = NOW + timedelta(hours=1)

        answer = office.call("POST", CORRECT, body(RIGHT, note="打 13800138000 问过"), path=OURS_FB, key=key)

        shown = answer.json
        assert (answer.status, shown["revision"], shown["reading"]) == (200, 1, 2)
        (only,) = shown["tags"]
        assert (only["topic"], only["evidence"], only["producer"]) == ("service", "客服没有回应", "analyst")
        assert (only["confidence"], only["version"]) == (1.0, shown["correction"])
        (kept,) = office.shelf.corrected
        assert (kept.by, kept.at) == (office.directory.keys[key_hash(key)].id, office.now)
        assert [mark.topic for mark in kept.old] == ["logistics.damage"]
        assert [mark.topic for mark in kept.new] == ["service"]
        assert kept.note == "打 〔手机号〕 问过"
        assert "问过" not in str(feedback_event(office.shelf.rows[OURS, "fb_acme"]).as_detail())

    def test_the_rules_decide_anew(self, office: Office) -> None:
        rule = Rule("rude", {"tag": {"topic": "service", "polarity": "negative"}}, ("alert",), severity="critical")
        office.directory.put_rule(OURS, rule)

        shown = office.call("POST", CORRECT, body(RIGHT), path=OURS_FB).json

        assert shown["severity"] == "critical"
        assert {(one["rule"], one["lapsed"]) for one in shown["reasons"]} == {
            ("rude", False),
            ("builtin-unhappy", False),
        }
        assert shown["awaiting"] == ["alert", "ticket"]

    @pytest.mark.parametrize(
        ("changes", "hint"),
        [
            ({"topic": "logistics", "start": 0, "end": 4, "polarity": "positive"}, "itch"),  # the same topic
            ({"topic": "service", "start": 0, "end": 3, "polarity": "neutral"}, "itch"),  # the same words
            ({"topic": "logistics", "start": 0, "end": 3, "polarity": "negative"}, "pain"),
            ({"topic": "logistics", "start": 5, "end": 8, "polarity": "neutral"}, "undecided"),  # other words
            ({"topic": "logistics", "start": 0, "end": 3, "text": 1, "polarity": "neutral"}, "undecided"),
        ],
    )
    def test_a_wish_stays_one(self, office: Office, changes: dict[str, Any], hint: str) -> None:
        wish = tag("logistics", polarity="neutral", start=0, end=3, need_hint="itch")
        texts = (Text("快一点，客服没有回应"), Text("再快一点"))
        office.feedback(texts=texts, understanding=Understanding(tags=(wish,)))

        (shown,) = office.call("POST", CORRECT, body({**RIGHT, **changes}), path=OURS_FB).json["tags"]

        assert shown["need_hint"] == hint

    def test_who_saw_another_reading_is_told_so(self, office: Office) -> None:
        assert office.call("POST", CORRECT, body(RIGHT), path=OURS_FB).status == 200

        for wrong in (body(RIGHT), body(RIGHT, revision=2), body(RIGHT, reading=3)):
            answer = office.call("POST", CORRECT, wrong, path=OURS_FB)
            assert (answer.status, answer.code) == (409, "stale")

    def test_two_at_once_are_not_merged(self, office: Office) -> None:
        office.shelf.lose = 1
        assert office.call("POST", CORRECT, body(RIGHT), path=OURS_FB).status == 200, "a worker's note is no conflict"
        assert len(office.shelf.corrected) == 1

    @pytest.mark.parametrize(
        ("changes", "code", "pointer"),
        [
            ({"topic": "no.such.topic"}, "unknown_topic", "/tags/0/topic"),
            ({"polarity": "bad"}, "schema_violation", "/tags/0/polarity"),
            ({"text": 1}, "span_invalid", "/tags/0/text"),
            ({"text": 2}, "span_invalid", "/tags/0/text"),
            ({"end": 12}, "span_invalid", "/tags/0/start"),
            ({"start": 5, "end": 5}, "span_invalid", "/tags/0/start"),
            ({"start": -1}, "schema_violation", "/tags/0/start"),
            ({"start": "5"}, "schema_violation", "/tags/0/start"),
        ],
    )
    def test_a_wrong_tag_is_refused(self, office: Office, changes: dict[str, Any], code: str, pointer: str) -> None:
        office.feedback(texts=(Text("包裹破损，客服没有回应"), Text("您好，请稍等，马上看", speaker="staff")))

        answer = office.call("POST", CORRECT, body({**RIGHT, **changes}), path=OURS_FB)

        assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)
        assert office.shelf.corrected == []

    def test_one_topic_twice_for_the_same_words_is_refused(self, office: Office) -> None:
        answer = office.call("POST", CORRECT, body(RIGHT, {**RIGHT, "polarity": "positive"}), path=OURS_FB)

        assert (answer.status, answer.code, answer.json["pointer"]) == (422, "tag_twice", "/tags/1")

    def test_a_red_line_that_the_frame_does_not_know_is_refused(self, office: Office) -> None:
        answer = office.call("POST", CORRECT, body(RIGHT, red_lines=["boredom"]), path=OURS_FB)

        assert (answer.status, answer.code, answer.json["pointer"]) == (422, "unknown_red_line", "/red_lines")

    def test_what_is_parked_cannot_be_corrected(self, office: Office) -> None:
        parked = office.parked(reading=0)

        answer = office.call("POST", CORRECT, body(), path={"feedback_id": parked.id})

        assert (answer.status, answer.code) == (409, "nothing_to_read")

    @pytest.mark.parametrize(
        ("role", "more"), [("region", {"unit": "SH"}), ("store", {"unit": "SH/001"}), ("integration", {})]
    )
    def test_only_analysts_and_admins_may(self, office: Office, role: str, more: dict[str, str]) -> None:
        key = office.new_key(role, **more)
        calls = [
            ("POST", CORRECT, body(RIGHT), OURS_FB),
            ("POST", REVIEW, {"verdict": "right"}, OURS_FB),
            ("GET", "/v1/review", None, None),
            ("GET", "/v1/corrections", None, None),
            ("POST", "/v1/try", {"text": "好"}, None),
        ]

        for method, resource, sent, path in calls:
            answer = office.call(method, resource, sent, path=path, key=key)
            assert (answer.status, answer.code) == (403, "forbidden"), resource


class TestReadings:
    def test_all_of_them_are_shown_with_who_corrected_which(self, office: Office) -> None:
        office.call("POST", CORRECT, body(RIGHT), path=OURS_FB)
        office.call("POST", CORRECT, body(reading=2), path=OURS_FB)

        items = office.call("GET", READINGS, path=OURS_FB).json["items"]

        assert [(one["reading"], [tag["topic"] for tag in one["tags"]]) for one in items] == [
            (1, ["logistics.damage"]),
            (2, ["service"]),
            (3, []),
        ]
        assert [one["corrected_by"] and one["corrected_by"]["verdict"] for one in items] == [
            "corrected",
            "corrected",
            None,
        ]
        assert items[0]["corrected_by"]["id"] == items[1]["correction"]

    def test_a_store_sees_those_of_its_own_unit_only(self, office: Office) -> None:
        own, other = office.new_key("store", unit="SH/001"), office.new_key("store", unit="SH/002")

        assert office.call("GET", READINGS, path=OURS_FB, key=own).status == 200
        assert office.call("GET", READINGS, path=OURS_FB, key=other).code == "not_found"


class TestReviewing:
    def test_what_is_doubted_waits_and_leaves_by_a_verdict(self, office: Office) -> None:
        doubtful(office)
        (waiting,) = office.call("GET", "/v1/review").json["items"]
        assert (waiting["review"], waiting["texts"][0]["text"]) == (["unsure_topic"], "包裹破损，客服没有回应")

        answer = office.call("POST", REVIEW, {"verdict": "right", "revision": 1, "reading": 1}, path=OURS_FB)

        assert (answer.status, answer.json["review"], answer.json["departments"]) == (200, [], ["logistics"])
        assert [one["producer"] for one in answer.json["tags"]] == ["analyst"]
        assert office.call("GET", "/v1/review").json["items"] == []
        assert [one.verdict for one in office.shelf.corrected] == ["right"]

    def test_it_leaves_by_a_correction(self, office: Office) -> None:
        doubtful(office)

        office.call("POST", CORRECT, body(), path=OURS_FB)

        assert office.call("GET", "/v1/review").json["items"] == []

    def test_a_verdict_on_another_reading_is_refused(self, office: Office) -> None:
        doubtful(office)

        answer = office.call("POST", REVIEW, {"verdict": "right", "reading": 2}, path=OURS_FB)

        assert (answer.status, answer.code) == (409, "stale")


class TestTrainingRows:
    def test_they_have_the_shape_of_the_labelled_sets(self, office: Office) -> None:
        office.feedback(texts=(Text("包裹破损，客服没有回应"), Text("您好", speaker="staff"), Text("以后再说")))
        office.call("POST", CORRECT, body(RIGHT, note="看过"), path=OURS_FB)

        (given,) = office.call("GET", "/v1/corrections").json["items"]

        assert given["rows"] == [
            {
                "t": "包裹破损，客服没有回应",
                "q": [["客服没有回应", "_", "service", -1]],
                "labels": [["service", -1]],
                "split": "train",
            },
            {"t": "以后再说", "q": [], "labels": [], "split": "train"},
        ]
        assert (given["note"], given["verdict"], given["feedback"]) == ("看过", "corrected", "fb_acme")
        assert given["old"][0]["topic"] == "logistics.damage"

    def test_since_leaves_out_what_is_older(self, office: Office) -> None:
        office.call("POST", CORRECT, body(RIGHT), path=OURS_FB)

        after = {"since": "2026-11-21T08:00:01Z"}
        assert office.call("GET", "/v1/corrections", query=after).json["items"] == []


class TestTrying:
    def test_a_sentence_is_read_routed_and_shown_and_nothing_is_kept(self, office: Office) -> None:
        before = copy.deepcopy(office.shelf)
        sent = {"text": "快递把包裹摔破了，电话13800138000", "unit": "SH/001", "scores": [{"kind": "nps", "value": 2}]}

        answer = office.call("POST", "/v1/try", sent)

        shown = answer.json
        assert answer.status == 200
        assert shown["texts"][0]["text"] == "快递把包裹摔破了，电话〔手机号〕", (
            "tried words are redacted as kept ones are"
        )
        negative = [one for one in shown["tags"] if one["polarity"] == "negative"]
        assert negative[0]["topic"].startswith("logistics")
        assert negative[0]["evidence"] in shown["texts"][0]["text"]
        assert [one["rule"] for one in shown["rules"]] == ["builtin-unhappy"]
        assert shown["owner"] == shown["departments"][0]
        assert shown["title"] in shown["card"]["title"]
        assert (shown["playbook"]["id"], shown["playbook"]["title"]) == ("logistics.damage", "运输破损")
        assert ["门店", "SH/001"] in shown["card"]["facts"]
        assert not any(value.startswith(("tk_", "fb_")) for _, value in shown["card"]["facts"])
        assert (office.shelf, office.sqs.bodies()) == (before, [])

    def test_complaints_of_several_departments_show_what_each_would_get(self, office: Office) -> None:
        sent = {"text": "快递把包裹摔破了。客服态度很差。", "scores": [{"kind": "nps", "value": 2}]}
        shown = office.call("POST", "/v1/try", sent).json
        assert [one["department"] for one in shown["parts"]] == shown["departments"]
        assert len(shown["parts"]) == 2
        assert shown["parts"][0]["playbook"]["id"] == "logistics.damage"
        assert shown["parts"][1]["topics"][0].startswith("service")
        assert office.call("POST", "/v1/try", {**sent, "text": "快递把包裹摔破了"}).json["parts"] == []

    def test_without_a_rule_that_asks_there_is_no_card(self, office: Office) -> None:
        shown = office.call("POST", "/v1/try", {"texts": [{"text": "很好", "speaker": "customer"}]}).json

        assert (shown["card"], shown["title"], shown["rules"], shown["actions"]) == (None, None, [], [])
        assert shown["playbook"] is None

    def test_the_same_sentence_gives_the_same_tags_from_every_channel(self, office: Office) -> None:
        channels = ("survey", "review", "hotline", "chat", "social", "store_qr", "badge", "email", "app")
        said = [office.call("POST", "/v1/try", {"text": "物流太慢，质量不错", "channel": one}).json for one in channels]

        assert said[0]["tags"]
        assert all(one["tags"] == said[0]["tags"] for one in said)

    @pytest.mark.parametrize(
        ("sent", "code", "pointer"),
        [
            ({}, "schema_violation", ""),
            ({"text": "a", "texts": [{"text": "b"}]}, "schema_violation", ""),
            ({"text": "a", "scores": [{"kind": "nps", "value": 11}]}, "schema_violation", "/scores/0/value"),
            ({"text": "a", "channel": "pigeon"}, "schema_violation", "/channel"),
        ],
    )
    def test_a_voice_that_could_not_come_in_is_refused(
        self, office: Office, sent: dict[str, Any], code: str, pointer: str
    ) -> None:
        answer = office.call("POST", "/v1/try", sent)

        assert (answer.status, answer.code, answer.json["pointer"]) == (422, code, pointer)

    def test_a_proposal_that_is_not_there_is_not_found(self, office: Office) -> None:
        answer = office.call("POST", "/v1/try", {"text": "好", "proposal": "fp_nothing"})

        assert (answer.status, answer.code) == (404, "not_found")

    def test_a_proposal_that_is_still_learning_is_not_read_without_what_it_learns(self, office: Office) -> None:
        one = office.proposal(number=1, delta=1)
        with pytest.raises(Conflict) as told:
            reading.try_reading()(OURS, {"text": "好"}, proposal=one.id)
        assert (told.value.status, told.value.code) == (409, "effect_pending")

        office.frames.put_delta(OURS, 1, {"polarity": {}, "topics": {}})
        assert office.call("POST", "/v1/try", {"text": "好", "proposal": one.id}).status == 200

    def test_a_frame_in_force_whose_delta_is_gone_reads_without_it(self, office: Office) -> None:
        office.frames.states[OURS] = FrameState(OURS, 1, delta=1)
        assert office.call("POST", "/v1/try", {"text": "好"}).status == 200


def test_a_feedback_shows_what_was_understood_and_on_which_evidence(office: Office) -> None:
    weighed = tag(terms=("破损",), grams=(Gram(2, 4, -1.5),), score=-2.5, producer="model", version="m-1")
    office.feedback(
        understanding=Understanding(
            tags=(weighed,),
            intents=("complaint", "churn_threat"),
            polarity=0.04,
            actionability="response_needed",
            effort="high",
            emotion=2,
            behaviour=("leave",),
            model_version="m-1",
        )
    )

    shown = office.call("GET", "/v1/feedback/{feedback_id}", path=OURS_FB).json

    assert shown["tags"][0]["grams"] == [{"text": "破损", "start": 2, "end": 4, "weight": -1.5}]
    assert (shown["tags"][0]["terms"], shown["tags"][0]["score"]) == (["破损"], -2.5)
    assert (shown["intent"], shown["intents"]) == ("complaint", ["complaint", "churn_threat"])
    assert (shown["polarity"], shown["confidence"]) == (0.04, 0.96)
    assert (shown["actionability"], shown["effort"], shown["emotion"]) == ("response_needed", "high", 2)
    assert (shown["behaviour"], shown["review"], shown["correction"]) == (["leave"], [], None)


def test_a_row_read_again_shows_the_words_of_its_own_revision(office: Office) -> None:
    current = office.feedback(revision=2, texts=(Text("现在好了"),), understanding=Understanding())
    office.shelf.read_before.append(
        replace(current, revision=1, texts=(Text("包裹破损"),), understanding=Understanding(tags=(tag(),)))
    )

    items = office.call("GET", READINGS, path=OURS_FB).json["items"]

    assert items[0]["tags"][0]["evidence"] == "包裹破损"
