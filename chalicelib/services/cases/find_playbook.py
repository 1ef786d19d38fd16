"""The playbook that a ticket keeps, for those who show it: seldom a read, never one of an outdated frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from chalicelib.domain.cases.playbook import Chosen, Playbook, Playbooks

RECENT: Final = 60.0  # seconds that a frame may be old which knows the very version that is looked for
MOST_KEPT: Final = 256  # workspaces in one process


@dataclass(frozen=True, slots=True)
class FindPlaybook:
    """``playbooks`` gives those in force in a workspace, with a read; ``monotonic`` gives seconds."""

    playbooks: Callable[[str], Playbooks]
    monotonic: Callable[[], float]
    _seen: dict[str, tuple[float, Playbooks]] = field(default_factory=dict, init=False, repr=False)

    def __call__(self, workspace: str, chosen: Chosen | None) -> Playbook | None:
        """The playbook as it is now, its version maybe newer than the ticket's; None when it is in force no more."""
        if chosen is None:
            return None
        at, known = self._seen.get(workspace, (0.0, None))
        if known is not None and self.monotonic() - at < RECENT:
            found = known.by_id.get(chosen.id)
            if found is not None and found.version == chosen.version:
                return found
        return self._read(workspace).by_id.get(chosen.id)

    def _read(self, workspace: str) -> Playbooks:
        if len(self._seen) >= MOST_KEPT:
            self._seen.clear()
        found = self.playbooks(workspace)
        self._seen[workspace] = (self.monotonic(), found)
        return found
