"""Identity, schedule, filters and what is kept of an answer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.outbound import delivery as rules
from chalicelib.domain.outbound.delivery import (
    LONGEST_HINT,
    RED_LINE_SCHEDULE,
    SCHEDULE,
    customer_view,
    delivery_id,
    has_failed_too_long,
    keep_of_answer,
    mark_of,
    next_wait,
    parse_id,
    retry_after,
    schedule_of,
    sequence_of,
    subject_of,
    wants,
)
from tests.builders import endpoint

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)


# --- identity ---------------------------------------------------------------------------------------------------


@given(
    st.from_regex(r"(tk|al|fb)_[a-z2-7]{26}", fullmatch=True),
    st.from_regex(r"ep_[a-z2-7]{24}", fullmatch=True),
    st.integers(0, 10**11),
    st.sampled_from(["", "v", "e"]),
)
def test_an_id_is_read_back(subject: str, endpoint_id: str, sequence: int, mark: str) -> None:
    identity = delivery_id(subject, endpoint_id, sequence, mark)
    assert "." not in identity
    assert parse_id(identity) == (subject, endpoint_id, sequence, mark)


@given(st.text(max_size=60))
def test_any_other_text_is_no_id(text: str) -> None:
    parts = parse_id(text)
    assert parts is None or delivery_id(*parts).startswith("dl-")


def test_closed_and_verified_of_one_version_are_two_deliveries() -> None:
    ids = {delivery_id("tk_a", "ep_b", 7, mark_of(name)) for name in ("ticket.closed", "ticket.verified")}
    assert ids == {"dl-tk_a-ep_b-7", "dl-tk_a-ep_b-7v"}


def test_updated_and_asked_of_one_version_are_two_deliveries() -> None:
    ids = {delivery_id("tk_a", "ep_b", 7, mark_of(name)) for name in ("ticket.updated", "verification.asked")}
    assert ids == {"dl-tk_a-ep_b-7", "dl-tk_a-ep_b-7q"}


def test_what_an_event_is_about() -> None:
    assert subject_of({"ticket_id": "tk_a", "feedback_id": "fb_b"}) == "tk_a"
    assert subject_of({"alert_id": "al_a"}) == "al_a"
    assert subject_of({"feedback_id": "fb_b", "id": "ev_c"}) == "fb_b"
    assert "." not in subject_of({"ticket_id": "tk.a"})
    assert subject_of({"x": 1}) == subject_of({"x": 1}) != subject_of({"x": 2})


def test_sequences_grow_with_version_revision_and_reading() -> None:
    assert sequence_of({"sequence": 3}) == 3
    order = [sequence_of({"revision": r, "reading": g}) for r, g in ((1, 1), (1, 2), (2, 1))]
    assert order == sorted(order)
    assert len(set(order)) == 3
    assert sequence_of({}) == 1


# --- who gets it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["active", "paused", "disabled"])
def test_an_endpoint_gets_what_it_lists_whatever_its_state(state: str) -> None:
    assert wants(endpoint(state=state), "ticket.opened", {})


def test_an_endpoint_gets_nothing_that_it_does_not_list() -> None:
    assert not wants(endpoint(), "ticket.merged", {})


@pytest.mark.parametrize(
    ("sieve", "detail", "passes"),
    [
        ({"units": ["CN/East"]}, {"unit": "CN/East/SH-001"}, True),
        ({"units": ["CN/East"]}, {"unit": "CN/East"}, True),
        ({"units": ["CN/East"]}, {"unit": "CN/Eastern"}, False),
        ({"units": ["CN/East"]}, {"unit": None}, False),
        ({"units": []}, {}, True),
        ({"departments": ["logistics"]}, {"departments": ["care", "logistics"]}, True),
        ({"departments": ["logistics"]}, {"departments": ["care"]}, False),
        ({"min_severity": "high"}, {"severity": "critical"}, True),
        ({"min_severity": "high"}, {"severity": "medium"}, False),
        ({"min_severity": "low"}, {}, True),
        ({"min_severity": None, "units": None, "departments": None}, {}, True),
        ({"units": ["SH"], "min_severity": "high"}, {"unit": "SH", "severity": "low"}, False),
    ],
)
def test_filters(sieve: dict[str, object], detail: dict[str, object], passes: bool) -> None:
    assert wants(endpoint(settings={"filter": sieve}), "ticket.opened", detail) is passes
    assert wants(endpoint(settings={"filter": None}), "ticket.opened", detail)


# --- the schedule -----------------------------------------------------------------------------------------------


def test_the_schedule_of_the_design() -> None:
    waits = [next_wait(SCHEDULE, tries, luck=0.5) for tries in range(1, 9)]
    assert waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, None]


def test_red_lines_start_closer_together() -> None:
    assert schedule_of({"severity": "critical"}) == schedule_of({"red_line": True}) == RED_LINE_SCHEDULE
    assert schedule_of({"severity": "high"}) == SCHEDULE
    assert RED_LINE_SCHEDULE[:4] == (1, 5, 30, 300)


@given(st.sampled_from([SCHEDULE, RED_LINE_SCHEDULE]), st.integers(1, 12), st.floats(0, 1))
def test_jitter_stays_within_a_fifth(schedule: tuple[int, ...], tries: int, luck: float) -> None:
    wait = next_wait(schedule, tries, luck=luck)
    if tries > len(schedule):
        assert wait is None
    else:
        assert wait is not None
        assert 0.8 * schedule[tries - 1] <= wait <= 1.2 * schedule[tries - 1]


@given(st.integers(1, 7), st.floats(0, 1), st.floats(0, 1e12))
def test_a_hint_is_honoured_within_bounds_and_costs_no_try(tries: int, luck: float, hint: float) -> None:
    step = SCHEDULE[tries - 1]
    wait = next_wait(SCHEDULE, tries, luck=luck, hint=hint)
    assert wait is not None
    assert step <= wait <= max(2 * step, LONGEST_HINT)
    assert wait >= min(hint, max(2 * step, LONGEST_HINT)), "never sooner than was asked for"
    assert next_wait(SCHEDULE, 8, luck=luck, hint=hint) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("999999999", 999_999_999),
        ("Sat, 21 Nov 2026 08:01:00 GMT", 60),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("７", None),
        ("1_000", None),
        ("", None),
        ("soon", None),
        ("9" * 400, None),
        (None, None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text(max_size=60))
def test_any_retry_after_is_read_or_ignored(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or seconds >= 0


def test_five_days_without_success() -> None:
    since = (NOW - timedelta(days=5)).isoformat()
    assert has_failed_too_long(since, NOW)
    assert not has_failed_too_long(since, NOW - timedelta(seconds=1))
    assert not has_failed_too_long(None, NOW)


# --- what may leave ---------------------------------------------------------------------------------------------

CONTACT = {"id": "13800138000", "name": "张小三", "phone": "13800138000", "email": "zhang@example.com"}


def test_the_customer_as_the_policy_shows_it() -> None:
    assert customer_view("none", "CUST-1", CONTACT) == {"id": "CUST-1"}
    masked = customer_view("masked", "CUST-1", CONTACT)
    assert masked == {"id": "CUST-1", "name": "张**", "phone": "*******8000", "email": "z***@example.com"}
    assert customer_view("full", "CUST-1", CONTACT) == {**CONTACT, "id": "CUST-1"}
    assert customer_view("full", "CUST-1", None) == {"id": "CUST-1"}
    assert customer_view("none", None, CONTACT) == {}


# --- what is kept of an answer ----------------------------------------------------------------------------------


def test_the_telling_fields_of_an_answer_are_kept() -> None:
    body = json.dumps({"errcode": 310000, "errmsg": "sign not match", "echo": {"words": "包裹破损"}}).encode()
    assert json.loads(keep_of_answer(body)) == {"errcode": 310000, "errmsg": "sign not match"}


def test_words_and_credentials_do_not_come_back_in() -> None:
    body = json.dumps(
        {"message": "got 包裹破损了 from CANARY-SECRET", "error": "see https://oa.example.com/h?k=CANARY"}
    )
    kept = keep_of_answer(body.encode(), ["包裹破损了", "CANARY-SECRET"])
    assert "包裹" not in kept
    assert "CANARY" not in kept


def test_a_short_chinese_name_does_not_come_back_in() -> None:
    kept = keep_of_answer(json.dumps({"errmsg": "客户张三不存在", "code": 4}).encode(), ["张三", "4"])
    assert json.loads(kept) == {"errmsg": "客户***不存在", "code": 4}


@pytest.mark.parametrize(
    "leak", ["13800138000", "a.b@example.com", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "https://x.example/?t=1"]
)
def test_what_looks_like_a_person_or_a_token_is_masked(leak: str) -> None:
    assert leak not in keep_of_answer(f"bad {leak} here".encode())


@given(st.binary(max_size=6000))
def test_any_answer_is_kept_short_and_on_one_line(body: bytes) -> None:
    kept = keep_of_answer(body)
    assert len(kept) <= rules.MAX_ANSWER
    assert kept == "" or kept.isprintable()


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("cannot parse: 包裹破损了，客服", "cannot parse: ***"),
        ("near 客服没有回应也没有", "near ***"),
        ("ticket exists, 客服没有空", "ticket exists, 客服没有空"),
        ("bad text: nobody answered my ca", "bad text: ***"),
        ("nobody is here", "nobody is here"),
    ],
)
def test_a_piece_of_the_words_in_an_answer_is_not_kept_either(answer: str, kept: str) -> None:
    words = ["包裹破损了，客服没有回应也没有退款", "nobody answered my calls"]
    assert keep_of_answer(answer.encode(), words) == kept
    assert keep_of_answer(json.dumps({"errmsg": answer}).encode(), words) == json.dumps(
        {"errmsg": kept}, ensure_ascii=False
    )
