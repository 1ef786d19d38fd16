"""``python -m infra.model.read``: a line out for every line in, whatever stands in it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.model import read
from infra.model.labels import Labels

WORDS = Labels("ours", "ecommerce", {"物流": "logistics", "质量": "product"}, {"logistics": "物流", "product": "质量"})
READER = read.reader_of("ecommerce", lexicon=True)
ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "infra.model.read", "--pack", "ecommerce", "--lexicon"]
MEMBERS = {"polarity", "confidence", "tags"}


def run(lines: Sequence[str | bytes], *more: str) -> tuple[int, list[Any]]:
    """The exit status and what was written, read again."""
    source = io.BytesIO(b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines))
    target = io.StringIO()
    status = read.run(["--pack", "ecommerce", "--lexicon", *more], source, target)
    return status, [json.loads(line) for line in target.getvalue().splitlines()]


def test_a_text_gets_its_tags_with_places_in_itself() -> None:
    text = "👍物流太慢，质量不错"
    status, (answer,) = run([json.dumps({"t": text})])
    assert status == 0
    assert set(answer) == MEMBERS
    found = {tag["node"].partition(".")[0]: tag for tag in answer["tags"]}
    assert (found["logistics"]["polarity"], found["product"]["polarity"]) == ("negative", "positive")
    assert "慢" in text[found["logistics"]["start"] : found["logistics"]["end"]]
    assert 0 <= found["logistics"]["confidence"] <= 1


def test_answers_keep_the_order_of_the_lines() -> None:
    _, answers = run([json.dumps({"t": text}) for text in ("物流太慢", "质量很好", "物流太慢")])
    assert [answer["tags"][0]["node"].partition(".")[0] for answer in answers] == ["logistics", "product", "logistics"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "The line is not JSON in UTF-8."),
        ("not json", "The line is not JSON in UTF-8."),
        (b"\xff\xfe", "The line is not JSON in UTF-8."),
        ("[" * 100_000, "The line is not JSON in UTF-8."),
        ("[]", 'The line is not an object with a text "t".'),
        ('{"text": "物流太慢"}', 'The line is not an object with a text "t".'),
        ('{"t": 3}', 'The line is not an object with a text "t".'),
        ('{"t": ""}', "The text is empty."),
        ('{"t": " \\u3000"}', "The text is empty."),
    ],
)
def test_a_line_that_cannot_be_read_is_answered_and_the_next_one_is_read(line: str | bytes, error: str) -> None:
    status, answers = run([line, '{"t": "物流太慢"}'])
    assert status == 0
    assert answers[0] == {"polarity": 0.5, "confidence": 0.0, "tags": [], "error": error}
    assert "error" not in answers[1]
    assert answers[1]["tags"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.text(max_size=40).map(lambda text: json.dumps({"t": text}).encode())))
def test_any_bytes_get_one_answer_a_line(lines: list[bytes]) -> None:
    lines = [line.replace(b"\n", b" ") for line in lines]
    answers = list(read.answers(lines, READER, WORDS))
    assert len(answers) == len(lines)
    for answer in answers:
        assert set(answer) - {"error"} == {*MEMBERS, "labels"}
        json.dumps(answer, ensure_ascii=False).encode()


def test_an_answer_is_written_before_the_next_line_is_asked_for() -> None:
    asked: list[int] = []

    def lines() -> Any:
        for number in range(3):
            asked.append(number)
            yield b'{"t": "ok"}'

    answers = read.answers(lines(), READER, None)
    next(answers)
    assert asked == [0]


def test_labels_are_the_tags_in_the_words_of_the_set() -> None:
    understanding = READER.read([read.Text("物流太慢，质量不错，快递员态度很差")])
    found = read.labelled(understanding.tags, WORDS)
    assert ("物流", -1) in found
    assert ("质量", 1) in found
    assert len(found) == len(set(found))


def test_a_topic_without_a_word_in_the_set_is_left_out() -> None:
    understanding = READER.read([read.Text("物流太慢")])
    assert read.labelled(understanding.tags, Labels("none", "ecommerce", {}, {})) == []


@pytest.mark.parametrize(
    "arguments", [["--pack", "nowhere", "--lexicon"], ["--pack", "ecommerce", "--lexicon", "--labels", "nowhere"]]
)
def test_a_pack_or_labels_that_are_not_there_are_named(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert read.run(arguments, io.BytesIO(b'{"t": "ok"}\n'), io.StringIO()) == 2
    assert "nowhere" in capsys.readouterr().err


def test_a_label_file_of_the_repository_can_be_used() -> None:
    status, (answer,) = run(['{"t": "物流太慢"}'], "--labels", "zhijiang")
    assert status == 0
    assert answer["labels"] == [["物流", -1]]


def test_a_byte_order_mark_before_the_first_line_is_none_of_its_text() -> None:
    mark, line = b"\xef\xbb\xbf", '{"t": "物流太慢"}'.encode()
    _, answers = run([mark + line, line, mark + line])
    assert answers[0] == answers[1]
    assert "error" not in answers[0]
    assert answers[2]["error"] == "The line is not JSON in UTF-8."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pack", "auto", "--labels", "zhijiang"], "zhijiang.yaml has labels for the pack ecommerce, not for auto."),
        (["--pack", "ecommerce", "--labels", ""], "--labels needs the name of a set"),
    ],
)
def test_labels_that_do_not_fit_are_refused_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = io.StringIO()
    assert read.run([*arguments, "--lexicon"], io.BytesIO(b'{"t": "ok"}\n'), target) == 2
    assert target.getvalue() == ""
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_the_command_ends_quietly_when_nobody_reads_on() -> None:
    with subprocess.Popen(
        COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        assert command.stdin is not None
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdin.write(b'{"t": "ok"}\n')
        command.stdin.flush()
        assert command.stdout.readline()
        command.stdout.close()
        command.stdin.write(b'{"t": "ok"}\n')
        command.stdin.close()
        assert command.stderr.read() == b""
        assert command.wait() == read.CLOSED


def test_the_command_writes_utf8_whatever_the_locale_says() -> None:
    done = subprocess.run(
        [*COMMAND, "--labels", "zhijiang"],
        cwd=ROOT,
        input='{"t": "物流太慢"}\n'.encode(),
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": "ascii"},
    )
    assert json.loads(done.stdout.decode("utf-8"))["labels"] == [["物流", -1]]
