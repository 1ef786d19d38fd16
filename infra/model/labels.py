"""Label files: what the nodes of a pack are called in a labelled set, ``chalicelib/packs/labels/<set>.yaml``.

The shape::

    set: zhijiang
    pack: ecommerce
    labels:
      物流: [logistics]                 the first node is the head: the one trained from the label's rows
      包装: [logistics.packaging]       a node speaks for what hangs below it, unless that is named itself
    silent: [order]                     nodes that have no label in the set; what hangs below them neither
    also: {product: [功效, 气味]}        a general node whose mention the set's people count under these labels too
    whole: 整体                          the label of the whole text: whatever it says something about, it says it too
    balanced: true                      the set gives a label one polarity a text, all that is said weighed together
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

_NEEDED: Final = frozenset({"set", "pack", "labels"})
_OPTIONAL: Final = dict.fromkeys(("silent", "also", "whole", "balanced")).keys()
FOLDER: Final = Path(__file__).resolve().parents[2] / "chalicelib" / "packs" / "labels"


@dataclass(frozen=True)
class Labels:
    """One set's words for one pack's nodes."""

    set: str
    pack: str
    heads: Mapping[str, str]  # label → the node trained from its rows
    nodes: Mapping[str, str | None]  # node → label; None: silent
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # node → labels that it has besides its own
    whole: str | None = None
    balanced: bool = False

    def label_of(self, node: str) -> str | None:
        """The label of the nearest of ``node`` and its ancestors that is named; None when none is, or it is silent."""
        return self.nodes.get(self._named(node))

    def _named(self, node: str) -> str:
        while node and node not in self.nodes:
            node = node.rpartition(".")[0]
        return node

    def said(self, tags: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
        """(node, sign) of a text's tags → (label, sign) in the set's own words, each once and in order of place."""
        pairs = [
            (label, sign)
            for node, sign in tags
            for label in (self.label_of(node), *self.also.get(self._named(node), ()))
            if label is not None
        ]
        if self.whole is not None:
            pairs += [(self.whole, sign) for _, sign in pairs]
        if self.balanced:
            sums: dict[str, int] = {}
            for label, sign in pairs:
                sums[label] = sums.get(label, 0) + sign
            pairs = [(label, (total > 0) - (total < 0)) for label, total in sums.items()]
        return list(dict.fromkeys(pairs))

    def governed(self, ids: Collection[str]) -> dict[str, str]:
        """node → the head of its label, for those of ``ids`` that have one."""
        return {node: self.heads[label] for node in ids if (label := self.label_of(node)) is not None}


def load(name: str, folder: Path = FOLDER) -> Labels:
    """The label file of a set. Raises OSError when there is none, ValueError (with the file) when it is wrong."""
    path = folder / f"{name}.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or not _NEEDED <= set(data) <= _NEEDED | _OPTIONAL:
        raise ValueError(f"{path.name}: The members are set, pack, labels and, where needed, {', '.join(_OPTIONAL)}.")
    nodes: dict[str, str | None] = {}
    pairs = [(node, str(label)) for label, named in data["labels"].items() for node in named]
    for node, label in [*pairs, *((node, None) for node in data.get("silent", ()))]:
        if node in nodes:
            raise ValueError(f"{path.name}: The node {node} stands here twice.")
        nodes[node] = label
    heads = {str(label): named[0] for label, named in data["labels"].items()}
    return Labels(
        set=str(data["set"]),
        pack=str(data["pack"]),
        heads=heads,
        nodes=nodes,
        also={node: tuple(others) for node, others in data.get("also", {}).items()},
        whole=data.get("whole"),
        balanced=bool(data.get("balanced", False)),
    )
