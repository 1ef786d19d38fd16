"""One SQS queue: JSON in, at least once out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Retryable

LONGEST_DELAY: Final = 900  # seconds, SQS's own limit; longer waits are due rows
MOST_TOGETHER: Final = 10  # messages in one call, SQS's own limit
LARGEST_TOGETHER: Final = 262_144  # bytes in one call: SQS takes four times that by now, older queues do not
_TRIES: Final = 3  # of what a call left out


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

    def send_all(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Put many messages in few calls. Raises Retryable when one was not taken; others may have been."""
        for texts in _together([json.dumps(body, separators=(",", ":")) for body in bodies]):
            waiting = {str(number): text for number, text in enumerate(texts)}
            for _ in range(_TRIES):
                waiting = self._left_out(waiting)
                if not waiting:
                    break
            else:
                raise Retryable("The queue did not take all messages.", code="queue_unavailable")

    def _left_out(self, waiting: Mapping[str, str]) -> dict[str, str]:
        """One call; what of it SQS did not take."""
        entries = [{"Id": number, "MessageBody": text} for number, text in waiting.items()]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except (BotoCoreError, ClientError):
            raise Retryable("The queue did not take the messages.", code="queue_unavailable") from None
        return {failed["Id"]: waiting[failed["Id"]] for failed in answer.get("Failed", ())}


def _together(texts: Sequence[str]) -> Iterator[list[str]]:
    """In order, as many at once as SQS takes; one that is larger by itself goes alone."""
    group: list[str] = []
    size = 0
    for text in texts:
        if group and (len(group) == MOST_TOGETHER or size + len(text) > LARGEST_TOGETHER):
            yield group
            group, size = [], 0
        group.append(text)
        size += len(text)
    if group:
        yield group
