"""A workspace's organisation: taken in whole or as a table, shown, checked, asked who is answerable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.organisation import Edge, Kept, Organisation, Person, Unit, Way
from chalicelib.domain.workspaces.organisation_check import SAYINGS, Asked, Checked, Finding, broken, check
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.ports import Clock
from chalicelib.services.workspaces.organisation_file import INVALID, Document

MOST_FINDINGS: Final = 500  # shown of one check
MOST_COUNTED: Final = 20  # people whose open tickets are counted while somebody waits


class Organisations(Protocol):
    def version(self, workspace: str) -> int:
        """The version in force; 0 where there is none."""

    def get(self, workspace: str, version: int) -> Organisation | None:
        """One version, without anybody's channels."""

    def channels(self, workspace: str) -> Mapping[str, Mapping[str, str]]:
        """Person → how to reach them, of the version in force."""

    def put(self, workspace: str, one: Organisation, *, by: str, at: datetime) -> bool:
        """Bring ``one`` into force after the version before it; False when that is not the one in force any more.

        Raises TooLarge.
        """

    def history(self, workspace: str, *, limit: int, cursor: str | None) -> tuple[Sequence[Kept], str | None]:
        """One page, newest first."""

    def leavers(self, workspace: str) -> Sequence[str]:
        """Whose open tickets or issues had nobody to go to when they were last looked at."""


@dataclass(frozen=True, slots=True)
class Answerable:
    """Who is answerable, and who is next in line above; ``organisation`` is the version that says so."""

    way: Way
    superior: Way
    at: datetime
    organisation: int


def sound(document: Document) -> None:
    """Raises Invalid (``organisation_invalid``) for a document that contradicts itself."""
    for finding in broken(document.organisation):
        line = document.line(finding.place)
        where = f"Line {line}: " if line is not None else ""
        saying = SAYINGS[finding.code]["en"]
        raise Invalid(where + saying + ".", code=INVALID, pointer=f"/{finding.place[0]}")


@dataclass(frozen=True, slots=True)
class ManageOrganisation:
    """``asked``: what the workspace's code frame and rules ask an organisation for. ``countries`` have calendars."""

    store: Organisations
    asked: Callable[[str], Asked]
    countries: Callable[[], Collection[str]]
    clock: Clock
    load: Callable[[str, str], int] = lambda _workspace, _person: 0  # open tickets of a person
    has_issues: Callable[[str, str], bool] = lambda _workspace, _person: False  # one of which is to be worked on

    def is_country(self, code: str) -> bool:
        """Whether there is a calendar of it."""
        return code in self.countries()

    # --- the document ---------------------------------------------------------------------------------------------

    def get(self, workspace: str, version: int | None = None, *, channels: bool) -> Organisation:
        """The version in force, or an older one, which has nobody's channels any more. Raises NotFound."""
        current = self.store.version(workspace)
        found = self.store.get(workspace, current if version is None else version)
        if found is None:
            raise nowhere()
        return self._reachable(workspace, found) if channels and found.version == current else found

    def put(self, workspace: str, document: Document, *, by: str) -> Organisation:
        """Bring a document into force in the place of the version that it names; 0 where there was none.

        Raises Conflict (``version_conflict``), Invalid (``organisation_invalid``), TooLarge.
        """
        one = document.organisation
        sound(document)
        before = self._before(workspace, one.version)
        if replace(before, version=one.version) == one and before.version:
            return one
        after = replace(one, version=before.version + 1)
        if not self.store.put(workspace, after, by=by, at=self.clock()):
            raise _conflict()
        return after

    def put_units(self, workspace: str, version: int, units: tuple[Unit, ...], *, by: str) -> Organisation:
        """Replace the units of a version. Raises as ``put``."""
        before = self._before(workspace, version)
        return self.put(workspace, Document(replace(before, units=units)), by=by)

    def put_people(self, workspace: str, version: int, people: tuple[Person, ...], *, by: str) -> Organisation:
        """Replace the people of a version. Raises as ``put``."""
        before = self._before(workspace, version)
        return self.put(workspace, Document(replace(before, people=people)), by=by)

    def history(self, workspace: str, *, limit: int, cursor: str | None) -> tuple[Sequence[Kept], str | None]:
        """One page, newest first. Raises Invalid (``invalid_cursor``)."""
        return self.store.history(workspace, limit=limit, cursor=cursor)

    def _before(self, workspace: str, version: int) -> Organisation:
        current = self.store.version(workspace)
        if version != current:
            raise _conflict()
        found = self.store.get(workspace, current) if current else None
        return Organisation() if found is None else self._reachable(workspace, found)

    def _reachable(self, workspace: str, one: Organisation) -> Organisation:
        """With the channels of its people."""
        channels = self.store.channels(workspace)
        return replace(
            one, people=tuple(replace(person, channels=channels.get(person.id, {})) for person in one.people)
        )

    # --- questions ------------------------------------------------------------------------------------------------

    def check(self, workspace: str, document: Document | None) -> Checked:
        """What is wrong with a document, or with the version in force. Raises NotFound when there is neither."""
        one = self.get(workspace, channels=True) if document is None else document.organisation
        return self.check_one(workspace, one)

    def check_one(self, workspace: str, one: Organisation) -> Checked:
        """What is wrong with one that is at hand, with its channels, and who left tickets or issues to nobody."""
        found = check(one, self.asked(workspace), self.clock())
        gone = (person for person in self.store.leavers(workspace) if person not in one.by_person)
        behind = (person for person in gone if self.load(workspace, person) or self.has_issues(workspace, person))
        left = (Finding("left_behind", (), person=person) for person in behind)
        return replace(found, findings=(*left, *found.findings))

    def leaving(self, workspace: str, made: Organisation) -> int | None:
        """Open tickets of those who were in the version before ``made``; None where too many are gone to count."""
        before = self.store.get(workspace, made.version - 1) or Organisation()
        gone = before.by_person.keys() - made.by_person.keys()
        return sum(self.load(workspace, one) for one in gone) if len(gone) <= MOST_COUNTED else None

    def owner(
        self, workspace: str, topic: str | None, department: str | None, unit: str | None, at: datetime | None
    ) -> Answerable:
        """Who is answerable for a topic, or for a department, at a unit and a moment, and how that was found.

        Raises NotFound without an organisation, Invalid (``unknown_topic``).
        """
        one = self.get(workspace, channels=False)
        at = at or self.clock()
        departments, edges = [department] if department else [], []
        if topic is not None:
            asked = self.asked(workspace)
            if topic not in asked.topics:
                raise Invalid("The code frame has no such topic.", code="unknown_topic", pointer="/topic")
            departments = [asked.topics[topic]]
            edges = [Edge(topic, departments[0], "topic", {"frame": asked.frame})]
        elif department is not None:
            edges = [Edge(department, department, "asked")]
        way = one.way(departments, unit, at, edges=edges, load=partial(self.load, workspace))
        above = one.above(way.owner, way.department, unit, at) if way.owner else Way(None, None, ())
        return Answerable(way, above, at, one.version)


def _conflict() -> Conflict:
    return Conflict("The organisation has another version by now.", code="version_conflict")
