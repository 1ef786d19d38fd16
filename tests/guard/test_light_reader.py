"""A cold start pays for what it uses: what a reader's modules pull in."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEAR = ("dataclasses", "inspect", "pathlib", "datetime", "yaml", "pydantic", "botocore")  # each milliseconds to import
START = """
import json, sys
before = set(sys.modules)
from chalicelib.understanding import shipped, weights
from chalicelib.understanding.reader import Reader
Reader(shipped.load("ecommerce"), weights.load())
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_a_reader_starts_without_what_only_others_need() -> None:
    done = subprocess.run([sys.executable, "-c", START], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert [name for name in DEAR if name in loaded] == []
    ours = {name.split(".")[1] for name in loaded if name.startswith("chalicelib.")}
    assert ours == {"domain", "understanding"}
    assert [name for name in loaded if name.startswith("chalicelib.domain.")] == [
        "chalicelib.domain.text",
        "chalicelib.domain.text.folding",
        "chalicelib.domain.text.traditional",
        "chalicelib.domain.voice",
        "chalicelib.domain.voice.understanding",
    ]
