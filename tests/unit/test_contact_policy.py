"""Each rule, its verdict, and the next allowed time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cases.sla import QuietHours
from chalicelib.domain.contact.policy import (
    CONTACT_CHANNELS,
    KEPT,
    MOST_SLOTS,
    PURPOSES,
    SAYINGS,
    Answer,
    Ask,
    Cap,
    ContactPolicy,
    Quiet,
    Slot,
    Standing,
    Verdict,
    judge,
    said,
    with_slot,
)

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 21, 4, 0, tzinfo=timezone.utc)  # in Shanghai
NIGHT = QuietHours(21 * 60, 8 * 60)


def policy(**changes: Any) -> ContactPolicy:
    return replace(ContactPolicy(version=3, caps=(), quiet=None), **changes)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", ":00+00:00"))


def slot(days_ago: float, purpose: str = "survey", channel: str | None = "sms") -> Slot:
    return Slot(f"c{days_ago}{purpose}", NOON - timedelta(days=days_ago), purpose, channel)


def asked(one: ContactPolicy, standing: Standing, purpose: str = "survey", **changes: Any) -> Answer:
    at, zone = changes.pop("at", NOON), changes.pop("zone", SHANGHAI)
    return judge(one, standing, Ask(purpose, changes.pop("channel", "sms"), **changes), at, zone)


def verdict(answer: Answer, rule: str) -> Verdict:
    return next(one for one in answer.verdicts if one.rule == rule)


def test_nothing_in_the_way_is_allowed_at_once_and_every_rule_is_named() -> None:
    answer = asked(ContactPolicy(), Standing())
    assert (answer.allowed, answer.next_at, answer.reasons, answer.policy) == (True, NOON, (), 0)
    rules = [one.rule for one in answer.verdicts]
    assert rules == [
        "customer",
        "opt_out",
        "open_case",
        "recent_complaint",
        "quiet_hours",
        "cap:person",
        "cap:survey",
        "cap:ceiling",
    ]


def test_the_second_survey_in_thirty_days_waits_for_the_first_to_be_thirty_days_old() -> None:
    answer = asked(ContactPolicy(quiet=None), Standing(slots=(slot(10),)))
    assert (answer.allowed, answer.reasons) == (False, ("cap_reached",))
    assert answer.next_at == NOON + timedelta(days=20)
    assert asked(ContactPolicy(quiet=None), Standing(slots=(slot(30),))).allowed


def test_the_last_slots_are_kept_for_what_matters_more() -> None:
    capped = policy(caps=(Cap("person", 3, 30, reserved=1),))
    two = Standing(slots=(slot(1, "marketing"), slot(2, "marketing")))
    assert asked(capped, two, "survey").reasons == ("reserved",)
    assert asked(capped, two, "survey").next_at == NOON + timedelta(days=28)
    assert asked(capped, two, "verification").allowed
    three = replace(two, slots=(*two.slots, slot(3, "verification")))
    assert asked(capped, three, "verification").reasons == ("cap_reached",)
    assert asked(capped, three, "verification").next_at == NOON + timedelta(days=27)
    assert asked(capped, three, "survey").next_at == NOON + timedelta(days=28)
    none_left = policy(caps=(Cap("person", 2, 30, reserved=2),))
    assert (asked(none_left, Standing()).reasons, asked(none_left, Standing()).next_at) == (("reserved",), None)


def test_a_cap_counts_its_purposes_and_channels_and_what_goes_over_an_unknown_one() -> None:
    capped = policy(caps=(Cap("sms", 1, 7, ("survey", "marketing"), ("sms",)),))
    held = Standing(slots=(slot(1, "marketing", None),))
    assert asked(capped, held).reasons == ("cap_reached",)
    assert asked(capped, held, channel=None).reasons == ("cap_reached",)
    assert asked(capped, held, channel="email").allowed
    assert asked(capped, held, "service").allowed
    assert asked(capped, Standing(slots=(slot(1, "service"), slot(1, "survey", "email")))).allowed


def test_an_opt_out_holds_for_its_channel_for_all_and_for_one_that_is_not_known() -> None:
    out = Standing(opted_out={"sms": NOON - timedelta(days=400)})
    refused = asked(policy(), out, "service")
    assert (refused.reasons, refused.next_at) == (("opted_out",), None)
    assert asked(policy(), out, channel="email").allowed
    assert asked(policy(), out, channel=None).reasons == ("opted_out",)
    assert asked(policy(), Standing(opted_out={"*": NOON}), channel="email").reasons == ("opted_out",)
    assert said(verdict(refused, "opt_out"), "zh-CN") == "客户已于 2025-10-17 退订（sms）"


def test_an_open_case_and_a_recent_complaint_keep_back_what_nobody_asked_for() -> None:
    standing = Standing(open_cases=2, complained_at=NOON - timedelta(days=6))
    answer = asked(policy(), standing, "marketing")
    assert (answer.reasons, answer.next_at) == (("case_open", "recent_complaint"), None)
    settled = replace(standing, open_cases=0)
    assert asked(policy(), settled).next_at == NOON + timedelta(days=1)
    assert asked(policy(complaint_days=6), settled).allowed
    for purpose in ("service", "verification"):
        assert asked(policy(), standing, purpose).allowed


def test_quiet_hours_are_the_units_and_a_contact_that_somebody_times_is_free_of_them() -> None:
    quiet = policy(quiet=Quiet(NIGHT))
    late = NOON.replace(hour=14)  # 22:00 in Shanghai, 15:00 in Berlin
    answer = asked(quiet, Standing(), at=late)
    assert (answer.reasons, answer.next_at) == (("quiet_hours",), datetime(2026, 11, 22, 0, 0, tzinfo=timezone.utc))
    assert said(verdict(answer, "quiet_hours"), "en") == "quiet hours from 21:00 to 08:00"
    assert asked(quiet, Standing(), at=late, zone=BERLIN).allowed
    assert not asked(policy(quiet=Quiet(NIGHT, "Asia/Shanghai")), Standing(), at=late, zone=BERLIN).allowed
    assert asked(quiet, Standing(), at=late, later=True).allowed
    assert asked(quiet, Standing(), "verification", at=late).allowed


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-03-29T00:30Z", "2026-03-29T01:30Z"),  # there is no 02:30
        ("2026-10-25T00:10Z", "2026-10-25T01:30Z"),  # it is 02:30 twice
        ("2026-10-25T01:10Z", "2026-10-25T01:30Z"),
    ],
)  # fmt: skip
def test_quiet_hours_end_for_good_when_the_clocks_change(at: str, end: str) -> None:
    assert Quiet(QuietHours(22 * 60, 150)).until(moment(at), BERLIN) == moment(end)


def test_who_nobody_knows_is_left_alone() -> None:
    answer = asked(policy(), Standing(known=False), "service")
    assert (answer.reasons, answer.next_at) == (("unknown_customer",), None)


def test_a_person_has_a_ceiling_whatever_the_policy() -> None:
    full = Standing(
        slots=tuple(Slot(str(n), NOON - timedelta(days=n % 300), "service", None) for n in range(MOST_SLOTS))
    )
    assert asked(policy(), full, "service").reasons == ("cap_reached",)


def test_slots_that_no_window_reaches_are_dropped_and_a_claim_stands_once() -> None:
    old, new = slot(KEPT.days), slot(1)
    again = Slot(new.claim, NOON, "survey", None)
    assert with_slot((new, old), again) == (again,)
    assert with_slot((again,), new) == (new,)


def test_every_verdict_is_said_in_both_languages() -> None:
    given = {
        "since": "2026-01-01",
        "channel": "sms",
        "open": 1,
        "days": 7,
        "start": "21:00",
        "end": "08:00",
        "used": 1,
        "most": 1,
    }
    for code, words in SAYINGS.items():
        assert set(words) == {"zh-CN", "en"}
        assert all("{" not in said(Verdict("x", False, code, given), lang) for lang in words)


def _caps(drawn: list[tuple[int, int, tuple[str, ...], int]]) -> tuple[Cap, ...]:
    return tuple(
        Cap(f"c{number}", most, days, purposes, (), min(most - 1, kept))
        for number, (most, days, purposes, kept) in enumerate(drawn)
    )


def _slots(drawn: list[tuple[int, str, str | None]]) -> tuple[Slot, ...]:
    return tuple(
        Slot(f"s{number}", NOON - timedelta(minutes=minutes), purpose, channel)
        for number, (minutes, purpose, channel) in enumerate(drawn)
    )


SOME = st.sampled_from(((), ("survey",), PURPOSES[1:3]))
QUIETS = st.builds(
    lambda start, length: Quiet(QuietHours(start, (start + length) % 1440), None, PURPOSES),
    st.integers(0, 1439),
    st.integers(30, 1200),
)
policies = st.builds(
    lambda caps, quiet, days: policy(caps=_caps(caps), quiet=quiet, complaint_days=days),
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 40), SOME, st.integers(0, 2)), max_size=3),
    st.none() | QUIETS,
    st.integers(1, 30),
)
TAKEN = st.tuples(
    st.integers(0, 60 * 24 * 45), st.sampled_from(PURPOSES), st.none() | st.sampled_from(CONTACT_CHANNELS)
)
standings = st.builds(
    lambda slots, hours: Standing(slots=_slots(slots), complained_at=hours and NOON - timedelta(hours=hours)),
    st.lists(TAKEN, max_size=12),
    st.none() | st.integers(1, 24 * 20),
)


@given(policies, standings, st.sampled_from(PURPOSES), st.sampled_from((SHANGHAI, BERLIN)))
@settings(max_examples=120, deadline=None)
def test_the_next_allowed_time_is_allowed_and_no_earlier_one_is(
    one: ContactPolicy, standing: Standing, purpose: str, zone: ZoneInfo
) -> None:
    """Without an opt-out or an open case time alone helps."""
    answer = asked(one, standing, purpose, zone=zone)
    assert answer.next_at is not None
    assert asked(one, standing, purpose, zone=zone, at=answer.next_at).allowed
    wait = answer.next_at - NOON
    earlier = [NOON + wait * part / 16 for part in range(16)] + [answer.next_at - timedelta(seconds=1)]
    assert not wait or not any(asked(one, standing, purpose, zone=zone, at=at).allowed for at in earlier if at >= NOON)
