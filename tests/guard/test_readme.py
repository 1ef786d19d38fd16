"""The README's lists are true: a name that is added or dropped in the code must be added or dropped there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from chalicelib import config
from chalicelib.connectors import registry as connectors
from chalicelib.domain.vocabulary import EVENT_TYPES
from chalicelib.sources import registry as sources
from chalicelib.understanding import weights
from infra.demo.run import HERE
from infra.model import evaluate
from tests.fakes.gateway import product

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def section(title: str) -> str:
    """The text under one heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found, f"the README has no section {title}"
    return found[1]


def first_column(title: str) -> set[str]:
    """Every name in code type in the first column of a section's tables."""
    rows = re.findall(r"^\| (`[^|]*) \|", section(title), re.M)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_source_that_it_lists_exists() -> None:
    assert first_column("Plug in a source") <= set(sources.SOURCES)


def test_every_connector_that_it_lists_exists() -> None:
    assert first_column("Plug in an OA") <= set(connectors.CONNECTORS)


def test_every_event_that_is_sent_is_listed() -> None:
    assert set(re.findall(r"`([a-z]+\.[a-z]+)`", section("Events"))) == set(EVENT_TYPES)


def test_every_name_of_the_environment_is_listed() -> None:
    read = set(re.findall(r'env\.get\("([A-Z_]+)"', Path(config.__file__).read_text("utf-8")))
    assert first_column("Deploy") == read


def test_every_route_that_it_shows_exists() -> None:
    shown = set(re.findall(r"\$API(/[\w./-]+)", README)) | set(re.findall(r"(/v1/[a-z-]+)", README))
    known = {re.sub(r"\{\w+\}", "x", route).rstrip("/") for route in product().routes}
    for path in shown:
        whole = re.sub(r"^(/v1/rules)/.+", r"\1/x", path)
        assert any(route == whole or route.startswith(whole + "/") for route in known), path


def test_every_make_target_that_it_shows_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.M)) <= targets


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    path, _, chapter = link.partition("#")
    assert (ROOT / path).exists()
    if chapter:
        headings = re.findall(r"^#+ (.+)$", (ROOT / (path or "README.md")).read_text("utf-8"), re.M)
        assert chapter in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}


def test_every_folder_that_it_names_is_there() -> None:
    for name in first_column("Find your way"):
        assert (ROOT / name).exists(), name


def test_the_json_that_it_shows_is_json() -> None:
    for body in re.findall(r"-d '(\{.*?\})'", README, re.S):
        json.loads(body)


def test_it_names_the_number_of_voices_that_the_demo_sends() -> None:
    lines = (HERE / "voices.jsonl").read_text("utf-8").splitlines()
    sent = len(lines) + len(list((HERE / "platforms").glob("*.json")))
    assert f"{sent} voices" in README


def test_the_figures_are_those_that_were_recorded_with_the_shipped_model() -> None:
    recorded = evaluate.RECORD.read_text("utf-8")
    assert f"Model `{weights.load().version}`, dev rows." in recorded, "make eval DATA=… RECORD=1"
    assert evaluate.with_promises(README, recorded) == README
