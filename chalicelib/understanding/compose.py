"""Packs and a workspace's overlay → one frame; and whether a frame passes its own test sentences.

Parses YAML only for an overlay: without one nothing but values is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.understanding.frame import Frame, Node, Sample, in_order, unite_red_lines, unite_terms


def compose(frames: Sequence[Frame], overlay: str | None = None, number: int = 0, *, strict: bool = True) -> Frame:
    """One frame of several packs and an overlay (YAML, the shape: ``overlay_file``), whose version ends in ``number``.

    Equal ids are one topic: the first pack names it, the terms of all are united, and a term that two topics claim goes
    to the first. A frame of several packs keeps no test sentences of theirs; with an overlay it keeps the overlay's.
    ``strict``: an overlay that does not fit the packs is refused. Otherwise what does not fit is left out: a workspace
    goes on with the overlay that it has when a newer pack takes an id.
    Raises FrameError (file "overlay") for the overlay, ValueError without any frame.
    """
    frame = _unite(frames)
    if not overlay or not overlay.strip():
        return frame
    from chalicelib.understanding import overlay_file

    return overlay_file.apply(frame, overlay, number, strict=strict)


def _unite(frames: Sequence[Frame]) -> Frame:
    different = list({frame.version: frame for frame in frames}.values())
    if not different:
        raise ValueError("A frame needs a pack.")
    if len(different) == 1:
        return different[0]
    nodes: dict[str, Node] = {}
    owners: dict[str, str] = {}
    for frame in different:
        for node in frame.nodes:
            nodes[node.id] = _unite_node(nodes.get(node.id), node, owners)
    return Frame(
        packs=tuple(dict.fromkeys(pack for frame in different for pack in frame.packs)),
        version="+".join(frame.version for frame in different),
        names={locale: " + ".join(frame.names[locale] for frame in different) for locale in different[0].names},
        nodes=in_order(nodes.values()),
        red_lines=unite_red_lines(line._replace(samples=()) for frame in different for line in frame.red_lines),
    )


def _unite_node(known: Node | None, node: Node, owners: dict[str, str]) -> Node:
    """``owners``: unconditional term → the topic that claimed it first; the new claims are added."""
    terms = tuple(term for term in node.terms if term.near or owners.setdefault(term.text, node.id) == node.id)
    if known is None:
        return node._replace(terms=terms, samples=())
    excludes = tuple(dict.fromkeys((*known.excludes, *node.excludes)))
    return known._replace(terms=unite_terms(known.terms, terms), excludes=excludes)


# ---------------------------------------------------------------- a frame's own sentences


class Reads(Protocol):
    """What ``reader.Reader`` is for a check."""

    def read(self, texts: Sequence[Text]) -> Understanding: ...


class Failure(NamedTuple):
    """A test sentence that the frame reads otherwise than it says. ``line`` is that of its file."""

    line: int
    topic: str  # a node's id or a red line's kind
    text: str
    expects: str
    got: tuple[str, ...]  # polarities of the topic, or the kinds of red lines crossed

    def __str__(self) -> str:
        got = ", ".join(self.got) or "none"
        return f"{self.line}: {self.topic} expects {self.expects} of {self.text!r} and got {got}"


def failures(frame: Frame, reader: Reads) -> list[Failure]:
    """The test sentences that ``reader``, made from ``frame``, fails; empty when all pass.

    A sentence must give its topic, or one below it, the polarity that it stands under; a near miss ("none") must give
    no such tag. A red line must be crossed by its hits, and none by its near misses.
    """
    checked = [_check_topic(node, sample, reader) for node in frame.nodes for sample in node.samples]
    checked += [_check_red_line(line.kind, sample, reader) for line in frame.red_lines for sample in line.samples]
    return [failure for failure in checked if failure]


def _check_topic(node: Node, sample: Sample, reader: Reads) -> Failure | None:
    tags = reader.read([Text(sample.text)]).tags
    got = _unique(tag.polarity for tag in tags if tag.topic == node.id or tag.topic.startswith(f"{node.id}."))
    passes = not got if sample.expects == "none" else sample.expects in got
    return None if passes else Failure(sample.line, node.id, sample.text, sample.expects, got)


def _check_red_line(kind: str, sample: Sample, reader: Reads) -> Failure | None:
    crossed = _unique(reader.read([Text(sample.text)]).red_lines)
    passes = not crossed if sample.expects == "none" else kind in crossed
    return None if passes else Failure(sample.line, kind, sample.text, sample.expects, crossed)


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
