"""People work on issues through the API: define, move, promote, merge, decide; each against the version they saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib.domain.ids import random_id
from chalicelib.domain.issues.issue import (
    MOST_EVIDENCE,
    MOST_WORDS,
    Decision,
    Evidence,
    Issue,
    IssueMove,
    IssueStep,
    Scope,
    changed,
    merged,
    moved,
    opened,
    promoted,
    require_authority,
    require_leave,
    split,
    way_to,
)
from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.errors import Conflict, Invalid
from chalicelib.services.cases.move_ticket import colleagues_words
from chalicelib.services.ports import Clock, IssueStore

PEOPLE: Final = ("owner", "analyst", "executive")
_WORDS: Final = ("title", "definition", "plan")
_NEED_A_REASON: Final = frozenset({"declined", "closed", "reopened"})


class IssueShelf(IssueStore, Protocol):
    def moves(self, workspace: str, issue_id: str) -> Sequence[IssueMove]: ...

    def page(
        self,
        workspace: str,
        *,
        state: str | None = None,
        level: str | None = None,
        owner: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[Sequence[Issue], str | None]: ...


class Office(Protocol):
    def person_of(self, workspace: str, key: str) -> str | None:
        """Who works with an API key; None where the organisation does not say."""

    def organisation(self, workspace: str) -> Organisation: ...


class Levels(Protocol):
    def bring_to_level(self, issue: Issue) -> None:
        """Have the issue's tickets brought to its level."""


@dataclass(frozen=True, slots=True)
class ManageIssues:
    """All raise NotFound and Conflict (``version_conflict``), and what domain/issues/issue.py says of the change.

    ``actor`` is the id of an API key. Where there is an organisation, people are those that it knows. ``admin``: the
    key is an admin's, who says who has which authority, and so may take an issue out of anybody's; to accept one takes
    a person who has it.
    """

    store: IssueShelf
    levels: Levels
    office: Office
    clock: Clock

    # --- reading ------------------------------------------------------------------------------------------------

    def get(self, workspace: str, issue_id: str) -> Issue:
        found = self.store.get(workspace, issue_id)
        if found is None:
            raise nowhere()
        return found

    def history(self, issue: Issue) -> Sequence[IssueMove]:
        """Every version's line, oldest first."""
        return self.store.moves(issue.workspace, issue.id)

    def page(self, workspace: str, **asked: Any) -> tuple[Sequence[Issue], str | None]:
        """One page, last opened first. A page may be short, or empty, and still have a cursor."""
        return self.store.page(workspace, **asked)

    # --- facts --------------------------------------------------------------------------------------------------

    def create(self, workspace: str, given: Mapping[str, Any], *, level: str, actor: str) -> Issue:
        """A new issue in triage. ``given`` as ``change``. Raises Invalid (``unknown_person``, ``words_missing``)."""
        now = self.clock()
        blank = Issue(workspace, random_id("is"), 1, "triage", level, "", opened_at=now, updated_at=now, first_seen=now)
        issue = self._with(blank, given, actor, now)
        if not self.store.create(opened(issue, actor=actor)):
            raise Conflict("There is such an issue already.")
        return issue

    def change(
        self,
        workspace: str,
        issue_id: str,
        given: Mapping[str, Any],
        *,
        version: int,
        actor: str,
        admin: bool = False,
    ) -> Issue:
        """The issue with other facts: fields of Issue by name, null taking one back. ``scope`` holds what changes of
        it; ``evidence`` is added to what there is. Raises Forbidden (``no_authority``), Invalid (``unknown_person``,
        ``words_missing``).
        """
        issue, now = self._seen(workspace, issue_id, version), self.clock()
        newer = self._with(issue, given, actor, now)
        self._leave(issue, newer, actor, admin=admin)
        step = changed(issue, newer, actor=actor, at=now)
        return self._written(step) if step is not None else issue

    def _with(self, issue: Issue, given: Mapping[str, Any], actor: str, at: datetime) -> Issue:
        facts = dict(given)
        facts.update({name: colleagues_words(facts[name]) for name in _WORDS if name in facts})
        if not facts.get("title", issue.title):
            raise Invalid("An issue needs a title.", code="words_missing", pointer="/title")
        self._known(issue.workspace, facts)
        if "scope" in facts:
            facts["scope"] = replace(issue.scope, **_scope(facts["scope"] or {}))
        if "evidence" in facts:
            facts["evidence"] = (*issue.evidence, *(_evidence(one, actor, at) for one in facts["evidence"] or ()))
            words = sum(len(one.text or "") + len(one.link or "") for one in facts["evidence"])
            if len(facts["evidence"]) > MOST_EVIDENCE or words > MOST_WORDS:
                raise Conflict("There is too much evidence on this issue.", code="too_many")
        return replace(issue, **facts)

    def _known(self, workspace: str, facts: Mapping[str, Any]) -> None:
        """Raises Invalid (``unknown_person``) for somebody whom the organisation does not know."""
        one = self.office.organisation(workspace)
        for name in PEOPLE:
            if one.version and facts.get(name) is not None and facts[name] not in one.by_person:
                raise Invalid("The organisation has no such person.", code="unknown_person", pointer=f"/{name}")

    # --- moves --------------------------------------------------------------------------------------------------

    def move(
        self, workspace: str, issue_id: str, *, to: str, version: int, actor: str, reason: str | None = None
    ) -> Issue:
        """One legal move. Raises Forbidden (``no_authority``), Invalid: ``no_reason`` where an issue is settled or
        taken up again without one, ``date_missing`` where it is declared fixed, ``merge_by_name``.
        """
        issue, said = self._seen(workspace, issue_id, version), colleagues_words(reason)
        if to == "fixed":
            raise Invalid("An issue is declared fixed with the date of it.", code="date_missing", pointer="/to")
        if to == "merged" or issue.state == "merged":
            raise _by_name("/to")
        if to in _NEED_A_REASON and said is None:
            raise Invalid("This move needs a reason.", code="no_reason", pointer="/reason")
        return self._walked(issue, (to,), actor, said)

    def decide(self, workspace: str, issue_id: str, choice: str, *, version: int, actor: str, reason: str) -> Issue:
        """``act``, ``study`` or ``decline``, with the reason; the issue goes where that leads. Raises as ``move``."""
        issue, said = self._seen(workspace, issue_id, version), colleagues_words(reason)
        if said is None:
            raise Invalid("A decision needs a reason.", code="no_reason", pointer="/reason")
        if issue.state == "merged":  # else it would be by itself again, and still one of the other's
            raise _by_name("/decision")
        now = self.clock()
        decided = replace(issue, decision=Decision(choice, actor, now, said))
        way = way_to(issue, choice)
        if way:
            return self._walked(decided, way, actor, said)
        step = changed(issue, decided, actor=actor, at=now, reason=said)
        return self._written(step) if step is not None else issue

    def promote(
        self, workspace: str, issue_id: str, level: str, *, version: int, actor: str, reason: str, admin: bool = False
    ) -> Issue:
        """The issue on another level, and its tickets with it. Raises Forbidden (``no_authority``), Invalid
        (``no_reason``).
        """
        issue, said = self._seen(workspace, issue_id, version), colleagues_words(reason)
        if said is None:
            raise Invalid("Another level needs a reason.", code="no_reason", pointer="/reason")
        step = promoted(issue, level, actor=actor, at=self.clock(), reason=said)
        self._leave(issue, step.issue, actor, admin=admin)
        self.levels.bring_to_level(issue)  # a minute from now, by the level of then: a crash here leaves nothing out
        return self._written(step)

    def _walked(self, issue: Issue, way: Sequence[str], actor: str, reason: str | None) -> Issue:
        """Through all of ``way`` or not at all; who accepts it has it where nobody has."""
        now = self.clock()
        moves: list[IssueMove] = []
        person, processes = self._acting(issue.workspace, actor)
        for number, to in enumerate(way, start=1):
            require_authority(issue, to, processes)
            if to == "accepted" and issue.owner is None:
                issue = replace(issue, owner=person or actor)
            step = moved(issue, to, actor=actor, at=now, reason=reason, implied=number < len(way))
            issue = step.issue
            moves += step.moves
        return self._written(IssueStep(issue, tuple(moves)))

    def _leave(self, issue: Issue, newer: Issue, actor: str, *, admin: bool) -> None:
        """Raises Forbidden (``no_authority``), see ``require_leave``."""
        if not admin:
            require_leave(issue, newer, self._acting(issue.workspace, actor)[1])

    def _acting(self, workspace: str, actor: str) -> tuple[str | None, tuple[str, ...]]:
        """Who works with the key, and which processes they may change."""
        person = self.office.person_of(workspace, actor)
        known = self.office.organisation(workspace).by_person.get(person or "")
        return person, known.authority if known else ()

    # --- two issues that are one --------------------------------------------------------------------------------

    def merge(
        self,
        workspace: str,
        issue_id: str,
        into: str,
        *,
        version: int,
        actor: str,
        reason: str | None = None,
        admin: bool = False,
    ) -> Issue:
        """The issue as part of another one. Raises Forbidden (``no_authority``), Conflict (``merges_itself``,
        ``illegal_move``, ``too_many``).
        """
        issue, other = self._seen(workspace, issue_id, version), self.get(workspace, into)
        gone, fuller = merged(issue, other, actor=actor, at=self.clock(), reason=colleagues_words(reason))
        self._leave(issue, other, actor, admin=admin)
        return self._written(gone, fuller)

    def split(self, workspace: str, issue_id: str, *, version: int, actor: str, reason: str | None = None) -> Issue:
        """A merged issue by itself again. Raises Conflict (``not_merged``)."""
        issue = self._seen(workspace, issue_id, version)
        if issue.merged_into is None:
            raise Conflict("This issue is not merged into another.", code="not_merged")
        former = self.get(workspace, issue.merged_into)
        back, lighter = split(issue, former, actor=actor, at=self.clock(), reason=colleagues_words(reason))
        return self._written(back, lighter)

    # --- versions -----------------------------------------------------------------------------------------------

    def _seen(self, workspace: str, issue_id: str, version: int) -> Issue:
        issue = self.get(workspace, issue_id)
        if issue.version != version:
            raise _version_conflict()
        return issue

    def _written(self, *steps: IssueStep) -> Issue:
        if not self.store.update(*steps):
            raise _version_conflict()
        return steps[0].issue


def _by_name(pointer: str) -> Invalid:
    return Invalid("Issues are merged and split by name.", code="merge_by_name", pointer=pointer)


def _version_conflict() -> Conflict:
    return Conflict("The issue is at another version by now.", code="version_conflict", pointer="/version")


def _scope(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given of a scope; null is everywhere."""
    blank = Scope()
    names = {one.name for one in fields(Scope)}
    told = {name: getattr(blank, name) if value is None else value for name, value in given.items() if name in names}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


def _evidence(given: Mapping[str, Any], by: str, at: datetime) -> Evidence:
    text, link = colleagues_words(given.get("text")), given.get("link")
    if text is None and link is None:
        raise Invalid("Evidence is words or a link.", code="words_missing", pointer="/evidence")
    return Evidence(by, at, text, link)
