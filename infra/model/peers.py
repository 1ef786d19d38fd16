"""Speed: of the shipped reader on one core, beside snownlp and fastText on the same texts in the same run.

Ours is the app as it is packaged, compiled where that can be done here. Every engine runs in fresh processes of its
own, the engines by turns. What is counted is CPU time, so that a busy machine disturbs little; compare figures of one
run only. The peers live in ``.venv-peers``, which ``make eval`` makes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from infra import build, native
from infra.model.measures import PACK_OF, Figure, Probe, Table
from infra.model.metrics import Interval

ROOT: Final = Path(__file__).resolve().parents[2]
PEERS: Final = ROOT / ".venv-peers" / "bin" / "python"
STOPWATCH: Final = Path(__file__).with_name("stopwatch.py")
TEXTS_FROM: Final = "shop"
TURNS: Final = 7
STARTS: Final = 21
SHORT: Final = (20, 24)  # characters of a review of about 22
LONG: Final = (180, 220)
MOST: Final = {"ours": 200, "explained": 200, "fasttext": 200, "snownlp": 40}  # texts of a length; snownlp is slow
JUDGED: Final = 300  # rows on which the engines' accuracy is compared
TRAINED_ON: Final = 10_000
SIZES: Final = (2_500, 20_000)
LEAST_FASTER: Final = {"snownlp": 20.0}
STRETCH: Final = 2.0  # how far time per character may rise between the two sizes; quadratic growth would be 8

_LOAD: Final = """
from chalicelib.understanding import shipped, weights
from chalicelib.understanding.reader import Reader
Reader(shipped.load("ecommerce"), weights.load())
"""
_REPORT: Final = """
import time
spent = time.process_time()
from infra.model import stopwatch
print(spent, stopwatch.most_memory())
"""
# What a text may be made of to make a reader work: each is repeated up to the size.
HOSTILE: Final = {
    "a review again and again": "物流很快,但是包装破了,客服也不理人。质量没有想象中好!",
    "one clause without an end": "快递包装客服质量价格",
    "negators": "不",
    "negated without an end": "不是不",
    "contrasts": "但是",
    "praise": "好",
    "commas": ",",
    "blanks": " ",
    "brackets": "【（",
    "emoji": "👍🏽",
    "combining marks": "e\u0301\u0323",
    "full width": "ＡＢ１，",
    "traditional": "質量",
    "one letter": "a",
    "words": "not good but ",
    "numbers": "13800138000",
}


def speed(probe: Probe) -> Table:
    """Every figure of speed. The peers' are left out, and that is said, where ``.venv-peers`` is not."""
    rows = [*probe.rows(TEXTS_FROM), *probe.rows("waimai")]
    texts = {name: _of_length(rows, *span) for name, span in (("short", SHORT), ("long", LONG))}
    if not all(texts.values()):
        return Table("5. Speed", [], ["There are no texts of these lengths in the folder."])
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder, "app")
        made = _packaged(app)
        figures, notes = _against(app, probe, rows, texts)
        figures += [*_start(app), *_growth(app)]
    return Table("5. Speed on one core, CPU time", figures, [made, *notes], "least, most")


def _packaged(app: Path) -> str:
    """Lay out the app in the folder ``app`` as a package for this machine has it; whether it is compiled, in words."""
    build.stage_sources(ROOT, app)
    target = build.local_target()
    if lacking := native.missing(target):
        return f"Ours is not compiled: {lacking}."
    native.add(app, target, build.CACHE)
    made = f"Ours is compiled, as the package for this machine ({target.runtime}) is"
    elsewhere = native.missing(build.aws_target())
    return f"{made}; a package for AWS made here is not: {elsewhere}." if elsewhere else f"{made}."


def _of_length(rows: Sequence[dict[str, Any]], least: int, most: int) -> list[str]:
    return [row["t"] for row in rows if least <= len(row["t"]) <= most][: max(MOST.values())]


def _against(
    app: Path, probe: Probe, rows: Sequence[dict[str, Any]], texts: dict[str, list[str]]
) -> tuple[list[Figure], list[str]]:
    """Milliseconds per text, times as fast, and accuracy on the same rows."""
    peers = ("snownlp", "fasttext") if PEERS.exists() else ()
    engines = ("ours", "explained", *peers)
    judged = [(row["t"], row["y"]) for row in rows[:: max(1, len(rows) // JUDGED)]][:JUDGED]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in engines}
    with tempfile.TemporaryDirectory() as folder:
        train = Path(folder, "train.txt")
        train.write_text("\n".join(_training(probe)), "utf-8")
        for turn in range(TURNS):
            for name in engines:
                job = {
                    "engine": name,
                    "pack": PACK_OF[TEXTS_FROM],
                    "train": str(train),
                    "rounds": 1 if name == "snownlp" else 3,
                    "texts": {length: some[: MOST[name]] for length, some in texts.items()},
                    "rows": judged if turn == 0 else [],
                }
                found[name].append(_timed(app, job, str(PEERS) if name in peers else sys.executable))
    figures = [
        _measured("short", "ours: a review of 22 characters, ms", _times(found["ours"], "short"), 0.15),
        _measured("explained", "ours: the same with its n-grams of evidence, ms", _times(found["explained"], "short")),
        _measured("long", "ours: a review of 200 characters, ms", _times(found["ours"], "long"), 1.0),
        _measured("rss", "ours: memory above bare Python, MB", _memory(app, found["ours"]), 40.0),
    ]
    for name in peers:
        theirs, mine = _times(found[name], "short"), _times(found["ours"], "short")
        faster = _spread([one / other for one, other in zip(theirs, mine, strict=True)], min(theirs) / min(mine))
        bound = LEAST_FASTER.get(name)
        figures += [
            _measured(f"{name} short", f"{name}: the same 22 characters, ms", theirs),
            Figure(f"than {name}", f"times as fast as {name}", faster, bound, bound),
        ]
    accuracy = ", ".join(f"{name} {found[name][0]['right'] / len(judged):.3f}" for name in ("ours", *peers))
    notes = [
        f"The least of {TURNS} turns: whatever else the machine does only adds.",
        "Ours reads polarity and topics; the peers polarity alone.",
        f"Polarity accuracy on the same {len(judged)} rows of {TEXTS_FROM} and waimai: {accuracy}.",
    ]
    return figures, notes if PEERS.exists() else [*notes, "Without peers: .venv-peers is not there."]


def _training(probe: Probe) -> list[str]:
    """fastText's own lines, one character a word, from rows of another split than the measured one."""
    other = Probe(probe.data, "train", None)
    rows = [*other.rows(TEXTS_FROM), *other.rows("waimai")]
    some = rows[:: max(1, len(rows) // TRAINED_ON)]
    return [f"__label__{'good' if row['y'] == 1 else 'bad'} {' '.join(row['t'])}" for row in some]


def _timed(app: Path, job: dict[str, Any], python: str = sys.executable) -> dict[str, Any]:
    done = subprocess.run(
        [python, str(STOPWATCH)],
        input=json.dumps(job),
        env={**os.environ, "PYTHONPATH": _path(app)},
        cwd=app,
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _path(app: Path) -> str:
    """Where Python looks: for ``chalicelib`` in the app, for ``infra`` here."""
    return os.pathsep.join((str(app), str(ROOT)))


def _times(runs: Sequence[dict[str, Any]], length: str) -> list[float]:
    return [run["times"][length] * 1000 for run in runs]


def _memory(app: Path, runs: Sequence[dict[str, Any]]) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        bare = _spent(app, "pass", folder)[1]
    return [(run["rss"] - bare) / 2**20 for run in runs]


def _start(app: Path) -> list[Figure]:
    """Import, load and compile in a fresh process, less what a bare Python takes; by turns."""
    extra = []
    with tempfile.TemporaryDirectory() as folder:
        _spent(app, _LOAD, folder)  # byte code is there from now on, as it is in a deployed package
        for _ in range(STARTS):
            bare, loaded = _spent(app, "pass", folder)[0], _spent(app, _LOAD, folder)[0]
            extra.append((loaded - bare) * 1000)
    return [_measured("start", "ours: import and load above bare Python, ms", extra, 40.0)]


def _spent(app: Path, code: str, folder: str) -> tuple[float, int]:
    """(CPU seconds, most bytes of memory) of a fresh Python that runs ``code``, its byte code kept in ``folder``."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code + _REPORT],
        env={**kept, "PYTHONPYCACHEPREFIX": folder, "PYTHONPATH": _path(app)},
        cwd=app,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), int(memory)


def _growth(app: Path) -> list[Figure]:
    """How time per character rises from the smaller to the larger size, the worst of many kinds of text."""
    small, large = SIZES
    texts = {f"{name} {size}": [(piece * size)[:size]] for name, piece in HOSTILE.items() for size in SIZES}
    job = {"engine": "ours", "pack": PACK_OF[TEXTS_FROM], "rounds": 5, "texts": texts, "rows": []}
    times = _timed(app, job)["times"]
    rises = {name: times[f"{name} {large}"] / times[f"{name} {small}"] * small / large for name in HOSTILE}
    slowest = max(HOSTILE, key=lambda name: float(times[f"{name} {large}"]))
    worst = max(rises, key=lambda name: rises[name])
    return [
        _measured("growth", f"{large:,} to {small:,} characters, per one ({worst})", [rises[worst]], STRETCH),
        _measured("slowest", f"the slowest {large:,} characters, ms ({slowest})", [times[f"{slowest} {large}"] * 1000]),
    ]


def _measured(name: str, title: str, values: Sequence[float], bound: float | None = None) -> Figure:
    """The least, and how far the others lie: whatever else the machine does only adds."""
    return Figure(name, title, _spread(values, min(values)), bound, bound, falls=True)


def _spread(values: Sequence[float], value: float) -> Interval:
    return Interval(value, min(values), max(values), len(values))
