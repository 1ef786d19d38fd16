"""The third-party half of the deployment package: pinned wheels, unpacked, pruned, zipped once and kept.

Wheels are downloaded for the target and not for this machine, so an x86 laptop packages for arm64 functions.
"""

from __future__ import annotations

import compileall
import hashlib
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra import botocore_data

EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the same input gives the same bytes
LAMBDA_ROOT: Final = "/var/task"
THIS_PYTHON: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Chalice brings its two runtime modules itself; the rest of its wheel is the command line.
_FROM_CHALICE: Final = "chalice"
_LEFT_OUT: Final = ("tests", "__pycache__")
# Whole packages inside a wheel that nothing of ours imports, a megabyte in all. tests/infra imports every module
# of the functions from the zip alone.
_UNUSED: Final = ("aws_lambda_powertools/event_handler/", "pydantic/v1/")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a package will run."""

    name: str  # aws | local
    runtime: str  # python3.13
    architecture: str  # arm64 | x86_64
    platforms: tuple[str, ...]  # wheel tags for pip; empty: this machine's own
    byte_code: bool  # possible only when this interpreter is the runtime's

    @property
    def python(self) -> str:
        """3.13 of python3.13."""
        return self.runtime.removeprefix("python")

    @property
    def is_this_python(self) -> bool:
        """Whether this interpreter is the runtime's: what it makes of sources runs there."""
        return self.runtime == THIS_PYTHON


def packed(requirements: Path, target: Target, cache: Path) -> Path:
    """A zip with the pruned dependencies, built on first use. Raises CalledProcessError when pip fails."""
    sources = (requirements, Path(botocore_data.__file__), Path(__file__))
    material = repr(target).encode() + b"".join(source.read_bytes() for source in sources)
    archive = cache / f"dependencies-{target.name}-{hashlib.sha256(material).hexdigest()[:16]}.zip"
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        wheels, site = Path(temporary, "wheels"), Path(temporary, "site")
        _download(requirements, target, wheels)
        for wheel in sorted(wheels.glob("*.whl")):
            _unpack(wheel, site)
        botocore_data.prune(site / "botocore" / "data")
        if target.byte_code:
            compile_tree(site)
        finished = Path(temporary, "finished.zip")
        with zipfile.ZipFile(finished, "w", zipfile.ZIP_DEFLATED) as package:
            add_tree(package, site)
        finished.replace(archive)  # whole or not at all: two builds may run side by side
    return archive


def _download(requirements: Path, target: Target, into: Path) -> None:
    names = [line.split("#")[0].strip() for line in requirements.read_text().splitlines()]
    pinned = [name for name in names if name and not name.startswith(f"{_FROM_CHALICE}==")]
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(into)]
    if target.platforms:
        command += ["--python-version", target.python, "--implementation", "cp"]
        command += [option for platform in target.platforms for option in ("--platform", platform)]
    subprocess.run([*command, *pinned], check=True)


def _unpack(wheel: Path, site: Path) -> None:
    """Install a wheel without its metadata: pydantic scans it at every cold start."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            parts = Path(entry.filename).parts
            if parts[0].endswith(".data"):
                parts = parts[2:] if parts[1] in ("purelib", "platlib") else ()
            if entry.is_dir() or not parts or parts[0].endswith(".dist-info") or set(parts) & set(_LEFT_OUT):
                continue
            if "/".join(parts).startswith(_UNUSED):
                continue
            file = site.joinpath(*parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, file.open("wb") as sink:
                shutil.copyfileobj(source, sink)


def compile_tree(folder: Path) -> None:
    """Byte code that Python never compares with its source: Lambda's disk is read-only and its clock irrelevant."""
    compileall.compile_dir(
        str(folder),
        quiet=1,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        stripdir=str(folder),
        prependdir=LAMBDA_ROOT,
    )


def add_tree(package: zipfile.ZipFile, folder: Path) -> None:
    """Add every file of a folder, sorted and dated alike."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            package.writestr(entry, file.read_bytes())
