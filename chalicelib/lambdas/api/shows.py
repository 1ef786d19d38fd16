"""What all rooms show alike. In each: domain in, JSON out; no secret, token, URL or contact has a place there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.domain.time.moments import written

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    return None if at is None else written(at)


def page(items: Sequence[Mapping[str, Any]], cursor: str | None) -> Json:
    return {"items": list(items), "cursor": cursor}
