"""Who is answerable: units, departments, people, who stands in for whom, and the way from a topic to one person. Pure.

Units are a tree. A unit whose id is a path lies below the nearest unit of its path (``cn/sh/001`` below ``cn/sh``), as
keys and rules see it; one whose id is no path may name its ``parent``. What a unit does not say itself it has from the
units above it, and last from the organisation. A person holds posts: a department at a unit, or in the whole workspace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from chalicelib.domain.time.calendar import BusinessTime, Calendar
from chalicelib.domain.time.opening_hours import OFFICE, Hours, Shifts

SEPARATOR: Final = "/"  # of a unit's path, as access.UNIT_SEPARATOR
EVERYWHERE: Final = "*"  # the unit of a post that is held in the whole workspace
CHANNELS: Final = ("phone", "email", "dingtalk", "wecom", "feishu")
CAN_CHANGE: Final = "can_change:"
DEFAULT_ZONE: Final = "Asia/Shanghai"
DEFAULT_COUNTRY: Final = "CN"
MOST_ASKED: Final = 50  # people who are asked whether they are there before the next level is
MOST_VERSIONS: Final = 99_999_999  # of one workspace
NO_CALENDAR: Final = "none"  # open on holidays as on any day
Load = Callable[[str], int]  # person → open tickets
_WHOLE: Final = {"zh-CN": "全公司", "en": "the whole workspace"}
ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Unit:
    """``None``: as the unit above. ``calendar`` is a country (``CN``, ``DE-BY``) or NO_CALENDAR; ``kind`` any word."""

    id: str
    name: str = ""
    kind: str = ""
    parent: str | None = None
    time_zone: str | None = None
    calendar: str | None = None
    hours: Hours | None = None
    days: Mapping[date, Shifts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Department:
    """``names``: language → name, the id where there is none."""

    id: str
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Post:
    """A department at a unit; ``unit`` is EVERYWHERE for the whole workspace."""

    unit: str
    department: str


@dataclass(frozen=True, slots=True, order=True)
class Absence:
    """Whole days, both included, of the organisation's time zone."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Person:
    """``authority``: processes that this person may change. ``deputies`` in the order in which they are asked.

    ``key`` is the id of the API key with which this person works. ``channels``: how to reach them, see CHANNELS.
    ``most_open``: so many open tickets, then the next in line gets them; None: as the organisation says.
    """

    id: str
    name: str = ""
    posts: tuple[Post, ...] = ()
    authority: tuple[str, ...] = ()
    deputies: tuple[str, ...] = ()
    superior: str | None = None
    absences: tuple[Absence, ...] = ()
    key: str | None = None
    channels: Mapping[str, str] = field(default_factory=dict, repr=False)
    most_open: int | None = None

    def absence(self, day: date) -> Absence | None:
        return next((one for one in self.absences if one.first <= day <= one.last), None)


@dataclass(frozen=True, slots=True)
class Edge:
    """One step of the way to an owner. ``reason`` is one of REASONS; ``given`` fills the words of it."""

    start: str
    end: str
    reason: str
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """The way that was taken. ``owner`` None: nobody is answerable. ``department`` is the one it ended in."""

    owner: str | None
    department: str | None
    edges: tuple[Edge, ...]


REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    "topic": {
        "zh-CN": "码框 {frame} 规定主题 {start} 由部门 {end} 负责",
        "en": "code frame {frame} gives topic {start} to department {end}",
    },
    "asked": {"zh-CN": "问的就是部门 {end}", "en": "department {end} was asked for"},
    "triage": {
        "zh-CN": "没有部门负责此事，转分诊部门 {end}",
        "en": "no department is answerable for this: it goes to triage, department {end}",
    },
    "unstaffed": {
        "zh-CN": "部门 {start} 在任何层级都没有人，转分诊部门 {end}",
        "en": "nobody holds department {start} at any level: it goes to triage, department {end}",
    },
    "unknown_unit": {"zh-CN": "组织中没有门店 {start}，看上级", "en": "there is no unit {start}: one level up"},
    "nobody": {
        "zh-CN": "{start} 没有部门 {department} 的人，看上级",
        "en": "{start} has nobody for {department}: one level up",
    },
    "nowhere": {
        "zh-CN": "全公司也没有部门 {department} 的人",
        "en": "nobody holds {department} in the whole workspace",
    },
    "away": {
        "zh-CN": "{start} 的负责人和代理人都不在，看上级",
        "en": "the holder at {start} and all deputies are away: one level up",
    },
    "absent": {
        "zh-CN": "{start} 和代理人都不在，轮到 {end}",
        "en": "{start} and all deputies are away: {end} is next",
    },
    "holds": {"zh-CN": "{end} 在 {start} 负责部门 {department}", "en": "{end} holds {department} at {start}"},
    "first": {
        "zh-CN": "{start} 有多人负责部门 {department}，取第一位 {end}",
        "en": "several hold {department} at {start}: the first one, {end}",
    },
    "deputy": {
        "zh-CN": "{start} 自 {first} 至 {last} 不在，由 {end} 代理",
        "en": "{start} is away from {first} to {last}: {end} stands in",
    },
    "full": {
        "zh-CN": "{start} 已有 {open} 件未了结（上限 {most}），轮到 {end}",
        "en": "{start} has {open} open tickets, the most is {most}: {end} is next",
    },
    "all_full": {
        "zh-CN": "各级在岗的人都已满，仍归 {end}",
        "en": "everybody who is there has as many as may be: it stays with {end}",
    },
    "kept": {
        "zh-CN": "各级都没有人在，仍归 {end}",
        "en": "nobody is there at any level: it stays with {end}",
    },
    "superior": {"zh-CN": "{end} 是 {start} 的上级", "en": "{end} is the superior of {start}"},
}


@dataclass(frozen=True)
class Organisation:
    """One version of a workspace's organisation. ``triage``: the department of what no other is answerable for.

    ``most_open``: open tickets of one person before the next in line gets them, None for any number.
    """

    version: int = 0
    time_zone: str = DEFAULT_ZONE
    calendar: str = DEFAULT_COUNTRY
    hours: Hours = OFFICE
    triage: str | None = None
    units: tuple[Unit, ...] = ()
    departments: tuple[Department, ...] = ()
    people: tuple[Person, ...] = ()
    most_open: int | None = None

    @cached_property
    def by_unit(self) -> Mapping[str, Unit]:
        return {one.id: one for one in self.units}

    @cached_property
    def by_person(self) -> Mapping[str, Person]:
        return {one.id: one for one in self.people}

    @cached_property
    def holders(self) -> Mapping[Post, tuple[str, ...]]:
        """Who holds a post, in the order of the document."""
        found: dict[Post, tuple[str, ...]] = {}
        for person in self.people:
            for post in person.posts:
                found[post] = (*found.get(post, ()), person.id)
        return found

    @cached_property
    def named_departments(self) -> frozenset[str]:
        """Every department that the document names."""
        triage = () if self.triage is None else (self.triage,)
        return frozenset((*triage, *(one.id for one in self.departments), *(post.department for post in self.holders)))

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def knows(self, person: str) -> bool:
        """Whether somebody works here; where there is no organisation, any name will do."""
        return not self.version or person in self.by_person

    # --- units ----------------------------------------------------------------------------------------------------

    def parent(self, unit: str) -> str | None:
        """The known unit above, None at the top."""
        known = self.by_unit.get(unit)
        if known is not None and known.parent is not None:
            return known.parent
        while SEPARATOR in unit:
            unit = unit.rpartition(SEPARATOR)[0]
            if unit in self.by_unit:
                return unit
        return None

    def has_place_for(self, unit: str) -> bool:
        """Whether a unit is known, or lies above or below a known one by its name."""
        return (
            unit in self.by_unit
            or self.parent(unit) is not None
            or any(known.startswith(unit + SEPARATOR) for known in self.by_unit)
        )

    def line(self, unit: str | None) -> Iterator[str]:
        """A unit, the known ones above it, and EVERYWHERE. A circle, which no check lets in, is walked once."""
        seen: set[str] = set()
        while unit is not None and unit not in seen and unit != EVERYWHERE:
            seen.add(unit)
            yield unit
            unit = self.parent(unit)
        yield EVERYWHERE

    def business_time(self, unit: str | None, calendar: Mapping[str, Calendar]) -> BusinessTime:
        """When a unit works. ``calendar``: country → calendar; a country that is missing there has no holidays."""
        line = [self.by_unit[one] for one in self.line(unit) if one in self.by_unit]
        zone = next((one.time_zone for one in line if one.time_zone), self.time_zone)
        country = next((one.calendar for one in line if one.calendar), self.calendar)
        hours = next((one.hours for one in line if one.hours), self.hours)
        days: dict[date, Shifts] = {}
        for one in reversed(line):
            days.update(one.days)
        return BusinessTime(ZoneInfo(zone), hours, calendar.get(country), days)

    def countries(self) -> frozenset[str]:
        """The countries whose calendars are needed."""
        named = {self.calendar, *(one.calendar for one in self.units if one.calendar)}
        return frozenset(named - {NO_CALENDAR})

    # --- people ---------------------------------------------------------------------------------------------------

    def way(
        self,
        departments: Sequence[str],
        unit: str | None,
        at: datetime,
        *,
        edges: Sequence[Edge] = (),
        load: Load | None = None,
    ) -> Way:
        """Who is answerable at ``unit`` for the first of ``departments``; for none of them, triage.

        ``edges`` is how the department was found, and is part of the way. ``load``: who has as many open tickets as
        may be is passed over; it is asked for those alone who have a limit. Without it, nobody is.
        """
        gone = list(edges)
        department = departments[0] if departments else None
        if department is None:
            if self.triage is None:
                return Way(None, None, tuple(gone))
            department = self.triage
            gone.append(Edge(unit or EVERYWHERE, department, "triage"))
        owner = self._owner(department, unit, at, gone, load=load)
        if owner is None and self.triage is not None and self.triage != department:
            gone.append(Edge(department, self.triage, "unstaffed"))
            department = self.triage
            owner = self._owner(department, unit, at, gone, load=load)
        return Way(owner, department, tuple(gone))

    def above(self, person: str, department: str | None, unit: str | None, at: datetime) -> Way:
        """Who is next in line above somebody: the superior that is named, else who holds the department further up."""
        known = self.by_person.get(person)
        if known is not None and known.superior is not None:
            edges = [Edge(person, known.superior, "superior")]
            present = self._present(known.superior, at, edges, {person})
            if present is not None:
                return Way(present, department, tuple(edges))
        edges = []
        owner = self._owner(department, unit, at, edges, without=person) if department is not None else None
        return Way(owner, department, tuple(edges))

    def _owner(
        self,
        department: str,
        unit: str | None,
        at: datetime,
        edges: list[Edge],
        *,
        without: str | None = None,
        load: Load | None = None,
    ) -> str | None:
        """The first level up from ``unit`` at which somebody is there who has room for one more; else the nearest who
        is there, and last the nearest holder keeps it.
        """
        kept: tuple[str, str] | None = None
        busy: tuple[str, str] | None = None
        for level in self.line(unit):
            held = [one for one in self.holders.get(Post(level, department), ()) if one != without]
            if not held:
                edges.append(self._on(level, department))
                continue
            reason = "holds" if len(held) == 1 else "first"
            edges.append(Edge(level, held[0], reason, {"department": department}))
            kept = kept or (level, held[0])
            for place, one in enumerate(held, start=1):
                present = self._present(one, at, edges, set() if without is None else {without})
                if present is None:
                    if place < len(held):
                        edges.append(Edge(one, held[place], "absent"))
                    elif level != EVERYWHERE:
                        edges.append(Edge(level, self._next(level), "away"))
                    continue
                given = self._full(present, load)
                if given is None:
                    return present
                busy = busy or (level, present)
                if place < len(held) or level != EVERYWHERE:
                    following = held[place] if place < len(held) else self._next(level)
                    edges.append(Edge(present, following, "full", given))
        if busy is not None:
            edges.append(Edge(*busy, "all_full"))
            return busy[1]
        if kept is None:
            return None
        edges.append(Edge(*kept, "kept"))
        return kept[1]

    def _full(self, person: str, load: Load | None) -> Mapping[str, str] | None:
        """What says that somebody has as many open tickets as may be; None while there is room."""
        known = self.by_person.get(person)
        most = (known.most_open if known else None) or self.most_open
        if load is None or most is None:
            return None
        has = load(person)
        return {"open": str(has), "most": str(most)} if has >= most else None

    def _on(self, level: str, department: str) -> Edge:
        """The step up from a level that has nobody; at the top there is none."""
        if level == EVERYWHERE:
            return Edge(level, level, "nowhere", {"department": department})
        reason = "nobody" if level in self.by_unit else "unknown_unit"
        return Edge(level, self._next(level), reason, {"department": department})

    def _next(self, level: str) -> str:
        return self.parent(level) or EVERYWHERE

    def _present(self, person: str, at: datetime, edges: list[Edge], asked: set[str]) -> str | None:
        """Somebody who is there: the person, else the first deputy who is, or whose own deputies are."""
        known = self.by_person.get(person)
        if known is None or person in asked or len(asked) >= MOST_ASKED:
            return None
        asked.add(person)
        absence = known.absence(at.astimezone(self.zone).date())
        if absence is None:
            return person
        dates = {"first": absence.first.isoformat(), "last": absence.last.isoformat()}
        for deputy in known.deputies:
            tried = [Edge(person, deputy, "deputy", dates)]
            present = self._present(deputy, at, tried, asked)
            if present is not None:
                edges.extend(tried)
                return present
        return None


@dataclass(frozen=True, slots=True)
class Kept:
    """One line of the history: who handed in which version, and how much stood in it."""

    version: int
    at: datetime
    by: str  # id of the key
    units: int
    people: int


def said(edge: Edge, lang: str) -> str:
    """Why a step was taken, for people."""
    start, end = (_WHOLE[lang] if one == EVERYWHERE else one for one in (edge.start, edge.end))
    return REASONS[edge.reason][lang].format(**{**edge.given, "start": start, "end": end})
