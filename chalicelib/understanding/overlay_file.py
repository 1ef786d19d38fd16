"""A workspace's overlay: YAML that changes a frame. Errors name the file "overlay" and the line.

::

    nodes:                             # new topics; a node's shape as in a pack, its parent is there or new
      - id: logistics.cold_chain
        name: {zh-CN: 冷链, en: Cold chain}
        include: [冰袋]
        tests: {negative: [冰袋全化了, …], positive: […], none: […]}
    extend:                            # topics that are there
      - id: product.taste
        name: {zh-CN: 味道, en: Taste}   # name, department, stage, need, prior: changed …
        negative: [齁咸]                 # … include, negative, positive, near, exclude: added
        tests: {negative: [汤齁咸]}      # checked, as every sentence here is
    retire: [promotion.gift]           # tag nothing any more, nor do those below them
    roles: {…}                         # of the playbooks, and the
    playbooks: […]                     # workspace's own, as in playbook_file: each takes the place of the packs' one

A changed department, stage, need or prior also holds for the topics below that had the same as their ancestor. A term
that the overlay names is taken from the topic of the packs that had it: the workspace knows better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from chalicelib.domain.cases.playbook import RED_LINE, Playbook
from chalicelib.understanding import playbook_file
from chalicelib.understanding.frame import Frame, Node, Sample, Term, in_order
from chalicelib.understanding.frame_file import NODE_MEMBERS, TERM_MEMBERS, Inherited, PackParser
from chalicelib.understanding.marked import compose

FILE: Final = "overlay"
MAX_BYTES: Final = 64 * 1024
MAX_NODES: Final = 500
MAX_TERMS: Final = 5000
OWN: Final = "own"  # where a playbook that ships has its pack in its version
_MEMBERS: Final = frozenset({"nodes", "extend", "retire"}) | playbook_file.MEMBERS
_INHERITED: Final = ("department", "stage", "need", "prior")
_CHANGES: Final = frozenset(("id", "name", *_INHERITED, *TERM_MEMBERS, "tests"))


@dataclass(frozen=True, slots=True)
class _Change:
    """What an overlay says of a topic that is there. ``fields`` are the inherited members that it sets."""

    names: Mapping[str, str] | None
    fields: Mapping[str, Any]
    terms: tuple[Term, ...]
    excludes: tuple[str, ...]
    samples: tuple[Sample, ...]


def apply(frame: Frame, text: str, number: int, *, strict: bool) -> Frame:
    """``frame`` changed by the overlay ``text``. Raises FrameError; unless ``strict`` only for the text's own sake."""
    root = compose(text, FILE, MAX_BYTES)
    parser = _OverlayParser(frame, strict=strict)
    parser.overlay(root)
    kept = [
        _changed(node, frame, parser)
        for node in frame.nodes
        if node.id not in parser.retired and node.id not in parser.nodes
    ]
    nodes = in_order((*kept, *parser.nodes.values()))
    if not nodes:
        parser.fail(root, "No topic would be left.")
    return Frame(
        packs=frame.packs,
        version=f"{frame.version}~{number}",
        names=frame.names,
        nodes=nodes,
        red_lines=tuple(line._replace(samples=()) for line in frame.red_lines),
        retired=(*frame.retired, *(node for node in frame.nodes if node.id in parser.retired)),
        playbooks=_playbooks(root, parser, number),
    )


def _playbooks(root: yaml.Node, parser: _OverlayParser, number: int) -> tuple[Playbook, ...]:
    """The overlay's playbooks, without those for topics that are not there."""
    members = parser.mapping(root, _MEMBERS)
    if not playbook_file.MEMBERS & set(members):
        return ()
    found = playbook_file.PlaybookParser(FILE, OWN, f"~{number}").playbooks(root, members)
    return tuple(
        one
        for place, one in found
        if one.id.startswith(RED_LINE) or one.id in parser.nodes or parser.is_there(place, one.id)
    )


def _changed(node: Node, frame: Frame, parser: _OverlayParser) -> Node:
    """A topic of the packs as the overlay leaves it: only the overlay's sentences stay."""
    terms = tuple(term for term in node.terms if term.near or term.text not in parser.owners)
    fields = _inherited(node, frame, parser.changes)
    change = parser.changes.get(node.id)
    if change is None:
        return node._replace(terms=terms, samples=(), **fields)
    return node._replace(
        names=change.names or node.names,
        terms=tuple(dict.fromkeys((*terms, *change.terms))),
        excludes=tuple(dict.fromkeys((*node.excludes, *change.excludes))),
        samples=change.samples,
        **fields,
    )


def _inherited(node: Node, frame: Frame, changes: Mapping[str, _Change]) -> dict[str, Any]:
    """The inherited members that a change of the topic or of an ancestor sets; the nearest one wins."""
    parts = node.id.split(".")
    fields: dict[str, Any] = {}
    for depth in range(1, len(parts) + 1):
        ancestor = frame.by_id[".".join(parts[:depth])]
        change = changes.get(ancestor.id)
        for name in change.fields if change else ():
            if change and (ancestor is node or getattr(ancestor, name) == getattr(node, name)):
                fields[name] = change.fields[name]
    return fields


class _OverlayParser(PackParser):
    """Reads an overlay against the frame that it changes."""

    def __init__(self, frame: Frame, *, strict: bool) -> None:
        super().__init__(FILE)
        self.base = frame
        self.strict = strict
        self.changes: dict[str, _Change] = {}
        self.retired: set[str] = set()
        self._entries = 0
        self._words = 0

    def overlay(self, root: yaml.Node) -> None:
        members = self.mapping(root, _MEMBERS)
        if not members:
            self.fail(root, "An overlay says nodes, extend, retire or playbooks.")
        for item in self.items(members["retire"]) if "retire" in members else ():
            self.retire(item)
        for item in self.items(members["extend"]) if "extend" in members else ():
            self.extend(item)
        for item in self.items(members["nodes"]) if "nodes" in members else ():
            self.add(item)
        overall = [node for node in self.nodes.values() if node.overall]
        if len(overall) > 1 or (overall and self.base.overall and self.base.overall.id not in self.retired):
            self.misfit(members["nodes"], "Only one node is the overall one.")

    def retire(self, item: yaml.Node) -> None:
        node_id = self.text(item)
        self.count(item)
        if node_id not in self.base.by_id:
            self.misfit(item, f"The topic {node_id[:64]!r} is unknown.")
        else:
            below = f"{node_id}."
            self.retired |= {node.id for node in self.base.nodes if node.id == node_id or node.id.startswith(below)}

    def extend(self, item: yaml.Node) -> None:
        members = self.mapping(item, _CHANGES)
        self.need(item, members, "id")
        self.count(item)
        node_id = self.text(members["id"])
        if len(members) == 1:
            self.fail(item, "An extension says what it changes.")
        if node_id in self.changes:
            self.fail(item, f"The topic {node_id} is extended twice.")
        if not self.is_there(members["id"], node_id):
            return
        here = self.inherit(members, node_id, Inherited())
        self.changes[node_id] = _Change(
            names=self.names(members["name"]) if "name" in members else None,
            fields={name: getattr(here, name) for name in _INHERITED if name in members},
            terms=tuple(self.terms(members, node_id)),
            excludes=tuple(self.phrases(members.get("exclude"))),
            samples=self.topic_samples(members),
        )

    def add(self, item: yaml.Node) -> None:
        """A new topic, with those below it. Its parent is one of the frame, or an earlier one of the overlay."""
        members = self.mapping(item, NODE_MEMBERS)
        self.need(item, members, "id")
        parent = self.text(members["id"]).rpartition(".")[0]
        if not parent:
            self.node(item, Inherited())
        elif parent in self.nodes or self.is_there(members["id"], parent):
            self.node(item, _heir(self.nodes.get(parent) or self.base.by_id[parent], self.changes.get(parent)))

    def is_there(self, item: yaml.Node, node_id: str) -> bool:
        if node_id in self.base.by_id and node_id not in self.retired:
            return True
        why = "is retired here" if node_id in self.retired else "is unknown"
        self.misfit(item, f"The topic {node_id[:64]!r} {why}.")
        return False

    def misfit(self, item: yaml.Node, message: str) -> None:
        """Wrong only because of the frame that it stands on."""
        if self.strict:
            self.fail(item, message)

    def count(self, item: yaml.Node) -> None:
        self._entries += 1
        if self._entries > MAX_NODES:
            self.fail(item, f"An overlay has at most {MAX_NODES} topics.")

    def node_id(self, item: yaml.Node, above: Inherited) -> str:
        self.count(item)
        node_id = super().node_id(item, above)
        if node_id in self.base.by_id:
            self.misfit(item, f"The topic {node_id} is there already; change it under 'extend'.")
        return node_id

    def folded(self, item: yaml.Node) -> str:
        self._words += 1
        if self._words > MAX_TERMS:
            self.fail(item, f"An overlay has at most {MAX_TERMS} terms.")
        return super().folded(item)


def _heir(node: Node, change: _Change | None) -> Inherited:
    """What a new topic takes over from ``node``."""
    fields = {name: getattr(node, name) for name in _INHERITED} | dict(change.fields if change else {})
    return Inherited(id=node.id, level=node.id.count(".") + 1, **fields)
