"""By when, as its reader would say it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connectors.deadlines import dated, moment, near

SHANGHAI = "Asia/Shanghai"
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)  # 16:00 in Shanghai


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


@pytest.mark.parametrize(
    ("due", "zh", "en"),
    [
        ("2026-11-21T10:00", "今天 18:00 前", "by 18:00 today"),
        ("2026-11-22T01:00", "明天 9:00 前", "by 9:00 tomorrow"),
        ("2026-11-23T01:30", "后天 9:30 前", "by 9:30 on 23 Nov"),
        ("2026-11-25T01:00", "11月25日 9:00 前", "by 9:00 on 25 Nov"),
        ("2027-01-03T01:00", "2027年1月3日 9:00 前", "by 9:00 on 3 Jan 2027"),
        ("2026-11-21T16:00", "今天 24:00 前", "by 24:00 today"),
        ("2026-11-21T09:59:59", "今天 17:59 前", "by 17:59 today"),
        ("2026-11-21T08:00", "刚刚超时", "overdue just now"),
        ("2026-11-21T07:40", "已超时 20 分钟", "20 minutes overdue"),
        ("2026-11-21T06:59", "已超时 1 小时", "1 hour overdue"),
        ("2026-11-19T08:00", "已超时 2 天", "2 days overdue"),
    ],
)
def test_a_deadline_is_said_as_seen_from_now(due: str, zh: str, en: str) -> None:
    assert near(utc(due), NOW, SHANGHAI, "zh-CN") == zh
    assert near(utc(due), NOW, SHANGHAI, "en") == en


def test_seconds_after_midnight_belong_to_the_new_day() -> None:
    """Else what is not over yet would be said to have been due yesterday."""
    due = utc("2026-11-21T16:00:30")
    assert near(due, utc("2026-11-21T16:00:10"), SHANGHAI, "zh-CN") == "今天 0:00 前"
    assert near(due, NOW, SHANGHAI, "en") == "by 0:00 tomorrow"
    assert dated(due, SHANGHAI, "zh-CN", since=NOW) == "11月22日 0:00 前"


def test_another_zone_has_another_today() -> None:
    due = utc("2026-11-22T01:00")
    assert near(due, NOW, "America/New_York", "en") == "by 20:00 today"
    assert near(due, NOW, "Asia/Tokyo", "en") == "by 10:00 tomorrow"


def test_summer_time_is_kept() -> None:
    """Berlin is two hours ahead of UTC until 25 October 2026, one hour after."""
    since = utc("2026-10-01T00:00")
    assert dated(utc("2026-10-24T10:00"), "Europe/Berlin", "en", since=since) == "by 12:00 on 24 Oct"
    assert dated(utc("2026-10-26T10:00"), "Europe/Berlin", "en", since=since) == "by 11:00 on 26 Oct"


def test_what_stays_is_dated_and_names_a_year_that_is_not_obvious() -> None:
    assert dated(utc("2026-11-21T10:00"), SHANGHAI, "zh-CN", since=NOW) == "11月21日 18:00 前"
    assert dated(utc("2027-01-01T10:00"), SHANGHAI, "zh-CN", since=NOW) == "2027年1月1日 18:00 前"
    assert dated(utc("2026-12-31T16:00"), SHANGHAI, "en", since=NOW) == "by 24:00 on 31 Dec"
    assert moment(utc("2026-11-20T01:05"), SHANGHAI, "zh-CN") == "11月20日 9:05"
    assert moment(utc("2026-11-20T01:05"), SHANGHAI, "en") == "9:05 on 20 Nov"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Asia"])
def test_a_zone_that_nobody_knows_is_utc_and_says_so(zone: str) -> None:
    assert near(utc("2026-11-21T10:00"), NOW, zone, "zh-CN") == "今天 10:00 UTC 前"
    assert near(utc("2026-11-22T00:00"), NOW, zone, "en") == "by 24:00 UTC today"
    assert moment(NOW, zone, "en") == "8:00 UTC on 21 Nov"


@given(st.integers(0, 4 * 365 * 24 * 60), st.sampled_from(["zh-CN", "en"]))
def test_a_deadline_is_never_said_later_than_it_is(minutes: int, lang: str) -> None:
    """And what has not passed is never called overdue."""
    at = NOW + timedelta(minutes=minutes)
    said = near(at, at - timedelta(minutes=61), SHANGHAI, lang)
    assert "超时" not in said
    assert "overdue" not in said
    found = re.search(r"([0-9]+):([0-9]{2})", said)
    assert found is not None
    local = at + timedelta(hours=8)
    assert (int(found[1]) % 24, int(found[2])) == (local.hour, local.minute)
