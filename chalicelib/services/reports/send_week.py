"""Tells endpoints that asked for it the loop of the week before, on Monday at nine by the clock of the place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from chalicelib.domain.outbound.delivery import asked_weeks
from chalicelib.domain.reports import loop
from chalicelib.domain.reports.loop import EVENT, Loop, Telling
from chalicelib.domain.time.moments import rfc3339
from chalicelib.domain.workspaces.directory import Endpoint
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Invalid, Parked
from chalicelib.services.ports import Clock, DueStore

KIND: Final = "loop"
QUEUE: Final = "cases"


class Endpoints(Protocol):
    def endpoints(self, workspace: str) -> Sequence[Endpoint]: ...


class Weeks(Protocol):
    def of(self, workspace: str, week: str, unit: str | None) -> Loop: ...


class Tellings(Protocol):
    def tell(self, one: Telling, at: datetime) -> bool:
        """Have it told; False when it was."""


@dataclass(frozen=True, slots=True)
class ArmWeeks:
    """One alarm for each unit whose week somebody asked for, and one for all units together."""

    organisation: Callable[[str], Organisation]
    due: DueStore
    clock: Clock

    def __call__(self, endpoint: Endpoint) -> None:
        """Have the weeks told that an endpoint asks for, from the one that runs on. Again changes nothing."""
        for unit in asked_weeks(endpoint):
            self.arm(endpoint.workspace, unit)

    def arm(self, workspace: str, unit: str | None) -> None:
        """The next Monday to come."""
        zone, now = self.zone(workspace, unit), self.clock()
        week = loop.week_before(now, zone)
        if loop.told_at(week, zone) <= now:
            week = loop.week_of(now.astimezone(zone).date())
        at = loop.told_at(week, zone)
        body = {"kind": KIND, "workspace": workspace, "unit": unit, "week": week, "at": at.isoformat()}
        self.due.add(at, QUEUE, body, key=f"{KIND}#{workspace}#{unit or ''}")

    def zone(self, workspace: str, unit: str | None) -> ZoneInfo:
        return self.organisation(workspace).business_time(unit, {}).zone


@dataclass(frozen=True, slots=True)
class SendWeek:
    """Called by a due row: ``{"workspace", "unit", "week", "at"}``. The next one is armed first, so none breaks the
    chain.
    """

    directory: Endpoints
    weeks: Weeks
    tellings: Tellings
    arm: ArmWeeks
    clock: Clock

    def __call__(self, message: Mapping[str, Any]) -> str:
        """``told`` | ``known`` (it was) | ``nothing_heard`` | ``moved`` (``at`` was Monday at nine by another clock
        than the place has now) | ``nobody_asked``, with which the chain ends.

        Raises Parked (``message_invalid``), Retryable.
        """
        try:
            workspace, unit, week = str(message["workspace"]), message["unit"], str(message["week"])
            loop.monday_of(week)
            at = rfc3339(message["at"]) if "at" in message else None
        except (KeyError, TypeError, ValueError, Invalid):
            raise Parked("The message names no week.", code="message_invalid") from None
        if not any(unit in asked_weeks(one) for one in self.directory.endpoints(workspace)):
            return "nobody_asked"
        self.arm.arm(workspace, unit)
        if at is not None and at < loop.told_at(week, self.arm.zone(workspace, unit)):
            return "moved"
        found = self.weeks.of(workspace, week, unit)
        if not found.numbers["heard"]:
            return "nothing_heard"
        told = Telling(EVENT, workspace, f"week#{unit or ''}", week, loop.detail(found))
        return "told" if self.tellings.tell(told, self.clock()) else "known"
