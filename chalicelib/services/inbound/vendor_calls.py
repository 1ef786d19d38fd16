"""The calls of one attempt at a system of record: all within one deadline, each within its target's limits.

Getting in (a token), looking for an item, creating and updating it are calls alike. What each came to is kept for
whoever reads the delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from chalicelib.domain.outbound.delivery import CallMade
from chalicelib.domain.outbound.exchange import DELIVERED, RETRY, EgressError, HttpRequest, HttpResponse, Outcome
from chalicelib.domain.outbound.ratelimit import Limit
from chalicelib.services.ports import Clock

DEADLINE: Final = 10.0  # seconds for all calls of an attempt together: a batch of five must fit the function's time
LEAST: Final = 2.0  # seconds that must be left for another call to begin
LIMIT_REACHED: Final = "limit_reached"
OUT_OF_TIME: Final = "out_of_time"


class Door(Protocol):
    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, within: float | None = None
    ) -> HttpResponse:
        """``within``: seconds, where less than the door's own deadline is left. Raises EgressError."""


class Windows(Protocol):
    def take(self, target: str, limits: Sequence[Limit], now: float, *, waited: bool, urgent: bool) -> float:
        """0 when a request may leave, else the seconds to come back in."""


class Stop(Exception):
    """The attempt ends here, with an outcome.

    ``free``: nothing was tried that would count, the attempt goes on after ``outcome.after`` seconds.
    """

    def __init__(self, outcome: Outcome, *, free: bool = False) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome
        self.free = free


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to. ``response`` None: there was none; ``sent``: the target may have got the request."""

    outcome: Outcome
    response: HttpResponse | None = None
    sent: bool = True


@dataclass
class Calls:
    """Counts, times and limits the calls of one attempt. ``admitted`` of them were let through by whoever began it."""

    door: Door
    windows: Windows
    target: str
    limits: Sequence[Limit]
    urgent: bool
    clock: Clock
    monotonic: Callable[[], float]
    made: list[CallMade] = field(default_factory=list)
    last: HttpResponse | None = field(default=None, repr=False)
    admitted: int = 1

    def __post_init__(self) -> None:
        self._end = self.monotonic() + DEADLINE

    def admit(self) -> None:
        """May one more call leave now? Raises Stop, and then nothing has left."""
        if self._end - self.monotonic() < LEAST:
            raise Stop(Outcome(RETRY, OUT_OF_TIME))
        if self.admitted == 0 and self.limits:
            now = self.clock().timestamp()
            wait = self.windows.take(self.target, self.limits, now, waited=False, urgent=self.urgent)
            if wait > 0:
                raise Stop(Outcome(RETRY, LIMIT_REACHED, wait), free=True)
        self.admitted = 1

    def send(self, step: str, request: HttpRequest, judge: Callable[[HttpResponse], Outcome]) -> Answer:
        """Make the call that was admitted. Nothing that the target does is raised."""
        self.admitted = 0
        began = self.monotonic()
        try:
            response = self.door.send(
                request.method, request.url, request.headers, request.body, within=max(self._end - began, LEAST)
            )
            answer = Answer(judge(response), response)
        except EgressError as error:
            answer = Answer(Outcome(RETRY, error.code), None, error.sent)
        self.last = answer.response
        self.made.append(
            CallMade(
                step=step,
                code=answer.outcome.code or DELIVERED,
                status=answer.response.status if answer.response else None,
                duration_ms=round((self.monotonic() - began) * 1000),
            )
        )
        return answer


def later(code: str, seconds: float) -> Stop:
    """Come back, at no cost."""
    return Stop(Outcome(RETRY, code, seconds), free=True)


def at(moment: datetime, now: datetime) -> float:
    """Seconds until then, at least one."""
    return max((moment - now).total_seconds(), 1.0)
