"""What a workspace knows by name, so that a misspelt topic, department or unit is refused where it is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from chalicelib.domain.vocabulary import NO_UNIT
from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.domain.workspaces.organisation_check import Asked
from chalicelib.domain.workspaces.rules import Rule, topics_of
from chalicelib.errors import Invalid


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Checks take what is named by the pointer to where, and refuse the first that is not known.

    ``organisation`` gives the version in force, of version 0 where there is none; ``asked`` what the code frame, the
    rules and the causes name; ``coming`` the topics of proposed frames, asked only for what the frame lacks: a rule is
    written before the topic is in force, so that the proposal's printed effect is also the rule's. Where there is no
    organisation, any department and any unit will do.
    """

    organisation: Callable[[str], Organisation]
    asked: Callable[[str], Asked]
    coming: Callable[[str], Collection[str]] = lambda _: ()

    def departments(self, workspace: str) -> Collection[str] | None:
        """Those that the organisation, the frame and the rules name; None where any will do."""
        one = self.organisation(workspace)
        return one.named_departments | self.asked(workspace).departments if one.version else None

    def check_departments(self, workspace: str, named: Mapping[str, str]) -> None:
        """Raises Invalid (``unknown_department``) where neither organisation nor frame names it."""
        known = self.departments(workspace) if named else None
        for pointer, name in named.items():
            if known is not None and name not in known:
                raise Invalid("There is no such department.", code="unknown_department", pointer=pointer)

    def check_topics(self, workspace: str, named: Mapping[str, str]) -> None:
        """A topic of the frame, or one that topics of the frame lie below. Raises Invalid (``unknown_topic``)."""
        known = self.asked(workspace).topics if named else {}
        for pointer, name in named.items():
            if not _has(known, name) and not _has(self.coming(workspace), name):
                raise Invalid("The code frame has no such topic.", code="unknown_topic", pointer=pointer)

    def check_units(self, workspace: str, named: Mapping[str, str]) -> None:
        """A unit of the organisation, or one that is above or below such a unit by its name: a shop may be heard before
        it is entered. Where the organisation names no units, any will do. Raises Invalid (``unknown_unit``).
        """
        one = self.organisation(workspace) if named else None
        for pointer, name in named.items():
            if one is not None and one.by_unit and name != NO_UNIT and not one.has_place_for(name):
                raise Invalid("The organisation has no such unit.", code="unknown_unit", pointer=pointer)

    def check_rule(self, workspace: str, rule: Rule, before: Rule | None) -> None:
        """What a rule names. What it named before, it may go on naming: the frame may have changed since.

        Raises Invalid (``unknown_topic``, ``unknown_department``).
        """
        known = dict(topics_of(before.when)) if before else {}
        named = {f"/when{pointer}": topic for topic, pointer in topics_of(rule.when) if topic not in known}
        self.check_topics(workspace, named)
        if rule.department and (before is None or rule.department != before.department):
            self.check_departments(workspace, {"/department": rule.department})


def _has(topics: Collection[str], name: str) -> bool:
    return name in topics or any(one.startswith(f"{name}.") for one in topics)
