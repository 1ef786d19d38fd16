"""How much a workspace may configure: what is read for every batch must stay one small query."""

from __future__ import annotations

from typing import Final

from chalicelib.errors import Conflict

MAX_CONNECTIONS: Final = 500
MAX_ENDPOINTS: Final = 500
MAX_RULES: Final = 200  # each is tried on every feedback


def room_for_one_more(there: int, most: int) -> None:
    """Raises Conflict (``too_many``) when there are as many as may be."""
    if there >= most:
        raise Conflict(f"A workspace has room for {most} of these.", code="too_many")
