"""A new reading decides anew, loses nothing that was done, and leaves a person's word alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.domain.events import feedback_event, wanted_actions
from chalicelib.domain.reading.correction import Mark, corrected
from chalicelib.domain.reading.reading import decided, departments, next_reading
from chalicelib.domain.voice.feedback import Decision, Feedback
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.workspaces.rules import Rule
from chalicelib.errors import Retryable
from chalicelib.services.reading.reread import Reread
from tests.builders import AT, decision, feedback, reason, tag
from tests.builders_admin import FakeShelf

LATER = AT + timedelta(days=1)
DAMAGE = Rule("damage", {"tag": {"topic": "logistics", "polarity": "negative"}}, ("ticket",), severity="high")
SERVICE = Rule("rude", {"tag": {"topic": "service", "polarity": "negative"}}, ("ticket", "alert"))


def frame(**topics: str) -> Any:
    """Topics with their departments."""
    known = topics or {"logistics.damage": "logistics", "service.attitude": "customer_service"}
    by_id = {topic: SimpleNamespace(department=name, need="pain") for topic, name in known.items()}
    return SimpleNamespace(version="f-2", by_id=by_id, red_lines=[SimpleNamespace(kind="injury", department="safety")])


def says(*tags: Any, **more: Any) -> Understanding:
    return Understanding(tags=tags, frame_version="f-2", **more)


def read(stored: Feedback, understanding: Understanding, *rules: Rule, by: Any = None) -> Feedback:
    return next_reading(stored, understanding, rules or (DAMAGE, SERVICE), by or frame(), LATER)


def test_the_next_reading_is_decided_anew_and_an_old_reason_is_marked_lapsed() -> None:
    stored = feedback(decision=decision(reason("damage")), ticket="tk_1", acted_at=AT, state="ticketed")

    again = read(stored, says(tag("service.attitude"), departments=("customer_service",)))

    assert (again.revision, again.reading, again.understood_at) == (1, 2, LATER)
    assert {(one.rule, one.lapsed) for one in again.decision.actions["ticket"]} == {("damage", True), ("rude", False)}
    assert again.decision.departments == ("customer_service",)
    assert again.awaiting == {"ticket", "alert"}
    assert again.awaiting_since == LATER
    assert (again.ticket, again.acted_at, again.state) == ("tk_1", AT, "ticketed"), "what was done is lost"


def test_a_ticket_hears_that_nothing_asks_for_it_any_more() -> None:
    again = read(feedback(decision=decision(reason("damage"))), says())

    assert wanted_actions(again.decision) == ()
    assert again.awaiting == {"ticket"}


def test_a_reading_has_an_event_of_its_own() -> None:
    stored = feedback()
    again = read(stored, says(tag("service.attitude")))

    first, second = feedback_event(stored), feedback_event(again)

    assert (first.type, second.type) == ("feedback.scored", "feedback.revised")
    assert first.id != second.id


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": (tag(confidence=0.5, score=-3.0, version="f-2", producer="model"),)},
        {"tags": (tag(),), "model_version": "m-9"},
        {"tags": (tag(),), "polarity": 0.3},
    ],
)
def test_a_moved_probability_or_version_is_no_new_reading(changes: dict[str, Any]) -> None:
    stored = feedback(understanding=Understanding(tags=(tag(),), polarity=0.2))

    assert read(stored, Understanding(**{"polarity": 0.1, **changes})) is stored


def test_an_edited_rule_does_not_reach_back_for_what_reads_the_same() -> None:
    stored = feedback(decision=Decision())

    assert read(stored, stored.understanding, DAMAGE) is stored


@pytest.mark.parametrize("changes", [{"reading": 0, "state": "parked"}, {"deleted": True}])
def test_what_has_no_words_is_not_read(changes: dict[str, Any]) -> None:
    stored = feedback(**changes)

    assert read(stored, says(tag("service.attitude"))) is stored


class TestAfterACorrection:
    stored = feedback(understanding=says(tag("logistics.damage"), tag("service.attitude", start=7, end=11)))

    def corrected(self, *marks: Mark, **more: Any) -> Feedback:
        return read(self.stored, corrected(self.stored, marks, frame(), **more))

    def test_the_tags_are_the_analysts_and_departments_follow_from_them(self) -> None:
        right = self.corrected(Mark("service.attitude", "negative", 0, 7, 11))

        (only,) = right.understanding.tags
        assert (only.producer, only.confidence, only.version) == ("analyst", 1.0, right.understanding.correction)
        assert right.understanding.departments == ("customer_service",)
        assert right.understanding.frame_version == "f-2"

    def test_evidence_stays_with_a_tag_that_was_right_already(self) -> None:
        known = replace(self.stored, understanding=says(tag(terms=("破损",), score=-2.0)))
        same = corrected(known, [Mark("logistics.damage", "negative", 0, 0, 4)], frame())
        other = corrected(known, [Mark("logistics.damage", "positive", 0, 0, 4)], frame())

        assert (same.tags[0].terms, same.tags[0].score) == (("破损",), -2.0)
        assert other.tags[0].terms == ()
        assert other.tags[0].score > 0

    def test_it_is_a_new_reading_even_when_the_tags_stay(self) -> None:
        marks = [Mark(one.topic, one.polarity, one.text, one.start, one.end) for one in self.stored.understanding.tags]
        right = self.corrected(*marks)

        assert right.reading == 2
        assert all(one.producer == "analyst" for one in right.understanding.tags)

    def test_a_review_is_over(self) -> None:
        doubtful = replace(self.stored, understanding=self.stored.understanding._replace(review=("unsure_topic",)))

        assert corrected(doubtful, [], frame()).review == ()

    def test_a_frame_change_leaves_the_tags_alone(self) -> None:
        right = self.corrected(Mark("service.attitude", "negative", 0, 7, 11))

        assert read(right, says(tag("logistics.damage"), departments=("logistics",))) is right

    def test_a_person_who_says_that_nothing_is_said_is_believed(self) -> None:
        right = self.corrected()

        assert right.understanding.tags == ()
        assert read(right, says(tag("logistics.damage"))) is right

    def test_a_topic_that_vanished_is_read_again_from_its_words_and_doubted(self) -> None:
        right = self.corrected(
            Mark("logistics.damage", "negative", 0, 0, 4), Mark("service.attitude", "negative", 0, 7, 11)
        )
        fresh = says(
            tag("delivery.harm", start=1, end=4), tag("price.value", start=9, end=10), review=("unsure_topic",)
        )
        without = frame(**{"delivery.harm": "courier", "service.attitude": "customer_service", "price.value": "x"})
        fresh = fresh._replace(departments=("courier",))

        again = read(right, fresh, by=without)

        assert [one.topic for one in again.understanding.tags] == ["delivery.harm", "service.attitude"]
        assert again.understanding.departments == ("courier", "customer_service")
        assert again.understanding.review == ("unsure_topic",)
        assert again.understanding.correction == right.understanding.correction

    def test_red_lines_and_intents_stay_unless_they_are_given(self) -> None:
        known = replace(self.stored, understanding=says(red_lines=("injury",), intents=("complaint",)))
        kept = corrected(known, [], frame())
        given = corrected(known, [], frame(), red_lines=[], intents=["praise"])

        assert (kept.red_lines, kept.intents, kept.departments) == (("injury",), ("complaint",), ("safety",))
        assert (given.red_lines, given.intents, given.departments) == ((), ("praise",), ())


def test_red_lines_come_first_among_the_departments_and_praise_needs_nobody() -> None:
    tags = [tag("service.attitude"), tag("logistics.damage", polarity="positive")]

    assert departments(("injury",), tags, frame()) == ("safety", "customer_service")


def test_a_decision_without_actions_waits_for_nobody() -> None:
    assert decided(feedback(), Decision(), LATER).awaiting_since is None


class TestReread:
    def stored(self, lose: int = 0) -> tuple[FakeShelf, Reread, Feedback]:
        shelf = FakeShelf(lose=lose)
        return shelf, Reread(shelf, lambda: LATER), shelf.add(feedback())

    def test_it_looks_again_when_a_worker_notes_something_meanwhile(self) -> None:
        shelf, reread, one = self.stored()
        shelf.add(replace(one, ticket="tk_1", awaiting=frozenset()))

        done = reread.apply(one, says(tag("service.attitude")), (SERVICE,), frame())

        assert done is not None
        assert (done.ticket, done.reading) == ("tk_1", 2), "what the worker noted is lost"

    def test_it_gives_way_to_whoever_read_it_first(self) -> None:
        shelf, reread, one = self.stored()
        shelf.add(replace(one, reading=2))

        assert reread.apply(one, says(tag("service.attitude")), (SERVICE,), frame()) is None

    def test_it_writes_nothing_when_nothing_changes(self) -> None:
        shelf, reread, one = self.stored()

        assert reread.apply(one, one.understanding, (SERVICE,), frame()) is None
        assert shelf.read_before == []

    def test_a_preview_is_what_is_then_stored(self) -> None:
        shelf, reread, one = self.stored()
        wanted = (one, says(tag("service.attitude")), (SERVICE,), frame())

        assert reread.preview(*wanted) == reread.apply(*wanted) == shelf.get("acme", "fb_one")

    def test_it_comes_again_when_the_row_keeps_changing(self) -> None:
        _, reread, one = self.stored(lose=99)

        with pytest.raises(Retryable, match="kept changing") as caught:
            reread.apply(one, says(tag("service.attitude")), (SERVICE,), frame())
        assert caught.value.code == "contended"
