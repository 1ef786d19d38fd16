"""Label files: nodes of a pack in the words of a labelled set."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.model import labels, packs

SETS = tuple(sorted(path.stem for path in labels.FOLDER.glob("*.yaml")))
CATERING = """
set: mine
pack: catering
labels:
  food: [product, product.taste]
  place: [environment]
  noise: [environment.noise]
silent: [product.hygiene]
"""


def written(tmp_path: Path, *members: str) -> labels.Labels:
    (tmp_path / "mine.yaml").write_text(CATERING + "\n".join(members), encoding="utf-8")
    return labels.load("mine", tmp_path)


def test_a_node_speaks_for_what_hangs_below_it_unless_that_is_named_or_silent(tmp_path: Path) -> None:
    mine = written(tmp_path)
    assert mine.label_of("environment.space") == "place"
    assert mine.label_of("environment.noise") == "noise"
    assert mine.label_of("product.hygiene.kitchen") is None
    assert mine.label_of("price.level") is None


def test_what_is_said_stands_once_in_order_of_place(tmp_path: Path) -> None:
    tags = [("environment.space", 1), ("price.level", 1), ("product.taste", -1), ("environment", 1), ("environment", 0)]
    assert written(tmp_path).said(tags) == [("place", 1), ("food", -1), ("place", 0)]


def test_a_general_node_counts_under_more_labels(tmp_path: Path) -> None:
    mine = written(tmp_path, "also: {environment: [noise]}")
    assert mine.said([("environment.space", 1)]) == [("place", 1), ("noise", 1)]
    assert mine.said([("environment.noise", -1)]) == [("noise", -1)]


def test_the_whole_is_said_with_whatever_is_said(tmp_path: Path) -> None:
    mine = written(tmp_path, "whole: all")
    assert mine.said([("product", -1)]) == [("food", -1), ("all", -1)]
    assert mine.said([("price.level", 1)]) == []


def test_balanced_weighs_what_is_said_of_a_label(tmp_path: Path) -> None:
    mine = written(tmp_path, "balanced: true")
    tags = [("product", -1), ("product.taste", -1), ("product", 1), ("environment", 1), ("environment", -1)]
    assert mine.said(tags) == [("food", -1), ("place", 0)]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            "extra: 1",
            r"mine\.yaml: The members are set, pack, labels and, where needed, silent, also, whole, balanced\.",
        ),
        ("silent: [product]", r"mine\.yaml: The node product stands here twice\."),
    ],
)
def test_a_wrong_file_is_refused_with_what_would_be_right(tmp_path: Path, members: str, message: str) -> None:
    text = CATERING.replace("silent: [product.hygiene]", "") + members
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        labels.load("mine", tmp_path)


@pytest.mark.parametrize("name", SETS)
def test_a_shipped_file_names_nodes_of_its_pack(name: str) -> None:
    mine = labels.load(name)
    assert mine.set == name
    known = packs.read(packs.SOURCES / f"{mine.pack}.yaml").by_id
    assert {*mine.nodes, *mine.also} <= set(known)
    assert {label for others in mine.also.values() for label in others} <= set(mine.heads)
    assert mine.whole is None or mine.whole in mine.heads
