"""Once a minute: what waits too long is sent again, what is due is sent, old hours are counted once more.

Each run covers the minutes since the last one that ended well, so a run that died is done again as a whole; whoever
receives knows how to be told twice. What a run reads are due rows of its minutes, and index entries of what waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any, Final, Protocol

from chalicelib.domain.events import feedback_event
from chalicelib.domain.reading.rollup import Bucket, hour_of
from chalicelib.domain.time.due import DueItem
from chalicelib.domain.voice.feedback import Feedback
from chalicelib.services.ports import Clock, Queue

CURSOR: Final = "sweep"
CALENDARS: Final = "calendars"  # the position of the last look at provisional deadlines
MINUTE: Final = timedelta(minutes=1)
PATIENCE: Final = timedelta(minutes=5)  # how long an action may take before it is sent again
HOURLY_FROM: Final = timedelta(hours=1)  # up to here the waits double, from here on they are an hour
OVERLAP: Final = 3  # minutes read again: a row may be written while its minute is being read
LONGEST: Final = 240  # minutes in one run; after an outage the runs catch up
RECOUNT_AFTER: Final = timedelta(hours=25)  # a day after the hour has ended
MOST_RESENT: Final = 1000  # feedback in one run: after an outage the rest has its turn at its next age
RETRIED_QUEUES: Final[Mapping[str, str]] = {"ticket": "tickets", "alert": "alerts"}  # action → queue


class WaitingFeedback(Protocol):
    def awaiting_before(self, moment: datetime) -> Iterable[tuple[str, str, datetime]]:
        """(workspace, id, since when) of feedback that has waited for an action since before ``moment``."""

    def get(self, workspace: str, feedback_id: str) -> Feedback | None: ...


class DueRows(Protocol):
    """Due rows and the stored position of the sweep."""

    def take(self, minute: datetime) -> Iterable[DueItem]: ...

    def delete(self, item: DueItem) -> None: ...

    def position(self, name: str) -> str | None: ...

    def advance(self, name: str, position: str) -> None: ...


class Buckets(Protocol):
    def of_hour(self, hour: str) -> Iterable[Bucket]:
        """Every bucket of one UTC hour, ``2026-11-21T08``."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one run sent. ``until`` is the minute up to which everything is done."""

    actions: int
    due: int
    buckets: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Sweep:
    """``queues`` are those of domain/time/due.py, by name. ``calendars`` gives the release of those that ship."""

    feedback: WaitingFeedback
    due: DueRows
    buckets: Buckets
    queues: Mapping[str, Queue]
    clock: Clock
    calendars: Callable[[], str] | None = None

    def __call__(self) -> Swept:
        """One run, up to the minute that has just ended. Raises Retryable: then the next run covers its minutes too."""
        after, until = self._window()
        # What is due goes first: it is gone once it was sent, so that even a run that dies gets on.
        due = self._send_due(after, until)
        buckets = self._recount(after, until)
        swept = Swept(actions=self._resend_actions(after, until), due=due, buckets=buckets, until=until)
        self.due.advance(CURSOR, until.isoformat())
        self._look_at_calendars()
        return swept

    def _window(self) -> tuple[datetime, datetime]:
        """From where the last run got to, to the beginning of this minute; at most four hours."""
        now = self.clock().astimezone(timezone.utc).replace(second=0, microsecond=0)
        stored = self.due.position(CURSOR)
        after = datetime.fromisoformat(stored) if stored else now - LONGEST * MINUTE
        return min(after, now), min(now, after + LONGEST * MINUTE)

    def _resend_actions(self, after: datetime, until: datetime) -> int:
        """Tell the workers again of feedback whose action is not durable yet."""
        sent = 0
        waiting = self.feedback.awaiting_before(until - PATIENCE)
        at_an_age = (key for *key, since in waiting if is_resent(since, after, until))
        for workspace, feedback_id in islice(at_an_age, MOST_RESENT):
            feedback = self.feedback.get(workspace, feedback_id)
            if feedback is None or not is_resent(feedback.awaiting_since, after, until):
                continue
            detail = {"detail": feedback_event(feedback).as_detail()}
            for action in sorted(feedback.awaiting & RETRIED_QUEUES.keys()):
                self.queues[RETRIED_QUEUES[action]].send(detail)
                sent += 1
        return sent

    def _send_due(self, after: datetime, until: datetime) -> int:
        """Put what was due in these minutes on its queue. A row goes once its message is there."""
        sent = 0
        for minute in _minutes(after - OVERLAP * MINUTE, until):
            for item in self.due.take(minute):
                self.queues[item.queue].send(item.body)
                self.due.delete(item)
                sent += 1
        return sent

    def _look_at_calendars(self) -> None:
        """Have provisional deadlines looked at: once a day, and as soon as other calendars have come."""
        if self.calendars is None:
            return
        now, release = self.clock().astimezone(timezone.utc), self.calendars()
        at, _, known = (self.due.position(CALENDARS) or "").partition("#")
        if known == release and at[:10] == now.date().isoformat():
            return
        self.queues["cases"].send({"kind": "recount"})
        self.due.advance(CALENDARS, f"{now.isoformat()}#{release}")

    def _recount(self, after: datetime, until: datetime) -> int:
        """Have the buckets of the hours whose day has passed counted once more."""
        sent = 0
        mark = int(self.clock().timestamp() * 1000)
        for hour in _hours(after - RECOUNT_AFTER, until - RECOUNT_AFTER):
            for bucket in self.buckets.of_hour(hour):
                self.queues["rollups"].send(_message(bucket, mark))
                sent += 1
        return sent


def is_resent(since: datetime | None, after: datetime, until: datetime) -> bool:
    """Whether a wait that began at ``since`` reaches, in ``after`` ≤ time < ``until``, an age at which we send again.

    The ages are 5, 10, 20 and 40 minutes, then every full hour: trouble that lasts is not made worse by us.
    """
    if since is None:
        return False
    age = PATIENCE
    while age < HOURLY_FROM:
        if after <= since + age < until:
            return True
        age *= 2
    return _full_hours(until - since) > _full_hours(after - since)


def _full_hours(wait: timedelta) -> int:
    """How many full hours end before a wait of this length does."""
    return max(-(-wait // HOURLY_FROM) - 1, 0)


def _minutes(first: datetime, end: datetime) -> Iterator[datetime]:
    while first < end:
        yield first
        first += MINUTE


def _hours(after: datetime, until: datetime) -> Iterator[str]:
    """The hours that begin at ``after`` < time ≤ ``until``."""
    start = after.replace(minute=0, second=0, microsecond=0)
    while (start := start + timedelta(hours=1)) <= until:
        yield hour_of(start)


def _message(bucket: Bucket, mark: int) -> dict[str, Any]:
    return {"workspace": bucket.workspace, "unit": bucket.unit, "hour": bucket.hour, "mark": mark}
