"""What may train: train rows of sets that are allowed to, and of open ones alone when asked."""

import gzip
import json
from pathlib import Path

import pytest

from infra.model.sets import LICENCES, Sets


def _folder(tmp_path: Path, *names: str) -> Path:
    for name in names:
        rows = [{"t": "好", "y": 1, "split": "train"}, {"t": "坏", "y": 0, "split": "dev"}]
        content = "\n".join(map(json.dumps, rows)).encode()
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(content, mtime=1_700_000_000))
    return tmp_path


def test_only_train_rows_are_read(tmp_path: Path) -> None:
    assert [row["t"] for row in Sets(_folder(tmp_path, "waimai")).train("waimai")] == ["好"]


def test_a_row_without_a_split_never_trains(tmp_path: Path) -> None:
    rows = [{"t": "好", "y": 1}, {"t": "坏", "y": 0, "split": "train"}]
    (tmp_path / "waimai.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    assert [row["t"] for row in Sets(tmp_path).train("waimai")] == ["坏"]


@pytest.mark.parametrize(
    "name", ["se16_phone", "se16_camera", "se16_rest", "se16_lapt", "airline", "eprstmt", "asap_sample", "aichallenger"]
)
def test_sets_that_forbid_it_or_only_measure_never_train(tmp_path: Path, name: str) -> None:
    assert Sets(_folder(tmp_path, name)).train(name) == []


def test_a_set_nobody_described_never_trains(tmp_path: Path) -> None:
    assert Sets(_folder(tmp_path, "found_somewhere")).train("found_somewhere") == []


def test_an_open_build_reads_open_sets_alone(tmp_path: Path) -> None:
    names = ("waimai", "hotel", "shop", "zhijiang", "bdci_car", "zhang_rest_triplets", "absa_phone")
    assert set(Sets(_folder(tmp_path, *names), open_only=True).used()) == {"zhang_rest_triplets", "absa_phone"}
    assert set(Sets(tmp_path).used()) == set(names)


def test_the_date_comes_from_the_data(tmp_path: Path) -> None:
    assert Sets(tmp_path).date() == "undated"
    assert Sets(_folder(tmp_path, "waimai")).date() == "2023.11"


def test_every_licence_says_what_the_set_is_for() -> None:
    assert all(one.terms and one.role and one.source for one in LICENCES.values())
