"""Counting a bucket, and when it is too old to be counted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.reading.facets import Facets, ScoreFacet, facets_of, has_topic
from chalicelib.domain.reading.rollup import Bucket, bucket_of, is_frozen, recount
from chalicelib.services.reading.rollup import Rollup
from tests.builders import AT, WORKSPACE, feedback
from tests.fakes.feedback import FakeBuckets, FakeFeedbackStore, Standing
from tests.fakes.tickets import FakeClock, FakeQueue

BUCKET = Bucket(WORKSPACE, "SH-001", "2026-11-21T08")
MESSAGE = {"workspace": WORKSPACE, "unit": "SH-001", "hour": "2026-11-21T08", "mark": int(AT.timestamp() * 1000)}

facets = st.builds(
    Facets,
    revision=st.just(1),
    occurred_at=st.just(AT),
    channel=st.sampled_from(("survey", "review")),
    severity=st.sampled_from(("low", "high")),
    touchpoint=st.sampled_from((None, "delivery")),
    scores=st.lists(
        st.builds(
            ScoreFacet,
            st.sampled_from(("nps", "csat")),
            st.floats(-1e6, 1e6, allow_nan=False),
            st.sampled_from((None, "detractor", "promoter")),
        ),
        max_size=3,
    ).map(tuple),
    topics=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(("negative", "positive"))), max_size=3).map(tuple),
    actions=st.sets(st.sampled_from(("ticket", "alert"))).map(sorted).map(tuple),
)


@given(st.data(), st.lists(facets, max_size=12))
def test_the_order_of_the_rows_makes_no_difference(data: st.DataObject, rows: list[Facets]) -> None:
    shuffled = data.draw(st.permutations(rows))
    assert json.dumps(recount(shuffled)) == json.dumps(recount(rows))


@given(st.lists(facets, max_size=12))
def test_every_row_is_counted_once(rows: list[Facets]) -> None:
    counts = recount(rows)
    assert counts["n"] == len(rows)
    assert sum(counts["channels"].values()) == len(rows)
    assert sum(kind["n"] for kind in counts["scores"].values()) == sum(len(row.scores) for row in rows)
    assert sum(sum(topic.values()) for topic in counts["topics"].values()) == sum(len(row.topics) for row in rows)


def test_a_count_says_what_is_in_it() -> None:
    assert recount([facets_of(feedback()), facets_of(feedback())]) == {
        "n": 2,
        "channels": {"survey": 2},
        "touchpoints": {"delivery": 2},
        "severities": {"medium": 2},
        "actions": {"ticket": 2},
        "scores": {"nps": {"n": 2, "sum": 6.0, "classes": {"detractor": 2}}},
        "topics": {"logistics.damage": {"negative": 2}},
    }


def test_a_topic_includes_its_descendants_and_no_namesakes() -> None:
    of = facets_of(feedback())
    assert has_topic(of, "logistics")
    assert has_topic(of, "logistics.damage")
    assert not has_topic(of, "logist")
    assert not has_topic(of, "logistics.damage.box")


def test_a_voice_counts_in_the_utc_hour_of_what_happened() -> None:
    shanghai = timezone(timedelta(hours=8))
    one = feedback(occurred_at=datetime(2026, 11, 21, 16, 59, tzinfo=shanghai))
    assert bucket_of(one) == BUCKET
    assert bucket_of(replace(one, unit=None)) == replace(BUCKET, unit="-")


def test_a_late_voice_counts_where_it_was_received() -> None:
    late = feedback(occurred_at=AT - timedelta(days=200), late=True)
    assert bucket_of(late) == BUCKET


def test_what_is_parked_or_deleted_counts_nowhere() -> None:
    assert bucket_of(feedback(reading=0, state="parked")) is None
    assert bucket_of(feedback(deleted=True)) is None


@pytest.mark.parametrize(("age", "frozen"), [(timedelta(days=88), False), (timedelta(days=88, hours=1), True)])
def test_the_last_two_days_of_retention_are_not_counted_again(age: timedelta, frozen: bool) -> None:
    hour = (AT - age).strftime("%Y-%m-%dT%H")
    assert is_frozen(hour, now=AT, retention_days=90) is frozen


class TestService:
    @pytest.fixture
    def store(self) -> FakeFeedbackStore:
        store = FakeFeedbackStore()
        store.create(feedback())
        return store

    @pytest.fixture
    def buckets(self, store: FakeFeedbackStore) -> FakeBuckets:
        return FakeBuckets(store, standing={BUCKET: Standing(mark=MESSAGE["mark"])})

    @pytest.fixture
    def queue(self) -> FakeQueue:
        return FakeQueue()

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock(AT + timedelta(seconds=30))

    @pytest.fixture
    def rollup(self, buckets: FakeBuckets, queue: FakeQueue, clock: FakeClock) -> Rollup:
        return Rollup(buckets, queue, clock, retention_days=90, delay=30)

    def test_a_marked_bucket_is_counted_and_clean(self, rollup: Rollup, buckets: FakeBuckets, queue: FakeQueue) -> None:
        assert rollup.handle(MESSAGE)
        assert buckets.counts[BUCKET]["n"] == 1
        assert not buckets.is_marked(BUCKET)
        assert queue.sent == []

    def test_a_mark_that_came_while_counting_is_counted_later(
        self, rollup: Rollup, buckets: FakeBuckets, queue: FakeQueue
    ) -> None:
        younger = MESSAGE["mark"] + 20_000
        buckets.mark(BUCKET, younger)
        rollup.handle(MESSAGE)
        assert buckets.is_marked(BUCKET)
        assert queue.sent == [{**MESSAGE, "mark": younger}]

    def test_a_mark_that_the_index_may_not_show_yet_stays(
        self, rollup: Rollup, buckets: FakeBuckets, queue: FakeQueue, clock: FakeClock
    ) -> None:
        clock.now = AT + timedelta(seconds=5)
        rollup.handle(MESSAGE)
        assert buckets.is_marked(BUCKET)
        assert queue.sent == [MESSAGE]

    def test_a_repeated_message_changes_nothing(self, rollup: Rollup, buckets: FakeBuckets, queue: FakeQueue) -> None:
        rollup.handle(MESSAGE)
        before = dict(buckets.standing)
        rollup.handle(MESSAGE)
        assert buckets.standing == before
        assert queue.sent == []

    def test_a_frozen_bucket_keeps_its_counts(self, rollup: Rollup, buckets: FakeBuckets, clock: FakeClock) -> None:
        clock.forward(days=89)
        assert not rollup.handle(MESSAGE)
        assert buckets.counts == {}
