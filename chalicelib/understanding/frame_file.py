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
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from chalicelib.domain.folding import fold
from chalicelib.domain.vocabulary import NEED_HINTS, POLARITIES
from chalicelib.understanding.frame import Frame, Node, RedLine, Sample, Term

MAX_LEVELS: Final = 3
MIN_SAMPLES: Final = 5
LOCALES: Final = ("zh-CN", "en")
RED_LINE_KINDS: Final = ("safety", "food_poisoning", "injury", "fraud", "self_harm", "legal_threat")
_ID: Final = re.compile(r"[a-z][a-z0-9_]*")
_TERM_MEMBERS: Final = ("include", "negative", "positive", "near")
_NODE_MEMBERS: Final = frozenset(
    ("id", "name", "department", "stage", "need", "prior", "overall", *_TERM_MEMBERS, "exclude", "tests", "children")
)
_RED_LINE_MEMBERS: Final = frozenset({"kind", "name", "department", "include", "near", "exclude", "tests"})
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FrameError(ValueError):
    """The pack is wrong at ``file``:``line``."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file = file
        self.line = line


@dataclass(frozen=True, slots=True)
class _Inherited:
    """What a node takes over from its parent."""

    id: str | None = None
    department: str | None = None
    stage: str | None = None
    need: str = "undecided"
    prior: str = "neutral"
    level: int = 0


def parse(text: str, file: str) -> Frame:
    """Raises FrameError for YAML that is none, and for anything that the shape above does not allow."""
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise FrameError(file, mark.line + 1 if mark else 1, "This is not YAML.") from error
    return _Parser(file).frame(root)


class _Parser:
    def __init__(self, file: str) -> None:
        self.file = file
        self.nodes: list[Node] = []
        self.owners: dict[str, str] = {}  # unconditional term → the node that has it

    def frame(self, root: yaml.Node | None) -> Frame:
        if root is None:
            raise FrameError(self.file, 1, "The pack is empty.")
        members = self.mapping(root, {"pack", "version", "name", "nodes", "red_lines"})
        self.need(root, members, "pack", "version", "name", "nodes", "red_lines")
        for item in self.items(members["nodes"]):
            self.node(item, _Inherited())
        if sum(node.overall for node in self.nodes) > 1:
            self.fail(members["nodes"], "Only one node is the overall one.")
        self.owners.clear()  # a red line may share its words with a topic
        return Frame(
            pack=self.text(members["pack"]),
            version=self.text(members["version"]),
            names=self.names(members["name"]),
            nodes=tuple(self.nodes),
            red_lines=tuple(self.red_line(item) for item in self.items(members["red_lines"])),
        )

    # ------------------------------------------------------------ nodes

    def node(self, item: yaml.Node, above: _Inherited) -> None:
        members = self.mapping(item, _NODE_MEMBERS)
        self.need(item, members, "id", "name")
        node_id = self.node_id(members["id"], above)
        here = _Inherited(
            id=node_id,
            department=self.text(members["department"]) if "department" in members else above.department,
            stage=self.text(members["stage"]) if "stage" in members else above.stage,
            need=self.word(members["need"], NEED_HINTS) if "need" in members else above.need,
            prior=self.word(members["prior"], POLARITIES) if "prior" in members else above.prior,
            level=above.level + 1,
        )
        if here.level > MAX_LEVELS:
            self.fail(item, f"A frame has at most {MAX_LEVELS} levels.")
        department = here.department or self.fail(item, "A node needs a department, its own or an ancestor's.")
        samples = tuple(self.samples(members["tests"], (*POLARITIES, "none"))) if "tests" in members else ()
        if "children" not in members:
            self.leaf(item, samples)
        self.nodes.append(
            Node(
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
        )
        for child in self.items(members["children"]) if "children" in members else ():
            self.node(child, here)

    def node_id(self, item: yaml.Node, above: _Inherited) -> str:
        node_id = self.text(item)
        prefix = f"{above.id}." if above.id else ""
        if not node_id.startswith(prefix) or not _ID.fullmatch(node_id.removeprefix(prefix)):
            self.fail(item, f"The id is one word of a-z, 0-9 and _ after {prefix!r}.")
        if any(node.id == node_id for node in self.nodes):
            self.fail(item, f"The id {node_id} is taken.")
        return node_id

    def leaf(self, item: yaml.Node, samples: tuple[Sample, ...]) -> None:
        if len(samples) < MIN_SAMPLES:
            self.fail(item, f"A leaf has at least {MIN_SAMPLES} test sentences.")
        missing = {"negative", "positive", "none"} - {sample.expects for sample in samples}
        if missing:
            self.fail(item, f"The tests of a leaf lack: {', '.join(sorted(missing))}.")

    def terms(self, members: dict[str, yaml.Node], owner: str) -> Iterator[Term]:
        for member, polarity in (("include", None), ("negative", "negative"), ("positive", "positive")):
            if member not in members:
                continue
            for item in self.items(members[member]):
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
        for text in self.phrases(members["terms"]):
            yield Term(text, polarity, words)

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
            department=self.text(members["department"]),
            samples=samples,
        )

    def samples(self, item: yaml.Node, expectations: tuple[str, ...]) -> Iterator[Sample]:
        for expects, sentences in self.mapping(item, set(expectations)).items():
            for sentence in self.items(sentences):
                yield Sample(self.text(sentence), expects, sentence.start_mark.line + 1)

    # ------------------------------------------------------------ YAML, with lines

    def fail(self, item: yaml.Node, message: str) -> Any:
        raise FrameError(self.file, item.start_mark.line + 1, message)

    def mapping(self, item: yaml.Node, allowed: set[str] | frozenset[str]) -> dict[str, yaml.Node]:
        if not isinstance(item, yaml.MappingNode):
            self.fail(item, "Here stands a mapping.")
        members: dict[str, yaml.Node] = {}
        for key, value in item.value:
            if key.value not in allowed:
                self.fail(key, f"There is no member {key.value!r} here; known are {', '.join(sorted(allowed))}.")
            if key.value in members:
                self.fail(key, f"The member {key.value!r} stands here twice.")
            members[key.value] = value
        return members

    def need(self, item: yaml.Node, members: dict[str, yaml.Node], *names: str) -> None:
        for name in names:
            if name not in members:
                self.fail(item, f"The member {name!r} is missing.")

    def items(self, item: yaml.Node) -> list[yaml.Node]:
        if not isinstance(item, yaml.SequenceNode) or not item.value:
            self.fail(item, "Here stands a list of at least one.")
        return list(item.value)

    def text(self, item: yaml.Node) -> str:
        if not isinstance(item, yaml.ScalarNode) or not item.value.strip():
            self.fail(item, "Here stands text.")
        return str(item.value).strip()

    def folded(self, item: yaml.Node) -> str:
        text = fold(self.text(item)).text
        return text or str(self.fail(item, "The term has no visible character."))

    def phrases(self, item: yaml.Node | None) -> Iterator[str]:
        for phrase in self.items(item) if item is not None else ():
            yield self.folded(phrase)

    def word(self, item: yaml.Node, allowed: tuple[str, ...]) -> str:
        if self.text(item) not in allowed:
            self.fail(item, f"Here stands one of {', '.join(allowed)}.")
        return self.text(item)

    def flag(self, item: yaml.Node) -> bool:
        return self.word(item, ("true", "false")) == "true"

    def names(self, item: yaml.Node) -> dict[str, str]:
        members = self.mapping(item, set(LOCALES))
        self.need(item, members, *LOCALES)
        return {locale: self.text(members[locale]) for locale in LOCALES}
