"""Notes, links and verdicts in memory, with the conditions of the real ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib.domain.cases.case import Link, Note, Verdict
from chalicelib.storage import cursor as cursors

Key = tuple[str, str]  # (workspace, ticket)


@dataclass
class FakeCases:
    """``lose`` makes that many changes of links be late: somebody else's came first."""

    written: dict[Key, list[Note]] = field(default_factory=dict)
    sides: dict[tuple[str, str, str], Link] = field(default_factory=dict)
    judged: dict[Key, Verdict] = field(default_factory=dict)
    lose: int = 0

    def add_note(self, workspace: str, ticket: str, note: Note) -> bool:
        written = self.written.setdefault((workspace, ticket), [])
        known = next((one for one in written if one.id == note.id), None)
        if known is None:
            written.append(note)
        return known is None or known.text == note.text

    def notes(
        self, workspace: str, ticket: str, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[Note], str | None]:
        scope = f"notes {workspace} {ticket}"
        after = str(cursors.decode(scope, cursor)["at"]) if cursor else ""
        kept = sorted(self.written.get((workspace, ticket), []), key=lambda one: one.id)
        found = [one for one in kept if one.id > after]
        return found[:limit], cursors.encode(scope, {"at": found[limit - 1].id}) if len(found) > limit else None

    def links(self, workspace: str, ticket: str) -> list[Link]:
        return [one for key, one in sorted(self.sides.items()) if key[:2] == (workspace, ticket)]

    def link(self, link: Link) -> bool:
        both = (link, link.reversed())
        if self._is_lost() or any(_place(one) in self.sides for one in both):
            return False
        self.sides.update({_place(one): one for one in both})
        return True

    def unlink(self, link: Link) -> bool:
        both = (link, link.reversed())
        known = [self.sides.get(_place(one)) for one in both]
        if self._is_lost() or [one and one.kind for one in known] != [one.kind for one in both]:
            return False
        for one in both:
            del self.sides[_place(one)]
        return True

    def judge(self, workspace: str, ticket: str, verdict: Verdict) -> None:
        self.judged[workspace, ticket] = verdict

    def verdicts(self, workspace: str, tickets: Iterable[str]) -> Mapping[str, Verdict]:
        return {one: self.judged[workspace, one] for one in tickets if (workspace, one) in self.judged}

    def _is_lost(self) -> bool:
        self.lose -= 1
        return self.lose >= 0


def _place(link: Link) -> tuple[str, str, str]:
    return link.workspace, link.ticket, link.other
