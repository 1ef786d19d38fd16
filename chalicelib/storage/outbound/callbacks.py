"""Which deliveries of a vendor's callbacks were dealt with: one small row each, for as long as vendors repeat them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.ids import digest
from chalicelib.storage import keys
from chalicelib.storage.table import Row

KEPT: Final = timedelta(days=4)  # vendors repeat for three days at most


class CallbackHeardRow(Row):
    """That one delivery was dealt with."""


class CallbackMemory:
    """``services.outbound.apply_callback.Memory``. The table is bound by the wiring."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def knows(self, workspace: str, endpoint: str, delivery: str) -> bool:
        """Strongly consistent."""
        try:
            row = CallbackHeardRow.get(*_key(workspace, endpoint, delivery), consistent_read=True)
        except DoesNotExist:
            return False
        return row.expires_at is None or row.expires_at > self._clock().timestamp()

    def remember(self, workspace: str, endpoint: str, delivery: str) -> None:
        expires_at = int((self._clock() + KEPT).timestamp())
        CallbackHeardRow(*_key(workspace, endpoint, delivery), expires_at=expires_at).save()


def _key(workspace: str, endpoint: str, delivery: str) -> tuple[str, str]:
    """A vendor's identity may be as long as it likes, so its digest stands for it."""
    return keys.callback_heard(workspace, endpoint, digest(delivery))
