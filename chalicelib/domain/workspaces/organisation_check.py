"""What is wrong with an organisation, and the proof that every topic has one owner in every unit. Pure.

BROKEN codes make a document that cannot be followed; it is refused. The others are accepted and listed: an import
with gaps is how an organisation begins, and its ``error`` findings are what is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from chalicelib.domain.workspaces.organisation import EVERYWHERE, MOST_ASKED, Absence, Organisation, Person, Post

BROKEN: Final = ("unit_cycle", "unknown_parent", "unknown_unit", "unknown_person")
ERRORS: Final = (*BROKEN, "unknown_department", "no_triage", "gap", "double", "superior_loop", "left_behind")

SAYINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "unit_cycle": {"zh-CN": "上级关系成环", "en": "the units above this one lead back to it"},
    "unknown_parent": {"zh-CN": "上级门店不存在", "en": "the parent is no unit of this organisation"},
    "unknown_unit": {"zh-CN": "岗位所在的门店不存在", "en": "a post is at a unit that there is not"},
    "unknown_person": {"zh-CN": "代理人或上级不存在", "en": "a deputy or superior is nobody of this organisation"},
    "unknown_department": {
        "zh-CN": "组织、码框和规则都没有这个部门",
        "en": "neither the organisation nor the code frame nor a rule knows this department",
    },
    "no_triage": {"zh-CN": "没有指定分诊部门", "en": "no department is named for triage"},
    "gap": {"zh-CN": "没有负责人", "en": "nobody is answerable"},
    "double": {
        "zh-CN": "同一岗位有多名负责人：都归第一位，除非其不在或已满",
        "en": "several people hold one post: the first one gets all, unless away or full",
    },
    "unstaffed": {"zh-CN": "部门没有人，全部转分诊", "en": "nobody holds the department: triage gets it"},
    "no_channel": {"zh-CN": "没有联系方式", "en": "there is no way to reach this person"},
    "deputy_loop": {"zh-CN": "代理关系成环", "en": "the deputies lead back to this person"},
    "superior_loop": {"zh-CN": "上级关系成环", "en": "the superiors lead back to this person"},
    "left_behind": {
        "zh-CN": "已不在组织中，但还有未了结的工单或系统性问题，且无人可接",
        "en": "is not in the organisation any more and has open tickets or issues, for which there is nobody",
    },
    "absence_uncovered": {"zh-CN": "缺勤期间没有代理人在岗", "en": "no deputy is there for all of this absence"},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a workspace asks its organisation for. ``others``: departments of red lines and of rules."""

    topics: Mapping[str, str]  # topic → department
    others: frozenset[str] = frozenset()
    frame: str = ""  # the version that says so

    @property
    def departments(self) -> frozenset[str]:
        """All that are asked for."""
        return self.others | frozenset(self.topics.values())


@dataclass(frozen=True, slots=True)
class Finding:
    """``place`` is where it stands in the document: the names on the way to it."""

    code: str
    place: tuple[str, ...]
    unit: str | None = None
    department: str | None = None
    person: str | None = None
    topics: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.code in ERRORS


@dataclass(frozen=True, slots=True)
class Checked:
    """``pairs`` of a unit and a topic were looked at, ``proved`` of them have exactly one owner."""

    findings: tuple[Finding, ...]
    pairs: int
    proved: int

    @property
    def is_sound(self) -> bool:
        return not any(one.is_error for one in self.findings)


def broken(one: Organisation) -> Iterator[Finding]:
    """What makes a document impossible to follow."""
    circles = _circles(one.by_unit, one.parent)
    for unit in one.units:
        if unit.parent is not None and unit.parent not in one.by_unit:
            yield Finding("unknown_parent", ("units", unit.id, "parent"), unit=unit.id)
        elif unit.id in circles:
            yield Finding("unit_cycle", ("units", unit.id, "parent"), unit=unit.id)
    for person in one.people:
        for post in person.posts:
            if post.unit != EVERYWHERE and post.unit not in one.by_unit:
                yield Finding("unknown_unit", _in(person, "posts"), unit=post.unit, person=person.id)
        if any(deputy not in one.by_person for deputy in person.deputies):
            yield Finding("unknown_person", _in(person, "deputies"), person=person.id)
        if person.superior is not None and person.superior not in one.by_person:
            yield Finding("unknown_person", _in(person, "superior"), person=person.id)


def check(one: Organisation, asked: Asked, now: datetime) -> Checked:
    """Everything that is wrong, worst first, and how much is proved. Past absences are nobody's trouble."""
    wrong = list(broken(one))
    if wrong:
        return Checked(tuple(wrong), 0, 0)
    topics: dict[str, tuple[str, ...]] = {}
    for topic, department in asked.topics.items():
        topics[department] = (*topics.get(department, ()), topic)
    for department in sorted(asked.others - set(topics)):
        topics[department] = ()
    owners = _Owners(one, topics)
    today = now.astimezone(one.zone).date()
    found = [*_departments(one, asked), *owners.findings(), *_people(one, today)]
    found.sort(key=lambda finding: not finding.is_error)
    return Checked(tuple(found), owners.pairs, owners.proved)


class _Owners:
    """Every department at every unit, and in the workspace for what names no unit."""

    def __init__(self, one: Organisation, topics: Mapping[str, Sequence[str]]) -> None:
        self._one = one
        self._topics = topics
        self._known: dict[Post, tuple[str, ...]] = {}
        self.pairs = 0
        self.proved = 0

    def findings(self) -> Iterator[Finding]:
        yield from self._doubles()
        for unit in (*self._one.by_unit, EVERYWHERE):
            for department, topics in self._topics.items():
                held, by_triage = self._held(Post(unit, department))
                self.pairs += len(topics)
                self.proved += len(topics) * (len(held) == 1)
                if held and not by_triage:
                    continue
                place = () if unit == EVERYWHERE else ("units", unit)
                if not held:
                    yield Finding("gap", place, unit=unit, department=department, topics=tuple(topics))
                elif unit == EVERYWHERE and not any(post.department == department for post in self._one.holders):
                    yield Finding("unstaffed", place, department=department, topics=tuple(topics))

    def _doubles(self) -> Iterator[Finding]:
        for post, people in self._one.holders.items():
            for person in people[1:]:
                yield Finding(
                    "double",
                    ("people", person, "posts"),
                    unit=post.unit,
                    department=post.department,
                    person=person,
                    topics=tuple(self._topics.get(post.department, ())),
                )

    def _held(self, post: Post) -> tuple[tuple[str, ...], bool]:
        """Who holds it at the first level that has somebody; and whether that is triage."""
        held = self._nearest(post)
        if held or self._one.triage is None:
            return held, False
        return self._nearest(Post(post.unit, self._one.triage)), True

    def _nearest(self, post: Post) -> tuple[str, ...]:
        """Remembered for every level on the way, without a recursion: a tree may be as deep as it is large."""
        way: list[Post] = []
        while post not in self._known:
            way.append(post)
            if self._one.holders.get(post) or post.unit == EVERYWHERE:
                self._known[post] = self._one.holders.get(post, ())
                break
            post = Post(self._one.parent(post.unit) or EVERYWHERE, post.department)
        found = self._known[post]
        self._known.update(dict.fromkeys(way, found))
        return found


def _departments(one: Organisation, asked: Asked) -> Iterator[Finding]:
    known = {department.id for department in one.departments} | asked.departments
    if one.triage is None:
        yield Finding("no_triage", ())
    elif one.triage not in known:
        yield Finding("unknown_department", ("triage",), department=one.triage)
    for person in one.people:
        for department in dict.fromkeys(post.department for post in person.posts):
            if department not in known:
                yield Finding("unknown_department", _in(person, "posts"), department=department, person=person.id)


def _people(one: Organisation, today: date) -> Iterator[Finding]:
    circles = _circles(one.by_person, lambda name: one.by_person[name].superior)
    for person in one.people:
        if not person.channels:
            yield Finding("no_channel", _in(person), person=person.id)
        asked = _stand_ins(one, person)
        if person in asked:
            yield Finding("deputy_loop", _in(person, "deputies"), person=person.id)
        if person.id in circles:
            yield Finding("superior_loop", _in(person, "superior"), person=person.id)
        if person.posts and any(_is_uncovered(absence, asked, today) for absence in person.absences):
            yield Finding("absence_uncovered", _in(person, "absent"), person=person.id)


def _stand_ins(one: Organisation, person: Person) -> tuple[Person, ...]:
    """Who would be asked in the place of somebody, as far as anybody is: deputies, and theirs. Where they lead back,
    the person is among them, which is harmless while one of the others is there."""
    seen: dict[str, Person] = {}
    waiting = list(person.deputies)
    while waiting and len(seen) < MOST_ASKED:
        deputy = one.by_person[waiting.pop()]
        if deputy.id not in seen:
            seen[deputy.id] = deputy
            waiting.extend(deputy.deputies)
    return tuple(seen.values())


def _is_uncovered(absence: Absence, asked: Sequence[Person], today: date) -> bool:
    """Whether from today on some day of it has nobody there. The first such day is the first of all, or the first of
    an absence of somebody who is asked: no other day has to be looked at, however long the absence is."""
    since = max(absence.first, today)
    if since > absence.last:
        return False
    theirs = (other.first for person in asked for other in person.absences)
    days = {since, *(day for day in theirs if since < day <= absence.last)}
    return any(all(person.absence(day) for person in asked) for day in days)


def _circles(names: Iterable[str], above: Callable[[str], str | None]) -> frozenset[str]:
    """The names whose way up comes back to them; each is looked at once."""
    done: set[str] = set()
    found: set[str] = set()
    for name in names:
        way: dict[str, None] = {}
        step: str | None = name
        while step is not None and step not in done and step not in way:
            way[step] = None
            step = above(step)
        if step is not None and step in way:
            steps = list(way)
            found.update(steps[steps.index(step) :])
        done.update(way)
    return frozenset(found)


def _in(person: Person, *member: str) -> tuple[str, ...]:
    return ("people", person.id, *member)
