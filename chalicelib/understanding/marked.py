"""YAML read with its lines: every value is asked for by shape, and what is wrong is refused where it stands.

The text may come from outside: aliases are refused, its size and depth are bounded, nothing is constructed from tags,
and nothing but FrameError is raised.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

import yaml

from chalicelib.domain.text.folding import fold
from chalicelib.understanding.frame import FrameError

MAX_DEPTH: Final = 12  # the deepest honest place is a word that a term of a third level requires nearby: 10
MAX_NODES: Final = 400_000  # one takes half a kilobyte, however short it is written
MAX_TEXT: Final = 500
LOCALES: Final = ("zh-CN", "en")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(text: str, file: str, max_bytes: int) -> yaml.Node:
    """The root node of the one document that ``text`` is. Raises FrameError."""
    if stranger := yaml.reader.Reader.NON_PRINTABLE.search(text):
        raise FrameError(file, text.count("\n", 0, stranger.start()) + 1, "YAML does not allow this character.")
    if len(text.encode()) > max_bytes:
        raise FrameError(file, 1, f"The file is larger than {max_bytes // 1024} KiB.")
    try:
        _bound(text, file)
        root = yaml.compose(text, Loader=_LOADER)
    except FrameError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise FrameError(file, min(line, len(text.splitlines()) or 1), "This is not YAML.") from None
    except (ValueError, OverflowError):  # an escape or a directive with a number beyond all bounds
        raise FrameError(file, 1, "This is not YAML.") from None
    if root is None:
        raise FrameError(file, 1, "The file is empty.")
    return root


def _bound(text: str, file: str) -> None:
    """Walk the events, which needs no recursion, before anything is built from them."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_LOADER):
        nodes += isinstance(event, yaml.NodeEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise FrameError(file, line, "Anchors and aliases are not allowed here.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise FrameError(file, line, f"Nested deeper than {MAX_DEPTH}.")
        if nodes > MAX_NODES:
            raise FrameError(file, line, f"There are more than {MAX_NODES} values.")


class Marked:
    """Asks YAML nodes of one file for what should stand there. Every method raises FrameError at the node's line."""

    def __init__(self, file: str) -> None:
        self.file = file

    def fail(self, item: yaml.Node, message: str) -> Any:
        raise FrameError(self.file, item.start_mark.line + 1, message)

    def mapping(self, item: yaml.Node, allowed: Collection[str]) -> dict[str, yaml.Node]:
        if not isinstance(item, yaml.MappingNode):
            self.fail(item, "Here stands a mapping.")
        members: dict[str, yaml.Node] = {}
        for key, value in item.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else self.fail(key, "A member has a plain name.")
            if name not in allowed:
                self.fail(key, f"There is no member {name[:40]!r} here; known are {', '.join(sorted(allowed))}.")
            if name in members:
                self.fail(key, f"The member {name!r} stands here twice.")
            members[name] = value
        return members

    def need(self, item: yaml.Node, members: dict[str, yaml.Node], *names: str) -> None:
        for name in names:
            if name not in members:
                self.fail(item, f"The member {name!r} is missing.")

    def items(self, item: yaml.Node) -> list[yaml.Node]:
        if not isinstance(item, yaml.SequenceNode) or not item.value:
            self.fail(item, "Here stands a list of at least one.")
        return list(item.value)

    def text(self, item: yaml.Node, longest: int = MAX_TEXT) -> str:
        if not isinstance(item, yaml.ScalarNode) or not item.value.strip():
            self.fail(item, "Here stands text.")
        text = str(item.value).strip()
        if len(text) > longest:
            self.fail(item, f"Here stand at most {longest} characters.")
        if _CONTROL.search(text):
            self.fail(item, "Here stands text without control characters.")
        return text

    def folded(self, item: yaml.Node) -> str:
        text = fold(self.text(item)).text.strip()
        return text or str(self.fail(item, "The term has no visible character."))

    def phrases(self, item: yaml.Node | None) -> Iterator[str]:
        for phrase in self.items(item) if item is not None else ():
            yield self.folded(phrase)

    def word(self, item: yaml.Node, allowed: tuple[str, ...]) -> str:
        text = self.text(item)
        return text if text in allowed else str(self.fail(item, f"Here stands one of {', '.join(allowed)}."))

    def flag(self, item: yaml.Node) -> bool:
        return self.word(item, ("true", "false")) == "true"

    def names(self, item: yaml.Node) -> dict[str, str]:
        members = self.mapping(item, LOCALES)
        self.need(item, members, *LOCALES)
        return {locale: self.text(members[locale], 64) for locale in LOCALES}
