"""Points in time as senders write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.time.moments import loose, plausible, rfc3339, zoned

UTC = timezone.utc
AT = datetime(2026, 11, 1, 8, 1, 40, tzinfo=UTC)


@given(st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_rfc3339_is_read_in_any_zone(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert rfc3339(moment.isoformat(timespec="microseconds")) == moment
    assert rfc3339(moment.isoformat(timespec="microseconds")).tzinfo is UTC


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "2026-01-05T08:30:00",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-06-30T23:59:60Z",
        "2026-06-30T24:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "２０２６-01-05T00:00:00Z",
        "20260105T083000Z",
        "2026-W01-1",
        "2026-01-05",
        "2026-01-05T08:30:00Z\n",
    ],
)
def test_what_is_no_rfc3339_time_is_refused(bad: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one of datetime's own is the point
        rfc3339(bad)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    for read in (rfc3339, loose):
        try:
            assert read(text).tzinfo is UTC
        except ValueError:
            continue


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-01T08:01:40Z",
        "2026-11-01T16:01:40+08:00",
        "2026-11-01 16:01:40 +0800",
        "2026-11-01 08:01:40 UTC",
        "2026-11-01T08:01:40.000000001Z",
        1793520100,
        1793520100000,
        "1793520100",
    ],
)
def test_platforms_spellings_are_read(written: object) -> None:
    assert loose(written) == AT


@pytest.mark.parametrize("bad", ["2026-11-01 08:01:40", "yesterday", True, None, 1.5, [], {}, 7, 10**30, ""])
def test_a_time_without_a_zone_is_not_guessed(bad: object) -> None:
    with pytest.raises(ValueError, match="not a"):
        loose(bad)


@pytest.mark.parametrize(
    ("local", "hours"),
    [
        ("2026-11-01 16:01:40", 8),
        (" 2026/11/1  16:01:40 ", 8),
        ("2026-11-01T16:01:40.250", 8.0),
        ("2026-11-01 04:31:40", -3.5),
        ("2026-11-1 8:01:40", 0),
        ("2026-11-01 13:46:40", 5.75),
    ],
)
def test_a_local_time_is_read_in_the_zone_that_the_setting_names(local: str, hours: float) -> None:
    assert loose(zoned(local, hours)) == AT


def test_a_local_time_without_seconds_is_the_full_minute() -> None:
    assert loose(zoned("2026-11-01 16:01", 8)) == AT.replace(second=0)


@pytest.mark.parametrize(
    "other", ["2026-11-01T08:01:40Z", "2026-11-01 16:01:40 +0800", "yesterday", 1764576100, None, ""]
)
def test_what_has_a_zone_or_is_no_local_time_stays_as_it_is(other: object) -> None:
    assert zoned(other, 8) == other


def test_plausible_is_from_2000_to_a_day_ahead() -> None:
    assert plausible(AT, AT)
    assert plausible(AT + timedelta(days=1), AT)
    assert not plausible(AT + timedelta(days=1, seconds=1), AT)
    assert not plausible(datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC), AT)
