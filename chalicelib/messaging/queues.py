"""One SQS queue: JSON in, at least once out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Retryable

LONGEST_DELAY: Final = 900  # seconds, SQS's own limit; longer waits are due rows


class SqsQueue:
    """``services.ports.Queue`` on SQS. Bodies are ASCII JSON, so every character is one that SQS allows."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, body: Mapping[str, Any], *, delay: int = 0) -> None:
        """Put one message; ``delay`` in seconds is cut to SQS's limit. Raises Retryable when it was not taken."""
        request: dict[str, Any] = {"QueueUrl": self._url, "MessageBody": json.dumps(body, separators=(",", ":"))}
        if delay > 0:
            request["DelaySeconds"] = min(delay, LONGEST_DELAY)
        try:
            self._client.send_message(**request)
        except (BotoCoreError, ClientError):
            # Without the cause: botocore's text may repeat what was sent.
            raise Retryable("The queue did not take the message.", code="queue_unavailable") from None
