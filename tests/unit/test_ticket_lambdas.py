"""The ticket and sweep functions: event in, service call, one line out."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import observability
from chalicelib.errors import Retryable
from chalicelib.lambdas import outbox as outbox_module
from chalicelib.lambdas import sweep as sweep_module
from chalicelib.lambdas import ticket as ticket_module
from chalicelib.services.outbound.apply_callback import Applied
from chalicelib.services.sweep import Swept
from chalicelib.wiring import cases, outbound, upkeep
from tests.builders import AT


class Lines:
    """Stands in for the logger."""

    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []

    def log(self, level: int, message: str, *, extra: dict[str, Any]) -> None:
        self.written.append({"level": level, "message": message, **extra})


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    found = Lines()
    monkeypatch.setattr(observability, "logger", lambda: found)
    return found


def test_each_message_counts_for_itself_and_the_failed_ones_go_back(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    def service(message: Mapping[str, Any]) -> str:
        if message["n"] == 2:
            raise Retryable("The feedback or its ticket keeps changing.", code="contended")
        return {0: "opened", 1: "unchanged", 3: "updated"}[message["n"]]

    monkeypatch.setattr(cases, "open_ticket_service", lambda: service)
    records = [
        {"messageId": f"m{n}", "body": json.dumps({"n": n}), "eventSource": "aws:sqs", "attributes": {}}
        for n in range(4)
    ]
    answer = ticket_module.ticket({"Records": records}, SimpleNamespace())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    (line,) = lines.written
    assert (line["TicketsOpened"], line["TicketsUpdated"], line["Failed"]) == (1, 1, 1)
    assert line["failures"] == ["contended"]


def test_what_a_system_of_record_said_is_applied_and_told_by_its_codes(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    heard: list[Any] = []

    def apply(message: Mapping[str, Any]) -> Applied:
        heard.append(message["payload"])
        return Applied(("ok", "stale", "ok", "unknown_state"), ("tk_1", "tk_2"))

    monkeypatch.setattr(cases, "open_ticket_service", lambda: None)
    monkeypatch.setattr(outbound, "apply_callback", lambda: apply)
    message = {"kind": "callback", "workspace": "acme", "endpoint": "ep_1", "payload": "CANARY", "heard_at": "x"}
    record = {"messageId": "m1", "body": json.dumps(message), "eventSource": "aws:sqs", "attributes": {}}
    answer = ticket_module.ticket({"Records": [record]}, SimpleNamespace())
    assert (answer, heard) == ({"batchItemFailures": []}, ["CANARY"])
    (line,) = lines.written
    assert (line["CallbacksApplied"], line["CallbacksIgnored"]) == (2, 2)
    assert (line["endpoint"], line["callback"], line["ticket"]) == ("ep_1", ["ok", "stale", "unknown_state"], "tk_2")
    assert "CANARY" not in str(line)


SCHEDULED = {
    "version": "0",
    "account": "0",
    "region": "x",
    "detail": {},
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-11-21T08:00:00Z",
    "id": "1",
    "resources": [],
}


def test_a_sweep_writes_one_line_with_its_numbers(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    swept = Swept(actions=1, due=2, buckets=3, until=AT)
    monkeypatch.setattr(upkeep, "sweep_service", lambda: lambda: swept)
    sweep_module.sweep(SCHEDULED, SimpleNamespace())
    (line,) = lines.written
    assert (line["Resent"], line["actions"], line["due"], line["buckets"]) == (6, 1, 2, 3)
    assert line["until"] == AT.isoformat()


def test_a_sweep_with_nothing_to_do_has_no_metric(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    swept = Swept(actions=0, due=0, buckets=0, until=AT + timedelta(minutes=1))
    monkeypatch.setattr(upkeep, "sweep_service", lambda: lambda: swept)
    sweep_module.sweep(SCHEDULED, SimpleNamespace())
    assert "Resent" not in lines.written[0]


def test_a_sweep_that_fails_says_why_and_fails(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    def fails() -> Swept:
        raise Retryable("The queue did not take the message.", code="queue_unavailable")

    monkeypatch.setattr(upkeep, "sweep_service", lambda: fails)
    with pytest.raises(Retryable):
        sweep_module.sweep(SCHEDULED, SimpleNamespace())
    (line,) = lines.written
    assert (line["code"], line["Failed"]) == ("queue_unavailable", 1)


CANARY = "打我电话13800138000"


@pytest.mark.parametrize("function", ["sweep", "outbox"])
def test_what_the_runtime_prints_of_a_failure_quotes_no_row(
    function: str, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    def fails(*_: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr(upkeep, "sweep_service", lambda: fails)
    monkeypatch.setattr(upkeep, "outbox_service", lambda: SimpleNamespace(relay=fails))
    call, event = {"sweep": (sweep_module.sweep, SCHEDULED), "outbox": (outbox_module.outbox, {"Records": []})}[
        function
    ]
    with pytest.raises(Retryable) as raised:
        call(event, SimpleNamespace())
    assert CANARY not in "".join(traceback.format_exception(raised.value))
    assert raised.value.code == "ValueError"
    (line,) = lines.written
    assert CANARY not in str(line)
