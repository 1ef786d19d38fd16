"""The model card: first which sets state no licence, then what was learned, left out and reached."""

import gzip
import json
from pathlib import Path

import pytest

from chalicelib.understanding.polarity import FEATURES
from infra.model import artefact, card, evaluate
from infra.model.artefact import ColumnPart, Parts
from infra.model.sets import Sets


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """(sets, artefact) of a small build; what it reaches is not measured here."""
    monkeypatch.setattr(evaluate, "measure", lambda *_: [])
    data, model = tmp_path / "data", tmp_path / "model"
    data.mkdir()
    row = json.dumps({"t": "好", "y": 1, "q": [], "split": "train"}).encode()
    for name in ("waimai", "zhang_rest_triplets", "airline"):
        (data / f"{name}.jsonl.gz").write_bytes(gzip.compress(row, mtime=1_700_000_000))
    packs = {"": {"second": [0.0] * len(FEATURES), "intercept": 0.0, "curve": [[0.0, 0.0]]}}
    artefact.write(model, [Parts([ColumnPart("document", {"好": 1.0}, {"bias": 0.0, "packs": packs})])], {}, "2026.11")
    return data, model


def test_sets_without_a_licence_are_named_first(folders: tuple[Path, Path], tmp_path: Path) -> None:
    data, model = folders
    card.write(Sets(data), model, (1000, 500), tmp_path / "CARD.md")
    lines = (tmp_path / "CARD.md").read_text(encoding="utf-8").splitlines()
    assert lines[2] == "**Learned from sets that state no licence: waimai.**"
    learned = [line for line in lines if line.startswith(("| waimai", "| zhang"))]
    assert [line.split(" | ")[2] for line in learned] == ["none stated", "MIT (repository)"]
    assert any(line.startswith("| airline | non-commercial | left out") for line in lines)


def test_an_open_build_adds_its_chapter_and_leaves_the_rest(folders: tuple[Path, Path], tmp_path: Path) -> None:
    data, model = folders
    path = tmp_path / "CARD.md"
    card.write(Sets(data), model, (1000, 500), path)
    before = path.read_text(encoding="utf-8").partition(card.OPEN_TABLE)[0]
    card.write(Sets(data, open_only=True), model, (1000, 500), path)
    assert path.read_text(encoding="utf-8").startswith(before)
    assert "Learned from zhang_rest_triplets." in path.read_text(encoding="utf-8")
    card.write(Sets(data), model, (1000, 500), path)
    assert "Learned from zhang_rest_triplets." in path.read_text(encoding="utf-8")
