"""Routing rules of a workspace: read what is in force, replace one, take one back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.domain.workspaces.access import nowhere
from chalicelib.domain.workspaces.limits import MAX_RULES, room_for_one_more
from chalicelib.domain.workspaces.rules import BUILTIN, Rule, validate
from chalicelib.services.workspaces.known_names import KnownNames


class RuleStore(Protocol):
    def own_rules(self, workspace: str) -> Sequence[Rule]: ...

    def put_rule(self, workspace: str, rule: Rule, *, above: int = 0) -> Rule: ...

    def delete_rule(self, workspace: str, name: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class ManageRules:
    store: RuleStore
    names: KnownNames

    def list(self, workspace: str) -> Sequence[Rule]:
        """The workspace's own rules and the built-in ones that they do not replace, disabled ones included."""
        overlaid = {rule.name: rule for rule in (*BUILTIN, *self.store.own_rules(workspace))}
        return [overlaid[name] for name in sorted(overlaid)]

    def put(self, workspace: str, name: str, body: Mapping[str, Any]) -> Rule:
        """Write the rule's next version and return it.

        Raises Invalid (``rule_invalid``, ``unknown_topic``, ``unknown_department``), Conflict (``too_many``).
        """
        rule = validate(name, body)
        own = self.store.own_rules(workspace)
        self.names.check_rule(workspace, rule, next((one for one in own if one.name == name), None))
        others = [one for one in own if one.name != name]
        room_for_one_more(len(others), MAX_RULES)
        # A replaced built-in goes on counting, or its reasons would seem to be of an older rule.
        above = next((builtin.version for builtin in BUILTIN if builtin.name == name), 0)
        return self.store.put_rule(workspace, rule, above=above)

    def delete(self, workspace: str, name: str) -> None:
        """A built-in rule that was replaced is in force again. Raises NotFound."""
        if not self.store.delete_rule(workspace, name):
            raise nowhere()
