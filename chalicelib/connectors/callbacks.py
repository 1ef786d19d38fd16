"""What a system of record sends back: the proof that it is the one, and what it says of its item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from chalicelib.domain.outbound.calls import Call, Opened, Reply, Said
from chalicelib.domain.workspaces.directory import EndpointSecret

__all__ = ["Call", "CallbackReader", "Opened", "Reply", "Said", "in_force"]


class CallbackReader(Protocol):
    """The way back from one kind of system. Stateless; every check is over the raw bytes.

    A vendor hears that its call came in, and what it said is judged afterwards: vendors repeat what is refused, and
    some wait for little more than a second. A reader with ``tells_verdict = True`` is of a sender that wants to hear
    what its one event came to (409, 422) and waits for it.
    """

    methods: tuple[str, ...]  # POST, and GET where the vendor tries the URL out with it
    content_types: tuple[str, ...]  # lower case, without parameters

    def prove(self, call: Call, secret: EndpointSecret, now: datetime) -> Opened:
        """Raises Unauthorized and nothing else, whatever is missing, wrong, stale or garbage."""

    def handshake(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:
        """The answer to a URL check or challenge; None: it is none."""

    def read(self, opened: Opened, settings: Mapping[str, Any], now: datetime) -> Sequence[Said]:
        """What it says, in order; empty for events that are no concern of ours. Raises Invalid."""

    def reply(self, opened: Opened, secret: EndpointSecret, now: datetime) -> Reply | None:
        """The vendor's own acknowledgement; None: ours."""


def in_force(secret: EndpointSecret, now: datetime) -> tuple[str, ...]:
    """The secrets that count now: two during a rotation, none for an endpoint that has none."""
    until = secret.previous_valid_until
    previous = secret.previous_secret if until is None or now.timestamp() < until else None
    return tuple(one for one in (secret.secret, previous) if one)
