"""The labelled sets that a build reads, with the licence of each and what it may be used for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

NONE: Final = "none stated"


@dataclass(frozen=True, slots=True)
class Licence:
    """``terms`` as published; ``open``: a licence that lets weights be shipped; ``trains``: used here."""

    terms: str
    open: bool
    trains: bool
    role: str
    source: str


_CHINESE_NLP: Final = "SophonPlus/ChineseNlpCorpus@a0b781d"
_ABSA: Final = "yangheng95/ABSADatasets@676bcd3"
_SEMEVAL: Final = "SemEval-2016 task 5: its own, non-commercial terms"

LICENCES: Final[dict[str, Licence]] = {
    "waimai": Licence(NONE, False, True, "polarity, catering", _CHINESE_NLP),
    "hotel": Licence(NONE, False, True, "polarity, hotel", _CHINESE_NLP),
    "shop": Licence(NONE, False, True, "polarity, ecommerce", _CHINESE_NLP),
    "zhijiang": Licence(NONE + " (contest)", False, True, "topics and clause polarity, ecommerce", "Zhijiang cup 2019"),
    "bdci_car": Licence(NONE + " (contest)", False, True, "topics and clause polarity, auto", "CCF BDCI 2018"),
    "zhang_rest_triplets": Licence("MIT (repository)", True, True, "polarity of clauses, catering", _ABSA),
    **{
        f"absa_{name}": Licence("MIT (repository)", True, True, "polarity of clauses", _ABSA)
        for name in ("camera", "car", "hair", "mooc", "notebook", "phone")
    },
    "eprstmt": Licence(NONE, False, False, "measuring only: e-commerce never seen", "CLUEbenchmark/FewCLUE@62a02c6"),
    "aichallenger": Licence(NONE + " (contest)", False, False, "measuring only: catering", "AI Challenger 2018"),
    "asap_sample": Licence("Apache-2.0", True, False, "measuring only: catering", "Meituan-Dianping/asap"),
    **{
        f"se16_{name}": Licence(_SEMEVAL, False, False, "left out: no commercial use", "SemEval-2016 task 5")
        for name in ("camera", "phone", "rest", "lapt")
    },
    "airline": Licence("non-commercial", False, False, "left out: no commercial use", "CrowdFlower, US airline tweets"),
    "banking77": Licence("CC BY 4.0", True, False, "unused: intents, no polarity", "PolyAI-LDN/task-specific-datasets"),
    "clinc150": Licence("CC BY 3.0", True, False, "unused: intents, no polarity", "clinc/oos-eval"),
}


@dataclass(frozen=True, slots=True)
class Sets:
    """A folder of ``NAME.jsonl.gz``. ``open_only``: sets without an open licence read as empty."""

    folder: Path
    open_only: bool = False

    def trains(self, name: str) -> bool:
        """Whether ``name`` is there and may train shipped weights."""
        licence = LICENCES.get(name)
        allowed = licence is not None and licence.trains and (licence.open or not self.open_only)
        return allowed and self.path(name).exists()

    def path(self, name: str) -> Path:
        """The set's file."""
        return self.folder / f"{name}.jsonl.gz"

    def train(self, name: str) -> list[dict[str, Any]]:
        """The train rows of ``name`` in the file's order; empty when it may not train. Never a row of
        another split or of none."""
        return [row for row in self._rows(name) if row.get("split") == "train"] if self.trains(name) else []

    def used(self) -> dict[str, int]:
        """Sets that train here, and how many rows of each."""
        return {name: len(self.train(name)) for name in LICENCES if self.trains(name)}

    def date(self) -> str:
        """Year and month in which the youngest file of the folder was last changed in its archive (gzip header), or
        ``undated``: taken from the data, so that the same data give the same version."""
        stamps = [int.from_bytes(path.read_bytes()[4:8], "little") for path in sorted(self.folder.glob("*.jsonl.gz"))]
        youngest = max(stamps, default=0)
        return datetime.fromtimestamp(youngest, timezone.utc).strftime("%Y.%m") if youngest else "undated"

    def _rows(self, name: str) -> Iterator[dict[str, Any]]:
        with gzip.open(self.path(name), "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
