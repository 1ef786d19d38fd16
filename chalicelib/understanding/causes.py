"""The causes that ship, loaded from their compiled form, and the graph of a frame: run time parses no YAML."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from chalicelib.domain.cases.graph import Cause, Causes, Graph, Weighed
from chalicelib.domain.cases.playbook import RED_LINE
from chalicelib.understanding import playbooks, shipped
from chalicelib.understanding.frame import Frame

FOLDER: Final = "causes"
COMPILED: Final = os.path.join(shipped.COMPILED, FOLDER)


def dump(found: Causes) -> bytes:
    """One cause or list a row. The same causes give the same bytes."""
    rows = [[one.id, one.names, one.department, one.terms] for one in found.by_id.values()]
    lists = [[topic, *listed] for topic, listed in found.topics.items()]

    def written(part: Sequence[Sequence[object]]) -> str:
        lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":"), sort_keys=True) for row in part)
        return "[" + ",\n".join(lines) + "]"

    return f"[{written(rows)},\n{written(lists)}]\n".encode()


def undump(data: bytes) -> Causes:
    """What ``dump`` kept. Raises ValueError or TypeError when the bytes are none of ours."""
    rows, lists = json.loads(data)
    by_id = {name: Cause(name, names, department, tuple(terms)) for name, names, department, terms in rows}
    return Causes(by_id, {topic: tuple(Weighed(*one) for one in listed) for topic, *listed in lists})


@lru_cache(maxsize=16)
def load(pack: str) -> Causes:
    """Those of a shipped pack; none for a pack without."""
    try:
        with open(os.path.join(COMPILED, f"{pack}.json"), "rb") as file:
            return undump(file.read())
    except FileNotFoundError:
        return Causes()


def graph_of(frame: Frame) -> Graph:
    """What the packs of a frame say; of what several say, the first one's. A retired topic has no list."""
    found = Causes()
    for pack in reversed(frame.packs):
        found = load(pack).over(found)
    departments = {node.id: node.department for node in frame.nodes}
    departments |= {RED_LINE + line.kind: line.department for line in frame.red_lines}
    lists = {topic: listed for topic, listed in found.topics.items() if topic in departments}
    return Graph(Causes(found.by_id, lists), departments, playbooks.of_frame(frame), frame.version)
