"""A sliding log: when the next request may leave, so that no window of a limit ever holds too many. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

RESERVED: Final = 10  # of so many places in a window one is kept for what is urgent
_STEP: Final = 0.001  # an entry exactly a window old still counts, so the next one leaves a little after


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` requests in any ``seconds``.

    A request may reach the target later than it was let through, and two workers' clocks differ: where a target
    punishes, its windows are counted ``guard`` seconds longer.
    """

    count: int
    seconds: float
    guard: float = 2.0

    @property
    def span(self) -> float:
        return self.seconds + self.guard


def effective(limits: Sequence[Limit], rate: int | None) -> tuple[Limit, ...]:
    """The target's own limits and an endpoint's ``rate`` (requests a minute); empty: as fast as we can."""
    if not rate:
        return tuple(limits)
    # Above two a second the log is kept by the second: it stays short, and a burst stays small.
    own = Limit(rate, 60.0, guard=0.0) if rate <= 120 else Limit(rate // 60, 1.0, guard=0.0)
    return (*limits, own)


@dataclass(frozen=True, slots=True)
class Window:
    """What left (epoch seconds, oldest first), and the latest moment that somebody was told to come back at.

    ``closed``: until then the target itself has shut everybody out.
    """

    times: tuple[float, ...] = ()
    promised: float = 0.0
    closed: float = 0.0


@dataclass(frozen=True, slots=True)
class Admission:
    """``wait`` 0: go. Else come back after so many seconds. ``window`` is to be stored either way."""

    wait: float
    window: Window


def admit(
    window: Window,
    limits: Sequence[Limit],
    now: float,
    *,
    waited: bool = False,
    urgent: bool = False,
    together: bool = False,
) -> Admission:
    """Let one request through, or tell it when to come back.

    The log alone decides, so it never lets too many through. Who is turned away is sent behind those turned away
    before (``promised``), a limit's spacing apart, or all of them would come back at the same moment. Who comes fresh
    does not overtake them; who ``waited`` was told to come now, and what is ``urgent`` takes the next free place.
    Where those who wait leave ``together``, each place serves many: nobody is told to wait for more than one window
    beyond the next free place, and some places are kept for what is urgent.
    """
    times = _recent(window.times, limits, now)
    kept = RESERVED if together and not urgent else None
    free = max([now, window.closed, *(_free_at(times, limit, limit.count // kept if kept else 0) for limit in limits)])
    if free <= now and (waited or urgent or window.promised <= now):
        return Admission(0.0, replace(window, times=(*times, now)))
    if urgent:
        return Admission(free - now, replace(window, times=times))
    spacing = max((limit.span / limit.count for limit in limits), default=0.0)
    at = max(free, max(window.promised, now) + spacing)
    if together:
        at = min(at, free + max((limit.span for limit in limits), default=0.0))
    return Admission(at - now, replace(window, times=times, promised=max(at, window.promised)))


def _free_at(times: Sequence[float], limit: Limit, kept: int) -> float:
    """When the window has room for one more beside the ``kept`` places."""
    count = limit.count - kept
    if len(times) < count:
        return 0.0
    return times[-count] + limit.span + _STEP


def _recent(times: Sequence[float], limits: Sequence[Limit], now: float) -> tuple[float, ...]:
    """What some window still holds, in order. A clock that is ahead of ours must not hide an entry."""
    longest = max((limit.span for limit in limits), default=0.0)
    return tuple(sorted(time for time in times if time >= now - longest))
