"""The code frame 统一码框: the versioned tree of topics that reads every voice, and the red lines beside it.

Values only. Packs are YAML under ``chalicelib/packs``; ``frame_file`` turns one into these values and refuses a wrong
one with its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Term:
    """Words that name a topic. ``polarity`` is what the words say by themselves, None when the clause decides.

    ``near``: the term counts only when one of these stands in the same clause, close by.
    """

    text: str
    polarity: str | None = None
    near: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sample:
    """A test sentence. ``expects`` is a polarity, or "none": a near miss that must not get the node's tag."""

    text: str
    expects: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Node:
    """One topic. ``excludes`` are phrases in which its terms mean something else."""

    id: str
    names: Mapping[str, str]  # locale → name
    terms: tuple[Term, ...]
    excludes: tuple[str, ...]
    prior: str  # polarity when nobody says
    need: str  # vocabulary.NEED_HINTS: what the topic tends to be
    department: str
    stage: str | None
    overall: bool = False  # takes the opinions of a text that names no topic
    samples: tuple[Sample, ...] = ()

    @property
    def parent(self) -> str | None:
        return self.id.rpartition(".")[0] or None


@dataclass(frozen=True, slots=True)
class RedLine:
    """Words that a person must see within a minute."""

    kind: str
    names: Mapping[str, str]
    terms: tuple[Term, ...]
    excludes: tuple[str, ...]
    department: str
    samples: tuple[Sample, ...] = ()  # expects: "hit" or "none"


@dataclass(frozen=True)
class Frame:
    """One version of one pack. Parents stand before their children."""

    pack: str
    version: str
    names: Mapping[str, str]
    nodes: tuple[Node, ...]
    red_lines: tuple[RedLine, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        return {node.id: node for node in self.nodes}

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        parents = {node.parent for node in self.nodes}
        return tuple(node for node in self.nodes if node.id not in parents)

    @cached_property
    def overall(self) -> Node | None:
        return next((node for node in self.nodes if node.overall), None)
