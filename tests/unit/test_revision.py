"""Which arrival is the newest revision, whatever the order in which they arrive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.voice.revision import (
    MOST_SEEN,
    Arrival,
    Duplicate,
    Mismatch,
    Newer,
    Older,
    Revision,
    body_hash,
    content_hash,
    order_key,
    place,
    recognise,
    remember,
)
from chalicelib.domain.voice.understanding import Text
from chalicelib.domain.voice.voice import Canonical, Score

AT = datetime(2026, 11, 1, 8, tzinfo=timezone.utc)
VOICE = Canonical("R-1", AT, scores=(Score("nps", 3, 0, 10),), texts=(Text("慢"),))


@dataclass
class Shelf:
    """What a table does with the verdicts."""

    current: Revision | None = None
    older: list[Revision] = field(default_factory=list)

    def arrive(self, arrival: Arrival) -> None:
        if self.current is None:
            self.current = Revision(arrival.number or 1, arrival.order, arrival.content_hash)
            return
        match place(arrival, self.current, self.older):
            case Newer(number):
                self.older.append(self.current)
                self.current = Revision(number, arrival.order, arrival.content_hash)
            case Older(number, current):
                self.older.append(Revision(number, arrival.order, arrival.content_hash))
                self.current = replace(self.current, number=current)
            case Duplicate(order):
                self.current = replace(self.current, order=order)


def after(arrivals: Iterable[Arrival]) -> Shelf:
    shelf = Shelf()
    for arrival in arrivals:
        shelf.arrive(arrival)
    return shelf


def numbered(number: int, content: str) -> Arrival:
    return Arrival(order_key(replace(VOICE, revision=number)), content, number)


def dated(day: int, content: str) -> Arrival:
    return Arrival(order_key(replace(VOICE, revision_at=AT + timedelta(days=day))), content)


small = st.integers(1, 6)
contents = st.sampled_from("abcd")
ordered = st.one_of(
    st.lists(st.builds(numbered, small, contents), min_size=1, max_size=7),
    st.lists(st.builds(dated, small, contents), min_size=1, max_size=7),
)


@given(st.data(), ordered)
def test_any_order_of_arrival_ends_in_the_same_current_revision(data: st.DataObject, arrivals: list[Arrival]) -> None:
    shuffled = data.draw(st.permutations(arrivals))
    one, other = after(arrivals).current, after(shuffled).current
    assert one is not None
    assert other is not None
    assert (one.order, one.content_hash) == (other.order, other.content_hash)
    assert (one.order, one.content_hash) == max((each.order, each.content_hash) for each in arrivals)


@given(st.data(), st.sets(small, min_size=1))
def test_the_senders_numbers_stay_whatever_the_order(data: st.DataObject, numbers: set[int]) -> None:
    shelf = after(numbered(number, f"content {number}") for number in data.draw(st.permutations(sorted(numbers))))
    assert shelf.current is not None
    assert shelf.current.number == max(numbers)
    assert {revision.number for revision in shelf.older} == numbers - {max(numbers)}


@given(st.data(), st.sets(small, min_size=1))
def test_without_numbers_the_current_one_counts_what_was_sent(data: st.DataObject, days: set[int]) -> None:
    shelf = after(dated(day, f"content {day}") for day in data.draw(st.permutations(sorted(days))))
    assert shelf.current is not None
    assert shelf.current.number == len(days)
    assert {revision.number for revision in shelf.older} == set(range(1, len(days)))


@given(ordered)
def test_numbers_are_never_given_twice_and_the_current_one_is_the_highest(arrivals: list[Arrival]) -> None:
    shelf = after(arrivals)
    numbers = [revision.number for revision in shelf.older]
    assert len(set(numbers)) == len(numbers)
    assert shelf.current is not None
    assert all(number < shelf.current.number for number in numbers)


@given(st.data(), ordered)
def test_a_second_replay_changes_nothing(data: st.DataObject, arrivals: list[Arrival]) -> None:
    shelf = after(arrivals)
    before = (shelf.current, list(shelf.older))
    for arrival in data.draw(st.permutations(arrivals)):
        shelf.arrive(arrival)
    assert (shelf.current, shelf.older) == before


@given(st.lists(contents, min_size=1, max_size=8))
def test_without_any_order_what_is_new_is_the_next(found: list[str]) -> None:
    shelf = after(Arrival("", content) for content in found)
    distinct = list(dict.fromkeys(found))
    assert shelf.current == Revision(len(distinct), "", distinct[-1])
    assert [revision.content_hash for revision in shelf.older] == distinct[:-1]


def test_a_number_outranks_an_edit_time() -> None:
    assert after([dated(6, "dated"), numbered(1, "numbered")]).current == Revision(2, numbered(1, "").order, "numbered")
    assert after([numbered(1, "numbered"), dated(6, "dated")]).current == Revision(2, numbered(1, "").order, "numbered")


def test_the_same_words_under_a_higher_number_are_a_duplicate_that_holds_its_rank() -> None:
    shelf = after([numbered(1, "a"), numbered(3, "a"), numbered(2, "b")])
    assert shelf.current is not None
    assert shelf.current.content_hash == "a"


def test_times_are_compared_as_moments() -> None:
    zone = timezone(timedelta(hours=8))
    earlier = order_key(replace(VOICE, revision_at=datetime(2026, 11, 1, 10, tzinfo=zone)))
    assert earlier < order_key(replace(VOICE, revision_at=datetime(2026, 11, 1, 3, tzinfo=timezone.utc)))


def test_a_delivery_is_known_by_its_id_and_its_body() -> None:
    seen = remember({}, "event", body_hash(b"one"))
    assert recognise(seen, "event", body_hash(b"one")) == Duplicate("")
    assert recognise(seen, "event", body_hash(b"two")) == Mismatch()
    assert recognise(seen, "other", body_hash(b"one")) is None


def test_only_the_last_deliveries_are_remembered() -> None:
    seen: dict[str, str] = {}
    for number in range(MOST_SEEN + 5):
        seen = remember(seen, f"event {number}", "body")
    assert list(seen) == [f"event {number}" for number in range(5, MOST_SEEN + 5)]


@pytest.mark.parametrize(
    "changed",
    [
        replace(VOICE, scores=(Score("nps", 4, 0, 10),)),
        replace(VOICE, texts=(Text("慢"), Text("贵"))),
        replace(VOICE, unit="SH"),
        replace(VOICE, occurred_at=AT + timedelta(hours=1)),
        replace(VOICE, deleted=True),
    ],
)
def test_any_change_of_what_was_said_is_other_content(changed: Canonical) -> None:
    assert hashed(changed) != hashed(VOICE)


def test_content_is_the_same_under_another_number_and_in_another_zone() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=8)))
    same = replace(VOICE, revision=2, occurred_at=elsewhere, scores=(Score("nps", 3.0, 0, 10),))
    assert hashed(same) == hashed(VOICE)
    assert hashed(VOICE, person="somebody") != hashed(VOICE)


def test_the_time_of_its_arrival_is_nothing_that_a_voice_says() -> None:
    later = AT + timedelta(hours=1)
    assert hashed(VOICE, received_at=AT) == hashed(replace(VOICE, occurred_at=later), received_at=later)


def hashed(voice: Canonical, *, person: str = "", received_at: datetime = AT + timedelta(seconds=1)) -> str:
    return content_hash(voice, person=person, received_at=received_at)
