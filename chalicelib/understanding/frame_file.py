"""A pack's YAML → a ``Frame``. Whatever is wrong is refused with file, line and what would be right.

The shape of a node (children the same, at most three levels; department, stage, need and prior are inherited)::

    - id: logistics.speed              dotted, below its parent's id; never reused for something else
      name: {zh-CN: 时效, en: Speed}
      department: logistics            role that mends it
      stage: delivery                  where on the journey
      need: pain                       pain | itch | delight | undecided
      prior: neutral                   polarity when nobody says
      include: [配送时间]               the clause decides the polarity
      negative: [迟迟不到]              the words say it themselves
      positive: [次日达]
      near: [{terms: [慢], words: [物流, 快递], polarity: negative}]
      exclude: [慢慢]                  phrases in which the terms mean something else
      tests: {negative: […], positive: […], neutral: […], none: […]}

A red line has a kind, a name, a department, include, near, exclude, and tests that hit or are none. ``suspect`` are
words that count only in a voice that is bad on the whole; ``words`` may be left out, and stand within ``reach``
characters before or after, in the same sentence::

      suspect: [{terms: [摔, 烫], words: [手, 孩子], reach: 20}]

Top levels mean the same in every pack (logistics, product, service, price, environment, aftersales, promotion, app,
overall …): packs that a workspace composes share the topics with equal ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from chalicelib.domain.vocabulary import NEED_HINTS, POLARITIES
from chalicelib.understanding.frame import Frame, FrameError, Node, RedLine, Sample, Term, unite_red_lines
from chalicelib.understanding.marked import Marked, compose

__all__ = ["RED_LINE_KINDS", "FrameError", "PackParser", "parse", "parse_red_lines"]

MAX_LEVELS: Final = 3
MIN_SAMPLES: Final = 5
MAX_NEAR_WORDS: Final = 200  # each is looked for at every hit
MAX_REACH: Final = 40  # characters between suspect words and their neighbour
RED_LINE_KINDS: Final = ("safety", "food_poisoning", "injury", "fraud", "self_harm", "legal_threat")
_MAX_BYTES: Final = 1024 * 1024
_WORD: Final = 64  # characters of an id, a department, a stage
_ID: Final = re.compile(r"[a-z][a-z0-9_]*")
TERM_MEMBERS: Final = ("include", "negative", "positive", "near", "exclude")
NODE_MEMBERS: Final = frozenset(
    ("id", "name", "department", "stage", "need", "prior", "overall", *TERM_MEMBERS, "tests", "children")
)
_RED_LINE_MEMBERS: Final = frozenset({"kind", "name", "department", "include", "near", "suspect", "exclude", "tests"})


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a node takes over from its parent."""

    id: str | None = None
    department: str | None = None
    stage: str | None = None
    need: str = "undecided"
    prior: str = "neutral"
    level: int = 0


def parse(text: str, file: str, shared: Sequence[RedLine] = ()) -> Frame:
    """A pack with the ``shared`` red lines and its own. Raises FrameError for whatever the shape does not allow."""
    return PackParser(file).frame(compose(text, file, _MAX_BYTES), shared)


def parse_red_lines(text: str, file: str) -> tuple[RedLine, ...]:
    """The red lines of every pack: a file whose only member is ``red_lines``. Raises FrameError."""
    parser, root = PackParser(file), compose(text, file, _MAX_BYTES)
    members = parser.mapping(root, {"red_lines"})
    parser.need(root, members, "red_lines")
    return tuple(parser.red_line(item) for item in parser.items(members["red_lines"]))


class PackParser(Marked):
    """Reads nodes and red lines of one file; ``nodes`` are those read so far, by id."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.nodes: dict[str, Node] = {}
        self.owners: dict[str, str] = {}  # unconditional term → the node that has it

    def frame(self, root: yaml.Node, shared: Sequence[RedLine]) -> Frame:
        members = self.mapping(root, {"pack", "version", "name", "nodes", "red_lines"})
        self.need(root, members, "pack", "version", "name", "nodes")
        pack = self.text(members["pack"], _WORD)
        version = self.text(members["version"], _WORD)
        names = self.names(members["name"])
        for item in self.items(members["nodes"]):
            self.node(item, Inherited())
        if sum(node.overall for node in self.nodes.values()) > 1:
            self.fail(members["nodes"], "Only one node is the overall one.")
        self.owners.clear()  # a red line may share its words with a topic
        own = [self.red_line(item) for item in self.items(members["red_lines"])] if "red_lines" in members else []
        return Frame(
            packs=(pack,),
            version=f"{pack}-{version}",
            names=names,
            nodes=tuple(self.nodes.values()),
            red_lines=unite_red_lines((*shared, *own)),
        )

    # ------------------------------------------------------------ nodes

    def node(self, item: yaml.Node, above: Inherited) -> None:
        members = self.mapping(item, NODE_MEMBERS)
        self.need(item, members, "id", "name")
        node_id = self.node_id(members["id"], above)
        here = self.inherit(members, node_id, above)
        if here.level > MAX_LEVELS:
            self.fail(item, f"A frame has at most {MAX_LEVELS} levels.")
        department = here.department or self.fail(item, "A node needs a department, its own or an ancestor's.")
        samples = self.topic_samples(members)
        if "children" not in members:
            self.leaf(item, samples)
        self.nodes[node_id] = Node(
            id=node_id,
            names=self.names(members["name"]),
            terms=tuple(self.terms(members, node_id)),
            excludes=tuple(self.phrases(members.get("exclude"))),
            prior=here.prior,
            need=here.need,
            department=department,
            stage=here.stage,
            overall=self.flag(members["overall"]) if "overall" in members else False,
            samples=samples,
        )
        for child in self.items(members["children"]) if "children" in members else ():
            self.node(child, here)

    def inherit(self, members: dict[str, yaml.Node], node_id: str, above: Inherited) -> Inherited:
        return Inherited(
            id=node_id,
            department=self.text(members["department"], _WORD) if "department" in members else above.department,
            stage=self.text(members["stage"], _WORD) if "stage" in members else above.stage,
            need=self.word(members["need"], NEED_HINTS) if "need" in members else above.need,
            prior=self.word(members["prior"], POLARITIES) if "prior" in members else above.prior,
            level=above.level + 1,
        )

    def node_id(self, item: yaml.Node, above: Inherited) -> str:
        node_id = self.text(item, _WORD)
        prefix = f"{above.id}." if above.id else ""
        if not node_id.startswith(prefix) or not _ID.fullmatch(node_id.removeprefix(prefix)):
            self.fail(item, f"The id is one word of a-z, 0-9 and _ after {prefix!r}.")
        if node_id in self.nodes:
            self.fail(item, f"The id {node_id} is taken.")
        return node_id

    def leaf(self, item: yaml.Node, samples: Sequence[Sample]) -> None:
        if len(samples) < MIN_SAMPLES:
            self.fail(item, f"A leaf has at least {MIN_SAMPLES} test sentences.")
        missing = {"negative", "positive", "none"} - {sample.expects for sample in samples}
        if missing:
            self.fail(item, f"The tests of a leaf lack: {', '.join(sorted(missing))}.")

    def terms(self, members: dict[str, yaml.Node], owner: str) -> Iterator[Term]:
        for member, polarity in (("include", None), ("negative", "negative"), ("positive", "positive")):
            for item in self.items(members[member]) if member in members else ():
                text = self.folded(item)
                if text in self.owners:
                    self.fail(item, f"The term {text!r} already belongs to {self.owners[text]}.")
                self.owners[text] = owner
                yield Term(text, polarity)
        for item in self.items(members["near"]) if "near" in members else ():
            yield from self.near(item)

    def near(self, item: yaml.Node) -> Iterator[Term]:
        members = self.mapping(item, {"terms", "words", "polarity"})
        self.need(item, members, "terms", "words")
        polarity = self.word(members["polarity"], POLARITIES) if "polarity" in members else None
        words = frozenset(self.phrases(members["words"]))
        if len(words) > MAX_NEAR_WORDS:
            self.fail(members["words"], f"A term requires at most {MAX_NEAR_WORDS} words nearby.")
        for text in self.phrases(members["terms"]):
            yield Term(text, polarity, words)

    def topic_samples(self, members: dict[str, yaml.Node]) -> tuple[Sample, ...]:
        return tuple(self.samples(members["tests"], (*POLARITIES, "none"))) if "tests" in members else ()

    def samples(self, item: yaml.Node, expectations: tuple[str, ...]) -> Iterator[Sample]:
        for expects, sentences in self.mapping(item, expectations).items():
            for sentence in self.items(sentences):
                yield Sample(self.text(sentence), expects, sentence.start_mark.line + 1)

    # ------------------------------------------------------------ red lines

    def red_line(self, item: yaml.Node) -> RedLine:
        members = self.mapping(item, _RED_LINE_MEMBERS)
        self.need(item, members, "kind", "name", "department", "tests")
        kind = self.word(members["kind"], RED_LINE_KINDS)
        samples = tuple(self.samples(members["tests"], ("hit", "none")))
        if len(samples) < MIN_SAMPLES or {sample.expects for sample in samples} != {"hit", "none"}:
            self.fail(item, f"A red line has at least {MIN_SAMPLES} test sentences, hits and near misses.")
        return RedLine(
            kind=kind,
            names=self.names(members["name"]),
            terms=tuple(self.terms(members, kind)),
            excludes=tuple(self.phrases(members.get("exclude"))),
            department=self.text(members["department"], _WORD),
            samples=samples,
            suspects=tuple(self.suspects(members["suspect"])) if "suspect" in members else (),
        )

    def suspects(self, item: yaml.Node) -> Iterator[Term]:
        for one in self.items(item):
            members = self.mapping(one, {"terms", "words", "reach"})
            self.need(one, members, "terms", *(("words", "reach") if {"words", "reach"} & set(members) else ()))
            words = frozenset(self.phrases(members["words"])) if "words" in members else frozenset[str]()
            if len(words) > MAX_NEAR_WORDS:
                self.fail(members["words"], f"A term requires at most {MAX_NEAR_WORDS} words nearby.")
            reach = self.reach(members["reach"]) if "reach" in members else 0
            for text in self.phrases(members["terms"]):
                yield Term(text, None, words, reach)

    def reach(self, item: yaml.Node) -> int:
        text = self.text(item)
        if not re.fullmatch("[1-9][0-9]?", text) or int(text) > MAX_REACH:
            self.fail(item, f"Here stands a whole number of characters, 1 to {MAX_REACH}.")
        return int(text)
