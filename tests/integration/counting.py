"""What a store asks of the table: a client that counts, so that a test can say that a page reads what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib.storage.table import Row, bind


@dataclass
class Counting:
    """A botocore client that passes calls on. ``rows``: those that queries looked at."""

    client: Any
    calls: list[str] = field(default_factory=list)
    rows: int = 0

    _request_signer = None

    def _make_api_call(self, operation: str, request: dict[str, Any]) -> Any:
        answer = self.client._make_api_call(operation, request)
        self.calls.append(operation)
        self.rows += answer.get("ScannedCount", 0)
        return answer

    def begin(self) -> None:
        self.calls, self.rows = [], 0

    @property
    def seen(self) -> tuple[list[str], int]:
        """The calls since ``begin``, and the rows that they looked at."""
        return self.calls, self.rows


@contextmanager
def counted(stack: Any) -> Iterator[Counting]:
    """All rows on the stack's table, each call counted; afterwards as they were."""
    before, shared = Row.Meta.table_name, Row.shared_client
    made = Counting(stack.clients("dynamodb"))
    bind(stack.facts["table"], made)
    yield made
    Row.Meta.table_name, Row.shared_client = before, shared
