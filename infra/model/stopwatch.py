"""One engine timed in a process of its own, on one core: a job as JSON on standard input, CPU times as JSON out.

Runs under the project's Python for ours and under the peers' for theirs, so at the top it imports neither.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

Judge = Callable[[str], bool]  # whether a text is good


def ours(job: dict[str, Any], *, explains: bool = False) -> Judge:
    """Polarity, topics and all that a reading has but the n-grams that its tags rest on."""
    from chalicelib.domain.voice.understanding import Text
    from chalicelib.understanding import shipped, weights
    from chalicelib.understanding.reader import Reader

    read = Reader(shipped.load(job["pack"]), weights.load()).read
    return lambda text: (read([Text(text)], explains=explains).polarity or 0.0) >= 0.5


def explained(job: dict[str, Any]) -> Judge:
    """All that a reading has."""
    return ours(job, explains=True)


def snownlp(_: dict[str, Any]) -> Judge:
    """Polarity alone."""
    from snownlp import SnowNLP

    return lambda text: float(SnowNLP(text).sentiments) >= 0.5


def fasttext(job: dict[str, Any]) -> Judge:
    """Polarity alone: characters as words and their 3-grams, trained here on ``job["train"]``."""
    import fasttext as library

    library.FastText.eprint = lambda *_: None  # it warns on every load of a model
    options = {"lr": 0.2, "dim": 50, "epoch": 10, "wordNgrams": 3, "minn": 0, "maxn": 0, "bucket": 200_000}
    model = library.train_supervised(job["train"], thread=1, verbose=0, seed=42, **options)
    return lambda text: bool(model.predict(" ".join(text))[0][0] == "__label__good")


ENGINES = {"ours": ours, "explained": explained, "snownlp": snownlp, "fasttext": fasttext}


def seconds(judge: Judge, texts: Sequence[str], rounds: int) -> float:
    """CPU seconds per text, the quickest of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for text in texts:
            judge(text)
        best = min(best, time.process_time() - began)
    return best / len(texts)


def most_memory() -> int:
    """Bytes that this process held at most. What getrusage says begins with what the parent held when it forked."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """``times``: seconds per text for each of ``job["texts"]``; ``right``: how many of ``job["rows"]``; ``rss``: the
    most memory that was ever held, in bytes."""
    job = json.load(sys.stdin)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    judge = ENGINES[job["engine"]](job)
    judge("很好")
    times = {name: seconds(judge, texts, job["rounds"]) for name, texts in job["texts"].items()}
    right = sum(judge(text) == bool(good) for text, good in job["rows"])
    json.dump({"times": times, "right": right, "rss": most_memory()}, sys.stdout)


if __name__ == "__main__":
    main()
