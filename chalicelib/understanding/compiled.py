"""A frame as bytes that load fast: what ``python -m infra.model.packs`` writes and ``shipped`` reads.

JSON, one topic or red line a row, so that a change of a pack is readable as a change of rows. Terms that share their
polarity and their required neighbours stand together: ``[polarity, neighbours, [term, …]]``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby, repeat
from typing import Any, Final

from chalicelib.understanding.frame import Frame, Node, RedLine, Term

_NONE: Final[frozenset[str]] = frozenset()


def dump(frame: Frame) -> bytes:
    """The same frame gives the same bytes. Retired topics and test sentences are not for the run time and not kept."""
    rows = [_row(_head(frame)), *(_row(_node(node)) for node in frame.nodes)]
    rows += [_row(_red_line(line)) for line in frame.red_lines]
    return "\n".join(rows).encode() + b"\n"


def load(data: bytes) -> Frame:
    """What ``dump`` kept. Raises ValueError or TypeError when the bytes are none of ours."""
    head, *rows = data.decode().removesuffix("\n").split("\n")
    packs, version, names, topics = json.loads(head)
    # One document parses faster than many.
    values = json.loads(f"[{','.join(rows)}]")
    nodes = tuple(
        Node(node_id, called, _terms(terms), tuple(excludes), prior, need, owner, stage, overall)
        for node_id, called, terms, excludes, prior, need, owner, stage, overall in values[:topics]
    )
    red_lines = tuple(
        RedLine(kind, called, _terms(terms), tuple(excludes), department, (), _suspects(suspects))
        for kind, called, terms, excludes, department, suspects in values[topics:]
    )
    return Frame(tuple(packs), version, names, nodes, red_lines)


def _row(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _head(frame: Frame) -> list[Any]:
    return [frame.packs, frame.version, frame.names, len(frame.nodes)]


def _node(node: Node) -> list[Any]:
    words = [_groups(node.terms), node.excludes]
    return [node.id, node.names, *words, node.prior, node.need, node.department, node.stage, node.overall]


def _red_line(line: RedLine) -> list[Any]:
    suspects = [[reach, _groups(list(terms))] for reach, terms in groupby(line.suspects, key=lambda term: term.reach)]
    return [line.kind, line.names, _groups(line.terms), line.excludes, line.department, suspects]


def _groups(terms: Sequence[Term]) -> list[Any]:
    grouped = groupby(terms, key=lambda term: (term.polarity, term.near))
    return [[polarity, sorted(near), [term.text for term in group]] for (polarity, near), group in grouped]


def _suspects(reaching: Sequence[Any]) -> tuple[Term, ...]:
    return tuple(term for reach, groups in reaching for term in _terms(groups, reach))


def _terms(groups: Sequence[Any], reach: int = 0) -> tuple[Term, ...]:
    return tuple(
        term
        for polarity, words, texts in groups
        for term in map(Term, texts, repeat(polarity), repeat(frozenset(words) if words else _NONE), repeat(reach))
    )
