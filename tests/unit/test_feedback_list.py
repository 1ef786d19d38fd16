"""What the table is asked when it counts is what a list asks of its lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.reading.facets import facets_of
from chalicelib.domain.reading.listing import FeedbackQuery, FeedbackSummary, matches
from chalicelib.domain.voice.understanding import Understanding
from chalicelib.storage.voice.feedback_list import topic_texts, unit_texts
from chalicelib.storage.voice.feedback_rows import pack_facets
from tests.builders import AT, WORKSPACE, feedback, tag

ODD = st.sampled_from(["a", "a/b", "a/bc", 'a"', 'a","u":"b', "a\\", "上海/店", "上海", "/", "[a", "a.b"])
TOPICS = st.sampled_from(["a", "a.b", "a.bc", "a.b.c", "ab", "b", "ticket", "nps"])


@given(unit=st.none() | ODD, touchpoint=st.none() | ODD | TOPICS, topics=st.lists(TOPICS, max_size=3), asked=ODD,
       topic=TOPICS, polarity=st.sampled_from(["negative", "neutral", "positive"]))  # fmt: skip
def test_texts_stand_in_the_facets_of_exactly_those_that_match(
    unit: str | None, touchpoint: str | None, topics: list[str], asked: str, topic: str, polarity: str
) -> None:
    tags = tuple(tag(one, polarity=polarity) for one in topics)
    one = feedback(unit=unit, touchpoint=touchpoint, understanding=Understanding(tags=tags))
    kept = pack_facets(one)
    shown = FeedbackSummary(WORKSPACE, one.id, one.connection, "new", AT, facets_of(one))
    assert any(text in kept for text in unit_texts(asked)) == matches(FeedbackQuery(WORKSPACE, unit=asked), shown)
    assert any(text in kept for text in topic_texts(topic)) == matches(FeedbackQuery(WORKSPACE, topic=topic), shown)
