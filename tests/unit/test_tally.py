"""What is particular to Tally; what all sources have in common is in the contract suite."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.voice.voice import Canonical, Score
from chalicelib.errors import Parked
from chalicelib.sources import registry, tally

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
TALLY = registry.load("tally")
OPTIONS = [{"id": "o1", "text": "Delivery"}, {"id": "o2", "text": "4"}]


def submission(*fields: Any, **more: Any) -> dict[str, Any]:
    data = {"responseId": "r", "createdAt": "2026-11-01T08:01:40.000Z", "fields": list(fields)}
    return {"eventId": "e", "eventType": "FORM_RESPONSE", "createdAt": "2026-11-01T08:01:40.000Z", "data": data, **more}


def question(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"key": "question_q", "label": "Q", "type": kind, "value": value, **more}


def parse(payload: Any, mapping: dict[str, Any] | None = None) -> Canonical:
    return TALLY.parse(Arrival(json.dumps(payload).encode(), NOW), mapping or {})


def test_the_signature_is_the_documented_one() -> None:
    body = (
        b'{"eventId":"11111111-2222-4333-8444-555555555555","eventType":"FORM_RESPONSE",'
        b'"createdAt":"2026-11-01T08:00:00.000Z","data":{"responseId":"r1","fields":[]}}'
    )
    assert tally.signature(body, "cem-tally-secret") == "kvcv0D6ngg0isoXt3hgxwaO0VlI7FYBc2bATsK84y1c="


@pytest.mark.parametrize(("value", "high"), [(1, 5.0), (5, 5.0), (6, 10.0), (10, 10.0)])
def test_stars_are_five_until_a_value_says_ten(value: int, high: float) -> None:
    assert parse(submission(question("RATING", value))).scores == (Score("rating", float(value), 1.0, high),)


@pytest.mark.parametrize("value", [0, 11])
def test_stars_that_are_on_no_scale_do_not_keep_the_words_from_being_read(value: int) -> None:
    voice = parse(submission(question("RATING", value, label="Stars"), question("TEXTAREA", "漏液", label="Why")))
    assert (voice.scores, voice.attributes, voice.texts[0].text) == ((), {"Stars": str(value)}, "漏液")


def test_a_choice_that_comes_alone_is_told_in_words_too() -> None:
    voice = parse(submission(question("DROPDOWN", "o1", label="Topic", options=[{"id": "o1", "text": "Price"}])))
    assert voice.attributes == {"Topic": "Price"}


def test_a_linear_scale_is_no_score_until_it_is_named() -> None:
    voice = parse(submission(question("LINEAR_SCALE", 0)))
    assert (voice.scores, voice.attributes) == ((), {"Q": "0"})


@pytest.mark.parametrize("name", ["question_q", "Q"])
def test_a_question_is_named_by_its_key_or_its_label(name: str) -> None:
    voice = parse(submission(question("LINEAR_SCALE", 0)), {"fields": {name: {"kind": "nps"}}})
    assert (voice.scores, voice.attributes) == ((Score("nps", 0.0, 0.0, 10.0),), {})


def test_a_choice_of_a_number_can_be_a_score() -> None:
    chosen = question("MULTIPLE_CHOICE", ["o2"], options=OPTIONS)
    voice = parse(submission(chosen), {"fields": {"Q": {"kind": "csat", "scale": [1, 5]}}})
    assert voice.scores == (Score("csat", 4.0, 1.0, 5.0),)


def test_ticks_are_kept_alone_where_no_list_names_them() -> None:
    ticks = [
        {"key": "question_x_1", "label": "Topic (Price)", "type": "CHECKBOXES", "value": True},
        {"key": "question_x_2", "label": "Topic (Speed)", "type": "CHECKBOXES", "value": False},
    ]
    assert parse(submission(*ticks)).attributes == {"Topic (Price)": "true"}
    listed = {"key": "question_x", "label": "Topic", "type": "CHECKBOXES", "value": ["o1"], "options": OPTIONS}
    assert parse(submission(listed, *ticks)).attributes == {"Topic": "Delivery"}


def test_an_option_that_is_no_longer_listed_is_nobodys_words() -> None:
    unknown = question("DROPDOWN", ["6c1f0e7a-0000-4000-8000-000000000001"], options=OPTIONS)
    voice = parse(submission(unknown))
    assert (voice.texts, voice.attributes) == ((), {})


@pytest.mark.parametrize("empty", [None, "", [], {}])
@pytest.mark.parametrize("kind", ["TEXTAREA", "RATING", "LINEAR_SCALE", "MULTIPLE_CHOICE", "MATRIX", "INPUT_EMAIL"])
def test_an_unanswered_question_says_nothing(kind: str, empty: Any) -> None:
    rules = {"fields": {"Q": {"kind": "nps"}}} if empty in (None, "") else {}
    voice = parse(submission(question(kind, empty)), rules)
    assert (voice.scores, voice.texts, voice.attributes) == ((), (), {})


def test_a_retry_has_the_events_id() -> None:
    arrival = Arrival(b"", NOW)
    assert TALLY.delivery_id(arrival, {"eventId": "e1"}) == "e1"
    assert TALLY.delivery_id(arrival, {"eventId": 7}) is None
    assert TALLY.delivery_id(arrival, None) is None


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "text", "r1", "url", "c1"]), inner)
    ),
    max_leaves=8,
)
KINDS = ["HIDDEN_FIELDS", "MULTIPLE_CHOICE", "MATRIX", "FILE_UPLOAD", "INPUT_EMAIL", "TEXTAREA", "RATING", "OTHER"]


@given(
    fields=st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(KINDS) | JUNK, "value": JUNK},
            optional={"key": JUNK, "label": JUNK, "options": JUNK, "rows": JUNK, "columns": JUNK},
        ),
        max_size=4,
    )
)
def test_fields_of_any_shape_are_read_or_parked(fields: list[Any]) -> None:
    try:
        voice = parse(submission(*fields))
    except Parked:
        return
    assert voice.response_key == "r"
