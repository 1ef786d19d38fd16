"""Every layer has the same rooms, and a room of the wiring loads no other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import chalicelib

ROOT = Path(chalicelib.__file__).parent
WIRING = sorted(path for path in (ROOT / "wiring").glob("*.py") if path.stem != "__init__")
DOORS = sorted(path for layer in ("domain", "storage", "wiring") for path in (ROOT / layer).rglob("__init__.py"))
MOST_LINES = 300


def rooms(layer: str) -> set[str]:
    return {path.parent.name for path in (ROOT / layer).glob("*/__init__.py")}


def test_a_noun_has_one_name_in_every_layer() -> None:
    assert rooms("storage") - rooms("services") == {"voice"}
    assert rooms("domain") - rooms("services") == {"voice", "text", "time"}
    assert {path.stem for path in WIRING} - rooms("services") == {"base", "frames", "upkeep"}
    assert rooms("services") <= {path.stem for path in WIRING}


@pytest.mark.parametrize("path", WIRING, ids=lambda path: path.stem)
def test_a_room_of_the_wiring_is_short_and_loads_no_other(path: Path) -> None:
    text = path.read_text("utf-8")
    loaded = [
        (node.module, [alias.name for alias in node.names])
        for node in ast.parse(text).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chalicelib")
    ]
    assert loaded == [("chalicelib", ["config"]) if path.stem == "base" else ("chalicelib.wiring", ["base"])]
    assert text.count("\n") <= MOST_LINES


@pytest.mark.parametrize("path", DOORS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_a_package_is_entered_for_nothing(path: Path) -> None:
    """Whoever imports one file of a room pays for that file."""
    assert [node for node in ast.parse(path.read_text("utf-8")).body if not isinstance(node, ast.Expr)] == []
