"""What is promised of the compiled reader: it says what the sources say, and is made for its target where it can be."""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import build, native
from infra.build import Package
from infra.dependencies import THIS_PYTHON, Target
from infra.model import hard_cases, peers, voices
from tests import corpus

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
READINGS = Path(__file__).with_name("readings.py")
LENGTH = 600  # characters of the texts that are long
RANDOM = 300  # texts
# Whatever the reader treats in a way of its own is among them.
PLANES = ((0x00, 0x7F), (0x80, 0x2FF), (0x2000, 0x206F), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xD800, 0xDFFF),
          (0xFF00, 0xFFEF), (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF))  # fmt: skip
WORDS = [*"不没但是好差很太了吗,。!\n", "物流", "客服", "not ", "but ", "good"]
ARM = Target("aws", THIS_PYTHON, "arm64", ("manylinux2014_aarch64",), byte_code=False)
AARCH64 = 183  # e_machine of an ELF file

here = pytest.mark.skipif(bool(native.missing(build.local_target())), reason=native.missing(build.local_target()))


def texts() -> list[str]:
    """What a reader may be given: nice, hostile, long and senseless."""
    found = [case.text for case in hard_cases.cases()]
    found += [voice.text for voice in voices.voices()]
    for name in ("red_lines", "suspects"):
        found += strings(yaml.safe_load((FIXTURES / f"{name}.yaml").read_text("utf-8")))
    found += [text[:LENGTH] for line in corpus.load("ingest") for text in sent(corpus.body(line))]
    found += [(piece * LENGTH)[:LENGTH] for piece in peers.HOSTILE.values()]
    return [*dict.fromkeys((*found, *senseless()))]


def sent(body: bytes) -> Iterator[str]:
    """The texts in a body, or all of it where it is no JSON."""
    try:
        yield from strings(json.loads(body))
    except (ValueError, RecursionError):
        yield body.decode("utf-8", "replace")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


def senseless() -> Iterator[str]:
    chance = random.Random(44)
    for _ in range(RANDOM):
        planes = chance.choices(PLANES, k=3)
        drawn = [chr(chance.randint(*chance.choice(planes))) for _ in range(chance.randrange(40))]
        drawn += chance.choices(WORDS, k=chance.randrange(20))
        yield "".join(chance.sample(drawn, len(drawn)))


def own_sentences() -> dict[str, list[str]]:
    """Pack → the sentences that it is to be tried on."""
    files = sorted((ROOT / "chalicelib" / "packs").glob("*.yaml"))
    return {file.stem: [*tried(yaml.safe_load(file.read_text("utf-8")))] for file in files}


def tried(value: Any) -> Iterator[str]:
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from tried(one)
    if isinstance(value, dict):
        yield from strings(value.get("tests", ""))


def read_with(tree: Path, job: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(READINGS)],
        input=json.dumps(job),
        env={**os.environ, "PYTHONPATH": str(tree)},
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@here
def test_the_compiled_reader_says_what_the_sources_say(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    build.stage_sources(ROOT, tree)
    native.add(tree, build.local_target(), build.CACHE)
    job = {"texts": texts(), "own": own_sentences()}
    with ThreadPoolExecutor(2) as pool:
        compiled, plain = pool.map(lambda place: read_with(place, job), (tree, ROOT))

    of_modules = {f"{native.PACKAGE}/{name}".replace("/", ".") for name in native.MODULES}
    assert {name for name, file in compiled["loaded"].items() if file.endswith(".so")} == of_modules
    assert {name for name, file in plain["loaded"].items() if not file.endswith(".py")} == set()
    assert len(plain["readings"]) == 7
    for pack, readings in plain["readings"].items():
        assert len(readings) > len(job["texts"]) // 3
        differing = [pair for pair in zip(readings, compiled["readings"][pack], strict=True) if pair[0] != pair[1]]
        assert differing[:3] == [], pack


@here
def test_speed_is_measured_on_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = tmp_path / "app"
    told = f"Ours is compiled, as the package for this machine ({THIS_PYTHON}) is"
    assert peers._packaged(app).startswith(told)
    code = "import json; from chalicelib.understanding import reader; print(json.dumps({'times': reader.__file__}))"
    monkeypatch.setattr(peers, "STOPWATCH", tmp_path / "stopwatch.py")
    peers.STOPWATCH.write_text(code)
    file = Path(peers._timed(app, {})["times"])
    assert (file.parent, file.suffix) == (app / native.PACKAGE / "understanding", ".so")

    monkeypatch.setattr(native, "missing", lambda _: "no headers of Python here")
    assert peers._packaged(tmp_path / "plain") == "Ours is not compiled: no headers of Python here."
    assert [*(tmp_path / "plain").rglob("*.so")] == []


@here
def test_the_package_for_this_machine_is_compiled(local_package: Package) -> None:
    with zipfile.ZipFile(local_package.code) as archive:
        names = archive.namelist()
    ours = [name for name in names if name.endswith(".so") and name.startswith((native.PACKAGE, native.GROUP))]
    assert len(ours) == len(native.MODULES) + 1
    assert all(name.endswith(str(sysconfig.get_config_var("EXT_SUFFIX"))) for name in ours)


def test_the_package_for_aws_is_compiled_where_its_python_is_here(package: Package) -> None:
    with zipfile.ZipFile(package.code) as archive:
        ours = [name for name in archive.namelist() if name.startswith(f"{native.GROUP}__mypyc")]
    library = f"{native.GROUP}__mypyc.cpython-313-aarch64-linux-gnu.so"
    assert ours == ([] if native.missing(build.aws_target()) else [library])


# ---------------------------------------------------------------- a tree of almost nothing, quickly compiled


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With what zig makes once for a target."""
    folder = tmp_path_factory.mktemp("cache")
    (build.CACHE / "zig").mkdir(parents=True, exist_ok=True)
    (folder / "zig").symlink_to(build.CACHE / "zig")
    return folder


def tree_of(place: Path, answer: int = 42) -> Path:
    folder = place / native.PACKAGE
    for name in native.MODULES:
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("from chalicelib import plain\nSAID: int = plain.ANSWER\n")
    for package in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
        (package / "__init__.py").touch()
    (folder / "plain.py").write_text(f"from typing import Final\nANSWER: Final = {answer}\n")
    (folder / "unseen.py").touch()
    return place


@here
def test_it_is_compiled_for_the_targets_processor(tmp_path: Path, cache: Path) -> None:
    tree = tree_of(tmp_path)
    native.add(tree, ARM, cache)
    suffix = f".cpython-{ARM.python.replace('.', '')}-aarch64-linux-gnu.so"
    names = {file.relative_to(tree).as_posix() for file in tree.rglob("*.so")}
    assert names == {
        f"{native.GROUP}__mypyc{suffix}",
        *(f"{native.PACKAGE}/{name}{suffix}" for name in native.MODULES),
    }
    for file in tree.rglob("*.so"):
        head = file.read_bytes()[:20]
        assert (head[:4], int.from_bytes(head[18:20], "little")) == (b"\x7fELF", AARCH64)


@here
def test_the_same_sources_are_compiled_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native.add(tree_of(tmp_path / "first"), ARM, cache)
    monkeypatch.setattr(native, "_make", lambda *_: pytest.fail("it lies in the cache"))
    second = tree_of(tmp_path / "second")
    (second / native.PACKAGE / "unseen.py").write_text("raise ValueError\n")
    native.add(second, ARM, cache)
    assert len([*second.rglob("*.so")]) == len(native.MODULES) + 1


def test_another_source_target_or_compiler_is_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tree_of(tmp_path / "a")
    intel = Target("local", THIS_PYTHON, "x86_64", (), byte_code=False)
    keys = {native._digest(tree, ARM), native._digest(tree, intel), native._digest(tree_of(tmp_path / "b", 43), ARM)}
    monkeypatch.setattr(native.metadata, "version", lambda _: "newer")
    assert len({*keys, native._digest(tree, ARM)}) == 4


# ---------------------------------------------------------------- where it cannot be


def test_nothing_is_compiled_for_another_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = Target("aws", "python3.99", "arm64", ("any",), byte_code=False)
    assert native.missing(target) == "no python3.99 here"

    monkeypatch.setattr(build, "aws_target", lambda: target)
    monkeypatch.setattr(build, "build", lambda *_: Package(tmp_path, tmp_path))
    monkeypatch.setattr(build, "report", lambda _: "")
    monkeypatch.setattr(build, "gate", lambda *_, **__: [])
    monkeypatch.setattr(sys, "argv", ["build"])
    assert build.main() == 0
    assert "no python3.99 here: the reader is not compiled, its sources ship alone\n" in capsys.readouterr().out


def test_nothing_is_compiled_without_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.sysconfig, "get_path", lambda _: str(tmp_path))
    assert native.missing(build.local_target()) == "no headers of Python here"

    monkeypatch.setattr(build.dependencies, "packed", lambda *_: package_of(tmp_path / "dependencies.zip"))
    code = build._assemble(build.local_target(), package_of(tmp_path / "app.zip", "app.py"), tmp_path, ROOT)
    with zipfile.ZipFile(code) as archive:
        assert archive.namelist() == ["app.py"]


def package_of(file: Path, *names: str) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return file


def test_nothing_is_compiled_without_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    version = native.metadata.version

    def none_of_zig(tool: str) -> str:
        if tool == "ziglang":
            raise native.metadata.PackageNotFoundError(tool)
        return version(tool)

    monkeypatch.setattr(native.metadata, "version", none_of_zig)
    assert native.missing(build.local_target()) == "no ziglang here"


def test_nothing_is_compiled_for_a_kind_of_python_that_lambda_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.sys, "abiflags", "t")
    assert native.missing(build.local_target()) in ("no CPython of the usual kind here", "no headers of Python here")


@here
def test_the_environment_has_no_say_in_what_is_made(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    astray = tmp_path / "astray"
    astray.mkdir()
    (astray / "Python.h").write_text("#error another Python\n")
    for name in native._LED_ASTRAY_BY:
        monkeypatch.setenv(name, str(astray))
    tree = tree_of(tmp_path / "tree", answer=44)
    native.add(tree, ARM, cache)
    assert len([*tree.rglob("*.so")]) == len(native.MODULES) + 1


@here
def test_what_cannot_be_compiled_is_told(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tree_of(tmp_path)
    (tree / native.PACKAGE / "understanding" / "reader.py").write_text("ANSWER: int = 'no number'\n")
    with pytest.raises(subprocess.CalledProcessError):
        native.add(tree, ARM, cache)
    assert "Incompatible types" in capsys.readouterr().err


# ---------------------------------------------------------------- the sources


@pytest.mark.parametrize("name", native.MODULES)
def test_no_compiled_module_has_a_cached_property(name: str) -> None:
    """mypyc takes it for a plain property and works it out every time."""
    tree = ast.parse((ROOT / native.PACKAGE / f"{name}.py").read_bytes())
    names = {getattr(node, "id", getattr(node, "attr", getattr(node, "name", ""))) for node in ast.walk(tree)}
    assert "cached_property" not in names


def test_nothing_compiled_lies_beside_the_sources() -> None:
    """It would win over a source that was edited since."""
    assert [*(ROOT / "chalicelib").rglob("*.so")] == []
