"""The measurements behind ``make eval``: labelled rows in, figures with their 95 % intervals out.

A *probe* is the shipped artefact (or another one) ready to read: with the model, or by the lexicon alone.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chalicelib.domain.voice.understanding import Text, Understanding
from chalicelib.understanding import shipped
from chalicelib.understanding.reader import Reader
from chalicelib.understanding.weights import Weights
from infra.model import hard_cases, metrics, voices
from infra.model import labels as label_files
from infra.model.metrics import Interval
from infra.model.read import SIGN, labelled, positive

# Nothing of these sets ever trains or tunes the weights, so every row of them measures, whatever its split.
ONLY_MEASURED: Final = frozenset({"eprstmt", "asap_sample"})
PACK_OF: Final = {
    "waimai": "catering",
    "hotel": "hotel",
    "shop": "ecommerce",
    "eprstmt": "ecommerce",
    "zhijiang": "ecommerce",
    "bdci_car": "auto",
    "aichallenger": "catering",
    "asap_sample": "catering",
    "zhang_rest_triplets": "catering",
    "absa_camera": "ecommerce",
    "absa_car": "auto",
    "absa_hair": "ecommerce",
    "absa_mooc": "ecommerce",
    "absa_notebook": "ecommerce",
    "absa_phone": "ecommerce",
    "se16_phone": "ecommerce",
    "se16_camera": "ecommerce",
    "se16_lapt": "ecommerce",
    "se16_rest": "catering",
    "airline": "airline",
}
DOCUMENTS: Final = ("waimai", "hotel", "shop", "eprstmt")
POOLED: Final = ("waimai", "hotel", "shop")  # what the slices are cut from
COVERAGES: Final = (1.0, 0.95, 0.9, 0.8)
CONTRAST: Final = re.compile("但是|不过|就是")
NEGATION: Final = re.compile("[不没無无未别非勿]")

Row = dict[str, Any]


class Lacks(KeyError):
    """A row of ``name`` has no ``member``."""

    def __init__(self, name: str, member: str) -> None:
        super().__init__(name, member)
        self.name, self.member = name, member


class _Row(Row):
    """A row that says whose it is when a member is asked for that it has not."""

    def __init__(self, name: str, members: Row) -> None:
        super().__init__(members)
        self._name = name

    def __missing__(self, member: str) -> Any:
        raise Lacks(self._name, member)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table. ``floor`` and ``aim`` are what the product is held to, None where nothing is promised;
    ``falls``: less is better."""

    id: str
    title: str
    found: Interval
    floor: float | None = None
    aim: float | None = None
    falls: bool = False

    @property
    def verdict(self) -> str:
        """aim | met | below | "" where nothing is promised."""
        if self.floor is None or self.aim is None:
            return ""
        sign = -1 if self.falls else 1
        bars = (("aim", self.aim), ("met", self.floor))
        return next((word for word, bar in bars if sign * (self.found.value - bar) >= 0), "below")


@dataclass(frozen=True, slots=True)
class Table:
    """Figures under one heading, how they were reached, and lines that explain them."""

    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    spread: str = "95 % interval"  # what the two ends beside a value are


# Figure → floor, aim; "≤" marks those that should be small.
PROMISES: Final[dict[str, tuple[float, float]]] = {
    "waimai@100": (0.91, 0.92),
    "hotel@100": (0.895, 0.91),
    "shop@100": (0.935, 0.945),
    "eprstmt@100": (0.87, 0.90),
    "waimai@90": (0.94, 0.95),
    "shop@90": (0.965, 0.97),
    "zhijiang topics micro": (0.915, 0.93),
    "zhijiang topics macro": (0.80, 0.85),
    "zhijiang topics micro, lexicon": (0.84, 0.87),
    "zhijiang pairs": (0.867, 0.89),
    "zhijiang negative given the clause": (0.75, 0.80),
    "bdci_car topics micro": (0.87, 0.88),
    "bdci_car pairs": (0.61, 0.66),
    "aichallenger topics micro": (0.70, 0.76),
    "contrast": (0.90, 0.92),
    "hard cases": (0.85, 0.85),
}
CEILINGS: Final[dict[str, float]] = {
    "negation gap": 0.015,
    "waimai calibration": 0.03,
    "shop calibration": 0.03,
    "zhijiang calibration": 0.03,
}


def figure(name: str, title: str, found: Interval) -> Figure:
    """A figure with what is promised of it."""
    if name in CEILINGS:
        return Figure(name, title, found, CEILINGS[name], CEILINGS[name], falls=True)
    floor, aim = PROMISES.get(name, (None, None))
    return Figure(name, title, found, floor, aim)


@dataclass
class Probe:
    """A folder of labelled sets, read with one artefact. Each set is read once per way of reading.

    Sets in ``left_out`` read as empty.
    """

    data: Path
    split: str
    weights: Weights | None  # None: by the lexicon alone
    left_out: set[str] = field(default_factory=set)
    _readers: dict[tuple[str, bool], Reader] = field(default_factory=dict)
    _readings: dict[tuple[str, bool], list[Understanding]] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The sets of the folder."""
        return sorted(path.name.removesuffix(".jsonl.gz") for path in self.data.glob("*.jsonl.gz"))

    def rows(self, name: str) -> list[Row]:
        """The rows to measure on; none when the folder has no such set, or the product no such pack.

        A row without a split is of the one that is measured, and never of ``train``.
        """
        path = self.data / f"{name}.jsonl.gz"
        if name in self.left_out or not path.exists() or PACK_OF[name] not in shipped.packs():
            return []
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found = [_Row(name, json.loads(line)) for line in lines]
        unsaid = None if self.split == "train" else self.split
        return [row for row in found if name in ONLY_MEASURED or (row.get("split") or unsaid) == self.split]

    def reader(self, pack: str, *, lexicon: bool = False) -> Reader:
        """A compiled reader of a shipped pack."""
        if (pack, lexicon) not in self._readers:
            self._readers[pack, lexicon] = Reader(shipped.load(pack), None if lexicon else self.weights)
        return self._readers[pack, lexicon]

    def read(self, name: str, *, lexicon: bool = False) -> list[Understanding]:
        """What the product makes of every row of a set, under the set's pack."""
        if name in self.left_out:
            return []
        if (name, lexicon) not in self._readings:
            texts = [Text(row["t"]) for row in self.rows(name)]
            reader = self.reader(PACK_OF[name], lexicon=lexicon) if texts else None
            self._readings[name, lexicon] = [reader.read([text], explains=False) for text in texts] if reader else []
        return self._readings[name, lexicon]


# --- polarity of whole voices -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Row by row: how sure, and whether right."""

    sure: list[float]
    right: list[bool]

    def where(self, keep: Iterable[bool]) -> Verdicts:
        kept = [place for place, wanted in enumerate(keep) if wanted]
        return Verdicts([self.sure[place] for place in kept], [self.right[place] for place in kept])

    def accuracy(self, coverage: float = 1.0) -> Interval:
        return metrics.at_coverage(self.sure, self.right, coverage)


def verdicts(readings: Sequence[Understanding], good: Sequence[bool]) -> Verdicts:
    """A voice is called good from a probability of one half up."""
    return Verdicts(
        [reading.confidence for reading in readings],
        [(positive(reading) >= 0.5) == truth for reading, truth in zip(readings, good, strict=True)],
    )


def of_documents(probe: Probe, name: str) -> Verdicts:
    """The verdicts on a set whose rows are good or bad as a whole."""
    return verdicts(probe.read(name), [row["y"] == 1 for row in probe.rows(name)])


def polarity(probe: Probe) -> Table:
    """Accuracy on whole reviews at falling coverage, the least sure left out; the weak domains by name."""
    figures = []
    for name in DOCUMENTS:
        found = of_documents(probe, name)
        for coverage in COVERAGES if found.right else ():
            percent = round(coverage * 100)
            figures.append(figure(f"{name}@{percent}", f"{name}, {percent} % covered", found.accuracy(coverage)))
    found, rows = of_documents(probe, "shop"), probe.rows("shop")
    for category in sorted({row["cat"] for row in rows}):
        part = found.where(row["cat"] == category for row in rows)
        figures.append(figure(f"shop {category}", f"shop, {category}", part.accuracy()))
    cars = of_cars(probe)
    if cars.right:
        figures.append(figure("cars", "car posts that are not neutral", cars.accuracy()))
    return Table(
        "1. Polarity of whole voices: accuracy",
        figures,
        ["Good from a probability of 0.5 up; coverage keeps the rows of highest confidence. Intervals: Wilson."],
    )


def of_cars(probe: Probe) -> Verdicts:
    """Posts of bdci_car that say good or bad of something, and not both."""
    signs = [{sign for _, sign in row["labels"] if sign} for row in probe.rows("bdci_car")]
    decided = [(reading, sign) for reading, sign in zip(probe.read("bdci_car"), signs, strict=True) if len(sign) == 1]
    return verdicts([reading for reading, _ in decided], [sign == {1} for _, sign in decided])


def others(probe: Probe) -> Table:
    """English, and Chinese sets whose terms keep them out of training: polarity of rows that are good or bad."""
    figures = []
    for name in ("airline", "se16_rest", "se16_lapt", "se16_phone", "se16_camera"):
        signs = [_signs(row) for row in probe.rows(name)]
        if any(signs):
            pairs = [(one, sign) for one, sign in zip(probe.read(name), signs, strict=True) if len(sign) == 1]
            found = verdicts([one for one, _ in pairs], [sign == {1} for _, sign in pairs])
            figures.append(figure(name, name, found.accuracy()))
    return Table("6. Never trained on: polarity of rows that are good or bad, not both", figures)


def _signs(row: Row) -> set[int]:
    """The polarities of a row that are not neutral."""
    if "labels" in row:
        return {sign for _, sign in row["labels"] if sign}
    return {SIGN[row["y"]]} - {0}


# --- topics -------------------------------------------------------------------------------------------------------


def topics(probe: Probe) -> Table:
    """F1 of labels and of (label, polarity) pairs, with the model and by the lexicon alone."""
    figures = []
    for name in ("zhijiang", "bdci_car", "aichallenger", "asap_sample"):
        for lexicon in (False, True) if probe.rows(name) and (label_files.FOLDER / f"{name}.yaml").exists() else ():
            how = ", lexicon" if lexicon else ""
            pairs, labels = label_sets(probe, name, lexicon=lexicon)
            figures += [
                figure(f"{name} topics micro{how}", f"{name} topics, micro-F1{how}", labels.micro()),
                figure(f"{name} topics macro{how}", f"{name} topics, macro-F1{how}", labels.macro()),
                figure(f"{name} pairs{how}", f"{name} (topic, polarity) pairs, micro-F1{how}", pairs.micro()),
            ]
    return Table(
        "2. Topics: F1",
        figures,
        ["Intervals: bootstrap over rows. Macro: mean over the labels that the rows have."],
    )


def label_sets(probe: Probe, name: str, *, lexicon: bool = False) -> tuple[metrics.Sets, metrics.Sets]:
    """(pairs, labels) of a set: what its rows say, and what the product's tags say in the set's words."""
    words = label_files.load(name)
    gold = [{(str(label), int(sign)) for label, sign in row["labels"]} for row in probe.rows(name)]
    found = [set(labelled(reading.tags, words)) for reading in probe.read(name, lexicon=lexicon)]
    pairs = metrics.Sets([frozenset(one) for one in gold], [frozenset(one) for one in found])
    return pairs, metrics.Sets([_labels(one) for one in gold], [_labels(one) for one in found])


def _labels(pairs: set[tuple[str, int]]) -> frozenset[object]:
    return frozenset(label for label, _ in pairs)


# --- what is hard -------------------------------------------------------------------------------------------------


def slices(probe: Probe) -> Table:
    """Reviews with a contrast or a negation in them, against the rest; the hand-written hard cases."""
    pooled, texts = Verdicts([], []), []
    for name in POOLED:
        found = of_documents(probe, name)
        pooled.sure.extend(found.sure)
        pooled.right.extend(found.right)
        texts += [row["t"] for row in probe.rows(name)]
    figures = []
    if texts:
        contrast, negated = ([bool(pattern.search(text)) for text in texts] for pattern in (CONTRAST, NEGATION))
        with_it, rest = pooled.where(negated).accuracy(), pooled.where(not one for one in negated).accuracy()
        figures = [
            figure("contrast", "with 但是, 不过 or 就是", pooled.where(contrast).accuracy()),
            figure("no contrast", "without", pooled.where(not one for one in contrast).accuracy()),
            figure("negation", "with a negator", with_it),
            figure("no negation", "without", rest),
            figure("negation gap", "without less with a negator", metrics.difference(rest, with_it)),
        ]
    reader = probe.reader(hard_cases.PACK)
    right = [not hard_cases.missed(case, reader) for case in hard_cases.cases()]
    figures.append(figure("hard cases", "hand-written hard cases", metrics.share(sum(right), len(right))))
    return Table(
        "3. Slices: accuracy of polarity on " + ", ".join(POOLED),
        figures,
        [f"Negators: any of {NEGATION.pattern[1:-1]}. Hard cases: tests/fixtures/hard_cases.yaml, every claim right."],
    )


def trades(probe: Probe) -> Table:
    """The hand-written voices of every trade: those from which the packs' words were mended, and fresh ones."""
    figures = []
    for part in ("known", "fresh"):
        found = voices.total(
            voices.score(voice, probe.reader(voice.pack).read(voices.text_of(voice), explains=False))
            for voice in voices.voices()
            if voice.part == part
        )
        figures += [
            figure(
                f"{part} found", f"{part}: expected tags that are found", metrics.share(found.found, found.expected)
            ),
            figure(f"{part} right", f"{part}: tags that are right", metrics.share(found.right, found.given)),
            figure(f"{part} sides", f"{part}: good and bad voices", metrics.share(found.agreed, found.sided)),
        ]
    notes = ["tests/fixtures/voices.yaml. A tag is right with node and polarity; one below the line is not counted."]
    return Table("7. Hand-written voices of seven trades", figures, notes)


# --- calibration --------------------------------------------------------------------------------------------------


def calibration(probe: Probe) -> Table:
    """How far the confidence that is shown lies from how often it is right."""
    figures = []
    for name in DOCUMENTS:
        figures += _calibrated(name, "polarity", of_documents(probe, name))
    for name in ("zhijiang", "bdci_car"):
        figures += _calibrated(name, "tags (topic and polarity)", of_tags(probe, name))
    return Table(
        "4. Expected calibration error",
        figures,
        [
            f"Rows by confidence in {metrics.BINS} bins of equal width; mean of |right - confidence| over bins.",
            "By chance: what a reader who is right exactly as often as it says gets from so many rows.",
        ],
    )


def _calibrated(name: str, what: str, found: Verdicts) -> list[Figure]:
    if not found.right:
        return []
    wrong = metrics.calibration_error(found.sure, found.right)
    equal = metrics.calibration_error(found.sure, found.right, equal=True)
    chance = metrics.calibration_by_chance(found.sure)
    return [
        figure(f"{name} calibration", f"{name}, {what}", wrong),
        figure(f"{name} calibration by chance", f"{name}, the same by chance", chance),
        figure(f"{name} calibration in equal bins", f"{name}, the same in bins of equal numbers", equal),
    ]


def of_tags(probe: Probe, name: str) -> Verdicts:
    """Each (label, polarity) that the product claims, at the confidence of its surest tag."""
    words, found = label_files.load(name), Verdicts([], [])
    for row, reading in zip(probe.rows(name), probe.read(name), strict=True):
        gold = {(str(label), int(sign)) for label, sign in row["labels"]}
        claimed: dict[tuple[str, int], float] = {}
        for tag in reading.tags:
            for pair in labelled([tag], words):
                claimed[pair] = max(tag.confidence, claimed.get(pair, 0.0))
        found.sure.extend(claimed.values())
        found.right.extend(pair in gold for pair in claimed)
    return found
