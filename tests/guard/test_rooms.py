"""Every layer has the same rooms; one of the wiring loads no other, one of the HTTP face nothing before a call."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import chalicelib
from chalicelib.lambdas.api import openapi
from tests.fakes.gateway import product

ROOT = Path(chalicelib.__file__).parent
FACE = "lambdas/api"
WIRING = sorted(path for path in (ROOT / "wiring").glob("*.py") if path.stem != "__init__")
DOORS = sorted(path for layer in ("domain", "storage", "wiring", FACE) for path in (ROOT / layer).rglob("__init__.py"))
MOST_LINES = 400
FILES = sorted(path for root in (ROOT, ROOT.parent / "infra", ROOT.parent / "tests") for path in root.rglob("*.py"))
LAYERS = "|".join(sorted(path.parent.name for path in ROOT.glob("*/__init__.py")))
SPOKEN_OF = re.compile(rf"``(?:chalicelib\.)?((?:{LAYERS})(?:\.\w+)+)``")


def rooms(layer: str) -> set[str]:
    return {path.parent.name for path in (ROOT / layer).glob("*/__init__.py")}


def test_a_noun_has_one_name_in_every_layer() -> None:
    assert rooms("storage") - rooms("services") == {"voice"}
    assert rooms("domain") - rooms("services") == {"voice", "text", "time"}
    assert {path.stem for path in WIRING} - rooms("services") == {"base", "stores", "frames", "tickets", "upkeep"}
    assert rooms("services") <= {path.stem for path in WIRING}
    assert rooms("services") == rooms(FACE)


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


@pytest.mark.parametrize("room", sorted(rooms(FACE)))
def test_a_room_of_the_http_face_holds_what_its_files_are_called(room: str) -> None:
    files = sorted((ROOT / FACE / room).glob("*.py"))
    names = {path.stem for path in files} - {"__init__"}
    assert names >= {"routes", "operations"}
    assert {name.rpartition("_")[2] for name in names} <= {"routes", "operations", "schemas", "answers", "shows"}
    assert [path.name for path in files if path.read_text("utf-8").count("\n") > MOST_LINES] == []


@pytest.mark.parametrize("room", sorted(rooms(FACE)))
def test_a_room_of_the_http_face_describes_its_own_routes(room: str) -> None:
    module = f"chalicelib.lambdas.api.{room}."
    ids = {
        openapi.operation_id(by_method, method)
        for by_method in product().routes.values()
        for method, entry in by_method.items()
        if entry.view_function.__module__.startswith(module)
    }
    assert set(import_module(module + "operations").OPERATIONS) == ids


@pytest.mark.parametrize("path", sorted((ROOT / FACE).glob("*/*routes.py")), ids=lambda path: path.parent.name)
def test_routes_load_no_models_until_a_view_is_called(path: Path) -> None:
    loaded = {
        f"{node.module}.{alias.name}"
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chalicelib.")
        for alias in node.names
    }
    face = ("chalicelib.lambdas.api.caller", "chalicelib.lambdas.api.http")
    light = ("chalicelib.domain.workspaces.access", "chalicelib.errors.", *face)
    of_the_hook = ("chalicelib.wiring.base", "chalicelib.wiring.inbound") if path.parent.name == "inbound" else ()
    assert {name for name in loaded if not name.startswith((*light, *of_the_hook))} == set()


def exists(name: str) -> bool:
    """Whether a dotted name leads to a package, to a module, or to words of one."""
    place, rest = ROOT, name.split(".")
    while rest and (place / rest[0]).is_dir():
        place /= rest.pop(0)
    module = place / f"{rest[0]}.py" if rest else place / "__init__.py"
    return module.exists() and all(re.search(rf"\b{word}\b", module.read_text("utf-8")) for word in rest[1:])


def test_what_is_spoken_of_by_its_room_is_there() -> None:
    lost = [(path.name, name) for path in FILES for name in SPOKEN_OF.findall(path.read_text("utf-8"))]
    assert [(where, name) for where, name in lost if not exists(name)] == []


@pytest.mark.parametrize("name", ["services.reconcile", "services.reconcile.WatchedItems", "storage.keys.no_such_key"])
def test_what_has_moved_is_missed(name: str) -> None:
    assert SPOKEN_OF.findall(f"``{name}``") == [name]
    assert not exists(name)


@pytest.mark.parametrize("path", DOORS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_a_package_is_entered_for_nothing(path: Path) -> None:
    """Whoever imports one file of a room pays for that file."""
    assert [node for node in ast.parse(path.read_text("utf-8")).body if not isinstance(node, ast.Expr)] == []
