"""A frame as bytes that load fast: what ``python -m infra.model.packs`` writes and ``shipped`` reads.

JSON, one topic or red line a row, so that a change of a pack is readable as a change of rows. Terms that share their
polarity and their required neighbours stand together: ``[polarity, neighbours, [term, …]]``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from chalicelib.understanding.frame import Frame, Node, RedLine, Sample, Term

_NONE: Final[frozenset[str]] = frozenset()


def dump(frame: Frame) -> bytes:
    """The same frame gives the same bytes. Retired topics are no part of a pack and are not kept."""
    rows = [_row(_head(frame)), *(_row(_node(node)) for node in frame.nodes)]
    rows += [_row(_red_line(line)) for line in frame.red_lines]
    return "\n".join(rows).encode() + b"\n"


def load(data: bytes) -> Frame:
    """What ``dump`` was given. Raises ValueError or TypeError when the bytes are none of ours."""
    head, *rows = data.decode().removesuffix("\n").split("\n")
    packs, version, names, topics = json.loads(head)
    # One document parses faster than many.
    values = json.loads(f"[{','.join(rows)}]")
    nodes = tuple(
        Node(node_id, called, _terms(terms), tuple(excludes), prior, need, owner, stage, overall, _samples(samples))
        for node_id, called, terms, excludes, prior, need, owner, stage, overall, samples in values[:topics]
    )
    red_lines = tuple(
        RedLine(kind, called, _terms(terms), tuple(excludes), department, _samples(samples))
        for kind, called, terms, excludes, department, samples in values[topics:]
    )
    return Frame(tuple(packs), version, names, nodes, red_lines)


def _row(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _head(frame: Frame) -> list[Any]:
    return [frame.packs, frame.version, frame.names, len(frame.nodes)]


def _node(node: Node) -> list[Any]:
    words = [_groups(node.terms), node.excludes]
    where = [node.prior, node.need, node.department, node.stage, node.overall]
    return [node.id, node.names, *words, *where, node.samples]


def _red_line(line: RedLine) -> list[Any]:
    return [line.kind, line.names, _groups(line.terms), line.excludes, line.department, line.samples]


def _groups(terms: Sequence[Term]) -> list[Any]:
    grouped = groupby(terms, key=lambda term: (term.polarity, term.near))
    return [[polarity, sorted(near), [term.text for term in group]] for (polarity, near), group in grouped]


def _terms(groups: Sequence[Any]) -> tuple[Term, ...]:
    return tuple(
        Term(text, polarity, near)
        for polarity, words, texts in groups
        for near in (frozenset(words) if words else _NONE,)
        for text in texts
    )


def _samples(samples: Sequence[Any]) -> tuple[Sample, ...]:
    return tuple(Sample(text, expects, line) for text, expects, line in samples)
