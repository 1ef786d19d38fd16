"""Code → one CloudFormation template and one zip: validate → package → merge → lint → check → size report.

``python -m infra.build --engine aws --out DIR`` writes DIR/template.json and DIR/code.zip. The template is the same
for both engines but for the functions' Runtime and Architectures, which follow from where the code was packaged for.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from infra import checks, dependencies, native
from infra.checks import checkov
from infra.dependencies import Target

ROOT: Final = Path(__file__).resolve().parent.parent
CACHE: Final = ROOT / ".local" / "build"
CODE: Final = "./code.zip"
DEPLOY_RUNTIME: Final = "python3.13"
# pip takes the best of these; a wheel for a newer glibc than Lambda's 2.34 is not among them.
_ARM_WHEELS: Final = (*(f"manylinux_2_{minor}_aarch64" for minor in (34, 28, 24, 17)), "manylinux2014_aarch64")


@dataclass(frozen=True, slots=True)
class Package:
    """What a build leaves behind."""

    template: Path
    code: Path

    def document(self) -> dict[str, Any]:
        """The template as values."""
        return dict(json.loads(self.template.read_text()))


def aws_target() -> Target:
    """arm64 and python3.13, with byte code when this interpreter is a 3.13 too."""
    return Target("aws", DEPLOY_RUNTIME, "arm64", _ARM_WHEELS, byte_code=dependencies.THIS_PYTHON == DEPLOY_RUNTIME)


def local_target(*, byte_code: bool = False) -> Target:
    """This machine. No byte code unless asked for: on the local engine workers share what the first one compiles."""
    architecture = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    return Target("local", dependencies.THIS_PYTHON, architecture, (), byte_code)


def build(target: Target, out: Path, *, root: Path = ROOT) -> Package:
    """Package for ``target`` into the folder ``out``. Raises CalledProcessError when Chalice or pip fails."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        project, packaged = Path(temporary, "project"), Path(temporary, "packaged")
        stage_sources(root, project)
        _run_chalice(project, packaged, root)
        document = yaml.safe_load((packaged / "sam.yaml").read_text())
        code = _assemble(target, packaged / "deployment.zip", Path(temporary), root)
        shutil.move(code, out / "code.zip")
    template = out / "template.json"
    template.write_text(json.dumps(finish(document, target), indent=1, sort_keys=True))
    return Package(template, out / "code.zip")


def stage_sources(root: Path, project: Path) -> None:
    """A clean copy of what Chalice reads. Its requirements are empty: we bring the dependencies ourselves, because
    Chalice hashes ``__pycache__`` into its cache key and takes wheels for a foreign CPU as compatible.
    """
    shutil.copytree(root / "chalicelib", project / "chalicelib", ignore=_stays_at_home)
    shutil.copytree(root / "infra" / "policies", project / "infra" / "policies")
    (project / ".chalice").mkdir()
    shutil.copy(root / ".chalice" / "config.json", project / ".chalice")
    shutil.copy(root / "app.py", project)
    (project / "requirements.txt").touch()


def _stays_at_home(folder: str, names: list[str]) -> set[str]:
    """Caches, and the YAML of packs: they ship compiled. Guides ship as they are, read when somebody asks."""
    caches = {name for name in names if name == "__pycache__" or name.endswith(".pyc")}
    of_packs = "packs" in Path(folder).parts[-2:]
    return caches | {name for name in names if of_packs and name.endswith(".yaml")}


def _run_chalice(project: Path, out: Path, root: Path) -> None:
    """In its own process, with an environment that has no AWS in it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ECHOLOOP_"))}
    environment = {**clean, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(root)}
    merge = root / "infra" / "resources.yaml"
    command = [sys.executable, "-m", "infra.chalice_package", str(project), str(out), str(merge)]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)


def _assemble(target: Target, app: Path, work: Path, root: Path) -> Path:
    """The dependencies' zip with the app's files added, the reader's compiled."""
    files, code = work / "app", work / "code.zip"
    with zipfile.ZipFile(app) as archive:
        archive.extractall(files)
    if not native.missing(target):
        native.add(files, target, CACHE)
    if target.byte_code:
        dependencies.compile_tree(files)
    shutil.copy(dependencies.packed(root / "requirements.txt", target, CACHE), code)
    with zipfile.ZipFile(code, "a", zipfile.ZIP_DEFLATED) as package:
        dependencies.add_tree(package, files)
    return code


def finish(document: dict[str, Any], target: Target) -> dict[str, Any]:
    """Set what follows from the target on every function; Chalice knows only its own interpreter."""
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = {"Runtime": target.runtime, "Architectures": [target.architecture], "CodeUri": CODE}
            resource["Properties"].update(properties)
    return document


def lint(template: Path) -> int:
    """cfn-lint with nothing ignored; its exit status."""
    command = Path(sys.executable).with_name("cfn-lint")
    return subprocess.run([command, "--", template], check=False).returncode


def report(package: Package) -> str:
    """Sizes of the zip, by top-level name, biggest first."""
    sizes: dict[str, int] = {}
    with zipfile.ZipFile(package.code) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        for entry in archive.infolist():
            top = entry.filename.split("/")[0]
            sizes[top] = sizes.get(top, 0) + entry.compress_size
    lines = [f"{package.code.name}: {package.code.stat().st_size / 1e6:.2f} MB, {unpacked / 1e6:.1f} MB unpacked"]
    lines += [f"  {size / 1e6:6.2f} MB  {name}" for name, size in sorted(sizes.items(), key=lambda pair: -pair[1])[:12]]
    return "\n".join(lines)


def gate(package: Package, *, for_aws: bool, with_checkov: bool) -> list[str]:
    """What keeps a package from being deployed; empty when nothing does."""
    findings = list(map(str, checks.run(package.document(), package.code if for_aws else None)))
    if for_aws and lint(package.template):
        findings.append("cfn-lint is not content, see above")
    if with_checkov:
        findings += checkov.run(package.template)
    return findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("aws", "local"), default="aws")
    parser.add_argument("--out", type=Path, default=CACHE)
    parser.add_argument("--byte-code", action="store_true", help="local engine only: ship byte code too")
    parser.add_argument("--checkov", action="store_true", help="run checkov as well")
    options = parser.parse_args()
    target = aws_target() if options.engine == "aws" else local_target(byte_code=options.byte_code)
    package = build(target, options.out / options.engine)
    if target.name == "aws" and not target.byte_code:
        print(f"no {DEPLOY_RUNTIME} here: wheels for it were downloaded, Runtime is set, no byte code is shipped")
    if lacking := native.missing(target):
        print(f"{lacking}: the reader is not compiled, its sources ship alone")
    print(report(package))
    findings = gate(package, for_aws=target.name == "aws", with_checkov=options.checkov)
    checked = ", ".join(
        ["cfn-lint"] * (target.name == "aws") + [f"{len(checks.RULES)} own rules"] + ["checkov"] * options.checkov
    )
    print("\n".join(findings) or f"{checked}: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
