"""The demo's voices: valid, varied, and without a person in them once they are redacted."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from chalicelib.domain.inbound.arrival import Arrival
from chalicelib.domain.text.redaction import find, redact
from chalicelib.domain.vocabulary import CHANNELS
from chalicelib.domain.voice.scoring import feedback_class
from chalicelib.domain.voice.voice import Canonical
from chalicelib.errors import Parked, Unauthorized
from chalicelib.sources.canonical import CanonicalSource
from chalicelib.sources.registry import load
from chalicelib.understanding import shipped
from chalicelib.understanding.reader import Reader
from infra.demo.senders import HERE, SOURCES, UPLOAD, Run, proved

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
RUN = Run("1795324261", NOW)
FILE = HERE / "voices.jsonl"
LINES: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]


def parsed(body: Mapping[str, Any]) -> Canonical:
    raw = json.dumps({**body, "occurred_at": "2026-11-21T07:00:00Z"}, ensure_ascii=False).encode()
    return CanonicalSource().parse(Arrival(raw=raw, received_at=NOW), {})


VOICES = [parsed(line["body"]) for line in LINES]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["body"]["id"])
def test_a_voice_is_canonical_and_carries_no_date_of_its_own(line: dict[str, Any]) -> None:
    assert set(line) == {"minutes_ago", "body"}
    assert "occurred_at" not in line["body"]
    assert parsed(line["body"]).response_key == line["body"]["id"]
    assert 0 < line["minutes_ago"] <= 24 * 60


def test_they_cover_what_a_brand_hears() -> None:
    assert len(VOICES) >= 60
    assert len({voice.response_key for voice in VOICES}) == len(VOICES)
    assert {voice.channel for voice in VOICES} == set(CHANNELS)
    assert {voice.lang for voice in VOICES} == {"zh-CN", "en"}
    assert len({voice.touchpoint for voice in VOICES}) >= 6
    assert len({voice.unit for voice in VOICES if voice.unit}) >= 6
    assert {feedback_class(voice.scores) for voice in VOICES} == {"unhappy", "neutral", "happy", None}
    assert any(text.speaker == "staff" for voice in VOICES for text in voice.texts)
    assert any(find(text.text) for voice in VOICES for text in voice.texts)


def test_they_show_every_red_line_and_every_intent_once_they_are_redacted() -> None:
    reader = Reader(shipped.load())
    read = [
        reader.read([type(text)(redact(text.text), text.question, text.speaker) for text in voice.texts])
        for voice in VOICES
    ]
    assert {kind for one in read for kind in one.red_lines} == {line.kind for line in reader.frame.red_lines}
    assert {one.intent for one in read} >= {"complaint", "praise", "suggestion", "question", "churn_threat"}


def read(source: str, body: Any) -> Canonical:
    """What the product reads from a body of the demo's, under the demo's own mapping and settings."""
    wanted = SOURCES[source]
    mapping = {**wanted.get("mapping", {}), "settings": wanted.get("settings", {})}
    raw = json.dumps(body, ensure_ascii=False).encode()
    return load(source).parse(Arrival(raw=raw, received_at=NOW), mapping)


def test_every_platform_of_the_demo_has_its_connection_and_its_words() -> None:
    files = {file.stem for file in (HERE / "platforms").glob("*.json")}
    assert files | {"canonical", "csv"} == set(SOURCES)
    assert {"wenjuanxing", "tencent_survey", "howxm", "tally", "transcript"} <= files


@pytest.mark.parametrize("file", sorted((HERE / "platforms").glob("*.json")), ids=lambda file: file.stem)
def test_a_platform_says_something_new_in_every_run_and_nothing_of_the_future(file: Path) -> None:
    voice = read(file.stem, RUN.body(file.stem))
    other = read(file.stem, Run("1795324262", NOW).body(file.stem))
    assert voice.response_key != other.response_key
    assert NOW - timedelta(days=2) < voice.occurred_at < NOW
    assert "@" not in json.dumps(RUN.body(file.stem))
    if file.stem != "transcript":  # a call is scored by nobody
        assert feedback_class(voice.scores) == "unhappy"


def test_the_comment_that_comes_later_belongs_to_the_score_that_came_first() -> None:
    first, later = read("howxm", RUN.body("howxm")), read("howxm", RUN.body("howxm", "later"))
    assert first.response_key == later.response_key
    assert first.scores == later.scores
    assert (len(first.texts), len(later.texts)) == (0, 1)


def test_the_file_has_rows_that_are_read_and_rows_that_are_refused() -> None:
    rows = list(csv.DictReader(RUN.text((HERE / UPLOAD).read_text("utf-8")).splitlines()))
    read_rows, refused = [], []
    for row in rows:
        try:
            read_rows.append(read("csv", row))
        except Parked as fault:
            refused.append(fault.code)
    assert len(read_rows) == 4
    assert refused == ["mapping_score_not_a_number", "mapping_bad_time"]
    assert all(voice.channel == "review" and voice.occurred_at < NOW for voice in read_rows)


@pytest.mark.parametrize("source", ["typeform", "jiandaoyun", "wenjuanxing", "tally", "transcript"])
def test_a_voice_carries_its_platforms_proof(source: str) -> None:
    """Judged by the product, which shares no code with those who sign here; another secret's proof is refused."""
    secret, other = "whsec_" + "QUJD" * 8, "whsec_" + "QUJE" * 8
    webhook = proved(source, RUN.body(source), {"secret": secret})
    query = dict(parse_qsl(webhook.query.removeprefix("?")))
    arrival = Arrival(raw=webhook.body, headers=webhook.headers, query=query, received_at=datetime.now(timezone.utc))
    load(source).verify(arrival, [secret])
    with pytest.raises(Unauthorized) as refusal:
        load(source).verify(arrival, [other])
    assert refusal.value.code == "signature_invalid"
