"""Every ingest line of the hostile corpus against the hook, in-process: gateway event in, answer and queue out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from urllib.parse import unquote

import pytest

from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.domain.text.hygiene import clean
from chalicelib.sources import registry
from chalicelib.wiring import inbound
from tests import corpus
from tests.builders_hear import TOKEN, Hearing, hearing
from tests.fakes.gateway import Answer, call, product

NOW = datetime.now(timezone.utc).replace(microsecond=0)  # the corpus' dates are relative to today
KEYS = corpus.Keys(*(f"whsec_{letter * 43}=" for letter in "ABCD"))
LINES = corpus.load("ingest")
ROUTE = "/v1/hooks/{connection}/{token}"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Hearing:
    """A hook on fakes with one canonical connection in mid-rotation."""
    world = hearing(NOW)
    world.connect(
        "canonical",
        secrets=(
            (KEYS.current, None),
            (KEYS.previous, NOW.timestamp() + 3600),
            (KEYS.expired, NOW.timestamp() - 3600),
        ),
    )
    monkeypatch.setattr(inbound, "hear", lambda: world.hear)
    return world


def _send(line: corpus.Line, world: Hearing, decode: Callable[[str], str]) -> Answer:
    raw = corpus.translate_body(line)
    headers = corpus.fill_headers(line, KEYS, NOW, raw, msg_id="msg_corpus_1")
    connection = decode(line["path_suffix"].lstrip("/")) if line.get("path_suffix") else world.connection
    return call(
        product(),
        line["method"],
        ROUTE,
        path={"connection": connection, "token": TOKEN},
        headers=headers,
        body=raw,
    )


@pytest.mark.parametrize("line", [line for line in LINES if not corpus.left_out(line)], ids=lambda line: line["id"])
def test_a_hostile_line_gets_its_answer(line: corpus.Line, heard: Hearing) -> None:
    expected = corpus.expected(line)
    answer = _send(line, heard, unquote)
    assert answer.status in expected.statuses, (answer.status, answer.code, line["description"])
    assert answer.code in expected.codes, (answer.status, answer.code, line["description"])
    if expected.enqueued is not None:
        assert len(heard.sqs.sent) == expected.enqueued
    if answer.status == 202:
        _check_what_is_read_later(heard, answer)


@pytest.mark.parametrize("line", [line for line in LINES if line.get("path_suffix")], ids=lambda line: line["id"])
def test_a_path_that_the_gateway_leaves_encoded_is_unknown_too(line: corpus.Line, heard: Hearing) -> None:
    answer = _send(line, heard, str)
    assert (answer.status, answer.code) == (401, "signature_invalid")
    assert heard.ssm.reads() == 0, "no parameter name is made of a path"


def test_every_line_is_run_or_named(capsys: pytest.CaptureFixture[str]) -> None:
    left = {line["id"]: reason for line in LINES if (reason := corpus.left_out(line))}
    assert len(LINES) == 133
    assert set(left) == {
        *("IN-066", "IN-067", "IN-096", "IN-098", "IN-100"),
        *("IN-146", "IN-148", "IN-150", "IN-256", "IN-257"),
    }
    with capsys.disabled():
        print(f"\nhostile inputs, ingest: {len(LINES) - len(left)} of {len(LINES)} run in-process")
        for ours in corpus.TABLE:
            print(f"  {ours[0]:20} → {ours[1]}")
        for name, reason in left.items():
            print(f"  left to the engine: {name} ({reason})")


def _check_what_is_read_later(heard: Hearing, answer: Answer) -> None:
    """What was accepted can be read, under the id that was answered, and holds no unfit character."""
    envelope = Envelope.from_message(heard.sqs.bodies()[-1])
    voice = registry.load("canonical").parse(envelope.arrival, {})
    assert envelope.feedback_id == answer.json["id"]
    for text in voice.texts:
        assert clean(text.text) == text.text
        assert ("\ufffd" in text.text) == voice.sanitised
