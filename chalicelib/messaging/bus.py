"""The custom bus: PutEvents in as few calls as its limits allow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.events import SOURCE, Event
from chalicelib.errors import Retryable

MOST_ENTRIES: Final = 10  # a call
LARGEST_CALL: Final = 256 * 1024  # bytes, all entries of a call together


class EventBus:
    """``services.ports.Bus`` on EventBridge."""

    def __init__(self, client: Any, bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(self, events: Sequence[Event]) -> None:
        """Put all events, in order. Raises Retryable when one was refused: ids are stable, so all may be sent again."""
        for entries in _calls([self._entry(event) for event in events]):
            try:
                answer = self._client.put_events(Entries=entries)
            except (BotoCoreError, ClientError):
                # Without the cause: botocore's text may repeat what was sent.
                raise Retryable("The bus did not take the events.", code="bus_unavailable") from None
            if answer.get("FailedEntryCount"):
                raise Retryable("The bus refused a part of the events.", code="bus_refused")

    def _entry(self, event: Event) -> dict[str, Any]:
        return {
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": json.dumps(event.as_detail(), separators=(",", ":")),
            "EventBusName": self._bus,
        }


def _calls(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Cut the entries into calls that respect both limits."""
    call: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        weight = entry_size(entry)
        if call and (len(call) == MOST_ENTRIES or size + weight > LARGEST_CALL):
            yield call
            call, size = [], 0
        call.append(entry)
        size += weight
    if call:
        yield call


def entry_size(entry: dict[str, Any]) -> int:
    """Bytes of an entry as EventBridge counts them: source, type and detail."""
    return sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
