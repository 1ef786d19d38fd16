"""Which code frame reads a workspace's voices. Pure.

A state is a proposal that was activated; one that nobody ever activated has number 0 and the shipped default pack.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

DEFAULT_PACKS: Final = ("ecommerce",)
MOST_PACKS: Final = 7
LONGEST_OVERLAY: Final = 65_536  # characters of YAML


@dataclass(frozen=True, slots=True)
class FrameState:
    """One version of a workspace's frame. ``number`` is its proposal's, so it names the same content for ever."""

    workspace: str
    number: int = 0
    packs: tuple[str, ...] = DEFAULT_PACKS  # the first one names what several have
    overlay: str = ""  # the workspace's own nodes as YAML; empty: none
    delta: int | None = None  # number of the proposal whose learned delta is applied
    proposal: str | None = None  # its id
    settled: bool = True  # every older voice has been read by it too
    activated_at: datetime | None = None
    by: str = ""  # id of the key that activated it

    @property
    def is_own(self) -> bool:
        """Whether the workspace has something that no other has: nodes, or a learned delta."""
        return bool(self.overlay) or self.delta is not None


@dataclass(frozen=True, slots=True)
class Activation:
    """One line of the history: which frame became the active one, when and by whose key."""

    proposal: str
    number: int
    packs: tuple[str, ...]
    at: datetime
    by: str
