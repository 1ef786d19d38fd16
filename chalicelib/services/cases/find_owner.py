"""Who gets a ticket, as the organisation says: a small read a batch, the document only when it has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from chalicelib.domain.workspaces.organisation import Organisation
from chalicelib.services.ports import Clock

RECENT: Final = timedelta(seconds=2)  # that what is in force may be old
MOST_KEPT: Final = 64  # workspaces in one process


class Versions(Protocol):
    def version(self, workspace: str) -> int: ...

    def get(self, workspace: str, version: int) -> Organisation | None: ...


@dataclass(frozen=True, slots=True)
class FindOwner:
    """A version never changes, so it is kept for as long as it is in force."""

    store: Versions
    clock: Clock
    load: Callable[[str, str], int] = lambda _workspace, _person: 0  # open tickets of a person
    _seen: dict[str, tuple[datetime, Organisation]] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, workspace: str, departments: Sequence[str], unit: str | None) -> str | None:
        """Who is answerable now at a unit for the first of ``departments``, triage for none of them.

        None where nobody is, or where there is no organisation. Raises Retryable.
        """
        one = self.organisation(workspace)
        return one.way(departments, unit, self.clock(), load=partial(self.load, workspace)).owner

    def key_of(self, workspace: str, person: str) -> str | None:
        """The id of the API key with which somebody works; None for a stranger. Raises Retryable."""
        known = self.organisation(workspace).by_person.get(person)
        return known.key if known else None

    def person_of(self, workspace: str, key: str) -> str | None:
        """Who works with an API key; None where the organisation does not say, or names several. Raises Retryable."""
        found = [one.id for one in self.organisation(workspace).people if one.key == key]
        return found[0] if len(found) == 1 else None

    def unit_name(self, workspace: str, unit: str) -> str:
        """What the organisation calls a unit; empty where it does not. Raises Retryable."""
        known = self.organisation(workspace).by_unit.get(unit)
        return known.name if known and known.name else ""

    def organisation(self, workspace: str) -> Organisation:
        """The version in force, without anybody's channels; an empty one of version 0 where there is none."""
        now = self.clock()
        at, known = self._seen.get(workspace, (now, None))
        if known is not None and now - at < RECENT:
            return known
        version = self.store.version(workspace)
        if known is None or known.version != version:
            known = (self.store.get(workspace, version) if version else None) or Organisation()
        if len(self._seen) >= MOST_KEPT:
            self._seen.clear()
        self._seen[workspace] = (now, known)
        return known
