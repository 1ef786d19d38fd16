"""GET /v1/needs: which voices it counts, what it shows of each topic, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.voice.understanding import Understanding
from chalicelib.domain.voice.voice import Score
from chalicelib.services.reading import read_needs
from chalicelib.understanding import shipped
from tests.builders import tag
from tests.builders_admin import NOW, OURS, THEIRS, Office, composed

YESTERDAY = NOW - timedelta(days=1)


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with composed(monkeypatch, Office()) as made:
        yield made


def said(office: Office, number: int, *, nps: int, polarity: str | None = None, **changes: Any) -> None:
    """``number`` voices about logistics.damage, their scores spread by a point up and down."""
    for place in range(number):
        tags = () if polarity is None else (tag(polarity=polarity),)
        values: dict[str, Any] = {
            "id": f"fb_{len(office.shelf.rows)}",
            "scores": (Score("nps", nps + (1 if place % 2 else -1), 0, 10),),
            "understanding": Understanding(tags=tags),
            "received_at": YESTERDAY,
            **changes,
        }
        office.feedback(**values)


def asked(office: Office, **query: str) -> Mapping[str, Any]:
    answer = office.call("GET", "/v1/needs", query=query)
    assert answer.status == 200, answer.body
    return answer.json


def test_a_topic_is_shown_with_its_names_numbers_and_verdict(office: Office) -> None:
    said(office, 40, nps=3, polarity="negative")
    said(office, 40, nps=8, polarity="positive")
    said(office, 60, nps=8)
    found = asked(office)
    assert (found["voices"], found["scored"], found["channels"], found["read_back_to"]) == (
        140,
        140,
        {"survey": 140},
        None,
    )
    (parent, leaf) = found["topics"]
    assert (parent["topic"], leaf["topic"]) == ("logistics", "logistics.damage")
    assert leaf["names"] == shipped.load().by_id["logistics.damage"].names
    assert leaf["need"] == {"zh-CN": "痛点", "en": "Pain point"}
    assert (leaf["verdict"], leaf["n_negative"], leaf["n_positive"], leaf["n_none"]) == ("pain", 40, 40, 60)
    assert leaf["penalty"]["value"] == -5.0
    assert leaf["penalty"]["low"] < -5 < leaf["penalty"]["high"] < 0
    assert found["caveats"][0] == {"zh-CN": "这是相关，不是因果。", "en": "Association, not cause."}


def test_one_voice_is_shown_as_undecided_with_what_is_missing(office: Office) -> None:
    said(office, 1, nps=3, polarity="negative")
    (_, leaf) = asked(office)["topics"]
    assert (leaf["verdict"], leaf["penalty"], leaf["reward"]) == ("undecided", None, None)
    assert leaf["reason"]["en"] == "1 bad and 0 good mentions, 0 without one; 30 of each are needed."


def test_channels_are_pooled_aloud_and_can_be_seen_alone(office: Office) -> None:
    said(office, 2, nps=8)
    said(office, 3, nps=8, channel="review")
    pooled, alone = asked(office), asked(office, channel="review")
    assert pooled["channels"] == {"review": 3, "survey": 2}
    assert "2 channels are pooled; name one to see it alone." in [one["en"] for one in pooled["caveats"]]
    assert (alone["channel"], alone["channels"], alone["voices"]) == ("review", {"review": 3}, 3)


def test_only_the_span_the_unit_and_the_workspace_count(office: Office) -> None:
    said(office, 1, nps=8, unit="SH/001")
    said(office, 1, nps=8, unit="BJ/001")
    said(office, 1, nps=8, unit="SH/001", received_at=NOW - timedelta(days=91))
    said(office, 1, nps=8, unit="SH/001", workspace=THEIRS)
    assert asked(office, unit="SH")["voices"] == 1
    assert asked(office)["voices"] == 2
    assert asked(office, since="2026-08-01", until="2026-11-25")["voices"] == 3


def test_another_score_is_asked_for_by_its_kind(office: Office) -> None:
    said(office, 2, nps=8)
    said(office, 1, nps=8, scores=(Score("csat", 4, 1, 5),))
    found = asked(office, kind="csat")
    assert (found["kind"], found["voices"], found["scored"]) == ("csat", 3, 1)
    assert "Values of this kind are compared as they are, whatever their scale." in [
        one["en"] for one in found["caveats"]
    ]


def test_a_stores_key_sees_its_own_unit_only(office: Office) -> None:
    said(office, 1, nps=8, unit="SH/001")
    said(office, 1, nps=8, unit="BJ/001")
    answer = office.call("GET", "/v1/needs", key=office.new_key("store", unit="SH/001"))
    assert (answer.json["voices"], answer.json["unit"]) == (1, "SH/001")


def test_of_more_voices_than_fit_the_newest_count_and_the_answer_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_needs, "MOST_VOICES", 3)
    for day in range(5):
        said(office, 1, nps=8, received_at=NOW - timedelta(days=day + 1))
    found = asked(office)
    assert found["voices"] == 3
    assert datetime.fromisoformat(found["read_back_to"]) == NOW - timedelta(days=3)


@pytest.mark.parametrize(
    ("query", "code", "detail"),
    [
        ({"since": "2025-01-01", "until": "2026-11-01"}, "range_too_long", "At most 184 days at a time."),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "invalid_query", None),
        ({"kind": "stars"}, "invalid_query", None),
        ({"channel": "smoke signals"}, "invalid_query", None),
    ],
)
def test_what_cannot_be_answered_is_refused(
    office: Office, query: dict[str, str], code: str, detail: str | None
) -> None:
    answer = office.call("GET", "/v1/needs", query=query)
    assert (answer.status, answer.code) == (422, code)
    assert detail is None or answer.json["detail"] == detail


def test_a_foreign_unit_is_nowhere(office: Office) -> None:
    answer = office.call("GET", "/v1/needs", key=office.new_key("store", unit="SH/001"), query={"unit": "BJ/001"})
    assert (answer.status, answer.code) == (404, "not_found")
    assert OURS not in str(answer.body)
