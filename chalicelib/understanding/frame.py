"""The code frame 统一码框: the versioned tree of topics that reads every voice, and the red lines beside it.

Values only. Packs are YAML under ``chalicelib/packs``; ``frame_file`` turns one into these values and refuses a wrong
one with its line, ``compiled`` keeps them ready to load, ``compose`` unites packs and a workspace's overlay.
No postponed annotations: a NamedTuple would compile each of them at import.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # a reader's cold start does not pay for what a playbook knows
    from chalicelib.domain.cases.playbook import Playbook


class FrameError(ValueError):
    """A pack or an overlay is wrong at ``file``:``line``."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file = file
        self.line = line
        self.message = message


class Term(NamedTuple):
    """Words that name a topic. ``polarity`` is what the words say by themselves, None when the clause decides.

    ``near``: the term counts only when one of these stands in the same clause, close by.
    """

    text: str
    polarity: str | None = None
    near: frozenset[str] = frozenset()
    reach: int = 0  # characters to the nearest of ``near``; 0: as close as usual


class Sample(NamedTuple):
    """A test sentence. ``expects`` is a polarity, or "none": a near miss that must not get the node's tag.

    ``line``: where it stands in its file.
    """

    text: str
    expects: str
    line: int = 0


class Node(NamedTuple):
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


class RedLine(NamedTuple):
    """Words that a person must see within a minute. ``suspects`` are words that may mean it: they count in a voice that
    is bad on the whole, and find their neighbours across commas."""

    kind: str
    names: Mapping[str, str]
    terms: tuple[Term, ...]
    excludes: tuple[str, ...]
    department: str
    samples: tuple[Sample, ...] = ()  # expects: "hit" or "none"
    suspects: tuple[Term, ...] = ()


class _Values(NamedTuple):
    packs: tuple[str, ...]  # the first one names what several have
    version: str  # "ecommerce-2026.11.2", composed "ecommerce-2026.11.2+hotel-2026.11.1~3" (3: the overlay)
    names: Mapping[str, str]
    nodes: tuple[Node, ...]
    red_lines: tuple[RedLine, ...]
    retired: tuple[Node, ...] = ()  # tag nothing any more; older tags still want their names
    playbooks: tuple["Playbook", ...] = ()  # the workspace's own; those that ship lie apart, see playbooks.py


class Frame(_Values):
    """One version of one pack, or of several composed. Parents stand before their children."""

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

    def name(self, topic: str, lang: str) -> str:
        """What a topic is called, a retired one too; its id where the frame knows it no more."""
        node = self.by_id.get(topic) or next((node for node in self.retired if node.id == topic), None)
        return node.names.get(lang, topic) if node else topic

    def tree(self) -> list[dict[str, Any]]:
        """The topics as nested data for people: who mends it, where on the journey, how many terms it is known by."""
        return _branches(self.nodes)

    def summary(self) -> dict[str, Any]:
        """The frame as data for people: what it is made of, its topics and its red lines."""
        return {
            "packs": list(self.packs),
            "version": self.version,
            "names": dict(self.names),
            "topics": len(self.nodes),
            "leaves": len(self.leaves),
            "tree": self.tree(),
            "retired": [node.id for node in self.retired],
            "red_lines": [
                {"kind": line.kind, "names": dict(line.names), "department": line.department, "terms": len(line.terms)}
                for line in self.red_lines
            ],
        }


def in_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Parents before their children, siblings in the order given, a family together.

    A node whose parent is missing is left out.
    """
    below: dict[str | None, list[Node]] = {}
    for node in nodes:
        below.setdefault(node.parent, []).append(node)

    def walk(parent: str | None) -> Iterable[Node]:
        for node in below.get(parent, ()):
            yield node
            yield from walk(node.id)

    return tuple(walk(None))


def unite_red_lines(lines: Iterable[RedLine]) -> tuple[RedLine, ...]:
    """One red line a kind: the first of a kind gives its names and department, the words of all are united."""
    united: dict[str, RedLine] = {}
    for line in lines:
        known = united.get(line.kind)
        united[line.kind] = (
            line
            if known is None
            else known._replace(
                terms=unite_terms(known.terms, line.terms),
                excludes=tuple(dict.fromkeys((*known.excludes, *line.excludes))),
                samples=tuple(dict.fromkeys((*known.samples, *line.samples))),
                suspects=unite_terms(known.suspects, line.suspects),
            )
        )
    return tuple(united.values())


def unite_terms(first: Sequence[Term], more: Iterable[Term]) -> tuple[Term, ...]:
    """The terms of both; of one that both have, what the first says."""
    texts = {term.text for term in first if not term.near}
    return tuple(dict.fromkeys((*first, *(term for term in more if term.near or term.text not in texts))))


def _branches(nodes: Sequence[Node]) -> list[dict[str, Any]]:
    roots: list[dict[str, Any]] = []
    known: dict[str, dict[str, Any]] = {}
    for node in nodes:
        known[node.id] = {
            "id": node.id,
            "names": dict(node.names),
            "department": node.department,
            "stage": node.stage,
            "need": node.need,
            "prior": node.prior,
            "terms": len(node.terms),
            "excludes": len(node.excludes),
            "children": [],
        }
        (known[node.parent]["children"] if node.parent else roots).append(known[node.id])
    return roots
