"""How far the poller of a connection has come. Pure: every step gives the next state; one of two writers wins.

A poller is a chain of due rows: each run arms the next one before it asks anything, so a run that dies breaks nothing.
``next_at`` names the one run that is due; a message of any other run is stale and does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.time.moments import written
from chalicelib.domain.workspaces.directory import Connection

LEASE: Final = timedelta(seconds=120)  # longer than the function may run
SHORTEST: Final = 5  # minutes between two polls


@dataclass(frozen=True, slots=True)
class PollState:
    """One connection's poller. Moments are RFC 3339, UTC."""

    workspace: str
    connection: str
    version: int = 0  # 0: not stored yet
    next_at: str | None = None  # None: switched off
    cursor: Mapping[str, Any] | None = None  # the source's own; None: it has never read a page
    lease: str | None = None  # the run that is under way
    lease_until: datetime | None = None
    reached_at: str | None = None  # up to when everything has been read
    ran_at: str | None = None
    error: str | None = None  # code of what ended the last run; None: it ended well
    found: int = 0  # responses, since it was first switched on
    since: str | None = None  # the setting poll_since that the cursor goes by

    def is_led(self, now: datetime) -> bool:
        """Whether a run is under way that has not outlived its lease."""
        return self.lease is not None and self.lease_until is not None and now < self.lease_until

    def armed(self, next_at: str | None) -> PollState:
        return replace(self, next_at=next_at)

    def beginning(self, since: str | None) -> PollState:
        """Another ``poll_since`` has everything from then on read again."""
        return self if since == self.since else replace(self, since=since, cursor=None, reached_at=None)

    def led(self, lease: str, now: datetime) -> PollState:
        """Taken by the run ``lease``. Only where ``is_led`` is False."""
        return replace(self, lease=lease, lease_until=now + LEASE, ran_at=written(now))

    def due(self, at: str, following: str | None, lease: str, now: datetime) -> PollState | None:
        """The run of ``at`` begins: the next one is armed either way, and this one is taken unless one is under way.

        None where another run is the one that is due.
        """
        if self.next_at != at:
            return None
        armed = self.armed(following)
        return armed if armed.is_led(now) else armed.led(lease, now)

    def read(self, cursor: Mapping[str, Any], count: int, now: datetime) -> PollState:
        """A page is on the inbox; the run goes on."""
        return replace(self, cursor=cursor, found=self.found + count, lease_until=now + LEASE)

    def ended(self, *, error: str | None = None, reached: datetime | None = None) -> PollState:
        """The run is over. ``reached``: it read everything up to then."""
        at = self.reached_at if reached is None else written(reached)
        return replace(self, lease=None, lease_until=None, error=error, reached_at=at)


def interval(connection: Connection | None) -> timedelta | None:
    """Between two polls of the connection; None where it is not polled."""
    if connection is None or connection.state != "active":
        return None
    minutes = connection.settings.get("poll_minutes") or 0
    return timedelta(minutes=max(minutes, SHORTEST)) if minutes > 0 else None
