"""What goes to SQS and EventBridge, and what comes of their trouble."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.domain.events import Event
from chalicelib.errors import Retryable
from chalicelib.messaging.bus import LARGEST_CALL, MOST_ENTRIES, EventBus, entry_size
from chalicelib.messaging.queues import SqsQueue
from tests.fakes.sqs import FakeSqs


@dataclass
class FakeEvents:
    calls: list[list[dict[str, Any]]] = field(default_factory=list)
    failed: int = 0
    error: Exception | None = None

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - EventBridge's own name
        if self.error is not None:
            raise self.error
        self.calls.append(Entries)
        return {"FailedEntryCount": self.failed, "Entries": []}


def event(number: int, size: int = 0) -> Event:
    return Event("ticket.opened", "acme", f"ev_{number}", "2026-11-21T08:00:00.000Z", {"pad": "x" * size})


class TestQueue:
    def test_a_message_is_ascii_json_without_a_delay(self) -> None:
        sqs = FakeSqs()
        SqsQueue(sqs, "https://queue").send({"unit": "上海\x01\ufffe"})
        assert sqs.sent == [{"QueueUrl": "https://queue", "MessageBody": '{"unit":"\\u4e0a\\u6d77\\u0001\\ufffe"}'}]

    @pytest.mark.parametrize(("asked", "sent"), [(30, 30), (901, 900)])
    def test_a_delay_is_cut_to_what_sqs_allows(self, asked: int, sent: int) -> None:
        sqs = FakeSqs()
        SqsQueue(sqs, "https://queue").send({}, delay=asked)
        assert sqs.sent[0]["DelaySeconds"] == sent

    def test_trouble_is_retryable_and_repeats_nothing(self) -> None:
        with pytest.raises(Retryable, match=r"^The queue did not take the message\.$") as failed:
            SqsQueue(FakeSqs(down=True), "https://queue").send({})
        assert failed.value.code == "queue_unavailable"
        assert failed.value.__cause__ is None


class TestBus:
    def test_an_entry_names_its_kind_and_carries_the_whole_event(self) -> None:
        events = FakeEvents()
        EventBus(events, "the-bus").publish([event(1)])
        ((entry,),) = events.calls
        assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == ("echoloop", "ticket.opened", "the-bus")
        assert json.loads(entry["Detail"]) == event(1).as_detail()

    def test_ten_go_in_one_call(self) -> None:
        events = FakeEvents()
        EventBus(events, "b").publish([event(number) for number in range(23)])
        assert [len(call) for call in events.calls] == [MOST_ENTRIES, MOST_ENTRIES, 3]
        sent = [json.loads(entry["Detail"])["id"] for call in events.calls for entry in call]
        assert sent == [f"ev_{number}" for number in range(23)]

    def test_a_call_stays_under_its_size(self) -> None:
        events = FakeEvents()
        EventBus(events, "b").publish([event(number, size=100_000) for number in range(5)])
        assert [len(call) for call in events.calls] == [2, 2, 1]
        assert all(sum(entry_size(entry) for entry in call) <= LARGEST_CALL for call in events.calls)

    def test_nothing_to_say_is_no_call(self) -> None:
        events = FakeEvents()
        EventBus(events, "b").publish([])
        assert events.calls == []

    def test_one_refused_entry_fails_the_whole(self) -> None:
        with pytest.raises(Retryable, match="refused a part") as failed:
            EventBus(FakeEvents(failed=1), "b").publish([event(1)])
        assert failed.value.code == "bus_refused"

    @pytest.mark.parametrize(
        "error",
        [
            ClientError({"Error": {"Code": "ThrottlingException", "Message": "CANARY"}}, "PutEvents"),
            EndpointConnectionError(endpoint_url="https://CANARY"),
        ],
    )
    def test_a_bus_out_of_reach_is_retryable_and_repeats_nothing(self, error: Exception) -> None:
        with pytest.raises(Retryable, match=r"^The bus did not take the events\.$") as failed:
            EventBus(FakeEvents(error=error), "b").publish([event(1)])
        assert failed.value.code == "bus_unavailable"
        assert failed.value.__cause__ is None
