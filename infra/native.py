"""The reader's hot modules as machine code: mypyc turns their typed sources into C, zig's clang turns that into
libraries for the target.

There is one source. Tests, training and a package made without a compiler run the .py files; compiled modules exist in
packages alone, where Python prefers them to the sources beside them. In this repository they would outlive an edit.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Final

from infra import dependencies
from infra.dependencies import Target

PACKAGE: Final = "chalicelib"
MODULES: Final = (
    "domain/text/folding",
    "understanding/clauses",
    "understanding/confidence",
    "understanding/evidence",
    "understanding/grams",
    "understanding/lanes",
    "understanding/line",
    "understanding/matcher",
    "understanding/mood",
    "understanding/negators",
    "understanding/once",
    "understanding/polarity",
    "understanding/reader",
    "understanding/redlines",
    "understanding/rows",
    "understanding/scripts",
    "understanding/sentiment",
    "understanding/stance",
    "understanding/terms",
    "understanding/topics",
    "understanding/turns",
    "understanding/weights",
    "understanding/words",
)
GROUP: Final = "echoloop_reader"  # the library that holds the code of all; the modules' own only point into it
_TOOLS: Final = ("mypy", "librt", "setuptools", "ziglang")
_PROCESSOR: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
_GLIBC: Final = "2.17"  # as old as the oldest wheels that ship ask for
# Nothing of pyproject.toml or of the environment decides what is made, only the tree: wheels that it imports, the
# automaton's, have no types here.
_OPTIONS: Final = ("--config-file=", "--cache-dir=/dev/null", "--no-site-packages", "--ignore-missing-imports")
_TO_C: Final = """
import sys
from mypyc.build import mypycify
mypycify(sys.argv[3:], group_name=sys.argv[1], target_dir=sys.argv[2])
"""
# No multiplication is joined with an addition, which arm64 would round once instead of twice. No warnings: a machine
# wrote the C.
_CODE: Final = ("-O2", "-DNDEBUG", "-fwrapv", "-ffp-contract=off", "-fno-sanitize=all", "-w")
_LED_ASTRAY_BY: Final = ("MYPYPATH", "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH")  # what is made would depend on them
_LIBRARY: Final = ("-shared", "-fPIC", "-fvisibility=hidden", "-s")


def missing(target: Target) -> str:
    """What there is not here to compile for ``target``; empty where it can be done."""
    if not target.is_this_python:
        return f"no {target.runtime} here"
    if absent := [tool for tool in _TOOLS if not _version(tool)]:
        return f"no {absent[0]} here"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "no headers of Python here"
    plain = sys.implementation.name == "cpython" and not sys.abiflags  # as on Lambda: not free-threaded, for one
    is_loaded = bool(target.platforms) or sysconfig.get_config_var("EXT_SUFFIX") == _suffix(target)
    return "" if plain and is_loaded else "no CPython of the usual kind here"


def _version(tool: str) -> str:
    """Of what is installed; empty where it is not."""
    try:
        return metadata.version(tool)
    except metadata.PackageNotFoundError:
        return ""


def add(tree: Path, target: Target, cache: Path) -> None:
    """Put the compiled ``MODULES`` beside their sources in ``tree``, and their library at its top. Nothing may be
    ``missing``. Raises CalledProcessError when mypyc or the compiler fails."""
    with zipfile.ZipFile(_compiled(tree, target, cache)) as archive:
        archive.extractall(tree)


def _compiled(tree: Path, target: Target, cache: Path) -> Path:
    """A zip with the compiled modules, made on first use. Of builds side by side one makes it, and the others wait."""
    cache = cache.resolve()
    archive = cache / f"native-{target.architecture}-{_digest(tree, target)[:16]}.zip"
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "native.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=cache) as work:
                _make(tree, target, Path(work), cache / "zig").replace(archive)
    return archive


def _digest(tree: Path, target: Target) -> str:
    """Of all that decides what is made."""
    made_by = (*((tool, _version(tool)) for tool in _TOOLS), sys.version, sys.platform)
    key = hashlib.sha256(repr((made_by, _suffix(target))).encode() + Path(__file__).read_bytes())
    for file in sorted(_sources(tree)):
        key.update(f"\0{file.relative_to(tree).as_posix()}\0".encode() + file.read_bytes())
    return key.hexdigest()


def _sources(tree: Path) -> set[Path]:
    """The modules and whatever of the tree they import, for its types and constants are compiled in."""
    found: set[Path] = set()
    waiting = [tree / file for file in _files()]
    while waiting:
        file = waiting.pop()
        if file not in found and file.is_file():
            found.add(file)
            waiting += [tree / other for node in ast.walk(ast.parse(file.read_bytes())) for other in _imported(node)]
    return found


def _imported(node: ast.AST) -> Iterator[str]:
    """Files that a statement may import, packages on the way there included; some of them do not exist."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{name}" for name in names]
    for parts in (name.split(".") for name in names):
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            yield from (f"{path}.py", f"{path}/__init__.py")


def _files() -> list[str]:
    return [f"{PACKAGE}/{module}.py" for module in MODULES]


def _make(tree: Path, target: Target, work: Path, kept: Path) -> Path:
    """The zip, made in the folder ``work``; ``kept``: where zig keeps what it makes once for a target, a C library."""
    sources, libraries = work / "c", work / "made"
    _run([sys.executable, "-c", _TO_C, GROUP, str(sources), *_OPTIONS, *_files()], cwd=tree)
    jobs = {sources / f"__native_{GROUP}.c": libraries / f"{GROUP}__mypyc{_suffix(target)}"}
    for module in MODULES:
        library = libraries / PACKAGE / f"{module}{_suffix(target)}"
        library.parent.mkdir(parents=True, exist_ok=True)
        jobs[sources / PACKAGE / f"{module}.c"] = library
    flags = [*_CODE, *_LIBRARY, *_for(target), *(f"-I{folder}" for folder in _headers(work, target))]
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(kept), "ZIG_LOCAL_CACHE_DIR": str(work / "zig")}

    def compile_one(job: tuple[Path, Path]) -> None:
        _run([sys.executable, "-m", "ziglang", "cc", *flags, str(job[0]), "-o", str(job[1])], cwd=work, **caches)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, jobs.items()))
    finished = work / "finished.zip"
    with zipfile.ZipFile(finished, "w", zipfile.ZIP_DEFLATED) as package:
        dependencies.add_tree(package, libraries)
    return finished


def _run(command: list[str], *, cwd: Path, **environment: str) -> None:
    """Quietly, unless it fails."""
    plain = {name: value for name, value in os.environ.items() if name not in _LED_ASTRAY_BY}
    done = subprocess.run(command, cwd=cwd, env={**plain, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()


def _is_for_a_mac(target: Target) -> bool:
    return not target.platforms and sys.platform == "darwin"


def _suffix(target: Target) -> str:
    """What the target's Python calls its extension modules."""
    version = target.python.replace(".", "")
    if _is_for_a_mac(target):
        return f".cpython-{version}-darwin.so"
    return f".cpython-{version}-{_PROCESSOR[target.architecture]}-linux-gnu.so"


def _for(target: Target) -> tuple[str, ...]:
    """What the compiler has to know of the target; a Mac is its own, where symbols of Python are found at run time."""
    if _is_for_a_mac(target):
        return ("-Wl,-undefined,dynamic_lookup",)
    return ("-target", f"{_PROCESSOR[target.architecture]}-linux-gnu.{_GLIBC}")


def _headers(work: Path, target: Target) -> list[Path]:
    """Folders of headers. They are this interpreter's: between processors those of one Python do not differ in what
    compiled modules see. Debian has them in folders by processor, where zig does not look."""
    include = Path(sysconfig.get_path("include"))
    of_this = include.parent / str(sysconfig.get_config_var("MULTIARCH")) / include.name / "pyconfig.h"
    if of_this.is_file():
        place = work / f"{_PROCESSOR[target.architecture]}-linux-gnu" / include.name
        place.mkdir(parents=True)
        shutil.copy(of_this, place)
    runtime = Path(str(metadata.distribution("mypy").locate_file("mypyc/lib-rt")))
    return [runtime, work / "c", work, include]
