"""The demo's voices: valid, varied, and without a person in them once they are redacted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.arrival import Arrival
from chalicelib.domain.redaction import find, redact
from chalicelib.domain.scoring import feedback_class
from chalicelib.domain.vocabulary import CHANNELS
from chalicelib.domain.voice import Canonical
from chalicelib.sources.canonical import CanonicalSource
from chalicelib.understanding import shipped
from chalicelib.understanding.reader import Reader

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
FILE = Path(__file__).parents[2] / "infra" / "demo" / "voices.jsonl"
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
