"""Organisations in memory, with the conditions of the real store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.domain.workspaces.organisation import Kept, Organisation
from chalicelib.storage import cursor as cursors


@dataclass
class FakeOrganisations:
    """``reads`` counts what was asked for; ``lose`` makes that many imports come too late."""

    versions: dict[tuple[str, int], Organisation] = field(default_factory=dict)
    lines: dict[str, list[Kept]] = field(default_factory=dict)
    reachable: dict[str, dict[str, Mapping[str, str]]] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    left: dict[str, set[str]] = field(default_factory=dict)
    lose: int = 0

    def version(self, workspace: str) -> int:
        self.reads.append("version")
        return len(self.lines.get(workspace, ()))

    def get(self, workspace: str, version: int) -> Organisation | None:
        self.reads.append("document")
        return self.versions.get((workspace, version))

    def channels(self, workspace: str) -> Mapping[str, Mapping[str, str]]:
        return self.reachable.get(workspace, {})

    def put(self, workspace: str, one: Organisation, *, by: str, at: datetime) -> bool:
        lines = self.lines.setdefault(workspace, [])
        if self.lose or one.version != len(lines) + 1:
            self.lose = max(0, self.lose - 1)
            return False
        lines.append(Kept(one.version, at, by, len(one.units), len(one.people)))
        self.reachable[workspace] = {person.id: person.channels for person in one.people if person.channels}
        bare = tuple(replace(person, channels={}) for person in one.people)
        self.versions[workspace, one.version] = replace(one, people=bare)
        return True

    def history(self, workspace: str, *, limit: int, cursor: str | None) -> tuple[Sequence[Kept], str | None]:
        scope = f"organisations {workspace}"
        before = int(cursors.decode(scope, cursor)["before"]) if cursor else len(self.lines.get(workspace, ())) + 1
        found = [one for one in self.lines.get(workspace, [])[::-1] if one.version < before]
        following = cursors.encode(scope, {"before": found[limit - 1].version}) if len(found) > limit else None
        return found[:limit], following

    def leavers(self, workspace: str) -> list[str]:
        return sorted(self.left.get(workspace, ()))

    def keep_leaver(self, workspace: str, person: str) -> None:
        self.left.setdefault(workspace, set()).add(person)

    def forget_leaver(self, workspace: str, person: str) -> None:
        self.left.get(workspace, set()).discard(person)
