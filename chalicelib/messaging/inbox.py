"""The inbox: what a hook heard, before it is read."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.inbound.envelope import Envelope
from chalicelib.messaging.queues import SqsQueue


class Inbox:
    """One call for one voice; when it returns, SQS holds the body on several disks."""

    def __init__(self, queue: SqsQueue) -> None:
        self._queue = queue

    def put(self, envelope: Envelope) -> None:
        """Raises Retryable when the queue did not take it."""
        self._queue.send(envelope.to_message())

    def put_all(self, envelopes: Sequence[Envelope]) -> None:
        """Raises Retryable when the queue did not take all of them."""
        self._queue.send_all([envelope.to_message() for envelope in envelopes])
