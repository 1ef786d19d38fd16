"""A message that waits for its minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

QUEUES: Final = ("tickets", "alerts", "deliveries", "rollups", "fetches", "cases")


@dataclass(frozen=True, slots=True)
class DueItem:
    """``partition`` and ``key`` are the store's; ``body`` goes on ``queue`` as it is."""

    partition: str
    key: str
    queue: str  # QUEUES
    body: Mapping[str, Any] = field(repr=False)
