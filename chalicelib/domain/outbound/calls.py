"""A call from a system of record, what it opened, what it said, and what it wants to hear. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One request to ``/v1/callbacks/{endpoint}``. Header names are in lower case."""

    method: str
    uri: str = field(repr=False)  # as the vendor called it: scheme, public host, path and query
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that has proved where it comes from, decrypted and decoded.

    The payload is what JSON can hold (text, numbers, flags, lists, maps with text for names): it may wait in a queue
    before it is read.
    """

    payload: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing said of one item; ``domain/outbound/callback.py`` judges it."""

    status: str  # the vendor's word, mapped by ``settings.status_map`` or the reader's own map; "" says nothing new
    external_id: str
    ticket_id: str | None = None  # None: the endpoint's own record of its items tells
    version: int | None = None
    occurred_at: datetime | None = None
    delivery: str | None = field(default=None, repr=False)  # the vendor's identity of this event, the same on a retry
    echo: bool = False  # of a change that we made ourselves
    alike: tuple[str, ...] = ()  # states of which the vendor's word says nothing new: our own write says the same
    note: str | None = field(default=None, repr=False)
    root_cause: str | None = field(default=None, repr=False)
    action: str | None = field(default=None, repr=False)
    actor: str | None = field(default=None, repr=False)
    answer: str | None = None  # the customer's, solved | not_solved: then it is of a ticket and of no item


@dataclass(frozen=True, slots=True)
class Reply:
    """What a vendor wants to hear."""

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/json"
