"""A frame is measured and applied page by page: what was printed is what happens, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.reading.correction import Correction
from chalicelib.domain.reading.facets import facets_of
from chalicelib.domain.reading.frame_state import FrameState
from chalicelib.domain.reading.listing import FeedbackPage, FeedbackQuery, FeedbackSummary
from chalicelib.domain.reading.proposal import (
    ACTIVE,
    APPLYING,
    MEASURED,
    MEASURING,
    PAGE,
    RETIRED,
    Effect,
    Proposal,
    message,
)
from chalicelib.domain.voice.feedback import Decision, Feedback
from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.domain.workspaces.rules import BUILTIN, Rule
from chalicelib.errors import Parked, Retryable
from chalicelib.services.reading.reread import Reread
from chalicelib.services.reading.reread_range import RereadRange
from tests.builders import AT, WORKSPACE, feedback, tag, ticket
from tests.fakes.frames import FakeFrames
from tests.unit.test_proposal import proposal

NEW_TOPIC, DEPARTMENT = "logistics.cold_chain", "cold_chain"
WORD = "冰袋"


class Died(Exception):
    """The worker was killed."""


@dataclass
class Shelf:
    """Feedback and its list, newest first. ``die_after`` kills the worker after that many new readings."""

    rows: dict[str, Feedback] = field(default_factory=dict)
    die_after: int = -1

    def get(self, workspace: str, feedback_id: str) -> Feedback | None:
        found = self.rows.get(feedback_id)
        return found if found is not None and found.workspace == workspace else None

    def reread(self, old: Feedback, new: Feedback, correction: Correction | None = None) -> bool:
        if self.rows[old.id] != old:
            return False
        self.rows[old.id] = new
        if self.die_after == 0:
            raise Died
        self.die_after -= 1
        return True

    def page(self, query: FeedbackQuery, *, limit: int, cursor: str | None = None) -> FeedbackPage:
        assert query.until is not None
        listed = sorted((one for one in self.rows.values() if one.received_at < query.until), key=_place, reverse=True)
        start = int(cursor or 0)
        lines = [
            FeedbackSummary(one.workspace, one.id, one.connection, one.state, one.received_at, facets_of(one))
            for one in listed[start : start + limit]
        ]
        return FeedbackPage(tuple(lines), str(start + limit) if start + limit < len(listed) else None)


def _place(one: Feedback) -> tuple[datetime, str]:
    return one.received_at, one.id


class WordReader:
    """Reads ``WORD`` as a complaint about ``topic``, which belongs to its own department."""

    def __init__(self, topic: str, department: str) -> None:
        self.topic, self.department = topic, department
        node = SimpleNamespace(department=department, need="pain")
        self.frame: Any = SimpleNamespace(version=f"v-{topic}", by_id={topic: node}, red_lines=())

    def read(self, texts: Sequence[Text]) -> Understanding:
        if WORD not in texts[0].text:
            return Understanding(frame_version=self.frame.version)
        return Understanding(
            tags=(tag(self.topic),), departments=(self.department,), polarity=0.1, frame_version=self.frame.version
        )


OLD, NEW = WordReader("logistics.speed", "logistics"), WordReader(NEW_TOPIC, DEPARTMENT)
RULES = (*BUILTIN, Rule("cold", {"tag": {"topic": NEW_TOPIC}}, ("ticket",), severity="high"))


class Messages:
    """The queue of readings."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:
        self.sent.append(body)


class Room:
    """A proposal that reads ``WORD`` as a topic of its own, on ``count`` voices that the old frame has read."""

    def __init__(self, count: int = 3, **changes: Any) -> None:
        self.frames, self.shelf, self.queue = FakeFrames(), Shelf(), Messages()
        self.tickets: dict[tuple[str, str], Any] = {}
        self.learned: list[FrameState] = []
        self.at = AT + timedelta(hours=2)
        for number in range(count):
            self.add(f"fb_{number:03d}", WORD if number % 2 == 0 else "包装很好", minute=number)
        self.one = proposal(
            **{"state": MEASURING, "page": 0, "as_of": AT + timedelta(hours=1), "effect": Effect(), **changes}
        )
        self.frames.create(self.one)
        self.work = RereadRange(
            frames=self.frames,
            voices=self.shelf,
            lists=self.shelf,
            tickets=SimpleNamespace(get=lambda workspace, name: self.tickets.get((workspace, name))),
            rules=SimpleNamespace(rules=lambda _: RULES),
            readers=lambda state: NEW if state.number else OLD,
            learn=self.learned.append,
            reread=Reread(store=self.shelf, clock=lambda: self.at),
            readings=self.queue,
            clock=lambda: self.at,
        )

    def add(self, name: str, words: str = WORD, *, minute: int = 0, **changes: Any) -> Feedback:
        at = AT + timedelta(seconds=minute)
        read = OLD.read([Text(words)])
        made = feedback(
            id=name,
            texts=(Text(words),),
            understanding=read,
            decision=Decision(departments=read.departments),
            received_at=at,
            understood_at=at,
            scores=(),
            awaiting=frozenset(),
            awaiting_since=None,
            **changes,
        )
        self.shelf.rows[name] = made
        return made

    @property
    def now(self) -> Proposal:
        return self.frames.rows[WORKSPACE, self.one.id]

    def run(self) -> Proposal:
        """Take messages until none is left, giving back those that fail."""
        self.queue.sent.append(message(self.now))
        while self.queue.sent:
            body = self.queue.sent.pop(0)
            try:
                self.work(body)
            except (Died, Retryable):
                self.queue.sent.append(body)
        return self.now

    def activate(self) -> Proposal:
        """As ``ActivateFrame`` does, an hour and a half after the first voice."""
        at = AT + timedelta(minutes=90)
        after = replace(self.now, state=APPLYING, activated_at=at, run=self.now.run + 1, page=0, cursor=None)
        assert self.frames.activate(self.now, after, self.frames.state(WORKSPACE))
        return self.run()


class TestMeasure:
    def test_it_counts_what_would_change_and_changes_nothing(self) -> None:
        room = Room(5)
        before = dict(room.shelf.rows)
        measured = room.run()
        assert measured.state == MEASURED
        assert measured.effect == Effect(
            feedback=5,
            retagged=3,
            opened=3,
            tags_added=3,
            tags_removed=3,
            by_topic={NEW_TOPIC: (3, 0), "logistics.speed": (0, 3)},
        )
        assert room.shelf.rows == before

    def test_only_a_ticket_that_somebody_works_on_is_rerouted(self) -> None:
        room = Room(0)
        for state in ("open", "in_progress", "closed", "rejected", "merged"):
            room.add(f"fb_{state}", ticket=f"tk_{state}")
            room.tickets[WORKSPACE, f"tk_{state}"] = ticket(state=state)
        measured = room.run()
        assert (measured.effect.rerouted, measured.effect.opened) == (2, 0)

    def test_parked_deleted_later_and_foreign_voices_are_no_part_of_it(self) -> None:
        room = Room(1)
        room.add("fb_parked", state="parked", reading=0)
        room.add("fb_deleted", deleted=True)
        room.add("fb_foreign", workspace="globex")
        room.add("fb_late", minute=3601)
        changed = room.add("fb_revised")
        room.shelf.rows["fb_revised"] = replace(changed, understood_at=room.one.as_of + timedelta(milliseconds=1))
        assert room.run().effect.feedback == 1

    def test_a_message_reads_one_page_and_the_next_one_follows(self) -> None:
        room = Room(PAGE + 1)
        assert room.work(message(room.one)) == PAGE
        assert (room.now.page, room.now.state) == (1, MEASURING)
        assert room.queue.sent == [message(room.now)]
        assert room.work(room.queue.sent.pop()) == 1
        assert room.now.state == MEASURED
        assert room.queue.sent == []

    def test_a_page_that_comes_again_is_counted_once_and_its_successor_is_asked_for_again(self) -> None:
        room = Room(PAGE + 1)
        first = message(room.one)
        room.work(first)
        room.queue.sent.clear()  # the worker died before it was sent
        assert room.work(first) == 0
        assert room.now.effect.feedback == PAGE
        assert room.queue.sent == [message(room.now)]

    @pytest.mark.parametrize("stale", [{"run": 0}, {"page": 5}, {"proposal": "fp_gone"}, {"workspace": "globex"}])
    def test_a_message_about_something_else_does_nothing(self, stale: dict[str, Any]) -> None:
        room = Room(1)
        assert room.work({**message(room.one), **stale}) == 0
        assert room.now == room.one
        assert room.queue.sent == []

    def test_two_workers_at_one_page_count_it_once(self) -> None:
        room = Room(1)
        room.frames.lose = 1
        with pytest.raises(Retryable) as told:
            room.work(message(room.one))
        assert told.value.code == "contended"
        assert room.now.effect == Effect()

    def test_what_is_to_be_learned_is_learned_before_the_first_page(self) -> None:
        room = Room(PAGE + 1, delta=1)
        room.run()
        assert room.learned == [room.one.content]
        assert Room(1, delta=None).run().effect.feedback == 1

    def test_a_message_that_names_nothing_is_parked(self) -> None:
        with pytest.raises(Parked) as told:
            Room(0).work({"workspace": WORKSPACE})
        assert told.value.code == "message_invalid"


class TestApply:
    def test_what_was_printed_is_what_happens(self) -> None:
        room = Room(PAGE + 7)
        for number in range(0, 20, 2):
            name = f"fb_{number:03d}"
            room.shelf.rows[name] = replace(room.shelf.rows[name], ticket=f"tk_{number}")
            room.tickets[WORKSPACE, f"tk_{number}"] = ticket()
        printed = room.run().effect
        done = room.activate()
        assert (printed.rerouted, printed.retagged) == (10, 29)
        assert (done.state, done.applied, done.since_measured) == (ACTIVE, printed, Effect())
        assert room.frames.state(WORKSPACE).settled
        topics = [[tag.topic for tag in one.understanding.tags] for one in room.shelf.rows.values()]
        assert topics.count([NEW_TOPIC]) == 29
        assert {one.reading for one in room.shelf.rows.values() if one.understanding.tags} == {2}

    def test_what_came_after_the_measuring_is_read_too_and_counted_apart(self) -> None:
        room = Room(3)
        printed = room.run().effect
        room.add("fb_late", minute=3700)
        done = room.activate()
        assert done.applied == printed
        assert (done.since_measured.feedback, done.since_measured.retagged) == (1, 1)
        assert room.shelf.rows["fb_late"].understanding.tags[0].topic == NEW_TOPIC

    @settings(max_examples=30)
    @given(deaths=st.lists(st.integers(0, 30), max_size=6))
    def test_workers_that_die_anywhere_change_nothing_about_the_counts(self, deaths: list[int]) -> None:
        room = Room(PAGE + 20)
        printed = room.run().effect
        real = room.shelf.reread

        def mortal(old: Feedback, new: Feedback, correction: Correction | None = None) -> bool:
            if room.shelf.die_after < 0 and deaths:
                room.shelf.die_after = deaths.pop()
            return real(old, new, correction)

        room.shelf.reread = mortal  # type: ignore[method-assign]
        done = room.activate()
        assert (done.state, done.applied) == (ACTIVE, printed)

    def test_a_voice_that_somebody_changed_meanwhile_is_left_to_them(self) -> None:
        room = Room(1)
        room.run()
        real = room.shelf.reread

        def faster(old: Feedback, new: Feedback, correction: Correction | None = None) -> bool:
            room.shelf.rows[old.id] = replace(old, revision=2)
            return real(old, new, correction)

        room.shelf.reread = faster  # type: ignore[method-assign]
        done = room.activate()
        assert (done.applied.feedback, done.applied.retagged) == (1, 0)

    def test_what_another_worker_at_the_page_did_is_counted_as_planned(self) -> None:
        room = Room(5)
        printed = room.run().effect
        real, settle, calls = room.shelf.reread, room.frames.settle, 0

        def overtaken(old: Feedback, new: Feedback, correction: Correction | None = None) -> bool:
            nonlocal calls
            calls += 1
            if calls == 2:  # the other one does the rest of the page, but turns it too late
                room.shelf.reread = real  # type: ignore[method-assign]
                room.frames.settle = lambda before, after: False  # type: ignore[method-assign]
                with pytest.raises(Retryable):
                    room.work(message(room.now))
                room.frames.settle = settle  # type: ignore[method-assign]
            return real(old, new, correction)

        room.shelf.reread = overtaken  # type: ignore[method-assign]
        done = room.activate()
        assert (done.state, done.applied) == (ACTIVE, printed)
        assert sum(one.reading == 2 for one in room.shelf.rows.values()) == printed.retagged == 3

    def test_what_an_analyst_did_meanwhile_is_not_counted_as_planned(self) -> None:
        room = Room(1)
        room.run()
        real = room.shelf.reread

        def corrected(old: Feedback, new: Feedback, correction: Correction | None = None) -> bool:
            by_hand = old.understanding._replace(correction="co_1")
            room.shelf.rows[old.id] = replace(old, reading=old.reading + 1, understanding=by_hand)
            return real(old, new, correction)

        room.shelf.reread = corrected  # type: ignore[method-assign]
        done = room.activate()
        assert (done.applied.feedback, done.applied.retagged) == (1, 0)

    def test_another_activation_ends_it(self) -> None:
        room = Room(PAGE + 1)
        room.run()
        room.frames.rows[WORKSPACE, room.one.id] = replace(room.now, state=RETIRED)
        assert room.work(message(room.now)) == 0
        assert room.queue.sent == []

    def test_done_twice_it_changes_nothing_the_second_time(self) -> None:
        room = Room(4)
        room.run()
        room.activate()
        before = dict(room.shelf.rows)
        room.frames.rows[WORKSPACE, room.one.id] = replace(
            room.now, state=MEASURING, as_of=room.at, page=0, run=9, effect=Effect()
        )
        assert room.run().effect == Effect(feedback=4)
        assert room.shelf.rows == before
